/*-------------------------------------------------------------------------
 *
 * check_expr.c
 *	  Which expressions an incremental view may use: those whose value follows
 *	  from the row alone, and the aggregates that can be kept up to date.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/htup_details.h"
#include "catalog/heap.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "circuit/agg/agg.h"
#include "compile/check.h"

static bool expr_walker(Node *node, Check *check);
static bool check_node(Node *node, Check *check);
static void check_var(Var *var, Check *check);
static void check_sublink(SubLink *sublink, Check *check);
static void check_aggref(Aggref *aggref, Check *check);
static void check_function(FuncExpr *func, Check *check);
static bool report_mutable(Oid funcid, void *context);
static void check_mutable(Node *node, Check *check);
static const char *describe(Node *node, Oid funcid, int *location_out, bool *zoned_out);
static const char *describe_cast(Node *arg, Oid result, bool *zoned_out);
static const char *value_function_name(SQLValueFunction *function);
static void check_domain(CoerceToDomain *coerce, Check *check);

/* The node whose function is looked at. */
typedef struct MutableContext
{
	Node	   *node;
	Check	   *check;
} MutableContext;

/* Adds the problems of an expression, or of a list of expressions or target entries. */
void
dbsp_check_expr(Check *check, Node *node)
{
	expr_walker(node, check);
}

static bool
expr_walker(Node *node, Check *check)
{
	if (node == NULL)
		return false;
	check_stack_depth();
	if (!check_node(node, check))
		return false;
	return expression_tree_walker(node, expr_walker, check);
}

/* Checks the node itself; true if its parts are to be checked too. */
static bool
check_node(Node *node, Check *check)
{
	switch (nodeTag(node))
	{
		case T_Var:
			check_var((Var *) node, check);
			return false;
		case T_SubLink:
			check_sublink((SubLink *) node, check);
			return false;
		case T_Aggref:
			check_aggref((Aggref *) node, check);
			return true;
		case T_WindowFunc:
			dbsp_check_add(check, CHECK_WINDOW_FUNCTION, format_procedure(((WindowFunc *) node)->winfnoid),
						   ((WindowFunc *) node)->location);
			return true;
		case T_GroupingFunc:
			dbsp_check_add(check, CHECK_GROUPING, NULL, ((GroupingFunc *) node)->location);
			return false;
		case T_Param:
			/* In the test expression of a subquery, which is refused itself. */
			if (((Param *) node)->paramkind == PARAM_SUBLINK)
				return false;
			dbsp_check_add(check, CHECK_PARAMETER, psprintf("$%d", ((Param *) node)->paramid),
						   ((Param *) node)->location);
			return false;
		case T_XmlExpr:
			dbsp_check_add(check, CHECK_XML, NULL, exprLocation(node));
			return true;
		case T_SQLValueFunction:
			dbsp_check_add(check, CHECK_STABLE, value_function_name((SQLValueFunction *) node),
						   ((SQLValueFunction *) node)->location);
			return false;
		case T_NextValueExpr:
		case T_CurrentOfExpr:
		case T_SetToDefault:
		case T_Query:
			dbsp_check_add(check, CHECK_OTHER_EXPRESSION, NULL, exprLocation(node));
			return false;
		case T_CoerceToDomain:
			check_domain((CoerceToDomain *) node, check);
			return true;
		case T_FuncExpr:
			check_function((FuncExpr *) node, check);
			return true;
		default:
			check_mutable(node, check);
			return true;
	}
}

static void
check_var(Var *var, Check *check)
{
	if (var->varattno < 0)
		dbsp_check_add(check, CHECK_SYSTEM_COLUMN,
					   psprintf("\"%s\"", NameStr(SystemAttributeDefinition(var->varattno)->attname)), var->location);
	else if (var->varattno == 0)
		dbsp_check_add(check, CHECK_WHOLE_ROW, format_type_be(var->vartype), var->location);
}

/* What is inside the subquery is not looked at: it goes with the refused expression. */
static void
check_sublink(SubLink *sublink, Check *check)
{
	CheckRuleId id = CHECK_OTHER_EXPRESSION;

	switch (sublink->subLinkType)
	{
		case EXISTS_SUBLINK:
			id = CHECK_EXISTS;
			break;
		case ALL_SUBLINK:
			id = CHECK_ALL_SUBQUERY;
			break;
		case ANY_SUBLINK:
			/* The parser makes IN and = ANY the same. */
			id = strcmp(strVal(llast(sublink->operName)), "=") == 0 ? CHECK_IN_SUBQUERY : CHECK_ANY_SUBQUERY;
			break;
		case ROWCOMPARE_SUBLINK:
			id = CHECK_ROW_SUBQUERY;
			break;
		case EXPR_SUBLINK:
			id = CHECK_SCALAR_SUBQUERY;
			break;
		case ARRAY_SUBLINK:
			id = CHECK_ARRAY_SUBQUERY;
			break;
		case MULTIEXPR_SUBLINK:
		case CTE_SUBLINK:
			break;
	}
	dbsp_check_add(check, id, NULL, sublink->location);
	dbsp_check_expr(check, sublink->testexpr);
}

static void
check_aggref(Aggref *aggref, Check *check)
{
	char	   *name = format_procedure(aggref->aggfnoid);
	DbspAggInfo info;

	if (aggref->aggkind != AGGKIND_NORMAL)
		dbsp_check_add(check, CHECK_AGGREGATE_ORDERED_SET, name, aggref->location);
	else if (aggref->agglevelsup > 0)
		dbsp_check_add(check, CHECK_AGGREGATE_OUTER, name, aggref->location);
	else if (aggref->aggdistinct != NIL)
		dbsp_check_add(check, CHECK_AGGREGATE_DISTINCT, name, aggref->location);
	else if (aggref->aggorder != NIL)
		dbsp_check_add(check, CHECK_AGGREGATE_ORDER, name, aggref->location);
	else if (!aggref->aggstar && (list_length(aggref->args) != 1 || !dbsp_agg_lookup(aggref->aggfnoid, &info)))
		dbsp_check_add(check, CHECK_AGGREGATE, name, aggref->location);
}

/* Checks the function, and the defaults of arguments that the call leaves out. */
static void
check_function(FuncExpr *func, Check *check)
{
	HeapTuple	tuple;
	List	   *args;
	int			fallback = check->fallback;
	ListCell   *lc;

	if (func->funcretset)
	{
		dbsp_check_add(check, CHECK_SET_RETURNING, format_procedure(func->funcid), exprLocation((Node *) func));
		return;
	}
	check_mutable((Node *) func, check);

	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(func->funcid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", func->funcid);
	args = expand_function_arguments(func->args, false, func->funcresulttype, tuple);
	ReleaseSysCache(tuple);
	if (args == func->args)
		return;
	check->fallback = exprLocation((Node *) func);
	foreach(lc, args)
	{
		Node	   *arg = (Node *) lfirst(lc);
		bool		written = false;
		ListCell   *cell;

		foreach(cell, func->args)
		{
			Node	   *given = (Node *) lfirst(cell);

			if (given == arg || (IsA(given, NamedArgExpr) && (Node *) ((NamedArgExpr *) given)->arg == arg))
				written = true;
		}
		if (!written)
			dbsp_check_expr(check, arg);
	}
	check->fallback = fallback;
}

/* Adds a problem for each function of the node itself that is not immutable. */
static void
check_mutable(Node *node, Check *check)
{
	MutableContext context = {.node = node, .check = check};

	if (IsA(node, OpExpr) && ((OpExpr *) node)->opretset)
		dbsp_check_add(check, CHECK_SET_RETURNING, format_procedure(get_opcode(((OpExpr *) node)->opno)),
					   exprLocation(node));
	check_functions_in_node(node, report_mutable, &context);
}

/* Callback of check_functions_in_node: true, which ends the search, once there is a problem. */
static bool
report_mutable(Oid funcid, void *context)
{
	MutableContext *mutable = (MutableContext *) context;
	char		volatility = func_volatile(funcid);
	CheckRuleId id = volatility == PROVOLATILE_VOLATILE ? CHECK_VOLATILE : CHECK_STABLE;
	const char *construct;
	int			location;
	bool		zoned = false;

	if (volatility == PROVOLATILE_IMMUTABLE)
		return false;
	construct = describe(mutable->node, funcid, &location, &zoned);
	if (zoned && id == CHECK_STABLE)
		id = CHECK_STABLE_TIMESTAMPTZ;
	dbsp_check_add(mutable->check, id, construct, location);
	return true;
}

/* How a user would name what calls the function; whether it converts from or to timestamp with time zone. */
static const char *
describe(Node *node, Oid funcid, int *location_out, bool *zoned_out)
{
	*location_out = exprLocation(node);
	*zoned_out = false;
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			{
				FuncExpr   *func = (FuncExpr *) node;

				if (func->funcformat == COERCE_EXPLICIT_CAST || func->funcformat == COERCE_IMPLICIT_CAST)
					return describe_cast((Node *) linitial(func->args), func->funcresulttype, zoned_out);
				break;
			}
		case T_CoerceViaIO:
			return describe_cast((Node *) ((CoerceViaIO *) node)->arg, ((CoerceViaIO *) node)->resulttype, zoned_out);
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			{
				OpExpr	   *op = (OpExpr *) node;

				if (op->location >= 0)
					*location_out = op->location;
				return psprintf("operator %s", format_operator(op->opno));
			}
		case T_ScalarArrayOpExpr:
			{
				ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) node;

				if (op->location >= 0)
					*location_out = op->location;
				return psprintf("operator %s", format_operator(op->opno));
			}
		default:
			break;
	}
	return psprintf("function %s", format_procedure(funcid));
}

static const char *
describe_cast(Node *arg, Oid result, bool *zoned_out)
{
	Oid			source = exprType(arg);

	*zoned_out = source == TIMESTAMPTZOID || result == TIMESTAMPTZOID ||
		source == TIMETZOID || result == TIMETZOID;
	return psprintf("the cast from %s to %s", format_type_be(source), format_type_be(result));
}

static const char *
value_function_name(SQLValueFunction *function)
{
	switch (function->op)
	{
		case SVFOP_CURRENT_DATE:
			return "CURRENT_DATE";
		case SVFOP_CURRENT_TIME:
		case SVFOP_CURRENT_TIME_N:
			return "CURRENT_TIME";
		case SVFOP_CURRENT_TIMESTAMP:
		case SVFOP_CURRENT_TIMESTAMP_N:
			return "CURRENT_TIMESTAMP";
		case SVFOP_LOCALTIME:
		case SVFOP_LOCALTIME_N:
			return "LOCALTIME";
		case SVFOP_LOCALTIMESTAMP:
		case SVFOP_LOCALTIMESTAMP_N:
			return "LOCALTIMESTAMP";
		case SVFOP_CURRENT_ROLE:
			return "CURRENT_ROLE";
		case SVFOP_CURRENT_USER:
			return "CURRENT_USER";
		case SVFOP_USER:
			return "USER";
		case SVFOP_SESSION_USER:
			return "SESSION_USER";
		case SVFOP_CURRENT_CATALOG:
			return "CURRENT_CATALOG";
		case SVFOP_CURRENT_SCHEMA:
			return "CURRENT_SCHEMA";
	}
	return "a function of the session";
}

/* The constraints of a domain must be immutable as well. */
static void
check_domain(CoerceToDomain *coerce, Check *check)
{
	DomainConstraintRef *ref;
	ListCell   *lc;

	if (!DomainHasConstraints(coerce->resulttype))
		return;

	/* It lives as long as the context, which keeps a pointer to it. */
	ref = (DomainConstraintRef *) palloc0(sizeof(DomainConstraintRef));
	InitDomainConstraintRef(coerce->resulttype, ref, CurrentMemoryContext, false);
	foreach(lc, ref->constraints)
	{
		DomainConstraintState *constraint = (DomainConstraintState *) lfirst(lc);

		if (constraint->constrainttype == DOM_CONSTRAINT_CHECK &&
			contain_mutable_functions((Node *) copyObject(constraint->check_expr)))
		{
			dbsp_check_add(check, CHECK_DOMAIN, format_type_be(coerce->resulttype), exprLocation((Node *) coerce));
			return;
		}
	}
}
