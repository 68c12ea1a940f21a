/*-------------------------------------------------------------------------
 *
 * agg_bytes.h
 *	  The byte form of stored aggregate states.
 *
 * A state is rewritten whenever its group changes, so numbers take as few
 * bytes as they can, and each number has one form only: equal states are
 * equal bytes.  The bytes do not depend on the machine's byte order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_AGG_BYTES_H
#define DBSP_AGG_BYTES_H

#include "fmgr.h"

#include "base/error.h"

#ifndef HAVE_INT128
#error "dbsp_ivm needs a compiler with 128-bit integers"
#endif

#define DBSP_COUNT_BYTES 10		/* the most that a count takes */
#define DBSP_INT128_BYTES 16

/* A stored state on its way in. */
typedef struct DbspByteReader
{
	const uint8 *next;
	const uint8 *end;
} DbspByteReader;

static inline void
dbsp_unreadable_state(void)
{
	dbsp_corrupt("An aggregate state cannot be read");
}

/*
 * Starts to read a stored state; false if it is an empty state's, which takes
 * no bytes.  An SQL NULL's Datum passes as one.
 */
static inline bool
dbsp_open_state(Datum stored, DbspByteReader *reader_out)
{
	bytea	   *bytes;

	if (DatumGetPointer(stored) == NULL)
		return false;
	bytes = DatumGetByteaPP(stored);
	reader_out->next = (const uint8 *) VARDATA_ANY(bytes);
	reader_out->end = reader_out->next + VARSIZE_ANY_EXHDR(bytes);
	return reader_out->next < reader_out->end;
}

/* Everything must have been read. */
static inline void
dbsp_close_state(const DbspByteReader *reader)
{
	if (reader->next != reader->end)
		dbsp_unreadable_state();
}

/* The Datum of a state that was written into stored up to end. */
static inline Datum
dbsp_finish_state(bytea *stored, const uint8 *end)
{
	SET_VARSIZE(stored, end - (uint8 *) stored);
	return PointerGetDatum(stored);
}

/* Seven bits a byte, the least significant first. */
static inline uint8 *
dbsp_write_count(uint8 *bytes, uint64 count)
{
	while (count >= 0x80)
	{
		*bytes++ = (uint8) (count | 0x80);
		count >>= 7;
	}
	*bytes++ = (uint8) count;
	return bytes;
}

static inline uint64
dbsp_read_count(DbspByteReader *reader)
{
	uint64		count = 0;

	for (int shift = 0; shift < 64 && reader->next < reader->end; shift += 7)
	{
		uint8		byte = *reader->next++;

		count |= (uint64) (byte & 0x7F) << shift;
		if (byte < 0x80)
			return count;
	}
	dbsp_unreadable_state();
	return 0;
}

/* As dbsp_read_count, but no more than an int64 holds. */
static inline int64
dbsp_read_weight(DbspByteReader *reader)
{
	uint64		count = dbsp_read_count(reader);

	if (count > (uint64) PG_INT64_MAX)
		dbsp_unreadable_state();
	return (int64) count;
}

/* Two's complement in as few bytes as keep the sign, the least significant first; zero takes none. */
static inline uint8 *
dbsp_write_int128(uint8 *bytes, int128 number)
{
	if (number == 0)
		return bytes;
	while (number < -128 || number > 127)
	{
		*bytes++ = (uint8) number;
		number >>= 8;
	}
	*bytes++ = (uint8) number;
	return bytes;
}

/* The number that the next length bytes hold. */
static inline int128
dbsp_read_int128(DbspByteReader *reader, int length)
{
	uint128		number;

	if (length > DBSP_INT128_BYTES || length > reader->end - reader->next)
		dbsp_unreadable_state();
	if (length == 0)
		return 0;

	number = (uint128) (int128) (int8) reader->next[length - 1];
	for (int i = length - 2; i >= 0; i--)
		number = (number << 8) | reader->next[i];
	reader->next += length;
	return (int128) number;
}

/* As dbsp_write_int128, preceded by a byte that tells the length. */
static inline uint8 *
dbsp_write_sized_int128(uint8 *bytes, int128 number)
{
	uint8	   *end = dbsp_write_int128(bytes + 1, number);

	*bytes = (uint8) (end - bytes - 1);
	return end;
}

static inline int128
dbsp_read_sized_int128(DbspByteReader *reader)
{
	if (reader->next >= reader->end)
		dbsp_unreadable_state();
	return dbsp_read_int128(reader, *reader->next++);
}

#endif							/* DBSP_AGG_BYTES_H */
