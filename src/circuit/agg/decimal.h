/*-------------------------------------------------------------------------
 *
 * decimal.h
 *	  Numeric values as decimal digits, and back.
 *
 * The server exports no access to the digits of a numeric.  They are read
 * from, and written in, the format that numerics have on disk, which
 * pg_upgrade keeps the same from version to version.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_DECIMAL_H
#define DBSP_DECIMAL_H

#include "utils/numeric.h"

#include "circuit/agg/agg_class.h"
#include "circuit/agg/digit_sum.h"

#define DECIMAL_ROOM 32

typedef enum DbspDecimalKind
{
	DBSP_DECIMAL_FINITE,
	DBSP_DECIMAL_NAN,
	DBSP_DECIMAL_PLUS_INFINITY,
	DBSP_DECIMAL_MINUS_INFINITY
} DbspDecimalKind;

/* A numeric taken apart; digits and scale are those of a finite one. */
typedef struct DbspDecimal
{
	DbspDecimalKind kind;
	int			scale;			/* decimal digits shown behind the point */
	DbspDigits	digits;
	uint16		room[DECIMAL_ROOM];
} DbspDecimal;

/* Takes a numeric apart.  Refers to the result's own room, or to the current context. */
extern void dbsp_decimal_read(Datum value, DbspDecimal *decimal_out);
/* A numeric of given digits, which have no zeros at either end.  Raises overflow. */
extern Numeric dbsp_decimal_make(const DbspDigits *digits, int scale);
/* NaN or an infinity. */
extern Numeric dbsp_decimal_special(DbspDecimalKind kind);
/* The digits of an integer of 192 bits and a sign, in the current context. */
extern void dbsp_decimal_digits(uint128 low, uint64 high, bool negative, DbspDigits *digits_out);
extern void dbsp_decimal_digits_of_int128(int128 number, DbspDigits *digits_out);

/*
 * A variance or standard deviation, from the count (at least 1; for samples
 * 2), the sum and the sum of squares of finite values, as the server's own
 * aggregates over numeric give it.
 */
extern Numeric dbsp_decimal_variance(int64 count, const DbspDigits *sum, const DbspDigits *squares, int scale,
									 DbspAggFinal final);

#endif							/* DBSP_DECIMAL_H */
