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
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/attmap.h"
#include "access/table.h"
#include "access/xact.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"

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

/* More than this is forgotten, since partitions come and go. */
#define MAX_ENTRIES 5000

static HTAB *entries = NULL;

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
	return entry->sources;
}

void
dbsp_partition_record_replaced(Oid partitioned)
{
	List	   *tables = lcons_oid(partitioned, dbsp_partition_ancestors(partitioned));
	ListCell   *lc;

	foreach(lc, tables)
		if (dbsp_cache_source(lfirst_oid(lc))->views != NIL)
			dbsp_deltas_record_replaced(lfirst_oid(lc), GetCurrentTransactionNestLevel());
}
