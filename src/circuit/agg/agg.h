/*-------------------------------------------------------------------------
 *
 * agg.h
 *	  Aggregate classes: retractable states of aggregate functions.
 *
 * A class keeps, for one group and one argument, a state from which the
 * results of a family of aggregates (sum, avg, stddev, ... of one type)
 * follow, and which can be changed by any value with any positive or
 * negative weight.  The state is exact: it depends on the multiset of the
 * group's values only, never on its history.  It is stored in one column of
 * the group's row.
 *
 * min and max are members too (extreme = true), but have no arithmetic state:
 * the operator keeps a table of values for them, and their column holds the
 * current extreme, or NULL.  So is the representative of a group's keys, the
 * smallest digest of their images (plan/key_image.h), which no call refers to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_AGG_H
#define DBSP_AGG_H

#include "nodes/pg_list.h"

typedef struct DbspAggClass
{
	const char *name;
	bool		extreme;		/* min, max, representative: none of the functions below is set */

	/* A new empty state in cxt. */
	void	   *(*create) (Oid argtype, MemoryContext cxt);
	/* The state that a column holds, in cxt. */
	void	   *(*load) (Datum stored, Oid argtype, MemoryContext cxt);
	/* Adds a value (never NULL; may be toasted) weight times; a negative weight retracts.  Errors on overflow, and as corruption on a negative count. */
	void		(*add) (void *state, Datum value, int64 weight);
	/* The value to store in the column, in the current context. */
	Datum		(*store) (void *state);
	/* The result of aggregate number `final`, in the current context. */
	Datum		(*result) (void *state, int final, bool *isnull);
	/* Adds everything in other to state (used by the fill's parallel plans). */
	void		(*combine) (void *state, const void *other);
} DbspAggClass;

extern const DbspAggClass dbsp_agg_representative;

/* What lowering and the fill need to know about one aggregate function. */
typedef struct DbspAggInfo
{
	const DbspAggClass *aggclass;
	int			final;
	Oid			argtype;		/* the type the class takes; the parser has cast the argument to it */
	Oid			column_type;	/* of the state column; for min and max InvalidOid: the argument's type */
	Oid			sortop;			/* min and max: the catalog's aggsortop */
	bool		loose;			/* the result is exact only up to rounding (floating point), or up to equality (min, max of a type whose equality is not identity) */
} DbspAggInfo;

/*
 * Looks an aggregate function up (not count(*), which needs no state).
 * Returns false when it is not supported.  Only functions of pg_catalog are.
 */
extern bool dbsp_agg_lookup(Oid aggfnoid, DbspAggInfo *info);

/*
 * The SQL aggregate in schema dbsp_ivm_internal that computes the state column
 * of a class over argtype, for the fill: state_<class>(argtype).
 * For min and max: the function itself is used, not this.  That of the
 * representative gives its whole image, not the column's digest.
 */
extern Oid	dbsp_agg_fill_function(const DbspAggClass *aggclass, Oid argtype);

#endif							/* DBSP_AGG_H */
