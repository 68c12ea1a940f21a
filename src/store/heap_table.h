/*-------------------------------------------------------------------------
 *
 * heap_table.h
 *	  The structures of heap_store.c, heap_table.c and heap_access.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_HEAP_TABLE_H
#define DBSP_HEAP_TABLE_H

#include "access/genam.h"
#include "access/relscan.h"
#include "access/skey.h"
#include "nodes/execnodes.h"
#include "utils/palloc.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "base/dbsp.h"
#include "circuit/store.h"
#include "row/rowkey.h"
#include "store/arrange.h"

typedef struct HeapStore
{
	DbspStore	store;
	MemoryContext cxt;
	DbspViewNumber view;
	List	   *relations;		/* OIDs, as store.defs */
	List	   *tables;			/* of DbspTable */
	List	   *accesses;		/* of DbspAccess */
	bool		temporary;

	/* of the fold and step at hand */
	MemoryContext step_cxt;		/* what index scans allocate; reset at the end of each step */
	bool		strict;
	bool		wrote;
	Snapshot	snapshot;		/* registered and active; NULL outside steps */
	Snapshot	strict_snapshot;	/* what the transaction will look with; registered; NULL unless strict */
} HeapStore;

typedef struct HeapWalk HeapWalk;
typedef struct HeapPending HeapPending;

typedef struct HeapIndex
{
	Oid			oid;
	IndexInfo  *info;
	ExprState  *predicate;
	Relation	rel;			/* open from the first insertion of a fold to its end */
} HeapIndex;

struct DbspTable
{
	HeapStore  *store;
	const DbspStateDef *def;
	Oid			relid;
	TupleDesc	desc;			/* a copy of the relation's */
	List	   *indexes;		/* of HeapIndex */
	EState	   *estate;			/* for expressions of users' indexes */
	TupleTableSlot *slot;		/* rows found */
	TupleTableSlot *write_slot;
	int			nkeys;			/* columns of def->key */
	DbspKey    *key;			/* equality of all key columns; in VALUES of the group's */
	int			ngroup;			/* leading key columns that the hash is of */
	TupleDesc	image_desc;		/* bags: of row images; where def->exact: of the table, in the form that images need */

	/* the primary index; scan keys: the hash, or the key columns; in VALUES then the value */
	Oid			index;
	int			nscankeys;
	ScanKey		scankeys;		/* templates */
	ScanKey		current;

	/* of the fold and step at hand */
	Relation	rel;
	Relation	index_rel;
	IndexScanDesc scan;
	int			scan_nkeys;
	HeapWalk   *walk;			/* many look-ups in order; or NULL */
	HeapPending *pending;		/* rows to be inserted; lives as long as the table, or NULL */
};

struct DbspAccess
{
	HeapStore  *store;
	Oid			relid;
	DbspTable  *table;			/* internal table, or NULL */
	List	   *keys;			/* of DbspProbeKey over the table's attributes */
	int			nkeys;
	FmgrInfo   *functions;		/* of the keys' operators */
	bool	   *strict;			/* keys that the index answers need no recheck */
	ExprState **exprs;			/* of the keys' expressions; NULL where the index answers */
	ExprContext *econtext;		/* NULL until it is needed */
	bool		by_hash;		/* internal table in hash mode, all of its key given */
	int		   *hash_keys;		/* by_hash: position in keys of each key column */
	DbspArrangement *arrangement;
	bool		lossy;			/* the index finds more rows than those of the keys */
	ScanKey		scankeys;		/* templates */
	TupleTableSlot *slot;
	struct DbspPartitions *partitions;	/* of a partitioned table: paths into its leaves, and nothing else */

	Relation	rel;
	Relation	index_rel;
	IndexScanDesc scan;
};

/* The next row of a scan; the scan's own memory is the step's. */
static inline bool
dbsp_heap_next_row(HeapStore *heap, IndexScanDesc scan, ScanDirection direction, TupleTableSlot *slot)
{
	MemoryContext old = MemoryContextSwitchTo(heap->step_cxt);
	bool		found = index_getnext_slot(scan, direction, slot);

	MemoryContextSwitchTo(old);
	return found;
}

/* heap_table.c */
extern DbspTable *dbsp_heap_open_state(DbspStore *store, const DbspStateDef *def);
extern TupleTableSlot *dbsp_heap_find(DbspStore *store, DbspTable *table, const Datum *key, const bool *isnull);
extern TupleTableSlot *dbsp_heap_find_extreme(DbspStore *store, DbspTable *table, const Datum *key,
											  const bool *isnull, bool last);
extern uint64 dbsp_heap_find_image(DbspStore *store, DbspTable *table, DbspRow row, uint64 limit,
								   DbspEmit emit, void *arg);
extern void dbsp_heap_table_end_step(DbspTable *table);
extern void dbsp_heap_table_close(DbspTable *table);
extern Relation dbsp_heap_table_rel(DbspTable *table);

/* heap_walk.c */
extern void dbsp_heap_expect_finds(DbspStore *store, DbspTable *table, int64 count);
/*
 * True if the walk met a row with the key, which is in the table's slot then.
 * In hash mode it may be another key's row with the same hash.  False says
 * nothing.  key: scan keys of all columns of the primary index.
 */
extern bool dbsp_heap_walk_to(DbspTable *table, const ScanKeyData *key);
extern void dbsp_heap_walk_end(DbspTable *table);

/* heap_write.c */
extern void dbsp_heap_write_pending(DbspTable *table);
extern void dbsp_heap_insert(DbspStore *store, DbspTable *table, Datum *values, bool *isnull);
extern void dbsp_heap_update(DbspStore *store, DbspTable *table, TupleTableSlot *old, Datum *values, bool *isnull);
extern void dbsp_heap_remove(DbspStore *store, DbspTable *table, TupleTableSlot *old);

/* heap_access.c */
extern DbspAccess *dbsp_heap_open_source_access(DbspStore *store, Oid relid, List *keys);
extern DbspAccess *dbsp_heap_open_state_access(DbspStore *store, DbspTable *table, List *keys);
extern void dbsp_heap_scan(DbspStore *store, DbspAccess *access, const Datum *values, const bool *isnull,
						   DbspEmit emit, void *arg);
/* A path in the current context; the caller ends its steps and closes it. */
extern DbspAccess *dbsp_heap_access_make(HeapStore *heap, Oid relid, DbspTable *table, List *keys);
extern void dbsp_heap_access_end_step(DbspAccess *access);
extern void dbsp_heap_access_close(DbspAccess *access);

#endif							/* DBSP_HEAP_TABLE_H */
