/*-------------------------------------------------------------------------
 *
 * heap_access.c
 *	  Access paths: rows of a base or internal table by some keys.
 *
 * The keys that the index answers become scan keys; the others are compared
 * row by row, and so are all keys of a hash index.  Without an index the table is read.  Relations are opened at
 * the first look-up of a fold and stay open to its end.  Into a partitioned
 * table there is a path for each of its leaves (partition.c).
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/error.h"
#include "store/heap_store.h"
#include "store/heap_table.h"
#include "store/partition.h"

/* ---- building ---- */

/*
 * An internal table in hash mode can be probed by its whole key, if the
 * hash functions for the probing values are those of the key columns' family.
 */
static bool
match_hash_mode(DbspAccess *access)
{
	const DbspStateDef *def = access->table->def;
	ListCell   *c;
	ListCell   *o;

	if (def->mode != DBSP_KEY_HASH || def->role == DBSP_STATE_VALUES)
		return false;
	access->hash_keys = palloc(list_length(def->key) * sizeof(int));
	forboth(c, def->key, o, def->key_eqops)
	{
		int			found = -1;
		ListCell   *k;

		foreach(k, access->keys)
		{
			DbspProbeKey *key = lfirst(k);
			Node	   *expr = (Node *) key->expr;

			if (expr && IsA(expr, RelabelType))
				expr = (Node *) ((RelabelType *) expr)->arg;
			if (IsA(expr, Var) && ((Var *) expr)->varattno == lfirst_int(c) && key->operator == lfirst_oid(o))
				found = foreach_current_index(k);
		}
		if (found < 0)
			return false;
		access->hash_keys[foreach_current_index(c)] = found;
	}
	return true;
}

static void
init_index(DbspAccess *access, Relation rel)
{
	Relation	index;

	access->arrangement = dbsp_arrange_find(rel, access->keys);
	if (access->arrangement->temporary)
		access->store->temporary = true;
	if (!OidIsValid(access->arrangement->index))
		return;

	index = index_open(access->arrangement->index, AccessShareLock);
	access->lossy = index->rd_rel->relam != BTREE_AM_OID;
	access->scankeys = palloc0(access->arrangement->nkeys * sizeof(ScanKeyData));
	for (int i = 0; i < access->arrangement->nkeys; i++)
	{
		DbspProbeKey *key = list_nth(access->keys, access->arrangement->keys[i]);
		int			strategy;
		Oid			lefttype;
		Oid			righttype;

		get_op_opfamily_properties(key->operator, index->rd_opfamily[i], false, &strategy, &lefttype, &righttype);
		ScanKeyEntryInitialize(&access->scankeys[i], 0, i + 1, strategy, righttype,
							   key->collation, get_opcode(key->operator), (Datum) 0);
	}
	index_close(index, AccessShareLock);
}

/* True if the index finds no other rows than those that have key i.  A hash index finds all that have its hash. */
static bool
index_answers(const DbspAccess *access, int i)
{
	if (access->by_hash || access->lossy || !OidIsValid(access->arrangement->index))
		return false;
	for (int column = 0; column < access->arrangement->nkeys; column++)
		if (access->arrangement->keys[column] == i)
			return true;
	return false;
}

/* What compares the keys that the index does not answer. */
static void
init_rechecks(DbspAccess *access)
{
	ListCell   *lc;

	access->functions = palloc0(Max(access->nkeys, 1) * sizeof(FmgrInfo));
	access->exprs = palloc0(Max(access->nkeys, 1) * sizeof(ExprState *));
	foreach(lc, access->keys)
	{
		DbspProbeKey *key = lfirst(lc);
		int			i = foreach_current_index(lc);

		if (index_answers(access, i))
			continue;
		fmgr_info(get_opcode(key->operator), &access->functions[i]);
		access->exprs[i] = ExecInitExpr(key->expr, NULL);
	}
}

DbspAccess *
dbsp_heap_access_make(HeapStore *heap, Oid relid, DbspTable *table, List *keys)
{
	DbspAccess *access = palloc0(sizeof(DbspAccess));
	Relation	rel = table_open(relid, AccessShareLock);

	access->store = heap;
	access->relid = relid;
	access->table = table;
	access->keys = keys;
	access->nkeys = list_length(keys);
	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
	{
		access->partitions = dbsp_partitions_create(heap, rel, keys);
		table_close(rel, AccessShareLock);
		return access;
	}
	access->slot = MakeSingleTupleTableSlot(CreateTupleDescCopy(RelationGetDescr(rel)), table_slot_callbacks(rel));
	if (table)
		access->by_hash = match_hash_mode(access);
	if (!access->by_hash)
		init_index(access, rel);
	init_rechecks(access);
	table_close(rel, AccessShareLock);
	return access;
}

/* Access paths may be made in the middle of a fold, but live as long as the store. */
static DbspAccess *
open_access_in_store(HeapStore *heap, Oid relid, DbspTable *table, List *keys)
{
	MemoryContext old = MemoryContextSwitchTo(heap->cxt);
	DbspAccess *access = dbsp_heap_access_make(heap, relid, table, keys);

	heap->accesses = lappend(heap->accesses, access);
	MemoryContextSwitchTo(old);
	return access;
}

DbspAccess *
dbsp_heap_open_source_access(DbspStore *store, Oid relid, List *keys)
{
	return open_access_in_store((HeapStore *) store, relid, NULL, keys);
}

DbspAccess *
dbsp_heap_open_state_access(DbspStore *store, DbspTable *table, List *keys)
{
	return open_access_in_store((HeapStore *) store, table->relid, table, keys);
}

/* ---- scanning ---- */

/* Only some paths need one, which has 8 kB of memory; there can be a path for each of many partitions. */
static ExprContext *
expression_context(DbspAccess *access)
{
	if (access->econtext == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(access));

		access->econtext = CreateStandaloneExprContext();
		MemoryContextSwitchTo(old);
	}
	return access->econtext;
}

/* Compares the keys that no index answered. */
static bool
recheck_row(DbspAccess *access, TupleTableSlot *slot, const Datum *values)
{
	for (int i = 0; i < access->nkeys; i++)
	{
		ExprContext *econtext;
		DbspProbeKey *key;
		Datum		found;
		bool		isnull;

		if (access->exprs[i] == NULL)
			continue;
		key = list_nth(access->keys, i);
		econtext = expression_context(access);
		ResetExprContext(econtext);
		econtext->ecxt_scantuple = slot;
		found = ExecEvalExprSwitchContext(access->exprs[i], econtext, &isnull);
		if (isnull ||
			!DatumGetBool(FunctionCall2Coll(&access->functions[i], key->collation, found, values[key->value])))
			return false;
	}
	return true;
}

static void
start_index_scan(DbspAccess *access, const Datum *values, Snapshot snapshot)
{
	int			nkeys = access->arrangement->nkeys;
	MemoryContext old = MemoryContextSwitchTo(access->store->step_cxt);

	for (int i = 0; i < nkeys; i++)
	{
		DbspProbeKey *key = list_nth(access->keys, access->arrangement->keys[i]);

		access->scankeys[i].sk_argument = values[key->value];
	}
	if (access->index_rel == NULL)
		access->index_rel = index_open(access->arrangement->index, AccessShareLock);
	if (access->scan && access->scan->xs_snapshot != snapshot)
	{
		index_endscan(access->scan);
		access->scan = NULL;
	}
	if (access->scan == NULL)
		access->scan = index_beginscan(access->rel, access->index_rel, snapshot, nkeys, 0);
	index_rescan(access->scan, access->scankeys, nkeys, NULL, 0);
	MemoryContextSwitchTo(old);
}

static void
scan_index(DbspAccess *access, const Datum *values, Snapshot snapshot, DbspEmit emit, void *arg)
{
	start_index_scan(access, values, snapshot);
	while (dbsp_heap_next_row(access->store, access->scan, ForwardScanDirection, access->slot))
	{
		CHECK_FOR_INTERRUPTS();
		if (recheck_row(access, access->slot, values))
			emit(arg, access->slot, 1);
	}
}

static void
scan_table(DbspAccess *access, const Datum *values, Snapshot snapshot, DbspEmit emit, void *arg)
{
	TableScanDesc scan = table_beginscan(access->rel, snapshot, 0, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, access->slot))
	{
		CHECK_FOR_INTERRUPTS();
		if (recheck_row(access, access->slot, values))
			emit(arg, access->slot, 1);
	}
	table_endscan(scan);
}

static void
scan_with(DbspAccess *access, const Datum *values, Snapshot snapshot, DbspEmit emit, void *arg)
{
	if (OidIsValid(access->arrangement->index))
		scan_index(access, values, snapshot, emit, arg);
	else
		scan_table(access, values, snapshot, emit, arg);
}

/* The row of an internal table in hash mode. */
static void
scan_by_hash(DbspAccess *access, const Datum *values, DbspEmit emit, void *arg)
{
	Datum		key[INDEX_MAX_KEYS * 4];
	bool		isnull[INDEX_MAX_KEYS * 4];
	TupleTableSlot *slot;

	for (int i = 0; i < list_length(access->table->def->key); i++)
	{
		key[i] = values[((DbspProbeKey *) list_nth(access->keys, access->hash_keys[i]))->value];
		isnull[i] = false;
	}
	slot = dbsp_heap_find(&access->store->store, access->table, key, isnull);
	if (slot && recheck_row(access, slot, values))
		emit(arg, slot, 1);
}

/* ---- strictly ---- */

/* Rows found, one by one: none may be missing in the transaction's snapshot. */
typedef struct RowsSeen
{
	DbspAccess *access;
	int64		latest;
	int64		own;
} RowsSeen;

static void
see_latest(void *arg, TupleTableSlot *slot, DbspWeight weight)
{
	RowsSeen   *seen = arg;
	DbspAccess *access = seen->access;

	if (!table_tuple_satisfies_snapshot(access->rel, slot, access->store->strict_snapshot))
		dbsp_could_not_serialize();
	seen->latest++;
}

static void
see_own(void *arg, TupleTableSlot *slot, DbspWeight weight)
{
	((RowsSeen *) arg)->own++;
}

/* All of the latest rows in the transaction's snapshot, and as many there: the same rows. */
static void
check_strictly(DbspAccess *access, const Datum *values)
{
	RowsSeen	seen = {.access = access};

	scan_with(access, values, access->store->snapshot, see_latest, &seen);
	scan_with(access, values, access->store->strict_snapshot, see_own, &seen);
	if (seen.latest != seen.own)
		dbsp_could_not_serialize();
}

void
dbsp_heap_scan(DbspStore *store, DbspAccess *access, const Datum *values, const bool *isnull,
			   DbspEmit emit, void *arg)
{
	ListCell   *lc;

	foreach(lc, access->keys)
		if (isnull[((DbspProbeKey *) lfirst(lc))->value])
			return;
	if (access->partitions)
	{
		dbsp_partitions_scan(access->partitions, values, isnull, emit, arg);
		return;
	}
	if (access->by_hash)
	{
		scan_by_hash(access, values, emit, arg);
		return;
	}
	if (access->rel == NULL)
		access->rel = table_open(access->relid, AccessShareLock);
	if (access->store->strict)
		check_strictly(access, values);
	scan_with(access, values, access->store->snapshot, emit, arg);
}

void
dbsp_heap_access_end_step(DbspAccess *access)
{
	if (access->partitions)
		dbsp_partitions_end_step(access->partitions);
	if (access->rel == NULL)
		return;
	ExecClearTuple(access->slot);
	if (access->scan)
		index_endscan(access->scan);
	access->scan = NULL;
}

void
dbsp_heap_access_close(DbspAccess *access)
{
	if (access->partitions)
		dbsp_partitions_close(access->partitions);
	if (access->index_rel)
		index_close(access->index_rel, NoLock);
	if (access->rel)
		table_close(access->rel, NoLock);
	access->index_rel = NULL;
	access->rel = NULL;
}
