/*-------------------------------------------------------------------------
 *
 * route.c
 *	  Which rows of a table can matter to a view, as far as constants tell.
 *
 * A condition "column = constant" of a filter is carried down the plan to the
 * source of the column.  Down there it says which rows are dropped on their
 * way up, for all that is in between works row by row: filters, projections,
 * UNION ALL, and inner joins, whose output rows each have one row of every
 * input.  An aggregate keeps all groups, so nothing is carried below one.
 *
 * A join hands conditions over from one side to the other through its own
 * equalities, as the planner's equivalence classes do
 * (optimizer/path/equivclass.c): all operators are of one hash family, which
 * promises that they agree with each other.
 *
 * Conditions are only ever left out, never invented, so a plan whose filters
 * cannot be understood is one to which every row matters.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/hash.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_language_d.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "plan/route.h"

/* Combinations of constants of one source, at most: each is an entry of a hash table in every backend. */
#define MAX_COMBINATIONS 256

static List *facts(DbspPlan *plan);
static void descend(DbspPlan *plan, List *conditions, List **routes);

/* ---- the functions of an operator ---- */

/*
 * True if the function may run wherever rows are routed.  Only superusers make
 * functions in C.
 */
static bool
is_written_in_c(RegProcedure function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			language;

	if (!HeapTupleIsValid(tuple))
		return false;
	language = ((Form_pg_proc) GETSTRUCT(tuple))->prolang;
	ReleaseSysCache(tuple);
	return language == INTERNALlanguageId || language == ClanguageId;
}

/* The functions, if the hash family has them all. */
static bool
functions_of_family(Oid family, Oid operator, Oid left, Oid right, DbspRouteFunctions *functions_out)
{
	Oid			equal_constants = get_opfamily_member(family, right, right, HTEqualStrategyNumber);

	functions_out->equal = get_opcode(operator);
	functions_out->equal_constants = OidIsValid(equal_constants) ? get_opcode(equal_constants) : InvalidOid;
	functions_out->hash_column = get_opfamily_proc(family, left, left, HASHSTANDARD_PROC);
	functions_out->hash_constant = get_opfamily_proc(family, right, right, HASHSTANDARD_PROC);
	return OidIsValid(functions_out->equal_constants) && OidIsValid(functions_out->hash_column) &&
		OidIsValid(functions_out->hash_constant) &&
		is_written_in_c(functions_out->equal) && is_written_in_c(functions_out->equal_constants) &&
		is_written_in_c(functions_out->hash_column) && is_written_in_c(functions_out->hash_constant);
}

bool
dbsp_route_functions(Oid operator, DbspRouteFunctions *functions_out)
{
	CatCList   *members = SearchSysCacheList1(AMOPOPID, ObjectIdGetDatum(operator));
	bool		found = false;

	for (int i = 0; i < members->n_members && !found; i++)
	{
		Form_pg_amop member = (Form_pg_amop) GETSTRUCT(&members->members[i]->tuple);

		if (member->amopmethod == HASH_AM_OID && member->amopstrategy == HTEqualStrategyNumber)
			found = functions_of_family(member->amopfamily, operator, member->amoplefttype, member->amoprighttype,
										functions_out);
	}
	ReleaseSysCacheList(members);
	return found;
}

/*
 * True if the hash functions of the operator ask its types, not those inside a
 * value: the elements of arrays, ranges and rows can be of types whose
 * functions are anybody's.
 */
static bool
types_are_plain(Oid operator)
{
	Oid			left;
	Oid			right;

	op_input_types(operator, &left, &right);
	return (left == ANYENUMOID || !IsPolymorphicType(left)) && left != RECORDOID &&
		(right == ANYENUMOID || !IsPolymorphicType(right)) && right != RECORDOID;
}

static bool
operator_can_route(Oid operator, Oid collation, Oid type)
{
	DbspRouteFunctions functions;

	return op_strict(operator) && op_volatile(operator) == PROVOLATILE_IMMUTABLE && types_are_plain(operator) &&
		(OidIsValid(collation) || !type_is_collatable(type)) &&
		dbsp_route_functions(operator, &functions);
}

/* ---- conditions ---- */

static DbspRouteKey *
make_key(int column, Oid operator, Oid collation, Oid type, int nconstants, Datum *constants)
{
	DbspRouteKey *key = palloc(sizeof(DbspRouteKey));

	key->column = column;
	key->operator = operator;
	key->collation = collation;
	key->type = type;
	key->nconstants = nconstants;
	key->constants = constants;
	return key;
}

/* The column, or 0 if the expression is not just one. */
static int
column_of(Node *expr)
{
	while (expr && IsA(expr, RelabelType))
		expr = (Node *) ((RelabelType *) expr)->arg;
	return expr && IsA(expr, Var) ? ((Var *) expr)->varattno : 0;
}

static DbspRouteKey *
match_comparison(OpExpr *expr)
{
	Node	   *left = linitial(expr->args);
	Node	   *right = list_length(expr->args) == 2 ? lsecond(expr->args) : NULL;
	Oid			operator = expr->opno;
	Const	   *constant;
	Datum	   *value;

	if (right == NULL || expr->opretset)
		return NULL;
	if (IsA(left, Const))
	{
		Node	   *swap = left;

		left = right;
		right = swap;
		operator = get_commutator(operator);
	}
	constant = (Const *) right;
	if (column_of(left) == 0 || !IsA(constant, Const) || constant->constisnull || !OidIsValid(operator) ||
		!operator_can_route(operator, expr->inputcollid, constant->consttype))
		return NULL;
	value = palloc(sizeof(Datum));
	*value = constant->constvalue;
	return make_key(column_of(left), operator, expr->inputcollid, constant->consttype, 1, value);
}

/* column IN (constants) */
static DbspRouteKey *
match_list(ScalarArrayOpExpr *expr)
{
	Node	   *left = linitial(expr->args);
	Const	   *constant = lsecond(expr->args);
	ArrayType  *array;
	Oid			type;
	int16		length;
	bool		byval;
	char		align;
	Datum	   *elements;
	bool	   *isnull;
	int			nelements;
	int			n = 0;

	if (!expr->useOr || column_of(left) == 0 || !IsA(constant, Const) || constant->constisnull)
		return NULL;
	array = DatumGetArrayTypeP(constant->constvalue);
	type = ARR_ELEMTYPE(array);
	if (ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) > MAX_COMBINATIONS ||
		!operator_can_route(expr->opno, expr->inputcollid, type))
		return NULL;
	get_typlenbyvalalign(type, &length, &byval, &align);
	deconstruct_array(array, type, length, byval, align, &elements, &isnull, &nelements);
	for (int i = 0; i < nelements; i++)
		if (!isnull[i])
			elements[n++] = elements[i];
	return make_key(column_of(left), expr->opno, expr->inputcollid, type, n, elements);
}

/* A boolean column, which simplification has made of "column = true", or its negation. */
static DbspRouteKey *
match_boolean(Node *expr, bool value)
{
	Datum	   *constant;

	if (column_of(expr) == 0 || exprType(expr) != BOOLOID)
		return NULL;
	constant = palloc(sizeof(Datum));
	*constant = BoolGetDatum(value);
	return make_key(column_of(expr), BooleanEqualOperator, InvalidOid, BOOLOID, 1, constant);
}

/* What the qual says of one column; NULL if that is nothing we can use. */
static DbspRouteKey *
match_qual(Node *qual)
{
	if (IsA(qual, OpExpr))
		return match_comparison((OpExpr *) qual);
	if (IsA(qual, ScalarArrayOpExpr))
		return match_list((ScalarArrayOpExpr *) qual);
	if (is_notclause(qual))
		return match_boolean((Node *) get_notclausearg(qual), false);
	return match_boolean(qual, true);
}

static List *
match_quals(List *quals)
{
	List	   *conditions = NIL;
	ListCell   *lc;

	foreach(lc, quals)
	{
		DbspRouteKey *key = match_qual(lfirst(lc));

		if (key)
			conditions = lappend(conditions, key);
	}
	return conditions;
}

/* The same condition on another column. */
static DbspRouteKey *
move_key(const DbspRouteKey *key, int column)
{
	return make_key(column, key->operator, key->collation, key->type, key->nconstants, key->constants);
}

/* ---- through projections and joins ---- */

/* Conditions on the outputs of a projection as conditions on its input; those on computed columns are left out. */
static List *
below_project(const DbspPlan *project, List *conditions)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, conditions)
	{
		DbspRouteKey *key = lfirst(lc);
		int			column = column_of(list_nth(project->exprs, key->column - 1));

		if (column > 0)
			result = lappend(result, move_key(key, column));
	}
	return result;
}

static List *
above_project(const DbspPlan *project, List *conditions)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, project->exprs)
	{
		int			column = column_of(lfirst(lc));
		ListCell   *k;

		foreach(k, column > 0 ? conditions : NIL)
			if (((DbspRouteKey *) lfirst(k))->column == column)
				result = lappend(result, move_key(lfirst(k), foreach_current_index(lc) + 1));
	}
	return result;
}

/* Those on columns first + 1 to last of a joined row, as conditions on the side's own row. */
static List *
side_of_join(List *conditions, int first, int last)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, conditions)
	{
		DbspRouteKey *key = lfirst(lc);

		if (key->column > first && key->column <= last)
			result = lappend(result, move_key(key, key->column - first));
	}
	return result;
}

/* "type = constant" in a hash family that the join's operator and the condition's belong to; invalid if there is none. */
static Oid
equality_in_family(Oid join_operator, const DbspRouteKey *key, Oid type)
{
	CatCList   *members = SearchSysCacheList1(AMOPOPID, ObjectIdGetDatum(join_operator));
	Oid			result = InvalidOid;

	for (int i = 0; i < members->n_members && !OidIsValid(result); i++)
	{
		Form_pg_amop member = (Form_pg_amop) GETSTRUCT(&members->members[i]->tuple);
		Oid			left;
		Oid			right;

		if (member->amopmethod != HASH_AM_OID || !op_in_opfamily(key->operator, member->amopfamily))
			continue;
		op_input_types(key->operator, &left, &right);
		result = get_opfamily_member(member->amopfamily, type, right, HTEqualStrategyNumber);
	}
	ReleaseSysCacheList(members);
	return result;
}

/* Conditions on one side of a join that follow from those on the other. */
static List *
across_join(const DbspPlan *join, List *conditions, bool to_right)
{
	List	   *result = NIL;
	ListCell   *lc;
	ListCell   *k;

	foreach(lc, join->joinkeys)
	{
		DbspJoinKey *joinkey = lfirst(lc);
		int			from = column_of((Node *) (to_right ? joinkey->left : joinkey->right));
		int			to = column_of((Node *) (to_right ? joinkey->right : joinkey->left));
		Oid			left;
		Oid			right;

		op_input_types(joinkey->operator, &left, &right);
		foreach(k, from > 0 && to > 0 ? conditions : NIL)
		{
			DbspRouteKey *key = lfirst(k);
			Oid			operator;

			if (key->column != from || key->collation != joinkey->collation)
				continue;
			operator = equality_in_family(joinkey->operator, key, to_right ? right : left);
			if (OidIsValid(operator) && operator_can_route(operator, key->collation, key->type))
				result = lappend(result, make_key(to, operator, key->collation, key->type,
												  key->nconstants, key->constants));
		}
	}
	return result;
}

/* What every output row of a join fulfils, as conditions on its sides' rows. */
static void
facts_of_join(DbspPlan *join, List **left_out, List **right_out)
{
	int			nleft = ((DbspPlan *) linitial(join->inputs))->rowtype->natts;
	List	   *quals = match_quals(join->quals);
	List	   *left = list_concat(side_of_join(quals, 0, nleft), facts(linitial(join->inputs)));
	List	   *right = list_concat(side_of_join(quals, nleft, join->rowtype->natts), facts(lsecond(join->inputs)));

	*left_out = list_concat(across_join(join, right, false), left);
	*right_out = list_concat(across_join(join, left, true), right);
}

/* What every output row of the node fulfils. */
static List *
facts(DbspPlan *plan)
{
	List	   *left;
	List	   *right;
	ListCell   *lc;

	check_stack_depth();
	switch (plan->kind)
	{
		case DBSP_PLAN_FILTER:
			return list_concat(match_quals(plan->quals), facts(linitial(plan->inputs)));
		case DBSP_PLAN_PROJECT:
			return above_project(plan, facts(linitial(plan->inputs)));
		case DBSP_PLAN_JOIN:
			facts_of_join(plan, &left, &right);
			foreach(lc, right)
			{
				DbspRouteKey *key = lfirst(lc);

				left = lappend(left, move_key(key, ((DbspPlan *) linitial(plan->inputs))->rowtype->natts + key->column));
			}
			return left;
		case DBSP_PLAN_SOURCE:
		case DBSP_PLAN_UNION:
		case DBSP_PLAN_AGGREGATE:
		case DBSP_PLAN_SINK:
			break;
	}
	return NIL;
}

static void
descend_join(DbspPlan *join, List *conditions, List **routes)
{
	DbspPlan   *left = linitial(join->inputs);
	DbspPlan   *right = lsecond(join->inputs);
	int			nleft = left->rowtype->natts;
	List	   *on_left;
	List	   *on_right;
	List	   *to_left;
	List	   *to_right;

	conditions = list_concat(match_quals(join->quals), conditions);
	on_left = side_of_join(conditions, 0, nleft);
	on_right = side_of_join(conditions, nleft, nleft + right->rowtype->natts);
	to_right = across_join(join, list_concat_copy(on_left, facts(left)), true);
	to_left = across_join(join, list_concat_copy(on_right, facts(right)), false);
	descend(left, list_concat(on_left, to_left), routes);
	descend(right, list_concat(on_right, to_right), routes);
}

/* ---- at the sources ---- */

static int
compare_keys(const ListCell *a, const ListCell *b)
{
	return ((const DbspRouteKey *) lfirst(a))->column - ((const DbspRouteKey *) lfirst(b))->column;
}

static bool
has_column(List *keys, int column)
{
	ListCell   *lc;

	foreach(lc, keys)
		if (((DbspRouteKey *) lfirst(lc))->column == column)
			return true;
	return false;
}

/* One condition per column, with the table's attribute numbers; of lists of constants only as many as have few combinations. */
static void
add_route(DbspPlan *source, List *conditions, List **routes)
{
	DbspRoute  *route = palloc(sizeof(DbspRoute));
	int			combinations = 1;
	ListCell   *lc;

	route->source = source;
	route->keys = NIL;
	for (int pass = 0; pass < 2; pass++)
		foreach(lc, conditions)
		{
			DbspRouteKey *key = lfirst(lc);
			int			attnum = list_nth_int(source->attnums, key->column - 1);

			if ((key->nconstants > 1) != (pass == 1) || has_column(route->keys, attnum) ||
				combinations * key->nconstants > MAX_COMBINATIONS || list_length(route->keys) == DBSP_MAX_ROUTE_KEYS)
				continue;
			combinations *= key->nconstants;
			route->keys = lappend(route->keys, move_key(key, attnum));
		}
	list_sort(route->keys, compare_keys);
	*routes = lappend(*routes, route);
}

/* Goes down to the sources; conditions are on the node's output row. */
static void
descend(DbspPlan *plan, List *conditions, List **routes)
{
	ListCell   *lc;

	check_stack_depth();
	switch (plan->kind)
	{
		case DBSP_PLAN_SOURCE:
			add_route(plan, conditions, routes);
			break;
		case DBSP_PLAN_FILTER:
			descend(linitial(plan->inputs), list_concat(match_quals(plan->quals), conditions), routes);
			break;
		case DBSP_PLAN_PROJECT:
			descend(linitial(plan->inputs), below_project(plan, conditions), routes);
			break;
		case DBSP_PLAN_JOIN:
			descend_join(plan, conditions, routes);
			break;
		case DBSP_PLAN_AGGREGATE:
			descend(linitial(plan->inputs), NIL, routes);
			break;
		case DBSP_PLAN_UNION:
		case DBSP_PLAN_SINK:
			foreach(lc, plan->inputs)
				descend(lfirst(lc), list_copy(conditions), routes);
			break;
	}
}

List *
dbsp_plan_routes(DbspPlan *root)
{
	List	   *routes = NIL;

	descend(root, NIL, &routes);
	return routes;
}
