/*-------------------------------------------------------------------------
 *
 * op_union.c
 *	  UNION ALL: linear; the sum of the inputs' deltas.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "circuit/op.h"

static DbspOp *
union_init(DbspCircuit *circuit, DbspPlan *plan)
{
	return palloc0(sizeof(DbspOp));
}

static void
union_push(DbspOp *op, int input, TupleTableSlot *slot, DbspWeight weight)
{
	dbsp_op_emit(op, slot, weight);
}

static void
union_probe_init(DbspOp *op, DbspProber *prober)
{
}

static void
union_probe(DbspProber *prober, const Datum *values, const bool *isnull, DbspEmit emit, void *arg)
{
	ListCell   *lc;

	foreach(lc, prober->inputs)
		dbsp_prober_run(lfirst(lc), values, isnull, emit, arg);
}

const DbspOpClass dbsp_op_union = {
	.name = "union all",
	.kind = DBSP_PLAN_UNION,
	.init = union_init,
	.push = union_push,
	.probe_init = union_probe_init,
	.probe = union_probe,
};
