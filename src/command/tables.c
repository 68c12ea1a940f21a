/*-------------------------------------------------------------------------
 *
 * tables.c
 *	  Making the relations behind a view.
 *
 * PostgreSQL's own DDL functions are called without SQL text where they can
 * be: no name is looked up twice, and users' event triggers do not run under
 * the identity of the extension's owner.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_trigger.h"
#include "catalog/toasting.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "commands/trigger.h"
#include "commands/view.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parse_func.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "catalog/catalog.h"
#include "catalog/partition_tree.h"
#include "command/identity.h"
#include "command/tables.h"

/*
 * Share of each page that the fill uses, in percent, so that first updates
 * stay on their page.  A bulk change can touch every group at once: then a page
 * needs room for both versions of its rows, and for three item pointers of each
 * (a redirection, the old and the new version).  With half of the page, a few
 * rows of the second such change have to go elsewhere, where they take the room
 * of others, and within some pages all go.
 */
#define FILL_FACTOR 70
#define FILL_FACTOR_GROUPS 45

/* Creates a relation of the internal schema with these columns (list of ColumnDef). */
static Oid
create_relation(const char *name, char relkind, List *columns, List *options, Oid owner)
{
	CreateStmt *stmt = makeNode(CreateStmt);
	ObjectAddress address;

	stmt->relation = makeRangeVar(DBSP_INTERNAL_SCHEMA, pstrdup(name), -1);
	stmt->tableElts = columns;
	stmt->options = options;
	stmt->oncommit = ONCOMMIT_NOOP;
	if (relkind == RELKIND_RELATION)
		stmt->accessMethod = "heap";
	address = DefineRelation(stmt, relkind, owner, NULL, NULL);
	CommandCounterIncrement();
	return address.objectId;
}

Oid
dbsp_table_create_view(const char *name, const Query *query, Oid owner)
{
	List	   *columns = NIL;
	ListCell   *lc;
	Oid			relid;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Node	   *expr = (Node *) tle->expr;

		if (tle->resjunk)
			continue;
		if (type_is_collatable(exprType(expr)) && !OidIsValid(exprCollation(expr)))
			ereport(ERROR,
					errcode(ERRCODE_INDETERMINATE_COLLATION),
					errmsg("could not determine which collation to use for view column \"%s\"", tle->resname),
					errhint("Use the COLLATE clause to set the collation explicitly."));
		columns = lappend(columns, makeColumnDef(tle->resname, exprType(expr), exprTypmod(expr),
												 exprCollation(expr)));
	}
	if (columns == NIL)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				errmsg("view must have at least one column"));
	relid = create_relation(name, RELKIND_VIEW, columns, NIL, owner);
	StoreViewQuery(relid, copyObject(unconstify(Query *, query)), false);
	CommandCounterIncrement();
	return relid;
}

Oid
dbsp_table_create_key_view(const char *name, Oid source, Oid owner)
{
	Oid			constraint;
	Bitmapset  *attnos = get_primary_key_attnos(source, false, &constraint);
	StringInfoData sql;
	List	   *parsed;
	const char *separator = "";
	int			attno = -1;

	if (attnos == NULL)
		return InvalidOid;
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT ctid FROM ONLY %s GROUP BY ",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(source)),
												get_rel_name(source)));
	while ((attno = bms_next_member(attnos, attno)) >= 0)
	{
		appendStringInfo(&sql, "%s%s", separator,
						 quote_identifier(get_attname(source, attno + FirstLowInvalidHeapAttributeNumber, false)));
		separator = ", ";
	}
	parsed = pg_parse_query(sql.data);
	return dbsp_table_create_view(name,
								  parse_analyze_fixedparams(linitial_node(RawStmt, parsed), sql.data, NULL, 0, NULL),
								  owner);
}

/* Takes the rights to write from the owner; he can still read, and grant reading. */
static void
revoke_writes(const char *name, Oid owner)
{
	static const char *const privileges[] = {"insert", "update", "delete", "truncate", "references", "trigger"};
	GrantStmt  *stmt = makeNode(GrantStmt);
	RoleSpec   *role = makeNode(RoleSpec);

	role->roletype = ROLESPEC_CSTRING;
	role->rolename = GetUserNameFromId(owner, false);
	role->location = -1;
	stmt->is_grant = false;
	stmt->targtype = ACL_TARGET_OBJECT;
	stmt->objtype = OBJECT_TABLE;
	stmt->objects = list_make1(makeRangeVar(DBSP_INTERNAL_SCHEMA, pstrdup(name), -1));
	for (int i = 0; i < lengthof(privileges); i++)
	{
		AccessPriv *privilege = makeNode(AccessPriv);

		privilege->priv_name = pstrdup(privileges[i]);
		stmt->privileges = lappend(stmt->privileges, privilege);
	}
	stmt->grantees = list_make1(role);
	stmt->behavior = DROP_RESTRICT;
	ExecuteGrantStmt(stmt);
	CommandCounterIncrement();
}

Oid
dbsp_table_create(const char *name, const DbspStateDef *def, Oid owner)
{
	List	   *columns = NIL;
	int			fillfactor = def->count_column > 0 && def->role != DBSP_STATE_VALUES ? FILL_FACTOR_GROUPS : FILL_FACTOR;
	List	   *options = list_make1(makeDefElem("fillfactor", (Node *) makeInteger(fillfactor), -1));
	Oid			relid;

	for (int i = 0; i < def->desc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(def->desc, i);

		columns = lappend(columns, makeColumnDef(NameStr(attr->attname), attr->atttypid, attr->atttypmod,
												 attr->attcollation));
	}
	relid = create_relation(name, RELKIND_RELATION, columns, options, owner);
	NewRelationCreateToastTable(relid, (Datum) 0);
	CommandCounterIncrement();
	revoke_writes(name, owner);
	return relid;
}

/* A btree index on columns (integer list) of an internal table. */
static void
create_index(Oid relid, const char *name, List *columns, bool unique)
{
	IndexStmt  *stmt = makeNode(IndexStmt);
	ListCell   *lc;

	stmt->idxname = pstrdup(name);
	stmt->relation = makeRangeVar(DBSP_INTERNAL_SCHEMA, get_rel_name(relid), -1);
	stmt->accessMethod = "btree";
	stmt->unique = unique;
	stmt->nulls_not_distinct = unique;
	stmt->transformed = true;
	foreach(lc, columns)
	{
		IndexElem  *elem = makeNode(IndexElem);

		elem->name = get_attname(relid, lfirst_int(lc), false);
		elem->ordering = SORTBY_DEFAULT;
		elem->nulls_ordering = SORTBY_NULLS_DEFAULT;
		stmt->indexParams = lappend(stmt->indexParams, elem);
	}
	DefineIndex(relid, stmt, InvalidOid, InvalidOid, InvalidOid, false, false, false, false, true);
	CommandCounterIncrement();
}

static void
create_indexes(const DbspStateDef *def, Oid relid)
{
	const char *table = get_rel_name(relid);
	List	   *columns = dbsp_state_index_columns(def);
	int			n = 0;
	ListCell   *lc;

	if (columns != NIL)
		create_index(relid, psprintf("%s_key", table), columns,
					 def->mode == DBSP_KEY_UNIQUE && def->exact == NIL);
	foreach(lc, def->extra_indexes)
		create_index(relid, psprintf("%s_probe_%d", table, ++n), (List *) lfirst(lc), false);
}

bool
dbsp_table_owns_index(const char *table, const char *index)
{
	size_t		length = strlen(table);

	if (strncmp(index, table, length) != 0)
		return false;
	return strcmp(index + length, "_key") == 0 || strncmp(index + length, "_probe_", 7) == 0;
}

static void
set_name_aside(Oid relid, bool is_index)
{
	RenameRelationInternal(relid, psprintf("replaced_%u", relid), true, is_index);
	CommandCounterIncrement();
}

void
dbsp_table_set_aside(Oid relid)
{
	Relation	rel = relation_open(relid, AccessExclusiveLock);
	List	   *indexes = rel->rd_rel->relkind == RELKIND_RELATION ? RelationGetIndexList(rel) : NIL;
	char	   *name = pstrdup(RelationGetRelationName(rel));
	ListCell   *lc;

	relation_close(rel, NoLock);
	foreach(lc, indexes)
		if (dbsp_table_owns_index(name, get_rel_name(lfirst_oid(lc))))
			set_name_aside(lfirst_oid(lc), true);
	set_name_aside(relid, false);
}

/* Ordinary fillfactor from now on, and a replica identity for publications. */
static void
set_options(Oid relid)
{
	AlterTableCmd *reset = makeNode(AlterTableCmd);
	AlterTableCmd *identity = makeNode(AlterTableCmd);
	ReplicaIdentityStmt *full = makeNode(ReplicaIdentityStmt);

	reset->subtype = AT_ResetRelOptions;
	reset->def = (Node *) list_make1(makeDefElem("fillfactor", NULL, -1));
	full->identity_type = REPLICA_IDENTITY_FULL;
	identity->subtype = AT_ReplicaIdentity;
	identity->def = (Node *) full;
	AlterTableInternal(relid, list_make2(reset, identity), false);
	CommandCounterIncrement();
}

/*
 * Creates a trigger that fires in every session_replication_role; on a view
 * that cannot be had, since what pg_dump would write for it fails.
 */
static void
create_trigger(Oid relid, const char *name, const char *function, int16 timing, int16 events, bool row)
{
	CreateTrigStmt *stmt = makeNode(CreateTrigStmt);
	Oid			funcid = LookupFuncName(list_make2(makeString(DBSP_INTERNAL_SCHEMA), makeString(pstrdup(function))),
										0, NULL, false);

	stmt->trigname = pstrdup(name);
	stmt->relation = makeRangeVar(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid), -1);
	stmt->row = row;
	stmt->timing = timing;
	stmt->events = events;
	CreateTriggerFiringOn(stmt, NULL, relid, InvalidOid, InvalidOid, InvalidOid, funcid, InvalidOid,
						  NULL, false, false,
						  timing == TRIGGER_TYPE_INSTEAD ? TRIGGER_FIRES_ON_ORIGIN : TRIGGER_FIRES_ALWAYS);
	CommandCounterIncrement();
}

#define ALL_CHANGES (TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE)

void
dbsp_table_finish(const DbspStateDef *def, Oid relid)
{
	create_indexes(def, relid);
	set_options(relid);
	create_trigger(relid, DBSP_TRIGGER_GUARD, "guard", TRIGGER_TYPE_BEFORE, ALL_CHANGES, true);
	create_trigger(relid, DBSP_TRIGGER_GUARD_STATEMENT, "guard", TRIGGER_TYPE_BEFORE,
				   ALL_CHANGES | TRIGGER_TYPE_TRUNCATE, false);
	dbsp_table_analyze(relid);
}

void
dbsp_table_analyze(Oid relid)
{
	dbsp_run_sql(psprintf("ANALYZE %s", quote_qualified_identifier(DBSP_INTERNAL_SCHEMA, get_rel_name(relid))));
}

void
dbsp_trigger_create_view_guard(Oid view)
{
	create_trigger(view, DBSP_TRIGGER_GUARD, "guard_view", TRIGGER_TYPE_INSTEAD, ALL_CHANGES, true);
}

/* OID of the trigger if it is there and calls our function; an error if it is somebody else's. */
static Oid
own_trigger(Oid relid, const char *name, const char *function)
{
	Oid			trigger = get_trigger_oid(relid, name, true);
	Oid			funcid = LookupFuncName(list_make2(makeString(DBSP_INTERNAL_SCHEMA), makeString(pstrdup(function))),
										0, NULL, false);
	Relation	rel;
	bool		own = false;

	if (!OidIsValid(trigger))
		return InvalidOid;
	rel = table_open(relid, NoLock);
	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
		if (rel->trigdesc->triggers[i].tgoid == trigger)
			own = rel->trigdesc->triggers[i].tgfoid == funcid;
	table_close(rel, NoLock);
	if (!own)
		ereport(ERROR,
				errcode(ERRCODE_DUPLICATE_OBJECT),
				errmsg("trigger \"%s\" of table \"%s\" does not belong to dbsp_ivm", name, get_rel_name(relid)),
				errhint("Rename or drop the trigger."));
	return trigger;
}

static void
create_row_capture(Oid table)
{
	if (!OidIsValid(own_trigger(table, DBSP_TRIGGER_CAPTURE, "capture")))
		create_trigger(table, DBSP_TRIGGER_CAPTURE, "capture", TRIGGER_TYPE_AFTER, ALL_CHANGES, true);
}

static void
create_partition_truncate(Oid table)
{
	if (!OidIsValid(own_trigger(table, DBSP_TRIGGER_PARTITION_TRUNCATE, "capture_partition_truncate")))
		create_trigger(table, DBSP_TRIGGER_PARTITION_TRUNCATE, "capture_partition_truncate", TRIGGER_TYPE_BEFORE,
					   TRIGGER_TYPE_TRUNCATE, false);
}

/*
 * Row triggers of a partitioned table, which PostgreSQL would clone for its
 * partitions, cannot be had beside those of a view on one of them: they would
 * have one name.  So a leaf has a trigger of its own for all views.
 */
void
dbsp_trigger_create_capture(Oid source)
{
	if (dbsp_partition_is_partitioned(source))
	{
		ListCell   *lc;

		create_partition_truncate(source);
		foreach(lc, dbsp_partition_leaves(source, ShareRowExclusiveLock))
			dbsp_trigger_create_partition_capture(lfirst_oid(lc));
		return;
	}
	create_row_capture(source);
	if (!OidIsValid(own_trigger(source, DBSP_TRIGGER_TRUNCATE, "capture_truncate")))
		create_trigger(source, DBSP_TRIGGER_TRUNCATE, "capture_truncate", TRIGGER_TYPE_AFTER,
					   TRIGGER_TYPE_TRUNCATE, false);
}

void
dbsp_trigger_create_partition_capture(Oid leaf)
{
	create_row_capture(leaf);
	create_partition_truncate(leaf);
}

static void
drop_trigger(Oid relid, const char *name)
{
	ObjectAddress address;
	Oid			trigger = get_trigger_oid(relid, name, true);

	if (!OidIsValid(trigger))
		return;
	ObjectAddressSet(address, TriggerRelationId, trigger);
	performDeletion(&address, DROP_RESTRICT, PERFORM_DELETION_QUIETLY);
}

void
dbsp_trigger_drop_unneeded(Oid source)
{
	ListCell   *lc;

	if (dbsp_partition_is_partitioned(source) && dbsp_catalog_views_on(source) == NIL)
		drop_trigger(source, DBSP_TRIGGER_PARTITION_TRUNCATE);
	foreach(lc, dbsp_partition_leaves(source, AccessExclusiveLock))
	{
		Oid			leaf = lfirst_oid(lc);
		bool		read = dbsp_catalog_views_on(leaf) != NIL;
		bool		read_above = false;
		ListCell   *above;

		foreach(above, dbsp_partition_ancestors(leaf))
			read_above |= dbsp_catalog_views_on(lfirst_oid(above)) != NIL;
		if (!read && !read_above)
			drop_trigger(leaf, DBSP_TRIGGER_CAPTURE);
		if (!read)
			drop_trigger(leaf, DBSP_TRIGGER_TRUNCATE);
		if (!read_above)
			drop_trigger(leaf, DBSP_TRIGGER_PARTITION_TRUNCATE);
	}
}

bool
dbsp_trigger_is_reserved(const char *name)
{
	return strcmp(name, DBSP_TRIGGER_CAPTURE) == 0 || strcmp(name, DBSP_TRIGGER_TRUNCATE) == 0 ||
		strcmp(name, DBSP_TRIGGER_PARTITION_TRUNCATE) == 0 ||
		strcmp(name, DBSP_TRIGGER_GUARD) == 0 || strcmp(name, DBSP_TRIGGER_GUARD_STATEMENT) == 0;
}
