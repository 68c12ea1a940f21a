/*-------------------------------------------------------------------------
 *
 * spill.c
 *	  Streams of bytes in the temporary files of a transaction.
 *
 * A stream is a list of extents.  Extents of streams that are gone are used
 * again, so a transaction that spills and rolls back in a loop needs no more
 * space than it holds at a time.  To become free, extents only change lists:
 * the end of a subtransaction may neither allocate nor fail.
 *
 * The files are written directly, not through a BufFile (storage/file/
 * buffile.c), which keeps its last block back.  If that block failed to be
 * written only later, in a subtransaction that is rolled back, rows of an
 * outer level would be lost silently.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "commands/tablespace.h"
#include "executor/instrument.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/wait_event.h"

#include "zset/spill.h"

/* Space is given out by units.  Small, for the sake of many savepoints with a few rows each. */
#define UNIT 1024

/* As in buffile.c: large files are spread over tablespaces, and no file system's limit is met. */
#define FILE_BYTES UINT64CONST(0x40000000)

struct DbspSpillExtent
{
	DbspSpillExtent *next;
	uint64		start;			/* counting through all files */
	uint64		size;
	uint64		used;
};

static MemoryContext spill_cxt = NULL;	/* of extents and the array of files */
static File *files = NULL;
static int	nfiles = 0;
static int	maxfiles = 0;
static uint64 end_of_files = 0;
static DbspSpillExtent *free_extents = NULL;
static uint64 capacity_in_use = 0;

/* ---- files ---- */

static void
close_files(void)
{
	for (int i = 0; i < nfiles; i++)
		FileClose(files[i]);
	files = NULL;
	nfiles = maxfiles = 0;
	end_of_files = capacity_in_use = 0;
	free_extents = NULL;
}

static void
add_file(void)
{
	ResourceOwner owner = CurrentResourceOwner;
	File		file;

	if (nfiles == maxfiles)
	{
		int			size = Max(2 * maxfiles, 4);

		files = files ? repalloc(files, size * sizeof(File)) : MemoryContextAlloc(spill_cxt, size * sizeof(File));
		maxfiles = size;
	}
	PrepareTempTablespaces();
	CurrentResourceOwner = TopTransactionResourceOwner;
	file = OpenTemporaryFile(false);
	CurrentResourceOwner = owner;
	files[nfiles++] = file;
}

/* The file of a position; size_inout becomes what the file takes of it. */
static File
file_of(uint64 position, Size *size_inout)
{
	while (position / FILE_BYTES >= nfiles)
		add_file();
	*size_inout = Min(*size_inout, FILE_BYTES - position % FILE_BYTES);
	return files[position / FILE_BYTES];
}

static void
write_at(uint64 position, const char *data, Size size)
{
	while (size > 0)
	{
		Size		part = size;
		File		file = file_of(position, &part);
		int			done = FileWrite(file, unconstify(char *, data), part, position % FILE_BYTES,
									 WAIT_EVENT_BUFFILE_WRITE);

		if (done <= 0)
			ereport(ERROR,
					errcode_for_file_access(),
					errmsg("could not write to file \"%s\": %m", FilePathName(file)));
		pgBufferUsage.temp_blks_written += (done + BLCKSZ - 1) / BLCKSZ;
		position += done;
		data += done;
		size -= done;
	}
}

static void
read_at(uint64 position, char *data, Size size)
{
	while (size > 0)
	{
		Size		part = size;
		File		file = file_of(position, &part);
		int			done = FileRead(file, data, part, position % FILE_BYTES, WAIT_EVENT_BUFFILE_READ);

		if (done < 0)
			ereport(ERROR,
					errcode_for_file_access(),
					errmsg("could not read file \"%s\": %m", FilePathName(file)));
		if (done == 0)
			ereport(ERROR,
					errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("could not read file \"%s\": it ends too early", FilePathName(file)));
		pgBufferUsage.temp_blks_read += (done + BLCKSZ - 1) / BLCKSZ;
		position += done;
		data += done;
		size -= done;
	}
}

/* ---- extents ---- */

static DbspSpillExtent *
make_extent(uint64 start, uint64 size)
{
	DbspSpillExtent *extent = MemoryContextAlloc(spill_cxt, sizeof(DbspSpillExtent));

	*extent = (DbspSpillExtent) {.start = start,.size = size};
	return extent;
}

/* An extent of at most this size, a multiple of the unit, from the free ones or the end of the files. */
static DbspSpillExtent *
get_extent(uint64 size)
{
	DbspSpillExtent *extent = free_extents;

	if (extent == NULL)
	{
		extent = make_extent(end_of_files, size);
		end_of_files += size;
	}
	else if (extent->size > size)
	{
		extent = make_extent(free_extents->start, size);
		free_extents->start += size;
		free_extents->size -= size;
	}
	else
	{
		free_extents = extent->next;
		extent->next = NULL;
		extent->used = 0;
	}
	return extent;
}

static void
add_extent(DbspSpill *spill, DbspSpillExtent *extent)
{
	if (spill->last)
		spill->last->next = extent;
	else
		spill->first = spill->tail = extent;
	spill->last = extent;
	spill->capacity += extent->size;
	capacity_in_use += extent->size;
}

/* Makes room for so many bytes behind the tail's used ones. */
static void
reserve(DbspSpill *spill, Size size)
{
	uint64		room = 0;

	for (DbspSpillExtent *extent = spill->tail; extent; extent = extent->next)
		room += extent->size - extent->used;
	while (room < size)
	{
		uint64		needed = TYPEALIGN64(UNIT, size - room);

		/* A stream that grows alone stays one extent. */
		if (spill->last && free_extents == NULL && spill->last->start + spill->last->size == end_of_files)
		{
			spill->last->size += needed;
			spill->capacity += needed;
			capacity_in_use += needed;
			end_of_files += needed;
			room += needed;
			continue;
		}
		add_extent(spill, get_extent(needed));
		room += spill->last->size;
	}
}

/* ---- streams ---- */

void
dbsp_spill_append(DbspSpill *spill, const char *data, Size size)
{
	DbspSpillExtent *extent;
	Size		rest = size;

	if (size == 0)
		return;
	if (spill_cxt == NULL)
		spill_cxt = AllocSetContextCreate(TopTransactionContext, "dbsp spill", ALLOCSET_SMALL_SIZES);
	reserve(spill, size);

	/* Until everything is written, nothing counts as used. */
	for (extent = spill->tail; rest > 0; extent = extent->next)
	{
		Size		part = Min(rest, extent->size - extent->used);

		write_at(extent->start + extent->used, data, part);
		data += part;
		rest -= part;
	}
	for (rest = size; rest > 0;)
	{
		Size		part = Min(rest, spill->tail->size - spill->tail->used);

		spill->tail->used += part;
		rest -= part;
		if (rest > 0)
			spill->tail = spill->tail->next;
	}
	spill->bytes += size;
}

Size
dbsp_spill_read(const DbspSpill *spill, DbspSpillPosition *position, char *data, Size size)
{
	Size		done = 0;

	if (position->extent == NULL)
		position->extent = spill->first;
	while (done < size && position->extent)
	{
		const DbspSpillExtent *extent = position->extent;
		Size		part = Min(size - done, extent->used - position->offset);

		read_at(extent->start + position->offset, data + done, part);
		done += part;
		position->offset += part;
		if (position->offset < extent->used)
			continue;
		if (extent->next == NULL)
			break;
		position->extent = extent->next;
		position->offset = 0;
	}
	return done;
}

void
dbsp_spill_take(DbspSpill *spill, DbspSpill *other)
{
	if (spill->last)
		spill->last->next = other->first;
	else
		spill->first = other->first;
	if (other->last)
	{
		spill->last = other->last;
		spill->tail = other->tail;
	}
	spill->bytes += other->bytes;
	spill->capacity += other->capacity;
	*other = (DbspSpill) {0};
}

void
dbsp_spill_clear(DbspSpill *spill)
{
	if (spill->first == NULL)
		return;
	capacity_in_use -= spill->capacity;
	if (capacity_in_use > 0)
	{
		spill->last->next = free_extents;
		free_extents = spill->first;
	}
	else
	{
		close_files();
		MemoryContextReset(spill_cxt);
	}
	*spill = (DbspSpill) {0};
}

void
dbsp_spill_forget(void)
{
	close_files();
	spill_cxt = NULL;
}
