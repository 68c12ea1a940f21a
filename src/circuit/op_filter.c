/*-------------------------------------------------------------------------
 *
 * op_filter.c
 *	  Filter: linear; the rows of the delta that pass (DBSP, section 4.2).
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "executor/executor.h"

#include "circuit/op.h"

typedef struct FilterOp
{
	DbspOp		op;
	ExprState  *qual;
} FilterOp;

typedef struct FilterProber
{
	ExprState  *qual;
	ExprContext *econtext;
	DbspEmit	emit;
	void	   *arg;
} FilterProber;

static DbspOp *
filter_init(DbspCircuit *circuit, DbspPlan *plan)
{
	FilterOp   *filter = palloc0(sizeof(FilterOp));

	filter->qual = ExecInitQual(plan->quals, NULL);
	return &filter->op;
}

static void
filter_push(DbspOp *op, int input, TupleTableSlot *slot, DbspWeight weight)
{
	FilterOp   *filter = (FilterOp *) op;

	if (dbsp_qual_eval(op->circuit->econtext, filter->qual, slot))
		dbsp_op_emit(op, slot, weight);
}

static void
filter_probe_init(DbspOp *op, DbspProber *prober)
{
	FilterProber *state = palloc0(sizeof(FilterProber));

	state->qual = ExecInitQual(op->plan->quals, NULL);
	state->econtext = CreateStandaloneExprContext();
	prober->state = state;
}

static void
filter_probe_emit(void *arg, TupleTableSlot *slot, DbspWeight weight)
{
	FilterProber *state = arg;

	ResetExprContext(state->econtext);
	if (dbsp_qual_eval(state->econtext, state->qual, slot))
		state->emit(state->arg, slot, weight);
}

static void
filter_probe(DbspProber *prober, const Datum *values, const bool *isnull, DbspEmit emit, void *arg)
{
	FilterProber *state = prober->state;

	state->emit = emit;
	state->arg = arg;
	dbsp_prober_run(linitial(prober->inputs), values, isnull, filter_probe_emit, state);
}

const DbspOpClass dbsp_op_filter = {
	.name = "filter",
	.kind = DBSP_PLAN_FILTER,
	.init = filter_init,
	.push = filter_push,
	.probe_init = filter_probe_init,
	.probe = filter_probe,
};
