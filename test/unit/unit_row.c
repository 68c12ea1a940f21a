/*-------------------------------------------------------------------------
 *
 * unit_row.c
 *	  Row images: equal values give equal images, whatever form they come in.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "row/row.h"
#include "unit.h"

#define COLUMNS 6

typedef struct Round
{
	UnitRandom	random;
	TupleDesc	desc;
	Datum		values[COLUMNS];
	bool		isnull[COLUMNS];
} Round;

PG_FUNCTION_INFO_V1(dbsp_sql_unit_row);

static Datum
random_array(UnitRandom *random)
{
	Datum		elements[3];

	for (int i = 0; i < lengthof(elements); i++)
		elements[i] = Int32GetDatum(unit_below(random, 5));
	return PointerGetDatum(construct_array(elements, unit_below(random, 4), INT4OID, 4, true, TYPALIGN_INT));
}

static void
random_row(Round *round)
{
	static const int lengths[] = {0, 1, 125, 126, 127, 128, 3000, 100000};
	UnitRandom *random = &round->random;

	round->values[0] = unit_long_text(lengths[unit_below(random, lengthof(lengths))], 'a' + unit_below(random, 3));
	round->values[1] = Int32GetDatum(unit_below(random, 3));
	round->values[2] = unit_numeric(unit_chance(random, 2) ? "1.0" : "1.00");
	round->values[3] = random_array(random);
	round->values[4] = BoolGetDatum(unit_chance(random, 2));
	round->values[5] = unit_long_text(lengths[unit_below(random, lengthof(lengths))], 'z');
	for (int i = 0; i < COLUMNS; i++)
		round->isnull[i] = unit_chance(random, 5);
}

/* The image, in memory of its own. */
static DbspRow
form(TupleDesc desc, const Datum *values, const bool *isnull)
{
	DbspRowBuffer *buffer = palloc0(sizeof(DbspRowBuffer));

	buffer->cxt = CurrentMemoryContext;
	return dbsp_row_form(desc, values, isnull, buffer);
}

static bool
same_values(Round *a, Round *b)
{
	for (int i = 0; i < COLUMNS; i++)
	{
		Form_pg_attribute att = TupleDescAttr(a->desc, i);

		if (a->isnull[i] != b->isnull[i])
			return false;
		if (!a->isnull[i] && !datum_image_eq(a->values[i], b->values[i], att->attbyval, att->attlen))
			return false;
	}
	return true;
}

static void
check_same(DbspRow a, DbspRow b, const char *what)
{
	UNIT_CHECK(dbsp_row_same(a, b), "%s: images differ", what);
	UNIT_CHECK(dbsp_row_hash(a) == dbsp_row_hash(b) && dbsp_row_hash64(a) == dbsp_row_hash64(b),
			   "%s: hashes of equal images differ", what);
}

/* A row is formed in room that just suffices, and not in less; nothing behind the room is touched. */
static void
check_room(Round *round, const Datum *values, DbspRow row)
{
	Size		size = row->t_len;
	char	   *room = palloc(size + 1);

	memset(room, 0x7F, size + 1);
	UNIT_CHECK(dbsp_row_fill(round->desc, values, round->isnull, true, (DbspRow) room, size) == size &&
			   memcmp(room, row, size) == 0, "a row does not fit into room of its size");
	UNIT_CHECK(room[size] == 0x7F, "a row exceeds its room");
	size -= 1 + unit_below(&round->random, Min(size, 40));
	room[size] = 0x7F;
	UNIT_CHECK(dbsp_row_fill(round->desc, values, round->isnull, true, (DbspRow) room, size) == 0, "a row fits into too little room");
	UNIT_CHECK(room[size] == 0x7F, "a row exceeds its room");
	pfree(room);
}

/* The bytes are those of PostgreSQL's own way to form a row of flat values: images are kept in tables, as hashes. */
static void
check_bytes(Round *round, DbspRow row)
{
	Datum		values[COLUMNS];
	MinimalTuple tuple;

	for (int i = 0; i < COLUMNS; i++)
		values[i] = round->isnull[i] || TupleDescAttr(round->desc, i)->attlen != -1 ? round->values[i] :
			PointerGetDatum(PG_DETOAST_DATUM(round->values[i]));
	tuple = heap_form_minimal_tuple(round->desc, values, round->isnull);
	UNIT_CHECK(row->t_len == tuple->t_len && memcmp(row, tuple, row->t_len) == 0, "an image is not a minimal tuple");
	check_room(round, values, row);
}

static void
check_disguised(Round *round, DbspRow row)
{
	Datum		values[COLUMNS];

	for (int i = 0; i < COLUMNS; i++)
	{
		values[i] = (Datum) 0xDEAD;
		if (round->isnull[i])
			continue;
		values[i] = unit_disguise(&round->random, round->values[i], TupleDescAttr(round->desc, i)->attlen, false);
		if (TupleDescAttr(round->desc, i)->atttypid == INT4ARRAYOID && unit_chance(&round->random, 2))
			values[i] = expand_array(round->values[i], CurrentMemoryContext, NULL);
	}
	check_same(row, form(round->desc, values, round->isnull), "values in another form");
}

static void
check_deform(Round *round, DbspRow row)
{
	Round		back = *round;

	dbsp_row_deform(row, round->desc, back.values, back.isnull);
	UNIT_CHECK(same_values(round, &back), "a row does not survive deforming");
	check_same(row, form(round->desc, back.values, back.isnull), "a row formed of a deformed one");
}

/* A buffer that has held other rows gives the same image as a new one. */
static void
check_reused_buffer(Round *round, Round *other, DbspRow row)
{
	DbspRowBuffer buffer = {.cxt = CurrentMemoryContext};

	(void) dbsp_row_form(round->desc, other->values, other->isnull, &buffer);
	check_same(row, dbsp_row_form(round->desc, round->values, round->isnull, &buffer), "a reused buffer");
}

static void
check_no_columns(void)
{
	const Oid	none[] = {InvalidOid};
	TupleDesc	desc = dbsp_row_desc(unit_desc(none));
	DbspRow		row = form(desc, NULL, NULL);

	check_same(row, form(desc, NULL, NULL), "rows without columns");
	dbsp_row_deform(row, desc, NULL, NULL);
}

/* Values as a table holds them: out of line, and compressed in line. */
static void
check_stored(void)
{
	const Oid	types[] = {TEXTOID, TEXTOID, InvalidOid};
	TupleDesc	desc = dbsp_row_desc(unit_desc(types));
	Datum		stored[2];
	Datum		flat[2];
	bool		isnull[2];

	SPI_connect();
	if (SPI_execute("SELECT external, compressed FROM unit_long", true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "table unit_long is missing");
	for (int i = 0; i < 2; i++)
	{
		stored[i] = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &isnull[i]);
		flat[i] = PointerGetDatum(PG_DETOAST_DATUM_COPY(stored[i]));
	}
	UNIT_CHECK(VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(stored[0])) && VARATT_IS_COMPRESSED(DatumGetPointer(stored[1])),
			   "table unit_long does not hold what it should");
	check_same(form(desc, stored, isnull), form(desc, flat, isnull), "stored values");
	SPI_finish();
}

static void
run_round(Round *round)
{
	Round		other = *round;
	DbspRow		row;
	DbspRow		other_row;

	random_row(round);
	other.random = round->random;
	if (unit_chance(&round->random, 2))
		random_row(&other);
	else
	{
		memcpy(&other, round, sizeof(Round));
		other.isnull[unit_below(&other.random, COLUMNS)] ^= true;
	}
	row = form(round->desc, round->values, round->isnull);
	other_row = form(round->desc, other.values, other.isnull);
	check_bytes(round, row);
	check_disguised(round, row);
	check_deform(round, row);
	check_reused_buffer(round, &other, row);
	UNIT_CHECK(dbsp_row_same(row, other_row) == same_values(round, &other), "image equality is not that of the values");
	round->random.state = other.random.state ^ 0x9E37;
}

/* Rows of fixed width, in room that is not clean: the quick way gives the same bytes. */
static void
check_fixed(UnitRandom *random)
{
	static const Oid all[] = {BOOLOID, INT2OID, INT4OID, INT8OID, FLOAT8OID, UUIDOID, INTERVALOID, NAMEOID, CHAROID,
	TIMETZOID, MACADDROID};
	Oid			types[lengthof(all) + 1] = {InvalidOid};
	Datum		values[lengthof(all)];
	bool		isnull[lengthof(all)] = {false};
	DbspRowColumn columns[lengthof(all)];
	int			n = unit_below(random, lengthof(all)) + 1;
	TupleDesc	desc;
	Size		size;
	DbspRow		row;
	DbspRow		expected;

	for (int i = 0; i < n; i++)
		types[i] = all[unit_below(random, lengthof(all))];
	types[n] = InvalidOid;
	desc = dbsp_row_desc(unit_desc(types));
	for (int i = 0; i < n; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		uint64	   *bytes = palloc(NAMEDATALEN);

		for (int j = 0; j < NAMEDATALEN / sizeof(uint64); j++)
			bytes[j] = unit_next(random);
		values[i] = fetch_att(bytes, att->attbyval, att->attlen);
	}
	expected = heap_form_minimal_tuple(desc, values, isnull);
	size = dbsp_row_fixed_columns(desc, columns);
	UNIT_CHECK(size == expected->t_len, "a row of fixed width has size %zu, not %u", size, expected->t_len);
	row = palloc(size);
	memset(row, 0x7F, size);
	dbsp_row_fill_fixed(columns, n, size, values, row);
	UNIT_CHECK(memcmp(row, expected, size) == 0, "a row of fixed width is not a minimal tuple");
	check_same(row, form(desc, values, isnull), "the two ways to form a row");
	types[unit_below(random, n)] = TEXTOID;
	UNIT_CHECK(dbsp_row_fixed_columns(dbsp_row_desc(unit_desc(types)), columns) == 0, "texts have no fixed width");
}

Datum
dbsp_sql_unit_row(PG_FUNCTION_ARGS)
{
	const Oid	types[] = {TEXTOID, INT4OID, NUMERICOID, INT4ARRAYOID, BOOLOID, TEXTOID, InvalidOid};
	int			rows = PG_GETARG_INT32(1) * 50;
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "unit round", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = CurrentMemoryContext;
	Round		round = {.desc = dbsp_row_desc(unit_desc(types))};

	unit_seed(&round.random, PG_GETARG_INT32(0));
	check_no_columns();
	check_stored();
	for (int i = 0; i < rows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(cxt);
		run_round(&round);
		check_fixed(&round.random);
		MemoryContextSwitchTo(old);
		MemoryContextReset(cxt);
	}
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%d rows", rows)));
}
