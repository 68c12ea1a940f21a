/*-------------------------------------------------------------------------
 *
 * partition_tree.h
 *	  Trees of partitions: what is below and above a table.
 *
 * A view may read a partitioned table at any level.  Rows are in the leaves,
 * and so are the triggers that capture them: a row of a leaf belongs to the
 * leaf itself and to every partitioned table above it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_PARTITION_TREE_H
#define DBSP_PARTITION_TREE_H

#include "base/dbsp.h"

#include "nodes/pg_list.h"
#include "storage/lockdefs.h"

extern bool dbsp_partition_is_partitioned(Oid relid);

/*
 * OID list, ascending, of the relations below a partitioned table that are
 * not partitioned themselves; of any other relation, itself.  Everything
 * below the relation is locked in the mode, but not the relation itself.
 */
extern List *dbsp_partition_leaves(Oid relid, LOCKMODE lockmode);
/* OID list of the partitioned tables above a relation, the nearest first; NIL if it is no partition. */
extern List *dbsp_partition_ancestors(Oid relid);
/* Integer list, ascending, of the views that read the table or a partitioned table above it. */
extern List *dbsp_partition_views_on(Oid relid);
/* True if a partition below the table has been left by DETACH PARTITION CONCURRENTLY half detached. */
extern bool dbsp_partition_is_detaching(Oid relid);
/* OID list of the partitioned tables from which this transaction has detached the relation, or dropped it. */
extern List *dbsp_partition_former_parents(Oid relid);

/*
 * Numbers that change with a relation's relcache entry: whoever keeps
 * something that follows from the entries of some relations compares the sum
 * of their numbers.  The number of all changes of any relation says cheaply
 * that nothing has changed at all.
 */
extern uint64 dbsp_partition_version(Oid relid);
extern uint64 dbsp_partition_all_changes(void);
/* From the relcache callback; InvalidOid stands for all relations.  Never fails. */
extern void dbsp_partition_note_change(Oid relid);

#endif							/* DBSP_PARTITION_TREE_H */
