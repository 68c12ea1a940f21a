/*-------------------------------------------------------------------------
 *
 * references.h
 *	  What a definition depends on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_REFERENCES_H
#define DBSP_REFERENCES_H

#include "nodes/parsenodes.h"

/*
 * Locks, to the end of the transaction, the functions, types, collations and
 * text search objects that an analysed query, an expression or a list of
 * expressions uses, directly or through others.
 * Who changes one of them locks it exclusively before he looks for views that
 * depend on it (dbsp_lock_meaning()): so he sees the view, or the view is
 * filled by what he has made of it.  To be called before tables are locked, as
 * he locks tables after it.
 */
extern void dbsp_lock_references(Node *node);

/* Locks an object whose change is to be followed by the views that depend on it. */
extern void dbsp_lock_meaning(Oid classid, Oid objid);

#endif							/* DBSP_REFERENCES_H */
