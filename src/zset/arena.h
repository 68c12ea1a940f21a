/*-------------------------------------------------------------------------
 *
 * arena.h
 *	  Weighted rows in memory, as they were added; for zset/ only.
 *
 * Rows stand one behind the other in chunks, which grow with the arena and
 * are never moved or copied.  Consolidation adds up the weights of equal
 * rows, in place.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_ARENA_H
#define DBSP_ARENA_H

#include "base/dbsp.h"

#include "row/row.h"

/*
 * A row; its image follows, MAXALIGNed, and zeros up to the next MAXALIGNed
 * place.  Rows of weight zero do not count.
 */
typedef struct DbspStagedRow
{
	DbspWeight	weight;
} DbspStagedRow;

typedef struct DbspChunk
{
	struct DbspChunk *next;
	Size		bytes;			/* allocated */
	Size		capacity;		/* of the data; a chunk larger than others has one row only */
	Size		used;
	char		data[FLEXIBLE_ARRAY_MEMBER];	/* MAXALIGNed */
} DbspChunk;

StaticAssertDecl(offsetof(DbspChunk, data) == MAXALIGN(offsetof(DbspChunk, data)), "rows in chunks must be aligned");

typedef struct DbspArena
{
	MemoryContext cxt;
	DbspChunk  *first;
	DbspChunk  *last;
	Size		bytes;			/* allocated */
	uint64		nrows;
} DbspArena;

/* A place in an arena: its chunk is NULL at the end. */
typedef struct DbspArenaPosition
{
	const DbspChunk *chunk;
	Size		offset;
} DbspArenaPosition;

static inline DbspRow
dbsp_staged_image(DbspStagedRow *staged)
{
	return (DbspRow) (staged + 1);
}

/* The space that a row with an image of this size takes. */
static inline Size
dbsp_staged_size(Size image_size)
{
	return sizeof(DbspStagedRow) + MAXALIGN(image_size);
}

/* Room for a row in the last chunk, its end set to zeros; or NULL. */
static inline DbspStagedRow *
dbsp_arena_room(const DbspArena *arena, Size size)
{
	DbspChunk  *last = arena->last;

	if (last == NULL || last->capacity - last->used < size)
		return NULL;
	*(uint64 *) (last->data + last->used + size - sizeof(uint64)) = 0;
	return (DbspStagedRow *) (last->data + last->used);
}

/* What is left of the last chunk: a multiple of MAXALIGN. */
static inline DbspStagedRow *
dbsp_arena_rest(const DbspArena *arena, Size *size_out)
{
	DbspChunk  *last = arena->last;

	*size_out = last ? last->capacity - last->used : 0;
	return last ? (DbspStagedRow *) (last->data + last->used) : NULL;
}

/* The room has been filled with a row. */
static inline void
dbsp_arena_commit(DbspArena *arena, Size size)
{
	arena->last->used += size;
	arena->nrows++;
}

/* The row at the position, which moves on to the next; NULL at the end. */
static inline DbspStagedRow *
dbsp_arena_next(DbspArenaPosition *position)
{
	DbspStagedRow *staged;

	while (position->chunk && position->offset == position->chunk->used)
	{
		position->chunk = position->chunk->next;
		position->offset = 0;
	}
	if (position->chunk == NULL)
		return NULL;
	staged = (DbspStagedRow *) unconstify(char *, position->chunk->data + position->offset);
	position->offset += dbsp_staged_size(dbsp_staged_image(staged)->t_len);
	return staged;
}

/* The size of the chunk to add where a row of this size finds no room; limit is that of chunks with several rows. */
extern Size dbsp_arena_chunk_size(const DbspArena *arena, Size size, Size limit);
/* Adds an empty chunk.  Returns false if memory is short and that is no error. */
extern bool dbsp_arena_add_chunk(DbspArena *arena, Size chunk_size, bool is_error);

/*
 * Makes rows distinct and drops those of weight zero.  Allocates in the
 * current context what it needs meanwhile: 12 bytes for each row.  Errors
 * when a weight overflows; the sum of all rows is the same even then.
 */
extern void dbsp_arena_consolidate(DbspArena *arena);

/* Moves the rows of the other arena, in the same context, to this one.  Never fails. */
extern void dbsp_arena_take(DbspArena *arena, DbspArena *other);
/* Frees the first chunk.  Never fails. */
extern void dbsp_arena_drop_chunk(DbspArena *arena);

#endif							/* DBSP_ARENA_H */
