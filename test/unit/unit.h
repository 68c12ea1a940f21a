/*-------------------------------------------------------------------------
 *
 * unit.h
 *	  What the unit tests share: random numbers, values in disguise, checks.
 *
 * A test is an SQL function dbsp_sql_unit_<what>(seed integer, rounds
 * integer) that returns text saying how much was tried, and raises an error
 * where something is wrong.  The same seed gives the same run.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_UNIT_H
#define DBSP_UNIT_H

#include "access/tupdesc.h"
#include "fmgr.h"

typedef struct UnitRandom
{
	uint64		state;
} UnitRandom;

/* Raises an error, printf-like, unless the condition holds. */
#define UNIT_CHECK(condition, ...) \
	do { \
		if (!(condition)) \
			elog(ERROR, __VA_ARGS__); \
	} while (0)

extern void unit_seed(UnitRandom *random, int32 seed);
extern uint64 unit_next(UnitRandom *random);
/* 0 to limit - 1 */
extern int	unit_below(UnitRandom *random, int limit);
/* True once in n times. */
extern bool unit_chance(UnitRandom *random, int n);

extern Datum unit_numeric(const char *string);
extern Datum unit_text(const char *string);
/* A text of this many characters that compresses well. */
extern Datum unit_long_text(int length, char letter);
/*
 * The same value in another form, in the current context: a varlena with a
 * short or a long header, compressed, or, unless it must be in line, by an
 * indirect pointer; anything else as it is.
 */
extern Datum unit_disguise(UnitRandom *random, Datum value, int16 typlen, bool in_line);
/* A descriptor of columns of these types, ended by InvalidOid, with the types' default collations. */
extern TupleDesc unit_desc(const Oid *types);

/* Makes the settings of the extension known to this session, which has not loaded it. */
extern void unit_define_settings(void);

/* Calls the function and returns whether it raised an error with this code. */
extern bool unit_raises(int sqlerrcode, void (*function) (void *), void *arg);

#endif							/* DBSP_UNIT_H */
