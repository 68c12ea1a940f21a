/*-------------------------------------------------------------------------
 *
 * verify.c
 *	  dbsp_ivm.verify(): a view against its definition, under one snapshot.
 *
 * Both sides go into one Z-set of row images, the definition's rows with
 * weight +1 and the view's with -1: what is left differs.  Columns whose
 * value is only determined up to equality (1.0 or 1.00) or rounding (sums of
 * floating-point numbers) are "loose": remaining rows that differ in nothing
 * else are paired off afterwards.  That costs O(n log n) for n remaining rows
 * unless many of them are nearly equal.
 *
 * Each internal table is compared as well, with what follows from the tables
 * that it is made of: base tables and the groups of inner aggregates.  There
 * floating-point sums are exact, and which of equal values a group shows as
 * its key is fixed.  PostgreSQL's own sums depend on the order of rows, and
 * can be far off where large numbers cancel out; its groups show any of equal
 * keys, from which other texts, or other rows, can follow.  So when all
 * internal tables are right, a difference in nothing but such columns is
 * none, nor is a difference in rows that such values decide about.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include <float.h>
#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "zset/zset.h"
#include "plan/plan_query.h"
#include "circuit/agg/agg.h"
#include "circuit/op.h"
#include "catalog/catalog.h"
#include "store/heap_store.h"
#include "compile/compile.h"
#include "engine/engine.h"
#include "engine/rebuild.h"
#include "command/identity.h"
#include "command/names.h"

/* Two floating-point results are the same up to the order of summation. */
#define RELATIVE_TOLERANCE 1e-9
#define ABSOLUTE_TOLERANCE 1e-12

/* How the values of one column are compared. */
typedef enum Looseness
{
	STRICT,						/* the same image */
	EQUAL,						/* equal for the type's default equality */
	NEAR,						/* floating-point numbers within the tolerance */
	FREE						/* not at all */
} Looseness;

typedef struct Column
{
	Form_pg_attribute attr;
	Looseness	looseness;
	bool		loose;			/* may be FREE in the end */
	TypeCacheEntry *type;		/* EQUAL only */
} Column;

/* A row that only one side has, as far as the Z-set can tell. */
typedef struct Residual
{
	Datum	   *values;
	bool	   *isnull;
	DbspWeight	weight;
	uint32		hash;			/* of everything that must be the same */
	double		near;			/* the first NEAR column, to find pairs quickly */
} Residual;

typedef struct Difference
{
	DbspWeight	weight;
	char	   *row;
} Difference;

/* One comparison: rows of a query against rows of a relation. */
typedef struct Comparison
{
	TupleDesc	desc;
	Column	   *columns;
	ZSet	   *zset;
	MemoryContext row_cxt;
	const char *prefix;			/* of the rows in the result; "" for the view's own */
	Residual   *residuals;		/* after comparison_settle() */
	uint64		nresiduals;

	/* Outputs that the query leaves to the aggregate's own arithmetic. */
	DbspOp	   *aggregate;		/* NULL if there are none */
	Datum	   *values;			/* of a whole row of the table */
	bool	   *isnull;
} Comparison;

typedef struct ZSetReceiver
{
	DestReceiver pub;
	Comparison *comparison;
	DbspWeight	weight;
} ZSetReceiver;

typedef struct Verification
{
	DbspViewRow row;
	List	   *differences;	/* of Difference */
} Verification;

PG_FUNCTION_INFO_V1(dbsp_sql_verify);

static void compare_all(void *arg);

static int
compare_differences(const ListCell *a, const ListCell *b)
{
	const Difference *left = lfirst(a);
	const Difference *right = lfirst(b);
	int			result = strcmp(left->row, right->row);

	return result != 0 ? result : (left->weight > right->weight) - (left->weight < right->weight);
}

/* A snapshot that sees all that this transaction did, and under READ COMMITTED all that others committed. */
static void
push_snapshot(void)
{
	CommandCounterIncrement();
	if (!IsolationUsesXactSnapshot())
	{
		PushActiveSnapshot(GetLatestSnapshot());
		return;
	}
	PushCopiedSnapshot(GetTransactionSnapshot());
	UpdateActiveSnapshotCommandId();
}

/*
 * verify(name text) returns table (weight bigint, "row" text)
 */
Datum
dbsp_sql_verify(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *name = dbsp_required_text(fcinfo, 0, "name");
	Verification verification = {0};
	ListCell   *lc;

	dbsp_require_idle("dbsp_ivm.verify()");
	dbsp_require_between_statements("dbsp_ivm.verify()");
	InitMaterializedSRF(fcinfo, 0);
	(void) dbsp_find_named_view(name, AccessShareLock, false, &verification.row);
	dbsp_require_owner(&verification.row);
	dbsp_engine_fold_all();
	push_snapshot();
	dbsp_run_as_user(dbsp_relation_owner(verification.row.definition), true, compare_all, &verification);
	PopActiveSnapshot();

	list_sort(verification.differences, compare_differences);
	foreach(lc, verification.differences)
	{
		Difference *difference = lfirst(lc);
		Datum		values[2];
		bool		isnull[2] = {false, false};

		values[0] = Int64GetDatum(difference->weight);
		values[1] = CStringGetTextDatum(difference->row);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, isnull);
	}
	return (Datum) 0;
}

/*
 * Collecting rows.
 */

static void
receiver_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

static void
receiver_shutdown(DestReceiver *self)
{
}

static bool
receiver_receive(TupleTableSlot *slot, DestReceiver *self)
{
	ZSetReceiver *receiver = (ZSetReceiver *) self;
	Comparison *comparison = receiver->comparison;
	MemoryContext old_cxt = MemoryContextSwitchTo(comparison->row_cxt);

	slot_getallattrs(slot);
	memcpy(comparison->values, slot->tts_values, comparison->desc->natts * sizeof(Datum));
	memcpy(comparison->isnull, slot->tts_isnull, comparison->desc->natts * sizeof(bool));
	if (comparison->aggregate != NULL && receiver->weight > 0)
		dbsp_aggregate_finish_row(comparison->aggregate, comparison->values, comparison->isnull);
	dbsp_zset_add_values(comparison->zset, comparison->values, comparison->isnull, receiver->weight);
	MemoryContextSwitchTo(old_cxt);
	MemoryContextReset(comparison->row_cxt);
	return true;
}

/* Adds the rows of a rewritten query, with this weight, under the active snapshot. */
static void
collect(Comparison *comparison, Query *query, DbspWeight weight)
{
	ZSetReceiver receiver = {
		.pub = {
			.receiveSlot = receiver_receive,
			.rStartup = receiver_startup,
			.rShutdown = receiver_shutdown,
			.rDestroy = receiver_shutdown,
			.mydest = DestNone
		},
		.comparison = comparison,
		.weight = weight
	};
	PlannedStmt *plan = pg_plan_query(query, "", CURSOR_OPT_PARALLEL_OK, NULL);
	QueryDesc  *query_desc;
	ListCell   *lc;

	/* The owner may have lost the right to a table, which the view goes on showing. */
	foreach(lc, plan->rtable)
		lfirst_node(RangeTblEntry, lc)->requiredPerms = 0;
	query_desc = CreateQueryDesc(plan, "", GetActiveSnapshot(), InvalidSnapshot, &receiver.pub, NULL, NULL, 0);

	ExecutorStart(query_desc, 0);
	ExecutorRun(query_desc, ForwardScanDirection, 0, true);
	ExecutorFinish(query_desc);
	ExecutorEnd(query_desc);
	FreeQueryDesc(query_desc);
}

/* SELECT of as many leading columns of the relation as desc has. */
static Query *
select_columns(Oid relid, TupleDesc desc)
{
	StringInfoData sql;
	List	   *queries;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	for (int i = 0; i < desc->natts; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "", quote_identifier(get_attname(relid, i + 1, false)));
	appendStringInfo(&sql, " FROM %s",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid)));
	queries = pg_analyze_and_rewrite_fixedparams(linitial_node(RawStmt, pg_parse_query(sql.data)),
												 sql.data, NULL, 0, NULL);
	return linitial_node(Query, queries);
}

/*
 * Comparing what is left.
 */

/* The columns of a comparison, strict but for those of loose (integer list). */
static Comparison *
comparison_make(TupleDesc full, int ncolumns, List *loose, const char *prefix)
{
	Comparison *comparison = palloc0(sizeof(Comparison));
	TupleDesc	desc = CreateTemplateTupleDesc(ncolumns);

	for (int i = 0; i < ncolumns; i++)
		TupleDescCopyEntry(desc, i + 1, full, i + 1);
	comparison->desc = dbsp_row_desc(desc);
	comparison->columns = palloc0(ncolumns * sizeof(Column));
	for (int i = 0; i < ncolumns; i++)
	{
		Column	   *column = &comparison->columns[i];

		column->attr = TupleDescAttr(comparison->desc, i);
		column->loose = list_member_int(loose, i + 1);
		if (!column->loose)
			continue;
		if (column->attr->atttypid == FLOAT4OID || column->attr->atttypid == FLOAT8OID)
		{
			column->looseness = NEAR;
			continue;
		}
		column->type = lookup_type_cache(column->attr->atttypid,
										 TYPECACHE_EQ_OPR_FINFO | TYPECACHE_HASH_PROC_FINFO);
		if (OidIsValid(column->type->eq_opr_finfo.fn_oid))
			column->looseness = EQUAL;
	}
	comparison->row_cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp verify row", ALLOCSET_DEFAULT_SIZES);
	comparison->zset = dbsp_zset_create(CurrentMemoryContext, comparison->desc);
	comparison->values = palloc0(full->natts * sizeof(Datum));
	comparison->isnull = palloc0(full->natts * sizeof(bool));
	comparison->prefix = prefix;
	return comparison;
}

static double
near_value(const Column *column, Datum value)
{
	return column->attr->atttypid == FLOAT4OID ? (double) DatumGetFloat4(value) : DatumGetFloat8(value);
}

static bool
is_near(double a, double b)
{
	if (isnan(a) || isnan(b))
		return isnan(a) && isnan(b);
	if (isinf(a) || isinf(b))
		return isinf(a) && isinf(b) && signbit(a) == signbit(b);
	return fabs(a - b) <= Max(ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE * Max(fabs(a), fabs(b)));
}

static bool
values_match(const Column *column, Datum a, Datum b)
{
	switch (column->looseness)
	{
		case STRICT:
			return datum_image_eq(a, b, column->attr->attbyval, column->attr->attlen);
		case EQUAL:
			return DatumGetBool(FunctionCall2Coll(&column->type->eq_opr_finfo, column->attr->attcollation, a, b));
		case NEAR:
			return is_near(near_value(column, a), near_value(column, b));
		case FREE:
			return true;
	}
	return false;
}

static bool
residuals_match(const Comparison *comparison, const Residual *a, const Residual *b)
{
	for (int i = 0; i < comparison->desc->natts; i++)
	{
		if (comparison->columns[i].looseness == FREE)
			continue;
		if (a->isnull[i] != b->isnull[i])
			return false;
		if (!a->isnull[i] && !values_match(&comparison->columns[i], a->values[i], b->values[i]))
			return false;
	}
	return true;
}

static uint32
column_hash(const Column *column, Datum value)
{
	switch (column->looseness)
	{
		case STRICT:
			return datum_image_hash(value, column->attr->attbyval, column->attr->attlen);
		case EQUAL:
			if (!OidIsValid(column->type->hash_proc_finfo.fn_oid))
				return 0;
			return DatumGetUInt32(FunctionCall1Coll(&column->type->hash_proc_finfo, column->attr->attcollation, value));
		case NEAR:
		case FREE:
			return 0;
	}
	return 0;
}

static Residual
residual_make(const Comparison *comparison, const DbspZSetItem *item)
{
	int			ncolumns = comparison->desc->natts;
	Residual	residual = {.weight = item->weight};

	residual.values = palloc(ncolumns * sizeof(Datum));
	residual.isnull = palloc(ncolumns * sizeof(bool));
	dbsp_row_deform(item->row, comparison->desc, residual.values, residual.isnull);
	return residual;
}

/* What finds partners: depends on how columns are compared. */
static void
residual_classify(const Comparison *comparison, Residual *residual)
{
	bool		have_near = false;

	residual->hash = 0;
	residual->near = 0;
	for (int i = 0; i < comparison->desc->natts; i++)
	{
		const Column *column = &comparison->columns[i];

		if (column->looseness == FREE)
			continue;
		residual->hash = hash_combine(residual->hash,
									  residual->isnull[i] ? 1 : column_hash(column, residual->values[i]));
		if (column->looseness != NEAR || have_near || residual->isnull[i])
			continue;
		have_near = true;
		residual->near = near_value(column, residual->values[i]);
		/* Only an order is needed: what is not finite goes to the end. */
		if (!isfinite(residual->near))
			residual->near = DBL_MAX;
	}
}

/* By hash, then by the value near which partners are. */
static int
compare_residuals(const void *a, const void *b)
{
	const Residual *left = a;
	const Residual *right = b;

	if (left->hash != right->hash)
		return left->hash < right->hash ? -1 : 1;
	return (left->near > right->near) - (left->near < right->near);
}

/* Pairs off residuals of opposite sign that match. */
static void
match_residuals(const Comparison *comparison)
{
	Residual   *residuals = comparison->residuals;
	uint64		count = comparison->nresiduals;

	for (uint64 i = 0; i < count; i++)
		residual_classify(comparison, &residuals[i]);
	qsort(residuals, count, sizeof(Residual), compare_residuals);
	for (uint64 i = 0; i < count; i++)
	{
		Residual   *residual = &residuals[i];

		CHECK_FOR_INTERRUPTS();
		for (uint64 j = i + 1; j < count && residual->weight != 0; j++)
		{
			Residual   *other = &residuals[j];
			DbspWeight	matched;

			if (other->hash != residual->hash || !is_near(residual->near, other->near))
				break;
			if (other->weight == 0 || (other->weight > 0) == (residual->weight > 0) ||
				!residuals_match(comparison, residual, other))
				continue;
			matched = Min(Abs(residual->weight), Abs(other->weight));
			residual->weight += residual->weight > 0 ? -matched : matched;
			other->weight += other->weight > 0 ? -matched : matched;
		}
	}
}

/* The row as PostgreSQL prints a composite value. */
static char *
row_text(const Comparison *comparison, const Residual *residual)
{
	HeapTuple	tuple = heap_form_tuple(comparison->desc, residual->values, residual->isnull);

	return psprintf("%s%s", comparison->prefix, OidOutputFunctionCall(F_RECORD_OUT, HeapTupleGetDatum(tuple)));
}

/* Pairs off what may differ; what is left differs. */
static void
comparison_settle(Comparison *comparison)
{
	uint64		count = dbsp_zset_count(comparison->zset);

	comparison->residuals = MemoryContextAllocHuge(CurrentMemoryContext, Max(count, 1) * sizeof(Residual));
	for (const DbspZSetItem *item = dbsp_zset_first(comparison->zset); item != NULL; item = dbsp_zset_next(item))
		comparison->residuals[comparison->nresiduals++] = residual_make(comparison, item);
	match_residuals(comparison);
}

/* Pairs off what differs in loose columns only, by whatever amount. */
static void
comparison_ignore_loose(Comparison *comparison)
{
	for (int i = 0; i < comparison->desc->natts; i++)
		if (comparison->columns[i].loose)
			comparison->columns[i].looseness = FREE;
	match_residuals(comparison);
}

static bool
comparison_is_equal(const Comparison *comparison)
{
	for (uint64 i = 0; i < comparison->nresiduals; i++)
		if (comparison->residuals[i].weight != 0)
			return false;
	return true;
}

/* Appends what differs to differences. */
static List *
comparison_result(Comparison *comparison, List *differences)
{
	comparison->desc = BlessTupleDesc(comparison->desc);
	for (uint64 i = 0; i < comparison->nresiduals; i++)
	{
		Difference *difference;

		if (comparison->residuals[i].weight == 0)
			continue;
		difference = palloc(sizeof(Difference));
		difference->weight = comparison->residuals[i].weight;
		difference->row = row_text(comparison, &comparison->residuals[i]);
		differences = lappend(differences, difference);
	}
	return differences;
}

/*
 * What is compared.
 */

/* True if the call is a min or max that may show any of several equal values. */
static bool
call_is_any(const DbspPlan *plan, const DbspAggCall *call)
{
	DbspAggState *state = call->state < 0 ? NULL : (DbspAggState *) list_nth(plan->states, call->state);

	return state != NULL && OidIsValid(state->sortop) &&
		!dbsp_type_is_image_equal(state->argtype, exprTypmod((Node *) state->arg), state->collation);
}

static bool
uses_any_extreme(const DbspPlan *plan, Node *expr)
{
	ListCell   *lc;

	foreach(lc, pull_var_clause(expr, 0))
	{
		int			call = ((Var *) lfirst(lc))->varattno - 1 - list_length(plan->groupkeys);

		if (call >= 0 && call_is_any(plan, list_nth(plan->calls, call)))
			return true;
	}
	return false;
}

/*
 * Columns of an internal table that are determined only up to equality or
 * rounding.  Keys are not among them: a group shows its representative.
 */
static List *
loose_state_columns(const DbspStateDef *def)
{
	List	   *loose = NIL;
	ListCell   *lc;
	int			column = def->agg_column;

	/* A sink's rows are made of what is stored. */
	if (def->plan->kind != DBSP_PLAN_AGGREGATE)
		return NIL;
	if (def->role == DBSP_STATE_VALUES)
	{
		/* Whose keys are just what the last change of the row came with, unless they are what is counted. */
		foreach(lc, def->plan->groupkeys)
			if (((DbspGroupKey *) lfirst(lc))->inexact &&
				!((DbspAggValues *) list_nth(def->plan->values, def->values))->of_keys)
				loose = lappend_int(loose, foreach_current_index(lc) + 1);
		return loose;
	}
	foreach(lc, def->plan->loose)
	{
		Oid			type = TupleDescAttr(def->desc, lfirst_int(lc) - 1)->atttypid;

		if (list_member_int(def->plan->key, lfirst_int(lc)))
			continue;
		if (type == FLOAT4OID || type == FLOAT8OID ||
			uses_any_extreme(def->plan, list_nth(def->plan->exprs, lfirst_int(lc) - 1)))
			loose = lappend_int(loose, lfirst_int(lc));
	}
	if (def->visible_column > 0 && uses_any_extreme(def->plan, (Node *) def->plan->having))
		loose = lappend_int(loose, def->visible_column);
	foreach(lc, def->plan->states)
	{
		/* The column of min or max holds the extreme itself. */
		if (((DbspAggState *) lfirst(lc))->aggclass->extreme)
			loose = lappend_int(loose, column);
		column++;
	}
	return loose;
}

/* What is computed from any of several equal extremes is not compared; the extreme itself is. */
static void
free_computed_columns(Comparison *comparison, const DbspStateDef *def)
{
	const DbspPlan *plan = def->plan;
	ListCell   *lc;

	foreach(lc, plan->exprs)
		if (!IsA(lfirst(lc), Var) && uses_any_extreme(plan, lfirst(lc)))
			comparison->columns[foreach_current_index(lc)].looseness = FREE;
	if (def->visible_column > 0 && uses_any_extreme(plan, (Node *) plan->having))
	{
		/* Hidden groups have no outputs. */
		for (int i = 0; i < def->visible_column; i++)
			if (!list_member_int(plan->key, i + 1))
				comparison->columns[i].looseness = FREE;
	}
}

/* The view as users read it against its definition. */
static Comparison *
compare_view(const DbspViewRow *row, const DbspPlan *plan)
{
	Comparison *comparison = comparison_make(plan->rowtype, plan->nvisible, plan->loose, "");

	collect(comparison, select_columns(row->definition, comparison->desc), 1);
	collect(comparison, select_columns(row->relation, comparison->desc), -1);
	comparison_settle(comparison);
	return comparison;
}

/* An internal table against what it is made of. */
static Comparison *
compare_table(DbspCircuit *circuit, const DbspStateDef *def, Oid table)
{
	int			ncolumns = def->hash_column > 0 ? def->hash_column - 1 : def->desc->natts;
	Comparison *comparison = comparison_make(def->desc, ncolumns, loose_state_columns(def),
											 psprintf("%s: ", get_rel_name(table)));

	if (def->role != DBSP_STATE_VALUES && def->plan->kind == DBSP_PLAN_AGGREGATE)
	{
		comparison->aggregate = dbsp_circuit_op(circuit, def->plan);
		free_computed_columns(comparison, def);
	}
	collect(comparison, dbsp_state_query(def, comparison->aggregate == NULL), 1);
	collect(comparison, select_columns(table, comparison->desc), -1);
	comparison_settle(comparison);
	return comparison;
}

static List *
state_tables(const DbspViewRow *row, List *defs)
{
	List	   *tables = NIL;
	ListCell   *lc;

	foreach(lc, defs)
	{
		Oid			table = dbsp_catalog_state_table(row, lfirst(lc));

		if (!OidIsValid(table))
			ereport(ERROR,
					errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("an internal table of view \"%s\" is missing", get_rel_name(row->relation)),
					errhint("Drop the view and create it again."));
		tables = lappend_oid(tables, table);
	}
	return tables;
}

/* As the owner, restricted. */
static void
compare_all(void *arg)
{
	Verification *verification = arg;
	DbspPlan   *plan = dbsp_lower_view(verification->row.definition);
	List	   *defs = dbsp_catalog_state_defs(&verification->row, plan);
	List	   *tables = state_tables(&verification->row, defs);
	DbspStore  *store = dbsp_heap_store_create(0, defs, tables);
	DbspCircuit *circuit = dbsp_circuit_build(plan, store, CurrentMemoryContext);
	Comparison *view;
	List	   *differences = NIL;	/* of internal tables */
	ListCell   *def_cell;
	ListCell   *table_cell;

	dbsp_engine_pin_settings();
	view = compare_view(&verification->row, plan);
	forboth(def_cell, defs, table_cell, tables)
	{
		DbspStateDef *def = lfirst(def_cell);

		differences = comparison_result(compare_table(circuit, def, lfirst_oid(table_cell)), differences);
		/* What reads this aggregate is made of the rows that are stored. */
		if (def->role == DBSP_STATE_GROUPS)
			def->plan->stored = lfirst_oid(table_cell);
	}
	dbsp_heap_store_end(store);
	if (differences == NIL)
		comparison_ignore_loose(view);
	if (differences == NIL && plan->loose_rows)
		return;
	verification->differences = comparison_result(view, NIL);
	/* Internal tables are worth a look only where what users see is right. */
	if (comparison_is_equal(view))
		verification->differences = differences;
}
