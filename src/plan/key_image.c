/*-------------------------------------------------------------------------
 *
 * key_image.c
 *	  Images of group keys, for types whose equality is not identity.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "plan/key_image.h"
#include "row/row.h"

/* What one call site keeps between calls. */
typedef struct KeyForm
{
	TupleDesc	desc;
	DbspRowBuffer buffer;
	Datum	   *values;
	bool	   *isnull;
} KeyForm;

PG_FUNCTION_INFO_V1(dbsp_sql_key_image);
PG_FUNCTION_INFO_V1(dbsp_sql_key_digest);
PG_FUNCTION_INFO_V1(dbsp_sql_key_image_smaller);

/* By the catalog, not by the parser: the current user need not have rights on the schema. */
static Expr *
make_call(const char *name, Oid result, List *exprs)
{
	Oid			any = ANYOID;
	Oid			namespace = get_namespace_oid(DBSP_INTERNAL_SCHEMA, false);
	Oid			function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
										   PointerGetDatum(buildoidvector(&any, 1)), ObjectIdGetDatum(namespace));

	if (!OidIsValid(function))
		elog(ERROR, "function %s.%s does not exist", DBSP_INTERNAL_SCHEMA, name);
	return (Expr *) makeFuncExpr(function, result, (List *) copyObject(exprs), InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CALL);
}

Expr *
dbsp_key_image_call(List *exprs)
{
	return make_call("key_image", BYTEAOID, exprs);
}

Expr *
dbsp_key_digest_call(List *exprs)
{
	return make_call("key_digest", INT8OID, exprs);
}

TupleDesc
dbsp_key_image_desc(const Oid *types, int ntypes)
{
	TupleDesc	desc = CreateTemplateTupleDesc(ntypes);

	for (int i = 0; i < ntypes; i++)
		TupleDescInitEntry(desc, i + 1, NULL, types[i], -1, 0);
	return dbsp_row_desc(desc);
}

int64
dbsp_key_image_deform(Datum image, TupleDesc desc, Datum *values, bool *isnull)
{
	bytea	   *bytes = DatumGetByteaPP(image);
	Size		length = VARSIZE_ANY_EXHDR(bytes);
	DbspRow		row;
	int64		digest;

	if (length < sizeof(digest) + SizeofMinimalTupleHeader)
		elog(ERROR, "invalid length of a key image: %zu", length);
	memcpy(&digest, VARDATA_ANY(bytes), sizeof(digest));
	length -= sizeof(digest);
	row = palloc(length);
	memcpy(row, VARDATA_ANY(bytes) + sizeof(digest), length);
	if (row->t_len != length)
		elog(ERROR, "invalid length of a key image: %zu instead of %u", length, row->t_len);
	dbsp_row_deform(row, desc, values, isnull);
	return digest;
}

static KeyForm *
make_form(FunctionCallInfo fcinfo)
{
	MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	KeyForm    *form = palloc0(sizeof(KeyForm));
	Oid			types[FUNC_MAX_ARGS];

	for (int i = 0; i < PG_NARGS(); i++)
	{
		types[i] = get_fn_expr_argtype(fcinfo->flinfo, i);
		if (!OidIsValid(types[i]))
			ereport(ERROR,
					errcode(ERRCODE_INDETERMINATE_DATATYPE),
					errmsg("could not determine the type of argument %d of a key image", i + 1));
	}
	form->desc = dbsp_key_image_desc(types, PG_NARGS());
	form->buffer.cxt = CurrentMemoryContext;
	form->values = palloc(PG_NARGS() * sizeof(Datum));
	form->isnull = palloc(PG_NARGS() * sizeof(bool));
	MemoryContextSwitchTo(old);
	return form;
}

/* The image of the call's arguments, valid until the next call. */
static DbspRow
form_arguments(FunctionCallInfo fcinfo)
{
	KeyForm    *form = fcinfo->flinfo->fn_extra;

	if (form == NULL)
		fcinfo->flinfo->fn_extra = form = make_form(fcinfo);
	for (int i = 0; i < PG_NARGS(); i++)
	{
		form->isnull[i] = PG_ARGISNULL(i);
		form->values[i] = form->isnull[i] ? (Datum) 0 : PG_GETARG_DATUM(i);
	}
	return dbsp_row_form(form->desc, form->values, form->isnull, &form->buffer);
}

/* (VARIADIC "any") -> bigint */
Datum
dbsp_sql_key_digest(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) dbsp_row_hash64(form_arguments(fcinfo)));
}

/* (VARIADIC "any") -> bytea */
Datum
dbsp_sql_key_image(PG_FUNCTION_ARGS)
{
	DbspRow		row = form_arguments(fcinfo);
	int64		digest = (int64) dbsp_row_hash64(row);
	Size		length = VARHDRSZ + sizeof(digest) + row->t_len;
	bytea	   *image = palloc(length);

	SET_VARSIZE(image, length);
	memcpy(VARDATA(image), &digest, sizeof(digest));
	memcpy(VARDATA(image) + sizeof(digest), row, row->t_len);
	PG_RETURN_BYTEA_P(image);
}

static int
compare_key_images(bytea *a, bytea *b)
{
	Size		length_a = VARSIZE_ANY_EXHDR(a);
	Size		length_b = VARSIZE_ANY_EXHDR(b);
	int64		digest_a;
	int64		digest_b;
	int			order;

	if (length_a < sizeof(int64) || length_b < sizeof(int64))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				errmsg("invalid length of a key image: %zu", Min(length_a, length_b)));
	memcpy(&digest_a, VARDATA_ANY(a), sizeof(digest_a));
	memcpy(&digest_b, VARDATA_ANY(b), sizeof(digest_b));
	if (digest_a != digest_b)
		return digest_a < digest_b ? -1 : 1;
	order = memcmp(VARDATA_ANY(a), VARDATA_ANY(b), Min(length_a, length_b));
	return order != 0 ? order : (length_a > length_b) - (length_a < length_b);
}

/* (bytea, bytea) -> bytea; strict. */
Datum
dbsp_sql_key_image_smaller(PG_FUNCTION_ARGS)
{
	bytea	   *a = PG_GETARG_BYTEA_PP(0);
	bytea	   *b = PG_GETARG_BYTEA_PP(1);

	PG_RETURN_BYTEA_P(compare_key_images(a, b) <= 0 ? a : b);
}
