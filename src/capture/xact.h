/*-------------------------------------------------------------------------
 *
 * xact.h
 *	  Transaction events, and reading one's own writes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_XACT_H
#define DBSP_XACT_H

#include "commands/trigger.h"

/* Registers the transaction callbacks; called once, from _PG_init. */
extern void dbsp_xact_init(void);
/* Installs the executor and utility hooks; called once, from _PG_init. */
extern void dbsp_hooks_init(void);

/*
 * A row is to be captured.  If no hook saw the statement begin (the library
 * was loaded by this trigger, or there is no executor as in the apply worker
 * of logical replication), remembers that a statement is in its middle.
 * Returns true if a fold has met the row's change in the table already, in
 * the middle of such a statement: then its delta says nothing any more.
 */
extern bool dbsp_hooks_note_capture(const TriggerData *trigger);

/*
 * True in the middle of a statement that writes a table which views read, or
 * may do so: rows can be in the table and not yet captured.
 */
extern bool dbsp_hooks_in_captured_statement(void);

#endif							/* DBSP_XACT_H */
