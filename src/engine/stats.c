/*-------------------------------------------------------------------------
 *
 * stats.c
 *	  Counters per view, shared by all backends.
 *
 * A backend counts in a table of its own and adds that to a dshash table at
 * most once a second, at its exit, and when the counters are read.  The
 * dshash table lives in a pinned dsa area whose handles are in a control
 * block of shared memory.  The block is small enough for the slack that
 * PostgreSQL reserves, so shared_preload_libraries is not needed.
 *
 * A fold does not fail because shared memory cannot be reached: then the
 * backend's counters are shown to nobody.
 *
 * Locking: control->lock is held, exclusively, while the area is created or
 * its handles are read; entries are protected by dshash's partition locks.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/xact.h"
#include "lib/dshash.h"
#include "miscadmin.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/dsa.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "catalog/catalog.h"
#include "engine/stats.h"

#define CONTROL_NAME "dbsp_ivm"
#define FLUSH_INTERVAL_MS 1000

/* In shared memory, made once. */
typedef struct StatsControl
{
	LWLock		lock;
	int			tranche;
	dsa_handle	area;			/* 0 until the first backend made it */
	dshash_table_handle table;
} StatsControl;

/* The catalog's OID tells databases' views apart, and those of a dropped and created extension. */
typedef struct StatsKey
{
	Oid			database;
	Oid			catalog;
	DbspViewNumber view;
} StatsKey;

typedef struct StatsEntry
{
	StatsKey	key;
	DbspViewStats stats;
} StatsEntry;

/* Counted here and not yet written. */
typedef struct LocalEntry
{
	DbspViewNumber view;		/* hash key */
	DbspViewStats stats;
} LocalEntry;

static HTAB *counters = NULL;
static Oid	counters_catalog = InvalidOid;	/* catalog that the counters belong to */
static TimestampTz last_flush = 0;
static bool exit_registered = false;

/* What this backend is attached to. */
static StatsControl *control = NULL;
static dsa_area *area = NULL;
static dshash_table *shared = NULL;
static bool unavailable = false;	/* attaching failed: do not try again */

/* The error of a fold, kept apart: its handler must not allocate. */
static struct
{
	bool		set;
	DbspViewNumber view;
	TimestampTz at;
	char		message[DBSP_STATS_ERROR_SIZE];
} pending_error;

static void
flush_at_exit(int code, Datum arg)
{
	/* Without a transaction: whoever never attached loses his counters. */
	if (shared != NULL)
		dbsp_stats_flush();
}

static LocalEntry *
local_entry(DbspViewNumber view)
{
	LocalEntry *entry;
	bool		found;

	if (unlikely(counters == NULL))
	{
		HASHCTL		info = {.keysize = sizeof(DbspViewNumber), .entrysize = sizeof(LocalEntry)};

		counters = hash_create("dbsp view counters", 16, &info, HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(counters, &view, HASH_ENTER, &found);
	if (unlikely(!found))
	{
		memset(&entry->stats, 0, sizeof(DbspViewStats));
		entry->stats.view = view;
		if (IsTransactionState())
			counters_catalog = dbsp_catalog_view_relid();
		if (!exit_registered)
		{
			before_shmem_exit(flush_at_exit, (Datum) 0);
			exit_registered = true;
		}
	}
	return entry;
}

void
dbsp_stats_count(DbspViewNumber view, int64 rows_in, int64 rows_out, instr_time spent)
{
	LocalEntry *entry = local_entry(view);

	entry->stats.folds++;
	entry->stats.rows_in += rows_in;
	entry->stats.rows_out += rows_out;
	entry->stats.milliseconds += INSTR_TIME_GET_MILLISEC(spent);
	/* The statement's own time stamp: asking the clock would cost more than counting. */
	if (TimestampDifferenceExceeds(last_flush, GetCurrentStatementStartTimestamp(), FLUSH_INTERVAL_MS))
		dbsp_stats_flush();
}

void
dbsp_stats_error(DbspViewNumber view, const char *message)
{
	pending_error.set = true;
	pending_error.view = view;
	pending_error.at = GetCurrentTimestamp();
	strlcpy(pending_error.message, message, DBSP_STATS_ERROR_SIZE);
}

/*
 * Attaching.
 */

static const dshash_parameters table_parameters = {
	.key_size = sizeof(StatsKey),
	.entry_size = sizeof(StatsEntry),
	.compare_function = dshash_memcmp,
	.hash_function = dshash_memhash
};

static void
attach_control(void)
{
	bool		found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	control = ShmemInitStruct(CONTROL_NAME, sizeof(StatsControl), &found);
	if (!found)
	{
		control->tranche = LWLockNewTrancheId();
		control->area = DSM_HANDLE_INVALID;
		control->table = 0;
		LWLockInitialize(&control->lock, control->tranche);
	}
	LWLockRelease(AddinShmemInitLock);
	LWLockRegisterTranche(control->tranche, CONTROL_NAME);
}

/* Errors leave locks of ours held; attach() releases them. */
static void
attach_table(void)
{
	dshash_parameters parameters = table_parameters;

	parameters.tranche_id = control->tranche;
	LWLockAcquire(&control->lock, LW_EXCLUSIVE);
	if (control->area == DSM_HANDLE_INVALID)
	{
		area = dsa_create(control->tranche);
		dsa_pin(area);
		dsa_pin_mapping(area);
		shared = dshash_create(area, &parameters, NULL);
		control->table = dshash_get_hash_table_handle(shared);
		control->area = dsa_get_handle(area);
	}
	else
	{
		area = dsa_attach(control->area);
		dsa_pin_mapping(area);
		shared = dshash_attach(area, &parameters, control->table, NULL);
	}
	LWLockRelease(&control->lock);
}

/* Gives a lock back that an error left held; interrupts were let go by the error. */
static void
release_after_error(LWLock *lock)
{
	if (!LWLockHeldByMe(lock))
		return;
	HOLD_INTERRUPTS();
	LWLockRelease(lock);
}

/* True if shared memory can be used; tries once per backend, and never fails. */
static bool
attach(void)
{
	MemoryContext old_cxt = CurrentMemoryContext;

	if (shared != NULL || unavailable)
		return shared != NULL;
	MemoryContextSwitchTo(TopMemoryContext);
	PG_TRY();
	{
		if (control == NULL)
			attach_control();
		attach_table();
	}
	PG_CATCH();
	{
		release_after_error(AddinShmemInitLock);
		if (control != NULL)
			release_after_error(&control->lock);
		shared = NULL;
		unavailable = true;
		MemoryContextSwitchTo(TopMemoryContext);
		FlushErrorState();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_cxt);
	return shared != NULL;
}

/*
 * Writing and reading.
 */

static void
make_key(StatsKey *key, Oid catalog, DbspViewNumber view)
{
	memset(key, 0, sizeof(StatsKey));	/* compared by bytes */
	key->database = MyDatabaseId;
	key->catalog = catalog;
	key->view = view;
}

/* Adds what was counted to the shared entry. */
static void
write_entry(const DbspViewStats *stats)
{
	StatsKey	key;
	StatsEntry *entry;
	bool		found;

	make_key(&key, counters_catalog, stats->view);
	entry = dshash_find_or_insert(shared, &key, &found);
	if (!found)
	{
		memset(&entry->stats, 0, sizeof(DbspViewStats));
		entry->stats.view = stats->view;
	}
	entry->stats.folds += stats->folds;
	entry->stats.rows_in += stats->rows_in;
	entry->stats.rows_out += stats->rows_out;
	entry->stats.milliseconds += stats->milliseconds;
	if (stats->last_error_at != 0)
	{
		entry->stats.last_error_at = stats->last_error_at;
		strlcpy(entry->stats.last_error, stats->last_error, DBSP_STATS_ERROR_SIZE);
	}
	dshash_release_lock(shared, entry);
}

void
dbsp_stats_flush(void)
{
	HASH_SEQ_STATUS iterator;
	LocalEntry *entry;

	last_flush = GetCurrentStatementStartTimestamp();
	if (pending_error.set)
	{
		entry = local_entry(pending_error.view);
		entry->stats.last_error_at = pending_error.at;
		strlcpy(entry->stats.last_error, pending_error.message, DBSP_STATS_ERROR_SIZE);
		pending_error.set = false;
	}
	if (counters == NULL || hash_get_num_entries(counters) == 0 || !OidIsValid(counters_catalog) || !attach())
		return;
	hash_seq_init(&iterator, counters);
	while ((entry = hash_seq_search(&iterator)) != NULL)
	{
		write_entry(&entry->stats);
		hash_search(counters, &entry->view, HASH_REMOVE, NULL);
	}
}

void
dbsp_stats_report_error(void)
{
	if (unlikely(pending_error.set))
		dbsp_stats_flush();
}

DbspViewStats *
dbsp_stats_read(int *count_out)
{
	Oid			catalog = dbsp_catalog_view_relid();
	List	   *views = dbsp_catalog_views();
	DbspViewStats *result = palloc(Max(list_length(views), 1) * sizeof(DbspViewStats));
	dshash_seq_status status;
	StatsEntry *entry;
	int			count = 0;

	*count_out = 0;
	dbsp_stats_flush();
	if (!attach())
		return result;
	dshash_seq_init(&status, shared, true);
	while ((entry = dshash_seq_next(&status)) != NULL)
	{
		if (entry->key.database != MyDatabaseId)
			continue;
		/* Numbers are never used twice: a view that is not there was dropped, or is not committed yet. */
		if (entry->key.catalog != catalog || !list_member_int(views, entry->key.view))
			dshash_delete_current(&status);
		else
			result[count++] = entry->stats;
	}
	dshash_seq_term(&status);
	*count_out = count;
	return result;
}
