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

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "commands/tablecmds.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/prs2lock.h"
#include "tcop/deparse_utility.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "catalog/catalog.h"
#include "catalog/partition_tree.h"
#include "compile/compile.h"
#include "command/identity.h"
#include "command/names.h"
#include "command/partition_ddl.h"
#include "command/refresh.h"
#include "command/tables.h"

/* One command that was executed, as PostgreSQL collected it. */
typedef struct Executed
{
	Oid			classid;
	Oid			objid;
	Node	   *stmt;
} Executed;

PG_FUNCTION_INFO_V1(dbsp_sql_on_ddl_start);
PG_FUNCTION_INFO_V1(dbsp_sql_on_ddl_end);

static void check_executed(const Executed *executed);

/* Refuses to change what a view needs. */
static void pg_attribute_noreturn()
refuse(const char *what, const DbspViewRow *row, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("%s", what),
			errdetail("Incremental view \"%s\" depends on it.", get_rel_name(row->relation)),
			errhint("%s", hint != NULL ? hint : "Drop the view first, and create it again afterwards."));
}

/* Refuses to change what is part of a view. */
static void pg_attribute_noreturn()
refuse_part(const char *what, const DbspViewRow *row, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("%s", what),
			errdetail("It is part of incremental view \"%s\".", get_rel_name(row->relation)),
			errhint("%s", hint != NULL ? hint : "Drop the view with dbsp_ivm.drop_view() and create it again."));
}

/* The first view that reads the table or a partitioned table above it; false if none does. */
static bool
find_reader(Oid relid, DbspViewRow *row_out)
{
	List	   *views = dbsp_partition_views_on(relid);

	return views != NIL && dbsp_catalog_get_view(linitial_int(views), row_out);
}

/* True if event triggers of ours have nothing to do now. */
static bool
is_inactive(FunctionCallInfo fcinfo)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("DDL guards of dbsp_ivm can only be called as event triggers"));
	return dbsp_ddl_is_own() || IsBinaryUpgrade || !OidIsValid(dbsp_catalog_view_relid()) ||
		(creating_extension && CurrentExtensionObject == get_extension_oid("dbsp_ivm", true));
}

/*
 * on_ddl_end() returns event_trigger: ddl_command_end
 */
Datum
dbsp_sql_on_ddl_end(PG_FUNCTION_ARGS)
{
	List	   *commands = NIL;
	MemoryContext caller_cxt = CurrentMemoryContext;
	MemoryContext spi_cxt;
	ListCell   *lc;

	if (is_inactive(fcinfo))
		PG_RETURN_NULL();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute("SELECT classid, objid, command FROM pg_catalog.pg_event_trigger_ddl_commands() "
					"WHERE objid IS NOT NULL", true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list the executed commands");
	spi_cxt = MemoryContextSwitchTo(caller_cxt);
	for (int i = 0; i < SPI_processed; i++)
	{
		Executed   *executed = palloc0(sizeof(Executed));
		HeapTuple	tuple = SPI_tuptable->vals[i];
		bool		isnull;
		CollectedCommand *command;

		executed->classid = DatumGetObjectId(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &isnull));
		executed->objid = DatumGetObjectId(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull));
		command = (CollectedCommand *) DatumGetPointer(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 3, &isnull));
		executed->stmt = command->parsetree;
		commands = lappend(commands, executed);
	}
	MemoryContextSwitchTo(spi_cxt);
	SPI_finish();

	foreach(lc, commands)
		check_executed(lfirst(lc));
	PG_RETURN_NULL();
}

/* The subcommands of an ALTER TABLE; NIL for other commands. */
static List *
subcommands(Node *stmt)
{
	return stmt != NULL && IsA(stmt, AlterTableStmt) ? ((AlterTableStmt *) stmt)->cmds : NIL;
}

static bool
has_subcommand(Node *stmt, AlterTableType type)
{
	ListCell   *lc;

	foreach(lc, subcommands(stmt))
		if (lfirst_node(AlterTableCmd, lc)->subtype == type)
			return true;
	return false;
}

/*
 * Base tables.
 */

/* Errors if a capture trigger exists that does not fire always. */
static void
check_capture_triggers(Relation rel, const DbspViewRow *row)
{
	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (!dbsp_trigger_is_reserved(trigger->tgname) || trigger->tgenabled == TRIGGER_FIRES_ALWAYS)
			continue;
		refuse(psprintf("trigger \"%s\" on table \"%s\" must stay enabled always",
						trigger->tgname, RelationGetRelationName(rel)), row,
			   "Enable or disable other triggers by name.");
	}
}

/* Errors if policies of the table apply to the owner of the view. */
static void
check_row_security(Oid source, const DbspViewRow *row, Oid owner)
{
	if (check_enable_rls(source, owner, true) == RLS_ENABLED)
		refuse(psprintf("cannot apply row-level security of table \"%s\" to role \"%s\"",
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
			refuse(psprintf("cannot make table \"%s\" unlogged", RelationGetRelationName(rel)), &row, NULL);
		/* Policies of a partition do not apply to who reads the table above it. */
		if (list_member_int(own, lfirst_int(lc)))
			check_row_security(relid, &row, dbsp_relation_owner(row.definition));
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
			refuse_part(psprintf("cannot inherit from internal table \"%s\"", get_rel_name(parent)), &part,
						"Create the table with LIKE.");
		foreach(lc, dbsp_catalog_views_on(parent))
		{
			DbspViewRow row;

			if (dbsp_catalog_get_view(lfirst_int(lc), &row) && reads_children(&row, parent))
				refuse(psprintf("cannot inherit from table \"%s\"", get_rel_name(parent)), &row,
					   "Let the view read FROM ONLY the table, or drop it first.");
		}
		check_parents(parent);
	}
	systable_endscan(scan);
	table_close(inherits, AccessShareLock);
}

/*
 * Relations of views.
 */

typedef struct OwnerChange
{
	const DbspViewRow *row;
	Oid			owner;
} OwnerChange;

static void
change_owner(void *arg)
{
	OwnerChange *change = arg;
	ListCell   *lc;

	foreach(lc, dbsp_catalog_relations(change->row))
		if (dbsp_relation_owner(lfirst_oid(lc)) != change->owner)
			ATExecChangeOwner(lfirst_oid(lc), change->owner, false, AccessExclusiveLock);
	CommandCounterIncrement();
}

/* The owner of the public view is the owner of all that is behind it. */
static void
check_public_view(const DbspViewRow *row)
{
	OwnerChange change = {.row = row, .owner = dbsp_relation_owner(row->relation)};
	Relation	rel = relation_open(row->relation, AccessShareLock);
	bool		invoker = RelationHasSecurityInvoker(rel);
	ListCell   *lc;

	relation_close(rel, AccessShareLock);
	if (invoker)
		refuse_part(psprintf("cannot set security_invoker on view \"%s\"", get_rel_name(row->relation)), row,
			   "The view reads internal tables with its owner's rights.");
	if (dbsp_relation_owner(row->definition) == change.owner)
		return;
	foreach(lc, dbsp_catalog_sources(row->number))
		check_row_security(lfirst_oid(lc), row, change.owner);
	dbsp_run_as_extension(change_owner, &change);
}

/* What may be changed on an internal table: how it is stored and analysed, not what it means. */
static bool
is_harmless(AlterTableType type)
{
	switch (type)
	{
		case AT_SetStatistics:
		case AT_SetOptions:
		case AT_ResetOptions:
		case AT_SetStorage:
		case AT_SetCompression:
		case AT_ClusterOn:
		case AT_DropCluster:
		case AT_SetTableSpace:
		case AT_SetRelOptions:
		case AT_ResetRelOptions:
		case AT_ReplaceRelOptions:
		case AT_ReplicaIdentity:
		case AT_EnableAlwaysTrig:
			return true;
		default:
			return false;
	}
}

static void
check_internal(Oid relid, const DbspViewRow *row, DbspRelationPart part, Node *stmt)
{
	bool		is_table = part == DBSP_PART_SHADOW || part == DBSP_PART_STATE;
	ListCell   *lc;

	foreach(lc, subcommands(stmt))
		if (!is_table || !is_harmless(lfirst_node(AlterTableCmd, lc)->subtype))
			refuse_part(psprintf("cannot alter internal relation \"%s\"", get_rel_name(relid)), row, NULL);
	if (IsA(stmt, RenameStmt) || IsA(stmt, AlterObjectSchemaStmt))
		refuse_part(psprintf("cannot rename internal relation \"%s\"", get_rel_name(relid)), row, NULL);
}

static void
check_index(Oid index, Node *stmt)
{
	Oid			relid = IndexGetRelation(index, true);
	DbspViewRow row;
	DbspRelationPart part = dbsp_catalog_part(relid, &row);
	bool		own = dbsp_table_owns_index(get_rel_name(relid), get_rel_name(index));

	if (part != DBSP_PART_SHADOW && part != DBSP_PART_STATE)
		return;
	/* Under one of our names only a restore can create it. */
	if (IsA(stmt, IndexStmt) && ((IndexStmt *) stmt)->unique && !own)
		refuse_part(psprintf("cannot create a unique index on internal table \"%s\"", get_rel_name(relid)), &row,
			   "Create an index that is not unique.");
	if (IsA(stmt, RenameStmt) &&
		(own || dbsp_table_owns_index(get_rel_name(relid), ((RenameStmt *) stmt)->relation->relname)))
		refuse_part(psprintf("cannot rename indexes of internal table \"%s\"", get_rel_name(relid)), &row, NULL);
}

static void
check_relation(Oid relid, Node *stmt)
{
	char		relkind = get_rel_relkind(relid);
	DbspViewRow row;
	DbspRelationPart part;

	if (relkind == RELKIND_INDEX)
	{
		check_index(relid, stmt);
		return;
	}
	part = dbsp_catalog_part(relid, &row);
	switch (part)
	{
		case DBSP_PART_NONE:
			if (IsA(stmt, AlterTableStmt))
				check_source(relid);
			if (has_subcommand(stmt, AT_AddInherit) ||
				(IsA(stmt, CreateStmt) && ((CreateStmt *) stmt)->inhRelations != NIL) ||
				(IsA(stmt, CreateForeignTableStmt) && ((CreateForeignTableStmt *) stmt)->base.inhRelations != NIL))
				check_parents(relid);
			dbsp_partition_ddl_executed(relid, stmt);
			break;
		case DBSP_PART_PUBLIC:
			check_public_view(&row);
			break;
		case DBSP_PART_DEFINITION:
		case DBSP_PART_SHADOW:
		case DBSP_PART_STATE:
		case DBSP_PART_KEY:
			check_internal(relid, &row, part, stmt);
			break;
	}
}

/* The entry of a catalog with this OID; freed by the caller.  NULL if there is none. */
static HeapTuple
catalog_tuple(Oid catalog, Oid index, AttrNumber attnum, Oid oid)
{
	Relation	rel = table_open(catalog, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, attnum, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(oid));
	scan = systable_beginscan(rel, index, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return tuple;
}

/* True if the trigger's function is one of the internal schema. */
static bool
calls_own_function(Form_pg_trigger trigger)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(trigger->tgfoid));
	bool		own;

	if (!HeapTupleIsValid(tuple))
		return false;
	own = ((Form_pg_proc) GETSTRUCT(tuple))->pronamespace == dbsp_catalog_schema();
	ReleaseSysCache(tuple);
	return own;
}

static void
check_trigger(Oid oid, Node *stmt)
{
	HeapTuple	tuple = catalog_tuple(TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid, oid);
	Form_pg_trigger trigger;
	const char *table;
	bool		own;
	DbspViewRow row;
	DbspRelationPart part;

	if (!HeapTupleIsValid(tuple))
		return;
	trigger = (Form_pg_trigger) GETSTRUCT(tuple);
	part = dbsp_catalog_part(trigger->tgrelid, &row);
	if (part == DBSP_PART_NONE && !find_reader(trigger->tgrelid, &row))
		return;
	table = get_rel_name(trigger->tgrelid);
	own = dbsp_trigger_is_reserved(NameStr(trigger->tgname)) && calls_own_function(trigger);

	if ((part == DBSP_PART_SHADOW || part == DBSP_PART_STATE) && !own)
		refuse_part(psprintf("cannot create or change triggers on internal table \"%s\"", table), &row,
			   "Create triggers on the tables that the view reads.");
	if (IsA(stmt, RenameStmt) &&
		(own || dbsp_trigger_is_reserved(((RenameStmt *) stmt)->subname)))
		refuse_part(psprintf("cannot rename trigger \"%s\" on \"%s\"", ((RenameStmt *) stmt)->subname, table), &row, NULL);
	if (IsA(stmt, CreateTrigStmt) && dbsp_trigger_is_reserved(NameStr(trigger->tgname)) &&
		(!own || ((CreateTrigStmt *) stmt)->replace))
		refuse_part(psprintf("cannot replace trigger \"%s\" on \"%s\"", NameStr(trigger->tgname), table), &row,
			   "Give the trigger another name.");
	heap_freetuple(tuple);
}

static void
check_policy(Oid oid)
{
	HeapTuple	tuple = catalog_tuple(PolicyRelationId, PolicyOidIndexId, Anum_pg_policy_oid, oid);
	DbspViewRow row;

	if (!HeapTupleIsValid(tuple))
		return;
	if (dbsp_catalog_part(((Form_pg_policy) GETSTRUCT(tuple))->polrelid, &row) != DBSP_PART_NONE)
		refuse_part("cannot create policies on internal tables", &row, "Create a view with a condition on the view.");
	heap_freetuple(tuple);
}

static void
check_rule(Oid oid)
{
	HeapTuple	tuple = catalog_tuple(RewriteRelationId, RewriteOidIndexId, Anum_pg_rewrite_oid, oid);
	DbspViewRow row;

	if (!HeapTupleIsValid(tuple))
		return;
	if (dbsp_catalog_part(((Form_pg_rewrite) GETSTRUCT(tuple))->ev_class, &row) != DBSP_PART_NONE)
		refuse_part(psprintf("cannot create rules on \"%s\"", get_rel_name(((Form_pg_rewrite) GETSTRUCT(tuple))->ev_class)),
			   &row, "Create a view on the view.");
	heap_freetuple(tuple);
}

/*
 * Views and functions that definitions use.
 */

/* Adds to views (integer list) those whose definition depends on the object, through views, functions and operators. */
static List *
dependent_views(Oid classid, Oid objid, List *views)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(classid));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(objid));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend entry = (Form_pg_depend) GETSTRUCT(tuple);

		if (entry->deptype != DEPENDENCY_NORMAL)
			continue;
		if (entry->classid == OperatorRelationId || entry->classid == ProcedureRelationId)
			views = dependent_views(entry->classid, entry->objid, views);
		else if (entry->classid == RewriteRelationId)
		{
			HeapTuple	rule = catalog_tuple(RewriteRelationId, RewriteOidIndexId, Anum_pg_rewrite_oid, entry->objid);
			Oid			relid = ((Form_pg_rewrite) GETSTRUCT(rule))->ev_class;
			DbspViewRow row;

			if (dbsp_catalog_part(relid, &row) == DBSP_PART_DEFINITION)
				views = list_append_unique_int(views, row.number);
			else if (relid != objid)
				views = dependent_views(RelationRelationId, relid, views);
			heap_freetuple(rule);
		}
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return views;
}

/* A function that views use may be replaced: what they show is computed again. */
static void
check_function(Oid oid, Node *stmt)
{
	bool		replaced = IsA(stmt, CreateFunctionStmt) && ((CreateFunctionStmt *) stmt)->replace;
	List	   *views;
	ListCell   *lc;

	if (!replaced && !IsA(stmt, AlterFunctionStmt))
		return;
	views = dependent_views(ProcedureRelationId, oid, NIL);
	list_sort(views, list_int_cmp);
	foreach(lc, views)
	{
		DbspViewRow row;

		if (!dbsp_catalog_get_view(lfirst_int(lc), &row))
			continue;
		if (func_volatile(oid) != PROVOLATILE_IMMUTABLE)
			refuse(psprintf("cannot make function \"%s\" volatile or stable", get_func_name(oid)), &row, NULL);
		if (!replaced)
			continue;
		dbsp_require_fresh_snapshot("CREATE OR REPLACE FUNCTION of a function that an incremental view uses");
		dbsp_refresh_view(&row);
		ereport(NOTICE,
				errmsg("rebuilt incremental view \"%s\", which uses function \"%s\"",
					   get_rel_name(row.relation), get_func_name(oid)));
	}
}

static void
check_executed(const Executed *executed)
{
	if (executed->stmt == NULL)
		return;
	if (executed->classid == RelationRelationId)
		check_relation(executed->objid, executed->stmt);
	else if (executed->classid == TriggerRelationId)
		check_trigger(executed->objid, executed->stmt);
	else if (executed->classid == PolicyRelationId)
		check_policy(executed->objid);
	else if (executed->classid == RewriteRelationId)
		check_rule(executed->objid);
	else if (executed->classid == ProcedureRelationId)
		check_function(executed->objid, executed->stmt);
}

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
 * on_ddl_start() returns event_trigger: ddl_command_start
 */
Datum
dbsp_sql_on_ddl_start(PG_FUNCTION_ARGS)
{
	ViewStmt   *stmt;
	DbspViewRow row;
	Oid			relid;
	List	   *views;

	if (is_inactive(fcinfo))
		PG_RETURN_NULL();
	stmt = (ViewStmt *) ((EventTriggerData *) fcinfo->context)->parsetree;
	if (!IsA(stmt, ViewStmt) || !stmt->replace || stmt->view->relpersistence == RELPERSISTENCE_TEMP)
		PG_RETURN_NULL();
	relid = get_relname_relid(stmt->view->relname, RangeVarGetCreationNamespace(stmt->view));
	if (!OidIsValid(relid) || is_dummy_view(relid))
		PG_RETURN_NULL();
	if (dbsp_catalog_part(relid, &row) != DBSP_PART_NONE)
		refuse_part(psprintf("cannot replace view \"%s\"", get_rel_name(relid)), &row,
			   "Drop the view and create it again with dbsp_ivm.create_view().");
	views = dependent_views(RelationRelationId, relid, NIL);
	if (views != NIL && dbsp_catalog_get_view(linitial_int(views), &row))
		refuse(psprintf("cannot replace view \"%s\"", get_rel_name(relid)), &row, NULL);
	PG_RETURN_NULL();
}
