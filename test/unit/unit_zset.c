/*-------------------------------------------------------------------------
 *
 * unit_zset.c
 *	  Z-sets against an array of weights, and the laws of their group.
 *
 * Row number i of a run has the values (i, a text that depends on i).  The
 * numbers of rows lie around the limits of the stage, with much and with
 * little that cancels out.  In some runs the Z-sets are those of a pool with
 * little or no memory.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/guc.h"
#include "unit.h"
#include "zset/zset.h"

#define MOST_ROWS 12000

typedef struct Model
{
	ZSet	   *zset;
	DbspWeight *weights;		/* by row number */
} Model;

typedef struct Run
{
	UnitRandom	random;
	TupleDesc	desc;
	int			nrows;			/* distinct rows */
	DbspRowBuffer buffer;
	DbspZSetPool *pool;			/* or NULL */
	int			spilled;		/* Z-sets checked with rows in files */
} Run;

PG_FUNCTION_INFO_V1(dbsp_sql_unit_zset);

static void
row_values(int number, Datum *values, bool *isnull)
{
	values[0] = Int32GetDatum(number);
	isnull[0] = false;
	values[1] = unit_long_text(number % 7, 'x');
	isnull[1] = number % 5 == 0;
}

/* Valid until the next call. */
static DbspRow
row_of(Run *run, int number)
{
	Datum		values[2];
	bool		isnull[2];
	DbspRow		row;

	row_values(number, values, isnull);
	row = dbsp_row_form(run->desc, values, isnull, &run->buffer);
	pfree(DatumGetPointer(values[1]));
	return row;
}

static int
number_of(Run *run, DbspRow row)
{
	Datum		values[2];
	bool		isnull[2];

	dbsp_row_deform(row, run->desc, values, isnull);
	return DatumGetInt32(values[0]);
}

static Model
new_model(Run *run)
{
	Model		model;

	model.zset = run->pool ? dbsp_zset_create_in_pool(run->pool, run->desc) :
		dbsp_zset_create(CurrentMemoryContext, run->desc);
	model.weights = palloc0(MOST_ROWS * sizeof(DbspWeight));
	return model;
}

static void
add(Run *run, Model *model, int number, DbspWeight weight)
{
	if (unit_chance(&run->random, 4))
	{
		Datum		values[2];
		bool		isnull[2];

		row_values(number, values, isnull);
		dbsp_zset_add_values(model->zset, values, isnull, weight);
		pfree(DatumGetPointer(values[1]));
	}
	else
		dbsp_zset_add(model->zset, row_of(run, number), weight);
	model->weights[number] += weight;
	if (run->pool)
		UNIT_CHECK(dbsp_zset_bytes(model->zset) <= Max((Size) dbsp_delta_mem() * 1024, 1024), "the bound is exceeded");
}

/* What a scan gives must add up to the value; it must not build a hash table, so it comes first. */
static void
check_scan(Run *run, Model *model)
{
	DbspWeight *sums = palloc0(MOST_ROWS * sizeof(DbspWeight));
	DbspZSetScan scan;
	DbspZSetItem item;

	dbsp_zset_scan_begin(&scan, model->zset);
	while (dbsp_zset_scan_next(&scan, &item))
	{
		UNIT_CHECK(item.weight != 0, "a scan gives a row of weight 0");
		sums[number_of(run, item.row)] += item.weight;
	}
	UNIT_CHECK(memcmp(sums, model->weights, MOST_ROWS * sizeof(DbspWeight)) == 0, "a scan does not add up to the value");
	pfree(sums);
}

static void
count_rows(void *arg)
{
	(void) dbsp_zset_count(arg);
}

static void
iterate(void *arg)
{
	(void) dbsp_zset_first(arg);
}

static void
check_value(Run *run, Model *model)
{
	DbspWeight *seen;
	uint64		count = 0;

	if (!dbsp_zset_is_in_memory(model->zset))
	{
		run->spilled++;
		UNIT_CHECK(unit_raises(ERRCODE_INTERNAL_ERROR, count_rows, model->zset) &&
				   unit_raises(ERRCODE_INTERNAL_ERROR, iterate, model->zset), "rows in files are not counted, silently");
		return;
	}
	seen = palloc0(MOST_ROWS * sizeof(DbspWeight));
	for (const DbspZSetItem *item = dbsp_zset_first(model->zset); item; item = dbsp_zset_next(item))
	{
		int			number = number_of(run, item->row);

		UNIT_CHECK(item->weight != 0 && seen[number] == 0, "row %d comes twice, or with weight 0", number);
		seen[number] = item->weight;
		count++;
	}
	UNIT_CHECK(memcmp(seen, model->weights, MOST_ROWS * sizeof(DbspWeight)) == 0, "iteration does not give the value");
	UNIT_CHECK(dbsp_zset_count(model->zset) == count, "wrong count");
	UNIT_CHECK(dbsp_zset_is_empty(model->zset) == (count == 0), "wrong is_empty");
	for (int i = 0; i < 20; i++)
	{
		int			number = unit_below(&run->random, MOST_ROWS);

		UNIT_CHECK(dbsp_zset_weight(model->zset, row_of(run, number)) == model->weights[number],
				   "wrong weight of row %d", number);
	}
	pfree(seen);
}

static bool
model_is_zero(const Model *model)
{
	for (int i = 0; i < MOST_ROWS; i++)
		if (model->weights[i] != 0)
			return false;
	return true;
}

static void
check(Run *run, Model *model)
{
	if (dbsp_zset_is_empty(model->zset))
		UNIT_CHECK(model_is_zero(model), "a Z-set that is not zero is said to be empty");
	check_scan(run, model);
	if (unit_chance(&run->random, 2))
		return;
	check_value(run, model);
}

/* Some thousands of changes, checked now and then. */
static Model
random_model(Run *run)
{
	static const int changes[] = {0, 1, 30, 1023, 1024, 1025, 4000, 10000, 30000};
	Model		model = new_model(run);
	int			n = changes[unit_below(&run->random, lengthof(changes))];
	bool		distinct = unit_chance(&run->random, 3);
	int			last = -1;

	for (int i = 0; i < n; i++)
	{
		int			number = distinct ? i % run->nrows : unit_below(&run->random, run->nrows);

		/* The two images of an update, or a row that comes and goes. */
		if (last >= 0 && unit_chance(&run->random, 3))
			add(run, &model, last, -model.weights[last]);
		add(run, &model, number, unit_below(&run->random, 7) - 3);
		last = number;
		if (unit_chance(&run->random, 3000))
			check(run, &model);
	}
	return model;
}

static void
merge(Run *run, Model *model, const Model *other, DbspWeight factor)
{
	if (run->pool)
		dbsp_zset_pool_close(run->pool);
	dbsp_zset_merge(model->zset, other->zset, factor);
	if (run->pool)
		dbsp_zset_pool_open(run->pool);
	for (int i = 0; i < MOST_ROWS; i++)
		model->weights[i] += other->weights[i] * factor;
}

/* Adds factor times what a scan gives to the weights by row number. */
static void
add_scan(Run *run, const ZSet *zset, DbspWeight factor, DbspWeight *weights)
{
	DbspZSetScan scan;
	DbspZSetItem item;

	dbsp_zset_scan_begin(&scan, zset);
	while (dbsp_zset_scan_next(&scan, &item))
		weights[number_of(run, item.row)] += item.weight * factor;
}

static bool
same_zset(Run *run, const ZSet *a, const ZSet *b)
{
	DbspWeight *difference = palloc0(MOST_ROWS * sizeof(DbspWeight));

	add_scan(run, a, 1, difference);
	add_scan(run, b, -1, difference);
	for (int i = 0; i < MOST_ROWS; i++)
		if (difference[i] != 0)
			return false;
	pfree(difference);
	return true;
}

/* left + right, by taking right's rows, and more of them; then both are gone. */
static void
check_taking(Run *run, Model *left, Model *right)
{
	Model		more = random_model(run);

	dbsp_zset_take(left->zset, right->zset);
	dbsp_zset_take(left->zset, more.zset);
	for (int i = 0; i < MOST_ROWS; i++)
		left->weights[i] += right->weights[i] + more.weights[i];
	check(run, left);
	for (int i = 0; i < 100; i++)
	{
		Model		single = new_model(run);

		add(run, &single, i % run->nrows, 1);
		left->weights[i % run->nrows]++;
		dbsp_zset_take(left->zset, single.zset);
	}
	check(run, left);
	check_value(run, left);
	dbsp_zset_destroy(left->zset);
}

/* a + b = b + a, (a + b) + c = a + (b + c), a + 0 = a, a - a = 0, 3a = a + a + a. */
static void
check_laws(Run *run)
{
	Model		a = random_model(run);
	Model		b = random_model(run);
	Model		c = random_model(run);
	Model		left = new_model(run);
	Model		right = new_model(run);
	Model		sum = new_model(run);

	merge(run, &left, &a, 1);
	merge(run, &left, &b, 1);
	merge(run, &left, &c, 1);
	merge(run, &sum, &c, 1);
	merge(run, &sum, &b, 1);
	merge(run, &right, &sum, 1);
	merge(run, &right, &a, 1);
	UNIT_CHECK(same_zset(run, left.zset, right.zset), "addition depends on the order");
	check(run, &left);
	merge(run, &left, &right, -1);
	check(run, &left);
	check_value(run, &left);
	UNIT_CHECK(model_is_zero(&left), "a - a is not zero");
	UNIT_CHECK(!dbsp_zset_is_in_memory(left.zset) || dbsp_zset_is_empty(left.zset), "a - a is not empty");

	merge(run, &left, &a, 3);
	merge(run, &right, &b, -1);
	merge(run, &right, &c, -1);
	UNIT_CHECK(same_zset(run, right.zset, a.zset), "a + b + c - b - c is not a");
	merge(run, &right, &a, 2);
	UNIT_CHECK(same_zset(run, left.zset, right.zset), "3a is not a + 2a");
	check(run, &right);
	check_value(run, &a);
	if (run->pool)
		check_taking(run, &left, &right);
}

/* ---- errors ---- */

static void
negate(void *arg)
{
	Run		   *run = arg;
	ZSet	   *zset = dbsp_zset_create(CurrentMemoryContext, run->desc);
	ZSet	   *negated = dbsp_zset_create(CurrentMemoryContext, run->desc);

	dbsp_zset_add(zset, row_of(run, 1), PG_INT64_MIN);
	dbsp_zset_merge(negated, zset, -1);
}

static void
check_overflow(Run *run)
{
	ZSet	   *zset = dbsp_zset_create(CurrentMemoryContext, run->desc);

	dbsp_zset_add(zset, row_of(run, 1), PG_INT64_MAX);
	dbsp_zset_add(zset, row_of(run, 1), -1);
	dbsp_zset_add(zset, row_of(run, 1), 1);
	UNIT_CHECK(dbsp_zset_weight(zset, row_of(run, 1)) == PG_INT64_MAX, "the largest weight is not kept");
	dbsp_zset_add(zset, row_of(run, 1), 1);
	UNIT_CHECK(unit_raises(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, count_rows, zset), "an overflow is not noticed");
	UNIT_CHECK(unit_raises(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, negate, run), "an overflow of a product is not noticed");
	UNIT_CHECK(dbsp_weight_add(PG_INT64_MIN, PG_INT64_MAX) == -1 && dbsp_weight_multiply(PG_INT64_MIN, 1) == PG_INT64_MIN,
			   "weights are not added or multiplied");
}

static void
run_round(Run *run, MemoryContext cxt)
{
	static const int sizes[] = {1, 10, 500, 2000, MOST_ROWS};
	static const char *const memories[] = {"0", "64kB", "1MB", "32MB"};
	Model		model;

	run->buffer = (DbspRowBuffer) {.cxt = cxt};
	run->nrows = sizes[unit_below(&run->random, lengthof(sizes))];
	run->pool = unit_chance(&run->random, 2) ? dbsp_zset_pool_create(cxt) : NULL;
	SetConfigOption("dbsp_ivm.delta_mem", memories[unit_below(&run->random, lengthof(memories))],
					PGC_USERSET, PGC_S_SESSION);
	model = random_model(run);
	check(run, &model);
	check_laws(run);
	check_overflow(run);
	dbsp_spill_forget();
}

Datum
dbsp_sql_unit_zset(PG_FUNCTION_ARGS)
{
	const Oid	types[] = {INT4OID, TEXTOID, InvalidOid};
	int			rounds = PG_GETARG_INT32(1);
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "unit round", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = CurrentMemoryContext;
	Run			run = {.desc = dbsp_row_desc(unit_desc(types))};

	unit_define_settings();
	unit_seed(&run.random, PG_GETARG_INT32(0));
	for (int i = 0; i < rounds; i++)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(cxt);
		run_round(&run, cxt);
		MemoryContextSwitchTo(old);
		MemoryContextReset(cxt);
	}
	SetConfigOption("dbsp_ivm.delta_mem", "32MB", PGC_USERSET, PGC_S_SESSION);
	UNIT_CHECK(run.spilled > 0, "rows never went to files");
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%d rounds", rounds)));
}
