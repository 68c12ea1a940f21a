/*-------------------------------------------------------------------------
 *
 * analyze.c
 *	  From the text of a view's query to an analysed Query.
 *
 * The text is an argument of an SQL call, so its errors are reported with an
 * internal position: clients then show the mark under the view's query and
 * not under the call.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "mb/pg_wchar.h"
#include "parser/analyze.h"
#include "parser/parse_node.h"
#include "parser/parser.h"
#include "tcop/utility.h"

#include "compile/compile.h"

static void check_statement(List *statements, const char *sql);
static bool selects_into(SelectStmt *stmt);
static void analyze_error_callback(void *arg);

/* The raw statement in raw_out (if not NULL) is untouched by the analysis.  Both results are in the current context. */
Query *
dbsp_analyze(const char *sql, RawStmt **raw_out)
{
	ErrorContextCallback callback;
	List	   *statements;
	RawStmt    *raw;
	Query	   *query;

	callback.callback = analyze_error_callback;
	callback.arg = (void *) sql;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	statements = raw_parser(sql, RAW_PARSE_DEFAULT);
	check_statement(statements, sql);
	raw = linitial_node(RawStmt, statements);
	if (raw_out != NULL)
		*raw_out = copyObject(raw);
	query = parse_analyze_fixedparams(raw, sql, NULL, 0, NULL);

	error_context_stack = callback.previous;
	return query;
}

/* Raises the first problem; the position is that in sql. */
void
dbsp_check_raise(List *problems, const char *sql)
{
	DbspProblem *problem;

	if (problems == NIL)
		return;
	problem = (DbspProblem *) linitial(dbsp_check_locate(problems, sql));
	ereport(ERROR,
			errcode(problem->sqlstate),
			errmsg("incremental view cannot use %s", problem->construct),
			problem->reason ? errdetail("%s", problem->reason) : 0,
			problem->hint ? errhint("%s", problem->hint) : 0,
			problem->location >= 0 ? internalerrposition(pg_mbstrlen_with_len(sql, problem->location) + 1) : 0,
			problem->location >= 0 ? internalerrquery(sql) : 0);
}

/* Fails unless the text is exactly one SELECT that stores nothing. */
static void
check_statement(List *statements, const char *sql)
{
	ParseState *pstate = make_parsestate(NULL);
	RawStmt    *raw;

	pstate->p_sourcetext = sql;
	if (statements == NIL)
		ereport(ERROR,
				errcode(ERRCODE_SYNTAX_ERROR),
				errmsg("query of an incremental view is empty"));
	if (list_length(statements) > 1)
		ereport(ERROR,
				errcode(ERRCODE_SYNTAX_ERROR),
				errmsg("query of an incremental view must be a single statement"),
				parser_errposition(pstate, lsecond_node(RawStmt, statements)->stmt_location));
	raw = linitial_node(RawStmt, statements);
	if (!IsA(raw->stmt, SelectStmt))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("query of an incremental view cannot be %s", CreateCommandName(raw->stmt)),
				errhint("Write a SELECT statement."),
				parser_errposition(pstate, raw->stmt_location));
	if (selects_into((SelectStmt *) raw->stmt))
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("incremental view cannot use SELECT INTO"),
				errdetail("The rows of the view are stored under the name that it is given."),
				errhint("Remove the INTO clause."));
	free_parsestate(pstate);
}

/* INTO is attached to the leftmost SELECT of a set operation. */
static bool
selects_into(SelectStmt *stmt)
{
	while (stmt->op != SETOP_NONE)
		stmt = stmt->larg;
	return stmt->intoClause != NULL;
}

static void
analyze_error_callback(void *arg)
{
	const char *sql = (const char *) arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(sql);
	}
	else
		errcontext("query of an incremental view");
}
