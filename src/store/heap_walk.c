/*-------------------------------------------------------------------------
 *
 * heap_walk.c
 *	  Many look-ups in the order of an internal table's primary index.
 *
 * A look-up by key descends the tree.  Where a large share of a table's rows
 * is looked up in order, one scan that walks along the leaves costs a fraction
 * of that: it reads a page's entries at once and compares them to the key
 * that is sought.
 *
 * The walk answers only where it meets an entry with the key.  Where it does
 * not (the key is new, or comes out of order), an ordinary look-up decides;
 * so the order in which keys are asked for changes nothing but the cost.
 * Entries that the walk's own fold adds are not seen by its snapshot, so it
 * does not matter whether the walk comes by them.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/itup.h"
#include "access/nbtree.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/sortsupport.h"

#include "store/heap_table.h"

/* Fewer look-ups than these are not worth it. */
#define FEWEST_FINDS 64
/* Reading all entries of a leaf page costs as much as so many descents. */
#define FINDS_PER_PAGE 12
/* After so many entries a new descent is cheaper. */
#define MOST_STEPS 48

struct HeapWalk
{
	DbspTable  *table;
	IndexScanDesc scan;
	int			nkeys;
	SortSupport order;			/* of the index's columns */
	ScanKeyData start;			/* the first entry not before a key */
	ScanKeyData members[INDEX_MAX_KEYS];
	bool		positioned;		/* scan->xs_itup is the entry at hand */
};

/* ---- beginning and end ---- */

static void
init_order(HeapWalk *walk, Relation index)
{
	walk->order = palloc0(walk->nkeys * sizeof(SortSupportData));
	for (int i = 0; i < walk->nkeys; i++)
	{
		SortSupport sort = &walk->order[i];

		sort->ssup_cxt = CurrentMemoryContext;
		sort->ssup_collation = index->rd_indcollation[i];
		sort->ssup_attno = i + 1;
		PrepareSortSupportFromIndexRel(index, BTLessStrategyNumber, sort);
	}
}

/* As ExecIndexBuildScanKeys() makes the keys of row comparisons (executor/nodeIndexscan.c). */
static void
init_start(HeapWalk *walk, Relation index)
{
	for (int i = 0; i < walk->nkeys; i++)
	{
		Oid			type = index->rd_opcintype[i];
		Oid			family = index->rd_opfamily[i];
		Oid			proc = walk->nkeys > 1 ? get_opfamily_proc(family, type, type, BTORDER_PROC) :
			get_opcode(get_opfamily_member(family, type, type, BTGreaterEqualStrategyNumber));

		ScanKeyEntryInitialize(&walk->members[i], walk->nkeys > 1 ? SK_ROW_MEMBER : 0, i + 1,
							   BTGreaterEqualStrategyNumber, InvalidOid, index->rd_indcollation[i], proc, (Datum) 0);
	}
	if (walk->nkeys == 1)
		return;
	walk->members[walk->nkeys - 1].sk_flags |= SK_ROW_END;
	MemSet(&walk->start, 0, sizeof(ScanKeyData));
	walk->start.sk_flags = SK_ROW_HEADER;
	walk->start.sk_attno = 1;
	walk->start.sk_strategy = BTGreaterEqualStrategyNumber;
	walk->start.sk_argument = PointerGetDatum(walk->members);
}

void
dbsp_heap_expect_finds(DbspStore *store, DbspTable *table, int64 count)
{
	HeapStore  *heap = (HeapStore *) store;
	HeapWalk   *walk;
	MemoryContext old;

	if (table->walk || count < FEWEST_FINDS || heap->strict || !OidIsValid(table->index) || table->def->exact != NIL ||
		(table->def->mode != DBSP_KEY_UNIQUE && table->def->mode != DBSP_KEY_HASH))
		return;
	if (table->index_rel == NULL)
		table->index_rel = index_open(table->index, RowExclusiveLock);
	if (count < (int64) RelationGetNumberOfBlocks(table->index_rel) * FINDS_PER_PAGE)
		return;

	old = MemoryContextSwitchTo(heap->step_cxt);
	walk = palloc0(sizeof(HeapWalk));
	walk->table = table;
	walk->nkeys = table->nscankeys;
	init_order(walk, table->index_rel);
	init_start(walk, table->index_rel);
	walk->scan = index_beginscan(dbsp_heap_table_rel(table), table->index_rel, heap->snapshot, 1, 0);
	walk->scan->xs_want_itup = true;
	MemoryContextSwitchTo(old);
	table->walk = walk;
}

void
dbsp_heap_walk_end(DbspTable *table)
{
	if (table->walk)
		index_endscan(table->walk->scan);
	table->walk = NULL;
}

/* ---- walking ---- */

/* The scan's own memory is the step's. */
static void
next_entry(HeapWalk *walk)
{
	MemoryContext old = MemoryContextSwitchTo(walk->table->store->step_cxt);

	walk->positioned = index_getnext_tid(walk->scan, ForwardScanDirection) != NULL;
	MemoryContextSwitchTo(old);
}

static bool
fetch_row(HeapWalk *walk)
{
	MemoryContext old = MemoryContextSwitchTo(walk->table->store->step_cxt);
	bool		found = index_fetch_heap(walk->scan, walk->table->slot);

	MemoryContextSwitchTo(old);
	return found;
}

/* Puts the walk at the first entry that is not before the key. */
static void
start_at(HeapWalk *walk, const ScanKeyData *key)
{
	MemoryContext old = MemoryContextSwitchTo(walk->table->store->step_cxt);

	for (int i = 0; i < walk->nkeys; i++)
		walk->members[i].sk_argument = key[i].sk_argument;
	index_rescan(walk->scan, walk->nkeys > 1 ? &walk->start : &walk->members[0], 1, NULL, 0);
	MemoryContextSwitchTo(old);
	next_entry(walk);
}

/* The order of the entry at hand and the key. */
static int
compare_entry(HeapWalk *walk, const ScanKeyData *key)
{
	for (int i = 0; i < walk->nkeys; i++)
	{
		bool		isnull;
		Datum		value = index_getattr(walk->scan->xs_itup, i + 1, walk->scan->xs_itupdesc, &isnull);
		int			order = ApplySortComparator(value, isnull, key[i].sk_argument, false, &walk->order[i]);

		if (order != 0)
			return order;
	}
	return 0;
}

bool
dbsp_heap_walk_to(DbspTable *table, const ScanKeyData *key)
{
	HeapWalk   *walk = table->walk;

	for (int i = 0; i < walk->nkeys; i++)
		if (key[i].sk_flags & SK_ISNULL)
			return false;
	if (!walk->positioned)
		start_at(walk, key);
	for (int steps = 0; walk->positioned; steps++)
	{
		int			order = compare_entry(walk, key);

		if (order > 0)
			return false;
		/* A version that is gone can have an entry with the key, too. */
		if (order == 0 && fetch_row(walk))
			return true;
		if (steps == MOST_STEPS)
			start_at(walk, key);
		else
			next_entry(walk);
	}
	return false;
}
