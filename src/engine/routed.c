/*-------------------------------------------------------------------------
 *
 * routed.c
 *	  The rows of a segment by the classes that they have.
 *
 * References to rows in memory are kept with the segment, for the folds of
 * single views between which nothing moves the rows.  Files are closed when
 * the fold ends.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"

#include "base/guc.h"
#include "engine/routed.h"

/* References that need no memory of their own. */
#define FEW_HITS 16

/* A row of a segment and one of its classes. */
typedef struct Hit
{
	int			class;
	DbspZSetItem item;
} Hit;

typedef struct Hits
{
	int64		n;
	int64		room;
	Hit		   *hits;
	Hit			few[FEW_HITS];
	Tuplesortstate *sorter;		/* NULL while they fit in memory */
	TupleTableSlot *slot;		/* of the sorter */
} Hits;

/* Columns of the sorter. */
enum
{
	SORT_CLASS,
	SORT_WEIGHT,
	SORT_ROW,
	SORT_COLUMNS
};

/* What a row in the file begins with; its image follows. */
typedef struct FileRow
{
	DbspWeight	weight;
	Size		length;
} FileRow;

/* What of the fold at hand is in a file. */
typedef struct FileRouted
{
	DbspSegment *segment;
	DbspRouted *routed;
} FileRouted;

static List *in_files = NIL;
/* Of that list and what is in it; NULL when it is empty. */
static MemoryContext files_cxt = NULL;

/* ---- collecting ---- */

static void
begin_sorter(Hits *hits)
{
	TupleDesc	desc = CreateTemplateTupleDesc(SORT_COLUMNS);
	AttrNumber	attnum = SORT_CLASS + 1;
	Oid			operator = Int4LessOperator;
	Oid			collation = InvalidOid;
	bool		nulls_first = false;

	TupleDescInitEntry(desc, SORT_CLASS + 1, "class", INT4OID, -1, 0);
	TupleDescInitEntry(desc, SORT_WEIGHT + 1, "weight", INT8OID, -1, 0);
	TupleDescInitEntry(desc, SORT_ROW + 1, "row", BYTEAOID, -1, 0);
	hits->sorter = tuplesort_begin_heap(desc, 1, &attnum, &operator, &collation, &nulls_first,
										Max(dbsp_delta_mem(), 64), NULL, TUPLESORT_NONE);
	hits->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
}

static void
sort_hit(Hits *hits, const Hit *hit)
{
	TupleTableSlot *slot = hits->slot;
	Size		length = hit->item.row->t_len;
	bytea	   *row = palloc_extended(VARHDRSZ + length, MCXT_ALLOC_HUGE);

	SET_VARSIZE(row, VARHDRSZ + length);
	memcpy(VARDATA(row), hit->item.row, length);
	ExecClearTuple(slot);
	slot->tts_values[SORT_CLASS] = Int32GetDatum(hit->class);
	slot->tts_values[SORT_WEIGHT] = Int64GetDatum(hit->item.weight);
	slot->tts_values[SORT_ROW] = PointerGetDatum(row);
	memset(slot->tts_isnull, false, SORT_COLUMNS * sizeof(bool));
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(hits->sorter, slot);
	pfree(row);
}

/* From now on everything goes to the sorter. */
static void
hits_to_sorter(Hits *hits)
{
	begin_sorter(hits);
	for (int64 i = 0; i < hits->n; i++)
		sort_hit(hits, &hits->hits[i]);
	if (hits->hits != hits->few)
		pfree(hits->hits);
	hits->hits = NULL;
	hits->n = 0;
}

static void
grow_hits(Hits *hits)
{
	Size		size = 2 * hits->room * sizeof(Hit);

	if (size > Max((Size) dbsp_delta_mem() * 1024, sizeof(hits->few)))
	{
		hits_to_sorter(hits);
		return;
	}
	if (hits->hits == hits->few)
		hits->hits = memcpy(palloc_extended(size, MCXT_ALLOC_HUGE), hits->few, sizeof(hits->few));
	else
		hits->hits = repalloc_huge(hits->hits, size);
	hits->room *= 2;
}

static void
add_hit(int class, const DbspZSetItem *item, void *arg)
{
	Hits	   *hits = arg;
	Hit			hit = {.class = class,.item = *item};

	if (hits->sorter == NULL && hits->n == hits->room)
		grow_hits(hits);
	if (hits->sorter)
		sort_hit(hits, &hit);
	else
		hits->hits[hits->n++] = hit;
}

/* ---- in memory ---- */

static int
compare_hits(const void *a, const void *b)
{
	int			left = ((const Hit *) a)->class;
	int			right = ((const Hit *) b)->class;

	return (left > right) - (left < right);
}

/* Into one chunk, in the memory of the segment. */
static DbspRouted *
refer_to_rows(const DbspRouter *router, DbspSegment *segment, Hits *hits)
{
	int			nclasses = 0;
	Size		size;
	DbspRouted *routed;

	if (hits->n > 1)
		qsort(hits->hits, hits->n, sizeof(Hit), compare_hits);
	for (int64 i = 0; i < hits->n; i++)
		if (i == 0 || hits->hits[i].class != hits->hits[i - 1].class)
			nclasses++;
	size = offsetof(DbspRouted, classes) + nclasses * sizeof(DbspRoutedClass);
	routed = MemoryContextAllocHuge(GetMemoryChunkContext(segment), size + hits->n * sizeof(DbspZSetItem));
	*routed = (DbspRouted) {.router = dbsp_router_id(router),.moves = dbsp_zset_moves(segment->rows),
	.rows = (DbspZSetItem *) ((char *) routed + size)};
	for (int64 i = 0; i < hits->n; i++)
	{
		routed->rows[i] = hits->hits[i].item;
		if (i == 0 || hits->hits[i].class != hits->hits[i - 1].class)
			routed->classes[routed->nclasses++] = (DbspRoutedClass) {.class = hits->hits[i].class,.first = i};
		routed->classes[routed->nclasses - 1].nrows++;
	}
	return routed;
}

/* ---- in a file ---- */

static void
write_row(BufFile *file, DbspWeight weight, bytea *row)
{
	FileRow		header = {.weight = weight,.length = VARSIZE_ANY_EXHDR(row)};

	BufFileWrite(file, &header, sizeof(header));
	BufFileWrite(file, VARDATA_ANY(row), header.length);
}

static DbspRouted *
write_rows(const DbspRouter *router, Hits *hits)
{
	int			room = 64;
	DbspRouted *routed = palloc0(offsetof(DbspRouted, classes) + room * sizeof(DbspRoutedClass));
	TupleTableSlot *slot = MakeSingleTupleTableSlot(hits->slot->tts_tupleDescriptor, &TTSOpsMinimalTuple);

	routed->router = dbsp_router_id(router);
	routed->file = BufFileCreateTemp(false);
	tuplesort_performsort(hits->sorter);
	while (tuplesort_gettupleslot(hits->sorter, true, false, slot, NULL))
	{
		int			class;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		class = DatumGetInt32(slot->tts_values[SORT_CLASS]);
		if (routed->nclasses == 0 || routed->classes[routed->nclasses - 1].class != class)
		{
			DbspRoutedClass *entry;
			off_t		offset;

			if (routed->nclasses == room)
			{
				room *= 2;
				routed = repalloc_huge(routed, offsetof(DbspRouted, classes) + room * sizeof(DbspRoutedClass));
			}
			entry = &routed->classes[routed->nclasses++];
			*entry = (DbspRoutedClass) {.class = class};
			BufFileTell(routed->file, &entry->fileno, &offset);
			entry->first = offset;
		}
		routed->classes[routed->nclasses - 1].nrows++;
		write_row(routed->file, DatumGetInt64(slot->tts_values[SORT_WEIGHT]),
				  (bytea *) DatumGetPointer(slot->tts_values[SORT_ROW]));
	}
	ExecDropSingleTupleTableSlot(slot);
	ExecDropSingleTupleTableSlot(hits->slot);
	tuplesort_end(hits->sorter);
	return routed;
}

static DbspRouted *
find_in_files(const DbspRouter *router, const DbspSegment *segment)
{
	ListCell   *lc;

	foreach(lc, in_files)
	{
		FileRouted *entry = lfirst(lc);

		if (entry->segment == segment && entry->routed->router == dbsp_router_id(router))
			return entry->routed;
	}
	return NULL;
}

/* Sorts the rows into a file. */
static DbspRouted *
route_to_file(const DbspRouter *router, DbspSegment *segment, Hits *hits)
{
	MemoryContext old;
	FileRouted *entry;

	if (files_cxt == NULL)
		files_cxt = AllocSetContextCreate(TopTransactionContext, "dbsp routed rows", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(files_cxt);
	entry = palloc(sizeof(FileRouted));
	entry->segment = segment;
	entry->routed = write_rows(router, hits);
	in_files = lappend(in_files, entry);
	MemoryContextSwitchTo(old);
	return entry->routed;
}

/* ---- both ---- */

const DbspRouted *
dbsp_routed_get(DbspRouter *router, DbspSegment *segment)
{
	Hits		hits = {.room = FEW_HITS};
	DbspRouted *routed = segment->routed;

	if (routed && routed->router == dbsp_router_id(router) && routed->moves == dbsp_zset_moves(segment->rows))
		return routed;
	if (routed)
		pfree(routed);
	segment->routed = NULL;
	routed = find_in_files(router, segment);
	if (routed)
		return routed;

	hits.hits = hits.few;
	if (!dbsp_zset_is_in_memory(segment->rows))
		hits_to_sorter(&hits);
	dbsp_router_route(router, segment, add_hit, &hits);
	if (hits.sorter)
		return route_to_file(router, segment, &hits);
	routed = segment->routed = refer_to_rows(router, segment, &hits);
	if (hits.hits != hits.few)
		pfree(hits.hits);
	return routed;
}

const DbspRoutedClass *
dbsp_routed_class(const DbspRouted *routed, int class)
{
	int			low = 0;
	int			high = routed->nclasses;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (routed->classes[middle].class < class)
			low = middle + 1;
		else
			high = middle;
	}
	return low < routed->nclasses && routed->classes[low].class == class ? &routed->classes[low] : NULL;
}

void
dbsp_routed_end(void)
{
	ListCell   *lc;

	foreach(lc, in_files)
		BufFileClose(((FileRouted *) lfirst(lc))->routed->file);
	dbsp_routed_forget();
}

void
dbsp_routed_forget(void)
{
	if (files_cxt)
		MemoryContextDelete(files_cxt);
	files_cxt = NULL;
	in_files = NIL;
}

/* ---- scanning ---- */

void
dbsp_routed_scan_begin(DbspRoutedScan *scan, const DbspRouted *routed, const DbspRoutedClass *class)
{
	*scan = (DbspRoutedScan) {.routed = routed,.end = class->nrows};
	if (routed->rows)
	{
		scan->next = class->first;
		scan->end += class->first;
	}
	else if (BufFileSeek(routed->file, class->fileno, class->first, SEEK_SET) != 0)
		ereport(ERROR,
				errcode_for_file_access(),
				errmsg("could not seek in temporary file: %m"));
}

static void
read_exactly(BufFile *file, void *data, Size size)
{
	if (BufFileRead(file, data, size) != size)
		ereport(ERROR,
				errcode_for_file_access(),
				errmsg("could not read from temporary file: %m"));
}

bool
dbsp_routed_scan_next(DbspRoutedScan *scan, DbspZSetItem *item_out)
{
	FileRow		header;

	if (scan->next == scan->end)
	{
		if (scan->buffer)
			pfree(scan->buffer);
		scan->buffer = NULL;
		return false;
	}
	if (scan->routed->rows)
	{
		*item_out = scan->routed->rows[scan->next++];
		return true;
	}
	read_exactly(scan->routed->file, &header, sizeof(header));
	if (header.length > scan->buffer_size)
	{
		if (scan->buffer)
			pfree(scan->buffer);
		scan->buffer_size = Max(2 * scan->buffer_size, Max(header.length, 1024));
		scan->buffer = palloc_extended(scan->buffer_size, MCXT_ALLOC_HUGE);
	}
	read_exactly(scan->routed->file, scan->buffer, header.length);
	scan->next++;
	item_out->row = (DbspRow) scan->buffer;
	item_out->weight = header.weight;
	return true;
}
