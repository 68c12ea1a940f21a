/*-------------------------------------------------------------------------
 *
 * dependents.h
 *	  Which views depend on an object.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_DEPENDENTS_H
#define DBSP_DEPENDENTS_H

#include "access/htup.h"
#include "nodes/pg_list.h"

#include "catalog/catalog.h"

/*
 * Integer list, ascending, of the incremental views whose definitions depend
 * on the object, directly or through views, functions, operators, types and
 * whatever else PostgreSQL records between them.
 */
extern List *dbsp_dependent_views(Oid classid, Oid objid);

/* The entry of a catalog with this OID; freed by the caller.  NULL if there is none. */
extern HeapTuple dbsp_catalog_tuple(Oid catalog, Oid index, AttrNumber attnum, Oid oid);

/*
 * Describes an object that depends on a relation of the view, or on the
 * relation's row type, and is not part of the view; NULL if there is none.
 * What would go silently with the relation (indexes, ...) does not count.
 */
extern char *dbsp_foreign_dependent(Oid relid, const DbspViewRow *row);

#endif							/* DBSP_DEPENDENTS_H */
