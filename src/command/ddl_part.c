/*-------------------------------------------------------------------------
 *
 * ddl_part.c
 *	  What DDL may do to the relations that a view consists of.
 *
 * The public view is the user's: its name, schema, owner, columns' names,
 * comments and privileges are his to change, and what is behind it follows.
 * Internal relations keep their form; how they are stored, and further
 * indexes on them, is up to the owner.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "commands/tablecmds.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "catalog/catalog.h"
#include "catalog/partition_tree.h"
#include "command/ddl_guard.h"
#include "command/dependents.h"
#include "command/identity.h"
#include "command/names.h"
#include "command/tables.h"

/* The first view that reads the table or a partitioned table above it; false if none does. */
static bool
find_reader(Oid relid, DbspViewRow *row_out)
{
	List	   *views = dbsp_partition_views_on(relid);

	return views != NIL && dbsp_catalog_get_view(linitial_int(views), row_out);
}

typedef struct OwnerChange
{
	const DbspViewRow *row;
	Oid			owner;
} OwnerChange;

static void
change_owner(void *arg)
{
	OwnerChange *change = arg;
	ListCell   *lc;

	foreach(lc, dbsp_catalog_relations(change->row))
		if (dbsp_relation_owner(lfirst_oid(lc)) != change->owner)
			ATExecChangeOwner(lfirst_oid(lc), change->owner, false, AccessExclusiveLock);
	CommandCounterIncrement();
}

static void
rename_column(Oid relid, ObjectType type, const char *old_name, const char *new_name)
{
	RenameStmt *stmt = makeNode(RenameStmt);

	stmt->renameType = OBJECT_COLUMN;
	stmt->relationType = type;
	stmt->relation = makeRangeVar(DBSP_INTERNAL_SCHEMA, get_rel_name(relid), -1);
	stmt->subname = pstrdup(old_name);
	stmt->newname = pstrdup(new_name);
	(void) renameatt(stmt);
	CommandCounterIncrement();
}

/* Gives the leading columns of an internal relation the names of the public view's. */
static void
follow_names(Oid relid, ObjectType type, TupleDesc desc)
{
	List	   *differing = NIL;
	ListCell   *lc;

	for (int i = 1; i <= desc->natts; i++)
		if (strcmp(NameStr(TupleDescAttr(desc, i - 1)->attname), get_attname(relid, i, false)) != 0)
			differing = lappend_int(differing, i);
	/* Names can have been exchanged. */
	if (list_length(differing) > 1)
		foreach(lc, differing)
			rename_column(relid, type, get_attname(relid, lfirst_int(lc), false),
						  psprintf(DBSP_HIDDEN_PREFIX "renamed_%d", lfirst_int(lc)));
	foreach(lc, differing)
		rename_column(relid, type, get_attname(relid, lfirst_int(lc), false),
					  NameStr(TupleDescAttr(desc, lfirst_int(lc) - 1)->attname));
}

static void
follow_column_names(void *arg)
{
	const DbspViewRow *row = arg;
	Relation	rel = relation_open(row->relation, AccessShareLock);
	TupleDesc	desc = CreateTupleDescCopy(RelationGetDescr(rel));

	relation_close(rel, NoLock);
	follow_names(row->definition, OBJECT_VIEW, desc);
	follow_names(row->shadow, OBJECT_TABLE, desc);
}

void
dbsp_follow_column_names(const DbspViewRow *row)
{
	dbsp_run_as_extension(follow_column_names, unconstify(DbspViewRow *, row));
}

static void
check_renamed_column(const DbspViewRow *row, const RenameStmt *stmt)
{
	if (strncmp(stmt->newname, DBSP_HIDDEN_PREFIX, strlen(DBSP_HIDDEN_PREFIX)) == 0)
		ereport(ERROR,
				errcode(ERRCODE_RESERVED_NAME),
				errmsg("column name \"%s\" is not acceptable", stmt->newname),
				errdetail("Names that begin with \"%s\" are reserved.", DBSP_HIDDEN_PREFIX));
	dbsp_follow_column_names(row);
}

/* The owner of the public view is the owner of all that is behind it, and its columns' names are theirs. */
static void
check_public_view(const DbspViewRow *row, const Node *stmt)
{
	OwnerChange change = {.row = row, .owner = dbsp_relation_owner(row->relation)};
	Relation	rel = relation_open(row->relation, AccessShareLock);
	bool		invoker = RelationHasSecurityInvoker(rel);
	ListCell   *lc;

	relation_close(rel, AccessShareLock);
	if (invoker)
		dbsp_refuse_part(psprintf("cannot set security_invoker on view \"%s\"", get_rel_name(row->relation)), row,
			   "The view reads internal tables with its owner's rights.");
	if (IsA(stmt, RenameStmt) && ((const RenameStmt *) stmt)->renameType == OBJECT_COLUMN)
		check_renamed_column(row, (const RenameStmt *) stmt);
	if (dbsp_relation_owner(row->definition) == change.owner)
		return;
	foreach(lc, dbsp_catalog_sources(row->number))
		dbsp_guard_row_security(lfirst_oid(lc), row, change.owner);
	dbsp_run_as_extension(change_owner, &change);
}

/* What may be changed on an internal table: how it is stored and analysed, not what it means. */
static bool
is_harmless(AlterTableType type)
{
	switch (type)
	{
		case AT_SetStatistics:
		case AT_SetOptions:
		case AT_ResetOptions:
		case AT_SetStorage:
		case AT_SetCompression:
		case AT_ClusterOn:
		case AT_DropCluster:
		case AT_SetTableSpace:
		case AT_SetRelOptions:
		case AT_ResetRelOptions:
		case AT_ReplaceRelOptions:
		case AT_ReplicaIdentity:
		case AT_EnableAlwaysTrig:
			return true;
		default:
			return false;
	}
}

static void
check_alteration(Oid relid, const DbspViewRow *row, bool is_table, AlterTableType type)
{
	const char *name = get_rel_name(relid);

	if (is_table && is_harmless(type))
		return;
	if (is_table && type == AT_AddConstraint)
		dbsp_refuse_part(psprintf("cannot add constraints to internal table \"%s\"", name), row,
						 "Add them to the tables that the view reads.");
	dbsp_refuse_part(psprintf("cannot alter internal relation \"%s\"", name), row,
					 "Change the view with ALTER VIEW or dbsp_ivm.alter_view().");
}

static void
check_internal(Oid relid, const DbspViewRow *row, bool is_table, const Node *stmt)
{
	ListCell   *lc;

	if (IsA(stmt, AlterTableStmt))
		foreach(lc, ((const AlterTableStmt *) stmt)->cmds)
			check_alteration(relid, row, is_table, lfirst_node(AlterTableCmd, lc)->subtype);
	if (IsA(stmt, RenameStmt))
		dbsp_refuse_part(psprintf("cannot rename internal relation \"%s\" or its columns", get_rel_name(relid)), row,
						 "Rename the view or its columns with ALTER VIEW.");
	if (IsA(stmt, AlterObjectSchemaStmt))
		dbsp_refuse_part(psprintf("cannot move internal relation \"%s\"", get_rel_name(relid)), row,
						 "Move the view with ALTER VIEW.");
}

void
dbsp_guard_part(Oid relid, const DbspViewRow *row, DbspRelationPart part, const Node *stmt)
{
	switch (part)
	{
		case DBSP_PART_NONE:
			break;
		case DBSP_PART_PUBLIC:
			check_public_view(row, stmt);
			break;
		case DBSP_PART_SHADOW:
		case DBSP_PART_STATE:
			check_internal(relid, row, true, stmt);
			break;
		case DBSP_PART_DEFINITION:
		case DBSP_PART_KEY:
			check_internal(relid, row, false, stmt);
			break;
	}
}

void
dbsp_guard_index(Oid index, const Node *stmt)
{
	Oid			relid = IndexGetRelation(index, true);
	DbspViewRow row;
	DbspRelationPart part = dbsp_catalog_part(relid, &row);
	bool		own;

	if (part != DBSP_PART_SHADOW && part != DBSP_PART_STATE)
		return;
	own = dbsp_table_owns_index(get_rel_name(relid), get_rel_name(index));
	/* Under one of our names only a restore can create it. */
	if (IsA(stmt, IndexStmt) && ((const IndexStmt *) stmt)->unique && !own)
		dbsp_refuse_part(psprintf("cannot create a unique index on internal table \"%s\"", get_rel_name(relid)), &row,
			   "Create an index that is not unique.");
	if (IsA(stmt, RenameStmt) &&
		(own || dbsp_table_owns_index(get_rel_name(relid), ((const RenameStmt *) stmt)->relation->relname)))
		dbsp_refuse_part(psprintf("cannot rename indexes of internal table \"%s\"", get_rel_name(relid)), &row, NULL);
}

/* True if the trigger's function is one of the internal schema. */
static bool
calls_own_function(Form_pg_trigger trigger)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(trigger->tgfoid));
	bool		own;

	if (!HeapTupleIsValid(tuple))
		return false;
	own = ((Form_pg_proc) GETSTRUCT(tuple))->pronamespace == dbsp_catalog_schema();
	ReleaseSysCache(tuple);
	return own;
}

void
dbsp_guard_trigger(Oid oid, const Node *stmt)
{
	HeapTuple	tuple = dbsp_catalog_tuple(TriggerRelationId, TriggerOidIndexId, Anum_pg_trigger_oid, oid);
	Form_pg_trigger trigger;
	const char *table;
	bool		own;
	DbspViewRow row;
	DbspRelationPart part;

	if (!HeapTupleIsValid(tuple))
		return;
	trigger = (Form_pg_trigger) GETSTRUCT(tuple);
	part = dbsp_catalog_part(trigger->tgrelid, &row);
	if (part == DBSP_PART_NONE && !find_reader(trigger->tgrelid, &row))
		return;
	table = get_rel_name(trigger->tgrelid);
	own = dbsp_trigger_is_reserved(NameStr(trigger->tgname)) && calls_own_function(trigger);

	if ((part == DBSP_PART_SHADOW || part == DBSP_PART_STATE) && !own)
		dbsp_refuse_part(psprintf("cannot create or change triggers on internal table \"%s\"", table), &row,
			   "Create triggers on the tables that the view reads.");
	if (IsA(stmt, RenameStmt) &&
		(own || dbsp_trigger_is_reserved(((const RenameStmt *) stmt)->subname)))
		dbsp_refuse_part(psprintf("cannot rename trigger \"%s\" on \"%s\"", ((const RenameStmt *) stmt)->subname, table), &row, NULL);
	if (IsA(stmt, CreateTrigStmt) && dbsp_trigger_is_reserved(NameStr(trigger->tgname)) &&
		(!own || ((const CreateTrigStmt *) stmt)->replace))
		dbsp_refuse_part(psprintf("cannot replace trigger \"%s\" on \"%s\"", NameStr(trigger->tgname), table), &row,
			   "Give the trigger another name.");
	heap_freetuple(tuple);
}

void
dbsp_guard_policy(Oid oid)
{
	HeapTuple	tuple = dbsp_catalog_tuple(PolicyRelationId, PolicyOidIndexId, Anum_pg_policy_oid, oid);
	DbspViewRow row;

	if (!HeapTupleIsValid(tuple))
		return;
	if (dbsp_catalog_part(((Form_pg_policy) GETSTRUCT(tuple))->polrelid, &row) != DBSP_PART_NONE)
		dbsp_refuse_part("cannot create policies on internal tables", &row, "Create a view with a condition on the view.");
	heap_freetuple(tuple);
}

void
dbsp_guard_rule(Oid oid)
{
	HeapTuple	tuple = dbsp_catalog_tuple(RewriteRelationId, RewriteOidIndexId, Anum_pg_rewrite_oid, oid);
	DbspViewRow row;

	if (!HeapTupleIsValid(tuple))
		return;
	if (dbsp_catalog_part(((Form_pg_rewrite) GETSTRUCT(tuple))->ev_class, &row) != DBSP_PART_NONE)
		dbsp_refuse_part(psprintf("cannot create rules on \"%s\"", get_rel_name(((Form_pg_rewrite) GETSTRUCT(tuple))->ev_class)),
			   &row, "Create a view on the view.");
	heap_freetuple(tuple);
}
