/*-------------------------------------------------------------------------
 *
 * law_plan.c
 *	  Random plans.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_collate.h"
#include "parser/parse_node.h"
#include "parser/parse_oper.h"
#include "utils/builtins.h"
#include "utils/cash.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "circuit/agg/agg.h"
#include "law.h"

#define DEEPEST 2
#define TABLE_COLUMNS 7

/* The aggregate functions that are tried, by the type of the argument. */
static const struct
{
	Oid			type;
	Oid			function;
}			functions[] =
{
	{INT4OID, F_SUM_INT4}, {INT4OID, F_AVG_INT4}, {INT4OID, F_MIN_INT4}, {INT4OID, F_MAX_INT4},
	{INT4OID, F_VAR_POP_INT4}, {INT8OID, F_SUM_INT8}, {INT8OID, F_AVG_INT8}, {INT8OID, F_MIN_INT8},
	{INT8OID, F_MAX_INT8}, {NUMERICOID, F_SUM_NUMERIC}, {NUMERICOID, F_AVG_NUMERIC}, {NUMERICOID, F_MIN_NUMERIC},
	{NUMERICOID, F_MAX_NUMERIC}, {TEXTOID, F_MIN_TEXT}, {TEXTOID, F_MAX_TEXT}, {CASHOID, F_SUM_MONEY},
	{CASHOID, F_MIN_MONEY}, {CASHOID, F_MAX_MONEY}
};

Oid
law_relid(int table)
{
	static const char *const names[LAW_TABLES] = {"unit_first", "unit_second", "unit_third"};

	return RelnameGetRelid(names[table]);
}

TupleDesc
law_table_desc(Oid relid)
{
	TupleDesc	desc = CreateTemplateTupleDesc(TABLE_COLUMNS);

	for (AttrNumber attnum = 1; attnum <= TABLE_COLUMNS; attnum++)
	{
		Oid			type;
		int32		typmod;
		Oid			collation;

		get_atttypetypmodcoll(relid, attnum, &type, &typmod, &collation);
		TupleDescInitEntry(desc, attnum, get_attname(relid, attnum, false), type, typmod, 0);
		TupleDescInitEntryCollation(desc, attnum, collation);
	}
	return desc;
}

Datum
law_value(UnitRandom *random, Oid type, bool *isnull_out)
{
	static const char *const numerics[] = {"0", "1", "1.0", "1.00", "2.5", "-3", "NaN"};
	static const char *const texts[] = {"", "x", "yy", "yyy"};

	*isnull_out = unit_chance(random, 6);
	if (*isnull_out)
		return (Datum) 0;
	switch (type)
	{
		case INT4OID:
			return Int32GetDatum(unit_below(random, 4) - 1);
		case INT8OID:
			return Int64GetDatum(unit_below(random, 4) - 1);
		case NUMERICOID:
			return unit_numeric(numerics[unit_below(random, lengthof(numerics))]);
		case TEXTOID:
			if (unit_chance(random, 4))
				return unit_long_text(2500, 'u' + unit_below(random, 2));
			return unit_text(texts[unit_below(random, lengthof(texts))]);
		case CASHOID:
			return CashGetDatum(unit_below(random, 3) * 100);
		case XIDOID:
			return TransactionIdGetDatum(3 + unit_below(random, 3));
	}
	elog(ERROR, "no values of type %u", type);
	return (Datum) 0;
}

/* ---- expressions ---- */

static Expr *
column_var(TupleDesc row, int column)
{
	Form_pg_attribute att = TupleDescAttr(row, column - 1);

	return (Expr *) makeVar(1, column, att->atttypid, att->atttypmod, att->attcollation, 0);
}

static Expr *
random_const(LawBuild *build, Oid type)
{
	bool		isnull;
	Datum		value = law_value(build->random, type, &isnull);
	int16		typlen;
	bool		typbyval;

	get_typlenbyval(type, &typlen, &typbyval);
	return (Expr *) makeConst(type, -1, get_typcollation(type), typlen, value, isnull, typbyval);
}

static Expr *
operator_expr(const char *name, Expr *left, Expr *right)
{
	ParseState *pstate = make_parsestate(NULL);
	Node	   *result = (Node *) make_op(pstate, list_make1(makeString(pstrdup(name))), (Node *) left, (Node *) right,
										  NULL, -1);

	assign_expr_collations(pstate, result);
	return (Expr *) result;
}

/* The column, or something of the same type that is computed from it. */
static Expr *
random_expr_over(LawBuild *build, TupleDesc row, int column)
{
	Expr	   *var = column_var(row, column);
	Oid			type = exprType((Node *) var);

	if (!unit_chance(build->random, 3))
		return var;
	if (type == INT4OID || type == INT8OID || type == NUMERICOID)
		return operator_expr(unit_chance(build->random, 2) ? "+" : "-", var, random_const(build, type));
	if (type == TEXTOID)
		return operator_expr("||", var, random_const(build, type));
	return var;
}

static Expr *
random_expr(LawBuild *build, TupleDesc row)
{
	if (row->natts == 0)
		return random_const(build, INT4OID);
	return random_expr_over(build, row, 1 + unit_below(build->random, row->natts));
}

/* An expression of the type: over a column of it, if there is one. */
static Expr *
expr_of_type(LawBuild *build, TupleDesc row, Oid type)
{
	int			start = row->natts > 0 ? unit_below(build->random, row->natts) : 0;

	for (int i = 0; i < row->natts; i++)
	{
		int			column = (start + i) % row->natts + 1;

		if (TupleDescAttr(row, column - 1)->atttypid == type)
			return random_expr_over(build, row, column);
	}
	return random_const(build, type);
}

static Expr *
random_qual(LawBuild *build, TupleDesc row)
{
	static const char *const operators[] = {"=", "<", "<>", ">="};
	Expr	   *left = random_expr(build, row);
	Oid			type = exprType((Node *) left);
	Expr	   *right;
	NullTest   *test;

	if (!unit_chance(build->random, 4))
	{
		right = unit_chance(build->random, 2) ? random_const(build, type) : expr_of_type(build, row, type);
		return operator_expr(operators[unit_below(build->random, 4) & (type == XIDOID ? 2 : 3)], left, right);
	}
	test = makeNode(NullTest);
	test->arg = left;
	test->nulltesttype = unit_chance(build->random, 3) ? IS_NULL : IS_NOT_NULL;
	test->location = -1;
	return (Expr *) test;
}

static List *
column_names(int n)
{
	List	   *names = NIL;

	for (int i = 1; i <= n; i++)
		names = lappend(names, psprintf("c%d", i));
	return names;
}

/* ---- inputs ---- */

static DbspPlan *
random_input(LawBuild *build)
{
	DbspPlan   *plan;

	if (build->depth >= DEEPEST)
		return law_source(build);
	build->depth++;
	switch (unit_below(build->random, 9))
	{
		case 0:
			plan = law_filter(build);
			break;
		case 1:
			plan = law_project(build);
			break;
		case 2:
		case 3:
			plan = law_join(build);
			break;
		case 4:
			plan = law_union(build);
			break;
		case 5:
		case 6:
			plan = law_aggregate(build);
			break;
		default:
			plan = law_source(build);
			break;
	}
	build->depth--;
	return plan;
}

DbspPlan *
law_source(LawBuild *build)
{
	int			table = unit_below(build->random, LAW_TABLES);
	List	   *attnums = NIL;

	for (int attnum = 1; attnum <= TABLE_COLUMNS; attnum++)
		if (unit_chance(build->random, 2) || (attnum == 1 && !unit_chance(build->random, 3)))
			attnums = lappend_int(attnums, attnum);
	return dbsp_plan_source(build->relids[table], false, attnums,
							table < LAW_KEYED_TABLES ? list_make1_int(1) : NIL, table < LAW_KEYED_TABLES);
}

DbspPlan *
law_filter(LawBuild *build)
{
	DbspPlan   *input = random_input(build);
	List	   *quals = list_make1(random_qual(build, input->rowtype));

	if (unit_chance(build->random, 3))
		quals = lappend(quals, random_qual(build, input->rowtype));
	return dbsp_plan_filter(input, quals);
}

DbspPlan *
law_project(LawBuild *build)
{
	DbspPlan   *input = random_input(build);
	List	   *exprs = NIL;
	int			n = 1 + unit_below(build->random, 4);

	/* Half of the time the key survives. */
	if (unit_chance(build->random, 2))
		for (int i = 1; i <= input->rowtype->natts; i++)
			if (list_member_int(input->key, i))
				exprs = lappend(exprs, column_var(input->rowtype, i));
	for (int i = 0; i < n; i++)
		exprs = lappend(exprs, random_expr(build, input->rowtype));
	n = list_length(exprs);
	return dbsp_plan_project(input, exprs, column_names(n), 1 + unit_below(build->random, n));
}

/* ---- union ---- */

DbspPlan *
law_union(LawBuild *build)
{
	static const Oid types[] = {INT4OID, INT8OID, TEXTOID, NUMERICOID, CASHOID, XIDOID};
	Oid			chosen[3];
	List	   *inputs = NIL;
	int			ncolumns = 1 + unit_below(build->random, 3);
	int			ninputs = 2 + unit_below(build->random, 2);

	for (int i = 0; i < ncolumns; i++)
		chosen[i] = types[unit_below(build->random, lengthof(types))];
	for (int input = 0; input < ninputs; input++)
	{
		DbspPlan   *plan = random_input(build);
		List	   *exprs = NIL;

		for (int i = 0; i < ncolumns; i++)
			exprs = lappend(exprs, expr_of_type(build, plan->rowtype, chosen[i]));
		inputs = lappend(inputs, dbsp_plan_project(plan, exprs, column_names(ncolumns), ncolumns));
	}
	return dbsp_plan_union(inputs);
}

/* ---- join ---- */

static DbspJoinKey *
join_key(Expr *left, Expr *right)
{
	DbspJoinKey *key = palloc0(sizeof(DbspJoinKey));
	RegProcedure left_hash;
	RegProcedure right_hash;

	key->left = left;
	key->right = right;
	key->operator = OpernameGetOprid(list_make1(makeString("=")), exprType((Node *) left), exprType((Node *) right));
	key->collation = exprCollation((Node *) left);
	key->hashable = get_op_hash_functions(key->operator, &left_hash, &right_hash);
	return key;
}

/* An equality of a column of each side, of one type or of two integer types. */
static DbspJoinKey *
random_join_key(LawBuild *build, TupleDesc left, TupleDesc right)
{
	Expr	   *left_expr = random_expr(build, left);
	Oid			type = exprType((Node *) left_expr);

	if (type == INT4OID && unit_chance(build->random, 2))
		type = INT8OID;
	else if (type == INT8OID && unit_chance(build->random, 2))
		type = INT4OID;
	return join_key(left_expr, expr_of_type(build, right, type));
}

DbspPlan *
law_join(LawBuild *build)
{
	DbspPlan   *left = random_input(build);
	DbspPlan   *right = random_input(build);
	TupleDesc	rowtype = CreateTemplateTupleDesc(left->rowtype->natts + right->rowtype->natts);
	List	   *keys = NIL;
	List	   *quals = NIL;
	int			nkeys = unit_chance(build->random, 8) ? 0 : 1 + unit_below(build->random, 5) / 3;

	for (int i = 0; i < nkeys; i++)
		keys = lappend(keys, random_join_key(build, left->rowtype, right->rowtype));
	for (int i = 1; i <= rowtype->natts; i++)
		if (i <= left->rowtype->natts)
			TupleDescCopyEntry(rowtype, i, left->rowtype, i);
		else
			TupleDescCopyEntry(rowtype, i, right->rowtype, i - left->rowtype->natts);
	if (nkeys == 0 || unit_chance(build->random, 3))
		quals = list_make1(random_qual(build, rowtype));
	return dbsp_plan_join(left, right, keys, quals);
}

/* ---- aggregate ---- */

typedef struct AggregateBuild
{
	LawBuild   *build;
	DbspPlan   *input;
	List	   *keys;
	List	   *states;
	List	   *calls;
	List	   *values;
} AggregateBuild;

static void
add_key(AggregateBuild *agg)
{
	DbspGroupKey *key = palloc0(sizeof(DbspGroupKey));

	key->expr = random_expr(agg->build, agg->input->rowtype);
	get_sort_group_operators(exprType((Node *) key->expr), false, true, false, &key->sortop, &key->eqop, NULL,
							 &key->hashable);
	key->collation = exprCollation((Node *) key->expr);
	agg->keys = lappend(agg->keys, key);
}

/* Tables of values are shared by min and max of one argument. */
static int
add_values(AggregateBuild *agg, Expr *arg)
{
	DbspAggValues *values;
	ListCell   *lc;

	foreach(lc, agg->values)
		if (equal(((DbspAggValues *) lfirst(lc))->arg, arg))
			return foreach_current_index(lc);
	values = palloc0(sizeof(DbspAggValues));
	values->arg = arg;
	values->type = exprType((Node *) arg);
	values->typmod = exprTypmod((Node *) arg);
	values->collation = exprCollation((Node *) arg);
	agg->values = lappend(agg->values, values);
	return list_length(agg->values) - 1;
}

static int
add_state(AggregateBuild *agg, const DbspAggInfo *info, Expr *arg)
{
	DbspAggState *state;
	ListCell   *lc;

	foreach(lc, agg->states)
	{
		state = lfirst(lc);
		if (state->aggclass == info->aggclass && state->sortop == info->sortop && equal(state->arg, arg))
			return foreach_current_index(lc);
	}
	state = palloc0(sizeof(DbspAggState));
	state->aggclass = info->aggclass;
	state->arg = arg;
	state->argtype = exprType((Node *) arg);
	state->collation = exprCollation((Node *) arg);
	state->sortop = info->sortop;
	state->column_typmod = -1;
	state->column_type = info->aggclass->extreme ? state->argtype : info->column_type;
	state->column_collation = get_typcollation(state->column_type);
	state->values = info->aggclass->extreme ? add_values(agg, arg) : -1;
	agg->states = lappend(agg->states, state);
	return list_length(agg->states) - 1;
}

static void
add_call(AggregateBuild *agg)
{
	UnitRandom *random = agg->build->random;
	DbspAggCall *call = palloc0(sizeof(DbspAggCall));
	int			which = unit_below(random, lengthof(functions));
	Expr	   *arg = expr_of_type(agg->build, agg->input->rowtype, functions[which].type);
	bool		star = unit_chance(random, 5);
	DbspAggInfo info;

	call->state = -1;
	call->aggfnoid = star ? F_COUNT_ : unit_chance(random, 4) ? F_COUNT_ANY : functions[which].function;
	call->type = get_func_rettype(call->aggfnoid);
	call->typmod = -1;
	call->collation = get_typcollation(call->type);
	if (!star)
	{
		if (!dbsp_agg_lookup(call->aggfnoid, &info))
			elog(ERROR, "function %u is not supported", call->aggfnoid);
		call->state = add_state(agg, &info, arg);
		call->final = info.final;
		call->loose = info.loose;
	}
	agg->calls = lappend(agg->calls, call);
}

static TupleDesc
group_desc(const AggregateBuild *agg)
{
	int			nkeys = list_length(agg->keys);
	TupleDesc	desc = CreateTemplateTupleDesc(nkeys + list_length(agg->calls));
	ListCell   *lc;

	foreach(lc, agg->keys)
	{
		Node	   *expr = (Node *) ((DbspGroupKey *) lfirst(lc))->expr;

		TupleDescInitEntry(desc, foreach_current_index(lc) + 1, NULL, exprType(expr), exprTypmod(expr), 0);
	}
	foreach(lc, agg->calls)
		TupleDescInitEntry(desc, nkeys + foreach_current_index(lc) + 1, NULL, ((DbspAggCall *) lfirst(lc))->type, -1, 0);
	return desc;
}

/* The outputs: each key once as it is, each call perhaps computed with; keys first or last. */
static List *
aggregate_outputs(AggregateBuild *agg, TupleDesc group)
{
	List	   *keys = NIL;
	List	   *calls = NIL;
	int			nkeys = list_length(agg->keys);
	bool		keys_first = unit_chance(agg->build->random, 2);

	for (int i = 0; i < nkeys; i++)
	{
		((DbspGroupKey *) list_nth(agg->keys, i))->column = i + 1 + (keys_first ? 0 : list_length(agg->calls));
		keys = lappend(keys, column_var(group, i + 1));
	}
	for (int i = nkeys; i < group->natts; i++)
		calls = lappend(calls, random_expr_over(agg->build, group, i + 1));
	return keys_first ? list_concat(keys, calls) : list_concat(calls, keys);
}

DbspPlan *
law_aggregate(LawBuild *build)
{
	AggregateBuild agg = {.build = build,.input = random_input(build)};
	int			nkeys = unit_chance(build->random, 6) ? 0 : 1 + unit_below(build->random, 2);
	int			ncalls = unit_below(build->random, 5);
	List	   *having = NIL;
	TupleDesc	group;
	List	   *exprs;

	for (int i = 0; i < nkeys; i++)
		add_key(&agg);
	for (int i = nkeys == 0 ? -1 : 0; i < ncalls; i++)
		add_call(&agg);
	group = group_desc(&agg);
	if (unit_chance(build->random, 4))
		having = list_make1(random_qual(build, group));
	exprs = aggregate_outputs(&agg, group);
	return dbsp_plan_aggregate(agg.input, agg.keys, agg.states, agg.calls, agg.values, having, exprs,
							   column_names(list_length(exprs)), list_length(exprs), nkeys == 0);
}

/* ---- the root ---- */

DbspPlan *
law_sink(LawBuild *build)
{
	return dbsp_plan_sink(random_input(build));
}

DbspPlan *
law_plan(UnitRandom *random, DbspPlan *(*make) (LawBuild *))
{
	LawBuild	build = {.random = random};
	DbspPlan   *plan;

	for (int i = 0; i < LAW_TABLES; i++)
		build.relids[i] = law_relid(i);
	plan = make(&build);
	if (plan->kind != DBSP_PLAN_SINK && (plan->kind != DBSP_PLAN_AGGREGATE || unit_chance(random, 3)))
		plan = dbsp_plan_sink(plan);
	dbsp_plan_number(plan);
	dbsp_plan_validate(plan);
	return plan;
}
