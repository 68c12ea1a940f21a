/*-------------------------------------------------------------------------
 *
 * op_project.c
 *	  Map: linear; the projection of each row of the delta.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "executor/executor.h"

#include "circuit/op.h"

typedef struct ProjectOp
{
	DbspOp		op;
	List	   *exprs;
	TupleTableSlot *slot;
} ProjectOp;

typedef struct ProjectProber
{
	List	   *exprs;
	TupleTableSlot *slot;
	ExprContext *econtext;
	DbspEmit	emit;
	void	   *arg;
} ProjectProber;

static DbspOp *
project_init(DbspCircuit *circuit, DbspPlan *plan)
{
	ProjectOp  *project = palloc0(sizeof(ProjectOp));

	project->exprs = dbsp_expr_list_init(plan->exprs);
	project->slot = MakeSingleTupleTableSlot(plan->rowtype, &TTSOpsVirtual);
	return &project->op;
}

static void
fill_slot(TupleTableSlot *result, ExprContext *econtext, List *exprs, TupleTableSlot *slot)
{
	ExecClearTuple(result);
	dbsp_expr_list_eval(econtext, exprs, slot, result->tts_values, result->tts_isnull);
	ExecStoreVirtualTuple(result);
}

static void
project_push(DbspOp *op, int input, TupleTableSlot *slot, DbspWeight weight)
{
	ProjectOp  *project = (ProjectOp *) op;

	fill_slot(project->slot, op->circuit->econtext, project->exprs, slot);
	dbsp_op_emit(op, project->slot, weight);
}

static void
project_probe_init(DbspOp *op, DbspProber *prober)
{
	ProjectProber *state = palloc0(sizeof(ProjectProber));

	state->exprs = dbsp_expr_list_init(op->plan->exprs);
	state->slot = MakeSingleTupleTableSlot(op->plan->rowtype, &TTSOpsVirtual);
	state->econtext = CreateStandaloneExprContext();
	prober->state = state;
}

static void
project_probe_emit(void *arg, TupleTableSlot *slot, DbspWeight weight)
{
	ProjectProber *state = arg;

	ResetExprContext(state->econtext);
	fill_slot(state->slot, state->econtext, state->exprs, slot);
	state->emit(state->arg, state->slot, weight);
}

static void
project_probe(DbspProber *prober, const Datum *values, const bool *isnull, DbspEmit emit, void *arg)
{
	ProjectProber *state = prober->state;

	state->emit = emit;
	state->arg = arg;
	dbsp_prober_run(linitial(prober->inputs), values, isnull, project_probe_emit, state);
}

const DbspOpClass dbsp_op_project = {
	.name = "project",
	.kind = DBSP_PLAN_PROJECT,
	.init = project_init,
	.push = project_push,
	.probe_init = project_probe_init,
	.probe = project_probe,
};
