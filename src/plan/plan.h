/*-------------------------------------------------------------------------
 *
 * plan.h
 *	  The logical form of a view: a tree of operators over Z-sets.
 *
 * A plan is made by compile/lower from the Query tree of a definition view
 * and is read-only afterwards; circuit/ builds the mutable operators from
 * it, explain prints it, plan_query turns it back into a Query.
 *
 * Conventions.
 *	- All expressions are PostgreSQL's.  A Var has varno 1, varlevelsup 0 and
 *	  its varattno is a column (1-based) of the row that the expression is
 *	  evaluated on: for a filter, project, join key or aggregate argument the
 *	  input row; for a join's quals the joined row (left columns followed by
 *	  right columns); for an aggregate's outputs and having the group row (the
 *	  group keys followed by the results of the aggregate calls).
 *	- No SubLinks, Params, Aggrefs or volatile/stable functions are left.
 *	- Lowering is deterministic: the same Query gives the same plan with the
 *	  same numbers in every backend and after a dump and restore.  It may look
 *	  at primary keys, never at other indexes, sizes or statistics.
 *	- Hidden columns (keys that the user did not select) follow the visible
 *	  ones in a row type.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_PLAN_H
#define DBSP_PLAN_H

#include "access/tupdesc.h"
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"

/* Operators of one view: their numbers are the low byte of the lock tags. */
#define DBSP_MAX_OPERATORS 255

typedef enum DbspPlanKind
{
	DBSP_PLAN_SOURCE,			/* rows of one base table */
	DBSP_PLAN_FILTER,
	DBSP_PLAN_PROJECT,
	DBSP_PLAN_JOIN,				/* inner join of two inputs */
	DBSP_PLAN_UNION,			/* UNION ALL of any number of inputs of one row type */
	DBSP_PLAN_AGGREGATE,		/* GROUP BY; DISTINCT is one without calls */
	DBSP_PLAN_SINK				/* the view's rows, where the root is not an aggregate */
} DbspPlanKind;

/* One equality of a join: left_expr (over the left row) operator right_expr (over the right row). */
typedef struct DbspJoinKey
{
	Expr	   *left;
	Expr	   *right;
	Oid			operator;		/* left = right; has a commutator */
	Oid			collation;		/* inputcollid of the operator, or invalid */
	bool		hashable;		/* compatible hash functions exist for both sides: keys can be locked one by one */
} DbspJoinKey;

/* One grouping key of an aggregate. */
typedef struct DbspGroupKey
{
	Expr	   *expr;			/* over the input row */
	Oid			eqop;			/* the type's default equality, as in SortGroupClause */
	Oid			sortop;			/* as in SortGroupClause; invalid when not sortable */
	bool		hashable;
	Oid			collation;
	int			column;			/* the output column that is this key, 1-based: always present, hidden if need be */
	bool		inexact;		/* equal values can be different bytes; set by dbsp_plan_aggregate() */
} DbspGroupKey;

struct DbspAggClass;

/*
 * The retractable state of one or several aggregate calls over the same
 * argument.  FILTER is lowered into the argument as CASE WHEN filter THEN arg
 * END, since every supported aggregate but count(*) ignores NULL input, and
 * count(*) FILTER (WHERE f) is count(CASE WHEN f THEN true END).
 */
typedef struct DbspAggState
{
	const struct DbspAggClass *aggclass;	/* circuit/agg/agg.h */
	Expr	   *arg;			/* over the input row */
	Oid			argtype;
	Oid			collation;		/* of the comparison, for min and max */
	Oid			column_type;	/* of the state column */
	int32		column_typmod;
	Oid			column_collation;
	Oid			sortop;			/* extremes: the aggregate's sort operator (< or >); else invalid */
	int			values;			/* extremes: 0-based index into plan->values of the values table; else -1 */
} DbspAggState;

/* One aggregate call whose result is a column of the group row. */
typedef struct DbspAggCall
{
	Oid			aggfnoid;
	int			state;			/* 0-based index into plan->states, or -1: count(*), the group's own count */
	int			final;			/* which result of the state; meaning belongs to the class */
	Oid			type;
	int32		typmod;
	Oid			collation;
	bool		loose;			/* the class says that the result is only determined up to equality or rounding */
} DbspAggCall;

/*
 * A multiset of argument values per group, ordered, from which min and max
 * find the next value.  Where keys are inexact, one more is the multiset of
 * the keys' images, ordered by digest (plan/key_image.h): the group shows the
 * first one, its representative.
 */
typedef struct DbspAggValues
{
	Expr	   *arg;			/* over the input row */
	Oid			type;
	int32		typmod;
	Oid			collation;
	bool		of_keys;		/* the keys' images: arg is their digest */
} DbspAggValues;

typedef struct DbspPlan
{
	DbspPlanKind kind;
	int			number;			/* 1-based, inputs before outputs: the topological order and the order of locks */
	List	   *inputs;			/* of DbspPlan */
	TupleDesc	rowtype;		/* output row: names, types, typmods, collations */
	int			nvisible;		/* leading columns that the query level selects; the others are hidden */
	bool		keyed;			/* rows are unique by key (which may be empty: at most one row) */
	List	   *key;			/* integer list of output columns; only when keyed */
	List	   *loose;			/* integer list of output columns whose value is only determined up to equality or rounding (see verify) */
	bool		loose_rows;		/* which rows there are may depend on such a value */

	/* SOURCE */
	Oid			relid;
	List	   *attnums;		/* integer list: the table's attnum of each output column */
	bool		only;			/* FROM ONLY */

	/* FILTER: quals (implicit AND, written order) over the input row.  JOIN: residual quals over the joined row. */
	List	   *quals;

	/* PROJECT: one expression per output column.  AGGREGATE: the outputs over the group row. */
	List	   *exprs;

	/* JOIN */
	List	   *joinkeys;		/* of DbspJoinKey; NIL for a cross or theta join */

	/* AGGREGATE */
	bool		grand_total;	/* no GROUP BY: always exactly one group */
	List	   *groupkeys;		/* of DbspGroupKey */
	List	   *states;			/* of DbspAggState */
	List	   *calls;			/* of DbspAggCall */
	List	   *values;			/* of DbspAggValues */
	List	   *having;			/* implicit AND over the group row, or NIL */
	Oid			stored;			/* set while a fill goes on: its table of groups, filled already; else invalid */
} DbspPlan;

/* plan.c: constructors.  Allocate in the current context; inputs and lists are kept, not copied. */
extern DbspPlan *dbsp_plan_source(Oid relid, bool only, List *attnums, List *key_attnums, bool keyed);
extern DbspPlan *dbsp_plan_filter(DbspPlan *input, List *quals);
extern DbspPlan *dbsp_plan_project(DbspPlan *input, List *exprs, List *names, int nvisible);
extern DbspPlan *dbsp_plan_join(DbspPlan *left, DbspPlan *right, List *joinkeys, List *quals);
extern DbspPlan *dbsp_plan_union(List *inputs);
extern DbspPlan *dbsp_plan_aggregate(DbspPlan *input, List *groupkeys, List *states, List *calls, List *values,
									 List *having, List *exprs, List *names, int nvisible, bool grand_total);
extern DbspPlan *dbsp_plan_sink(DbspPlan *input);

/* Numbers every node, inputs first.  Call once on the root when the tree is complete. */
extern void dbsp_plan_number(DbspPlan *root);
/* All nodes in the order of their numbers. */
extern List *dbsp_plan_nodes(DbspPlan *root);
/* OIDs of the base tables, without duplicates, ascending. */
extern List *dbsp_plan_sources(DbspPlan *root);
extern const char *dbsp_plan_kind_name(DbspPlanKind kind);
/* True if equal values of the type with the typmod, under the collation, always have the same bytes. */
extern bool dbsp_type_is_image_equal(Oid type, int32 typmod, Oid collation);

/* validate.c: fails with an internal error when a finished plan breaks an invariant of this header. */
extern void dbsp_plan_validate(DbspPlan *root);

#endif							/* DBSP_PLAN_H */
