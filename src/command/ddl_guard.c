/*-------------------------------------------------------------------------
 *
 * ddl_guard.c
 *	  Event triggers that keep DDL from silently breaking views.
 *
 * PostgreSQL's own dependencies guard the tables, columns, types, functions
 * and primary keys that a definition uses.  What they do not know is checked
 * here after the command: that capture triggers fire always, that base tables
 * stay permanent, without children and without policies on the view's owner,
 * and that internal relations keep their form.  CREATE OR REPLACE VIEW is
 * checked before the command, while the old query can still be seen.
 *
 * A restore creates triggers, indexes and views after the catalog rows, by
 * plain commands.  So nothing is refused for being absent: absence is found
 * when something is dropped (drop.c).  pg_dump may also create a view as a
 * dummy without FROM and replace it later, which is let through.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/prs2lock.h"
#include "storage/lmgr.h"
#include "tcop/deparse_utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "catalog/catalog.h"
#include "engine/engine.h"
#include "command/ddl_guard.h"
#include "command/dependents.h"
#include "command/identity.h"
#include "command/lock.h"

/* One command that was executed, as PostgreSQL collected it. */
typedef struct Executed
{
	Oid			classid;
	Oid			objid;
	const CollectedCommand *command;
} Executed;

PG_FUNCTION_INFO_V1(dbsp_sql_on_ddl_start);
PG_FUNCTION_INFO_V1(dbsp_sql_on_ddl_end);

void
dbsp_refuse_change(const char *what, const DbspViewRow *row, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("%s", what),
			errdetail("Incremental view \"%s\" depends on it.", get_rel_name(row->relation)),
			errhint("%s", hint != NULL ? hint : "Drop the view first, and create it again afterwards."));
}

void
dbsp_refuse_part(const char *what, const DbspViewRow *row, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("%s", what),
			errdetail("It is part of incremental view \"%s\".", get_rel_name(row->relation)),
			errhint("%s", hint != NULL ? hint : "Drop the view with dbsp_ivm.drop_view() and create it again."));
}

bool
dbsp_has_subcommand(const Node *stmt, AlterTableType type)
{
	ListCell   *lc;

	if (!IsA(stmt, AlterTableStmt))
		return false;
	foreach(lc, ((const AlterTableStmt *) stmt)->cmds)
		if (lfirst_node(AlterTableCmd, lc)->subtype == type)
			return true;
	return false;
}

/* True while a script of this extension runs; those of others get no exception. */
static bool
is_own_script(void)
{
	return creating_extension && CurrentExtensionObject == get_extension_oid("dbsp_ivm", true);
}

/* True if event triggers of ours have nothing to do now. */
static bool
is_inactive(FunctionCallInfo fcinfo)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("DDL guards of dbsp_ivm can only be called as event triggers"));
	return dbsp_ddl_is_own() || is_own_script() || IsBinaryUpgrade || !OidIsValid(dbsp_catalog_view_relid());
}

/*
 * After the command: ddl_command_end.
 */

static Oid
spi_oid(HeapTuple tuple, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(tuple, SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

/* The executed commands, in the context of the caller; of Executed. */
static List *
executed_commands(void)
{
	List	   *commands = NIL;
	MemoryContext caller_cxt = CurrentMemoryContext;
	MemoryContext spi_cxt;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute("SELECT classid, objid, command FROM pg_catalog.pg_event_trigger_ddl_commands()",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list the executed commands");
	spi_cxt = MemoryContextSwitchTo(caller_cxt);
	for (int i = 0; i < SPI_processed; i++)
	{
		Executed   *executed = palloc0(sizeof(Executed));
		HeapTuple	tuple = SPI_tuptable->vals[i];
		bool		isnull;

		executed->classid = spi_oid(tuple, 1);
		executed->objid = spi_oid(tuple, 2);
		executed->command = (CollectedCommand *)
			DatumGetPointer(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 3, &isnull));
		commands = lappend(commands, executed);
	}
	MemoryContextSwitchTo(spi_cxt);
	SPI_finish();
	return commands;
}

static void
check_relation(Oid relid, const Node *stmt)
{
	DbspViewRow row;
	DbspRelationPart part;

	if (get_rel_relkind(relid) == RELKIND_INDEX)
	{
		dbsp_guard_index(relid, stmt);
		return;
	}
	part = dbsp_catalog_part(relid, &row);
	if (part == DBSP_PART_NONE)
		dbsp_guard_table(relid, stmt);
	else
		dbsp_guard_part(relid, &row, part, stmt);
}

static void
check_grant(const InternalGrant *grant)
{
	ListCell   *lc;

	if (grant->is_grant)
		return;
	foreach(lc, grant->objects)
	{
		if (grant->objtype == OBJECT_TABLE)
			dbsp_guard_revoke_table(lfirst_oid(lc));
		else if (grant->objtype == OBJECT_FUNCTION)
			dbsp_guard_revoke_function(lfirst_oid(lc));
	}
}

/*
 * True for commands on tables at which restored views have to be in the
 * catalog: new partitions get triggers, and those of all tables must not be
 * disabled (pg_restore --disable-triggers).
 */
static bool
needs_views(const Node *stmt)
{
	if (IsA(stmt, CreateStmt))
		return ((const CreateStmt *) stmt)->partbound != NULL;
	return IsA(stmt, AlterTableStmt) && ((const AlterTableStmt *) stmt)->objtype == OBJECT_TABLE &&
		(dbsp_has_subcommand(stmt, AT_DisableTrigAll) || dbsp_has_subcommand(stmt, AT_AttachPartition));
}

static void
check_executed(const Executed *executed)
{
	const Node *stmt = executed->command->parsetree;

	if (executed->command->type == SCT_Grant)
		check_grant(executed->command->d.grant.istmt);
	if (stmt == NULL || !OidIsValid(executed->objid))
		return;
	switch (executed->classid)
	{
		case RelationRelationId:
			if (needs_views(stmt) && dbsp_catalog_is_empty())
				(void) dbsp_engine_adopt();
			check_relation(executed->objid, stmt);
			break;
		case TriggerRelationId:
			dbsp_guard_trigger(executed->objid, stmt);
			break;
		case PolicyRelationId:
			dbsp_guard_policy(executed->objid);
			break;
		case RewriteRelationId:
			dbsp_guard_rule(executed->objid);
			break;
		default:
			break;
	}
	dbsp_guard_meaning(executed->classid, executed->objid, stmt);
}

/*
 * on_ddl_end() returns event_trigger
 */
Datum
dbsp_sql_on_ddl_end(PG_FUNCTION_ARGS)
{
	ListCell   *lc;

	if (is_inactive(fcinfo))
		PG_RETURN_NULL();
	dbsp_require_idle(GetCommandTagName(((EventTriggerData *) fcinfo->context)->tag));
	foreach(lc, executed_commands())
		check_executed(lfirst(lc));
	PG_RETURN_NULL();
}

/*
 * Before the command: ddl_command_start.
 */

/* True if a view selects nothing but NULLs without FROM, as pg_dump creates it for the time being. */
static bool
is_dummy_view(Oid relid)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	bool		dummy = false;

	if (rel->rd_rel->relkind == RELKIND_VIEW && rel->rd_rules != NULL && rel->rd_rules->numLocks == 1)
	{
		Query	   *query = linitial_node(Query, rel->rd_rules->rules[0]->actions);

		ListCell   *lc;

		dummy = query->jointree->fromlist == NIL;
		foreach(lc, query->targetList)
		{
			Node	   *expr = (Node *) lfirst_node(TargetEntry, lc)->expr;

			dummy = dummy && IsA(strip_implicit_coercions(expr), Const) &&
				((Const *) strip_implicit_coercions(expr))->constisnull;
		}
	}
	relation_close(rel, AccessShareLock);
	return dummy;
}

/*
 * Refuses CREATE OR REPLACE VIEW of what a view consists of or reads.  The
 * lock is the command's own, taken a little earlier, so that no view is
 * declared over the old query in between.
 */
static void
check_replaced_view(const ViewStmt *stmt)
{
	DbspViewRow row;
	Oid			relid;
	List	   *views;

	if (!stmt->replace || stmt->view->relpersistence == RELPERSISTENCE_TEMP)
		return;
	relid = get_relname_relid(stmt->view->relname, RangeVarGetCreationNamespace(stmt->view));
	if (!OidIsValid(relid) || get_rel_relkind(relid) != RELKIND_VIEW || !pg_class_ownercheck(relid, GetUserId()))
		return;
	LockRelationOid(relid, AccessExclusiveLock);
	if (get_rel_relkind(relid) != RELKIND_VIEW || is_dummy_view(relid))
		return;
	if (dbsp_catalog_part(relid, &row) == DBSP_PART_PUBLIC)
		dbsp_refuse_part(psprintf("cannot replace view \"%s\"", get_rel_name(relid)), &row,
						 "Change its query with dbsp_ivm.alter_view().");
	if (dbsp_catalog_part(relid, &row) != DBSP_PART_NONE)
		dbsp_refuse_part(psprintf("cannot replace view \"%s\"", get_rel_name(relid)), &row, NULL);
	views = dbsp_dependent_views(RelationRelationId, relid);
	if (views != NIL && dbsp_catalog_get_view(linitial_int(views), &row))
		dbsp_refuse_change(psprintf("cannot replace view \"%s\"", get_rel_name(relid)), &row, NULL);
}

/* True if the current user may drop the relation. */
static bool
may_drop(Oid relid)
{
	return pg_class_ownercheck(relid, GetUserId()) || pg_namespace_ownercheck(get_rel_namespace(relid), GetUserId());
}

/* Locks at once what a DROP of views or tables takes with it: one after the other, its locks would deadlock with writers. */
static void
lock_dropped(const DropStmt *stmt)
{
	List	   *views = NIL;
	List	   *wanted = NIL;
	ListCell   *lc;

	if (stmt->removeType != OBJECT_VIEW && stmt->removeType != OBJECT_TABLE)
		return;
	foreach(lc, stmt->objects)
	{
		Oid			relid = RangeVarGetRelid(makeRangeVarFromNameList(lfirst(lc)), NoLock, true);
		DbspViewRow row;

		if (!OidIsValid(relid) || !may_drop(relid))
			continue;
		if (dbsp_catalog_part(relid, &row) == DBSP_PART_PUBLIC)
			views = list_append_unique_int(views, row.number);
		else if (stmt->behavior != DROP_CASCADE)
			continue;
		else
			views = list_concat_unique_int(views, dbsp_dependent_views(RelationRelationId, relid));
		wanted = dbsp_lock_want(wanted, relid, AccessExclusiveLock);
	}
	if (views != NIL)
		dbsp_lock_take(dbsp_lock_want_drop(wanted, views));
}

/* The names of the extension's schemas are known to it. */
static void
check_renamed_schema(const RenameStmt *stmt)
{
	if (stmt->renameType == OBJECT_SCHEMA &&
		(strcmp(stmt->subname, DBSP_SCHEMA) == 0 || strcmp(stmt->subname, DBSP_INTERNAL_SCHEMA) == 0))
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("cannot rename schema \"%s\"", stmt->subname),
				errdetail("It belongs to extension \"dbsp_ivm\"."));
}

/*
 * on_ddl_start() returns event_trigger
 */
Datum
dbsp_sql_on_ddl_start(PG_FUNCTION_ARGS)
{
	const Node *stmt;

	if (is_inactive(fcinfo))
		PG_RETURN_NULL();
	dbsp_require_idle(GetCommandTagName(((EventTriggerData *) fcinfo->context)->tag));
	stmt = ((EventTriggerData *) fcinfo->context)->parsetree;
	if (IsA(stmt, ViewStmt))
		check_replaced_view((const ViewStmt *) stmt);
	else if (IsA(stmt, DropStmt))
	{
		/* So that what is behind a view goes with it. */
		if (dbsp_catalog_is_empty())
			(void) dbsp_engine_adopt();
		lock_dropped((const DropStmt *) stmt);
	}
	else if (IsA(stmt, RenameStmt))
		check_renamed_schema((const RenameStmt *) stmt);
	PG_RETURN_NULL();
}
