/*-------------------------------------------------------------------------
 *
 * zset.c
 *	  Z-sets: rows with integer weights, on uthash.
 *
 * An entry and its row are one chunk.  Entries are the only things in the
 * extension that are freed one by one: rows that cancel out inside a
 * transaction must not pile up.
 *
 * In a large Z-set every look-up misses the processor's caches twice or more,
 * and most large deltas do not cancel out.  So added rows are staged in a
 * flat buffer.  They enter the hash table when the buffer holds as many rows
 * as its limit, or when somebody asks for the value; where entering them
 * merged little, the limit grows, so that a large delta enters only a small
 * part of its rows, and where it merged much, memory stays small.  Rows enter
 * in batches whose places have been prefetched.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "common/int.h"
#include "miscadmin.h"

#include "zset/zset.h"
#include "zset/uthash_pg.h"

typedef struct Entry
{
	DbspZSetItem item;			/* first: items are handed out */
	UT_hash_handle hh;
} Entry;

#define ENTRY_ROW_OFFSET MAXALIGN(sizeof(Entry))

/* Rows that enter together. */
#define BATCH_SIZE 32

/* Rows staged before the first ones enter; a scan of no more than that gives the value. */
#define INITIAL_STAGE_LIMIT 1024

/* How much more may be staged next time where less than a quarter of the rows was merged. */
#define STAGE_LIMIT_GROWTH 8

/* A staged row; its image follows. */
typedef struct StagedRow
{
	DbspWeight	weight;
} StagedRow;

struct ZSet
{
	MemoryContext cxt;
	TupleDesc	desc;
	Entry	   *head;
	Size		bytes;			/* of entries and rows, without the bucket array */
	DbspRowBuffer buffer;
	char	   *stage;			/* of StagedRow, each followed by its MAXALIGNed image */
	Size		stage_size;
	Size		stage_used;
	uint64		nstaged;
	uint64		stage_limit;
};

ZSet *
dbsp_zset_create(MemoryContext cxt, TupleDesc desc)
{
	ZSet	   *zset = MemoryContextAllocZero(cxt, sizeof(ZSet));

	zset->cxt = cxt;
	zset->desc = desc;
	zset->buffer.cxt = cxt;
	zset->stage_limit = INITIAL_STAGE_LIMIT;
	return zset;
}

TupleDesc
dbsp_zset_desc(const ZSet *zset)
{
	return zset->desc;
}

DbspWeight
dbsp_weight_add(DbspWeight weight, DbspWeight other)
{
	DbspWeight	result;

	if (unlikely(pg_add_s64_overflow(weight, other, &result)))
		ereport(ERROR,
				errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("row multiplicity out of range"));
	return result;
}

DbspWeight
dbsp_weight_multiply(DbspWeight weight, DbspWeight factor)
{
	DbspWeight	result;

	if (unlikely(pg_mul_s64_overflow(weight, factor, &result)))
		ereport(ERROR,
				errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("row multiplicity out of range"));
	return result;
}

static Entry *
find_entry(const ZSet *zset, DbspRow row, uint32 hash)
{
	Entry	   *entry;

	HASH_FIND_BYHASHVALUE(hh, zset->head, row, row->t_len, hash, entry);
	return entry;
}

static void
insert_entry(ZSet *zset, DbspRow row, uint32 hash, DbspWeight weight)
{
	Entry	   *entry = palloc_extended(ENTRY_ROW_OFFSET + row->t_len, MCXT_ALLOC_HUGE);

	entry->item.row = (DbspRow) ((char *) entry + ENTRY_ROW_OFFSET);
	memcpy(entry->item.row, row, row->t_len);
	entry->item.weight = weight;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, zset->head, entry->item.row, entry->item.row->t_len, hash, entry);
	zset->bytes += ENTRY_ROW_OFFSET + row->t_len;
}

static void
remove_entry(ZSet *zset, Entry *entry)
{
	zset->bytes -= ENTRY_ROW_OFFSET + entry->item.row->t_len;
	HASH_DELETE(hh, zset->head, entry);
	pfree(entry);
}

/* Adds a row to the hash table; the Z-set's context is current. */
static void
enter_row(ZSet *zset, DbspRow row, uint32 hash, DbspWeight weight)
{
	Entry	   *entry = find_entry(zset, row, hash);

	if (entry == NULL)
	{
		insert_entry(zset, row, hash, weight);
		return;
	}
	weight = dbsp_weight_add(entry->item.weight, weight);
	if (weight == 0)
		remove_entry(zset, entry);
	else
		entry->item.weight = weight;
}

static inline StagedRow *
staged_row(const ZSet *zset, Size offset)
{
	return (StagedRow *) (zset->stage + offset);
}

static inline DbspRow
staged_image(StagedRow *staged)
{
	return (DbspRow) (staged + 1);
}

/* Enters up to BATCH_SIZE staged rows; returns the offset of the next. */
static Size
enter_batch(ZSet *zset, Size offset)
{
	StagedRow  *batch[BATCH_SIZE];
	uint32		hashes[BATCH_SIZE];
	UT_hash_table *table = zset->head ? zset->head->hh.tbl : NULL;
	int			n = 0;

	for (; n < BATCH_SIZE && offset < zset->stage_used; n++)
	{
		batch[n] = staged_row(zset, offset);
		hashes[n] = dbsp_row_hash(staged_image(batch[n]));
		offset += sizeof(StagedRow) + MAXALIGN(staged_image(batch[n])->t_len);
		if (table)
			__builtin_prefetch(&table->buckets[hashes[n] & (table->num_buckets - 1)]);
	}
	if (table && n > 2)
		for (int i = 0; i < n; i++)
		{
			UT_hash_handle *first = table->buckets[hashes[i] & (table->num_buckets - 1)].hh_head;

			if (first)
				__builtin_prefetch(first);
		}
	for (int i = 0; i < n; i++)
		enter_row(zset, staged_image(batch[i]), hashes[i], batch[i]->weight);
	return offset;
}

static void
enter_staged(ZSet *zset)
{
	MemoryContext old = MemoryContextSwitchTo(zset->cxt);
	uint64		before = HASH_COUNT(zset->head);
	uint64		nstaged = zset->nstaged;

	for (Size offset = 0; offset < zset->stage_used;)
		offset = enter_batch(zset, offset);
	zset->stage_used = 0;
	zset->nstaged = 0;
	if (nstaged >= zset->stage_limit && HASH_COUNT(zset->head) >= before + nstaged / 4 * 3)
		zset->stage_limit *= STAGE_LIMIT_GROWTH;
	MemoryContextSwitchTo(old);
}

/* Readers take a const Z-set: what they see is its value, whether staged or not. */
static inline void
settle(const ZSet *zset)
{
	if (zset->nstaged > 0)
		enter_staged(unconstify(ZSet *, zset));
}

static void
grow_stage(ZSet *zset, Size needed)
{
	Size		size = Max(2 * zset->stage_size, needed + 1024);

	if (zset->stage)
		zset->stage = repalloc_huge(zset->stage, size);
	else
		zset->stage = MemoryContextAllocHuge(zset->cxt, size);
	zset->stage_size = size;
}

void
dbsp_zset_add(ZSet *zset, DbspRow row, DbspWeight weight)
{
	Size		needed = sizeof(StagedRow) + MAXALIGN(row->t_len);
	StagedRow  *staged;

	if (weight == 0)
		return;
	if (zset->nstaged >= zset->stage_limit)
		enter_staged(zset);
	if (zset->stage_used + needed > zset->stage_size)
		grow_stage(zset, zset->stage_used + needed);
	staged = staged_row(zset, zset->stage_used);
	staged->weight = weight;
	memcpy(staged_image(staged), row, row->t_len);
	zset->stage_used += needed;
	zset->nstaged++;
}

void
dbsp_zset_add_values(ZSet *zset, const Datum *values, const bool *isnull, DbspWeight weight)
{
	dbsp_zset_add(zset, dbsp_row_form(zset->desc, values, isnull, &zset->buffer), weight);
}

void
dbsp_zset_merge(ZSet *zset, const ZSet *other, DbspWeight factor)
{
	for (const DbspZSetItem *item = dbsp_zset_first(other); item; item = dbsp_zset_next(item))
	{
		CHECK_FOR_INTERRUPTS();
		dbsp_zset_add(zset, item->row, dbsp_weight_multiply(item->weight, factor));
	}
}

DbspWeight
dbsp_zset_weight(const ZSet *zset, DbspRow row)
{
	Entry	   *entry;

	settle(zset);
	entry = find_entry(zset, row, dbsp_row_hash(row));
	return entry ? entry->item.weight : 0;
}

uint64
dbsp_zset_count(const ZSet *zset)
{
	settle(zset);
	return HASH_COUNT(zset->head);
}

Size
dbsp_zset_bytes(const ZSet *zset)
{
	return zset->bytes + zset->stage_size;
}

bool
dbsp_zset_is_empty(const ZSet *zset)
{
	if (zset->nstaged > INITIAL_STAGE_LIMIT)
		return false;
	settle(zset);
	return zset->head == NULL;
}

void
dbsp_zset_scan_begin(DbspZSetScan *scan, const ZSet *zset)
{
	if (zset->nstaged <= INITIAL_STAGE_LIMIT)
		settle(zset);
	scan->zset = zset;
	scan->item = zset->head ? &zset->head->item : NULL;
	scan->offset = 0;
}

bool
dbsp_zset_scan_next(DbspZSetScan *scan, DbspZSetItem *item_out)
{
	StagedRow  *staged;

	if (scan->item)
	{
		*item_out = *scan->item;
		scan->item = dbsp_zset_next(scan->item);
		return true;
	}
	if (scan->offset >= scan->zset->stage_used)
		return false;
	staged = staged_row(scan->zset, scan->offset);
	item_out->row = staged_image(staged);
	item_out->weight = staged->weight;
	scan->offset += sizeof(StagedRow) + MAXALIGN(item_out->row->t_len);
	return true;
}

const DbspZSetItem *
dbsp_zset_first(const ZSet *zset)
{
	settle(zset);
	return zset->head ? &zset->head->item : NULL;
}

const DbspZSetItem *
dbsp_zset_next(const DbspZSetItem *item)
{
	Entry	   *next = ((const Entry *) item)->hh.next;

	return next ? &next->item : NULL;
}
