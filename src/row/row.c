/*-------------------------------------------------------------------------
 *
 * row.c
 *	  Row images: forming, comparing, hashing.
 *
 * A row has the bytes that heap_form_minimal_tuple() (access/common/
 * heaptuple.c) gives of flat values.  Here it is formed into room of the
 * caller's, in one pass over the columns, or two where widths vary: capture
 * does it for every changed row.
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

void
dbsp_row_measure(TupleDesc desc, const Datum *values, const bool *isnull, DbspRowShape *shape_out)
{
	bool		hasnull = false;

	for (int i = 0; i < desc->natts; i++)
		hasnull |= isnull[i];
	shape_out->hasnull = hasnull;
	shape_out->values = flatten_values(desc, values, isnull);
	shape_out->size = header_size(desc, hasnull) + data_size(desc, shape_out->values, isnull);
}

/* Aligns data, with zeros in the gap. */
static inline char *
pad(char *data, char alignment)
{
	char	   *aligned = (char *) att_align_nominal(data, alignment);

	while (data < aligned)
		*data++ = 0;
	return aligned;
}

static char *
fill_varlena(char *data, Form_pg_attribute att, const struct varlena *value)
{
	Size		size;

	if (VARATT_IS_SHORT(value))
	{
		size = VARSIZE_SHORT(value);
		memcpy(data, value, size);
	}
	else if (VARATT_CAN_MAKE_SHORT(value))
	{
		size = VARATT_CONVERTED_SHORT_SIZE(value);
		SET_VARSIZE_SHORT(data, size);
		memcpy(data + 1, VARDATA(value), size - 1);
	}
	else
	{
		data = pad(data, att->attalign);
		size = VARSIZE(value);
		memcpy(data, value, size);
	}
	return data + size;
}

/* Writes a value that is not NULL; returns the end of it. */
static inline char *
fill_value(char *data, Form_pg_attribute att, Datum value)
{
	if (att->attbyval)
	{
		data = pad(data, att->attalign);
		store_att_byval(data, value, att->attlen);
		return data + att->attlen;
	}
	if (att->attlen == -1)
		return fill_varlena(data, att, (struct varlena *) DatumGetPointer(value));
	if (att->attlen > 0)
	{
		data = pad(data, att->attalign);
		memcpy(data, DatumGetPointer(value), att->attlen);
		return data + att->attlen;
	}
	return stpcpy(data, DatumGetCString(value)) + 1;
}

void
dbsp_row_fill(TupleDesc desc, const DbspRowShape *shape, const bool *isnull, DbspRow row)
{
	Size		hoff = header_size(desc, shape->hasnull);
	char	   *data = (char *) row + hoff;
	int			natts = desc->natts;

	memset(row, 0, hoff);
	row->t_len = shape->size;
	row->t_hoff = hoff + MINIMAL_TUPLE_OFFSET;
	HeapTupleHeaderSetNatts(row, natts);
	if (shape->hasnull)
		row->t_infomask |= HEAP_HASNULL;
	for (int i = 0; i < natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (isnull[i])
			continue;
		if (shape->hasnull)
			row->t_bits[i >> 3] |= 1 << (i & 7);
		if (att->attlen < 0)
			row->t_infomask |= HEAP_HASVARWIDTH;
		data = fill_value(data, att, shape->values[i]);
	}
	Assert(data == (char *) row + shape->size);
}

DbspRow
dbsp_row_form(TupleDesc desc, const Datum *values, const bool *isnull, DbspRowBuffer *buffer)
{
	DbspRowShape shape;

	dbsp_row_measure(desc, values, isnull, &shape);
	if (shape.size > buffer->size)
	{
		Size		size = Max(shape.size, 2 * buffer->size);

		size = Max(size, 256);
		if (buffer->data)
			pfree(buffer->data);
		buffer->data = NULL;
		buffer->data = MemoryContextAllocHuge(buffer->cxt, size);
		buffer->size = size;
	}
	dbsp_row_fill(desc, &shape, isnull, (DbspRow) buffer->data);
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
