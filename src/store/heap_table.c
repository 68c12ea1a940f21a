/*-------------------------------------------------------------------------
 *
 * heap_table.c
 *	  Internal tables: finding rows by key.
 *
 * The scan of the primary index is begun at the first look-up of a step and
 * rescanned for the others.  In strict folds each look-up is made twice, with
 * the transaction's own snapshot as well, and must find the same rows.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/error.h"
#include "store/heap_store.h"
#include "store/heap_table.h"

/* ---- opening ---- */

static Oid
table_relid(HeapStore *heap, const DbspStateDef *def)
{
	ListCell   *d;
	ListCell   *r;

	forboth(d, heap->store.defs, r, heap->relations)
		if (lfirst(d) == def)
			return lfirst_oid(r);
	elog(ERROR, "operator %d has no state relation", def->plan->number);
}

/* True if the index's leading columns are exactly these and it is a usable btree over all rows. */
static bool
index_has_columns(Relation index, List *columns)
{
	ListCell   *lc;

	if (!index->rd_index->indisvalid || index->rd_rel->relam != BTREE_AM_OID ||
		!heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL) ||
		IndexRelationGetNumberOfKeyAttributes(index) != list_length(columns))
		return false;
	foreach(lc, columns)
		if (index->rd_index->indkey.values[foreach_current_index(lc)] != lfirst_int(lc))
			return false;
	return true;
}

static void
init_scankeys(DbspTable *table, Relation index, List *columns)
{
	table->nscankeys = list_length(columns);
	table->scankeys = palloc0(Max(table->nscankeys, 1) * sizeof(ScanKeyData));
	table->current = palloc0(Max(table->nscankeys, 1) * sizeof(ScanKeyData));
	for (int i = 0; i < table->nscankeys; i++)
	{
		Oid			type = index->rd_opcintype[i];
		Oid			operator = get_opfamily_member(index->rd_opfamily[i], type, type, BTEqualStrategyNumber);

		ScanKeyEntryInitialize(&table->scankeys[i], 0, i + 1, BTEqualStrategyNumber, InvalidOid,
							   index->rd_indcollation[i], get_opcode(operator), (Datum) 0);
	}
}

static void
open_indexes(DbspTable *table, Relation rel)
{
	List	   *primary = dbsp_state_index_columns(table->def);
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		HeapIndex  *entry = palloc0(sizeof(HeapIndex));
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		entry->oid = lfirst_oid(lc);
		entry->info = BuildIndexInfo(index);
		entry->info->ii_Context = table->store->step_cxt;
		if (entry->info->ii_Predicate != NIL)
			entry->predicate = ExecPrepareQual(entry->info->ii_Predicate, table->estate);
		if (entry->info->ii_ReadyForInserts)
			table->indexes = lappend(table->indexes, entry);
		if (primary != NIL && !OidIsValid(table->index) && index_has_columns(index, primary))
		{
			table->index = entry->oid;
			init_scankeys(table, index, primary);
		}
		index_close(index, AccessShareLock);
	}
}

DbspTable *
dbsp_heap_open_state(DbspStore *store, const DbspStateDef *def)
{
	HeapStore  *heap = (HeapStore *) store;
	DbspTable  *table = palloc0(sizeof(DbspTable));
	List	   *eqops = list_copy(def->key_eqops);
	List	   *collations = NIL;
	ListCell   *lc;
	Relation	rel;

	table->store = heap;
	table->def = def;
	table->relid = table_relid(heap, def);
	rel = table_open(table->relid, AccessShareLock);
	if (RelationGetDescr(rel)->natts != def->desc->natts)
		elog(ERROR, "internal table \"%s\" has %d columns instead of %d", RelationGetRelationName(rel),
			 RelationGetDescr(rel)->natts, def->desc->natts);
	table->desc = CreateTupleDescCopy(RelationGetDescr(rel));
	table->estate = CreateExecutorState();
	table->slot = MakeSingleTupleTableSlot(table->desc, table_slot_callbacks(rel));
	table->write_slot = MakeSingleTupleTableSlot(table->desc, table_slot_callbacks(rel));

	table->nkeys = list_length(def->key);
	table->ngroup = table->nkeys - (def->role == DBSP_STATE_VALUES ? 1 : 0);
	foreach(lc, def->key)
		collations = lappend_oid(collations, TupleDescAttr(table->desc, lfirst_int(lc) - 1)->attcollation);
	table->key = dbsp_key_make(list_truncate(eqops, table->ngroup), list_truncate(collations, table->ngroup));
	if (def->mode == DBSP_KEY_BAG)
		table->image_desc = dbsp_row_desc(def->plan->rowtype);
	else if (def->exact != NIL)
		table->image_desc = dbsp_row_desc(table->desc);
	open_indexes(table, rel);
	table_close(rel, AccessShareLock);
	heap->tables = lappend(heap->tables, table);
	return table;
}

Relation
dbsp_heap_table_rel(DbspTable *table)
{
	if (table->rel == NULL)
		table->rel = table_open(table->relid, RowExclusiveLock);
	return table->rel;
}

void
dbsp_heap_table_end_step(DbspTable *table)
{
	ListCell   *lc;

	dbsp_heap_write_pending(table);
	if (table->rel == NULL)
		return;
	/* What index access methods keep there points into the open index, and is the step's memory. */
	foreach(lc, table->indexes)
		((HeapIndex *) lfirst(lc))->info->ii_AmCache = NULL;
	ExecClearTuple(table->slot);
	ExecClearTuple(table->write_slot);
	if (table->scan)
		index_endscan(table->scan);
	table->scan = NULL;
	dbsp_heap_walk_end(table);
}

void
dbsp_heap_table_close(DbspTable *table)
{
	ListCell   *lc;

	foreach(lc, table->indexes)
	{
		HeapIndex  *entry = lfirst(lc);

		if (entry->rel)
			index_close(entry->rel, NoLock);
		entry->rel = NULL;
	}
	if (table->index_rel)
		index_close(table->index_rel, NoLock);
	if (table->rel)
		table_close(table->rel, NoLock);
	table->index_rel = NULL;
	table->rel = NULL;
}

/* ---- scanning ---- */

/* Begins or restarts the scan with the first nkeys of table->current. */
static void
start_scan(DbspTable *table, int nkeys, Snapshot snapshot)
{
	Relation	rel = dbsp_heap_table_rel(table);
	MemoryContext old = MemoryContextSwitchTo(table->store->step_cxt);

	if (!OidIsValid(table->index))
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("index of internal table \"%s\" is missing", RelationGetRelationName(rel)),
				errhint("Drop the view and create it again."));
	if (table->index_rel == NULL)
		table->index_rel = index_open(table->index, RowExclusiveLock);
	if (table->scan && (table->scan_nkeys != nkeys || table->scan->xs_snapshot != snapshot))
	{
		index_endscan(table->scan);
		table->scan = NULL;
	}
	if (table->scan == NULL)
		table->scan = index_beginscan(rel, table->index_rel, snapshot, nkeys, 0);
	table->scan_nkeys = nkeys;
	index_rescan(table->scan, table->current, nkeys, NULL, 0);
	MemoryContextSwitchTo(old);
}

static void
set_scankey(DbspTable *table, int i, Datum value, bool isnull)
{
	ScanKey		key = &table->current[i];

	if (isnull)
		ScanKeyEntryInitialize(key, SK_ISNULL | SK_SEARCHNULL, i + 1, InvalidStrategy, InvalidOid,
							   InvalidOid, InvalidOid, (Datum) 0);
	else
	{
		*key = table->scankeys[i];
		key->sk_argument = value;
	}
}

/* Sets the scan keys for the key columns (or their hash); returns how many. */
static int
set_key(DbspTable *table, const Datum *key, const bool *isnull, int nkeys)
{
	if (table->def->mode == DBSP_KEY_HASH)
	{
		set_scankey(table, 0, Int64GetDatum(dbsp_key_hash_stored(table->key, key, isnull)), false);
		if (nkeys == table->ngroup)
			return 1;
		set_scankey(table, 1, key[table->ngroup], isnull[table->ngroup]);
		return 2;
	}
	for (int i = 0; i < nkeys; i++)
		set_scankey(table, i, key[i], isnull[i]);
	return nkeys;
}

/* In hash mode different keys can have one hash. */
static bool
key_matches(DbspTable *table, TupleTableSlot *slot, const Datum *key, const bool *isnull)
{
	Datum		found[INDEX_MAX_KEYS * 4];
	bool		found_null[INDEX_MAX_KEYS * 4];

	if (table->def->mode != DBSP_KEY_HASH)
		return true;
	for (int i = 0; i < table->ngroup; i++)
		found[i] = slot_getattr(slot, list_nth_int(table->def->key, i), &found_null[i]);
	return dbsp_key_equal(table->key, found, found_null, key, isnull);
}

/* The columns of def->exact have the very images; the key's values are in the order of the table's columns. */
static bool
images_match(DbspTable *table, TupleTableSlot *slot, const Datum *key, const bool *isnull)
{
	ListCell   *lc;

	foreach(lc, table->def->exact)
	{
		int			column = lfirst_int(lc);
		bool		found_null;
		Datum		found = slot_getattr(slot, column, &found_null);

		if (found_null != isnull[column - 1])
			return false;
		if (!found_null &&
			dbsp_row_compare_value(TupleDescAttr(table->image_desc, column - 1), found, key[column - 1]) != 0)
			return false;
	}
	return true;
}

/* The first row of the scan that has the key; false if there is none.  exact: and the images that identify a row. */
static bool
scan_for_key(DbspTable *table, const Datum *key, const bool *isnull, int nscankeys, ScanDirection direction,
			 bool exact, Snapshot snapshot)
{
	start_scan(table, nscankeys, snapshot);
	while (dbsp_heap_next_row(table->store, table->scan, direction, table->slot))
	{
		CHECK_FOR_INTERRUPTS();
		if (key_matches(table, table->slot, key, isnull) &&
			(!exact || images_match(table, table->slot, key, isnull)))
			return true;
	}
	return false;
}

/* A strict fold's look-up must find the same row with the transaction's snapshot. */
static TupleTableSlot *
find_checked(DbspTable *table, const Datum *key, const bool *isnull, int nscankeys, ScanDirection direction,
			 bool exact)
{
	HeapStore  *heap = table->store;
	bool		found;
	ItemPointerData tid;

	if (heap->strict)
	{
		bool		strict_found = scan_for_key(table, key, isnull, nscankeys, direction, exact,
												heap->strict_snapshot);

		if (strict_found)
			tid = table->slot->tts_tid;
		found = scan_for_key(table, key, isnull, nscankeys, direction, exact, heap->snapshot);
		if (found != strict_found || (found && !ItemPointerEquals(&tid, &table->slot->tts_tid)))
			dbsp_could_not_serialize();
	}
	else
		found = scan_for_key(table, key, isnull, nscankeys, direction, exact, heap->snapshot);
	return found ? table->slot : NULL;
}

/* A table with at most one row has no index. */
static TupleTableSlot *
find_single(DbspTable *table)
{
	HeapStore  *heap = table->store;
	Relation	rel = dbsp_heap_table_rel(table);
	TableScanDesc scan;
	bool		found;
	ItemPointerData tid;
	bool		strict_found = false;

	if (heap->strict)
	{
		scan = table_beginscan_strat(rel, heap->strict_snapshot, 0, NULL, true, false);
		strict_found = table_scan_getnextslot(scan, ForwardScanDirection, table->slot);
		if (strict_found)
			tid = table->slot->tts_tid;
		ExecClearTuple(table->slot);
		table_endscan(scan);
	}
	scan = table_beginscan_strat(rel, heap->snapshot, 0, NULL, true, false);
	found = table_scan_getnextslot(scan, ForwardScanDirection, table->slot);
	if (found)
		ExecMaterializeSlot(table->slot);	/* the tuple is the scan's */
	table_endscan(scan);
	if (heap->strict && (found != strict_found || (found && !ItemPointerEquals(&tid, &table->slot->tts_tid))))
		dbsp_could_not_serialize();
	return found ? table->slot : NULL;
}

TupleTableSlot *
dbsp_heap_find(DbspStore *store, DbspTable *table, const Datum *key, const bool *isnull)
{
	int			nscankeys;

	if (table->def->mode == DBSP_KEY_SINGLE)
		return find_single(table);
	nscankeys = set_key(table, key, isnull, table->nkeys);
	if (table->walk && dbsp_heap_walk_to(table, table->current) && key_matches(table, table->slot, key, isnull))
		return table->slot;
	return find_checked(table, key, isnull, nscankeys, ForwardScanDirection, table->def->exact != NIL);
}

TupleTableSlot *
dbsp_heap_find_extreme(DbspStore *store, DbspTable *table, const Datum *key, const bool *isnull, bool last)
{
	return find_checked(table, key, isnull, set_key(table, key, isnull, table->ngroup),
						last ? BackwardScanDirection : ForwardScanDirection, false);
}

/* ---- bags ---- */

static bool
image_matches(DbspTable *table, TupleTableSlot *slot, DbspRow row, DbspRowBuffer *buffer)
{
	slot_getsomeattrs(slot, table->image_desc->natts);
	return dbsp_row_same(row, dbsp_row_form(table->image_desc, slot->tts_values, slot->tts_isnull, buffer));
}

/* Both snapshots must show the same rows with the image: all of the latest in the transaction's, and as many there. */
static void
check_image_strictly(DbspTable *table, DbspRow row)
{
	HeapStore  *heap = table->store;
	DbspRowBuffer buffer = {.cxt = CurrentMemoryContext};
	int64		latest = 0;
	int64		own = 0;

	start_scan(table, 1, heap->snapshot);
	while (dbsp_heap_next_row(heap, table->scan, ForwardScanDirection, table->slot))
	{
		CHECK_FOR_INTERRUPTS();
		if (!image_matches(table, table->slot, row, &buffer))
			continue;
		if (!table_tuple_satisfies_snapshot(table->rel, table->slot, heap->strict_snapshot))
			dbsp_could_not_serialize();
		latest++;
	}
	start_scan(table, 1, heap->strict_snapshot);
	while (dbsp_heap_next_row(heap, table->scan, ForwardScanDirection, table->slot))
	{
		CHECK_FOR_INTERRUPTS();
		own += image_matches(table, table->slot, row, &buffer);
	}
	if (latest != own)
		dbsp_could_not_serialize();
}

uint64
dbsp_heap_find_image(DbspStore *store, DbspTable *table, DbspRow row, uint64 limit, DbspEmit emit, void *arg)
{
	DbspRowBuffer buffer = {.cxt = CurrentMemoryContext};
	uint64		n = 0;

	set_scankey(table, 0, Int64GetDatum((int64) dbsp_row_hash64(row)), false);
	if (table->store->strict)
		check_image_strictly(table, row);
	start_scan(table, 1, table->store->snapshot);
	while (n < limit && dbsp_heap_next_row(table->store, table->scan, ForwardScanDirection, table->slot))
	{
		CHECK_FOR_INTERRUPTS();
		if (!image_matches(table, table->slot, row, &buffer))
			continue;
		emit(arg, table->slot, 1);
		n++;
	}
	return n;
}

void
dbsp_heap_table_set_hash(DbspTable *table, Datum *values, bool *isnull)
{
	int			column = table->def->hash_column - 1;
	Datum		key[INDEX_MAX_KEYS * 4];
	bool		key_null[INDEX_MAX_KEYS * 4];

	if (column < 0)
		return;
	isnull[column] = false;
	if (table->def->mode == DBSP_KEY_BAG)
	{
		DbspRowBuffer buffer = {.cxt = CurrentMemoryContext};
		DbspRow		row = dbsp_row_form(table->image_desc, values, isnull, &buffer);

		values[column] = Int64GetDatum((int64) dbsp_row_hash64(row));
		pfree(buffer.data);
		return;
	}
	for (int i = 0; i < table->ngroup; i++)
	{
		key[i] = values[list_nth_int(table->def->key, i) - 1];
		key_null[i] = isnull[list_nth_int(table->def->key, i) - 1];
	}
	values[column] = Int64GetDatum(dbsp_key_hash_stored(table->key, key, key_null));
}
