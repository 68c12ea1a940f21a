/*-------------------------------------------------------------------------
 *
 * locate.c
 *	  Where in the text of a query the problems are that the analysed tree
 *	  gives no location for.
 *
 * Joins, set operations and tables carry no location in a Query.  Every
 * occurrence in the text of a refused clause is a problem of its own, so the
 * n-th problem of a clause belongs to the n-th occurrence of its keywords; and
 * a table is the n-th mention of its name in the raw parse tree.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/gramparse.h"
#include "parser/parser.h"
#include "parser/scanner.h"

#include "compile/compile.h"

static List *token_locations(const char *sql);
static int	find_keywords(const char *sql, List *tokens, const char *keywords, int occurrence);
static bool keywords_match(const char *sql, List *tokens, int index, const char *keywords);
static int	find_relation(List *ranges, const char *relation, int occurrence);
static bool range_walker(Node *node, List **ranges);
static int	compare_ranges(const ListCell *a, const ListCell *b);
static int	compare_problems(const ListCell *a, const ListCell *b);

/*
 * Returns the same problems in the order of their positions, those without
 * one last.  The text must be that from which the query was analysed.
 */
List *
dbsp_check_locate(List *problems, const char *sql)
{
	List	   *tokens = token_locations(sql);
	List	   *ranges = NIL;
	List	   *seen = NIL;
	ListCell   *lc;

	foreach(lc, raw_parser(sql, RAW_PARSE_DEFAULT))
		range_walker(lfirst_node(RawStmt, lc)->stmt, &ranges);
	list_sort(ranges, compare_ranges);

	foreach(lc, problems)
	{
		DbspProblem *problem = (DbspProblem *) lfirst(lc);
		int			occurrence = 0;
		ListCell   *cell;

		if (problem->location >= 0)
			continue;
		if (problem->relation != NULL)
			problem->location = find_relation(ranges, problem->relation, problem->occurrence);
		else if (problem->keywords != NULL)
		{
			foreach(cell, seen)
			{
				if (strcmp((char *) lfirst(cell), problem->keywords) == 0)
					occurrence++;
			}
			problem->location = find_keywords(sql, tokens, problem->keywords, occurrence);
			seen = lappend(seen, (void *) problem->keywords);
		}
	}
	problems = list_copy(problems);
	list_sort(problems, compare_problems);
	return problems;
}

/* The byte offsets of all tokens, ascending. */
static List *
token_locations(const char *sql)
{
	core_yy_extra_type extra;
	core_yyscan_t scanner = scanner_init(sql, &extra, &ScanKeywords, ScanKeywordTokens);
	core_YYSTYPE value;
	YYLTYPE		location;
	List	   *tokens = NIL;

	while (core_yylex(&value, &location, scanner) != 0)
		tokens = lappend_int(tokens, location);
	scanner_finish(scanner);
	return tokens;
}

/* The offset of an occurrence of the keywords, or of the last one if there are fewer; -1 if there is none. */
static int
find_keywords(const char *sql, List *tokens, const char *keywords, int occurrence)
{
	int			found = -1;

	for (int i = 0; i < list_length(tokens); i++)
	{
		if (!keywords_match(sql, tokens, i, keywords))
			continue;
		found = list_nth_int(tokens, i);
		if (occurrence-- == 0)
			break;
	}
	return found;
}

/* True if the tokens from the index on are the keywords.  OUTER is noise; a set operation that says ALL is another one. */
static bool
keywords_match(const char *sql, List *tokens, int index, const char *keywords)
{
	const char *word = keywords;

	while (*word != '\0')
	{
		size_t		len = strcspn(word, " ");
		const char *token;

		if (index >= list_length(tokens))
			return false;
		token = sql + list_nth_int(tokens, index);
		if (word != keywords && pg_strncasecmp(token, "outer", 5) == 0 && isspace((unsigned char) token[5]))
		{
			index++;
			continue;
		}
		if (pg_strncasecmp(token, word, len) != 0 || isalnum((unsigned char) token[len]) || token[len] == '_')
			return false;
		index++;
		word += len;
		word += strspn(word, " ");
	}
	if (strcmp(keywords, "UNION") == 0 && index < list_length(tokens) &&
		keywords_match(sql, tokens, index, "ALL"))
		return false;
	return true;
}

static int
find_relation(List *ranges, const char *relation, int occurrence)
{
	int			found = -1;
	ListCell   *lc;

	foreach(lc, ranges)
	{
		RangeVar   *range = lfirst_node(RangeVar, lc);

		if (strcmp(range->relname, relation) != 0)
			continue;
		found = range->location;
		if (occurrence-- == 0)
			break;
	}
	return found;
}

static bool
range_walker(Node *node, List **ranges)
{
	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, RangeVar))
	{
		*ranges = lappend(*ranges, node);
		return false;
	}
	return raw_expression_tree_walker(node, range_walker, ranges);
}

static int
compare_ranges(const ListCell *a, const ListCell *b)
{
	return lfirst_node(RangeVar, a)->location - lfirst_node(RangeVar, b)->location;
}

static int
compare_problems(const ListCell *a, const ListCell *b)
{
	const DbspProblem *first = (const DbspProblem *) lfirst(a);
	const DbspProblem *second = (const DbspProblem *) lfirst(b);

	if ((first->location < 0) != (second->location < 0))
		return first->location < 0 ? 1 : -1;
	return first->location - second->location;
}
