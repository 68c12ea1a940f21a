/*-------------------------------------------------------------------------
 *
 * trigger.c
 *	  The triggers on base tables: from changed rows to pending deltas.
 *
 * One row trigger per table serves all its views.  It keeps the columns that
 * any of them reads, detoasted at once: the old version of a row may point to
 * out-of-line values that nobody else will keep.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/rel.h"

#include "capture/partition.h"
#include "capture/xact.h"
#include "engine/cache.h"
#include "zset/deltas.h"

PG_FUNCTION_INFO_V1(dbsp_sql_capture);
PG_FUNCTION_INFO_V1(dbsp_sql_capture_truncate);
PG_FUNCTION_INFO_V1(dbsp_sql_capture_partition_truncate);

static TriggerData *
trigger_data(FunctionCallInfo fcinfo, const char *name)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("function \"%s\" was not called by trigger manager", name));
	return (TriggerData *) fcinfo->context;
}

/* The captured columns of a row. */
static void
project(const DbspCachedSource *source, TupleTableSlot *slot, Datum *values, bool *isnull)
{
	slot_getsomeattrs(slot, source->max_attnum);
	for (int i = 0; i < source->layout.ncolumns; i++)
	{
		int			column = source->columns[i] - 1;

		values[i] = slot->tts_values[column];
		isnull[i] = slot->tts_isnull[column];
	}
}

/* True if the captured columns of both rows have the same bytes; toasted values only if not rewritten. */
static bool
columns_are_unchanged(const DbspCachedSource *source, const Datum *old_values, const bool *old_null,
					  const Datum *new_values, const bool *new_null)
{
	for (int i = 0; i < source->layout.ncolumns; i++)
	{
		Form_pg_attribute att = TupleDescAttr(source->layout.desc, i);

		if (old_null[i] != new_null[i])
			return false;
		if (!old_null[i] && !datumIsEqual(old_values[i], new_values[i], att->attbyval, att->attlen))
			return false;
	}
	return true;
}

static void
capture_row(TriggerData *trigger, DbspCachedSource *source)
{
	Oid			relid = source->relid;
	int			level = GetCurrentTransactionNestLevel();
	int			n = Max(source->layout.ncolumns, 1);
	Datum	   *values = palloc(2 * n * (sizeof(Datum) + sizeof(bool)));
	bool	   *isnull = (bool *) (values + 2 * n);

	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
	{
		project(source, trigger->tg_trigslot, values, isnull);
		dbsp_deltas_record(relid, &source->layout, level, values, isnull, 1);
		return;
	}
	project(source, trigger->tg_trigslot, values, isnull);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		project(source, trigger->tg_newslot, values + n, isnull + n);
		if (columns_are_unchanged(source, values, isnull, values + n, isnull + n))
			return;
		dbsp_deltas_record(relid, &source->layout, level, values, isnull, -1);
		dbsp_deltas_record(relid, &source->layout, level, values + n, isnull + n, 1);
		return;
	}
	dbsp_deltas_record(relid, &source->layout, level, values, isnull, -1);
}

static void
capture_for(TriggerData *trigger, DbspCachedSource *source, bool folded)
{
	if (folded)
		dbsp_deltas_record_replaced(source->relid, GetCurrentTransactionNestLevel());
	else
		capture_row(trigger, source);
}

/* capture() returns trigger: AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW on base tables. */
Datum
dbsp_sql_capture(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_data(fcinfo, "dbsp_ivm_internal.capture");
	DbspCachedSource *source;
	List	   *above;
	ListCell   *lc;
	bool		folded;

	/* PostgreSQL fires the triggers of a million rows without a look. */
	CHECK_FOR_INTERRUPTS();
	if (!TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("function \"%s\" must be fired AFTER ROW", "dbsp_ivm_internal.capture"));
	above = dbsp_partition_sources(trigger->tg_relation);
	source = dbsp_cache_source(RelationGetRelid(trigger->tg_relation));
	if (source->views == NIL && above == NIL)
		return PointerGetDatum(NULL);
	folded = dbsp_hooks_note_capture(trigger);
	if (source->views != NIL)
		capture_for(trigger, source, folded);
	foreach(lc, above)
		capture_for(trigger, lfirst(lc), folded);
	return PointerGetDatum(NULL);
}

/*
 * capture_partition_truncate() returns trigger: BEFORE TRUNCATE FOR EACH STATEMENT on partitioned tables and their leaves
 */
Datum
dbsp_sql_capture_partition_truncate(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_data(fcinfo, "dbsp_ivm_internal.capture_partition_truncate");

	if (!TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event) || !TRIGGER_FIRED_BEFORE(trigger->tg_event))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("function \"%s\" must be fired BEFORE TRUNCATE", "dbsp_ivm_internal.capture_partition_truncate"));
	(void) dbsp_hooks_note_capture(trigger);
	dbsp_partition_record_truncate(trigger->tg_relation);
	return PointerGetDatum(NULL);
}

/* capture_truncate() returns trigger: AFTER TRUNCATE FOR EACH STATEMENT on base tables. */
Datum
dbsp_sql_capture_truncate(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_data(fcinfo, "dbsp_ivm_internal.capture_truncate");
	Oid			relid = RelationGetRelid(trigger->tg_relation);

	if (!TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event) || !TRIGGER_FIRED_AFTER(trigger->tg_event))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("function \"%s\" must be fired AFTER TRUNCATE", "dbsp_ivm_internal.capture_truncate"));
	if (dbsp_cache_source(relid)->views != NIL)
	{
		(void) dbsp_hooks_note_capture(trigger);
		dbsp_deltas_record_replaced(relid, GetCurrentTransactionNestLevel());
	}
	return PointerGetDatum(NULL);
}
