/*-------------------------------------------------------------------------
 *
 * refresh.c
 *	  dbsp_ivm.refresh(): rebuilding a view from its base tables.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "fmgr.h"
#include "storage/lockdefs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "engine/engine.h"
#include "command/identity.h"
#include "command/lock.h"
#include "command/names.h"
#include "command/refresh.h"
#include "command/state.h"

PG_FUNCTION_INFO_V1(dbsp_sql_refresh);

/*
 * refresh(name text) returns void
 */
Datum
dbsp_sql_refresh(PG_FUNCTION_ARGS)
{
	char	   *name = dbsp_required_text(fcinfo, 0, "name");
	DbspViewRow row;
	bool		reindex;

	dbsp_require_fresh_snapshot("dbsp_ivm.refresh()");
	if (!dbsp_catalog_find_view(RangeVarGetRelid(dbsp_parse_name(name), NoLock, false), &row))
		(void) dbsp_engine_adopt();
	(void) dbsp_find_named_view(name, NoLock, false, &row);
	dbsp_require_owner(&row);
	/* Indexes in the order of another version of a collation cannot be searched. */
	reindex = dbsp_changed_collation(&row) != NULL;
	dbsp_refresh_lock(list_make1_int(row.number), reindex);
	dbsp_reload_view(name, &row);
	dbsp_refresh_view(&row, reindex);
	PG_RETURN_VOID();
}

static List *
wanted_locks(List *views, bool reindex)
{
	List	   *wanted = NIL;
	ListCell   *lc;

	foreach(lc, views)
	{
		DbspViewRow row;
		ListCell   *cell;

		if (!dbsp_catalog_get_view(lfirst_int(lc), &row))
			continue;
		foreach(cell, dbsp_catalog_relations(&row))
			wanted = dbsp_lock_want(wanted, lfirst_oid(cell), reindex ? AccessExclusiveLock : AccessShareLock);
		foreach(cell, dbsp_catalog_sources(row.number))
			wanted = dbsp_lock_want_source(wanted, lfirst_oid(cell), ShareRowExclusiveLock);
	}
	return wanted;
}

void
dbsp_refresh_lock(List *views, bool reindex)
{
	int			n = -1;
	List	   *wanted = wanted_locks(views, reindex);

	/* Until there is nothing that another session has added in the meantime. */
	while (list_length(wanted) != n)
	{
		n = list_length(wanted);
		dbsp_lock_take(wanted);
		wanted = dbsp_lock_union(wanted, wanted_locks(views, reindex));
	}
}

typedef struct Rebuild
{
	DbspViewNumber view;
	bool		reindex;
} Rebuild;

static void
rebuild(void *arg)
{
	Rebuild    *work = arg;

	dbsp_engine_rebuild(work->view, work->reindex);
}

static void
name_view_in_context(void *arg)
{
	errcontext("rebuilding incremental view %s", (const char *) arg);
}

void
dbsp_refresh_view(const DbspViewRow *row, bool reindex)
{
	Rebuild		work = {.view = row->number, .reindex = reindex};
	ErrorContextCallback context = {.callback = name_view_in_context, .previous = error_context_stack};

	context.arg = quote_qualified_identifier(get_namespace_name(get_rel_namespace(row->relation)),
											 get_rel_name(row->relation));
	error_context_stack = &context;
	dbsp_run_as_user(dbsp_relation_owner(row->definition), true, rebuild, &work);
	error_context_stack = context.previous;
	CommandCounterIncrement();
}
