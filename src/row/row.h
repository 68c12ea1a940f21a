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

/*
 * The same into MAXALIGNed room of the caller's.  Returns the size of the row;
 * 0, with nothing of use in the room, if there is too little of it or, unless
 * flat says that none does, some value may have to be flattened.
 */
extern Size dbsp_row_fill(TupleDesc desc, const Datum *values, const bool *isnull, bool flat, DbspRow row, Size room);
/* The size of the row, and its values, flattened in the current context where that is needed. */
extern Size dbsp_row_measure(TupleDesc desc, const Datum *values, const bool *isnull, const Datum **flat_out);

/* Where a column is in every row of a descriptor, from t_hoff on, if it is at the same place in all of them. */
typedef struct DbspRowColumn
{
	uint32		offset;
	int16		length;			/* attlen */
	bool		by_value;
	uint8		gap;			/* bytes before it that align it */
} DbspRowColumn;

/*
 * The places of all columns in rows without NULLs.  Returns the size of these
 * rows, or 0 if it differs; then columns_out is not complete.
 */
extern Size dbsp_row_fixed_columns(TupleDesc desc, DbspRowColumn *columns_out);
/* Forms a row without NULLs of such columns, in MAXALIGNed room. */
extern void dbsp_row_fill_fixed(const DbspRowColumn *columns, int ncolumns, Size size, const Datum *values, DbspRow row);

extern uint32 dbsp_row_hash(DbspRow row);
/* 64 bits, as stored in __dbsp_hash of a bag. */
extern uint64 dbsp_row_hash64(DbspRow row);
extern bool dbsp_row_same(DbspRow a, DbspRow b);
/* An order of values by their images; attr is a column of a descriptor from dbsp_row_desc(). */
extern int	dbsp_row_compare_value(Form_pg_attribute attr, Datum a, Datum b);
/* values and isnull have one place per column; pass-by-reference values point into the row. */
extern void dbsp_row_deform(DbspRow row, TupleDesc desc, Datum *values, bool *isnull);

#endif							/* DBSP_ROW_H */
