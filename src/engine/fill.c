/*-------------------------------------------------------------------------
 *
 * fill.c
 *	  First contents of internal tables, by PostgreSQL's executor.
 *
 * Each table has a query (plan/plan_query.c) that gives its rows but for the
 * columns that only the operator can compute; the planner runs it as it runs
 * anything, in parallel where that pays.  The outputs of an aggregate are
 * computed from the states, by the code that the folds use: one source of
 * truth, to the last bit.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "circuit/op.h"
#include "engine/engine.h"
#include "engine/rebuild.h"
#include "plan/plan_query.h"
#include "store/heap_store.h"

typedef struct FillReceiver
{
	DestReceiver dest;
	const DbspStateDef *def;
	DbspBulk   *bulk;
	DbspOp	   *aggregate;		/* whose outputs are to be computed, or NULL */
	MemoryContext row_cxt;
	Datum	   *values;
	bool	   *isnull;
	int			ncolumns;
} FillReceiver;

static void
fill_startup(DestReceiver *self, int operation, TupleDesc desc)
{
	FillReceiver *fill = (FillReceiver *) self;

	if (desc->natts != fill->ncolumns - (fill->def->hash_column > 0 ? 1 : 0))
		elog(ERROR, "fill query has %d columns instead of %d", desc->natts, fill->ncolumns);
	/* Both would fail once parallel mode has begun. */
	(void) GetCurrentTransactionId();
	(void) GetCurrentCommandId(true);
}

static bool
fill_receive(TupleTableSlot *slot, DestReceiver *self)
{
	FillReceiver *fill = (FillReceiver *) self;
	MemoryContext old = MemoryContextSwitchTo(fill->row_cxt);
	int			natts = slot->tts_tupleDescriptor->natts;

	CHECK_FOR_INTERRUPTS();
	slot_getallattrs(slot);
	memcpy(fill->values, slot->tts_values, natts * sizeof(Datum));
	memcpy(fill->isnull, slot->tts_isnull, natts * sizeof(bool));
	if (fill->aggregate)
		dbsp_aggregate_finish_row(fill->aggregate, fill->values, fill->isnull);
	dbsp_heap_bulk_add(fill->bulk, fill->values, fill->isnull);
	MemoryContextSwitchTo(old);
	MemoryContextReset(fill->row_cxt);
	return true;
}

static void
fill_shutdown(DestReceiver *self)
{
}

static void
fill_destroy(DestReceiver *self)
{
}

static void
run_query(Query *query, DestReceiver *dest)
{
	PlannedStmt *plan;
	QueryDesc  *desc;

	PushActiveSnapshot(GetLatestSnapshot());
	plan = planner(query, NULL, CURSOR_OPT_PARALLEL_OK, NULL);
	desc = CreateQueryDesc(plan, "", GetActiveSnapshot(), InvalidSnapshot, dest, NULL, NULL, 0);
	ExecutorStart(desc, 0);
	ExecutorRun(desc, ForwardScanDirection, 0, true);
	ExecutorFinish(desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
	PopActiveSnapshot();
}

static void
fill_table(DbspStore *store, DbspCircuit *circuit, const DbspStateDef *def)
{
	FillReceiver fill = {
		.dest = {
			.receiveSlot = fill_receive,
			.rStartup = fill_startup,
			.rShutdown = fill_shutdown,
			.rDestroy = fill_destroy,
			.mydest = DestNone,
		},
		.def = def,
		.bulk = dbsp_heap_bulk_begin(dbsp_heap_store_table(store, def)),
		.ncolumns = def->desc->natts,
	};

	if (def->role != DBSP_STATE_VALUES && def->plan->kind == DBSP_PLAN_AGGREGATE)
		fill.aggregate = dbsp_circuit_op(circuit, def->plan);
	fill.row_cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp fill row", ALLOCSET_DEFAULT_SIZES);
	fill.values = palloc0(fill.ncolumns * sizeof(Datum));
	fill.isnull = palloc0(fill.ncolumns * sizeof(bool));
	run_query(dbsp_state_query(def, false), &fill.dest);
	dbsp_heap_bulk_end(fill.bulk);
	CommandCounterIncrement();
}

void
dbsp_engine_fill(List *defs, List *relations)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp fill", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	int			saved = dbsp_engine_set_busy(GetCurrentTransactionNestLevel());
	DbspStore  *store = dbsp_heap_store_create(0, defs, relations);
	DbspPlan   *root = ((DbspStateDef *) llast(defs))->plan;
	DbspCircuit *circuit;
	ListCell   *lc;
	ListCell   *r;

	foreach(lc, defs)
		if (((DbspStateDef *) lfirst(lc))->role == DBSP_STATE_SHADOW)
			root = ((DbspStateDef *) lfirst(lc))->plan;
	circuit = dbsp_circuit_build(root, store, cxt);
	forboth(lc, defs, r, relations)
	{
		DbspStateDef *def = lfirst(lc);

		fill_table(store, circuit, def);
		/* What reads this aggregate reads the very rows that folds will retract. */
		if (def->role == DBSP_STATE_GROUPS)
			def->plan->stored = lfirst_oid(r);
	}
	foreach(lc, defs)
		((DbspStateDef *) lfirst(lc))->plan->stored = InvalidOid;
	dbsp_heap_store_end(store);
	(void) dbsp_engine_set_busy(saved);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}
