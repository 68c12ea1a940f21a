/*-------------------------------------------------------------------------
 *
 * lower.c
 *	  From a Query that passed the checks to a plan.
 *
 * Views are expanded by PostgreSQL's rewriter and CTEs are lowered once per
 * reference: everything in a definition is immutable, so copies agree.
 * Outputs that no level above uses are dropped, down to the columns of the
 * base tables, so that updates of other columns cost the view nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/table.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/rel.h"

#include "catalog/catalog.h"
#include "compile/compile.h"
#include "compile/lower.h"

static Query *rewrite_query(Query *query);
static List *output_names(List *targetlist);
static List *visible_outputs(Query *query, Bitmapset *needed);
static DbspPlan *lower_outputs(LowerLevel *level, LowerFrom *from);
static bool project_is_identity(DbspPlan *input, List *exprs, int nvisible);
static List *distinct_keys(LowerLevel *level, List *exprs);
static DbspPlan *lower_distinct(LowerLevel *level, DbspPlan *input, List *exprs);

static DbspPlan *
lower_query(const Query *query, LowerView *view)
{
	Query	   *rewritten = rewrite_query((Query *) copyObject(query));
	Bitmapset  *needed;
	DbspPlan   *root;

	needed = bms_add_range(NULL, 1, list_length(rewritten->targetList));
	root = dbsp_lower_level(rewritten, NULL, needed, false, view)->plan;
	if (root->kind != DBSP_PLAN_AGGREGATE)
		root = dbsp_plan_sink(root);
	dbsp_lower_rename(root, output_names(rewritten->targetList));
	dbsp_plan_number(root);
	if (root->number > DBSP_MAX_OPERATORS)
		ereport(ERROR,
				errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				errmsg("incremental view needs more than %d operators", DBSP_MAX_OPERATORS),
				errhint("Read fewer tables in one view."));
	dbsp_plan_validate(root);
	return root;
}

DbspPlan *
dbsp_lower(const Query *query)
{
	LowerView	view = {0};

	return lower_query(query, &view);
}

/*
 * The tables whose primary keys are guarded for the view.  A key that a table
 * got later is none of the view's: its tables have no room for it.
 */
static List *
guarded_sources(DbspViewNumber number)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, dbsp_catalog_states(number))
	{
		DbspStateRow *state = lfirst(lc);
		Relation	guard;
		ListCell   *entry;

		if (strcmp(state->role, DBSP_ROLE_KEY) != 0)
			continue;
		guard = table_open(state->relation, AccessShareLock);
		foreach(entry, get_view_query(guard)->rtable)
			if (lfirst_node(RangeTblEntry, entry)->rtekind == RTE_RELATION)
				result = list_append_unique_oid(result, lfirst_node(RangeTblEntry, entry)->relid);
		table_close(guard, NoLock);
	}
	return result;
}

/* Takes AccessShareLock on the view and, as dbsp_lower does, on all that it reads; kept to the end of the transaction. */
DbspPlan *
dbsp_lower_view(Oid definition)
{
	Relation	rel = table_open(definition, AccessShareLock);
	Query	   *query = copyObject(get_view_query(rel));
	LowerView	view = {0};
	DbspViewRow row;
	int			settings_level;
	DbspPlan   *plan;

	table_close(rel, NoLock);
	view.published = dbsp_catalog_part(definition, &row) == DBSP_PART_DEFINITION;
	if (view.published)
		view.guarded = guarded_sources(row.number);
	/* Rights are looked at when a view is declared; with "off" a policy would be an error of whoever writes. */
	settings_level = NewGUCNestLevel();
	(void) set_config_option("row_security", "on", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	plan = lower_query(query, &view);
	AtEOXact_GUC(false, settings_level);
	return plan;
}

/*
 * The plan of one SELECT level, whose visible columns are the needed ones (by
 * resno) in their order; all, if the level says DISTINCT.
 */
LowerRel *
dbsp_lower_level(Query *query, LowerLevel *parent, Bitmapset *needed, bool keyless, LowerView *view)
{
	LowerLevel	level = {.parent = parent, .query = query, .view = view};
	LowerFrom  *from;
	LowerRel   *rel;
	ListCell   *lc;
	int			column = 0;
	DbspPlan   *plan;

	check_stack_depth();
	if (query->setOperations != NULL)
		return dbsp_lower_setop(&level, needed);

	if (query->distinctClause != NIL)
		needed = bms_add_range(NULL, 1, list_length(query->targetList));
	level.visible = visible_outputs(query, needed);
	level.having = dbsp_lower_flatten(query, query->havingQual);
	level.keyless = keyless || dbsp_lower_is_grouped(query) || query->distinctClause != NIL;

	from = dbsp_lower_from(&level);
	if (dbsp_lower_is_grouped(query))
	{
		plan = dbsp_lower_group(&level, from);
		if (query->distinctClause != NIL)
		{
			List	   *exprs = NIL;

			for (int i = 1; i <= list_length(level.visible); i++)
				exprs = lappend(exprs, dbsp_lower_column(plan, i));
			plan = lower_distinct(&level, plan, exprs);
		}
	}
	else
		plan = lower_outputs(&level, from);

	rel = dbsp_lower_rel(plan, list_length(query->targetList));
	foreach(lc, level.visible)
		rel->columns[((TargetEntry *) lfirst(lc))->resno] = ++column;
	return rel;
}

/* A rel over the plan with no column assigned yet. */
LowerRel *
dbsp_lower_rel(DbspPlan *plan, int nattrs)
{
	LowerRel   *rel = (LowerRel *) palloc(sizeof(LowerRel));

	rel->plan = plan;
	rel->nattrs = nattrs;
	rel->columns = (int *) palloc0(sizeof(int) * (nattrs + 1));
	return rel;
}

/*
 * Names the leading output columns.  Whether a projection is needed must not
 * depend on names, since tables' columns can be renamed under a view; a
 * source keeps the names of its table.
 */
void
dbsp_lower_rename(DbspPlan *plan, List *names)
{
	ListCell   *lc;

	if (plan->kind == DBSP_PLAN_SOURCE)
		return;
	foreach(lc, names)
		namestrcpy(&TupleDescAttr(plan->rowtype, foreach_current_index(lc))->attname, (char *) lfirst(lc));
}

/* A copy of the expression in which columns of joins are columns of the joined items. */
Node *
dbsp_lower_flatten(Query *query, Node *node)
{
	return node == NULL ? NULL : flatten_join_alias_vars(query, copyObject(node));
}

static Query *
rewrite_query(Query *query)
{
	List	   *rewritten;
	Query	   *result;

	AcquireRewriteLocks(query, true, false);
	rewritten = QueryRewrite(query);
	if (list_length(rewritten) != 1)
		elog(ERROR, "query of an incremental view was rewritten to %d queries", list_length(rewritten));
	result = linitial_node(Query, rewritten);
	if (result->commandType != CMD_SELECT)
		elog(ERROR, "query of an incremental view was rewritten to something else");
	return result;
}

/* The names of the visible entries. */
static List *
output_names(List *targetlist)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, targetlist)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk)
			names = lappend(names, pstrdup(tle->resname ? tle->resname : "?column?"));
	}
	return names;
}

/* Copies of the needed entries of the target list, with join aliases flattened. */
static List *
visible_outputs(Query *query, Bitmapset *needed)
{
	List	   *visible = NIL;
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk && bms_is_member(tle->resno, needed))
			visible = lappend(visible, dbsp_lower_flatten(query, (Node *) tle));
	}
	return visible;
}

/*
 * The select list of a level without grouping: a projection to the visible
 * columns and then the key columns that are not among them, or DISTINCT.
 */
static DbspPlan *
lower_outputs(LowerLevel *level, LowerFrom *from)
{
	DbspPlan   *input = from->plan;
	List	   *exprs = NIL;
	List	   *names = output_names(level->visible);
	List	   *shown = NIL;
	int			nvisible = list_length(level->visible);
	int			nhidden = 0;
	ListCell   *lc;

	foreach(lc, level->visible)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Expr	   *expr = dbsp_lower_expr((Node *) tle->expr, from, 0);

		exprs = lappend(exprs, expr);
		if (IsA(expr, Var))
			shown = lappend_int(shown, ((Var *) expr)->varattno);
	}
	if (level->query->distinctClause != NIL)
		return lower_distinct(level, input, exprs);

	foreach(lc, input->key)
	{
		if (list_member_int(shown, lfirst_int(lc)))
			continue;
		exprs = lappend(exprs, dbsp_lower_column(input, lfirst_int(lc)));
		names = lappend(names, psprintf(DBSP_HIDDEN_PREFIX "key_%d", ++nhidden));
	}
	if (project_is_identity(input, exprs, nvisible))
	{
		dbsp_lower_rename(input, list_truncate(names, nvisible));
		return input;
	}
	return dbsp_plan_project(input, exprs, names, nvisible);
}

static bool
project_is_identity(DbspPlan *input, List *exprs, int nvisible)
{
	ListCell   *lc;

	if (list_length(exprs) != input->rowtype->natts || nvisible != input->nvisible)
		return false;
	foreach(lc, exprs)
	{
		Var		   *var = (Var *) lfirst(lc);

		if (!IsA(var, Var) || var->varattno != foreach_current_index(lc) + 1)
			return false;
	}
	return true;
}

/* DISTINCT: groups by the visible columns, whose expressions over the input are exprs. */
static DbspPlan *
lower_distinct(LowerLevel *level, DbspPlan *input, List *exprs)
{
	List	   *keys = distinct_keys(level, exprs);
	List	   *outputs = NIL;
	ListCell   *lc;

	foreach(lc, exprs)
	{
		Node	   *expr = (Node *) lfirst(lc);
		AttrNumber	column = foreach_current_index(lc) + 1;

		outputs = lappend(outputs, makeVar(1, column, exprType(expr), exprTypmod(expr), exprCollation(expr), 0));
	}
	return dbsp_plan_aggregate(input, keys, NIL, NIL, NIL, NIL, outputs, output_names(level->visible),
							   list_length(outputs), false);
}

/* One group key per visible column, in the order of the columns. */
static List *
distinct_keys(LowerLevel *level, List *exprs)
{
	List	   *keys = NIL;
	ListCell   *lc;

	foreach(lc, level->visible)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		SortGroupClause *clause = get_sortgroupref_clause(tle->ressortgroupref, level->query->distinctClause);
		DbspGroupKey *key = (DbspGroupKey *) palloc0(sizeof(DbspGroupKey));

		key->expr = (Expr *) list_nth(exprs, foreach_current_index(lc));
		key->eqop = clause->eqop;
		key->sortop = clause->sortop;
		key->hashable = clause->hashable;
		key->collation = exprCollation((Node *) key->expr);
		key->column = foreach_current_index(lc) + 1;
		keys = lappend(keys, key);
	}
	return keys;
}
