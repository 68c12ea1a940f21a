/*-------------------------------------------------------------------------
 *
 * refresh.h
 *	  Rebuilding a view from its base tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_REFRESH_H
#define DBSP_REFRESH_H

#include "catalog/catalog.h"

/*
 * Locks the base tables against writers and rebuilds the view, as its owner.
 * The caller has checked dbsp_require_fresh_snapshot().
 */
extern void dbsp_refresh_view(const DbspViewRow *row);

#endif							/* DBSP_REFRESH_H */
