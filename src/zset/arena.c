/*-------------------------------------------------------------------------
 *
 * arena.c
 *	  Weighted rows in memory, as they were added.
 *
 * Large deltas mostly do not cancel out, and in a large hash table every
 * look-up misses the processor's caches.  So rows are only written one behind
 * the other; from time to time, or when somebody asks for the value, they are
 * consolidated with an index that is thrown away afterwards: open addressing,
 * eight bytes a slot, a slot and a half for each row.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "zset/arena.h"
#include "zset/zset.h"

#define FIRST_CHUNK 512
#define LARGEST_CHUNK (256 * 1024)

/* Rows whose places in the index are fetched together. */
#define BATCH_SIZE 32

/* So few rows are compared each with each. */
#define FEW_ROWS 8

/* The number of a row in the arena: that of its chunk, and its offset in it by 8 bytes; plus one. */
#define OFFSET_BITS 15
#define MOST_CHUNKS (PG_UINT32_MAX >> OFFSET_BITS)

StaticAssertDecl(LARGEST_CHUNK <= 8 << OFFSET_BITS, "offsets in chunks must fit the number of a row");

typedef struct Slot
{
	uint32		hash;
	uint32		number;			/* of the row; 0 if the slot is free */
} Slot;

typedef struct RowIndex
{
	DbspChunk **chunks;
	Slot	   *slots;
	uint64		nslots;
} RowIndex;

/* ---- chunks ---- */

Size
dbsp_arena_chunk_size(const DbspArena *arena, Size size, Size limit)
{
	Size		chunk = Min(Max(FIRST_CHUNK, arena->bytes), Min(limit, LARGEST_CHUNK));

	/* What contexts do not round up. */
	if (chunk > 0)
		chunk = pg_prevpower2_size_t(chunk);
	return Max(chunk, offsetof(DbspChunk, data) + size);
}

bool
dbsp_arena_add_chunk(DbspArena *arena, Size chunk_size, bool is_error)
{
	DbspChunk  *chunk = MemoryContextAllocExtended(arena->cxt, chunk_size,
												   MCXT_ALLOC_HUGE | (is_error ? 0 : MCXT_ALLOC_NO_OOM));

	if (chunk == NULL)
		return false;
	chunk->next = NULL;
	chunk->bytes = chunk_size;
	chunk->capacity = chunk_size - offsetof(DbspChunk, data);
	chunk->used = 0;
	if (arena->last)
		arena->last->next = chunk;
	else
		arena->first = chunk;
	arena->last = chunk;
	arena->bytes += chunk_size;
	return true;
}

void
dbsp_arena_drop_chunk(DbspArena *arena)
{
	DbspChunk  *chunk = arena->first;

	arena->first = chunk->next;
	arena->bytes -= chunk->bytes;
	if (arena->first == NULL)
	{
		arena->last = NULL;
		arena->nrows = 0;
	}
	pfree(chunk);
}

/* ---- consolidation ---- */

static void
merge_few(DbspArena *arena)
{
	DbspArenaPosition position = {.chunk = arena->first};
	DbspStagedRow *rows[FEW_ROWS];
	int			n = 0;
	DbspStagedRow *staged;

	while ((staged = dbsp_arena_next(&position)) != NULL)
	{
		rows[n++] = staged;
		for (int i = 0; i < n - 1; i++)
		{
			if (!dbsp_row_same(dbsp_staged_image(rows[i]), dbsp_staged_image(staged)))
				continue;
			rows[i]->weight = dbsp_weight_add(rows[i]->weight, staged->weight);
			staged->weight = 0;
			break;
		}
	}
}

static void
make_index(RowIndex *index, const DbspArena *arena)
{
	uint64		nchunks = 0;

	for (DbspChunk *chunk = arena->first; chunk; chunk = chunk->next)
		nchunks++;
	if (nchunks >= MOST_CHUNKS)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("too many changes in memory"));
	index->chunks = palloc_extended(nchunks * sizeof(DbspChunk *), MCXT_ALLOC_HUGE);
	nchunks = 0;
	for (DbspChunk *chunk = arena->first; chunk; chunk = chunk->next)
		index->chunks[nchunks++] = chunk;
	index->nslots = arena->nrows + arena->nrows / 2 + 1;
	index->slots = palloc_extended(index->nslots * sizeof(Slot), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/*
 * As good as dbsp_row_hash(), which has to give the same for ever, and much
 * cheaper: a word at a time.
 */
static inline uint32
hash_image(DbspRow row)
{
	const uint64 *word = (const uint64 *) row;
	const uint64 *end = (const uint64 *) ((const char *) row + MAXALIGN(row->t_len));
	uint64		hash = 0;

	for (; word < end; word++)
	{
		hash = (hash ^ *word) * UINT64CONST(0x9E3779B97F4A7C15);
		hash ^= hash >> 32;
	}
	return (hash * UINT64CONST(0xD6E8FEB86659FD93)) >> 32;
}

static inline DbspStagedRow *
numbered_row(const RowIndex *index, uint32 number)
{
	return (DbspStagedRow *) (index->chunks[(number - 1) >> OFFSET_BITS]->data +
							  8 * ((number - 1) & ((1 << OFFSET_BITS) - 1)));
}

static inline uint64
first_slot(const RowIndex *index, uint32 hash)
{
	return (hash * index->nslots) >> 32;
}

/* Adds the row's weight to the row with its image that is in the index already, or the row to the index. */
static void
merge_row(RowIndex *index, DbspStagedRow *staged, uint32 hash, uint32 number)
{
	uint64		i = first_slot(index, hash);

	for (; index->slots[i].number != 0; i = i + 1 < index->nslots ? i + 1 : 0)
	{
		DbspStagedRow *found;

		if (index->slots[i].hash != hash)
			continue;
		found = numbered_row(index, index->slots[i].number);
		if (!dbsp_row_same(dbsp_staged_image(found), dbsp_staged_image(staged)))
			continue;
		found->weight = dbsp_weight_add(found->weight, staged->weight);
		staged->weight = 0;
		return;
	}
	index->slots[i] = (Slot) {.hash = hash,.number = number};
}

/* Merges up to BATCH_SIZE rows of a chunk, their places prefetched; returns the offset of the next. */
static Size
merge_batch(RowIndex *index, DbspChunk *chunk, uint32 chunk_number, Size offset)
{
	DbspStagedRow *rows[BATCH_SIZE];
	uint32		hashes[BATCH_SIZE];
	uint32		numbers[BATCH_SIZE];
	int			n = 0;

	for (; n < BATCH_SIZE && offset < chunk->used; n++)
	{
		rows[n] = (DbspStagedRow *) (chunk->data + offset);
		hashes[n] = hash_image(dbsp_staged_image(rows[n]));
		numbers[n] = (chunk_number << OFFSET_BITS) + offset / 8 + 1;
		offset += dbsp_staged_size(dbsp_staged_image(rows[n])->t_len);
		__builtin_prefetch(&index->slots[first_slot(index, hashes[n])]);
	}
	for (int i = 0; i < n; i++)
		merge_row(index, rows[i], hashes[i], numbers[i]);
	return offset;
}

static void
merge_many(DbspArena *arena)
{
	RowIndex	index;
	uint32		chunk_number = 0;

	make_index(&index, arena);
	for (DbspChunk *chunk = arena->first; chunk; chunk = chunk->next, chunk_number++)
		for (Size offset = 0; offset < chunk->used;)
		{
			CHECK_FOR_INTERRUPTS();
			offset = merge_batch(&index, chunk, chunk_number, offset);
		}
	pfree(index.slots);
	pfree(index.chunks);
}

/* Moves rows towards the beginning, over those of weight zero, and frees the chunks that are empty then. */
static void
drop_zeros(DbspArena *arena)
{
	DbspChunk  *to = arena->first;
	Size		to_used = 0;

	for (DbspChunk *from = arena->first; from; from = from->next)
	{
		Size		from_used = from->used;
		Size		size;

		for (Size offset = 0; offset < from_used; offset += size)
		{
			DbspStagedRow *staged = (DbspStagedRow *) (from->data + offset);

			size = dbsp_staged_size(dbsp_staged_image(staged)->t_len);
			if (staged->weight == 0)
			{
				from->capacity = Min(from->capacity, LARGEST_CHUNK);
				arena->nrows--;
				continue;
			}
			for (; to->capacity - to_used < size; to_used = 0)
			{
				to->used = to_used;
				to = to->next;
			}
			if (to != from || to_used != offset)
				memmove(to->data + to_used, staged, size);
			to_used += size;
		}
	}
	to->used = to_used;
	while (to->next)
	{
		DbspChunk  *empty = to->next;

		to->next = empty->next;
		arena->bytes -= empty->bytes;
		pfree(empty);
	}
	arena->last = to;
	if (to_used == 0)
		dbsp_arena_drop_chunk(arena);
}

void
dbsp_arena_consolidate(DbspArena *arena)
{
	if (arena->first == NULL)
		return;
	if (arena->nrows <= FEW_ROWS)
		merge_few(arena);
	else
		merge_many(arena);
	drop_zeros(arena);
}

/* ---- taking ---- */

static Size
used_bytes(const DbspArena *arena)
{
	Size		used = 0;

	for (DbspChunk *chunk = arena->first; chunk; chunk = chunk->next)
		used += chunk->used;
	return used;
}

/* Moves all rows into the last chunk, where there is room. */
static void
take_rows(DbspArena *arena, DbspArena *other)
{
	arena->nrows += other->nrows;
	while (other->first)
	{
		memcpy(arena->last->data + arena->last->used, other->first->data, other->first->used);
		arena->last->used += other->first->used;
		dbsp_arena_drop_chunk(other);
	}
}

static void
take_chunks(DbspArena *arena, DbspArena *other)
{
	if (arena->last)
		arena->last->next = other->first;
	else
		arena->first = other->first;
	arena->last = other->last;
	arena->nrows += other->nrows;
	arena->bytes += other->bytes;
	other->first = other->last = NULL;
	other->nrows = other->bytes = 0;
}

void
dbsp_arena_take(DbspArena *arena, DbspArena *other)
{
	Size		used;

	if (other->first == NULL)
		return;
	/* A thousand savepoints with a row each must not leave a thousand chunks. */
	used = other->bytes <= 2 * FIRST_CHUNK && arena->first ? used_bytes(other) : 0;
	if (used > 0 && (dbsp_arena_room(arena, used) ||
					 dbsp_arena_add_chunk(arena, dbsp_arena_chunk_size(arena, used, LARGEST_CHUNK), false)))
		take_rows(arena, other);
	else
		take_chunks(arena, other);
}
