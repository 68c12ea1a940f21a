/*-------------------------------------------------------------------------
 *
 * fold_error.c
 *	  What becomes of an error in a fold.
 *
 * A fold evaluates the view's expressions over rows that the writer may have
 * no right to read: partners of a join, other rows of a group.  The text of
 * an error can quote them ("invalid input syntax for type integer: ..."), so
 * it is for those who may read the tables.  The owner finds it in the view's
 * statistics, the administrator in the server's log.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/rls.h"

#include "engine/fold_error.h"
#include "engine/stats.h"

/* True for errors that come of luck, patience or the server's means, not of the view and its data. */
static bool
is_circumstance(int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_INSUFFICIENT_RESOURCES:
			return true;
		default:
			return false;
	}
}

/* True for errors whose text PostgreSQL and this extension make without the values of rows. */
static bool
quotes_no_rows(int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
		case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
		case ERRCODE_SYSTEM_ERROR:
		case ERRCODE_INTERNAL_ERROR:
			return true;
		default:
			return is_circumstance(sqlstate);
	}
}

/* True if the user may read all rows that the view is made of. */
static bool
may_read_sources(const DbspCachedView *view, Oid user)
{
	ListCell   *lc;

	if (has_privs_of_role(user, view->owner))
		return true;
	foreach(lc, view->sources)
		if (pg_class_aclcheck(lfirst_oid(lc), user, ACL_SELECT) != ACLCHECK_OK ||
			check_enable_rls(lfirst_oid(lc), user, true) == RLS_ENABLED)
			return false;
	return true;
}

void
dbsp_fold_error_rethrow(const DbspCachedView *view, Oid user, MemoryContext cxt)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	ErrorData  *error = CopyErrorData();

	if (!is_circumstance(error->sqlerrcode))
		dbsp_stats_error(view->number, error->message);
	if (quotes_no_rows(error->sqlerrcode) || may_read_sources(view, user))
	{
		MemoryContextSwitchTo(old);
		PG_RE_THROW();
	}
	FlushErrorState();
	ereport(LOG_SERVER_ONLY,
			errcode(error->sqlerrcode),
			errmsg_internal("error in incremental view %s: %s", view->name, error->message),
			errhidestmt(true));
	ereport(ERROR,
			errcode(error->sqlerrcode),
			errmsg("incremental view %s cannot be maintained with this change", view->name),
			errdetail("The reason may quote rows that you may not read."),
			errhint("The owner of the view finds it in dbsp_ivm.views, and the server's log has it."));
}
