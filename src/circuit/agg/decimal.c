/*-------------------------------------------------------------------------
 *
 * decimal.c
 *	  Numeric values as decimal digits, and back.
 *
 * A numeric on disk is a header of one or two 16-bit words and the digits of
 * base 10000, the most significant first.  The header's highest bits:
 *	  00, 01	long form, positive or negative: 14 bits of scale; next word: weight
 *	  10		short form: 1 bit of sign, 6 of scale, 7 of weight in two's complement
 *	  11		special: NaN, infinity or minus infinity by the next two bits
 * The weight is the exponent of base 10000 of the first digit.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "libpq/pqformat.h"
#include "nodes/execnodes.h"
#include "utils/fmgrprotos.h"

#include "circuit/agg/decimal.h"

#define FORM_MASK 0xC000
#define FORM_SHORT 0x8000
#define FORM_SPECIAL 0xC000

#define LONG_NEGATIVE 0x4000
#define LONG_SCALE_MASK 0x3FFF

#define SHORT_NEGATIVE 0x2000
#define SHORT_SCALE_MASK 0x1F80
#define SHORT_SCALE_SHIFT 7
#define SHORT_SCALE_MAX 63
#define SHORT_WEIGHT_SIGN 0x0040
#define SHORT_WEIGHT_MASK 0x003F
#define SHORT_WEIGHT_MIN (-64)
#define SHORT_WEIGHT_MAX 63

#define SPECIAL_MASK 0xF000
#define SPECIAL_NAN 0xC000
#define SPECIAL_PLUS_INFINITY 0xD000
#define SPECIAL_MINUS_INFINITY 0xF000

/* Enough for any integer of 192 bits. */
#define WIDE_DIGITS 15

static inline uint16
word_at(const char *bytes)
{
	uint16		word;

	/* A packed value is not aligned. */
	memcpy(&word, bytes, sizeof(word));
	return word;
}

static DbspDecimalKind
special_kind(uint16 header)
{
	if ((header & SPECIAL_MASK) == SPECIAL_PLUS_INFINITY)
		return DBSP_DECIMAL_PLUS_INFINITY;
	if ((header & SPECIAL_MASK) == SPECIAL_MINUS_INFINITY)
		return DBSP_DECIMAL_MINUS_INFINITY;
	return DBSP_DECIMAL_NAN;
}

void
dbsp_decimal_read(Datum value, DbspDecimal *decimal_out)
{
	struct varlena *image = PG_DETOAST_DATUM_PACKED(value);
	const char *bytes = VARDATA_ANY(image);
	const char *end = bytes + VARSIZE_ANY_EXHDR(image);
	uint16		header = word_at(bytes);
	uint16	   *digit = decimal_out->room;
	int			count;
	int			weight;

	bytes += sizeof(uint16);
	if ((header & FORM_MASK) == FORM_SPECIAL)
	{
		decimal_out->kind = special_kind(header);
		return;
	}

	decimal_out->kind = DBSP_DECIMAL_FINITE;
	if ((header & FORM_MASK) == FORM_SHORT)
	{
		decimal_out->digits.negative = (header & SHORT_NEGATIVE) != 0;
		decimal_out->scale = (header & SHORT_SCALE_MASK) >> SHORT_SCALE_SHIFT;
		weight = (header & SHORT_WEIGHT_MASK) - (header & SHORT_WEIGHT_SIGN);
	}
	else
	{
		decimal_out->digits.negative = (header & LONG_NEGATIVE) != 0;
		decimal_out->scale = header & LONG_SCALE_MASK;
		weight = (int16) word_at(bytes);
		bytes += sizeof(uint16);
	}

	count = (int) ((end - bytes) / sizeof(uint16));
	if (count > DECIMAL_ROOM)
		digit = palloc(count * sizeof(uint16));
	for (int i = 0; i < count; i++)
		digit[count - 1 - i] = word_at(bytes + i * sizeof(uint16));
	decimal_out->digits.digit = digit;
	decimal_out->digits.count = count;
	decimal_out->digits.position = weight - (count - 1);
}

/* Writes the header into words; returns how many it takes. */
static int
write_header(uint16 *words, bool negative, int scale, int weight)
{
	if (scale <= SHORT_SCALE_MAX && weight >= SHORT_WEIGHT_MIN && weight <= SHORT_WEIGHT_MAX)
	{
		words[0] = FORM_SHORT | (negative ? SHORT_NEGATIVE : 0) | (scale << SHORT_SCALE_SHIFT) |
			(weight & (SHORT_WEIGHT_SIGN | SHORT_WEIGHT_MASK));
		return 1;
	}
	if (weight > PG_INT16_MAX || weight < PG_INT16_MIN || scale > LONG_SCALE_MASK)
		ereport(ERROR,
				errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("value overflows numeric format"));
	words[0] = (negative ? LONG_NEGATIVE : 0) | scale;
	words[1] = (uint16) (int16) weight;
	return 2;
}

Numeric
dbsp_decimal_make(const DbspDigits *digits, int scale)
{
	int			count = digits->count;
	int			weight = count > 0 ? digits->position + count - 1 : 0;
	Size		most = VARHDRSZ + (2 + count) * sizeof(uint16);
	struct varlena *image = palloc(most);
	uint16	   *words = (uint16 *) VARDATA(image);
	int			used = write_header(words, digits->negative, scale, weight);

	for (int i = 0; i < count; i++)
		words[used++] = digits->digit[count - 1 - i];
	SET_VARSIZE(image, VARHDRSZ + used * sizeof(uint16));
	return (Numeric) image;
}

Numeric
dbsp_decimal_special(DbspDecimalKind kind)
{
	struct varlena *image = palloc(VARHDRSZ + sizeof(uint16));
	uint16		header = SPECIAL_NAN;

	if (kind == DBSP_DECIMAL_PLUS_INFINITY)
		header = SPECIAL_PLUS_INFINITY;
	else if (kind == DBSP_DECIMAL_MINUS_INFINITY)
		header = SPECIAL_MINUS_INFINITY;
	memcpy(VARDATA(image), &header, sizeof(header));
	SET_VARSIZE(image, VARHDRSZ + sizeof(header));
	return (Numeric) image;
}

void
dbsp_decimal_digits(uint128 low, uint64 high, bool negative, DbspDigits *digits_out)
{
	uint32		word[6] = {(uint32) low, (uint32) (low >> 32), (uint32) (low >> 64), (uint32) (low >> 96),
	(uint32) high, (uint32) (high >> 32)};
	uint16	   *digit = palloc(WIDE_DIGITS * sizeof(uint16));
	int			words = lengthof(word);
	int			count = 0;
	int			position = 0;

	while (words > 0 && word[words - 1] == 0)
		words--;
	while (words > 0)
	{
		uint64		rest = 0;

		for (int i = words - 1; i >= 0; i--)
		{
			rest = (rest << 32) | word[i];
			word[i] = (uint32) (rest / DBSP_RADIX_DECIMAL);
			rest %= DBSP_RADIX_DECIMAL;
		}
		if (word[words - 1] == 0)
			words--;
		if (count == 0 && rest == 0)
			position++;
		else
			digit[count++] = (uint16) rest;
	}
	digits_out->digit = digit;
	digits_out->count = count;
	digits_out->position = position;
	digits_out->negative = negative;
}

void
dbsp_decimal_digits_of_int128(int128 number, DbspDigits *digits_out)
{
	dbsp_decimal_digits(number < 0 ? 0 - (uint128) number : (uint128) number, 0, number < 0, digits_out);
}

/* The form in which numeric_serialize sends a sum. */
static void
send_digits(StringInfo buf, const DbspDigits *digits, int scale)
{
	int			count = digits->count;

	pq_sendint32(buf, count);
	pq_sendint32(buf, count > 0 ? digits->position + count - 1 : 0);
	pq_sendint32(buf, digits->negative ? LONG_NEGATIVE : 0);
	pq_sendint32(buf, scale);
	for (int i = count - 1; i >= 0; i--)
		pq_sendint16(buf, digits->digit[i]);
}

/*
 * The transition state of the server's aggregates, by way of the form in
 * which parallel workers exchange it: that of numeric_serialize.
 */
static Datum
server_state(int64 count, const DbspDigits *sum, const DbspDigits *squares, int scale)
{
	LOCAL_FCINFO(fcinfo, 2);
	WindowAggState *caller = makeNode(WindowAggState);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint64(&buf, count);
	send_digits(&buf, sum, scale);
	send_digits(&buf, squares, 2 * scale);
	pq_sendint32(&buf, scale);
	pq_sendint64(&buf, count);	/* of values of that scale: no final function looks at it */
	pq_sendint64(&buf, 0);		/* of NaN */
	pq_sendint64(&buf, 0);		/* of infinity */
	pq_sendint64(&buf, 0);		/* of minus infinity */

	/* The function insists on being called for an aggregate. */
	caller->curaggcontext = CurrentMemoryContext;
	InitFunctionCallInfoData(*fcinfo, NULL, 2, InvalidOid, (Node *) caller, NULL);
	fcinfo->args[0].value = PointerGetDatum(pq_endtypsend(&buf));
	fcinfo->args[0].isnull = false;
	fcinfo->args[1].value = (Datum) 0;
	fcinfo->args[1].isnull = false;
	return numeric_deserialize(fcinfo);
}

Numeric
dbsp_decimal_variance(int64 count, const DbspDigits *sum, const DbspDigits *squares, int scale, DbspAggFinal final)
{
	Datum		state = server_state(count, sum, squares, scale);

	switch (final)
	{
		case DBSP_FINAL_VAR_POP:
			return DatumGetNumeric(DirectFunctionCall1(numeric_var_pop, state));
		case DBSP_FINAL_VAR_SAMP:
			return DatumGetNumeric(DirectFunctionCall1(numeric_var_samp, state));
		case DBSP_FINAL_STDDEV_POP:
			return DatumGetNumeric(DirectFunctionCall1(numeric_stddev_pop, state));
		case DBSP_FINAL_STDDEV_SAMP:
			return DatumGetNumeric(DirectFunctionCall1(numeric_stddev_samp, state));
		case DBSP_FINAL_COUNT:
		case DBSP_FINAL_SUM:
		case DBSP_FINAL_AVG:
		case DBSP_FINAL_ALL_TRUE:
		case DBSP_FINAL_ANY_TRUE:
		case DBSP_FINAL_EXTREME:
			break;
	}
	elog(ERROR, "unrecognized variance: %d", (int) final);
	return NULL;
}
