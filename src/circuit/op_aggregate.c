/*-------------------------------------------------------------------------
 *
 * op_aggregate.c
 *	  GROUP BY: for each touched group, minus its old row, plus its new row.
 *
 * DISTINCT is an aggregate without calls.  A group's row holds its output
 * columns, the number of its input rows, and one retractable state per
 * argument (circuit/agg); the group exists while the number is positive, and
 * always for an aggregate without GROUP BY.  Rows that HAVING rejects stay
 * stored, marked invisible.
 *
 * min and max have a table of the group's values with their multiplicities,
 * in the order of the type: when the extreme goes, the next one is one index
 * descent away.
 *
 * Keys whose equal values can look different (1.0 and 1.00) have such a table
 * too, of the images of the group's keys by digest.  What the group shows as
 * its keys is the image with the smallest digest, its representative: it is
 * there, and the same whatever the history.
 *
 * The delta is kept as an array, not as a Z-set: it is sorted by key anyway,
 * so that a large delta visits the index and the table in their order.  Rows
 * that cancel out need not be found, as states are exact; within a group
 * additions come before removals, so that no state falls below zero on the
 * way.
 *
 * Locks: each touched group's key hash, exclusively.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "base/error.h"
#include "circuit/agg/agg.h"
#include "circuit/op_aggregate.h"
#include "plan/key_image.h"

static const DbspStateDef *
find_def(DbspCircuit *circuit, const DbspPlan *plan, int values)
{
	ListCell   *lc;

	foreach(lc, circuit->store->defs)
	{
		const DbspStateDef *def = lfirst(lc);

		if (def->plan == plan && def->values == values)
			return def;
	}
	elog(ERROR, "aggregate %d has no state table", plan->number);
}

/* ---- building ---- */

static void
init_states(DbspAggregateOp *agg, DbspPlan *plan)
{
	ListCell   *lc;

	agg->nstates = list_length(plan->states);
	agg->states = palloc0(Max(agg->nstates, 1) * sizeof(DbspAggregateState));
	foreach(lc, plan->states)
	{
		DbspAggState *def = lfirst(lc);
		DbspAggregateState *state = &agg->states[foreach_current_index(lc)];

		state->def = def;
		get_typlenbyval(def->column_type, &state->typlen, &state->typbyval);
		if (def->aggclass->extreme)
		{
			Oid			opfamily;
			Oid			opcintype;
			int16		strategy;

			if (!get_ordering_op_properties(def->sortop, &opfamily, &opcintype, &strategy))
				elog(ERROR, "operator %u is not an ordering operator", def->sortop);
			state->is_max = strategy == BTGreaterStrategyNumber;
		}
		if (def->aggclass == &dbsp_agg_representative)
			agg->representative = state;
	}
}

static void
init_values(DbspAggregateOp *agg, DbspPlan *plan)
{
	DbspCircuit *circuit = agg->op.circuit;
	ListCell   *lc;

	agg->nvalues = list_length(plan->values);
	agg->values = palloc0(Max(agg->nvalues, 1) * sizeof(DbspAggregateValues));
	foreach(lc, plan->values)
	{
		DbspAggValues *def = lfirst(lc);
		DbspAggregateValues *values = &agg->values[foreach_current_index(lc)];
		const DbspStateDef *table = find_def(circuit, plan, foreach_current_index(lc));
		TypeCacheEntry *type = lookup_type_cache(def->type, TYPECACHE_CMP_PROC_FINFO);

		values->table = circuit->store->storeclass->open_state(circuit->store, table);
		values->of_keys = def->of_keys;
		values->exact = table->exact != NIL;
		values->input = agg->nkeys + agg->nstates + foreach_current_index(lc);
		values->count_column = table->count_column;
		values->ncolumns = table->desc->natts;
		values->collation = def->collation;
		fmgr_info_copy(&values->compare, &type->cmp_proc_finfo, CurrentMemoryContext);
	}
}

static List *
input_exprs(DbspPlan *plan)
{
	List	   *exprs = NIL;
	ListCell   *lc;

	foreach(lc, plan->groupkeys)
		exprs = lappend(exprs, ((DbspGroupKey *) lfirst(lc))->expr);
	foreach(lc, plan->states)
	{
		DbspAggState *state = lfirst(lc);

		/* Extremes look at their table's argument. */
		exprs = lappend(exprs, state->aggclass->extreme ? (Expr *) makeBoolConst(false, true) : state->arg);
	}
	foreach(lc, plan->values)
		exprs = lappend(exprs, ((DbspAggValues *) lfirst(lc))->arg);
	return exprs;
}

static void
init_image(DbspAggregateOp *agg, DbspPlan *plan)
{
	Oid		   *types = palloc(Max(agg->nkeys, 1) * sizeof(Oid));
	ListCell   *lc;

	agg->inexact = palloc(Max(agg->nkeys, 1) * sizeof(int));
	foreach(lc, plan->groupkeys)
	{
		DbspGroupKey *key = lfirst(lc);

		if (!key->inexact)
			continue;
		types[agg->ninexact] = exprType((Node *) key->expr);
		agg->inexact[agg->ninexact++] = foreach_current_index(lc);
	}
	if (agg->ninexact > 0)
		agg->image_desc = dbsp_key_image_desc(types, agg->ninexact);
}

/* The group row that outputs and HAVING are evaluated on: keys, then results. */
static TupleDesc
group_desc(DbspPlan *plan)
{
	TupleDesc	desc = CreateTemplateTupleDesc(list_length(plan->groupkeys) + list_length(plan->calls));
	AttrNumber	column = 0;
	ListCell   *lc;

	foreach(lc, plan->groupkeys)
	{
		Node	   *expr = (Node *) ((DbspGroupKey *) lfirst(lc))->expr;

		TupleDescInitEntry(desc, ++column, NULL, exprType(expr), exprTypmod(expr), 0);
		TupleDescInitEntryCollation(desc, column, exprCollation(expr));
	}
	foreach(lc, plan->calls)
	{
		DbspAggCall *call = lfirst(lc);

		TupleDescInitEntry(desc, ++column, NULL, call->type, call->typmod, 0);
		TupleDescInitEntryCollation(desc, column, call->collation);
	}
	return desc;
}

static void
init_inputs(DbspAggregateOp *agg, List *exprs)
{
	int			n = list_length(exprs);
	ListCell   *lc;

	agg->input_exprs = dbsp_expr_list_init(exprs);
	agg->input_desc = dbsp_expr_list_desc(exprs);
	agg->ninputs = n;
	agg->input_values = palloc(Max(n, 1) * sizeof(Datum));
	agg->input_null = palloc(Max(n, 1) * sizeof(bool));
	agg->input_typlen = palloc(Max(n, 1) * sizeof(int16));
	agg->input_typbyval = palloc(Max(n, 1) * sizeof(bool));
	foreach(lc, exprs)
	{
		int			i = foreach_current_index(lc);

		get_typlenbyval(exprType(lfirst(lc)), &agg->input_typlen[i], &agg->input_typbyval[i]);
	}
}

static void
init_sort(DbspAggregateOp *agg, DbspPlan *plan)
{
	ListCell   *lc;

	foreach(lc, plan->groupkeys)
		if (!OidIsValid(((DbspGroupKey *) lfirst(lc))->sortop))
			return;
	agg->sort = palloc0(Max(agg->nkeys, 1) * sizeof(SortSupportData));
	foreach(lc, plan->groupkeys)
	{
		DbspGroupKey *key = lfirst(lc);
		SortSupport sort = &agg->sort[foreach_current_index(lc)];

		sort->ssup_cxt = CurrentMemoryContext;
		sort->ssup_collation = key->collation;
		PrepareSortSupportFromOrderingOp(key->sortop, sort);
	}
}

static DbspOp *
aggregate_init(DbspCircuit *circuit, DbspPlan *plan)
{
	DbspAggregateOp *agg = palloc0(sizeof(DbspAggregateOp));
	List	   *exprs = input_exprs(plan);
	List	   *eqops = NIL;
	List	   *collations = NIL;
	ListCell   *lc;

	agg->op.circuit = circuit;
	agg->op.plan = plan;
	agg->def = find_def(circuit, plan, -1);
	agg->table = circuit->store->storeclass->open_state(circuit->store, agg->def);
	agg->nkeys = list_length(plan->groupkeys);
	agg->key_columns = palloc(Max(agg->nkeys, 1) * sizeof(int));
	foreach(lc, plan->groupkeys)
	{
		DbspGroupKey *key = lfirst(lc);

		eqops = lappend_oid(eqops, key->eqop);
		collations = lappend_oid(collations, key->collation);
		agg->key_columns[foreach_current_index(lc)] = key->column;
	}
	agg->key = dbsp_key_make(eqops, collations);
	init_states(agg, plan);
	init_values(agg, plan);
	init_image(agg, plan);

	init_inputs(agg, exprs);
	init_sort(agg, plan);
	agg->ncolumns = agg->def->desc->natts;
	agg->noutputs = plan->rowtype->natts;
	agg->is_key_output = palloc0(agg->noutputs * sizeof(bool));
	for (int i = 0; i < agg->nkeys; i++)
		agg->is_key_output[agg->key_columns[i] - 1] = true;
	agg->group_slot = MakeSingleTupleTableSlot(group_desc(plan), &TTSOpsVirtual);
	agg->output_slot = MakeSingleTupleTableSlot(plan->rowtype, &TTSOpsVirtual);
	agg->outputs = dbsp_expr_list_init(plan->exprs);
	agg->having = plan->having ? ExecInitQual(plan->having, NULL) : NULL;
	agg->group_cxt = AllocSetContextCreate(circuit->cxt, "dbsp group", ALLOCSET_DEFAULT_SIZES);
	return &agg->op;
}

/* ---- collecting ---- */

static void
aggregate_begin(DbspOp *op)
{
	DbspAggregateOp *agg = (DbspAggregateOp *) op;

	MemoryContextReset(agg->group_cxt);
	agg->rows = NULL;
	agg->nrows = agg->maxrows = 0;
}

/* True if the row just evaluated takes back the one pushed last: an update that changed nothing that is read here. */
static bool
cancels_last_row(const DbspAggregateOp *agg, DbspWeight weight)
{
	const DbspAggregateRow *last;

	if (agg->nrows == 0)
		return false;
	last = &agg->rows[agg->nrows - 1];
	if (last->weight != -weight)
		return false;
	for (int i = 0; i < agg->ninputs; i++)
	{
		if (last->isnull[i] != agg->input_null[i])
			return false;
		if (!last->isnull[i] &&
			!datumIsEqual(last->values[i], agg->input_values[i], agg->input_typbyval[i], agg->input_typlen[i]))
			return false;
	}
	return true;
}

static void
make_room(DbspAggregateOp *agg)
{
	if (agg->rows == NULL)
	{
		agg->maxrows = 16;
		agg->rows = MemoryContextAllocHuge(agg->op.circuit->fold_cxt, agg->maxrows * sizeof(DbspAggregateRow));
	}
	else if (agg->nrows == agg->maxrows)
	{
		agg->maxrows *= 2;
		agg->rows = repalloc_huge(agg->rows, agg->maxrows * sizeof(DbspAggregateRow));
	}
}

static void
aggregate_push(DbspOp *op, int input, TupleTableSlot *slot, DbspWeight weight)
{
	DbspAggregateOp *agg = (DbspAggregateOp *) op;
	DbspAggregateRow *row;
	MemoryContext old;

	dbsp_expr_list_eval(op->circuit->econtext, agg->input_exprs, slot, agg->input_values, agg->input_null);
	if (cancels_last_row(agg, weight))
	{
		agg->nrows--;
		return;
	}
	make_room(agg);
	old = MemoryContextSwitchTo(op->circuit->fold_cxt);
	row = &agg->rows[agg->nrows++];
	row->hash = 0;
	row->weight = weight;
	row->values = palloc(Max(agg->ninputs, 1) * (sizeof(Datum) + sizeof(bool)));
	row->isnull = (bool *) (row->values + agg->ninputs);
	memcpy(row->isnull, agg->input_null, agg->ninputs * sizeof(bool));
	for (int i = 0; i < agg->ninputs; i++)
		row->values[i] = row->isnull[i] ? (Datum) 0 :
			datumCopy(agg->input_values[i], agg->input_typbyval[i], agg->input_typlen[i]);
	MemoryContextSwitchTo(old);
}

/* ---- groups ---- */

static int
compare_keys(const DbspAggregateOp *agg, const DbspAggregateRow *a, const DbspAggregateRow *b)
{
	for (int i = 0; i < agg->nkeys; i++)
	{
		int			order = ApplySortComparator(a->values[i], a->isnull[i], b->values[i], b->isnull[i],
												&agg->sort[i]);

		if (order != 0)
			return order;
	}
	return 0;
}

/* Neighbouring rows with one key, such as the two images of an update. */
typedef struct Run
{
	Datum		first;			/* of the key; or the key's hash, where the key cannot be sorted */
	bool		isnull;
	int64		start;
	int64		length;
	const DbspAggregateRow *row;	/* the first one */
} Run;

static int
compare_runs(const void *left, const void *right, void *arg)
{
	const DbspAggregateOp *agg = arg;
	const Run  *a = left;
	const Run  *b = right;
	int			order;

	if (agg->sort == NULL)
		return a->first < b->first ? -1 : a->first > b->first ? 1 : 0;
	if (agg->nkeys == 0)
		return 0;
	order = ApplySortComparator(a->first, a->isnull, b->first, b->isnull, &agg->sort[0]);
	return order != 0 || agg->nkeys == 1 ? order : compare_keys(agg, a->row, b->row);
}

static bool
same_key_image(const DbspAggregateOp *agg, const DbspAggregateRow *a, const DbspAggregateRow *b)
{
	for (int i = 0; i < agg->nkeys; i++)
	{
		if (a->isnull[i] != b->isnull[i])
			return false;
		if (!a->isnull[i] && !datumIsEqual(a->values[i], b->values[i], agg->input_typbyval[i], agg->input_typlen[i]))
			return false;
	}
	return true;
}

static int64
find_runs(DbspAggregateOp *agg, Run *runs)
{
	int64		n = 0;

	for (int64 i = 0; i < agg->nrows; i++)
	{
		DbspAggregateRow *row = &agg->rows[i];

		if (n > 0 && same_key_image(agg, runs[n - 1].row, row))
		{
			runs[n - 1].length++;
			continue;
		}
		runs[n] = (Run) {.start = i, .length = 1, .row = row};
		if (agg->sort == NULL)
			runs[n].first = UInt32GetDatum(dbsp_key_hash(agg->key, row->values, row->isnull, true));
		else if (agg->nkeys > 0)
		{
			runs[n].first = row->values[0];
			runs[n].isnull = row->isnull[0];
		}
		n++;
	}
	return n;
}

/* Brings the rows into the order of their keys, or of their hashes. */
static void
sort_rows(DbspAggregateOp *agg)
{
	Run		   *runs = MemoryContextAllocHuge(CurrentMemoryContext, agg->nrows * sizeof(Run));
	int64		nruns = find_runs(agg, runs);
	DbspAggregateRow *sorted;
	int64		n = 0;

	if (nruns > 1)
		qsort_arg(runs, nruns, sizeof(Run), compare_runs, agg);
	sorted = MemoryContextAllocHuge(CurrentMemoryContext, agg->nrows * sizeof(DbspAggregateRow));
	for (int64 i = 0; i < nruns; i++)
		for (int64 j = 0; j < runs[i].length; j++)
		{
			sorted[n] = agg->rows[runs[i].start + j];
			if (agg->sort == NULL)
				sorted[n].hash = DatumGetUInt32(runs[i].first);
			n++;
		}
	pfree(agg->rows);
	pfree(runs);
	agg->rows = sorted;
}

/* Additions before removals. */
static void
order_group(DbspAggregateRow *rows, int64 nrows)
{
	int64		first_removal = 0;

	for (int64 i = 0; i < nrows; i++)
		if (rows[i].weight > 0)
		{
			DbspAggregateRow swap = rows[first_removal];

			rows[first_removal++] = rows[i];
			rows[i] = swap;
		}
}

/*
 * The number of rows at the front of the sorted rows that have the key of
 * rows[0].  Rows of one hash need not be of one key: they are moved to the
 * front in their order.
 */
static int64
split_group(DbspAggregateOp *agg, DbspAggregateRow *rows, int64 nrows)
{
	int64		n = 1;

	if (agg->sort)
	{
		while (n < nrows && compare_keys(agg, &rows[0], &rows[n]) == 0)
			n++;
		return n;
	}
	for (int64 i = 1; i < nrows && rows[i].hash == rows[0].hash; i++)
		if (dbsp_key_equal(agg->key, rows[0].values, rows[0].isnull, rows[i].values, rows[i].isnull))
		{
			DbspAggregateRow found = rows[i];

			memmove(&rows[n + 1], &rows[n], (i - n) * sizeof(DbspAggregateRow));
			rows[n++] = found;
		}
	return n;
}

/* Calls the function for each group of the sorted rows. */
static void
for_each_group(DbspAggregateOp *agg, void (*function) (DbspAggregateOp *, DbspAggregateRow *, int64))
{
	for (int64 i = 0, n; i < agg->nrows; i += n)
	{
		CHECK_FOR_INTERRUPTS();
		n = split_group(agg, agg->rows + i, agg->nrows - i);
		order_group(agg->rows + i, n);
		function(agg, agg->rows + i, n);
	}
}

static void
take_locks(DbspAggregateOp *agg)
{
	DbspStore  *store = agg->op.circuit->store;
	DbspKeyLock *locks = MemoryContextAllocHuge(CurrentMemoryContext, agg->nrows * sizeof(DbspKeyLock));
	int64		nlocks = 0;

	for (int64 i = 0; i < agg->nrows; i++)
	{
		DbspAggregateRow *row = &agg->rows[i];

		if (i > 0 && agg->sort && compare_keys(agg, row - 1, row) == 0)
			continue;
		row->hash = agg->nkeys == 0 ? 1 : dbsp_key_hash(agg->key, row->values, row->isnull, true);
		if (nlocks == 0 || locks[nlocks - 1].hash != row->hash)
			locks[nlocks++] = (DbspKeyLock) {.hash = row->hash, .mode = ExclusiveLock};
	}
	store->storeclass->begin_step(store, agg->op.plan->number, false, locks, nlocks);
}

/* ---- the fold ---- */

static void
aggregate_flush(DbspOp *op)
{
	DbspAggregateOp *agg = (DbspAggregateOp *) op;
	DbspStore  *store = op->circuit->store;

	if (agg->nrows == 0)
		return;
	sort_rows(agg);
	take_locks(agg);
	if (agg->nvalues > 0)
	{
		for_each_group(agg, dbsp_aggregate_change_values);
		store->storeclass->next_phase(store);
	}
	for_each_group(agg, dbsp_aggregate_change_group);
	store->storeclass->end_step(store);
}

/* ---- probes ---- */

typedef struct AggregateProber
{
	DbspAggregateOp *agg;
	DbspAccess *access;
	TupleTableSlot *slot;
	DbspEmit	emit;
	void	   *arg;
} AggregateProber;

static void
aggregate_probe_init(DbspOp *op, DbspProber *prober)
{
	AggregateProber *state = palloc0(sizeof(AggregateProber));
	DbspStore  *store = op->circuit->store;

	state->agg = (DbspAggregateOp *) op;
	state->access = store->storeclass->open_state_access(store, state->agg->table, prober->probe->keys);
	state->slot = MakeSingleTupleTableSlot(op->plan->rowtype, &TTSOpsVirtual);
	prober->state = state;
}

static void
aggregate_probe_emit(void *arg, TupleTableSlot *slot, DbspWeight weight)
{
	AggregateProber *state = arg;
	int			visible = state->agg->def->visible_column;

	slot_getsomeattrs(slot, Max(state->agg->noutputs, visible));
	if (visible > 0 && !DatumGetBool(slot->tts_values[visible - 1]))
		return;
	ExecClearTuple(state->slot);
	memcpy(state->slot->tts_values, slot->tts_values, state->agg->noutputs * sizeof(Datum));
	memcpy(state->slot->tts_isnull, slot->tts_isnull, state->agg->noutputs * sizeof(bool));
	ExecStoreVirtualTuple(state->slot);
	state->emit(state->arg, state->slot, weight);
}

static void
aggregate_probe(DbspProber *prober, const Datum *values, const bool *isnull, DbspEmit emit, void *arg)
{
	AggregateProber *state = prober->state;
	DbspStore  *store = prober->op->circuit->store;

	state->emit = emit;
	state->arg = arg;
	store->storeclass->scan(store, state->access, values, isnull, aggregate_probe_emit, state);
}

const DbspOpClass dbsp_op_aggregate = {
	.name = "aggregate",
	.kind = DBSP_PLAN_AGGREGATE,
	.init = aggregate_init,
	.push = aggregate_push,
	.begin = aggregate_begin,
	.flush = aggregate_flush,
	.probe_init = aggregate_probe_init,
	.probe = aggregate_probe,
};
