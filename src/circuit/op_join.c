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

#include "access/nbtree.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/sortsupport.h"

#include "circuit/batch.h"
#include "circuit/op.h"
#include "row/rowkey.h"

typedef struct JoinSide
{
	int			natts;
	int			ncomputed;
	List	   *computed;		/* of ExprState: keys that are no columns of the row; they stand behind it */
	int		   *key_columns;	/* 0-based, in the rows of the batch */
	DbspBatchType *batch_type;
	DbspBatch  *batch;
	Datum	   *values;			/* of the row being pushed */
	bool	   *isnull;
	DbspProber *prober;			/* finds rows of this side by the other side's key values; made on first use */
} JoinSide;

typedef struct JoinOp
{
	DbspOp		op;
	JoinSide	sides[2];
	int			nkeys;
	DbspKey    *key;			/* left operator right */
	SortSupport order;			/* compares keys of the left side to keys of the right; NULL: batches are in the order of hashes */
	ExprState  *qual;			/* over the joined row, or NULL */
	TupleTableSlot *slot;		/* the joined row */
	DbspBatchType *net_type;	/* of joined rows; made on first use */
	DbspBatch  *net;			/* joined rows are collected here; NULL: they are emitted at once */

	/* of the probe at hand: the delta rows (side `delta_side`) of one key, each joined to every row found */
	int			delta_side;
	DbspBatchRow *group;
	int64		ngroup;
	int64		maxgroup;
} JoinOp;

/* ---- building ---- */

/*
 * A btree family in which the operator is equality, with the orders of both
 * types and between them, as a merge join needs it (executor/nodeMergejoin.c).
 */
static bool
find_order(Oid operator, Oid *left_out, Oid *right_out, Oid *between_out)
{
	Oid			left;
	Oid			right;
	ListCell   *lc;

	op_input_types(operator, &left, &right);
	foreach(lc, get_mergejoin_opfamilies(operator))
	{
		Oid			family = lfirst_oid(lc);

		*left_out = get_opfamily_member(family, left, left, BTLessStrategyNumber);
		*right_out = get_opfamily_member(family, right, right, BTLessStrategyNumber);
		*between_out = get_opfamily_proc(family, left, right, BTORDER_PROC);
		if (OidIsValid(*left_out) && OidIsValid(*right_out) && OidIsValid(*between_out))
			return true;
	}
	return false;
}

/* Sets join->order if all keys can be ordered; sortops get the operators of both sides then. */
static void
init_order(JoinOp *join, DbspPlan *plan, List *sortops[2])
{
	SortSupport order = palloc0(Max(join->nkeys, 1) * sizeof(SortSupportData));
	ListCell   *lc;

	if (join->nkeys == 0)
		return;
	foreach(lc, plan->joinkeys)
	{
		DbspJoinKey *joinkey = lfirst(lc);
		SortSupport one = &order[foreach_current_index(lc)];
		Oid			left;
		Oid			right;
		Oid			between;

		if (!find_order(joinkey->operator, &left, &right, &between))
		{
			sortops[0] = sortops[1] = NIL;
			return;
		}
		sortops[0] = lappend_oid(sortops[0], left);
		sortops[1] = lappend_oid(sortops[1], right);
		one->ssup_cxt = CurrentMemoryContext;
		one->ssup_collation = joinkey->collation;
		PrepareSortSupportComparisonShim(between, one);
	}
	join->order = order;
}

/* The rows of a side's batch: the side's columns, then the keys that have to be computed. */
static void
init_side(JoinOp *join, int which, DbspPlan *input, List *keys, List *sortops)
{
	JoinSide   *side = &join->sides[which];
	List	   *columns = NIL;
	List	   *computed = NIL;
	TupleDesc	desc;
	TupleDesc	computed_desc;
	ListCell   *lc;

	side->natts = input->rowtype->natts;
	side->key_columns = palloc(Max(join->nkeys, 1) * sizeof(int));
	foreach(lc, keys)
	{
		Expr	   *expr = lfirst(lc);

		if (IsA(expr, Var) && ((Var *) expr)->varattno > 0)
			columns = lappend_int(columns, ((Var *) expr)->varattno - 1);
		else
		{
			columns = lappend_int(columns, side->natts + list_length(computed));
			computed = lappend(computed, expr);
		}
		side->key_columns[foreach_current_index(lc)] = llast_int(columns);
	}
	side->ncomputed = list_length(computed);
	side->computed = dbsp_expr_list_init(computed);
	desc = CreateTemplateTupleDesc(side->natts + side->ncomputed);
	for (int i = 0; i < side->natts; i++)
		TupleDescCopyEntry(desc, i + 1, input->rowtype, i + 1);
	computed_desc = dbsp_expr_list_desc(computed);
	for (int i = 0; i < side->ncomputed; i++)
		TupleDescCopyEntry(desc, side->natts + i + 1, computed_desc, i + 1);
	side->values = palloc0(Max(desc->natts, 1) * sizeof(Datum));
	side->isnull = palloc0(Max(desc->natts, 1) * sizeof(bool));
	side->batch_type = dbsp_batch_type_make(dbsp_row_desc(desc), join->nkeys, side->key_columns, sortops,
											join->key, which == 0);
}

static DbspOp *
join_init(DbspCircuit *circuit, DbspPlan *plan)
{
	JoinOp	   *join = palloc0(sizeof(JoinOp));
	List	   *operators = NIL;
	List	   *collations = NIL;
	List	   *exprs[2] = {NIL, NIL};
	List	   *sortops[2] = {NIL, NIL};
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
	init_order(join, plan, sortops);
	for (int i = 0; i < 2; i++)
		init_side(join, i, list_nth(plan->inputs, i), exprs[i], sortops[i]);
	join->qual = plan->quals ? ExecInitQual(plan->quals, NULL) : NULL;
	join->slot = MakeSingleTupleTableSlot(plan->rowtype, &TTSOpsVirtual);
	return &join->op;
}

static void
join_begin(DbspOp *op)
{
	JoinOp	   *join = (JoinOp *) op;

	for (int i = 0; i < 2; i++)
		join->sides[i].batch = dbsp_batch_begin(join->sides[i].batch_type, CurrentMemoryContext);
	join->group = NULL;
	join->maxgroup = 0;
	join->net = NULL;
}

static void
join_push(DbspOp *op, int input, TupleTableSlot *slot, DbspWeight weight)
{
	JoinOp	   *join = (JoinOp *) op;
	JoinSide   *side = &join->sides[input];

	slot_getallattrs(slot);
	memcpy(side->values, slot->tts_values, side->natts * sizeof(Datum));
	memcpy(side->isnull, slot->tts_isnull, side->natts * sizeof(bool));
	if (side->ncomputed > 0)
		dbsp_expr_list_eval(op->circuit->econtext, side->computed, slot, side->values + side->natts,
							side->isnull + side->natts);
	/* A key with a NULL in it matches nothing. */
	for (int i = 0; i < join->nkeys; i++)
		if (side->isnull[side->key_columns[i]])
			return;
	dbsp_batch_add(side->batch, side->values, side->isnull, weight);
}

/* ---- joined rows ---- */

static inline void
put_side(JoinOp *join, int side, const Datum *values, const bool *isnull)
{
	int			offset = side == 0 ? 0 : join->sides[0].natts;
	int			natts = join->sides[side].natts;

	memcpy(join->slot->tts_values + offset, values, natts * sizeof(Datum));
	memcpy(join->slot->tts_isnull + offset, isnull, natts * sizeof(bool));
}

/*
 * A row of one side can meet both versions of one of the other, also where the
 * two of them never were there at once: those rows cancel out, but the
 * expressions to come might fail on them.
 */
static void
begin_net(JoinOp *join)
{
	if (join->net_type == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(join->op.circuit->cxt);

		join->net_type = dbsp_batch_type_make(dbsp_row_desc(join->slot->tts_tupleDescriptor), 0, NULL, NIL, NULL, false);
		MemoryContextSwitchTo(old);
	}
	join->net = dbsp_batch_begin(join->net_type, join->op.circuit->fold_cxt);
}

/* Emits the joined row in the slot's arrays if it passes the quals. */
static void
emit_qualified(JoinOp *join, DbspWeight weight)
{
	ExprContext *econtext = join->op.circuit->econtext;

	ExecStoreVirtualTuple(join->slot);
	if (join->qual == NULL || dbsp_qual_eval(econtext, join->qual, join->slot))
		dbsp_op_emit(&join->op, join->slot, weight);
	ExecClearTuple(join->slot);
	ResetExprContext(econtext);
}

static void
emit_joined(JoinOp *join, DbspWeight weight)
{
	if (join->net)
		dbsp_batch_add(join->net, join->slot->tts_values, join->slot->tts_isnull, weight);
	else
		emit_qualified(join, weight);
}

static void
end_net(JoinOp *join)
{
	DbspBatch  *net = join->net;
	int			natts = join->slot->tts_tupleDescriptor->natts;
	DbspBatchRow row;

	join->net = NULL;
	dbsp_batch_sort(net);
	while (dbsp_batch_next_net(net, &row))
	{
		memcpy(join->slot->tts_values, row.values, natts * sizeof(Datum));
		memcpy(join->slot->tts_isnull, row.isnull, natts * sizeof(bool));
		emit_qualified(join, row.weight);
	}
	dbsp_batch_end(net);
}

/* A row of the other side that matches the group of delta rows at hand. */
static void
match_emit(void *arg, TupleTableSlot *slot, DbspWeight weight)
{
	JoinOp	   *join = arg;

	slot_getallattrs(slot);
	for (int64 i = 0; i < join->ngroup; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put_side(join, 1 - join->delta_side, slot->tts_values, slot->tts_isnull);
		put_side(join, join->delta_side, join->group[i].values, join->group[i].isnull);
		emit_joined(join, dbsp_weight_multiply(join->group[i].weight, weight));
	}
}

/* ---- a delta with the other side ---- */

/* Makes the rows of the part, netted, the group at hand; the part itself is read again later. */
static void
take_group(JoinOp *join, const DbspBatchType *type, const DbspBatchGroup *part)
{
	if (part->nrows > join->maxgroup)
	{
		join->maxgroup = Max(2 * join->maxgroup, part->nrows);
		join->group = MemoryContextAllocHuge(join->op.circuit->fold_cxt, join->maxgroup * sizeof(DbspBatchRow));
	}
	memcpy(join->group, part->rows, part->nrows * sizeof(DbspBatchRow));
	join->ngroup = part->nrows > 1 ? dbsp_batch_net(type, join->group, part->nrows) : part->nrows;
}

static void
make_prober(JoinOp *join, int which)
{
	MemoryContext old = MemoryContextSwitchTo(join->op.circuit->cxt);

	join->sides[which].prober = dbsp_prober_make(join->op.circuit, dbsp_probe_join_side(join->op.plan, which == 1));
	MemoryContextSwitchTo(old);
}

/* The delta of one side with the other side as the snapshot shows it: one probe per distinct key. */
static void
join_with_new(JoinOp *join, int which)
{
	JoinSide   *side = &join->sides[which];
	JoinSide   *other = &join->sides[1 - which];
	Datum		key[INDEX_MAX_KEYS * 4];
	bool		key_null[INDEX_MAX_KEYS * 4];
	DbspBatchGroup part;

	if (dbsp_batch_is_empty(side->batch))
		return;
	if (other->prober == NULL)
		make_prober(join, 1 - which);
	join->delta_side = which;
	while (dbsp_batch_next(side->batch, &part))
	{
		CHECK_FOR_INTERRUPTS();
		take_group(join, side->batch_type, &part);
		if (join->ngroup == 0)
			continue;
		for (int i = 0; i < join->nkeys; i++)
		{
			key[i] = join->group[0].values[side->key_columns[i]];
			key_null[i] = false;
		}
		dbsp_prober_run(other->prober, key, key_null, match_emit, join);
	}
	dbsp_batch_rewind(side->batch);
}

/* ---- the product of the deltas ---- */

/* The rows of one side that have one key, or one hash where keys have no order. */
typedef struct Bucket
{
	JoinOp	   *join;
	JoinSide   *side;
	MemoryContext cxt;
	DbspBatchRow *rows;
	int64		nrows;
	int64		maxrows;
	uint32		hash;
	DbspBatchGroup ahead;		/* the first part of the next bucket */
	bool		has_ahead;
} Bucket;

static bool
part_continues(Bucket *bucket, const DbspBatchGroup *part)
{
	if (bucket->join->order)
		return !part->first;
	return dbsp_batch_hash(bucket->side->batch, &part->rows[0]) == bucket->hash;
}

static void
add_to_bucket(Bucket *bucket, const DbspBatchGroup *part)
{
	if (bucket->nrows + part->nrows > bucket->maxrows)
	{
		bucket->maxrows = Max(2 * bucket->maxrows, bucket->nrows + part->nrows);
		bucket->rows = bucket->rows ? repalloc_huge(bucket->rows, bucket->maxrows * sizeof(DbspBatchRow)) :
			palloc_extended(bucket->maxrows * sizeof(DbspBatchRow), MCXT_ALLOC_HUGE);
	}
	for (int64 i = 0; i < part->nrows; i++)
		bucket->rows[bucket->nrows++] = dbsp_batch_copy_row(bucket->side->batch_type, &part->rows[i]);
}

/* Fills the bucket with the next key's rows; false at the end. */
static bool
next_bucket(Bucket *bucket)
{
	MemoryContext old;

	MemoryContextReset(bucket->cxt);
	bucket->rows = NULL;
	bucket->nrows = bucket->maxrows = 0;
	if (!bucket->has_ahead && !dbsp_batch_next(bucket->side->batch, &bucket->ahead))
		return false;
	old = MemoryContextSwitchTo(bucket->cxt);
	bucket->hash = bucket->join->order ? 0 : dbsp_batch_hash(bucket->side->batch, &bucket->ahead.rows[0]);
	do
	{
		add_to_bucket(bucket, &bucket->ahead);
		bucket->has_ahead = dbsp_batch_next(bucket->side->batch, &bucket->ahead);
	} while (bucket->has_ahead && part_continues(bucket, &bucket->ahead));
	bucket->nrows = dbsp_batch_net(bucket->side->batch_type, bucket->rows, bucket->nrows);
	MemoryContextSwitchTo(old);
	return true;
}

static void
key_of_row(const JoinOp *join, int which, const DbspBatchRow *row, Datum *key)
{
	for (int i = 0; i < join->nkeys; i++)
		key[i] = row->values[join->sides[which].key_columns[i]];
}

/* The order of two buckets that have rows. */
static int
compare_buckets(JoinOp *join, const Bucket *left, const Bucket *right)
{
	Datum		left_key[INDEX_MAX_KEYS * 4];
	Datum		right_key[INDEX_MAX_KEYS * 4];

	if (join->order == NULL)
		return left->hash < right->hash ? -1 : left->hash > right->hash ? 1 : 0;
	key_of_row(join, 0, &left->rows[0], left_key);
	key_of_row(join, 1, &right->rows[0], right_key);
	for (int i = 0; i < join->nkeys; i++)
	{
		int			order = ApplySortComparator(left_key[i], false, right_key[i], false, &join->order[i]);

		if (order != 0)
			return order;
	}
	return 0;
}

/* Rows of one hash can be of different keys. */
static bool
keys_match(JoinOp *join, const DbspBatchRow *left, const DbspBatchRow *right)
{
	Datum		left_key[INDEX_MAX_KEYS * 4];
	Datum		right_key[INDEX_MAX_KEYS * 4];
	bool		isnull[INDEX_MAX_KEYS * 4] = {false};

	if (join->order)
		return true;
	key_of_row(join, 0, left, left_key);
	key_of_row(join, 1, right, right_key);
	return dbsp_key_equal(join->key, left_key, isnull, right_key, isnull);
}

static void
subtract_buckets(JoinOp *join, const Bucket *left, const Bucket *right)
{
	for (int64 i = 0; i < left->nrows; i++)
		for (int64 j = 0; j < right->nrows; j++)
		{
			CHECK_FOR_INTERRUPTS();
			if (!keys_match(join, &left->rows[i], &right->rows[j]))
				continue;
			put_side(join, 0, left->rows[i].values, left->rows[i].isnull);
			put_side(join, 1, right->rows[j].values, right->rows[j].isnull);
			emit_joined(join, dbsp_weight_multiply(-left->rows[i].weight, right->rows[j].weight));
		}
}

static Bucket *
open_bucket(JoinOp *join, int which)
{
	Bucket	   *bucket = palloc0(sizeof(Bucket));

	bucket->join = join;
	bucket->side = &join->sides[which];
	bucket->cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp join bucket", ALLOCSET_DEFAULT_SIZES);
	return bucket;
}

/* Minus the product of the two deltas, which the other two products both contain. */
static void
subtract_product(JoinOp *join)
{
	Bucket	   *left = open_bucket(join, 0);
	Bucket	   *right = open_bucket(join, 1);
	bool		more = next_bucket(left) && next_bucket(right);

	while (more)
	{
		int			order = left->nrows == 0 ? -1 : right->nrows == 0 ? 1 : compare_buckets(join, left, right);

		CHECK_FOR_INTERRUPTS();
		if (order == 0)
			subtract_buckets(join, left, right);
		if (order <= 0)
			more = next_bucket(left);
		if (order >= 0 && more)
			more = next_bucket(right);
	}
}

static void
join_flush(DbspOp *op)
{
	JoinOp	   *join = (JoinOp *) op;
	DbspStore  *store = op->circuit->store;
	DbspBatch  *left = join->sides[0].batch;
	DbspBatch  *right = join->sides[1].batch;
	DbspBatchLocks locks = {0};
	bool		both;

	if (dbsp_batch_is_empty(left) && dbsp_batch_is_empty(right))
		return;
	dbsp_batch_sort(left);
	dbsp_batch_sort(right);
	/* Without hash functions every row has the same hash: one lock, still in the two modes. */
	dbsp_batch_add_locks(left, RowExclusiveLock, &locks);
	dbsp_batch_add_locks(right, ShareLock, &locks);
	store->storeclass->begin_step(store, op->plan->number, locks.whole, locks.locks, locks.nlocks);
	both = !dbsp_batch_is_empty(left) && !dbsp_batch_is_empty(right);
	if (both && op->circuit->may_fail)
		begin_net(join);
	join_with_new(join, 0);
	join_with_new(join, 1);
	if (both)
		subtract_product(join);
	if (join->net)
		end_net(join);
	store->storeclass->end_step(store);
	dbsp_batch_end(left);
	dbsp_batch_end(right);
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
