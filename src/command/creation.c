/*-------------------------------------------------------------------------
 *
 * creation.c
 *	  Making what is behind a view.
 *
 * The base tables are locked against writers before the pending deltas are
 * folded and the fill takes its snapshot; indexes come after the fill; the
 * catalog rows, which make other backends maintain the view, become visible
 * with the release of the locks.
 *
 * Rights are those of the view's owner, who need not be the one who changes
 * its query: what the view shows is the owner's to grant.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/table.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "commands/view.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteDefine.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "catalog/catalog.h"
#include "catalog/partition_tree.h"
#include "compile/compile.h"
#include "engine/engine.h"
#include "engine/rebuild.h"
#include "command/creation.h"
#include "command/identity.h"
#include "command/lock.h"
#include "command/references.h"
#include "command/tables.h"

/* A copy of the query that reads with the owner's rights, as the definition view will. */
static Query *
as_owner(const DbspCreation *creation)
{
	Query	   *query = copyObject(creation->query);

	setRuleCheckAsUser((Node *) query, creation->owner);
	return query;
}

/*
 * Checks the privileges on every relation of a rewritten query, as its
 * execution would.  Without a context it errors, else it returns true.
 */
static bool
check_privileges_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		if (!ExecCheckRTPerms(query->rtable, context == NULL))
			return true;
		if (query->hasRowSecurity && context != NULL)
			return true;
		if (query->hasRowSecurity)
			ereport(ERROR,
					errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("incremental views cannot read tables whose row-level security binds their owner"),
					errhint("Create the view as a role that the policies do not apply to."));
		return query_tree_walker(query, check_privileges_walker, context, 0);
	}
	return expression_tree_walker(node, check_privileges_walker, context);
}

bool
dbsp_creation_may_read(Oid definition, Oid owner)
{
	Relation	view = table_open(definition, AccessShareLock);
	Query	   *query = copyObject(get_view_query(view));
	bool		may = true;
	int			settings_level = NewGUCNestLevel();
	ListCell   *lc;

	table_close(view, NoLock);
	/* With "off", policies would be an error. */
	(void) set_config_option("row_security", "on", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	setRuleCheckAsUser((Node *) query, owner);
	AcquireRewriteLocks(query, true, false);
	foreach(lc, QueryRewrite(query))
		may = may && !check_privileges_walker(lfirst(lc), &may);
	AtEOXact_GUC(false, settings_level);
	return may;
}

void
dbsp_creation_analyze(DbspCreation *creation)
{
	RawStmt    *raw;
	ListCell   *lc;

	creation->query = dbsp_analyze(creation->sql, &raw);
	/* First: what was locked may have been changed until then. */
	dbsp_lock_references((Node *) creation->query);
	dbsp_check_raise(dbsp_check(as_owner(creation)), creation->sql);
	foreach(lc, QueryRewrite(as_owner(creation)))
		(void) check_privileges_walker(lfirst(lc), NULL);
	creation->sources = dbsp_plan_sources(dbsp_lower(as_owner(creation)));
}

/*
 * Who declares a view makes other people's writes run its expressions, so he
 * needs what CREATE TRIGGER needs: TRIGGER on a table and on its partitions.
 */
static void
check_writable(const DbspCreation *creation, Relation rel)
{
	Oid			relid = RelationGetRelid(rel);
	const char *name = RelationGetRelationName(rel);

	if (pg_class_aclcheck(relid, creation->owner, ACL_TRIGGER) != ACLCHECK_OK)
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("permission denied for table %s", name),
				errdetail("An incremental view installs triggers on the tables that it reads."),
				errhint("The owner of the table can GRANT TRIGGER ON %s TO %s.",
						quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)), name),
						quote_identifier(GetUserNameFromId(creation->owner, false))));
	/* In the middle of a command that writes the table, part of its rows would be counted twice. */
	if (rel->rd_refcnt != (rel->rd_isnailed ? 2 : 1))
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_IN_USE),
				errmsg("cannot execute %s because table \"%s\" is being used by active queries in this session",
					   creation->command, name));
}

static void
check_source(const DbspCreation *creation, Relation rel)
{
	check_writable(creation, rel);
	if (check_enable_rls(RelationGetRelid(rel), creation->owner, true) == RLS_ENABLED)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("incremental views cannot read table \"%s\", whose row-level security binds their owner",
					   RelationGetRelationName(rel)),
				errhint("Create the view as a role that the policies do not apply to."));
}

/* Checks the source and what is below it, which is locked in the mode. */
static void
check_source_tree(const DbspCreation *creation, Oid source, LOCKMODE mode)
{
	Relation	rel = table_open(source, AccessShareLock);
	ListCell   *lc;

	check_source(creation, rel);
	table_close(rel, NoLock);
	if (!dbsp_partition_is_partitioned(source))
		return;
	foreach(lc, dbsp_partition_leaves(source, mode))
	{
		Relation	leaf = table_open(lfirst_oid(lc), NoLock);

		check_writable(creation, leaf);
		table_close(leaf, NoLock);
	}
}

List *
dbsp_creation_want(DbspCreation *creation, List *wanted)
{
	ListCell   *lc;

	foreach(lc, creation->sources)
	{
		/* Before waiting for a lock that needs a right as well. */
		check_source_tree(creation, lfirst_oid(lc), AccessShareLock);
		/* Writers need not go through the partitioned table. */
		wanted = dbsp_lock_want_source(wanted, lfirst_oid(lc), ShareRowExclusiveLock);
	}
	return wanted;
}

void
dbsp_creation_recheck(DbspCreation *creation)
{
	ListCell   *lc;

	/* With the lock of a partitioned table no partition comes; those that came before it are locked now. */
	foreach(lc, creation->sources)
		check_source_tree(creation, lfirst_oid(lc), ShareRowExclusiveLock);
	dbsp_check_raise(dbsp_check(as_owner(creation)), creation->sql);
	dbsp_engine_fold_all();
}

static void
make_tables(DbspCreation *creation)
{
	ListCell   *lc;

	foreach(lc, creation->defs)
	{
		DbspStateDef *def = lfirst(lc);
		Oid			table = dbsp_table_create(dbsp_state_table_name(creation->row.number, def), def, creation->owner);

		creation->tables = lappend_oid(creation->tables, table);
		if (def->role == DBSP_STATE_SHADOW)
			creation->row.shadow = table;
	}
}

/* As the extension: the definition view, the guards of primary keys, the empty tables. */
static void
create_relations(void *arg)
{
	DbspCreation *creation = arg;
	DbspViewNumber number = creation->row.number;
	List	   *guarded = NIL;
	ListCell   *lc;

	/* Constants that the plan folds must not follow the caller's settings. */
	dbsp_engine_pin_settings();
	creation->row.definition = dbsp_table_create_view(psprintf(DBSP_NAME_DEFINITION "%d", number), creation->query,
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
		view = dbsp_table_create_key_view(dbsp_catalog_key_view_name(number, node->number), node->relid, creation->owner);
		if (!OidIsValid(view))
			elog(ERROR, "table %u has no primary key", node->relid);
		creation->key_views = lappend_oid(creation->key_views, view);
		creation->key_numbers = lappend_int(creation->key_numbers, node->number);
	}

	if (creation->make_tables != NULL)
		creation->make_tables(creation);
	else
		make_tables(creation);
}

static void
name_view_in_context(void *arg)
{
	errcontext("filling incremental view \"%s\"", ((DbspCreation *) arg)->name);
}

/* As the owner, restricted, since the definition's functions run. */
static void
fill_tables(void *arg)
{
	DbspCreation *creation = arg;
	ErrorContextCallback context = {.callback = name_view_in_context, .arg = creation, .previous = error_context_stack};

	error_context_stack = &context;
	dbsp_engine_pin_settings();
	dbsp_engine_empty(creation->kept);
	dbsp_engine_fill(creation->defs, creation->tables);
	CommandCounterIncrement();
	error_context_stack = context.previous;
}

static void
finish_tables(void *arg)
{
	DbspCreation *creation = arg;
	ListCell   *def_cell;
	ListCell   *table_cell;

	forboth(def_cell, creation->defs, table_cell, creation->tables)
	{
		if (list_member_oid(creation->kept, lfirst_oid(table_cell)))
			dbsp_table_analyze(lfirst_oid(table_cell));
		else
			dbsp_table_finish(lfirst(def_cell), lfirst_oid(table_cell));
	}
}

void
dbsp_creation_make(DbspCreation *creation)
{
	dbsp_run_as_extension(create_relations, creation);
	if (!equal(creation->sources, dbsp_plan_sources(creation->plan)))
		ereport(ERROR,
				errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				errmsg("the relations that view \"%s\" reads were changed concurrently", creation->name),
				errhint("Try again."));
	dbsp_run_as_user(creation->owner, true, fill_tables, creation);
	dbsp_run_as_extension(finish_tables, creation);
}

/* The query of the public view. */
static char *
public_query(const DbspCreation *creation)
{
	DbspStateDef *def = NULL;
	StringInfoData sql;
	ListCell   *lc;

	foreach(lc, creation->defs)
		if (((DbspStateDef *) lfirst(lc))->role == DBSP_STATE_SHADOW)
			def = lfirst(lc);

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	for (int i = 0; i < creation->plan->nvisible; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(NameStr(TupleDescAttr(def->desc, i)->attname)));
	appendStringInfo(&sql, " FROM %s WHERE ",
					 quote_qualified_identifier(DBSP_INTERNAL_SCHEMA, dbsp_state_table_name(creation->row.number, def)));
	if (def->visible_column > 0)
		appendStringInfo(&sql, "%s AND ",
						 quote_identifier(NameStr(TupleDescAttr(def->desc, def->visible_column - 1)->attname)));
	/* Always true; makes the view depend on the definition, and so on all that the definition reads. */
	appendStringInfo(&sql, "NULL::%s[] IS NULL",
					 quote_qualified_identifier(DBSP_INTERNAL_SCHEMA, get_rel_name(creation->row.definition)));
	return sql.data;
}

void
dbsp_creation_define_view(DbspCreation *creation, Oid namespace, bool replace, List *options)
{
	char	   *sql = public_query(creation);
	ViewStmt   *stmt = makeNode(ViewStmt);

	stmt->view = makeRangeVar(get_namespace_name(namespace), pstrdup(creation->name), -1);
	stmt->query = linitial_node(RawStmt, pg_parse_query(sql))->stmt;
	stmt->replace = replace;
	stmt->options = options;
	stmt->withCheckOption = NO_CHECK_OPTION;
	creation->row.relation = DefineView(stmt, sql, -1, -1).objectId;
	CommandCounterIncrement();
}

void
dbsp_creation_publish(void *arg)
{
	DbspCreation *creation = arg;
	DbspViewNumber number = creation->row.number;
	ListCell   *lc;
	ListCell   *lc2;

	dbsp_catalog_insert_view(&creation->row);
	forboth(lc, creation->defs, lc2, creation->tables)
	{
		DbspStateDef *def = lfirst(lc);

		dbsp_catalog_insert_state(number, def->plan->number, dbsp_state_role_name(def), lfirst_oid(lc2));
	}
	forboth(lc, creation->key_views, lc2, creation->key_numbers)
		dbsp_catalog_insert_state(number, lfirst_int(lc2), DBSP_ROLE_KEY, lfirst_oid(lc));
	dbsp_engine_insert_routes(number, creation->plan);
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
