/*-------------------------------------------------------------------------
 *
 * lower_from.c
 *	  FROM and WHERE of one query level: sources, filters and joins.
 *
 * All quals of the level's WHERE and of its inner joins are one list of
 * conjuncts in written order.  A conjunct over one item filters that item;
 * the others become join keys or residual quals of the first join that has
 * all their items; those without columns filter the result.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_index.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "compile/lower.h"

/* Every reference to a CTE is lowered anew, so a short text can ask for very many items. */
#define MAX_FROM_ITEMS 1000

/* A conjunct that is not placed yet. */
typedef struct PendingQual
{
	Node	   *node;
	Bitmapset  *relids;
} PendingQual;

/* An equality seen from a join: which side is over the left input. */
typedef struct JoinEquality
{
	Node	   *left;
	Node	   *right;
	Oid			operator;
	OpExpr	   *origin;
} JoinEquality;

static void collect_from(LowerLevel *level, Node *node, List **items, List **conjuncts);
static LowerRel *lower_item(LowerLevel *level, int rtindex, List *conjuncts);
static Bitmapset *used_attributes(LowerLevel *level, int rtindex, List *conjuncts);
static LowerRel *lower_relation(LowerLevel *level, RangeTblEntry *rte, Bitmapset *used);
static bool key_counts(LowerLevel *level, Oid relid);
static bool primary_key_attnums(Oid relid, List **attnums_out);
static LowerRel *lower_cte(LowerLevel *level, RangeTblEntry *rte, Bitmapset *used);
static List *place_single_quals(LowerFrom *from, List *conjuncts, List **constants_out);
static void join_items(LowerFrom *from, List *items, List *pending);
static int	next_item(List *items, Bitmapset *joined, List *pending);
static bool match_equality(Node *node, Bitmapset *left, Bitmapset *right, JoinEquality *equality_out);
static void add_join(LowerFrom *from, Bitmapset *joined, int rtindex, List **pending);
static DbspJoinKey *make_joinkey(LowerFrom *from, const JoinEquality *equality, int nleft);

/* The plan of the level's FROM and WHERE, and where each item's columns are in its row. */
LowerFrom *
dbsp_lower_from(LowerLevel *level)
{
	LowerFrom  *from = (LowerFrom *) palloc0(sizeof(LowerFrom));
	List	   *items = NIL;
	List	   *conjuncts = NIL;
	List	   *pending;
	List	   *constants;
	ListCell   *lc;

	from->nrels = list_length(level->query->rtable);
	from->rels = (LowerRel **) palloc0(sizeof(LowerRel *) * from->nrels);
	from->offsets = (int *) palloc0(sizeof(int) * from->nrels);

	collect_from(level, (Node *) level->query->jointree, &items, &conjuncts);
	if (items == NIL)
		elog(ERROR, "query level without FROM");
	foreach(lc, items)
		from->rels[lfirst_int(lc) - 1] = lower_item(level, lfirst_int(lc), conjuncts);

	pending = place_single_quals(from, conjuncts, &constants);
	join_items(from, items, pending);
	if (constants != NIL)
		from->plan = dbsp_plan_filter(from->plan, constants);
	return from;
}

/* The range-table indexes and the conjuncts of a join tree in written order. */
static void
collect_from(LowerLevel *level, Node *node, List **items, List **conjuncts)
{
	Node	   *quals = NULL;
	ListCell   *lc;

	check_stack_depth();
	if (IsA(node, RangeTblRef))
		*items = lappend_int(*items, ((RangeTblRef *) node)->rtindex);
	else if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			collect_from(level, (Node *) lfirst(lc), items, conjuncts);
		quals = ((FromExpr *) node)->quals;
	}
	else
	{
		JoinExpr   *join = castNode(JoinExpr, node);

		if (join->jointype != JOIN_INNER)
			elog(ERROR, "unexpected join type: %d", (int) join->jointype);
		collect_from(level, join->larg, items, conjuncts);
		collect_from(level, join->rarg, items, conjuncts);
		quals = join->quals;
	}
	*conjuncts = list_concat(*conjuncts, dbsp_lower_conjuncts(dbsp_lower_flatten(level->query, quals)));
}

static LowerRel *
lower_item(LowerLevel *level, int rtindex, List *conjuncts)
{
	RangeTblEntry *rte = rt_fetch(rtindex, level->query->rtable);
	Bitmapset  *used = used_attributes(level, rtindex, conjuncts);

	if (++level->view->nitems > MAX_FROM_ITEMS)
		ereport(ERROR,
				errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				errmsg("incremental view reads more than %d tables", MAX_FROM_ITEMS),
				errdetail("Each reference to a view or to a common table expression counts anew."));
	if (rte->securityQuals != NIL && !level->view->published)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("incremental view cannot use table \"%s\" under row-level security", get_rel_name(rte->relid)));

	switch (rte->rtekind)
	{
		case RTE_RELATION:
			return lower_relation(level, rte, used);
		case RTE_SUBQUERY:
			return dbsp_lower_level(rte->subquery, level, used, level->keyless, level->view);
		case RTE_CTE:
			return lower_cte(level, rte, used);
		default:
			elog(ERROR, "unexpected range table entry kind: %d", (int) rte->rtekind);
	}
	return NULL;				/* keep compiler quiet */
}

/* The attributes of the item that the level's expressions mention. */
static Bitmapset *
used_attributes(LowerLevel *level, int rtindex, List *conjuncts)
{
	Bitmapset  *raw = NULL;
	Bitmapset  *used = NULL;
	int			member = -1;

	pull_varattnos((Node *) level->visible, rtindex, &raw);
	pull_varattnos(level->having, rtindex, &raw);
	pull_varattnos((Node *) conjuncts, rtindex, &raw);
	pull_varattnos((Node *) dbsp_lower_group_keys(level->query), rtindex, &raw);
	while ((member = bms_next_member(raw, member)) >= 0)
	{
		int			attnum = member + FirstLowInvalidHeapAttributeNumber;

		if (attnum <= 0)
			elog(ERROR, "unexpected reference to a system column or whole row");
		used = bms_add_member(used, attnum);
	}
	return used;
}

/* A source with the used columns in the table's order, then, unless nobody asks for it, the rest of the primary key. */
static LowerRel *
lower_relation(LowerLevel *level, RangeTblEntry *rte, Bitmapset *used)
{
	List	   *attnums = NIL;
	List	   *key = NIL;
	bool		keyed = key_counts(level, rte->relid) && primary_key_attnums(rte->relid, &key);
	LowerRel   *rel;
	int			attnum = -1;
	ListCell   *lc;

	while ((attnum = bms_next_member(used, attnum)) >= 0)
		attnums = lappend_int(attnums, attnum);
	foreach(lc, key)
		attnums = list_append_unique_int(attnums, lfirst_int(lc));

	rel = dbsp_lower_rel(dbsp_plan_source(rte->relid, !rte->inh, attnums, key, keyed), list_length(rte->eref->colnames));
	foreach(lc, attnums)
	{
		if (bms_is_member(lfirst_int(lc), used))
			rel->columns[lfirst_int(lc)] = foreach_current_index(lc) + 1;
	}
	return rel;
}

/* True if the level has use for a primary key of the table, and may use it. */
static bool
key_counts(LowerLevel *level, Oid relid)
{
	return !level->keyless && (!level->view->published || list_member_oid(level->view->guarded, relid));
}

/* The columns of a valid, immediate primary key in the order of its index; false if the table has none. */
static bool
primary_key_attnums(Oid relid, List **attnums_out)
{
	Relation	relation = table_open(relid, NoLock);
	Oid			index;
	HeapTuple	tuple;
	Form_pg_index form;

	RelationGetIndexList(relation);
	index = relation->rd_pkindex;
	table_close(relation, NoLock);
	if (!OidIsValid(index))
		return false;
	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for index %u", index);
	form = (Form_pg_index) GETSTRUCT(tuple);
	if (!form->indisvalid || !form->indimmediate)
	{
		ReleaseSysCache(tuple);
		return false;
	}
	for (int i = 0; i < form->indnkeyatts; i++)
		*attnums_out = lappend_int(*attnums_out, form->indkey.values[i]);
	ReleaseSysCache(tuple);
	return true;
}

static LowerRel *
lower_cte(LowerLevel *level, RangeTblEntry *rte, Bitmapset *used)
{
	LowerLevel *owner = level;
	ListCell   *lc;

	for (Index up = rte->ctelevelsup; up > 0 && owner != NULL; up--)
		owner = owner->parent;
	if (owner == NULL)
		elog(ERROR, "bad levelsup for CTE \"%s\"", rte->ctename);
	foreach(lc, owner->query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (strcmp(cte->ctename, rte->ctename) == 0)
			return dbsp_lower_level(castNode(Query, cte->ctequery), owner, used, level->keyless, level->view);
	}
	elog(ERROR, "could not find CTE \"%s\"", rte->ctename);
	return NULL;				/* keep compiler quiet */
}

/*
 * Filters each item by the conjuncts over it alone.  Returns the conjuncts
 * over several items (of PendingQual), and those over none.
 */
static List *
place_single_quals(LowerFrom *from, List *conjuncts, List **constants_out)
{
	List	  **single = (List **) palloc0(sizeof(List *) * from->nrels);
	List	   *pending = NIL;
	ListCell   *lc;

	*constants_out = NIL;
	foreach(lc, conjuncts)
	{
		Node	   *node = (Node *) lfirst(lc);
		Bitmapset  *relids = pull_varnos(NULL, node);
		int			rtindex;

		if (bms_is_empty(relids))
			*constants_out = lappend(*constants_out, dbsp_lower_expr(node, from, 0));
		else if (bms_get_singleton_member(relids, &rtindex))
			single[rtindex - 1] = lappend(single[rtindex - 1], dbsp_lower_expr(node, from, 0));
		else
		{
			PendingQual *qual = (PendingQual *) palloc(sizeof(PendingQual));

			qual->node = node;
			qual->relids = relids;
			pending = lappend(pending, qual);
		}
	}
	for (int i = 0; i < from->nrels; i++)
	{
		if (single[i] != NIL)
			from->rels[i]->plan = dbsp_plan_filter(from->rels[i]->plan, single[i]);
	}
	return pending;
}

/*
 * A left-deep tree: the first item, then each time the first one in written
 * order that an equality connects to what is joined so far, or else the first.
 */
static void
join_items(LowerFrom *from, List *items, List *pending)
{
	List	   *remaining = list_copy(items);
	Bitmapset  *joined = bms_make_singleton(linitial_int(items));

	from->plan = from->rels[linitial_int(items) - 1]->plan;
	remaining = list_delete_first(remaining);
	while (remaining != NIL)
	{
		int			rtindex = next_item(remaining, joined, pending);

		add_join(from, joined, rtindex, &pending);
		joined = bms_add_member(joined, rtindex);
		remaining = list_delete_int(remaining, rtindex);
	}
	if (pending != NIL)
		elog(ERROR, "could not place all join conditions");
}

static int
next_item(List *items, Bitmapset *joined, List *pending)
{
	ListCell   *lc;
	ListCell   *lcq;

	foreach(lc, items)
	{
		Bitmapset  *item = bms_make_singleton(lfirst_int(lc));

		foreach(lcq, pending)
		{
			JoinEquality equality;

			if (match_equality(((PendingQual *) lfirst(lcq))->node, joined, item, &equality))
				return lfirst_int(lc);
		}
	}
	return linitial_int(items);
}

/*
 * True if the qual is an equality between an expression over left items only
 * and one over right items only, by which rows can be looked up.
 */
static bool
match_equality(Node *node, Bitmapset *left, Bitmapset *right, JoinEquality *equality_out)
{
	OpExpr	   *op = (OpExpr *) node;
	Bitmapset  *first;
	Bitmapset  *second;
	Oid			input_type;
	Oid			commutator;

	if (!IsA(node, OpExpr) || list_length(op->args) != 2 || op->opretset)
		return false;
	first = pull_varnos(NULL, (Node *) linitial(op->args));
	second = pull_varnos(NULL, (Node *) lsecond(op->args));
	if (bms_is_empty(first) || bms_is_empty(second))
		return false;
	input_type = exprType((Node *) linitial(op->args));
	if (!op_mergejoinable(op->opno, input_type) && !op_hashjoinable(op->opno, input_type))
		return false;
	commutator = get_commutator(op->opno);
	if (!op_strict(op->opno) || !OidIsValid(commutator))
		return false;

	equality_out->origin = op;
	if (bms_is_subset(first, left) && bms_is_subset(second, right))
	{
		equality_out->left = (Node *) linitial(op->args);
		equality_out->right = (Node *) lsecond(op->args);
		equality_out->operator = op->opno;
		return true;
	}
	if (bms_is_subset(second, left) && bms_is_subset(first, right))
	{
		equality_out->left = (Node *) lsecond(op->args);
		equality_out->right = (Node *) linitial(op->args);
		equality_out->operator = commutator;
		return true;
	}
	return false;
}

/* Joins one more item by all pending conjuncts that can now be evaluated, and takes these off the list. */
static void
add_join(LowerFrom *from, Bitmapset *joined, int rtindex, List **pending)
{
	Bitmapset  *item = bms_make_singleton(rtindex);
	Bitmapset  *both = bms_union(joined, item);
	int			nleft = from->plan->rowtype->natts;
	List	   *joinkeys = NIL;
	List	   *quals = NIL;
	List	   *kept = NIL;
	ListCell   *lc;

	from->offsets[rtindex - 1] = nleft;
	foreach(lc, *pending)
	{
		PendingQual *qual = (PendingQual *) lfirst(lc);
		JoinEquality equality;

		if (!bms_is_subset(qual->relids, both))
			kept = lappend(kept, qual);
		else if (match_equality(qual->node, joined, item, &equality))
			joinkeys = lappend(joinkeys, make_joinkey(from, &equality, nleft));
		else
			quals = lappend(quals, dbsp_lower_expr(qual->node, from, 0));
	}
	*pending = kept;
	from->plan = dbsp_plan_join(from->plan, from->rels[rtindex - 1]->plan, joinkeys, quals);
}

static DbspJoinKey *
make_joinkey(LowerFrom *from, const JoinEquality *equality, int nleft)
{
	DbspJoinKey *joinkey = (DbspJoinKey *) palloc0(sizeof(DbspJoinKey));
	RegProcedure left_hash;
	RegProcedure right_hash;

	joinkey->left = dbsp_lower_expr(equality->left, from, 0);
	joinkey->right = dbsp_lower_expr(equality->right, from, nleft);
	joinkey->operator = equality->operator;
	joinkey->collation = equality->origin->inputcollid;
	joinkey->hashable = op_hashjoinable(joinkey->operator, exprType((Node *) joinkey->left)) &&
		get_op_hash_functions(joinkey->operator, &left_hash, &right_hash);
	return joinkey;
}
