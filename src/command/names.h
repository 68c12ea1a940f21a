/*-------------------------------------------------------------------------
 *
 * names.h
 *	  Names of views as users pass them to functions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_NAMES_H
#define DBSP_NAMES_H

#include "base/dbsp.h"

#include "fmgr.h"
#include "nodes/primnodes.h"
#include "storage/lockdefs.h"

#include "catalog/catalog.h"

/* The text argument number n; an error, naming it, when it is NULL. */
extern char *dbsp_required_text(FunctionCallInfo fcinfo, int n, const char *name);
/* A name, possibly qualified and quoted; errors when it is empty, malformed or too long. */
extern RangeVar *dbsp_parse_name(const char *name);
/* True if the text has the form of a name, rather than of a query. */
extern bool dbsp_is_name(const char *string);
/*
 * The incremental view of that name, locked in this mode.  Another kind
 * of relation is an error; none at all is one unless missing_ok, which returns false.
 */
extern bool dbsp_find_named_view(const char *name, LOCKMODE lockmode, bool missing_ok, DbspViewRow *row_out);
/* Reads the row anew, after waiting for locks: errors if the view is gone, or is the current user's no more. */
extern void dbsp_reload_view(const char *name, DbspViewRow *row);
/* Owner of a relation; an error if it is gone. */
extern Oid	dbsp_relation_owner(Oid relid);
/* Errors unless the current user owns the view. */
extern void dbsp_require_owner(const DbspViewRow *row);

#endif							/* DBSP_NAMES_H */
