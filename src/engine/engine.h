/*-------------------------------------------------------------------------
 *
 * engine.h
 *	  Keeping views right: circuits by view, folds, fills.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_ENGINE_H
#define DBSP_ENGINE_H

#include "base/dbsp.h"

#include "plan/state.h"

/*
 * Folds the pending deltas of these views (integer list, ascending), or of all
 * if NIL.  at_commit: nobody will look with this transaction's snapshot any
 * more; else a fold under REPEATABLE READ or SERIALIZABLE that meets rows
 * which the snapshot does not show raises serialization_failure.  Advances the
 * command counter.  Returns false if there was nothing to fold.
 */
extern bool dbsp_engine_fold(List *views, bool at_commit);
/* The same in mid-transaction for the views whose shadow tables are among these relations (OID list). */
extern bool dbsp_engine_fold_read(List *relations);

/* Folds everything that is pending, in mid-transaction; for commands that must not run over pending deltas. */
extern void dbsp_engine_fold_all(void);

/* The view's name if the relation is the shadow table of one, palloc'd; else NULL. */
extern char *dbsp_engine_view_name(Oid shadow);

/* True while a fold or fill runs in this backend: queries that it runs must not start another. */
extern bool dbsp_engine_is_busy(void);

/*
 * Fills empty internal tables from their plan by PostgreSQL's executor, under
 * snapshots taken now, as the current user; adds the outputs of aggregates
 * and the hash columns.  defs: all of dbsp_state_defs() of one plan; relations:
 * OIDs, in the same order.  Indexes, if there are any already, are maintained.
 */
extern void dbsp_engine_fill(List *defs, List *relations);

/* Deletes all rows of internal tables (OID list) that no transaction but this one may write; older snapshots keep them. */
extern void dbsp_engine_empty(List *relations);

/*
 * Replaces the contents of all internal tables of a view by what its
 * definition gives now (DELETE and INSERT: old snapshots keep the old rows),
 * under the locks of all its operators.  reindex: and builds their indexes
 * anew, for which the caller holds AccessExclusiveLock on the tables.
 */
extern void dbsp_engine_rebuild(DbspViewNumber view, bool reindex);

/*
 * Takes up the views whose relations were restored without the rows of the
 * extension's own tables, as by a dump of schemas only: they get these rows,
 * and are computed again at the end of the transaction, or before they are
 * read.  False if there are no such views.
 */
extern bool dbsp_engine_adopt(void);

/* Adds to the catalog what a new view of this plan reads of its tables. */
extern void dbsp_engine_insert_routes(DbspViewNumber view, DbspPlan *plan);
/* To be called before a transaction that folded ends: keeps for other sessions what this one had to find out. */
extern void dbsp_engine_store_routes(void);
/* What is pending in this transaction is contained in the view's contents already. */
extern void dbsp_engine_view_is_current(DbspViewNumber view);

/* Transaction events.  None of them fails. */
extern void dbsp_engine_abort(int level);
extern void dbsp_engine_end_of_transaction(void);

/* Forgets cached circuits of the view in this backend (others learn by relcache invalidation of its shadow table). */
extern void dbsp_engine_forget(DbspViewNumber view);

#endif							/* DBSP_ENGINE_H */
