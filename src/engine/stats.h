/*-------------------------------------------------------------------------
 *
 * stats.h
 *	  Counters per view, shared by all backends.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_STATS_H
#define DBSP_STATS_H

#include "base/dbsp.h"

#include "portability/instr_time.h"
#include "utils/timestamp.h"

#define DBSP_STATS_ERROR_SIZE 256

typedef struct DbspViewStats
{
	DbspViewNumber view;
	int64		folds;
	int64		rows_in;
	int64		rows_out;
	double		milliseconds;
	TimestampTz last_error_at;	/* 0 if there was none */
	char		last_error[DBSP_STATS_ERROR_SIZE];
} DbspViewStats;

/* One fold of the view.  Costs a look-up in a local table; about once a second the counters go to shared memory. */
extern void dbsp_stats_count(DbspViewNumber view, int64 rows_in, int64 rows_out, instr_time spent);
/* A fold of the view failed.  Never fails, looks nothing up: fit for error handlers. */
extern void dbsp_stats_error(DbspViewNumber view, const char *message);
/* Writes an error that was noted and is not in shared memory yet, in a transaction; costs nothing if there is none. */
extern void dbsp_stats_report_error(void);
/* Writes this backend's counters to shared memory now. */
extern void dbsp_stats_flush(void);
/* What all backends have written, as a palloc'd array; views that are gone are left out, and removed. */
extern DbspViewStats *dbsp_stats_read(int *count_out);

#endif							/* DBSP_STATS_H */
