/*-------------------------------------------------------------------------
 *
 * deltas.c
 *	  What one transaction changed and has not folded into every view yet.
 *
 * Levels never decrease along a table's list of segments, so a subtransaction
 * only ever looks at the tail.  At subcommit the level's first segment is
 * taken into its predecessor where both have the same epoch and layout, which
 * copies a few rows or none.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "zset/deltas.h"
#include "zset/uthash_pg.h"

/* A copy that segments share: the cache may drop what they were given. */
typedef struct Layout
{
	DbspCaptureLayout layout;	/* first: segments have a pointer to it */
	int			nsegments;
} Layout;

typedef struct RelationDeltas
{
	Oid			relid;
	List	   *segments;		/* of DbspSegment */
	DbspSegment *tail;			/* the last one, or NULL */
	UT_hash_handle hh;
} RelationDeltas;

typedef struct Mark
{
	int			level;
	uint32		epoch;
} Mark;

typedef struct ViewMarks
{
	DbspViewNumber view;
	int			nmarks;
	int			maxmarks;
	Mark	   *marks;			/* levels ascending */
	UT_hash_handle hh;
} ViewMarks;

static MemoryContext deltas_cxt = NULL;
static DbspZSetPool *pool = NULL;
static RelationDeltas *relations = NULL;
static ViewMarks *view_marks = NULL;
static uint32 current_epoch = 1;
/* The table that changes were recorded of last. */
static RelationDeltas *last_relation = NULL;

/* No segment and no mark has a level above this. */
static int	highest_level = 0;

static void
ensure_context(void)
{
	if (deltas_cxt)
		return;
	deltas_cxt = AllocSetContextCreate(TopTransactionContext, "dbsp deltas", ALLOCSET_DEFAULT_SIZES);
	pool = dbsp_zset_pool_create(deltas_cxt);
}

static RelationDeltas *
find_relation(Oid relid)
{
	RelationDeltas *entry;

	HASH_FIND_BYHASHVALUE(hh, relations, &relid, sizeof(Oid), relid, entry);
	return entry;
}

static RelationDeltas *
get_relation(Oid relid)
{
	RelationDeltas *entry = find_relation(relid);
	MemoryContext old;

	if (entry)
		return entry;
	ensure_context();
	old = MemoryContextSwitchTo(deltas_cxt);
	entry = palloc0(sizeof(RelationDeltas));
	entry->relid = relid;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, relations, &entry->relid, sizeof(Oid), relid, entry);
	MemoryContextSwitchTo(old);
	return entry;
}

static ViewMarks *
find_marks(DbspViewNumber view)
{
	ViewMarks  *entry;

	HASH_FIND_BYHASHVALUE(hh, view_marks, &view, sizeof(view), (uint32) view, entry);
	return entry;
}

/* The epoch up to which the view has folded. */
static uint32
folded_epoch(DbspViewNumber view)
{
	ViewMarks  *entry = find_marks(view);

	return entry && entry->nmarks > 0 ? entry->marks[entry->nmarks - 1].epoch : 0;
}

/* ---- segments ---- */

static DbspCaptureLayout *
copy_layout(const DbspCaptureLayout *layout)
{
	Layout	   *copy = palloc0(sizeof(Layout));

	copy->layout.id = layout->id;
	copy->layout.ncolumns = layout->ncolumns;
	copy->layout.attnums = palloc(Max(layout->ncolumns, 1) * sizeof(AttrNumber));
	memcpy(copy->layout.attnums, layout->attnums, layout->ncolumns * sizeof(AttrNumber));
	copy->layout.desc = CreateTupleDescCopy(layout->desc);
	return &copy->layout;
}

static void
release_layout(DbspCaptureLayout *layout)
{
	Layout	   *copy = (Layout *) layout;

	if (--copy->nsegments > 0)
		return;
	FreeTupleDesc(layout->desc);
	pfree(layout->attnums);
	pfree(copy);
}

static DbspSegment *
append_segment(RelationDeltas *rel, const DbspCaptureLayout *layout, int level)
{
	MemoryContext old = MemoryContextSwitchTo(deltas_cxt);
	DbspSegment *segment = palloc0(sizeof(DbspSegment));

	segment->level = level;
	segment->epoch = current_epoch;
	segment->replaced = layout == NULL;
	if (layout)
	{
		bool		shared = rel->tail && rel->tail->layout && rel->tail->layout->id == layout->id;

		segment->layout = shared ? rel->tail->layout : copy_layout(layout);
		segment->rows = dbsp_zset_create_in_pool(pool, segment->layout->desc);
	}
	rel->segments = lappend(rel->segments, segment);
	if (layout)
		((Layout *) segment->layout)->nsegments++;
	rel->tail = segment;
	MemoryContextSwitchTo(old);
	highest_level = Max(highest_level, level);
	return segment;
}

static void
free_segment(DbspSegment *segment)
{
	if (segment->rows)
		dbsp_zset_destroy(segment->rows);
	if (segment->layout)
		release_layout(segment->layout);
	pfree(segment);
}

ZSet *
dbsp_deltas_rows(Oid relid, const DbspCaptureLayout *layout, int level)
{
	RelationDeltas *rel = last_relation && last_relation->relid == relid ? last_relation : get_relation(relid);
	DbspSegment *tail = rel->tail;

	last_relation = rel;
	if (tail == NULL || tail->level != level || tail->epoch != current_epoch || tail->replaced ||
		tail->layout->id != layout->id)
		tail = append_segment(rel, layout, level);
	return tail->rows;
}

void
dbsp_deltas_record(Oid relid, const DbspCaptureLayout *layout, int level,
				   const Datum *values, const bool *isnull, DbspWeight weight)
{
	dbsp_zset_add_values(dbsp_deltas_rows(relid, layout, level), values, isnull, weight);
}

void
dbsp_deltas_record_replaced(Oid relid, int level)
{
	RelationDeltas *rel = get_relation(relid);
	DbspSegment *tail = rel->tail;

	if (tail == NULL || tail->level != level || tail->epoch != current_epoch || !tail->replaced)
		append_segment(rel, NULL, level);
}

bool
dbsp_deltas_any(void)
{
	return relations != NULL;
}

List *
dbsp_deltas_relations(void)
{
	List	   *result = NIL;

	for (RelationDeltas *rel = relations; rel; rel = rel->hh.next)
		if (rel->segments != NIL)
			result = lappend_oid(result, rel->relid);
	return result;
}

/* An empty segment is nothing to fold: its changes cancelled out. */
static bool
segment_is_pending(const DbspSegment *segment, uint32 folded)
{
	return segment->epoch > folded && (segment->replaced || !dbsp_zset_is_empty(segment->rows));
}

List *
dbsp_deltas_pending(Oid relid, DbspViewNumber view, uint32 cut)
{
	RelationDeltas *rel = find_relation(relid);
	uint32		folded = folded_epoch(view);
	List	   *result = NIL;
	ListCell   *lc;

	if (rel == NULL)
		return NIL;
	foreach(lc, rel->segments)
		if (segment_is_pending(lfirst(lc), folded) && ((DbspSegment *) lfirst(lc))->epoch <= cut)
			result = lappend(result, lfirst(lc));
	return result;
}

bool
dbsp_deltas_is_pending(Oid relid, DbspViewNumber view)
{
	RelationDeltas *rel = find_relation(relid);
	uint32		folded;

	if (rel == NULL)
		return false;
	folded = folded_epoch(view);
	for (int i = list_length(rel->segments) - 1; i >= 0; i--)
	{
		DbspSegment *segment = list_nth(rel->segments, i);

		if (segment->epoch <= folded)
			break;
		if (segment_is_pending(segment, folded))
			return true;
	}
	return false;
}

void
dbsp_deltas_mark(DbspViewNumber view, int level, uint32 cut)
{
	ViewMarks  *entry = find_marks(view);

	ensure_context();
	if (entry == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(deltas_cxt);

		entry = palloc0(sizeof(ViewMarks));
		entry->view = view;
		entry->maxmarks = 4;
		entry->marks = palloc(entry->maxmarks * sizeof(Mark));
		HASH_ADD_KEYPTR_BYHASHVALUE(hh, view_marks, &entry->view, sizeof(view), (uint32) view, entry);
		MemoryContextSwitchTo(old);
	}
	if (entry->nmarks == 0 || entry->marks[entry->nmarks - 1].level < level)
	{
		if (entry->nmarks == entry->maxmarks)
		{
			entry->maxmarks *= 2;
			entry->marks = repalloc(entry->marks, entry->maxmarks * sizeof(Mark));
		}
		entry->marks[entry->nmarks++].level = level;
	}
	entry->marks[entry->nmarks - 1].epoch = cut;
	highest_level = Max(highest_level, level);
}

uint32
dbsp_deltas_cut(void)
{
	if (pool)
		dbsp_zset_pool_close(pool);
	return current_epoch++;
}

/* The epoch up to which the view has folded for good, as far as a segment of this level is concerned. */
static uint32
folded_epoch_at(DbspViewNumber view, int level)
{
	ViewMarks  *entry = find_marks(view);

	if (entry == NULL)
		return 0;
	for (int i = entry->nmarks - 1; i >= 0; i--)
		if (entry->marks[i].level <= level)
			return entry->marks[i].epoch;
	return 0;
}

/* Merges the later b into a. */
static void
merge_segments(DbspSegment *a, DbspSegment *b)
{
	a->epoch = Max(a->epoch, b->epoch);
	dbsp_zset_take(a->rows, b->rows);
	b->rows = NULL;
	free_segment(b);
}

/* True if some view has folded the first epoch and not the second, on any level. */
static bool
marked_between(uint32 first, uint32 second)
{
	for (ViewMarks *entry = view_marks; entry; entry = entry->hh.next)
		for (int i = 0; i < entry->nmarks; i++)
			if (entry->marks[i].epoch >= first && entry->marks[i].epoch < second)
				return true;
	return false;
}

/*
 * Merges neighbours that no view tells apart.  Without this, reading one view
 * again and again while another is pending would leave a segment for each
 * fold.
 */
static List *
merge_neighbours(List *segments)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, segments)
	{
		DbspSegment *next = lfirst(lc);
		DbspSegment *last = result ? llast(result) : NULL;

		if (last && last->level == next->level && !last->replaced && !next->replaced &&
			last->layout->id == next->layout->id && !marked_between(last->epoch, next->epoch))
			merge_segments(last, next);
		else
			result = lappend(result, next);
	}
	return result;
}

void
dbsp_deltas_trim(Oid relid, List *views, int level)
{
	RelationDeltas *rel = find_relation(relid);
	List	   *kept = NIL;
	ListCell   *lc;
	MemoryContext old;

	if (rel == NULL)
		return;
	dbsp_zset_pool_open(pool);
	old = MemoryContextSwitchTo(deltas_cxt);
	foreach(lc, rel->segments)
	{
		DbspSegment *segment = lfirst(lc);
		bool		needed = segment->level < level;
		ListCell   *view;

		foreach(view, views)
			if (segment->epoch > folded_epoch_at(lfirst_int(view), segment->level))
			{
				needed = true;
				break;
			}
		if (needed)
			kept = lappend(kept, segment);
		else
			free_segment(segment);
	}
	list_free(rel->segments);
	rel->segments = merge_neighbours(kept);
	list_free(kept);
	rel->tail = rel->segments ? llast(rel->segments) : NULL;
	MemoryContextSwitchTo(old);
}

static void
subcommit_relation(RelationDeltas *rel, int level)
{
	int			first = list_length(rel->segments);

	while (first > 0 && ((DbspSegment *) list_nth(rel->segments, first - 1))->level >= level)
		first--;
	for (int i = first; i < list_length(rel->segments); i++)
		((DbspSegment *) list_nth(rel->segments, i))->level = level - 1;
	if (first > 0 && first < list_length(rel->segments))
	{
		DbspSegment *outer = list_nth(rel->segments, first - 1);
		DbspSegment *inner = list_nth(rel->segments, first);

		if (outer->level == inner->level && outer->epoch == inner->epoch &&
			!outer->replaced && !inner->replaced && outer->layout->id == inner->layout->id)
		{
			merge_segments(outer, inner);
			rel->segments = list_delete_nth_cell(rel->segments, first);
		}
	}
	rel->tail = rel->segments ? llast(rel->segments) : NULL;
}

void
dbsp_deltas_subcommit(int level)
{
	if (highest_level < level)
		return;
	for (RelationDeltas *rel = relations; rel; rel = rel->hh.next)
		if (rel->tail && rel->tail->level >= level)
			subcommit_relation(rel, level);
	for (ViewMarks *entry = view_marks; entry; entry = entry->hh.next)
	{
		int			n = entry->nmarks;

		if (n == 0 || entry->marks[n - 1].level < level)
			continue;
		if (n > 1 && entry->marks[n - 2].level == level - 1)
		{
			entry->marks[n - 2].epoch = entry->marks[n - 1].epoch;
			entry->nmarks--;
		}
		else
			entry->marks[n - 1].level = level - 1;
	}
	highest_level = level - 1;
}

void
dbsp_deltas_subabort(int level)
{
	if (highest_level < level)
		return;
	for (RelationDeltas *rel = relations; rel; rel = rel->hh.next)
	{
		while (rel->tail && rel->tail->level >= level)
		{
			free_segment(rel->tail);
			rel->segments = list_truncate(rel->segments, list_length(rel->segments) - 1);
			rel->tail = rel->segments ? llast(rel->segments) : NULL;
		}
	}
	for (ViewMarks *entry = view_marks; entry; entry = entry->hh.next)
		while (entry->nmarks > 0 && entry->marks[entry->nmarks - 1].level >= level)
			entry->nmarks--;
	highest_level = level - 1;
}

void
dbsp_deltas_forget(void)
{
	dbsp_spill_forget();
	deltas_cxt = NULL;
	pool = NULL;
	relations = last_relation = NULL;
	view_marks = NULL;
	current_epoch = 1;
	highest_level = 0;
}
