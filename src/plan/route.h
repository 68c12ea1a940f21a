/*-------------------------------------------------------------------------
 *
 * route.h
 *	  Which rows of a table can matter to a view, as far as constants tell.
 *
 * Many views differ only in constants.  Where a view keeps, of a table, only
 * rows that have certain constants in certain columns, any other row cannot
 * change it: it need not even be asked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_ROUTE_H
#define DBSP_ROUTE_H

#include "plan/plan.h"

/* Columns of one source that are compared with constants, at most. */
#define DBSP_MAX_ROUTE_KEYS 8

/* column operator constant, for one of the constants: else the row does not matter. */
typedef struct DbspRouteKey
{
	int			column;			/* of the row at hand; in finished routes the table's attribute number */
	Oid			operator;		/* equality; strict, immutable, with a hash operator family */
	Oid			collation;		/* of the comparison; invalid for types without */
	Oid			type;			/* of the constants */
	int			nconstants;		/* none of them NULL; 0: no row matters */
	Datum	   *constants;
} DbspRouteKey;

/* What one source node of a plan reads of its table. */
typedef struct DbspRoute
{
	DbspPlan   *source;
	List	   *keys;			/* of DbspRouteKey, by ascending attribute number, all must hold; NIL: any row may matter */
} DbspRoute;

/* List of DbspRoute, one for each source node, by its number.  In the current context; constants are the plan's. */
extern List *dbsp_plan_routes(DbspPlan *root);

/* What a hash table over the constants of one key needs. */
typedef struct DbspRouteFunctions
{
	RegProcedure equal;			/* column operator constant */
	RegProcedure equal_constants;	/* constant operator constant */
	RegProcedure hash_column;
	RegProcedure hash_constant;
} DbspRouteFunctions;

/*
 * Looks the functions up in the operator's hash family.  False if there is
 * none any more, or if one of the functions is not written in C: such code
 * runs only where a view's owner is in charge of it.
 */
extern bool dbsp_route_functions(Oid operator, DbspRouteFunctions *functions_out);

#endif							/* DBSP_ROUTE_H */
