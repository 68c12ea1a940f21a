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

#include "engine/cache.h"

/*
 * List of DbspCachedSource: the partitioned tables above a partition that
 * views read, with columns that refer to the partition's rows.  NIL for a
 * table that is no partition.  Valid until the next call.
 */
extern List *dbsp_partition_sources(Relation partition);

/*
 * Partitions have been added to, or taken from, a partitioned table without
 * their rows being captured: the views on it, and on those above, are to be
 * computed again.
 */
extern void dbsp_partition_record_replaced(Oid partitioned);

#endif							/* DBSP_CAPTURE_PARTITION_H */
