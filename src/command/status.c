/*-------------------------------------------------------------------------
 *
 * status.c
 *	  The set-returning function behind dbsp_ivm.stats.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "catalog/catalog.h"
#include "engine/stats.h"

#define STATS_COLUMNS 7

PG_FUNCTION_INFO_V1(dbsp_sql_stats);

/* The text of an error can quote values of rows that not everybody may read. */
static bool
may_see_errors(const DbspViewRow *row)
{
	return pg_class_ownercheck(row->relation, GetUserId()) ||
		has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
}

static int
compare_views(const void *a, const void *b)
{
	const DbspViewStats *left = a;
	const DbspViewStats *right = b;

	return (left->view > right->view) - (left->view < right->view);
}

/*
 * stats() returns table (view integer, folds bigint, rows_in bigint, rows_out bigint,
 *						  milliseconds double precision, last_error text, last_error_at timestamptz)
 */
Datum
dbsp_sql_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	DbspViewStats *stats;
	int			count;

	InitMaterializedSRF(fcinfo, 0);
	stats = dbsp_stats_read(&count);
	qsort(stats, count, sizeof(DbspViewStats), compare_views);
	for (int i = 0; i < count; i++)
	{
		Datum		values[STATS_COLUMNS] = {0};
		bool		isnull[STATS_COLUMNS] = {false};
		DbspViewRow row;

		if (!dbsp_catalog_get_view(stats[i].view, &row))
			continue;
		values[0] = Int32GetDatum(stats[i].view);
		values[1] = Int64GetDatum(stats[i].folds);
		values[2] = Int64GetDatum(stats[i].rows_in);
		values[3] = Int64GetDatum(stats[i].rows_out);
		values[4] = Float8GetDatum(stats[i].milliseconds);
		isnull[5] = isnull[6] = stats[i].last_error_at == 0;
		if (!isnull[5])
		{
			isnull[5] = !may_see_errors(&row);
			values[5] = CStringGetTextDatum(stats[i].last_error);
			values[6] = TimestampTzGetDatum(stats[i].last_error_at);
		}
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, isnull);
	}
	return (Datum) 0;
}
