/*-------------------------------------------------------------------------
 *
 * zset.h
 *	  Z-sets: rows with integer weights.
 *
 * A Z-set maps row images to non-zero weights; adding a row whose weight
 * becomes zero removes it (DBSP, section 2: the abelian group of Z-sets).
 * add is O(1); iteration is in the order of first addition.  A Z-set lives in
 * the memory context it was created in and is freed with it; there is no
 * destroy.
 *
 * Added rows are staged first and enter the hash table later (see zset.c).
 * All functions but the scan see the value, as if every row had entered.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_ZSET_H
#define DBSP_ZSET_H

#include "base/dbsp.h"

#include "row/row.h"

typedef struct ZSet ZSet;

typedef struct DbspZSetItem
{
	DbspRow		row;			/* owned by the Z-set */
	DbspWeight	weight;			/* never zero */
} DbspZSetItem;

/* An empty Z-set of rows of the descriptor (from dbsp_row_desc; kept, not copied) in cxt. */
extern ZSet *dbsp_zset_create(MemoryContext cxt, TupleDesc desc);
extern TupleDesc dbsp_zset_desc(const ZSet *zset);

/* Adds weight to the row's; the row is copied.  Errors when the weight overflows. */
extern void dbsp_zset_add(ZSet *zset, DbspRow row, DbspWeight weight);
/* The same, from values, which may be toasted. */
extern void dbsp_zset_add_values(ZSet *zset, const Datum *values, const bool *isnull, DbspWeight weight);
/* Adds every row of other, with its weight multiplied by factor. */
extern void dbsp_zset_merge(ZSet *zset, const ZSet *other, DbspWeight factor);

/* 0 if absent */
extern DbspWeight dbsp_zset_weight(const ZSet *zset, DbspRow row);
extern uint64 dbsp_zset_count(const ZSet *zset);
extern Size dbsp_zset_bytes(const ZSet *zset);

/* True only if the value is zero; may be false for a large Z-set that cancels out. */
extern bool dbsp_zset_is_empty(const ZSet *zset);

/*
 * Scan, for those who add up what they get: the rows of a large Z-set may come
 * several times, with weights whose sum is theirs.  No hash table is built for
 * rows that have not entered it.  The Z-set must not be changed meanwhile.
 */
typedef struct DbspZSetScan
{
	const ZSet *zset;
	const DbspZSetItem *item;	/* the next entry */
	Size		offset;			/* of the next staged row */
} DbspZSetScan;

extern void dbsp_zset_scan_begin(DbspZSetScan *scan, const ZSet *zset);
extern bool dbsp_zset_scan_next(DbspZSetScan *scan, DbspZSetItem *item_out);

/* Iteration; the Z-set must not be changed meanwhile.  NULL at the end. */
extern const DbspZSetItem *dbsp_zset_first(const ZSet *zset);
extern const DbspZSetItem *dbsp_zset_next(const DbspZSetItem *item);

/* weight * factor, or an error */
extern DbspWeight dbsp_weight_multiply(DbspWeight weight, DbspWeight factor);
extern DbspWeight dbsp_weight_add(DbspWeight weight, DbspWeight other);

#endif							/* DBSP_ZSET_H */
