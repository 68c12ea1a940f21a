/*-------------------------------------------------------------------------
 *
 * state.c
 *	  Whether a view can be relied upon, as far as the catalogs tell.
 *
 * DDL is guarded when it is executed (ddl_guard.c).  Some things change
 * without it: what roles may do and belong to, the library behind a
 * collation; and event triggers can be disabled.  dbsp_ivm.views says so.
 * Nothing is locked, so that whoever looks waits for nobody.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_database.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/pg_locale.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "catalog/catalog.h"
#include "catalog/partition_tree.h"
#include "command/dependents.h"
#include "command/names.h"
#include "command/state.h"
#include "command/tables.h"

PG_FUNCTION_INFO_V1(dbsp_sql_view_state);

/* True if there is a recorded version, and the library has another one. */
static bool
version_differs(int cacheid, HeapTuple tuple, AttrNumber version_attnum, char provider, AttrNumber locale_attnum)
{
	bool		isnull;
	Datum		version = SysCacheGetAttr(cacheid, tuple, version_attnum, &isnull);
	Datum		locale;
	char	   *actual;

	if (isnull)
		return false;
	locale = SysCacheGetAttr(cacheid, tuple, locale_attnum, &isnull);
	actual = isnull ? NULL : get_collation_actual_version(provider, TextDatumGetCString(locale));
	return actual != NULL && strcmp(actual, TextDatumGetCString(version)) != 0;
}

static bool
database_collation_differs(void)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
	char		provider;
	bool		differs;

	if (!HeapTupleIsValid(tuple))
		return false;
	provider = ((Form_pg_database) GETSTRUCT(tuple))->datlocprovider;
	differs = version_differs(DATABASEOID, tuple, Anum_pg_database_datcollversion, provider,
							  provider == COLLPROVIDER_ICU ? Anum_pg_database_daticulocale : Anum_pg_database_datcollate);
	ReleaseSysCache(tuple);
	return differs;
}

static bool
collation_differs(Oid collation)
{
	HeapTuple	tuple;
	char		provider;
	bool		differs;

	if (collation == DEFAULT_COLLATION_OID)
		return database_collation_differs();
	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	if (!HeapTupleIsValid(tuple))
		return false;
	provider = ((Form_pg_collation) GETSTRUCT(tuple))->collprovider;
	differs = version_differs(COLLOID, tuple, Anum_pg_collation_collversion, provider,
							  provider == COLLPROVIDER_ICU ? Anum_pg_collation_colliculocale : Anum_pg_collation_collcollate);
	ReleaseSysCache(tuple);
	return differs;
}

char *
dbsp_changed_collation(const DbspViewRow *row)
{
	List	   *seen = NIL;
	ListCell   *lc;

	foreach(lc, dbsp_catalog_relations(row))
	{
		for (AttrNumber attnum = 1; get_attname(lfirst_oid(lc), attnum, true) != NULL; attnum++)
		{
			Oid			type;
			int32		typmod;
			Oid			collation;

			get_atttypetypmodcoll(lfirst_oid(lc), attnum, &type, &typmod, &collation);
			if (!OidIsValid(collation) || list_member_oid(seen, collation))
				continue;
			seen = lappend_oid(seen, collation);
			if (collation_differs(collation))
				return get_collation_name(collation);
		}
	}
	return NULL;
}

static void
add_problem(StringInfo problems, char *problem)
{
	appendStringInfo(problems, "%s%s", problems->len > 0 ? "; " : "", problem);
}

/* True if the trigger is there and fires always. */
static bool
has_trigger(Oid relid, const char *name)
{
	HeapTuple	tuple = dbsp_catalog_tuple(TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid,
										   get_trigger_oid(relid, name, true));

	return HeapTupleIsValid(tuple) && ((Form_pg_trigger) GETSTRUCT(tuple))->tgenabled == TRIGGER_FIRES_ALWAYS;
}

/* A row is captured in the leaf, TRUNCATE where it is executed. */
static void
check_triggers(StringInfo problems, Oid relid)
{
	bool		partitioned = dbsp_partition_is_partitioned(relid);
	const char *truncate = partitioned ? DBSP_TRIGGER_PARTITION_TRUNCATE : DBSP_TRIGGER_TRUNCATE;
	List	   *relations = dbsp_partition_leaves(relid, NoLock);
	ListCell   *lc;

	if (partitioned && !has_trigger(relid, truncate))
		add_problem(problems, psprintf("changes of table \"%s\" are not captured", get_rel_name(relid)));
	foreach(lc, relations)
	{
		const char *name = get_rel_name(lfirst_oid(lc));

		if (name != NULL && (!has_trigger(lfirst_oid(lc), DBSP_TRIGGER_CAPTURE) || !has_trigger(lfirst_oid(lc), truncate)))
			add_problem(problems, psprintf("changes of table \"%s\" are not captured", name));
	}
}

static void
check_source(StringInfo problems, Oid relid, Oid owner)
{
	const char *name = get_rel_name(relid);

	if (name == NULL)
	{
		add_problem(problems, "a table that it reads is missing");
		return;
	}
	check_triggers(problems, relid);
	if (check_enable_rls(relid, owner, true) == RLS_ENABLED)
		add_problem(problems, psprintf("row-level security of table \"%s\" applies to the owner of the view, which shows all its rows",
									   name));
}

/*
 * view_state(view integer) returns text: "ok", or what is not; NULL if there is no such view
 */
Datum
dbsp_sql_view_state(PG_FUNCTION_ARGS)
{
	StringInfoData problems;
	DbspViewRow row;
	char	   *collation;
	ListCell   *lc;

	if (!dbsp_catalog_get_view(PG_GETARG_INT32(0), &row) ||
		!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(row.relation)))
		PG_RETURN_NULL();
	initStringInfo(&problems);
	foreach(lc, dbsp_catalog_states(row.number))
		if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(((DbspStateRow *) lfirst(lc))->relation)))
			add_problem(&problems, "an internal table is missing");
	foreach(lc, dbsp_catalog_sources(row.number))
		check_source(&problems, lfirst_oid(lc), dbsp_relation_owner(row.relation));
	collation = dbsp_changed_collation(&row);
	if (collation != NULL)
		add_problem(&problems, psprintf("collation \"%s\" has another version than PostgreSQL has recorded",
										collation));
	PG_RETURN_TEXT_P(cstring_to_text(problems.len > 0 ? problems.data : "ok"));
}
