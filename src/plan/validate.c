/*-------------------------------------------------------------------------
 *
 * validate.c
 *	  The invariants of a finished plan, checked whenever one is made.
 *
 * Everything here is promised by the code that makes plans; a failure is a
 * defect of ours, so the messages name the operator by number only.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"

#include "plan/plan.h"

typedef struct ExprCheck
{
	const DbspPlan *plan;
	TupleDesc	row;			/* of the row that the expression is evaluated on */
} ExprCheck;

static void validate_node(const DbspPlan *plan);
static void validate_inputs(const DbspPlan *plan);
static void validate_columns(const DbspPlan *plan);
static void validate_same_rowtype(const DbspPlan *plan, TupleDesc row, bool exact);
static void validate_outputs(const DbspPlan *plan, TupleDesc row);
static void validate_join(const DbspPlan *plan);
static void validate_aggregate(const DbspPlan *plan);
static void validate_aggregate_calls(const DbspPlan *plan);
static TupleDesc group_row(const DbspPlan *plan);
static void validate_exprs(const DbspPlan *plan, List *exprs, TupleDesc row);
static void validate_expr(const DbspPlan *plan, Node *expr, TupleDesc row);
static bool validate_expr_walker(Node *node, ExprCheck *check);
static void invalid(const DbspPlan *plan, const char *what) pg_attribute_noreturn();

void
dbsp_plan_validate(DbspPlan *root)
{
	int			number = 0;
	ListCell   *lc;

	if (root->kind != DBSP_PLAN_SINK && root->kind != DBSP_PLAN_AGGREGATE)
		invalid(root, "the root is neither a sink nor an aggregate");
	foreach(lc, dbsp_plan_nodes(root))
	{
		DbspPlan   *plan = (DbspPlan *) lfirst(lc);

		if (plan->number != ++number)
			invalid(plan, "wrong number");
		if (plan->kind == DBSP_PLAN_SINK && plan != root)
			invalid(plan, "a sink inside the tree");
		validate_node(plan);
	}
}

static void
validate_node(const DbspPlan *plan)
{
	TupleDesc	input;

	validate_inputs(plan);
	validate_columns(plan);
	input = plan->inputs == NIL ? NULL : ((DbspPlan *) linitial(plan->inputs))->rowtype;
	switch (plan->kind)
	{
		case DBSP_PLAN_SOURCE:
			if (list_length(plan->attnums) != plan->rowtype->natts)
				invalid(plan, "attribute numbers do not match the row type");
			break;
		case DBSP_PLAN_FILTER:
			if (plan->quals == NIL)
				invalid(plan, "a filter without quals");
			validate_exprs(plan, plan->quals, input);
			validate_same_rowtype(plan, input, true);
			break;
		case DBSP_PLAN_PROJECT:
			validate_outputs(plan, input);
			break;
		case DBSP_PLAN_JOIN:
			validate_join(plan);
			break;
		case DBSP_PLAN_UNION:
			{
				ListCell   *lc;

				foreach(lc, plan->inputs)
					validate_same_rowtype(plan, ((DbspPlan *) lfirst(lc))->rowtype, false);
				break;
			}
		case DBSP_PLAN_AGGREGATE:
			validate_aggregate(plan);
			break;
		case DBSP_PLAN_SINK:
			validate_same_rowtype(plan, input, true);
			break;
	}
}

static void
validate_inputs(const DbspPlan *plan)
{
	int			ninputs = list_length(plan->inputs);
	bool		fits = false;

	switch (plan->kind)
	{
		case DBSP_PLAN_SOURCE:
			fits = ninputs == 0;
			break;
		case DBSP_PLAN_JOIN:
			fits = ninputs == 2;
			break;
		case DBSP_PLAN_UNION:
			fits = ninputs >= 2;
			break;
		case DBSP_PLAN_FILTER:
		case DBSP_PLAN_PROJECT:
		case DBSP_PLAN_AGGREGATE:
		case DBSP_PLAN_SINK:
			fits = ninputs == 1;
			break;
	}
	if (!fits)
		invalid(plan, "wrong number of inputs");
}

static void
validate_columns(const DbspPlan *plan)
{
	ListCell   *lc;

	if (plan->rowtype == NULL)
		invalid(plan, "no row type");
	if (plan->nvisible < 0 || plan->nvisible > plan->rowtype->natts)
		invalid(plan, "wrong number of visible columns");
	if (!plan->keyed && plan->key != NIL)
		invalid(plan, "a key without being keyed");
	foreach(lc, plan->key)
	{
		if (lfirst_int(lc) < 1 || lfirst_int(lc) > plan->rowtype->natts)
			invalid(plan, "key column out of range");
	}
	foreach(lc, plan->loose)
	{
		if (lfirst_int(lc) < 1 || lfirst_int(lc) > plan->rowtype->natts)
			invalid(plan, "loose column out of range");
	}
}

/* Types and collations must agree; typmods too if exact.  Names are free. */
static void
validate_same_rowtype(const DbspPlan *plan, TupleDesc row, bool exact)
{
	if (plan->rowtype->natts != row->natts)
		invalid(plan, "inputs of different width");
	for (int i = 0; i < row->natts; i++)
	{
		Form_pg_attribute mine = TupleDescAttr(plan->rowtype, i);
		Form_pg_attribute theirs = TupleDescAttr(row, i);

		if (mine->atttypid != theirs->atttypid || mine->attcollation != theirs->attcollation ||
			(exact && mine->atttypmod != theirs->atttypmod))
			invalid(plan, "input column of a different type");
	}
}

/* exprs over the row are the output columns. */
static void
validate_outputs(const DbspPlan *plan, TupleDesc row)
{
	ListCell   *lc;

	if (list_length(plan->exprs) != plan->rowtype->natts)
		invalid(plan, "outputs do not match the row type");
	foreach(lc, plan->exprs)
	{
		Form_pg_attribute column = TupleDescAttr(plan->rowtype, foreach_current_index(lc));

		if (exprType((Node *) lfirst(lc)) != column->atttypid)
			invalid(plan, "output of a different type");
	}
	validate_exprs(plan, plan->exprs, row);
}

static void
validate_join(const DbspPlan *plan)
{
	TupleDesc	left = ((DbspPlan *) linitial(plan->inputs))->rowtype;
	TupleDesc	right = ((DbspPlan *) lsecond(plan->inputs))->rowtype;
	ListCell   *lc;

	if (plan->rowtype->natts != left->natts + right->natts)
		invalid(plan, "a joined row of the wrong width");
	foreach(lc, plan->joinkeys)
	{
		DbspJoinKey *key = (DbspJoinKey *) lfirst(lc);

		validate_expr(plan, (Node *) key->left, left);
		validate_expr(plan, (Node *) key->right, right);
		if (!OidIsValid(key->operator))
			invalid(plan, "a join key without operator");
	}
	validate_exprs(plan, plan->quals, plan->rowtype);
}

static void
validate_aggregate(const DbspPlan *plan)
{
	TupleDesc	input = ((DbspPlan *) linitial(plan->inputs))->rowtype;
	TupleDesc	row = group_row(plan);
	int			index = 0;
	ListCell   *lc;

	if (plan->grand_total != (plan->groupkeys == NIL))
		invalid(plan, "a grand total with keys, or groups without");
	foreach(lc, plan->groupkeys)
	{
		DbspGroupKey *key = (DbspGroupKey *) lfirst(lc);
		Var		   *output;

		index++;
		validate_expr(plan, (Node *) key->expr, input);
		if (!OidIsValid(key->eqop))
			invalid(plan, "a group key without equality");
		if (key->column < 1 || key->column > list_length(plan->exprs))
			invalid(plan, "a group key without output column");
		output = (Var *) list_nth(plan->exprs, key->column - 1);
		if (!IsA(output, Var) || output->varattno != index)
			invalid(plan, "a group key's output column is something else");
	}
	validate_aggregate_calls(plan);
	validate_exprs(plan, plan->having, row);
	validate_outputs(plan, row);
}

static void
validate_aggregate_calls(const DbspPlan *plan)
{
	TupleDesc	input = ((DbspPlan *) linitial(plan->inputs))->rowtype;
	ListCell   *lc;

	foreach(lc, plan->states)
	{
		DbspAggState *state = (DbspAggState *) lfirst(lc);

		validate_expr(plan, (Node *) state->arg, input);
		if (state->aggclass == NULL || !OidIsValid(state->column_type))
			invalid(plan, "an incomplete aggregate state");
		if (state->values < -1 || state->values >= list_length(plan->values) ||
			(state->values >= 0) != OidIsValid(state->sortop))
			invalid(plan, "wrong values table of an aggregate state");
	}
	foreach(lc, plan->values)
		validate_expr(plan, (Node *) ((DbspAggValues *) lfirst(lc))->arg, input);
	foreach(lc, plan->calls)
	{
		DbspAggCall *call = (DbspAggCall *) lfirst(lc);

		if (call->state < -1 || call->state >= list_length(plan->states))
			invalid(plan, "wrong state of an aggregate call");
	}
}

static TupleDesc
group_row(const DbspPlan *plan)
{
	TupleDesc	row = CreateTemplateTupleDesc(list_length(plan->groupkeys) + list_length(plan->calls));
	AttrNumber	column = 0;
	ListCell   *lc;

	foreach(lc, plan->groupkeys)
	{
		Node	   *expr = (Node *) ((DbspGroupKey *) lfirst(lc))->expr;

		TupleDescInitEntry(row, ++column, "", exprType(expr), exprTypmod(expr), 0);
	}
	foreach(lc, plan->calls)
	{
		DbspAggCall *call = (DbspAggCall *) lfirst(lc);

		TupleDescInitEntry(row, ++column, "", call->type, call->typmod, 0);
	}
	return row;
}

static void
validate_exprs(const DbspPlan *plan, List *exprs, TupleDesc row)
{
	ListCell   *lc;

	foreach(lc, exprs)
		validate_expr(plan, (Node *) lfirst(lc), row);
}

static void
validate_expr(const DbspPlan *plan, Node *expr, TupleDesc row)
{
	ExprCheck	check = {.plan = plan, .row = row};

	validate_expr_walker(expr, &check);
	if (contain_mutable_functions(expr))
		invalid(plan, "an expression is not immutable");
}

static bool
validate_expr_walker(Node *node, ExprCheck *check)
{
	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varno != 1 || var->varlevelsup != 0 || var->varattno < 1 || var->varattno > check->row->natts)
			invalid(check->plan, "a column reference out of range");
		if (TupleDescAttr(check->row, var->varattno - 1)->atttypid != var->vartype)
			invalid(check->plan, "a column reference of a different type");
		return false;
	}
	if (IsA(node, Param) || IsA(node, Aggref) || IsA(node, SubLink) || IsA(node, WindowFunc) ||
		IsA(node, GroupingFunc) || IsA(node, Query))
		invalid(check->plan, "an expression that cannot be evaluated on a row");
	return expression_tree_walker(node, validate_expr_walker, check);
}

static void
invalid(const DbspPlan *plan, const char *what)
{
	elog(ERROR, "invalid plan: operator %d (%s): %s", plan->number, dbsp_plan_kind_name(plan->kind), what);
}
