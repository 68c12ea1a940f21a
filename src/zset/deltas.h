/*-------------------------------------------------------------------------
 *
 * deltas.h
 *	  What one transaction changed and has not folded into every view yet.
 *
 * The changes of a table are a list of segments in the order of time.  A
 * segment belongs to one subtransaction level and one epoch.  A fold consumes
 * deltas for one view by setting the view's mark to the current epoch; it
 * deletes nothing.  So a rollback to a savepoint is exact: it drops the
 * segments and the marks of its levels, and what the marks had consumed of
 * outer segments is pending again.
 *
 * record() is O(1).  A subtransaction that recorded nothing costs O(1), one
 * that recorded little costs little at its end.
 *
 * All rows together take about dbsp_ivm.delta_mem of memory; what exceeds it
 * goes to temporary files of the transaction.  Between a cut and the next trim
 * (or uncut) a fold reads rows: meanwhile those recorded before the cut stay where they
 * are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_DELTAS_H
#define DBSP_DELTAS_H

#include "zset/zset.h"

/* Which columns of a table the rows of a segment hold, and their descriptor. */
typedef struct DbspCaptureLayout
{
	uint64		id;				/* unique in the backend: two layouts are the same if their ids are */
	int			ncolumns;
	AttrNumber *attnums;		/* ascending */
	TupleDesc	desc;			/* from dbsp_row_desc() */
} DbspCaptureLayout;

struct DbspRouted;

typedef struct DbspSegment
{
	int			level;			/* transaction nesting level, 1 is the top */
	uint32		epoch;
	bool		replaced;		/* TRUNCATE: the table changed without deltas; rows is empty and stays so */
	CommandId	command;		/* the last one that changed rows */
	bool		several_commands;	/* others did before, so rows can be in it that came and went again */
	DbspCaptureLayout *layout;
	ZSet	   *rows;			/* a large one: to be scanned */
	struct DbspRouted *routed;	/* the engine's notes on the rows, in one chunk; NULL again when rows have been added */
} DbspSegment;

/*
 * The Z-set that changes of the table by this command are added to now; valid
 * until the next call of any of these functions.  One command changes a row
 * once at most.  Everything is in one context below TopTransactionContext;
 * created on first use.
 */
extern ZSet *dbsp_deltas_rows(Oid relid, const DbspCaptureLayout *layout, int level, CommandId command);
extern void dbsp_deltas_record(Oid relid, const DbspCaptureLayout *layout, int level, CommandId command,
							   const Datum *values, const bool *isnull, DbspWeight weight);
/* The table changes in a way that has no delta. */
extern void dbsp_deltas_record_replaced(Oid relid, int level);

/* True while anything may be pending; the cheap test before all others. */
extern bool dbsp_deltas_any(void);
/* OID list of the tables with segments, in the current context. */
extern List *dbsp_deltas_relations(void);
/* Closes the current epoch and returns it: what is recorded from now on belongs to the next. */
extern uint32 dbsp_deltas_cut(void);
/* No fold reads rows, or it has failed: none needs to stay where it is any more.  Never fails. */
extern void dbsp_deltas_uncut(void);
/* The view has folded everything up to the cut. */
extern void dbsp_deltas_mark(DbspViewNumber view, int level, uint32 cut);
/* Neither of these fails, whatever is in memory or files. */
extern void dbsp_deltas_subcommit(int level);
extern void dbsp_deltas_subabort(int level);
/* The transaction has ended: forgets all, without freeing, for the memory goes with it; closes the files.  Never fails. */
extern void dbsp_deltas_forget(void);

/*
 * Stands for every view that there is in dbsp_deltas_mark(): none of them has
 * anything left to fold up to the cut.
 */
#define DBSP_ALL_VIEWS 0

/* The epoch up to which the view has folded, by its own marks and those of all views. */
extern uint32 dbsp_deltas_folded(DbspViewNumber view);
/* The table's segments, oldest first; the list itself, valid until the next call that records, trims or ends a level. */
extern List *dbsp_deltas_segments(Oid relid);
/*
 * Frees the segments of all tables, of this level and deeper, that all views
 * have folded at the segment's own or an outer level.  Those of outer levels
 * stay: a view that has been dropped since, at this level, comes back if this
 * level is rolled back.  Costs O(1) per fold, on average.
 */
extern void dbsp_deltas_trim_folded(int level);

#endif							/* DBSP_DELTAS_H */
