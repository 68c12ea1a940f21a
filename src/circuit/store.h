/*-------------------------------------------------------------------------
 *
 * store.h
 *	  What operators need of the tables below them: internal tables that they
 *	  read and write by key, and base tables that they look rows up in.
 *
 * Owned by the circuit, implemented above it over PostgreSQL's table and
 * index access methods (store/heap_store.c), and in memory for unit tests.
 *
 * A step is what one operator does after its locks: begin_step() takes the
 * locks and one snapshot, all look-ups until end_step() use that snapshot.
 * Within a step each stored row is written at most once, and what was
 * written is not seen before the next step.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_STORE_H
#define DBSP_STORE_H

#include "executor/tuptable.h"
#include "storage/lockdefs.h"

#include "plan/probe.h"
#include "plan/state.h"
#include "row/row.h"

/* Receives one row; the slot is valid until the call returns.  Must not start another scan of the same access path. */
typedef void (*DbspEmit) (void *arg, TupleTableSlot *slot, DbspWeight weight);

/* One key lock to take: the hash of the key, never 0, and the mode. */
typedef struct DbspKeyLock
{
	uint32		hash;
	LOCKMODE	mode;
} DbspKeyLock;

typedef struct DbspStore DbspStore;
typedef struct DbspTable DbspTable; /* an internal table */
typedef struct DbspAccess DbspAccess;	/* an access path into a table, by some keys */

typedef struct DbspStoreClass
{
	/* At build time; results live as long as the circuit. */
	DbspTable  *(*open_state) (DbspStore *store, const DbspStateDef *def);
	DbspAccess *(*open_source_access) (DbspStore *store, Oid relid, List *keys);
	DbspAccess *(*open_state_access) (DbspStore *store, DbspTable *table, List *keys);

	/*
	 * Takes the locks of operator number `operator`: whole, or those of the
	 * array, which is sorted and de-duplicated here (equal hashes: the union
	 * of the modes); then a snapshot.
	 */
	void		(*begin_step) (DbspStore *store, int operator, bool whole, DbspKeyLock *locks, int64 nlocks);
	/* Makes what was written visible to a new snapshot, for another look under the same locks. */
	void		(*next_phase) (DbspStore *store);
	void		(*end_step) (DbspStore *store);

	/* All rows whose keys equal the values (values[key->value]); a NULL value matches nothing. */
	void		(*scan) (DbspStore *store, DbspAccess *access, const Datum *values, const bool *isnull,
						 DbspEmit emit, void *arg);

	/*
	 * The row with the key (values of def->key in order; NULLs equal; those
	 * of def->exact by their image).  The slot, the table's own, is valid
	 * until the next call for this table.
	 */
	TupleTableSlot *(*find) (DbspStore *store, DbspTable *table, const Datum *key, const bool *isnull);
	/*
	 * Optional (may be NULL).  About `count` calls of find() for this table
	 * follow in this phase, most of them in ascending order of the table's
	 * primary index: a hint, which changes only what they cost.
	 */
	void		(*expect_finds) (DbspStore *store, DbspTable *table, int64 count);
	/* VALUES tables: the first or last value of the group, NULL slot if there is none. */
	TupleTableSlot *(*find_extreme) (DbspStore *store, DbspTable *table, const Datum *key, const bool *isnull, bool last);
	/* Bags: calls emit for at most `limit` rows of exactly this image (of the output columns); returns how many. */
	uint64		(*find_image) (DbspStore *store, DbspTable *table, DbspRow row, uint64 limit, DbspEmit emit, void *arg);

	/* Values of all columns of the table but __dbsp_hash, which the store computes. */
	void		(*insert) (DbspStore *store, DbspTable *table, Datum *values, bool *isnull);
	/* old is a slot as handed out by find or emit. */
	void		(*update) (DbspStore *store, DbspTable *table, TupleTableSlot *old, Datum *values, bool *isnull);
	void		(*remove) (DbspStore *store, DbspTable *table, TupleTableSlot *old);
} DbspStoreClass;

struct DbspStore
{
	const DbspStoreClass *storeclass;
	List	   *defs;			/* of DbspStateDef: the tables of the plan */
};

#endif							/* DBSP_STORE_H */
