/*-------------------------------------------------------------------------
 *
 * check.h
 *	  What the files that check a Query share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_CHECK_H
#define DBSP_CHECK_H

#include "nodes/parsenodes.h"

/* Everything that is refused; the words for each are in check_rules.c. */
typedef enum CheckRuleId
{
	/* clauses */
	CHECK_LEFT_JOIN,
	CHECK_RIGHT_JOIN,
	CHECK_FULL_JOIN,
	CHECK_OTHER_JOIN,
	CHECK_LATERAL,
	CHECK_ORDER_BY,
	CHECK_LIMIT,
	CHECK_OFFSET,
	CHECK_DISTINCT_ON,
	CHECK_UNION,
	CHECK_INTERSECT,
	CHECK_EXCEPT,
	CHECK_GROUPING_SETS,
	CHECK_GROUP_BY_DISTINCT,
	CHECK_WINDOW,
	CHECK_VALUES,
	CHECK_NO_FROM,
	CHECK_NO_COLUMNS,
	CHECK_TABLE_FUNCTION,
	CHECK_TABLESAMPLE,
	CHECK_FOR_UPDATE,
	CHECK_FOR_NO_KEY_UPDATE,
	CHECK_FOR_SHARE,
	CHECK_FOR_KEY_SHARE,
	CHECK_RECURSIVE,
	CHECK_MODIFYING_CTE,
	CHECK_TRANSITION_TABLE,
	CHECK_SORT_FREE_COLUMN,

	/* expressions */
	CHECK_EXISTS,
	CHECK_IN_SUBQUERY,
	CHECK_ANY_SUBQUERY,
	CHECK_ALL_SUBQUERY,
	CHECK_SCALAR_SUBQUERY,
	CHECK_ARRAY_SUBQUERY,
	CHECK_ROW_SUBQUERY,
	CHECK_WINDOW_FUNCTION,
	CHECK_SET_RETURNING,
	CHECK_AGGREGATE,
	CHECK_AGGREGATE_DISTINCT,
	CHECK_AGGREGATE_ORDER,
	CHECK_AGGREGATE_ORDERED_SET,
	CHECK_AGGREGATE_OUTER,
	CHECK_GROUPING,
	CHECK_SYSTEM_COLUMN,
	CHECK_WHOLE_ROW,
	CHECK_PARAMETER,
	CHECK_XML,
	CHECK_VOLATILE,
	CHECK_STABLE,
	CHECK_STABLE_TIMESTAMPTZ,
	CHECK_DOMAIN,
	CHECK_PSEUDO_TYPE,
	CHECK_RESERVED_NAME,
	CHECK_OTHER_EXPRESSION,

	/* relations */
	CHECK_ONLY_PARTITIONED,
	CHECK_DETACHING,
	CHECK_FOREIGN_PARTITION,
	CHECK_UNLOGGED_PARTITION,
	CHECK_FOREIGN_TABLE,
	CHECK_MATVIEW,
	CHECK_SEQUENCE,
	CHECK_CATALOG,
	CHECK_OTHER_RELATION,
	CHECK_TEMPORARY,
	CHECK_UNLOGGED,
	CHECK_INHERITANCE,
	CHECK_ROW_SECURITY,
	CHECK_INCREMENTAL_VIEW,
	CHECK_INTERNAL
} CheckRuleId;

typedef struct CheckRule
{
	const char *construct;		/* as a user would name it; a name may follow it */
	const char *keywords;		/* by which the text shows it, where the analysed tree has no location */
	const char *reason;
	const char *hint;
} CheckRule;

/* One run of the checks. */
typedef struct Check
{
	List	   *problems;		/* of DbspProblem */
	List	   *relations;		/* names of the relations met in the user's own text so far */
	int			fallback;		/* location of what the current expression stands for, or -1 */

	/* Inside the definition of a view: */
	const char *view;			/* the innermost view's name, or NULL */
	const char *anchor;			/* the view that the user's own text names */
	int			anchor_occurrence;
} Check;

/* check_rules.c */
extern const CheckRule *dbsp_check_rule(CheckRuleId id);
extern void dbsp_check_add(Check *check, CheckRuleId id, const char *name, int location);

/* check_expr.c */
extern void dbsp_check_expr(Check *check, Node *node);

/* check_relation.c: adds problems of the relation itself; true if it is a view whose query (query_out) is to be checked */
extern bool dbsp_check_relation(Check *check, const RangeTblEntry *rte, Query **query_out);

#endif							/* DBSP_CHECK_H */
