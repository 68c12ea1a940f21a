/*-------------------------------------------------------------------------
 *
 * source.c
 *	  What a backend knows of base tables: which columns to capture, and which
 *	  views a row can matter to.
 *
 * Both come from route_catalog, so that a session which writes a table need
 * not know the definitions of all views on it.  A view that has no rows there,
 * after a restore or an update of the extension, is looked at here; at the end
 * of the transaction its rows are added.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/relation.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "compile/compile.h"
#include "engine/cache.h"
#include "engine/engine.h"
#include "engine/rebuild.h"

typedef struct SourceEntry
{
	Oid			relid;			/* key */
	DbspCachedSource *source;
} SourceEntry;

static HTAB *source_hash = NULL;
static MemoryContext source_cxt = NULL;
static uint64 next_layout_id = 1;

/* With more entries, those of tables that have changed or gone are forgotten. */
#define FEW_SOURCES 64
static long sources_limit = FEW_SOURCES;

/* How many sources have been built. */
static uint64 builds = 0;

/* Some entry's missing list is not empty. */
static bool some_are_missing = false;

void
dbsp_cache_source_init(MemoryContext cxt)
{
	HASHCTL		ctl = {.keysize = sizeof(Oid),.entrysize = sizeof(SourceEntry),.hcxt = cxt};

	source_cxt = cxt;
	source_hash = hash_create("dbsp sources", 32, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
dbsp_cache_source_changed(Oid relid)
{
	HASH_SEQ_STATUS status;
	SourceEntry *entry;

	if (OidIsValid(relid))
	{
		entry = hash_search(source_hash, &relid, HASH_FIND, NULL);
		if (entry && entry->source)
			entry->source->valid = false;
		return;
	}
	hash_seq_init(&status, source_hash);
	while ((entry = hash_seq_search(&status)) != NULL)
		if (entry->source)
			entry->source->valid = false;
}

/* ---- building ---- */

typedef struct SourceBuild
{
	Oid			relid;
	int			nviews;
	DbspViewNumber *views;		/* ascending */
	bool	   *known;			/* by position */
	Bitmapset  *columns;
	DbspRouterBuild *router;
} SourceBuild;

static int
compare_numbers(const void *a, const void *b)
{
	DbspViewNumber left = *(const DbspViewNumber *) a;
	DbspViewNumber right = *(const DbspViewNumber *) b;

	return (left > right) - (left < right);
}

static void
set_views(SourceBuild *build, List *views)
{
	ListCell   *lc;

	build->nviews = list_length(views);
	build->views = palloc(Max(build->nviews, 1) * sizeof(DbspViewNumber));
	build->known = palloc0(Max(build->nviews, 1) * sizeof(bool));
	foreach(lc, views)
		build->views[foreach_current_index(lc)] = lfirst_int(lc);
}

/* The position of the row's view; -1 if it is not one that reads the table. */
static int
position_of(const SourceBuild *build, const DbspRouteRow *row)
{
	DbspViewNumber *found = bsearch(&row->view, build->views, build->nviews, sizeof(DbspViewNumber), compare_numbers);

	return found && row->source == build->relid ? found - build->views : -1;
}

static List *
unknown_views(const SourceBuild *build)
{
	List	   *result = NIL;

	for (int i = 0; i < build->nviews; i++)
		if (!build->known[i])
			result = lappend_int(result, build->views[i]);
	return result;
}

static void
receive_row(const DbspRouteRow *row, void *arg)
{
	SourceBuild *build = arg;
	int			position = position_of(build, row);

	if (position < 0)
		return;
	build->known[position] = true;
	for (int i = 0; i < row->ncolumns; i++)
		if (!bms_is_member(row->columns[i], build->columns))
			build->columns = bms_add_member(build->columns, row->columns[i]);
	dbsp_router_add(build->router, row);
}

/* Locks the view's definition view; false if the view has been dropped meanwhile. */
static bool
lock_definition(DbspViewNumber view, Oid *definition_out)
{
	DbspViewRow row;

	if (!dbsp_catalog_get_view(view, &row))
		return false;
	LockRelationOid(row.definition, AccessShareLock);
	*definition_out = row.definition;
	return dbsp_catalog_get_view(view, &row);
}

/*
 * Lowers a view's definition and calls receive for each of its source nodes.
 * What is locked meanwhile is let go again: there may be thousands of views.
 */
static void
derive_routes(DbspViewNumber view, void (*receive) (const DbspRouteRow *row, void *arg), void *arg)
{
	ResourceOwner saved = CurrentResourceOwner;
	ResourceOwner owner = ResourceOwnerCreate(saved, "dbsp routes");
	MemoryContext caller_cxt = CurrentMemoryContext;
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp routes", ALLOCSET_DEFAULT_SIZES);
	Oid			definition;
	DbspPlan   *plan = NULL;

	CurrentResourceOwner = owner;
	MemoryContextSwitchTo(cxt);
	if (lock_definition(view, &definition))
		plan = dbsp_lower_view(definition);
	MemoryContextSwitchTo(caller_cxt);
	CurrentResourceOwner = saved;
	if (plan)
		dbsp_router_rows(view, plan, receive, arg);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_BEFORE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_AFTER_LOCKS, false, false);
	ResourceOwnerDelete(owner);
	MemoryContextDelete(cxt);
}

/* The same for each of the views (integer list). */
static void
derive_all(List *views, void (*receive) (const DbspRouteRow *row, void *arg), void *arg)
{
	int			level = NewGUCNestLevel();
	ListCell   *lc;

	dbsp_engine_pin_settings();
	foreach(lc, views)
	{
		CHECK_FOR_INTERRUPTS();
		derive_routes(lfirst_int(lc), receive, arg);
	}
	AtEOXact_GUC(false, level);
}

static void
build_layout(DbspCachedSource *source, Bitmapset *columns)
{
	Relation	rel = relation_open(source->relid, AccessShareLock);
	TupleDesc	desc = CreateTemplateTupleDesc(bms_num_members(columns));
	int			attnum = -1;
	int			n = 0;

	source->layout.id = next_layout_id++;
	source->layout.ncolumns = bms_num_members(columns);
	source->layout.attnums = palloc(Max(source->layout.ncolumns, 1) * sizeof(AttrNumber));
	source->columns = source->layout.attnums;
	while ((attnum = bms_next_member(columns, attnum)) >= 0)
	{
		source->layout.attnums[n++] = attnum;
		TupleDescCopyEntry(desc, n, RelationGetDescr(rel), attnum);
		source->max_attnum = attnum;
	}
	source->layout.desc = dbsp_row_desc(desc);
	relation_close(rel, NoLock);
}

/* Fills in the entry of a table that views read.  Its memory context is current. */
static void
build_source(DbspCachedSource *source)
{
	SourceBuild build = {.relid = source->relid};

	set_views(&build, source->views);
	build.router = dbsp_router_begin();
	dbsp_catalog_scan_routes(source->relid, receive_row, &build);
	source->missing = unknown_views(&build);
	if (source->missing != NIL)
		derive_all(source->missing, receive_row, &build);
	source->router = dbsp_router_finish(build.router);
	build_layout(source, build.columns);
	pfree(build.views);
	pfree(build.known);
}

uint64
dbsp_cache_sources_version(void)
{
	return dbsp_cache_invalidations() + builds;
}

/* At the end of a transaction, where nobody has one of them in hand. */
void
dbsp_cache_source_end_of_transaction(void)
{
	HASH_SEQ_STATUS status;
	SourceEntry *entry;

	if (hash_get_num_entries(source_hash) <= sources_limit)
		return;
	hash_seq_init(&status, source_hash);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->source && entry->source->valid)
			continue;
		if (entry->source)
			MemoryContextDelete(entry->source->cxt);
		hash_search(source_hash, &entry->relid, HASH_REMOVE, NULL);
	}
	builds++;
	sources_limit = Max(FEW_SOURCES, 2 * hash_get_num_entries(source_hash));
}

DbspCachedSource *
dbsp_cache_source(Oid relid)
{
	bool		found;
	SourceEntry *entry = hash_search(source_hash, &relid, HASH_ENTER, &found);
	DbspCachedSource *source;
	uint64		before = dbsp_cache_invalidations();
	MemoryContext cxt;
	MemoryContext old;

	if (!found)
		entry->source = NULL;
	if (entry->source && entry->source->valid)
		return entry->source;
	if (entry->source)
		MemoryContextDelete(entry->source->cxt);
	entry->source = NULL;
	builds++;

	cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp source", ALLOCSET_START_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	source = palloc0(sizeof(DbspCachedSource));
	source->relid = relid;
	source->cxt = cxt;
	source->views = dbsp_catalog_views_on(relid);
	/* Without views the table itself may be gone, and deltas of it still be there. */
	if (source->views != NIL)
		build_source(source);
	MemoryContextSwitchTo(old);

	/* Building may have looked up other tables; only now, when nothing can fail, is it ours. */
	MemoryContextSetParent(cxt, source_cxt);
	source->valid = dbsp_cache_invalidations() == before;
	some_are_missing |= source->missing != NIL;
	entry = hash_search(source_hash, &relid, HASH_FIND, NULL);
	entry->source = source;
	return source;
}

/* ---- adding to the catalog ---- */

/* Fields of an advisory lock that says who adds routes; the last one is of our own class, see store/keylock.c. */
#define STORE_LOCK_CLASS 0xDB5A

static void
note_known(const DbspRouteRow *row, void *arg)
{
	SourceBuild *build = arg;
	int			position = position_of(build, row);

	if (position >= 0)
		build->known[position] = true;
}

static void
insert_row(const DbspRouteRow *row, void *arg)
{
	dbsp_catalog_insert_route(row);
}

/* Adds what the catalog lacks on these views on the table. */
static void
store_routes(Oid relid, List *views)
{
	SourceBuild build = {.relid = relid};
	List	   *missing;
	ListCell   *lc;

	/* Another transaction may have added some. */
	set_views(&build, views);
	dbsp_catalog_scan_routes(relid, note_known, &build);
	missing = unknown_views(&build);
	foreach(lc, missing)
		dbsp_catalog_delete_routes(lfirst_int(lc));
	CommandCounterIncrement();
	derive_all(missing, insert_row, NULL);
	CommandCounterIncrement();
}

/*
 * One transaction at a time adds rows, and nobody waits for it: the others go
 * on without.  Views that are being created bring their own rows along.
 */
static bool
lock_routes(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, STORE_LOCK_CLASS);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
dbsp_engine_store_routes(void)
{
	HASH_SEQ_STATUS status;
	SourceEntry *entry;
	List	   *relids = NIL;
	ListCell   *lc;

	if (!some_are_missing || IsolationIsSerializable() || !dbsp_catalog_keeps_routes() || !lock_routes())
		return;
	hash_seq_init(&status, source_hash);
	while ((entry = hash_seq_search(&status)) != NULL)
		if (entry->source && entry->source->missing != NIL)
			relids = lappend_oid(relids, entry->relid);
	/* At commit there is none, and long constants are toasted. */
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(lc, relids)
	{
		DbspCachedSource *source = dbsp_cache_source(lfirst_oid(lc));

		store_routes(source->relid, list_copy(source->missing));
		/* Marked, the entry learns at its next use that nothing is missing. */
		source->valid = false;
	}
	PopActiveSnapshot();
	some_are_missing = false;
}

void
dbsp_engine_insert_routes(DbspViewNumber view, DbspPlan *plan)
{
	if (dbsp_catalog_keeps_routes())
		dbsp_router_rows(view, plan, insert_row, NULL);
}
