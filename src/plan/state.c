/*-------------------------------------------------------------------------
 *
 * state.c
 *	  The internal tables that a plan needs, and their layout.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "plan/probe.h"
#include "plan/state.h"

/* Varlena types whose values are short in practice; a btree entry holds about 2,700 bytes. */
static const Oid short_types[] = {
	NUMERICOID, INETOID, CIDROID, INT4RANGEOID, INT8RANGEOID, NUMRANGEOID,
	TSRANGEOID, TSTZRANGEOID, DATERANGEOID
};

/* Declared lengths up to this many characters count as short. */
#define SHORT_DECLARED_LENGTH 100

bool
dbsp_type_is_short(Oid type, int32 typmod)
{
	Oid			base = getBaseTypeAndTypmod(type, &typmod);

	if (get_typlen(base) > 0)
		return true;
	if ((base == VARCHAROID || base == BPCHAROID) && typmod >= (int32) VARHDRSZ)
		return typmod - (int32) VARHDRSZ <= SHORT_DECLARED_LENGTH;
	for (int i = 0; i < lengthof(short_types); i++)
		if (base == short_types[i])
			return true;
	return false;
}

static bool
column_is_short(TupleDesc desc, int column)
{
	Form_pg_attribute att = TupleDescAttr(desc, column - 1);

	return dbsp_type_is_short(att->atttypid, att->atttypmod);
}

/* ---- descriptors ---- */

static void
set_column(TupleDesc desc, int column, const char *name, Oid type, int32 typmod, Oid collation)
{
	TupleDescInitEntry(desc, column, name, type, typmod, 0);
	TupleDescInitEntryCollation(desc, column, collation);
}

/* The output columns; names that only the plan sees are replaced, since a table needs them unique. */
static void
set_outputs(TupleDesc desc, const DbspPlan *plan, DbspStateRole role)
{
	for (int i = 1; i <= plan->rowtype->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(plan->rowtype, i - 1);
		char		name[NAMEDATALEN];

		if (role == DBSP_STATE_SHADOW && i <= plan->nvisible)
			strlcpy(name, NameStr(att->attname), sizeof(name));
		else
			snprintf(name, sizeof(name), DBSP_HIDDEN_PREFIX "c%d", i);
		set_column(desc, i, name, att->atttypid, att->atttypmod, att->attcollation);
	}
}

/* ---- key modes ---- */

static bool
all_short(TupleDesc desc, List *columns)
{
	ListCell   *lc;

	foreach(lc, columns)
		if (!column_is_short(desc, lfirst_int(lc)))
			return false;
	return true;
}

static bool
all_hashable(List *eqops)
{
	ListCell   *lc;

	foreach(lc, eqops)
	{
		RegProcedure left;
		RegProcedure right;

		if (!get_op_hash_functions(lfirst_oid(lc), &left, &right))
			return false;
	}
	return true;
}

static bool
all_sortable(TupleDesc desc, List *columns)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		Oid			type = TupleDescAttr(desc, lfirst_int(lc) - 1)->atttypid;

		if (!OidIsValid(lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY)->btree_opf))
			return false;
	}
	return true;
}

/*
 * An aggregate's values have no bound, so long ones get a hash.  A sink's key
 * comes from primary keys, whose own index bounds each value, unless it comes
 * through an aggregate.
 */
static DbspKeyMode
choose_mode(const DbspStateDef *def, bool bounded)
{
	bool		sortable = all_sortable(def->desc, def->key) && list_length(def->key) <= INDEX_MAX_KEYS;

	if (def->key == NIL)
		return DBSP_KEY_SINGLE;
	/* What stores look up by has room for so many. */
	if (list_length(def->key) > INDEX_MAX_KEYS * 4)
		ereport(ERROR,
				errcode(ERRCODE_TOO_MANY_COLUMNS),
				errmsg("cannot identify rows of a view by more than %d columns", INDEX_MAX_KEYS * 4));
	if (sortable && (all_short(def->desc, def->key) || (bounded && list_length(def->key) == 1)))
		return DBSP_KEY_UNIQUE;
	if (all_hashable(def->key_eqops))
		return DBSP_KEY_HASH;
	return DBSP_KEY_UNIQUE;
}

static bool
has_aggregate(const DbspPlan *plan)
{
	ListCell   *lc;

	if (plan->kind == DBSP_PLAN_AGGREGATE)
		return true;
	foreach(lc, plan->inputs)
		if (has_aggregate(lfirst(lc)))
			return true;
	return false;
}

/* ---- one table ---- */

static DbspStateDef *
new_def(DbspPlan *plan, DbspStateRole role)
{
	DbspStateDef *def = palloc0(sizeof(DbspStateDef));

	def->plan = plan;
	def->role = role;
	def->values = -1;
	def->noutputs = role == DBSP_STATE_VALUES ? 0 : plan->rowtype->natts;
	return def;
}

/* A copy of the first ncolumns columns. */
static TupleDesc
truncate_desc(TupleDesc desc, int ncolumns)
{
	TupleDesc	result = CreateTemplateTupleDesc(ncolumns);

	for (int i = 1; i <= ncolumns; i++)
		TupleDescCopyEntry(result, i, desc, i);
	return result;
}

/* Adds the hash column where the mode has one.  The descriptor has room for it. */
static void
finish_hash(DbspStateDef *def, int ncolumns)
{
	if (def->mode == DBSP_KEY_HASH || def->mode == DBSP_KEY_BAG)
	{
		def->hash_column = ++ncolumns;
		set_column(def->desc, ncolumns, DBSP_HIDDEN_PREFIX "hash", INT8OID, -1, InvalidOid);
	}
	def->desc = truncate_desc(def->desc, ncolumns);
}

/* The output column that is count(*), or 0; of groups that HAVING may hide there are no outputs. */
static int
count_output(const DbspPlan *plan)
{
	int			nkeys = list_length(plan->groupkeys);
	ListCell   *lc;

	if (plan->having)
		return 0;
	foreach(lc, plan->exprs)
	{
		Var		   *var = lfirst(lc);

		if (IsA(var, Var) && var->varattno > nkeys &&
			((DbspAggCall *) list_nth(plan->calls, var->varattno - nkeys - 1))->state < 0)
			return foreach_current_index(lc) + 1;
	}
	return 0;
}

static DbspStateDef *
aggregate_def(DbspPlan *plan, DbspStateRole role, bool separate_count)
{
	DbspStateDef *def = new_def(plan, role);
	int			n = plan->rowtype->natts;
	int			i = 0;
	ListCell   *lc;

	def->desc = CreateTemplateTupleDesc(n + 3 + list_length(plan->states));
	set_outputs(def->desc, plan, role);
	foreach(lc, plan->groupkeys)
	{
		DbspGroupKey *key = lfirst(lc);

		def->key = lappend_int(def->key, key->column);
		def->key_eqops = lappend_oid(def->key_eqops, key->eqop);
	}
	if (plan->having)
	{
		def->visible_column = ++n;
		set_column(def->desc, n, DBSP_HIDDEN_PREFIX "visible", BOOLOID, -1, InvalidOid);
	}
	def->count_column = separate_count ? 0 : count_output(plan);
	if (def->count_column == 0)
	{
		def->count_column = ++n;
		set_column(def->desc, n, DBSP_COUNT_COLUMN, INT8OID, -1, InvalidOid);
	}
	foreach(lc, plan->states)
	{
		DbspAggState *state = lfirst(lc);
		char		name[NAMEDATALEN];

		snprintf(name, sizeof(name), DBSP_HIDDEN_PREFIX "agg_%d", ++i);
		set_column(def->desc, ++n, name, state->column_type, state->column_typmod, state->column_collation);
	}
	if (i > 0)
		def->agg_column = n - i + 1;
	def->mode = choose_mode(def, false);
	finish_hash(def, n);
	return def;
}

static DbspStateDef *
sink_def(DbspPlan *plan)
{
	DbspStateDef *def = new_def(plan, DBSP_STATE_SHADOW);
	int			n = plan->rowtype->natts;
	ListCell   *lc;

	def->desc = CreateTemplateTupleDesc(n + 1);
	set_outputs(def->desc, plan, DBSP_STATE_SHADOW);
	if (plan->keyed)
	{
		def->key = list_copy(plan->key);
		foreach(lc, plan->key)
		{
			Oid			type = TupleDescAttr(plan->rowtype, lfirst_int(lc) - 1)->atttypid;

			def->key_eqops = lappend_oid(def->key_eqops, lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr);
		}
		def->mode = choose_mode(def, !has_aggregate(plan));
	}
	else
		def->mode = DBSP_KEY_BAG;
	finish_hash(def, n);
	return def;
}

static DbspStateDef *
values_def(DbspPlan *plan, const DbspStateDef *groups, int index)
{
	DbspStateDef *def = new_def(plan, DBSP_STATE_VALUES);
	DbspAggValues *values = list_nth(plan->values, index);
	int			n = 0;
	ListCell   *lc;

	def->values = index;
	def->desc = CreateTemplateTupleDesc(list_length(plan->groupkeys) + 3);
	foreach(lc, plan->groupkeys)
	{
		DbspGroupKey *key = lfirst(lc);
		Form_pg_attribute att = TupleDescAttr(plan->rowtype, key->column - 1);
		char		name[NAMEDATALEN];

		snprintf(name, sizeof(name), DBSP_HIDDEN_PREFIX "key_%d", ++n);
		set_column(def->desc, n, name, att->atttypid, att->atttypmod, att->attcollation);
		def->key = lappend_int(def->key, n);
		def->key_eqops = lappend_oid(def->key_eqops, key->eqop);
		if (values->of_keys && key->inexact)
			def->exact = lappend_int(def->exact, n);
	}
	set_column(def->desc, ++n, DBSP_HIDDEN_PREFIX "value", values->type, values->typmod, values->collation);
	if (!dbsp_type_is_image_equal(values->type, values->typmod, values->collation))
		def->exact = list_make1_int(n);
	def->key = lappend_int(def->key, n);
	def->key_eqops = lappend_oid(def->key_eqops, lookup_type_cache(values->type, TYPECACHE_EQ_OPR)->eq_opr);
	def->count_column = ++n;
	set_column(def->desc, n, DBSP_COUNT_COLUMN, INT8OID, -1, InvalidOid);
	def->mode = groups->mode == DBSP_KEY_HASH || n - 1 > INDEX_MAX_KEYS ? DBSP_KEY_HASH : DBSP_KEY_UNIQUE;
	finish_hash(def, n);
	return def;
}

/* ---- indexes for probes ---- */

static DbspStateDef *
find_def(List *defs, const DbspPlan *plan)
{
	ListCell   *lc;

	foreach(lc, defs)
	{
		DbspStateDef *def = lfirst(lc);

		if (def->plan == plan && def->role != DBSP_STATE_VALUES)
			return def;
	}
	elog(ERROR, "operator %d has no state table", plan->number);
}

/* The short columns that a probe of an aggregate's table asks for; NIL where its own index serves. */
static List *
probe_index_columns(const DbspStateDef *def, const DbspProbe *probe)
{
	List	   *columns = NIL;
	List	   *missing;
	ListCell   *lc;

	foreach(lc, probe->keys)
	{
		DbspProbeKey *key = lfirst(lc);
		Expr	   *expr = key->expr;
		int			column;

		if (IsA(expr, RelabelType))
			expr = ((RelabelType *) expr)->arg;
		if (!IsA(expr, Var))
			continue;
		column = ((Var *) expr)->varattno;
		if (column_is_short(def->desc, column) && all_sortable(def->desc, list_make1_int(column)))
			columns = list_append_unique_int(columns, column);
	}
	if (columns == NIL)
		return NIL;
	if (def->mode == DBSP_KEY_UNIQUE)
	{
		missing = list_difference_int(columns, def->key);
		if (missing == NIL && list_member_int(columns, linitial_int(def->key)))
			return NIL;
	}
	return columns;
}

static void
add_probe_indexes(List *defs, DbspPlan *join, bool probe_right)
{
	ListCell   *lc;

	foreach(lc, dbsp_probe_leaves(dbsp_probe_join_side(join, probe_right)))
	{
		DbspProbe  *leaf = lfirst(lc);
		DbspStateDef *def;
		List	   *columns;

		if (leaf->node->kind != DBSP_PLAN_AGGREGATE)
			continue;
		def = find_def(defs, leaf->node);
		columns = probe_index_columns(def, leaf);
		if (columns != NIL && !list_member(def->extra_indexes, columns))
			def->extra_indexes = lappend(def->extra_indexes, columns);
	}
}

List *
dbsp_state_defs(DbspPlan *root)
{
	List	   *nodes = dbsp_plan_nodes(root);
	List	   *defs = NIL;
	ListCell   *lc;

	foreach(lc, nodes)
	{
		DbspPlan   *plan = lfirst(lc);

		if (plan->kind == DBSP_PLAN_SINK)
			defs = lappend(defs, sink_def(plan));
		else if (plan->kind == DBSP_PLAN_AGGREGATE)
		{
			DbspStateDef *def = aggregate_def(plan, plan == root ? DBSP_STATE_SHADOW : DBSP_STATE_GROUPS, false);

			defs = lappend(defs, def);
			for (int i = 0; i < list_length(plan->values); i++)
				defs = lappend(defs, values_def(plan, def, i));
		}
	}
	foreach(lc, nodes)
	{
		DbspPlan   *plan = lfirst(lc);

		if (plan->kind != DBSP_PLAN_JOIN)
			continue;
		add_probe_indexes(defs, plan, true);
		add_probe_indexes(defs, plan, false);
	}
	return defs;
}

bool
dbsp_state_counts_in_output(const DbspStateDef *def)
{
	return def->role != DBSP_STATE_VALUES && def->count_column > 0 && def->count_column <= def->noutputs;
}

void
dbsp_state_separate_count(DbspStateDef *def)
{
	List	   *extra_indexes = def->extra_indexes;

	*def = *aggregate_def(def->plan, def->role, true);
	def->extra_indexes = extra_indexes;
}

List *
dbsp_state_index_columns(const DbspStateDef *def)
{
	switch (def->mode)
	{
		case DBSP_KEY_UNIQUE:
			return list_copy(def->key);
		case DBSP_KEY_BAG:
			return list_make1_int(def->hash_column);
		case DBSP_KEY_SINGLE:
			return NIL;
		case DBSP_KEY_HASH:
			if (def->role == DBSP_STATE_VALUES)
				return list_make2_int(def->hash_column, llast_int(def->key));
			return list_make1_int(def->hash_column);
	}
	return NIL;
}

char *
dbsp_state_role_name(const DbspStateDef *def)
{
	switch (def->role)
	{
		case DBSP_STATE_SHADOW:
			return "shadow";
		case DBSP_STATE_GROUPS:
			return "groups";
		case DBSP_STATE_VALUES:
			return psprintf("values_%d", def->values + 1);
	}
	return NULL;
}

char *
dbsp_state_table_name(DbspViewNumber view, const DbspStateDef *def)
{
	switch (def->role)
	{
		case DBSP_STATE_SHADOW:
			return psprintf("shadow_%d", view);
		case DBSP_STATE_GROUPS:
			return psprintf("groups_%d_%d", view, def->plan->number);
		case DBSP_STATE_VALUES:
			return psprintf("values_%d_%d_%d", view, def->plan->number, def->values + 1);
	}
	elog(ERROR, "unrecognized role of a state table: %d", (int) def->role);
	return NULL;
}
