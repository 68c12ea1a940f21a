/*-------------------------------------------------------------------------
 *
 * ref_aggregate.c
 *	  What aggregates must give, and what state tables must hold.
 *
 * Results of calls are those of the server's own aggregate functions over all
 * rows of the group.  States are built from the rows of the group, in order.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "nodes/execnodes.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "circuit/agg/agg.h"
#include "ref.h"

/* One group: the keys that it shows, and the inputs of states and tables of values, by row. */
typedef struct RefGroup
{
	RefRow	   *keys;
	List	   *states;			/* of RefRow: arguments of plan->states */
	List	   *values;			/* of RefRow: arguments of plan->values */
	List	   *rowkeys;		/* of RefRow: the keys of each row */
} RefGroup;

/* ---- the server's aggregates ---- */

static Datum
call_support(FmgrInfo *function, Oid collation, Datum state, bool state_isnull, const Datum *value, bool *isnull_out)
{
	LOCAL_FCINFO(fcinfo, 2);
	WindowAggState *caller = makeNode(WindowAggState);
	Datum		result;

	caller->curaggcontext = CurrentMemoryContext;
	InitFunctionCallInfoData(*fcinfo, function, value == NULL ? 1 : 2, collation, (Node *) caller, NULL);
	fcinfo->args[0].value = state;
	fcinfo->args[0].isnull = state_isnull;
	if (value != NULL)
	{
		fcinfo->args[1].value = *value;
		fcinfo->args[1].isnull = false;
	}
	result = FunctionCallInvoke(fcinfo);
	*isnull_out = fcinfo->isnull;
	return result;
}

static Datum
initial_state(HeapTuple tuple, bool *isnull_out)
{
	Datum		initval = SysCacheGetAttr(AGGFNOID, tuple, Anum_pg_aggregate_agginitval, isnull_out);
	Oid			input;
	Oid			ioparam;

	if (*isnull_out)
		return (Datum) 0;
	getTypeInputInfo(((Form_pg_aggregate) GETSTRUCT(tuple))->aggtranstype, &input, &ioparam);
	return OidInputFunctionCall(input, TextDatumGetCString(initval), ioparam, -1);
}

/* The aggregate over one column of the rows (of RefRow); every supported one ignores NULL. */
static Datum
call_aggregate(Oid aggfnoid, Oid collation, List *rows, int column, bool *isnull_out)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggfnoid));
	Form_pg_aggregate form = (Form_pg_aggregate) GETSTRUCT(tuple);
	FmgrInfo	transition;
	FmgrInfo	final;
	bool		isnull;
	Datum		state = initial_state(tuple, &isnull);
	ListCell   *lc;

	fmgr_info(form->aggtransfn, &transition);
	foreach(lc, rows)
	{
		RefRow	   *row = lfirst(lc);

		if (row->isnull[column])
			continue;
		if (transition.fn_strict && isnull)
		{
			state = row->values[column];
			isnull = false;
		}
		else
			state = call_support(&transition, collation, state, isnull, &row->values[column], &isnull);
	}
	if (OidIsValid(form->aggfinalfn))
	{
		fmgr_info(form->aggfinalfn, &final);
		if (!isnull || !final.fn_strict)
			state = call_support(&final, collation, state, isnull, NULL, &isnull);
	}
	ReleaseSysCache(tuple);
	*isnull_out = isnull;
	return state;
}

/* ---- groups ---- */

static bool
same_keys(const DbspPlan *plan, const RefRow *a, const RefRow *b)
{
	ListCell   *lc;

	foreach(lc, plan->groupkeys)
	{
		DbspGroupKey *key = lfirst(lc);
		int			i = foreach_current_index(lc);

		if (a->isnull[i] != b->isnull[i])
			return false;
		if (!a->isnull[i] && !DatumGetBool(OidFunctionCall2Coll(get_opcode(key->eqop), key->collation,
																a->values[i], b->values[i])))
			return false;
	}
	return true;
}

static RefGroup *
get_group(const DbspPlan *plan, List **groups, RefRow *keys)
{
	RefGroup   *group;
	ListCell   *lc;

	foreach(lc, *groups)
		if (same_keys(plan, ((RefGroup *) lfirst(lc))->keys, keys))
			return lfirst(lc);
	group = palloc0(sizeof(RefGroup));
	group->keys = keys;
	*groups = lappend(*groups, group);
	return group;
}

/* The smallest digest, and whose it is: of a group whose keys have digests in this column of values. */
static int64
smallest_digest(const RefGroup *group, int which, RefRow **keys)
{
	int64		smallest = 0;
	ListCell   *v;
	ListCell   *k;

	*keys = NULL;
	forboth(v, group->values, k, group->rowkeys)
	{
		int64		digest = DatumGetInt64(((RefRow *) lfirst(v))->values[which]);

		if (*keys == NULL || digest < smallest)
		{
			smallest = digest;
			*keys = lfirst(k);
		}
	}
	return smallest;
}

/* A group shows the keys with the smallest digest. */
static void
choose_representatives(const DbspPlan *plan, List *groups)
{
	ListCell   *lc;
	ListCell   *v;

	foreach(v, plan->values)
		if (((DbspAggValues *) lfirst(v))->of_keys)
			foreach(lc, groups)
				(void) smallest_digest(lfirst(lc), foreach_current_index(v), &((RefGroup *) lfirst(lc))->keys);
}

static List *
make_groups(DbspStore *store, const DbspPlan *plan)
{
	DbspPlan   *input = linitial(plan->inputs);
	List	   *rows = ref_eval(store, input);
	List	   *exprs[3] = {NIL, NIL, NIL};
	List	   *inputs[3];
	List	   *groups = NIL;
	ListCell   *lc;

	foreach(lc, plan->groupkeys)
		exprs[0] = lappend(exprs[0], ((DbspGroupKey *) lfirst(lc))->expr);
	foreach(lc, plan->states)
		exprs[1] = lappend(exprs[1], ((DbspAggState *) lfirst(lc))->arg);
	foreach(lc, plan->values)
		exprs[2] = lappend(exprs[2], ((DbspAggValues *) lfirst(lc))->arg);
	for (int i = 0; i < 3; i++)
		inputs[i] = ref_project_rows(rows, input->rowtype, exprs[i]);
	if (plan->grand_total)
		(void) get_group(plan, &groups, ref_new_row(0));
	for (int i = 0; i < list_length(rows); i++)
	{
		RefGroup   *group = get_group(plan, &groups, list_nth(inputs[0], i));

		group->states = lappend(group->states, list_nth(inputs[1], i));
		group->values = lappend(group->values, list_nth(inputs[2], i));
		group->rowkeys = lappend(group->rowkeys, list_nth(inputs[0], i));
	}
	choose_representatives(plan, groups);
	return groups;
}

/* The row that outputs and HAVING are evaluated on. */
static TupleDesc
group_desc(const DbspPlan *plan)
{
	int			nkeys = list_length(plan->groupkeys);
	TupleDesc	desc = CreateTemplateTupleDesc(nkeys + list_length(plan->calls));
	ListCell   *lc;

	foreach(lc, plan->groupkeys)
		TupleDescInitEntry(desc, foreach_current_index(lc) + 1, NULL,
						   exprType((Node *) ((DbspGroupKey *) lfirst(lc))->expr), -1, 0);
	foreach(lc, plan->calls)
		TupleDescInitEntry(desc, nkeys + foreach_current_index(lc) + 1, NULL, ((DbspAggCall *) lfirst(lc))->type, -1, 0);
	return desc;
}

static RefRow *
group_row(const DbspPlan *plan, const RefGroup *group)
{
	int			nkeys = list_length(plan->groupkeys);
	RefRow	   *row = ref_new_row(nkeys + list_length(plan->calls));
	ListCell   *lc;

	memcpy(row->values, group->keys->values, nkeys * sizeof(Datum));
	memcpy(row->isnull, group->keys->isnull, nkeys * sizeof(bool));
	foreach(lc, plan->calls)
	{
		DbspAggCall *call = lfirst(lc);
		int			column = nkeys + foreach_current_index(lc);

		if (call->state < 0)
			row->values[column] = Int64GetDatum(list_length(group->states));
		else
			row->values[column] = call_aggregate(call->aggfnoid,
												 ((DbspAggState *) list_nth(plan->states, call->state))->collation,
												 group->states, call->state, &row->isnull[column]);
	}
	return row;
}

List *
ref_aggregate(DbspStore *store, const DbspPlan *plan)
{
	TupleDesc	desc = group_desc(plan);
	List	   *rows = NIL;
	ListCell   *lc;

	foreach(lc, make_groups(store, plan))
		rows = lappend(rows, group_row(plan, lfirst(lc)));
	return ref_project_rows(ref_filter_rows(rows, desc, plan->having), desc, plan->exprs);
}

/* ---- state tables ---- */

/* The column of a state: what its class makes of the group's values, or the extreme one. */
static void
put_state(const DbspPlan *plan, const RefGroup *group, int which, RefRow *row, int column)
{
	DbspAggState *def = list_nth(plan->states, which);
	void	   *state;
	ListCell   *lc;

	if (def->aggclass == &dbsp_agg_representative)
	{
		RefRow	   *keys;

		row->values[column] = Int64GetDatum(smallest_digest(group, def->values, &keys));
		return;
	}
	if (def->aggclass->extreme)
	{
		foreach(lc, plan->calls)
		{
			DbspAggCall *call = lfirst(lc);

			if (call->state == which)
				row->values[column] = call_aggregate(call->aggfnoid, def->collation, group->states, which,
													 &row->isnull[column]);
		}
		return;
	}
	state = def->aggclass->create(def->argtype, CurrentMemoryContext);
	foreach(lc, group->states)
	{
		RefRow	   *input = lfirst(lc);

		if (!input->isnull[which])
			def->aggclass->add(state, input->values[which], 1);
	}
	row->values[column] = def->aggclass->store(state);
}

/* A group that HAVING hides shows its keys only. */
static RefRow *
stored_group(const DbspStateDef *def, const RefGroup *group)
{
	const DbspPlan *plan = def->plan;
	TupleDesc	desc = group_desc(plan);
	List	   *rows = list_make1(group_row(plan, group));
	bool		visible = ref_filter_rows(rows, desc, plan->having) != NIL;
	RefRow	   *outputs = linitial(ref_project_rows(rows, desc, plan->exprs));
	RefRow	   *row = ref_new_row(def->desc->natts);
	ListCell   *lc;

	memset(row->isnull, visible ? 0 : 1, def->noutputs);
	if (visible)
	{
		memcpy(row->values, outputs->values, def->noutputs * sizeof(Datum));
		memcpy(row->isnull, outputs->isnull, def->noutputs * sizeof(bool));
	}
	foreach(lc, plan->groupkeys)
	{
		int			column = ((DbspGroupKey *) lfirst(lc))->column - 1;

		row->values[column] = group->keys->values[foreach_current_index(lc)];
		row->isnull[column] = group->keys->isnull[foreach_current_index(lc)];
	}
	if (def->visible_column > 0)
		row->values[def->visible_column - 1] = BoolGetDatum(visible);
	row->values[def->count_column - 1] = Int64GetDatum(list_length(group->states));
	for (int i = 0; i < list_length(plan->states); i++)
		put_state(plan, group, i, row, def->agg_column - 1 + i);
	return row;
}

/* True if the columns that tell rows with equal values apart are the same. */
static bool
same_images(const DbspStateDef *def, const RefRow *a, const RefRow *b)
{
	ListCell   *lc;

	foreach(lc, def->exact)
	{
		Form_pg_attribute att = TupleDescAttr(def->desc, lfirst_int(lc) - 1);
		int			i = lfirst_int(lc) - 1;

		if (a->isnull[i] != b->isnull[i])
			return false;
		if (!a->isnull[i] && !datum_image_eq(a->values[i], b->values[i], att->attbyval, att->attlen))
			return false;
	}
	return true;
}

/* Adds one to the number of a value, whose row is made if need be. */
static void
count_value(const DbspStateDef *def, const RefRow *keys, Datum value, List **rows)
{
	int			nkeys = list_length(def->plan->groupkeys);
	DbspAggValues *values = list_nth(def->plan->values, def->values);
	TypeCacheEntry *type = lookup_type_cache(values->type, TYPECACHE_EQ_OPR_FINFO);
	RefRow	   *row;
	RefRow	   *counted = ref_new_row(def->desc->natts);
	ListCell   *lc;

	memcpy(counted->values, keys->values, nkeys * sizeof(Datum));
	memcpy(counted->isnull, keys->isnull, nkeys * sizeof(bool));
	counted->values[nkeys] = value;
	counted->values[nkeys + 1] = Int64GetDatum(1);
	foreach(lc, *rows)
	{
		row = lfirst(lc);
		if (DatumGetBool(FunctionCall2Coll(&type->eq_opr_finfo, values->collation, row->values[nkeys], value)) &&
			same_images(def, row, counted))
		{
			row->values[nkeys + 1] = Int64GetDatum(DatumGetInt64(row->values[nkeys + 1]) + 1);
			return;
		}
	}
	*rows = lappend(*rows, counted);
}

List *
ref_state_rows(DbspStore *store, const DbspStateDef *def)
{
	List	   *result = NIL;
	ListCell   *lc;

	if (def->plan->kind != DBSP_PLAN_AGGREGATE)
		return ref_eval(store, def->plan);
	foreach(lc, make_groups(store, def->plan))
	{
		RefGroup   *group = lfirst(lc);
		List	   *rows = NIL;
		ListCell   *v;
		ListCell   *k;

		if (def->role != DBSP_STATE_VALUES)
		{
			result = lappend(result, stored_group(def, group));
			continue;
		}
		forboth(v, group->values, k, group->rowkeys)
			if (!((RefRow *) lfirst(v))->isnull[def->values])
				count_value(def, lfirst(k), ((RefRow *) lfirst(v))->values[def->values], &rows);
		result = list_concat(result, rows);
	}
	return result;
}
