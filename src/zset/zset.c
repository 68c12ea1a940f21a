/*-------------------------------------------------------------------------
 *
 * zset.c
 *	  Z-sets: rows with integer weights, on uthash.
 *
 * An entry and its row are one chunk.  Entries are the only things in the
 * extension that are freed one by one: rows that cancel out inside a
 * transaction must not pile up.
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

struct ZSet
{
	MemoryContext cxt;
	TupleDesc	desc;
	Entry	   *head;
	Size		bytes;			/* of entries and rows, without the bucket array */
	DbspRowBuffer buffer;
};

ZSet *
dbsp_zset_create(MemoryContext cxt, TupleDesc desc)
{
	ZSet	   *zset = MemoryContextAllocZero(cxt, sizeof(ZSet));

	zset->cxt = cxt;
	zset->desc = desc;
	zset->buffer.cxt = cxt;
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
	MemoryContext old = MemoryContextSwitchTo(zset->cxt);
	Entry	   *entry = palloc_extended(ENTRY_ROW_OFFSET + row->t_len, MCXT_ALLOC_HUGE);

	entry->item.row = (DbspRow) ((char *) entry + ENTRY_ROW_OFFSET);
	memcpy(entry->item.row, row, row->t_len);
	entry->item.weight = weight;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, zset->head, entry->item.row, entry->item.row->t_len, hash, entry);
	zset->bytes += ENTRY_ROW_OFFSET + row->t_len;
	MemoryContextSwitchTo(old);
}

static void
remove_entry(ZSet *zset, Entry *entry)
{
	zset->bytes -= ENTRY_ROW_OFFSET + entry->item.row->t_len;
	HASH_DELETE(hh, zset->head, entry);
	pfree(entry);
}

void
dbsp_zset_add(ZSet *zset, DbspRow row, DbspWeight weight)
{
	uint32		hash = dbsp_row_hash(row);
	Entry	   *entry;

	if (weight == 0)
		return;
	entry = find_entry(zset, row, hash);
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
	Entry	   *entry = find_entry(zset, row, dbsp_row_hash(row));

	return entry ? entry->item.weight : 0;
}

uint64
dbsp_zset_count(const ZSet *zset)
{
	return HASH_COUNT(zset->head);
}

Size
dbsp_zset_bytes(const ZSet *zset)
{
	return zset->bytes;
}

const DbspZSetItem *
dbsp_zset_first(const ZSet *zset)
{
	return zset->head ? &zset->head->item : NULL;
}

const DbspZSetItem *
dbsp_zset_next(const DbspZSetItem *item)
{
	Entry	   *next = ((const Entry *) item)->hh.next;

	return next ? &next->item : NULL;
}
