/*-------------------------------------------------------------------------
 *
 * agg_count.c
 *	  count of the values that are not NULL.
 *
 * The column is the count itself.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "circuit/agg/agg_class.h"

static void *
count_create(Oid argtype, MemoryContext cxt)
{
	return MemoryContextAllocZero(cxt, sizeof(int64));
}

static void *
count_load(Datum stored, Oid argtype, MemoryContext cxt)
{
	int64	   *count = MemoryContextAlloc(cxt, sizeof(int64));

	*count = DatumGetInt64(stored);
	return count;
}

static void
count_add(void *state, Datum value, int64 weight)
{
	dbsp_agg_change_count(state, weight);
}

static Datum
count_store(void *state)
{
	return Int64GetDatum(*(int64 *) state);
}

static Datum
count_result(void *state, int final, bool *isnull)
{
	*isnull = false;
	return Int64GetDatum(*(int64 *) state);
}

static void
count_combine(void *state, const void *other)
{
	dbsp_agg_change_count(state, *(const int64 *) other);
}

const DbspAggClass dbsp_agg_count = {
	.name = "count",
	.create = count_create,
	.load = count_load,
	.add = count_add,
	.store = count_store,
	.result = count_result,
	.combine = count_combine
};
