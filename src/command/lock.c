/*-------------------------------------------------------------------------
 *
 * lock.c
 *	  Locks of several relations at once, without deadlocks.
 *
 * Some transactions read a view and then write its tables, others write and
 * then read.  A command that holds one lock while it waits for the next would
 * deadlock with the ones or the others, in whichever order it takes them.  So
 * it waits for one lock only while it holds none of the others: it tries the
 * rest for a short time, and where one is not to be had, it gives back all and
 * begins with that one.  The time is shorter than that after which anybody
 * looks for deadlocks; in it, transactions end that are under way.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"

#include "catalog/catalog.h"
#include "catalog/partition_tree.h"
#include "command/lock.h"

/* After so many rounds in vain, waiting for ever would be worse than a deadlock. */
#define MAX_ROUNDS 50

/* How often a round looks for the locks that it lacks, and after which time, in microseconds. */
#define MAX_TRIALS 50
#define TRIAL_DELAY 1000L

typedef struct WantedLock
{
	Oid			relid;
	LOCKMODE	mode;
} WantedLock;

List *
dbsp_lock_want(List *wanted, Oid relid, LOCKMODE mode)
{
	WantedLock *lock;
	ListCell   *lc;

	if (!OidIsValid(relid))
		return wanted;
	foreach(lc, wanted)
	{
		lock = lfirst(lc);
		if (lock->relid != relid)
			continue;
		/* Those that are used here are ordered by strength. */
		lock->mode = Max(lock->mode, mode);
		return wanted;
	}
	lock = palloc(sizeof(WantedLock));
	lock->relid = relid;
	lock->mode = mode;
	return lappend(wanted, lock);
}

List *
dbsp_lock_want_source(List *wanted, Oid source, LOCKMODE mode)
{
	ListCell   *lc;

	wanted = dbsp_lock_want(wanted, source, mode);
	foreach(lc, dbsp_partition_leaves(source, NoLock))
		wanted = dbsp_lock_want(wanted, lfirst_oid(lc), mode);
	return wanted;
}

List *
dbsp_lock_union(List *wanted, List *others)
{
	ListCell   *lc;

	foreach(lc, others)
		wanted = dbsp_lock_want(wanted, ((WantedLock *) lfirst(lc))->relid, ((WantedLock *) lfirst(lc))->mode);
	return wanted;
}

List *
dbsp_lock_want_drop(List *wanted, List *views)
{
	List	   *sources = NIL;
	ListCell   *lc;

	foreach(lc, views)
	{
		DbspViewRow row;
		ListCell   *cell;

		if (!dbsp_catalog_get_view(lfirst_int(lc), &row))
			continue;
		foreach(cell, dbsp_catalog_relations(&row))
			wanted = dbsp_lock_want(wanted, lfirst_oid(cell), AccessExclusiveLock);
		sources = list_concat_unique_oid(sources, dbsp_catalog_sources(row.number));
	}
	foreach(lc, sources)
		if (!dbsp_catalog_has_other_views(lfirst_oid(lc), views))
			wanted = dbsp_lock_want_source(wanted, lfirst_oid(lc), AccessExclusiveLock);
	return wanted;
}

static int
compare_locks(const ListCell *a, const ListCell *b)
{
	Oid			left = ((WantedLock *) lfirst(a))->relid;
	Oid			right = ((WantedLock *) lfirst(b))->relid;

	return (left > right) - (left < right);
}

/* True if the lock could be had within the trials that are left. */
static bool
try_lock(const WantedLock *lock, int *trials)
{
	while (!ConditionalLockRelationOid(lock->relid, lock->mode))
	{
		CHECK_FOR_INTERRUPTS();
		if (--*trials < 0)
			return false;
		pg_usleep(TRIAL_DELAY);
	}
	return true;
}

/* Waits for the first lock and tries the others; returns that which cannot be had, after giving back all, or NULL. */
static WantedLock *
try_all(List *wanted, WantedLock *first)
{
	WantedLock *missing = NULL;
	List	   *taken = NIL;
	int			trials = MAX_TRIALS;
	ListCell   *lc;

	LockRelationOid(first->relid, first->mode);
	taken = lappend(taken, first);
	foreach(lc, wanted)
	{
		WantedLock *lock = lfirst(lc);

		if (lock == first)
			continue;
		if (!try_lock(lock, &trials))
		{
			missing = lock;
			break;
		}
		taken = lappend(taken, lock);
	}
	if (missing != NULL)
		foreach(lc, taken)
			UnlockRelationOid(((WantedLock *) lfirst(lc))->relid, ((WantedLock *) lfirst(lc))->mode);
	list_free(taken);
	return missing;
}

void
dbsp_lock_take(List *wanted)
{
	WantedLock *first;
	ListCell   *lc;

	if (wanted == NIL)
		return;
	wanted = list_copy(wanted);
	list_sort(wanted, compare_locks);
	first = linitial(wanted);
	for (int round = 0; round < MAX_ROUNDS; round++)
	{
		CHECK_FOR_INTERRUPTS();
		first = try_all(wanted, first);
		if (first == NULL)
			return;
	}
	foreach(lc, wanted)
		LockRelationOid(((WantedLock *) lfirst(lc))->relid, ((WantedLock *) lfirst(lc))->mode);
}
