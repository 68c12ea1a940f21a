/*-------------------------------------------------------------------------
 *
 * zset.h
 *	  Z-sets: rows with integer weights.
 *
 * A Z-set maps row images to non-zero weights; adding a row whose weight
 * becomes zero removes it (DBSP, section 2: the abelian group of Z-sets).
 * add is O(1); iteration is in the order of first addition.  A Z-set lives in
 * the memory context it was created in and is freed with it, unless it is
 * destroyed before.
 *
 * Added rows are only staged and consolidated later (see zset.c).  All
 * functions but the scan see the value, as if each row had been there once.
 *
 * Z-sets of a pool share a bound on their memory, dbsp_ivm.delta_mem: what
 * exceeds it goes to temporary files.  Of a Z-set with rows in files only the
 * scan shows all: count and iteration raise an internal error.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_ZSET_H
#define DBSP_ZSET_H

#include "base/dbsp.h"

#include "row/row.h"
#include "zset/spill.h"

typedef struct ZSet ZSet;
typedef struct DbspZSetPool DbspZSetPool;

typedef struct DbspZSetItem
{
	DbspRow		row;			/* owned by the Z-set */
	DbspWeight	weight;			/* never zero */
} DbspZSetItem;

/* An empty Z-set of rows of the descriptor (from dbsp_row_desc; kept, not copied) in cxt. */
extern ZSet *dbsp_zset_create(MemoryContext cxt, TupleDesc desc);
/* Frees the Z-set with its rows, in memory and files.  Never fails. */
extern void dbsp_zset_destroy(ZSet *zset);

/* Adds weight to the row's; the row is copied.  Errors when the weight overflows, or a temporary file cannot be written. */
extern void dbsp_zset_add(ZSet *zset, DbspRow row, DbspWeight weight);
/* The same, from values, which may be toasted. */
extern void dbsp_zset_add_values(ZSet *zset, const Datum *values, const bool *isnull, DbspWeight weight);
/* Adds every row of other, with its weight multiplied by factor. */
extern void dbsp_zset_merge(ZSet *zset, const ZSet *other, DbspWeight factor);
/* Adds every row of other, of the same pool and row type, and destroys it.  Copies next to nothing, never fails. */
extern void dbsp_zset_take(ZSet *zset, ZSet *other);
/* Consolidates if so much has been staged that it may pay; adding does so by itself, taking does not.  In an open pool. */
extern void dbsp_zset_tidy(ZSet *zset);

/* 0 if absent; costs a scan. */
extern DbspWeight dbsp_zset_weight(const ZSet *zset, DbspRow row);
extern uint64 dbsp_zset_count(const ZSet *zset);
/* Memory taken by rows. */
extern Size dbsp_zset_bytes(const ZSet *zset);
/* True if no row stands in it twice, without looking for such rows among many. */
extern bool dbsp_zset_is_net(const ZSet *zset);
/* False if rows are in files. */
extern bool dbsp_zset_is_in_memory(const ZSet *zset);
/* While this does not change and nothing is added, rows that a scan has found in memory stay where they are. */
extern uint64 dbsp_zset_moves(const ZSet *zset);

/* True only if the value is zero; may be false for a large Z-set that cancels out. */
extern bool dbsp_zset_is_empty(const ZSet *zset);

/*
 * Scan, for those who add up what they get: the rows of a large Z-set may come
 * several times, with weights whose sum is theirs.  The Z-set must not be
 * changed meanwhile; if it is in a pool, that must be closed (see below).  A
 * row is valid until the next call.  A buffer for rows in files is allocated
 * in the current context of the beginning and freed at the end of the scan.
 */
typedef struct DbspZSetScan
{
	const ZSet *zset;
	const void *chunk;			/* the next row in memory */
	Size		offset;
	DbspSpillPosition position; /* behind what the buffer holds of the files */
	char	   *buffer;			/* NULL once all rows in files have been seen */
	Size		buffer_size;
	Size		buffer_start;	/* the next row in files */
	Size		buffer_end;
} DbspZSetScan;

extern void dbsp_zset_scan_begin(DbspZSetScan *scan, const ZSet *zset);
extern bool dbsp_zset_scan_next(DbspZSetScan *scan, DbspZSetItem *item_out);

/* Iteration; the Z-set must not be changed meanwhile.  NULL at the end. */
extern const DbspZSetItem *dbsp_zset_first(const ZSet *zset);
extern const DbspZSetItem *dbsp_zset_next(const DbspZSetItem *item);

/*
 * A pool, and a Z-set of it; both in cxt.  Adding to one Z-set of a pool may
 * move rows of others to files.  Closing a pool keeps the rows of the Z-sets
 * that it has by now where they are, until it is opened again.
 */
extern DbspZSetPool *dbsp_zset_pool_create(MemoryContext cxt);
extern ZSet *dbsp_zset_create_in_pool(DbspZSetPool *pool, TupleDesc desc);
extern void dbsp_zset_pool_close(DbspZSetPool *pool);
extern void dbsp_zset_pool_open(DbspZSetPool *pool);

/* weight * factor, or an error */
extern DbspWeight dbsp_weight_multiply(DbspWeight weight, DbspWeight factor);
extern DbspWeight dbsp_weight_add(DbspWeight weight, DbspWeight other);

#endif							/* DBSP_ZSET_H */
