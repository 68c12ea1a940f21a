/*-------------------------------------------------------------------------
 *
 * batch.h
 *	  A delta that one operator has collected, to be processed key by key.
 *
 * Rows come in any order (add), then sort(), then next() hands them out group
 * by group, a group being the rows of one key; the groups come in the order of
 * the keys where the key can be sorted, so that indexes are visited in their
 * order, else in that of the keys' hashes.  A batch is not a Z-set: the same
 * row may stand in it several times, with weights whose sum is its own.  Only
 * the two images of an update that changes nothing here cancel out at once.
 *
 * Rows are in memory up to a bound (see dbsp_delta_mem) and in a tuplesort
 * beyond it.  Then a large group comes in several parts, additions before
 * removals.
 *
 * add() is amortised O(1), sort() O(n log n).  Everything is in the context
 * given to begin(); a tuplesort must be ended (dbsp_batch_end).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_BATCH_H
#define DBSP_BATCH_H

#include "executor/tuptable.h"
#include "storage/lockdefs.h"
#include "utils/sortsupport.h"

#include "base/dbsp.h"
#include "circuit/store.h"
#include "row/rowkey.h"

typedef struct DbspBatch DbspBatch;

/* What the rows of an operator's batches look like; made once, with the operator. */
typedef struct DbspBatchType
{
	TupleDesc	desc;			/* of the rows' columns, from dbsp_row_desc() */
	int			ncolumns;
	int			nkeys;
	int		   *key_columns;	/* 0-based columns of desc */
	bool		keys_lead;		/* they are the first columns, in their order */
	bool		by_value;		/* no column has values to be copied */
	DbspKey    *key;			/* hash of the key columns; NULL: the key is the whole row, by its image */
	bool		left;			/* which hash functions of key are those of these rows */
	SortSupport sort;			/* by the key columns; NULL: rows come in the order of hashes */
	Oid		   *sortops;
	Oid		   *collations;
	bool		integer_order;	/* the only key column is ordered as a signed integer */
	TupleDesc	sort_desc;		/* columns, hash, weight: of the tuplesort; made on first use */
} DbspBatchType;

typedef struct DbspBatchRow
{
	DbspWeight	weight;
	Datum	   *values;
	bool	   *isnull;
} DbspBatchRow;

/* Rows of one key; valid until the next call of next() or rewind(). */
typedef struct DbspBatchGroup
{
	DbspBatchRow *rows;			/* may be reordered by who gets them */
	int64		nrows;
	bool		first;			/* the first part of its group */
	bool		last;			/* the last part of its group */
} DbspBatchGroup;

/*
 * key_columns: 0-based, in the order of key's.  sortops: OID list of "less
 * than" operators, one per key column, or NIL where some column has none.  key
 * may be NULL (see above); then nkeys is 0 and sortops NIL.  desc and key are
 * kept.  Result in the current context.
 */
extern DbspBatchType *dbsp_batch_type_make(TupleDesc desc, int nkeys, const int *key_columns, List *sortops,
										   DbspKey *key, bool left);

/* An empty batch in cxt. */
extern DbspBatch *dbsp_batch_begin(DbspBatchType *type, MemoryContext cxt);
/* values and isnull, of all columns, are copied. */
extern void dbsp_batch_add(DbspBatch *batch, const Datum *values, const bool *isnull, DbspWeight weight);
extern bool dbsp_batch_is_empty(const DbspBatch *batch);
/* Number of rows added that have not cancelled out. */
extern int64 dbsp_batch_count(const DbspBatch *batch);

/* No more rows will be added. */
extern void dbsp_batch_sort(DbspBatch *batch);
/* Back to the first group. */
extern void dbsp_batch_rewind(DbspBatch *batch);
/* False at the end. */
extern bool dbsp_batch_next(DbspBatch *batch, DbspBatchGroup *group_out);
/* The same row by row, of a batch whose key is the whole row: rows that do not cancel out. */
extern bool dbsp_batch_next_net(DbspBatch *batch, DbspBatchRow *row_out);
extern void dbsp_batch_end(DbspBatch *batch);

/* The key's hash for locks, never 0, of a row of the batch. */
extern uint32 dbsp_batch_hash(DbspBatch *batch, const DbspBatchRow *row);

/*
 * Adds up rows with one image, in place.  Returns the number of rows with a
 * weight other than zero, which are at the front.
 */
extern int64 dbsp_batch_net(const DbspBatchType *type, DbspBatchRow *rows, int64 nrows);

/* A copy of the row in the current context. */
extern DbspBatchRow dbsp_batch_copy_row(const DbspBatchType *type, const DbspBatchRow *row);

/* Locks for the keys of one or two batches. */
typedef struct DbspBatchLocks
{
	DbspKeyLock *locks;
	int64		nlocks;
	bool		whole;			/* too many keys to lock them one by one */
} DbspBatchLocks;

/* Adds a lock for each key of the sorted batch; rewinds it.  Memory of the current context. */
extern void dbsp_batch_add_locks(DbspBatch *batch, LOCKMODE mode, DbspBatchLocks *locks);

#endif							/* DBSP_BATCH_H */
