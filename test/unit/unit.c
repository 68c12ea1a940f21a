/*-------------------------------------------------------------------------
 *
 * unit.c
 *	  What the unit tests share.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/detoast.h"
#include "access/toast_compression.h"
#include "access/toast_internals.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "base/guc.h"
#include "unit.h"

void
unit_seed(UnitRandom *random, int32 seed)
{
	random->state = ((uint64) (uint32) seed << 20) + UINT64CONST(88172645463325252);
	for (int i = 0; i < 8; i++)
		(void) unit_next(random);
}

uint64
unit_next(UnitRandom *random)
{
	/* xorshift64* */
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return random->state * UINT64CONST(2685821657736338717);
}

int
unit_below(UnitRandom *random, int limit)
{
	return (int) ((unit_next(random) >> 33) % limit);
}

bool
unit_chance(UnitRandom *random, int n)
{
	return unit_below(random, n) == 0;
}

Datum
unit_numeric(const char *string)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(string), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

Datum
unit_text(const char *string)
{
	return CStringGetTextDatum(string);
}

Datum
unit_long_text(int length, char letter)
{
	char	   *buf = palloc(length + 1);

	memset(buf, letter, length);
	buf[length] = '\0';
	return CStringGetTextDatum(buf);
}

static Datum
short_varlena(struct varlena *flat)
{
	Size		size = VARATT_CONVERTED_SHORT_SIZE(flat);
	char	   *result = palloc(size);

	SET_VARSIZE_SHORT(result, size);
	memcpy(VARDATA_SHORT(result), VARDATA(flat), size - VARHDRSZ_SHORT);
	return PointerGetDatum(result);
}

static Datum
indirect_varlena(struct varlena *flat)
{
	struct varatt_indirect pointer = {.pointer = flat};
	char	   *result = palloc(INDIRECT_POINTER_SIZE);

	SET_VARTAG_EXTERNAL(result, VARTAG_INDIRECT);
	memcpy(VARDATA_EXTERNAL(result), &pointer, sizeof(pointer));
	return PointerGetDatum(result);
}

Datum
unit_disguise(UnitRandom *random, Datum value, int16 typlen, bool in_line)
{
	struct varlena *flat;
	Datum		compressed;

	if (typlen != -1)
		return value;
	flat = (struct varlena *) DatumGetPointer(datumCopy(value, false, -1));
	if (VARATT_IS_EXTENDED(flat))
		flat = detoast_attr(flat);
	switch (unit_below(random, in_line ? 3 : 4))
	{
		case 0:
			if (VARATT_CAN_MAKE_SHORT(flat))
				return short_varlena(flat);
			break;
		case 1:
			compressed = toast_compress_datum(PointerGetDatum(flat), TOAST_PGLZ_COMPRESSION);
			if (DatumGetPointer(compressed) != NULL)
				return compressed;
			break;
		case 3:
			return indirect_varlena(flat);
		default:
			break;
	}
	return PointerGetDatum(flat);
}

TupleDesc
unit_desc(const Oid *types)
{
	int			n = 0;
	TupleDesc	desc;

	while (OidIsValid(types[n]))
		n++;
	desc = CreateTemplateTupleDesc(n);
	for (int i = 0; i < n; i++)
		TupleDescInitEntry(desc, i + 1, psprintf("c%d", i + 1), types[i], -1, 0);
	return desc;
}

void
unit_define_settings(void)
{
	static bool defined = false;

	if (!defined)
		dbsp_guc_init();
	defined = true;
}

bool
unit_raises(int sqlerrcode, void (*function) (void *), void *arg)
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile bool raised = false;

	PG_TRY();
	{
		function(arg);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(cxt);
		error = CopyErrorData();
		raised = error->sqlerrcode == sqlerrcode;
		FlushErrorState();
	}
	PG_END_TRY();
	return raised;
}
