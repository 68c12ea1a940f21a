/*-------------------------------------------------------------------------
 *
 * refresh.h
 *	  Rebuilding a view from its base tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_REFRESH_H
#define DBSP_REFRESH_H

#include "catalog/catalog.h"

/*
 * Locks the base tables of the views (integer list) against writers; to
 * reindex, their internal tables against readers, too.
 */
extern void dbsp_refresh_lock(List *views, bool reindex);

/*
 * Rebuilds the view, as its owner, under the locks of dbsp_refresh_lock();
 * with its indexes if values may compare in another way than before.  The
 * caller has checked dbsp_require_fresh_snapshot().
 */
extern void dbsp_refresh_view(const DbspViewRow *row, bool reindex);

#endif							/* DBSP_REFRESH_H */
