/*-------------------------------------------------------------------------
 *
 * expressions.c
 *	  What the expressions of a view depend on besides its rows.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "engine/expressions.h"

static bool
is_foreign_function(Oid function, void *context)
{
	return function >= FirstGenbkiObjectId;
}

/*
 * True if the expression's result may depend on settings although it is
 * declared immutable: conversions to text follow extra_float_digits,
 * bytea_output and the like, and functions that are not built in may do
 * anything, also those in the constraints of domains.
 */
static bool
may_follow_settings(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, CoerceViaIO) || IsA(node, XmlExpr) || IsA(node, CoerceToDomain))
		return true;
	if (check_functions_in_node(node, is_foreign_function, context))
		return true;
	return expression_tree_walker(node, may_follow_settings, context);
}

/* True if values of the type are compared and hashed by functions that are not built in. */
static bool
is_foreign_type(Oid type)
{
	type = getBaseType(type);
	return type >= FirstNormalObjectId && !type_is_enum(type);
}

static bool
plan_has_foreign_types(DbspPlan *plan)
{
	ListCell   *lc;

	foreach(lc, dbsp_plan_nodes(plan))
	{
		TupleDesc	row = ((DbspPlan *) lfirst(lc))->rowtype;

		for (int i = 0; i < row->natts; i++)
			if (is_foreign_type(TupleDescAttr(row, i)->atttypid))
				return true;
	}
	return false;
}

/* The expressions and conditions of the indexes that users have made on internal tables (OID list). */
static List *
index_expressions(List *relations)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, relations)
	{
		Relation	rel = table_open(lfirst_oid(lc), AccessShareLock);
		ListCell   *cell;

		foreach(cell, RelationGetIndexList(rel))
		{
			Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

			result = list_concat(result, RelationGetIndexExpressions(index));
			result = list_concat(result, RelationGetIndexPredicate(index));
			index_close(index, AccessShareLock);
		}
		table_close(rel, AccessShareLock);
	}
	return result;
}

/* All expressions of a plan. */
static List *
plan_expressions(DbspPlan *plan)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, dbsp_plan_nodes(plan))
	{
		DbspPlan   *node = lfirst(lc);
		ListCell   *k;

		result = list_concat(list_concat(list_concat(result, node->quals), node->exprs), node->having);
		foreach(k, node->joinkeys)
		{
			result = lappend(result, ((DbspJoinKey *) lfirst(k))->left);
			result = lappend(result, ((DbspJoinKey *) lfirst(k))->right);
		}
		foreach(k, node->groupkeys)
			result = lappend(result, ((DbspGroupKey *) lfirst(k))->expr);
		foreach(k, node->states)
			result = lappend(result, ((DbspAggState *) lfirst(k))->arg);
	}
	return result;
}

/* Adds to *domains (OID list) the hash values of domains whose constraints are checked. */
static bool
collect_domains(Node *node, List **domains)
{
	if (node == NULL)
		return false;
	if (IsA(node, CoerceToDomain))
	{
		Oid			type = ((CoerceToDomain *) node)->resulttype;

		/* A domain has the constraints of those that it is over. */
		while (get_typtype(type) == TYPTYPE_DOMAIN)
		{
			HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));

			if (!HeapTupleIsValid(tuple))
				break;
			*domains = list_append_unique_oid(*domains, GetSysCacheHashValue1(TYPEOID, ObjectIdGetDatum(type)));
			type = ((Form_pg_type) GETSTRUCT(tuple))->typbasetype;
			ReleaseSysCache(tuple);
		}
	}
	return expression_tree_walker(node, collect_domains, domains);
}

bool
dbsp_plan_follows_settings(DbspPlan *plan, List *relations)
{
	return may_follow_settings((Node *) plan_expressions(plan), NULL) || plan_has_foreign_types(plan) ||
		may_follow_settings((Node *) index_expressions(relations), NULL);
}

/* A function that is leakproof tells nothing of its arguments, not even by an error. */
bool
dbsp_plan_may_fail(DbspPlan *plan)
{
	return contain_leaked_vars((Node *) plan_expressions(plan));
}

List *
dbsp_plan_domains(DbspPlan *plan)
{
	List	   *domains = NIL;

	(void) collect_domains((Node *) plan_expressions(plan), &domains);
	return domains;
}
