/*-------------------------------------------------------------------------
 *
 * partition_ddl.h
 *	  What DDL on partitions means for the views on the tables above them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_PARTITION_DDL_H
#define DBSP_PARTITION_DDL_H

#include "nodes/nodes.h"

/* A command on a relation has been executed: partitions may have been created, attached or detached. */
extern void dbsp_partition_ddl_executed(Oid relid, const Node *stmt);
/* A relation has been dropped, which may have been a partition. */
extern void dbsp_partition_ddl_dropped(Oid relid);

#endif							/* DBSP_PARTITION_DDL_H */
