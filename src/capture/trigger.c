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
#include "catalog/partition_tree.h"
#include "engine/cache.h"
#include "engine/engine.h"
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

/*
 * What is known of the table captured from last; a bulk change asks for the
 * same again and again.  Good for as long as no source has changed.
 */
static struct
{
	DbspCachedSource *source;	/* NULL if nothing is known */
	uint64		version;
	bool		has_places;
	DbspRowColumn places[MaxHeapAttributeNumber];	/* of the captured columns in a tuple without NULLs */
}			last;

static DbspCachedSource *
source_of(Oid relid)
{
	DbspCachedSource *source;

	if (likely(last.source && last.version == dbsp_cache_sources_version() && last.source->relid == relid))
		return last.source;
	last.source = NULL;
	last.has_places = false;
	source = dbsp_cache_source(relid);
	if (source->valid)
	{
		last.source = source;
		last.version = dbsp_cache_sources_version();
	}
	return source;
}

/* ---- the columns of a row ---- */

/* A row's captured columns; they may point into the row. */
typedef struct Captured
{
	Datum		values[MaxHeapAttributeNumber];
	bool		isnull[MaxHeapAttributeNumber];
} Captured;

/*
 * Remembers the places of the captured columns, if all have one: nothing
 * before them varies in width.  PostgreSQL has found that out by the time it
 * has deformed a tuple of the table.
 */
static void
find_places(const DbspCachedSource *source, TupleDesc desc)
{
	if (last.source != source || source->max_attnum == 0 ||
		TupleDescAttr(desc, source->max_attnum - 1)->attcacheoff < 0)
		return;
	for (int i = 0; i < source->layout.ncolumns; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, source->columns[i] - 1);

		last.places[i] = (DbspRowColumn) {.offset = att->attcacheoff,.length = att->attlen,.by_value = att->attbyval};
	}
	last.has_places = true;
}

static void
project(const DbspCachedSource *source, HeapTuple tuple, TupleTableSlot *slot, Captured *row_out)
{
	int			ncolumns = source->layout.ncolumns;

	if (last.source == source && last.has_places && HeapTupleNoNulls(tuple) &&
		HeapTupleHeaderGetNatts(tuple->t_data) >= source->max_attnum)
	{
		char	   *data = (char *) tuple->t_data + tuple->t_data->t_hoff;

		for (int i = 0; i < ncolumns; i++)
		{
			const DbspRowColumn *place = &last.places[i];

			row_out->values[i] = fetch_att(data + place->offset, place->by_value, place->length);
			row_out->isnull[i] = false;
		}
		return;
	}
	slot_getsomeattrs(slot, source->max_attnum);
	for (int i = 0; i < ncolumns; i++)
	{
		int			column = source->columns[i] - 1;

		row_out->values[i] = slot->tts_values[column];
		row_out->isnull[i] = slot->tts_isnull[column];
	}
	find_places(source, slot->tts_tupleDescriptor);
}

static inline bool
same_bytes(Form_pg_attribute att, Datum a, Datum b)
{
	if (att->attbyval)
		return a == b;
	if (att->attlen == -1)
		return VARSIZE_ANY(DatumGetPointer(a)) == VARSIZE_ANY(DatumGetPointer(b)) &&
			memcmp(DatumGetPointer(a), DatumGetPointer(b), VARSIZE_ANY(DatumGetPointer(a))) == 0;
	return datumIsEqual(a, b, false, att->attlen);
}

/* True if the captured columns of both rows have the same bytes; toasted values only if not rewritten. */
static bool
columns_are_unchanged(const DbspCachedSource *source, const Captured *old_row, const Captured *new_row)
{
	for (int i = 0; i < source->layout.ncolumns; i++)
	{
		if (old_row->isnull[i] != new_row->isnull[i])
			return false;
		if (!old_row->isnull[i] &&
			!same_bytes(TupleDescAttr(source->layout.desc, i), old_row->values[i], new_row->values[i]))
			return false;
	}
	return true;
}

/* ---- capture ---- */

static void
capture_row(TriggerData *trigger, DbspCachedSource *source)
{
	/* Large, and never in use twice: no user code runs while they are. */
	static Captured row;
	static Captured new_row;
	ZSet	   *rows;

	project(source, trigger->tg_trigtuple, trigger->tg_trigslot, &row);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		project(source, trigger->tg_newtuple, trigger->tg_newslot, &new_row);
		if (columns_are_unchanged(source, &row, &new_row))
			return;
	}
	rows = dbsp_deltas_rows(source->relid, &source->layout, GetCurrentTransactionNestLevel(), GetCurrentCommandId(false));
	dbsp_zset_add_values(rows, row.values, row.isnull, TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ? 1 : -1);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		dbsp_zset_add_values(rows, new_row.values, new_row.isnull, 1);
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
	source = source_of(RelationGetRelid(trigger->tg_relation));
	if (unlikely(source->views == NIL && above == NIL))
	{
		if (!dbsp_engine_adopt())
			return PointerGetDatum(NULL);
		above = dbsp_partition_sources(trigger->tg_relation);
		source = source_of(RelationGetRelid(trigger->tg_relation));
	}
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
	if (dbsp_partition_views_on(RelationGetRelid(trigger->tg_relation)) == NIL)
		(void) dbsp_engine_adopt();
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
	if (dbsp_cache_source(relid)->views != NIL || dbsp_engine_adopt())
	{
		(void) dbsp_hooks_note_capture(trigger);
		dbsp_deltas_record_replaced(relid, GetCurrentTransactionNestLevel());
	}
	return PointerGetDatum(NULL);
}
