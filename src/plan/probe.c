/*-------------------------------------------------------------------------
 *
 * probe.c
 *	  How the rows of a plan node with given key values are found.
 *
 * Keys are pushed down: through a filter unchanged, through a projection by
 * substitution, into a join to the side whose columns they use.  The other
 * side of that join is then found by the join's own keys, row by row.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"

#include "plan/probe.h"

/* Substitutes the Vars of an expression. */
typedef struct SubstituteContext
{
	List	   *exprs;			/* by varattno: expressions; or NIL */
	List	   *attnums;		/* by varattno: attribute numbers; or NIL */
	int			offset;			/* subtracted from varattno otherwise */
} SubstituteContext;

static Node *
substitute_mutator(Node *node, SubstituteContext *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (context->exprs)
			return copyObject(list_nth(context->exprs, var->varattno - 1));
		var = copyObject(var);
		if (context->attnums)
			var->varattno = list_nth_int(context->attnums, var->varattno - 1);
		else
			var->varattno -= context->offset;
		var->varattnosyn = var->varattno;
		return (Node *) var;
	}
	return expression_tree_mutator(node, substitute_mutator, context);
}

static DbspProbeKey *
make_key(Expr *expr, Oid operator, Oid value_type, Oid collation, int value)
{
	DbspProbeKey *key = palloc0(sizeof(DbspProbeKey));

	key->expr = expr;
	key->operator = operator;
	key->value_type = value_type;
	key->collation = collation;
	key->value = value;
	return key;
}

static List *
substitute_keys(List *keys, SubstituteContext *context)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, keys)
	{
		DbspProbeKey *key = lfirst(lc);
		Expr	   *expr = (Expr *) substitute_mutator((Node *) key->expr, context);

		result = lappend(result, make_key(expr, key->operator, key->value_type, key->collation, key->value));
	}
	return result;
}

/* Which sides of a join an expression over the joined row uses. */
static void
sides_used(Expr *expr, int nleft, bool *left_out, bool *right_out)
{
	ListCell   *lc;

	*left_out = *right_out = false;
	foreach(lc, pull_var_clause((Node *) expr, 0))
	{
		if (((Var *) lfirst(lc))->varattno <= nleft)
			*left_out = true;
		else
			*right_out = true;
	}
}

/* The join's keys as probe keys of one side; their values come after the outer ones. */
static List *
join_probe_keys(DbspPlan *join, bool probe_right, int first_value, List **other_exprs_out)
{
	List	   *keys = NIL;
	ListCell   *lc;

	*other_exprs_out = NIL;
	foreach(lc, join->joinkeys)
	{
		DbspJoinKey *joinkey = lfirst(lc);
		Expr	   *mine = probe_right ? joinkey->right : joinkey->left;
		Expr	   *other = probe_right ? joinkey->left : joinkey->right;
		Oid			operator = probe_right ? get_commutator(joinkey->operator) : joinkey->operator;

		keys = lappend(keys, make_key(mine, operator, exprType((Node *) other), joinkey->collation, first_value++));
		*other_exprs_out = lappend(*other_exprs_out, other);
	}
	return keys;
}

static void
plan_join_probe(DbspProbe *probe, DbspPlan *join, List *keys, int nvalues)
{
	DbspPlan   *left = linitial(join->inputs);
	DbspPlan   *right = lsecond(join->inputs);
	SubstituteContext same = {NIL, NIL, 0};
	SubstituteContext shift = {NIL, NIL, left->rowtype->natts};
	List	   *left_keys = NIL;
	List	   *right_keys = NIL;
	List	   *other_keys;
	ListCell   *lc;

	foreach(lc, keys)
	{
		DbspProbeKey *key = lfirst(lc);
		bool		uses_left;
		bool		uses_right;

		sides_used(key->expr, left->rowtype->natts, &uses_left, &uses_right);
		if (uses_left && !uses_right)
			left_keys = list_concat(left_keys, substitute_keys(list_make1(key), &same));
		else if (uses_right && !uses_left)
			right_keys = list_concat(right_keys, substitute_keys(list_make1(key), &shift));
		else
			probe->recheck = lappend(probe->recheck, key);
	}

	probe->nouter = nvalues;
	probe->driver_is_left = list_length(left_keys) >= list_length(right_keys);
	other_keys = join_probe_keys(join, probe->driver_is_left, nvalues, &probe->other_exprs);
	nvalues += list_length(probe->other_exprs);
	if (probe->driver_is_left)
		probe->inputs = list_make2(dbsp_probe_plan(left, left_keys, probe->nouter),
								   dbsp_probe_plan(right, list_concat(other_keys, right_keys), nvalues));
	else
		probe->inputs = list_make2(dbsp_probe_plan(right, right_keys, probe->nouter),
								   dbsp_probe_plan(left, list_concat(other_keys, left_keys), nvalues));
}

DbspProbe *
dbsp_probe_plan(DbspPlan *node, List *keys, int nvalues)
{
	DbspProbe  *probe = palloc0(sizeof(DbspProbe));
	SubstituteContext context = {NIL, NIL, 0};
	ListCell   *lc;

	check_stack_depth();
	probe->node = node;
	probe->keys = keys;
	switch (node->kind)
	{
		case DBSP_PLAN_SOURCE:
			context.attnums = node->attnums;
			probe->keys = substitute_keys(keys, &context);
			break;
		case DBSP_PLAN_FILTER:
			probe->inputs = list_make1(dbsp_probe_plan(linitial(node->inputs), keys, nvalues));
			break;
		case DBSP_PLAN_PROJECT:
			context.exprs = node->exprs;
			probe->inputs = list_make1(dbsp_probe_plan(linitial(node->inputs),
													   substitute_keys(keys, &context), nvalues));
			break;
		case DBSP_PLAN_UNION:
			foreach(lc, node->inputs)
				probe->inputs = lappend(probe->inputs, dbsp_probe_plan(lfirst(lc), keys, nvalues));
			break;
		case DBSP_PLAN_JOIN:
			plan_join_probe(probe, node, keys, nvalues);
			break;
		case DBSP_PLAN_AGGREGATE:
			break;
		case DBSP_PLAN_SINK:
			elog(ERROR, "a sink cannot be probed");
	}
	return probe;
}

DbspProbe *
dbsp_probe_join_side(DbspPlan *join, bool probe_right)
{
	List	   *other_exprs;
	List	   *keys = join_probe_keys(join, probe_right, 0, &other_exprs);

	return dbsp_probe_plan(probe_right ? lsecond(join->inputs) : linitial(join->inputs),
						   keys, list_length(keys));
}

List *
dbsp_probe_leaves(DbspProbe *probe)
{
	List	   *leaves = NIL;
	ListCell   *lc;

	if (probe->node->kind == DBSP_PLAN_SOURCE || probe->node->kind == DBSP_PLAN_AGGREGATE)
		return list_make1(probe);
	foreach(lc, probe->inputs)
		leaves = list_concat(leaves, dbsp_probe_leaves(lfirst(lc)));
	return leaves;
}
