/*-------------------------------------------------------------------------
 *
 * uthash_pg.h
 *	  uthash inside a PostgreSQL backend; included by zset/ only.
 *
 * Memory comes from the current memory context (switch to the table's own
 * before adding), failure is an ERROR, and HASH_FUNCTION, which
 * utils/hsearch.h defines too, is given back to uthash.  Hash values are
 * always passed in, so uthash's own hash functions are never used.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_UTHASH_PG_H
#define DBSP_UTHASH_PG_H

#include "utils/memutils.h"

#ifdef HASH_FUNCTION
#undef HASH_FUNCTION
#endif

#define uthash_malloc(size) MemoryContextAllocHuge(CurrentMemoryContext, (size))
#define uthash_free(pointer, size) pfree(pointer)
#define uthash_fatal(message) elog(ERROR, "hash table of a Z-set: %s", (message))

#include <uthash.h>

#endif							/* DBSP_UTHASH_PG_H */
