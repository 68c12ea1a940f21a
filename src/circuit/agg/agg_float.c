/*-------------------------------------------------------------------------
 *
 * agg_float.c
 *	  Sums, averages and variances of real and double precision.
 *
 * Every finite double is a multiple of 2^-1074, and its square one of
 * 2^-2148: the sums are exact integers in those units, and each result is
 * rounded once, from the exact quotient.  NaN, the infinities and -0 are
 * counted apart.
 *
 * Two classes: one for sum and avg, whose state is small, and one that keeps
 * the sum of squares too.
 *
 * Stored form: nothing if there are no values; else twice the count of finite
 * values, plus one if there are special values; their four counts if so; the
 * sum; the sum of squares.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "port/pg_bitutils.h"
#include "utils/float.h"

#include "circuit/agg/agg_bytes.h"
#include "circuit/agg/agg_class.h"
#include "circuit/agg/digit_sum.h"

#define UNIT_EXPONENT (-1074)	/* of the smallest double */
#define DIGIT_BITS 16
#define FLOAT_DIGITS 5			/* of 53 bits, shifted by up to 15 */

typedef enum SpecialValue
{
	SPECIAL_NAN,
	SPECIAL_PLUS_INFINITY,
	SPECIAL_MINUS_INFINITY,
	SPECIAL_MINUS_ZERO,			/* finite all the same */
	SPECIAL_VALUES
} SpecialValue;

typedef struct FloatState
{
	Oid			argtype;
	bool		has_squares;
	int64		finite;			/* count of finite values */
	int64		special[SPECIAL_VALUES];
	DbspDigitSum sum;			/* in units of 2^UNIT_EXPONENT */
	DbspDigitSum squares;		/* in units of 2^(2 * UNIT_EXPONENT); absent without has_squares */
} FloatState;

/* The precision that results are rounded to. */
typedef struct FloatFormat
{
	int			bits;
	int			lowest;			/* exponent of the smallest value */
} FloatFormat;

static const FloatFormat format_float4 = {.bits = 24,.lowest = -149};
static const FloatFormat format_float8 = {.bits = 53,.lowest = UNIT_EXPONENT};

static FloatState *
float_create(Oid argtype, bool has_squares, MemoryContext cxt)
{
	FloatState *state;

	state = MemoryContextAlloc(cxt, has_squares ? sizeof(FloatState) : offsetof(FloatState, squares));
	state->argtype = argtype;
	state->has_squares = has_squares;
	state->finite = 0;
	memset(state->special, 0, sizeof(state->special));
	dbsp_digit_sum_init(&state->sum, DBSP_RADIX_BINARY, cxt);
	if (has_squares)
		dbsp_digit_sum_init(&state->squares, DBSP_RADIX_BINARY, cxt);
	return state;
}

static void *
sum_create(Oid argtype, MemoryContext cxt)
{
	return float_create(argtype, false, cxt);
}

static void *
square_create(Oid argtype, MemoryContext cxt)
{
	return float_create(argtype, true, cxt);
}

/* A finite number in units of 2^UNIT_EXPONENT; room has FLOAT_DIGITS. */
static void
float_digits(float8 number, uint16 *room, DbspDigits *digits_out)
{
	uint64		bits;
	int			exponent;
	uint64		fraction;
	uint128		shifted;

	memcpy(&bits, &number, sizeof(bits));
	exponent = (int) (bits >> 52) & 0x7FF;
	fraction = bits & ((UINT64CONST(1) << 52) - 1);
	/* A subnormal number has the exponent of the smallest normal one, without the implied bit. */
	if (exponent > 0)
	{
		fraction |= UINT64CONST(1) << 52;
		exponent--;
	}

	shifted = (uint128) fraction << (exponent % DIGIT_BITS);
	for (int i = 0; i < FLOAT_DIGITS; i++)
		room[i] = (uint16) (shifted >> (i * DIGIT_BITS));
	digits_out->digit = room;
	digits_out->count = fraction == 0 ? 0 : FLOAT_DIGITS;
	digits_out->position = exponent / DIGIT_BITS;
	digits_out->negative = (bits >> 63) != 0;
}

static void
add_finite(FloatState *state, float8 number, int64 weight)
{
	uint16		room[FLOAT_DIGITS];
	uint16		square_room[2 * FLOAT_DIGITS];
	DbspDigits	digits;
	DbspDigits	square;

	dbsp_agg_change_count(&state->finite, weight);
	if (number == 0)
	{
		if (signbit(number))
			dbsp_agg_change_count(&state->special[SPECIAL_MINUS_ZERO], weight);
		return;
	}

	float_digits(number, room, &digits);
	if (state->has_squares)
	{
		dbsp_digits_square(&digits, DBSP_RADIX_BINARY, square_room, &square);
		square.negative = weight < 0;
		dbsp_digit_sum_add(&state->squares, &square, dbsp_agg_times(weight));
	}
	if (weight < 0)
		digits.negative = !digits.negative;
	dbsp_digit_sum_add(&state->sum, &digits, dbsp_agg_times(weight));
}

static void
float_add(void *state, Datum value, int64 weight)
{
	FloatState *numbers = state;
	float8		number = numbers->argtype == FLOAT4OID ? DatumGetFloat4(value) : DatumGetFloat8(value);

	if (isnan(number))
		dbsp_agg_change_count(&numbers->special[SPECIAL_NAN], weight);
	else if (isinf(number))
		dbsp_agg_change_count(&numbers->special[number > 0 ? SPECIAL_PLUS_INFINITY : SPECIAL_MINUS_INFINITY], weight);
	else
		add_finite(numbers, number, weight);
}

static FloatState *
float_read(FloatState *state, Datum stored)
{
	DbspByteReader reader;
	uint64		head;

	if (!dbsp_open_state(stored, &reader))
		return state;
	head = dbsp_read_count(&reader);
	state->finite = (int64) (head / 2);
	if (head % 2 != 0)
	{
		for (int i = 0; i < SPECIAL_VALUES; i++)
			state->special[i] = dbsp_read_weight(&reader);
	}
	dbsp_digit_sum_read(&state->sum, &reader);
	if (state->has_squares)
		dbsp_digit_sum_read(&state->squares, &reader);
	dbsp_close_state(&reader);
	return state;
}

static void *
sum_load(Datum stored, Oid argtype, MemoryContext cxt)
{
	return float_read(float_create(argtype, false, cxt), stored);
}

static void *
square_load(Datum stored, Oid argtype, MemoryContext cxt)
{
	return float_read(float_create(argtype, true, cxt), stored);
}

static bool
has_special(const FloatState *state)
{
	for (int i = 0; i < SPECIAL_VALUES; i++)
	{
		if (state->special[i] != 0)
			return true;
	}
	return false;
}

static Datum
float_store(void *state)
{
	FloatState *numbers = state;
	bool		special = has_special(numbers);
	Size		most = VARHDRSZ + (1 + SPECIAL_VALUES) * DBSP_COUNT_BYTES + dbsp_digit_sum_max_bytes(&numbers->sum);
	bytea	   *stored;
	uint8	   *end;

	if (numbers->has_squares)
		most += dbsp_digit_sum_max_bytes(&numbers->squares);
	stored = palloc(most);
	end = (uint8 *) VARDATA(stored);

	if (numbers->finite == 0)
		dbsp_agg_check_empty(numbers->special[SPECIAL_MINUS_ZERO] == 0 && dbsp_digit_sum_is_zero(&numbers->sum) &&
							 (!numbers->has_squares || dbsp_digit_sum_is_zero(&numbers->squares)));
	if (numbers->finite == 0 && !special)
		return dbsp_finish_state(stored, end);

	end = dbsp_write_count(end, (uint64) numbers->finite * 2 + special);
	for (int i = 0; special && i < SPECIAL_VALUES; i++)
		end = dbsp_write_count(end, numbers->special[i]);
	end = dbsp_digit_sum_write(&numbers->sum, end);
	if (numbers->has_squares)
		end = dbsp_digit_sum_write(&numbers->squares, end);
	return dbsp_finish_state(stored, end);
}

/* True if the group has at least so many values. */
static bool
has_values(const FloatState *state, int64 values)
{
	/* Each count is below 2^63, so they may add up to more than 64 bits hold. */
	int128		total = (int128) state->finite + state->special[SPECIAL_NAN] +
	state->special[SPECIAL_PLUS_INFINITY] + state->special[SPECIAL_MINUS_INFINITY];

	return total >= values;
}

/* True if the sum is not finite; then which it is. */
static bool
special_sum(const FloatState *state, float8 *sum_out)
{
	bool		plus = state->special[SPECIAL_PLUS_INFINITY] > 0;
	bool		minus = state->special[SPECIAL_MINUS_INFINITY] > 0;

	if (state->special[SPECIAL_NAN] > 0 || (plus && minus))
		*sum_out = get_float8_nan();
	else if (plus)
		*sum_out = get_float8_infinity();
	else if (minus)
		*sum_out = -get_float8_infinity();
	else
		return false;
	return true;
}

static int
bit_length(uint128 number)
{
	if (number >> 64 != 0)
		return 65 + pg_leftmost_one_pos64((uint64) (number >> 64));
	return number == 0 ? 0 : 1 + pg_leftmost_one_pos64((uint64) number);
}

/* A bit of a number by its index from the least significant digit; zero below that. */
static inline int
bit_at(const DbspDigits *number, int index)
{
	if (index < 0)
		return 0;
	return (number->digit[index / DIGIT_BITS] >> (index % DIGIT_BITS)) & 1;
}

/*
 * quotient * 2^exponent in a format, to the nearest, ties to even; inexact
 * tells that the exact value is a little more.  The quotient has more bits
 * than the format.  Raises overflow.
 */
static float8
rounded(uint128 quotient, int exponent, bool inexact, const FloatFormat *format)
{
	int			last = Max(exponent + bit_length(quotient) - format->bits, format->lowest);
	int			shift = last - exponent;
	uint128		kept;
	uint128		rest;
	uint128		half;
	float8		result;

	if (shift > 127)
		return 0;
	kept = quotient >> shift;
	rest = quotient - (kept << shift);
	half = (uint128) 1 << (shift - 1);
	if (rest > half || (rest == half && (inexact || kept % 2 != 0)))
		kept++;

	result = ldexp((float8) (uint64) kept, last);
	if (isinf(result) || (format->bits == format_float4.bits && result > FLT_MAX))
		float_overflow_error();
	return result;
}

/*
 * |number| * 2^unit / divisor, correctly rounded.  The number has no zero
 * digits in front; the divisor is below 2^127.  Raises overflow.
 */
static float8
rounded_quotient(const DbspDigits *number, int unit, uint128 divisor, const FloatFormat *format)
{
	int			length;
	int			taken;
	uint128		quotient = 0;
	uint128		rest = 0;
	bool		inexact;

	if (number->count == 0)
		return 0;
	length = (number->count - 1) * DIGIT_BITS + bit_length(number->digit[number->count - 1]);

	/* Long division of as many bits as give at least 65 bits of quotient, which leaves some to round by. */
	taken = bit_length(divisor) + 65;
	for (int i = 1; i <= taken; i++)
	{
		rest = (rest << 1) | bit_at(number, length - i);
		quotient <<= 1;
		if (rest >= divisor)
		{
			rest -= divisor;
			quotient |= 1;
		}
	}
	inexact = rest != 0;
	for (int i = (length - taken) - 1; i >= 0 && !inexact; i--)
		inexact = bit_at(number, i) != 0;
	return rounded(quotient, unit + number->position * DIGIT_BITS + length - taken, inexact, format);
}

/* The sum's Datum in the type of sum over the state's type. */
static Datum
sum_datum(const FloatState *state, float8 sum)
{
	if (state->argtype == FLOAT4OID)
		return Float4GetDatum((float4) sum);
	return Float8GetDatum(sum);
}

static Datum
sum_result(void *state, int final, bool *isnull)
{
	FloatState *numbers = state;
	bool		is_sum = final == DBSP_FINAL_SUM;
	const FloatFormat *format = is_sum && numbers->argtype == FLOAT4OID ? &format_float4 : &format_float8;
	DbspDigits	digits;
	float8		result;

	*isnull = !has_values(numbers, 1);
	if (*isnull)
		return (Datum) 0;
	if (!special_sum(numbers, &result))
	{
		dbsp_digit_sum_final(&numbers->sum, &digits);
		result = rounded_quotient(&digits, UNIT_EXPONENT, is_sum ? 1 : numbers->finite, format);
		/* As in the server, -0 is the sum of nothing but -0; averages start from 0. */
		if (digits.negative || (is_sum && numbers->special[SPECIAL_MINUS_ZERO] == numbers->finite))
			result = -result;
	}
	return is_sum ? sum_datum(numbers, result) : Float8GetDatum(result);
}

static Datum
square_result(void *state, int final, bool *isnull)
{
	FloatState *numbers = state;
	bool		sample = dbsp_agg_final_is_sample(final);
	DbspDigitSum numerator;
	DbspDigits	sum;
	DbspDigits	square;
	uint16	   *room;
	uint128		divisor = (uint128) numbers->finite * (uint64) (sample ? numbers->finite - 1 : numbers->finite);
	float8		result;

	*isnull = !has_values(numbers, sample ? 2 : 1);
	if (*isnull)
		return (Datum) 0;
	if (special_sum(numbers, &result))
		return Float8GetDatum(get_float8_nan());

	/* The variance is (count * squares - sum * sum) / (count * (count - 1)). */
	dbsp_digit_sum_final(&numbers->squares, &square);
	dbsp_digit_sum_init(&numerator, DBSP_RADIX_BINARY, CurrentMemoryContext);
	dbsp_digit_sum_add(&numerator, &square, (uint64) numbers->finite);
	dbsp_digit_sum_final(&numbers->sum, &sum);
	room = palloc(sizeof(uint16) * 2 * sum.count);
	dbsp_digits_square(&sum, DBSP_RADIX_BINARY, room, &square);
	square.negative = true;
	dbsp_digit_sum_add(&numerator, &square, 1);

	dbsp_digit_sum_final(&numerator, &sum);
	if (sum.negative)
		dbsp_corrupt("A group has a negative variance");
	result = rounded_quotient(&sum, 2 * UNIT_EXPONENT, divisor, &format_float8);
	return Float8GetDatum(dbsp_agg_final_is_stddev(final) ? sqrt(result) : result);
}

static void
float_combine(void *state, const void *other)
{
	FloatState *numbers = state;
	const FloatState *more = other;

	dbsp_agg_change_count(&numbers->finite, more->finite);
	for (int i = 0; i < SPECIAL_VALUES; i++)
		dbsp_agg_change_count(&numbers->special[i], more->special[i]);
	dbsp_digit_sum_combine(&numbers->sum, &more->sum);
	if (numbers->has_squares)
		dbsp_digit_sum_combine(&numbers->squares, &more->squares);
}

const DbspAggClass dbsp_agg_float_sum = {
	.name = "float_sum",
	.create = sum_create,
	.load = sum_load,
	.add = float_add,
	.store = float_store,
	.result = sum_result,
	.combine = float_combine
};

const DbspAggClass dbsp_agg_float_square = {
	.name = "float_square",
	.create = square_create,
	.load = square_load,
	.add = float_add,
	.store = float_store,
	.result = square_result,
	.combine = float_combine
};
