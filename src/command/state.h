/*-------------------------------------------------------------------------
 *
 * state.h
 *	  Whether a view can be relied upon, as far as the catalogs tell.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_STATE_OF_VIEW_H
#define DBSP_STATE_OF_VIEW_H

#include "catalog/catalog.h"

/* Name of a collation of the view's internal tables whose version is not that of its library; NULL if there is none. */
extern char *dbsp_changed_collation(const DbspViewRow *row);

#endif							/* DBSP_STATE_OF_VIEW_H */
