/*-------------------------------------------------------------------------
 *
 * arena.c
 *	  Weighted rows in memory, as they were added.
 *
 * Large deltas mostly do not cancel out, and in a large hash table every
 * look-up misses the processor's caches.  So rows are only written one behind
 * the other; from time to time, or when somebody asks for the value, they are
 * consolidated through a hash table (uthash) that is thrown away afterwards.
 * Its entries take more room than most rows, so it has only a part of a large
 * arena's rows at a time: those whose hash falls to the pass.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "base/guc.h"
#include "zset/arena.h"
#include "zset/uthash_pg.h"
#include "zset/zset.h"

#define FIRST_CHUNK 512
#define LARGEST_CHUNK (256 * 1024)

/* So few rows are compared each with each. */
#define FEW_ROWS 8

/* Fewest rows of a pass; more where dbsp_ivm.delta_mem allows, of which entries may take a quarter. */
#define FEWEST_INDEXED 1024

/* A row that later ones may be equal to; its key is the image. */
typedef struct IndexEntry
{
	DbspStagedRow *staged;
	UT_hash_handle hh;
} IndexEntry;

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

/* Adds the row's weight to the row with its image that is in the table already, or the row to the table. */
static void
merge_row(IndexEntry **table, DbspStagedRow *staged, uint32 hash)
{
	DbspRow		image = dbsp_staged_image(staged);
	IndexEntry *entry;

	HASH_FIND_BYHASHVALUE(hh, *table, image, image->t_len, hash, entry);
	if (entry)
	{
		entry->staged->weight = dbsp_weight_add(entry->staged->weight, staged->weight);
		staged->weight = 0;
		return;
	}
	entry = palloc(sizeof(IndexEntry));
	entry->staged = staged;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, *table, image, image->t_len, hash, entry);
}

/* Merges the rows whose hashes fall to one of npasses passes. */
static void
merge_pass(DbspArena *arena, uint32 pass, uint32 npasses)
{
	IndexEntry *table = NULL;

	for (DbspChunk *chunk = arena->first; chunk; chunk = chunk->next)
	{
		Size		size;

		CHECK_FOR_INTERRUPTS();
		for (Size offset = 0; offset < chunk->used; offset += size)
		{
			DbspStagedRow *staged = (DbspStagedRow *) (chunk->data + offset);
			uint32		hash = hash_image(dbsp_staged_image(staged));

			size = dbsp_staged_size(dbsp_staged_image(staged)->t_len);
			/* The table's buckets go by the low bits, so passes go by the high ones. */
			if (((uint64) hash * npasses) >> 32 == pass && staged->weight != 0)
				merge_row(&table, staged, hash);
		}
	}
}

static void
merge_many(DbspArena *arena)
{
	uint64		indexed = Max((uint64) dbsp_delta_mem() * 1024 / 4 / sizeof(IndexEntry), FEWEST_INDEXED);
	uint32		npasses = Min(arena->nrows / indexed + 1, PG_UINT16_MAX);
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp consolidation", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);

	for (uint32 pass = 0; pass < npasses; pass++)
	{
		merge_pass(arena, pass, npasses);
		MemoryContextReset(cxt);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
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
