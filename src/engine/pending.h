/*-------------------------------------------------------------------------
 *
 * pending.h
 *	  What views have still to fold of the transaction's changes.
 *
 * All of this is about what was recorded up to a cut (dbsp_deltas_cut()).
 * Which views are pending is asked just after it has been made.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_PENDING_H
#define DBSP_PENDING_H

#include "engine/cache.h"

/* Integer list, ascending: the views with something to fold, of those wanted (the same), or of all if NIL. */
extern List *dbsp_pending_views(List *wanted);
/* False only if none of the wanted views has anything to fold.  Does not look at rows, and needs no cut. */
extern bool dbsp_pending_is_likely(List *wanted);
/* True if the view has something to fold of this table. */
extern bool dbsp_pending_in_table(Oid relid, DbspViewNumber view);
/* How many targets, segments and classes of segments dbsp_pending_views(NIL) has to go through.  Goes through all segments itself. */
extern int64 dbsp_pending_effort(void);
/* True if a table of the view changed in a way that has no delta. */
extern bool dbsp_pending_is_replaced(const DbspCachedView *view, uint32 cut);
/* Pushes what is pending into the view's circuit. */
extern void dbsp_pending_push(DbspCachedView *view, uint32 cut);

#endif							/* DBSP_PENDING_H */
