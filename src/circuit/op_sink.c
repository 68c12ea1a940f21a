/*-------------------------------------------------------------------------
 *
 * op_sink.c
 *	  Sink: adds the output delta to the shadow table.
 *
 * With a key, the delta of each key nets to one row less, one row more, or
 * both (a change); anything else contradicts the key and is corruption.  Rows
 * that swap keys inside one delta are two changes.  Such a sink needs no key locks: whoever changes a row of
 * the view has changed, and locked, the base row that the key names, or holds
 * the lock of the join or aggregate that the row comes from.
 *
 * Without a key, equal rows are several rows.  Additions need no lock; two
 * transactions that remove equal rows would pick the same one, so removals
 * lock the hash of the row.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/error.h"
#include "circuit/op.h"
#include "row/rowkey.h"

typedef struct SinkOp
{
	DbspOp		op;
	DbspStateDef *def;
	DbspTable  *table;
	TupleDesc	desc;			/* of row images */
	DbspKey    *key;
	ZSet	   *delta;
} SinkOp;

/* One row of the delta with its key's hash. */
typedef struct SinkRow
{
	uint32		hash;
	const DbspZSetItem *item;
	Datum	   *values;			/* of the whole row */
	bool	   *isnull;
} SinkRow;

typedef enum SinkChange
{
	SINK_REMOVE,
	SINK_UPDATE,
	SINK_INSERT
} SinkChange;

typedef struct SinkAction
{
	SinkChange	change;
	SinkRow    *old;
	SinkRow    *new;
} SinkAction;

static DbspStateDef *
find_def(DbspCircuit *circuit, DbspPlan *plan)
{
	ListCell   *lc;

	foreach(lc, circuit->store->defs)
		if (((DbspStateDef *) lfirst(lc))->plan == plan)
			return lfirst(lc);
	elog(ERROR, "sink has no shadow table");
}

static DbspOp *
sink_init(DbspCircuit *circuit, DbspPlan *plan)
{
	SinkOp	   *sink = palloc0(sizeof(SinkOp));
	List	   *collations = NIL;
	ListCell   *lc;

	sink->def = find_def(circuit, plan);
	sink->table = circuit->store->storeclass->open_state(circuit->store, sink->def);
	sink->desc = dbsp_row_desc(plan->rowtype);
	foreach(lc, sink->def->key)
		collations = lappend_oid(collations, TupleDescAttr(plan->rowtype, lfirst_int(lc) - 1)->attcollation);
	sink->key = dbsp_key_make(sink->def->key_eqops, collations);
	return &sink->op;
}

static void
sink_begin(DbspOp *op)
{
	SinkOp	   *sink = (SinkOp *) op;

	sink->delta = dbsp_zset_create(CurrentMemoryContext, sink->desc);
}

static void
sink_push(DbspOp *op, int input, TupleTableSlot *slot, DbspWeight weight)
{
	SinkOp	   *sink = (SinkOp *) op;

	slot_getallattrs(slot);
	dbsp_zset_add_values(sink->delta, slot->tts_values, slot->tts_isnull, weight);
}

/* ---- with a key ---- */

static void
key_values(const SinkOp *sink, const SinkRow *row, Datum *values, bool *isnull)
{
	int			i = 0;
	ListCell   *lc;

	foreach(lc, sink->def->key)
	{
		values[i] = row->values[lfirst_int(lc) - 1];
		isnull[i] = row->isnull[lfirst_int(lc) - 1];
		i++;
	}
}

static int
compare_rows(const void *a, const void *b)
{
	uint32		left = ((const SinkRow *) a)->hash;
	uint32		right = ((const SinkRow *) b)->hash;

	return left < right ? -1 : left > right ? 1 : 0;
}

/* The rows of the delta, deformed and sorted by key hash. */
static SinkRow *
collect_rows(SinkOp *sink, int *nrows_out)
{
	int			nrows = dbsp_zset_count(sink->delta);
	int			natts = sink->desc->natts;
	SinkRow    *rows = MemoryContextAllocHuge(CurrentMemoryContext, nrows * sizeof(SinkRow));
	int			i = 0;

	for (const DbspZSetItem *item = dbsp_zset_first(sink->delta); item; item = dbsp_zset_next(item))
	{
		SinkRow    *row = &rows[i++];
		Datum		key[INDEX_MAX_KEYS * 4];
		bool		key_null[INDEX_MAX_KEYS * 4];

		row->item = item;
		row->values = palloc(natts * sizeof(Datum));
		row->isnull = palloc(natts * sizeof(bool));
		dbsp_row_deform(item->row, sink->desc, row->values, row->isnull);
		key_values(sink, row, key, key_null);
		row->hash = dbsp_key_hash(sink->key, key, key_null, true);
	}
	if (nrows > 1)
		qsort(rows, nrows, sizeof(SinkRow), compare_rows);
	*nrows_out = nrows;
	return rows;
}

static bool
same_key(const SinkOp *sink, const SinkRow *a, const SinkRow *b)
{
	Datum		left[INDEX_MAX_KEYS * 4];
	Datum		right[INDEX_MAX_KEYS * 4];
	bool		left_null[INDEX_MAX_KEYS * 4];
	bool		right_null[INDEX_MAX_KEYS * 4];

	key_values(sink, a, left, left_null);
	key_values(sink, b, right, right_null);
	return dbsp_key_equal(sink->key, left, left_null, right, right_null);
}

/* Pairs the rows of one hash by key, into actions. */
static int
make_actions(SinkOp *sink, SinkRow *rows, int nrows, SinkAction *actions)
{
	int			n = 0;

	for (int i = 0; i < nrows; i++)
	{
		SinkRow    *row = &rows[i];
		SinkAction *action = NULL;
		SinkRow   **place;

		for (int j = 0; j < n && action == NULL; j++)
			if (same_key(sink, actions[j].old ? actions[j].old : actions[j].new, row))
				action = &actions[j];
		if (action == NULL)
		{
			action = &actions[n++];
			action->old = action->new = NULL;
		}
		place = row->item->weight > 0 ? &action->new : &action->old;
		if (*place != NULL || (row->item->weight != 1 && row->item->weight != -1))
			dbsp_corrupt("A change adds or removes more than one row with the same key");
		*place = row;
	}
	for (int i = 0; i < n; i++)
		actions[i].change = actions[i].new == NULL ? SINK_REMOVE : actions[i].old == NULL ? SINK_INSERT : SINK_UPDATE;
	return n;
}

static void
run_action(SinkOp *sink, const SinkAction *action)
{
	DbspStore  *store = sink->op.circuit->store;
	TupleTableSlot *slot = NULL;

	if (action->change != SINK_INSERT)
	{
		Datum		key[INDEX_MAX_KEYS * 4];
		bool		key_null[INDEX_MAX_KEYS * 4];

		key_values(sink, action->old, key, key_null);
		slot = store->storeclass->find(store, sink->table, key, key_null);
		if (slot == NULL)
			dbsp_corrupt("A row to be changed is missing");
	}
	switch (action->change)
	{
		case SINK_REMOVE:
			store->storeclass->remove(store, sink->table, slot);
			break;
		case SINK_UPDATE:
			store->storeclass->update(store, sink->table, slot, action->new->values, action->new->isnull);
			break;
		case SINK_INSERT:
			store->storeclass->insert(store, sink->table, action->new->values, action->new->isnull);
			break;
	}
	sink->op.circuit->rows_out++;
}

static void
flush_keyed(SinkOp *sink)
{
	DbspStore  *store = sink->op.circuit->store;
	int			nrows;
	SinkRow    *rows = collect_rows(sink, &nrows);
	SinkAction *actions = MemoryContextAllocHuge(CurrentMemoryContext, nrows * sizeof(SinkAction));
	int			nactions = 0;

	for (int i = 0, end; i < nrows; i = end)
	{
		for (end = i + 1; end < nrows && rows[end].hash == rows[i].hash; end++)
			;
		nactions += make_actions(sink, rows + i, end - i, actions + nactions);
	}

	store->storeclass->begin_step(store, sink->op.plan->number, false, NULL, 0);
	for (SinkChange change = SINK_REMOVE; change <= SINK_INSERT; change++)
		for (int i = 0; i < nactions; i++)
		{
			CHECK_FOR_INTERRUPTS();
			if (actions[i].change == change)
				run_action(sink, &actions[i]);
		}
	store->storeclass->end_step(store);
}

/* ---- without a key ---- */

static void
remove_found(void *arg, TupleTableSlot *slot, DbspWeight weight)
{
	SinkOp	   *sink = arg;
	DbspStore  *store = sink->op.circuit->store;

	store->storeclass->remove(store, sink->table, slot);
	sink->op.circuit->rows_out++;
}

static void
insert_copies(SinkOp *sink, const DbspZSetItem *item)
{
	DbspStore  *store = sink->op.circuit->store;
	Datum	   *values = palloc(sink->desc->natts * sizeof(Datum));
	bool	   *isnull = palloc(sink->desc->natts * sizeof(bool));

	dbsp_row_deform(item->row, sink->desc, values, isnull);
	for (DbspWeight i = 0; i < item->weight; i++)
	{
		CHECK_FOR_INTERRUPTS();
		store->storeclass->insert(store, sink->table, values, isnull);
		sink->op.circuit->rows_out++;
	}
	pfree(values);
	pfree(isnull);
}

static void
flush_bag(SinkOp *sink)
{
	DbspStore  *store = sink->op.circuit->store;
	DbspKeyLock *locks = MemoryContextAllocHuge(CurrentMemoryContext,
												dbsp_zset_count(sink->delta) * sizeof(DbspKeyLock));
	int			nlocks = 0;

	for (const DbspZSetItem *item = dbsp_zset_first(sink->delta); item; item = dbsp_zset_next(item))
	{
		if (item->weight > 0)
			continue;
		locks[nlocks].hash = Max(dbsp_row_hash(item->row), 1);
		locks[nlocks++].mode = ExclusiveLock;
	}
	store->storeclass->begin_step(store, sink->op.plan->number, false, locks, nlocks);
	for (const DbspZSetItem *item = dbsp_zset_first(sink->delta); item; item = dbsp_zset_next(item))
	{
		CHECK_FOR_INTERRUPTS();
		if (item->weight > 0)
			insert_copies(sink, item);
		else if (store->storeclass->find_image(store, sink->table, item->row, -item->weight,
											   remove_found, sink) != -item->weight)
			dbsp_corrupt("A row to be removed is missing");
	}
	store->storeclass->end_step(store);
}

static void
sink_flush(DbspOp *op)
{
	SinkOp	   *sink = (SinkOp *) op;

	if (dbsp_zset_count(sink->delta) == 0)
		return;
	if (sink->def->mode == DBSP_KEY_BAG)
		flush_bag(sink);
	else
		flush_keyed(sink);
}

const DbspOpClass dbsp_op_sink = {
	.name = "sink",
	.kind = DBSP_PLAN_SINK,
	.init = sink_init,
	.push = sink_push,
	.begin = sink_begin,
	.flush = sink_flush,
};
