/*-------------------------------------------------------------------------
 *
 * lock.c
 *	  Locks of several relations at once, without deadlocks.
 *
 * Some transactions read a view and then write its tables, others write and
 * then read.  A command that holds one lock while it waits for the next would
 * deadlock with the ones or the others, in whichever order it takes them.  So
 * it waits for the first lock only as long as it takes.  It looks for the
 * others for a moment, in which transactions end that are under way; where one
 * is not to be had, all are given back, and the next round begins with that
 * one.  After some rounds in vain it stands in the queue for the others, too:
 * locks that somebody always holds are not to be had otherwise.  But not
 * longer than until anybody looks for deadlocks.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "catalog/catalog.h"
#include "catalog/partition_tree.h"
#include "command/lock.h"

/* Rounds that only look, and how often they do, in microseconds. */
#define QUICK_ROUNDS 10
#define MAX_LOOKS 50
#define LOOK_DELAY 1000L

/* All rounds; the others can each take the time of a wait for each lock. */
#define MAX_ROUNDS 300

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

/* Waits for the lock; false if it was not there in time.  Every other error is thrown. */
static bool
wait_for_lock(const WantedLock *lock, int milliseconds)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool taken = true;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		int			settings_level = NewGUCNestLevel();

		(void) set_config_option("lock_timeout", psprintf("%dms", milliseconds),
								 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
		LockRelationOid(lock->relid, lock->mode);
		AtEOXact_GUC(false, settings_level);
		/* What was locked stays so. */
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(cxt);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(cxt);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE && error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED)
			ReThrowError(error);
		FreeErrorData(error);
		taken = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	return taken;
}

/* True if the lock could be had within the looks that are left, or, if it may, by waiting. */
static bool
try_lock(const WantedLock *lock, int *looks, bool waits)
{
	while (!ConditionalLockRelationOid(lock->relid, lock->mode))
	{
		CHECK_FOR_INTERRUPTS();
		if (waits)
			return wait_for_lock(lock, Max(DeadlockTimeout / 3, 1));
		if (--*looks < 0)
			return false;
		pg_usleep(LOOK_DELAY);
	}
	return true;
}

/* Waits for the first lock and tries the others; returns that which cannot be had, after giving back all, or NULL. */
static WantedLock *
try_all(List *wanted, WantedLock *first, bool waits)
{
	WantedLock *missing = NULL;
	List	   *taken = NIL;
	int			looks = MAX_LOOKS;
	ListCell   *lc;

	LockRelationOid(first->relid, first->mode);
	taken = lappend(taken, first);
	foreach(lc, wanted)
	{
		WantedLock *lock = lfirst(lc);

		if (lock == first)
			continue;
		if (!try_lock(lock, &looks, waits))
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

static void pg_attribute_noreturn()
give_up(const WantedLock *missing)
{
	const char *name = get_rel_name(missing->relid);

	ereport(ERROR,
			errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			errmsg("could not obtain lock on relation \"%s\" together with others", name != NULL ? name : "?"),
			errhint("Try again when fewer transactions use the view and its tables."));
}

void
dbsp_lock_take(List *wanted)
{
	TimestampTz start = GetCurrentTimestamp();
	ResourceOwner owner = CurrentResourceOwner;
	WantedLock *first;
	WantedLock *missing;

	if (wanted == NIL)
		return;
	wanted = list_copy(wanted);
	list_sort(wanted, compare_locks);
	first = linitial(wanted);
	/* Who is to give a lock back must own it, and what a subtransaction leaves the transaction owns. */
	CurrentResourceOwner = CurTransactionResourceOwner;
	for (int round = 0; (missing = try_all(wanted, first, round >= QUICK_ROUNDS)) != NULL; round++)
	{
		first = missing;
		/* The user's own patience is for each lock; here they are one. */
		if (round == MAX_ROUNDS ||
			(LockTimeout > 0 && TimestampDifferenceExceeds(start, GetCurrentTimestamp(), LockTimeout)))
			give_up(first);
	}
	CurrentResourceOwner = owner;
}
