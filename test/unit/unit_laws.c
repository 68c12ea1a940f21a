/*-------------------------------------------------------------------------
 *
 * unit_laws.c
 *	  For every operator: folding deltas one after another gives the same as
 *	  computing everything from the tables as they are.
 *
 * A run makes a random plan around the operator, random contents of the base
 * tables and, from the reference, of all state tables.  Then it changes the
 * base tables step by step, sends the changes through the circuit, and
 * compares every state table, hidden columns and all, with the reference.  In
 * half of the runs, changes of rows that the plan's routes say cannot matter
 * are left out.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "circuit/agg/agg.h"
#include "circuit/op.h"
#include "law.h"
#include "plan/route.h"
#include "ref.h"

#define RUNS_PER_ROUND 8
#define STEPS 6
#define MOST_ROWS 9				/* of a base table */
#define MOST_CHANGES 40			/* of a base table in a step */

typedef struct Change
{
	RefRow	   *row;
	DbspWeight	weight;
} Change;

/* A base table and its changes in the step at hand. */
typedef struct Table
{
	Oid			relid;
	bool		keyed;
	TupleDesc	desc;
	int			nchanges;
	Change		changes[MOST_CHANGES];
} Table;

typedef struct Run
{
	UnitRandom	random;
	int			next_id;
	Table		tables[LAW_TABLES];
	DbspPlan   *plan;
	List	   *defs;
	DbspStore  *store;
	DbspCircuit *circuit;
	List	   *routes;			/* of DbspRoute, or NIL: all changes are sent */
	int64		left_out;
	const DbspStateDef *def;	/* that is being compared */
	int			step;
} Run;

/* How a column of a state table is compared. */
typedef enum Comparison
{
	COMPARE_IMAGE,
	COMPARE_EQUAL,
	COMPARE_NOTHING
} Comparison;

#define DBSP_OP(name) \
	extern const DbspOpClass dbsp_op_##name; \
	extern Datum dbsp_sql_unit_law_##name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(dbsp_sql_unit_law_##name);
#include "circuit/op_list.h"
#undef DBSP_OP

/* ---- changes of the base tables ---- */

static void
change(Run *run, Table *table, RefRow *row, DbspWeight weight)
{
	if (table->nchanges == MOST_CHANGES)
		elog(ERROR, "too many changes");
	table->changes[table->nchanges++] = (Change) {.row = row,.weight = weight};
	for (DbspWeight i = 0; i < weight; i++)
		mem_store_source_insert(run->store, table->relid, row->values, row->isnull);
	for (DbspWeight i = 0; i > weight; i--)
		mem_store_source_delete(run->store, table->relid, row->values, row->isnull);
}

static RefRow *
random_row(Run *run, Table *table)
{
	RefRow	   *row = ref_new_row(table->desc->natts);

	for (int i = 0; i < table->desc->natts; i++)
		row->values[i] = law_value(&run->random, TupleDescAttr(table->desc, i)->atttypid, &row->isnull[i]);
	if (table->keyed)
	{
		row->values[0] = Int32GetDatum(run->next_id++ % 40);
		row->isnull[0] = false;
	}
	return row;
}

/* A copy of a row that the table holds, or NULL. */
static RefRow *
existing_row(Run *run, Table *table)
{
	List	   *rows = mem_store_source_rows(run->store, table->relid);
	RefRow	   *row = ref_new_row(table->desc->natts);
	MemRow	   *stored;

	if (rows == NIL)
		return NULL;
	stored = list_nth(rows, unit_below(&run->random, list_length(rows)));
	memcpy(row->values, stored->values, table->desc->natts * sizeof(Datum));
	memcpy(row->isnull, stored->isnull, table->desc->natts * sizeof(bool));
	return row;
}

static bool
id_is_free(Run *run, const Table *table, Datum id)
{
	ListCell   *lc;

	foreach(lc, mem_store_source_rows(run->store, table->relid))
		if (((MemRow *) lfirst(lc))->values[0] == id)
			return false;
	return true;
}

static void
insert_row(Run *run, Table *table)
{
	RefRow	   *row = random_row(run, table);
	RefRow	   *like = unit_chance(&run->random, 4) ? existing_row(run, table) : NULL;

	if (!table->keyed && like)
		change(run, table, like, 1 + unit_below(&run->random, 2));
	else if (!table->keyed || id_is_free(run, table, row->values[0]))
		change(run, table, row, 1);
}

/* Some columns get other values, the key only if it is free. */
static void
update_row(Run *run, Table *table, RefRow *row)
{
	RefRow	   *other = random_row(run, table);

	if (table->keyed && (!unit_chance(&run->random, 3) || !id_is_free(run, table, other->values[0])))
		other->values[0] = row->values[0];
	for (int i = 1; i < table->desc->natts; i++)
		if (unit_chance(&run->random, 2))
		{
			other->values[i] = row->values[i];
			other->isnull[i] = row->isnull[i];
		}
	change(run, table, row, -1);
	change(run, table, other, 1);
}

/* Two rows exchange their keys. */
static void
swap_keys(Run *run, Table *table)
{
	RefRow	   *olds[2];
	RefRow	   *news[2];

	for (int i = 0; i < 2; i++)
	{
		olds[i] = existing_row(run, table);
		if (olds[i] == NULL)
			return;
		news[i] = ref_new_row(table->desc->natts);
		memcpy(news[i]->values, olds[i]->values, table->desc->natts * sizeof(Datum));
		memcpy(news[i]->isnull, olds[i]->isnull, table->desc->natts * sizeof(bool));
	}
	if (!table->keyed || olds[0]->values[0] == olds[1]->values[0])
		return;
	news[0]->values[0] = olds[1]->values[0];
	news[1]->values[0] = olds[0]->values[0];
	for (int i = 0; i < 2; i++)
		change(run, table, olds[i], -1);
	for (int i = 0; i < 2; i++)
		change(run, table, news[i], 1);
}

static void
change_table(Run *run, Table *table)
{
	int			n = unit_chance(&run->random, 3) ? 0 : 1 + unit_below(&run->random, 5);
	int			nrows = list_length(mem_store_source_rows(run->store, table->relid));
	RefRow	   *row;

	if (unit_chance(&run->random, 12))
		while ((row = existing_row(run, table)) != NULL)
			change(run, table, row, -1);
	for (int i = 0; i < n; i++)
	{
		int			what = unit_below(&run->random, nrows > MOST_ROWS ? 6 : 10);

		row = existing_row(run, table);
		if (row && what < 3)
			change(run, table, row, -1);
		else if (row && what == 3)
			swap_keys(run, table);
		else if (row && what < 6)
			update_row(run, table, row);
		else
			insert_row(run, table);
		nrows = list_length(mem_store_source_rows(run->store, table->relid));
	}
}

/* ---- a fold ---- */

static void
push_row(Run *run, DbspOp *op, TupleTableSlot *slot, const Datum *values, const bool *isnull, DbspWeight weight)
{
	ListCell   *lc;

	ExecClearTuple(slot);
	foreach(lc, op->plan->attnums)
	{
		int			i = foreach_current_index(lc);
		Form_pg_attribute att = TupleDescAttr(op->plan->rowtype, i);

		slot->tts_isnull[i] = isnull[lfirst_int(lc) - 1];
		slot->tts_values[i] = slot->tts_isnull[i] ? (Datum) 0 :
			unit_disguise(&run->random, values[lfirst_int(lc) - 1], att->attlen, true);
	}
	ExecStoreVirtualTuple(slot);
	dbsp_circuit_push(op, slot, weight);
	ResetExprContext(run->circuit->econtext);
}

static bool
fulfils(const DbspRouteKey *key, const Datum *values, const bool *isnull)
{
	if (isnull[key->column - 1])
		return false;
	for (int i = 0; i < key->nconstants; i++)
		if (DatumGetBool(OidFunctionCall2Coll(get_opcode(key->operator), key->collation, values[key->column - 1],
											  key->constants[i])))
			return true;
	return false;
}

/* False if a route of the source says that the row cannot matter. */
static bool
may_matter(Run *run, const DbspOp *op, const RefRow *row)
{
	ListCell   *lc;
	ListCell   *k;

	foreach(lc, run->routes)
	{
		DbspRoute  *route = lfirst(lc);

		if (route->source == op->plan)
			foreach(k, route->keys)
				if (!fulfils(lfirst(k), row->values, row->isnull))
					return false;
	}
	return true;
}

/* The changes as they were made, or their sum. */
static void
push_changes(Run *run, DbspOp *op, Table *table)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(op->plan->rowtype, &TTSOpsVirtual);
	TupleDesc	desc = dbsp_row_desc(table->desc);
	ZSet	   *sum = dbsp_zset_create(CurrentMemoryContext, desc);
	Datum	   *values = palloc(desc->natts * sizeof(Datum));
	bool	   *isnull = palloc(desc->natts * sizeof(bool));
	bool		raw = unit_chance(&run->random, 2);

	for (int i = 0; i < table->nchanges; i++)
	{
		Change	   *one = &table->changes[i];

		if (!may_matter(run, op, one->row))
			run->left_out++;
		else if (raw)
			push_row(run, op, slot, one->row->values, one->row->isnull, one->weight);
		else
			dbsp_zset_add_values(sum, one->row->values, one->row->isnull, one->weight);
	}
	for (const DbspZSetItem *item = dbsp_zset_first(sum); item; item = dbsp_zset_next(item))
	{
		dbsp_row_deform(item->row, desc, values, isnull);
		push_row(run, op, slot, values, isnull, item->weight);
	}
}

/* Operators work in memory, or spill after the first rows. */
static void
choose_memory(Run *run)
{
	unit_define_settings();
	SetConfigOption("dbsp_ivm.delta_mem", unit_chance(&run->random, 2) ? "0" : "32MB", PGC_USERSET, PGC_S_SESSION);
}

static void
fold(Run *run)
{
	MemoryContext old;
	ListCell   *lc;

	choose_memory(run);
	mem_store_begin_fold(run->store);
	dbsp_circuit_begin(run->circuit);
	old = MemoryContextSwitchTo(run->circuit->fold_cxt);
	foreach(lc, run->circuit->ops)
	{
		DbspOp	   *op = lfirst(lc);

		if (op->plan->kind != DBSP_PLAN_SOURCE)
			continue;
		for (int i = 0; i < LAW_TABLES; i++)
			if (run->tables[i].relid == op->plan->relid)
				push_changes(run, op, &run->tables[i]);
	}
	MemoryContextSwitchTo(old);
	dbsp_circuit_flush(run->circuit);
	mem_store_end_fold(run->store);
}

/* ---- comparing ---- */

/* A column that the plan calls loose, or that is computed from one. */
static bool
uses_loose(const DbspPlan *input, Expr *expr)
{
	ListCell   *lc;

	foreach(lc, pull_var_clause((Node *) expr, 0))
		if (list_member_int(input->loose, ((Var *) lfirst(lc))->varattno))
			return true;
	return false;
}

static Comparison
state_comparison(const DbspPlan *plan, const DbspAggState *state)
{
	if (state->aggclass->extreme && state->aggclass != &dbsp_agg_representative)
		return COMPARE_EQUAL;
	return uses_loose(linitial(plan->inputs), state->arg) ? COMPARE_NOTHING : COMPARE_IMAGE;
}

/* True if which images there are is not determined. */
static bool
is_undetermined(const DbspStateDef *def)
{
	DbspAggValues *values = def->exact == NIL ? NULL : list_nth(def->plan->values, def->values);

	return values != NULL && uses_loose(linitial(def->plan->inputs), values->arg);
}

static Comparison *
comparisons(const DbspStateDef *def)
{
	Comparison *result = palloc0(def->desc->natts * sizeof(Comparison));
	ListCell   *lc;

	for (int i = 0; i < def->desc->natts; i++)
		result[i] = def->role == DBSP_STATE_VALUES ? COMPARE_EQUAL : COMPARE_IMAGE;
	if (def->role != DBSP_STATE_VALUES)
	{
		foreach(lc, def->plan->loose)
			result[lfirst_int(lc) - 1] = COMPARE_EQUAL;
		foreach(lc, def->plan->states)
			result[def->agg_column - 1 + foreach_current_index(lc)] = state_comparison(def->plan, lfirst(lc));
	}
	foreach(lc, def->exact)
		result[lfirst_int(lc) - 1] = COMPARE_IMAGE;
	if (def->hash_column > 0)
		result[def->hash_column - 1] = COMPARE_NOTHING;
	return result;
}

static bool
same_row(TupleDesc desc, const Comparison *how, const MemRow *stored, const RefRow *expected)
{
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		TypeCacheEntry *type;

		if (how[i] == COMPARE_NOTHING)
			continue;
		if (stored->isnull[i] != expected->isnull[i])
			return false;
		if (stored->isnull[i] || datum_image_eq(stored->values[i], expected->values[i], att->attbyval, att->attlen))
			continue;
		if (how[i] == COMPARE_IMAGE)
			return false;
		type = lookup_type_cache(att->atttypid, TYPECACHE_EQ_OPR_FINFO);
		if (!DatumGetBool(FunctionCall2Coll(&type->eq_opr_finfo, att->attcollation, stored->values[i],
											expected->values[i])))
			return false;
	}
	return true;
}

static char *
row_text(TupleDesc desc, const Datum *values, const bool *isnull)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < desc->natts; i++)
	{
		Oid			output;
		bool		is_varlena;

		getTypeOutputInfo(TupleDescAttr(desc, i)->atttypid, &output, &is_varlena);
		appendStringInfo(&buf, "%s%.40s", i == 0 ? "" : ", ",
						 isnull[i] ? "NULL" : OidOutputFunctionCall(output, values[i]));
	}
	return buf.data;
}

/* Every row of the reference must be in the table, and no other. */
static void
compare_table(Run *run, const DbspStateDef *def)
{
	List	   *expected = ref_state_rows(run->store, def);
	List	   *stored = mem_store_state_rows(run->store, def);
	Comparison *how = comparisons(def);
	bool	   *taken = palloc0(Max(list_length(stored), 1) * sizeof(bool));
	ListCell   *lc;

	foreach(lc, expected)
	{
		RefRow	   *row = lfirst(lc);
		int			i;

		for (i = 0; i < list_length(stored); i++)
			if (!taken[i] && same_row(def->desc, how, list_nth(stored, i), row))
				break;
		/* The hash column of a reference row has no value. */
		UNIT_CHECK(i < list_length(stored), "a row is missing: %s", row_text(def->desc, row->values, row->isnull));
		taken[i] = true;
	}
	for (int i = 0; i < list_length(stored); i++)
		UNIT_CHECK(taken[i], "a row is there that should not be: %s",
				   row_text(def->desc, ((MemRow *) list_nth(stored, i))->values,
							((MemRow *) list_nth(stored, i))->isnull));
}

static void
compare(Run *run)
{
	ListCell   *lc;

	foreach(lc, run->defs)
	{
		run->def = lfirst(lc);
		if (!is_undetermined(run->def))
			compare_table(run, run->def);
	}
	run->def = NULL;
}

/* ---- one run ---- */

static void
append_plan(StringInfo buf, const DbspPlan *plan, int depth)
{
	ListCell   *lc;

	appendStringInfo(buf, "\n%*s%d %s, %d columns%s", depth * 2, "", plan->number, dbsp_plan_kind_name(plan->kind),
					 plan->rowtype->natts, plan->keyed ? ", keyed" : "");
	if (plan->quals)
		appendStringInfo(buf, ", quals %s", nodeToString(plan->quals));
	if (plan->exprs)
		appendStringInfo(buf, ", outputs %s", nodeToString(plan->exprs));
	foreach(lc, plan->joinkeys)
		appendStringInfo(buf, ", key %s = %s", nodeToString(((DbspJoinKey *) lfirst(lc))->left),
						 nodeToString(((DbspJoinKey *) lfirst(lc))->right));
	foreach(lc, plan->groupkeys)
		appendStringInfo(buf, ", group %s", nodeToString(((DbspGroupKey *) lfirst(lc))->expr));
	foreach(lc, plan->calls)
		appendStringInfo(buf, ", call %s", get_func_name(((DbspAggCall *) lfirst(lc))->aggfnoid));
	foreach(lc, plan->inputs)
		append_plan(buf, lfirst(lc), depth + 1);
}

static void
describe_failure(void *arg)
{
	Run		   *run = arg;
	StringInfoData buf;

	if (run->def)
		errcontext("%s of operator %d", dbsp_state_role_name(run->def), run->def->plan->number);
	errcontext("step %d", run->step);
	if (run->plan)
	{
		initStringInfo(&buf);
		append_plan(&buf, run->plan, 0);
		errcontext("plan:%s", buf.data);
	}
}

/* The circuit over state tables that hold what the reference says. */
static void
set_up(Run *run, DbspPlan *(*make) (LawBuild *))
{
	ListCell   *lc;

	run->plan = law_plan(&run->random, make);
	run->defs = dbsp_state_defs(run->plan);
	run->store = mem_store_create(run->defs, &run->random);
	for (int i = 0; i < LAW_TABLES; i++)
	{
		Table	   *table = &run->tables[i];

		table->relid = law_relid(i);
		table->keyed = i < LAW_KEYED_TABLES;
		table->desc = law_table_desc(table->relid);
		mem_store_add_source(run->store, table->relid, table->desc);
		for (int n = unit_chance(&run->random, 3) ? 0 : unit_below(&run->random, MOST_ROWS); n > 0; n--)
			insert_row(run, table);
		table->nchanges = 0;
	}
	run->circuit = dbsp_circuit_build(run->plan, run->store, CurrentMemoryContext);
	run->circuit->may_fail = unit_chance(&run->random, 2);
	if (unit_chance(&run->random, 2))
		run->routes = dbsp_plan_routes(run->plan);
	foreach(lc, run->defs)
	{
		ListCell   *r;

		foreach(r, ref_state_rows(run->store, lfirst(lc)))
			mem_store_state_fill(run->store, lfirst(lc), ((RefRow *) lfirst(r))->values, ((RefRow *) lfirst(r))->isnull);
	}
}

/* Returns how many changes were left out. */
static int64
run_once(UnitRandom *random, DbspPlan *(*make) (LawBuild *))
{
	Run			run = {.random = *random};
	ErrorContextCallback context = {.callback = describe_failure,.arg = &run,.previous = error_context_stack};

	error_context_stack = &context;
	set_up(&run, make);
	compare(&run);
	for (run.step = 1; run.step <= STEPS; run.step++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < LAW_TABLES; i++)
		{
			run.tables[i].nchanges = 0;
			if (list_member_oid(dbsp_plan_sources(run.plan), run.tables[i].relid))
				change_table(&run, &run.tables[i]);
		}
		fold(&run);
		compare(&run);
	}
	error_context_stack = context.previous;
	*random = run.random;
	return run.left_out;
}

static Datum
run_law(FunctionCallInfo fcinfo, const DbspOpClass *opclass, DbspPlan *(*make) (LawBuild *))
{
	int			runs = PG_GETARG_INT32(1) * RUNS_PER_ROUND;
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "unit run", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = CurrentMemoryContext;
	UnitRandom	random;
	int64		left_out = 0;

	unit_seed(&random, PG_GETARG_INT32(0));
	for (int i = 0; i < runs; i++)
	{
		MemoryContextSwitchTo(cxt);
		left_out += run_once(&random, make);
		MemoryContextSwitchTo(old);
		MemoryContextReset(cxt);
	}
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s: %d plans, %d folds each, " INT64_FORMAT " changes routed elsewhere",
											  opclass->name, runs, STEPS, left_out)));
}

#define DBSP_OP(name) \
Datum \
dbsp_sql_unit_law_##name(PG_FUNCTION_ARGS) \
{ \
	return run_law(fcinfo, &dbsp_op_##name, law_##name); \
}
#include "circuit/op_list.h"
#undef DBSP_OP
