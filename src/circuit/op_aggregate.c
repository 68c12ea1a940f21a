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
#include "nodes/nodeFuncs.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "base/error.h"
#include "circuit/agg/agg.h"
#include "circuit/op_aggregate.h"

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
		exprs = lappend(exprs, ((DbspAggState *) lfirst(lc))->arg);
	foreach(lc, plan->values)
		exprs = lappend(exprs, ((DbspAggValues *) lfirst(lc))->arg);
	return exprs;
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

/* By key, or by its hash where it cannot be sorted; additions first. */
static int
compare_rows(const void *left, const void *right, void *arg)
{
	const DbspAggregateOp *agg = arg;
	const DbspAggregateRow *a = left;
	const DbspAggregateRow *b = right;
	int			order = 0;

	if (agg->sort)
		order = compare_keys(agg, a, b);
	else if (a->hash != b->hash)
		order = a->hash < b->hash ? -1 : 1;
	if (order != 0)
		return order;
	return a->weight > b->weight ? -1 : a->weight < b->weight ? 1 : 0;
}

static void
sort_rows(DbspAggregateOp *agg)
{
	if (agg->sort == NULL)
		for (int64 i = 0; i < agg->nrows; i++)
			agg->rows[i].hash = dbsp_key_hash(agg->key, agg->rows[i].values, agg->rows[i].isnull, true);
	if (agg->nrows > 1)
		qsort_arg(agg->rows, agg->nrows, sizeof(DbspAggregateRow), compare_rows, agg);
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

/* ---- tables of values ---- */

typedef struct ValueChange
{
	Datum		value;
	DbspWeight	weight;
} ValueChange;

static int
compare_values(const void *a, const void *b, void *arg)
{
	DbspAggregateValues *values = arg;

	return DatumGetInt32(FunctionCall2Coll(&values->compare, values->collation,
										   ((const ValueChange *) a)->value, ((const ValueChange *) b)->value));
}

/* Changes the multiplicity of one value of the group whose key is in row. */
static void
change_value(DbspAggregateOp *agg, DbspAggregateValues *values, const DbspAggregateRow *row, const ValueChange *change)
{
	DbspStore  *store = agg->op.circuit->store;
	Datum	   *columns = palloc0(values->ncolumns * sizeof(Datum));
	bool	   *isnull = palloc0(values->ncolumns * sizeof(bool));
	TupleTableSlot *slot;
	DbspWeight	weight = change->weight;

	memcpy(columns, row->values, agg->nkeys * sizeof(Datum));
	memcpy(isnull, row->isnull, agg->nkeys * sizeof(bool));
	columns[agg->nkeys] = change->value;
	slot = store->storeclass->find(store, values->table, columns, isnull);
	if (slot)
	{
		slot_getallattrs(slot);
		weight = dbsp_weight_add(weight, DatumGetInt64(slot->tts_values[values->count_column - 1]));
	}
	if (weight < 0)
		dbsp_corrupt("A value of min() or max() to be removed is missing");
	columns[values->count_column - 1] = Int64GetDatum(weight);
	if (slot == NULL)
		store->storeclass->insert(store, values->table, columns, isnull);
	else if (weight == 0)
		store->storeclass->remove(store, values->table, slot);
	else
		store->storeclass->update(store, values->table, slot, columns, isnull);
}

static void
change_values(DbspAggregateOp *agg, int which, DbspAggregateRow *rows, int64 nrows)
{
	DbspAggregateValues *values = &agg->values[which];
	int			column = agg->nkeys + agg->nstates + which;
	ValueChange *changes = palloc_extended(nrows * sizeof(ValueChange), MCXT_ALLOC_HUGE);
	int64		n = 0;

	for (int64 i = 0; i < nrows; i++)
		if (!rows[i].isnull[column])
			changes[n++] = (ValueChange) {.value = rows[i].values[column], .weight = rows[i].weight};
	qsort_arg(changes, n, sizeof(ValueChange), compare_values, values);
	for (int64 i = 0, end; i < n; i = end)
	{
		ValueChange net = changes[i];

		CHECK_FOR_INTERRUPTS();
		for (end = i + 1; end < n && compare_values(&changes[i], &changes[end], values) == 0; end++)
			net.weight = dbsp_weight_add(net.weight, changes[end].weight);
		if (net.weight != 0)
			change_value(agg, values, &rows[0], &net);
	}
}

/* ---- one group ---- */

/* The extreme of min or max after the changes of rows, given the stored one. */
static void
new_extreme(DbspAggregateOp *agg, DbspAggregateState *state, DbspAggregateRow *rows, int64 nrows)
{
	DbspAggregateValues *values = &agg->values[state->def->values];
	DbspStore  *store = agg->op.circuit->store;
	int			column = agg->nkeys + agg->nstates + state->def->values;
	int			sign = state->is_max ? 1 : -1;
	TupleTableSlot *slot;

	for (int64 i = 0; i < nrows; i++)
	{
		int			order;

		if (rows[i].isnull[column])
			continue;
		order = state->isnull ? 1 :
			sign * DatumGetInt32(FunctionCall2Coll(&values->compare, values->collation,
												   rows[i].values[column], state->value));
		if (rows[i].weight > 0 && order > 0)
		{
			state->value = rows[i].values[column];
			state->isnull = false;
		}
		else if (rows[i].weight < 0 && order >= 0)
		{
			/* The extreme itself goes, or something beyond what is known so far: ask the table. */
			slot = store->storeclass->find_extreme(store, values->table, rows[0].values, rows[0].isnull, state->is_max);
			state->isnull = slot == NULL;
			if (slot)
			{
				slot_getallattrs(slot);
				state->value = datumCopy(slot->tts_values[agg->nkeys], state->typbyval, state->typlen);
			}
			return;
		}
	}
}

/* Loads the states of the stored row, or empty ones; the group's memory context is current. */
static void
load_states(DbspAggregateOp *agg, TupleTableSlot *stored)
{
	for (int i = 0; i < agg->nstates; i++)
	{
		DbspAggregateState *state = &agg->states[i];
		int			column = agg->def->agg_column - 1 + i;

		state->isnull = stored == NULL || stored->tts_isnull[column];
		if (state->def->aggclass->extreme)
			state->value = state->isnull ? (Datum) 0 :
				datumCopy(stored->tts_values[column], state->typbyval, state->typlen);
		else if (state->isnull)
			state->data = state->def->aggclass->create(state->def->argtype, CurrentMemoryContext);
		else
			state->data = state->def->aggclass->load(stored->tts_values[column], state->def->argtype,
													 CurrentMemoryContext);
	}
}

static void
change_states(DbspAggregateOp *agg, DbspAggregateRow *rows, int64 nrows)
{
	for (int i = 0; i < agg->nstates; i++)
	{
		DbspAggregateState *state = &agg->states[i];
		int			column = agg->nkeys + i;

		if (state->def->aggclass->extreme)
		{
			new_extreme(agg, state, rows, nrows);
			continue;
		}
		for (int64 j = 0; j < nrows; j++)
			if (!rows[j].isnull[column])
				state->def->aggclass->add(state->data, rows[j].values[column], rows[j].weight);
	}
}

/*
 * Computes the output columns and the visible flag from the keys (already in
 * their output columns), the number of rows and the loaded states.
 */
static void
compute_outputs(DbspAggregateOp *agg, int64 count, Datum *values, bool *isnull)
{
	TupleTableSlot *group = agg->group_slot;
	ExprContext *econtext = agg->op.circuit->econtext;
	bool		visible;
	int			n = 0;
	ListCell   *lc;

	ExecClearTuple(group);
	for (; n < agg->nkeys; n++)
	{
		group->tts_values[n] = values[agg->key_columns[n] - 1];
		group->tts_isnull[n] = isnull[agg->key_columns[n] - 1];
	}
	foreach(lc, agg->op.plan->calls)
	{
		DbspAggCall *call = lfirst(lc);
		DbspAggregateState *state = call->state < 0 ? NULL : &agg->states[call->state];

		group->tts_isnull[n] = false;
		if (state == NULL)
			group->tts_values[n] = Int64GetDatum(count);
		else if (state->def->aggclass->extreme)
		{
			group->tts_values[n] = state->value;
			group->tts_isnull[n] = state->isnull;
		}
		else
			group->tts_values[n] = state->def->aggclass->result(state->data, call->final, &group->tts_isnull[n]);
		n++;
	}
	ExecStoreVirtualTuple(group);

	ResetExprContext(econtext);
	visible = agg->having == NULL || dbsp_qual_eval(econtext, agg->having, group);
	if (agg->def->visible_column > 0)
	{
		values[agg->def->visible_column - 1] = BoolGetDatum(visible);
		isnull[agg->def->visible_column - 1] = false;
	}
	econtext->ecxt_scantuple = group;
	foreach(lc, agg->outputs)
	{
		int			i = foreach_current_index(lc);

		if (agg->is_key_output[i])
			continue;
		isnull[i] = true;
		values[i] = (Datum) 0;
		if (visible)
			values[i] = ExecEvalExprSwitchContext(lfirst(lc), econtext, &isnull[i]);
	}
}

/* The columns after the outputs: number of rows and states. */
static void
store_states(DbspAggregateOp *agg, int64 count, Datum *values, bool *isnull)
{
	values[agg->def->count_column - 1] = Int64GetDatum(count);
	isnull[agg->def->count_column - 1] = false;
	for (int i = 0; i < agg->nstates; i++)
	{
		DbspAggregateState *state = &agg->states[i];
		int			column = agg->def->agg_column - 1 + i;

		if (state->def->aggclass->extreme)
		{
			values[column] = state->value;
			isnull[column] = state->isnull;
			continue;
		}
		values[column] = state->def->aggclass->store(state->data);
		isnull[column] = false;
	}
}

static void
emit_row(DbspAggregateOp *agg, const Datum *values, const bool *isnull, DbspWeight weight)
{
	TupleTableSlot *slot = agg->output_slot;

	if (agg->op.parent == NULL)
		return;
	if (agg->def->visible_column > 0 && !DatumGetBool(values[agg->def->visible_column - 1]))
		return;
	ExecClearTuple(slot);
	memcpy(slot->tts_values, values, agg->noutputs * sizeof(Datum));
	memcpy(slot->tts_isnull, isnull, agg->noutputs * sizeof(bool));
	ExecStoreVirtualTuple(slot);
	dbsp_op_emit(&agg->op, slot, weight);
}

/* True if the new row has the image of the stored one, but for __dbsp_hash, which follows from the key. */
static bool
row_is_unchanged(DbspAggregateOp *agg, TupleTableSlot *stored, const Datum *values, const bool *isnull)
{
	for (int i = 0; i < agg->ncolumns; i++)
	{
		Form_pg_attribute att = TupleDescAttr(agg->def->desc, i);

		if (i == agg->def->hash_column - 1)
			continue;
		if (stored->tts_isnull[i] != isnull[i])
			return false;
		if (!isnull[i] && !datum_image_eq(stored->tts_values[i], values[i], att->attbyval, att->attlen))
			return false;
	}
	return true;
}

static void
write_group(DbspAggregateOp *agg, TupleTableSlot *stored, int64 count, Datum *values, bool *isnull)
{
	DbspStore  *store = agg->op.circuit->store;
	bool		exists = count > 0 || agg->op.plan->grand_total;

	if (stored && exists && row_is_unchanged(agg, stored, values, isnull))
		return;
	if (stored)
		emit_row(agg, stored->tts_values, stored->tts_isnull, -1);
	if (exists)
		emit_row(agg, values, isnull, 1);
	agg->op.circuit->rows_out++;

	if (stored == NULL && exists)
		store->storeclass->insert(store, agg->table, values, isnull);
	else if (stored && exists)
		store->storeclass->update(store, agg->table, stored, values, isnull);
	else if (stored)
		store->storeclass->remove(store, agg->table, stored);
}

static void
change_group(DbspAggregateOp *agg, DbspAggregateRow *rows, int64 nrows)
{
	DbspStore  *store = agg->op.circuit->store;
	TupleTableSlot *stored = store->storeclass->find(store, agg->table, rows[0].values, rows[0].isnull);
	MemoryContext old = MemoryContextSwitchTo(agg->group_cxt);
	Datum	   *values = palloc0(agg->ncolumns * sizeof(Datum));
	bool	   *isnull = palloc0(agg->ncolumns * sizeof(bool));
	int64		count = 0;

	if (stored)
	{
		slot_getallattrs(stored);
		count = DatumGetInt64(stored->tts_values[agg->def->count_column - 1]);
	}
	for (int64 i = 0; i < nrows; i++)
		count = dbsp_weight_add(count, rows[i].weight);
	if (count < 0)
		dbsp_corrupt("A group has fewer rows than are to be removed");

	if (count > 0 || agg->op.plan->grand_total)
	{
		for (int i = 0; i < agg->nkeys; i++)
		{
			int			column = agg->key_columns[i] - 1;

			values[column] = stored ? stored->tts_values[column] : rows[0].values[i];
			isnull[column] = stored ? stored->tts_isnull[column] : rows[0].isnull[i];
		}
		load_states(agg, stored);
		change_states(agg, rows, nrows);
		store_states(agg, count, values, isnull);
		compute_outputs(agg, count, values, isnull);
	}
	else if (stored == NULL)
	{
		MemoryContextSwitchTo(old);
		MemoryContextReset(agg->group_cxt);
		return;
	}
	write_group(agg, stored, count, values, isnull);
	MemoryContextSwitchTo(old);
	MemoryContextReset(agg->group_cxt);
}

static void
change_group_values(DbspAggregateOp *agg, DbspAggregateRow *rows, int64 nrows)
{
	MemoryContext old = MemoryContextSwitchTo(agg->group_cxt);

	for (int i = 0; i < agg->nvalues; i++)
		change_values(agg, i, rows, nrows);
	MemoryContextSwitchTo(old);
	MemoryContextReset(agg->group_cxt);
}

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
		for_each_group(agg, change_group_values);
		store->storeclass->next_phase(store);
	}
	for_each_group(agg, change_group);
	store->storeclass->end_step(store);
}

/*
 * Completes a row of the aggregate's table that has its keys, number of rows
 * and states: computes the other outputs and the visible flag, in the
 * per-tuple memory of the circuit and the current context.
 */
void
dbsp_aggregate_finish_row(DbspOp *op, Datum *values, bool *isnull)
{
	DbspAggregateOp *agg = (DbspAggregateOp *) op;
	TupleTableSlot stored = {.tts_values = values, .tts_isnull = isnull};

	load_states(agg, &stored);
	compute_outputs(agg, DatumGetInt64(values[agg->def->count_column - 1]), values, isnull);
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
