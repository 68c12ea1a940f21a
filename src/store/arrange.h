/*-------------------------------------------------------------------------
 *
 * arrange.h
 *	  Arrangements: which index of a table serves a probe by some keys.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_ARRANGE_H
#define DBSP_ARRANGE_H

#include "utils/relcache.h"

#include "plan/probe.h"

typedef struct DbspArrangement
{
	Oid			index;			/* InvalidOid: no index serves, the table must be read */
	int			nkeys;			/* leading index columns that are matched */
	int		   *keys;			/* for each of them, the 0-based position in the list of keys */
	bool		temporary;		/* a better index exists but is too young for some snapshots: look again in the next transaction */
} DbspArrangement;

/* The best index for keys (of DbspProbeKey whose Vars have rel's attribute numbers).  Never NULL; in the current context. */
extern DbspArrangement *dbsp_arrange_find(Relation rel, List *keys);

/* The same expression over the columns of a table, whatever the Vars' collation labels and locations. */
extern bool dbsp_arrange_same_expr(Node *a, Node *b);

/* True if an index serves; of a partitioned table, if one does in each partition.  Opens the tables with AccessShareLock. */
extern bool dbsp_arrange_has_index(Oid relid, List *keys);
/* "index orders_customer_idx (customer_id)" or "no index: reads all of orders"; in the current context. */
extern char *dbsp_arrange_describe(Oid relid, List *keys);

#endif							/* DBSP_ARRANGE_H */
