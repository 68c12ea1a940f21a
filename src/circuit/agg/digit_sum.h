/*-------------------------------------------------------------------------
 *
 * digit_sum.h
 *	  An exact sum of any width: a sparse positional number.
 *
 * Radix 10000 serves numeric, whose digits are its own; radix 65536 serves
 * floating point, in units of a power of two.  Limbs are 64 bits wide and
 * signed, so that adding carries nothing: carries are propagated when the
 * bound of the limbs nears their width, and before the number is read.
 *
 * A sum refers to itself and must not be copied as a struct.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_DIGIT_SUM_H
#define DBSP_DIGIT_SUM_H

#include "circuit/agg/agg_bytes.h"

#define DBSP_RADIX_DECIMAL 10000
#define DBSP_RADIX_BINARY 65536

#define DIGIT_SUM_ROOM 20

typedef struct DbspDigitSum
{
	int			radix;
	int			low;			/* position (exponent of the radix) of limb[0] */
	int			size;			/* limbs in use */
	int			space;			/* limbs allocated */
	uint64		pending;		/* no limb exceeds pending * radix */
	int64	   *limb;			/* least significant first */
	MemoryContext cxt;
	int64		room[DIGIT_SUM_ROOM];
} DbspDigitSum;

/* A number as digits: radix^position * sum(digit[i] * radix^i). */
typedef struct DbspDigits
{
	const uint16 *digit;		/* least significant first */
	int			count;
	int			position;
	bool		negative;
} DbspDigits;

/* Makes the sum zero.  Limbs beyond the first few are allocated in cxt. */
extern void dbsp_digit_sum_init(DbspDigitSum *sum, int radix, MemoryContext cxt);
/* Adds a number so many times. */
extern void dbsp_digit_sum_add(DbspDigitSum *sum, const DbspDigits *number, uint64 times);
/* Adds another sum of the same radix. */
extern void dbsp_digit_sum_combine(DbspDigitSum *sum, const DbspDigitSum *other);
/* The sum's digits, without zeros at either end, in the current context.  Leaves the value alone. */
extern void dbsp_digit_sum_final(DbspDigitSum *sum, DbspDigits *digits_out);
/* The square of a number: 2 * count digits, which the caller has room for. */
extern void dbsp_digits_square(const DbspDigits *number, int radix, uint16 *room, DbspDigits *square_out);

/* True if the sum is zero. */
extern bool dbsp_digit_sum_is_zero(DbspDigitSum *sum);
/* No form of the sum takes more bytes. */
extern Size dbsp_digit_sum_max_bytes(const DbspDigitSum *sum);
/* Writes the sum in its only form; returns the byte after it. */
extern uint8 *dbsp_digit_sum_write(DbspDigitSum *sum, uint8 *bytes);
/* Reads what dbsp_digit_sum_write wrote into a sum that is zero.  Raises corruption. */
extern void dbsp_digit_sum_read(DbspDigitSum *sum, DbspByteReader *reader);

#endif							/* DBSP_DIGIT_SUM_H */
