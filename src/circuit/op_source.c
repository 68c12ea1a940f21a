/*-------------------------------------------------------------------------
 *
 * op_source.c
 *	  Scan: the delta of a base table is what was captured of it.
 *
 * The engine pushes the captured rows (dbsp_circuit_push); a probe looks rows
 * of the table up by the best index for its keys.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "executor/executor.h"

#include "circuit/op.h"

typedef struct SourceProber
{
	DbspAccess *access;
	TupleTableSlot *slot;		/* the source's output row */
	int			maxattnum;
	List	   *attnums;
	DbspEmit	emit;			/* of the probe at hand */
	void	   *arg;
} SourceProber;

static DbspOp *
source_init(DbspCircuit *circuit, DbspPlan *plan)
{
	return palloc0(sizeof(DbspOp));
}

static void
source_probe_init(DbspOp *op, DbspProber *prober)
{
	SourceProber *state = palloc0(sizeof(SourceProber));
	DbspStore  *store = op->circuit->store;
	ListCell   *lc;

	state->access = store->storeclass->open_source_access(store, op->plan->relid, prober->probe->keys);
	state->slot = MakeSingleTupleTableSlot(op->plan->rowtype, &TTSOpsVirtual);
	state->attnums = op->plan->attnums;
	foreach(lc, op->plan->attnums)
		state->maxattnum = Max(state->maxattnum, lfirst_int(lc));
	prober->state = state;
}

/* A row of the table, in the table's layout. */
static void
source_probe_emit(void *arg, TupleTableSlot *slot, DbspWeight weight)
{
	SourceProber *state = arg;
	int			i = 0;
	ListCell   *lc;

	slot_getsomeattrs(slot, state->maxattnum);
	ExecClearTuple(state->slot);
	foreach(lc, state->attnums)
	{
		int			attnum = lfirst_int(lc);

		state->slot->tts_values[i] = slot->tts_values[attnum - 1];
		state->slot->tts_isnull[i] = slot->tts_isnull[attnum - 1];
		i++;
	}
	ExecStoreVirtualTuple(state->slot);
	state->emit(state->arg, state->slot, weight);
}

static void
source_probe(DbspProber *prober, const Datum *values, const bool *isnull, DbspEmit emit, void *arg)
{
	SourceProber *state = prober->state;
	DbspStore  *store = prober->op->circuit->store;

	state->emit = emit;
	state->arg = arg;
	store->storeclass->scan(store, state->access, values, isnull, source_probe_emit, state);
}

const DbspOpClass dbsp_op_source = {
	.name = "source",
	.kind = DBSP_PLAN_SOURCE,
	.init = source_init,
	.probe_init = source_probe_init,
	.probe = source_probe,
};
