/*-------------------------------------------------------------------------
 *
 * op_aggregate.h
 *	  The structures of op_aggregate.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_OP_AGGREGATE_H
#define DBSP_OP_AGGREGATE_H

#include "circuit/batch.h"
#include "circuit/op.h"
#include "row/rowkey.h"

/* One state of the group at hand. */
typedef struct DbspAggregateState
{
	DbspAggState *def;
	bool		is_max;			/* extreme: max, else min */
	int16		typlen;			/* of the column */
	bool		typbyval;
	void	   *data;			/* the class's state */
	Datum		value;			/* extreme: the current one */
	bool		isnull;
	bool		settled;		/* extreme: the table was asked, which knows the whole delta */
	const Datum *row_values;	/* extreme: the row that brought it, keys first; NULL if it is the stored one */
	const bool *row_null;
} DbspAggregateState;

/* A table of values. */
typedef struct DbspAggregateValues
{
	DbspTable  *table;
	bool		of_keys;		/* of the keys' images */
	bool		exact;			/* has one row per image */
	int			input;			/* the value's column in the delta's rows, 0-based */
	int			count_column;
	int			ncolumns;
	Oid			collation;
	FmgrInfo	compare;
	DbspBatchType *batch_type;	/* rows as the delta's, by group and value; NULL: groups cannot be sorted */
	DbspBatch  *batch;			/* the delta of groups that come in several parts, or NULL */
} DbspAggregateValues;

/* The group at hand, between the first and the last part of its delta. */
typedef struct DbspAggregateGroup
{
	TupleTableSlot *stored;		/* its row, or NULL */
	int64		count;
	Datum	   *values;			/* the new row; what it points to is in group_cxt */
	bool	   *isnull;
} DbspAggregateGroup;

typedef struct DbspAggregateOp
{
	DbspOp		op;
	const DbspStateDef *def;
	DbspTable  *table;
	int			ncolumns;		/* of the table */
	int			noutputs;
	int			nkeys;
	int		   *key_columns;	/* the output column of each key */
	bool	   *is_key_output;	/* by output column, 0-based */
	int		   *copied_from;	/* by output column, 0-based: the column of the group row that it is, or -1 */
	bool		copies_all;		/* every output is such a column, or a key */
	int			ninexact;		/* keys whose equal values can be different bytes */
	int		   *inexact;		/* which they are, 0-based */
	TupleDesc	image_desc;		/* of their image; NULL if there are none */
	DbspAggregateState *representative; /* the state that is the image's digest, or NULL */
	DbspKey    *key;
	int			nstates;
	DbspAggregateState *states;
	int			nvalues;
	DbspAggregateValues *values;
	List	   *input_exprs;	/* of ExprState */
	TupleDesc	input_desc;		/* of the delta's rows: keys, arguments of the states, arguments of the tables of values */
	Datum	   *input_values;
	bool	   *input_null;
	DbspBatchType *batch_type;
	DbspBatch  *batch;			/* the delta, in the fold's memory */
	DbspAggregateGroup group;
	TupleTableSlot *group_slot;
	TupleTableSlot *output_slot;
	List	   *outputs;		/* of ExprState, over the group row */
	ExprState  *having;
	MemoryContext group_cxt;	/* of the group at hand; reset when it has grown */
} DbspAggregateOp;

/* aggregate_group.c */
extern void dbsp_aggregate_change_values(DbspAggregateOp *agg, int which, const DbspBatchGroup *group);
extern void dbsp_aggregate_change_value(DbspAggregateOp *agg, int which, DbspBatchGroup *part);
extern void dbsp_aggregate_change_group(DbspAggregateOp *agg, DbspBatchGroup *part);

#endif							/* DBSP_OP_AGGREGATE_H */
