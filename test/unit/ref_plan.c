/*-------------------------------------------------------------------------
 *
 * ref_plan.c
 *	  What the operators but the aggregate must give.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "circuit/op.h"
#include "ref.h"

typedef struct Reference
{
	const DbspOpClass *opclass;
	List	   *(*eval) (DbspStore *store, const DbspPlan *plan);
} Reference;

#define DBSP_OP(name) extern const DbspOpClass dbsp_op_##name;
#include "circuit/op_list.h"
#undef DBSP_OP

static const Reference references[] = {
#define DBSP_OP(name) {&dbsp_op_##name, ref_##name},
#include "circuit/op_list.h"
#undef DBSP_OP
};

List *
ref_eval(DbspStore *store, const DbspPlan *plan)
{
	for (int i = 0; i < lengthof(references); i++)
		if (references[i].opclass->kind == plan->kind)
			return references[i].eval(store, plan);
	elog(ERROR, "no reference for plan kind %d", (int) plan->kind);
	return NIL;
}

RefRow *
ref_new_row(int natts)
{
	RefRow	   *row = palloc(sizeof(RefRow));

	row->values = palloc0(Max(natts, 1) * sizeof(Datum));
	row->isnull = palloc0(Max(natts, 1) * sizeof(bool));
	return row;
}

static void
put_row(TupleTableSlot *slot, const RefRow *row)
{
	ExecClearTuple(slot);
	memcpy(slot->tts_values, row->values, slot->tts_tupleDescriptor->natts * sizeof(Datum));
	memcpy(slot->tts_isnull, row->isnull, slot->tts_tupleDescriptor->natts * sizeof(bool));
	ExecStoreVirtualTuple(slot);
}

List *
ref_project_rows(List *rows, TupleDesc desc, List *exprs)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	ExprContext *econtext = CreateStandaloneExprContext();
	List	   *result = NIL;
	List	   *states = NIL;
	ListCell   *lc;

	foreach(lc, exprs)
		states = lappend(states, ExecInitExpr(lfirst(lc), NULL));
	econtext->ecxt_scantuple = slot;
	foreach(lc, rows)
	{
		RefRow	   *row = ref_new_row(list_length(exprs));
		ListCell   *state;

		put_row(slot, lfirst(lc));
		foreach(state, states)
		{
			int			i = foreach_current_index(state);

			row->values[i] = ExecEvalExpr((ExprState *) lfirst(state), econtext, &row->isnull[i]);
		}
		result = lappend(result, row);
	}
	return result;
}

List *
ref_filter_rows(List *rows, TupleDesc desc, List *quals)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	ExprContext *econtext = CreateStandaloneExprContext();
	ExprState  *state = ExecInitQual(quals, NULL);
	List	   *result = NIL;
	ListCell   *lc;

	if (quals == NIL)
		return rows;
	econtext->ecxt_scantuple = slot;
	foreach(lc, rows)
	{
		put_row(slot, lfirst(lc));
		if (ExecQual(state, econtext))
			result = lappend(result, lfirst(lc));
	}
	return result;
}

List *
ref_source(DbspStore *store, const DbspPlan *plan)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, mem_store_source_rows(store, plan->relid))
	{
		MemRow	   *stored = lfirst(lc);
		RefRow	   *row = ref_new_row(list_length(plan->attnums));
		ListCell   *a;

		foreach(a, plan->attnums)
		{
			row->values[foreach_current_index(a)] = stored->values[lfirst_int(a) - 1];
			row->isnull[foreach_current_index(a)] = stored->isnull[lfirst_int(a) - 1];
		}
		result = lappend(result, row);
	}
	return result;
}

static TupleDesc
input_desc(const DbspPlan *plan)
{
	return ((DbspPlan *) linitial(plan->inputs))->rowtype;
}

List *
ref_filter(DbspStore *store, const DbspPlan *plan)
{
	return ref_filter_rows(ref_eval(store, linitial(plan->inputs)), input_desc(plan), plan->quals);
}

List *
ref_project(DbspStore *store, const DbspPlan *plan)
{
	return ref_project_rows(ref_eval(store, linitial(plan->inputs)), input_desc(plan), plan->exprs);
}

List *
ref_union(DbspStore *store, const DbspPlan *plan)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, plan->inputs)
		result = list_concat(result, ref_eval(store, lfirst(lc)));
	return result;
}

List *
ref_sink(DbspStore *store, const DbspPlan *plan)
{
	return ref_eval(store, linitial(plan->inputs));
}

/* ---- join ---- */

static bool
keys_match(const DbspPlan *plan, const RefRow *left, const RefRow *right)
{
	ListCell   *lc;

	foreach(lc, plan->joinkeys)
	{
		DbspJoinKey *key = lfirst(lc);
		int			i = foreach_current_index(lc);

		if (left->isnull[i] || right->isnull[i] ||
			!DatumGetBool(OidFunctionCall2Coll(get_opcode(key->operator), key->collation,
											   left->values[i], right->values[i])))
			return false;
	}
	return true;
}

static RefRow *
joined_row(const RefRow *left, int nleft, const RefRow *right, int nright)
{
	RefRow	   *row = ref_new_row(nleft + nright);

	memcpy(row->values, left->values, nleft * sizeof(Datum));
	memcpy(row->isnull, left->isnull, nleft * sizeof(bool));
	memcpy(row->values + nleft, right->values, nright * sizeof(Datum));
	memcpy(row->isnull + nleft, right->isnull, nright * sizeof(bool));
	return row;
}

/* Every row of the left with every row of the right. */
List *
ref_join(DbspStore *store, const DbspPlan *plan)
{
	List	   *rows[2];
	List	   *keys[2];
	List	   *result = NIL;
	TupleDesc	descs[2];
	ListCell   *left;
	ListCell   *right;

	for (int i = 0; i < 2; i++)
	{
		List	   *exprs = NIL;
		ListCell   *lc;

		foreach(lc, plan->joinkeys)
			exprs = lappend(exprs, i == 0 ? ((DbspJoinKey *) lfirst(lc))->left : ((DbspJoinKey *) lfirst(lc))->right);
		descs[i] = ((DbspPlan *) list_nth(plan->inputs, i))->rowtype;
		rows[i] = ref_eval(store, list_nth(plan->inputs, i));
		keys[i] = ref_project_rows(rows[i], descs[i], exprs);
	}
	foreach(left, rows[0])
		foreach(right, rows[1])
			if (keys_match(plan, list_nth(keys[0], foreach_current_index(left)),
						   list_nth(keys[1], foreach_current_index(right))))
				result = lappend(result, joined_row(lfirst(left), descs[0]->natts, lfirst(right), descs[1]->natts));
	return ref_filter_rows(result, plan->rowtype, plan->quals);
}
