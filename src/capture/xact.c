/*-------------------------------------------------------------------------
 *
 * xact.c
 *	  Transaction events: folding before commit and prepare, following
 *	  savepoints.
 *
 * The fold runs in the pre-commit callback, after PostgreSQL has fired
 * deferred triggers and closed portals.  Functions of a view may in turn
 * queue deferred triggers, which PostgreSQL would then silently skip: so they
 * are fired here, and what they change is folded, until nothing is pending.
 * An error, a cancellation included, leaves the timers to PostgreSQL's main
 * loop, which stops them all.
 *
 * COMMIT and ABORT only forget: they neither allocate nor fail.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"

#include "capture/xact.h"
#include "engine/engine.h"
#include "zset/deltas.h"

/*
 * PostgreSQL has stopped the clock of statement_timeout before it commits
 * (except inside a procedure): the fold gets the same time once more.
 */
static bool
start_statement_clock(void)
{
	if (StatementTimeout <= 0 || MyBackendType != B_BACKEND || get_timeout_active(STATEMENT_TIMEOUT))
		return false;
	enable_timeout_after(STATEMENT_TIMEOUT, StatementTimeout);
	return true;
}

/* A clock that has run out at the last moment must not disturb the commit itself. */
static void
stop_statement_clock(void)
{
	disable_timeout(STATEMENT_TIMEOUT, true);
	CHECK_FOR_INTERRUPTS();
}

static void
fold_before_end(void)
{
	MemoryContext cxt;
	MemoryContext old;
	bool		clock;

	if (!dbsp_deltas_any())
		return;
	clock = start_statement_clock();
	/* A procedure that commits in a loop runs this in its own, long-lived context. */
	cxt = AllocSetContextCreate(TopTransactionContext, "dbsp commit", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	while (dbsp_engine_fold(NIL, true))
		AfterTriggerFireDeferred();
	dbsp_engine_store_routes();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	if (clock)
		stop_statement_clock();
}

static void
transaction_event(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			fold_before_end();
			break;
		case XACT_EVENT_ABORT:
			dbsp_engine_abort(1);
			dbsp_engine_end_of_transaction();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			dbsp_engine_end_of_transaction();
			break;
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
			break;				/* workers capture and fold nothing */
	}
}

static void
subtransaction_event(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *arg)
{
	switch (event)
	{
		case SUBXACT_EVENT_START_SUB:
		case SUBXACT_EVENT_PRE_COMMIT_SUB:
			break;
		case SUBXACT_EVENT_COMMIT_SUB:
			dbsp_deltas_subcommit(GetCurrentTransactionNestLevel());
			break;
		case SUBXACT_EVENT_ABORT_SUB:
			dbsp_deltas_subabort(GetCurrentTransactionNestLevel());
			dbsp_engine_abort(GetCurrentTransactionNestLevel());
			break;
	}
}

void
dbsp_xact_init(void)
{
	RegisterXactCallback(transaction_event, NULL);
	RegisterSubXactCallback(subtransaction_event, NULL);
}
