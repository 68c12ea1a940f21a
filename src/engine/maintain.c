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
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "catalog/partition_tree.h"
#include "engine/cache.h"
#include "engine/engine.h"
#include "engine/fold_error.h"
#include "engine/pending.h"
#include "engine/rebuild.h"
#include "engine/routed.h"
#include "engine/stats.h"
#include "store/heap_store.h"
#include "store/keylock.h"

/* Partitions of one table that a fold locks before its keys; each takes an entry of the shared table of locks. */
#define MAX_PARTITIONS_LOCKED 64

/* More views are locked before they are compiled: there might be no room for them all. */
#define FEW_VIEWS 8

/* How much of what is pending is gone through for each fold of single views. */
#define CHECKED_PER_FOLD 16

/* Nesting level of the transaction that runs a fold or fill, else 0. */
static int	busy_level = 0;

/* What could have been gone through since it was last done. */
static int64 unchecked = 0;

/* How much that was when it was last counted. */
static int64 last_effort = 0;

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

/* ---- one view ---- */

static void
run_circuit(DbspCachedView *view, bool strict, uint32 cut)
{
	MemoryContext old;

	dbsp_heap_store_begin(view->store, strict);
	dbsp_circuit_begin(view->circuit);
	old = MemoryContextSwitchTo(view->circuit->fold_cxt);
	dbsp_pending_push(view, cut);
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
		if (view->row.foreign_hashes || dbsp_pending_is_replaced(view, cut))
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
	dbsp_cache_begin_use(view, level);
	run_recorded(view, user, strict, cut);
	dbsp_cache_end_use(view);
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
	foreach(lc, view->inputs)
		occurrences += ((DbspInput *) lfirst(lc))->op->plan->relid == source;
	foreach(lc, view->sources)
		others_changed |= lfirst_oid(lc) != source && dbsp_pending_in_table(lfirst_oid(lc), view->number);
	return joins && (others_changed || occurrences > 1);
}

/*
 * Without need no partition is locked, nor the table above, on which a writer
 * of one partition has no lock: DDL locks the table above first, and two
 * transactions may have truncated one partition each.  Many partitions are not
 * locked in advance: the look-ups lock those that they reach.
 */
static void
lock_partitioned(Oid source)
{
	List	   *leaves;
	ListCell   *lc;

	LockRelationOid(source, AccessShareLock);
	leaves = dbsp_partition_leaves(source, NoLock);
	if (list_length(leaves) > MAX_PARTITIONS_LOCKED)
		return;
	foreach(lc, leaves)
		LockRelationOid(lfirst_oid(lc), AccessShareLock);
}

/* A table that this transaction has changed it has locked. */
static void
lock_plain_source(Oid source)
{
	if (dbsp_deltas_segments(source) == NIL)
		LockRelationOid(source, AccessShareLock);
}

/* The lists stay where they are: a circuit is dropped only when another one is built. */
static void
lock_sources(const DbspCachedView *view)
{
	ListCell   *lc;

	foreach(lc, view->sources)
		if (!list_member_oid(view->partitioned, lfirst_oid(lc)))
			lock_plain_source(lfirst_oid(lc));
		else if (probes_source(view, lfirst_oid(lc)))
			lock_partitioned(lfirst_oid(lc));
}

static void
lock_internals(List *relations)
{
	ListCell   *lc;

	foreach(lc, relations)
		LockRelationOid(lfirst_oid(lc), RowExclusiveLock);
}

/* Locks what a view that has not been compiled will turn out to use. */
static void
lock_by_catalog(DbspViewNumber number)
{
	DbspViewRow row;
	List	   *relations = NIL;
	ListCell   *lc;

	if (!dbsp_catalog_get_view(number, &row))
		return;
	LockRelationOid(row.definition, AccessShareLock);
	foreach(lc, dbsp_catalog_sources(number))
		if (!dbsp_partition_is_partitioned(lfirst_oid(lc)))
			lock_plain_source(lfirst_oid(lc));
	foreach(lc, dbsp_catalog_states(number))
	{
		DbspStateRow *state = lfirst(lc);

		if (strcmp(state->role, DBSP_ROLE_KEY) != 0)
			relations = lappend_oid(relations, state->relation);
	}
	lock_internals(relations);
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
	bool		few = list_length(views) <= FEW_VIEWS;
	ListCell   *lc;

	foreach(lc, views)
	{
		DbspCachedView *view = few ? dbsp_cache_view(lfirst_int(lc)) : dbsp_cache_peek_view(lfirst_int(lc));

		if (view == NULL)
		{
			lock_by_catalog(lfirst_int(lc));
			continue;
		}
		if (!few)
			LockRelationOid(view->row.definition, AccessShareLock);
		lock_sources(view);
		lock_internals(view->relations);
	}
}

/*
 * Notes that these views (integer list) have folded everything up to the cut.
 * If nothing else is pending, that is so for all views, and the deltas can go.
 * To find out costs as much as there is pending, as does counting that; so
 * either is done where that is little, or enough single views have been folded
 * meanwhile.
 */
static void
mark_views(List *views, uint32 cut)
{
	int			level = GetCurrentTransactionNestLevel();
	ListCell   *lc;

	foreach(lc, views)
		dbsp_deltas_mark(lfirst_int(lc), level, cut);
	unchecked += CHECKED_PER_FOLD;
	if (last_effort > unchecked)
		return;
	last_effort = dbsp_pending_effort();
	if (last_effort > unchecked)
		return;
	unchecked = 0;
	if (dbsp_pending_views(NIL) == NIL)
		dbsp_deltas_mark(DBSP_ALL_VIEWS, level, cut);
}

static void
fold_views(List *views, bool strict, uint32 cut)
{
	ResourceOwner owner = CurrentResourceOwner;
	ListCell   *lc;

	CurrentResourceOwner = CurTransactionResourceOwner;
	lock_relations(views);
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, views)
		fold_view(lfirst_int(lc), strict, cut);
	PopActiveSnapshot();
	CommandCounterIncrement();
	CurrentResourceOwner = owner;
}

/* Folds what is pending by now.  Returns false if that is nothing. */
static bool
fold_pending(List *views, bool strict)
{
	uint32		cut = dbsp_deltas_cut();
	List	   *pending = dbsp_pending_views(views);

	if (pending != NIL)
		fold_views(pending, strict, cut);
	if (views == NIL)
		dbsp_deltas_mark(DBSP_ALL_VIEWS, GetCurrentTransactionNestLevel(), cut);
	else
		mark_views(views, cut);
	dbsp_routed_end();
	dbsp_deltas_trim_folded(GetCurrentTransactionNestLevel());
	return pending != NIL;
}

bool
dbsp_engine_fold(List *views, bool at_commit)
{
	MemoryContext cxt;
	MemoryContext old;
	int			saved;
	bool		folded = false;

	Assert(!dbsp_engine_is_busy());
	if (!dbsp_deltas_any())
		return false;
	cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp fold", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	saved = dbsp_engine_set_busy(GetCurrentTransactionNestLevel());
	if (views == NIL || dbsp_pending_is_likely(views))
		folded = fold_pending(views, IsolationUsesXactSnapshot() && !at_commit);
	(void) dbsp_engine_set_busy(saved);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	return folded;
}

bool
dbsp_engine_fold_read(List *relations)
{
	List	   *views = NIL;
	ListCell   *lc;

	foreach(lc, relations)
	{
		DbspViewNumber view = dbsp_cache_view_of_shadow(lfirst_oid(lc));

		if (view != 0)
			views = list_append_unique_int(views, view);
	}
	list_sort(views, list_int_cmp);
	return views != NIL && dbsp_engine_fold(views, false);
}

char *
dbsp_engine_view_name(Oid shadow)
{
	DbspViewNumber view = dbsp_cache_view_of_shadow(shadow);
	DbspViewRow row;

	return view != 0 && dbsp_catalog_get_view(view, &row) ? get_rel_name(row.relation) : NULL;
}

void
dbsp_engine_fold_all(void)
{
	while (dbsp_engine_fold(NIL, false))
		;
}

void
dbsp_engine_view_is_current(DbspViewNumber view)
{
	if (!dbsp_deltas_any())
		return;
	dbsp_deltas_mark(view, GetCurrentTransactionNestLevel(), dbsp_deltas_cut());
	dbsp_deltas_uncut();
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
	if (busy_level < level)
		return;
	busy_level = 0;
	dbsp_routed_forget();
	dbsp_deltas_uncut();
}

void
dbsp_engine_end_of_transaction(void)
{
	dbsp_cache_end_of_transaction();
	dbsp_keylock_forget();
	dbsp_deltas_forget();
	busy_level = 0;
	unchecked = last_effort = 0;
}
