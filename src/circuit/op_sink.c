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
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/error.h"
#include "base/guc.h"
#include "circuit/batch.h"
#include "circuit/op.h"
#include "row/rowkey.h"

typedef struct SinkOp
{
	DbspOp		op;
	DbspStateDef *def;
	DbspTable  *table;
	TupleDesc	desc;			/* of row images */
	int			nkeys;
	int		   *key_columns;	/* 0-based */
	DbspBatchType *batch_type;
	DbspBatch  *batch;
	DbspRowBuffer buffer;		/* bags: for the image at hand */
} SinkOp;

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
	List	   *sortops = NIL;
	DbspKey    *key = NULL;
	ListCell   *lc;

	sink->def = find_def(circuit, plan);
	sink->table = circuit->store->storeclass->open_state(circuit->store, sink->def);
	sink->desc = dbsp_row_desc(plan->rowtype);
	sink->nkeys = list_length(sink->def->key);
	sink->key_columns = palloc(Max(sink->nkeys, 1) * sizeof(int));
	sink->buffer.cxt = circuit->cxt;
	foreach(lc, sink->def->key)
	{
		int			column = lfirst_int(lc) - 1;
		Oid			sortop = get_ordering_op_for_equality_op(list_nth_oid(sink->def->key_eqops,
																	foreach_current_index(lc)), true);

		sink->key_columns[foreach_current_index(lc)] = column;
		collations = lappend_oid(collations, TupleDescAttr(plan->rowtype, column)->attcollation);
		if (OidIsValid(sortop))
			sortops = lappend_oid(sortops, sortop);
	}
	if (sink->def->mode != DBSP_KEY_BAG)
		key = dbsp_key_make(sink->def->key_eqops, collations);
	sink->batch_type = dbsp_batch_type_make(sink->desc, sink->nkeys, sink->key_columns, sortops, key, true);
	return &sink->op;
}

static void
sink_begin(DbspOp *op)
{
	SinkOp	   *sink = (SinkOp *) op;

	sink->batch = dbsp_batch_begin(sink->batch_type, CurrentMemoryContext);
}

static void
sink_push(DbspOp *op, int input, TupleTableSlot *slot, DbspWeight weight)
{
	SinkOp	   *sink = (SinkOp *) op;

	slot_getallattrs(slot);
	dbsp_batch_add(sink->batch, slot->tts_values, slot->tts_isnull, weight);
}

/* ---- with a key ---- */

static TupleTableSlot *
find_row(SinkOp *sink, const DbspBatchRow *row)
{
	DbspStore  *store = sink->op.circuit->store;
	Datum		key[INDEX_MAX_KEYS * 4];
	bool		key_null[INDEX_MAX_KEYS * 4];
	TupleTableSlot *slot;

	for (int i = 0; i < sink->nkeys; i++)
	{
		key[i] = row->values[sink->key_columns[i]];
		key_null[i] = row->isnull[sink->key_columns[i]];
	}
	slot = store->storeclass->find(store, sink->table, key, key_null);
	if (slot == NULL)
		dbsp_corrupt("A row to be changed is missing");
	return slot;
}

/* Applies the net changes of one key: one row less, one more, or both. */
static void
change_key(SinkOp *sink, DbspBatchRow *rows, int64 nrows)
{
	DbspStore  *store = sink->op.circuit->store;
	DbspBatchRow *old = NULL;
	DbspBatchRow *new = NULL;

	for (int64 i = 0; i < nrows; i++)
	{
		DbspBatchRow **place = rows[i].weight > 0 ? &new : &old;

		if (*place != NULL || (rows[i].weight != 1 && rows[i].weight != -1))
			dbsp_corrupt("A change adds or removes more than one row with the same key");
		*place = &rows[i];
	}
	if (old && new)
		store->storeclass->update(store, sink->table, find_row(sink, old), new->values, new->isnull);
	else if (old)
		store->storeclass->remove(store, sink->table, find_row(sink, old));
	else if (new)
		store->storeclass->insert(store, sink->table, new->values, new->isnull);
	else
		return;
	sink->op.circuit->rows_out++;
}

/* The rows of a key that come in several parts, netted; in the fold's memory. */
static void
gather_parts(SinkOp *sink, DbspBatchGroup *part)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp sink key", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	DbspBatchRow *rows = NULL;
	int64		n = 0;

	for (;;)
	{
		int64		room = n + part->nrows;

		rows = rows ? repalloc_huge(rows, room * sizeof(DbspBatchRow)) :
			palloc_extended(room * sizeof(DbspBatchRow), MCXT_ALLOC_HUGE);
		for (int64 i = 0; i < part->nrows; i++)
			rows[n++] = dbsp_batch_copy_row(sink->batch_type, &part->rows[i]);
		n = dbsp_batch_net(sink->batch_type, rows, n);
		if (part->last || !dbsp_batch_next(sink->batch, part))
			break;
	}
	change_key(sink, rows, n);
	MemoryContextSwitchTo(old);
	/* An inserted row may be written at the end of the step only, but from a copy of its own. */
	MemoryContextDelete(cxt);
}

static void
flush_keyed(SinkOp *sink)
{
	DbspStore  *store = sink->op.circuit->store;
	DbspBatchGroup part;

	store->storeclass->begin_step(store, sink->op.plan->number, false, NULL, 0);
	if (store->storeclass->expect_finds && sink->batch_type->sort)
		store->storeclass->expect_finds(store, sink->table, dbsp_batch_count(sink->batch));
	while (dbsp_batch_next(sink->batch, &part))
	{
		CHECK_FOR_INTERRUPTS();
		if (!part.last)
			gather_parts(sink, &part);
		else
			change_key(sink, part.rows, dbsp_batch_net(sink->batch_type, part.rows, part.nrows));
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

/* The weights of a group of equal rows. */
static DbspWeight
net_weight(const DbspBatchGroup *group)
{
	DbspWeight	weight = 0;

	for (int64 i = 0; i < group->nrows; i++)
		weight = dbsp_weight_add(weight, group->rows[i].weight);
	return weight;
}

static void
change_copies(SinkOp *sink, const DbspBatchRow *row, DbspWeight weight)
{
	DbspStore  *store = sink->op.circuit->store;
	DbspRow		image;

	for (DbspWeight i = 0; i < weight; i++)
	{
		CHECK_FOR_INTERRUPTS();
		store->storeclass->insert(store, sink->table, row->values, row->isnull);
		sink->op.circuit->rows_out++;
	}
	if (weight >= 0)
		return;
	image = dbsp_row_form(sink->desc, row->values, row->isnull, &sink->buffer);
	if (store->storeclass->find_image(store, sink->table, image, -weight, remove_found, sink) != -weight)
		dbsp_corrupt("A row to be removed is missing");
}

/* Locks for the images of which rows are removed. */
static void
add_removal_locks(SinkOp *sink, DbspBatchLocks *locks)
{
	int64		most = (int64) dbsp_max_key_locks() + 1;
	int64		room = Min(dbsp_batch_count(sink->batch), most);
	DbspBatchGroup group;

	locks->locks = palloc_extended(room * sizeof(DbspKeyLock), MCXT_ALLOC_HUGE);
	while (!locks->whole && dbsp_batch_next(sink->batch, &group))
	{
		CHECK_FOR_INTERRUPTS();
		if (net_weight(&group) >= 0)
			continue;
		if (locks->nlocks == most)
			locks->whole = true;
		else
			locks->locks[locks->nlocks++] = (DbspKeyLock) {.hash = dbsp_batch_hash(sink->batch, &group.rows[0]),
			.mode = ExclusiveLock};
	}
	dbsp_batch_rewind(sink->batch);
}

static void
flush_bag(SinkOp *sink)
{
	DbspStore  *store = sink->op.circuit->store;
	DbspBatchLocks locks = {0};
	DbspBatchGroup group;

	add_removal_locks(sink, &locks);
	store->storeclass->begin_step(store, sink->op.plan->number, locks.whole, locks.locks, locks.nlocks);
	while (dbsp_batch_next(sink->batch, &group))
	{
		CHECK_FOR_INTERRUPTS();
		change_copies(sink, &group.rows[0], net_weight(&group));
	}
	store->storeclass->end_step(store);
}

static void
sink_flush(DbspOp *op)
{
	SinkOp	   *sink = (SinkOp *) op;

	if (dbsp_batch_is_empty(sink->batch))
		return;
	dbsp_batch_sort(sink->batch);
	if (sink->def->mode == DBSP_KEY_BAG)
		flush_bag(sink);
	else
		flush_keyed(sink);
	dbsp_batch_end(sink->batch);
}

const DbspOpClass dbsp_op_sink = {
	.name = "sink",
	.kind = DBSP_PLAN_SINK,
	.init = sink_init,
	.push = sink_push,
	.begin = sink_begin,
	.flush = sink_flush,
};
