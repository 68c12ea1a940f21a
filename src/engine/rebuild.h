/*-------------------------------------------------------------------------
 *
 * rebuild.h
 *	  Shared by maintain.c, rebuild.c and fill.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_REBUILD_H
#define DBSP_REBUILD_H

#include "engine/cache.h"

/*
 * Replaces the contents of the view's internal tables; the surroundings of a
 * fold are set up.  strict: serialization_failure if the transaction's
 * snapshot shows other rows of the base tables than the latest one.  reindex:
 * see dbsp_engine_rebuild().
 */
extern void dbsp_rebuild_contents(DbspCachedView *view, bool strict, bool reindex);
/* Sets the settings that a view's expressions may follow; the caller has made a new nest level. */
extern void dbsp_engine_pin_settings(void);
/* Marks this backend as busy at the level (0: not); returns what it was. */
extern int	dbsp_engine_set_busy(int level);

#endif							/* DBSP_REBUILD_H */
