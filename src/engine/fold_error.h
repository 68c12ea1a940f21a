/*-------------------------------------------------------------------------
 *
 * fold_error.h
 *	  What becomes of an error in a fold.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_FOLD_ERROR_H
#define DBSP_FOLD_ERROR_H

#include "utils/memutils.h"

#include "engine/cache.h"

/*
 * To be called in a PG_CATCH around a fold, cxt being the context from before
 * it.  Keeps the error for the view's statistics and throws it again, or,
 * where the user whose statement it is may not read what it may quote,
 * another one of the same code.
 */
extern void dbsp_fold_error_rethrow(const DbspCachedView *view, Oid user, MemoryContext cxt) pg_attribute_noreturn();

#endif							/* DBSP_FOLD_ERROR_H */
