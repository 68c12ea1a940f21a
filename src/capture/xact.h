/*-------------------------------------------------------------------------
 *
 * xact.h
 *	  Transaction events, and reading one's own writes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_XACT_H
#define DBSP_XACT_H

/* Registers the transaction callbacks; called once, from _PG_init. */
extern void dbsp_xact_init(void);
/* Installs the executor and utility hooks; called once, from _PG_init. */
extern void dbsp_hooks_init(void);

/*
 * A row was captured.  If no hook saw the statement begin (the library was
 * loaded by this trigger, or there is no executor as in the apply worker of
 * logical replication), remembers that a statement is in its middle.
 */
extern void dbsp_hooks_note_capture(void);

#endif							/* DBSP_XACT_H */
