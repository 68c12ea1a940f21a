/*-------------------------------------------------------------------------
 *
 * hooks.c
 *	  Reading one's own writes: folds before statements that may read a view
 *	  with pending deltas.
 *
 * A fold never runs in the middle of a data-modifying statement: part of its
 * rows would be in the table and not yet in the delta.  The middle lasts from
 * ExecutorRun to the end of ExecutorFinish of a statement that writes, and
 * all of COPY FROM and TRUNCATE.  What runs in the middle sees the views as
 * they were when the outermost such statement began; so that this is right,
 * a statement during which user code may run (triggers, constraints, and
 * functions of its plan) begins with a fold.
 *
 * ExecutorStart has been given a snapshot already, which does not show the
 * fold's rows: the query gets a new one, which the other hooks make the
 * active snapshot around the standard calls.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/parallel.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "tcop/pquery.h"
#include "tcop/utility.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "catalog/partition_tree.h"
#include "capture/xact.h"
#include "engine/engine.h"
#include "engine/stats.h"
#include "zset/deltas.h"

static ExecutorStart_hook_type prev_executor_start = NULL;
static ExecutorRun_hook_type prev_executor_run = NULL;
static ExecutorFinish_hook_type prev_executor_finish = NULL;
static ExecutorEnd_hook_type prev_executor_end = NULL;
static ProcessUtility_hook_type prev_process_utility = NULL;

/* Data-modifying statements that are in their middle. */
static int	modifying_depth = 0;

/* What they write, the outermost one and those inside it that are over included. */
#define MAX_WRITTEN 16
static Oid	written[MAX_WRITTEN];
static int	nwritten = 0;		/* above MAX_WRITTEN: these and others */

/* A statement whose beginning no hook saw: see dbsp_hooks_note_capture(). */
typedef struct UnseenStatement
{
	bool		active;
	int			trigger_depth;	/* of the capture trigger */
	bool		top_level_writes;	/* the client's statement is itself one that writes */
	TimestampTz started;		/* these identify the client's statement */
	Portal		portal;
	int			location;
} UnseenStatement;

static UnseenStatement unseen;

/* The command counter after the last fold before a statement of this transaction. */
static CommandId last_fold_cid = FirstCommandId;
static LocalTransactionId last_fold_lxid = InvalidLocalTransactionId;

/* Queries whose snapshot was exchanged: QueryDesc pointers, in TopTransactionContext. */
static List *refreshed_queries = NIL;
static LocalTransactionId refreshed_lxid = InvalidLocalTransactionId;

/* ---- the middle ---- */

static int
trigger_depth(void)
{
	return DatumGetInt32(OidFunctionCall0(F_PG_TRIGGER_DEPTH));
}

static PlannedStmt *
client_statement(void)
{
	if (ActivePortal == NULL || ActivePortal->stmts == NIL)
		return NULL;
	return linitial_node(PlannedStmt, ActivePortal->stmts);
}

static bool
statement_writes(const PlannedStmt *stmt)
{
	return stmt->hasModifyingCTE || (stmt->commandType != CMD_SELECT && stmt->commandType != CMD_UTILITY);
}

static void
note_fold(void)
{
	last_fold_cid = GetCurrentCommandId(false);
	last_fold_lxid = MyProc->lxid;
}

/* The command that made the row, of this transaction; COPY FREEZE hides which that was. */
static CommandId
command_of_row(HeapTupleHeader row)
{
	return HeapTupleHeaderXminFrozen(row) ? HeapTupleHeaderGetRawCommandId(row) : HeapTupleHeaderGetCmin(row);
}

/*
 * True if the change was in the table at the last fold.  Its statement was in
 * the middle then: the library was loaded by a function that it calls.
 */
static bool
change_was_folded_over(const TriggerData *trigger)
{
	CommandId	changed;

	if (last_fold_lxid != MyProc->lxid || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		return false;
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		changed = command_of_row(trigger->tg_newtuple->t_data);
	else if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		changed = command_of_row(trigger->tg_trigtuple->t_data);
	else
		changed = HeapTupleHeaderGetCmax(trigger->tg_trigtuple->t_data);
	return changed < last_fold_cid;
}

/* A statement that no hook saw begin is in its middle. */
static void
note_unseen(void)
{
	PlannedStmt *stmt = client_statement();

	unseen.active = true;
	unseen.trigger_depth = trigger_depth();
	unseen.started = GetCurrentStatementStartTimestamp();
	unseen.portal = ActivePortal;
	unseen.location = stmt ? stmt->stmt_location : -1;
	unseen.top_level_writes = stmt && statement_writes(stmt);
}

bool
dbsp_hooks_note_capture(const TriggerData *trigger)
{
	/* An unseen statement's own triggers fire in ExecutorFinish, which the hook does see. */
	if (modifying_depth == 0)
		note_unseen();
	return change_was_folded_over(trigger);
}

/* True if the statement that no hook saw begin may still be running. */
static bool
in_unseen_statement(void)
{
	PlannedStmt *stmt;

	if (!unseen.active)
		return false;
	if (trigger_depth() >= unseen.trigger_depth)
		return true;
	stmt = client_statement();
	if (unseen.top_level_writes && unseen.portal == ActivePortal &&
		unseen.started == GetCurrentStatementStartTimestamp() &&
		unseen.location == (stmt ? stmt->stmt_location : -1))
		return true;
	unseen.active = false;
	return false;
}

static void
note_written(Oid relid)
{
	for (int i = 0; i < Min(nwritten, MAX_WRITTEN); i++)
		if (written[i] == relid)
			return;
	if (nwritten < MAX_WRITTEN)
		written[nwritten] = relid;
	if (nwritten <= MAX_WRITTEN)
		nwritten++;
}

/* To be called as one comes to its middle, or back to it. */
static void
note_statement(const PlannedStmt *stmt)
{
	ListCell   *lc;

	if (modifying_depth == 0)
		nwritten = 0;
	foreach(lc, stmt->resultRelations)
		note_written(rt_fetch(lfirst_int(lc), stmt->rtable)->relid);
}

static bool
views_read(Oid relid)
{
	ListCell   *lc;

	if (dbsp_partition_views_on(relid) != NIL)
		return true;
	if (dbsp_partition_is_partitioned(relid))
		foreach(lc, dbsp_partition_leaves(relid, NoLock))
			if (dbsp_partition_views_on(lfirst_oid(lc)) != NIL)
				return true;
	return false;
}

bool
dbsp_hooks_in_captured_statement(void)
{
	PlannedStmt *stmt = client_statement();
	ListCell   *lc;

	if (nwritten > MAX_WRITTEN && modifying_depth > 0)
		return true;
	if (in_unseen_statement())
		return true;
	for (int i = 0; modifying_depth > 0 && i < nwritten; i++)
		if (views_read(written[i]))
			return true;
	/* The command that asks may have loaded the library. */
	if (stmt && modifying_depth == 0)
		foreach(lc, stmt->resultRelations)
			if (views_read(rt_fetch(lfirst_int(lc), stmt->rtable)->relid))
				return true;
	return false;
}

static bool
may_fold_now(void)
{
	return dbsp_deltas_any() && modifying_depth == 0 && !dbsp_engine_is_busy() &&
		!IsParallelWorker() && !IsInParallelMode() && IsTransactionState() && !in_unseen_statement();
}

/* ---- what a statement may read ---- */

static bool
is_user_function(Oid function, void *context)
{
	return function >= FirstUnpinnedObjectId;
}

static bool
contains_user_function(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_user_function, context))
		return true;
	return expression_tree_walker(node, contains_user_function, context);
}

/*
 * True if CHECK constraints, generated columns or, if they count, defaults
 * call functions that may read anything.  Defaults are in a statement's plan,
 * but COPY has none.
 */
static bool
constraints_run_user_code(Relation rel, bool defaults)
{
	TupleConstr *constraints = RelationGetDescr(rel)->constr;

	if (constraints == NULL)
		return false;
	for (int i = 0; i < constraints->num_check; i++)
		if (contains_user_function(stringToNode(constraints->check[i].ccbin), NULL))
			return true;
	if (constraints->has_generated_stored || defaults)
		for (int i = 0; i < constraints->num_defval; i++)
			if (contains_user_function(stringToNode(constraints->defval[i].adbin), NULL))
				return true;
	return false;
}

/* Triggers that run no user code: ours, and the checks of foreign keys. */
static bool
trigger_is_harmless(const Trigger *trigger)
{
	switch (trigger->tgfoid)
	{
		case F_RI_FKEY_CHECK_INS:
		case F_RI_FKEY_CHECK_UPD:
		case F_RI_FKEY_NOACTION_DEL:
		case F_RI_FKEY_NOACTION_UPD:
		case F_RI_FKEY_RESTRICT_DEL:
		case F_RI_FKEY_RESTRICT_UPD:
			return true;
		default:
			return strcmp(trigger->tgname, "dbsp_ivm_capture") == 0 ||
				strcmp(trigger->tgname, "dbsp_ivm_capture_truncate") == 0 ||
				strcmp(trigger->tgname, "dbsp_ivm_capture_partition_truncate") == 0;
	}
}

/* True if writing rows into the relation itself may run user code, which may read any view. */
static bool
writing_one_runs_user_code(Oid relid, bool defaults)
{
	Relation	rel = try_table_open(relid, AccessShareLock);
	char		relkind;
	bool		result;

	if (rel == NULL)
		return false;
	relkind = rel->rd_rel->relkind;
	result = (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE) ||
		constraints_run_user_code(rel, defaults);
	if (rel->trigdesc)
		for (int i = 0; i < rel->trigdesc->numtriggers && !result; i++)
			result = !trigger_is_harmless(&rel->trigdesc->triggers[i]);
	table_close(rel, AccessShareLock);
	return result;
}

/*
 * The same of a partitioned table: rows may go to, or come into, any leaf.
 * There can be thousands of them, so the last answer is kept.
 */
static bool
writing_partitions_runs_user_code(Oid relid, bool defaults)
{
	static struct
	{
		Oid			relid;
		uint64		all_changes;
		bool		defaults;
		bool		result;
	}			last;
	uint64		all_changes = dbsp_partition_all_changes();
	bool		result = false;
	ListCell   *lc;

	if (last.relid == relid && last.all_changes == all_changes && last.defaults == defaults)
		return last.result;
	foreach(lc, dbsp_partition_leaves(relid, NoLock))
		if ((result = writing_one_runs_user_code(lfirst_oid(lc), defaults)))
			break;
	last.relid = relid;
	last.all_changes = all_changes;
	last.defaults = defaults;
	last.result = result;
	return result;
}

static bool
writing_runs_user_code(Oid relid, bool defaults)
{
	return writing_one_runs_user_code(relid, defaults) ||
		(dbsp_partition_is_partitioned(relid) && writing_partitions_runs_user_code(relid, defaults));
}

static bool
may_read_anything(const PlannedStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->invalItems)
	{
		PlanInvalItem *item = lfirst(lc);

		if (item->cacheId == PROCOID || item->cacheId == TYPEOID)
			return true;
	}
	foreach(lc, stmt->resultRelations)
		if (writing_runs_user_code(rt_fetch(lfirst_int(lc), stmt->rtable)->relid, false))
			return true;
	return false;
}

/* Folds what the statement may read; false if nothing of that was pending. */
static bool
fold_for_statement(const PlannedStmt *stmt)
{
	if (may_read_anything(stmt))
		return dbsp_engine_fold(NIL, false);
	return dbsp_engine_fold_read(stmt->relationOids);
}

/* ---- the query's snapshot ---- */

static void
remember_refreshed(QueryDesc *query)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);

	if (refreshed_lxid != MyProc->lxid)
	{
		refreshed_queries = NIL;
		refreshed_lxid = MyProc->lxid;
	}
	refreshed_queries = lappend(refreshed_queries, query);
	MemoryContextSwitchTo(old);
}

static bool
is_refreshed(QueryDesc *query)
{
	return refreshed_queries != NIL && refreshed_lxid == MyProc->lxid && list_member_ptr(refreshed_queries, query);
}

static void
fold_before_query(QueryDesc *query)
{
	MemoryContext cxt;
	MemoryContext old;
	bool		folded;
	Snapshot	snapshot;

	cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp read", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	folded = fold_for_statement(query->plannedstmt);
	if (folded)
		note_fold();
	MemoryContextSwitchTo(old);
	if (folded)
	{
		/* Under READ COMMITTED a fresh one: the fold's rows may contain what others committed meanwhile. */
		snapshot = RegisterSnapshot(GetTransactionSnapshot());
		UnregisterSnapshot(query->snapshot);
		query->snapshot = snapshot;
		remember_refreshed(query);
	}
	MemoryContextDelete(cxt);
}

/*
 * A query that runs on its caller's snapshot (in a STABLE function) must see
 * the views as of that snapshot: no fold.  Any other has a snapshot taken
 * after the last command of this transaction.
 */
static bool
has_current_snapshot(const QueryDesc *query)
{
	return query->snapshot != NULL && IsMVCCSnapshot(query->snapshot) &&
		query->snapshot->curcid == GetCurrentCommandId(false);
}

/* ---- row locks ---- */

/*
 * Folds update the rows of views and wait for nobody who holds one: the order
 * of key locks would be for nothing.  As of materialized views (CheckValidRowMarkRel
 * in executor/execMain.c).
 */
static void
refuse_row_locks(const PlannedStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->rowMarks)
	{
		const PlanRowMark *mark = lfirst(lc);
		RangeTblEntry *rte = rt_fetch(mark->rti, stmt->rtable);
		char	   *view;

		if (mark->markType > ROW_MARK_KEYSHARE || rte->rtekind != RTE_RELATION)
			continue;
		view = dbsp_engine_view_name(rte->relid);
		if (view)
			ereport(ERROR,
					errcode(ERRCODE_WRONG_OBJECT_TYPE),
					errmsg("cannot lock rows in incremental view \"%s\"", view),
					errhint("Lock rows of its tables; FOR UPDATE OF names those to be locked."));
	}
}

/* ---- hooks ---- */

/* First, so that every other extension sees the query with its final snapshot. */
static void
executor_start(QueryDesc *query, int eflags)
{
	dbsp_stats_report_error();
	if (query->plannedstmt->rowMarks != NIL)
		refuse_row_locks(query->plannedstmt);
	if (may_fold_now() && !(eflags & EXEC_FLAG_EXPLAIN_ONLY) && has_current_snapshot(query))
		fold_before_query(query);
	if (prev_executor_start)
		prev_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

static void
executor_run(QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once)
{
	volatile int writes = statement_writes(query->plannedstmt) ? 1 : 0;
	bool		refreshed = is_refreshed(query);

	if (refreshed)
		PushActiveSnapshot(query->snapshot);
	if (writes)
		note_statement(query->plannedstmt);
	modifying_depth += writes;
	PG_TRY();
	{
		if (prev_executor_run)
			prev_executor_run(query, direction, count, execute_once);
		else
			standard_ExecutorRun(query, direction, count, execute_once);
	}
	PG_FINALLY();
	{
		modifying_depth -= writes;
	}
	PG_END_TRY();
	if (refreshed)
		PopActiveSnapshot();
}

static void
executor_finish(QueryDesc *query)
{
	volatile int writes = statement_writes(query->plannedstmt) ? 1 : 0;
	bool		refreshed = is_refreshed(query);

	if (refreshed)
		PushActiveSnapshot(query->snapshot);
	if (writes)
		note_statement(query->plannedstmt);
	modifying_depth += writes;
	PG_TRY();
	{
		if (prev_executor_finish)
			prev_executor_finish(query);
		else
			standard_ExecutorFinish(query);
	}
	PG_FINALLY();
	{
		modifying_depth -= writes;
	}
	PG_END_TRY();
	if (refreshed)
		PopActiveSnapshot();
}

static void
executor_end(QueryDesc *query)
{
	if (is_refreshed(query))
		refreshed_queries = list_delete_ptr(refreshed_queries, query);
	if (prev_executor_end)
		prev_executor_end(query);
	else
		standard_ExecutorEnd(query);
}

typedef enum UtilityEffect
{
	UTILITY_OTHER,				/* may run over tables with pending deltas: fold first */
	UTILITY_HARMLESS,			/* or its own statements come through the executor hooks */
	UTILITY_COPY_FROM,
	UTILITY_TRUNCATE
} UtilityEffect;

static UtilityEffect
utility_effect(const Node *statement)
{
	switch (nodeTag(statement))
	{
		case T_CopyStmt:
			return ((const CopyStmt *) statement)->is_from ? UTILITY_COPY_FROM : UTILITY_HARMLESS;
		case T_TruncateStmt:
			return UTILITY_TRUNCATE;
		case T_TransactionStmt:
		case T_VariableSetStmt:
		case T_VariableShowStmt:
		case T_ConstraintsSetStmt:
		case T_PrepareStmt:
		case T_ExecuteStmt:
		case T_DeallocateStmt:
		case T_DeclareCursorStmt:
		case T_FetchStmt:
		case T_ClosePortalStmt:
		case T_ExplainStmt:
		case T_CallStmt:
		case T_DoStmt:
		case T_ListenStmt:
		case T_NotifyStmt:
		case T_UnlistenStmt:
		case T_LockStmt:
		case T_LoadStmt:
		case T_DiscardStmt:
		case T_CheckPointStmt:
		case T_CreateTableAsStmt:
			return UTILITY_HARMLESS;
		default:
			return UTILITY_OTHER;
	}
}

static void
fold_before_utility(const Node *statement, UtilityEffect effect)
{
	if (effect == UTILITY_HARMLESS || !may_fold_now())
		return;
	if (effect == UTILITY_COPY_FROM)
	{
		const CopyStmt *copy = (const CopyStmt *) statement;
		Oid			relid = copy->relation ? RangeVarGetRelid(copy->relation, AccessShareLock, true) : InvalidOid;

		if (!OidIsValid(relid) || !writing_runs_user_code(relid, true))
			return;
	}
	dbsp_engine_fold_all();
	note_fold();
	if (ActiveSnapshotSet())
		UpdateActiveSnapshotCommandId();
}

static void
process_utility(PlannedStmt *stmt, const char *query_string, bool read_only_tree, ProcessUtilityContext context,
				ParamListInfo params, QueryEnvironment *environment, DestReceiver *dest, QueryCompletion *completion)
{
	UtilityEffect effect = utility_effect(stmt->utilityStmt);
	volatile int writes = effect == UTILITY_COPY_FROM || effect == UTILITY_TRUNCATE ? 1 : 0;

	if (dbsp_deltas_any())
		fold_before_utility(stmt->utilityStmt, effect);
	/* What TRUNCATE and COPY write is not known yet. */
	if (writes)
		nwritten = MAX_WRITTEN + 1;
	modifying_depth += writes;
	PG_TRY();
	{
		if (prev_process_utility)
			prev_process_utility(stmt, query_string, read_only_tree, context, params, environment, dest, completion);
		else
			standard_ProcessUtility(stmt, query_string, read_only_tree, context, params, environment, dest, completion);
	}
	PG_FINALLY();
	{
		modifying_depth -= writes;
	}
	PG_END_TRY();
}

void
dbsp_hooks_init(void)
{
	prev_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
	prev_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = executor_run;
	prev_executor_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = executor_finish;
	prev_executor_end = ExecutorEnd_hook;
	ExecutorEnd_hook = executor_end;
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}
