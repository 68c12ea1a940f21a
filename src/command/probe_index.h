/*-------------------------------------------------------------------------
 *
 * probe_index.h
 *	  The indexes on base tables that keep maintenance in O(change).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_PROBE_INDEX_H
#define DBSP_PROBE_INDEX_H

#include "plan/plan.h"

/*
 * Goes through everything that the joins of a plan look up in base tables.
 * Where no index serves it, creates one if create is set and the current user
 * may, else advises the command; both by NOTICE, as is said what no index can help.
 */
extern void dbsp_probe_index_provide(DbspPlan *root, const char *view, bool create);

#endif							/* DBSP_PROBE_INDEX_H */
