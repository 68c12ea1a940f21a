/*-------------------------------------------------------------------------
 *
 * row.h
 *	  Row images: flat, detoasted, self-contained rows that are compared by
 *	  their bytes.
 *
 * A row is a MinimalTuple formed with a descriptor from dbsp_row_desc(), all
 * of whose varlena columns have extended storage, from values that are never
 * toasted, nor are fields of composite ones: so equal values give equal
 * bytes, and the image of a row is its t_len bytes.  This is image equality (1.0 and 1.00 differ); the equality of
 * SQL is rowkey.h's business.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_ROW_H
#define DBSP_ROW_H

#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "executor/tuptable.h"

typedef MinimalTuple DbspRow;

/* Room for one row, grown as needed, so that forming a row allocates nothing in the common case. */
typedef struct DbspRowBuffer
{
	MemoryContext cxt;			/* where data lives */
	char	   *data;			/* MAXALIGNed */
	Size		size;
} DbspRowBuffer;

/* A copy of desc, in the current context, in the form that images need; no defaults or constraints. */
extern TupleDesc dbsp_row_desc(TupleDesc desc);

/*
 * Forms the image of the values in the buffer; valid until the buffer's next
 * use.  Toasted and expanded values are flattened in the current context.
 */
extern DbspRow dbsp_row_form(TupleDesc desc, const Datum *values, const bool *isnull, DbspRowBuffer *buffer);

extern uint32 dbsp_row_hash(DbspRow row);
/* 64 bits, as stored in __dbsp_hash of a bag. */
extern uint64 dbsp_row_hash64(DbspRow row);
extern bool dbsp_row_same(DbspRow a, DbspRow b);
/* An order of values by their images; attr is a column of a descriptor from dbsp_row_desc(). */
extern int	dbsp_row_compare_value(Form_pg_attribute attr, Datum a, Datum b);
/* values and isnull have one place per column; pass-by-reference values point into the row. */
extern void dbsp_row_deform(DbspRow row, TupleDesc desc, Datum *values, bool *isnull);

#endif							/* DBSP_ROW_H */
