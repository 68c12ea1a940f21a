/*-------------------------------------------------------------------------
 *
 * zset.c
 *	  Z-sets: rows with integer weights.
 *
 * Added rows are staged in an arena.  They are consolidated when somebody
 * asks for the value, and when the arena has reached a size: where that
 * merged little, the next one is larger, so that a large delta is
 * consolidated only in small part; where it merged much, memory stays small.
 *
 * When the Z-sets of a pool exceed its bound, their rows are consolidated,
 * and if that does not help, written to temporary files one behind the other
 * and forgotten.  Rows in files are never merged with others: who scans adds
 * up.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "common/int.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/guc.h"
#include "zset/arena.h"
#include "zset/zset.h"

/* Bytes staged before rows are first consolidated. */
#define FIRST_CONSOLIDATION (32 * 1024)

/* How much more may be staged next time where less than a quarter of the rows was merged. */
#define STAGE_GROWTH 16

/* A scan of no more rows gives the value. */
#define FEW_ROWS 1024

/* Times that a Z-set whose rows are all different is not consolidated before it goes to disk, at most. */
#define MOST_SKIPS 15

/* In bytes, except that a larger row takes what it needs. */
#define SCAN_BUFFER (32 * 1024)

struct DbspZSetPool
{
	MemoryContext cxt;
	Size		bytes;			/* of all arenas */
	dlist_head	members;		/* Z-sets with rows in memory */
	bool		closed;
	uint64		closings;
};

struct ZSet
{
	TupleDesc	desc;
	Size		fixed_size;		/* of rows without NULLs; 0 if it differs */
	DbspArena	arena;
	uint64		moves;			/* times that rows in memory have gone elsewhere */
	bool		settled;		/* the rows in the arena are distinct, and none has weight zero */
	Size		consolidate_at; /* bytes in the arena */
	DbspZSetItem *items;		/* of the iteration; the last one has no row */

	/* of a pool */
	DbspZSetPool *pool;
	dlist_node	member;			/* of its members, while there is a chunk in the arena */
	uint64		birth;			/* how often the pool had been closed */
	DbspSpill	spill;			/* of staged rows, as in the arena */
	int			skips;			/* times not to consolidate before going to disk */
	int			next_skips;

	DbspRowColumn columns[FLEXIBLE_ARRAY_MEMBER];	/* unless fixed_size is 0 */
};

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

ZSet *
dbsp_zset_create(MemoryContext cxt, TupleDesc desc)
{
	ZSet	   *zset = MemoryContextAllocZero(cxt, offsetof(ZSet, columns) + desc->natts * sizeof(DbspRowColumn));

	zset->desc = desc;
	zset->fixed_size = dbsp_row_fixed_columns(desc, zset->columns);
	zset->arena.cxt = cxt;
	zset->settled = true;
	zset->consolidate_at = FIRST_CONSOLIDATION;
	return zset;
}

/* ---- the arena and the pool ---- */

/* After every change of the arena's chunks: the pool knows how large the arena is. */
static void
tell_pool(ZSet *zset, Size bytes_before)
{
	DbspZSetPool *pool = zset->pool;

	if (pool == NULL)
		return;
	pool->bytes += zset->arena.bytes - bytes_before;
	if (bytes_before == 0 && zset->arena.bytes > 0)
		dlist_push_tail(&pool->members, &zset->member);
	else if (bytes_before > 0 && zset->arena.bytes == 0)
		dlist_delete(&zset->member);
}

static void
consolidate(ZSet *zset)
{
	Size		before = zset->arena.bytes;

	if (zset->settled)
		return;
	if (zset->items)
		pfree(zset->items);
	zset->items = NULL;
	zset->moves++;
	dbsp_arena_consolidate(&zset->arena);
	zset->settled = true;
	tell_pool(zset, before);
}

/* Readers take a const Z-set: what they see is its value, whether staged or not. */
static inline void
settle(const ZSet *zset)
{
	consolidate(unconstify(ZSet *, zset));
}

static void
consolidate_stage(ZSet *zset)
{
	uint64		nrows = zset->arena.nrows;
	bool		merged_much;

	consolidate(zset);
	merged_much = zset->arena.nrows <= nrows / 4 * 3;
	zset->consolidate_at = Max(FIRST_CONSOLIDATION, (merged_much ? 2 : STAGE_GROWTH) * zset->arena.bytes);
}

/* Consolidates before going to disk, unless it did not pay lately. */
static void
consolidate_for_pool(ZSet *zset)
{
	uint64		nrows = zset->arena.nrows;

	if (zset->settled)
		return;
	if (zset->skips > 0)
	{
		zset->skips--;
		return;
	}
	consolidate(zset);
	zset->next_skips = zset->arena.nrows <= nrows / 8 * 7 ? 0 : Min(2 * zset->next_skips + 1, MOST_SKIPS);
	zset->skips = zset->next_skips;
}

/* Writes all rows in memory to disk.  On an error, what has not been written yet stays. */
static void
spill_rows(ZSet *zset)
{
	zset->moves++;
	while (zset->arena.first)
	{
		Size		before = zset->arena.bytes;

		dbsp_spill_append(&zset->spill, zset->arena.first->data, zset->arena.first->used);
		dbsp_arena_drop_chunk(&zset->arena);
		tell_pool(zset, before);
	}
	zset->settled = true;
	zset->consolidate_at = FIRST_CONSOLIDATION;
}

/* True if the Z-set's rows may be moved. */
static inline bool
is_open(const ZSet *zset)
{
	return !zset->pool->closed || zset->birth == zset->pool->closings;
}

static Size
pool_limit(void)
{
	return (Size) dbsp_delta_mem() * 1024;
}

/* Makes room in the pool, from half of the limit on by going to disk. */
static void
reclaim(DbspZSetPool *pool)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &pool->members)
	{
		ZSet	   *zset = dlist_container(ZSet, member, iter.cur);

		if (is_open(zset))
			consolidate_for_pool(zset);
	}
	if (pool->bytes <= pool_limit() / 2)
		return;
	dlist_foreach_modify(iter, &pool->members)
	{
		ZSet	   *zset = dlist_container(ZSet, member, iter.cur);

		CHECK_FOR_INTERRUPTS();
		if (is_open(zset))
			spill_rows(zset);
	}
}

/* Room for a staged row of this size where the last chunk has none. */
static DbspStagedRow *
make_room(ZSet *zset, Size size)
{
	Size		largest_chunk = SIZE_MAX;
	DbspStagedRow *room;
	Size		before;
	Size		chunk;

	if (zset->arena.bytes >= zset->consolidate_at)
		consolidate_stage(zset);
	room = dbsp_arena_room(&zset->arena, size);
	if (room)
		return room;
	if (zset->pool)
	{
		/* Consolidation takes some memory, too: a quarter is for that. */
		Size		limit = pool_limit() / 4 * 3;

		largest_chunk = limit / 8;
		if (zset->pool->bytes + dbsp_arena_chunk_size(&zset->arena, size, largest_chunk) > limit)
			reclaim(zset->pool);
		room = dbsp_arena_room(&zset->arena, size);
		if (room)
			return room;
	}
	before = zset->arena.bytes;
	chunk = dbsp_arena_chunk_size(&zset->arena, size, largest_chunk);
	(void) dbsp_arena_add_chunk(&zset->arena, chunk, true);
	tell_pool(zset, before);
	return dbsp_arena_room(&zset->arena, size);
}

DbspZSetPool *
dbsp_zset_pool_create(MemoryContext cxt)
{
	DbspZSetPool *pool = MemoryContextAllocZero(cxt, sizeof(DbspZSetPool));

	pool->cxt = cxt;
	dlist_init(&pool->members);
	return pool;
}

ZSet *
dbsp_zset_create_in_pool(DbspZSetPool *pool, TupleDesc desc)
{
	ZSet	   *zset = dbsp_zset_create(pool->cxt, desc);

	zset->pool = pool;
	zset->birth = pool->closings;
	return zset;
}

void
dbsp_zset_pool_close(DbspZSetPool *pool)
{
	pool->closed = true;
	pool->closings++;
}

void
dbsp_zset_pool_open(DbspZSetPool *pool)
{
	pool->closed = false;
}

void
dbsp_zset_destroy(ZSet *zset)
{
	Size		before = zset->arena.bytes;

	while (zset->arena.first)
		dbsp_arena_drop_chunk(&zset->arena);
	tell_pool(zset, before);
	dbsp_spill_clear(&zset->spill);
	if (zset->items)
		pfree(zset->items);
	pfree(zset);
}

/* ---- adding ---- */

static inline DbspStagedRow *
room_for(ZSet *zset, Size image_size)
{
	Size		size = dbsp_staged_size(image_size);
	DbspStagedRow *room = dbsp_arena_room(&zset->arena, size);

	return likely(room) ? room : make_room(zset, size);
}

static inline void
commit_row(ZSet *zset, Size image_size)
{
	dbsp_arena_commit(&zset->arena, dbsp_staged_size(image_size));
	zset->settled = false;
}

void
dbsp_zset_add(ZSet *zset, DbspRow row, DbspWeight weight)
{
	DbspStagedRow *staged;

	if (weight == 0)
		return;
	staged = room_for(zset, row->t_len);
	staged->weight = weight;
	memcpy(dbsp_staged_image(staged), row, row->t_len);
	commit_row(zset, row->t_len);
}

static inline bool
has_null(const bool *isnull, int n)
{
	bool		result = false;

	for (int i = 0; i < n; i++)
		result |= isnull[i];
	return result;
}

static void
add_fixed(ZSet *zset, const Datum *values, DbspWeight weight)
{
	DbspStagedRow *staged = room_for(zset, zset->fixed_size);

	staged->weight = weight;
	dbsp_row_fill_fixed(zset->columns, zset->desc->natts, zset->fixed_size, values, dbsp_staged_image(staged));
	commit_row(zset, zset->fixed_size);
}

/* Adds the row if it fits into what is left of the last chunk and needs no flattening. */
static bool
add_to_rest(ZSet *zset, const Datum *values, const bool *isnull, DbspWeight weight)
{
	Size		room;
	DbspStagedRow *staged = dbsp_arena_rest(&zset->arena, &room);
	Size		size;

	if (room <= sizeof(DbspStagedRow))
		return false;
	size = dbsp_row_fill(zset->desc, values, isnull, false, dbsp_staged_image(staged), room - sizeof(DbspStagedRow));
	if (size == 0)
		return false;
	for (char *end = (char *) dbsp_staged_image(staged) + size; end != (char *) MAXALIGN(end); end++)
		*end = 0;
	staged->weight = weight;
	commit_row(zset, size);
	return true;
}

void
dbsp_zset_add_values(ZSet *zset, const Datum *values, const bool *isnull, DbspWeight weight)
{
	DbspStagedRow *staged;
	Size		size;

	if (weight == 0)
		return;
	if (zset->fixed_size > 0 && !has_null(isnull, zset->desc->natts))
	{
		add_fixed(zset, values, weight);
		return;
	}
	if (likely(add_to_rest(zset, values, isnull, weight)))
		return;
	size = dbsp_row_measure(zset->desc, values, isnull, &values);
	staged = room_for(zset, size);
	staged->weight = weight;
	(void) dbsp_row_fill(zset->desc, values, isnull, true, dbsp_staged_image(staged), size);
	commit_row(zset, size);
}

void
dbsp_zset_merge(ZSet *zset, const ZSet *other, DbspWeight factor)
{
	DbspZSetScan scan;
	DbspZSetItem item;

	dbsp_zset_scan_begin(&scan, other);
	while (dbsp_zset_scan_next(&scan, &item))
	{
		CHECK_FOR_INTERRUPTS();
		dbsp_zset_add(zset, item.row, dbsp_weight_multiply(item.weight, factor));
	}
}

void
dbsp_zset_take(ZSet *zset, ZSet *other)
{
	Size		before = zset->arena.bytes;
	Size		other_before = other->arena.bytes;

	Assert(zset->pool && zset->pool == other->pool);
	zset->moves++;
	if (other->arena.first)
	{
		dbsp_arena_take(&zset->arena, &other->arena);
		zset->settled = false;
	}
	dbsp_spill_take(&zset->spill, &other->spill);
	tell_pool(zset, before);
	tell_pool(other, other_before);
	dbsp_zset_destroy(other);
}

void
dbsp_zset_tidy(ZSet *zset)
{
	if (zset->arena.bytes >= zset->consolidate_at && is_open(zset))
		consolidate_stage(zset);
}

/* ---- reading ---- */

Size
dbsp_zset_bytes(const ZSet *zset)
{
	return zset->arena.bytes;
}

bool
dbsp_zset_is_in_memory(const ZSet *zset)
{
	return zset->spill.bytes == 0;
}

bool
dbsp_zset_is_net(const ZSet *zset)
{
	if (!dbsp_zset_is_in_memory(zset))
		return false;
	if (zset->arena.nrows <= FEW_ROWS)
		settle(zset);
	return zset->settled;
}

uint64
dbsp_zset_moves(const ZSet *zset)
{
	return zset->moves;
}

bool
dbsp_zset_is_empty(const ZSet *zset)
{
	if (!dbsp_zset_is_in_memory(zset))
		return false;
	if (zset->arena.nrows > FEW_ROWS && !zset->settled)
		return false;
	settle(zset);
	return zset->arena.nrows == 0;
}

DbspWeight
dbsp_zset_weight(const ZSet *zset, DbspRow row)
{
	DbspWeight	weight = 0;
	DbspZSetScan scan;
	DbspZSetItem item;

	dbsp_zset_scan_begin(&scan, zset);
	while (dbsp_zset_scan_next(&scan, &item))
		if (dbsp_row_same(item.row, row))
			weight = dbsp_weight_add(weight, item.weight);
	return weight;
}

void
dbsp_zset_scan_begin(DbspZSetScan *scan, const ZSet *zset)
{
	if (zset->arena.nrows <= FEW_ROWS && dbsp_zset_is_in_memory(zset))
		settle(zset);
	*scan = (DbspZSetScan) {.zset = zset,.chunk = zset->arena.first};
	if (dbsp_zset_is_in_memory(zset))
		return;
	scan->buffer_size = SCAN_BUFFER;
	scan->buffer = palloc(scan->buffer_size);
}

/* Reads on, so that the buffer holds needed bytes from the next row on; false at the end. */
static bool
fill_buffer(DbspZSetScan *scan, Size needed)
{
	Size		rest = scan->buffer_end - scan->buffer_start;

	if (rest >= needed)
		return true;
	memmove(scan->buffer, scan->buffer + scan->buffer_start, rest);
	if (needed > scan->buffer_size)
	{
		scan->buffer = repalloc_huge(scan->buffer, needed);
		scan->buffer_size = needed;
	}
	scan->buffer_start = 0;
	scan->buffer_end = rest + dbsp_spill_read(&scan->zset->spill, &scan->position, scan->buffer + rest,
											  scan->buffer_size - rest);
	if (scan->buffer_end >= needed)
		return true;
	if (scan->buffer_end > 0)
		elog(ERROR, "a row in a temporary file is incomplete");
	return false;
}

static DbspStagedRow *
next_in_files(DbspZSetScan *scan)
{
	DbspStagedRow *staged;
	Size		size;

	if (scan->buffer == NULL)
		return NULL;
	if (!fill_buffer(scan, dbsp_staged_size(SizeofMinimalTupleHeader)))
	{
		pfree(scan->buffer);
		scan->buffer = NULL;
		return NULL;
	}
	staged = (DbspStagedRow *) (scan->buffer + scan->buffer_start);
	size = dbsp_staged_size(dbsp_staged_image(staged)->t_len);
	if (!fill_buffer(scan, size))
		elog(ERROR, "a row in a temporary file is missing");
	staged = (DbspStagedRow *) (scan->buffer + scan->buffer_start);
	scan->buffer_start += size;
	return staged;
}

static DbspStagedRow *
next_in_memory(DbspZSetScan *scan)
{
	DbspArenaPosition position = {.chunk = scan->chunk,.offset = scan->offset};
	DbspStagedRow *staged = dbsp_arena_next(&position);

	scan->chunk = position.chunk;
	scan->offset = position.offset;
	return staged;
}

bool
dbsp_zset_scan_next(DbspZSetScan *scan, DbspZSetItem *item_out)
{
	DbspStagedRow *staged;

	do
	{
		staged = next_in_files(scan);
		if (staged == NULL)
			staged = next_in_memory(scan);
		if (staged == NULL)
			return false;
	} while (staged->weight == 0);
	item_out->row = dbsp_staged_image(staged);
	item_out->weight = staged->weight;
	return true;
}

/* ---- iteration ---- */

static void
check_in_memory(const ZSet *zset)
{
	if (!dbsp_zset_is_in_memory(zset))
		elog(ERROR, "rows of a Z-set are in a temporary file: only a scan gives them all");
}

uint64
dbsp_zset_count(const ZSet *zset)
{
	check_in_memory(zset);
	settle(zset);
	return zset->arena.nrows;
}

static DbspZSetItem *
make_items(const ZSet *zset)
{
	DbspZSetItem *items = MemoryContextAllocHuge(zset->arena.cxt, (zset->arena.nrows + 1) * sizeof(DbspZSetItem));
	DbspZSetItem *next = items;
	DbspArenaPosition position = {.chunk = zset->arena.first};
	DbspStagedRow *staged;

	while ((staged = dbsp_arena_next(&position)) != NULL)
		*next++ = (DbspZSetItem) {.row = dbsp_staged_image(staged),.weight = staged->weight};
	*next = (DbspZSetItem) {.row = NULL};
	return items;
}

const DbspZSetItem *
dbsp_zset_first(const ZSet *zset)
{
	check_in_memory(zset);
	settle(zset);
	if (zset->arena.nrows == 0)
		return NULL;
	if (zset->items == NULL)
		unconstify(ZSet *, zset)->items = make_items(zset);
	return zset->items;
}

const DbspZSetItem *
dbsp_zset_next(const DbspZSetItem *item)
{
	return item[1].row ? item + 1 : NULL;
}
