/*-------------------------------------------------------------------------
 *
 * check.c
 *	  Finds everything in a query for which a view could not be kept right.
 *
 * The walk goes through the analysed tree as PostgreSQL made it, into
 * subqueries, common table expressions and the views that it reads.  What is
 * not known to be right is refused.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_oper.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"

#include "compile/check.h"
#include "compile/compile.h"
#include "compile/lower.h"

static void check_query(Check *check, Query *query);
static void check_ctes(Check *check, Query *query);
static void check_setop(Check *check, Query *query, Node *node, List *ancestors);
static void check_setop_leaf(Check *check, Query *leaf, List *ancestors);
static void check_from(Check *check, Query *query, Node *node);
static void check_join(Check *check, Query *query, JoinExpr *join);
static void check_item(Check *check, RangeTblEntry *rte);
static void check_clauses(Check *check, Query *query);
static void check_locking(Check *check, Query *query);
static void check_outputs(Check *check, Query *query);
static void check_dependent_columns(Check *check, Query *query);
static int	clause_location(Query *query, List *clause);
static const char *function_item_name(RangeTblEntry *rte);

List *
dbsp_check(const Query *query)
{
	Check		check = {.fallback = -1};
	Query	   *copy = (Query *) copyObject(query);
	List	   *located = NIL;
	List	   *others = NIL;
	ListCell   *lc;

	if (copy->commandType != CMD_SELECT)
		elog(ERROR, "unexpected command type: %d", (int) copy->commandType);
	if (ExecCleanTargetListLength(copy->targetList) == 0)
		dbsp_check_add(&check, CHECK_NO_COLUMNS, NULL, -1);
	check_query(&check, copy);

	/* In the order of positions, by insertion, so that equal ones stay in the order of the walk. */
	foreach(lc, check.problems)
	{
		DbspProblem *problem = (DbspProblem *) lfirst(lc);
		int			position = list_length(located);

		if (problem->location < 0)
		{
			others = lappend(others, problem);
			continue;
		}
		while (position > 0 && ((DbspProblem *) list_nth(located, position - 1))->location > problem->location)
			position--;
		located = list_insert_nth(located, position, problem);
	}
	return list_concat(located, others);
}

static void
check_query(Check *check, Query *query)
{
	check_stack_depth();
	check_ctes(check, query);
	if (query->setOperations != NULL)
		check_setop(check, query, query->setOperations, NIL);
	else if (query->jointree->fromlist == NIL)
		dbsp_check_add(check, CHECK_NO_FROM, NULL, exprLocation((Node *) query->targetList));
	check_outputs(check, query);
	check_from(check, query, (Node *) query->jointree);
	check_clauses(check, query);
	check_locking(check, query);
	if (check->problems == NIL)
		check_dependent_columns(check, query);
}

static void
check_ctes(Check *check, Query *query)
{
	ListCell   *lc;

	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);
		Query	   *ctequery = castNode(Query, cte->ctequery);

		if (ctequery->commandType != CMD_SELECT)
			dbsp_check_add(check, CHECK_MODIFYING_CTE, quote_identifier(cte->ctename), cte->location);
		else if (cte->cterecursive)
			dbsp_check_add(check, CHECK_RECURSIVE, quote_identifier(cte->ctename), cte->location);
		else
			check_query(check, ctequery);
	}
}

/* ancestors: the set operations above the node, innermost first. */
static void
check_setop(Check *check, Query *query, Node *node, List *ancestors)
{
	SetOperationStmt *setop;
	List	   *below;

	check_stack_depth();
	if (IsA(node, RangeTblRef))
	{
		check_setop_leaf(check, rt_fetch(((RangeTblRef *) node)->rtindex, query->rtable)->subquery, ancestors);
		return;
	}
	setop = castNode(SetOperationStmt, node);
	if (setop->op == SETOP_INTERSECT)
		dbsp_check_add(check, CHECK_INTERSECT, NULL, -1);
	else if (setop->op == SETOP_EXCEPT)
		dbsp_check_add(check, CHECK_EXCEPT, NULL, -1);
	else if (!setop->all)
		dbsp_check_add(check, CHECK_UNION, NULL, -1);
	below = lcons(setop, list_copy(ancestors));
	check_setop(check, query, setop->larg, below);
	check_setop(check, query, setop->rarg, below);
}

/* The leaf's query, and the conversions of its columns to the types of the whole. */
static void
check_setop_leaf(Check *check, Query *leaf, List *ancestors)
{
	ListCell   *lc;

	check_query(check, leaf);
	foreach(lc, leaf->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		int			fallback = check->fallback;
		Node	   *leafcolumn;
		Node	   *expr;
		ListCell   *cell;

		if (tle->resjunk)
			continue;
		leafcolumn = (Node *) makeVar(1, tle->resno, exprType((Node *) tle->expr), exprTypmod((Node *) tle->expr),
									  exprCollation((Node *) tle->expr), 0);
		expr = leafcolumn;
		foreach(cell, ancestors)
			expr = dbsp_lower_setop_coerce(expr, (SetOperationStmt *) lfirst(cell), tle->resno);
		check->fallback = exprLocation((Node *) tle->expr);
		dbsp_check_expr(check, expr);
		check->fallback = fallback;
	}
}

static void
check_from(Check *check, Query *query, Node *node)
{
	ListCell   *lc;

	check_stack_depth();
	if (IsA(node, RangeTblRef))
		check_item(check, rt_fetch(((RangeTblRef *) node)->rtindex, query->rtable));
	else if (IsA(node, JoinExpr))
		check_join(check, query, (JoinExpr *) node);
	else
	{
		FromExpr   *from = castNode(FromExpr, node);

		foreach(lc, from->fromlist)
			check_from(check, query, (Node *) lfirst(lc));
		dbsp_check_expr(check, dbsp_lower_flatten(query, from->quals));
	}
}

static void
check_join(Check *check, Query *query, JoinExpr *join)
{
	check_from(check, query, join->larg);
	switch (join->jointype)
	{
		case JOIN_INNER:
			break;
		case JOIN_LEFT:
			dbsp_check_add(check, CHECK_LEFT_JOIN, NULL, -1);
			break;
		case JOIN_RIGHT:
			dbsp_check_add(check, CHECK_RIGHT_JOIN, NULL, -1);
			break;
		case JOIN_FULL:
			dbsp_check_add(check, CHECK_FULL_JOIN, NULL, -1);
			break;
		default:
			dbsp_check_add(check, CHECK_OTHER_JOIN, NULL, -1);
			break;
	}
	check_from(check, query, join->rarg);
	dbsp_check_expr(check, dbsp_lower_flatten(query, join->quals));
}

static void
check_item(Check *check, RangeTblEntry *rte)
{
	Check		outer = *check;
	Query	   *query;

	if (rte->lateral && rte->rtekind == RTE_SUBQUERY)
		dbsp_check_add(check, CHECK_LATERAL, NULL, -1);
	if (rte->tablesample != NULL)
		dbsp_check_add(check, CHECK_TABLESAMPLE, NULL, -1);
	switch (rte->rtekind)
	{
		case RTE_RELATION:
			if (dbsp_check_relation(check, rte, &query))
			{
				check_query(check, query);
				check->view = outer.view;
				check->anchor = outer.anchor;
				check->anchor_occurrence = outer.anchor_occurrence;
			}
			break;
		case RTE_SUBQUERY:
			check_query(check, rte->subquery);
			break;
		case RTE_CTE:
			/* Checked where it is defined. */
			break;
		case RTE_VALUES:
			dbsp_check_add(check, CHECK_VALUES, NULL, -1);
			break;
		case RTE_FUNCTION:
			dbsp_check_add(check, CHECK_TABLE_FUNCTION, function_item_name(rte),
						   exprLocation(linitial_node(RangeTblFunction, rte->functions)->funcexpr));
			break;
		case RTE_TABLEFUNC:
			dbsp_check_add(check, CHECK_TABLE_FUNCTION, "XMLTABLE", rte->tablefunc->location);
			break;
		case RTE_NAMEDTUPLESTORE:
			dbsp_check_add(check, CHECK_TRANSITION_TABLE, quote_identifier(rte->enrname), -1);
			break;
		case RTE_JOIN:
		case RTE_RESULT:
			elog(ERROR, "unexpected range table entry kind: %d", (int) rte->rtekind);
			break;
	}
}

static void
check_clauses(Check *check, Query *query)
{
	if (query->groupingSets != NIL)
		dbsp_check_add(check, CHECK_GROUPING_SETS, NULL, exprLocation((Node *) query->groupingSets));
	if (query->groupDistinct)
		dbsp_check_add(check, CHECK_GROUP_BY_DISTINCT, NULL, -1);
	if (query->hasDistinctOn)
		dbsp_check_add(check, CHECK_DISTINCT_ON, NULL, -1);
	if (query->sortClause != NIL)
		dbsp_check_add(check, CHECK_ORDER_BY, NULL, clause_location(query, query->sortClause));
	if (query->windowClause != NIL && !query->hasWindowFuncs)
		dbsp_check_add(check, CHECK_WINDOW, NULL, -1);
	if (query->limitOffset != NULL)
		dbsp_check_add(check, CHECK_OFFSET, NULL, exprLocation(query->limitOffset));
	if (query->limitCount != NULL)
		dbsp_check_add(check, CHECK_LIMIT, NULL, exprLocation(query->limitCount));
}

static void
check_locking(Check *check, Query *query)
{
	ListCell   *lc;
	List	   *seen = NIL;

	foreach(lc, query->rowMarks)
	{
		LockClauseStrength strength = lfirst_node(RowMarkClause, lc)->strength;
		CheckRuleId id = CHECK_FOR_UPDATE;

		if (list_member_int(seen, strength))
			continue;
		seen = lappend_int(seen, strength);
		if (strength == LCS_FORNOKEYUPDATE)
			id = CHECK_FOR_NO_KEY_UPDATE;
		else if (strength == LCS_FORSHARE)
			id = CHECK_FOR_SHARE;
		else if (strength == LCS_FORKEYSHARE)
			id = CHECK_FOR_KEY_SHARE;
		dbsp_check_add(check, id, NULL, -1);
	}
}

/* The select list, with what GROUP BY and DISTINCT add to it, and HAVING. */
static void
check_outputs(Check *check, Query *query)
{
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Oid			type = exprType((Node *) tle->expr);

		if (!tle->resjunk && tle->resname != NULL &&
			strncmp(tle->resname, DBSP_HIDDEN_PREFIX, strlen(DBSP_HIDDEN_PREFIX)) == 0)
			dbsp_check_add(check, CHECK_RESERVED_NAME, psprintf("\"%s\"", tle->resname),
						   exprLocation((Node *) tle->expr));
		if (get_typtype(type) == TYPTYPE_PSEUDO)
			dbsp_check_add(check, CHECK_PSEUDO_TYPE, format_type_be(type), exprLocation((Node *) tle->expr));
		if (query->setOperations == NULL)
			dbsp_check_expr(check, dbsp_lower_flatten(query, (Node *) tle->expr));
	}
	dbsp_check_expr(check, dbsp_lower_flatten(query, query->havingQual));
}

/* Columns that depend on a grouped primary key become group keys, and need an equality for that. */
static void
check_dependent_columns(Check *check, Query *query)
{
	List	   *vars;
	List	   *keys;
	ListCell   *lc;

	if (query->constraintDeps == NIL || !dbsp_lower_is_grouped(query))
		return;
	keys = dbsp_lower_group_keys(query);
	vars = dbsp_lower_dependent_vars(keys, dbsp_lower_flatten(query, (Node *) query->targetList), NIL);
	vars = dbsp_lower_dependent_vars(keys, dbsp_lower_flatten(query, query->havingQual), vars);
	foreach(lc, vars)
	{
		Var		   *var = lfirst_node(Var, lc);
		RangeTblEntry *rte = rt_fetch(var->varno, query->rtable);
		Oid			eqop;

		get_sort_group_operators(var->vartype, false, false, false, NULL, &eqop, NULL, NULL);
		if (!OidIsValid(eqop))
			dbsp_check_add(check, CHECK_SORT_FREE_COLUMN,
						   quote_qualified_identifier(rte->eref->aliasname, get_rte_attribute_name(rte, var->varattno)),
						   var->location);
	}
}

static int
clause_location(Query *query, List *clause)
{
	return exprLocation(get_sortgroupclause_expr(linitial_node(SortGroupClause, clause), query->targetList));
}

static const char *
function_item_name(RangeTblEntry *rte)
{
	Node	   *expr = linitial_node(RangeTblFunction, rte->functions)->funcexpr;

	if (IsA(expr, FuncExpr))
		return format_procedure(((FuncExpr *) expr)->funcid);
	return rte->eref->aliasname;
}
