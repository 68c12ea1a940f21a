/*-------------------------------------------------------------------------
 *
 * unit_agg.c
 *	  Aggregate classes against themselves and against the server.
 *
 * Every supported function but min and max is given a random history of
 * weighted additions and retractions.  Then
 *	- the stored state is, byte for byte, that of a state which was built
 *	  from the remaining values alone, in another order and in two parts;
 *	- the result is that of the server's own aggregate over those values:
 *	  identical, but for floating point, where the server rounds on the way.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include <float.h>
#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/cash.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "circuit/agg/agg.h"

#define VALUES 24				/* distinct values of a round */
#define STEPS 120				/* changes in the history of a round */
#define MOST_COPIES 6

/* What the values of a round are like. */
typedef enum Flavour
{
	FLAVOUR_PLAIN,				/* sums of floats are exact */
	FLAVOUR_WILD,				/* extremes of size and scale */
	FLAVOUR_SPECIAL,			/* plain ones and NaN, infinities, -0 */
	FLAVOURS
} Flavour;

typedef struct Round
{
	uint64		random;
	Oid			aggfnoid;
	DbspAggInfo info;
	Flavour		flavour;
	Datum		value[VALUES];
	int64		copies[VALUES];
} Round;

static const Oid functions[] = {
#define DBSP_AGG(function, class_name, result, type, column, is_loose) function,
#include "circuit/agg/agg_list.h"
#undef DBSP_AGG
};

PG_FUNCTION_INFO_V1(dbsp_sql_unit_agg);

static uint64
next_random(Round *round)
{
	/* xorshift64* */
	round->random ^= round->random >> 12;
	round->random ^= round->random << 25;
	round->random ^= round->random >> 27;
	return round->random * UINT64CONST(2685821657736338717);
}

static int
random_below(Round *round, int limit)
{
	return (int) ((next_random(round) >> 33) % limit);
}

static int64
random_integer(Round *round, int bits)
{
	int64		number = (int64) next_random(round) >> (64 - bits);
	int64		lowest = bits == 64 ? PG_INT64_MIN : -(INT64CONST(1) << (bits - 1));

	if (round->flavour == FLAVOUR_PLAIN)
		return number % 1000;
	if (random_below(round, 8) == 0)
		return lowest;
	if (random_below(round, 8) == 0)
		return -(lowest + 1);
	return number;
}

static void
append_digits(Round *round, StringInfo buf, int count)
{
	for (int i = 0; i < count; i++)
		appendStringInfoChar(buf, (char) ('0' + random_below(round, 10)));
}

static Datum
random_numeric(Round *round)
{
	static const char *const special[] = {"NaN", "Infinity", "-Infinity", "0", "0.000"};
	StringInfoData buf;

	initStringInfo(&buf);
	if (round->flavour == FLAVOUR_SPECIAL && random_below(round, 4) == 0)
		appendStringInfoString(&buf, special[random_below(round, lengthof(special))]);
	else
	{
		bool		wild = round->flavour == FLAVOUR_WILD;

		appendStringInfoString(&buf, random_below(round, 2) == 0 ? "-" : "");
		append_digits(round, &buf, 1 + random_below(round, wild && random_below(round, 4) == 0 ? 300 : 9));
		if (random_below(round, 3) != 0)
		{
			appendStringInfoChar(&buf, '.');
			append_digits(round, &buf, 1 + random_below(round, wild ? 80 : 3));
		}
		if (wild && random_below(round, 6) == 0)
			appendStringInfo(&buf, "e%d", random_below(round, 2000) - 1000);
	}
	return DirectFunctionCall3(numeric_in, CStringGetDatum(buf.data), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

static float8
random_float(Round *round, bool single)
{
	float8		plain = (random_below(round, 8001) - 4000) / 4.0;

	if (round->flavour == FLAVOUR_SPECIAL && random_below(round, 3) == 0)
	{
		const float8 special[] = {NAN, INFINITY, -INFINITY, -0.0, 0.0, 1.0};

		return special[random_below(round, lengthof(special))];
	}
	if (round->flavour != FLAVOUR_WILD)
		return plain;
	/* Small enough for the square of the sum to be finite. */
	plain = ldexp((float8) random_integer(round, 53), random_below(round, single ? 130 : 1400) - (single ? 149 : 1074));
	return single ? (float8) (float4) plain : plain;
}

static Datum
random_interval(Round *round)
{
	Interval   *span = palloc0(sizeof(Interval));

	span->month = (int32) (random_below(round, 20001) - 10000);
	span->day = (int32) (random_below(round, 200001) - 100000);
	span->time = (int64) next_random(round) >> 12;
	return IntervalPGetDatum(span);
}

static Datum
random_value(Round *round)
{
	switch (round->info.argtype)
	{
		case InvalidOid:		/* count of anything */
		case INT4OID:
			return Int32GetDatum((int32) random_integer(round, 32));
		case INT2OID:
			return Int16GetDatum((int16) random_integer(round, 16));
		case INT8OID:
			return Int64GetDatum(random_integer(round, 64));
		case CASHOID:
			return CashGetDatum(random_integer(round, 48));
		case NUMERICOID:
			return random_numeric(round);
		case FLOAT4OID:
			return Float4GetDatum((float4) random_float(round, true));
		case FLOAT8OID:
			return Float8GetDatum(random_float(round, false));
		case INTERVALOID:
			return random_interval(round);
		case BOOLOID:
			return BoolGetDatum(random_below(round, 2) == 0);
		default:
			elog(ERROR, "unexpected argument type %u", round->info.argtype);
			return (Datum) 0;
	}
}

/* A call of a support function the way an aggregate calls it. */
static Datum
call_support(FmgrInfo *function, Datum state, bool state_isnull, const Datum *value, bool *isnull_out)
{
	LOCAL_FCINFO(fcinfo, 2);
	WindowAggState *caller = makeNode(WindowAggState);
	Datum		result;

	caller->curaggcontext = CurrentMemoryContext;
	InitFunctionCallInfoData(*fcinfo, function, value == NULL ? 1 : 2, InvalidOid, (Node *) caller, NULL);
	fcinfo->args[0].value = state;
	fcinfo->args[0].isnull = state_isnull;
	if (value != NULL)
	{
		fcinfo->args[1].value = *value;
		fcinfo->args[1].isnull = false;
	}
	result = FunctionCallInvoke(fcinfo);
	*isnull_out = fcinfo->isnull;
	return result;
}

/* The initial transition value of an aggregate. */
static Datum
initial_state(HeapTuple tuple, Oid transtype, bool *isnull_out)
{
	Datum		initval = SysCacheGetAttr(AGGFNOID, tuple, Anum_pg_aggregate_agginitval, isnull_out);
	Oid			input;
	Oid			ioparam;

	if (*isnull_out)
		return (Datum) 0;
	getTypeInputInfo(transtype, &input, &ioparam);
	return OidInputFunctionCall(input, TextDatumGetCString(initval), ioparam, -1);
}

/* What the server's own aggregate gives for the round's values. */
static Datum
server_result(Round *round, bool *isnull_out)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(round->aggfnoid));
	Form_pg_aggregate form = (Form_pg_aggregate) GETSTRUCT(tuple);
	FmgrInfo	transition;
	FmgrInfo	final;
	bool		isnull;
	Datum		state = initial_state(tuple, form->aggtranstype, &isnull);

	fmgr_info(form->aggtransfn, &transition);
	for (int i = 0; i < VALUES; i++)
	{
		for (int64 copy = 0; copy < round->copies[i]; copy++)
		{
			if (transition.fn_strict && isnull)
			{
				state = round->value[i];
				isnull = false;
			}
			else
				state = call_support(&transition, state, isnull, &round->value[i], &isnull);
		}
	}
	if (OidIsValid(form->aggfinalfn))
	{
		fmgr_info(form->aggfinalfn, &final);
		if (isnull && final.fn_strict)
			state = (Datum) 0;
		else
			state = call_support(&final, state, isnull, NULL, &isnull);
	}
	ReleaseSysCache(tuple);
	*isnull_out = isnull;
	return state;
}

/* Gives the state, now and then, the trip through its column that each transaction makes. */
static void *
maybe_reload(Round *round, void *state)
{
	const DbspAggClass *aggclass = round->info.aggclass;

	if (random_below(round, 4) != 0)
		return state;
	return aggclass->load(aggclass->store(state), round->info.argtype, CurrentMemoryContext);
}

/* A random history; leaves the remaining values in the round. */
static void *
run_history(Round *round)
{
	const DbspAggClass *aggclass = round->info.aggclass;
	void	   *state = aggclass->create(round->info.argtype, CurrentMemoryContext);

	for (int i = 0; i < VALUES; i++)
	{
		round->value[i] = random_value(round);
		round->copies[i] = 0;
	}
	for (int step = 0; step < STEPS; step++)
	{
		int			i = random_below(round, VALUES);
		int64		target = random_below(round, 3) == 0 ? random_below(round, MOST_COPIES) : 0;
		int64		detour = random_below(round, 5) == 0 ? (int64) (next_random(round) >> 2) : 0;

		/* A large weight that comes and goes must leave no trace. */
		if (detour != 0)
			aggclass->add(state, round->value[i], detour);
		if (target != round->copies[i])
			aggclass->add(state, round->value[i], target - round->copies[i]);
		state = maybe_reload(round, state);
		if (detour != 0)
			aggclass->add(state, round->value[i], -detour);
		round->copies[i] = target;
	}
	return state;
}

/* The state of the round's values without a history: in the other order, and combined from two. */
static void *
run_directly(Round *round)
{
	const DbspAggClass *aggclass = round->info.aggclass;
	void	   *state = aggclass->create(round->info.argtype, CurrentMemoryContext);
	void	   *other = aggclass->create(round->info.argtype, CurrentMemoryContext);

	for (int i = VALUES - 1; i >= 0; i--)
	{
		for (int64 copy = 0; copy < round->copies[i]; copy++)
			aggclass->add(i % 3 == 0 ? other : state, round->value[i], 1);
	}
	aggclass->combine(state, other);
	return state;
}

static void
check_stored(Round *round, Datum stored, Datum expected)
{
	if (round->info.column_type == INT8OID ? stored == expected : datumIsEqual(stored, expected, false, -1))
		return;
	elog(ERROR, "state of function %u depends on its history", round->aggfnoid);
}

static bool
floats_agree(Round *round, float8 ours, float8 theirs)
{
	if (isnan(ours) || isnan(theirs))
		return isnan(ours) && isnan(theirs);
	/* What the server makes of wild values says nothing. */
	if (ours == theirs || round->flavour == FLAVOUR_WILD)
		return signbit(ours) == signbit(theirs) || round->flavour == FLAVOUR_WILD;
	return fabs(ours - theirs) <= 1e-11 * fabs(theirs);
}

static char *
text_of(Oid type, Datum value, bool isnull)
{
	Oid			output;
	bool		is_varlena;

	if (isnull)
		return "NULL";
	getTypeOutputInfo(type, &output, &is_varlena);
	return OidOutputFunctionCall(output, value);
}

static void
check_result(Round *round, void *state)
{
	bool		isnull;
	bool		expected_isnull;
	Datum		result = round->info.aggclass->result(state, round->info.final, &isnull);
	Datum		expected = server_result(round, &expected_isnull);
	Oid			type = get_func_rettype(round->aggfnoid);
	bool		equal = isnull == expected_isnull;

	if (equal && !isnull)
	{
		if (type == FLOAT8OID)
			equal = floats_agree(round, DatumGetFloat8(result), DatumGetFloat8(expected));
		else if (type == FLOAT4OID)
			equal = floats_agree(round, DatumGetFloat4(result), DatumGetFloat4(expected));
		else
			equal = datumIsEqual(result, expected, get_typbyval(type), get_typlen(type));
	}
	if (!equal)
		elog(ERROR, "result of function %u differs from the server's: %s, not %s", round->aggfnoid,
			 text_of(type, result, isnull), text_of(type, expected, expected_isnull));
}

/* One round for one function.  Errors name the function. */
static void
run_round(Round *round)
{
	const DbspAggClass *aggclass = round->info.aggclass;
	void	   *state = run_history(round);
	void	   *direct = run_directly(round);
	Datum		stored = aggclass->store(state);

	check_stored(round, stored, aggclass->store(direct));
	check_result(round, state);
	check_result(round, aggclass->load(stored, round->info.argtype, CurrentMemoryContext));
	/* Neither reading nor storing changes a state. */
	check_stored(round, aggclass->store(state), stored);

	for (int i = 0; i < VALUES; i++)
	{
		if (round->copies[i] > 0)
			aggclass->add(state, round->value[i], -round->copies[i]);
		round->copies[i] = 0;
	}
	check_stored(round, aggclass->store(state),
				 aggclass->store(aggclass->create(round->info.argtype, CurrentMemoryContext)));
	check_result(round, state);
}

/* sum(double precision) of up to three values. */
static float8
sum_of(float8 first, float8 second, float8 third)
{
	DbspAggInfo info;
	void	   *state;
	bool		isnull;

	if (!dbsp_agg_lookup(F_SUM_FLOAT8, &info))
		elog(ERROR, "sum(double precision) is not supported");
	state = info.aggclass->create(FLOAT8OID, CurrentMemoryContext);
	info.aggclass->add(state, Float8GetDatum(first), 1);
	info.aggclass->add(state, Float8GetDatum(second), 1);
	info.aggclass->add(state, Float8GetDatum(third), 1);
	return DatumGetFloat8(info.aggclass->result(state, info.final, &isnull));
}

/* Sums lose nothing on the way, and are rounded once, ties to even. */
static void
check_exactness(void)
{
	const float8 odd = 9007199254740992.0;	/* 2^53: the next doubles are 2 apart */

	if (sum_of(1e18, 0.75, -1e18) != 0.75 || sum_of(DBL_MAX, DBL_MAX, -DBL_MAX) != DBL_MAX)
		elog(ERROR, "sum(double precision) is not exact");
	if (sum_of(odd, 1, 0) != odd || sum_of(odd, 3, 0) != odd + 4 || sum_of(odd, 1, ldexp(1, -1074)) != odd + 2 ||
		sum_of(odd, 1, -ldexp(1, -1074)) != odd || sum_of(-odd, -1, -ldexp(1, -1074)) != -odd - 2)
		elog(ERROR, "sum(double precision) is not rounded to the nearest");
}

/* Many large weights, added and combined, carry in time. */
static void
check_carries(Oid aggfnoid, Datum value)
{
	const int64 weight = INT64CONST(1) << 40;
	const int	times = 3000;
	DbspAggInfo info;
	void	   *state;
	void	   *part;
	void	   *direct;

	if (!dbsp_agg_lookup(aggfnoid, &info))
		elog(ERROR, "function %u is not supported", aggfnoid);
	state = info.aggclass->create(info.argtype, CurrentMemoryContext);
	part = info.aggclass->create(info.argtype, CurrentMemoryContext);
	direct = info.aggclass->create(info.argtype, CurrentMemoryContext);
	for (int i = 0; i < times; i++)
		info.aggclass->add(part, value, weight);
	for (int i = 0; i < 100; i++)
		info.aggclass->combine(state, part);
	info.aggclass->add(direct, value, weight * times * 100);
	if (!datumIsEqual(info.aggclass->store(state), info.aggclass->store(direct), false, -1))
		elog(ERROR, "state of function %u loses a carry", aggfnoid);
}

/* min and max are found by their catalog entries. */
static void
check_extremes(void)
{
	DbspAggInfo info;

	if (!dbsp_agg_lookup(F_MIN_INT4, &info) || !info.aggclass->extreme || info.argtype != INT4OID ||
		info.sortop != Int4LessOperator || info.loose)
		elog(ERROR, "min(integer) is not understood");
	if (!dbsp_agg_lookup(F_MAX_NUMERIC, &info) || !info.aggclass->extreme || !info.loose)
		elog(ERROR, "max(numeric) is not understood");
	if (!dbsp_agg_lookup(F_MAX_ANYARRAY, &info) || !info.aggclass->extreme || OidIsValid(info.argtype))
		elog(ERROR, "max(anyarray) is not understood");
	if (dbsp_agg_lookup(F_COUNT_, &info) || dbsp_agg_lookup(F_INT4LARGER, &info))
		elog(ERROR, "a function without a state is taken for one with");
}

/*
 * unit_agg(seed, rounds): that many rounds of each function, with random
 * values from the seed.  Returns how many there were; raises what is wrong.
 */
Datum
dbsp_sql_unit_agg(PG_FUNCTION_ARGS)
{
	int32		seed = PG_GETARG_INT32(0);
	int32		rounds = PG_GETARG_INT32(1);
	MemoryContext round_cxt = AllocSetContextCreate(CurrentMemoryContext, "unit_agg round", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_cxt = MemoryContextSwitchTo(round_cxt);
	Round		round = {.random = ((uint64) (uint32) seed << 20) + 88172645463325252};

	check_exactness();
	check_carries(F_SUM_FLOAT8, Float8GetDatum(nextafter(1.0, 0.0)));
	check_carries(F_VAR_POP_FLOAT8, Float8GetDatum(-nextafter(1.0, 0.0)));
	check_carries(F_VAR_POP_NUMERIC, DirectFunctionCall3(numeric_in, CStringGetDatum("-9999999999999999.99999999"),
														 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	check_extremes();
	for (int i = 0; i < rounds; i++)
	{
		for (int function = 0; function < lengthof(functions); function++)
		{
			CHECK_FOR_INTERRUPTS();
			round.aggfnoid = functions[function];
			round.flavour = (Flavour) random_below(&round, FLAVOURS);
			if (!dbsp_agg_lookup(round.aggfnoid, &round.info))
				elog(ERROR, "function %u is not supported", round.aggfnoid);
			run_round(&round);
			MemoryContextReset(round_cxt);
		}
	}
	MemoryContextSwitchTo(old_cxt);
	MemoryContextDelete(round_cxt);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%d functions, %d rounds each", (int) lengthof(functions), rounds)));
}
