/*-------------------------------------------------------------------------
 *
 * row.c
 *	  Row images: forming, comparing, hashing.
 *
 * heap_form_minimal_tuple() (access/common/heaptuple.c) lays a row out; here
 * it is done into a reusable buffer, after every varlena has been flattened.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/detoast.h"
#include "access/toast_compression.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "row/row.h"

/* In attcompression, which images have no use for: the type is composite, so fields can be compressed inside. */
#define COMPOSITE 'r'

TupleDesc
dbsp_row_desc(TupleDesc desc)
{
	TupleDesc	result = CreateTupleDescCopy(desc);

	for (int i = 0; i < result->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(result, i);

		if (att->attlen == -1)
			att->attstorage = TYPSTORAGE_EXTENDED;
		att->attcompression = att->attlen == -1 && type_is_rowtype(att->atttypid) ? COMPOSITE : InvalidCompressionMethod;
	}
	return result;
}

/* True if the datum is a varlena that is compressed, out of line or expanded. */
static inline bool
needs_flattening(Datum value)
{
	struct varlena *datum = (struct varlena *) DatumGetPointer(value);

	return VARATT_IS_EXTERNAL(datum) || VARATT_IS_COMPRESSED(datum);
}

/* The composite value with all its fields flat; it may be the given one. */
static Datum
flatten_composite(Datum value)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};
	Datum	   *values = palloc(desc->natts * sizeof(Datum));
	bool	   *isnull = palloc(desc->natts * sizeof(bool));
	bool		changed = false;
	Datum		result = PointerGetDatum(header);

	check_stack_depth();
	ItemPointerSetInvalid(&tuple.t_self);
	heap_deform_tuple(&tuple, desc, values, isnull);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Datum		field = values[i];

		if (isnull[i] || att->attlen != -1)
			continue;
		if (needs_flattening(field))
			field = PointerGetDatum(detoast_attr((struct varlena *) DatumGetPointer(field)));
		if (type_is_rowtype(att->atttypid))
			field = flatten_composite(field);
		changed |= field != values[i];
		values[i] = field;
	}
	if (changed)
		result = HeapTupleGetDatum(heap_form_tuple(desc, values, isnull));
	ReleaseTupleDesc(desc);
	return result;
}

/*
 * Flattens what needs it.  Returns the values to form the row from: the given
 * ones, or a copy with the flattened values in the current context.
 */
static const Datum *
flatten_values(TupleDesc desc, const Datum *values, const bool *isnull)
{
	Datum	   *flat = NULL;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (isnull[i] || att->attlen != -1 || (att->attcompression != COMPOSITE && !needs_flattening(values[i])))
			continue;
		if (flat == NULL)
		{
			flat = palloc(desc->natts * sizeof(Datum));
			memcpy(flat, values, desc->natts * sizeof(Datum));
		}
		flat[i] = att->attcompression == COMPOSITE ? flatten_composite(values[i]) :
			PointerGetDatum(detoast_attr((struct varlena *) DatumGetPointer(values[i])));
	}
	return flat ? flat : values;
}

DbspRow
dbsp_row_form(TupleDesc desc, const Datum *values, const bool *isnull, DbspRowBuffer *buffer)
{
	DbspRow		row;
	bool		hasnull = false;
	Size		len = SizeofMinimalTupleHeader;
	Size		hoff;
	Size		data_len;

	values = flatten_values(desc, values, isnull);
	for (int i = 0; i < desc->natts && !hasnull; i++)
		hasnull = isnull[i];
	if (hasnull)
		len += BITMAPLEN(desc->natts);
	hoff = len = MAXALIGN(len);
	data_len = heap_compute_data_size(desc, unconstify(Datum *, values), unconstify(bool *, isnull));
	len += data_len;

	if (len > buffer->size)
	{
		Size		size = Max(len, 2 * buffer->size);

		size = Max(size, 256);
		if (buffer->data)
			pfree(buffer->data);
		buffer->data = NULL;
		buffer->data = MemoryContextAllocHuge(buffer->cxt, size);
		buffer->size = size;
	}

	row = (DbspRow) buffer->data;
	memset(row, 0, len);
	row->t_len = len;
	HeapTupleHeaderSetNatts(row, desc->natts);
	row->t_hoff = hoff + MINIMAL_TUPLE_OFFSET;
	heap_fill_tuple(desc, unconstify(Datum *, values), unconstify(bool *, isnull),
					(char *) row + hoff, data_len, &row->t_infomask, (hasnull ? row->t_bits : NULL));
	return row;
}

uint32
dbsp_row_hash(DbspRow row)
{
	return hash_bytes((unsigned char *) row, row->t_len);
}

uint64
dbsp_row_hash64(DbspRow row)
{
	return hash_bytes_extended((unsigned char *) row, row->t_len, 0);
}

bool
dbsp_row_same(DbspRow a, DbspRow b)
{
	return a->t_len == b->t_len && memcmp(a, b, a->t_len) == 0;
}

int
dbsp_row_compare_value(Form_pg_attribute attr, Datum a, Datum b)
{
	struct varlena *left;
	struct varlena *right;
	Size		length_left;
	Size		length_right;
	int			order;

	if (attr->attbyval)
		return (a > b) - (a < b);
	if (attr->attlen > 0)
		return memcmp(DatumGetPointer(a), DatumGetPointer(b), attr->attlen);
	if (attr->attlen == -2)
		return strcmp(DatumGetCString(a), DatumGetCString(b));
	if (attr->attcompression == COMPOSITE)
	{
		a = flatten_composite(a);
		b = flatten_composite(b);
	}
	left = PG_DETOAST_DATUM_PACKED(a);
	right = PG_DETOAST_DATUM_PACKED(b);
	length_left = VARSIZE_ANY_EXHDR(left);
	length_right = VARSIZE_ANY_EXHDR(right);
	order = memcmp(VARDATA_ANY(left), VARDATA_ANY(right), Min(length_left, length_right));
	return order != 0 ? order : (length_left > length_right) - (length_left < length_right);
}

void
dbsp_row_deform(DbspRow row, TupleDesc desc, Datum *values, bool *isnull)
{
	HeapTupleData tuple;

	tuple.t_len = row->t_len + MINIMAL_TUPLE_OFFSET;
	tuple.t_data = (HeapTupleHeader) ((char *) row - MINIMAL_TUPLE_OFFSET);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	heap_deform_tuple(&tuple, desc, values, isnull);
}
