/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  Makes plan nodes and derives what follows from their parameters: the
 *	  row type, the key, and what is only loosely determined.
 *
 * A key says that the rows of a node are unique.  It is derived from below:
 * primary keys at the sources, group keys at aggregates.  Equality of a key
 * column is the default equality of its type under the column's collation.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/nbtree.h"
#include "access/stratnum.h"
#include "access/tupdesc.h"
#include "catalog/pg_am.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "circuit/agg/agg.h"
#include "plan/key_image.h"
#include "plan/plan.h"

static DbspPlan *plan_create(DbspPlanKind kind, List *inputs);
static TupleDesc rowtype_of_exprs(List *exprs, List *names);
static TupleDesc rowtype_of_join(TupleDesc left, TupleDesc right);
static void join_derive_key(DbspPlan *join, DbspPlan *left, DbspPlan *right);
static bool key_is_equated(DbspPlan *input, List *joinkeys, bool right);
static bool joinkey_determines(const DbspJoinKey *joinkey, TupleDesc rowtype, int column, bool right);
static List *loose_outputs(List *exprs, List *loose);
static bool uses_column(Node *expr, List *columns);
static List *aggregate_loose_row(DbspPlan *plan, List *input_loose);
static bool uses_any(List *exprs, List *columns);
static bool equality_is_loose(Expr *expr, List *loose, Oid operator, Oid collation);
static void add_representative(DbspPlan *plan);
static void number_nodes(DbspPlan *plan, int *next);
static void collect_nodes(DbspPlan *plan, List **nodes);

/* Rows of a base table: one output column per attnum.  Key columns must be among the attnums, else the node is not keyed. */
DbspPlan *
dbsp_plan_source(Oid relid, bool only, List *attnums, List *key_attnums, bool keyed)
{
	DbspPlan   *plan = plan_create(DBSP_PLAN_SOURCE, NIL);
	ListCell   *lc;
	AttrNumber	column = 0;

	plan->relid = relid;
	plan->only = only;
	plan->attnums = attnums;
	plan->rowtype = CreateTemplateTupleDesc(list_length(attnums));
	foreach(lc, attnums)
	{
		AttrNumber	attnum = lfirst_int(lc);
		Oid			type;
		int32		typmod;
		Oid			collation;

		column++;
		get_atttypetypmodcoll(relid, attnum, &type, &typmod, &collation);
		TupleDescInitEntry(plan->rowtype, column, get_attname(relid, attnum, false), type, typmod, 0);
		TupleDescInitEntryCollation(plan->rowtype, column, collation);
	}
	plan->nvisible = column;

	plan->keyed = keyed;
	foreach(lc, keyed ? key_attnums : NIL)
	{
		int			position = 0;
		ListCell   *cell;

		foreach(cell, attnums)
		{
			if (lfirst_int(cell) == lfirst_int(lc))
				position = foreach_current_index(cell) + 1;
		}
		if (position == 0)
		{
			plan->keyed = false;
			plan->key = NIL;
			break;
		}
		plan->key = lappend_int(plan->key, position);
	}
	return plan;
}

/* The input's rows for which every qual is true. */
DbspPlan *
dbsp_plan_filter(DbspPlan *input, List *quals)
{
	DbspPlan   *plan = plan_create(DBSP_PLAN_FILTER, list_make1(input));

	plan->rowtype = CreateTupleDescCopy(input->rowtype);
	plan->nvisible = input->nvisible;
	plan->keyed = input->keyed;
	plan->key = list_copy(input->key);
	plan->loose = list_copy(input->loose);
	plan->loose_rows |= uses_any(quals, input->loose);
	plan->quals = quals;
	return plan;
}

/* One output column per expression.  The input's key survives if each of its columns is an output as a plain Var. */
DbspPlan *
dbsp_plan_project(DbspPlan *input, List *exprs, List *names, int nvisible)
{
	DbspPlan   *plan = plan_create(DBSP_PLAN_PROJECT, list_make1(input));
	ListCell   *lc;

	plan->exprs = exprs;
	plan->rowtype = rowtype_of_exprs(exprs, names);
	plan->nvisible = nvisible;
	plan->loose = loose_outputs(exprs, input->loose);

	plan->keyed = input->keyed;
	foreach(lc, input->key)
	{
		int			position = 0;
		ListCell   *cell;

		foreach(cell, exprs)
		{
			Var		   *var = (Var *) lfirst(cell);

			if (IsA(var, Var) && var->varattno == lfirst_int(lc))
			{
				position = foreach_current_index(cell) + 1;
				break;
			}
		}
		if (position == 0)
		{
			plan->keyed = false;
			plan->key = NIL;
			break;
		}
		plan->key = lappend_int(plan->key, position);
	}
	return plan;
}

/* Inner join: the left columns followed by the right columns. */
DbspPlan *
dbsp_plan_join(DbspPlan *left, DbspPlan *right, List *joinkeys, List *quals)
{
	DbspPlan   *plan = plan_create(DBSP_PLAN_JOIN, list_make2(left, right));
	int			nleft = left->rowtype->natts;
	ListCell   *lc;

	plan->joinkeys = joinkeys;
	plan->quals = quals;
	plan->rowtype = rowtype_of_join(left->rowtype, right->rowtype);
	plan->nvisible = plan->rowtype->natts;
	plan->loose = list_copy(left->loose);
	foreach(lc, right->loose)
		plan->loose = lappend_int(plan->loose, nleft + lfirst_int(lc));
	plan->loose_rows |= uses_any(quals, plan->loose);
	foreach(lc, joinkeys)
	{
		DbspJoinKey *key = (DbspJoinKey *) lfirst(lc);

		plan->loose_rows |= equality_is_loose(key->left, left->loose, key->operator, key->collation) ||
			equality_is_loose(key->right, right->loose, key->operator, key->collation);
	}
	join_derive_key(plan, left, right);
	return plan;
}

/* All rows of all inputs.  Names come from the first input; a typmod survives where all inputs agree. */
DbspPlan *
dbsp_plan_union(List *inputs)
{
	DbspPlan   *plan = plan_create(DBSP_PLAN_UNION, inputs);
	DbspPlan   *first = (DbspPlan *) linitial(inputs);
	ListCell   *lc;

	plan->rowtype = CreateTupleDescCopy(first->rowtype);
	plan->nvisible = plan->rowtype->natts;
	foreach(lc, inputs)
	{
		DbspPlan   *input = (DbspPlan *) lfirst(lc);

		plan->loose = list_concat_unique_int(plan->loose, input->loose);
		for (int i = 0; i < Min(plan->rowtype->natts, input->rowtype->natts); i++)
		{
			Form_pg_attribute column = TupleDescAttr(plan->rowtype, i);

			if (column->atttypmod != TupleDescAttr(input->rowtype, i)->atttypmod)
				column->atttypmod = -1;
		}
	}
	list_sort(plan->loose, list_int_cmp);
	return plan;
}

/*
 * Groups of the input.  exprs and having are over the group row: the keys
 * followed by the calls' results.  Each group key says which output it is.
 */
DbspPlan *
dbsp_plan_aggregate(DbspPlan *input, List *groupkeys, List *states, List *calls, List *values,
					List *having, List *exprs, List *names, int nvisible, bool grand_total)
{
	DbspPlan   *plan = plan_create(DBSP_PLAN_AGGREGATE, list_make1(input));
	List	   *loose_row;
	ListCell   *lc;

	plan->grand_total = grand_total;
	plan->groupkeys = groupkeys;
	plan->states = states;
	plan->calls = calls;
	plan->values = values;
	plan->having = having;
	plan->exprs = exprs;
	plan->rowtype = rowtype_of_exprs(exprs, names);
	plan->nvisible = nvisible;
	plan->keyed = true;
	foreach(lc, groupkeys)
	{
		DbspGroupKey *key = (DbspGroupKey *) lfirst(lc);
		Node	   *expr = (Node *) key->expr;

		plan->key = lappend_int(plan->key, key->column);
		key->inexact = !dbsp_type_is_image_equal(exprType(expr), exprTypmod(expr), key->collation);
		plan->loose_rows |= equality_is_loose(key->expr, input->loose, key->eqop, key->collation);
	}
	add_representative(plan);
	loose_row = aggregate_loose_row(plan, input->loose);
	plan->loose = loose_outputs(exprs, loose_row);
	plan->loose_rows |= uses_any(having, loose_row);
	return plan;
}

/* The root of a view whose rows do not come from an aggregate. */
DbspPlan *
dbsp_plan_sink(DbspPlan *input)
{
	DbspPlan   *plan = plan_create(DBSP_PLAN_SINK, list_make1(input));

	plan->rowtype = CreateTupleDescCopy(input->rowtype);
	plan->nvisible = input->nvisible;
	plan->keyed = input->keyed;
	plan->key = list_copy(input->key);
	plan->loose = list_copy(input->loose);
	return plan;
}

void
dbsp_plan_number(DbspPlan *root)
{
	int			next = 1;

	number_nodes(root, &next);
}

List *
dbsp_plan_nodes(DbspPlan *root)
{
	List	   *nodes = NIL;

	collect_nodes(root, &nodes);
	return nodes;
}

List *
dbsp_plan_sources(DbspPlan *root)
{
	List	   *sources = NIL;
	ListCell   *lc;

	foreach(lc, dbsp_plan_nodes(root))
	{
		DbspPlan   *plan = (DbspPlan *) lfirst(lc);

		if (plan->kind == DBSP_PLAN_SOURCE)
			sources = list_append_unique_oid(sources, plan->relid);
	}
	list_sort(sources, list_oid_cmp);
	return sources;
}

const char *
dbsp_plan_kind_name(DbspPlanKind kind)
{
	switch (kind)
	{
		case DBSP_PLAN_SOURCE:
			return "source";
		case DBSP_PLAN_FILTER:
			return "filter";
		case DBSP_PLAN_PROJECT:
			return "project";
		case DBSP_PLAN_JOIN:
			return "join";
		case DBSP_PLAN_UNION:
			return "union all";
		case DBSP_PLAN_AGGREGATE:
			return "aggregate";
		case DBSP_PLAN_SINK:
			return "sink";
	}
	elog(ERROR, "unrecognized plan kind: %d", (int) kind);
	return NULL;				/* keep compiler quiet */
}

/*
 * True if equal values of the type are always the same bytes, as btree's
 * deduplication needs it too.  False when in doubt: for types without a btree
 * operator class and for those whose class does not promise it.
 */
bool
dbsp_type_is_image_equal(Oid type, int32 typmod, Oid collation)
{
	TypeCacheEntry *typentry;
	Oid			proc;

	type = getBaseTypeAndTypmod(type, &typmod);

	/* Numbers of one declared scale show as many digits as it says. */
	if (type == NUMERICOID && typmod >= 0)
		return true;

	/*
	 * Blank-padded values of one declared length are the same text if they
	 * are equal; without it they can differ in trailing blanks.  What btree
	 * promises for the type depends on the server's minor version.
	 */
	if (type == BPCHAROID)
		return typmod >= 0 && OidIsValid(collation) && get_collation_isdeterministic(collation);
	typentry = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY);
	if (!OidIsValid(typentry->btree_opf))
		return false;
	proc = get_opfamily_proc(typentry->btree_opf, typentry->btree_opintype, typentry->btree_opintype,
							 BTEQUALIMAGE_PROC);
	if (!OidIsValid(proc))
		return false;
	if (type_is_collatable(type) && !OidIsValid(collation))
		return false;
	return DatumGetBool(OidFunctionCall1Coll(proc, collation, ObjectIdGetDatum(typentry->btree_opintype)));
}

static DbspPlan *
plan_create(DbspPlanKind kind, List *inputs)
{
	DbspPlan   *plan = (DbspPlan *) palloc0(sizeof(DbspPlan));
	ListCell   *lc;

	plan->kind = kind;
	plan->inputs = inputs;
	foreach(lc, inputs)
		plan->loose_rows |= ((DbspPlan *) lfirst(lc))->loose_rows;
	return plan;
}

static TupleDesc
rowtype_of_exprs(List *exprs, List *names)
{
	TupleDesc	rowtype = CreateTemplateTupleDesc(list_length(exprs));
	ListCell   *lce;
	ListCell   *lcn;
	AttrNumber	column = 0;

	Assert(list_length(exprs) == list_length(names));
	forboth(lce, exprs, lcn, names)
	{
		Node	   *expr = (Node *) lfirst(lce);

		column++;
		TupleDescInitEntry(rowtype, column, (const char *) lfirst(lcn), exprType(expr), exprTypmod(expr), 0);
		TupleDescInitEntryCollation(rowtype, column, exprCollation(expr));
	}
	return rowtype;
}

static TupleDesc
rowtype_of_join(TupleDesc left, TupleDesc right)
{
	TupleDesc	rowtype = CreateTemplateTupleDesc(left->natts + right->natts);

	for (int i = 0; i < rowtype->natts; i++)
	{
		Form_pg_attribute column = i < left->natts ? TupleDescAttr(left, i) : TupleDescAttr(right, i - left->natts);

		TupleDescInitEntry(rowtype, i + 1, NameStr(column->attname), column->atttypid, column->atttypmod, 0);
		TupleDescInitEntryCollation(rowtype, i + 1, column->attcollation);
	}
	return rowtype;
}

/*
 * Both inputs' keys together.  Where the join's equalities fix one side's
 * whole key, each row of the other side meets at most one row, so the other
 * side's key is enough.
 */
static void
join_derive_key(DbspPlan *join, DbspPlan *left, DbspPlan *right)
{
	int			nleft = left->rowtype->natts;
	ListCell   *lc;

	if (!left->keyed || !right->keyed)
		return;
	join->keyed = true;
	if (key_is_equated(right, join->joinkeys, true))
	{
		join->key = list_copy(left->key);
		return;
	}
	if (!key_is_equated(left, join->joinkeys, false))
		join->key = list_copy(left->key);
	foreach(lc, right->key)
		join->key = lappend_int(join->key, nleft + lfirst_int(lc));
}

static bool
key_is_equated(DbspPlan *input, List *joinkeys, bool right)
{
	ListCell   *lc;

	foreach(lc, input->key)
	{
		ListCell   *cell;
		bool		found = false;

		foreach(cell, joinkeys)
		{
			if (joinkey_determines((DbspJoinKey *) lfirst(cell), input->rowtype, lfirst_int(lc), right))
				found = true;
		}
		if (!found)
			return false;
	}
	return true;
}

/*
 * True if rows that the join equality matches with one value have equal
 * values in the column, by the column's own default equality.
 */
static bool
joinkey_determines(const DbspJoinKey *joinkey, TupleDesc rowtype, int column, bool right)
{
	Form_pg_attribute attr = TupleDescAttr(rowtype, column - 1);
	Node	   *expr = (Node *) (right ? joinkey->right : joinkey->left);
	Oid			opclass;

	/* A relabeling that keeps the bytes; the operator family below says whether it keeps equality. */
	while (IsA(expr, RelabelType))
		expr = (Node *) ((RelabelType *) expr)->arg;
	if (!IsA(expr, Var) || ((Var *) expr)->varattno != column)
		return false;
	if (joinkey->collation != attr->attcollation)
		return false;
	opclass = GetDefaultOpClass(attr->atttypid, BTREE_AM_OID);
	return OidIsValid(opclass) &&
		get_op_opfamily_strategy(joinkey->operator, get_opclass_family(opclass)) == BTEqualStrategyNumber;
}

/* The positions of the expressions that use any of the columns. */
static List *
loose_outputs(List *exprs, List *loose)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, exprs)
	{
		if (uses_column((Node *) lfirst(lc), loose))
			result = lappend_int(result, foreach_current_index(lc) + 1);
	}
	return result;
}

static bool
uses_column(Node *expr, List *columns)
{
	ListCell   *lc;
	List	   *vars;

	if (columns == NIL)
		return false;
	vars = pull_var_clause(expr, 0);
	foreach(lc, vars)
	{
		if (list_member_int(columns, ((Var *) lfirst(lc))->varattno))
			return true;
	}
	return false;
}

/* The loose columns of an aggregate's group row. */
static List *
aggregate_loose_row(DbspPlan *plan, List *input_loose)
{
	List	   *result = NIL;
	int			column = 0;
	ListCell   *lc;

	foreach(lc, plan->groupkeys)
	{
		DbspGroupKey *key = (DbspGroupKey *) lfirst(lc);

		column++;
		if (key->inexact || uses_column((Node *) key->expr, input_loose))
			result = lappend_int(result, column);
	}
	foreach(lc, plan->calls)
	{
		DbspAggCall *call = (DbspAggCall *) lfirst(lc);
		DbspAggState *state = call->state < 0 ? NULL : (DbspAggState *) list_nth(plan->states, call->state);

		column++;
		if (call->loose ||
			(state != NULL && uses_column((Node *) state->arg, input_loose)) ||
			(state != NULL && OidIsValid(state->sortop) && !dbsp_type_is_image_equal(call->type, -1, call->collation)))
			result = lappend_int(result, column);
	}
	return result;
}

static bool
uses_any(List *exprs, List *columns)
{
	return uses_column((Node *) exprs, columns);
}

/* True if what a value is equal to may depend on how loose columns turn out: unless it is one, compared by its own equality. */
static bool
equality_is_loose(Expr *expr, List *loose, Oid operator, Oid collation)
{
	Oid			type = exprType((Node *) expr);

	if (!uses_column((Node *) expr, loose))
		return false;
	return !IsA(expr, Var) || type == FLOAT4OID || type == FLOAT8OID ||
		collation != exprCollation((Node *) expr) ||
		operator != lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
}

/*
 * Where keys are inexact, adds the table of their images and the state that
 * is the digest of the group's representative.
 */
static void
add_representative(DbspPlan *plan)
{
	List	   *exprs = NIL;
	DbspAggState *state;
	DbspAggValues *values;
	ListCell   *lc;

	foreach(lc, plan->groupkeys)
	{
		DbspGroupKey *key = (DbspGroupKey *) lfirst(lc);

		if (key->inexact)
			exprs = lappend(exprs, key->expr);
	}
	if (exprs == NIL)
		return;
	if (list_length(exprs) > FUNC_MAX_ARGS)
		ereport(ERROR,
				errcode(ERRCODE_TOO_MANY_COLUMNS),
				errmsg("cannot group by more than %d columns in which equal values can look different", FUNC_MAX_ARGS));

	state = (DbspAggState *) palloc0(sizeof(DbspAggState));
	state->aggclass = &dbsp_agg_representative;
	state->arg = dbsp_key_image_call(exprs);
	state->argtype = BYTEAOID;
	state->sortop = Int8LessOperator;
	state->column_type = INT8OID;
	state->column_typmod = -1;
	state->values = list_length(plan->values);
	plan->states = lappend(plan->states, state);

	values = (DbspAggValues *) palloc0(sizeof(DbspAggValues));
	values->arg = dbsp_key_digest_call(exprs);
	values->type = INT8OID;
	values->typmod = -1;
	values->of_keys = true;
	plan->values = lappend(plan->values, values);
}

static void
number_nodes(DbspPlan *plan, int *next)
{
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, plan->inputs)
		number_nodes((DbspPlan *) lfirst(lc), next);
	plan->number = (*next)++;
}

/* Appends the nodes, inputs first: the order in which number_nodes counts. */
static void
collect_nodes(DbspPlan *plan, List **nodes)
{
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, plan->inputs)
		collect_nodes((DbspPlan *) lfirst(lc), nodes);
	*nodes = lappend(*nodes, plan);
}
