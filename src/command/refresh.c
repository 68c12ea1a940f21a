/*-------------------------------------------------------------------------
 *
 * refresh.c
 *	  dbsp_ivm.refresh(): rebuilding a view from its base tables.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/xact.h"
#include "fmgr.h"
#include "storage/lmgr.h"

#include "catalog/partition_tree.h"
#include "engine/engine.h"
#include "command/identity.h"
#include "command/names.h"
#include "command/refresh.h"

PG_FUNCTION_INFO_V1(dbsp_sql_refresh);

/*
 * refresh(name text) returns void
 */
Datum
dbsp_sql_refresh(PG_FUNCTION_ARGS)
{
	char	   *name = dbsp_required_text(fcinfo, 0, "name");
	DbspViewRow row;

	dbsp_require_fresh_snapshot("dbsp_ivm.refresh()");
	(void) dbsp_find_named_view(name, false, &row);
	dbsp_require_owner(&row);
	dbsp_refresh_view(&row);
	PG_RETURN_VOID();
}

static void
rebuild(void *arg)
{
	dbsp_engine_rebuild(((const DbspViewRow *) arg)->number);
}

void
dbsp_refresh_view(const DbspViewRow *row)
{
	ListCell   *lc;

	foreach(lc, dbsp_catalog_sources(row->number))
	{
		LockRelationOid(lfirst_oid(lc), ShareRowExclusiveLock);
		(void) dbsp_partition_leaves(lfirst_oid(lc), ShareRowExclusiveLock);
	}
	dbsp_run_as_user(dbsp_relation_owner(row->definition), true, rebuild, unconstify(DbspViewRow *, row));
	CommandCounterIncrement();
}
