/*-------------------------------------------------------------------------
 *
 * adopt.c
 *	  Views that were restored without the rows of the extension's own tables.
 *
 * pg_dump --schema-only, and --schema for that of the user and the internal
 * one, dump the relations and triggers of views, but not which view they
 * belong to.  All of that follows from names and definitions.  What a view
 * then shows need not be what its tables hold, which may have been filled
 * without it: so it is computed again.
 *
 * There is no command at which this could be done: while a dump is being
 * restored, its catalog rows may still come.  It is done when the restored
 * triggers first meet a change of a base table, or by refresh().
 *
 * Locking: one transaction at a time adopts, under ShareRowExclusiveLock on
 * view_catalog; who has waited for it finds the views there.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_rewrite.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "catalog/catalog.h"
#include "compile/compile.h"
#include "engine/engine.h"
#include "engine/rebuild.h"
#include "plan/plan.h"
#include "plan/state.h"
#include "zset/deltas.h"

/* The relation that the rule belongs to, or InvalidOid. */
static Oid
relation_of_rule(Oid rule)
{
	Relation	rel = table_open(RewriteRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			result = InvalidOid;

	ScanKeyInit(&key, Anum_pg_rewrite_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(rule));
	scan = systable_beginscan(rel, RewriteOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		result = ((Form_pg_rewrite) GETSTRUCT(tuple))->ev_class;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* The view over the shadow table that has our guard; InvalidOid if there is none, or not yet. */
static Oid
public_view_of(Oid shadow)
{
	Relation	rel = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			result = InvalidOid;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(shadow));
	scan = systable_beginscan(rel, DependReferenceIndexId, true, NULL, 2, keys);
	while (!OidIsValid(result) && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend depend = (Form_pg_depend) GETSTRUCT(tuple);

		if (depend->classid == RewriteRelationId)
			result = relation_of_rule(depend->objid);
		if (OidIsValid(result) && !OidIsValid(get_trigger_oid(result, DBSP_TRIGGER_GUARD, true)))
			result = InvalidOid;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* Sets all but row.created; false if the definition view belongs to a view of the catalog, or its own relations are not there. */
static bool
find_view(Form_pg_class definition, DbspViewRow *row)
{
	const char *digits = NameStr(definition->relname) + strlen(DBSP_NAME_DEFINITION);
	char	   *end;

	row->number = strtol(digits, &end, 10);
	if (end == digits || *end != '\0' || row->number <= 0 || dbsp_catalog_get_view(row->number, NULL))
		return false;
	row->definition = definition->oid;
	row->shadow = get_relname_relid(psprintf("shadow_%d", row->number), definition->relnamespace);
	row->relation = OidIsValid(row->shadow) ? public_view_of(row->shadow) : InvalidOid;
	return OidIsValid(row->relation);
}

/* List of DbspViewRow, in the order of their numbers. */
static List *
find_views(void)
{
	Oid			schema = dbsp_catalog_schema();
	Relation	rel = table_open(RelationRelationId, AccessShareLock);
	List	   *result = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	NameData	first;

	namestrcpy(&first, DBSP_NAME_DEFINITION);
	ScanKeyInit(&key, Anum_pg_class_relname, BTGreaterEqualStrategyNumber, F_NAMEGE, NameGetDatum(&first));
	scan = systable_beginscan(rel, ClassNameNspIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);
		DbspViewRow row;

		if (strncmp(NameStr(form->relname), DBSP_NAME_DEFINITION, strlen(DBSP_NAME_DEFINITION)) > 0)
			break;
		if (form->relnamespace == schema && form->relkind == RELKIND_VIEW && find_view(form, &row))
		{
			DbspViewRow *copy = palloc(sizeof(DbspViewRow));

			*copy = row;
			result = lappend(result, copy);
		}
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

static Oid
internal_relation(const DbspViewRow *row, char *name)
{
	Oid			relid = get_relname_relid(name, get_rel_namespace(row->definition));

	if (!OidIsValid(relid))
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("incremental view \"%s\" was not restored completely", get_rel_name(row->relation)),
				errdetail("Its internal relation \"%s\" is missing.", name),
				errhint("Drop the view and create it again."));
	return relid;
}

static void
insert_states(const DbspViewRow *row, DbspPlan *plan)
{
	List	   *guarded = NIL;
	ListCell   *lc;

	foreach(lc, dbsp_state_defs(plan))
	{
		DbspStateDef *def = lfirst(lc);

		dbsp_catalog_insert_state(row->number, def->plan->number, dbsp_state_role_name(def),
								  internal_relation(row, dbsp_state_table_name(row->number, def)));
	}
	foreach(lc, dbsp_plan_nodes(plan))
	{
		DbspPlan   *node = lfirst(lc);

		if (node->kind != DBSP_PLAN_SOURCE || !node->keyed || list_member_oid(guarded, node->relid))
			continue;
		guarded = lappend_oid(guarded, node->relid);
		dbsp_catalog_insert_state(row->number, node->number, DBSP_ROLE_KEY,
								  internal_relation(row, dbsp_catalog_key_view_name(row->number, node->number)));
	}
}

static void
adopt_view(DbspViewRow *row)
{
	DbspPlan   *plan;
	ListCell   *lc;

	LockRelationOid(row->definition, AccessShareLock);
	plan = dbsp_lower_view(row->definition);
	row->created = GetCurrentTimestamp();
	dbsp_catalog_insert_view(row);
	insert_states(row, plan);
	foreach(lc, dbsp_plan_sources(plan))
	{
		dbsp_catalog_insert_source(row->number, lfirst_oid(lc));
		CacheInvalidateRelcacheByRelid(lfirst_oid(lc));
		dbsp_deltas_record_replaced(lfirst_oid(lc), GetCurrentTransactionNestLevel());
	}
	CacheInvalidateRelcacheByRelid(row->shadow);
	ereport(NOTICE,
			errmsg("incremental view \"%s\" was restored without its data and is computed again", get_rel_name(row->relation)));
}

bool
dbsp_engine_adopt(void)
{
	int			level;
	List	   *views;
	ListCell   *lc;

	if (!OidIsValid(dbsp_catalog_view_relid()) || find_views() == NIL)
		return false;
	LockRelationOid(dbsp_catalog_view_relid(), ShareRowExclusiveLock);
	level = NewGUCNestLevel();
	dbsp_engine_pin_settings();
	views = find_views();
	foreach(lc, views)
		adopt_view(lfirst(lc));
	AtEOXact_GUC(false, level);
	/* New views come behind these. */
	if (views != NIL)
		while (dbsp_catalog_next_number() < ((DbspViewRow *) llast(views))->number)
			CHECK_FOR_INTERRUPTS();
	CommandCounterIncrement();
	return true;
}
