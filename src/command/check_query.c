/*-------------------------------------------------------------------------
 *
 * check_query.c
 *	  dbsp_ivm.check_query(): why a query cannot be maintained.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "compile/compile.h"
#include "command/names.h"

PG_FUNCTION_INFO_V1(dbsp_sql_check_query);

/* A text column, NULL for NULL. */
static void
set_text(Datum *value, bool *isnull, const char *string)
{
	*isnull = string == NULL;
	*value = string == NULL ? (Datum) 0 : CStringGetTextDatum(string);
}

/*
 * check_query(query text) returns table ("position" integer, construct text, reason text, hint text)
 *
 * No rows: the query can be maintained.
 */
Datum
dbsp_sql_check_query(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *sql = dbsp_required_text(fcinfo, 0, "query");
	List	   *problems;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	problems = dbsp_check(dbsp_analyze(sql, NULL));
	foreach(lc, problems)
	{
		const DbspProblem *problem = lfirst(lc);
		Datum		values[4];
		bool		isnull[4] = {false};

		isnull[0] = problem->location < 0;
		values[0] = isnull[0] ? (Datum) 0 : Int32GetDatum(pg_mbstrlen_with_len(sql, problem->location) + 1);
		set_text(&values[1], &isnull[1], problem->construct);
		set_text(&values[2], &isnull[2], problem->reason);
		set_text(&values[3], &isnull[3], problem->hint);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, isnull);
	}
	return (Datum) 0;
}
