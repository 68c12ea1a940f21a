/*-------------------------------------------------------------------------
 *
 * partition_tree.c
 *	  Trees of partitions: what is below and above a table.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog/catalog.h"
#include "catalog/partition_tree.h"

/* Relations that somebody keeps something of: a few per partition that is used. */
typedef struct Version
{
	Oid			relid;			/* key */
	uint64		number;
} Version;

/* More than this is forgotten: every partition that a session has met stays in the table otherwise. */
#define MAX_VERSIONS 10000

static HTAB *versions = NULL;
static uint64 all_changes = 0;
static uint64 changes_of_all = 0;

bool
dbsp_partition_is_partitioned(Oid relid)
{
	return get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE;
}

List *
dbsp_partition_leaves(Oid relid, LOCKMODE lockmode)
{
	List	   *leaves = NIL;
	ListCell   *lc;

	if (!dbsp_partition_is_partitioned(relid))
		return list_make1_oid(relid);
	foreach(lc, find_all_inheritors(relid, lockmode, NULL))
		if (!dbsp_partition_is_partitioned(lfirst_oid(lc)))
			leaves = lappend_oid(leaves, lfirst_oid(lc));
	list_sort(leaves, list_oid_cmp);
	return leaves;
}

List *
dbsp_partition_ancestors(Oid relid)
{
	return get_rel_relispartition(relid) ? get_partition_ancestors(relid) : NIL;
}

List *
dbsp_partition_views_on(Oid relid)
{
	List	   *views = dbsp_catalog_views_on(relid);
	ListCell   *lc;

	foreach(lc, dbsp_partition_ancestors(relid))
		views = list_concat_unique_int(views, dbsp_catalog_views_on(lfirst_oid(lc)));
	list_sort(views, list_int_cmp);
	return views;
}

bool
dbsp_partition_is_detaching(Oid relid)
{
	bool		detaching = false;
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, find_inheritance_children_extended(relid, false, NoLock, &detaching, NULL))
		if (dbsp_partition_is_partitioned(lfirst_oid(lc)) && dbsp_partition_is_detaching(lfirst_oid(lc)))
			return true;
	return detaching;
}

/*
 * The entry in pg_inherits is deleted by then, but nobody can have removed it
 * while the transaction that deleted it goes on.
 */
List *
dbsp_partition_former_parents(Oid relid)
{
	Relation	inherits = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *parents = NIL;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, SnapshotAny, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		if (TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetUpdateXid(tuple->t_data)))
			parents = list_append_unique_oid(parents, ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
	systable_endscan(scan);
	table_close(inherits, AccessShareLock);
	return parents;
}

/* ---- versions ---- */

/* Whoever has added up numbers of before must not get the same sum again. */
static void
forget_versions(void)
{
	hash_destroy(versions);
	versions = NULL;
	changes_of_all += all_changes + 1;
}

uint64
dbsp_partition_version(Oid relid)
{
	Version    *version;
	bool		found;

	if (versions != NULL && hash_get_num_entries(versions) >= MAX_VERSIONS)
		forget_versions();
	if (versions == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(Oid), .entrysize = sizeof(Version), .hcxt = TopMemoryContext};

		versions = hash_create("dbsp relation versions", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	version = hash_search(versions, &relid, HASH_ENTER, &found);
	if (!found)
		version->number = 0;
	return version->number + changes_of_all;
}

uint64
dbsp_partition_all_changes(void)
{
	return all_changes;
}

void
dbsp_partition_note_change(Oid relid)
{
	Version    *version;

	all_changes++;
	if (!OidIsValid(relid))
		changes_of_all++;
	else if (versions != NULL && (version = hash_search(versions, &relid, HASH_FIND, NULL)) != NULL)
		version->number++;
}
