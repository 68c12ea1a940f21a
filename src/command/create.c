/*-------------------------------------------------------------------------
 *
 * create.c
 *	  dbsp_ivm.create_view().
 *
 * The order matters: the base tables are locked against writers before the
 * pending deltas are folded and the fill takes its snapshot; indexes come
 * after the fill; the catalog rows, which make other backends maintain the
 * view, become visible with the release of the locks.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "catalog/catalog.h"
#include "catalog/partition_tree.h"
#include "compile/compile.h"
#include "engine/engine.h"
#include "engine/rebuild.h"
#include "command/identity.h"
#include "command/names.h"
#include "command/probe_index.h"
#include "command/tables.h"

typedef struct Creation
{
	const char *sql;
	RangeVar   *target;
	Oid			namespace;
	Oid			owner;			/* the caller */
	Query	   *query;
	DbspViewRow row;
	DbspPlan   *plan;			/* of the definition view */
	List	   *defs;			/* of DbspStateDef */
	List	   *tables;			/* OID list, parallel to defs */
	List	   *key_views;		/* OID list */
	List	   *key_numbers;	/* integer list, parallel: number of the source */
} Creation;

PG_FUNCTION_INFO_V1(dbsp_sql_create_view);

static void analyze_definition(Creation *creation);
static void lock_sources(List *sources);
static void create_relations(void *arg);
static void fill_tables(void *arg);
static void finish_tables(void *arg);
static void create_public_view(void *arg);
static void publish(void *arg);

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

/*
 * create_view(name text, query text, create_indexes boolean) returns regclass
 */
Datum
dbsp_sql_create_view(PG_FUNCTION_ARGS)
{
	Creation	creation = {0};
	char	   *name = dbsp_required_text(fcinfo, 0, "name");
	bool		create_indexes = PG_ARGISNULL(2) || PG_GETARG_BOOL(2);
	List	   *sources;

	creation.sql = dbsp_required_text(fcinfo, 1, "query");
	creation.owner = GetUserId();
	dbsp_require_fresh_snapshot("dbsp_ivm.create_view()");
	resolve_target(&creation, name);
	analyze_definition(&creation);

	sources = dbsp_plan_sources(dbsp_lower(copyObject(creation.query)));
	lock_sources(sources);
	/* The tables may have changed until they were locked. */
	dbsp_check_raise(dbsp_check(creation.query), creation.sql);
	dbsp_engine_fold_all();

	creation.row.number = dbsp_catalog_next_number();
	dbsp_run_as_extension(create_relations, &creation);
	if (!equal(sources, dbsp_plan_sources(creation.plan)))
		ereport(ERROR,
				errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				errmsg("the relations that view \"%s\" reads were changed concurrently", creation.target->relname),
				errhint("Try again."));
	dbsp_run_as_user(creation.owner, true, fill_tables, &creation);
	dbsp_run_as_extension(finish_tables, &creation);
	dbsp_run_as_user(creation.owner, false, create_public_view, &creation);
	dbsp_run_as_extension(publish, &creation);
	dbsp_probe_index_provide(creation.plan, creation.target->relname, create_indexes);
	PG_RETURN_OID(creation.row.relation);
}

/* Checks the privileges on every relation of a rewritten query, as its execution would. */
static bool
check_privileges_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		(void) ExecCheckRTPerms(query->rtable, true);
		if (query->hasRowSecurity)
			ereport(ERROR,
					errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("incremental views cannot read tables whose row-level security binds their owner"),
					errhint("Create the view as a role that the policies do not apply to."));
		return query_tree_walker(query, check_privileges_walker, context, 0);
	}
	return expression_tree_walker(node, check_privileges_walker, context);
}

/* Analyses the query and refuses what cannot be maintained or may not be read. */
static void
analyze_definition(Creation *creation)
{
	RawStmt    *raw;
	ListCell   *lc;

	creation->query = dbsp_analyze(creation->sql, &raw);
	dbsp_check_raise(dbsp_check(creation->query), creation->sql);
	foreach(lc, QueryRewrite(copyObject(creation->query)))
		(void) check_privileges_walker(lfirst(lc), NULL);
}

/*
 * Who declares a view makes other people's writes run its expressions, so he
 * needs what CREATE TRIGGER needs: TRIGGER on a table and on its partitions.
 */
static void
check_writable(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);
	const char *name = RelationGetRelationName(rel);

	if (pg_class_aclcheck(relid, GetUserId(), ACL_TRIGGER) != ACLCHECK_OK)
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied for table %s", name),
				errdetail("An incremental view installs triggers on the tables that it reads."),
				errhint("The owner of the table can GRANT TRIGGER ON %s TO %s.",
						quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)), name),
						quote_identifier(GetUserNameFromId(GetUserId(), false))));
	/* In the middle of a command that writes the table, part of its rows would be counted twice. */
	if (rel->rd_refcnt != (rel->rd_isnailed ? 2 : 1))
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_IN_USE),
				errmsg("cannot create an incremental view because table \"%s\" is being used by active queries in this session",
					   name));
}

static void
check_source(Relation rel)
{
	check_writable(rel);
	if (check_enable_rls(RelationGetRelid(rel), InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("incremental views cannot read table \"%s\", whose row-level security binds their owner",
					   RelationGetRelationName(rel)),
				errhint("Create the view as a role that the policies do not apply to."));
}

/* Locks everything below a partitioned table against writers, too: they need not go through the table. */
static void
lock_partitions(Oid source)
{
	ListCell   *lc;

	foreach(lc, dbsp_partition_leaves(source, ShareRowExclusiveLock))
	{
		Relation	leaf = table_open(lfirst_oid(lc), NoLock);

		check_writable(leaf);
		table_close(leaf, NoLock);
	}
}

/* Locks the tables (OID list, ascending) against writers and checks the caller's rights on them. */
static void
lock_sources(List *sources)
{
	ListCell   *lc;

	foreach(lc, sources)
	{
		Relation	rel;

		/* Before waiting for a lock that needs a right as well. */
		if (pg_class_aclcheck(lfirst_oid(lc), GetUserId(), ACL_TRIGGER) == ACLCHECK_OK)
			LockRelationOid(lfirst_oid(lc), ShareRowExclusiveLock);
		rel = table_open(lfirst_oid(lc), AccessShareLock);
		check_source(rel);
		table_close(rel, NoLock);
		if (dbsp_partition_is_partitioned(lfirst_oid(lc)))
			lock_partitions(lfirst_oid(lc));
	}
}

/* As the extension: the definition view, the guards of primary keys, the empty tables. */
static void
create_relations(void *arg)
{
	Creation   *creation = arg;
	DbspViewNumber number = creation->row.number;
	List	   *guarded = NIL;
	ListCell   *lc;

	creation->row.definition = dbsp_table_create_view(psprintf("definition_%d", number), creation->query,
													  creation->owner);
	creation->plan = dbsp_lower_view(creation->row.definition);
	creation->defs = dbsp_state_defs(creation->plan);

	foreach(lc, dbsp_plan_nodes(creation->plan))
	{
		DbspPlan   *node = lfirst(lc);
		Oid			view;

		if (node->kind != DBSP_PLAN_SOURCE || !node->keyed || list_member_oid(guarded, node->relid))
			continue;
		guarded = lappend_oid(guarded, node->relid);
		view = dbsp_table_create_key_view(psprintf("key_%d_%d", number, node->number), node->relid, creation->owner);
		if (!OidIsValid(view))
			elog(ERROR, "table %u has no primary key", node->relid);
		creation->key_views = lappend_oid(creation->key_views, view);
		creation->key_numbers = lappend_int(creation->key_numbers, node->number);
	}

	foreach(lc, creation->defs)
	{
		DbspStateDef *def = lfirst(lc);
		Oid			table = dbsp_table_create(dbsp_table_name(number, def), def, creation->owner);

		creation->tables = lappend_oid(creation->tables, table);
		if (def->role == DBSP_STATE_SHADOW)
			creation->row.shadow = table;
	}
}

/* As the owner, restricted, since the definition's functions run. */
static void
fill_tables(void *arg)
{
	Creation   *creation = arg;

	dbsp_engine_pin_settings();
	dbsp_engine_fill(creation->defs, creation->tables);
	CommandCounterIncrement();
}

static void
finish_tables(void *arg)
{
	Creation   *creation = arg;
	ListCell   *def_cell;
	ListCell   *table_cell;

	forboth(def_cell, creation->defs, table_cell, creation->tables)
		dbsp_table_finish(lfirst(def_cell), lfirst_oid(table_cell));
}

/* As the owner: what he and others read. */
static void
create_public_view(void *arg)
{
	Creation   *creation = arg;
	DbspStateDef *def = NULL;
	StringInfoData sql;
	ListCell   *lc;

	foreach(lc, creation->defs)
		if (((DbspStateDef *) lfirst(lc))->role == DBSP_STATE_SHADOW)
			def = lfirst(lc);

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE VIEW %s AS SELECT ",
					 quote_qualified_identifier(get_namespace_name(creation->namespace), creation->target->relname));
	for (int i = 0; i < creation->plan->nvisible; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(NameStr(TupleDescAttr(def->desc, i)->attname)));
	appendStringInfo(&sql, " FROM %s WHERE ",
					 quote_qualified_identifier(DBSP_INTERNAL_SCHEMA, dbsp_table_name(creation->row.number, def)));
	if (def->visible_column > 0)
		appendStringInfo(&sql, "%s AND ",
						 quote_identifier(NameStr(TupleDescAttr(def->desc, def->visible_column - 1)->attname)));
	/* Always true; makes the view depend on the definition, and so on all that the definition reads. */
	appendStringInfo(&sql, "NULL::%s[] IS NULL",
					 quote_qualified_identifier(DBSP_INTERNAL_SCHEMA, get_rel_name(creation->row.definition)));
	dbsp_run_sql(sql.data);
	CommandCounterIncrement();

	creation->row.relation = get_relname_relid(creation->target->relname, creation->namespace);
	if (!OidIsValid(creation->row.relation))
		elog(ERROR, "view \"%s\" disappeared while it was created", creation->target->relname);
}

/* As the extension: triggers and catalog rows; from now on the view is maintained. */
static void
publish(void *arg)
{
	Creation   *creation = arg;
	DbspViewNumber number = creation->row.number;
	ListCell   *lc;
	ListCell   *lc2;

	dbsp_trigger_create_view_guard(creation->row.relation);
	creation->row.created = GetCurrentTransactionStartTimestamp();
	dbsp_catalog_insert_view(&creation->row);
	forboth(lc, creation->defs, lc2, creation->tables)
	{
		DbspStateDef *def = lfirst(lc);

		dbsp_catalog_insert_state(number, def->plan->number, dbsp_state_role_name(def), lfirst_oid(lc2));
	}
	forboth(lc, creation->key_views, lc2, creation->key_numbers)
		dbsp_catalog_insert_state(number, lfirst_int(lc2), DBSP_ROLE_KEY, lfirst_oid(lc));
	foreach(lc, dbsp_plan_sources(creation->plan))
	{
		dbsp_catalog_insert_source(number, lfirst_oid(lc));
		dbsp_trigger_create_capture(lfirst_oid(lc));
		CacheInvalidateRelcacheByRelid(lfirst_oid(lc));
	}
	CacheInvalidateRelcacheByRelid(creation->row.shadow);
	CommandCounterIncrement();
	dbsp_engine_view_is_current(number);
}
