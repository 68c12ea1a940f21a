/*-------------------------------------------------------------------------
 *
 * pending.c
 *	  What views have still to fold of the transaction's changes.
 *
 * A segment is pending for a view that has not folded its epoch, if the
 * segment has rows that the view's targets are routed (router.h), or any rows
 * where one of the targets takes them all.  A table that was replaced is
 * pending for every view on it.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "miscadmin.h"

#include "engine/pending.h"
#include "engine/routed.h"

/* The place of the first segment after the epoch; at a cost of those from there on, not of those before. */
static int
first_after(List *segments, uint32 epoch)
{
	int			n = list_length(segments);

	while (n > 0 && ((DbspSegment *) list_nth(segments, n - 1))->epoch > epoch)
		n--;
	return n;
}

static inline bool
has_rows(const DbspSegment *segment)
{
	return !segment->replaced && !dbsp_zset_is_empty(segment->rows);
}

/* ---- all views ---- */

static List *
add_targets(List *views, const DbspTarget *targets, const int *positions, int npositions, uint32 epoch)
{
	for (int i = 0; i < npositions; i++)
	{
		DbspViewNumber view = targets[positions[i]].view;

		if (epoch > dbsp_deltas_folded(view))
			views = lappend_int(views, view);
	}
	return views;
}

static List *
add_routed(List *views, DbspRouter *router, DbspSegment *segment)
{
	const DbspRouted *routed = dbsp_routed_get(router, segment);
	int			ntargets;
	const DbspTarget *targets = dbsp_router_targets(router, &ntargets);

	for (int i = 0; i < routed->nclasses; i++)
	{
		int			n;
		const int  *positions = dbsp_router_class(router, routed->classes[i].class, &n);

		views = add_targets(views, targets, positions, n, segment->epoch);
	}
	return views;
}

/* Adds the views with something to fold of the table; some of them several times. */
static List *
add_pending(List *views, Oid relid)
{
	List	   *segments = dbsp_deltas_segments(relid);
	DbspCachedSource *source = dbsp_cache_source(relid);
	uint32		folded = dbsp_deltas_folded(DBSP_ALL_VIEWS);
	uint32		last_rows = 0;
	uint32		last_replaced = 0;
	int			n;
	const DbspTarget *targets;
	const int  *whole;

	if (source->router == NULL)
		return views;
	for (int i = list_length(segments) - 1; i >= 0; i--)
	{
		DbspSegment *segment = list_nth(segments, i);

		if (segment->epoch <= folded)
			break;
		if (segment->replaced)
			last_replaced = Max(last_replaced, segment->epoch);
		else if (has_rows(segment))
		{
			last_rows = Max(last_rows, segment->epoch);
			views = add_routed(views, source->router, segment);
		}
	}
	targets = dbsp_router_targets(source->router, &n);
	for (int i = 0; i < n && last_replaced > 0; i++)
		if (last_replaced > dbsp_deltas_folded(targets[i].view))
			views = lappend_int(views, targets[i].view);
	whole = dbsp_router_whole(source->router, &n);
	return last_rows > 0 ? add_targets(views, targets, whole, n, last_rows) : views;
}

/* Sorts an integer list and leaves each number once. */
static List *
sort_unique(List *numbers)
{
	int			n = 0;
	ListCell   *lc;

	if (list_length(numbers) < 2)
		return numbers;
	list_sort(numbers, list_int_cmp);
	foreach(lc, numbers)
		if (n == 0 || lfirst_int(lc) != list_nth_int(numbers, n - 1))
			lfirst_int(list_nth_cell(numbers, n++)) = lfirst_int(lc);
	return list_truncate(numbers, n);
}

int64
dbsp_pending_effort(void)
{
	int64		effort = 0;
	ListCell   *lc;

	foreach(lc, dbsp_deltas_relations())
	{
		DbspRouter *router = dbsp_cache_source(lfirst_oid(lc))->router;
		int			n = 0;
		ListCell   *s;

		if (router)
			(void) dbsp_router_whole(router, &n);
		effort += n;
		foreach(s, dbsp_deltas_segments(lfirst_oid(lc)))
		{
			DbspSegment *segment = lfirst(s);

			effort += 1 + (segment->routed ? segment->routed->nclasses : 0);
		}
	}
	return effort;
}

/* ---- one view ---- */

static bool
segment_is_pending(DbspRouter *router, const DbspTarget *target, DbspSegment *segment)
{
	const DbspRouted *routed;

	if (segment->replaced)
		return true;
	if (!has_rows(segment))
		return false;
	if (target->whole)
		return true;
	routed = dbsp_routed_get(router, segment);
	for (int i = 0; i < target->nclasses; i++)
		if (dbsp_routed_class(routed, target->classes[i]))
			return true;
	return false;
}

/* True if the view has something to fold of the table.  likely: rows of the segments are not looked at. */
static bool
table_is_pending(Oid relid, DbspViewNumber view, bool likely)
{
	List	   *segments = dbsp_deltas_segments(relid);
	DbspCachedSource *source = dbsp_cache_source(relid);
	uint32		folded = dbsp_deltas_folded(view);
	int			ntargets;
	const DbspTarget *targets;

	if (source->router == NULL)
		return false;
	targets = dbsp_router_view(source->router, view, &ntargets);
	for (int i = list_length(segments) - 1; i >= 0 && ntargets > 0; i--)
	{
		DbspSegment *segment = list_nth(segments, i);

		if (segment->epoch <= folded)
			break;
		if (likely && (segment->replaced || has_rows(segment)))
			return true;
		for (int j = 0; j < ntargets && !likely; j++)
			if (segment_is_pending(source->router, &targets[j], segment))
				return true;
	}
	return false;
}

bool
dbsp_pending_in_table(Oid relid, DbspViewNumber view)
{
	return table_is_pending(relid, view, false);
}

static bool
view_is_pending(DbspViewNumber view, bool likely)
{
	ListCell   *lc;

	foreach(lc, dbsp_deltas_relations())
		if (table_is_pending(lfirst_oid(lc), view, likely))
			return true;
	return false;
}

bool
dbsp_pending_is_likely(List *wanted)
{
	ListCell   *lc;

	foreach(lc, wanted)
		if (view_is_pending(lfirst_int(lc), true))
			return true;
	return false;
}

List *
dbsp_pending_views(List *wanted)
{
	List	   *views = NIL;
	ListCell   *lc;

	foreach(lc, wanted)
		if (view_is_pending(lfirst_int(lc), false))
			views = lappend_int(views, lfirst_int(lc));
	if (wanted != NIL)
		return views;
	foreach(lc, dbsp_deltas_relations())
		views = add_pending(views, lfirst_oid(lc));
	return sort_unique(views);
}

bool
dbsp_pending_is_replaced(const DbspCachedView *view, uint32 cut)
{
	uint32		folded = dbsp_deltas_folded(view->number);
	ListCell   *lc;

	foreach(lc, view->sources)
	{
		List	   *segments = dbsp_deltas_segments(lfirst_oid(lc));

		for (int i = first_after(segments, folded); i < list_length(segments); i++)
		{
			DbspSegment *segment = list_nth(segments, i);

			if (segment->replaced && segment->epoch <= cut)
				return true;
		}
	}
	return false;
}

/* ---- pushing ---- */

static void
push_all(DbspInput *input, const DbspSegment *segment)
{
	DbspZSetScan scan;
	DbspZSetItem item;

	dbsp_input_set_layout(input, segment->layout);
	dbsp_zset_scan_begin(&scan, segment->rows);
	while (dbsp_zset_scan_next(&scan, &item))
	{
		CHECK_FOR_INTERRUPTS();
		dbsp_input_push(input, &item);
	}
}

static void
push_routed(DbspInput *input, const DbspTarget *target, const DbspSegment *segment, const DbspRouted *routed)
{
	dbsp_input_set_layout(input, segment->layout);
	for (int i = 0; i < target->nclasses; i++)
	{
		const DbspRoutedClass *class = dbsp_routed_class(routed, target->classes[i]);
		DbspRoutedScan scan;
		DbspZSetItem item;

		if (class == NULL)
			continue;
		dbsp_routed_scan_begin(&scan, routed, class);
		while (dbsp_routed_scan_next(&scan, &item))
		{
			CHECK_FOR_INTERRUPTS();
			dbsp_input_push(input, &item);
		}
	}
}

static const DbspTarget *
find_target(const DbspCachedSource *source, const DbspCachedView *view, const DbspInput *input)
{
	int			n = 0;
	const DbspTarget *targets = source->router ? dbsp_router_view(source->router, view->number, &n) : NULL;

	for (int i = 0; i < n; i++)
		if (targets[i].operator == input->op->plan->number)
			return &targets[i];
	elog(ERROR, "operator %d of incremental view %s has no route", input->op->plan->number, view->name);
	return NULL;				/* keep compiler quiet */
}

/* True if the segment has rows to be pushed.  What functions of the views have changed meanwhile is for the next fold. */
static bool
is_to_push(const DbspSegment *segment, uint32 cut)
{
	return segment->epoch <= cut && has_rows(segment);
}

/* True if the rows to be pushed may have come and gone within the transaction. */
static bool
may_cancel_out(List *segments, uint32 folded, uint32 cut)
{
	bool		is_first = true;

	for (int i = first_after(segments, folded); i < list_length(segments); i++)
	{
		const DbspSegment *segment = list_nth(segments, i);

		if (!is_to_push(segment, cut))
			continue;
		if (!is_first || (segment->several_commands && !dbsp_zset_is_net(segment->rows)))
			return true;
		is_first = false;
	}
	return false;
}

static void
push_segments(DbspInput *input, const DbspCachedView *view, List *segments, uint32 folded, uint32 cut)
{
	DbspCachedSource *source = dbsp_cache_source(input->op->plan->relid);
	const DbspTarget *target = find_target(source, view, input);

	for (int i = first_after(segments, folded); i < list_length(segments); i++)
	{
		DbspSegment *segment = list_nth(segments, i);

		if (!is_to_push(segment, cut))
			continue;
		if (target->whole)
			push_all(input, segment);
		else
			push_routed(input, target, segment, dbsp_routed_get(source->router, segment));
	}
}

void
dbsp_pending_push(DbspCachedView *view, uint32 cut)
{
	uint32		folded = dbsp_deltas_folded(view->number);
	ListCell   *lc;

	foreach(lc, view->inputs)
	{
		DbspInput  *input = lfirst(lc);
		List	   *segments = dbsp_deltas_segments(input->op->plan->relid);

		if (segments == NIL)
			continue;
		dbsp_input_begin(input, view->circuit->may_fail && may_cancel_out(segments, folded, cut));
		push_segments(input, view, segments, folded, cut);
		dbsp_input_end(input);
	}
}
