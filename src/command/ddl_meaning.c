/*-------------------------------------------------------------------------
 *
 * ddl_meaning.c
 *	  Commands that change what the query of a view means.
 *
 * A function, type, collation or text search configuration can be changed
 * under a query that uses it.  The change has no delta: in the same
 * transaction the view is rebuilt, with its indexes, since the order of
 * values may have changed.  If the query then fails, so does the command.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "catalog/catalog.h"
#include "command/ddl_guard.h"
#include "command/dependents.h"
#include "command/identity.h"
#include "command/names.h"
#include "command/references.h"
#include "command/refresh.h"

/* Rebuilds the views that depend on the object. */
static void
rebuild_dependents(Oid classid, Oid objid)
{
	List	   *views;
	ObjectAddress object;
	ListCell   *lc;

	dbsp_lock_meaning(classid, objid);
	views = dbsp_dependent_views(classid, objid);
	if (views == NIL)
		return;
	ObjectAddressSet(object, classid, objid);
	dbsp_require_fresh_snapshot(psprintf("a change of %s, on which an incremental view depends,",
										 getObjectDescription(&object, false)));
	dbsp_refresh_lock(views, true);
	foreach(lc, views)
	{
		DbspViewRow row;

		if (!dbsp_catalog_get_view(lfirst_int(lc), &row))
			continue;
		dbsp_refresh_view(&row, true);
		ereport(NOTICE,
				errmsg("rebuilt incremental view \"%s\", which depends on %s",
					   get_rel_name(row.relation), getObjectDescription(&object, false)));
	}
}

/* True if the options of ALTER FUNCTION can change what a call returns. */
static bool
options_change_results(const AlterFunctionStmt *stmt)
{
	static const char *const harmless[] = {"cost", "rows", "leakproof", "parallel", "volatility"};
	ListCell   *lc;

	foreach(lc, stmt->actions)
	{
		bool		found = false;

		for (int i = 0; i < lengthof(harmless); i++)
			found = found || strcmp(lfirst_node(DefElem, lc)->defname, harmless[i]) == 0;
		if (!found)
			return true;
	}
	return false;
}

static void
guard_function(Oid oid, const Node *stmt)
{
	bool		replaced = IsA(stmt, CreateFunctionStmt) && ((const CreateFunctionStmt *) stmt)->replace;
	bool		altered = IsA(stmt, AlterFunctionStmt);

	if ((replaced || altered) && func_volatile(oid) != PROVOLATILE_IMMUTABLE)
	{
		List	   *views;
		DbspViewRow row;

		dbsp_lock_meaning(ProcedureRelationId, oid);
		views = dbsp_dependent_views(ProcedureRelationId, oid);
		if (views != NIL && dbsp_catalog_get_view(linitial_int(views), &row))
			dbsp_refuse_change(psprintf("cannot make function \"%s\" volatile or stable", get_func_name(oid)), &row, NULL);
	}
	if (replaced || (altered && options_change_results((const AlterFunctionStmt *) stmt)))
		rebuild_dependents(ProcedureRelationId, oid);
}

/* Rows of the relation's type compare, test for NULL and convert by their attributes. */
static void
guard_row_type(Oid relid, const Node *stmt)
{
	bool		is_type = get_rel_relkind(relid) == RELKIND_COMPOSITE_TYPE;

	if (dbsp_has_subcommand(stmt, AT_AddColumn) || dbsp_has_subcommand(stmt, AT_DropColumn) ||
		(is_type && (dbsp_has_subcommand(stmt, AT_AlterColumnType) || IsA(stmt, RenameStmt))))
		rebuild_dependents(TypeRelationId, get_rel_type_id(relid));
}

static void
guard_domain(Oid type, const AlterDomainStmt *stmt)
{
	/* Values that the constraint forbids may have been computed: adding it, or NOT NULL. */
	if (stmt->subtype == 'C' || stmt->subtype == 'O')
		rebuild_dependents(TypeRelationId, type);
}

void
dbsp_guard_revoke_function(Oid function)
{
	ListCell   *lc;

	dbsp_lock_meaning(ProcedureRelationId, function);
	foreach(lc, dbsp_dependent_views(ProcedureRelationId, function))
	{
		DbspViewRow row;
		const char *owner;

		if (!dbsp_catalog_get_view(lfirst_int(lc), &row) ||
			pg_proc_aclcheck(function, dbsp_relation_owner(row.definition), ACL_EXECUTE) == ACLCHECK_OK)
			continue;
		owner = GetUserNameFromId(dbsp_relation_owner(row.definition), false);
		dbsp_refuse_change(psprintf("cannot revoke the right to execute function \"%s\" from role \"%s\"",
									get_func_name(function), owner), &row,
						   psprintf("GRANT EXECUTE on the function to %s first, or drop the view.", quote_identifier(owner)));
	}
}

void
dbsp_guard_meaning(Oid classid, Oid objid, const Node *stmt)
{
	switch (classid)
	{
		case ProcedureRelationId:
			guard_function(objid, stmt);
			break;
		case RelationRelationId:
			guard_row_type(objid, stmt);
			break;
		case TypeRelationId:
			if (IsA(stmt, AlterDomainStmt))
				guard_domain(objid, (const AlterDomainStmt *) stmt);
			break;
		case CollationRelationId:
			if (IsA(stmt, AlterCollationStmt))
				rebuild_dependents(classid, objid);
			break;
		case TSConfigRelationId:
			if (IsA(stmt, AlterTSConfigurationStmt))
				rebuild_dependents(classid, objid);
			break;
		case TSDictionaryRelationId:
			if (IsA(stmt, AlterTSDictionaryStmt))
				rebuild_dependents(classid, objid);
			break;
		default:
			break;
	}
}
