/*-------------------------------------------------------------------------
 *
 * explain.h
 *	  A plan as text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_EXPLAIN_H
#define DBSP_EXPLAIN_H

#include "plan/plan.h"

/* Lines to show under a node, separated by newlines, or NULL. */
typedef const char *(*DbspExplainAnnotate) (DbspPlan *node, void *arg);

/*
 * The tree as text, one operator per line, the root first and inputs indented
 * below.  annotate may be NULL.  Result is palloc'd and ends in a newline.
 */
extern char *dbsp_plan_explain(DbspPlan *root, DbspExplainAnnotate annotate, void *arg);

/* An expression over a row of the type, as SQL over its column names.  palloc'd. */
extern char *dbsp_plan_deparse(Expr *expr, TupleDesc rowtype);

#endif							/* DBSP_EXPLAIN_H */
