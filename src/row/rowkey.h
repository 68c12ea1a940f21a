/*-------------------------------------------------------------------------
 *
 * rowkey.h
 *	  Keys: the equality of SQL over some values, with a compatible hash.
 *
 * NULL equals NULL here, as in GROUP BY; a join that must not match NULLs
 * leaves such rows out before it asks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_ROWKEY_H
#define DBSP_ROWKEY_H

#include "fmgr.h"
#include "nodes/pg_list.h"

typedef struct DbspKey
{
	int			nkeys;
	bool		hashable;		/* every operator has hash functions */
	bool		same_type;		/* every operator compares values of one type */
	FmgrInfo   *equal;			/* operator functions, left argument first */
	FmgrInfo   *hash_left;		/* NULL unless hashable */
	FmgrInfo   *hash_right;
	Oid		   *collations;
} DbspKey;

/* operators and collations are OID lists of one length.  Result in the current context. */
extern DbspKey *dbsp_key_make(List *operators, List *collations);
/* Hash of left (or right) values, never 0 (which means the whole operator); 1 if the key is not hashable. */
extern uint32 dbsp_key_hash(const DbspKey *key, const Datum *values, const bool *isnull, bool left);
/* 64 bits, as stored in __dbsp_hash of tables in hash mode. */
extern int64 dbsp_key_hash_stored(const DbspKey *key, const Datum *values, const bool *isnull);
extern bool dbsp_key_equal(const DbspKey *key, const Datum *left, const bool *left_null,
						   const Datum *right, const bool *right_null);

#endif							/* DBSP_ROWKEY_H */
