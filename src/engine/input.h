/*-------------------------------------------------------------------------
 *
 * input.h
 *	  Captured rows of a table as rows of a circuit's source operator.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_INPUT_H
#define DBSP_INPUT_H

#include "circuit/batch.h"
#include "circuit/op.h"
#include "zset/deltas.h"

typedef struct DbspInput
{
	DbspOp	   *op;				/* a source operator */
	TupleTableSlot *slot;		/* of its rows */

	/* how rows of the layout seen last become its rows */
	uint64		layout;			/* 0: none yet */
	MemoryContext layout_cxt;
	TupleDesc	desc;
	int		   *map;			/* position in the captured row of each column; NULL: they are the same columns */
	Datum	   *values;			/* of the captured row */
	bool	   *isnull;

	DbspBatchType *net_type;	/* made on first use */
	DbspBatch  *net;			/* rows are collected here, not pushed at once; NULL: they are pushed */
} DbspInput;

/* In the current context. */
extern DbspInput *dbsp_input_make(DbspOp *op);
/*
 * Before the rows of a fold.  net: they are collected, in the current context,
 * and at the end those are pushed that do not cancel out.
 */
extern void dbsp_input_begin(DbspInput *input, bool net);
extern void dbsp_input_end(DbspInput *input);
/* Rows of the layout come next.  Fails if they lack a column. */
extern void dbsp_input_set_layout(DbspInput *input, const DbspCaptureLayout *layout);
/* Pushes one of them into the circuit, or collects it. */
extern void dbsp_input_push(DbspInput *input, const DbspZSetItem *item);

#endif							/* DBSP_INPUT_H */
