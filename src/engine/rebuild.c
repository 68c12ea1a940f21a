/*-------------------------------------------------------------------------
 *
 * rebuild.c
 *	  Replacing a view's contents by what its definition gives now.
 *
 * All stateful operators are locked whole, in order: transactions that have
 * folded are waited for, and none folds until this one has ended.  Rows are
 * deleted and inserted, so that older snapshots keep what they see.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "common/hashfn.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"

#include "base/error.h"
#include "catalog/partition_tree.h"
#include "engine/engine.h"
#include "engine/rebuild.h"
#include "store/keylock.h"

static void
lock_operators(DbspCachedView *view)
{
	ListCell   *lc;

	foreach(lc, view->circuit->ops)
	{
		DbspOp	   *op = lfirst(lc);

		if (op->opclass->flush)
			dbsp_keylock_take(view->number, op->plan->number, true, NULL, 0);
	}
}

static void
delete_all(Oid relid)
{
	Relation	rel = table_open(relid, RowExclusiveLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	CommandId	cid = GetCurrentCommandId(true);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		TM_FailureData failure;
		TM_Result	result = table_tuple_delete(rel, &slot->tts_tid, cid, snapshot, InvalidSnapshot, true,
												&failure, false);

		CHECK_FOR_INTERRUPTS();
		if (result != TM_Ok)
			elog(ERROR, "row of an internal table changed under the lock of its view: %d", (int) result);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
}

/* The identities of the rows that a snapshot shows, as a sum that differs if the sets do. */
static uint64
sum_of_rows(Relation rel, Snapshot snapshot)
{
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	uint64		sum = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		sum += hash_bytes_extended((unsigned char *) &slot->tts_tid, sizeof(ItemPointerData), 0);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	return sum;
}

/* The transaction goes on looking with its own snapshot: the rebuilt view must be right in it. */
static void
check_source_strictly(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	Snapshot	latest = RegisterSnapshot(GetLatestSnapshot());
	Snapshot	own = RegisterSnapshot(GetTransactionSnapshot());

	if (sum_of_rows(rel, latest) != sum_of_rows(rel, own))
		dbsp_could_not_serialize();
	UnregisterSnapshot(own);
	UnregisterSnapshot(latest);
	table_close(rel, NoLock);
}

void
dbsp_engine_empty(List *relations)
{
	ListCell   *lc;

	foreach(lc, relations)
		delete_all(lfirst_oid(lc));
	CommandCounterIncrement();
}

static void
reindex_all(List *relations)
{
	ListCell   *lc;

	foreach(lc, relations)
	{
		ReindexParams params = {0};

		(void) reindex_relation(lfirst_oid(lc), REINDEX_REL_PROCESS_TOAST, &params);
	}
	CommandCounterIncrement();
}

void
dbsp_rebuild_contents(DbspCachedView *view, bool strict, bool reindex)
{
	ListCell   *lc;

	/* Opened by the executor, which expects plans to have locked them; partitions too are locked before keys. */
	foreach(lc, view->sources)
	{
		LockRelationOid(lfirst_oid(lc), AccessShareLock);
		(void) dbsp_partition_leaves(lfirst_oid(lc), AccessShareLock);
	}
	lock_operators(view);
	if (view->row.foreign_hashes)
	{
		dbsp_catalog_own_hashes(view->number);
		CacheInvalidateRelcacheByRelid(view->row.shadow);
	}
	if (strict)
		foreach(lc, view->sources)
		{
			ListCell   *leaf;

			foreach(leaf, dbsp_partition_leaves(lfirst_oid(lc), AccessShareLock))
				check_source_strictly(lfirst_oid(leaf));
		}
	dbsp_engine_empty(view->relations);
	/* What the indexes still hold, for older snapshots, is out of order if the order has changed. */
	if (reindex)
		reindex_all(view->relations);
	dbsp_engine_fill(view->defs, view->relations);
}

void
dbsp_engine_rebuild(DbspViewNumber number, bool reindex)
{
	DbspCachedView *view = dbsp_cache_view(number);
	int			level = GetCurrentTransactionNestLevel();
	int			saved = dbsp_engine_set_busy(level);
	Oid			user;
	int			security_context;
	int			settings_level;

	if (view == NULL)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("incremental view number %d does not exist", number));
	dbsp_cache_begin_use(view, level);
	GetUserIdAndSecContext(&user, &security_context);
	SetUserIdAndSecContext(view->owner, security_context | SECURITY_RESTRICTED_OPERATION);
	settings_level = NewGUCNestLevel();
	dbsp_engine_pin_settings();
	CommandCounterIncrement();
	dbsp_engine_view_is_current(number);
	dbsp_rebuild_contents(view, false, reindex);
	AtEOXact_GUC(false, settings_level);
	SetUserIdAndSecContext(user, security_context);
	dbsp_cache_end_use(view);
	(void) dbsp_engine_set_busy(saved);
}
