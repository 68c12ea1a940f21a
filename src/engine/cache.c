/*-------------------------------------------------------------------------
 *
 * cache.c
 *	  What a backend knows of views: their circuits, and which views read
 *	  which columns of a table.
 *
 * Entries are made on first use and dropped by flag: the relcache callback
 * (any change of a base table, an internal table or a definition view, and
 * their indexes) and the syscache callbacks for functions and for domains,
 * whose constraints are compiled in, only mark entries; the next use builds
 * them anew.  An entry's memory is one context, freed then.
 * A circuit that a fold was using when it failed is marked too: its slots
 * and scans refer to buffers that the abort has released.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/transam.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "catalog/partition_tree.h"
#include "compile/compile.h"
#include "engine/cache.h"
#include "engine/engine.h"
#include "engine/expressions.h"
#include "engine/rebuild.h"
#include "plan/state.h"
#include "store/heap_store.h"

typedef struct ViewEntry
{
	DbspViewNumber number;		/* key */
	DbspCachedView *view;
} ViewEntry;

typedef struct SourceEntry
{
	Oid			relid;			/* key */
	DbspCachedSource *source;
} SourceEntry;

static HTAB *view_hash = NULL;
static HTAB *source_hash = NULL;
static MemoryContext cache_cxt = NULL;
static uint64 next_layout_id = 1;
/* How many times entries were marked: tells what is built in the meantime that it may be out of date. */
static uint64 invalidations = 0;

/* ---- invalidation ---- */

static bool
view_uses(const DbspCachedView *view, Oid relid)
{
	return view->row.definition == relid || view->row.relation == relid ||
		list_member_oid(view->relations, relid) || list_member_oid(view->sources, relid);
}

static void
relation_changed(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	ViewEntry  *entry;
	SourceEntry *source;

	invalidations++;
	dbsp_partition_note_change(relid);
	hash_seq_init(&status, view_hash);
	while ((entry = hash_seq_search(&status)) != NULL)
		if (entry->view && (!OidIsValid(relid) || view_uses(entry->view, relid)))
			entry->view->valid = false;
	if (OidIsValid(relid))
	{
		source = hash_search(source_hash, &relid, HASH_FIND, NULL);
		if (source && source->source)
			source->source->valid = false;
		return;
	}
	hash_seq_init(&status, source_hash);
	while ((source = hash_seq_search(&status)) != NULL)
		if (source->source)
			source->source->valid = false;
}

static void
function_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	relation_changed(arg, InvalidOid);
}

static void
domain_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	HASH_SEQ_STATUS status;
	ViewEntry  *entry;

	invalidations++;
	hash_seq_init(&status, view_hash);
	while ((entry = hash_seq_search(&status)) != NULL)
		if (entry->view && (hashvalue == 0 ? entry->view->domains != NIL :
							list_member_oid(entry->view->domains, hashvalue)))
			entry->view->valid = false;
}

void
dbsp_cache_init(void)
{
	HASHCTL		ctl = {0};

	cache_cxt = AllocSetContextCreate(TopMemoryContext, "dbsp cache", ALLOCSET_DEFAULT_SIZES);
	ctl.keysize = sizeof(DbspViewNumber);
	ctl.entrysize = sizeof(ViewEntry);
	ctl.hcxt = cache_cxt;
	view_hash = hash_create("dbsp views", 32, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(SourceEntry);
	source_hash = hash_create("dbsp sources", 32, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, function_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, domain_changed, (Datum) 0);
}

/* ---- views ---- */

/* The owner of a relation, who may not exist any more by name. */
static Oid
relation_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Fills in the entry: plan, tables, circuit.  Its memory context is current. */
static void
build_view(DbspCachedView *view)
{
	ListCell   *lc;

	view->plan = dbsp_lower_view(view->row.definition);
	view->defs = dbsp_state_defs(view->plan);
	foreach(lc, view->defs)
	{
		DbspStateDef *def = lfirst(lc);
		Oid			relation = dbsp_catalog_state_table(&view->row, def);

		if (!OidIsValid(relation))
			ereport(ERROR,
					errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("an internal table of incremental view \"%s\" is missing", view->name),
					errhint("Drop the view and create it again."));
		view->relations = lappend_oid(view->relations, relation);
	}
	view->sources = dbsp_plan_sources(view->plan);
	view->store = dbsp_heap_store_create(view->number, view->defs, view->relations);
	view->circuit = dbsp_circuit_build(view->plan, view->store, view->cxt);
	foreach(lc, view->circuit->ops)
		if (((DbspOp *) lfirst(lc))->plan->kind == DBSP_PLAN_SOURCE)
			view->source_ops = lappend(view->source_ops, lfirst(lc));
	view->pins_settings = dbsp_plan_follows_settings(view->plan, view->relations);
	view->domains = dbsp_plan_domains(view->plan);
}

static void
name_view_in_context(void *arg)
{
	errcontext("preparing incremental view %s", ((DbspCachedView *) arg)->name);
}

/*
 * Builds as a fold runs: as the view's owner, whose right to execute functions
 * is looked at now, and under pinned settings, since conditions of indexes are
 * simplified.
 */
static void
build_as_owner(DbspCachedView *view)
{
	ErrorContextCallback context = {.callback = name_view_in_context, .arg = view, .previous = error_context_stack};
	Oid			user;
	int			security_context;
	int			settings_level;

	view->owner = relation_owner(view->row.definition);
	view->name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(view->row.relation)),
											get_rel_name(view->row.relation));
	error_context_stack = &context;
	GetUserIdAndSecContext(&user, &security_context);
	SetUserIdAndSecContext(view->owner, security_context | SECURITY_RESTRICTED_OPERATION);
	settings_level = NewGUCNestLevel();
	dbsp_engine_pin_settings();
	build_view(view);
	AtEOXact_GUC(false, settings_level);
	SetUserIdAndSecContext(user, security_context);
	error_context_stack = context.previous;
}

static void
drop_view_entry(ViewEntry *entry)
{
	if (entry->view)
		MemoryContextDelete(entry->view->cxt);
	entry->view = NULL;
}

DbspCachedView *
dbsp_cache_view(DbspViewNumber number)
{
	bool		found;
	ViewEntry  *entry = hash_search(view_hash, &number, HASH_ENTER, &found);
	DbspViewRow row;
	DbspCachedView *view;
	uint64		before;
	MemoryContext cxt;
	MemoryContext old;

	if (!found)
		entry->view = NULL;
	if (entry->view && (entry->view->valid || entry->view->in_use_level > 0))
		return entry->view;
	drop_view_entry(entry);
	before = invalidations;
	if (!dbsp_catalog_get_view(number, &row))
	{
		hash_search(view_hash, &number, HASH_REMOVE, NULL);
		return NULL;
	}

	cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp view", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(cxt);
	view = palloc0(sizeof(DbspCachedView));
	view->number = number;
	view->row = row;
	view->cxt = cxt;
	build_as_owner(view);
	MemoryContextSwitchTo(old);

	/* Building may have looked up other views; only now, when nothing can fail, is it ours. */
	MemoryContextSetParent(cxt, cache_cxt);
	view->valid = invalidations == before;
	entry = hash_search(view_hash, &number, HASH_FIND, NULL);
	entry->view = view;
	return view;
}

void
dbsp_cache_forget_view(DbspViewNumber number)
{
	ViewEntry  *entry = hash_search(view_hash, &number, HASH_FIND, NULL);

	if (entry && entry->view)
		entry->view->valid = false;
}

void
dbsp_cache_abort(int level)
{
	HASH_SEQ_STATUS status;
	ViewEntry  *entry;

	hash_seq_init(&status, view_hash);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->view == NULL || entry->view->in_use_level < level || entry->view->in_use_level == 0)
			continue;
		entry->view->valid = false;
		entry->view->in_use_level = 0;
	}
}

void
dbsp_cache_end_of_transaction(void)
{
	HASH_SEQ_STATUS status;
	ViewEntry  *entry;

	hash_seq_init(&status, view_hash);
	while ((entry = hash_seq_search(&status)) != NULL)
		if (entry->view && dbsp_heap_store_is_temporary(entry->view->store))
			entry->view->valid = false;
}

/* ---- sources ---- */

/* The attribute numbers of the table that any of the views reads. */
static Bitmapset *
columns_read(Oid relid, List *views)
{
	Bitmapset  *columns = NULL;
	ListCell   *lc;

	foreach(lc, views)
	{
		DbspCachedView *view = dbsp_cache_view(lfirst_int(lc));
		ListCell   *op;

		if (view == NULL)
			continue;
		foreach(op, view->source_ops)
		{
			DbspPlan   *plan = ((DbspOp *) lfirst(op))->plan;
			ListCell   *a;

			if (plan->relid != relid)
				continue;
			foreach(a, plan->attnums)
				columns = bms_add_member(columns, lfirst_int(a));
		}
	}
	return columns;
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

DbspCachedSource *
dbsp_cache_source(Oid relid)
{
	bool		found;
	SourceEntry *entry = hash_search(source_hash, &relid, HASH_ENTER, &found);
	DbspCachedSource *source;
	Bitmapset  *columns;
	uint64		before = invalidations;
	MemoryContext cxt;
	MemoryContext old;

	if (!found)
		entry->source = NULL;
	if (entry->source && entry->source->valid)
		return entry->source;
	if (entry->source)
		MemoryContextDelete(entry->source->cxt);
	entry->source = NULL;

	cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp source", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	source = palloc0(sizeof(DbspCachedSource));
	source->relid = relid;
	source->cxt = cxt;
	source->views = dbsp_catalog_views_on(relid);
	columns = columns_read(relid, source->views);
	/* Without views the table itself may be gone, and deltas of it still be there. */
	if (source->views != NIL)
		build_layout(source, columns);
	MemoryContextSwitchTo(old);

	MemoryContextSetParent(cxt, cache_cxt);
	source->valid = invalidations == before;
	entry = hash_search(source_hash, &relid, HASH_FIND, NULL);
	entry->source = source;
	return source;
}

List *
dbsp_cache_views_on(Oid relid)
{
	return dbsp_cache_source(relid)->views;
}
