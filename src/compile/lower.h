/*-------------------------------------------------------------------------
 *
 * lower.h
 *	  What the files that lower a Query share.
 *
 * A Query level is lowered in the order in which SQL evaluates it: FROM and
 * WHERE (lower_from.c), then GROUP BY, aggregates and HAVING (lower_group.c)
 * or the select list, then DISTINCT; UNION ALL is a level of its own
 * (lower_setop.c).  Expressions keep the level's range-table numbers until
 * they become part of a node (lower_expr.c).
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_LOWER_H
#define DBSP_LOWER_H

#include "nodes/bitmapset.h"
#include "nodes/parsenodes.h"

#include "plan/plan.h"

/* What all levels of one view share. */
typedef struct LowerView
{
	int			nitems;			/* FROM items so far */
	bool		published;		/* an existing view: what its declaration decided stays */
	List	   *guarded;		/* OID list: the tables whose primary keys it may count on; if published */
} LowerView;

/* A query level while it is lowered; CTEs are found through the parents. */
typedef struct LowerLevel
{
	struct LowerLevel *parent;
	Query	   *query;
	List	   *visible;		/* of TargetEntry: the outputs that the level above needs, join aliases flattened */
	Node	   *having;			/* join aliases flattened */
	bool		keyless;		/* nobody above asks for the rows' key: an aggregate or a bag is in between */
	LowerView  *view;
} LowerLevel;

/* What a query level, or one item of a FROM, gives: its columns by attribute number. */
typedef struct LowerRel
{
	DbspPlan   *plan;
	int			nattrs;
	int		   *columns;		/* [attno], from 1: the plan's output column, or 0 if nobody needs it */
} LowerRel;

/* The joined rows of a level's FROM. */
typedef struct LowerFrom
{
	DbspPlan   *plan;
	int			nrels;			/* length of the range table */
	LowerRel  **rels;			/* [varno - 1]; NULL for join aliases and items not in FROM */
	int		   *offsets;		/* [varno - 1]: columns of the joined row before the item's own */
} LowerFrom;

/* lower.c */
extern LowerRel *dbsp_lower_level(Query *query, LowerLevel *parent, Bitmapset *needed, bool keyless, LowerView *view);
extern LowerRel *dbsp_lower_rel(DbspPlan *plan, int nattrs);
extern void dbsp_lower_rename(DbspPlan *plan, List *names);
extern Node *dbsp_lower_flatten(Query *query, Node *node);

/* lower_from.c */
extern LowerFrom *dbsp_lower_from(LowerLevel *level);

/* lower_group.c */
extern bool dbsp_lower_is_grouped(const Query *query);
extern DbspPlan *dbsp_lower_group(LowerLevel *level, LowerFrom *from);
extern List *dbsp_lower_group_keys(Query *query);
extern List *dbsp_lower_dependent_vars(List *keys, Node *node, List *vars);

/* lower_setop.c */
extern LowerRel *dbsp_lower_setop(LowerLevel *level, Bitmapset *needed);
extern Node *dbsp_lower_setop_coerce(Node *expr, SetOperationStmt *setop, int column);

/* lower_expr.c */
extern Expr *dbsp_lower_expr(Node *node, LowerFrom *from, int shift);
extern Expr *dbsp_lower_finish(Node *node);
extern List *dbsp_lower_conjuncts(Node *qual);
extern Var *dbsp_lower_column(const DbspPlan *plan, int column);

#endif							/* DBSP_LOWER_H */
