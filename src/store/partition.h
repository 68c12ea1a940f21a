/*-------------------------------------------------------------------------
 *
 * partition.h
 *	  Access paths into partitioned tables: one into each leaf.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_STORE_PARTITION_H
#define DBSP_STORE_PARTITION_H

#include "store/heap_table.h"

/* The leaves of one partitioned table, by some keys. */
typedef struct DbspPartitions DbspPartitions;

/* Lives in the current context, as long as the store.  rel is open, and the keys have its attribute numbers. */
extern DbspPartitions *dbsp_partitions_create(HeapStore *heap, Relation rel, List *keys);

/*
 * As scan of the store, with no NULL among the values; rows have the layout of the
 * partitioned table.  Opens and locks the leaves that can have rows of these keys.
 */
extern void dbsp_partitions_scan(DbspPartitions *partitions, const Datum *values, const bool *isnull,
								 DbspEmit emit, void *arg);
extern void dbsp_partitions_end_step(DbspPartitions *partitions);
extern void dbsp_partitions_close(DbspPartitions *partitions);

/* For a partitioned table, what dbsp_arrange_has_index() and dbsp_arrange_describe() say of any other. */
extern bool dbsp_partitions_have_index(Relation rel, List *keys);
extern char *dbsp_partitions_describe(Relation rel, List *keys);

#endif							/* DBSP_STORE_PARTITION_H */
