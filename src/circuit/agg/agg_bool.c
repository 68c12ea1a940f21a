/*-------------------------------------------------------------------------
 *
 * agg_bool.c
 *	  bool_and, bool_or and every.
 *
 * The state counts both values.  Stored form: nothing if there are none;
 * else the count of false and the count of true.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "circuit/agg/agg_bytes.h"
#include "circuit/agg/agg_class.h"

typedef struct BoolState
{
	int64		count[2];		/* of false, of true */
} BoolState;

static void *
bool_create(Oid argtype, MemoryContext cxt)
{
	return MemoryContextAllocZero(cxt, sizeof(BoolState));
}

static void *
bool_load(Datum stored, Oid argtype, MemoryContext cxt)
{
	BoolState  *state = bool_create(argtype, cxt);
	DbspByteReader reader;

	if (!dbsp_open_state(stored, &reader))
		return state;
	state->count[0] = dbsp_read_weight(&reader);
	state->count[1] = dbsp_read_weight(&reader);
	dbsp_close_state(&reader);
	return state;
}

static void
bool_add(void *state, Datum value, int64 weight)
{
	BoolState  *tally = state;

	dbsp_agg_change_count(&tally->count[DatumGetBool(value) ? 1 : 0], weight);
}

static Datum
bool_store(void *state)
{
	BoolState  *tally = state;
	bytea	   *stored = palloc(VARHDRSZ + 2 * DBSP_COUNT_BYTES);
	uint8	   *end = (uint8 *) VARDATA(stored);

	if (tally->count[0] != 0 || tally->count[1] != 0)
	{
		end = dbsp_write_count(end, tally->count[0]);
		end = dbsp_write_count(end, tally->count[1]);
	}
	return dbsp_finish_state(stored, end);
}

static Datum
bool_result(void *state, int final, bool *isnull)
{
	BoolState  *tally = state;

	*isnull = tally->count[0] == 0 && tally->count[1] == 0;
	if (final == DBSP_FINAL_ALL_TRUE)
		return BoolGetDatum(tally->count[0] == 0);
	return BoolGetDatum(tally->count[1] != 0);
}

static void
bool_combine(void *state, const void *other)
{
	BoolState  *tally = state;
	const BoolState *more = other;

	dbsp_agg_change_count(&tally->count[0], more->count[0]);
	dbsp_agg_change_count(&tally->count[1], more->count[1]);
}

const DbspAggClass dbsp_agg_bool_count = {
	.name = "bool_count",
	.create = bool_create,
	.load = bool_load,
	.add = bool_add,
	.store = bool_store,
	.result = bool_result,
	.combine = bool_combine
};
