/*-------------------------------------------------------------------------
 *
 * keylock.h
 *	  Locks of operators' keys, held to the end of the transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_KEYLOCK_H
#define DBSP_KEYLOCK_H

#include "base/dbsp.h"

#include "circuit/store.h"

/*
 * Takes the locks that one step of an operator needs: its intent and the keys
 * of the array (sorted and de-duplicated in place), or the whole operator.
 * Waits as any heavyweight lock does: lock_timeout, deadlock detection and
 * cancel apply.
 */
extern void dbsp_keylock_take(DbspViewNumber view, int operator, bool whole, DbspKeyLock *locks, int64 nlocks);

/* The end of the transaction: the count of locks starts anew.  Never fails. */
extern void dbsp_keylock_forget(void);

#endif							/* DBSP_KEYLOCK_H */
