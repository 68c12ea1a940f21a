/*-------------------------------------------------------------------------
 *
 * circuit.c
 *	  Building a circuit from a plan, and running a fold through it.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/memutils.h"

#include "circuit/op.h"

static DbspOp *
build_op(DbspCircuit *circuit, DbspPlan *plan)
{
	const DbspOpClass *opclass = dbsp_op_class(plan->kind);
	List	   *inputs = NIL;
	DbspOp	   *op;
	ListCell   *lc;
	int			i = 0;

	check_stack_depth();
	foreach(lc, plan->inputs)
		inputs = lappend(inputs, build_op(circuit, lfirst(lc)));

	op = opclass->init(circuit, plan);
	op->opclass = opclass;
	op->plan = plan;
	op->circuit = circuit;
	op->inputs = inputs;
	foreach(lc, inputs)
	{
		DbspOp	   *input = lfirst(lc);

		input->parent = op;
		input->parent_input = i++;
	}
	circuit->ops = lappend(circuit->ops, op);
	return op;
}

/*
 * Builds the circuit of a numbered plan in cxt.  The plan and the store must
 * live as long.  Probers of joins are made when all operators exist.
 */
DbspCircuit *
dbsp_circuit_build(DbspPlan *plan, DbspStore *store, MemoryContext cxt)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	DbspCircuit *circuit = palloc0(sizeof(DbspCircuit));

	circuit->cxt = cxt;
	circuit->fold_cxt = AllocSetContextCreate(cxt, "dbsp fold", ALLOCSET_DEFAULT_SIZES);
	circuit->plan = plan;
	circuit->store = store;
	circuit->econtext = CreateStandaloneExprContext();
	build_op(circuit, plan);
	MemoryContextSwitchTo(old);
	return circuit;
}

void
dbsp_circuit_begin(DbspCircuit *circuit)
{
	MemoryContext old;
	ListCell   *lc;

	MemoryContextReset(circuit->fold_cxt);
	circuit->rows_in = circuit->rows_out = 0;
	old = MemoryContextSwitchTo(circuit->fold_cxt);
	foreach(lc, circuit->ops)
	{
		DbspOp	   *op = lfirst(lc);

		if (op->opclass->begin)
			op->opclass->begin(op);
	}
	MemoryContextSwitchTo(old);
}

void
dbsp_circuit_push(DbspOp *op, TupleTableSlot *slot, DbspWeight weight)
{
	op->circuit->rows_in++;
	dbsp_op_emit(op, slot, weight);
}

void
dbsp_circuit_flush(DbspCircuit *circuit)
{
	MemoryContext old = MemoryContextSwitchTo(circuit->fold_cxt);
	ListCell   *lc;

	foreach(lc, circuit->ops)
	{
		DbspOp	   *op = lfirst(lc);

		if (op->opclass->flush)
			op->opclass->flush(op);
	}
	MemoryContextSwitchTo(old);
}

DbspOp *
dbsp_circuit_op(DbspCircuit *circuit, const DbspPlan *plan)
{
	return list_nth(circuit->ops, plan->number - 1);
}

void
dbsp_op_emit(DbspOp *op, TupleTableSlot *slot, DbspWeight weight)
{
	if (op->parent)
		op->parent->opclass->push(op->parent, op->parent_input, slot, weight);
}

DbspProber *
dbsp_prober_make(DbspCircuit *circuit, DbspProbe *probe)
{
	DbspProber *prober = palloc0(sizeof(DbspProber));
	ListCell   *lc;

	prober->probe = probe;
	prober->op = dbsp_circuit_op(circuit, probe->node);
	foreach(lc, probe->inputs)
		prober->inputs = lappend(prober->inputs, dbsp_prober_make(circuit, lfirst(lc)));
	prober->op->opclass->probe_init(prober->op, prober);
	return prober;
}

void
dbsp_prober_run(DbspProber *prober, const Datum *values, const bool *isnull, DbspEmit emit, void *arg)
{
	prober->op->opclass->probe(prober, values, isnull, emit, arg);
}

/* ---- expressions ---- */

List *
dbsp_expr_list_init(List *exprs)
{
	List	   *states = NIL;
	ListCell   *lc;

	foreach(lc, exprs)
		states = lappend(states, ExecInitExpr(lfirst(lc), NULL));
	return states;
}

void
dbsp_expr_list_eval(ExprContext *econtext, List *states, TupleTableSlot *slot, Datum *values, bool *isnull)
{
	MemoryContext old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	int			i = 0;
	ListCell   *lc;

	econtext->ecxt_scantuple = slot;
	foreach(lc, states)
	{
		values[i] = ExecEvalExpr((ExprState *) lfirst(lc), econtext, &isnull[i]);
		i++;
	}
	MemoryContextSwitchTo(old);
}

bool
dbsp_qual_eval(ExprContext *econtext, ExprState *qual, TupleTableSlot *slot)
{
	econtext->ecxt_scantuple = slot;
	return ExecQual(qual, econtext);
}

TupleDesc
dbsp_expr_list_desc(List *exprs)
{
	TupleDesc	desc = CreateTemplateTupleDesc(list_length(exprs));
	TupleDesc	result;
	AttrNumber	column = 0;
	ListCell   *lc;

	foreach(lc, exprs)
	{
		Node	   *expr = lfirst(lc);

		TupleDescInitEntry(desc, ++column, NULL, exprType(expr), exprTypmod(expr), 0);
		TupleDescInitEntryCollation(desc, column, exprCollation(expr));
	}
	result = dbsp_row_desc(desc);
	FreeTupleDesc(desc);
	return result;
}
