/*-------------------------------------------------------------------------
 *
 * lower_setop.c
 *	  UNION ALL.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"

#include "compile/lower.h"

typedef struct SetopBuild
{
	LowerLevel *level;
	Bitmapset  *needed;
	List	   *names;			/* of the needed columns */
	List	   *inputs;			/* of DbspPlan: the leaves so far */
} SetopBuild;

static void lower_leaves(SetopBuild *build, Node *node, List *ancestors);
static DbspPlan *lower_leaf(SetopBuild *build, RangeTblEntry *rte, List *ancestors);
static DbspPlan *project_leaf(DbspPlan *plan, List *exprs, List *names);
static Node *compose_mutator(Node *node, List *columns);
static bool leaf_is_fit(DbspPlan *plan, List *exprs);

/* The concatenation of all leaves of a tree of UNION ALLs, with the needed columns in their order. */
LowerRel *
dbsp_lower_setop(LowerLevel *level, Bitmapset *needed)
{
	SetopBuild	build = {.level = level, .needed = needed};
	Query	   *query = level->query;
	LowerRel   *rel;
	ListCell   *lc;
	int			column = 0;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (bms_is_member(tle->resno, needed))
			build.names = lappend(build.names, pstrdup(tle->resname ? tle->resname : "?column?"));
	}
	lower_leaves(&build, query->setOperations, NIL);
	rel = dbsp_lower_rel(dbsp_plan_union(build.inputs), list_length(query->targetList));
	dbsp_lower_rename(rel->plan, build.names);
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (bms_is_member(tle->resno, needed))
			rel->columns[tle->resno] = ++column;
	}
	return rel;
}

/* The expression as column (from 1) of the set operation's result, as the planner coerces it. */
Node *
dbsp_lower_setop_coerce(Node *expr, SetOperationStmt *setop, int column)
{
	Oid			type = list_nth_oid(setop->colTypes, column - 1);
	Oid			collation = list_nth_oid(setop->colCollations, column - 1);

	if (exprType(expr) != type)
		expr = coerce_to_common_type(NULL, expr, type, "UNION/INTERSECT/EXCEPT");
	if (exprCollation(expr) != collation)
		expr = (Node *) makeRelabelType((Expr *) expr, exprType(expr), exprTypmod(expr), collation,
										COERCE_IMPLICIT_CAST);
	return expr;
}

/* ancestors: the set operations above the node, innermost first. */
static void
lower_leaves(SetopBuild *build, Node *node, List *ancestors)
{
	SetOperationStmt *setop;
	List	   *below;

	check_stack_depth();
	if (IsA(node, RangeTblRef))
	{
		RangeTblEntry *rte = rt_fetch(((RangeTblRef *) node)->rtindex, build->level->query->rtable);

		build->inputs = lappend(build->inputs, lower_leaf(build, rte, ancestors));
		return;
	}
	setop = castNode(SetOperationStmt, node);
	if (setop->op != SETOP_UNION || !setop->all)
		elog(ERROR, "unexpected set operation: %d", (int) setop->op);
	below = lcons(setop, list_copy(ancestors));
	lower_leaves(build, setop->larg, below);
	lower_leaves(build, setop->rarg, below);
}

/* One leaf, projected to the needed columns in the types of the whole. */
static DbspPlan *
lower_leaf(SetopBuild *build, RangeTblEntry *rte, List *ancestors)
{
	LowerRel   *rel = dbsp_lower_level(rte->subquery, build->level, build->needed, true, build->level->view);
	List	   *exprs = NIL;
	int			resno = 0;

	while ((resno = bms_next_member(build->needed, resno)) > 0)
	{
		Node	   *expr = (Node *) dbsp_lower_column(rel->plan, rel->columns[resno]);
		ListCell   *lc;

		foreach(lc, ancestors)
			expr = dbsp_lower_setop_coerce(expr, (SetOperationStmt *) lfirst(lc), resno);
		exprs = lappend(exprs, dbsp_lower_finish(expr));
	}
	if (leaf_is_fit(rel->plan, exprs))
		return rel->plan;
	return project_leaf(rel->plan, exprs, build->names);
}

/* A projection of the plan; of its input, if the plan is a projection that then has no other use. */
static DbspPlan *
project_leaf(DbspPlan *plan, List *exprs, List *names)
{
	List	   *composed = NIL;
	ListCell   *lc;

	if (plan->kind != DBSP_PLAN_PROJECT)
		return dbsp_plan_project(plan, exprs, names, list_length(exprs));
	foreach(lc, exprs)
		composed = lappend(composed, dbsp_lower_finish(compose_mutator((Node *) lfirst(lc), plan->exprs)));
	return dbsp_plan_project((DbspPlan *) linitial(plan->inputs), composed, names, list_length(composed));
}

static Node *
compose_mutator(Node *node, List *columns)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
		return (Node *) copyObjectImpl(list_nth(columns, ((Var *) node)->varattno - 1));
	return expression_tree_mutator(node, compose_mutator, columns);
}

/* True if the plan's columns are the expressions. */
static bool
leaf_is_fit(DbspPlan *plan, List *exprs)
{
	ListCell   *lc;

	if (list_length(exprs) != plan->rowtype->natts)
		return false;
	foreach(lc, exprs)
	{
		Var		   *var = (Var *) lfirst(lc);

		if (!IsA(var, Var) || var->varattno != foreach_current_index(lc) + 1)
			return false;
	}
	return true;
}
