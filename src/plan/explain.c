/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  A plan as text.
 *
 * Expressions are deparsed by PostgreSQL over a range table of one entry that
 * has the row's column names; names that occur twice get a number.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/plannodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

#include "plan/explain.h"
#include "plan/plan_query.h"

typedef struct Explain
{
	StringInfoData buf;
	DbspExplainAnnotate annotate;
	void	   *arg;
} Explain;

static void explain_node(Explain *explain, DbspPlan *plan, int depth);
static void explain_source(StringInfo buf, const DbspPlan *plan);
static void explain_join(StringInfo buf, const DbspPlan *plan);
static void explain_aggregate(StringInfo buf, const DbspPlan *plan);
static void explain_outputs(StringInfo buf, const DbspPlan *plan, TupleDesc row);
static void explain_quals(StringInfo buf, List *quals, TupleDesc row);
static void explain_key(StringInfo buf, const DbspPlan *plan);
static void explain_notes(Explain *explain, DbspPlan *plan, int depth);
static TupleDesc input_row(const DbspPlan *plan, int input);
static char *call_text(const DbspPlan *plan, const DbspAggCall *call);

char *
dbsp_plan_explain(DbspPlan *root, DbspExplainAnnotate annotate, void *arg)
{
	Explain		explain = {.annotate = annotate, .arg = arg};

	initStringInfo(&explain.buf);
	explain_node(&explain, root, 0);
	return explain.buf.data;
}

char *
dbsp_plan_deparse(Expr *expr, TupleDesc rowtype)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	PlannedStmt *stmt = makeNode(PlannedStmt);
	List	   *names = NIL;

	for (int i = 0; i < rowtype->natts; i++)
		names = lappend(names, makeString(pstrdup(NameStr(TupleDescAttr(rowtype, i)->attname))));
	rte->rtekind = RTE_VALUES;
	rte->eref = makeAlias("row", names);
	stmt->rtable = list_make1(rte);
	return deparse_expression((Node *) expr, deparse_context_for_plan_tree(stmt, list_make1(pstrdup("row"))),
							  false, false);
}

static void
explain_node(Explain *explain, DbspPlan *plan, int depth)
{
	StringInfo	buf = &explain->buf;
	ListCell   *lc;

	check_stack_depth();
	appendStringInfoSpaces(buf, depth * 2);
	appendStringInfo(buf, "%s #%d", dbsp_plan_kind_name(plan->kind), plan->number);
	switch (plan->kind)
	{
		case DBSP_PLAN_SOURCE:
			explain_source(buf, plan);
			break;
		case DBSP_PLAN_FILTER:
			appendStringInfoString(buf, "  ");
			explain_quals(buf, plan->quals, input_row(plan, 0));
			break;
		case DBSP_PLAN_PROJECT:
			appendStringInfoString(buf, "  ");
			explain_outputs(buf, plan, input_row(plan, 0));
			break;
		case DBSP_PLAN_JOIN:
			explain_join(buf, plan);
			break;
		case DBSP_PLAN_UNION:
			break;
		case DBSP_PLAN_AGGREGATE:
			explain_aggregate(buf, plan);
			break;
		case DBSP_PLAN_SINK:
			explain_key(buf, plan);
			break;
	}
	appendStringInfoChar(buf, '\n');
	explain_notes(explain, plan, depth + 1);
	foreach(lc, plan->inputs)
		explain_node(explain, (DbspPlan *) lfirst(lc), depth + 1);
}

static void
explain_source(StringInfo buf, const DbspPlan *plan)
{
	appendStringInfo(buf, "  %s%s (", plan->only ? "only " : "",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(plan->relid)),
												get_rel_name(plan->relid)));
	for (int i = 0; i < plan->rowtype->natts; i++)
		appendStringInfo(buf, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(NameStr(TupleDescAttr(plan->rowtype, i)->attname)));
	appendStringInfoChar(buf, ')');
	explain_key(buf, plan);
}

static void
explain_join(StringInfo buf, const DbspPlan *plan)
{
	ListCell   *lc;

	if (plan->joinkeys != NIL)
		appendStringInfoString(buf, "  on: ");
	foreach(lc, plan->joinkeys)
	{
		DbspJoinKey *key = (DbspJoinKey *) lfirst(lc);

		appendStringInfo(buf, "%s%s %s %s", foreach_current_index(lc) > 0 ? " AND " : "",
						 dbsp_plan_deparse(key->left, input_row(plan, 0)), get_opname(key->operator),
						 dbsp_plan_deparse(key->right, input_row(plan, 1)));
	}
	if (plan->joinkeys == NIL && plan->quals == NIL)
		appendStringInfoString(buf, "  every pair");
	if (plan->quals != NIL)
	{
		appendStringInfoString(buf, "  where: ");
		explain_quals(buf, plan->quals, plan->rowtype);
	}
}

static void
explain_aggregate(StringInfo buf, const DbspPlan *plan)
{
	TupleDesc	row = input_row(plan, 0);
	List	   *having = NIL;
	ListCell   *lc;

	appendStringInfoString(buf, plan->grand_total ? "  all rows" : "  keys: ");
	foreach(lc, plan->groupkeys)
		appendStringInfo(buf, "%s%s", foreach_current_index(lc) > 0 ? ", " : "",
						 dbsp_plan_deparse(((DbspGroupKey *) lfirst(lc))->expr, row));
	if (plan->calls != NIL)
		appendStringInfoString(buf, "  calls: ");
	foreach(lc, plan->calls)
		appendStringInfo(buf, "%s%s", foreach_current_index(lc) > 0 ? ", " : "",
						 call_text(plan, (DbspAggCall *) lfirst(lc)));
	if (plan->having != NIL)
	{
		appendStringInfoString(buf, "  having: ");
		foreach(lc, plan->having)
			having = lappend(having, dbsp_plan_group_expr(plan, (Expr *) lfirst(lc)));
		explain_quals(buf, having, row);
	}
	appendStringInfoString(buf, "  outputs: ");
	explain_outputs(buf, plan, row);
}

/* The expressions over the row with their names, hidden ones in brackets. */
static void
explain_outputs(StringInfo buf, const DbspPlan *plan, TupleDesc row)
{
	ListCell   *lc;

	foreach(lc, plan->exprs)
	{
		int			index = foreach_current_index(lc);
		Expr	   *expr = (Expr *) lfirst(lc);
		char	   *output;
		const char *name = quote_identifier(NameStr(TupleDescAttr(plan->rowtype, index)->attname));

		if (plan->kind == DBSP_PLAN_AGGREGATE)
			expr = dbsp_plan_group_expr(plan, expr);
		output = dbsp_plan_deparse(expr, row);
		if (index > 0)
			appendStringInfoString(buf, ", ");
		if (index >= plan->nvisible)
			appendStringInfo(buf, "[%s]", output);
		else if (strcmp(output, name) == 0)
			appendStringInfoString(buf, output);
		else
			appendStringInfo(buf, "%s AS %s", output, name);
	}
}

static void
explain_quals(StringInfo buf, List *quals, TupleDesc row)
{
	ListCell   *lc;

	foreach(lc, quals)
		appendStringInfo(buf, "%s%s", foreach_current_index(lc) > 0 ? " AND " : "",
						 dbsp_plan_deparse((Expr *) lfirst(lc), row));
}

static void
explain_key(StringInfo buf, const DbspPlan *plan)
{
	ListCell   *lc;

	if (!plan->keyed)
	{
		appendStringInfoString(buf, "  no key");
		return;
	}
	appendStringInfoString(buf, plan->key == NIL ? "  one row" : "  key: ");
	foreach(lc, plan->key)
		appendStringInfo(buf, "%s%s", foreach_current_index(lc) > 0 ? ", " : "",
						 quote_identifier(NameStr(TupleDescAttr(plan->rowtype, lfirst_int(lc) - 1)->attname)));
}

/* The caller's lines about the node, indented. */
static void
explain_notes(Explain *explain, DbspPlan *plan, int depth)
{
	const char *notes = explain->annotate == NULL ? NULL : explain->annotate(plan, explain->arg);

	while (notes != NULL && *notes != '\0')
	{
		size_t		len = strcspn(notes, "\n");

		appendStringInfoSpaces(&explain->buf, depth * 2);
		appendBinaryStringInfo(&explain->buf, notes, len);
		appendStringInfoChar(&explain->buf, '\n');
		notes += len;
		if (*notes == '\n')
			notes++;
	}
}

static TupleDesc
input_row(const DbspPlan *plan, int input)
{
	return ((DbspPlan *) list_nth(plan->inputs, input))->rowtype;
}

static char *
call_text(const DbspPlan *plan, const DbspAggCall *call)
{
	DbspAggState *state;

	if (call->state < 0)
		return pstrdup("count(*)");
	state = (DbspAggState *) list_nth(plan->states, call->state);
	return psprintf("%s(%s)", get_func_name(call->aggfnoid), dbsp_plan_deparse(state->arg, input_row(plan, 0)));
}
