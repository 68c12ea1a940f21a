/*-------------------------------------------------------------------------
 *
 * probe.h
 *	  How the rows of a plan node with given key values are found.
 *
 * A join looks up its other input by key.  That input may be any tree: the
 * probe is planned down to base tables and state tables, so that the circuit
 * runs it and explain shows it, from one description.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_PROBE_H
#define DBSP_PROBE_H

#include "plan/plan.h"

/* expr operator value: expr is over the probed node's output row, value comes from the prober. */
typedef struct DbspProbeKey
{
	Expr	   *expr;
	Oid			operator;		/* equality; left argument is the probed side's */
	Oid			value_type;
	Oid			collation;
	int			value;			/* 0-based position in the prober's array of key values */
} DbspProbeKey;

typedef struct DbspProbe
{
	DbspPlan   *node;			/* what is probed */
	List	   *keys;			/* of DbspProbeKey over node's output row; for a SOURCE, Vars have the table's attnums */
	List	   *inputs;			/* of DbspProbe: FILTER, PROJECT one; UNION one per input; JOIN: the driver, then the other side */

	/* JOIN */
	bool		driver_is_left;
	List	   *other_exprs;	/* JOIN: expressions over the driver's row whose values are the other side's key values, after the outer ones */
	int			nouter;			/* number of key values that come from outside */
	List	   *recheck;		/* of DbspProbeKey over the joined row: keys that could not be pushed to one side */
} DbspProbe;

/* Plans the probe of node by keys (list of DbspProbeKey over node's output row).  Result in the current context. */
extern DbspProbe *dbsp_probe_plan(DbspPlan *node, List *keys, int nvalues);
/* The probes that a join needs: of its right input by left values and of its left input by right values. */
extern DbspProbe *dbsp_probe_join_side(DbspPlan *join, bool probe_right);
/* All leaves (SOURCE and AGGREGATE probes) below a probe, in order. */
extern List *dbsp_probe_leaves(DbspProbe *probe);

#endif							/* DBSP_PROBE_H */
