/*-------------------------------------------------------------------------
 *
 * catalog.h
 *	  The extension's own tables: which views exist, what they read and
 *	  where their state lives.
 *
 * Three configuration tables in dbsp_ivm_internal, dumped and restored with
 * regclass columns:
 *	  view_catalog(number int4 primary key, relation regclass, definition regclass, shadow regclass,
 *				   created timestamptz, state text, last_error text, hashes text)
 *	  source_catalog(view int4, source regclass, primary key (view, source); index on source)
 *	  state_catalog(view int4, operator int4, role text, relation regclass, primary key (view, operator, role))
 * The number of a view comes from dbsp_ivm_internal.view_number_seq.
 *
 * route_catalog says of each source node of a view what it reads.  It follows
 * from the definition and is kept so that a session need not compile all views
 * on a table to write there.  It is not dumped: attribute numbers change in a
 * restore.  Where rows are missing, or of another version, they are made anew.
 *
 * All look-ups use an index scan under the catalog snapshot and return
 * nothing, without an error, when the extension is not there (any more).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_CATALOG_H
#define DBSP_CATALOG_H

#include "base/dbsp.h"

#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "plan/state.h"

typedef struct DbspViewRow
{
	DbspViewNumber number;
	Oid			relation;		/* the public view */
	Oid			definition;		/* the definition view; its owner is the view's owner */
	Oid			shadow;
	TimestampTz created;
	bool		foreign_hashes; /* restored from a database where equal values have other hashes: see dbsp_catalog_own_hashes() */
} DbspViewRow;

/* OID of dbsp_ivm_internal.view_catalog, or InvalidOid when the extension is not created in this database. */
extern Oid	dbsp_catalog_view_relid(void);
extern bool dbsp_catalog_get_view(DbspViewNumber number, DbspViewRow *row_out);
/* By the public view's OID; false if the relation is not one of ours. */
extern bool dbsp_catalog_find_view(Oid relation, DbspViewRow *row_out);
/* 0 if the relation is not the shadow table of a view. */
extern DbspViewNumber dbsp_catalog_view_of_shadow(Oid shadow);
/* Integer list, ascending, of the views that read the table. */
extern List *dbsp_catalog_views_on(Oid source);
/* True if a view reads the table that is not among these (integer list). */
extern bool dbsp_catalog_has_other_views(Oid source, List *views);
/* The state table of an operator; InvalidOid if absent.  Role as in dbsp_state_role_name(). */
extern Oid	dbsp_catalog_state_relation(DbspViewNumber view, int operator, const char *role);
extern void dbsp_catalog_insert_view(const DbspViewRow *row);
extern void dbsp_catalog_insert_source(DbspViewNumber view, Oid source);
extern void dbsp_catalog_insert_state(DbspViewNumber view, int operator, const char *role, Oid relation);
/* Removes all rows of a view from all tables. */
extern void dbsp_catalog_delete_view(DbspViewNumber view);
extern DbspViewNumber dbsp_catalog_next_number(void);
/*
 * Notes that the hashes in the view's tables are those of this database.  Who
 * calls it has locked all operators of the view, and sent an invalidation
 * of its shadow table.
 */
extern void dbsp_catalog_own_hashes(DbspViewNumber view);

/* One row of state_catalog; role "key" is a view that guards a primary key, operator its source's number. */
typedef struct DbspStateRow
{
	int			operator;
	char		role[NAMEDATALEN];
	Oid			relation;
} DbspStateRow;

/* Of what dbsp_plan_routes() gives and how it is stored: another version is not understood. */
#define DBSP_ROUTE_VERSION 1

/* One row of route_catalog: what a source node reads of its table. */
typedef struct DbspRouteRow
{
	DbspViewNumber view;
	int			operator;		/* number of the node */
	Oid			source;
	int			ncolumns;
	const int16 *columns;		/* attribute numbers read */

	/* DbspRoute's keys, see plan/route.h */
	int			nkeys;			/* 0: any row may matter */
	const int16 *key_columns;	/* attribute numbers, ascending */
	const Oid  *operators;
	const Oid  *collations;
	const Oid  *types;
	const char *constants;		/* row images of the combinations of constants, each padded to MAXALIGN */
	Size		constants_size;
} DbspRouteRow;

/* Calls receive for each row of the table, which is valid until it returns, in no order. */
extern void dbsp_catalog_scan_routes(Oid source, void (*receive) (const DbspRouteRow *row, void *arg), void *arg);
/* False before the extension has been updated to 0.2.0. */
extern bool dbsp_catalog_keeps_routes(void);
extern void dbsp_catalog_insert_route(const DbspRouteRow *row);
extern void dbsp_catalog_delete_routes(DbspViewNumber view);

/* What a relation is to the view that it belongs to. */
typedef enum DbspRelationPart
{
	DBSP_PART_NONE,				/* not one of ours */
	DBSP_PART_PUBLIC,
	DBSP_PART_DEFINITION,
	DBSP_PART_SHADOW,
	DBSP_PART_STATE,			/* a table of groups or values */
	DBSP_PART_KEY				/* a view that guards a primary key */
} DbspRelationPart;

/* The state definitions of a view's plan, as its tables have them: those of version 0.1.0 have one column more. */
extern List *dbsp_catalog_state_defs(const DbspViewRow *view, DbspPlan *plan);
/* The table of a state definition; InvalidOid if absent. */
extern Oid	dbsp_catalog_state_table(const DbspViewRow *view, const DbspStateDef *def);

/* What the name of a definition view begins with; the view's number follows. */
#define DBSP_NAME_DEFINITION "definition_"
/* The trigger that guards a public view, and one of those that guard an internal table. */
#define DBSP_TRIGGER_GUARD "dbsp_ivm_guard"
/* The name of a view that guards the primary key of a source. */
extern char *dbsp_catalog_key_view_name(DbspViewNumber view, int operator);

/* Role of the views that guard primary keys. */
#define DBSP_ROLE_KEY "key"

/* True if there are no views. */
extern bool dbsp_catalog_is_empty(void);
/* Integer list, ascending, of all views. */
extern List *dbsp_catalog_views(void);
/* OID list, ascending, of the base tables of a view. */
extern List *dbsp_catalog_sources(DbspViewNumber view);
/* List of DbspStateRow, of every role. */
extern List *dbsp_catalog_states(DbspViewNumber view);
/* Which part of which view a relation is; row_out is set unless NONE. */
extern DbspRelationPart dbsp_catalog_part(Oid relation, DbspViewRow *row_out);
/* Schema of the internal tables, or InvalidOid. */
extern Oid	dbsp_catalog_schema(void);
/* pg_class entries of all the view's relations, public view first; those that are gone are not listed. */
extern List *dbsp_catalog_relations(const DbspViewRow *row);

#endif							/* DBSP_CATALOG_H */
