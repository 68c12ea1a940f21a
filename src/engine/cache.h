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

#include "lib/ilist.h"

#include "catalog/catalog.h"
#include "circuit/op.h"
#include "engine/input.h"
#include "engine/router.h"
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
	List	   *internals;		/* the same, and of the tables' indexes */
	DbspStore  *store;
	DbspCircuit *circuit;
	List	   *sources;		/* OIDs of base tables */
	List	   *partitioned;	/* those of them that are partitioned */
	List	   *domains;		/* OID list of uint32: hash values of domains in the type cache */
	List	   *inputs;			/* of DbspInput: the source operators */
	bool		pins_settings;	/* some expression's result may follow settings of the session */
	bool		valid;			/* set to false by invalidation */
	int			in_use_level;	/* transaction nesting level of the fold that is running, else 0 */
	struct DbspCachedView *outer_in_use;	/* in use since before */
	dlist_node	recency;		/* most recently asked for first */
} DbspCachedView;

/* What capture and routing need to know of a table. */
typedef struct DbspCachedSource
{
	Oid			relid;
	bool		valid;
	List	   *views;			/* integer list of view numbers, ascending; NIL: not a source */
	DbspCaptureLayout layout;
	AttrNumber *columns;		/* where a row to be captured has them: layout.attnums, but in a partition of the table */
	AttrNumber	max_attnum;		/* of columns */
	DbspRouter *router;			/* NULL: not a source */
	List	   *missing;		/* integer list: views whose routes the catalog does not have */
	MemoryContext cxt;
} DbspCachedSource;

extern void dbsp_cache_init(void);

/* ---- views ---- */

/*
 * The view's circuit, built if need be; NULL if there is no such view (any
 * more).  Valid until the next call that may build one, unless it is in use.
 */
extern DbspCachedView *dbsp_cache_view(DbspViewNumber view);
/* The same if it has been built and is valid; else NULL.  Never fails. */
extern DbspCachedView *dbsp_cache_peek_view(DbspViewNumber view);
/* The view of the shadow table; 0 if the relation is none. */
extern DbspViewNumber dbsp_cache_view_of_shadow(Oid relid);

/* A fold or rebuild at this transaction nesting level begins and ends to use the circuit. */
extern void dbsp_cache_begin_use(DbspCachedView *view, int level);
extern void dbsp_cache_end_use(DbspCachedView *view);

extern void dbsp_cache_forget_view(DbspViewNumber view);
/* A transaction or subtransaction of this level has failed: circuits that its folds were using are unusable.  Never fails. */
extern void dbsp_cache_abort(int level);
/* The transaction has ended, either way.  Never fails. */
extern void dbsp_cache_end_of_transaction(void);

/* ---- sources ---- */

/* Never NULL; views is NIL if nothing reads the table.  Valid until the next call. */
extern DbspCachedSource *dbsp_cache_source(Oid relid);

/* Counts invalidations: while it does not change, what was valid still is. */
extern uint64 dbsp_cache_invalidations(void);
/* Changes whenever a source may have: until then the result of dbsp_cache_source() stays where it is, if it was valid. */
extern uint64 dbsp_cache_sources_version(void);
/* source.c, for the callbacks of cache.c: marks the table's entry, or all.  Never fails. */
extern void dbsp_cache_source_changed(Oid relid);
extern void dbsp_cache_source_init(MemoryContext cxt);
extern void dbsp_cache_source_end_of_transaction(void);

#endif							/* DBSP_CACHE_H */
