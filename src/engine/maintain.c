/*-------------------------------------------------------------------------
 *
 * maintain.c
 *	  Folding pending deltas into the views that they concern.
 *
 * Views are folded in the order of their numbers, operators in that of
 * theirs: the global order of locks.  A fold runs as the view's owner in a
 * security-restricted operation, with the settings pinned that "immutable"
 * expressions may follow, under the resource owner of the current
 * (sub)transaction.  What it changes of the session's state is restored
 * here, or by the abort of that (sub)transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "catalog/partition_tree.h"
#include "engine/cache.h"
#include "engine/engine.h"
#include "engine/fold_error.h"
#include "engine/rebuild.h"
#include "engine/stats.h"
#include "store/heap_store.h"
#include "store/keylock.h"

/* Partitions of one table that a fold locks before its keys; each takes an entry of the shared table of locks. */
#define MAX_PARTITIONS_LOCKED 64

/* Nesting level of the transaction that runs a fold or fill, else 0. */
static int	busy_level = 0;

/* Settings that expressions may follow although they are declared immutable. */
static const struct
{
	const char *name;
	const char *value;
}			pinned_settings[] =
{
	{"search_path", "pg_catalog, pg_temp"},
	{"extra_float_digits", "1"},
	{"bytea_output", "hex"},
	{"DateStyle", "ISO, MDY"},
	{"IntervalStyle", "postgres"},
	{"TimeZone", "UTC"},
	{"lc_monetary", "C"},
	{"xmloption", "content"},
	{"xmlbinary", "base64"},
	{"quote_all_identifiers", "off"},
	{"row_security", "off"},
};

bool
dbsp_engine_is_busy(void)
{
	return busy_level > 0;
}

void
dbsp_engine_pin_settings(void)
{
	for (int i = 0; i < lengthof(pinned_settings); i++)
		(void) set_config_option(pinned_settings[i].name, pinned_settings[i].value,
								 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

int
dbsp_engine_set_busy(int level)
{
	int			saved = busy_level;

	busy_level = level;
	return saved;
}

/* ---- which views ---- */

List *
dbsp_engine_pending_views(void)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, dbsp_deltas_relations())
	{
		Oid			relid = lfirst_oid(lc);
		ListCell   *v;

		foreach(v, dbsp_cache_views_on(relid))
			if (dbsp_deltas_is_pending(relid, lfirst_int(v)))
				result = list_append_unique_int(result, lfirst_int(v));
	}
	list_sort(result, list_int_cmp);
	return result;
}

/* ---- one view ---- */

/* The position in the captured row of each column of the source. */
static int *
map_columns(const DbspPlan *source, const DbspCaptureLayout *layout)
{
	int		   *map = palloc(Max(list_length(source->attnums), 1) * sizeof(int));
	ListCell   *lc;

	foreach(lc, source->attnums)
	{
		int			i;

		for (i = 0; i < layout->ncolumns; i++)
			if (layout->attnums[i] == lfirst_int(lc))
				break;
		if (i == layout->ncolumns)
			elog(ERROR, "column %d of relation %u was not captured", lfirst_int(lc), source->relid);
		map[foreach_current_index(lc)] = i;
	}
	return map;
}

static void
push_segment(DbspCachedView *view, DbspOp *op, const DbspSegment *segment)
{
	TupleTableSlot *captured = MakeSingleTupleTableSlot(segment->layout->desc, &TTSOpsMinimalTuple);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(op->plan->rowtype, &TTSOpsVirtual);
	int		   *map = map_columns(op->plan, segment->layout);
	int			ncolumns = op->plan->rowtype->natts;
	DbspZSetScan scan;
	DbspZSetItem item;

	dbsp_zset_scan_begin(&scan, segment->rows);
	while (dbsp_zset_scan_next(&scan, &item))
	{
		CHECK_FOR_INTERRUPTS();
		ExecStoreMinimalTuple(item.row, captured, false);
		slot_getallattrs(captured);
		ExecClearTuple(slot);
		for (int i = 0; i < ncolumns; i++)
		{
			slot->tts_values[i] = captured->tts_values[map[i]];
			slot->tts_isnull[i] = captured->tts_isnull[map[i]];
		}
		ExecStoreVirtualTuple(slot);
		dbsp_circuit_push(op, slot, item.weight);
		ResetExprContext(view->circuit->econtext);
	}
}

/* True if some source changed in a way that has no delta. */
static bool
needs_rebuild(const DbspCachedView *view, uint32 cut)
{
	ListCell   *lc;

	foreach(lc, view->sources)
	{
		ListCell   *s;

		foreach(s, dbsp_deltas_pending(lfirst_oid(lc), view->number, cut))
			if (((DbspSegment *) lfirst(s))->replaced)
				return true;
	}
	return false;
}

static void
run_circuit(DbspCachedView *view, bool strict, uint32 cut)
{
	MemoryContext old;
	ListCell   *lc;

	dbsp_heap_store_begin(view->store, strict);
	dbsp_circuit_begin(view->circuit);
	old = MemoryContextSwitchTo(view->circuit->fold_cxt);
	foreach(lc, view->source_ops)
	{
		DbspOp	   *op = lfirst(lc);
		ListCell   *s;

		foreach(s, dbsp_deltas_pending(op->plan->relid, view->number, cut))
			push_segment(view, op, lfirst(s));
	}
	dbsp_circuit_flush(view->circuit);
	dbsp_heap_store_end(view->store);
	MemoryContextSwitchTo(old);
	/* A large delta must not stay in the session until the next fold. */
	MemoryContextReset(view->circuit->fold_cxt);
}

static void
name_view_in_context(void *arg)
{
	errcontext("maintaining incremental view %s", ((DbspCachedView *) arg)->name);
}

static void
run_recorded(DbspCachedView *view, Oid user, bool strict, uint32 cut)
{
	MemoryContext cxt = CurrentMemoryContext;

	PG_TRY();
	{
		if (needs_rebuild(view, cut))
			dbsp_rebuild_contents(view, strict, false);
		else
			run_circuit(view, strict, cut);
	}
	PG_CATCH();
	{
		dbsp_fold_error_rethrow(view, user, cxt);
	}
	PG_END_TRY();
}

/* Runs one view's fold in the surroundings that it needs. */
static void
fold_view(DbspViewNumber number, bool strict, uint32 cut)
{
	DbspCachedView *view = dbsp_cache_view(number);
	int			level = GetCurrentTransactionNestLevel();
	ErrorContextCallback context;
	Oid			user;
	int			security_context;
	int			settings_level = 0;
	instr_time	start;
	instr_time	spent;

	if (view == NULL)
		return;
	INSTR_TIME_SET_CURRENT(start);
	context.callback = name_view_in_context;
	context.arg = view;
	context.previous = error_context_stack;
	error_context_stack = &context;
	GetUserIdAndSecContext(&user, &security_context);
	SetUserIdAndSecContext(view->owner, security_context | SECURITY_RESTRICTED_OPERATION);
	if (view->pins_settings)
	{
		settings_level = NewGUCNestLevel();
		dbsp_engine_pin_settings();
	}
	view->in_use_level = level;

	run_recorded(view, user, strict, cut);
	dbsp_deltas_mark(number, level, cut);

	view->in_use_level = 0;
	if (view->pins_settings)
		AtEOXact_GUC(false, settings_level);
	SetUserIdAndSecContext(user, security_context);
	error_context_stack = context.previous;
	INSTR_TIME_SET_CURRENT(spent);
	INSTR_TIME_SUBTRACT(spent, start);
	dbsp_stats_count(number, view->circuit->rows_in, view->circuit->rows_out, spent);
}

/* ---- all of them ---- */

/* True if the fold to come may look rows of the table up: another input of the view's joins has changed. */
static bool
probes_source(const DbspCachedView *view, Oid source)
{
	bool		joins = false;
	int			occurrences = 0;
	bool		others_changed = false;
	ListCell   *lc;

	foreach(lc, view->circuit->ops)
		joins |= ((DbspOp *) lfirst(lc))->plan->kind == DBSP_PLAN_JOIN;
	foreach(lc, view->source_ops)
		occurrences += ((DbspOp *) lfirst(lc))->plan->relid == source;
	foreach(lc, view->sources)
		others_changed |= lfirst_oid(lc) != source && dbsp_deltas_is_pending(lfirst_oid(lc), view->number);
	return joins && (others_changed || occurrences > 1);
}

/*
 * Without need no partition is locked, nor the table above, on which a writer
 * of one partition has no lock: DDL locks the table above first, and two
 * transactions may have truncated one partition each.  Many partitions are not
 * locked in advance: the look-ups lock those that they reach.
 */
static void
lock_partitioned(Oid source, bool probed)
{
	List	   *leaves;
	ListCell   *lc;

	if (!probed)
		return;
	LockRelationOid(source, AccessShareLock);
	leaves = dbsp_partition_leaves(source, NoLock);
	if (list_length(leaves) > MAX_PARTITIONS_LOCKED)
		return;
	foreach(lc, leaves)
		LockRelationOid(lfirst_oid(lc), AccessShareLock);
}

/*
 * Locks what the folds of these views may open, before the first key lock:
 * DDL that holds such a table and folds itself then meets nobody who waits
 * for the table and has keys.  What was built before the locks and has
 * changed since is marked by now, so fold_view() builds it anew.
 */
static void
lock_relations(List *views)
{
	ListCell   *lc;

	foreach(lc, views)
	{
		DbspCachedView *view = dbsp_cache_view(lfirst_int(lc));
		List	   *sources;
		List	   *relations;
		List	   *probed = NIL;
		ListCell   *r;

		if (view == NULL)
			continue;
		/* Waiting can end in the view's entry being built anew. */
		sources = list_copy(view->sources);
		relations = list_copy(view->relations);
		foreach(r, sources)
			if (probes_source(view, lfirst_oid(r)))
				probed = lappend_oid(probed, lfirst_oid(r));
		foreach(r, sources)
		{
			if (dbsp_partition_is_partitioned(lfirst_oid(r)))
				lock_partitioned(lfirst_oid(r), list_member_oid(probed, lfirst_oid(r)));
			else
				LockRelationOid(lfirst_oid(r), AccessShareLock);
		}
		foreach(r, relations)
			LockRelationOid(lfirst_oid(r), RowExclusiveLock);
	}
}

bool
dbsp_engine_fold(List *views, bool at_commit)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp fold", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	List	   *pending = dbsp_engine_pending_views();
	ResourceOwner owner = CurrentResourceOwner;
	bool		strict = IsolationUsesXactSnapshot() && !at_commit;
	int			saved;
	uint32		cut;
	ListCell   *lc;

	if (views != NIL)
		pending = list_intersection_int(pending, views);
	if (pending == NIL)
	{
		MemoryContextSwitchTo(old);
		MemoryContextDelete(cxt);
		return false;
	}

	saved = dbsp_engine_set_busy(GetCurrentTransactionNestLevel());
	CurrentResourceOwner = CurTransactionResourceOwner;
	lock_relations(pending);
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	cut = dbsp_deltas_cut();
	foreach(lc, pending)
		fold_view(lfirst_int(lc), strict, cut);
	foreach(lc, dbsp_deltas_relations())
		dbsp_deltas_trim(lfirst_oid(lc), dbsp_cache_views_on(lfirst_oid(lc)), GetCurrentTransactionNestLevel());
	PopActiveSnapshot();
	CommandCounterIncrement();
	CurrentResourceOwner = owner;
	(void) dbsp_engine_set_busy(saved);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	return true;
}

void
dbsp_engine_fold_all(void)
{
	while (dbsp_deltas_any() && dbsp_engine_fold(NIL, false))
		;
}

void
dbsp_engine_view_is_current(DbspViewNumber view)
{
	if (dbsp_deltas_any())
		dbsp_deltas_mark(view, GetCurrentTransactionNestLevel(), dbsp_deltas_cut());
}

void
dbsp_engine_forget(DbspViewNumber view)
{
	dbsp_cache_forget_view(view);
}

void
dbsp_engine_abort(int level)
{
	dbsp_cache_abort(level);
	if (busy_level >= level)
		busy_level = 0;
}

void
dbsp_engine_end_of_transaction(void)
{
	dbsp_cache_end_of_transaction();
	dbsp_keylock_forget();
	dbsp_deltas_forget();
	busy_level = 0;
}
