/*-------------------------------------------------------------------------
 *
 * aggregate_group.c
 *	  One group of an aggregate: its state, its row, its values.
 *
 * The delta of a group arrives with additions before removals, so that no
 * state falls below zero on the way.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "base/error.h"
#include "circuit/agg/agg.h"
#include "circuit/op_aggregate.h"
#include "plan/key_image.h"

/* ---- tables of values ---- */

/* What tells the rows of a table of values apart, where equality alone does not. */
static int
compare_images(const DbspAggregateOp *agg, const DbspAggregateValues *values,
			   const DbspBatchRow *a, const DbspBatchRow *b)
{
	if (!values->of_keys)
		return dbsp_row_compare_value(TupleDescAttr(agg->input_desc, values->input),
									  a->values[values->input], b->values[values->input]);
	for (int i = 0; i < agg->ninexact; i++)
	{
		int			key = agg->inexact[i];
		int			order;

		/* Of a group's rows all or none have NULL there. */
		if (a->isnull[key])
			continue;
		order = dbsp_row_compare_value(TupleDescAttr(agg->input_desc, key), a->values[key], b->values[key]);
		if (order != 0)
			return order;
	}
	return 0;
}

typedef struct ValueOrder
{
	DbspAggregateOp *agg;
	DbspAggregateValues *values;
} ValueOrder;

static int
compare_values(const void *a, const void *b, void *arg)
{
	const ValueOrder *order = arg;
	const DbspBatchRow *left = *(DbspBatchRow *const *) a;
	const DbspBatchRow *right = *(DbspBatchRow *const *) b;
	int			column = order->values->input;
	int			result;

	result = DatumGetInt32(FunctionCall2Coll(&order->values->compare, order->values->collation,
											 left->values[column], right->values[column]));
	if (result == 0 && order->values->exact)
		result = compare_images(order->agg, order->values, left, right);
	return result;
}

/* Additions before removals. */
static void
order_part(DbspBatchGroup *part)
{
	DbspBatchRow *rows = part->rows;
	int64		first_removal = 0;

	for (int64 i = 0; i < part->nrows; i++)
		if (rows[i].weight > 0)
		{
			DbspBatchRow swap = rows[first_removal];

			rows[first_removal++] = rows[i];
			rows[i] = swap;
		}
}

/* Changes the multiplicity of the value in row. */
static void
change_value(DbspAggregateOp *agg, DbspAggregateValues *values, const DbspBatchRow *row, DbspWeight weight)
{
	DbspStore  *store = agg->op.circuit->store;
	Datum	   *columns = palloc0(values->ncolumns * sizeof(Datum));
	bool	   *isnull = palloc0(values->ncolumns * sizeof(bool));
	TupleTableSlot *slot;

	memcpy(columns, row->values, agg->nkeys * sizeof(Datum));
	memcpy(isnull, row->isnull, agg->nkeys * sizeof(bool));
	columns[agg->nkeys] = row->values[values->input];
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
change_values(DbspAggregateOp *agg, int which, DbspBatchRow *rows, int64 nrows)
{
	DbspAggregateValues *values = &agg->values[which];
	ValueOrder	order = {.agg = agg, .values = values};
	DbspBatchRow **changes = palloc_extended(nrows * sizeof(DbspBatchRow *), MCXT_ALLOC_HUGE);
	int64		n = 0;

	for (int64 i = 0; i < nrows; i++)
		if (!rows[i].isnull[values->input])
			changes[n++] = &rows[i];
	qsort_interruptible(changes, n, sizeof(DbspBatchRow *), compare_values, &order);
	for (int64 i = 0, end; i < n; i = end)
	{
		DbspWeight	net = changes[i]->weight;

		CHECK_FOR_INTERRUPTS();
		for (end = i + 1; end < n && compare_values(&changes[i], &changes[end], &order) == 0; end++)
			net = dbsp_weight_add(net, changes[end]->weight);
		if (net != 0)
			change_value(agg, values, changes[i], net);
	}
}

/* ---- one group ---- */

/* What groups may have left in their memory context, in bytes: its first block. */
#define GROUP_MEMORY ALLOCSET_DEFAULT_INITSIZE

/* In groups of more rows, one look into the table costs less than comparing them. */
#define FEW_ROWS 8

/* True if the group's rows give back what this one takes away, as an update does that leaves the value alone. */
static bool
is_given_back(const DbspAggregateOp *agg, const DbspAggregateValues *values, const DbspBatchRow *removed,
			  const DbspBatchRow *rows, int64 nrows)
{
	int			column = values->input;
	DbspWeight	net = 0;

	if (nrows > FEW_ROWS)
		return false;
	for (int64 i = 0; i < nrows; i++)
	{
		if (rows[i].isnull[column] ||
			DatumGetInt32(FunctionCall2Coll(unconstify(FmgrInfo *, &values->compare), values->collation,
											rows[i].values[column], removed->values[column])) != 0)
			continue;
		if (values->exact && compare_images(agg, values, &rows[i], removed) != 0)
			continue;
		net = dbsp_weight_add(net, rows[i].weight);
	}
	return net >= 0;
}

/* An extreme after the changes of rows, given the stored one. */
static void
new_extreme(DbspAggregateOp *agg, DbspAggregateState *state, DbspBatchRow *rows, int64 nrows)
{
	DbspAggregateValues *values = &agg->values[state->def->values];
	DbspStore  *store = agg->op.circuit->store;
	int			column = values->input;
	int			sign = state->is_max ? 1 : -1;
	TupleTableSlot *slot;

	for (int64 i = 0; i < nrows && !state->settled; i++)
	{
		int			order;

		CHECK_FOR_INTERRUPTS();
		if (rows[i].isnull[column])
			continue;
		order = state->isnull ? 1 :
			sign * DatumGetInt32(FunctionCall2Coll(&values->compare, values->collation,
												   rows[i].values[column], state->value));
		if (rows[i].weight > 0 && order > 0)
		{
			state->value = rows[i].values[column];
			state->isnull = false;
			state->row_values = rows[i].values;
			state->row_null = rows[i].isnull;
		}
		else if (rows[i].weight < 0 && order >= 0)
		{
			if (state->row_values == NULL && order == 0 && is_given_back(agg, values, &rows[i], rows, nrows))
				continue;
			/* The extreme itself goes, or something beyond what is known so far: ask the table. */
			slot = store->storeclass->find_extreme(store, values->table, rows[0].values, rows[0].isnull, state->is_max);
			state->isnull = slot == NULL;
			if (slot)
			{
				slot_getallattrs(slot);
				state->value = datumCopy(slot->tts_values[agg->nkeys], state->typbyval, state->typlen);
				state->row_values = slot->tts_values;
				state->row_null = slot->tts_isnull;
			}
			state->settled = true;
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
		state->row_values = NULL;
		state->settled = false;
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
change_states(DbspAggregateOp *agg, DbspBatchRow *rows, int64 nrows)
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
		{
			CHECK_FOR_INTERRUPTS();
			if (!rows[j].isnull[column])
				state->def->aggclass->add(state->data, rows[j].values[column], rows[j].weight);
		}
	}
}

/* The keys that the group shows, where another representative has come. */
static void
change_keys(DbspAggregateOp *agg, Datum *values, bool *isnull)
{
	DbspAggregateState *representative = agg->representative;

	if (representative == NULL || representative->row_values == NULL)
		return;
	for (int i = 0; i < agg->ninexact; i++)
	{
		int			key = agg->inexact[i];

		values[agg->key_columns[key] - 1] = representative->row_values[key];
		isnull[agg->key_columns[key] - 1] = representative->row_null[key];
	}
}

/* Takes the representative that the fill found apart: its column gets the digest, the keys' columns its image. */
static void
take_representative(DbspAggregateOp *agg, Datum *values, bool *isnull)
{
	int			column = agg->def->agg_column - 1 + (agg->representative - agg->states);
	Datum	   *keys = palloc(agg->ninexact * sizeof(Datum));
	bool	   *keys_null = palloc(agg->ninexact * sizeof(bool));

	values[column] = Int64GetDatum(dbsp_key_image_deform(values[column], agg->image_desc, keys, keys_null));
	for (int i = 0; i < agg->ninexact; i++)
	{
		int			output = agg->key_columns[agg->inexact[i]] - 1;

		values[output] = keys[i];
		isnull[output] = keys_null[i];
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

	if (agg->having || !agg->copies_all)
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
		int			from = agg->copied_from[i];

		if (agg->is_key_output[i])
			continue;
		isnull[i] = !visible || (from >= 0 && group->tts_isnull[from]);
		values[i] = (Datum) 0;
		if (visible && from >= 0)
			values[i] = group->tts_values[from];
		else if (visible)
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

/* Finds the group's row; the group's memory context is current. */
static void
begin_group(DbspAggregateOp *agg, const DbspBatchRow *row)
{
	DbspStore  *store = agg->op.circuit->store;
	DbspAggregateGroup *group = &agg->group;

	group->stored = store->storeclass->find(store, agg->table, row->values, row->isnull);
	group->count = 0;
	if (group->stored)
	{
		slot_getallattrs(group->stored);
		group->count = DatumGetInt64(group->stored->tts_values[agg->def->count_column - 1]);
	}
	for (int i = 0; i < agg->nkeys; i++)
	{
		int			column = agg->key_columns[i] - 1;
		Form_pg_attribute att = TupleDescAttr(agg->input_desc, i);

		group->isnull[column] = group->stored ? group->stored->tts_isnull[column] : row->isnull[i];
		if (!group->isnull[column])
			group->values[column] = group->stored ? group->stored->tts_values[column] :
				datumCopy(row->values[i], att->attbyval, att->attlen);
	}
}

/* The rows of a part go when the next one comes: what extremes point to is copied. */
static void
keep_extremes(DbspAggregateOp *agg)
{
	for (int i = 0; i < agg->nstates; i++)
	{
		DbspAggregateState *state = &agg->states[i];
		Datum	   *values;
		bool	   *isnull;

		if (!state->def->aggclass->extreme || state->row_values == NULL || state->settled)
			continue;
		state->value = datumCopy(state->value, state->typbyval, state->typlen);
		values = palloc0(Max(agg->nkeys, 1) * sizeof(Datum));
		isnull = palloc0(Max(agg->nkeys, 1) * sizeof(bool));
		for (int k = 0; k < agg->nkeys; k++)
		{
			Form_pg_attribute att = TupleDescAttr(agg->input_desc, k);

			isnull[k] = state->row_null[k];
			if (!isnull[k])
				values[k] = datumCopy(state->row_values[k], att->attbyval, att->attlen);
		}
		state->row_values = values;
		state->row_null = isnull;
	}
}

static void
finish_group(DbspAggregateOp *agg)
{
	DbspAggregateGroup *group = &agg->group;

	if (group->count > 0 || agg->op.plan->grand_total)
	{
		change_keys(agg, group->values, group->isnull);
		store_states(agg, group->count, group->values, group->isnull);
		compute_outputs(agg, group->count, group->values, group->isnull);
	}
	else if (group->stored == NULL)
		return;
	write_group(agg, group->stored, group->count, group->values, group->isnull);
}

/* Applies a part of the delta of one group; with the last one its state, its row, and what goes on to the parent. */
void
dbsp_aggregate_change_group(DbspAggregateOp *agg, DbspBatchGroup *part)
{
	MemoryContext old = MemoryContextSwitchTo(agg->group_cxt);
	DbspAggregateGroup *group = &agg->group;

	if (part->first)
		begin_group(agg, &part->rows[0]);
	order_part(part);
	for (int64 i = 0; i < part->nrows; i++)
		group->count = dbsp_weight_add(group->count, part->rows[i].weight);
	if (group->count < 0 && part->last)
		dbsp_corrupt("A group has fewer rows than are to be removed");
	/* A group that goes as a whole needs no states. */
	if (!part->first || !part->last || group->count > 0 || agg->op.plan->grand_total)
	{
		if (part->first)
			load_states(agg, group->stored);
		change_states(agg, part->rows, part->nrows);
	}
	if (part->last)
		finish_group(agg);
	else
		keep_extremes(agg);
	MemoryContextSwitchTo(old);
	/* A reset costs more than most groups use. */
	if (part->last && MemoryContextMemAllocated(agg->group_cxt, false) > GROUP_MEMORY)
		MemoryContextReset(agg->group_cxt);
}

/* Applies all of the delta of one group to table of values number `which`. */
void
dbsp_aggregate_change_values(DbspAggregateOp *agg, int which, const DbspBatchGroup *group)
{
	MemoryContext old = MemoryContextSwitchTo(agg->group_cxt);

	change_values(agg, which, group->rows, group->nrows);
	MemoryContextSwitchTo(old);
	MemoryContextReset(agg->group_cxt);
}

/*
 * The same of one value of one group, given the first part of its rows in the
 * batch of the table of values; reads the others.
 */
void
dbsp_aggregate_change_value(DbspAggregateOp *agg, int which, DbspBatchGroup *part)
{
	DbspAggregateValues *values = &agg->values[which];
	MemoryContext old = MemoryContextSwitchTo(agg->group_cxt);
	DbspBatchRow *images = NULL;
	int64		n = 0;

	do
	{
		for (int64 i = 0; i < part->nrows; i++)
		{
			int64		j = 0;

			CHECK_FOR_INTERRUPTS();
			while (j < n && values->exact && compare_images(agg, values, &images[j], &part->rows[i]) != 0)
				j++;
			if (j < n)
			{
				images[j].weight = dbsp_weight_add(images[j].weight, part->rows[i].weight);
				continue;
			}
			images = images ? repalloc_huge(images, (n + 1) * sizeof(DbspBatchRow)) : palloc(sizeof(DbspBatchRow));
			images[n++] = dbsp_batch_copy_row(values->batch_type, &part->rows[i]);
		}
	} while (!part->last && dbsp_batch_next(values->batch, part));
	change_values(agg, which, images, n);
	MemoryContextSwitchTo(old);
	MemoryContextReset(agg->group_cxt);
}

/*
 * Completes a row of the aggregate's table that has its keys, number of rows
 * and states as the fill's query gives them: computes the other outputs and the visible flag, in the
 * per-tuple memory of the circuit and the current context.
 */
void
dbsp_aggregate_finish_row(DbspOp *op, Datum *values, bool *isnull)
{
	DbspAggregateOp *agg = (DbspAggregateOp *) op;
	TupleTableSlot stored = {.tts_values = values, .tts_isnull = isnull};

	if (agg->representative)
		take_representative(agg, values, isnull);
	load_states(agg, &stored);
	compute_outputs(agg, DatumGetInt64(values[agg->def->count_column - 1]), values, isnull);
}
