/*-------------------------------------------------------------------------
 *
 * alter.c
 *	  dbsp_ivm.alter_view(): another query for a view.
 *
 * The public view stays: its OID, privileges, comments and what depends on
 * it.  Like CREATE OR REPLACE VIEW it keeps its columns and may get more.
 * What is behind it is made anew beside the old, under the view's number, and
 * the old is dropped in the end.  A shadow table of the same form stays as
 * well, with its indexes and whatever the user has set on it; its rows are
 * replaced, so that older snapshots keep what they see.  From a shadow table
 * of another form its indexes, statistics objects and privileges are carried
 * over.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/relation.h"
#include "access/reloptions.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "catalog/catalog.h"
#include "compile/compile.h"
#include "engine/engine.h"
#include "command/carry.h"
#include "command/creation.h"
#include "command/ddl_guard.h"
#include "command/dependents.h"
#include "command/drop.h"
#include "command/identity.h"
#include "command/lock.h"
#include "command/names.h"
#include "command/probe_index.h"
#include "command/tables.h"

typedef struct Alteration
{
	DbspCreation common;		/* first: it is found by its address */
	DbspViewRow old;
	List	   *old_sources;	/* OID list */
	List	   *old_relations;	/* OID list: what is to be dropped in the end */
	DbspCarried *carried;		/* what the new shadow table gets from the old one; NULL if that stays */
} Alteration;

PG_FUNCTION_INFO_V1(dbsp_sql_alter_view);

static void reload(Alteration *alteration);
static void check_unused(const Alteration *alteration);
static void check_columns(const Alteration *alteration);
static void check_views_above(const Alteration *alteration);
static List *wanted_locks(Alteration *alteration);
static void set_aside(void *arg);
static void make_tables(DbspCreation *creation);
static void replace_public_view(void *arg);
static void replace_catalog(void *arg);

/*
 * alter_view(name text, query text, create_indexes boolean) returns regclass
 */
Datum
dbsp_sql_alter_view(PG_FUNCTION_ARGS)
{
	Alteration	alteration = {.common = {.command = "dbsp_ivm.alter_view()", .make_tables = make_tables}};
	DbspCreation *common = &alteration.common;
	char	   *name = dbsp_required_text(fcinfo, 0, "name");
	bool		create_indexes = PG_ARGISNULL(2) || PG_GETARG_BOOL(2);

	common->sql = dbsp_required_text(fcinfo, 1, "query");
	dbsp_require_fresh_snapshot(common->command);
	(void) dbsp_find_named_view(name, NoLock, false, &alteration.old);
	dbsp_require_owner(&alteration.old);
	common->name = get_rel_name(alteration.old.relation);
	common->owner = dbsp_relation_owner(alteration.old.definition);
	dbsp_creation_analyze(common);
	dbsp_lock_take(dbsp_creation_want(common, wanted_locks(&alteration)));
	reload(&alteration);
	common->owner = dbsp_relation_owner(alteration.old.definition);
	check_unused(&alteration);
	dbsp_creation_recheck(common);
	dbsp_follow_column_names(&alteration.old);
	check_columns(&alteration);
	check_views_above(&alteration);

	common->row = alteration.old;
	dbsp_run_as_extension(set_aside, &alteration);
	dbsp_creation_make(common);
	dbsp_run_as_extension(replace_public_view, &alteration);
	dbsp_run_as_extension(replace_catalog, &alteration);
	dbsp_engine_forget(common->row.number);
	dbsp_probe_index_provide(common->plan, common->name, create_indexes);
	PG_RETURN_OID(common->row.relation);
}

/* What was locked must be what there is. */
static void
reload(Alteration *alteration)
{
	Oid			definition = alteration->old.definition;

	dbsp_reload_view(alteration->common.name, &alteration->old);
	if (alteration->old.definition != definition)
		ereport(ERROR,
				errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				errmsg("the query of view \"%s\" was changed concurrently", alteration->common.name),
				errhint("Try again."));
}

/* Readers and writers wait for the end: the view must not change between two statements of theirs. */
static List *
wanted_locks(Alteration *alteration)
{
	List	   *wanted = NIL;
	ListCell   *lc;

	alteration->old_sources = dbsp_catalog_sources(alteration->old.number);
	foreach(lc, dbsp_catalog_relations(&alteration->old))
		wanted = dbsp_lock_want(wanted, lfirst_oid(lc), AccessExclusiveLock);
	foreach(lc, alteration->old_sources)
	{
		bool		released = !list_member_oid(alteration->common.sources, lfirst_oid(lc)) &&
			list_length(dbsp_catalog_views_on(lfirst_oid(lc))) == 1;

		wanted = dbsp_lock_want_source(wanted, lfirst_oid(lc), released ? AccessExclusiveLock : ShareRowExclusiveLock);
	}
	return wanted;
}

/* Errors if a cursor, or a query that has called us, reads the view. */
static void
check_unused(const Alteration *alteration)
{
	ListCell   *lc;

	foreach(lc, dbsp_catalog_relations(&alteration->old))
	{
		Relation	rel = relation_open(lfirst_oid(lc), NoLock);

		if (rel->rd_refcnt != 1)
			ereport(ERROR,
					errcode(ERRCODE_OBJECT_IN_USE),
					errmsg("cannot execute %s because view \"%s\" is being used by active queries in this session",
						   alteration->common.command, alteration->common.name));
		relation_close(rel, NoLock);
	}
}

/* The error for a column of the view that the new query does not give as it is. */
static void pg_attribute_noreturn()
refuse_column(const char *view, const char *column, const char *detail)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			errmsg("cannot change column \"%s\" of view \"%s\"", column, view),
			errdetail("%s", detail),
			errhint("A new query gives all columns of the view with their names and types in their order, and may give more after them; "
					"ALTER VIEW renames columns."));
}

/* As checkViewTupleDesc() in commands/view.c, before anything is done. */
static void
check_column(const char *view, Form_pg_attribute column, const TargetEntry *given)
{
	const char *name = NameStr(column->attname);
	Node	   *expr = (Node *) given->expr;

	if (strcmp(given->resname, name) != 0)
		refuse_column(view, name, psprintf("The query gives \"%s\" in its place.", given->resname));
	if (exprType(expr) != column->atttypid || exprTypmod(expr) != column->atttypmod)
		refuse_column(view, name, psprintf("Its type is %s, and the query gives %s.",
										   format_type_with_typemod(column->atttypid, column->atttypmod),
										   format_type_with_typemod(exprType(expr), exprTypmod(expr))));
	if (exprCollation(expr) != column->attcollation)
		refuse_column(view, name, "The query gives it another collation.");
}

static void
check_columns(const Alteration *alteration)
{
	const DbspCreation *common = &alteration->common;
	Relation	view = relation_open(alteration->old.relation, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(view);
	int			n = 0;
	ListCell   *lc;

	foreach(lc, common->query->targetList)
	{
		TargetEntry *given = lfirst_node(TargetEntry, lc);

		if (!given->resjunk && n < desc->natts)
			check_column(common->name, TupleDescAttr(desc, n++), given);
	}
	if (n < desc->natts)
		refuse_column(common->name, NameStr(TupleDescAttr(desc, n)->attname), "The query does not give it.");
	relation_close(view, NoLock);
}

/* The change has no delta that views above could follow. */
static void
check_views_above(const Alteration *alteration)
{
	const DbspViewRow *row = &alteration->old;
	List	   *views = list_delete_int(dbsp_dependent_views(RelationRelationId, row->relation), row->number);
	DbspViewRow above;

	if (views != NIL && dbsp_catalog_get_view(linitial_int(views), &above))
		ereport(ERROR,
				errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				errmsg("cannot change the query of view \"%s\" because incremental view \"%s\" reads it",
					   alteration->common.name, get_rel_name(above.relation)),
				errhint("Drop that view first, and create it again afterwards."));
}

/*
 * The old form and the new one.
 */

static bool
same_columns(TupleDesc a, TupleDesc b)
{
	if (a->natts != b->natts)
		return false;
	for (int i = 0; i < a->natts; i++)
	{
		Form_pg_attribute left = TupleDescAttr(a, i);
		Form_pg_attribute right = TupleDescAttr(b, i);

		if (strcmp(NameStr(left->attname), NameStr(right->attname)) != 0 || left->atttypid != right->atttypid ||
			left->atttypmod != right->atttypmod || left->attcollation != right->attcollation)
			return false;
	}
	return true;
}

/* True if a table of the one form has the columns and own indexes of the other. */
static bool
same_form(const DbspStateDef *a, const DbspStateDef *b)
{
	return same_columns(a->desc, b->desc) && a->mode == b->mode && (a->exact == NIL) == (b->exact == NIL) &&
		equal(dbsp_state_index_columns(a), dbsp_state_index_columns(b)) && equal(a->extra_indexes, b->extra_indexes);
}

static DbspStateDef *
shadow_def(List *defs)
{
	ListCell   *lc;

	foreach(lc, defs)
		if (((DbspStateDef *) lfirst(lc))->role == DBSP_STATE_SHADOW)
			return lfirst(lc);
	elog(ERROR, "a view without a shadow table");
	return NULL;
}

/* Errors if something else depends on an internal relation that is to be replaced. */
static void
check_foreign_dependents(const DbspViewRow *row, Oid relid)
{
	char	   *dependent = dbsp_foreign_dependent(relid, row);

	if (dependent != NULL)
		ereport(ERROR,
				errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				errmsg("cannot change the query of view \"%s\" because other objects depend on its internal relation \"%s\"",
					   get_rel_name(row->relation), get_rel_name(relid)),
				errdetail("%s depends on it.", dependent),
				errhint("Let it depend on the view instead."));
}

/* As the extension: frees the names of all that is to be replaced. */
static void
set_aside(void *arg)
{
	Alteration *alteration = arg;
	DbspCreation *common = &alteration->common;
	const DbspViewRow *row = &alteration->old;
	DbspStateDef *old_shadow;
	DbspStateDef *new_shadow;
	ListCell   *lc;

	old_shadow = shadow_def(dbsp_catalog_state_defs(row, dbsp_lower_view(row->definition)));
	new_shadow = shadow_def(dbsp_state_defs(dbsp_lower(common->query)));
	if (same_form(old_shadow, new_shadow))
		common->kept = list_make1_oid(row->shadow);
	else
		alteration->carried = dbsp_carry_from(row);
	foreach(lc, dbsp_catalog_relations(row))
	{
		if (lfirst_oid(lc) == row->relation || list_member_oid(common->kept, lfirst_oid(lc)))
			continue;
		check_foreign_dependents(row, lfirst_oid(lc));
		alteration->old_relations = lappend_oid(alteration->old_relations, lfirst_oid(lc));
		dbsp_table_set_aside(lfirst_oid(lc));
	}
}

/* As the extension: the new tables, and the shadow table that stays. */
static void
make_tables(DbspCreation *creation)
{
	ListCell   *lc;

	foreach(lc, creation->defs)
	{
		DbspStateDef *def = lfirst(lc);
		Oid			table;

		if (def->role == DBSP_STATE_SHADOW && creation->kept != NIL)
			table = linitial_oid(creation->kept);
		else
			table = dbsp_table_create(dbsp_state_table_name(creation->row.number, def), def, creation->owner);
		creation->tables = lappend_oid(creation->tables, table);
		if (def->role == DBSP_STATE_SHADOW)
			creation->row.shadow = table;
	}
}

/*
 * The exchange.
 */

/* The options of the view, which its replacement would reset. */
static List *
view_options(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		isnull;
	Datum		options;
	List	   *result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	options = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_reloptions, &isnull);
	result = isnull ? NIL : untransformRelOptions(options);
	ReleaseSysCache(tuple);
	return result;
}

/* As the extension. */
static void
replace_public_view(void *arg)
{
	Alteration *alteration = arg;
	DbspCreation *common = &alteration->common;

	dbsp_creation_define_view(common, get_rel_namespace(common->row.relation), true, view_options(common->row.relation));
}

/* As the extension. */
static void
replace_catalog(void *arg)
{
	Alteration *alteration = arg;
	DbspCreation *common = &alteration->common;
	ObjectAddresses *addresses = new_object_addresses();
	ListCell   *lc;

	dbsp_catalog_delete_view(common->row.number);
	dbsp_creation_publish(common);
	foreach(lc, alteration->old_relations)
	{
		ObjectAddress address;

		ObjectAddressSet(address, RelationRelationId, lfirst_oid(lc));
		add_exact_object_address(&address, addresses);
	}
	performMultipleDeletions(addresses, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
	free_object_addresses(addresses);
	CommandCounterIncrement();
	if (alteration->carried != NULL)
		dbsp_carry_to(alteration->carried, common->row.shadow);
	dbsp_drop_release_sources(alteration->old_sources);
}
