/*-------------------------------------------------------------------------
 *
 * error.h
 *	  Errors that several modules raise.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_ERROR_H
#define DBSP_ERROR_H

/*
 * The stored contents of an internal table contradict the deltas: raises
 * data_corrupted, with a hint to verify and refresh the view.
 */
extern void dbsp_corrupt(const char *what) pg_attribute_noreturn();

/* A fold in mid-transaction met what the transaction's snapshot does not show: raises serialization_failure. */
extern void dbsp_could_not_serialize(void) pg_attribute_noreturn();

#endif							/* DBSP_ERROR_H */
