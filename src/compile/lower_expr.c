/*-------------------------------------------------------------------------
 *
 * lower_expr.c
 *	  From a Query's expressions to a plan's.
 *
 * A plan's structure and keys must come out the same however user-defined
 * functions and domains change, for the internal tables were made by it.  So
 * the decisions are made on expressions as they are written; PostgreSQL's
 * simplification comes last, and is left out where it could inline a
 * user-defined function or make a plain column out of something else.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/syscache.h"

#include "compile/lower.h"

typedef struct MapContext
{
	LowerFrom  *from;
	int			shift;
} MapContext;

static Node *map_mutator(Node *node, MapContext *context);
static Node *expand_mutator(Node *node, void *context);
static List *expand_arguments(FuncExpr *func);
static bool user_defined_walker(Node *node, void *context);
static bool function_is_user_defined(Oid funcid, void *context);
static bool is_column(Node *node);
static void collect_conjuncts(Node *node, List **conjuncts);

/*
 * The expression over the joined row, or, with a shift, over a row that
 * begins at that column of it.  Ready for ExecInitExpr.
 */
Expr *
dbsp_lower_expr(Node *node, LowerFrom *from, int shift)
{
	MapContext	context = {.from = from, .shift = shift};

	return dbsp_lower_finish(map_mutator(node, &context));
}

/* The expression as the executor needs it: with default arguments, function OIDs and, where it is safe, simplified. */
Expr *
dbsp_lower_finish(Node *node)
{
	Node	   *expanded = expand_mutator(node, NULL);
	Node	   *simple;

	fix_opfuncids(expanded);
	if (user_defined_walker(expanded, NULL))
		return (Expr *) expanded;
	simple = (Node *) expression_planner((Expr *) copyObject(expanded));
	return (Expr *) (is_column(simple) && !is_column(expanded) ? expanded : simple);
}

/* The conjuncts of a qual as written and in written order, without those that just say true. */
List *
dbsp_lower_conjuncts(Node *qual)
{
	List	   *conjuncts = NIL;

	if (qual != NULL)
		collect_conjuncts(qual, &conjuncts);
	return conjuncts;
}

/* A Var for an output column of a plan. */
Var *
dbsp_lower_column(const DbspPlan *plan, int column)
{
	Form_pg_attribute attr = TupleDescAttr(plan->rowtype, column - 1);

	return makeVar(1, column, attr->atttypid, attr->atttypmod, attr->attcollation, 0);
}

static Node *
map_mutator(Node *node, MapContext *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;
		LowerRel   *rel;

		if (var->varlevelsup != 0 || var->varno < 1 || var->varno > context->from->nrels)
			elog(ERROR, "unexpected column reference: varno %d, level %u", var->varno, var->varlevelsup);
		rel = context->from->rels[var->varno - 1];
		if (rel == NULL || var->varattno < 1 || var->varattno > rel->nattrs || rel->columns[var->varattno] == 0)
			elog(ERROR, "unexpected column reference: varno %d, attribute %d", var->varno, var->varattno);
		return (Node *) makeVar(1,
								context->from->offsets[var->varno - 1] + rel->columns[var->varattno] - context->shift,
								var->vartype, var->vartypmod, var->varcollid, 0);
	}
	return expression_tree_mutator(node, map_mutator, context);
}

/* Fills in the arguments that calls leave out, and replaces COLLATE, which the executor does not know. */
static Node *
expand_mutator(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	check_stack_depth();
	node = expression_tree_mutator(node, expand_mutator, context);
	if (IsA(node, FuncExpr))
		((FuncExpr *) node)->args = expand_arguments((FuncExpr *) node);
	else if (IsA(node, CollateExpr))
	{
		CollateExpr *collate = (CollateExpr *) node;

		return (Node *) makeRelabelType(collate->arg, exprType((Node *) collate->arg),
										exprTypmod((Node *) collate->arg), collate->collOid, COERCE_IMPLICIT_CAST);
	}
	return node;
}

static List *
expand_arguments(FuncExpr *func)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(func->funcid));
	List	   *args;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", func->funcid);
	args = expand_function_arguments(func->args, false, func->funcresulttype, tuple);
	ReleaseSysCache(tuple);

	/* Defaults may contain calls of their own. */
	return args == func->args ? args : (List *) expand_mutator((Node *) args, NULL);
}

/* True if the expression calls a function, or uses a domain, that a user can change. */
static bool
user_defined_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, function_is_user_defined, context))
		return true;
	if (IsA(node, CoerceToDomain) && ((CoerceToDomain *) node)->resulttype >= FirstNormalObjectId)
		return true;
	return expression_tree_walker(node, user_defined_walker, context);
}

static bool
function_is_user_defined(Oid funcid, void *context)
{
	return funcid >= FirstNormalObjectId;
}

/* True for what counts as a plain column in the derivation of keys. */
static bool
is_column(Node *node)
{
	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return IsA(node, Var);
}

static void
collect_conjuncts(Node *node, List **conjuncts)
{
	ListCell   *lc;

	if (is_andclause(node))
	{
		foreach(lc, ((BoolExpr *) node)->args)
			collect_conjuncts((Node *) lfirst(lc), conjuncts);
		return;
	}
	if (IsA(node, Const) && !((Const *) node)->constisnull && DatumGetBool(((Const *) node)->constvalue))
		return;
	*conjuncts = lappend(*conjuncts, node);
}
