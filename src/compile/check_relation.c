/*-------------------------------------------------------------------------
 *
 * check_relation.c
 *	  Which tables and views an incremental view may read.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "rewrite/rewriteHandler.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "catalog/partition_tree.h"
#include "compile/check.h"
#include "compile/compile.h"

static void refuse(Check *check, CheckRuleId id, const char *name, int occurrence);
static bool refused_kind(char relkind, CheckRuleId *id_out);
static bool partitioned_is_refused(const RangeTblEntry *rte, CheckRuleId *id_out);
static bool table_is_refused(const RangeTblEntry *rte, char persistence, CheckRuleId *id_out);
static Query *view_query(Oid relid);
static bool reads_internal(Query *query);
static bool is_own_schema(Oid namespace);

/*
 * Takes AccessShareLock on a view until the end of the transaction.  Where the
 * result is true, check describes the inside of the view from now on.
 */
bool
dbsp_check_relation(Check *check, const RangeTblEntry *rte, Query **query_out)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(rte->relid));
	Form_pg_class form;
	char	   *name;
	int			occurrence = 0;
	bool		is_view = false;
	CheckRuleId id;
	ListCell   *lc;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", rte->relid);
	form = (Form_pg_class) GETSTRUCT(tuple);
	name = pstrdup(NameStr(form->relname));
	foreach(lc, check->relations)
	{
		if (strcmp((char *) lfirst(lc), name) == 0)
			occurrence++;
	}
	if (check->view == NULL)
		check->relations = lappend(check->relations, name);

	if (rte->relid < FirstNormalObjectId)
		refuse(check, CHECK_CATALOG, name, occurrence);
	else if (is_own_schema(form->relnamespace))
		refuse(check, CHECK_INTERNAL, name, occurrence);
	else if (refused_kind(form->relkind, &id))
		refuse(check, id, name, occurrence);
	else if (form->relpersistence == RELPERSISTENCE_TEMP)
		refuse(check, CHECK_TEMPORARY, name, occurrence);
	else if (form->relkind == RELKIND_RELATION)
	{
		if (table_is_refused(rte, form->relpersistence, &id))
			refuse(check, id, name, occurrence);
	}
	else if (form->relkind == RELKIND_PARTITIONED_TABLE)
	{
		if (partitioned_is_refused(rte, &id))
			refuse(check, id, name, occurrence);
	}
	else
	{
		*query_out = view_query(rte->relid);
		if (reads_internal(*query_out))
			refuse(check, CHECK_INCREMENTAL_VIEW, name, occurrence);
		else
			is_view = true;
	}
	ReleaseSysCache(tuple);

	if (is_view)
	{
		if (check->view == NULL)
		{
			check->anchor = name;
			check->anchor_occurrence = occurrence;
		}
		check->view = name;
	}
	return is_view;
}

static void
refuse(Check *check, CheckRuleId id, const char *name, int occurrence)
{
	Check		at = *check;

	/* Without an own location, the problem is where the text names the relation. */
	at.problems = NIL;
	at.fallback = -1;
	dbsp_check_add(&at, id, psprintf("\"%s\"", name), -1);
	if (check->view == NULL)
	{
		DbspProblem *problem = (DbspProblem *) linitial(at.problems);

		problem->relation = name;
		problem->occurrence = occurrence;
	}
	check->problems = list_concat(check->problems, at.problems);
}

/* True for everything but tables, partitioned tables and views. */
static bool
refused_kind(char relkind, CheckRuleId *id_out)
{
	switch (relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_VIEW:
			return false;
		case RELKIND_FOREIGN_TABLE:
			*id_out = CHECK_FOREIGN_TABLE;
			return true;
		case RELKIND_MATVIEW:
			*id_out = CHECK_MATVIEW;
			return true;
		case RELKIND_SEQUENCE:
			*id_out = CHECK_SEQUENCE;
			return true;
		case RELKIND_TOASTVALUE:
			*id_out = CHECK_CATALOG;
			return true;
		default:
			*id_out = CHECK_OTHER_RELATION;
			return true;
	}
}

static bool
partitioned_is_refused(const RangeTblEntry *rte, CheckRuleId *id_out)
{
	ListCell   *lc;

	if (!rte->inh)
	{
		*id_out = CHECK_ONLY_PARTITIONED;
		return true;
	}
	if (dbsp_partition_is_detaching(rte->relid))
	{
		*id_out = CHECK_DETACHING;
		return true;
	}
	foreach(lc, dbsp_partition_leaves(rte->relid, NoLock))
	{
		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_FOREIGN_TABLE)
			*id_out = CHECK_FOREIGN_PARTITION;
		else if (get_rel_persistence(lfirst_oid(lc)) != RELPERSISTENCE_PERMANENT)
			*id_out = CHECK_UNLOGGED_PARTITION;
		else
			continue;
		return true;
	}
	*id_out = CHECK_ROW_SECURITY;
	return check_enable_rls(rte->relid, rte->checkAsUser, true) == RLS_ENABLED;
}

static bool
table_is_refused(const RangeTblEntry *rte, char persistence, CheckRuleId *id_out)
{
	if (persistence == RELPERSISTENCE_UNLOGGED)
		*id_out = CHECK_UNLOGGED;
	else if (rte->inh && find_inheritance_children(rte->relid, NoLock) != NIL)
		*id_out = CHECK_INHERITANCE;
	else if (check_enable_rls(rte->relid, rte->checkAsUser, true) == RLS_ENABLED)
		*id_out = CHECK_ROW_SECURITY;
	else
		return false;
	return true;
}

static Query *
view_query(Oid relid)
{
	Relation	view = table_open(relid, AccessShareLock);
	Query	   *query = copyObject(get_view_query(view));

	table_close(view, NoLock);
	return query;
}

/* True if the view reads a table of ours, which only the public view of an incremental view does. */
static bool
reads_internal(Query *query)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION && is_own_schema(get_rel_namespace(rte->relid)))
			return true;
	}
	return false;
}

static bool
is_own_schema(Oid namespace)
{
	char	   *name = get_namespace_name(namespace);

	return name != NULL && (strcmp(name, DBSP_SCHEMA) == 0 || strcmp(name, DBSP_INTERNAL_SCHEMA) == 0);
}
