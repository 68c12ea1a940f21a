/*-------------------------------------------------------------------------
 *
 * tables.h
 *	  Making the relations behind a view, and their triggers.
 *
 * All functions run as the extension's owner, with the locked search_path
 * (identity.h), and make what they make visible to the next command.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_TABLES_H
#define DBSP_TABLES_H

#include "base/dbsp.h"

#include "nodes/parsenodes.h"

#include "plan/state.h"

#define DBSP_TRIGGER_CAPTURE "dbsp_ivm_capture"
#define DBSP_TRIGGER_TRUNCATE "dbsp_ivm_capture_truncate"
#define DBSP_TRIGGER_PARTITION_TRUNCATE "dbsp_ivm_capture_partition_truncate"
#define DBSP_TRIGGER_GUARD_STATEMENT "dbsp_ivm_guard_statement"

/* A view of the internal schema that stores an analysed query, owned by owner. */
extern Oid	dbsp_table_create_view(const char *name, const Query *query, Oid owner);
/* The view that makes PostgreSQL keep the primary key of a table; InvalidOid if it has none. */
extern Oid	dbsp_table_create_key_view(const char *name, Oid source, Oid owner);
/* The empty table of a state definition, without indexes, writable for nobody. */
extern Oid	dbsp_table_create(const char *name, const DbspStateDef *def, Oid owner);
/* Indexes, guards, replica identity and statistics of a table that has been filled. */
extern void dbsp_table_finish(const DbspStateDef *def, Oid relid);
/* Statistics for the planner. */
extern void dbsp_table_analyze(Oid relid);
/* Gives a relation of the internal schema, and our own indexes on it, names that nothing else has. */
extern void dbsp_table_set_aside(Oid relid);
/* True for the name of an index that dbsp_table_finish made on a table of this name. */
extern bool dbsp_table_owns_index(const char *table, const char *index);

/* The INSTEAD OF trigger of a public view. */
extern void dbsp_trigger_create_view_guard(Oid view);
/* The capture triggers of a base table, of a partitioned one those of its leaves, unless they are there. */
extern void dbsp_trigger_create_capture(Oid source);
/* The capture triggers that a leaf needs for the views on the partitioned tables above it, unless it has them. */
extern void dbsp_trigger_create_partition_capture(Oid leaf);
/* Drops those capture triggers of a table, or of all leaves below it, that no view needs any more. */
extern void dbsp_trigger_drop_unneeded(Oid source);
/* True if the trigger has one of our names and calls one of our functions; for the names see above. */
extern bool dbsp_trigger_is_reserved(const char *name);

#endif							/* DBSP_TABLES_H */
