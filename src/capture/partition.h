/*-------------------------------------------------------------------------
 *
 * partition.h
 *	  Rows of partitions: capturing them for the partitioned tables above.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_CAPTURE_PARTITION_H
#define DBSP_CAPTURE_PARTITION_H

#include "utils/relcache.h"

#include "base/dbsp.h"
#include "engine/cache.h"

/*
 * List of DbspCachedSource: the partitioned tables above a partition that
 * views read, with columns that refer to the partition's rows.  NIL for a
 * table that is no partition.  Valid until the next call.
 */
extern List *dbsp_partition_sources(Relation partition);

/*
 * The rows of a leaf come to (weight 1) or go from (weight -1) a partitioned
 * table and those above it, all at once and without their triggers.  The leaf
 * is locked against writers, and its rows are there.
 */
extern void dbsp_partition_record_leaf(Oid leaf, Oid partitioned, DbspWeight weight);
/* Partitions have come or gone, and their rows are not known: the views are to be computed again. */
extern void dbsp_partition_record_replaced(Oid partitioned);

/* Counts the changes of partitions that this session has captured for tables above them. */
extern uint64 dbsp_partition_captured(void);

/* TRUNCATE of a partition, or of a partitioned table that views read, is about to happen. */
extern void dbsp_partition_record_truncate(Relation rel);

#endif							/* DBSP_CAPTURE_PARTITION_H */
