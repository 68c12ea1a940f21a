/*-------------------------------------------------------------------------
 *
 * drop.c
 *	  dbsp_ivm.drop_view(), and the sql_drop event trigger.
 *
 * PostgreSQL's dependencies take the public view along with whatever the
 * definition reads.  The other direction is done here: when a relation of a
 * view is gone, all others go, and with the last view of a table its capture
 * triggers.  Deletions from here go below the utility commands, so they fire
 * no event triggers again.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "catalog/catalog.h"
#include "catalog/partition_tree.h"
#include "engine/engine.h"
#include "command/drop.h"
#include "command/identity.h"
#include "command/lock.h"
#include "command/names.h"
#include "command/partition_ddl.h"
#include "command/tables.h"

/* One object that the command dropped: a relation or a trigger. */
typedef struct Dropped
{
	Oid			classid;
	Oid			objid;
	char	   *type;
	char	   *schema;			/* of a relation; NULL otherwise */
	char	   *name;			/* of a relation; NULL otherwise */
	List	   *names;			/* String list: a trigger's schema, table and name */
} Dropped;

typedef struct Drop
{
	DropBehavior behavior;
	List	   *objects;		/* of Dropped */
} Drop;

PG_FUNCTION_INFO_V1(dbsp_sql_drop_view);
PG_FUNCTION_INFO_V1(dbsp_sql_on_drop);

static void
run_sql(void *arg)
{
	dbsp_run_sql((const char *) arg);
}

/* Finds the view and locks it with all that goes; false if there is none.  What changes meanwhile is looked up again. */
static bool
find_and_lock(const char *name, bool missing_ok, DbspViewRow *row_out)
{
	DbspViewRow locked = {0};

	for (;;)
	{
		if (!dbsp_find_named_view(name, NoLock, missing_ok, row_out))
			return false;
		dbsp_require_owner(row_out);
		if (row_out->number == locked.number && row_out->definition == locked.definition)
			return true;
		locked = *row_out;
		dbsp_lock_take(dbsp_lock_want_drop(NIL, list_make1_int(row_out->number)));
	}
}

/*
 * drop_view(name text, if_exists boolean) returns void
 */
Datum
dbsp_sql_drop_view(PG_FUNCTION_ARGS)
{
	char	   *name = dbsp_required_text(fcinfo, 0, "name");
	bool		if_exists = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	DbspViewRow row;

	dbsp_require_writable("dbsp_ivm.drop_view()");
	if (!find_and_lock(name, if_exists, &row))
	{
		ereport(NOTICE,
				errmsg("view \"%s\" does not exist, skipping", name));
		PG_RETURN_VOID();
	}
	/* An ordinary DROP VIEW: its event trigger does the rest. */
	dbsp_run_as_user(GetUserId(), false, run_sql,
					 psprintf("DROP VIEW %s",
							  quote_qualified_identifier(get_namespace_name(get_rel_namespace(row.relation)),
														 get_rel_name(row.relation))));
	PG_RETURN_VOID();
}

DropBehavior
dbsp_drop_behavior(Node *command)
{
	ListCell   *lc;

	if (command == NULL)
		return DROP_RESTRICT;
	switch (nodeTag(command))
	{
		case T_DropStmt:
			return ((DropStmt *) command)->behavior;
		case T_DropOwnedStmt:
			return ((DropOwnedStmt *) command)->behavior;
		case T_AlterTableStmt:
			foreach(lc, ((AlterTableStmt *) command)->cmds)
				if (lfirst_node(AlterTableCmd, lc)->behavior == DROP_CASCADE)
					return DROP_CASCADE;
			return DROP_RESTRICT;
		default:
			return DROP_RESTRICT;
	}
}

/* A text value of the current SPI row, or NULL. */
static char *
spi_text(int row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

static List *
spi_text_array(int row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);
	Datum	   *elements;
	int			nelements;
	List	   *result = NIL;

	if (isnull)
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &nelements);
	for (int i = 0; i < nelements; i++)
		result = lappend(result, TextDatumGetCString(elements[i]));
	return result;
}

/* The relations and triggers that the command has dropped, in the context of the caller. */
static List *
dropped_objects(void)
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	MemoryContext spi_cxt;
	List	   *result = NIL;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute("SELECT classid, objid, object_type, schema_name, object_name, address_names "
					"FROM pg_catalog.pg_event_trigger_dropped_objects() "
					"WHERE objsubid OPERATOR(pg_catalog.=) 0 AND classid OPERATOR(pg_catalog.=) "
					"ANY ('{pg_catalog.pg_class, pg_catalog.pg_trigger}'::pg_catalog.regclass[])",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not list the dropped objects");
	spi_cxt = MemoryContextSwitchTo(caller_cxt);
	for (int i = 0; i < SPI_processed; i++)
	{
		Dropped    *object = palloc0(sizeof(Dropped));
		bool		isnull;

		object->classid = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		object->objid = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));
		object->type = spi_text(i, 3);
		object->schema = spi_text(i, 4);
		object->name = spi_text(i, 5);
		object->names = spi_text_array(i, 6);
		result = lappend(result, object);
	}
	MemoryContextSwitchTo(spi_cxt);
	SPI_finish();
	return result;
}

/* Drops what is left of a view, and its catalog rows. */
static void
drop_rest(const DbspViewRow *row, const Dropped *cause, DropBehavior behavior)
{
	List	   *relations = dbsp_catalog_relations(row);
	ObjectAddresses *addresses = new_object_addresses();
	ListCell   *lc;

	if (behavior != DROP_CASCADE && list_member_oid(relations, row->relation))
		ereport(ERROR,
				errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				errmsg("cannot drop %s %s because incremental view \"%s\" needs it",
					   cause->type, cause->name, get_rel_name(row->relation)),
				errhint("Drop the view with DROP VIEW or dbsp_ivm.drop_view(), or use DROP ... CASCADE."));
	if (list_member_oid(relations, row->relation))
		ereport(NOTICE,
				errmsg("drop cascades to incremental view \"%s\"", get_rel_name(row->relation)));
	foreach(lc, relations)
	{
		ObjectAddress address;

		ObjectAddressSet(address, RelationRelationId, lfirst_oid(lc));
		add_exact_object_address(&address, addresses);
	}
	performMultipleDeletions(addresses, behavior, 0);
	free_object_addresses(addresses);
	dbsp_catalog_delete_view(row->number);
	CommandCounterIncrement();
	dbsp_engine_forget(row->number);
}

void
dbsp_drop_release_sources(List *sources)
{
	ListCell   *lc;

	list_sort(sources, list_oid_cmp);
	foreach(lc, sources)
	{
		Oid			source = lfirst_oid(lc);

		if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(source)))
			continue;
		CacheInvalidateRelcacheByRelid(source);
		if (!dbsp_catalog_has_other_views(source, NIL))
			dbsp_trigger_drop_unneeded(source);
	}
	CommandCounterIncrement();
}

/* Refuses the drop of one of our triggers from a relation that still needs it. */
static void
check_dropped_trigger(const Dropped *object)
{
	DbspViewRow row;
	Oid			relid;
	List	   *views;
	const char *name;

	if (list_length(object->names) != 3)
		return;
	name = lthird(object->names);
	if (!dbsp_trigger_is_reserved(name))
		return;
	relid = get_relname_relid(lsecond(object->names), get_namespace_oid(linitial(object->names), true));
	if (!OidIsValid(relid))
		return;
	views = dbsp_partition_views_on(relid);
	if (views != NIL ? dbsp_catalog_get_view(linitial_int(views), &row) :
		dbsp_catalog_part(relid, &row) != DBSP_PART_NONE)
		ereport(ERROR,
				errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				errmsg("cannot drop trigger \"%s\" on \"%s\" because incremental view \"%s\" needs it",
					   name, get_rel_name(relid), get_rel_name(row.relation)),
				errhint("Drop the view first."));
}

/* Refuses the drop of an index that maintenance uses. */
static void
check_dropped_index(const Dropped *object)
{
	DbspViewRow row;
	char	   *table;
	char	   *suffix;
	Oid			relid;

	if (object->schema == NULL || strcmp(object->schema, DBSP_INTERNAL_SCHEMA) != 0)
		return;
	table = pstrdup(object->name);
	suffix = strstr(table, "_key");
	if (suffix == NULL)
		suffix = strstr(table, "_probe_");
	if (suffix == NULL)
		return;
	*suffix = '\0';
	relid = get_relname_relid(table, dbsp_catalog_schema());
	if (!dbsp_table_owns_index(table, object->name) || dbsp_catalog_part(relid, &row) == DBSP_PART_NONE)
		return;
	ereport(ERROR,
			errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			errmsg("cannot drop index \"%s\" because incremental view \"%s\" needs it",
				   object->name, get_rel_name(row.relation)),
			errhint("Drop the view first."));
}

static void
process_drop(void *arg)
{
	Drop	   *drop = arg;
	List	   *views = NIL;
	List	   *sources = NIL;
	ListCell   *lc;

	drop->objects = dropped_objects();
	foreach(lc, drop->objects)
	{
		Dropped    *object = lfirst(lc);
		DbspViewRow row;

		if (object->classid == RelationRelationId && dbsp_catalog_part(object->objid, &row) != DBSP_PART_NONE)
			views = list_append_unique_int(views, row.number);
	}
	/* What the commands that on_ddl_start() knows have locked already. */
	dbsp_lock_take(dbsp_lock_want_drop(NIL, views));
	foreach(lc, drop->objects)
	{
		Dropped    *object = lfirst(lc);
		DbspViewRow row;

		if (object->classid != RelationRelationId || dbsp_catalog_part(object->objid, &row) == DBSP_PART_NONE)
			continue;
		sources = list_concat_unique_oid(sources, dbsp_catalog_sources(row.number));
		drop_rest(&row, object, drop->behavior);
	}
	if (sources != NIL)
		dbsp_drop_release_sources(sources);

	foreach(lc, drop->objects)
	{
		Dropped    *object = lfirst(lc);

		if (object->classid == RelationRelationId)
			dbsp_partition_ddl_dropped(object->objid);
		if (object->classid == TriggerRelationId)
			check_dropped_trigger(object);
		else if (strcmp(object->type, "index") == 0)
			check_dropped_index(object);
	}
}

/*
 * on_drop() returns event_trigger
 *
 * For every role: it runs as the extension's owner.
 */
Datum
dbsp_sql_on_drop(PG_FUNCTION_ARGS)
{
	Drop		drop = {0};

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("%s: not fired by event trigger manager", "dbsp_ivm_internal.on_drop()"));
	if (dbsp_ddl_is_own() || !OidIsValid(dbsp_catalog_view_relid()))
		PG_RETURN_NULL();
	dbsp_require_idle(GetCommandTagName(((EventTriggerData *) fcinfo->context)->tag));
	drop.behavior = dbsp_drop_behavior(((EventTriggerData *) fcinfo->context)->parsetree);
	dbsp_run_as_extension(process_drop, &drop);
	PG_RETURN_NULL();
}
