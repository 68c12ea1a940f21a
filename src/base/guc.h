/*-------------------------------------------------------------------------
 *
 * guc.h
 *	  The settings of the extension.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_GUC_H
#define DBSP_GUC_H

/* Defines the settings; called once, from _PG_init. */
extern void dbsp_guc_init(void);

/* How many key locks one transaction may take before operators are locked whole. */
extern int	dbsp_max_key_locks(void);

/* How much memory, in kB, the deltas of one transaction, or those that one operator has collected, may take before they go to disk. */
extern int	dbsp_delta_mem(void);

/* How much memory, in kB, compiled views may take in a session. */
extern int	dbsp_circuit_mem(void);

#endif							/* DBSP_GUC_H */
