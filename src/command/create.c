/*-------------------------------------------------------------------------
 *
 * create.c
 *	  dbsp_ivm.create_view().
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "engine/engine.h"
#include "command/creation.h"
#include "command/identity.h"
#include "command/lock.h"
#include "command/names.h"
#include "command/probe_index.h"
#include "command/tables.h"

typedef struct Creation
{
	DbspCreation common;
	RangeVar   *target;
	Oid			namespace;
} Creation;

PG_FUNCTION_INFO_V1(dbsp_sql_create_view);

/* Resolves the name; errors unless the caller may create a relation of it. */
static void
resolve_target(Creation *creation, const char *name)
{
	Oid			existing;

	creation->target = dbsp_parse_name(name);
	creation->namespace = RangeVarGetAndCheckCreationNamespace(creation->target, NoLock, &existing);
	if (isAnyTempNamespace(creation->namespace))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("incremental views cannot be temporary"));
	if (OidIsValid(existing))
		ereport(ERROR,
				errcode(ERRCODE_DUPLICATE_TABLE),
				errmsg("relation \"%s\" already exists", creation->target->relname));
}

/* As the owner: what he and others read. */
static void
create_public_view(void *arg)
{
	Creation   *creation = arg;

	dbsp_creation_define_view(&creation->common, creation->namespace, false, NIL);
}

/* As the extension. */
static void
publish(void *arg)
{
	DbspCreation *creation = arg;

	dbsp_trigger_create_view_guard(creation->row.relation);
	dbsp_creation_publish(creation);
}

/*
 * create_view(name text, query text, create_indexes boolean) returns regclass
 */
Datum
dbsp_sql_create_view(PG_FUNCTION_ARGS)
{
	Creation	creation = {.common = {.command = "dbsp_ivm.create_view()", .owner = GetUserId()}};
	DbspCreation *common = &creation.common;
	char	   *name = dbsp_required_text(fcinfo, 0, "name");
	bool		create_indexes = PG_ARGISNULL(2) || PG_GETARG_BOOL(2);

	common->sql = dbsp_required_text(fcinfo, 1, "query");
	dbsp_require_fresh_snapshot(common->command);
	/* Numbers of restored views are taken. */
	if (dbsp_catalog_is_empty())
		(void) dbsp_engine_adopt();
	resolve_target(&creation, name);
	common->name = creation.target->relname;
	dbsp_creation_analyze(common);
	dbsp_lock_take(dbsp_creation_want(common, NIL));
	dbsp_creation_recheck(common);

	common->row.number = dbsp_catalog_next_number();
	common->row.created = GetCurrentTransactionStartTimestamp();
	dbsp_creation_make(common);
	dbsp_run_as_user(common->owner, false, create_public_view, &creation);
	dbsp_run_as_extension(publish, common);
	dbsp_probe_index_provide(common->plan, common->name, create_indexes);
	PG_RETURN_OID(common->row.relation);
}
