/*-------------------------------------------------------------------------
 *
 * law.h
 *	  Random plans and random values for them.
 *
 * The makers of plans are named after the entries of circuit/op_list.h, so
 * that an operator without one does not link.  Base tables are those of
 * tables.sql; all have the same columns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_LAW_H
#define DBSP_LAW_H

#include "plan/plan.h"
#include "unit.h"

#define LAW_TABLES 3
/* The tables up to this one have a primary key, their first column. */
#define LAW_KEYED_TABLES 2

typedef struct LawBuild
{
	UnitRandom *random;
	Oid			relids[LAW_TABLES];
	int			depth;			/* of the node at hand; deep ones are sources */
} LawBuild;

/* A random value of the type, from a small pool with NULL in it. */
extern Datum law_value(UnitRandom *random, Oid type, bool *isnull_out);
/* A finished plan whose topmost operator, or the one below the sink, is made by the function. */
extern DbspPlan *law_plan(UnitRandom *random, DbspPlan *(*make) (LawBuild *));
extern Oid	law_relid(int table);
extern TupleDesc law_table_desc(Oid relid);

#define DBSP_OP(name) extern DbspPlan *law_##name(LawBuild *build);
#include "circuit/op_list.h"
#undef DBSP_OP

#endif							/* DBSP_LAW_H */
