/*-------------------------------------------------------------------------
 *
 * batch.c
 *	  A delta that one operator has collected, to be processed key by key.
 *
 * In memory, rows stand in an array in the order of addition, their values in
 * blocks.  Neighbours with one key, such as the two images of an update, are
 * a run; runs are what is sorted.  Beyond the bound everything goes into a
 * tuplesort (utils/sort/tuplesort.c), ordered by key, then by weight so that
 * additions come first.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/stratnum.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"

#include "base/guc.h"
#include "circuit/batch.h"
#include "row/row.h"
#include "zset/zset.h"

#define FIRST_BLOCK 512
#define LARGEST_BLOCK (256 * 1024)
/* Up to so much is not worth a memory context of its own. */
#define FEW_BYTES (64 * 1024)
/* Rows are handed to the tuplesort at a time, and out of it. */
#define PART_BYTES (256 * 1024)
#define PART_ROWS (2 + Min(dbsp_delta_mem() / 8, 4096))

/* Neighbouring rows with one key. */
typedef struct Run
{
	Datum		first;			/* of the key; or its hash, where the key cannot be sorted */
	DbspBatchRow *rows;
	int			nrows;
	bool		isnull;
} Run;

struct DbspBatch
{
	DbspBatchType *type;
	MemoryContext cxt;

	/* rows in memory */
	MemoryContext rows_cxt;		/* where their values are: cxt, or a child where they are many */
	DbspBatchRow *rows;
	int64		nrows;
	int64		maxrows;
	char	   *free;			/* in the block at hand */
	char	   *block_end;
	Size		block_size;
	Size		bytes;
	Run		   *runs;
	int64		nruns;
	int64		next_run;

	/* rows in the sorter */
	Tuplesortstate *sorter;
	int64		nsorted;
	TupleTableSlot *put_slot;
	TupleTableSlot *get_slot;	/* the next row, unless it is empty */
	MemoryContext part_cxt;		/* of the rows of the part handed out */

	/* the group, or the rows of one hash, at hand */
	DbspBatchRow *part;
	int64		npart;
	int64		maxpart;
	int64		part_done;		/* rows of one hash: those handed out already */
	bool		continues;		/* the part handed out last was not the last one of its group */

	DbspRowBuffer buffer;		/* for images */
};

/* ---- type ---- */

static void
add_sort(DbspBatchType *type, List *sortops)
{
	if (type->nkeys == 0 || list_length(sortops) != type->nkeys)
		return;
	type->sort = palloc0(type->nkeys * sizeof(SortSupportData));
	type->sortops = palloc(type->nkeys * sizeof(Oid));
	type->collations = palloc(type->nkeys * sizeof(Oid));
	for (int i = 0; i < type->nkeys; i++)
	{
		SortSupport sort = &type->sort[i];

		type->sortops[i] = list_nth_oid(sortops, i);
		type->collations[i] = type->key->collations[i];
		sort->ssup_cxt = CurrentMemoryContext;
		sort->ssup_collation = type->collations[i];
		PrepareSortSupportFromOrderingOp(type->sortops[i], sort);
	}
	type->integer_order = type->nkeys == 1 && !type->sort[0].ssup_reverse &&
		(type->sort[0].comparator == ssup_datum_int32_cmp
#if SIZEOF_DATUM >= 8
		 || type->sort[0].comparator == ssup_datum_signed_cmp
#endif
		);
}

DbspBatchType *
dbsp_batch_type_make(TupleDesc desc, int nkeys, const int *key_columns, List *sortops, DbspKey *key, bool left)
{
	DbspBatchType *type = palloc0(sizeof(DbspBatchType));

	type->desc = desc;
	type->ncolumns = desc->natts;
	type->nkeys = nkeys;
	type->key_columns = palloc(Max(nkeys, 1) * sizeof(int));
	if (nkeys > 0)
		memcpy(type->key_columns, key_columns, nkeys * sizeof(int));
	type->keys_lead = true;
	for (int i = 0; i < nkeys; i++)
		type->keys_lead &= key_columns[i] == i;
	type->by_value = true;
	for (int i = 0; i < desc->natts; i++)
		type->by_value &= TupleDescAttr(desc, i)->attbyval;
	type->key = key;
	type->left = left;
	add_sort(type, sortops);
	return type;
}

static int
compare_keys(const DbspBatchType *type, const DbspBatchRow *a, const DbspBatchRow *b)
{
	for (int i = 0; i < type->nkeys; i++)
	{
		int			column = type->key_columns[i];
		int			order = ApplySortComparator(a->values[column], a->isnull[column],
												b->values[column], b->isnull[column], &type->sort[i]);

		if (order != 0)
			return order;
	}
	return 0;
}

static inline bool
same_value(const DbspBatchType *type, int column, const DbspBatchRow *a, const DbspBatchRow *b)
{
	Form_pg_attribute att = TupleDescAttr(type->desc, column);

	if (a->isnull[column] || b->isnull[column])
		return a->isnull[column] && b->isnull[column];
	return att->attbyval ? a->values[column] == b->values[column] :
		datumIsEqual(a->values[column], b->values[column], false, att->attlen);
}

/* True only if the keys have the same bytes. */
static bool
same_key_image(const DbspBatchType *type, const DbspBatchRow *a, const DbspBatchRow *b)
{
	for (int i = 0; i < type->nkeys; i++)
		if (!same_value(type, type->key_columns[i], a, b))
			return false;
	return true;
}

static int
compare_images(const DbspBatchType *type, const DbspBatchRow *a, const DbspBatchRow *b)
{
	for (int i = 0; i < type->ncolumns; i++)
	{
		int			order;

		if (a->isnull[i] != b->isnull[i])
			return a->isnull[i] ? 1 : -1;
		if (a->isnull[i])
			continue;
		order = dbsp_row_compare_value(TupleDescAttr(type->desc, i), a->values[i], b->values[i]);
		if (order != 0)
			return order;
	}
	return 0;
}

uint32
dbsp_batch_hash(DbspBatch *batch, const DbspBatchRow *row)
{
	DbspBatchType *type = batch->type;
	Datum		values[INDEX_MAX_KEYS * 4];
	bool		isnull[INDEX_MAX_KEYS * 4];

	if (type->key == NULL)
		return Max(dbsp_row_hash(dbsp_row_form(type->desc, row->values, row->isnull, &batch->buffer)), 1);
	if (type->nkeys == 0)
		return 1;
	if (type->keys_lead)
		return dbsp_key_hash(type->key, row->values, row->isnull, type->left);
	for (int i = 0; i < type->nkeys; i++)
	{
		values[i] = row->values[type->key_columns[i]];
		isnull[i] = row->isnull[type->key_columns[i]];
	}
	return dbsp_key_hash(type->key, values, isnull, type->left);
}

/* ---- collecting ---- */

DbspBatch *
dbsp_batch_begin(DbspBatchType *type, MemoryContext cxt)
{
	DbspBatch  *batch = MemoryContextAllocZero(cxt, sizeof(DbspBatch));

	batch->type = type;
	batch->cxt = batch->rows_cxt = cxt;
	batch->block_size = FIRST_BLOCK;
	batch->buffer.cxt = cxt;
	return batch;
}

/* Room for values; MAXALIGNed. */
static inline char *
reserve(DbspBatch *batch, Size size)
{
	char	   *result;

	size = MAXALIGN(size);
	if (unlikely(batch->block_end - batch->free < size))
	{
		Size		block = Max(size, batch->block_size);

		/* What may go to the sorter is to be freed then. */
		if (batch->rows_cxt == batch->cxt && batch->bytes >= FEW_BYTES)
			batch->rows_cxt = AllocSetContextCreate(batch->cxt, "dbsp batch rows", ALLOCSET_DEFAULT_SIZES);
		batch->free = MemoryContextAllocHuge(batch->rows_cxt, block);
		batch->block_end = batch->free + block;
		batch->block_size = Min(2 * batch->block_size, LARGEST_BLOCK);
		batch->bytes += block;
	}
	result = batch->free;
	batch->free += size;
	return result;
}

static void
copy_references(DbspBatch *batch, DbspBatchRow *row)
{
	TupleDesc	desc = batch->type->desc;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Size		size;
		char	   *copy;

		if (att->attbyval || row->isnull[i])
			continue;
		/* An expanded value is flattened by datumCopy(), into the context of the rows. */
		if (att->attlen == -1 && VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(row->values[i])))
		{
			MemoryContext old = MemoryContextSwitchTo(batch->rows_cxt);

			row->values[i] = datumCopy(row->values[i], false, -1);
			batch->bytes += VARSIZE_ANY(DatumGetPointer(row->values[i]));
			MemoryContextSwitchTo(old);
			continue;
		}
		size = datumGetSize(row->values[i], false, att->attlen);
		copy = reserve(batch, size);
		memcpy(copy, DatumGetPointer(row->values[i]), size);
		row->values[i] = PointerGetDatum(copy);
	}
}

/* True if the row takes back the one added last: an update that changed nothing that is read here. */
static bool
cancels_last_row(const DbspBatch *batch, const Datum *values, const bool *isnull, DbspWeight weight)
{
	const DbspBatchRow *last = &batch->rows[batch->nrows - 1];
	DbspBatchRow row = {.values = unconstify(Datum *, values), .isnull = unconstify(bool *, isnull)};

	if (last->weight != -weight)
		return false;
	for (int i = batch->type->ncolumns - 1; i >= 0; i--)
		if (!same_value(batch->type, i, last, &row))
			return false;
	return true;
}

static void
make_room(DbspBatch *batch)
{
	if (batch->rows == NULL)
	{
		batch->maxrows = 8;
		batch->rows = MemoryContextAllocHuge(batch->cxt, batch->maxrows * sizeof(DbspBatchRow));
		return;
	}
	batch->bytes += batch->maxrows * sizeof(DbspBatchRow);
	batch->maxrows *= 2;
	batch->rows = repalloc_huge(batch->rows, batch->maxrows * sizeof(DbspBatchRow));
}

/* ---- the sorter ---- */

static void
begin_sorter(DbspBatch *batch)
{
	DbspBatchType *type = batch->type;
	int			nsort = type->sort ? type->nkeys : 1;
	AttrNumber *attnums = palloc((nsort + 1) * sizeof(AttrNumber));
	Oid		   *operators = palloc((nsort + 1) * sizeof(Oid));
	Oid		   *collations = palloc0((nsort + 1) * sizeof(Oid));
	bool	   *nulls_first = palloc0((nsort + 1) * sizeof(bool));

	if (type->sort_desc == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(type));
		TupleDesc	desc = CreateTemplateTupleDesc(type->ncolumns + 2);

		for (int i = 0; i < type->ncolumns; i++)
			TupleDescCopyEntry(desc, i + 1, type->desc, i + 1);
		TupleDescInitEntry(desc, type->ncolumns + 1, "hash", INT8OID, -1, 0);
		TupleDescInitEntry(desc, type->ncolumns + 2, "weight", INT8OID, -1, 0);
		type->sort_desc = desc;
		MemoryContextSwitchTo(old);
	}
	if (type->sort)
		for (int i = 0; i < nsort; i++)
		{
			attnums[i] = type->key_columns[i] + 1;
			operators[i] = type->sortops[i];
			collations[i] = type->collations[i];
		}
	else
	{
		attnums[0] = type->ncolumns + 1;
		operators[0] = Int8LessOperator;
	}
	attnums[nsort] = type->ncolumns + 2;
	operators[nsort] = get_commutator(Int8LessOperator);

	/* Half of the memory, as the rows that go there first are in memory still. */
	batch->sorter = tuplesort_begin_heap(type->sort_desc, nsort + 1, attnums, operators, collations, nulls_first,
										 dbsp_delta_mem() / 2, NULL, TUPLESORT_RANDOMACCESS);
	batch->put_slot = MakeSingleTupleTableSlot(type->sort_desc, &TTSOpsVirtual);
	batch->get_slot = MakeSingleTupleTableSlot(type->sort_desc, &TTSOpsMinimalTuple);
	batch->part_cxt = AllocSetContextCreate(batch->cxt, "dbsp batch part", ALLOCSET_DEFAULT_SIZES);
}

/* Gives all rows in memory to the sorter. */
static void
rows_to_sorter(DbspBatch *batch)
{
	MemoryContext old = MemoryContextSwitchTo(batch->cxt);
	int			ncolumns = batch->type->ncolumns;

	if (batch->sorter == NULL)
		begin_sorter(batch);
	for (int64 i = 0; i < batch->nrows; i++)
	{
		DbspBatchRow *row = &batch->rows[i];
		TupleTableSlot *slot = batch->put_slot;

		CHECK_FOR_INTERRUPTS();
		ExecClearTuple(slot);
		memcpy(slot->tts_values, row->values, ncolumns * sizeof(Datum));
		memcpy(slot->tts_isnull, row->isnull, ncolumns * sizeof(bool));
		slot->tts_values[ncolumns] = Int64GetDatum(batch->type->sort ? 0 : dbsp_batch_hash(batch, row));
		slot->tts_isnull[ncolumns] = false;
		slot->tts_values[ncolumns + 1] = Int64GetDatum(row->weight);
		slot->tts_isnull[ncolumns + 1] = false;
		ExecStoreVirtualTuple(slot);
		tuplesort_puttupleslot(batch->sorter, slot);
	}
	batch->nsorted += batch->nrows;
	batch->nrows = 0;

	if (batch->rows_cxt == batch->cxt)
		batch->rows_cxt = AllocSetContextCreate(batch->cxt, "dbsp batch rows", ALLOCSET_DEFAULT_SIZES);
	else
		MemoryContextReset(batch->rows_cxt);
	if (batch->maxrows > PART_ROWS)
	{
		pfree(batch->rows);
		batch->rows = NULL;
		batch->maxrows = 0;
	}
	batch->free = batch->block_end = NULL;
	batch->bytes = 0;
	MemoryContextSwitchTo(old);
}

void
dbsp_batch_add(DbspBatch *batch, const Datum *values, const bool *isnull, DbspWeight weight)
{
	int			ncolumns = batch->type->ncolumns;
	Size		memory = (Size) dbsp_delta_mem() * 1024;
	DbspBatchRow *row;

	if (batch->nrows > 0 && cancels_last_row(batch, values, isnull, weight))
	{
		batch->nrows--;
		return;
	}
	if (unlikely(batch->bytes > (batch->sorter ? Min(PART_BYTES, memory) : memory)))
		rows_to_sorter(batch);
	if (batch->nrows == batch->maxrows)
		make_room(batch);
	row = &batch->rows[batch->nrows];
	row->weight = weight;
	row->values = (Datum *) reserve(batch, ncolumns * (sizeof(Datum) + sizeof(bool)));
	row->isnull = (bool *) (row->values + ncolumns);
	memcpy(row->values, values, ncolumns * sizeof(Datum));
	memcpy(row->isnull, isnull, ncolumns * sizeof(bool));
	if (!batch->type->by_value)
		copy_references(batch, row);
	batch->nrows++;
	/* What sorting will need. */
	batch->bytes += sizeof(Run);
}

bool
dbsp_batch_is_empty(const DbspBatch *batch)
{
	return batch->nrows == 0 && batch->nsorted == 0;
}

int64
dbsp_batch_count(const DbspBatch *batch)
{
	return batch->nrows + batch->nsorted;
}

/* ---- sorting ---- */

static inline int
compare_runs(const Run *a, const Run *b, DbspBatchType *type)
{
	int			order;

	if (type->sort == NULL)
		return a->first < b->first ? -1 : a->first > b->first ? 1 : 0;
	if (type->integer_order && !a->isnull && !b->isnull)
	{
		int64		left = (int64) a->first;
		int64		right = (int64) b->first;

		return left < right ? -1 : left > right ? 1 : 0;
	}
	order = ApplySortComparator(a->first, a->isnull, b->first, b->isnull, &type->sort[0]);
	return order != 0 || type->nkeys == 1 ? order : compare_keys(type, a->rows, b->rows);
}

#define ST_SORT sort_runs
#define ST_ELEMENT_TYPE Run
#define ST_COMPARE(a, b, type) compare_runs(a, b, type)
#define ST_COMPARE_ARG_TYPE DbspBatchType
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

static void
find_runs(DbspBatch *batch)
{
	DbspBatchType *type = batch->type;
	int64		maxruns = batch->nrows;

	batch->runs = MemoryContextAllocHuge(batch->cxt, Max(maxruns, 1) * sizeof(Run));
	for (int64 i = 0; i < batch->nrows; i++)
	{
		DbspBatchRow *row = &batch->rows[i];
		Run		   *run = &batch->runs[batch->nruns];

		CHECK_FOR_INTERRUPTS();
		/* Of whole rows, neighbours have one image only where they would cancel out. */
		if (batch->nruns > 0 && type->key && run[-1].nrows < INT_MAX && same_key_image(type, run[-1].rows, row))
		{
			run[-1].nrows++;
			continue;
		}
		run->rows = row;
		run->nrows = 1;
		run->isnull = false;
		if (type->sort)
		{
			run->first = row->values[type->key_columns[0]];
			run->isnull = row->isnull[type->key_columns[0]];
		}
		else
			run->first = UInt32GetDatum(dbsp_batch_hash(batch, row));
		batch->nruns++;
	}
}

void
dbsp_batch_sort(DbspBatch *batch)
{
	if (batch->sorter)
	{
		rows_to_sorter(batch);
		tuplesort_performsort(batch->sorter);
		return;
	}
	find_runs(batch);
	if (batch->nruns > 1)
		sort_runs(batch->runs, batch->nruns, batch->type);
}

void
dbsp_batch_rewind(DbspBatch *batch)
{
	batch->next_run = 0;
	batch->npart = batch->part_done = 0;
	batch->continues = false;
	if (batch->sorter)
	{
		ExecClearTuple(batch->get_slot);
		tuplesort_rescan(batch->sorter);
	}
}

void
dbsp_batch_end(DbspBatch *batch)
{
	if (batch->sorter == NULL)
		return;
	ExecDropSingleTupleTableSlot(batch->put_slot);
	ExecDropSingleTupleTableSlot(batch->get_slot);
	tuplesort_end(batch->sorter);
	batch->sorter = NULL;
}

/* ---- groups ---- */

static void
add_to_part(DbspBatch *batch, const DbspBatchRow *rows, int64 nrows)
{
	if (batch->npart + nrows > batch->maxpart)
	{
		batch->maxpart = Max(2 * batch->maxpart, Max(batch->npart + nrows, 16));
		batch->part = batch->part ? repalloc_huge(batch->part, batch->maxpart * sizeof(DbspBatchRow)) :
			MemoryContextAllocHuge(batch->cxt, batch->maxpart * sizeof(DbspBatchRow));
	}
	memcpy(batch->part + batch->npart, rows, nrows * sizeof(DbspBatchRow));
	batch->npart += nrows;
}

/* True if two rows of one hash are of one key. */
static bool
same_hashed_key(const DbspBatchType *type, const DbspBatchRow *a, const DbspBatchRow *b)
{
	Datum		values[2][INDEX_MAX_KEYS * 4];
	bool		isnull[2][INDEX_MAX_KEYS * 4];

	if (type->key == NULL)
		return compare_images(type, a, b) == 0;
	if (same_key_image(type, a, b))
		return true;
	/* With different types on its two sides the operator cannot tell; then equal images are as far as it goes. */
	if (!type->key->same_type)
		return false;
	for (int i = 0; i < type->nkeys; i++)
	{
		int			column = type->key_columns[i];

		values[0][i] = a->values[column];
		isnull[0][i] = a->isnull[column];
		values[1][i] = b->values[column];
		isnull[1][i] = b->isnull[column];
	}
	return dbsp_key_equal(type->key, values[0], isnull[0], values[1], isnull[1]);
}

/* Hands out the rows of one key among those of one hash; they are moved to the front in their order. */
static void
split_hash(DbspBatch *batch, DbspBatchGroup *group_out)
{
	DbspBatchRow *rows = batch->part + batch->part_done;
	int64		nrows = batch->npart - batch->part_done;
	int64		n = 1;

	for (int64 i = 1; i < nrows; i++)
	{
		DbspBatchRow found = rows[i];

		CHECK_FOR_INTERRUPTS();
		if (!same_hashed_key(batch->type, &rows[0], &rows[i]))
			continue;
		memmove(&rows[n + 1], &rows[n], (i - n) * sizeof(DbspBatchRow));
		rows[n++] = found;
	}
	*group_out = (DbspBatchGroup) {.rows = rows, .nrows = n, .first = true, .last = true};
	batch->part_done += n;
}

static bool
next_in_memory(DbspBatch *batch, DbspBatchGroup *group_out)
{
	DbspBatchType *type = batch->type;
	Run		   *run = &batch->runs[batch->next_run];
	int64		left = batch->nruns - batch->next_run;
	int64		n = 1;

	if (left == 0)
		return false;
	while (n < left && compare_runs(run, run + n, type) == 0)
		n++;
	batch->next_run += n;
	if (n == 1)
	{
		*group_out = (DbspBatchGroup) {.rows = run->rows, .nrows = run->nrows, .first = true, .last = true};
		return true;
	}
	batch->npart = batch->part_done = 0;
	for (int64 i = 0; i < n; i++)
		add_to_part(batch, run[i].rows, run[i].nrows);
	if (type->sort == NULL)
	{
		split_hash(batch, group_out);
		return true;
	}
	*group_out = (DbspBatchGroup) {.rows = batch->part, .nrows = batch->npart, .first = true, .last = true};
	batch->part_done = batch->npart;
	return true;
}

/* Makes get_slot hold the next row of the sorter, or be empty. */
static void
peek_sorter(DbspBatch *batch)
{
	if (TTS_EMPTY(batch->get_slot) && tuplesort_gettupleslot(batch->sorter, true, false, batch->get_slot, NULL))
		slot_getallattrs(batch->get_slot);
}

DbspBatchRow
dbsp_batch_copy_row(const DbspBatchType *type, const DbspBatchRow *row)
{
	DbspBatchRow copy;

	copy.weight = row->weight;
	copy.values = palloc(Max(type->ncolumns, 1) * (sizeof(Datum) + sizeof(bool)));
	copy.isnull = (bool *) (copy.values + type->ncolumns);
	memcpy(copy.isnull, row->isnull, type->ncolumns * sizeof(bool));
	for (int i = 0; i < type->ncolumns; i++)
	{
		Form_pg_attribute att = TupleDescAttr(type->desc, i);

		copy.values[i] = copy.isnull[i] ? (Datum) 0 : datumCopy(row->values[i], att->attbyval, att->attlen);
	}
	return copy;
}

/* Copies the row at hand into the part's memory. */
static DbspBatchRow
copy_sorted_row(DbspBatch *batch)
{
	TupleTableSlot *slot = batch->get_slot;
	MemoryContext old = MemoryContextSwitchTo(batch->part_cxt);
	DbspBatchRow row = {.weight = DatumGetInt64(slot->tts_values[batch->type->ncolumns + 1]),
	.values = slot->tts_values, .isnull = slot->tts_isnull};

	row = dbsp_batch_copy_row(batch->type, &row);
	MemoryContextSwitchTo(old);
	return row;
}

/* Adds the row at hand to one of the part that has its image; false if there is none. */
static bool
merge_image(DbspBatch *batch)
{
	TupleTableSlot *slot = batch->get_slot;
	DbspBatchRow row = {.values = slot->tts_values, .isnull = slot->tts_isnull};

	for (int64 i = 0; i < batch->npart; i++)
		if (compare_images(batch->type, &batch->part[i], &row) == 0)
		{
			batch->part[i].weight = dbsp_weight_add(batch->part[i].weight,
													DatumGetInt64(slot->tts_values[batch->type->ncolumns + 1]));
			return true;
		}
	return false;
}

/* True if the row at hand belongs to the same key, or hash, as the rows of the part. */
static bool
sorted_row_continues(DbspBatch *batch, int64 hash)
{
	TupleTableSlot *slot = batch->get_slot;
	DbspBatchRow row = {.values = slot->tts_values, .isnull = slot->tts_isnull};

	if (TTS_EMPTY(slot))
		return false;
	if (batch->type->sort)
		return compare_keys(batch->type, &batch->part[0], &row) == 0;
	return DatumGetInt64(slot->tts_values[batch->type->ncolumns]) == hash;
}

static bool
next_from_sorter(DbspBatch *batch, DbspBatchGroup *group_out)
{
	/* Rows of one hash can be of several keys, which only all of them together tell. */
	bool		in_parts = batch->type->sort != NULL || (batch->type->key && batch->type->nkeys == 0);
	bool		first = !batch->continues;
	int64		hash = 0;

	MemoryContextReset(batch->part_cxt);
	batch->npart = batch->part_done = 0;
	peek_sorter(batch);
	if (TTS_EMPTY(batch->get_slot))
		return false;
	hash = DatumGetInt64(batch->get_slot->tts_values[batch->type->ncolumns]);
	do
	{
		CHECK_FOR_INTERRUPTS();
		if (batch->type->key || !merge_image(batch))
		{
			DbspBatchRow row = copy_sorted_row(batch);

			add_to_part(batch, &row, 1);
		}
		ExecClearTuple(batch->get_slot);
		peek_sorter(batch);
	} while ((!in_parts || batch->npart < PART_ROWS) && sorted_row_continues(batch, hash));

	if (!in_parts)
	{
		split_hash(batch, group_out);
		return true;
	}
	batch->continues = sorted_row_continues(batch, hash);
	*group_out = (DbspBatchGroup) {.rows = batch->part, .nrows = batch->npart, .first = first, .last = !batch->continues};
	batch->part_done = batch->npart;
	return true;
}

bool
dbsp_batch_next(DbspBatch *batch, DbspBatchGroup *group_out)
{
	if (batch->part_done < batch->npart)
	{
		split_hash(batch, group_out);
		return true;
	}
	return batch->sorter ? next_from_sorter(batch, group_out) : next_in_memory(batch, group_out);
}

bool
dbsp_batch_next_net(DbspBatch *batch, DbspBatchRow *row_out)
{
	DbspBatchGroup group;

	Assert(batch->type->key == NULL);
	while (dbsp_batch_next(batch, &group))
	{
		DbspWeight	weight = 0;

		CHECK_FOR_INTERRUPTS();
		for (int64 i = 0; i < group.nrows; i++)
			weight = dbsp_weight_add(weight, group.rows[i].weight);
		*row_out = group.rows[0];
		row_out->weight = weight;
		if (weight != 0)
			return true;
	}
	return false;
}

/* ---- locks ---- */

void
dbsp_batch_add_locks(DbspBatch *batch, LOCKMODE mode, DbspBatchLocks *locks)
{
	/* More than these are not taken one by one, whatever the transaction holds. */
	int64		most = (int64) dbsp_max_key_locks() + 1;
	int64		room = Min(dbsp_batch_count(batch), most);
	DbspBatchGroup group;

	if (dbsp_batch_is_empty(batch) || locks->whole)
		return;
	if (locks->locks == NULL)
		locks->locks = palloc_extended(room * sizeof(DbspKeyLock), MCXT_ALLOC_HUGE);
	else
		locks->locks = repalloc_huge(locks->locks, (locks->nlocks + room) * sizeof(DbspKeyLock));
	while (!locks->whole && dbsp_batch_next(batch, &group))
	{
		uint32		hash;

		CHECK_FOR_INTERRUPTS();
		if (!group.first)
			continue;
		hash = dbsp_batch_hash(batch, &group.rows[0]);
		if (locks->nlocks > 0 && locks->locks[locks->nlocks - 1].hash == hash &&
			locks->locks[locks->nlocks - 1].mode == mode)
			continue;
		if (locks->nlocks == most)
			locks->whole = true;
		else
			locks->locks[locks->nlocks++] = (DbspKeyLock) {.hash = hash, .mode = mode};
	}
	if (locks->whole)
		locks->nlocks = 0;
	dbsp_batch_rewind(batch);
}

/* ---- netting ---- */

/* Up to so many rows are compared each with each. */
#define FEW_ROWS 8

static int
compare_image_order(const void *a, const void *b, void *type)
{
	return compare_images(type, a, b);
}

int64
dbsp_batch_net(const DbspBatchType *type, DbspBatchRow *rows, int64 nrows)
{
	int64		n = 0;

	if (nrows > FEW_ROWS)
		qsort_interruptible(rows, nrows, sizeof(DbspBatchRow), compare_image_order,
							unconstify(DbspBatchType *, type));
	for (int64 i = 0; i < nrows; i++)
	{
		int64		j = nrows > FEW_ROWS ? Max(n - 1, 0) : 0;

		CHECK_FOR_INTERRUPTS();
		for (; j < n; j++)
			if (compare_images(type, &rows[j], &rows[i]) == 0)
				break;
		if (j < n)
			rows[j].weight = dbsp_weight_add(rows[j].weight, rows[i].weight);
		else
			rows[n++] = rows[i];
	}
	nrows = n;
	n = 0;
	for (int64 i = 0; i < nrows; i++)
		if (rows[i].weight != 0)
			rows[n++] = rows[i];
	return n;
}
