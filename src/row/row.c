/*-------------------------------------------------------------------------
 *
 * row.c
 *	  Row images: forming, comparing, hashing.
 *
 * A row has the bytes that heap_form_minimal_tuple() (access/common/
 * heaptuple.c) gives of flat values.  Here it is formed into room of the
 * caller's, mostly in one pass over the columns: capture does it for every
 * changed row.
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

/* The room that a flat varlena takes behind data of this length, which it may have to be aligned after. */
static inline Size
add_varlena(Size length, Form_pg_attribute att, const struct varlena *value)
{
	if (VARATT_IS_SHORT(value))
		return length + VARSIZE_SHORT(value);
	if (VARATT_CAN_MAKE_SHORT(value))
		return length + VARATT_CONVERTED_SHORT_SIZE(value);
	return att_align_nominal(length, att->attalign) + VARSIZE(value);
}

static Size
data_size(TupleDesc desc, const Datum *values, const bool *isnull)
{
	Size		length = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (isnull[i])
			continue;
		if (att->attlen > 0)
			length = att_align_nominal(length, att->attalign) + att->attlen;
		else if (att->attlen == -1)
			length = add_varlena(length, att, (struct varlena *) DatumGetPointer(values[i]));
		else
			length += strlen(DatumGetCString(values[i])) + 1;
	}
	return length;
}

static inline Size
header_size(TupleDesc desc, bool hasnull)
{
	return MAXALIGN(SizeofMinimalTupleHeader + (hasnull ? BITMAPLEN(desc->natts) : 0));
}

static inline bool
has_null(const bool *isnull, int n)
{
	bool		result = false;

	for (int i = 0; i < n; i++)
		result |= isnull[i];
	return result;
}

Size
dbsp_row_measure(TupleDesc desc, const Datum *values, const bool *isnull, const Datum **flat_out)
{
	*flat_out = flatten_values(desc, values, isnull);
	return header_size(desc, has_null(isnull, desc->natts)) + data_size(desc, *flat_out, isnull);
}

/* Zeros from data on, to where it is aligned. */
static inline char *
pad(char *data, const char *aligned)
{
	while (data < aligned)
		*data++ = 0;
	return data;
}

static inline char *
fill_varlena(char *data, const char *end, char alignment, const struct varlena *value)
{
	Size		size;
	char	   *aligned;

	if (VARATT_IS_SHORT(value) && !VARATT_IS_EXTERNAL(value))
	{
		size = VARSIZE_SHORT(value);
		if (data + size > end)
			return NULL;
		memcpy(data, value, size);
		return data + size;
	}
	if (VARATT_CAN_MAKE_SHORT(value))
	{
		size = VARATT_CONVERTED_SHORT_SIZE(value);
		if (data + size > end)
			return NULL;
		SET_VARSIZE_SHORT(data, size);
		memcpy(data + 1, VARDATA(value), size - 1);
		return data + size;
	}
	if (needs_flattening(PointerGetDatum(value)))
		return NULL;
	size = VARSIZE(value);
	aligned = (char *) att_align_nominal(data, alignment);
	if (aligned + size > end)
		return NULL;
	data = pad(data, aligned);
	memcpy(data, value, size);
	return data + size;
}

/* Writes a value that is not NULL and returns its end; NULL if there is no room or the value is not flat. */
static inline char *
fill_value(char *data, const char *end, Form_pg_attribute att, Datum value)
{
	Size		size;
	char	   *aligned;

	if (att->attlen == -1)
		return fill_varlena(data, end, att->attalign, (struct varlena *) DatumGetPointer(value));
	if (unlikely(att->attlen < 0))
	{
		size = strlen(DatumGetCString(value)) + 1;
		if (data + size > end)
			return NULL;
		memcpy(data, DatumGetCString(value), size);
		return data + size;
	}
	size = att->attlen;
	aligned = (char *) att_align_nominal(data, att->attalign);
	if (aligned + size > end)
		return NULL;
	data = pad(data, aligned);
	if (att->attbyval)
		store_att_byval(data, value, size);
	else
		memcpy(data, DatumGetPointer(value), size);
	return data + size;
}

Size
dbsp_row_fill(TupleDesc desc, const Datum *values, const bool *isnull, bool flat, DbspRow row, Size room)
{
	int			natts = desc->natts;
	bool		hasnull = has_null(isnull, natts);
	Size		hoff = header_size(desc, hasnull);
	char	   *data = (char *) row + hoff;
	const char *end = (char *) row + room;

	if (hoff > room)
		return 0;
	memset(row, 0, hoff);
	row->t_hoff = hoff + MINIMAL_TUPLE_OFFSET;
	HeapTupleHeaderSetNatts(row, natts);
	if (hasnull)
		row->t_infomask |= HEAP_HASNULL;
	for (int i = 0; i < natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (isnull[i])
			continue;
		if (!flat && att->attcompression == COMPOSITE)
			return 0;
		if (hasnull)
			row->t_bits[i >> 3] |= 1 << (i & 7);
		if (att->attlen < 0)
			row->t_infomask |= HEAP_HASVARWIDTH;
		data = fill_value(data, end, att, values[i]);
		if (unlikely(data == NULL))
			return 0;
	}
	row->t_len = data - (char *) row;
	return row->t_len;
}

DbspRow
dbsp_row_form(TupleDesc desc, const Datum *values, const bool *isnull, DbspRowBuffer *buffer)
{
	Size		size;

	if (buffer->size > 0 && dbsp_row_fill(desc, values, isnull, false, (DbspRow) buffer->data, buffer->size) > 0)
		return (DbspRow) buffer->data;
	size = dbsp_row_measure(desc, values, isnull, &values);
	if (size > buffer->size)
	{
		Size		new_size = Max(Max(size, 2 * buffer->size), 256);

		if (buffer->data)
			pfree(buffer->data);
		buffer->data = NULL;
		buffer->data = MemoryContextAllocHuge(buffer->cxt, new_size);
		buffer->size = new_size;
	}
	(void) dbsp_row_fill(desc, values, isnull, true, (DbspRow) buffer->data, buffer->size);
	return (DbspRow) buffer->data;
}

/* ---- rows of fixed width ---- */

Size
dbsp_row_fixed_columns(TupleDesc desc, DbspRowColumn *columns_out)
{
	Size		length = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Size		offset = att_align_nominal(length, att->attalign);

		if (att->attlen < 0)
			return 0;
		columns_out[i] = (DbspRowColumn) {.offset = offset,.length = att->attlen,.by_value = att->attbyval,
		.gap = offset - length};
		length = offset + att->attlen;
	}
	return header_size(desc, false) + length;
}

void
dbsp_row_fill_fixed(const DbspRowColumn *columns, int ncolumns, Size size, const Datum *values, DbspRow row)
{
	char	   *data = (char *) row + MAXALIGN(SizeofMinimalTupleHeader);

	memset(row, 0, MAXALIGN(SizeofMinimalTupleHeader));
	row->t_len = size;
	row->t_hoff = MAXALIGN(SizeofMinimalTupleHeader) + MINIMAL_TUPLE_OFFSET;
	row->t_infomask2 = ncolumns;
	for (int i = 0; i < ncolumns; i++)
	{
		const DbspRowColumn *column = &columns[i];

		if (column->gap > 0)
			memset(data + column->offset - column->gap, 0, column->gap);
		if (likely(column->by_value))
			store_att_byval(data + column->offset, values[i], column->length);
		else
			memcpy(data + column->offset, DatumGetPointer(values[i]), column->length);
	}
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
