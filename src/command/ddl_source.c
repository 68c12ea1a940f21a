/*-------------------------------------------------------------------------
 *
 * ddl_source.c
 *	  What DDL may not do to the tables that views read.
 *
 * That capture triggers fire always, that base tables stay permanent, without
 * children and without policies on the view's owner, and that no table hangs
 * on an internal one: its rows come and go without triggers.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "catalog/catalog.h"
#include "catalog/partition_tree.h"
#include "compile/compile.h"
#include "command/creation.h"
#include "command/ddl_guard.h"
#include "command/dependents.h"
#include "command/names.h"
#include "command/partition_ddl.h"
#include "command/tables.h"

/* Errors if a capture trigger exists that does not fire always. */
static void
check_capture_triggers(Relation rel, const DbspViewRow *row)
{
	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (!dbsp_trigger_is_reserved(trigger->tgname) || trigger->tgenabled == TRIGGER_FIRES_ALWAYS)
			continue;
		dbsp_refuse_change(psprintf("trigger \"%s\" on table \"%s\" must stay enabled always",
						trigger->tgname, RelationGetRelationName(rel)), row,
			   "Enable or disable other triggers by name.");
	}
}

void
dbsp_guard_row_security(Oid source, const DbspViewRow *row, Oid owner)
{
	if (check_enable_rls(source, owner, true) == RLS_ENABLED)
		dbsp_refuse_change(psprintf("cannot apply row-level security of table \"%s\" to role \"%s\"",
						get_rel_name(source), GetUserNameFromId(owner, false)), row,
			   "Give the view to a role that the policies do not apply to, or drop it first.");
}

static void
check_source(Oid relid)
{
	List	   *views = dbsp_partition_views_on(relid);
	List	   *own = dbsp_catalog_views_on(relid);
	Relation	rel;
	ListCell   *lc;

	if (views == NIL)
		return;
	rel = relation_open(relid, AccessShareLock);
	foreach(lc, views)
	{
		DbspViewRow row;

		if (!dbsp_catalog_get_view(lfirst_int(lc), &row))
			continue;
		check_capture_triggers(rel, &row);
		if (rel->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT && rel->rd_rel->relkind == RELKIND_RELATION)
			dbsp_refuse_change(psprintf("cannot make table \"%s\" unlogged", RelationGetRelationName(rel)), &row, NULL);
		/* Policies of a partition do not apply to who reads the table above it. */
		if (list_member_int(own, lfirst_int(lc)))
			dbsp_guard_row_security(relid, &row, dbsp_relation_owner(row.definition));
	}
	relation_close(rel, AccessShareLock);
}

/* True if a view reads the table with its children. */
static bool
reads_children(const DbspViewRow *row, Oid relid)
{
	ListCell   *lc;

	foreach(lc, dbsp_plan_nodes(dbsp_lower_view(row->definition)))
	{
		DbspPlan   *node = lfirst(lc);

		if (node->kind == DBSP_PLAN_SOURCE && node->relid == relid && !node->only)
			return true;
	}
	return false;
}

/* Errors if the relation became a child of a table that views read with its children, or of an internal table. */
static void
check_parents(Oid child)
{
	Relation	inherits = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	check_stack_depth();
	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(child));
	scan = systable_beginscan(inherits, InheritsRelidSeqnoIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Oid			parent = ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent;
		DbspViewRow part;
		ListCell   *lc;

		if (dbsp_partition_is_partitioned(parent))
			continue;
		if (dbsp_catalog_part(parent, &part) != DBSP_PART_NONE)
			dbsp_refuse_part(psprintf("cannot inherit from internal table \"%s\"", get_rel_name(parent)), &part,
							 "Create the table with LIKE.");
		foreach(lc, dbsp_catalog_views_on(parent))
		{
			DbspViewRow row;

			if (dbsp_catalog_get_view(lfirst_int(lc), &row) && reads_children(&row, parent))
				dbsp_refuse_change(psprintf("cannot inherit from table \"%s\"", get_rel_name(parent)), &row,
					   "Let the view read FROM ONLY the table, or drop it first.");
		}
		check_parents(parent);
	}
	systable_endscan(scan);
	table_close(inherits, AccessShareLock);
}

/* Errors if a foreign key of the table references an internal one, which fires no triggers that would check it. */
static void
check_foreign_keys(Oid relid)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	DbspViewRow row;
	ListCell   *lc;

	foreach(lc, RelationGetFKeyList(rel))
	{
		ForeignKeyCacheInfo *key = lfirst(lc);

		if (dbsp_catalog_part(key->confrelid, &row) != DBSP_PART_NONE)
			dbsp_refuse_part(psprintf("cannot reference internal table \"%s\"", get_rel_name(key->confrelid)), &row,
							 "Reference the tables that the view reads.");
	}
	relation_close(rel, AccessShareLock);
}

/* True if the command gives the table a parent. */
static bool
adds_parents(const Node *stmt)
{
	return dbsp_has_subcommand(stmt, AT_AddInherit) ||
		(IsA(stmt, CreateStmt) && ((const CreateStmt *) stmt)->inhRelations != NIL) ||
		(IsA(stmt, CreateForeignTableStmt) && ((const CreateForeignTableStmt *) stmt)->base.inhRelations != NIL);
}

void
dbsp_guard_table(Oid relid, const Node *stmt)
{
	if (IsA(stmt, AlterTableStmt))
		check_source(relid);
	if (adds_parents(stmt))
		check_parents(relid);
	if (IsA(stmt, CreateStmt) || dbsp_has_subcommand(stmt, AT_AddConstraint) || dbsp_has_subcommand(stmt, AT_AddColumn))
		check_foreign_keys(relid);
	dbsp_partition_ddl_executed(relid, stmt);
}

void
dbsp_guard_revoke_table(Oid relid)
{
	ListCell   *lc;

	foreach(lc, dbsp_dependent_views(RelationRelationId, relid))
	{
		DbspViewRow row;
		Oid			owner;

		if (!dbsp_catalog_get_view(lfirst_int(lc), &row))
			continue;
		owner = dbsp_relation_owner(row.definition);
		if (dbsp_creation_may_read(row.definition, owner))
			continue;
		ereport(WARNING,
				errmsg("role \"%s\" still sees through its incremental view \"%s\" what it may not read any more",
					   GetUserNameFromId(owner, false), get_rel_name(row.relation)),
				errdetail("Rights to the tables are checked when a view is declared."),
				errhint("Drop the view to end that."));
	}
}
