/*-------------------------------------------------------------------------
 *
 * dbsp.h
 *	  The prelude that every source file of dbsp_ivm starts with.
 *
 * It brings in PostgreSQL's own prelude and the few scalar types that every
 * layer shares.  Nothing else belongs here.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_H
#define DBSP_H

#include "postgres.h"

#include "base/compat.h"

/* The multiplicity of a row in a Z-set; never zero in a stored entry. */
typedef int64 DbspWeight;

/* The number of a view: from our own sequence, kept by dump and restore.  Larger than those of the views it reads. */
typedef int32 DbspViewNumber;

/* Schemas of the extension: what users call, and what maintenance stores. */
#define DBSP_SCHEMA "dbsp_ivm"
#define DBSP_INTERNAL_SCHEMA "dbsp_ivm_internal"

/* Prefix of every hidden column; refused in users' column names. */
#define DBSP_HIDDEN_PREFIX "__dbsp_"

#endif							/* DBSP_H */
