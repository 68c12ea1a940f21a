/*-------------------------------------------------------------------------
 *
 * cache.c
 *	  What a backend knows of views: their circuits.
 *
 * Entries are made on first use and dropped by flag: the relcache callback
 * (any change of a base table, an internal table or a definition view, and
 * their indexes) and the syscache callbacks for functions and for domains,
 * whose constraints are compiled in, only mark entries; the next use builds
 * them anew.  An entry's memory is one context, freed then.
 * A circuit that a fold was using when it failed is dropped at once: its slots
 * and scans refer to buffers that the abort releases.
 *
 * Circuits together take up to dbsp_ivm.delta_mem; those that have not been
 * used for longest make room for others.  With a circuit go the relation cache
 * entries of the view's internal relations, which PostgreSQL would keep for as
 * long as the session lasts.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/guc.h"
#include "catalog/partition_tree.h"
#include "compile/compile.h"
#include "engine/cache.h"
#include "engine/engine.h"
#include "engine/expressions.h"
#include "engine/rebuild.h"
#include "plan/state.h"
#include "store/heap_store.h"

/* What PostgreSQL keeps of one internal relation while it is in use, roughly. */
#define RELATION_BYTES 8192

/* More relations are not remembered as being, or not being, shadow tables. */
#define MAX_SHADOWS 1024

typedef struct ViewEntry
{
	DbspViewNumber number;		/* key */
	DbspCachedView *view;
} ViewEntry;

typedef struct ShadowEntry
{
	Oid			relid;			/* key */
	DbspViewNumber view;		/* 0: not a shadow table */
} ShadowEntry;

static HTAB *view_hash = NULL;
static HTAB *shadow_hash = NULL;
static MemoryContext cache_cxt = NULL;
static dlist_head by_recency = DLIST_STATIC_INIT(by_recency);
/* Circuits that a fold or rebuild is using, innermost first. */
static DbspCachedView *in_use = NULL;
/* Some circuit does without an index that is too young for this transaction. */
static bool some_are_temporary = false;
/* How many times entries were marked: tells what is built in the meantime that it may be out of date. */
static uint64 invalidations = 0;

/* ---- invalidation ---- */

uint64
dbsp_cache_invalidations(void)
{
	return invalidations;
}

static bool
view_uses(const DbspCachedView *view, Oid relid)
{
	return view->row.definition == relid || view->row.relation == relid ||
		list_member_oid(view->relations, relid) || list_member_oid(view->sources, relid);
}

/* A relation may have become, or ceased to be, a shadow table. */
static void
forget_shadow(Oid relid)
{
	HASH_SEQ_STATUS status;
	ShadowEntry *entry;

	if (OidIsValid(relid))
	{
		hash_search(shadow_hash, &relid, HASH_REMOVE, NULL);
		return;
	}
	hash_seq_init(&status, shadow_hash);
	while ((entry = hash_seq_search(&status)) != NULL)
		hash_search(shadow_hash, &entry->relid, HASH_REMOVE, NULL);
}

static void
relation_changed(Datum arg, Oid relid)
{
	dlist_iter	iter;

	invalidations++;
	dbsp_partition_note_change(relid);
	dlist_foreach(iter, &by_recency)
	{
		DbspCachedView *view = dlist_container(DbspCachedView, recency, iter.cur);

		if (!OidIsValid(relid) || view_uses(view, relid))
			view->valid = false;
	}
	forget_shadow(relid);
	dbsp_cache_source_changed(relid);
}

static void
function_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	relation_changed(arg, InvalidOid);
}

static void
domain_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	dlist_iter	iter;

	invalidations++;
	dlist_foreach(iter, &by_recency)
	{
		DbspCachedView *view = dlist_container(DbspCachedView, recency, iter.cur);

		if (hashvalue == 0 ? view->domains != NIL : list_member_oid(view->domains, hashvalue))
			view->valid = false;
	}
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
	ctl.entrysize = sizeof(ShadowEntry);
	shadow_hash = hash_create("dbsp shadow tables", 32, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	dbsp_cache_source_init(cache_cxt);
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, function_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, domain_changed, (Datum) 0);
}

/* ---- views ---- */

/* The entry of pg_class; the syscache would keep one of every view that the session has met. */
static void
read_class(Oid relid, FormData_pg_class *class_out)
{
	Relation	rel = table_open(RelationRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_class_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, ClassOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "could not find relation %u", relid);
	memcpy(class_out, GETSTRUCT(tuple), CLASS_TUPLE_SIZE);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

/* OID list: the tables and their indexes. */
static List *
with_indexes(List *relations)
{
	List	   *result = list_copy(relations);
	ListCell   *lc;

	foreach(lc, relations)
	{
		Relation	rel = table_open(lfirst_oid(lc), AccessShareLock);

		result = list_concat(result, RelationGetIndexList(rel));
		table_close(rel, AccessShareLock);
	}
	return result;
}

/* Fills in the entry: plan, tables, circuit.  Its memory context is current. */
static void
build_view(DbspCachedView *view)
{
	ListCell   *lc;

	view->plan = dbsp_lower_view(view->row.definition);
	view->defs = dbsp_catalog_state_defs(&view->row, view->plan);
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
	foreach(lc, view->sources)
		if (dbsp_partition_is_partitioned(lfirst_oid(lc)))
			view->partitioned = lappend_oid(view->partitioned, lfirst_oid(lc));
	view->store = dbsp_heap_store_create(view->number, view->defs, view->relations);
	view->circuit = dbsp_circuit_build(view->plan, view->store, view->cxt);
	foreach(lc, view->circuit->ops)
		if (((DbspOp *) lfirst(lc))->plan->kind == DBSP_PLAN_SOURCE)
			view->inputs = lappend(view->inputs, dbsp_input_make(lfirst(lc)));
	view->internals = with_indexes(view->relations);
	view->pins_settings = dbsp_plan_follows_settings(view->plan, view->relations);
	view->domains = dbsp_plan_domains(view->plan);
	view->circuit->may_fail = dbsp_plan_may_fail(view->plan);
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
	FormData_pg_class class;
	bool		snapshot = !ActiveSnapshotSet();
	Oid			user;
	int			security_context;
	int			settings_level;

	read_class(view->row.definition, &class);
	view->owner = class.relowner;
	read_class(view->row.relation, &class);
	view->name = quote_qualified_identifier(get_namespace_name(class.relnamespace), NameStr(class.relname));
	error_context_stack = &context;
	GetUserIdAndSecContext(&user, &security_context);
	SetUserIdAndSecContext(view->owner, security_context | SECURITY_RESTRICTED_OPERATION);
	settings_level = NewGUCNestLevel();
	dbsp_engine_pin_settings();
	/* Simplification can call functions that run queries. */
	if (snapshot)
		PushActiveSnapshot(GetTransactionSnapshot());
	build_view(view);
	if (snapshot)
		PopActiveSnapshot();
	AtEOXact_GUC(false, settings_level);
	SetUserIdAndSecContext(user, security_context);
	error_context_stack = context.previous;
}

static void
drop_view(DbspCachedView *view)
{
	Assert(view->in_use_level == 0);
	hash_search(view_hash, &view->number, HASH_REMOVE, NULL);
	dlist_delete(&view->recency);
	MemoryContextDelete(view->cxt);
}

static Size
view_bytes(const DbspCachedView *view)
{
	return MemoryContextMemAllocated(view->cxt, true) + list_length(view->internals) * RELATION_BYTES;
}

/* Drops the circuits that no use would find valid, and those that exceed the bound, the ones used last excepted. */
static void
make_room(void)
{
	Size		limit = (Size) dbsp_circuit_mem() * 1024;
	Size		bytes = 0;
	dlist_mutable_iter iter;
	ListCell   *lc;

	dlist_foreach_modify(iter, &by_recency)
	{
		DbspCachedView *view = dlist_container(DbspCachedView, recency, iter.cur);

		if (!view->valid && view->in_use_level == 0)
		{
			drop_view(view);
			continue;
		}
		bytes += view_bytes(view);
		if (bytes <= limit || view->in_use_level > 0)
			continue;
		foreach(lc, view->internals)
			RelationCacheInvalidateEntry(lfirst_oid(lc));
		drop_view(view);
	}
}

static DbspCachedView *
find_view(DbspViewNumber number)
{
	ViewEntry  *entry = hash_search(view_hash, &number, HASH_FIND, NULL);

	return entry ? entry->view : NULL;
}

/*
 * The view, whose definition is locked to the end of the transaction; false if
 * there is none, or none any more: who drops or changes it has the lock.
 */
static bool
find_and_lock(DbspViewNumber number, DbspViewRow *row_out)
{
	Oid			locked = InvalidOid;

	while (dbsp_catalog_get_view(number, row_out))
	{
		if (row_out->definition == locked)
			return true;
		if (OidIsValid(locked))
			UnlockRelationOid(locked, AccessShareLock);
		locked = row_out->definition;
		LockRelationOid(locked, AccessShareLock);
	}
	if (OidIsValid(locked))
		UnlockRelationOid(locked, AccessShareLock);
	return false;
}

static DbspCachedView *
make_view(DbspViewNumber number)
{
	DbspViewRow row;
	DbspCachedView *view;
	uint64		before = invalidations;
	MemoryContext cxt;
	MemoryContext old;
	ViewEntry  *entry;

	if (!find_and_lock(number, &row))
		return NULL;
	make_room();
	cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp view", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(cxt);
	view = palloc0(sizeof(DbspCachedView));
	view->number = number;
	view->row = row;
	view->cxt = cxt;
	build_as_owner(view);
	MemoryContextSwitchTo(old);
	RelationCacheInvalidateEntry(row.definition);

	/* Only now, when nothing else can fail, is it ours. */
	entry = hash_search(view_hash, &number, HASH_ENTER, NULL);
	MemoryContextSetParent(cxt, cache_cxt);
	view->valid = invalidations == before;
	entry->view = view;
	dlist_push_head(&by_recency, &view->recency);
	some_are_temporary |= dbsp_heap_store_is_temporary(view->store);
	return view;
}

DbspCachedView *
dbsp_cache_view(DbspViewNumber number)
{
	DbspCachedView *view = find_view(number);

	if (view && (view->valid || view->in_use_level > 0))
	{
		dlist_move_head(&by_recency, &view->recency);
		return view;
	}
	if (view)
		drop_view(view);
	return make_view(number);
}

DbspCachedView *
dbsp_cache_peek_view(DbspViewNumber number)
{
	DbspCachedView *view = find_view(number);

	return view && view->valid ? view : NULL;
}

DbspViewNumber
dbsp_cache_view_of_shadow(Oid relid)
{
	ShadowEntry *entry = hash_search(shadow_hash, &relid, HASH_FIND, NULL);
	uint64		before = invalidations;
	DbspViewNumber view = 0;

	if (entry)
		return entry->view;
	if (get_rel_namespace(relid) == dbsp_catalog_schema())
		view = dbsp_catalog_view_of_shadow(relid);
	if (invalidations != before)
		return view;
	if (hash_get_num_entries(shadow_hash) >= MAX_SHADOWS)
		forget_shadow(InvalidOid);
	entry = hash_search(shadow_hash, &relid, HASH_ENTER, NULL);
	entry->view = view;
	return view;
}

void
dbsp_cache_begin_use(DbspCachedView *view, int level)
{
	view->in_use_level = level;
	view->outer_in_use = in_use;
	in_use = view;
}

void
dbsp_cache_end_use(DbspCachedView *view)
{
	Assert(in_use == view);
	in_use = view->outer_in_use;
	view->in_use_level = 0;
}

void
dbsp_cache_forget_view(DbspViewNumber number)
{
	DbspCachedView *view = find_view(number);

	if (view)
		view->valid = false;
}

void
dbsp_cache_abort(int level)
{
	/* Those of inner levels were taken into use later. */
	while (in_use && in_use->in_use_level >= level)
	{
		DbspCachedView *view = in_use;

		/* With the circuit goes what the fold had collected: the session may never fold this view again. */
		in_use = view->outer_in_use;
		view->in_use_level = 0;
		drop_view(view);
	}
}

void
dbsp_cache_end_of_transaction(void)
{
	dlist_iter	iter;

	dbsp_cache_source_end_of_transaction();
	if (!some_are_temporary)
		return;
	dlist_foreach(iter, &by_recency)
	{
		DbspCachedView *view = dlist_container(DbspCachedView, recency, iter.cur);

		if (dbsp_heap_store_is_temporary(view->store))
			view->valid = false;
	}
	some_are_temporary = false;
}
