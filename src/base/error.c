/*-------------------------------------------------------------------------
 *
 * error.c
 *	  Errors that several modules raise.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "base/error.h"

void
dbsp_corrupt(const char *what)
{
	ereport(ERROR,
			errcode(ERRCODE_DATA_CORRUPTED),
			errmsg("the stored contents of an incremental view do not match its tables"),
			errdetail("%s.", what),
			errhint("Compare it with dbsp_ivm.verify() and rebuild it with dbsp_ivm.refresh()."));
}

void
dbsp_could_not_serialize(void)
{
	ereport(ERROR,
			errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			errmsg("could not serialize access due to concurrent update"),
			errdetail("Rows that an incremental view depends on have changed since this transaction's snapshot was taken."),
			errhint("The transaction might succeed if retried."));
}
