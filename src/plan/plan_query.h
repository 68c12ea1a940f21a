/*-------------------------------------------------------------------------
 *
 * plan_query.h
 *	  From a plan back to a Query that PostgreSQL can run: the fill of the
 *	  internal tables, and what verification compares them with.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_PLAN_QUERY_H
#define DBSP_PLAN_QUERY_H

#include "nodes/parsenodes.h"

#include "plan/state.h"

/* The rows of a node's output, hidden columns included, as an analysed and rewritten Query for planner(). */
extern Query *dbsp_plan_query(const DbspPlan *plan);
/*
 * The contents of an internal table in its column order, without __dbsp_hash.
 * Without outputs, those columns of an aggregate that follow from its keys,
 * number of rows and states are NULL, and the representative's state column
 * is the whole key image (key_image.h); dbsp_aggregate_finish_row() completes
 * such rows.
 */
extern Query *dbsp_state_query(const DbspStateDef *def, bool outputs);
/* An output or HAVING of an aggregate as an expression over its input row, with Aggrefs.  A copy. */
extern Expr *dbsp_plan_group_expr(const DbspPlan *plan, Expr *expr);

#endif							/* DBSP_PLAN_QUERY_H */
