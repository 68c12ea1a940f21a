/*-------------------------------------------------------------------------
 *
 * digit_sum.c
 *	  An exact sum of any width: a sparse positional number.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "utils/memutils.h"

#include "circuit/agg/digit_sum.h"

/*
 * Limbs stay below 2^62: pending is at most PENDING_LIMIT, plus TIMES_LIMIT
 * for the number that is being added, or plus PENDING_LIMIT for a sum that is.
 */
#define PENDING_LIMIT (UINT64CONST(1) << 44)
#define TIMES_LIMIT (UINT64CONST(1) << 40)

/* In zigzag; beyond that of the square of any numeric, so a stored state beyond it is damaged. */
#define POSITION_LIMIT 200000

void
dbsp_digit_sum_init(DbspDigitSum *sum, int radix, MemoryContext cxt)
{
	sum->radix = radix;
	sum->low = 0;
	sum->size = 0;
	sum->space = DIGIT_SUM_ROOM;
	sum->pending = 0;
	sum->limb = sum->room;
	sum->cxt = cxt;
}

/* Widens the sum to the positions low .. high - 1. */
static void
widen(DbspDigitSum *sum, int low, int high)
{
	int			old_size = sum->size;
	int			shift;

	if (old_size == 0)
		sum->low = low;
	low = Min(low, sum->low);
	high = Max(high, sum->low + old_size);
	shift = sum->low - low;
	sum->size = high - low;

	if (sum->size > sum->space)
	{
		int64	   *old_limb = sum->limb;

		/* The old limbs, less than the new ones, are left to the context. */
		sum->space = 2 * sum->size;
		sum->limb = MemoryContextAlloc(sum->cxt, sum->space * sizeof(int64));
		memcpy(sum->limb + shift, old_limb, old_size * sizeof(int64));
	}
	else if (shift > 0)
		memmove(sum->limb + shift, sum->limb, old_size * sizeof(int64));

	memset(sum->limb, 0, shift * sizeof(int64));
	memset(sum->limb + shift + old_size, 0, (sum->size - shift - old_size) * sizeof(int64));
	sum->low = low;
}

static inline void
reserve(DbspDigitSum *sum, int low, int high)
{
	if (sum->size == 0 || low < sum->low || high > sum->low + sum->size)
		widen(sum, low, high);
}

/* Leaves limbs below the radix in magnitude, of either sign; returns what is carried out of the last. */
static inline int64
carry_limbs(int64 *limb, int size, int64 radix)
{
	int64		carry = 0;

	for (int i = 0; i < size; i++)
	{
		int64		value = limb[i] + carry;

		carry = value / radix;
		limb[i] = value - carry * radix;
	}
	return carry;
}

/* Gives limbs below the radix in magnitude one sign, that of the last, which is not zero. */
static inline void
unify_signs(int64 *limb, int size, int64 radix)
{
	int64		sign = limb[size - 1] < 0 ? -1 : 1;
	int64		borrow = 0;

	for (int i = 0; i < size; i++)
	{
		int64		value = limb[i] * sign - borrow;

		borrow = value < 0 ? 1 : 0;
		limb[i] = (value + borrow * radix) * sign;
	}
}

/*
 * Propagates carries, which does not change the value.  Afterwards all limbs
 * are below the radix and of one sign; the last is not zero.
 */
static void
normalize(DbspDigitSum *sum)
{
	int64		carry;

	/* The radix as a constant spares the division. */
	if (sum->radix == DBSP_RADIX_DECIMAL)
		carry = carry_limbs(sum->limb, sum->size, DBSP_RADIX_DECIMAL);
	else
		carry = carry_limbs(sum->limb, sum->size, DBSP_RADIX_BINARY);
	while (carry != 0)
	{
		widen(sum, sum->low, sum->low + sum->size + 1);
		sum->limb[sum->size - 1] = carry % sum->radix;
		carry /= sum->radix;
	}

	while (sum->size > 0 && sum->limb[sum->size - 1] == 0)
		sum->size--;
	if (sum->size > 0)
		unify_signs(sum->limb, sum->size, sum->radix);
	while (sum->size > 0 && sum->limb[sum->size - 1] == 0)
		sum->size--;
	sum->pending = 1;
}

/* Adds a number at most TIMES_LIMIT times. */
static inline void
add_shifted(DbspDigitSum *sum, const DbspDigits *number, int shift, uint64 times)
{
	int64		factor = number->negative ? -(int64) times : (int64) times;
	int			low = number->position + shift;
	int64	   *limb;

	if (sum->pending + times > PENDING_LIMIT)
		normalize(sum);
	reserve(sum, low, low + number->count);
	limb = sum->limb + (low - sum->low);
	for (int i = 0; i < number->count; i++)
		limb[i] += number->digit[i] * factor;
	sum->pending += times;
}

void
dbsp_digit_sum_add(DbspDigitSum *sum, const DbspDigits *number, uint64 times)
{
	if (number->count == 0)
		return;
	if (times <= TIMES_LIMIT)
	{
		add_shifted(sum, number, 0, times);
		return;
	}
	for (int shift = 0; times > 0; shift++)
	{
		add_shifted(sum, number, shift, times % sum->radix);
		times /= sum->radix;
	}
}

void
dbsp_digit_sum_combine(DbspDigitSum *sum, const DbspDigitSum *other)
{
	int64	   *limb;

	if (other->size == 0)
		return;
	normalize(sum);
	reserve(sum, other->low, other->low + other->size);
	limb = sum->limb + (other->low - sum->low);
	for (int i = 0; i < other->size; i++)
		limb[i] += other->limb[i];
	sum->pending += other->pending;
}

/* Normalizes; returns the index of the first limb that is not zero, or the size. */
static int
significant_limbs(DbspDigitSum *sum)
{
	int			first = 0;

	normalize(sum);
	while (first < sum->size && sum->limb[first] == 0)
		first++;
	return first;
}

void
dbsp_digit_sum_final(DbspDigitSum *sum, DbspDigits *digits_out)
{
	int			first = significant_limbs(sum);
	int			count = sum->size - first;
	uint16	   *digit = palloc(Max(count, 1) * sizeof(uint16));

	for (int i = 0; i < count; i++)
		digit[i] = (uint16) Abs(sum->limb[first + i]);
	digits_out->digit = digit;
	digits_out->count = count;
	digits_out->position = sum->low + first;
	digits_out->negative = count > 0 && sum->limb[sum->size - 1] < 0;
}

bool
dbsp_digit_sum_is_zero(DbspDigitSum *sum)
{
	normalize(sum);
	return sum->size == 0;
}

void
dbsp_digits_square(const DbspDigits *number, int radix, uint16 *room, DbspDigits *square_out)
{
	int			count = number->count;
	uint64		carry = 0;

	/* A column holds less than count * 2^32, which a carry of 64 bits takes. */
	for (int column = 0; column < 2 * count; column++)
	{
		for (int i = Max(0, column - count + 1); i <= Min(column, count - 1); i++)
			carry += (uint64) number->digit[i] * number->digit[column - i];
		room[column] = (uint16) (carry % radix);
		carry /= radix;
	}
	square_out->digit = room;
	square_out->count = 2 * count;
	square_out->position = 2 * number->position;
	square_out->negative = false;
}

Size
dbsp_digit_sum_max_bytes(const DbspDigitSum *sum)
{
	/* Normalizing adds at most five limbs: they are of 64 bits, and a digit holds more than 13. */
	return 2 * DBSP_COUNT_BYTES + sizeof(uint16) * (sum->size + 5);
}

/* The form: twice the count of digits, plus one if negative; unless zero, the position in zigzag and the digits. */
uint8 *
dbsp_digit_sum_write(DbspDigitSum *sum, uint8 *bytes)
{
	int			first = significant_limbs(sum);
	int			count = sum->size - first;
	int			position = sum->low + first;
	bool		negative = count > 0 && sum->limb[sum->size - 1] < 0;

	bytes = dbsp_write_count(bytes, (uint64) count * 2 + negative);
	if (count == 0)
		return bytes;
	bytes = dbsp_write_count(bytes, position >= 0 ? (uint64) position * 2 : (uint64) (-position) * 2 - 1);
	for (int i = first; i < sum->size; i++)
	{
		uint16		digit = (uint16) (negative ? -sum->limb[i] : sum->limb[i]);

		*bytes++ = (uint8) digit;
		*bytes++ = (uint8) (digit >> 8);
	}
	return bytes;
}

void
dbsp_digit_sum_read(DbspDigitSum *sum, DbspByteReader *reader)
{
	uint64		head = dbsp_read_count(reader);
	uint64		count = head / 2;
	bool		negative = head % 2 != 0;
	uint64		zigzag;
	int			position;

	if (count == 0)
		return;
	zigzag = dbsp_read_count(reader);
	if (zigzag > POSITION_LIMIT || count > (uint64) (reader->end - reader->next) / 2)
		dbsp_unreadable_state();
	position = zigzag % 2 == 0 ? (int) (zigzag / 2) : -(int) (zigzag / 2) - 1;

	reserve(sum, position, position + (int) count);
	for (int i = 0; i < (int) count; i++)
	{
		int64		digit = reader->next[0] | (reader->next[1] << 8);

		sum->limb[i] = negative ? -digit : digit;
		reader->next += 2;
	}
	sum->pending = 1;
}
