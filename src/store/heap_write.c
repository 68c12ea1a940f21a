/*-------------------------------------------------------------------------
 *
 * heap_write.c
 *	  Internal tables: writing rows.
 *
 * Rows are written through the table access method, which fires no triggers
 * and checks no constraints (there are none), and their index entries as
 * ExecInsertIndexTuples() makes them (executor/execIndexing.c).  The key locks
 * keep other transactions away from the rows, so a row that turns out to be
 * changed meanwhile is an error, not a reason to wait and look again.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/error.h"
#include "store/heap_store.h"
#include "store/heap_table.h"

/* The write slot with the values and the hash column. */
static TupleTableSlot *
fill_write_slot(DbspTable *table, Datum *values, bool *isnull)
{
	TupleTableSlot *slot = table->write_slot;
	int			natts = table->desc->natts;

	if (table->def->hash_column > 0)
		natts--;				/* always the last one */
	ExecClearTuple(slot);
	memcpy(slot->tts_values, values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, isnull, natts * sizeof(bool));
	dbsp_heap_table_set_hash(table, slot->tts_values, slot->tts_isnull);
	return ExecStoreVirtualTuple(slot);
}

static void
insert_index_entries(DbspTable *table, Relation rel, TupleTableSlot *slot)
{
	ExprContext *econtext = GetPerTupleExprContext(table->estate);
	ListCell   *lc;

	foreach(lc, table->indexes)
	{
		HeapIndex  *entry = lfirst(lc);
		Datum		values[INDEX_MAX_KEYS];
		bool		isnull[INDEX_MAX_KEYS];

		ResetExprContext(econtext);
		econtext->ecxt_scantuple = slot;
		if (entry->predicate && !ExecQual(entry->predicate, econtext))
			continue;
		if (entry->rel == NULL)
			entry->rel = index_open(entry->oid, RowExclusiveLock);
		FormIndexDatum(entry->info, slot, table->estate, values, isnull);
		index_insert(entry->rel, values, isnull, &slot->tts_tid, rel,
					 entry->rel->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO,
					 false, entry->info);
	}
}

/* As COPY FROM has it (commands/copyfrom.c). */
#define BULK_ROWS 1000
#define BULK_BYTES 65535

/* Rows that wait to be inserted together; slots are made as they are needed. */
struct HeapPending
{
	MemoryContext cxt;
	TupleTableSlot *slots[BULK_ROWS];
	int			nslots;
	Size		bytes;
};

/* Copies the row into the next slot. */
static void
add_pending(DbspTable *table, HeapPending *pending, const Datum *values, const bool *isnull)
{
	int			natts = table->desc->natts - (table->def->hash_column > 0 ? 1 : 0);	/* always the last one */
	TupleTableSlot *slot = pending->slots[pending->nslots];

	if (slot == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(pending->cxt);

		/* Of the table's own descriptor: it stays when the relation is closed. */
		slot = pending->slots[pending->nslots] =
			MakeSingleTupleTableSlot(table->desc, table_slot_callbacks(dbsp_heap_table_rel(table)));
		MemoryContextSwitchTo(old);
	}
	ExecClearTuple(slot);
	memcpy(slot->tts_values, values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, isnull, natts * sizeof(bool));
	dbsp_heap_table_set_hash(table, slot->tts_values, slot->tts_isnull);
	ExecStoreVirtualTuple(slot);
	ExecMaterializeSlot(slot);
	pending->bytes += ((HeapTupleTableSlot *) slot)->tuple->t_len;
	pending->nslots++;
}

static void
write_pending(DbspTable *table, HeapPending *pending, BulkInsertState state)
{
	Relation	rel;

	if (pending->nslots == 0)
		return;
	rel = dbsp_heap_table_rel(table);
	if (pending->nslots == 1 && state == NULL)
		table_tuple_insert(rel, pending->slots[0], GetCurrentCommandId(true), 0, NULL);
	else
		table_multi_insert(rel, pending->slots, pending->nslots, GetCurrentCommandId(true), 0, state);
	for (int i = 0; i < pending->nslots; i++)
	{
		CHECK_FOR_INTERRUPTS();
		insert_index_entries(table, rel, pending->slots[i]);
		ExecClearTuple(pending->slots[i]);
	}
	table->store->wrote = true;
	pending->nslots = 0;
	pending->bytes = 0;
}

/* A large delta must not leave its slots behind. */
#define KEPT_SLOTS 8

void
dbsp_heap_write_pending(DbspTable *table)
{
	HeapPending *pending = table->pending;

	if (pending == NULL)
		return;
	write_pending(table, pending, NULL);
	if (pending->slots[KEPT_SLOTS] == NULL)
		return;
	MemoryContextReset(pending->cxt);
	memset(pending->slots, 0, sizeof(pending->slots));
}

/*
 * Rows that a step inserts are written when there are many of them, or when
 * the step ends: nobody looks for them before that.
 */
void
dbsp_heap_insert(DbspStore *store, DbspTable *table, Datum *values, bool *isnull)
{
	if (table->pending == NULL)
	{
		MemoryContext cxt = GetMemoryChunkContext(table);

		table->pending = MemoryContextAllocZero(cxt, sizeof(HeapPending));
		table->pending->cxt = AllocSetContextCreate(cxt, "dbsp pending rows", ALLOCSET_SMALL_SIZES);
	}
	add_pending(table, table->pending, values, isnull);
	if (table->pending->nslots == BULK_ROWS || table->pending->bytes >= BULK_BYTES)
		write_pending(table, table->pending, NULL);
}

/* What table_tuple_update and _delete say of a row that only this fold may change. */
static void
check_result(TM_Result result)
{
	switch (result)
	{
		case TM_Ok:
			return;
		case TM_Updated:
		case TM_Deleted:
		case TM_BeingModified:
		case TM_WouldBlock:
			dbsp_could_not_serialize();
		case TM_SelfModified:
		case TM_Invisible:
			break;
	}
	elog(ERROR, "row of an internal table written twice in one step: %d", (int) result);
}

void
dbsp_heap_update(DbspStore *store, DbspTable *table, TupleTableSlot *old, Datum *values, bool *isnull)
{
	Relation	rel = dbsp_heap_table_rel(table);
	TupleTableSlot *slot = fill_write_slot(table, values, isnull);
	TM_FailureData failure;
	LockTupleMode lockmode;
	bool		update_indexes;

	check_result(table_tuple_update(rel, &old->tts_tid, slot, GetCurrentCommandId(true),
									table->store->snapshot, InvalidSnapshot, true,
									&failure, &lockmode, &update_indexes));
	if (update_indexes)
		insert_index_entries(table, rel, slot);
	table->store->wrote = true;
}

void
dbsp_heap_remove(DbspStore *store, DbspTable *table, TupleTableSlot *old)
{
	TM_FailureData failure;

	check_result(table_tuple_delete(dbsp_heap_table_rel(table), &old->tts_tid, GetCurrentCommandId(true),
									table->store->snapshot, InvalidSnapshot, true, &failure, false));
	table->store->wrote = true;
}

/* ---- many rows ---- */

struct DbspBulk
{
	DbspTable  *table;
	Relation	rel;
	BulkInsertState state;
	HeapPending pending;
};

DbspBulk *
dbsp_heap_bulk_begin(DbspTable *table)
{
	DbspBulk   *bulk = palloc0(sizeof(DbspBulk));

	bulk->table = table;
	bulk->rel = dbsp_heap_table_rel(table);
	bulk->state = GetBulkInsertState();
	bulk->pending.cxt = CurrentMemoryContext;
	return bulk;
}

void
dbsp_heap_bulk_add(DbspBulk *bulk, const Datum *values, const bool *isnull)
{
	add_pending(bulk->table, &bulk->pending, values, isnull);
	if (bulk->pending.nslots == BULK_ROWS || bulk->pending.bytes >= BULK_BYTES)
		write_pending(bulk->table, &bulk->pending, bulk->state);
}

void
dbsp_heap_bulk_end(DbspBulk *bulk)
{
	write_pending(bulk->table, &bulk->pending, bulk->state);
	FreeBulkInsertState(bulk->state);
	for (int i = 0; i < BULK_ROWS && bulk->pending.slots[i]; i++)
		ExecDropSingleTupleTableSlot(bulk->pending.slots[i]);
	table_finish_bulk_insert(bulk->rel, 0);
	pfree(bulk);
}
