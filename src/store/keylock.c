/*-------------------------------------------------------------------------
 *
 * keylock.c
 *	  Locks of operators' keys, held to the end of the transaction.
 *
 * A lock is a heavyweight lock with an advisory tag whose last field is
 * neither of the two that pg_advisory_lock() uses:
 *
 *		database, view * (DBSP_MAX_OPERATORS + 1) + operator, hash of the key, DBSP_LOCK_CLASS
 *
 * so it shows in pg_locks and survives PREPARE TRANSACTION.  Hash 0 stands for
 * the whole operator: RowExclusiveLock announces locks of single keys,
 * ExclusiveLock takes all of them.
 *
 * Forbidden order: an operator's keys before its intent.  All locks of one
 * operator are taken at once, in the order of their hashes, and operators
 * come in the order of (view, operator): folds at commit cannot deadlock.
 *
 * The number of locks is bounded per transaction (dbsp_max_key_locks): an
 * operator with more keys than are left is taken whole; one that needs no
 * keys but announces itself never is.  A later fold of the
 * same transaction, which holds the intent already, would upgrade it, and two
 * that did would deadlock; so it takes further keys up to twice the bound, and
 * only then the whole operator.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "miscadmin.h"
#include "storage/lock.h"

#include "base/guc.h"
#include "store/keylock.h"

#define DBSP_LOCK_CLASS 0xDB59

/* Key locks taken by this transaction; rolled-back subtransactions' are counted too. */
static int	locks_taken = 0;

static int
compare_locks(const void *a, const void *b)
{
	uint32		left = ((const DbspKeyLock *) a)->hash;
	uint32		right = ((const DbspKeyLock *) b)->hash;

	return left < right ? -1 : left > right ? 1 : 0;
}

/* The mode that conflicts with whatever either mode conflicts with. */
static LOCKMODE
union_of_modes(LOCKMODE a, LOCKMODE b)
{
	if (a == b)
		return a;
	if (a == ExclusiveLock || b == ExclusiveLock)
		return ExclusiveLock;
	return ShareRowExclusiveLock;
}

static int64
sort_locks(DbspKeyLock *locks, int64 nlocks)
{
	int64		n = 0;

	if (nlocks > 1)
		qsort(locks, nlocks, sizeof(DbspKeyLock), compare_locks);
	for (int64 i = 0; i < nlocks; i++)
	{
		if (n > 0 && locks[n - 1].hash == locks[i].hash)
			locks[n - 1].mode = union_of_modes(locks[n - 1].mode, locks[i].mode);
		else
			locks[n++] = locks[i];
	}
	return n;
}

void
dbsp_keylock_take(DbspViewNumber view, int operator, bool whole, DbspKeyLock *locks, int64 nlocks)
{
	uint32		number = (uint32) view * (DBSP_MAX_OPERATORS + 1) + operator;
	int64		most = dbsp_max_key_locks();
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, number, 0, DBSP_LOCK_CLASS);
	if (LockHeldByMe(&tag, ExclusiveLock))
		return;

	if (LockHeldByMe(&tag, RowExclusiveLock))
		most *= 2;
	if (whole || (nlocks > 0 && locks_taken + nlocks > most))
	{
		(void) LockAcquire(&tag, ExclusiveLock, false, false);
		return;
	}

	(void) LockAcquire(&tag, RowExclusiveLock, false, false);
	nlocks = sort_locks(locks, nlocks);
	for (int64 i = 0; i < nlocks; i++)
	{
		SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, number, locks[i].hash, DBSP_LOCK_CLASS);
		(void) LockAcquire(&tag, locks[i].mode, false, false);
	}
	locks_taken += Min(nlocks, INT_MAX - locks_taken);
}

void
dbsp_keylock_forget(void)
{
	locks_taken = 0;
}
