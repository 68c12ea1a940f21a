/*-------------------------------------------------------------------------
 *
 * unit_rowkey.c
 *	  Keys: the equality of SQL, and hashes that agree with it.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include <math.h>

#include "catalog/namespace.h"
#include "catalog/pg_collation_d.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/cash.h"

#include "row/rowkey.h"
#include "unit.h"

PG_FUNCTION_INFO_V1(dbsp_sql_unit_rowkey);

static DbspKey *
key_of(Oid left, Oid right)
{
	Oid			operator = OpernameGetOprid(list_make1(makeString("=")), left, right);

	return dbsp_key_make(list_make1_oid(operator), list_make1_oid(left == TEXTOID ? DEFAULT_COLLATION_OID : InvalidOid));
}

/* Equality of two values must be as expected, and equal ones must have one hash. */
static void
check_pair(const DbspKey *key, Datum left, Datum right, bool expected, const char *what)
{
	bool		not_null = false;
	uint32		left_hash = dbsp_key_hash(key, &left, &not_null, true);
	uint32		right_hash = dbsp_key_hash(key, &right, &not_null, false);

	UNIT_CHECK(dbsp_key_equal(key, &left, &not_null, &right, &not_null) == expected, "%s: wrong equality", what);
	UNIT_CHECK(!expected || left_hash == right_hash, "%s: hashes of equal keys differ", what);
	UNIT_CHECK(left_hash != 0 && right_hash != 0, "%s: hash 0", what);
	UNIT_CHECK(dbsp_key_hash_stored(key, &left, &not_null) == (int64) left_hash, "%s: another hash is stored", what);
}

static void
check_integers(UnitRandom *random, int rounds)
{
	DbspKey    *same = key_of(INT8OID, INT8OID);
	DbspKey    *wide = key_of(INT4OID, INT8OID);
	DbspKey    *narrow = key_of(INT8OID, INT4OID);

	for (int i = 0; i < rounds; i++)
	{
		int32		value = (int32) unit_next(random);
		int64		other = unit_chance(random, 2) ? value : (int64) unit_next(random);

		check_pair(wide, Int32GetDatum(value), Int64GetDatum(other), value == other, "integer = bigint");
		check_pair(narrow, Int64GetDatum(other), Int32GetDatum(value), value == other, "bigint = integer");
		check_pair(same, Int64GetDatum(value), Int64GetDatum(other), value == other, "bigint");
	}
}

static void
check_floats(void)
{
	DbspKey    *key = key_of(FLOAT8OID, FLOAT8OID);
	DbspKey    *mixed = key_of(FLOAT4OID, FLOAT8OID);

	check_pair(key, Float8GetDatum(0.0), Float8GetDatum(-0.0), true, "0 and -0");
	check_pair(key, Float8GetDatum(NAN), Float8GetDatum(-NAN), true, "NaN and -NaN");
	check_pair(key, Float8GetDatum(NAN), Float8GetDatum(0.0), false, "NaN and 0");
	check_pair(mixed, Float4GetDatum(-0.0f), Float8GetDatum(0.0), true, "real -0 and 0");
	check_pair(mixed, Float4GetDatum(NAN), Float8GetDatum(NAN), true, "real NaN and NaN");
	check_pair(mixed, Float4GetDatum(0.5f), Float8GetDatum(0.5), true, "real 0.5 and 0.5");
	check_pair(mixed, Float4GetDatum(0.1f), Float8GetDatum(0.1), false, "real 0.1 and 0.1");
}

static void
check_varlena(UnitRandom *random)
{
	DbspKey    *numeric = key_of(NUMERICOID, NUMERICOID);
	DbspKey    *string = key_of(TEXTOID, TEXTOID);

	check_pair(numeric, unit_numeric("1.0"), unit_numeric("1.00"), true, "1.0 and 1.00");
	check_pair(numeric, unit_numeric("0"), unit_numeric("-0.000"), true, "0 and -0.000");
	check_pair(numeric, unit_numeric("NaN"), unit_numeric("NaN"), true, "numeric NaN");
	check_pair(numeric, unit_numeric("1"), unit_numeric("1.01"), false, "1 and 1.01");
	for (int i = 0; i < 20; i++)
	{
		Datum		value = unit_long_text(3000, 'k');

		check_pair(string, value, unit_disguise(random, value, -1, false), true, "a text in another form");
	}
}

/* Several columns with NULLs: NULL equals NULL only. */
static void
check_nulls(UnitRandom *random, int rounds)
{
	DbspKey    *key = dbsp_key_make(list_make3_oid(Int4EqualOperator, Int4EqualOperator, Int4EqualOperator),
									list_make3_oid(InvalidOid, InvalidOid, InvalidOid));

	for (int i = 0; i < rounds; i++)
	{
		Datum		values[2][3];
		bool		isnull[2][3];
		bool		equal = true;

		for (int column = 0; column < 3; column++)
		{
			for (int side = 0; side < 2; side++)
			{
				values[side][column] = Int32GetDatum(unit_below(random, 2));
				isnull[side][column] = unit_chance(random, 3);
			}
			if (isnull[0][column] != isnull[1][column] ||
				(!isnull[0][column] && values[0][column] != values[1][column]))
				equal = false;
		}
		UNIT_CHECK(dbsp_key_equal(key, values[0], isnull[0], values[1], isnull[1]) == equal, "NULLs: wrong equality");
		UNIT_CHECK(!equal || dbsp_key_hash(key, values[0], isnull[0], true) == dbsp_key_hash(key, values[1], isnull[1], true),
				   "NULLs: hashes of equal keys differ");
	}
}

/* A type with an equality and no hash functions, and the key of no columns. */
static void
check_extremes(void)
{
	DbspKey    *money = key_of(CASHOID, CASHOID);
	Oid			money_equal = OpernameGetOprid(list_make1(makeString("=")), CASHOID, CASHOID);
	DbspKey    *mixed = dbsp_key_make(list_make2_oid(Int4EqualOperator, money_equal),
									  list_make2_oid(InvalidOid, InvalidOid));
	DbspKey    *none = dbsp_key_make(NIL, NIL);
	Datum		values[2] = {Int32GetDatum(1), CashGetDatum(100)};
	bool		isnull[2] = {false, false};

	UNIT_CHECK(!money->hashable && !mixed->hashable && none->hashable, "hashable is wrong");
	check_pair(money, CashGetDatum(5), CashGetDatum(5), true, "money");
	check_pair(money, CashGetDatum(5), CashGetDatum(6), false, "money");
	UNIT_CHECK(dbsp_key_hash(mixed, values, isnull, true) == 1, "a key that cannot be hashed has a hash");
	UNIT_CHECK(dbsp_key_equal(none, NULL, NULL, NULL, NULL) && dbsp_key_hash(none, NULL, NULL, true) != 0,
			   "the key of no columns is wrong");
}

Datum
dbsp_sql_unit_rowkey(PG_FUNCTION_ARGS)
{
	int			rounds = PG_GETARG_INT32(1) * 100;
	UnitRandom	random;

	unit_seed(&random, PG_GETARG_INT32(0));
	check_integers(&random, rounds);
	check_floats();
	check_varlena(&random);
	check_nulls(&random, rounds);
	check_extremes();
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%d random keys", 2 * rounds)));
}
