/*-------------------------------------------------------------------------
 *
 * state.h
 *	  The internal tables that a plan needs, and their layout.
 *
 * The root of a plan (a sink, or an aggregate) owns the shadow table; inner
 * aggregates own a table of groups; min and max own a table of values.  The
 * same layout rules serve the DDL that makes the tables, the fill and the
 * operators that maintain them.
 *
 * Layout, in column order:
 *	  aggregate: the output columns; __dbsp_visible if there is a HAVING; __dbsp_n;
 *			one __dbsp_agg_<i> per state; __dbsp_hash in hash mode
 *	  sink: the output columns (visible, then hidden keys); __dbsp_hash in hash and bag mode
 *	  values: __dbsp_key_<i> per group key; __dbsp_value; __dbsp_n; __dbsp_hash in hash mode;
 *			one row per image of the value, and in the table of the keys' images,
 *			where the value is a digest, one row per image of the keys
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_STATE_H
#define DBSP_STATE_H

#include "plan/plan.h"

/* A hidden column: the number of rows of a group or value. */
#define DBSP_COUNT_COLUMN DBSP_HIDDEN_PREFIX "n"

typedef enum DbspKeyMode
{
	DBSP_KEY_UNIQUE,			/* unique btree (NULLS NOT DISTINCT) on the key columns; not unique where def->exact */
	DBSP_KEY_HASH,				/* btree on __dbsp_hash, the key's equality hash; equality is rechecked */
	DBSP_KEY_BAG,				/* no key: btree on __dbsp_hash, the hash of the row's image; duplicates are several rows */
	DBSP_KEY_SINGLE				/* at most one row: no index */
} DbspKeyMode;

typedef enum DbspStateRole
{
	DBSP_STATE_SHADOW,
	DBSP_STATE_GROUPS,
	DBSP_STATE_VALUES
} DbspStateRole;

typedef struct DbspStateDef
{
	DbspPlan   *plan;			/* the operator that owns the table */
	DbspStateRole role;
	int			values;			/* VALUES: index into plan->values; else -1 */
	TupleDesc	desc;			/* of the table */
	int			noutputs;		/* leading columns that are the operator's output row; 0 for VALUES */
	DbspKeyMode mode;
	List	   *key;			/* integer list: key columns; for VALUES the group keys, then the value */
	List	   *key_eqops;		/* OID list: equality operator of each key column */
	List	   *exact;			/* VALUES: integer list of key columns that identify a row by their image; if any, rows with equal keys can be several */
	int			visible_column; /* 0 if absent */
	int			count_column;	/* how many rows the group or value has; may be an output; 0 if absent */
	int			agg_column;		/* the first state column, 0 if there is none */
	int			hash_column;	/* 0 if absent */
	List	   *extra_indexes;	/* list of integer lists: columns of further btree indexes that probes need */
} DbspStateDef;

/* The tables of a finished plan in a fixed order: by operator number, VALUES after their GROUPS or SHADOW. */
extern List *dbsp_state_defs(DbspPlan *root);
/* True if the number of a group's rows is one of its outputs, count(*). */
extern bool dbsp_state_counts_in_output(const DbspStateDef *def);
/* Gives that number a column of its own, DBSP_COUNT_COLUMN, as tables of version 0.1.0 have it. */
extern void dbsp_state_separate_count(DbspStateDef *def);
/* "shadow", "groups" or "values_<i>": how the table is named in the catalog. */
extern char *dbsp_state_role_name(const DbspStateDef *def);
/* The name of a view's table. */
extern char *dbsp_state_table_name(DbspViewNumber view, const DbspStateDef *def);
/* The columns that the primary index of the table has, in order: for VALUES always (keys or hash, then value). */
extern List *dbsp_state_index_columns(const DbspStateDef *def);
/* True if values of the type are short enough for any btree index entry. */
extern bool dbsp_type_is_short(Oid type, int32 typmod);

#endif							/* DBSP_STATE_H */
