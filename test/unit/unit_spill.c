/*-------------------------------------------------------------------------
 *
 * unit_spill.c
 *	  Streams in temporary files against arrays of bytes.
 *
 * A stream's bytes are a function of where they were first appended, so a
 * model is a list of numbers.  Writes fail now and then, for want of space
 * that temp_file_limit allows, in a subtransaction that is rolled back.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "unit.h"
#include "zset/spill.h"

#define STREAMS 20
#define STEPS 400
#define MOST_BYTES 40000

typedef struct Model
{
	DbspSpill	spill;
	StringInfoData bytes;
} Model;

typedef struct Run
{
	UnitRandom	random;
	Model		models[STREAMS];
	int			failures;
} Run;

typedef struct Append
{
	DbspSpill  *spill;
	const char *data;
	Size		size;
} Append;

PG_FUNCTION_INFO_V1(dbsp_sql_unit_spill);

/* Reads the stream in parts of any size. */
static void
check_stream(Run *run, Model *model)
{
	DbspSpillPosition position = {0};
	char	   *data = palloc(MOST_BYTES);
	Size		at = 0;
	Size		wanted;
	Size		got;

	UNIT_CHECK(model->spill.bytes == model->bytes.len, "a stream has %llu bytes, not %d",
			   (unsigned long long) model->spill.bytes, model->bytes.len);
	do
	{
		wanted = unit_below(&run->random, MOST_BYTES) + 1;
		got = dbsp_spill_read(&model->spill, &position, data, wanted);
		UNIT_CHECK(got == Min(wanted, model->bytes.len - at), "a read gives too few or too many bytes");
		UNIT_CHECK(memcmp(data, model->bytes.data + at, got) == 0, "a stream does not give what was appended");
		at += got;
	} while (got == wanted);
	UNIT_CHECK(at == model->bytes.len, "a stream ends too early");
	UNIT_CHECK(dbsp_spill_read(&model->spill, &position, data, 1) == 0, "a stream has no end");
	pfree(data);
}

static char *
random_bytes(Run *run, Size size)
{
	char	   *data = palloc(size + sizeof(uint64));

	for (Size i = 0; i < size; i += sizeof(uint64))
	{
		uint64		word = unit_next(&run->random);

		memcpy(data + i, &word, sizeof(uint64));
	}
	return data;
}

/* Mostly little, as of a savepoint with a few rows. */
static void
append(Run *run, Model *model)
{
	Size		size = unit_below(&run->random, unit_chance(&run->random, 4) ? MOST_BYTES : 300);
	char	   *data = random_bytes(run, size);

	dbsp_spill_append(&model->spill, data, size);
	appendBinaryStringInfo(&model->bytes, data, size);
	pfree(data);
}

static void
append_too_much(void *arg)
{
	Append	   *append = arg;

	dbsp_spill_append(append->spill, append->data, append->size);
}

/* An append that fails, somewhere in the middle if there is room left from before, leaves everything as it was. */
static void
fail(Run *run, Model *model)
{
	Append		too_much = {.spill = &model->spill,.size = 4 * MOST_BYTES};
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	too_much.data = random_bytes(run, too_much.size);
	SetConfigOption("temp_file_limit", "1kB", PGC_SUSET, PGC_S_SESSION);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	if (unit_raises(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED, append_too_much, &too_much))
	{
		RollbackAndReleaseCurrentSubTransaction();
		run->failures++;
	}
	else
	{
		/* So much room has become free before. */
		ReleaseCurrentSubTransaction();
		appendBinaryStringInfo(&model->bytes, too_much.data, too_much.size);
	}
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	SetConfigOption("temp_file_limit", "-1", PGC_SUSET, PGC_S_SESSION);
	check_stream(run, model);
}

static void
take(Run *run, Model *model)
{
	Model	   *other = &run->models[unit_below(&run->random, STREAMS)];

	if (other == model)
		return;
	dbsp_spill_take(&model->spill, &other->spill);
	appendBinaryStringInfo(&model->bytes, other->bytes.data, other->bytes.len);
	resetStringInfo(&other->bytes);
}

static void
clear(Model *model)
{
	dbsp_spill_clear(&model->spill);
	resetStringInfo(&model->bytes);
}

static void
step(Run *run)
{
	Model	   *model = &run->models[unit_below(&run->random, STREAMS)];

	switch (unit_below(&run->random, 12))
	{
		case 0:
			clear(model);
			break;
		case 1:
			take(run, model);
			break;
		case 2:
			fail(run, model);
			break;
		case 3:
			check_stream(run, model);
			break;
		default:
			append(run, model);
			break;
	}
}

static void
run_round(Run *run)
{
	for (int i = 0; i < STREAMS; i++)
	{
		run->models[i].spill = (DbspSpill) {0};
		initStringInfo(&run->models[i].bytes);
	}
	for (int i = 0; i < STEPS; i++)
		step(run);
	for (int i = 0; i < STREAMS; i++)
		check_stream(run, &run->models[i]);
	if (unit_chance(&run->random, 2))
		for (int i = 0; i < STREAMS; i++)
			clear(&run->models[i]);
	dbsp_spill_forget();
}

Datum
dbsp_sql_unit_spill(PG_FUNCTION_ARGS)
{
	int			rounds = PG_GETARG_INT32(1);
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "unit round", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = CurrentMemoryContext;
	Run			run = {.failures = 0};

	unit_seed(&run.random, PG_GETARG_INT32(0));
	for (int i = 0; i < rounds; i++)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(cxt);
		run_round(&run);
		MemoryContextSwitchTo(old);
		MemoryContextReset(cxt);
	}
	UNIT_CHECK(run.failures > rounds, "no write has failed");
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%d rounds, %d failures", rounds, run.failures)));
}
