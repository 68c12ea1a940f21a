/*-------------------------------------------------------------------------
 *
 * spill.h
 *	  Streams of bytes in the temporary files of a transaction.
 *
 * All streams share the same files: a stream costs some bytes of memory, not
 * an open file.  The files are temporary files of PostgreSQL (in
 * temp_tablespaces, under temp_file_limit); they belong to the transaction,
 * whatever subtransaction or portal was current when they were made, and are
 * closed when no stream has anything in them.
 *
 * A stream is a struct of the caller's, all zeros when it is empty.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_SPILL_H
#define DBSP_SPILL_H

typedef struct DbspSpillExtent DbspSpillExtent;

typedef struct DbspSpill
{
	uint64		bytes;
	uint64		capacity;		/* of all extents */
	DbspSpillExtent *first;
	DbspSpillExtent *last;
	DbspSpillExtent *tail;		/* where the next bytes go; all after it are unused */
} DbspSpill;

/* A place in a stream; to start with, all zeros. */
typedef struct DbspSpillPosition
{
	const DbspSpillExtent *extent;	/* NULL at the beginning */
	uint64		offset;
} DbspSpillPosition;

/*
 * Appends the bytes, which have reached the operating system when this
 * returns.  On an error (disk full, temp_file_limit) the stream is as it was.
 */
extern void dbsp_spill_append(DbspSpill *spill, const char *data, Size size);
/* Reads at most size bytes and moves the position behind them.  Returns how many: fewer only at the end. */
extern Size dbsp_spill_read(const DbspSpill *spill, DbspSpillPosition *position, char *data, Size size);
/* Appends the other stream, which is empty then.  O(1), never fails. */
extern void dbsp_spill_take(DbspSpill *spill, DbspSpill *other);
/* Empties the stream.  Never fails. */
extern void dbsp_spill_clear(DbspSpill *spill);

/* The transaction ends: closes the files.  Never fails. */
extern void dbsp_spill_forget(void);

#endif							/* DBSP_SPILL_H */
