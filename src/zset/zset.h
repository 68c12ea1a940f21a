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

/* Iteration; the Z-set must not be changed meanwhile.  NULL at the end. */
extern const DbspZSetItem *dbsp_zset_first(const ZSet *zset);
extern const DbspZSetItem *dbsp_zset_next(const DbspZSetItem *item);

/* weight * factor, or an error */
extern DbspWeight dbsp_weight_multiply(DbspWeight weight, DbspWeight factor);
extern DbspWeight dbsp_weight_add(DbspWeight weight, DbspWeight other);

#endif							/* DBSP_ZSET_H */
