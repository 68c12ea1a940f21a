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
	int			nmerged;		/* as many segments need not be looked through for neighbours to merge */
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
static Mark first_marks[4];
/* Of DBSP_ALL_VIEWS: not in the hash table, so that most transactions need none. */
static ViewMarks all_marks = {.maxmarks = lengthof(first_marks), .marks = first_marks};
static uint32 current_epoch = 1;
/* The table that changes were recorded of last. */
static RelationDeltas *last_relation = NULL;

/* So few segments are merged when there are more. */
#define FEW_SEGMENTS 4

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
	entry->nmerged = FEW_SEGMENTS;
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

static uint32
last_epoch(const ViewMarks *entry)
{
	return entry->nmarks > 0 ? entry->marks[entry->nmarks - 1].epoch : 0;
}

uint32
dbsp_deltas_folded(DbspViewNumber view)
{
	ViewMarks  *entry = view_marks ? find_marks(view) : NULL;
	uint32		epoch = last_epoch(&all_marks);

	return entry ? Max(epoch, last_epoch(entry)) : epoch;
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
	MemoryContext old;
	DbspSegment *segment;

	/* The outer level's rows may all have come from savepoints that were released. */
	if (rel->tail && rel->tail->rows)
		dbsp_zset_tidy(rel->tail->rows);
	old = MemoryContextSwitchTo(deltas_cxt);
	segment = palloc0(sizeof(DbspSegment));
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

/* The first n segments stay in the list; the caller has freed the others. */
static void
keep_segments(RelationDeltas *rel, int n)
{
	if (n == 0)
	{
		list_free(rel->segments);
		rel->segments = NIL;
		rel->tail = NULL;
		return;
	}
	rel->segments = list_truncate(rel->segments, n);
	rel->tail = llast(rel->segments);
}

/* What is known of the rows is about those that were there. */
static void
forget_routes(DbspSegment *segment)
{
	if (segment->routed)
		pfree(segment->routed);
	segment->routed = NULL;
}

static void
free_segment(DbspSegment *segment)
{
	forget_routes(segment);
	if (segment->rows)
		dbsp_zset_destroy(segment->rows);
	if (segment->layout)
		release_layout(segment->layout);
	pfree(segment);
}

ZSet *
dbsp_deltas_rows(Oid relid, const DbspCaptureLayout *layout, int level, CommandId command)
{
	RelationDeltas *rel = last_relation && last_relation->relid == relid ? last_relation : get_relation(relid);
	DbspSegment *tail = rel->tail;

	last_relation = rel;
	if (tail == NULL || tail->level != level || tail->epoch != current_epoch || tail->replaced ||
		tail->layout->id != layout->id)
		append_segment(rel, layout, level)->command = command;
	else if (tail->command != command)
	{
		tail->several_commands = true;
		tail->command = command;
	}
	return rel->tail->rows;
}

void
dbsp_deltas_record(Oid relid, const DbspCaptureLayout *layout, int level, CommandId command,
				   const Datum *values, const bool *isnull, DbspWeight weight)
{
	dbsp_zset_add_values(dbsp_deltas_rows(relid, layout, level, command), values, isnull, weight);
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
	for (RelationDeltas *rel = relations; rel; rel = rel->hh.next)
		if (rel->segments != NIL)
			return true;
	return false;
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

List *
dbsp_deltas_segments(Oid relid)
{
	RelationDeltas *rel = find_relation(relid);

	return rel ? rel->segments : NIL;
}

static ViewMarks *
get_marks(DbspViewNumber view)
{
	ViewMarks  *entry = view == DBSP_ALL_VIEWS ? &all_marks : find_marks(view);
	MemoryContext old;

	if (entry)
		return entry;
	old = MemoryContextSwitchTo(deltas_cxt);
	entry = palloc0(sizeof(ViewMarks));
	entry->view = view;
	entry->maxmarks = 4;
	entry->marks = palloc(entry->maxmarks * sizeof(Mark));
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, view_marks, &entry->view, sizeof(view), (uint32) view, entry);
	MemoryContextSwitchTo(old);
	return entry;
}

static void
grow_marks(ViewMarks *entry)
{
	Mark	   *marks = MemoryContextAlloc(deltas_cxt, 2 * entry->maxmarks * sizeof(Mark));

	memcpy(marks, entry->marks, entry->nmarks * sizeof(Mark));
	if (entry->marks != first_marks)
		pfree(entry->marks);
	entry->marks = marks;
	entry->maxmarks *= 2;
}

void
dbsp_deltas_mark(DbspViewNumber view, int level, uint32 cut)
{
	ViewMarks  *entry;

	ensure_context();
	entry = get_marks(view);
	if (entry->nmarks == 0 || entry->marks[entry->nmarks - 1].level < level)
	{
		if (entry->nmarks == entry->maxmarks)
			grow_marks(entry);
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

void
dbsp_deltas_uncut(void)
{
	if (pool)
		dbsp_zset_pool_open(pool);
}

/* The epoch up to which all views have folded for good, as far as a segment of this level is concerned. */
static uint32
all_folded_at(int level)
{
	for (int i = all_marks.nmarks - 1; i >= 0; i--)
		if (all_marks.marks[i].level <= level)
			return all_marks.marks[i].epoch;
	return 0;
}

/* Merges the later b into a. */
static void
merge_segments(DbspSegment *a, DbspSegment *b)
{
	a->epoch = Max(a->epoch, b->epoch);
	a->several_commands |= b->several_commands || a->command != b->command;
	a->command = b->command;
	forget_routes(a);
	dbsp_zset_take(a->rows, b->rows);
	b->rows = NULL;
	free_segment(b);
}

/* ---- trimming ---- */

static int
compare_epochs(const void *a, const void *b)
{
	uint32		left = *(const uint32 *) a;
	uint32		right = *(const uint32 *) b;

	return (left > right) - (left < right);
}

/* The epochs of all marks of all views, ascending, in the current context. */
static uint32 *
marked_epochs(int *n_out)
{
	int			room = all_marks.nmarks;
	uint32	   *epochs;
	int			n = 0;

	for (ViewMarks *entry = view_marks; entry; entry = entry->hh.next)
		room += entry->nmarks;
	epochs = palloc(Max(room, 1) * sizeof(uint32));
	for (int i = 0; i < all_marks.nmarks; i++)
		epochs[n++] = all_marks.marks[i].epoch;
	for (ViewMarks *entry = view_marks; entry; entry = entry->hh.next)
		for (int i = 0; i < entry->nmarks; i++)
			epochs[n++] = entry->marks[i].epoch;
	qsort(epochs, n, sizeof(uint32), compare_epochs);
	*n_out = n;
	return epochs;
}

/*
 * Merges neighbours that no mark, on any level, tells apart.  Without this,
 * reading one view again and again while another is pending would leave a
 * segment for each fold.
 */
static void
merge_neighbours(RelationDeltas *rel)
{
	int			nmarks;
	uint32	   *marks = marked_epochs(&nmarks);
	int			mark = 0;
	int			n = 0;

	for (int i = 1; i < list_length(rel->segments); i++)
	{
		DbspSegment *last = list_nth(rel->segments, n);
		DbspSegment *next = list_nth(rel->segments, i);

		while (mark < nmarks && marks[mark] < last->epoch)
			mark++;
		if (last->level == next->level && !last->replaced && !next->replaced &&
			last->layout->id == next->layout->id && (mark == nmarks || marks[mark] >= next->epoch))
			merge_segments(last, next);
		else
			lfirst(list_nth_cell(rel->segments, ++n)) = next;
	}
	keep_segments(rel, n + 1);
	pfree(marks);
}

/* Drops what all views have folded, of this level and deeper. */
static void
drop_folded(RelationDeltas *rel, int level)
{
	int			n = list_length(rel->segments);

	while (n > 0 && ((DbspSegment *) list_nth(rel->segments, n - 1))->level >= level)
		n--;
	for (int i = n; i < list_length(rel->segments); i++)
	{
		DbspSegment *segment = list_nth(rel->segments, i);

		if (segment->epoch <= all_folded_at(segment->level))
			free_segment(segment);
		else
			lfirst(list_nth_cell(rel->segments, n++)) = segment;
	}
	keep_segments(rel, n);
}

void
dbsp_deltas_trim_folded(int level)
{
	dbsp_deltas_uncut();
	for (RelationDeltas *rel = relations; rel; rel = rel->hh.next)
	{
		if (rel->segments != NIL && all_marks.nmarks > 0)
			drop_folded(rel, level);
		/* Only when their number has doubled: a transaction may fold a thousand views one by one. */
		if (list_length(rel->segments) <= rel->nmerged)
			continue;
		merge_neighbours(rel);
		rel->nmerged = Max(2 * list_length(rel->segments), FEW_SEGMENTS);
	}
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

static void
subcommit_marks(ViewMarks *entry, int level)
{
	int			n = entry->nmarks;

	if (n == 0 || entry->marks[n - 1].level < level)
		return;
	if (n > 1 && entry->marks[n - 2].level == level - 1)
	{
		entry->marks[n - 2].epoch = entry->marks[n - 1].epoch;
		entry->nmarks--;
	}
	else
		entry->marks[n - 1].level = level - 1;
}

static void
subabort_marks(ViewMarks *entry, int level)
{
	while (entry->nmarks > 0 && entry->marks[entry->nmarks - 1].level >= level)
		entry->nmarks--;
}

void
dbsp_deltas_subcommit(int level)
{
	if (highest_level < level)
		return;
	for (RelationDeltas *rel = relations; rel; rel = rel->hh.next)
		if (rel->tail && rel->tail->level >= level)
			subcommit_relation(rel, level);
	subcommit_marks(&all_marks, level);
	for (ViewMarks *entry = view_marks; entry; entry = entry->hh.next)
		subcommit_marks(entry, level);
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
			keep_segments(rel, list_length(rel->segments) - 1);
		}
	}
	subabort_marks(&all_marks, level);
	for (ViewMarks *entry = view_marks; entry; entry = entry->hh.next)
		subabort_marks(entry, level);
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
	all_marks.nmarks = 0;
	all_marks.maxmarks = lengthof(first_marks);
	all_marks.marks = first_marks;
	current_epoch = 1;
	highest_level = 0;
}
