/*-------------------------------------------------------------------------
 *
 * plan_query.c
 *	  From a plan back to a Query.
 *
 * Each node becomes one Query over its inputs as subqueries in FROM, which
 * PostgreSQL's planner flattens again.  Reading the tables checks no rights:
 * that was done when the view was declared.  The caller holds at least
 * AccessShareLock on all sources.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/sysattr.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_oper.h"
#include "storage/lockdefs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "circuit/agg/agg.h"
#include "plan/key_image.h"
#include "plan/plan_query.h"

/* What replaces the columns of an expression's row. */
typedef struct ReplaceContext
{
	List	   *columns;		/* expression for each column */
} ReplaceContext;

static Query *source_query(const DbspPlan *plan);
static Query *union_query(const DbspPlan *plan);
static Query *aggregate_query(const DbspPlan *plan);
static Query *join_query(const DbspPlan *plan);
static Query *group_state_query(const DbspStateDef *def, bool outputs);
static Query *stored_query(const DbspPlan *plan);
static Expr *null_output(const DbspPlan *plan, int column);
static Expr *state_output(const DbspPlan *plan, Node *having, int column, Expr *output);
static Query *values_query(const DbspStateDef *def);
static Query *select_from(const DbspPlan *const *inputs, int ninputs);
static RangeTblEntry *subquery_entry(Query *subquery);
static void add_from(Query *query, RangeTblEntry *rte);
static TargetEntry *add_output(Query *query, Expr *expr, const char *name);
static void add_outputs(Query *query, List *exprs, TupleDesc rowtype);
static void add_group_clause(Query *query, TargetEntry *tle, Oid eqop, Oid sortop, bool hashable);
static void add_group_keys(Query *query, const DbspPlan *plan);
static void sort_by_group(Query *query);
static void group_by_image(Query *query, List *exprs);
static List *entry_columns(Query *query, int rtindex);
static List *group_row(const DbspPlan *plan);
static Aggref *make_aggref(Oid function, Oid type, Oid collation, Oid input_collation, Expr *arg);
static Oid	extreme_function(const DbspPlan *plan, int state);
static Expr *replace(Expr *expr, List *columns);
static List *replace_all(List *exprs, List *columns);
static Node *replace_mutator(Node *node, ReplaceContext *context);
static Node *conjunction(List *quals);

Query *
dbsp_plan_query(const DbspPlan *plan)
{
	const DbspPlan *input = plan->inputs == NIL ? NULL : (DbspPlan *) linitial(plan->inputs);
	Query	   *query;

	check_stack_depth();
	switch (plan->kind)
	{
		case DBSP_PLAN_SOURCE:
			return source_query(plan);
		case DBSP_PLAN_FILTER:
			query = select_from(&input, 1);
			add_outputs(query, entry_columns(query, 1), plan->rowtype);
			query->jointree->quals = conjunction(copyObject(plan->quals));
			return query;
		case DBSP_PLAN_PROJECT:
			query = select_from(&input, 1);
			add_outputs(query, copyObject(plan->exprs), plan->rowtype);
			return query;
		case DBSP_PLAN_JOIN:
			return join_query(plan);
		case DBSP_PLAN_UNION:
			return union_query(plan);
		case DBSP_PLAN_AGGREGATE:
			return aggregate_query(plan);
		case DBSP_PLAN_SINK:
			return dbsp_plan_query(input);
	}
	elog(ERROR, "unrecognized plan kind: %d", (int) plan->kind);
	return NULL;				/* keep compiler quiet */
}

Query *
dbsp_state_query(const DbspStateDef *def, bool outputs)
{
	if (def->role == DBSP_STATE_VALUES)
		return values_query(def);
	if (def->plan->kind == DBSP_PLAN_AGGREGATE)
		return group_state_query(def, outputs);
	return dbsp_plan_query(def->plan);
}

/* An output or HAVING of an aggregate as an expression over its input row, with Aggrefs.  A copy. */
Expr *
dbsp_plan_group_expr(const DbspPlan *plan, Expr *expr)
{
	return replace(expr, group_row(plan));
}

static Query *
source_query(const DbspPlan *plan)
{
	Query	   *query = select_from(NULL, 0);
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	List	   *exprs = NIL;
	List	   *names = NIL;
	char	   *name;
	ListCell   *lc;

	while ((name = get_attname(plan->relid, list_length(names) + 1, true)) != NULL)
		names = lappend(names, makeString(name));
	rte->rtekind = RTE_RELATION;
	rte->relid = plan->relid;
	rte->relkind = get_rel_relkind(plan->relid);
	rte->rellockmode = AccessShareLock;
	rte->inh = !plan->only;
	rte->inFromCl = true;
	rte->eref = makeAlias(get_rel_name(plan->relid), names);
	foreach(lc, plan->attnums)
	{
		Form_pg_attribute column = TupleDescAttr(plan->rowtype, foreach_current_index(lc));

		exprs = lappend(exprs, makeVar(1, lfirst_int(lc), column->atttypid, column->atttypmod,
									   column->attcollation, 0));
	}
	add_from(query, rte);
	add_outputs(query, exprs, plan->rowtype);
	return query;
}

static Query *
join_query(const DbspPlan *plan)
{
	const DbspPlan *inputs[2] = {(DbspPlan *) linitial(plan->inputs), (DbspPlan *) lsecond(plan->inputs)};
	Query	   *query = select_from(inputs, 2);
	List	   *left = entry_columns(query, 1);
	List	   *right = entry_columns(query, 2);
	List	   *quals = NIL;
	ListCell   *lc;

	foreach(lc, plan->joinkeys)
	{
		DbspJoinKey *key = (DbspJoinKey *) lfirst(lc);
		Expr	   *equality = make_opclause(key->operator, BOOLOID, false, replace(key->left, left),
											 replace(key->right, right), InvalidOid, key->collation);

		set_opfuncid((OpExpr *) equality);
		quals = lappend(quals, equality);
	}
	left = list_concat_copy(left, right);
	quals = list_concat(quals, replace_all(plan->quals, left));
	add_outputs(query, left, plan->rowtype);
	query->jointree->quals = conjunction(quals);
	return query;
}

/* A left-deep tree of UNION ALL. */
static Query *
union_query(const DbspPlan *plan)
{
	Query	   *query = makeNode(Query);
	Node	   *tree = NULL;
	List	   *types = NIL;
	List	   *typmods = NIL;
	List	   *collations = NIL;
	ListCell   *lc;

	for (int i = 0; i < plan->rowtype->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(plan->rowtype, i);

		types = lappend_oid(types, column->atttypid);
		typmods = lappend_int(typmods, column->atttypmod);
		collations = lappend_oid(collations, column->attcollation);
	}
	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->jointree = makeFromExpr(NIL, NULL);
	foreach(lc, plan->inputs)
	{
		RangeTblRef *ref = makeNode(RangeTblRef);
		SetOperationStmt *setop;

		query->rtable = lappend(query->rtable, subquery_entry(dbsp_plan_query((DbspPlan *) lfirst(lc))));
		ref->rtindex = list_length(query->rtable);
		if (tree == NULL)
		{
			tree = (Node *) ref;
			continue;
		}
		setop = makeNode(SetOperationStmt);
		setop->op = SETOP_UNION;
		setop->all = true;
		setop->larg = tree;
		setop->rarg = (Node *) ref;
		setop->colTypes = list_copy(types);
		setop->colTypmods = list_copy(typmods);
		setop->colCollations = list_copy(collations);
		tree = (Node *) setop;
	}
	query->setOperations = tree;
	for (int i = 0; i < plan->rowtype->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(plan->rowtype, i);

		add_output(query, (Expr *) makeVar(1, i + 1, column->atttypid, column->atttypmod, column->attcollation, 0),
				   NameStr(column->attname));
	}
	return query;
}

static Query *
aggregate_query(const DbspPlan *plan)
{
	const DbspPlan *input = (DbspPlan *) linitial(plan->inputs);
	Query	   *query = select_from(&input, 1);
	List	   *row = group_row(plan);

	if (OidIsValid(plan->stored))
		return stored_query(plan);
	add_outputs(query, replace_all(plan->exprs, row), plan->rowtype);
	add_group_keys(query, plan);
	query->hasAggs = plan->calls != NIL;
	query->havingQual = conjunction(replace_all(plan->having, row));

	/* HAVING alone makes a grand total where there is neither an aggregate nor a GROUP BY. */
	if (plan->grand_total && plan->calls == NIL && query->havingQual == NULL)
		query->havingQual = makeBoolConst(true, false);
	return query;
}

/* All groups, those that HAVING hides too: outputs, whether HAVING shows the group, count unless it is an output, states. */
static Query *
group_state_query(const DbspStateDef *def, bool outputs)
{
	const DbspPlan *plan = def->plan;
	const DbspPlan *input = (DbspPlan *) linitial(plan->inputs);
	Query	   *query = select_from(&input, 1);
	List	   *row = group_row(plan);
	Node	   *having = conjunction(replace_all(plan->having, row));
	Aggref	   *count = make_aggref(F_COUNT_, INT8OID, InvalidOid, InvalidOid, NULL);
	ListCell   *lc;
	int			column = 0;

	foreach(lc, plan->exprs)
	{
		Expr	   *output;

		column++;
		if (outputs || list_member_int(plan->key, column) || column == def->count_column)
			output = state_output(plan, having, column, replace((Expr *) lfirst(lc), row));
		else
			output = null_output(plan, column);
		add_output(query, output, NameStr(TupleDescAttr(def->desc, column - 1)->attname));
	}
	add_group_keys(query, plan);
	query->hasAggs = true;
	sort_by_group(query);
	if (def->visible_column > 0)
	{
		BooleanTest *visible = makeNode(BooleanTest);

		visible->arg = (Expr *) (having == NULL || !outputs ? makeBoolConst(true, false) : having);
		visible->booltesttype = IS_TRUE;
		visible->location = -1;
		add_output(query, (Expr *) visible, NameStr(TupleDescAttr(def->desc, column++)->attname));
	}
	if (!dbsp_state_counts_in_output(def))
		add_output(query, (Expr *) count, NameStr(TupleDescAttr(def->desc, column++)->attname));
	foreach(lc, plan->states)
	{
		DbspAggState *state = (DbspAggState *) lfirst(lc);
		bool		representative = state->aggclass == &dbsp_agg_representative;
		Oid			function;

		if (state->aggclass->extreme && !representative)
			function = extreme_function(plan, foreach_current_index(lc));
		else
			function = dbsp_agg_fill_function(state->aggclass, state->argtype);
		add_output(query, (Expr *) make_aggref(function, representative ? BYTEAOID : state->column_type,
											   state->column_collation,
											   state->collation, state->arg),
				   NameStr(TupleDescAttr(def->desc, column++)->attname));
	}
	return query;
}

/* An output is computed for the groups that HAVING shows only: it may fail on others.  Keys are always there. */
static Expr *
state_output(const DbspPlan *plan, Node *having, int column, Expr *output)
{
	CaseExpr   *caseexpr;
	CaseWhen   *when;

	if (having == NULL || list_member_int(plan->key, column))
		return output;

	when = makeNode(CaseWhen);
	when->expr = (Expr *) copyObject(having);
	when->result = output;
	when->location = -1;

	caseexpr = makeNode(CaseExpr);
	caseexpr->casetype = exprType((Node *) output);
	caseexpr->casecollid = exprCollation((Node *) output);
	caseexpr->args = list_make1(when);
	caseexpr->defresult = null_output(plan, column);
	caseexpr->location = -1;
	return (Expr *) caseexpr;
}

static Expr *
null_output(const DbspPlan *plan, int column)
{
	Form_pg_attribute att = TupleDescAttr(plan->rowtype, column - 1);

	return (Expr *) makeNullConst(att->atttypid, att->atttypmod, att->attcollation);
}

/* The rows of an inner aggregate from its table of groups. */
static Query *
stored_query(const DbspPlan *plan)
{
	DbspPlan	source = *plan;
	Query	   *query;

	source.kind = DBSP_PLAN_SOURCE;
	source.relid = plan->stored;
	source.only = false;
	source.attnums = NIL;
	for (int i = 1; i <= plan->rowtype->natts; i++)
		source.attnums = lappend_int(source.attnums, i);
	query = source_query(&source);
	if (plan->having)
	{
		RangeTblEntry *rte = linitial_node(RangeTblEntry, query->rtable);
		int			column = plan->rowtype->natts + 1;

		rte->selectedCols = bms_add_member(rte->selectedCols, column - FirstLowInvalidHeapAttributeNumber);
		query->jointree->quals = (Node *) makeVar(1, column, BOOLOID, -1, InvalidOid, 0);
	}
	return query;
}

/* The argument values of min and max with their numbers, by group. */
static Query *
values_query(const DbspStateDef *def)
{
	const DbspPlan *plan = def->plan;
	const DbspPlan *input = (DbspPlan *) linitial(plan->inputs);
	DbspAggValues *values = (DbspAggValues *) list_nth(plan->values, def->values);
	Query	   *query = select_from(&input, 1);
	NullTest   *test = makeNode(NullTest);
	List	   *inexact = NIL;
	TargetEntry *tle;
	Oid			sortop;
	Oid			eqop;
	bool		hashable;
	int			column = 0;
	ListCell   *lc;

	foreach(lc, plan->groupkeys)
	{
		DbspGroupKey *key = (DbspGroupKey *) lfirst(lc);

		tle = add_output(query, (Expr *) copyObject(key->expr), NameStr(TupleDescAttr(def->desc, column++)->attname));
		add_group_clause(query, tle, key->eqop, key->sortop, key->hashable);
		if (values->of_keys && key->inexact)
			inexact = lappend(inexact, key->expr);
	}
	get_sort_group_operators(values->type, true, true, false, &sortop, &eqop, NULL, &hashable);
	tle = add_output(query, (Expr *) copyObject(values->arg), NameStr(TupleDescAttr(def->desc, column++)->attname));
	add_group_clause(query, tle, eqop, sortop, hashable);
	if (def->exact != NIL && !values->of_keys)
		inexact = list_make1(values->arg);
	add_output(query, (Expr *) make_aggref(F_COUNT_, INT8OID, InvalidOid, InvalidOid, NULL),
			   NameStr(TupleDescAttr(def->desc, column++)->attname));
	query->hasAggs = true;
	if (inexact != NIL)
		group_by_image(query, inexact);
	sort_by_group(query);

	test->arg = (Expr *) copyObject(values->arg);
	test->nulltesttype = IS_NOT_NULL;

	/* Each value is one datum; of a composite one, IS NOT NULL would look at the fields. */
	test->argisrow = false;
	test->location = -1;
	query->jointree->quals = (Node *) test;
	return query;
}

/* A SELECT without outputs from the inputs' queries. */
static Query *
select_from(const DbspPlan *const *inputs, int ninputs)
{
	Query	   *query = makeNode(Query);

	query->commandType = CMD_SELECT;
	query->canSetTag = true;
	query->jointree = makeFromExpr(NIL, NULL);
	for (int i = 0; i < ninputs; i++)
		add_from(query, subquery_entry(dbsp_plan_query(inputs[i])));
	return query;
}

static RangeTblEntry *
subquery_entry(Query *subquery)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, subquery->targetList)
		names = lappend(names, makeString(pstrdup(lfirst_node(TargetEntry, lc)->resname)));
	subquery->canSetTag = false;
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = subquery;
	rte->inFromCl = true;
	rte->alias = makeAlias("input", NIL);
	rte->eref = makeAlias("input", names);
	return rte;
}

static void
add_from(Query *query, RangeTblEntry *rte)
{
	RangeTblRef *ref = makeNode(RangeTblRef);

	query->rtable = lappend(query->rtable, rte);
	ref->rtindex = list_length(query->rtable);
	query->jointree->fromlist = lappend(query->jointree->fromlist, ref);
}

static TargetEntry *
add_output(Query *query, Expr *expr, const char *name)
{
	TargetEntry *tle = makeTargetEntry(expr, list_length(query->targetList) + 1, pstrdup(name), false);

	query->targetList = lappend(query->targetList, tle);
	return tle;
}

static void
add_outputs(Query *query, List *exprs, TupleDesc rowtype)
{
	ListCell   *lc;

	foreach(lc, exprs)
		add_output(query, (Expr *) lfirst(lc), NameStr(TupleDescAttr(rowtype, foreach_current_index(lc))->attname));
}

static void
add_group_clause(Query *query, TargetEntry *tle, Oid eqop, Oid sortop, bool hashable)
{
	SortGroupClause *clause = makeNode(SortGroupClause);

	clause->tleSortGroupRef = list_length(query->groupClause) + 1;
	clause->eqop = eqop;
	clause->sortop = sortop;
	clause->nulls_first = false;
	clause->hashable = hashable;
	tle->ressortgroupref = clause->tleSortGroupRef;
	query->groupClause = lappend(query->groupClause, clause);
}

/* GROUP BY the outputs that are the group keys. */
static void
add_group_keys(Query *query, const DbspPlan *plan)
{
	ListCell   *lc;

	foreach(lc, plan->groupkeys)
	{
		DbspGroupKey *key = (DbspGroupKey *) lfirst(lc);

		add_group_clause(query, list_nth_node(TargetEntry, query->targetList, key->column - 1),
						 key->eqop, key->sortop, key->hashable);
	}
}

/* GROUP BY the image of the expressions too: then whichever of equal values a group shows, it is that image. */
static void
group_by_image(Query *query, List *exprs)
{
	TargetEntry *tle = add_output(query, dbsp_key_image_call(exprs), "image");
	Oid			sortop;
	Oid			eqop;
	bool		hashable;

	tle->resjunk = true;
	get_sort_group_operators(BYTEAOID, true, true, false, &sortop, &eqop, NULL, &hashable);
	add_group_clause(query, tle, eqop, sortop, hashable);
}

/* In the order of the index, so that folds of neighbouring groups meet neighbouring rows. */
static void
sort_by_group(Query *query)
{
	ListCell   *lc;

	foreach(lc, query->groupClause)
		if (!OidIsValid(lfirst_node(SortGroupClause, lc)->sortop))
			return;
	query->sortClause = copyObject(query->groupClause);
}

/* Vars for all columns of a subquery in FROM. */
static List *
entry_columns(Query *query, int rtindex)
{
	RangeTblEntry *rte = list_nth_node(RangeTblEntry, query->rtable, rtindex - 1);
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, rte->subquery->targetList)
		columns = lappend(columns, makeVarFromTargetEntry(rtindex, lfirst_node(TargetEntry, lc)));
	return columns;
}

/* The group row as expressions over the input: keys, then aggregate calls. */
static List *
group_row(const DbspPlan *plan)
{
	List	   *row = NIL;
	ListCell   *lc;

	foreach(lc, plan->groupkeys)
		row = lappend(row, ((DbspGroupKey *) lfirst(lc))->expr);
	foreach(lc, plan->calls)
	{
		DbspAggCall *call = (DbspAggCall *) lfirst(lc);
		DbspAggState *state = call->state < 0 ? NULL : (DbspAggState *) list_nth(plan->states, call->state);

		row = lappend(row, make_aggref(call->aggfnoid, call->type, call->collation,
									   state == NULL ? InvalidOid : state->collation,
									   state == NULL ? NULL : state->arg));
	}
	return row;
}

/* An aggregate over a copy of arg, or over all rows if there is none. */
static Aggref *
make_aggref(Oid function, Oid type, Oid collation, Oid input_collation, Expr *arg)
{
	Aggref	   *aggref = makeNode(Aggref);

	aggref->aggfnoid = function;
	aggref->aggtype = type;
	aggref->aggcollid = collation;
	aggref->inputcollid = input_collation;
	aggref->aggtranstype = InvalidOid;	/* the planner sets it */
	aggref->aggkind = AGGKIND_NORMAL;
	aggref->aggstar = arg == NULL;
	aggref->aggsplit = AGGSPLIT_SIMPLE;
	aggref->aggno = -1;
	aggref->aggtransno = -1;
	aggref->location = -1;
	if (arg != NULL)
	{
		aggref->aggargtypes = list_make1_oid(exprType((Node *) arg));
		aggref->args = list_make1(makeTargetEntry((Expr *) copyObject(arg), 1, NULL, false));
	}
	return aggref;
}

/* The min or max function whose state it is. */
static Oid
extreme_function(const DbspPlan *plan, int state)
{
	ListCell   *lc;

	foreach(lc, plan->calls)
	{
		DbspAggCall *call = (DbspAggCall *) lfirst(lc);

		if (call->state == state)
			return call->aggfnoid;
	}
	elog(ERROR, "aggregate state %d is not used", state);
	return InvalidOid;			/* keep compiler quiet */
}

/* A copy of the expression in which each column is replaced by a copy of what it stands for. */
static Expr *
replace(Expr *expr, List *columns)
{
	ReplaceContext context = {.columns = columns};

	return (Expr *) replace_mutator((Node *) expr, &context);
}

static List *
replace_all(List *exprs, List *columns)
{
	ReplaceContext context = {.columns = columns};

	return (List *) replace_mutator((Node *) exprs, &context);
}

static Node *
replace_mutator(Node *node, ReplaceContext *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
		return (Node *) copyObjectImpl(list_nth(context->columns, ((Var *) node)->varattno - 1));
	return expression_tree_mutator(node, replace_mutator, context);
}

static Node *
conjunction(List *quals)
{
	return quals == NIL ? NULL : (Node *) make_ands_explicit(quals);
}
