/*-------------------------------------------------------------------------
 *
 * identity.c
 *	  Under whose name the commands do what they do.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_namespace.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/syscache.h"

#include "catalog/catalog.h"
#include "engine/engine.h"
#include "capture/xact.h"
#include "command/identity.h"

/* How many dbsp_run_as_extension() calls are active; reset on errors by their PG_FINALLY. */
static int	own_ddl_depth = 0;

Oid
dbsp_extension_owner(void)
{
	Oid			owner = InvalidOid;
	HeapTuple	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(dbsp_catalog_schema()));

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
		ReleaseSysCache(tuple);
	}
	/* The extension may have been given away since; its objects still have to be made. */
	return OidIsValid(owner) && superuser_arg(owner) ? owner : BOOTSTRAP_SUPERUSERID;
}

bool
dbsp_ddl_is_own(void)
{
	return own_ddl_depth > 0;
}

/* Starts a level of settings under which names and defaults mean the same for every caller. */
static int
lock_settings(void)
{
	int			level = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("default_tablespace", "",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return level;
}

void
dbsp_run_as_extension(void (*work) (void *arg), void *arg)
{
	Oid			userid;
	int			sec_context;
	int			guc_level;

	GetUserIdAndSecContext(&userid, &sec_context);
	SetUserIdAndSecContext(dbsp_extension_owner(), sec_context | SECURITY_LOCAL_USERID_CHANGE);
	guc_level = lock_settings();
	EventTriggerInhibitCommandCollection();
	own_ddl_depth++;
	PG_TRY();
	{
		work(arg);
	}
	PG_FINALLY();
	{
		own_ddl_depth--;
		EventTriggerUndoInhibitCommandCollection();
		SetUserIdAndSecContext(userid, sec_context);
	}
	PG_END_TRY();
	/* After an error the transaction's abort restores the settings. */
	AtEOXact_GUC(false, guc_level);
}

void
dbsp_run_as_user(Oid user, bool restricted, void (*work) (void *arg), void *arg)
{
	Oid			userid;
	int			sec_context;
	int			guc_level;
	int			flags = 0;

	GetUserIdAndSecContext(&userid, &sec_context);
	if (restricted)
		flags = SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION;
	else if (user != userid)
		flags = SECURITY_LOCAL_USERID_CHANGE;
	SetUserIdAndSecContext(user, sec_context | flags);
	guc_level = lock_settings();
	PG_TRY();
	{
		work(arg);
	}
	PG_FINALLY();
	{
		SetUserIdAndSecContext(userid, sec_context);
	}
	PG_END_TRY();
	AtEOXact_GUC(false, guc_level);
}

void
dbsp_run_sql(const char *sql)
{
	int			result;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	result = SPI_execute(sql, false, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute failed: %s", SPI_result_code_string(result));
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}

void
dbsp_require_writable(const char *command)
{
	PreventCommandIfReadOnly(command);
	PreventCommandIfParallelMode(command);
	PreventCommandDuringRecovery(command);
	dbsp_require_idle(command);
}

void
dbsp_require_idle(const char *command)
{
	if (dbsp_engine_is_busy())
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_IN_USE),
				errmsg("cannot execute %s while an incremental view is maintained", command),
				errdetail("It was called by a function that the view uses."));
}

void
dbsp_require_between_statements(const char *command)
{
	if (dbsp_hooks_in_captured_statement())
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_IN_USE),
				errmsg("cannot execute %s in the middle of a statement that changes tables of incremental views", command),
				errdetail("It was called by a trigger or function of that statement."));
}

void
dbsp_require_fresh_snapshot(const char *command)
{
	dbsp_require_writable(command);
	dbsp_require_between_statements(command);
	if (InSecurityRestrictedOperation())
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("cannot execute %s within security-restricted operation", command));
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				errmsg("cannot execute %s in a transaction with isolation level %s", command,
					   XactIsoLevel == XACT_SERIALIZABLE ? "SERIALIZABLE" : "REPEATABLE READ"),
				errdetail("The view's contents have to be read under a snapshot that is newer than the transaction's."),
				errhint("Execute it in a READ COMMITTED transaction."));
}
