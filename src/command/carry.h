/*-------------------------------------------------------------------------
 *
 * carry.h
 *	  What users have set on a shadow table, from an old one to a new one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_CARRY_H
#define DBSP_CARRY_H

#include "catalog/catalog.h"

typedef struct DbspCarried DbspCarried;

/*
 * Indexes, statistics objects, privileges, storage options and comments of
 * the view's shadow table.  Errors if there is something that cannot come
 * along: an index on a hidden column, a publication.  As the extension, while
 * the table still has its name.
 */
extern DbspCarried *dbsp_carry_from(const DbspViewRow *row);

/* Gives them to the new table, which has the name and the columns of the old one, when that is gone.  As the extension. */
extern void dbsp_carry_to(const DbspCarried *carried, Oid shadow);

#endif							/* DBSP_CARRY_H */
