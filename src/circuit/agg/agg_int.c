/*-------------------------------------------------------------------------
 *
 * agg_int.c
 *	  Sums, averages and variances of smallint, integer, bigint and money.
 *
 * Two classes: one for sum and avg, whose state is small, and one that keeps
 * the sum of squares too.  A sum of at most 2^63 values of 64 bits fits in 127
 * bits, and one of their squares in 190.
 *
 * Stored form: nothing if there are no values; else the count, then the sum.
 * With squares, the sum is preceded by its length and followed by the sum of
 * squares.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "catalog/pg_type.h"
#include "utils/cash.h"
#include "utils/fmgrprotos.h"

#include "circuit/agg/agg_bytes.h"
#include "circuit/agg/agg_class.h"
#include "circuit/agg/decimal.h"

/* An unsigned number of 192 bits. */
typedef struct Wide
{
	uint128		low;
	uint64		high;
} Wide;

#define WIDE_BYTES 24

typedef struct IntState
{
	Oid			argtype;
	int64		count;
	int128		sum;
} IntState;

typedef struct SquareState
{
	IntState	base;			/* first, so that a pointer to one serves as the other */
	Wide		squares;
} SquareState;

static inline int64
int_value(Oid argtype, Datum value)
{
	switch (argtype)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return DatumGetInt64(value);
		case CASHOID:
			return DatumGetCash(value);
		default:
			elog(ERROR, "unexpected type in an integer sum: %u", argtype);
			return 0;
	}
}

/* The integer as a numeric, in the current context. */
static Numeric
numeric_from_int128(int128 number)
{
	DbspDigits	digits;

	if (number >= PG_INT64_MIN && number <= PG_INT64_MAX)
		return int64_to_numeric((int64) number);
	dbsp_decimal_digits_of_int128(number, &digits);
	return dbsp_decimal_make(&digits, 0);
}

/* The integer as a Datum of the type of sum over argtype. */
static Datum
sum_datum(Oid argtype, int128 sum)
{
	if (argtype == INT8OID)
		return NumericGetDatum(numeric_from_int128(sum));
	if (sum < PG_INT64_MIN || sum > PG_INT64_MAX)
		ereport(ERROR,
				errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				argtype == CASHOID ? errmsg("money out of range") : errmsg("bigint out of range"));
	if (argtype == CASHOID)
		return CashGetDatum((Cash) sum);
	return Int64GetDatum((int64) sum);
}

static void *
int_create(Oid argtype, MemoryContext cxt)
{
	IntState   *state = MemoryContextAllocZero(cxt, sizeof(IntState));

	state->argtype = argtype;
	return state;
}

static void *
int_load(Datum stored, Oid argtype, MemoryContext cxt)
{
	IntState   *state = int_create(argtype, cxt);
	DbspByteReader reader;

	if (!dbsp_open_state(stored, &reader))
		return state;
	state->count = dbsp_read_weight(&reader);
	state->sum = dbsp_read_int128(&reader, (int) (reader.end - reader.next));
	return state;
}

static void
int_add(void *state, Datum value, int64 weight)
{
	IntState   *sum = state;

	dbsp_agg_change_count(&sum->count, weight);
	sum->sum += (int128) int_value(sum->argtype, value) * weight;
}

static Datum
int_store(void *state)
{
	IntState   *sum = state;
	bytea	   *stored = palloc(VARHDRSZ + DBSP_COUNT_BYTES + DBSP_INT128_BYTES);
	uint8	   *end = (uint8 *) VARDATA(stored);

	if (sum->count == 0)
		dbsp_agg_check_empty(sum->sum == 0);
	else
	{
		end = dbsp_write_count(end, sum->count);
		end = dbsp_write_int128(end, sum->sum);
	}
	return dbsp_finish_state(stored, end);
}

static Datum
int_result(void *state, int final, bool *isnull)
{
	IntState   *sum = state;

	*isnull = sum->count == 0;
	if (*isnull)
		return (Datum) 0;
	if (final == DBSP_FINAL_SUM)
		return sum_datum(sum->argtype, sum->sum);
	return DirectFunctionCall2(numeric_div,
							   NumericGetDatum(numeric_from_int128(sum->sum)),
							   NumericGetDatum(int64_to_numeric(sum->count)));
}

static void
int_combine(void *state, const void *other)
{
	IntState   *sum = state;
	const IntState *more = other;

	dbsp_agg_change_count(&sum->count, more->count);
	sum->sum += more->sum;
}

/* Adds, or takes away what must be there. */
static void
wide_add(Wide *wide, uint128 low, uint64 high, bool subtract)
{
	if (subtract)
	{
		uint64		borrow = wide->low < low ? 1 : 0;

		if (wide->high < borrow || wide->high - borrow < high)
			dbsp_corrupt("A group has a negative sum of squares");
		wide->low -= low;
		wide->high -= high + borrow;
		return;
	}
	wide->low += low;
	wide->high += high + (wide->low < low ? 1 : 0);
}

/* Adds the value's square weight times. */
static void
wide_add_square(Wide *wide, int64 value, int64 weight)
{
	uint64		times = dbsp_agg_times(weight);
	uint64		root = dbsp_agg_times(value);
	uint128		square = (uint128) root * root;
	uint128		low = (uint128) (uint64) square * times;
	uint128		middle = (square >> 64) * times + (low >> 64);

	wide_add(wide, (middle << 64) | (uint64) low, (uint64) (middle >> 64), weight < 0);
}

/* As many bytes as it takes, the least significant first. */
static uint8 *
write_wide(uint8 *bytes, const Wide *wide)
{
	uint128		low = wide->low;
	uint64		high = wide->high;

	while (low != 0 || high != 0)
	{
		*bytes++ = (uint8) low;
		low = (low >> 8) | ((uint128) (high & 0xFF) << 120);
		high >>= 8;
	}
	return bytes;
}

/* Reads all that is left. */
static void
read_wide(DbspByteReader *reader, Wide *wide_out)
{
	if (reader->end - reader->next > WIDE_BYTES)
		dbsp_unreadable_state();
	while (reader->end > reader->next)
	{
		wide_out->high = (wide_out->high << 8) | (uint64) (wide_out->low >> 120);
		wide_out->low = (wide_out->low << 8) | *--reader->end;
	}
}

static void *
square_create(Oid argtype, MemoryContext cxt)
{
	SquareState *state = MemoryContextAllocZero(cxt, sizeof(SquareState));

	state->base.argtype = argtype;
	return state;
}

static void *
square_load(Datum stored, Oid argtype, MemoryContext cxt)
{
	SquareState *state = square_create(argtype, cxt);
	DbspByteReader reader;

	if (!dbsp_open_state(stored, &reader))
		return state;
	state->base.count = dbsp_read_weight(&reader);
	state->base.sum = dbsp_read_sized_int128(&reader);
	read_wide(&reader, &state->squares);
	return state;
}

static void
square_add(void *state, Datum value, int64 weight)
{
	SquareState *square = state;

	int_add(&square->base, value, weight);
	wide_add_square(&square->squares, int_value(square->base.argtype, value), weight);
}

static Datum
square_store(void *state)
{
	SquareState *square = state;
	bytea	   *stored = palloc(VARHDRSZ + DBSP_COUNT_BYTES + 1 + DBSP_INT128_BYTES + WIDE_BYTES);
	uint8	   *end = (uint8 *) VARDATA(stored);

	if (square->base.count == 0)
		dbsp_agg_check_empty(square->base.sum == 0 && square->squares.low == 0 && square->squares.high == 0);
	else
	{
		end = dbsp_write_count(end, square->base.count);
		end = dbsp_write_sized_int128(end, square->base.sum);
		end = write_wide(end, &square->squares);
	}
	return dbsp_finish_state(stored, end);
}

static Datum
square_result(void *state, int final, bool *isnull)
{
	SquareState *square = state;
	IntState   *base = &square->base;
	DbspDigits	sum;
	DbspDigits	squares;

	*isnull = base->count < (dbsp_agg_final_is_sample(final) ? 2 : 1);
	if (*isnull)
		return (Datum) 0;
	dbsp_decimal_digits_of_int128(base->sum, &sum);
	dbsp_decimal_digits(square->squares.low, square->squares.high, false, &squares);
	return NumericGetDatum(dbsp_decimal_variance(base->count, &sum, &squares, 0, final));
}

static void
square_combine(void *state, const void *other)
{
	SquareState *square = state;
	const SquareState *more = other;

	int_combine(&square->base, &more->base);
	wide_add(&square->squares, more->squares.low, more->squares.high, false);
}

const DbspAggClass dbsp_agg_int_sum = {
	.name = "int_sum",
	.create = int_create,
	.load = int_load,
	.add = int_add,
	.store = int_store,
	.result = int_result,
	.combine = int_combine
};

const DbspAggClass dbsp_agg_int_square = {
	.name = "int_square",
	.create = square_create,
	.load = square_load,
	.add = square_add,
	.store = square_store,
	.result = square_result,
	.combine = square_combine
};
