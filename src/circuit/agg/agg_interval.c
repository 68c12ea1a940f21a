/*-------------------------------------------------------------------------
 *
 * agg_interval.c
 *	  Sums and averages of intervals.
 *
 * Months, days and microseconds are summed apart, in 128 bits, so that only a
 * result can be out of range, and not what led to it.
 *
 * Stored form: nothing if there are no values; else the count and the three
 * sums.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "datatype/timestamp.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "circuit/agg/agg_bytes.h"
#include "circuit/agg/agg_class.h"

typedef struct IntervalState
{
	int64		count;
	int128		months;
	int128		days;
	int128		time;			/* microseconds */
} IntervalState;

static void *
span_create(Oid argtype, MemoryContext cxt)
{
	return MemoryContextAllocZero(cxt, sizeof(IntervalState));
}

static void *
span_load(Datum stored, Oid argtype, MemoryContext cxt)
{
	IntervalState *state = span_create(argtype, cxt);
	DbspByteReader reader;

	if (!dbsp_open_state(stored, &reader))
		return state;
	state->count = dbsp_read_weight(&reader);
	state->months = dbsp_read_sized_int128(&reader);
	state->days = dbsp_read_sized_int128(&reader);
	state->time = dbsp_read_int128(&reader, (int) (reader.end - reader.next));
	return state;
}

static void
span_add(void *state, Datum value, int64 weight)
{
	IntervalState *sum = state;
	Interval   *span = DatumGetIntervalP(value);

	dbsp_agg_change_count(&sum->count, weight);
	sum->months += (int128) span->month * weight;
	sum->days += (int128) span->day * weight;
	sum->time += (int128) span->time * weight;
}

static Datum
span_store(void *state)
{
	IntervalState *sum = state;
	bytea	   *stored = palloc(VARHDRSZ + DBSP_COUNT_BYTES + 3 * (1 + DBSP_INT128_BYTES));
	uint8	   *end = (uint8 *) VARDATA(stored);

	if (sum->count == 0)
		dbsp_agg_check_empty(sum->months == 0 && sum->days == 0 && sum->time == 0);
	else
	{
		end = dbsp_write_count(end, sum->count);
		end = dbsp_write_sized_int128(end, sum->months);
		end = dbsp_write_sized_int128(end, sum->days);
		end = dbsp_write_int128(end, sum->time);
	}
	return dbsp_finish_state(stored, end);
}

static Datum
span_result(void *state, int final, bool *isnull)
{
	IntervalState *sum = state;
	Interval   *span;

	*isnull = sum->count == 0;
	if (*isnull)
		return (Datum) 0;
	if (sum->months < PG_INT32_MIN || sum->months > PG_INT32_MAX ||
		sum->days < PG_INT32_MIN || sum->days > PG_INT32_MAX ||
		sum->time < PG_INT64_MIN || sum->time > PG_INT64_MAX)
		ereport(ERROR,
				errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				errmsg("interval out of range"));

	span = palloc(sizeof(Interval));
	span->month = (int32) sum->months;
	span->day = (int32) sum->days;
	span->time = (TimeOffset) sum->time;
	if (final == DBSP_FINAL_SUM)
		return IntervalPGetDatum(span);
	return DirectFunctionCall2(interval_div, IntervalPGetDatum(span), Float8GetDatum((double) sum->count));
}

static void
span_combine(void *state, const void *other)
{
	IntervalState *sum = state;
	const IntervalState *more = other;

	dbsp_agg_change_count(&sum->count, more->count);
	sum->months += more->months;
	sum->days += more->days;
	sum->time += more->time;
}

const DbspAggClass dbsp_agg_interval_sum = {
	.name = "interval_sum",
	.create = span_create,
	.load = span_load,
	.add = span_add,
	.store = span_store,
	.result = span_result,
	.combine = span_combine
};
