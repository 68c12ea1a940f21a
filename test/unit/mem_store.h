/*-------------------------------------------------------------------------
 *
 * mem_store.h
 *	  A circuit's store in memory, which holds the circuit to its contract.
 *
 * Source tables and state tables are lists of rows.  What a step writes is
 * seen from the next phase or step on.  Raised as errors are: a row written
 * twice in one phase, a second row with the key of a live one, a look-up or a
 * write outside of a step, steps that are not in the order of their operators,
 * a second scan of an access path that is being scanned, locks that are not
 * well formed, and changes of rows whose key is not locked.
 *
 * Rows come out in fresh memory that is reset when the contract says that
 * they become invalid.  Values of base tables may come in any form that a
 * table can hold.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_MEM_STORE_H
#define DBSP_MEM_STORE_H

#include "circuit/store.h"
#include "unit.h"

typedef struct MemRow
{
	Datum	   *values;
	bool	   *isnull;
	uint64		born;			/* the phase that wrote it */
	uint64		died;			/* the phase that removed it, or 0 */
} MemRow;

/* A store in the current context; defs as in DbspStore. */
extern DbspStore *mem_store_create(List *defs, UnitRandom *random);
/* Adds an empty table of the descriptor. */
extern void mem_store_add_source(DbspStore *store, Oid relid, TupleDesc desc);
/* Adds a row to a source table; the values are copied. */
extern void mem_store_source_insert(DbspStore *store, Oid relid, const Datum *values, const bool *isnull);
/* Removes one row of this image from a source table. */
extern void mem_store_source_delete(DbspStore *store, Oid relid, const Datum *values, const bool *isnull);
/* Live rows of a source table or of a state table: list of MemRow in the current context. */
extern List *mem_store_source_rows(DbspStore *store, Oid relid);
extern List *mem_store_state_rows(DbspStore *store, const DbspStateDef *def);
/* Puts a row into a state table, outside of steps. */
extern void mem_store_state_fill(DbspStore *store, const DbspStateDef *def, const Datum *values, const bool *isnull);
/* A fold begins: operators may start from the first again. */
extern void mem_store_begin_fold(DbspStore *store);
/* A fold is over: no step is open. */
extern void mem_store_end_fold(DbspStore *store);

#endif							/* DBSP_MEM_STORE_H */
