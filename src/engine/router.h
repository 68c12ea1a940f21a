/*-------------------------------------------------------------------------
 *
 * router.h
 *	  Which views a changed row of a table can matter to.
 *
 * A target is a source node of a view on the table.  To some targets any row
 * may matter; the others are found by the constants that a row must have to
 * pass their filters (plan/route.h).  Targets with the same constants are one
 * class, so a row has at most one class for each set of columns that views
 * compare with constants, however many views there are.
 *
 * To find the classes of a row costs one look-up in a hash table for each such
 * set of columns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_ROUTER_H
#define DBSP_ROUTER_H

#include "nodes/bitmapset.h"

#include "catalog/catalog.h"
#include "plan/plan.h"
#include "zset/deltas.h"

typedef struct DbspTarget
{
	DbspViewNumber view;
	int			operator;		/* number of the source node */
	bool		whole;			/* any row may matter */
	int			nclasses;		/* unless whole: rows of these classes, no others */
	int		   *classes;
} DbspTarget;

typedef struct DbspRouter DbspRouter;

/* ---- building ---- */

typedef struct DbspRouterBuild DbspRouterBuild;

/* Everything is in the current context of the beginning. */
extern DbspRouterBuild *dbsp_router_begin(void);
/* What the catalog has, or should have, on one source node. */
extern void dbsp_router_add(DbspRouterBuild *build, const DbspRouteRow *row);
extern DbspRouter *dbsp_router_finish(DbspRouterBuild *build);

/*
 * Calls receive for what the catalog should have on each source node of a
 * view's plan.  Rows are valid until the call returns.
 */
extern void dbsp_router_rows(DbspViewNumber view, DbspPlan *plan,
							 void (*receive) (const DbspRouteRow *row, void *arg), void *arg);

/* ---- asking ---- */

/* All targets, by view and operator; NULL if there are none. */
extern const DbspTarget *dbsp_router_targets(const DbspRouter *router, int *n_out);
/* Those of one view. */
extern const DbspTarget *dbsp_router_view(const DbspRouter *router, DbspViewNumber view, int *n_out);
/* Positions of the targets to which any row may matter. */
extern const int *dbsp_router_whole(const DbspRouter *router, int *n_out);
/* Positions of the targets that have the class. */
extern const int *dbsp_router_class(const DbspRouter *router, int class, int *n_out);

/* ---- routing ---- */

/* Unique in the backend: classes of routers with other ids are not comparable. */
extern uint64 dbsp_router_id(const DbspRouter *router);
/*
 * Calls receive for each row of the segment and each class that it has.  The
 * row may be moved by the next call, unless the segment's rows are in memory
 * and stay where they are (zset/zset.h).
 */
extern void dbsp_router_route(DbspRouter *router, const DbspSegment *segment,
							  void (*receive) (int class, const DbspZSetItem *item, void *arg), void *arg);

#endif							/* DBSP_ROUTER_H */
