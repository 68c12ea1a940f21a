/*-------------------------------------------------------------------------
 *
 * lock.h
 *	  Locks of several relations at once, without deadlocks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_LOCK_H
#define DBSP_LOCK_H

#include "nodes/pg_list.h"
#include "storage/lockdefs.h"

#include "catalog/catalog.h"

/* A list with the relation in it, to be locked in this mode or a stronger one that was asked for.  InvalidOid adds nothing. */
extern List *dbsp_lock_want(List *wanted, Oid relid, LOCKMODE mode);

/* Wants a base table and the partitions below it. */
extern List *dbsp_lock_want_source(List *wanted, Oid source, LOCKMODE mode);

/* Wants all that is in either list. */
extern List *dbsp_lock_union(List *wanted, List *others);

/* Wants what dropping the views (integer list) takes: the views, all that is behind them, tables that lose their triggers. */
extern List *dbsp_lock_want_drop(List *wanted, List *views);

/*
 * Takes all the locks, to the end of the transaction.  Relations may be gone
 * or changed by then: the caller looks again.  The caller has made sure that
 * the user may lock them.
 */
extern void dbsp_lock_take(List *wanted);

#endif							/* DBSP_LOCK_H */
