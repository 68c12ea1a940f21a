/*-------------------------------------------------------------------------
 *
 * drop.h
 *	  What goes with a view.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_DROP_H
#define DBSP_DROP_H

#include "nodes/parsenodes.h"

#include "catalog/catalog.h"

/* CASCADE if any part of the command says so. */
extern DropBehavior dbsp_drop_behavior(Node *command);
/* Removes the capture triggers of those of the tables (OID list) that no view reads any more; as the extension. */
extern void dbsp_drop_release_sources(List *sources);

#endif							/* DBSP_DROP_H */
