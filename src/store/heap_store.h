/*-------------------------------------------------------------------------
 *
 * heap_store.h
 *	  The store of a circuit over PostgreSQL's tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_HEAP_STORE_H
#define DBSP_HEAP_STORE_H

#include "base/dbsp.h"

#include "circuit/store.h"

/*
 * A store for one view.  defs are its DbspStateDefs and relations the OIDs of
 * their tables, in the same order.  Lives in the current context.
 */
extern DbspStore *dbsp_heap_store_create(DbspViewNumber view, List *defs, List *relations);

/*
 * Around a fold.  strict: the transaction goes on looking with its old
 * snapshot, so everything found must be the same there, else
 * serialization_failure.  end() closes what begin() and the look-ups opened;
 * after an error it is not called, and the store must not be used again.
 */
extern void dbsp_heap_store_begin(DbspStore *store, bool strict);
extern void dbsp_heap_store_end(DbspStore *store);

/* True if a better index was too young to be used: build the circuit anew in the next transaction. */
extern bool dbsp_heap_store_is_temporary(const DbspStore *store);

/*
 * Inserting many rows, for the fill: values as for insert() of the store.
 * Rows are written by the batch; the end writes the last.  Lives in the
 * current context.
 */
typedef struct DbspBulk DbspBulk;

extern DbspBulk *dbsp_heap_bulk_begin(DbspTable *table);
extern void dbsp_heap_bulk_add(DbspBulk *bulk, const Datum *values, const bool *isnull);
extern void dbsp_heap_bulk_end(DbspBulk *bulk);

/* The table of a definition, and its hash column's value for a row (for the fill). */
extern DbspTable *dbsp_heap_store_table(DbspStore *store, const DbspStateDef *def);
extern void dbsp_heap_table_set_hash(DbspTable *table, Datum *values, bool *isnull);

#endif							/* DBSP_HEAP_STORE_H */
