/*-------------------------------------------------------------------------
 *
 * compile.h
 *	  From SQL text to a plan: analyse, check, lower.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_COMPILE_H
#define DBSP_COMPILE_H

#include "nodes/parsenodes.h"

#include "plan/plan.h"

/* One reason why a query cannot be maintained. */
typedef struct DbspProblem
{
	int			sqlstate;
	int			location;		/* byte offset in the query text, or -1 */
	char	   *construct;		/* what it is, as a user would name it: "LEFT JOIN", "function random()" */
	char	   *reason;			/* errdetail, or NULL */
	char	   *hint;			/* what to write instead, or NULL */

	/* Where location is -1 because the analysed tree has none: what to look for in the text; see dbsp_check_locate. */
	const char *keywords;		/* upper case, separated by blanks; or NULL */
	const char *relation;		/* or the name of a table or view in a FROM; or NULL */
	int			occurrence;		/* of the relation: which of those of that name, from 0 */
} DbspProblem;

/*
 * Parses and analyses the text as the current user under the current
 * search_path: exactly one SELECT (or VALUES/TABLE, which check refuses), no
 * parameters, no unknown-typed columns left.  Errors carry a position in the text.
 */
extern Query *dbsp_analyze(const char *sql, RawStmt **raw_out);

/* All reasons why an analysed query cannot be maintained, in the order of their positions; NIL if it can. */
extern List *dbsp_check(const Query *query);

/* Fills in, from the text, the locations that the analysed tree does not have.  Returns the list in the order of positions. */
extern List *dbsp_check_locate(List *problems, const char *sql);

/* Raises the first problem as an error, with its position in sql; returns if the list is empty. */
extern void dbsp_check_raise(List *problems, const char *sql);

/* The plan of a query that passed dbsp_check; root is a SINK or an AGGREGATE, numbered and validated. */
extern DbspPlan *dbsp_lower(const Query *query);

/* The plan of an existing definition view.  Result in the current context. */
extern DbspPlan *dbsp_lower_view(Oid definition);

#endif							/* DBSP_COMPILE_H */
