/*-------------------------------------------------------------------------
 *
 * arrange.c
 *	  Arrangements: which index of a table serves a probe by some keys.
 *
 * The tests are the planner's (optimizer/util/plancat.c, get_relation_info,
 * and path/indxpath.c, match_clause_to_indexcol): the index is valid, ready
 * and live, not partial, not too young; the key's expression is the index
 * column; the operator is the equality of the index's operator family; the
 * collation is the index's.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "store/arrange.h"
#include "store/partition.h"

static Node *
strip_relabel(Node *node)
{
	while (node && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

/* The index column as an expression: a Var of varno 1, or the index expression. */
static Node *
index_column_expr(Relation rel, Relation index, int column, List *index_exprs)
{
	AttrNumber	attnum = index->rd_index->indkey.values[column];
	int			n = 0;

	if (attnum > 0)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);

		return (Node *) makeVar(1, attnum, att->atttypid, att->atttypmod, att->attcollation, 0);
	}
	for (int i = 0; i < column; i++)
		if (index->rd_index->indkey.values[i] == 0)
			n++;
	return list_nth(index_exprs, n);
}

bool
dbsp_arrange_same_expr(Node *a, Node *b)
{
	a = strip_relabel(a);
	b = strip_relabel(b);
	if (a && b && IsA(a, Var) && IsA(b, Var))
		return ((Var *) a)->varattno == ((Var *) b)->varattno;
	return equal(a, b);
}

/* The position of a key that index column `column` serves, or -1. */
static int
match_column(Relation rel, Relation index, int column, List *index_exprs, List *keys)
{
	StrategyNumber equal_strategy = index->rd_rel->relam == HASH_AM_OID ? HTEqualStrategyNumber : BTEqualStrategyNumber;
	Node	   *expr = index_column_expr(rel, index, column, index_exprs);
	ListCell   *lc;

	foreach(lc, keys)
	{
		DbspProbeKey *key = lfirst(lc);

		if (!dbsp_arrange_same_expr(expr, (Node *) key->expr))
			continue;
		if (get_op_opfamily_strategy(key->operator, index->rd_opfamily[column]) != equal_strategy)
			continue;
		if (OidIsValid(index->rd_indcollation[column]) && index->rd_indcollation[column] != key->collation)
			continue;
		return foreach_current_index(lc);
	}
	return -1;
}

static bool
index_is_usable(Relation index)
{
	Form_pg_index form = index->rd_index;

	if (!form->indisvalid || !form->indisready || !form->indislive)
		return false;
	if (index->rd_rel->relam != BTREE_AM_OID && index->rd_rel->relam != HASH_AM_OID)
		return false;
	return heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL);
}

static bool
index_is_too_young(Relation index)
{
	return index->rd_index->indcheckxmin &&
		!TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), TransactionXmin);
}

/* How many leading columns of the index the keys match; positions in keys_out. */
static int
match_index(Relation rel, Relation index, List *keys, int *keys_out)
{
	List	   *index_exprs = RelationGetIndexExpressions(index);
	int			n = 0;

	while (n < IndexRelationGetNumberOfKeyAttributes(index))
	{
		int			key = match_column(rel, index, n, index_exprs, keys);

		if (key < 0)
			break;
		keys_out[n++] = key;
	}
	return n;
}

DbspArrangement *
dbsp_arrange_find(Relation rel, List *keys)
{
	DbspArrangement *best = palloc0(sizeof(DbspArrangement));
	int			best_columns = 0;
	ListCell   *lc;

	if (keys == NIL)
		return best;
	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		int			matched[INDEX_MAX_KEYS];
		int			columns = IndexRelationGetNumberOfKeyAttributes(index);
		int			n = index_is_usable(index) ? match_index(rel, index, keys, matched) : 0;

		if (n > 0 && index_is_too_young(index))
			best->temporary = true;
		else if (n > best->nkeys || (n > 0 && n == best->nkeys && columns < best_columns))
		{
			best->index = RelationGetRelid(index);
			best->nkeys = n;
			best->keys = palloc(n * sizeof(int));
			memcpy(best->keys, matched, n * sizeof(int));
			best_columns = columns;
		}
		index_close(index, AccessShareLock);
	}
	return best;
}

bool
dbsp_arrange_has_index(Oid relid, List *keys)
{
	Relation	rel = table_open(relid, AccessShareLock);
	bool		result;

	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		result = dbsp_partitions_have_index(rel, keys);
	else
	{
		DbspArrangement *found = dbsp_arrange_find(rel, keys);

		result = OidIsValid(found->index) || found->temporary;
	}
	table_close(rel, AccessShareLock);
	return result;
}

char *
dbsp_arrange_describe(Oid relid, List *keys)
{
	Relation	rel = table_open(relid, AccessShareLock);
	DbspArrangement *found = dbsp_arrange_find(rel, keys);
	char	   *result;

	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		result = dbsp_partitions_describe(rel, keys);
	else if (OidIsValid(found->index))
		result = psprintf("index %s on %s", get_rel_name(found->index), RelationGetRelationName(rel));
	else
		result = psprintf("no index: reads all of %s", RelationGetRelationName(rel));
	table_close(rel, AccessShareLock);
	return result;
}
