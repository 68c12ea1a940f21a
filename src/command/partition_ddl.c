/*-------------------------------------------------------------------------
 *
 * partition_ddl.c
 *	  What DDL on partitions means for the views on the tables above them.
 *
 * A new partition gets the capture triggers of leaves.  Rows that come with
 * ATTACH PARTITION, or go with DETACH PARTITION and DROP TABLE, fire no
 * triggers: they are recorded here, or the views are computed again.  All of
 * it happens in the command's own transaction, except for DETACH PARTITION
 * CONCURRENTLY, which has two and is refused.
 *
 * The commands lock the table above, and so does create_view(): either it
 * meets the new partition, or the event trigger meets the new view.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "commands/event_trigger.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "catalog/catalog.h"
#include "catalog/partition_tree.h"
#include "capture/partition.h"
#include "command/identity.h"
#include "command/partition_ddl.h"
#include "command/tables.h"

PG_FUNCTION_INFO_V1(dbsp_sql_on_partition_start);

static void pg_attribute_noreturn()
refuse(const char *what, List *views, const char *hint)
{
	DbspViewRow row = {0};

	(void) dbsp_catalog_get_view(linitial_int(views), &row);
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("%s", what),
			errdetail("Incremental view \"%s\" depends on it.", get_rel_name(row.relation)),
			errhint("%s", hint));
}

/* Errors if changes of a leaf could not be observed, or not be undone by a crash as the view's are. */
static void
check_leaf(Oid leaf, Oid parent, List *views)
{
	if (get_rel_relkind(leaf) == RELKIND_FOREIGN_TABLE)
		refuse(psprintf("cannot make foreign table \"%s\" a partition of \"%s\"", get_rel_name(leaf), get_rel_name(parent)),
			   views, "Changes of a foreign table cannot be observed: drop the view first.");
	if (get_rel_persistence(leaf) != RELPERSISTENCE_PERMANENT)
		refuse(psprintf("cannot make unlogged table \"%s\" a partition of \"%s\"", get_rel_name(leaf), get_rel_name(parent)),
			   views, "Use ALTER TABLE ... SET LOGGED on the partition first.");
}

static void
create_captures(void *arg)
{
	ListCell   *lc;

	foreach(lc, (List *) arg)
		dbsp_trigger_create_partition_capture(lfirst_oid(lc));
}

/* A relation has become a partition of the parent. */
static void
follow_attach(Oid parent, Oid child)
{
	List	   *views = dbsp_partition_views_on(parent);
	List	   *leaves;
	DbspViewRow row;
	ListCell   *lc;

	if (dbsp_catalog_part(child, &row) != DBSP_PART_NONE)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("cannot attach internal table \"%s\" as a partition", get_rel_name(child)),
				errdetail("It is part of incremental view \"%s\".", get_rel_name(row.relation)));
	if (views == NIL)
		return;
	leaves = dbsp_partition_leaves(child, ShareRowExclusiveLock);
	foreach(lc, leaves)
		check_leaf(lfirst_oid(lc), parent, views);
	dbsp_run_as_extension(create_captures, leaves);
}

static void
drop_unneeded(void *arg)
{
	dbsp_trigger_drop_unneeded(*(Oid *) arg);
}

/* The subcommand as it was written; PostgreSQL does not say which relation it was. */
static Oid
partition_named(const AlterTableCmd *cmd)
{
	return RangeVarGetRelid(((PartitionCmd *) cmd->def)->name, NoLock, true);
}

/*
 * The rows of the child's leaves have come to, or gone from, the parent.
 * Writers of the leaves are waited for: not every minor version of the server
 * locks what is below a partition that is detached.
 */
static void
record_leaves(Oid parent, Oid child, DbspWeight weight)
{
	ListCell   *lc;

	if (dbsp_partition_views_on(parent) != NIL)
		foreach(lc, dbsp_partition_leaves(child, AccessExclusiveLock))
			dbsp_partition_record_leaf(lfirst_oid(lc), parent, weight);
}

static void
follow_alter(Oid parent, const AlterTableCmd *cmd)
{
	Oid			child;

	/* Whatever the name stands for by now: somebody's event trigger can have renamed the relation since. */
	switch (cmd->subtype)
	{
		case AT_AttachPartition:
			child = partition_named(cmd);
			if (OidIsValid(child) && get_rel_relispartition(child) && get_partition_parent(child, true) == parent)
			{
				follow_attach(parent, child);
				record_leaves(parent, child, 1);
				break;
			}
			follow_attach(parent, parent);
			dbsp_partition_record_replaced(parent);
			break;
		case AT_DetachPartition:
		case AT_DetachPartitionFinalize:
			child = partition_named(cmd);
			if (OidIsValid(child) && !get_rel_relispartition(child) &&
				list_member_oid(dbsp_partition_former_parents(child), parent))
			{
				record_leaves(parent, child, -1);
				dbsp_run_as_extension(drop_unneeded, &child);
				break;
			}
			dbsp_partition_record_replaced(parent);
			break;
		default:
			break;
	}
}

/* True if the statement creates a partition. */
static bool
creates_partition(const Node *stmt)
{
	if (IsA(stmt, CreateStmt))
		return ((const CreateStmt *) stmt)->partbound != NULL;
	return IsA(stmt, CreateForeignTableStmt) && ((const CreateForeignTableStmt *) stmt)->base.partbound != NULL;
}

void
dbsp_partition_ddl_executed(Oid relid, const Node *stmt)
{
	ListCell   *lc;

	if (IsA(stmt, AlterTableStmt) && dbsp_partition_is_partitioned(relid))
		foreach(lc, ((const AlterTableStmt *) stmt)->cmds)
			follow_alter(relid, lfirst_node(AlterTableCmd, lc));
	else if (creates_partition(stmt) && get_rel_relispartition(relid))
		follow_attach(get_partition_parent(relid, true), relid);
}

/* ---- DROP TABLE ---- */

/* The partitions that the DROP TABLE at hand names and whose rows have been recorded; in TopTransactionContext. */
static struct
{
	LocalTransactionId lxid;
	uint64		captured;		/* since when */
	List	   *partitions;		/* OIDs */
	List	   *leaves;			/* OIDs */
}			recorded;

/* True if DROP TABLE may drop the relation for the current user. */
static bool
may_drop(Oid relid)
{
	return pg_class_ownercheck(relid, GetUserId()) || pg_namespace_ownercheck(get_rel_namespace(relid), GetUserId());
}

/* A partition is about to be dropped by name: takes the locks that the command will take, and records its rows. */
static void
record_drop(Oid relid)
{
	Oid			parent;
	MemoryContext old;
	ListCell   *lc;

	if (!get_rel_relispartition(relid) || !may_drop(relid))
		return;
	parent = get_partition_parent(relid, true);
	if (dbsp_partition_views_on(parent) == NIL)
		return;
	LockRelationOid(parent, AccessExclusiveLock);
	LockRelationOid(relid, AccessExclusiveLock);
	if (!get_rel_relispartition(relid) || get_partition_parent(relid, true) != parent)
		return;
	old = MemoryContextSwitchTo(TopTransactionContext);
	recorded.partitions = lappend_oid(recorded.partitions, relid);
	MemoryContextSwitchTo(old);
	foreach(lc, dbsp_partition_leaves(relid, AccessExclusiveLock))
	{
		/* The command may name a table and a partition of it. */
		if (list_member_oid(recorded.leaves, lfirst_oid(lc)))
			continue;
		dbsp_partition_record_leaf(lfirst_oid(lc), parent, -1);
		old = MemoryContextSwitchTo(TopTransactionContext);
		recorded.leaves = lappend_oid(recorded.leaves, lfirst_oid(lc));
		MemoryContextSwitchTo(old);
	}
}

static void
before_drop(const DropStmt *stmt)
{
	ListCell   *lc;

	if (stmt->removeType != OBJECT_TABLE)
		return;
	recorded.lxid = MyProc->lxid;
	recorded.captured = dbsp_partition_captured();
	recorded.partitions = NIL;
	recorded.leaves = NIL;
	foreach(lc, stmt->objects)
	{
		Oid			relid = RangeVarGetRelid(makeRangeVarFromNameList(lfirst_node(List, lc)), NoLock, true);

		if (OidIsValid(relid))
			record_drop(relid);
	}
}

/* True if the rows of the dropped partition have been recorded, and it has not been written since. */
static bool
is_recorded(Oid relid)
{
	return recorded.lxid == MyProc->lxid && recorded.captured == dbsp_partition_captured() &&
		list_member_oid(recorded.partitions, relid);
}

void
dbsp_partition_ddl_dropped(Oid relid)
{
	ListCell   *lc;

	if (is_recorded(relid))
		return;
	foreach(lc, dbsp_partition_former_parents(relid))
		if (dbsp_partition_is_partitioned(lfirst_oid(lc)))
			dbsp_partition_record_replaced(lfirst_oid(lc));
}

/* ---- before the command ---- */

static bool
detaches_concurrently(const Node *stmt)
{
	ListCell   *lc;

	if (!IsA(stmt, AlterTableStmt))
		return false;
	foreach(lc, ((const AlterTableStmt *) stmt)->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		if (cmd->subtype == AT_DetachPartition && ((PartitionCmd *) cmd->def)->concurrent)
			return true;
	}
	return false;
}

/*
 * After the first transaction of DETACH PARTITION CONCURRENTLY queries no
 * longer see the partition, and there is no moment to record its rows.
 */
static void
before_concurrent_detach(const AlterTableStmt *stmt)
{
	Oid			relid = RangeVarGetRelid(stmt->relation, NoLock, true);
	List	   *views;

	if (!OidIsValid(relid) || !pg_class_ownercheck(relid, GetUserId()))
		return;
	/* As the command will; a view that is being created meanwhile is waited for. */
	LockRelationOid(relid, ShareUpdateExclusiveLock);
	views = dbsp_partition_views_on(relid);
	if (views != NIL)
		refuse(psprintf("cannot detach partitions of table \"%s\" concurrently", get_rel_name(relid)), views,
			   "Use ALTER TABLE ... DETACH PARTITION without CONCURRENTLY.");
}

/*
 * on_partition_start() returns event_trigger: ddl_command_start of ALTER TABLE and DROP TABLE
 */
Datum
dbsp_sql_on_partition_start(PG_FUNCTION_ARGS)
{
	Node	   *stmt;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("DDL guards of dbsp_ivm can only be called as event triggers"));
	stmt = ((EventTriggerData *) fcinfo->context)->parsetree;
	if (dbsp_ddl_is_own() || !OidIsValid(dbsp_catalog_view_relid()))
		PG_RETURN_NULL();
	if (IsA(stmt, DropStmt))
		before_drop((DropStmt *) stmt);
	else if (detaches_concurrently(stmt))
		before_concurrent_detach((AlterTableStmt *) stmt);
	PG_RETURN_NULL();
}
