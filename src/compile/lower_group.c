/*-------------------------------------------------------------------------
 *
 * lower_group.c
 *	  GROUP BY, aggregates and HAVING of one query level.
 *
 * The outputs and HAVING are rewritten over the group row: first the group
 * keys, then the results of the aggregate calls, each once however often it
 * is written.  PostgreSQL lets columns that depend on a grouped primary key
 * stand without grouping; they become group keys here, which changes no group.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_oper.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "circuit/agg/agg.h"
#include "compile/lower.h"

/* A level's grouping while its outputs are rewritten. */
typedef struct GroupBuild
{
	LowerFrom  *from;
	List	   *keynodes;		/* key expressions in the level's own terms, in the order of the keys */
	List	   *keys;			/* of DbspGroupKey */
	List	   *aggrefs;		/* of Aggref: the distinct calls */
	List	   *calls;			/* of DbspAggCall, in the order of aggrefs */
	List	   *states;
	List	   *values;
	List	   *state_nodes;	/* arguments of the states in the level's own terms */
	List	   *values_nodes;	/* likewise of the values */
} GroupBuild;

typedef struct DependentContext
{
	List	   *keys;
	List	   *vars;
} DependentContext;

static void add_clause_keys(GroupBuild *build, Query *query);
static void add_dependent_keys(GroupBuild *build, LowerLevel *level);
static void add_key(GroupBuild *build, Node *node, Oid eqop, Oid sortop, bool hashable);
static bool dependent_walker(Node *node, DependentContext *context);
static Node *group_mutator(Node *node, GroupBuild *build);
static int	add_call(GroupBuild *build, Aggref *aggref);
static int	add_state(GroupBuild *build, const DbspAggInfo *info, Node *node, Oid collation);
static int	add_values(GroupBuild *build, Node *node, Oid collation);
static Node *filtered_argument(Aggref *aggref);
static void add_hidden_keys(GroupBuild *build, List **exprs, List **names);

/* True if the level makes groups: by GROUP BY, or one group of all rows. */
bool
dbsp_lower_is_grouped(const Query *query)
{
	return query->groupClause != NIL || query->hasAggs || query->havingQual != NULL;
}

/* The aggregate over the joined rows; its outputs are the level's visible columns and then hidden keys. */
DbspPlan *
dbsp_lower_group(LowerLevel *level, LowerFrom *from)
{
	GroupBuild	build = {.from = from};
	List	   *exprs = NIL;
	List	   *names = NIL;
	List	   *having = NIL;
	ListCell   *lc;

	add_clause_keys(&build, level->query);
	add_dependent_keys(&build, level);

	foreach(lc, level->visible)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		exprs = lappend(exprs, dbsp_lower_finish(group_mutator((Node *) tle->expr, &build)));
		names = lappend(names, pstrdup(tle->resname ? tle->resname : "?column?"));
	}
	if (level->having != NULL)
	{
		foreach(lc, dbsp_lower_conjuncts(group_mutator(level->having, &build)))
			having = lappend(having, dbsp_lower_finish((Node *) lfirst(lc)));
	}
	add_hidden_keys(&build, &exprs, &names);

	return dbsp_plan_aggregate(from->plan, build.keys, build.states, build.calls, build.values, having,
							   exprs, names, list_length(level->visible), level->query->groupClause == NIL);
}

/* The expressions of the GROUP BY clause, with join aliases flattened. */
List *
dbsp_lower_group_keys(Query *query)
{
	List	   *keys = NIL;
	ListCell   *lc;

	foreach(lc, query->groupClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);

		keys = lappend(keys, dbsp_lower_flatten(query, get_sortgroupclause_expr(clause, query->targetList)));
	}
	return keys;
}

/*
 * Adds to vars the columns that the expression uses outside of group keys and
 * aggregates, in the order in which they occur, each once.
 */
List *
dbsp_lower_dependent_vars(List *keys, Node *node, List *vars)
{
	DependentContext context = {.keys = keys, .vars = vars};

	dependent_walker(node, &context);
	return context.vars;
}

static void
add_clause_keys(GroupBuild *build, Query *query)
{
	List	   *nodes = dbsp_lower_group_keys(query);
	ListCell   *lcc;
	ListCell   *lcn;

	forboth(lcc, query->groupClause, lcn, nodes)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lcc);

		if (!list_member(build->keynodes, lfirst(lcn)))
			add_key(build, (Node *) lfirst(lcn), clause->eqop, clause->sortop, clause->hashable);
	}
}

static void
add_dependent_keys(GroupBuild *build, LowerLevel *level)
{
	List	   *vars = dbsp_lower_dependent_vars(build->keynodes, (Node *) level->visible, NIL);
	ListCell   *lc;

	vars = dbsp_lower_dependent_vars(build->keynodes, level->having, vars);
	foreach(lc, vars)
	{
		Var		   *var = lfirst_node(Var, lc);
		Oid			sortop;
		Oid			eqop;
		bool		hashable;

		get_sort_group_operators(var->vartype, false, true, false, &sortop, &eqop, NULL, &hashable);
		add_key(build, (Node *) var, eqop, sortop, hashable);
	}
}

static void
add_key(GroupBuild *build, Node *node, Oid eqop, Oid sortop, bool hashable)
{
	DbspGroupKey *key = (DbspGroupKey *) palloc0(sizeof(DbspGroupKey));

	key->expr = dbsp_lower_expr(node, build->from, 0);
	key->eqop = eqop;
	key->sortop = sortop;
	key->hashable = hashable;
	key->collation = exprCollation((Node *) key->expr);
	build->keynodes = lappend(build->keynodes, node);
	build->keys = lappend(build->keys, key);
}

static bool
dependent_walker(Node *node, DependentContext *context)
{
	if (node == NULL || IsA(node, Aggref))
		return false;
	if (!IsA(node, List) && !IsA(node, TargetEntry) && list_member(context->keys, node))
		return false;
	if (IsA(node, Var))
	{
		context->vars = list_append_unique(context->vars, node);
		return false;
	}
	return expression_tree_walker(node, dependent_walker, context);
}

/* The expression over the group row. */
static Node *
group_mutator(Node *node, GroupBuild *build)
{
	ListCell   *lc;

	if (node == NULL)
		return NULL;
	if (IsA(node, Aggref))
	{
		int			index = add_call(build, castNode(Aggref, node));
		DbspAggCall *call = (DbspAggCall *) list_nth(build->calls, index);

		return (Node *) makeVar(1, list_length(build->keys) + index + 1, call->type, call->typmod, call->collation, 0);
	}
	foreach(lc, build->keynodes)
	{
		if (equal(node, lfirst(lc)))
			return (Node *) makeVar(1, foreach_current_index(lc) + 1,
									exprType(node), exprTypmod(node), exprCollation(node), 0);
	}
	if (IsA(node, Var))
		elog(ERROR, "column reference outside of group keys and aggregates");
	return expression_tree_mutator(node, group_mutator, build);
}

/* The index of the call, which is added if it does not occur yet. */
static int
add_call(GroupBuild *build, Aggref *aggref)
{
	DbspAggCall *call;
	ListCell   *lc;

	foreach(lc, build->aggrefs)
	{
		if (equal(lfirst(lc), aggref))
			return foreach_current_index(lc);
	}

	call = (DbspAggCall *) palloc0(sizeof(DbspAggCall));
	call->aggfnoid = aggref->aggfnoid;
	call->state = -1;
	call->type = aggref->aggtype;
	call->typmod = -1;
	call->collation = aggref->aggcollid;
	if (!aggref->aggstar || aggref->aggfilter != NULL)
	{
		DbspAggInfo info;

		/* count(*) FILTER (WHERE f) counts the values of an argument that is null unless f. */
		if (aggref->aggstar)
			call->aggfnoid = F_COUNT_ANY;
		if (!dbsp_agg_lookup(call->aggfnoid, &info))
			elog(ERROR, "unsupported aggregate %u", call->aggfnoid);
		call->final = info.final;
		call->loose = info.loose;
		call->state = add_state(build, &info, filtered_argument(aggref), aggref->inputcollid);
	}
	build->aggrefs = lappend(build->aggrefs, aggref);
	build->calls = lappend(build->calls, call);
	return list_length(build->calls) - 1;
}

/* The index of the state for the argument, shared with other calls of the same class. */
static int
add_state(GroupBuild *build, const DbspAggInfo *info, Node *node, Oid collation)
{
	bool		extreme = info->aggclass->extreme;
	bool		any_type = !OidIsValid(info->argtype) || get_typtype(info->argtype) == TYPTYPE_PSEUDO;
	Oid			argtype = (extreme || any_type) ? exprType(node) : info->argtype;
	DbspAggState *state;
	ListCell   *lc;

	foreach(lc, build->states)
	{
		state = (DbspAggState *) lfirst(lc);
		if (state->aggclass == info->aggclass && state->argtype == argtype && state->sortop == info->sortop &&
			(!extreme || state->collation == collation) &&
			equal(list_nth(build->state_nodes, foreach_current_index(lc)), node))
			return foreach_current_index(lc);
	}

	state = (DbspAggState *) palloc0(sizeof(DbspAggState));
	state->aggclass = info->aggclass;
	state->arg = dbsp_lower_expr(node, build->from, 0);
	state->argtype = argtype;
	state->collation = collation;
	state->sortop = extreme ? info->sortop : InvalidOid;
	state->values = -1;
	state->column_typmod = -1;
	if (extreme)
	{
		state->column_type = argtype;
		state->column_collation = collation;
		state->values = add_values(build, node, collation);
	}
	else
	{
		state->column_type = info->column_type;
		state->column_collation = get_typcollation(info->column_type);
	}
	build->states = lappend(build->states, state);
	build->state_nodes = lappend(build->state_nodes, node);
	return list_length(build->states) - 1;
}

/* The index of the table of values for the argument, shared by min and max. */
static int
add_values(GroupBuild *build, Node *node, Oid collation)
{
	DbspAggValues *values;
	ListCell   *lc;

	foreach(lc, build->values)
	{
		values = (DbspAggValues *) lfirst(lc);
		if (values->collation == collation &&
			equal(list_nth(build->values_nodes, foreach_current_index(lc)), node))
			return foreach_current_index(lc);
	}

	values = (DbspAggValues *) palloc0(sizeof(DbspAggValues));
	values->arg = dbsp_lower_expr(node, build->from, 0);
	values->type = exprType(node);
	values->typmod = exprTypmod(node);
	values->collation = collation;
	build->values = lappend(build->values, values);
	build->values_nodes = lappend(build->values_nodes, node);
	return list_length(build->values) - 1;
}

/* The argument of the call, null where its FILTER is not true. */
static Node *
filtered_argument(Aggref *aggref)
{
	Node	   *arg;
	CaseExpr   *caseexpr;
	CaseWhen   *when;

	if (aggref->aggstar)
		arg = makeBoolConst(true, false);
	else
		arg = (Node *) linitial_node(TargetEntry, aggref->args)->expr;
	if (aggref->aggfilter == NULL)
		return arg;

	when = makeNode(CaseWhen);
	when->expr = aggref->aggfilter;
	when->result = (Expr *) arg;
	when->location = -1;

	caseexpr = makeNode(CaseExpr);
	caseexpr->casetype = exprType(arg);
	caseexpr->casecollid = exprCollation(arg);
	caseexpr->args = list_make1(when);
	caseexpr->defresult = (Expr *) makeNullConst(exprType(arg), exprTypmod(arg), exprCollation(arg));
	caseexpr->location = -1;
	return (Node *) caseexpr;
}

/* Finds the output column that each key is; a key that is none becomes a hidden one. */
static void
add_hidden_keys(GroupBuild *build, List **exprs, List **names)
{
	int			nhidden = 0;
	ListCell   *lck;

	foreach(lck, build->keys)
	{
		DbspGroupKey *key = (DbspGroupKey *) lfirst(lck);
		int			index = foreach_current_index(lck) + 1;
		ListCell   *lce;

		foreach(lce, *exprs)
		{
			Var		   *var = (Var *) lfirst(lce);

			if (IsA(var, Var) && var->varattno == index && key->column == 0)
				key->column = foreach_current_index(lce) + 1;
		}
		if (key->column > 0)
			continue;
		*exprs = lappend(*exprs, makeVar(1, index, exprType((Node *) key->expr), exprTypmod((Node *) key->expr),
										 key->collation, 0));
		*names = lappend(*names, psprintf(DBSP_HIDDEN_PREFIX "key_%d", ++nhidden));
		key->column = list_length(*exprs);
	}
}
