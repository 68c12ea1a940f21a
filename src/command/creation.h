/*-------------------------------------------------------------------------
 *
 * creation.h
 *	  Making what is behind a view: the steps that declaring a view and
 *	  changing its query have in common.
 *
 * The order matters: dbsp_creation_analyze(), the locks of
 * dbsp_creation_want(), dbsp_creation_recheck(), dbsp_creation_make(), the
 * public view, dbsp_creation_publish().
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_CREATION_H
#define DBSP_CREATION_H

#include "nodes/parsenodes.h"

#include "catalog/catalog.h"
#include "plan/state.h"

typedef struct DbspCreation DbspCreation;

struct DbspCreation
{
	const char *command;		/* for errors */
	const char *name;			/* of the view, for messages */
	const char *sql;
	Oid			owner;
	Query	   *query;
	List	   *sources;		/* OID list, ascending: the base tables of the query */
	DbspViewRow row;
	DbspPlan   *plan;			/* of the definition view */
	List	   *defs;			/* of DbspStateDef */
	List	   *tables;			/* OID list, parallel to defs */
	List	   *key_views;		/* OID list */
	List	   *key_numbers;	/* integer list, parallel: number of the source */
	/* Makes the tables (tables, row.shadow) of the definitions, as the extension; NULL: all anew, empty. */
	void		(*make_tables) (DbspCreation *creation);
	List	   *kept;			/* OID list: those of the tables that existed before */
};

/* Analyses the query as the current user, refuses what cannot be maintained or may not be read, and locks what it means. */
extern void dbsp_creation_analyze(DbspCreation *creation);
/* True if the owner has the rights that the query of an existing view takes. */
extern bool dbsp_creation_may_read(Oid definition, Oid owner);
/* Wants the base tables locked against writers; errors unless the current user may install triggers on them. */
extern List *dbsp_creation_want(DbspCreation *creation, List *wanted);
/* Checks again what may have changed until the locks were there, and folds what is pending. */
extern void dbsp_creation_recheck(DbspCreation *creation);
/* Makes and fills the definition view, the guards of keys and the internal tables; row.number is set. */
extern void dbsp_creation_make(DbspCreation *creation);
/*
 * Makes the public view, as the current user, and sets row.relation.  Below the
 * utility commands: event triggers of users would run between the fill and
 * the first captured change, and what they wrote would be lost.
 */
extern void dbsp_creation_define_view(DbspCreation *creation, Oid namespace, bool replace, List *options);
/* Catalog rows and capture triggers, as the extension: from now on the view is maintained.  row.relation and row.created are set. */
extern void dbsp_creation_publish(void *creation);

#endif							/* DBSP_CREATION_H */
