/*-------------------------------------------------------------------------
 *
 * agg_numeric.c
 *	  Sums, averages and variances of numeric.
 *
 * The result shows as many decimals as that of the group's values which has
 * the most, so the state counts the values of each scale.  NaN and the
 * infinities are counted apart and stay out of the sums.
 *
 * Two classes: one for sum and avg, whose state is small, and one that keeps
 * the sum of squares too.
 *
 * Stored form: nothing if there are no values; else twice the number of
 * different scales, plus one if there are special values; their three counts
 * if so; scale and count of each scale, ascending; the sum; the sum of squares.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "circuit/agg/decimal.h"

#define SCALE_ROOM 4
#define SCALE_LIMIT 0x3FFF		/* the most that a numeric has */
#define SCALE_BYTES 3

typedef struct ScaleCount
{
	int			scale;
	int64		count;			/* more than zero */
} ScaleCount;

typedef struct NumericState
{
	MemoryContext cxt;
	bool		has_squares;
	int64		finite;			/* count of finite values */
	int64		special[3];		/* counts of the other kinds, in the order of DbspDecimalKind */
	int			scales;			/* entries of scale */
	int			scale_space;
	ScaleCount *scale;			/* ascending */
	ScaleCount	scale_room[SCALE_ROOM];
	DbspDigitSum sum;
	DbspDigitSum squares;		/* absent without has_squares */
} NumericState;

static NumericState *
numbers_create(bool has_squares, MemoryContext cxt)
{
	NumericState *state;

	state = MemoryContextAlloc(cxt, has_squares ? sizeof(NumericState) : offsetof(NumericState, squares));
	state->cxt = cxt;
	state->has_squares = has_squares;
	state->finite = 0;
	memset(state->special, 0, sizeof(state->special));
	state->scales = 0;
	state->scale_space = SCALE_ROOM;
	state->scale = state->scale_room;
	dbsp_digit_sum_init(&state->sum, DBSP_RADIX_DECIMAL, cxt);
	if (has_squares)
		dbsp_digit_sum_init(&state->squares, DBSP_RADIX_DECIMAL, cxt);
	return state;
}

static void *
sum_create(Oid argtype, MemoryContext cxt)
{
	return numbers_create(false, cxt);
}

static void *
square_create(Oid argtype, MemoryContext cxt)
{
	return numbers_create(true, cxt);
}

/* The first entry whose scale is not smaller. */
static int
scale_index(const NumericState *state, int scale)
{
	int			low = 0;
	int			high = state->scales;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (state->scale[middle].scale < scale)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Makes room for one more entry at an index. */
static void
insert_scale(NumericState *state, int index, int scale)
{
	if (state->scales == state->scale_space)
	{
		ScaleCount *old_scale = state->scale;

		state->scale_space *= 2;
		state->scale = MemoryContextAlloc(state->cxt, state->scale_space * sizeof(ScaleCount));
		memcpy(state->scale, old_scale, state->scales * sizeof(ScaleCount));
	}
	memmove(state->scale + index + 1, state->scale + index, (state->scales - index) * sizeof(ScaleCount));
	state->scale[index].scale = scale;
	state->scale[index].count = 0;
	state->scales++;
}

static void
count_scale(NumericState *state, int scale, int64 weight)
{
	int			index = scale_index(state, scale);

	if (index == state->scales || state->scale[index].scale != scale)
		insert_scale(state, index, scale);
	dbsp_agg_change_count(&state->scale[index].count, weight);
	if (state->scale[index].count == 0)
	{
		state->scales--;
		memmove(state->scale + index, state->scale + index + 1, (state->scales - index) * sizeof(ScaleCount));
	}
}

static void
numbers_add(void *state, Datum value, int64 weight)
{
	NumericState *numbers = state;
	DbspDecimal decimal;
	DbspDigits	square;
	uint16		room[2 * DECIMAL_ROOM];
	uint16	   *digit = room;

	dbsp_decimal_read(value, &decimal);
	if (decimal.kind != DBSP_DECIMAL_FINITE)
	{
		dbsp_agg_change_count(&numbers->special[decimal.kind - DBSP_DECIMAL_NAN], weight);
		return;
	}

	dbsp_agg_change_count(&numbers->finite, weight);
	count_scale(numbers, decimal.scale, weight);
	if (numbers->has_squares)
	{
		if (decimal.digits.count > DECIMAL_ROOM)
			digit = palloc(sizeof(uint16) * 2 * decimal.digits.count);
		dbsp_digits_square(&decimal.digits, DBSP_RADIX_DECIMAL, digit, &square);
		square.negative = weight < 0;
		dbsp_digit_sum_add(&numbers->squares, &square, dbsp_agg_times(weight));
	}
	if (weight < 0)
		decimal.digits.negative = !decimal.digits.negative;
	dbsp_digit_sum_add(&numbers->sum, &decimal.digits, dbsp_agg_times(weight));
}

static void
read_scales(NumericState *state, DbspByteReader *reader, uint64 scales)
{
	for (uint64 i = 0; i < scales; i++)
	{
		uint64		scale = dbsp_read_count(reader);

		if (scale > SCALE_LIMIT || (i > 0 && scale <= state->scale[i - 1].scale))
			dbsp_unreadable_state();
		insert_scale(state, (int) i, (int) scale);
		dbsp_agg_change_count(&state->scale[i].count, dbsp_read_weight(reader));
		dbsp_agg_change_count(&state->finite, state->scale[i].count);
	}
}

static NumericState *
numbers_read(NumericState *state, Datum stored)
{
	DbspByteReader reader;
	uint64		head;

	if (!dbsp_open_state(stored, &reader))
		return state;
	head = dbsp_read_count(&reader);
	if (head % 2 != 0)
	{
		for (int i = 0; i < lengthof(state->special); i++)
			state->special[i] = dbsp_read_weight(&reader);
	}
	read_scales(state, &reader, head / 2);
	dbsp_digit_sum_read(&state->sum, &reader);
	if (state->has_squares)
		dbsp_digit_sum_read(&state->squares, &reader);
	dbsp_close_state(&reader);
	return state;
}

static void *
sum_load(Datum stored, Oid argtype, MemoryContext cxt)
{
	return numbers_read(numbers_create(false, cxt), stored);
}

static void *
square_load(Datum stored, Oid argtype, MemoryContext cxt)
{
	return numbers_read(numbers_create(true, cxt), stored);
}

static inline bool
has_special(const NumericState *state)
{
	return state->special[0] != 0 || state->special[1] != 0 || state->special[2] != 0;
}

static Datum
numbers_store(void *state)
{
	NumericState *numbers = state;
	bool		special = has_special(numbers);
	Size		most = VARHDRSZ + 4 * DBSP_COUNT_BYTES + numbers->scales * (SCALE_BYTES + DBSP_COUNT_BYTES) +
	dbsp_digit_sum_max_bytes(&numbers->sum);
	bytea	   *stored;
	uint8	   *end;

	if (numbers->has_squares)
		most += dbsp_digit_sum_max_bytes(&numbers->squares);
	stored = palloc(most);
	end = (uint8 *) VARDATA(stored);

	if (numbers->finite == 0)
		dbsp_agg_check_empty(numbers->scales == 0 && dbsp_digit_sum_is_zero(&numbers->sum) &&
							 (!numbers->has_squares || dbsp_digit_sum_is_zero(&numbers->squares)));
	if (numbers->finite == 0 && !special)
		return dbsp_finish_state(stored, end);

	end = dbsp_write_count(end, (uint64) numbers->scales * 2 + special);
	for (int i = 0; special && i < lengthof(numbers->special); i++)
		end = dbsp_write_count(end, numbers->special[i]);
	for (int i = 0; i < numbers->scales; i++)
	{
		end = dbsp_write_count(end, numbers->scale[i].scale);
		end = dbsp_write_count(end, numbers->scale[i].count);
	}
	end = dbsp_digit_sum_write(&numbers->sum, end);
	if (numbers->has_squares)
		end = dbsp_digit_sum_write(&numbers->squares, end);
	return dbsp_finish_state(stored, end);
}

/* True if the group has at least so many values. */
static bool
has_values(const NumericState *state, int64 values)
{
	/* Each count is below 2^63, so three of them may add up to more than 64 bits hold. */
	int128		total = (int128) state->finite + state->special[0] + state->special[1] + state->special[2];

	return total >= values;
}

static int
display_scale(const NumericState *state)
{
	return state->scales > 0 ? state->scale[state->scales - 1].scale : 0;
}

static bool
has_kind(const NumericState *state, DbspDecimalKind kind)
{
	return state->special[kind - DBSP_DECIMAL_NAN] > 0;
}

/* The sum of a group that has special values. */
static Numeric
special_sum(const NumericState *state)
{
	bool		plus = has_kind(state, DBSP_DECIMAL_PLUS_INFINITY);
	bool		minus = has_kind(state, DBSP_DECIMAL_MINUS_INFINITY);

	if (has_kind(state, DBSP_DECIMAL_NAN) || (plus && minus))
		return dbsp_decimal_special(DBSP_DECIMAL_NAN);
	return dbsp_decimal_special(plus ? DBSP_DECIMAL_PLUS_INFINITY : DBSP_DECIMAL_MINUS_INFINITY);
}

static Datum
sum_result(void *state, int final, bool *isnull)
{
	NumericState *numbers = state;
	DbspDigits	digits;
	Numeric		sum;

	*isnull = !has_values(numbers, 1);
	if (*isnull)
		return (Datum) 0;
	if (has_special(numbers))
		return NumericGetDatum(special_sum(numbers));

	dbsp_digit_sum_final(&numbers->sum, &digits);
	sum = dbsp_decimal_make(&digits, display_scale(numbers));
	if (final == DBSP_FINAL_SUM)
		return NumericGetDatum(sum);
	return DirectFunctionCall2(numeric_div, NumericGetDatum(sum), NumericGetDatum(int64_to_numeric(numbers->finite)));
}

static Datum
square_result(void *state, int final, bool *isnull)
{
	NumericState *numbers = state;
	DbspDigits	sum;
	DbspDigits	squares;

	*isnull = !has_values(numbers, dbsp_agg_final_is_sample(final) ? 2 : 1);
	if (*isnull)
		return (Datum) 0;
	if (has_special(numbers))
		return NumericGetDatum(dbsp_decimal_special(DBSP_DECIMAL_NAN));

	dbsp_digit_sum_final(&numbers->sum, &sum);
	dbsp_digit_sum_final(&numbers->squares, &squares);
	return NumericGetDatum(dbsp_decimal_variance(numbers->finite, &sum, &squares, display_scale(numbers), final));
}

static void
numbers_combine(void *state, const void *other)
{
	NumericState *numbers = state;
	const NumericState *more = other;

	dbsp_agg_change_count(&numbers->finite, more->finite);
	for (int i = 0; i < lengthof(numbers->special); i++)
		dbsp_agg_change_count(&numbers->special[i], more->special[i]);
	for (int i = 0; i < more->scales; i++)
		count_scale(numbers, more->scale[i].scale, more->scale[i].count);
	dbsp_digit_sum_combine(&numbers->sum, &more->sum);
	if (numbers->has_squares)
		dbsp_digit_sum_combine(&numbers->squares, &more->squares);
}

const DbspAggClass dbsp_agg_numeric_sum = {
	.name = "numeric_sum",
	.create = sum_create,
	.load = sum_load,
	.add = numbers_add,
	.store = numbers_store,
	.result = sum_result,
	.combine = numbers_combine
};

const DbspAggClass dbsp_agg_numeric_square = {
	.name = "numeric_square",
	.create = square_create,
	.load = square_load,
	.add = numbers_add,
	.store = numbers_store,
	.result = square_result,
	.combine = numbers_combine
};
