/*-------------------------------------------------------------------------
 *
 * unit_deltas.c
 *	  Pending deltas against a model that copies all of itself at a savepoint.
 *
 * The model is a list of changes, each with the time at which it was made,
 * and for each view the time up to which it has folded.  A savepoint puts a
 * copy of the model on a stack, a rollback takes it back, a release drops it.
 * Half of the transactions have so little memory that rows go to files
 * whenever another Z-set needs room.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "unit.h"
#include "zset/deltas.h"

#define TABLES 3
#define VIEWS 4
#define LAYOUTS 2
#define ROWS 6
#define MOST_LEVELS 6
#define STEPS 120
#define FIRST_RELID 90000
#define WIDE 150

/* Weights by layout and row number, and whether the table was replaced: how often does not matter. */
typedef struct Sum
{
	DbspWeight	weights[LAYOUTS][ROWS];
	int64		replaced;		/* no padding: sums are compared by their bytes */
} Sum;

typedef struct Change
{
	int			table;
	uint32		epoch;
	bool		replaced;
	int			layout;
	int			row;
	DbspWeight	weight;
} Change;

typedef struct Model
{
	int			nchanges;
	Change	   *changes;
	bool		lives[VIEWS];
	uint32		folded[VIEWS];	/* by view */
} Model;

typedef struct Run
{
	UnitRandom	random;
	DbspCaptureLayout layouts[LAYOUTS];
	uint32		epoch;
	int			level;			/* the current transaction nesting level */
	Model		models[MOST_LEVELS + 1];	/* by level: now, and at each savepoint that is open */
	int			spilled;		/* segments seen with rows in files */
} Run;

PG_FUNCTION_INFO_V1(dbsp_sql_unit_deltas);

static Model *
current_model(Run *run)
{
	return &run->models[run->level];
}

static void
copy_model(Model *to, const Model *from)
{
	*to = *from;
	to->changes = palloc(STEPS * 4 * sizeof(Change));
	memcpy(to->changes, from->changes, from->nchanges * sizeof(Change));
}

static Oid
relid_of(int table)
{
	return FIRST_RELID + table;
}

/* ---- what can happen ---- */

static void
record(Run *run, int table)
{
	Model	   *model = current_model(run);
	Change	   *change = &model->changes[model->nchanges++];
	Datum		values[2];
	bool		isnull[2];

	*change = (Change) {.table = table,.epoch = run->epoch,.layout = unit_below(&run->random, 4) / 3,
	.row = unit_below(&run->random, ROWS),.weight = unit_chance(&run->random, 2) ? 1 : -1};
	values[0] = Int32GetDatum(change->row);
	isnull[0] = change->row == 0;
	values[1] = unit_long_text(WIDE, 'a' + change->row);
	isnull[1] = change->row == 1;
	dbsp_deltas_record(relid_of(table), &run->layouts[change->layout], run->level, model->nchanges / 2, values, isnull,
					   change->weight);
}

static void
record_replaced(Run *run, int table)
{
	Model	   *model = current_model(run);

	model->changes[model->nchanges++] = (Change) {.table = table,.epoch = run->epoch,.replaced = true};
	dbsp_deltas_record_replaced(relid_of(table), run->level);
}

static void
savepoint(Run *run)
{
	if (run->level == MOST_LEVELS)
		return;
	copy_model(&run->models[run->level + 1], current_model(run));
	run->level++;
}

static void
release(Run *run)
{
	if (run->level == 1)
		return;
	dbsp_deltas_subcommit(run->level);
	run->models[run->level - 1] = run->models[run->level];
	run->level--;
}

static void
roll_back(Run *run)
{
	if (run->level == 1)
		return;
	dbsp_deltas_subabort(run->level);
	run->level--;
	if (unit_chance(&run->random, 2))
		savepoint(run);
}

static void
mark(Run *run, int view, uint32 cut)
{
	dbsp_deltas_mark(view + 1, run->level, cut);
	current_model(run)->folded[view] = cut;
}

/* Every view there is has folded all. */
static void
mark_all(Run *run, uint32 cut)
{
	dbsp_deltas_mark(DBSP_ALL_VIEWS, run->level, cut);
	for (int view = 0; view < VIEWS; view++)
		if (current_model(run)->lives[view])
			current_model(run)->folded[view] = cut;
}

static void check_pending(Run *run, int table, int view, uint32 cut);

/* A fold of some of the views, and then, as the engine does it, of what all have folded. */
static void
fold(Run *run, bool trim)
{
	uint32		cut = dbsp_deltas_cut();
	int			how = unit_below(&run->random, 4);

	UNIT_CHECK(cut == run->epoch, "the epoch is %u, not %u", cut, run->epoch);
	run->epoch++;
	for (int view = 0; view < VIEWS; view++)
		for (int table = 0; table < TABLES && current_model(run)->lives[view]; table++)
			check_pending(run, table, view, cut);
	if (how == 0)
		mark_all(run, cut);
	for (int view = 0; view < VIEWS && how > 0; view++)
		if (current_model(run)->lives[view] && (how == 1 || unit_chance(&run->random, 2)))
			mark(run, view, cut);
	if (!trim)
	{
		/* As after a fold that has failed. */
		if (unit_chance(&run->random, 2))
			dbsp_deltas_uncut();
		return;
	}
	dbsp_deltas_trim_folded(run->level);
	for (int table = 0; table < TABLES && how == 0 && run->level == 1; table++)
		UNIT_CHECK(dbsp_deltas_segments(relid_of(table)) == NIL, "what all views have folded is kept");
}

/* A view that is made starts with what is there; one that is dropped comes back by a rollback. */
static void
create_or_drop(Run *run)
{
	int			view = unit_below(&run->random, VIEWS);

	current_model(run)->lives[view] = !current_model(run)->lives[view];
	if (!current_model(run)->lives[view])
		return;
	mark(run, view, dbsp_deltas_cut());
	run->epoch++;
}

/* ---- what must be pending ---- */

static Sum
expected_sum(Run *run, int table, int view, uint32 cut)
{
	Model	   *model = current_model(run);
	Sum			sum = {0};

	for (int i = 0; i < model->nchanges; i++)
	{
		Change	   *change = &model->changes[i];

		if (change->table != table || change->epoch <= model->folded[view] || change->epoch > cut)
			continue;
		if (change->replaced)
			sum.replaced = true;
		else
			sum.weights[change->layout][change->row] += change->weight;
	}
	return sum;
}

static void
add_segment(Run *run, const DbspSegment *segment, Sum *sum)
{
	DbspZSetScan scan;
	DbspZSetItem item;
	int			layout = 0;

	if (segment->replaced)
	{
		sum->replaced = true;
		return;
	}
	while (run->layouts[layout].id != segment->layout->id)
		layout++;
	UNIT_CHECK(segment->layout->ncolumns == 2 && segment->layout->attnums[0] == layout + 1, "a layout is not kept");
	if (!dbsp_zset_is_in_memory(segment->rows))
		run->spilled++;
	dbsp_zset_scan_begin(&scan, segment->rows);
	while (dbsp_zset_scan_next(&scan, &item))
	{
		Datum		values[2];
		bool		isnull[2];
		int			row;

		dbsp_row_deform(item.row, segment->layout->desc, values, isnull);
		row = isnull[0] ? 0 : DatumGetInt32(values[0]);
		UNIT_CHECK(isnull[1] == (row == 1) && (isnull[1] || VARSIZE_ANY_EXHDR(DatumGetPointer(values[1])) == WIDE),
				   "a row has changed");
		sum->weights[layout][row] += item.weight;
	}
}

static void
check_pending(Run *run, int table, int view, uint32 cut)
{
	uint32		folded = dbsp_deltas_folded(view + 1);
	Sum			expected = expected_sum(run, table, view, cut);
	Sum			sum = {0};
	Sum			zero = {0};
	bool		any = memcmp(&expected, &zero, sizeof(Sum)) != 0;
	const DbspSegment *last = NULL;
	ListCell   *lc;

	foreach(lc, dbsp_deltas_segments(relid_of(table)))
	{
		const DbspSegment *segment = lfirst(lc);

		UNIT_CHECK(last == NULL || (last->epoch <= segment->epoch && last->level <= segment->level),
				   "segments are not in the order of time");
		UNIT_CHECK(segment->level <= run->level, "a segment is of a level that is gone");
		last = segment;
		if (segment->epoch > folded && segment->epoch <= cut)
			add_segment(run, segment, &sum);
	}
	UNIT_CHECK(memcmp(&sum, &expected, sizeof(Sum)) == 0, "wrong deltas of table %d are pending for view %d", table, view);
	UNIT_CHECK(!any || dbsp_deltas_any(), "pending deltas are denied");
	UNIT_CHECK(!any || list_member_oid(dbsp_deltas_relations(), relid_of(table)), "a table with deltas is not listed");
}

static void
check_all(Run *run)
{
	for (int view = 0; view < VIEWS; view++)
	{
		if (!current_model(run)->lives[view])
			continue;
		for (int table = 0; table < TABLES; table++)
		{
			check_pending(run, table, view, PG_UINT32_MAX);
		}
	}
}

/* ---- one transaction ---- */

static void
step(Run *run)
{
	int			table = unit_below(&run->random, TABLES);

	switch (unit_below(&run->random, 16))
	{
		case 0:
		case 1:
			savepoint(run);
			break;
		case 2:
			release(run);
			break;
		case 3:
			roll_back(run);
			break;
		case 4:
			fold(run, false);
			break;
		case 5:
			fold(run, true);
			break;
		case 6:
			create_or_drop(run);
			break;
		case 7:
			if (unit_chance(&run->random, 4))
				record_replaced(run, table);
			break;
		default:
			for (int i = unit_below(&run->random, 3); i >= 0; i--)
				record(run, table);
			break;
	}
}

static void
run_transaction(Run *run)
{
	dbsp_deltas_forget();
	UNIT_CHECK(!dbsp_deltas_any(), "deltas outlive their transaction");
	SetConfigOption("dbsp_ivm.delta_mem", unit_chance(&run->random, 2) ? "0" : "32MB", PGC_USERSET, PGC_S_SESSION);
	run->level = 1;
	run->epoch = 1;
	memset(run->models, 0, sizeof(run->models));
	run->models[1].changes = palloc(STEPS * 4 * sizeof(Change));
	for (int view = 0; view < VIEWS; view++)
		run->models[1].lives[view] = view < VIEWS - 1;
	for (int i = 0; i < STEPS; i++)
	{
		step(run);
		check_all(run);
	}
	while (run->level > 1)
	{
		if (unit_chance(&run->random, 2))
			release(run);
		else
			roll_back(run);
		check_all(run);
	}
	dbsp_deltas_forget();
}

Datum
dbsp_sql_unit_deltas(PG_FUNCTION_ARGS)
{
	const Oid	types[] = {INT4OID, TEXTOID, InvalidOid};
	int			transactions = PG_GETARG_INT32(1) * 10;
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "unit round", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = CurrentMemoryContext;
	Run			run = {.spilled = 0};
	AttrNumber	attnums[LAYOUTS][2];

	unit_define_settings();
	unit_seed(&run.random, PG_GETARG_INT32(0));
	for (int i = 0; i < LAYOUTS; i++)
	{
		attnums[i][0] = i + 1;
		attnums[i][1] = i + 2;
		run.layouts[i] = (DbspCaptureLayout) {.id = 7 + i,.ncolumns = 2,.attnums = attnums[i],
		.desc = dbsp_row_desc(unit_desc(types))};
	}
	for (int i = 0; i < transactions; i++)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(cxt);
		run_transaction(&run);
		MemoryContextSwitchTo(old);
		MemoryContextReset(cxt);
	}
	SetConfigOption("dbsp_ivm.delta_mem", "32MB", PGC_USERSET, PGC_S_SESSION);
	UNIT_CHECK(run.spilled > transactions, "rows hardly ever went to files");
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%d transactions", transactions)));
}
