/*-------------------------------------------------------------------------
 *
 * cache.h
 *	  What a backend knows of views: their circuits, and which views read
 *	  which columns of a table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_CACHE_H
#define DBSP_CACHE_H

#include "catalog/catalog.h"
#include "circuit/op.h"
#include "zset/deltas.h"

/* A view's circuit in this backend. */
typedef struct DbspCachedView
{
	DbspViewNumber number;
	DbspViewRow row;
	Oid			owner;
	char	   *name;			/* qualified, for error contexts */
	MemoryContext cxt;
	DbspPlan   *plan;
	List	   *defs;			/* of DbspStateDef */
	List	   *relations;		/* OIDs of their tables */
	DbspStore  *store;
	DbspCircuit *circuit;
	List	   *sources;		/* OIDs of base tables */
	List	   *source_ops;		/* of DbspOp: the source operators */
	List	   *domains;		/* OID list of uint32: hash values of domains in the type cache */
	bool		pins_settings;	/* some expression's result may follow settings of the session */
	bool		valid;			/* set to false by invalidation */
	int			in_use_level;	/* transaction nesting level of the fold that is running, else 0 */
} DbspCachedView;

/* What capture needs to know of a table. */
typedef struct DbspCachedSource
{
	Oid			relid;
	bool		valid;
	List	   *views;			/* integer list of view numbers, ascending; NIL: not a source */
	DbspCaptureLayout layout;
	AttrNumber *columns;		/* where a row to be captured has them: layout.attnums, but in a partition of the table */
	AttrNumber	max_attnum;		/* of columns */
	MemoryContext cxt;
} DbspCachedSource;

extern void dbsp_cache_init(void);

/*
 * The view's circuit, built if need be; NULL if there is no such view (any
 * more).  Valid until the next call that may build one, unless it is in use.
 */
extern DbspCachedView *dbsp_cache_view(DbspViewNumber view);
/* Never NULL; views is NIL if nothing reads the table. */
extern DbspCachedSource *dbsp_cache_source(Oid relid);
/* Integer list, ascending: the views on the table. */
extern List *dbsp_cache_views_on(Oid relid);

extern void dbsp_cache_forget_view(DbspViewNumber view);
/* A transaction or subtransaction of this level has failed: circuits that its folds were using are unusable.  Never fails. */
extern void dbsp_cache_abort(int level);
/* The transaction has ended, either way.  Never fails. */
extern void dbsp_cache_end_of_transaction(void);

#endif							/* DBSP_CACHE_H */
