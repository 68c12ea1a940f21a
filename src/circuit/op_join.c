/*-------------------------------------------------------------------------
 *
 * op_join.c
 *	  Inner join: bilinear (DBSP, section 4.3).
 *
 *		d(L x R) = dL x Rnew - dL x dR + Lnew x dR
 *
 * where new is what the snapshot of this step shows, taken after the locks of
 * every key in dL and dR.  No old state is read: it is new minus the deltas,
 * and the formula has that multiplied out.
 *
 * Writers of one side need not exclude each other, only writers of the other
 * side: a left row takes RowExclusiveLock on its key, a right row ShareLock
 * (each compatible with itself, not with the other).
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "circuit/op.h"
#include "row/rowkey.h"

typedef struct JoinSide
{
	TupleDesc	desc;			/* of row images */
	int			natts;
	List	   *key_exprs;		/* of ExprState */
	int16	   *key_typlen;
	bool	   *key_typbyval;
	ZSet	   *delta;
	TupleTableSlot *slot;		/* minimal tuple slot for rows of the delta */
	DbspProber *prober;			/* finds rows of this side by the other side's key values; made on first use */
} JoinSide;

/* One row of a side's delta that can match anything. */
typedef struct JoinRow
{
	uint32		hash;
	const DbspZSetItem *item;
	Datum	   *key;
	bool	   *key_null;
} JoinRow;

typedef struct JoinOp
{
	DbspOp		op;
	JoinSide	sides[2];
	int			nkeys;
	DbspKey    *key;			/* left operator right */
	ExprState  *qual;			/* over the joined row, or NULL */
	TupleTableSlot *slot;		/* the joined row */
	ExprContext *key_econtext;

	/* of the probe at hand: the delta rows (side `delta_side`) of one key, each joined to every row found */
	int			delta_side;
	JoinRow    *group;
	int			ngroup;
} JoinOp;

static DbspOp *
join_init(DbspCircuit *circuit, DbspPlan *plan)
{
	JoinOp	   *join = palloc0(sizeof(JoinOp));
	List	   *operators = NIL;
	List	   *collations = NIL;
	List	   *exprs[2] = {NIL, NIL};
	ListCell   *lc;

	foreach(lc, plan->joinkeys)
	{
		DbspJoinKey *joinkey = lfirst(lc);

		operators = lappend_oid(operators, joinkey->operator);
		collations = lappend_oid(collations, joinkey->collation);
		exprs[0] = lappend(exprs[0], joinkey->left);
		exprs[1] = lappend(exprs[1], joinkey->right);
	}
	join->nkeys = list_length(operators);
	join->key = dbsp_key_make(operators, collations);
	for (int i = 0; i < 2; i++)
	{
		JoinSide   *side = &join->sides[i];
		DbspPlan   *input = list_nth(plan->inputs, i);

		side->desc = dbsp_row_desc(input->rowtype);
		side->natts = side->desc->natts;
		side->key_exprs = dbsp_expr_list_init(exprs[i]);
		side->key_typlen = palloc(Max(join->nkeys, 1) * sizeof(int16));
		side->key_typbyval = palloc(Max(join->nkeys, 1) * sizeof(bool));
		foreach(lc, exprs[i])
			get_typlenbyval(exprType(lfirst(lc)), &side->key_typlen[foreach_current_index(lc)],
							&side->key_typbyval[foreach_current_index(lc)]);
		side->slot = MakeSingleTupleTableSlot(side->desc, &TTSOpsMinimalTuple);
	}
	join->qual = plan->quals ? ExecInitQual(plan->quals, NULL) : NULL;
	join->slot = MakeSingleTupleTableSlot(plan->rowtype, &TTSOpsVirtual);
	join->key_econtext = CreateStandaloneExprContext();
	return &join->op;
}

static void
join_begin(DbspOp *op)
{
	JoinOp	   *join = (JoinOp *) op;

	for (int i = 0; i < 2; i++)
		join->sides[i].delta = dbsp_zset_create(CurrentMemoryContext, join->sides[i].desc);
}

static void
join_push(DbspOp *op, int input, TupleTableSlot *slot, DbspWeight weight)
{
	JoinOp	   *join = (JoinOp *) op;

	slot_getallattrs(slot);
	dbsp_zset_add_values(join->sides[input].delta, slot->tts_values, slot->tts_isnull, weight);
}

/* ---- joined rows ---- */

static void
put_side(JoinOp *join, int side, TupleTableSlot *slot)
{
	int			offset = side == 0 ? 0 : join->sides[0].natts;
	int			natts = join->sides[side].natts;

	slot_getallattrs(slot);
	memcpy(join->slot->tts_values + offset, slot->tts_values, natts * sizeof(Datum));
	memcpy(join->slot->tts_isnull + offset, slot->tts_isnull, natts * sizeof(bool));
}

/* Emits the join of two rows if it passes the quals. */
static void
emit_joined(JoinOp *join, TupleTableSlot *left, TupleTableSlot *right, DbspWeight weight)
{
	ExprContext *econtext = join->op.circuit->econtext;

	ExecClearTuple(join->slot);
	put_side(join, 0, left);
	put_side(join, 1, right);
	ExecStoreVirtualTuple(join->slot);
	if (join->qual == NULL || dbsp_qual_eval(econtext, join->qual, join->slot))
		dbsp_op_emit(&join->op, join->slot, weight);
	ResetExprContext(econtext);
}

/* A row of the other side that matches the group of delta rows at hand. */
static void
match_emit(void *arg, TupleTableSlot *slot, DbspWeight weight)
{
	JoinOp	   *join = arg;
	JoinSide   *side = &join->sides[join->delta_side];

	for (int i = 0; i < join->ngroup; i++)
	{
		const DbspZSetItem *item = join->group[i].item;
		DbspWeight	product = dbsp_weight_multiply(item->weight, weight);

		ExecStoreMinimalTuple(item->row, side->slot, false);
		if (join->delta_side == 0)
			emit_joined(join, side->slot, slot, product);
		else
			emit_joined(join, slot, side->slot, product);
	}
}

/* ---- the deltas ---- */

static int
compare_rows(const void *a, const void *b)
{
	uint32		left = ((const JoinRow *) a)->hash;
	uint32		right = ((const JoinRow *) b)->hash;

	return left < right ? -1 : left > right ? 1 : 0;
}

/* The join key of a row, copied out of the per-tuple memory; false if a part of it is NULL, which matches nothing. */
static bool
compute_key(JoinOp *join, JoinSide *side, JoinRow *row)
{
	row->key = palloc(Max(join->nkeys, 1) * sizeof(Datum));
	row->key_null = palloc(Max(join->nkeys, 1) * sizeof(bool));
	ExecStoreMinimalTuple(row->item->row, side->slot, false);
	ResetExprContext(join->key_econtext);
	dbsp_expr_list_eval(join->key_econtext, side->key_exprs, side->slot, row->key, row->key_null);
	if (dbsp_key_has_null(join->key, row->key_null))
		return false;
	for (int i = 0; i < join->nkeys; i++)
		row->key[i] = datumCopy(row->key[i], side->key_typbyval[i], side->key_typlen[i]);
	return true;
}

static JoinRow *
collect_rows(JoinOp *join, int which, int *nrows_out)
{
	JoinSide   *side = &join->sides[which];
	JoinRow    *rows = MemoryContextAllocHuge(CurrentMemoryContext,
											  Max(dbsp_zset_count(side->delta), 1) * sizeof(JoinRow));
	int			nrows = 0;

	for (const DbspZSetItem *item = dbsp_zset_first(side->delta); item; item = dbsp_zset_next(item))
	{
		JoinRow    *row = &rows[nrows];

		CHECK_FOR_INTERRUPTS();
		row->item = item;
		if (!compute_key(join, side, row))
			continue;
		row->hash = dbsp_key_hash(join->key, row->key, row->key_null, which == 0);
		nrows++;
	}
	if (nrows > 1)
		qsort(rows, nrows, sizeof(JoinRow), compare_rows);
	*nrows_out = nrows;
	return rows;
}

static bool
same_key_image(JoinOp *join, JoinSide *side, const JoinRow *a, const JoinRow *b)
{
	for (int i = 0; i < join->nkeys; i++)
		if (!datumIsEqual(a->key[i], b->key[i], side->key_typbyval[i], side->key_typlen[i]))
			return false;
	return true;
}

/* Moves the rows with the image of rows[0]'s key to the front; returns their number.  All have the same hash. */
static int
split_group(JoinOp *join, JoinSide *side, JoinRow *rows, int nrows)
{
	int			n = 1;

	for (int i = 1; i < nrows; i++)
		if (same_key_image(join, side, &rows[0], &rows[i]))
		{
			JoinRow		swap = rows[n];

			rows[n++] = rows[i];
			rows[i] = swap;
		}
	return n;
}

/* The delta of one side with the other side as the snapshot shows it: one probe per distinct key. */
static void
join_with_new(JoinOp *join, int which, JoinRow *rows, int nrows)
{
	JoinSide   *side = &join->sides[which];
	JoinSide   *other = &join->sides[1 - which];

	if (nrows == 0)
		return;
	if (other->prober == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(join->op.circuit->cxt);

		other->prober = dbsp_prober_make(join->op.circuit, dbsp_probe_join_side(join->op.plan, which == 0));
		MemoryContextSwitchTo(old);
	}
	join->delta_side = which;
	for (int i = 0, end; i < nrows; i = end)
	{
		CHECK_FOR_INTERRUPTS();
		for (end = i + 1; end < nrows && rows[end].hash == rows[i].hash; end++)
			;
		end = i + split_group(join, side, rows + i, end - i);
		join->group = rows + i;
		join->ngroup = end - i;
		dbsp_prober_run(other->prober, rows[i].key, rows[i].key_null, match_emit, join);
	}
}

/* Minus the product of the two deltas, which the other two products both contain. */
static void
subtract_product(JoinOp *join, JoinRow *left, int nleft, JoinRow *right, int nright)
{
	int			start = 0;

	for (int i = 0; i < nleft; i++)
	{
		while (start < nright && right[start].hash < left[i].hash)
			start++;
		for (int j = start; j < nright && right[j].hash == left[i].hash; j++)
		{
			CHECK_FOR_INTERRUPTS();
			if (!dbsp_key_equal(join->key, left[i].key, left[i].key_null, right[j].key, right[j].key_null))
				continue;
			ExecStoreMinimalTuple(left[i].item->row, join->sides[0].slot, false);
			ExecStoreMinimalTuple(right[j].item->row, join->sides[1].slot, false);
			emit_joined(join, join->sides[0].slot, join->sides[1].slot,
						dbsp_weight_multiply(-left[i].item->weight, right[j].item->weight));
		}
	}
}

static void
take_locks(JoinOp *join, JoinRow *left, int nleft, JoinRow *right, int nright)
{
	DbspStore  *store = join->op.circuit->store;
	DbspKeyLock *locks = MemoryContextAllocHuge(CurrentMemoryContext, (nleft + nright) * sizeof(DbspKeyLock));
	int			nlocks = 0;

	for (int i = 0; i < nleft; i++)
		if (i == 0 || left[i].hash != left[i - 1].hash)
			locks[nlocks++] = (DbspKeyLock) {.hash = left[i].hash, .mode = RowExclusiveLock};
	for (int i = 0; i < nright; i++)
		if (i == 0 || right[i].hash != right[i - 1].hash)
			locks[nlocks++] = (DbspKeyLock) {.hash = right[i].hash, .mode = ShareLock};

	/* Without hash functions every row has the same hash: one lock, still in the two modes. */
	store->storeclass->begin_step(store, join->op.plan->number, false, locks, nlocks);
}

static void
join_flush(DbspOp *op)
{
	JoinOp	   *join = (JoinOp *) op;
	DbspStore  *store = op->circuit->store;
	JoinRow    *left;
	JoinRow    *right;
	int			nleft;
	int			nright;

	if (dbsp_zset_count(join->sides[0].delta) == 0 && dbsp_zset_count(join->sides[1].delta) == 0)
		return;
	left = collect_rows(join, 0, &nleft);
	right = collect_rows(join, 1, &nright);
	if (nleft + nright == 0)
		return;
	take_locks(join, left, nleft, right, nright);
	join_with_new(join, 0, left, nleft);
	join_with_new(join, 1, right, nright);
	subtract_product(join, left, nleft, right, nright);
	store->storeclass->end_step(store);
}

/* ---- probes: the rows of this join by key ---- */

typedef struct JoinProber
{
	DbspProber *prober;
	TupleTableSlot *slot;
	ExprState  *qual;
	ExprContext *econtext;
	List	   *other_exprs;	/* of ExprState, over the driver's row */
	List	   *recheck_exprs;	/* of ExprState, over the joined row */
	FmgrInfo   *recheck_functions;
	int			nvalues;
	Datum	   *values;			/* the outer values, then those of the driver's row */
	bool	   *isnull;
	Datum	   *recheck_values;
	bool	   *recheck_null;
	DbspEmit	emit;
	void	   *arg;
} JoinProber;

static void
join_probe_init(DbspOp *op, DbspProber *prober)
{
	JoinProber *state = palloc0(sizeof(JoinProber));
	DbspProbe  *probe = prober->probe;
	List	   *recheck = NIL;
	int			n = list_length(probe->recheck);
	int			i = 0;
	ListCell   *lc;

	state->prober = prober;
	state->slot = MakeSingleTupleTableSlot(op->plan->rowtype, &TTSOpsVirtual);
	state->qual = op->plan->quals ? ExecInitQual(op->plan->quals, NULL) : NULL;
	state->econtext = CreateStandaloneExprContext();
	state->other_exprs = dbsp_expr_list_init(probe->other_exprs);
	state->nvalues = probe->nouter + list_length(probe->other_exprs);
	state->values = palloc0(Max(state->nvalues, 1) * sizeof(Datum));
	state->isnull = palloc0(Max(state->nvalues, 1) * sizeof(bool));
	state->recheck_functions = palloc0(Max(n, 1) * sizeof(FmgrInfo));
	state->recheck_values = palloc0(Max(n, 1) * sizeof(Datum));
	state->recheck_null = palloc0(Max(n, 1) * sizeof(bool));
	foreach(lc, probe->recheck)
	{
		DbspProbeKey *key = lfirst(lc);

		recheck = lappend(recheck, key->expr);
		fmgr_info(get_opcode(key->operator), &state->recheck_functions[i++]);
	}
	state->recheck_exprs = dbsp_expr_list_init(recheck);
	prober->state = state;
}

/* True if the keys that could not be pushed to one side hold for the joined row. */
static bool
recheck_keys(JoinProber *state)
{
	DbspProbe  *probe = state->prober->probe;
	int			i = 0;
	ListCell   *lc;

	dbsp_expr_list_eval(state->econtext, state->recheck_exprs, state->slot, state->recheck_values, state->recheck_null);
	foreach(lc, probe->recheck)
	{
		DbspProbeKey *key = lfirst(lc);

		if (state->recheck_null[i] || state->isnull[key->value] ||
			!DatumGetBool(FunctionCall2Coll(&state->recheck_functions[i], key->collation,
											state->recheck_values[i], state->values[key->value])))
			return false;
		i++;
	}
	return true;
}

static void
probe_put(JoinProber *state, bool left, TupleTableSlot *slot)
{
	DbspPlan   *input = list_nth(state->prober->probe->node->inputs, left ? 0 : 1);
	DbspPlan   *first = linitial(state->prober->probe->node->inputs);
	int			offset = left ? 0 : first->rowtype->natts;
	int			natts = input->rowtype->natts;

	slot_getallattrs(slot);
	memcpy(state->slot->tts_values + offset, slot->tts_values, natts * sizeof(Datum));
	memcpy(state->slot->tts_isnull + offset, slot->tts_isnull, natts * sizeof(bool));
}

/*
 * A row of the other side for the driver's row, whose values are in the slot
 * already.  Its own per-tuple memory holds values that the scan of the other
 * side still needs, so quals are evaluated in the circuit's context.
 */
static void
probe_other_emit(void *arg, TupleTableSlot *slot, DbspWeight weight)
{
	JoinProber *state = arg;

	probe_put(state, !state->prober->probe->driver_is_left, slot);
	if (state->qual && !dbsp_qual_eval(state->econtext, state->qual, state->slot))
		return;
	if (state->recheck_exprs != NIL && !recheck_keys(state))
		return;
	state->emit(state->arg, state->slot, weight);
}

static void
probe_driver_emit(void *arg, TupleTableSlot *slot, DbspWeight weight)
{
	JoinProber *state = arg;
	int			nouter = state->prober->probe->nouter;

	ResetExprContext(state->econtext);
	ExecClearTuple(state->slot);
	dbsp_expr_list_eval(state->econtext, state->other_exprs, slot, state->values + nouter, state->isnull + nouter);
	probe_put(state, state->prober->probe->driver_is_left, slot);
	ExecStoreVirtualTuple(state->slot);
	dbsp_prober_run(lsecond(state->prober->inputs), state->values, state->isnull, probe_other_emit, state);
}

static void
join_probe(DbspProber *prober, const Datum *values, const bool *isnull, DbspEmit emit, void *arg)
{
	JoinProber *state = prober->state;
	int			nouter = prober->probe->nouter;

	memcpy(state->values, values, nouter * sizeof(Datum));
	memcpy(state->isnull, isnull, nouter * sizeof(bool));
	state->emit = emit;
	state->arg = arg;
	dbsp_prober_run(linitial(prober->inputs), values, isnull, probe_driver_emit, state);
}

const DbspOpClass dbsp_op_join = {
	.name = "join",
	.kind = DBSP_PLAN_JOIN,
	.init = join_init,
	.push = join_push,
	.begin = join_begin,
	.flush = join_flush,
	.probe_init = join_probe_init,
	.probe = join_probe,
};
