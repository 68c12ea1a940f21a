/*-------------------------------------------------------------------------
 *
 * op.h
 *	  The operator interface.
 *
 * Deltas are pushed: an operator receives the rows of its inputs' deltas one
 * by one.  A linear operator (filter, project, union) hands on its output at
 * once.  A stateful one (join, aggregate, sink) collects its input in batches
 * and works in flush(), which the circuit calls once per fold, in the order
 * of the operators' numbers: after all pushes into it, before any of its
 * output is needed.
 *
 * For joins the other way round exists: a prober finds the rows of an
 * operator's integral (its output as of the step's snapshot) by key.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_OP_H
#define DBSP_OP_H

#include "nodes/execnodes.h"

#include "circuit/store.h"
#include "zset/zset.h"

typedef struct DbspOp DbspOp;
typedef struct DbspCircuit DbspCircuit;
typedef struct DbspProber DbspProber;

typedef struct DbspOpClass
{
	const char *name;
	DbspPlanKind kind;

	/* Makes the operator (a larger struct that begins with DbspOp) in the circuit's context, which is current. */
	DbspOp	   *(*init) (DbspCircuit *circuit, DbspPlan *plan);
	/* One row of the delta of input number `input`. */
	void		(*push) (DbspOp *op, int input, TupleTableSlot *slot, DbspWeight weight);
	/* Stateful operators: forget the collected deltas of the last fold.  Fold context is current. */
	void		(*begin) (DbspOp *op);
	/* Stateful operators: process the collected deltas. */
	void		(*flush) (DbspOp *op);
	/* Fills in prober->state at build time; prober->probe, op and inputs are set. */
	void		(*probe_init) (DbspOp *op, DbspProber *prober);
	/* Emits the rows with the keys' values. */
	void		(*probe) (DbspProber *prober, const Datum *values, const bool *isnull, DbspEmit emit, void *arg);
} DbspOpClass;

struct DbspOp
{
	const DbspOpClass *opclass;
	DbspPlan   *plan;
	DbspCircuit *circuit;
	List	   *inputs;			/* of DbspOp */
	DbspOp	   *parent;			/* NULL at the root */
	int			parent_input;	/* which input of the parent this is */
};

struct DbspProber
{
	DbspProbe  *probe;
	DbspOp	   *op;
	List	   *inputs;			/* of DbspProber */
	void	   *state;			/* belongs to the operator class */
};

struct DbspCircuit
{
	MemoryContext cxt;			/* lives as long as the circuit */
	MemoryContext fold_cxt;		/* reset when a fold of this circuit begins and ends */
	DbspPlan   *plan;
	List	   *ops;			/* in the order of their numbers */
	DbspStore  *store;
	ExprContext *econtext;		/* of all expressions evaluated by pushes */
	bool		may_fail;		/* some of them may raise an error: to be evaluated on net changes only */

	/* counters of the fold at hand */
	int64		rows_in;
	int64		rows_out;
};

/* circuit.c */
extern DbspCircuit *dbsp_circuit_build(DbspPlan *plan, DbspStore *store, MemoryContext cxt);
extern void dbsp_circuit_begin(DbspCircuit *circuit);
/* Pushes one row of a source's delta; op is a source operator, slot has its output row. */
extern void dbsp_circuit_push(DbspOp *op, TupleTableSlot *slot, DbspWeight weight);
extern void dbsp_circuit_flush(DbspCircuit *circuit);
extern DbspOp *dbsp_circuit_op(DbspCircuit *circuit, const DbspPlan *plan);

/* For operators. */
extern void dbsp_op_emit(DbspOp *op, TupleTableSlot *slot, DbspWeight weight);
extern DbspProber *dbsp_prober_make(DbspCircuit *circuit, DbspProbe *probe);
extern void dbsp_prober_run(DbspProber *prober, const Datum *values, const bool *isnull, DbspEmit emit, void *arg);
extern const DbspOpClass *dbsp_op_class(DbspPlanKind kind);
/* Compiles expressions over one row: list of ExprState. */
extern List *dbsp_expr_list_init(List *exprs);
/*
 * Evaluates a list of ExprState over the slot, in the context's per-tuple
 * memory.  Pushes use the circuit's context, which whoever starts a push
 * resets afterwards; probers have contexts of their own, since a row that one
 * of them emits starts pushes while its values are still needed.
 */
extern void dbsp_expr_list_eval(ExprContext *econtext, List *states, TupleTableSlot *slot, Datum *values, bool *isnull);
/* A descriptor for rows of these expressions. */
extern TupleDesc dbsp_expr_list_desc(List *exprs);
extern bool dbsp_qual_eval(ExprContext *econtext, ExprState *qual, TupleTableSlot *slot);

/* aggregate_group.c: completes rows of the aggregate's table that the fill read (see engine/fill.c). */
extern void dbsp_aggregate_finish_row(DbspOp *op, Datum *values, bool *isnull);

#endif							/* DBSP_OP_H */
