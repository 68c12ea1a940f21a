/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  Triggers that refuse direct changes of views and internal tables.
 *
 * The fold writes below the executor and fires no triggers, so these have
 * nobody to let through.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "catalog/catalog.h"

PG_FUNCTION_INFO_V1(dbsp_sql_guard);
PG_FUNCTION_INFO_V1(dbsp_sql_guard_view);

static Relation
triggering_relation(FunctionCallInfo fcinfo)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("guards of incremental views can only be called as triggers"));
	return ((TriggerData *) fcinfo->context)->tg_relation;
}

/*
 * guard() returns trigger: on internal tables
 */
Datum
dbsp_sql_guard(PG_FUNCTION_ARGS)
{
	Relation	rel = triggering_relation(fcinfo);
	DbspViewRow row;

	if (dbsp_catalog_part(RelationGetRelid(rel), &row) == DBSP_PART_NONE)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("cannot change internal table \"%s\" directly", RelationGetRelationName(rel)));
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("cannot change internal table \"%s\" of view \"%s\" directly",
				   RelationGetRelationName(rel), get_rel_name(row.relation)),
			errhint("Change the tables that the view reads."));
}

/*
 * guard_view() returns trigger: INSTEAD OF, on public views
 */
Datum
dbsp_sql_guard_view(PG_FUNCTION_ARGS)
{
	Relation	rel = triggering_relation(fcinfo);

	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("cannot change view \"%s\" directly", RelationGetRelationName(rel)),
			errdetail("It is an incremental view."),
			errhint("Change the tables that the view reads."));
}
