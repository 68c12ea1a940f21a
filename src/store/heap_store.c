/*-------------------------------------------------------------------------
 *
 * heap_store.c
 *	  The store of a circuit over PostgreSQL's tables: steps and snapshots.
 *
 * A step takes its locks, then GetLatestSnapshot(): it sees whatever earlier
 * holders of the locks committed, since locks are released after a commit is
 * visible.  Relations stay open, and scans prepared, while a fold lasts; the
 * slots and scan keys live as long as the circuit.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "store/heap_store.h"
#include "store/heap_table.h"
#include "store/keylock.h"

static void
push_snapshots(HeapStore *heap)
{
	heap->snapshot = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(heap->snapshot);
	if (heap->strict)
		heap->strict_snapshot = RegisterSnapshot(GetTransactionSnapshot());
	heap->wrote = false;
}

static void
pop_snapshots(HeapStore *heap)
{
	ListCell   *lc;

	foreach(lc, heap->tables)
		dbsp_heap_table_end_step(lfirst(lc));
	foreach(lc, heap->accesses)
		dbsp_heap_access_end_step(lfirst(lc));
	PopActiveSnapshot();
	UnregisterSnapshot(heap->snapshot);
	heap->snapshot = NULL;
	MemoryContextReset(heap->step_cxt);
	if (heap->strict_snapshot)
		UnregisterSnapshot(heap->strict_snapshot);
	heap->strict_snapshot = NULL;
	if (heap->wrote)
		CommandCounterIncrement();
}

static void
heap_begin_step(DbspStore *store, int operator, bool whole, DbspKeyLock *locks, int64 nlocks)
{
	HeapStore  *heap = (HeapStore *) store;

	dbsp_keylock_take(heap->view, operator, whole, locks, nlocks);
	push_snapshots(heap);
}

static void
heap_next_phase(DbspStore *store)
{
	HeapStore  *heap = (HeapStore *) store;

	pop_snapshots(heap);
	push_snapshots(heap);
}

static void
heap_end_step(DbspStore *store)
{
	pop_snapshots((HeapStore *) store);
}

static const DbspStoreClass heap_store_class = {
	.open_state = dbsp_heap_open_state,
	.open_source_access = dbsp_heap_open_source_access,
	.open_state_access = dbsp_heap_open_state_access,
	.begin_step = heap_begin_step,
	.next_phase = heap_next_phase,
	.end_step = heap_end_step,
	.scan = dbsp_heap_scan,
	.find = dbsp_heap_find,
	.expect_finds = dbsp_heap_expect_finds,
	.find_extreme = dbsp_heap_find_extreme,
	.find_image = dbsp_heap_find_image,
	.insert = dbsp_heap_insert,
	.update = dbsp_heap_update,
	.remove = dbsp_heap_remove,
};

DbspStore *
dbsp_heap_store_create(DbspViewNumber view, List *defs, List *relations)
{
	HeapStore  *heap = palloc0(sizeof(HeapStore));

	heap->store.storeclass = &heap_store_class;
	heap->store.defs = defs;
	heap->cxt = CurrentMemoryContext;
	heap->step_cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp step", ALLOCSET_DEFAULT_SIZES);
	heap->view = view;
	heap->relations = relations;
	return &heap->store;
}

void
dbsp_heap_store_begin(DbspStore *store, bool strict)
{
	((HeapStore *) store)->strict = strict;
}

void
dbsp_heap_store_end(DbspStore *store)
{
	HeapStore  *heap = (HeapStore *) store;
	ListCell   *lc;

	foreach(lc, heap->accesses)
		dbsp_heap_access_close(lfirst(lc));
	foreach(lc, heap->tables)
		dbsp_heap_table_close(lfirst(lc));
}

bool
dbsp_heap_store_is_temporary(const DbspStore *store)
{
	return ((const HeapStore *) store)->temporary;
}

DbspTable *
dbsp_heap_store_table(DbspStore *store, const DbspStateDef *def)
{
	HeapStore  *heap = (HeapStore *) store;
	ListCell   *lc;

	foreach(lc, heap->tables)
		if (((DbspTable *) lfirst(lc))->def == def)
			return lfirst(lc);
	elog(ERROR, "operator %d has no open state table", def->plan->number);
}
