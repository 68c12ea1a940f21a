/*-------------------------------------------------------------------------
 *
 * partition.c
 *	  Access paths into partitioned tables: one into each leaf.
 *
 * The tree of partitions is walked down from the table.  Where the keys of
 * the probe give all of a partition key by its own equality, only the
 * partition that routing would choose is entered, else all of them.
 *
 * ATTACH PARTITION does not wait for folds: a partition can come while one
 * goes on.  So each step, after its locks, takes note of invalidations and
 * looks at the tree anew: what a former holder of the locks attached is
 * found.  Partitions cannot go, since that takes AccessExclusiveLock on the
 * table above, which the fold has open.
 *
 * Leaves are locked and opened at their first use in a fold.  What is known
 * of a leaf stays until its relcache entry changes.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/hash.h"
#include "access/nbtree.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tupconvert.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "rewrite/rewriteManip.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/partcache.h"
#include "utils/rel.h"

#include "catalog/partition_tree.h"
#include "store/partition.h"

/* What is known of a leaf takes about this much. */
#define PARTITION_MEMORY 4096

/* How a partitioned table routes the rows of a probe. */
typedef struct Routing
{
	bool		complete;		/* the probe gives all of the partition key */
	char		strategy;
	int			nkeys;
	int			values[PARTITION_MAX_KEYS];	/* positions in the prober's values */
	FmgrInfo	functions[PARTITION_MAX_KEYS];	/* comparison or hash, for the types of the values */
	Oid			collations[PARTITION_MAX_KEYS];
} Routing;

/* A node of the tree. */
typedef struct Branch
{
	Oid			relid;
	bool		leaf;

	/* of a leaf */
	MemoryContext cxt;			/* of what follows; NULL: not made yet, or out of date */
	uint64		version;		/* of the relcache entry that it follows from */
	DbspAccess *access;
	TupleConversionMap *map;	/* to the layout of the partitioned table; NULL if it is the same */
	bool		open;			/* in this fold */

	/* of a partitioned table */
	Routing    *routing;		/* NULL until the first use */
	int			nchildren;
	struct Branch **children;	/* in the order of the partition descriptor */
	Relation	rel;			/* open from the first use in a fold to its end */
	PartitionDesc desc;			/* of rel, as the children are; valid while it is open */
	uint64		step;			/* of the last look at it */
} Branch;

struct DbspPartitions
{
	HeapStore  *heap;
	MemoryContext cxt;
	List	   *keys;			/* of DbspProbeKey */
	Branch	   *root;
	TupleTableSlot *slot;		/* a leaf's row in the layout of the table */
	uint64		step;			/* counts the steps with a scan */
	bool		looked;			/* in this step */
	List	   *open;			/* of Branch: open in this fold */

	/* of the scan at hand */
	const Datum *values;
	const bool *isnull;
	DbspEmit	emit;
	void	   *arg;
	Branch	   *scanned;		/* the leaf */
};

/* ---- building ---- */

/* The keys over the attribute numbers of a partition. */
static List *
keys_of_partition(List *keys, Relation root, Relation partition)
{
	AttrMap    *map = build_attrmap_by_name(RelationGetDescr(partition), RelationGetDescr(root));
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, keys)
	{
		DbspProbeKey *key = palloc(sizeof(DbspProbeKey));
		bool		whole_row;

		*key = *(DbspProbeKey *) lfirst(lc);
		key->expr = (Expr *) map_variable_attnos((Node *) key->expr, 1, 0, map, InvalidOid, &whole_row);
		result = lappend(result, key);
	}
	return result;
}

/* The column or expression number i of the partition key. */
static Node *
partition_key_expr(PartitionKey key, int i)
{
	int			n = 0;

	if (key->partattrs[i] != 0)
		return (Node *) makeVar(1, key->partattrs[i], key->parttypid[i], key->parttypmod[i], key->parttypcoll[i], 0);
	for (int before = 0; before < i; before++)
		if (key->partattrs[before] == 0)
			n++;
	return list_nth(key->partexprs, n);
}

/* The function that routing calls for column i of the partition key, for values of the type. */
static Oid
routing_function(PartitionKey key, int i, Oid type)
{
	if (key->strategy == PARTITION_STRATEGY_HASH)
		return get_opfamily_proc(key->partopfamily[i], type, type, HASHEXTENDED_PROC);
	return get_opfamily_proc(key->partopfamily[i], key->partopcintype[i], type, BTORDER_PROC);
}

/* True if the probe's key is an equality on column i of the partition key, as the partitions understand it. */
static bool
match_partition_key(PartitionKey partkey, int i, const DbspProbeKey *key, Oid *function_out)
{
	StrategyNumber equality = partkey->strategy == PARTITION_STRATEGY_HASH ? HTEqualStrategyNumber : BTEqualStrategyNumber;
	int			strategy;
	Oid			lefttype;
	Oid			righttype;

	if (!dbsp_arrange_same_expr(partition_key_expr(partkey, i), (Node *) key->expr))
		return false;
	if (get_op_opfamily_strategy(key->operator, partkey->partopfamily[i]) != equality)
		return false;
	if (OidIsValid(partkey->partcollation[i]) && partkey->partcollation[i] != key->collation)
		return false;
	get_op_opfamily_properties(key->operator, partkey->partopfamily[i], false, &strategy, &lefttype, &righttype);
	*function_out = routing_function(partkey, i, righttype);
	return OidIsValid(*function_out);
}

/* keys: over the attribute numbers of rel. */
static Routing *
make_routing(Relation rel, List *keys)
{
	PartitionKey partkey = RelationGetPartitionKey(rel);
	Routing    *routing = palloc0(sizeof(Routing));

	routing->strategy = partkey->strategy;
	routing->nkeys = partkey->partnatts;
	routing->complete = true;
	for (int i = 0; i < routing->nkeys && routing->complete; i++)
	{
		ListCell   *lc;
		bool		found = false;

		foreach(lc, keys)
		{
			DbspProbeKey *key = lfirst(lc);
			Oid			function;

			if (!match_partition_key(partkey, i, key, &function))
				continue;
			found = true;
			routing->values[i] = key->value;
			routing->collations[i] = partkey->partcollation[i];
			fmgr_info(function, &routing->functions[i]);
			break;
		}
		routing->complete = found;
	}
	return routing;
}

static Branch *
make_branch(Oid relid, bool leaf)
{
	Branch	   *branch = palloc0(sizeof(Branch));

	branch->relid = relid;
	branch->leaf = leaf;
	return branch;
}

DbspPartitions *
dbsp_partitions_create(HeapStore *heap, Relation rel, List *keys)
{
	DbspPartitions *partitions = palloc0(sizeof(DbspPartitions));

	partitions->heap = heap;
	partitions->cxt = CurrentMemoryContext;
	partitions->keys = keys;
	partitions->root = make_branch(RelationGetRelid(rel), false);
	partitions->root->routing = make_routing(rel, keys);
	partitions->slot = MakeSingleTupleTableSlot(CreateTupleDescCopy(RelationGetDescr(rel)), &TTSOpsVirtual);
	return partitions;
}

/* ---- opening ---- */

static void
forget_leaf(Branch *leaf)
{
	if (leaf->cxt != NULL)
		MemoryContextDelete(leaf->cxt);
	leaf->cxt = NULL;
	leaf->access = NULL;
	leaf->map = NULL;
}

static void
build_leaf(DbspPartitions *partitions, Branch *leaf)
{
	MemoryContext cxt = AllocSetContextCreate(partitions->cxt, "dbsp partition", 0, PARTITION_MEMORY, 2 * PARTITION_MEMORY);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	Relation	root = partitions->root->rel;
	Relation	rel;

	leaf->version = dbsp_partition_version(leaf->relid);
	rel = table_open(leaf->relid, NoLock);
	leaf->map = convert_tuples_by_name(RelationGetDescr(rel), RelationGetDescr(root));
	leaf->access = dbsp_heap_access_make(partitions->heap, leaf->relid, NULL,
										 keys_of_partition(partitions->keys, root, rel));
	table_close(rel, NoLock);
	leaf->cxt = cxt;
	MemoryContextSwitchTo(old);
}

static void
note_open(DbspPartitions *partitions, Branch *branch)
{
	MemoryContext old = MemoryContextSwitchTo(partitions->cxt);

	partitions->open = lappend(partitions->open, branch);
	MemoryContextSwitchTo(old);
}

static void
open_leaf(DbspPartitions *partitions, Branch *leaf)
{
	if (leaf->open)
		return;
	LockRelationOid(leaf->relid, AccessShareLock);
	if (leaf->cxt != NULL && leaf->version != dbsp_partition_version(leaf->relid))
		forget_leaf(leaf);
	if (leaf->cxt == NULL)
		build_leaf(partitions, leaf);
	leaf->open = true;
	note_open(partitions, leaf);
}

static Branch *
find_child(const Branch *branch, Oid relid)
{
	for (int i = 0; i < branch->nchildren; i++)
		if (branch->children[i]->relid == relid)
			return branch->children[i];
	return NULL;
}

static bool
has_children(const Branch *branch, PartitionDesc desc)
{
	if (branch->nchildren != desc->nparts)
		return false;
	for (int i = 0; i < desc->nparts; i++)
		if (branch->children[i]->relid != desc->oids[i])
			return false;
	return true;
}

/* Makes the children those of the descriptor, keeping what is known of them. */
static void
set_children(DbspPartitions *partitions, Branch *branch, PartitionDesc desc)
{
	MemoryContext old;
	Branch	  **children;

	if (has_children(branch, desc))
		return;
	old = MemoryContextSwitchTo(partitions->cxt);
	children = palloc(Max(desc->nparts, 1) * sizeof(Branch *));
	for (int i = 0; i < desc->nparts; i++)
	{
		Branch	   *child = find_child(branch, desc->oids[i]);

		children[i] = child != NULL ? child : make_branch(desc->oids[i], desc->is_leaf[i]);
	}
	branch->nchildren = desc->nparts;
	branch->children = children;
	MemoryContextSwitchTo(old);
}

/* Opens a partitioned table and, once a step, looks at its partitions. */
static void
open_branch(DbspPartitions *partitions, Branch *branch)
{
	PartitionDesc desc;

	if (branch->rel == NULL)
	{
		branch->rel = table_open(branch->relid, AccessShareLock);
		branch->step = 0;
		note_open(partitions, branch);
		if (branch->routing == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(partitions->cxt);

			branch->routing = make_routing(branch->rel,
										   keys_of_partition(partitions->keys, partitions->root->rel, branch->rel));
			MemoryContextSwitchTo(old);
		}
	}
	if (branch->step == partitions->step)
		return;
	desc = RelationGetPartitionDesc(branch->rel, true);
	if (desc != branch->desc)
		set_children(partitions, branch, desc);
	branch->desc = desc;
	branch->step = partitions->step;
}

/* ---- scanning ---- */

/* The position of the one partition that can have the rows; -1 if none can.  As get_partition_for_tuple(). */
static int
route(const Branch *branch, const Datum *prober_values)
{
	Routing    *routing = branch->routing;
	PartitionBoundInfo bounds = branch->desc->boundinfo;
	Datum		values[PARTITION_MAX_KEYS];
	bool		isnull[PARTITION_MAX_KEYS] = {false};
	bool		equal = false;
	int			position = -1;

	if (bounds == NULL)
		return -1;
	for (int i = 0; i < routing->nkeys; i++)
		values[i] = prober_values[routing->values[i]];
	switch (routing->strategy)
	{
		case PARTITION_STRATEGY_HASH:
			{
				uint64		hash = compute_partition_hash_value(routing->nkeys, routing->functions, routing->collations,
																values, isnull);

				return bounds->indexes[hash % bounds->nindexes];
			}
		case PARTITION_STRATEGY_LIST:
			{
				int			offset = partition_list_bsearch(routing->functions, routing->collations, bounds,
															values[0], &equal);

				if (offset >= 0 && equal)
					position = bounds->indexes[offset];
				break;
			}
		case PARTITION_STRATEGY_RANGE:
			{
				int			offset = partition_range_datum_bsearch(routing->functions, routing->collations, bounds,
																   routing->nkeys, values, &equal);

				position = bounds->indexes[offset + 1];
				break;
			}
		default:
			elog(ERROR, "unexpected partition strategy: %d", (int) routing->strategy);
	}
	return position < 0 ? bounds->default_index : position;
}

static void
emit_converted(void *arg, TupleTableSlot *slot, DbspWeight weight)
{
	DbspPartitions *partitions = arg;
	TupleTableSlot *converted = execute_attr_map_slot(partitions->scanned->map->attrMap, slot, partitions->slot);

	partitions->emit(partitions->arg, converted, weight);
}

static void
scan_leaf(DbspPartitions *partitions, Branch *leaf)
{
	open_leaf(partitions, leaf);
	partitions->scanned = leaf;
	if (leaf->map == NULL)
		dbsp_heap_scan(&partitions->heap->store, leaf->access, partitions->values, partitions->isnull,
					   partitions->emit, partitions->arg);
	else
		dbsp_heap_scan(&partitions->heap->store, leaf->access, partitions->values, partitions->isnull,
					   emit_converted, partitions);
}

static void
scan_branch(DbspPartitions *partitions, Branch *branch)
{
	check_stack_depth();
	if (branch->leaf)
	{
		scan_leaf(partitions, branch);
		return;
	}
	open_branch(partitions, branch);
	if (branch->routing->complete)
	{
		int			position = route(branch, partitions->values);

		if (position >= 0)
			scan_branch(partitions, branch->children[position]);
		return;
	}
	for (int i = 0; i < branch->nchildren; i++)
		scan_branch(partitions, branch->children[i]);
}

void
dbsp_partitions_scan(DbspPartitions *partitions, const Datum *values, const bool *isnull, DbspEmit emit, void *arg)
{
	if (!partitions->looked)
	{
		/* Key locks, unlike locks of relations, do not look for invalidations by themselves. */
		AcceptInvalidationMessages();
		partitions->step++;
		partitions->looked = true;
	}
	partitions->values = values;
	partitions->isnull = isnull;
	partitions->emit = emit;
	partitions->arg = arg;
	scan_branch(partitions, partitions->root);
}

void
dbsp_partitions_end_step(DbspPartitions *partitions)
{
	ListCell   *lc;

	partitions->looked = false;
	ExecClearTuple(partitions->slot);
	foreach(lc, partitions->open)
	{
		Branch	   *branch = lfirst(lc);

		if (branch->leaf)
			dbsp_heap_access_end_step(branch->access);
	}
}

void
dbsp_partitions_close(DbspPartitions *partitions)
{
	ListCell   *lc;

	foreach(lc, partitions->open)
	{
		Branch	   *branch = lfirst(lc);

		if (branch->leaf)
			dbsp_heap_access_close(branch->access);
		else
			table_close(branch->rel, NoLock);
		branch->open = false;
		branch->rel = NULL;
		branch->desc = NULL;
	}
	list_free(partitions->open);
	partitions->open = NIL;
}

/* ---- what explain and advice say ---- */

/* In how many leaves a probe may have to look. */
static int
leaves_reached(Relation root, Relation rel, List *keys)
{
	PartitionDesc desc = RelationGetPartitionDesc(rel, true);
	Routing    *routing = make_routing(rel, keys_of_partition(keys, root, rel));
	int			most = 0;
	int			sum = 0;

	check_stack_depth();
	for (int i = 0; i < desc->nparts; i++)
	{
		int			reached = 1;

		if (!desc->is_leaf[i])
		{
			Relation	child = table_open(desc->oids[i], AccessShareLock);

			reached = leaves_reached(root, child, keys);
			table_close(child, AccessShareLock);
		}
		most = Max(most, reached);
		sum += reached;
	}
	return routing->complete ? most : sum;
}

bool
dbsp_partitions_have_index(Relation rel, List *keys)
{
	List	   *leaves = dbsp_partition_leaves(RelationGetRelid(rel), AccessShareLock);
	ListCell   *lc;

	/* The table's own index says what partitions to come will have. */
	if (leaves == NIL)
		return OidIsValid(dbsp_arrange_find(rel, keys)->index);
	foreach(lc, leaves)
	{
		Relation	leaf = table_open(lfirst_oid(lc), NoLock);
		DbspArrangement *found = dbsp_arrange_find(leaf, keys_of_partition(keys, rel, leaf));

		table_close(leaf, NoLock);
		if (!OidIsValid(found->index) && !found->temporary)
			return false;
	}
	return true;
}

char *
dbsp_partitions_describe(Relation rel, List *keys)
{
	Oid			index = dbsp_arrange_find(rel, keys)->index;
	int			reached = leaves_reached(rel, rel, keys);
	StringInfoData out;

	initStringInfo(&out);
	if (OidIsValid(index))
		appendStringInfo(&out, "index %s on %s", get_rel_name(index), RelationGetRelationName(rel));
	else
		appendStringInfo(&out, "the indexes of the partitions of %s", RelationGetRelationName(rel));
	if (reached > 1)
		appendStringInfo(&out, " ** in %d partitions for each change", reached);
	return out.data;
}
