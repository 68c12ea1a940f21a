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

#endif							/* DBSP_DROP_H */
