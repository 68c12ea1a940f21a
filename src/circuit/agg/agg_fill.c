/*-------------------------------------------------------------------------
 *
 * agg_fill.c
 *	  The aggregates that compute state columns when a view is filled.
 *
 * For each class but count there is an SQL aggregate state_<class>(type) in
 * the internal schema.  Its transition functions differ by class, the rest is
 * shared: a transition state knows its class.  Parallel workers exchange it as
 * the class's number, the argument's type and the stored form.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"

#include "circuit/agg/agg_class.h"

/* Classes that have such an aggregate; the order matters between the processes of one server only. */
static const DbspAggClass *const fill_classes[] = {
	&dbsp_agg_int_sum,
	&dbsp_agg_int_square,
	&dbsp_agg_numeric_sum,
	&dbsp_agg_numeric_square,
	&dbsp_agg_float_sum,
	&dbsp_agg_float_square,
	&dbsp_agg_interval_sum,
	&dbsp_agg_bool_count
};

typedef struct FillState
{
	const DbspAggClass *aggclass;
	Oid			argtype;
	void	   *state;
} FillState;

/* What precedes the stored form between processes. */
typedef struct FillHeader
{
	int32		aggclass;		/* index into fill_classes */
	Oid			argtype;
} FillHeader;

PG_FUNCTION_INFO_V1(dbsp_sql_int_sum_accum);
PG_FUNCTION_INFO_V1(dbsp_sql_int_square_accum);
PG_FUNCTION_INFO_V1(dbsp_sql_numeric_sum_accum);
PG_FUNCTION_INFO_V1(dbsp_sql_numeric_square_accum);
PG_FUNCTION_INFO_V1(dbsp_sql_float_sum_accum);
PG_FUNCTION_INFO_V1(dbsp_sql_float_square_accum);
PG_FUNCTION_INFO_V1(dbsp_sql_interval_sum_accum);
PG_FUNCTION_INFO_V1(dbsp_sql_bool_count_accum);
PG_FUNCTION_INFO_V1(dbsp_sql_state_combine);
PG_FUNCTION_INFO_V1(dbsp_sql_state_final);
PG_FUNCTION_INFO_V1(dbsp_sql_state_serialize);
PG_FUNCTION_INFO_V1(dbsp_sql_state_deserialize);

Oid
dbsp_agg_fill_function(const DbspAggClass *aggclass, Oid argtype)
{
	Oid			namespace;
	oidvector  *argtypes;
	char	   *name;
	Oid			function;

	if (aggclass == &dbsp_agg_count)
		return F_COUNT_ANY;

	/* By the catalog, not by the parser: the user who fills need not have rights on the schema. */
	namespace = get_namespace_oid(DBSP_INTERNAL_SCHEMA, false);
	argtypes = buildoidvector(&argtype, 1);
	name = psprintf("state_%s", aggclass->name);
	function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
							   PointerGetDatum(argtypes), ObjectIdGetDatum(namespace));
	if (!OidIsValid(function))
		elog(ERROR, "aggregate %s.%s over type %u does not exist", DBSP_INTERNAL_SCHEMA, name, argtype);
	return function;
}

/* The context that transition states of the calling aggregate live in. */
static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext cxt;

	if (!AggCheckCallContext(fcinfo, &cxt))
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("part of an aggregate called outside of an aggregate"));
	return cxt;
}

static FillState *
create_fill_state(const DbspAggClass *aggclass, Oid argtype, MemoryContext cxt)
{
	FillState  *fill = MemoryContextAlloc(cxt, sizeof(FillState));

	fill->aggclass = aggclass;
	fill->argtype = argtype;
	fill->state = aggclass->create(argtype, cxt);
	return fill;
}

/* The transition function of a class: (internal, value) -> internal. */
static Datum
accumulate(FunctionCallInfo fcinfo, const DbspAggClass *aggclass)
{
	FillState  *fill = PG_ARGISNULL(0) ? NULL : (FillState *) PG_GETARG_POINTER(0);

	if (PG_ARGISNULL(1))
	{
		if (fill == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(fill);
	}
	if (fill == NULL)
		fill = create_fill_state(aggclass, get_fn_expr_argtype(fcinfo->flinfo, 1), aggregate_context(fcinfo));
	aggclass->add(fill->state, PG_GETARG_DATUM(1), 1);
	PG_RETURN_POINTER(fill);
}

Datum
dbsp_sql_int_sum_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, &dbsp_agg_int_sum);
}

Datum
dbsp_sql_int_square_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, &dbsp_agg_int_square);
}

Datum
dbsp_sql_numeric_sum_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, &dbsp_agg_numeric_sum);
}

Datum
dbsp_sql_numeric_square_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, &dbsp_agg_numeric_square);
}

Datum
dbsp_sql_float_sum_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, &dbsp_agg_float_sum);
}

Datum
dbsp_sql_float_square_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, &dbsp_agg_float_square);
}

Datum
dbsp_sql_interval_sum_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, &dbsp_agg_interval_sum);
}

Datum
dbsp_sql_bool_count_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, &dbsp_agg_bool_count);
}

/* (internal, internal) -> internal.  The second state may be gone after the call: it is copied. */
Datum
dbsp_sql_state_combine(PG_FUNCTION_ARGS)
{
	FillState  *fill = PG_ARGISNULL(0) ? NULL : (FillState *) PG_GETARG_POINTER(0);
	FillState  *more = PG_ARGISNULL(1) ? NULL : (FillState *) PG_GETARG_POINTER(1);

	if (more == NULL)
	{
		if (fill == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(fill);
	}
	if (fill == NULL)
		fill = create_fill_state(more->aggclass, more->argtype, aggregate_context(fcinfo));
	fill->aggclass->combine(fill->state, more->state);
	PG_RETURN_POINTER(fill);
}

/* (internal) -> bytea.  Without a state there were no values: what all classes store then is no bytes. */
Datum
dbsp_sql_state_final(PG_FUNCTION_ARGS)
{
	FillState  *fill = PG_ARGISNULL(0) ? NULL : (FillState *) PG_GETARG_POINTER(0);
	bytea	   *empty;

	if (fill != NULL)
		return fill->aggclass->store(fill->state);
	empty = palloc(VARHDRSZ);
	SET_VARSIZE(empty, VARHDRSZ);
	PG_RETURN_BYTEA_P(empty);
}

/* (internal) -> bytea; strict. */
Datum
dbsp_sql_state_serialize(PG_FUNCTION_ARGS)
{
	FillState  *fill = (FillState *) PG_GETARG_POINTER(0);
	bytea	   *stored = DatumGetByteaP(fill->aggclass->store(fill->state));
	Size		length = VARSIZE(stored) - VARHDRSZ;
	bytea	   *message = palloc(VARHDRSZ + sizeof(FillHeader) + length);
	FillHeader	header = {.aggclass = -1,.argtype = fill->argtype};

	for (int i = 0; i < lengthof(fill_classes); i++)
	{
		if (fill_classes[i] == fill->aggclass)
			header.aggclass = i;
	}
	Assert(header.aggclass >= 0);
	memcpy(VARDATA(message), &header, sizeof(header));
	memcpy(VARDATA(message) + sizeof(header), VARDATA(stored), length);
	SET_VARSIZE(message, VARHDRSZ + sizeof(header) + length);
	PG_RETURN_BYTEA_P(message);
}

/* (bytea, internal) -> internal; strict. */
Datum
dbsp_sql_state_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *message = PG_GETARG_BYTEA_PP(0);
	FillState  *fill = palloc(sizeof(FillState));
	FillHeader	header;
	Size		length = VARSIZE_ANY_EXHDR(message);
	bytea	   *stored;

	(void) aggregate_context(fcinfo);
	if (length < sizeof(header))
		elog(ERROR, "invalid length of an aggregate state: %zu", length);
	memcpy(&header, VARDATA_ANY(message), sizeof(header));
	if (header.aggclass < 0 || header.aggclass >= lengthof(fill_classes))
		elog(ERROR, "unrecognized aggregate class: %d", header.aggclass);

	length -= sizeof(header);
	stored = palloc(VARHDRSZ + length);
	memcpy(VARDATA(stored), VARDATA_ANY(message) + sizeof(header), length);
	SET_VARSIZE(stored, VARHDRSZ + length);
	fill->aggclass = fill_classes[header.aggclass];
	fill->argtype = header.argtype;
	fill->state = fill->aggclass->load(PointerGetDatum(stored), header.argtype, CurrentMemoryContext);
	PG_RETURN_POINTER(fill);
}
