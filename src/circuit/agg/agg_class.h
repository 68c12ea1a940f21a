/*-------------------------------------------------------------------------
 *
 * agg_class.h
 *	  What the aggregate classes share among themselves.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_AGG_CLASS_H
#define DBSP_AGG_CLASS_H

#include "common/int.h"
#include "fmgr.h"

#include "base/error.h"
#include "circuit/agg/agg.h"

/* The results of all classes; each class has some of them. */
typedef enum DbspAggFinal
{
	DBSP_FINAL_COUNT,
	DBSP_FINAL_SUM,
	DBSP_FINAL_AVG,
	DBSP_FINAL_VAR_POP,
	DBSP_FINAL_VAR_SAMP,
	DBSP_FINAL_STDDEV_POP,
	DBSP_FINAL_STDDEV_SAMP,
	DBSP_FINAL_ALL_TRUE,
	DBSP_FINAL_ANY_TRUE,
	DBSP_FINAL_EXTREME
} DbspAggFinal;

extern const DbspAggClass dbsp_agg_count;
extern const DbspAggClass dbsp_agg_int_sum;
extern const DbspAggClass dbsp_agg_int_square;
extern const DbspAggClass dbsp_agg_numeric_sum;
extern const DbspAggClass dbsp_agg_numeric_square;
extern const DbspAggClass dbsp_agg_float_sum;
extern const DbspAggClass dbsp_agg_float_square;
extern const DbspAggClass dbsp_agg_interval_sum;
extern const DbspAggClass dbsp_agg_bool_count;
extern const DbspAggClass dbsp_agg_min;
extern const DbspAggClass dbsp_agg_max;

/* The part of dbsp_agg_lookup that knows min and max. */
extern bool dbsp_agg_extreme_lookup(Oid aggfnoid, DbspAggInfo *info);
/*
 * False if values of the type that are equal under the collation are the same
 * bytes too, so that it does not matter which of them an extreme shows.
 */
extern bool dbsp_agg_extreme_is_loose(Oid argtype, Oid collation);

/* Changes a count of rows by a weight.  Raises corruption if it would be negative. */
static inline void
dbsp_agg_change_count(int64 *count, int64 weight)
{
	if (unlikely(pg_add_s64_overflow(*count, weight, count)))
		ereport(ERROR,
				errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("the number of rows in a group is out of range"));
	if (unlikely(*count < 0))
		dbsp_corrupt("A group has fewer rows than are taken away from it");
}

/* A weight without its sign. */
static inline uint64
dbsp_agg_times(int64 weight)
{
	return weight < 0 ? 0 - (uint64) weight : (uint64) weight;
}

/* A state without rows still has a sum. */
static inline void
dbsp_agg_check_empty(bool sum_is_zero)
{
	if (unlikely(!sum_is_zero))
		dbsp_corrupt("A group without values has a sum");
}

static inline bool
dbsp_agg_final_is_sample(int final)
{
	return final == DBSP_FINAL_VAR_SAMP || final == DBSP_FINAL_STDDEV_SAMP;
}

static inline bool
dbsp_agg_final_is_stddev(int final)
{
	return final == DBSP_FINAL_STDDEV_POP || final == DBSP_FINAL_STDDEV_SAMP;
}

#endif							/* DBSP_AGG_CLASS_H */
