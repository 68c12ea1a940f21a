/*-------------------------------------------------------------------------
 *
 * partition.c
 *	  Rows of partitions: capturing them for the partitioned tables above.
 *
 * Deltas of a partitioned table are recorded under its own OID and in the
 * layout of its own columns, whatever leaf a row is in.  A leaf can have its
 * columns in another order and columns that were dropped, so for each leaf
 * and table above it the positions of the captured columns are kept.
 *
 * An entry stays valid until the relcache entry of its leaf or of a table
 * above changes; most rows find that by comparing one number.
 *
 * When a whole leaf comes or goes (ATTACH, DETACH, DROP and TRUNCATE of
 * partitions), its rows are read and recorded, unless it is cheaper to compute
 * the views again: unlike that, a delta keeps other writers waiting for no
 * more than its own keys.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/attmap.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/proc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "capture/partition.h"
#include "catalog/partition_tree.h"
#include "zset/deltas.h"

typedef struct PartitionEntry
{
	Oid			relid;			/* key */
	MemoryContext cxt;			/* of the lists; NULL: nothing is known */
	uint64		all_changes;	/* when it was last found to be valid */
	uint64		versions;		/* of the leaf and the tables above it */
	List	   *ancestors;		/* OIDs */
	List	   *sources;		/* of DbspCachedSource */
} PartitionEntry;

/* Pages of a leaf up to which its rows are folded, however few rows the other leaves have. */
#define SMALL_PARTITION 1000

/* With more, those of partitions that have changed or gone are forgotten; with that many, all. */
#define FEW_ENTRIES 64
#define MAX_ENTRIES 5000

static HTAB *entries = NULL;
static long entries_limit = FEW_ENTRIES;
static uint64 captured = 0;

static uint64
sum_of_versions(Oid relid, List *ancestors)
{
	uint64		sum = dbsp_partition_version(relid);
	ListCell   *lc;

	foreach(lc, ancestors)
		sum += dbsp_partition_version(lfirst_oid(lc));
	return sum;
}

/* The source with the positions of its columns in the partition's rows. */
static DbspCachedSource *
adapt_source(const DbspCachedSource *source, Relation partition)
{
	Relation	root = table_open(source->relid, AccessShareLock);
	AttrMap    *map = build_attrmap_by_name(RelationGetDescr(partition), RelationGetDescr(root));
	DbspCachedSource *adapted = palloc(sizeof(DbspCachedSource));

	*adapted = *source;
	adapted->columns = palloc(Max(source->layout.ncolumns, 1) * sizeof(AttrNumber));
	adapted->max_attnum = 0;
	for (int i = 0; i < source->layout.ncolumns; i++)
	{
		adapted->columns[i] = map->attnums[source->layout.attnums[i] - 1];
		adapted->max_attnum = Max(adapted->max_attnum, adapted->columns[i]);
	}
	free_attrmap(map);
	table_close(root, NoLock);
	return adapted;
}

static void
build_entry(PartitionEntry *entry, Relation partition)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp partition capture", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	uint64		all_changes = dbsp_partition_all_changes();
	List	   *ancestors = dbsp_partition_ancestors(RelationGetRelid(partition));
	uint64		versions = sum_of_versions(RelationGetRelid(partition), ancestors);
	List	   *sources = NIL;
	ListCell   *lc;

	foreach(lc, ancestors)
	{
		DbspCachedSource *source = dbsp_cache_source(lfirst_oid(lc));

		if (source->views != NIL)
			sources = lappend(sources, adapt_source(source, partition));
	}
	MemoryContextSwitchTo(old);
	if (entry->cxt != NULL)
		MemoryContextDelete(entry->cxt);
	entry->cxt = cxt;
	entry->all_changes = all_changes;
	entry->versions = versions;
	entry->ancestors = ancestors;
	entry->sources = sources;
	MemoryContextSetParent(cxt, TopMemoryContext);
}

static bool
entry_is_valid(PartitionEntry *entry)
{
	ListCell   *lc;

	if (entry->cxt == NULL)
		return false;
	if (entry->all_changes != dbsp_partition_all_changes())
	{
		uint64		all_changes = dbsp_partition_all_changes();

		if (entry->versions != sum_of_versions(entry->relid, entry->ancestors))
			return false;
		entry->all_changes = all_changes;
	}
	/* What of the tables above is captured can change for other reasons, too. */
	foreach(lc, entry->sources)
	{
		DbspCachedSource *source = lfirst(lc);

		if (dbsp_cache_source(source->relid)->layout.id != source->layout.id)
			return false;
	}
	return true;
}

static void
forget_entries(void)
{
	HASH_SEQ_STATUS status;
	PartitionEntry *entry;

	hash_seq_init(&status, entries);
	while ((entry = hash_seq_search(&status)) != NULL)
		if (entry->cxt != NULL)
			MemoryContextDelete(entry->cxt);
	hash_destroy(entries);
	entries = NULL;
}

static void
forget_changed_entries(void)
{
	HASH_SEQ_STATUS status;
	PartitionEntry *entry;

	hash_seq_init(&status, entries);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->cxt != NULL && entry->versions == sum_of_versions(entry->relid, entry->ancestors))
			continue;
		if (entry->cxt != NULL)
			MemoryContextDelete(entry->cxt);
		hash_search(entries, &entry->relid, HASH_REMOVE, NULL);
	}
	entries_limit = Max(FEW_ENTRIES, 2 * hash_get_num_entries(entries));
}

List *
dbsp_partition_sources(Relation partition)
{
	Oid			relid = RelationGetRelid(partition);
	PartitionEntry *entry;
	bool		found;

	if (!partition->rd_rel->relispartition)
		return NIL;
	if (entries != NULL && hash_get_num_entries(entries) >= MAX_ENTRIES)
		forget_entries();
	else if (entries != NULL && hash_get_num_entries(entries) > entries_limit)
		forget_changed_entries();
	if (entries == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(Oid), .entrysize = sizeof(PartitionEntry), .hcxt = TopMemoryContext};

		entries = hash_create("dbsp partitions", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(entries, &relid, HASH_ENTER, &found);
	if (!found)
		entry->cxt = NULL;
	if (!entry_is_valid(entry))
		build_entry(entry, partition);
	if (entry->sources != NIL)
		captured++;
	return entry->sources;
}

uint64
dbsp_partition_captured(void)
{
	return captured;
}

/* ---- all rows of a leaf at once ---- */

/* Pages of the other leaves of the table, by what the last VACUUM or ANALYZE found, without a lock on any. */
static double
pages_of_others(Oid leaf, Oid partitioned)
{
	double		pages = 0;
	ListCell   *lc;

	foreach(lc, dbsp_partition_leaves(partitioned, NoLock))
	{
		HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(lfirst_oid(lc)));

		if (HeapTupleIsValid(tuple))
		{
			if (lfirst_oid(lc) != leaf)
				pages += ((Form_pg_class) GETSTRUCT(tuple))->relpages;
			ReleaseSysCache(tuple);
		}
	}
	return pages;
}

/*
 * True if the rows can be folded as a delta, and that is cheaper than to
 * compute the views again.
 *
 * In the middle of a statement of this session that writes the leaf, some of
 * its changes are in the leaf and not captured yet.  A snapshot of the
 * transaction need not show all rows; a fold that has to respect it compares
 * them when it computes a view again.
 */
static bool
is_delta(Relation leaf, Oid partitioned)
{
	BlockNumber pages;

	if (IsolationUsesXactSnapshot() || leaf->rd_refcnt > 1 || AfterTriggerPendingOnRel(RelationGetRelid(leaf)))
		return false;
	pages = RelationGetNumberOfBlocks(leaf);
	return pages <= SMALL_PARTITION || pages <= pages_of_others(RelationGetRelid(leaf), partitioned);
}

static void
record_rows(Relation leaf, const DbspCachedSource *source, DbspWeight weight)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(leaf, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(leaf, NULL);
	int			ncolumns = source->layout.ncolumns;
	Datum	   *values = palloc(Max(ncolumns, 1) * sizeof(Datum));
	bool	   *isnull = palloc(Max(ncolumns, 1) * sizeof(bool));

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		slot_getsomeattrs(slot, source->max_attnum);
		for (int i = 0; i < ncolumns; i++)
		{
			values[i] = slot->tts_values[source->columns[i] - 1];
			isnull[i] = slot->tts_isnull[source->columns[i] - 1];
		}
		dbsp_deltas_record(source->relid, &source->layout, GetCurrentTransactionNestLevel(), GetCurrentCommandId(false),
						   values, isnull, weight);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
}

void
dbsp_partition_record_leaf(Oid leaf, Oid partitioned, DbspWeight weight)
{
	Relation	rel = table_open(leaf, NoLock);
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp partition rows", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	ListCell   *lc;

	foreach(lc, lcons_oid(partitioned, dbsp_partition_ancestors(partitioned)))
	{
		DbspCachedSource *source = dbsp_cache_source(lfirst_oid(lc));

		if (source->views == NIL)
			continue;
		if (is_delta(rel, source->relid))
			record_rows(rel, adapt_source(source, rel), weight);
		else
			dbsp_deltas_record_replaced(source->relid, GetCurrentTransactionNestLevel());
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	table_close(rel, NoLock);
}

void
dbsp_partition_record_replaced(Oid partitioned)
{
	ListCell   *lc;

	foreach(lc, lcons_oid(partitioned, dbsp_partition_ancestors(partitioned)))
		if (dbsp_cache_source(lfirst_oid(lc))->views != NIL)
			dbsp_deltas_record_replaced(lfirst_oid(lc), GetCurrentTransactionNestLevel());
}

/* ---- TRUNCATE ---- */

/* The partitioned tables that the TRUNCATE at hand empties: their partitions follow. */
static struct
{
	LocalTransactionId lxid;
	CommandId	command;
	int			ntables;
	Oid			tables[16];
}			truncated;

static void
note_truncated(Oid partitioned)
{
	if (truncated.lxid != MyProc->lxid || truncated.command != GetCurrentCommandId(false))
		truncated.ntables = 0;
	truncated.lxid = MyProc->lxid;
	truncated.command = GetCurrentCommandId(false);
	if (truncated.ntables < lengthof(truncated.tables))
		truncated.tables[truncated.ntables++] = partitioned;
}

static bool
is_truncated(Oid partitioned)
{
	if (truncated.lxid != MyProc->lxid || truncated.command != GetCurrentCommandId(false))
		return false;
	for (int i = 0; i < truncated.ntables; i++)
		if (truncated.tables[i] == partitioned)
			return true;
	return false;
}

void
dbsp_partition_record_truncate(Relation rel)
{
	ListCell   *lc;

	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
	{
		if (dbsp_cache_source(RelationGetRelid(rel))->views == NIL)
			return;
		dbsp_deltas_record_replaced(RelationGetRelid(rel), GetCurrentTransactionNestLevel());
		note_truncated(RelationGetRelid(rel));
		return;
	}
	foreach(lc, dbsp_partition_sources(rel))
	{
		DbspCachedSource *source = lfirst(lc);

		if (is_truncated(source->relid))
			continue;
		if (is_delta(rel, source->relid))
			record_rows(rel, source, -1);
		else
			dbsp_deltas_record_replaced(source->relid, GetCurrentTransactionNestLevel());
	}
}
