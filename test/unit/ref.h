/*-------------------------------------------------------------------------
 *
 * ref.h
 *	  What the operators must give, computed from scratch.
 *
 * ref_eval evaluates a plan over the source tables of a mem_store, row by row
 * and without weights.  The references of single operators are named after
 * the entries of circuit/op_list.h, so that an operator without one does not
 * link.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_REF_H
#define DBSP_REF_H

#include "mem_store.h"

typedef struct RefRow
{
	Datum	   *values;
	bool	   *isnull;
} RefRow;

/* The rows of the plan's output, in any order: list of RefRow in the current context. */
extern List *ref_eval(DbspStore *store, const DbspPlan *plan);
/* What a state table must hold: rows of its descriptor but for the hash column, which is left alone. */
extern List *ref_state_rows(DbspStore *store, const DbspStateDef *def);

/* For references. */
extern RefRow *ref_new_row(int natts);
/* The values of the expressions (list of Expr) on each row (of the descriptor). */
extern List *ref_project_rows(List *rows, TupleDesc desc, List *exprs);
/* The rows for which all quals are true. */
extern List *ref_filter_rows(List *rows, TupleDesc desc, List *quals);

#define DBSP_OP(name) extern List *ref_##name(DbspStore *store, const DbspPlan *plan);
#include "circuit/op_list.h"
#undef DBSP_OP

#endif							/* DBSP_REF_H */
