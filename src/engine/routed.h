/*-------------------------------------------------------------------------
 *
 * routed.h
 *	  The rows of a segment by the classes that they have (router.h).
 *
 * Each row is looked at once, whatever the number of views that are folded
 * afterwards.  Rows in memory are referred to; where the segment is so large
 * that rows are in files, or the references themselves take much, rows are
 * sorted by class into a temporary file.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_ROUTED_H
#define DBSP_ROUTED_H

#include "storage/buffile.h"

#include "engine/router.h"
#include "zset/deltas.h"

/* Rows with one class. */
typedef struct DbspRoutedClass
{
	int			class;
	int64		nrows;
	int64		first;			/* position in rows; or place in the file */
	int			fileno;
} DbspRoutedClass;

typedef struct DbspRouted
{
	uint64		router;			/* of which the classes are */
	uint64		moves;			/* of the segment's rows, when they were referred to */
	BufFile    *file;			/* or NULL */
	DbspZSetItem *rows;			/* or NULL */
	int			nclasses;
	DbspRoutedClass classes[FLEXIBLE_ARRAY_MEMBER]; /* ascending */
} DbspRouted;

/*
 * The segment's rows by class; valid until dbsp_routed_end().  Nothing is
 * recorded into the segment any more, and its rows stay where they are.
 */
extern const DbspRouted *dbsp_routed_get(DbspRouter *router, DbspSegment *segment);
/* NULL if no row has the class. */
extern const DbspRoutedClass *dbsp_routed_class(const DbspRouted *routed, int class);
/* The fold has ended: closes files. */
extern void dbsp_routed_end(void);
/* The transaction or subtransaction has failed; files are closed already.  Never fails. */
extern void dbsp_routed_forget(void);

typedef struct DbspRoutedScan
{
	const DbspRouted *routed;
	int64		next;
	int64		end;
	char	   *buffer;			/* of rows in files */
	Size		buffer_size;
} DbspRoutedScan;

/* The rows of a class, in any order, like a scan of a Z-set.  A row is valid until the next call.  Memory is of the current context. */
extern void dbsp_routed_scan_begin(DbspRoutedScan *scan, const DbspRouted *routed, const DbspRoutedClass *class);
extern bool dbsp_routed_scan_next(DbspRoutedScan *scan, DbspZSetItem *item_out);

#endif							/* DBSP_ROUTED_H */
