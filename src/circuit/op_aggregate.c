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
 * The delta is kept as a batch, not as a Z-set: it is sorted by key anyway, so
 * that a large delta visits the index and the table in their order.  Rows
 * that cancel out need not be found, as states are exact; within a group
 * additions come before removals, so that no state falls below zero on the
 * way.
 *
 * The delta of a group that is too large for memory comes in parts, in each of
 * which all of the group's values may occur.  So that each row of a table of
 * values is written once nevertheless, such groups are sorted once more, by
 * value.
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
init_inputs(DbspAggregateOp *agg, DbspPlan *plan)
{
	List	   *exprs = input_exprs(plan);
	int			n = list_length(exprs);
	int		   *key_columns = palloc(Max(agg->nkeys, 1) * sizeof(int));
	List	   *sortops = NIL;
	ListCell   *lc;

	agg->input_exprs = dbsp_expr_list_init(exprs);
	agg->input_desc = dbsp_expr_list_desc(exprs);
	agg->input_values = palloc(Max(n, 1) * sizeof(Datum));
	agg->input_null = palloc(Max(n, 1) * sizeof(bool));
	foreach(lc, plan->groupkeys)
	{
		DbspGroupKey *key = lfirst(lc);

		key_columns[foreach_current_index(lc)] = foreach_current_index(lc);
		if (OidIsValid(key->sortop))
			sortops = lappend_oid(sortops, key->sortop);
	}
	agg->batch_type = dbsp_batch_type_make(agg->input_desc, agg->nkeys, key_columns, sortops, agg->key, true);
}

/* How the delta of a large group is sorted for a table of values. */
static DbspBatchType *
values_batch_type(DbspAggregateOp *agg, DbspPlan *plan, int which)
{
	const DbspAggValues *def = list_nth(plan->values, which);
	TypeCacheEntry *type = lookup_type_cache(def->type, TYPECACHE_EQ_OPR | TYPECACHE_LT_OPR);
	int		   *key_columns = palloc((agg->nkeys + 1) * sizeof(int));
	List	   *eqops = NIL;
	List	   *collations = NIL;
	List	   *sortops = NIL;
	ListCell   *lc;

	foreach(lc, plan->groupkeys)
	{
		DbspGroupKey *key = lfirst(lc);

		if (!OidIsValid(key->sortop))
			return NULL;
		key_columns[foreach_current_index(lc)] = foreach_current_index(lc);
		eqops = lappend_oid(eqops, key->eqop);
		collations = lappend_oid(collations, key->collation);
		sortops = lappend_oid(sortops, key->sortop);
	}
	key_columns[agg->nkeys] = agg->values[which].input;
	eqops = lappend_oid(eqops, type->eq_opr);
	collations = lappend_oid(collations, def->collation);
	sortops = lappend_oid(sortops, type->lt_opr);
	return dbsp_batch_type_make(agg->input_desc, agg->nkeys + 1, key_columns, sortops,
								dbsp_key_make(eqops, collations), true);
}

/* Most outputs are a key or the result of one call as it is: those need no evaluation. */
static void
init_copies(DbspAggregateOp *agg, DbspPlan *plan)
{
	ListCell   *lc;

	agg->copied_from = palloc(Max(agg->noutputs, 1) * sizeof(int));
	agg->copies_all = true;
	foreach(lc, plan->exprs)
	{
		Var		   *var = lfirst(lc);
		int			i = foreach_current_index(lc);

		agg->copied_from[i] = IsA(var, Var) ? var->varattno - 1 : -1;
		agg->copies_all &= agg->copied_from[i] >= 0 || agg->is_key_output[i];
	}
}

static DbspOp *
aggregate_init(DbspCircuit *circuit, DbspPlan *plan)
{
	DbspAggregateOp *agg = palloc0(sizeof(DbspAggregateOp));
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

	init_inputs(agg, plan);
	for (int i = 0; i < agg->nvalues; i++)
		agg->values[i].batch_type = values_batch_type(agg, plan, i);
	agg->ncolumns = agg->def->desc->natts;
	agg->noutputs = plan->rowtype->natts;
	agg->is_key_output = palloc0(agg->noutputs * sizeof(bool));
	for (int i = 0; i < agg->nkeys; i++)
		agg->is_key_output[agg->key_columns[i] - 1] = true;
	init_copies(agg, plan);
	agg->group.values = palloc0(agg->ncolumns * sizeof(Datum));
	agg->group.isnull = palloc0(agg->ncolumns * sizeof(bool));
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
	agg->batch = dbsp_batch_begin(agg->batch_type, CurrentMemoryContext);
	for (int i = 0; i < agg->nvalues; i++)
		agg->values[i].batch = NULL;
}

static void
aggregate_push(DbspOp *op, int input, TupleTableSlot *slot, DbspWeight weight)
{
	DbspAggregateOp *agg = (DbspAggregateOp *) op;

	dbsp_expr_list_eval(op->circuit->econtext, agg->input_exprs, slot, agg->input_values, agg->input_null);
	dbsp_batch_add(agg->batch, agg->input_values, agg->input_null, weight);
}

/* ---- the fold ---- */

/* Puts the part aside, to be sorted by value. */
static void
put_aside(DbspAggregateOp *agg, DbspAggregateValues *values, const DbspBatchGroup *part)
{
	/* Rows without an order come together, whatever their number. */
	Assert(values->batch_type != NULL);
	if (values->batch == NULL)
		values->batch = dbsp_batch_begin(values->batch_type, agg->op.circuit->fold_cxt);
	for (int64 i = 0; i < part->nrows; i++)
	{
		const DbspBatchRow *row = &part->rows[i];

		CHECK_FOR_INTERRUPTS();
		if (!row->isnull[values->input])
			dbsp_batch_add(values->batch, row->values, row->isnull, row->weight);
	}
}

static void
change_values_put_aside(DbspAggregateOp *agg, int which)
{
	DbspBatch  *batch = agg->values[which].batch;
	DbspBatchGroup part;

	dbsp_batch_sort(batch);
	while (dbsp_batch_next(batch, &part))
	{
		CHECK_FOR_INTERRUPTS();
		dbsp_aggregate_change_value(agg, which, &part);
	}
	dbsp_batch_end(batch);
}

static void
change_values(DbspAggregateOp *agg)
{
	DbspStore  *store = agg->op.circuit->store;
	DbspBatchGroup part;

	while (dbsp_batch_next(agg->batch, &part))
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < agg->nvalues; i++)
		{
			if (part.first && part.last)
				dbsp_aggregate_change_values(agg, i, &part);
			else
				put_aside(agg, &agg->values[i], &part);
		}
	}
	for (int i = 0; i < agg->nvalues; i++)
		if (agg->values[i].batch)
			change_values_put_aside(agg, i);
	store->storeclass->next_phase(store);
	dbsp_batch_rewind(agg->batch);
}

static void
aggregate_flush(DbspOp *op)
{
	DbspAggregateOp *agg = (DbspAggregateOp *) op;
	DbspStore  *store = op->circuit->store;
	DbspBatchLocks locks = {0};
	DbspBatchGroup part;

	if (dbsp_batch_is_empty(agg->batch))
		return;
	dbsp_batch_sort(agg->batch);
	dbsp_batch_add_locks(agg->batch, ExclusiveLock, &locks);
	store->storeclass->begin_step(store, op->plan->number, locks.whole, locks.locks, locks.nlocks);
	if (agg->nvalues > 0)
		change_values(agg);
	if (store->storeclass->expect_finds && agg->batch_type->sort)
		store->storeclass->expect_finds(store, agg->table, dbsp_batch_count(agg->batch));
	while (dbsp_batch_next(agg->batch, &part))
	{
		CHECK_FOR_INTERRUPTS();
		dbsp_aggregate_change_group(agg, &part);
	}
	store->storeclass->end_step(store);
	dbsp_batch_end(agg->batch);
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
