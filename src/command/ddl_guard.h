/*-------------------------------------------------------------------------
 *
 * ddl_guard.h
 *	  What the event triggers check after a command, by the kind of what was
 *	  changed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_DDL_GUARD_H
#define DBSP_DDL_GUARD_H

#include "nodes/parsenodes.h"

#include "catalog/catalog.h"

/* Refuses to change what a view needs. */
extern void dbsp_refuse_change(const char *what, const DbspViewRow *row, const char *hint) pg_attribute_noreturn();
/* Refuses to change what is part of a view. */
extern void dbsp_refuse_part(const char *what, const DbspViewRow *row, const char *hint) pg_attribute_noreturn();
/* True if the command is an ALTER TABLE with such a part. */
extern bool dbsp_has_subcommand(const Node *stmt, AlterTableType type);

/* ddl_source.c: tables that views read, or could come to depend on what is internal. */
extern void dbsp_guard_table(Oid relid, const Node *stmt);
/* After a REVOKE on the relation: warns. */
extern void dbsp_guard_revoke_table(Oid relid);
/* Errors if policies of the table apply to the owner of the view. */
extern void dbsp_guard_row_security(Oid source, const DbspViewRow *row, Oid owner);

/* ddl_part.c: what views consist of. */
extern void dbsp_guard_part(Oid relid, const DbspViewRow *row, DbspRelationPart part, const Node *stmt);
/* Gives the columns behind the public view the names that they have there. */
extern void dbsp_follow_column_names(const DbspViewRow *row);
extern void dbsp_guard_index(Oid index, const Node *stmt);
extern void dbsp_guard_trigger(Oid trigger, const Node *stmt);
extern void dbsp_guard_policy(Oid policy);
extern void dbsp_guard_rule(Oid rule);

/* ddl_meaning.c: what the queries of views mean. */
extern void dbsp_guard_meaning(Oid classid, Oid objid, const Node *stmt);
/* After a REVOKE on the function: errors if the owner of a view may not execute it any more. */
extern void dbsp_guard_revoke_function(Oid function);

#endif							/* DBSP_DDL_GUARD_H */
