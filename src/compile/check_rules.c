/*-------------------------------------------------------------------------
 *
 * check_rules.c
 *	  What is refused, why, and what to write instead: one table.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "compile/check.h"
#include "compile/compile.h"

#define OUTER_REASON "Outer joins are not supported yet."
#define OUTER_HINT "Use an inner join, or make the outer join in the query that reads the view."
#define SUBQUERY_REASON "Subqueries in expressions are not supported yet."
#define EXISTS_HINT "Join the subquery in FROM; make it SELECT DISTINCT if it can match more than once."
#define LOCK_REASON "Reading a view does not lock rows of its tables."
#define LOCK_HINT "Remove the locking clause."
#define LIMIT_REASON "Which rows are first is a property of one reading, not of the data."
#define LIMIT_HINT "Limit in the query that reads the view."
#define SET_REASON "Only UNION ALL is supported."

static const CheckRule rules[] = {
	[CHECK_LEFT_JOIN] = {"LEFT JOIN", "LEFT JOIN", OUTER_REASON, OUTER_HINT},
	[CHECK_RIGHT_JOIN] = {"RIGHT JOIN", "RIGHT JOIN", OUTER_REASON, OUTER_HINT},
	[CHECK_FULL_JOIN] = {"FULL JOIN", "FULL JOIN", OUTER_REASON, OUTER_HINT},
	[CHECK_OTHER_JOIN] = {"this kind of join", "JOIN", "Only inner joins are supported.", NULL},
	[CHECK_LATERAL] = {"LATERAL", "LATERAL", "Each item of FROM is maintained on its own.",
	"Write the subquery without references to the items before it, and join it by ON."},
	[CHECK_ORDER_BY] = {"ORDER BY", NULL, "The rows of a view have no order.",
	"Order in the query that reads the view."},
	[CHECK_LIMIT] = {"LIMIT", NULL, LIMIT_REASON, LIMIT_HINT},
	[CHECK_OFFSET] = {"OFFSET", NULL, LIMIT_REASON, LIMIT_HINT},
	[CHECK_DISTINCT_ON] = {"DISTINCT ON", "DISTINCT ON", "Which row of several is kept is not determined by the data.",
	"Use GROUP BY with min() or max()."},
	[CHECK_UNION] = {"UNION", "UNION", SET_REASON,
	"Use SELECT DISTINCT over a subquery with UNION ALL."},
	[CHECK_INTERSECT] = {"INTERSECT", "INTERSECT", SET_REASON,
	"Join SELECT DISTINCT subqueries on all columns."},
	[CHECK_EXCEPT] = {"EXCEPT", "EXCEPT", SET_REASON,
	"Use GROUP BY over a UNION ALL that marks the two sides, and HAVING."},
	[CHECK_GROUPING_SETS] = {"GROUPING SETS, ROLLUP or CUBE", NULL, "Only plain GROUP BY is supported.",
	"Use UNION ALL of queries with one GROUP BY each."},
	[CHECK_GROUP_BY_DISTINCT] = {"GROUP BY DISTINCT", "GROUP BY DISTINCT", "Only plain GROUP BY is supported.",
	"Remove DISTINCT: without grouping sets it has no effect."},
	[CHECK_WINDOW] = {"WINDOW", "WINDOW", "Window functions are not supported yet.",
	"Compute window functions in the query that reads the view."},
	[CHECK_VALUES] = {"VALUES", "VALUES", "Its rows never change.",
	"Put the rows into a table."},
	[CHECK_NO_FROM] = {"SELECT without FROM", NULL, "Its row never changes.",
	"Put the row into a table."},
	[CHECK_NO_COLUMNS] = {"a select list without columns", "SELECT", "There is nothing to store.", NULL},
	[CHECK_TABLE_FUNCTION] = {"function in FROM:", NULL, "Functions in FROM are not supported yet.",
	"Store the function's rows in a table."},
	[CHECK_TABLESAMPLE] = {"TABLESAMPLE", "TABLESAMPLE", "A sample is not determined by the data.",
	"Read the whole table, or filter it by a condition."},
	[CHECK_FOR_UPDATE] = {"FOR UPDATE", "FOR UPDATE", LOCK_REASON, LOCK_HINT},
	[CHECK_FOR_NO_KEY_UPDATE] = {"FOR NO KEY UPDATE", "FOR NO KEY UPDATE", LOCK_REASON, LOCK_HINT},
	[CHECK_FOR_SHARE] = {"FOR SHARE", "FOR SHARE", LOCK_REASON, LOCK_HINT},
	[CHECK_FOR_KEY_SHARE] = {"FOR KEY SHARE", "FOR KEY SHARE", LOCK_REASON, LOCK_HINT},
	[CHECK_RECURSIVE] = {"WITH RECURSIVE:", NULL, "Recursion is not supported yet.",
	"Store the result of the recursive query in a table."},
	[CHECK_MODIFYING_CTE] = {"a data-modifying WITH query:", NULL, "A view only reads.",
	"Remove the INSERT, UPDATE or DELETE."},
	[CHECK_TRANSITION_TABLE] = {"transition table", NULL, "It exists during one statement only.",
	"Read the table itself."},
	[CHECK_SORT_FREE_COLUMN] = {"an ungrouped column without equality:", NULL,
		"Columns that depend on grouped columns become group keys, and the type of this one has no equality operator.",
	"Join the table again outside of the grouping."},

	[CHECK_EXISTS] = {"EXISTS (subquery)", NULL, SUBQUERY_REASON, EXISTS_HINT},
	[CHECK_IN_SUBQUERY] = {"IN (subquery)", NULL, SUBQUERY_REASON, EXISTS_HINT},
	[CHECK_ANY_SUBQUERY] = {"ANY (subquery)", NULL, SUBQUERY_REASON, EXISTS_HINT},
	[CHECK_ALL_SUBQUERY] = {"ALL (subquery)", NULL, SUBQUERY_REASON,
	"Join a subquery in FROM that computes min() or max()."},
	[CHECK_SCALAR_SUBQUERY] = {"a scalar subquery", NULL, SUBQUERY_REASON,
	"Join the subquery in FROM; correlate it by GROUP BY and the join's ON."},
	[CHECK_ARRAY_SUBQUERY] = {"ARRAY (subquery)", NULL, SUBQUERY_REASON, "Join the subquery in FROM."},
	[CHECK_ROW_SUBQUERY] = {"a row comparison with a subquery", NULL, SUBQUERY_REASON, "Join the subquery in FROM."},
	[CHECK_WINDOW_FUNCTION] = {"window function", NULL, "Window functions are not supported yet.",
	"Compute window functions in the query that reads the view."},
	[CHECK_SET_RETURNING] = {"set-returning function", NULL, "Functions that return sets are not supported yet.",
	"Call it in the query that reads the view."},
	[CHECK_AGGREGATE] = {"aggregate", NULL, "It cannot be kept up to date from the changes of its input.",
	"Use count, sum, avg, min, max, bool_and, bool_or, stddev or variance, or aggregate in the query that reads the view."},
	[CHECK_AGGREGATE_DISTINCT] = {"DISTINCT in aggregate", NULL, "Aggregates over distinct values are not supported yet.",
	"Aggregate over a subquery with SELECT DISTINCT."},
	[CHECK_AGGREGATE_ORDER] = {"ORDER BY in aggregate", NULL, "The rows of a group have no order.",
	"Remove ORDER BY: the supported aggregates do not depend on it."},
	[CHECK_AGGREGATE_ORDERED_SET] = {"ordered-set aggregate", NULL,
		"It cannot be kept up to date from the changes of its input.",
	"Compute it in the query that reads the view."},
	[CHECK_AGGREGATE_OUTER] = {"an aggregate of an outer query:", NULL, SUBQUERY_REASON, "Join the subquery in FROM."},
	[CHECK_GROUPING] = {"GROUPING()", NULL, "Only plain GROUP BY is supported.",
	"Use UNION ALL of queries with one GROUP BY each."},
	[CHECK_SYSTEM_COLUMN] = {"system column", NULL, "It says where a row is stored, not what it is.",
	"Use the columns of the table."},
	[CHECK_WHOLE_ROW] = {"a reference to a whole row:", NULL, "A row changes its shape with its table.",
	"Name the columns."},
	[CHECK_PARAMETER] = {"parameter", NULL, "The query of a view has no parameters.", "Write the value."},
	[CHECK_XML] = {"an XML expression", NULL, "Its result depends on settings.",
	"Store the value in a column of the table."},
	[CHECK_VOLATILE] = {NULL, NULL, "It is volatile: its result can differ on each evaluation.",
	"Store the value in a column of the table."},
	[CHECK_STABLE] = {NULL, NULL,
		"It is stable, not immutable: its result depends on settings, on the time or on other data besides its arguments.",
	"Use immutable functions, store the value in a column of the table, or compute it in the query that reads the view."},
	[CHECK_STABLE_TIMESTAMPTZ] = {NULL, NULL,
		"It is stable, not immutable: its result depends on the time zone that is set.",
	"Convert with AT TIME ZONE and a constant time zone first."},
	[CHECK_DOMAIN] = {"domain", NULL, "A constraint of the domain uses functions that are not immutable.",
	"Use the domain's base type."},
	[CHECK_PSEUDO_TYPE] = {"a column of pseudo-type", NULL, "Such values cannot be stored in a table.",
	"Select the parts of the value, or cast it to a stored type."},
	[CHECK_RESERVED_NAME] = {"column name", NULL, "Names that begin with \"" DBSP_HIDDEN_PREFIX "\" are reserved.",
	"Give the column another name."},
	[CHECK_OTHER_EXPRESSION] = {"this expression", NULL, "It is not supported.", NULL},

	[CHECK_ONLY_PARTITIONED] = {"FROM ONLY of partitioned table", NULL, "A partitioned table has no rows of its own.",
	"Write FROM without ONLY."},
	[CHECK_DETACHING] = {"partitioned table", NULL, "One of its partitions is being detached concurrently.",
	"Wait, or finish it with ALTER TABLE ... DETACH PARTITION ... FINALIZE."},
	[CHECK_FOREIGN_PARTITION] = {"partitioned table", NULL,
		"One of its partitions is a foreign table, whose changes cannot be observed.",
	"Use UNION ALL over the partitions that are tables."},
	[CHECK_UNLOGGED_PARTITION] = {"partitioned table", NULL,
		"One of its partitions is unlogged: a crash empties it, but would not empty the view.",
	"Use ALTER TABLE ... SET LOGGED on the partition."},
	[CHECK_FOREIGN_TABLE] = {"foreign table", NULL, "Changes of a foreign table cannot be observed.",
	"Copy the data into a table."},
	[CHECK_MATVIEW] = {"materialized view", NULL, "REFRESH does not say which rows it changes.",
	"Repeat the query of the materialized view as a subquery."},
	[CHECK_SEQUENCE] = {"sequence", NULL, "Changes of a sequence cannot be observed.", NULL},
	[CHECK_CATALOG] = {"system catalog", NULL, "Changes of system catalogs and system views cannot be observed.", NULL},
	[CHECK_OTHER_RELATION] = {"relation", NULL, "It is not a table or view.", NULL},
	[CHECK_TEMPORARY] = {"temporary relation", NULL, "It exists in one session only.", "Use a permanent table or view."},
	[CHECK_UNLOGGED] = {"unlogged table", NULL, "A crash empties it, but would not empty the view.",
	"Use ALTER TABLE ... SET LOGGED."},
	[CHECK_INHERITANCE] = {"table with inheritance children", NULL, "Inheritance is not supported yet.",
	"Write FROM ONLY, or use UNION ALL over the tables with ONLY."},
	[CHECK_ROW_SECURITY] = {"table with row-level security", NULL,
		"Its policies apply to the owner of the view, so what the view shows would depend on more than the data.",
	"Create the view as the owner of the table, or as a role with BYPASSRLS."},
	[CHECK_INCREMENTAL_VIEW] = {"incremental view", NULL, "Incremental views on incremental views are not supported yet.",
	"Repeat its query as a subquery."},
	[CHECK_INTERNAL] = {"internal relation", NULL, "It belongs to the maintenance of incremental views.", NULL},
};

const CheckRule *
dbsp_check_rule(CheckRuleId id)
{
	Assert(id < lengthof(rules));
	return &rules[id];
}

/*
 * Adds a problem.  The name (which may be NULL) follows the rule's construct
 * where it has one.  The location counts only in the user's own text: inside a
 * view, the problem is where the text names the view.
 */
void
dbsp_check_add(Check *check, CheckRuleId id, const char *name, int location)
{
	const CheckRule *rule = dbsp_check_rule(id);
	DbspProblem *problem = (DbspProblem *) palloc0(sizeof(DbspProblem));

	problem->sqlstate = id == CHECK_RESERVED_NAME ? ERRCODE_RESERVED_NAME : ERRCODE_FEATURE_NOT_SUPPORTED;
	if (rule->construct != NULL && name != NULL)
		problem->construct = psprintf("%s %s", rule->construct, name);
	else
		problem->construct = pstrdup(rule->construct != NULL ? rule->construct : name);
	problem->reason = rule->reason == NULL ? NULL : pstrdup(rule->reason);
	problem->hint = rule->hint == NULL ? NULL : pstrdup(rule->hint);
	problem->location = location >= 0 ? location : check->fallback;
	problem->keywords = rule->keywords;
	if (check->view != NULL)
	{
		problem->construct = psprintf("%s in view \"%s\"", problem->construct, check->view);
		problem->location = -1;
		problem->keywords = NULL;
		problem->relation = check->anchor;
		problem->occurrence = check->anchor_occurrence;
	}
	check->problems = lappend(check->problems, problem);
}
