/*-------------------------------------------------------------------------
 *
 * probe_index.c
 *	  The indexes on base tables that keep maintenance in O(change).
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pg_list.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "catalog/partition_tree.h"
#include "plan/probe.h"
#include "plan/state.h"
#include "store/arrange.h"
#include "command/identity.h"
#include "command/probe_index.h"

typedef struct Provision
{
	const char *view;
	bool		create;
	List	   *advised;		/* of char *: commands already shown */
	List	   *whole;			/* OID list: tables already said to be read whole */
} Provision;

/* True if an index of the access method on the expression can be searched by the key's operator. */
static bool
key_is_indexable(const DbspProbeKey *key, Oid method)
{
	Oid			opclass = GetDefaultOpClass(exprType((Node *) key->expr), method);

	return OidIsValid(opclass) && op_in_opfamily(key->operator, get_opclass_family(opclass));
}

/*
 * The keys that the index should have, and its access method.  A btree entry
 * has room for about 2,700 bytes, and an index that we propose must not make
 * writes fail that succeed today: long values get a hash index, which has one
 * column.
 */
static List *
choose_keys(List *keys, Oid *method_out)
{
	List	   *short_keys = NIL;
	List	   *hashable_keys = NIL;
	ListCell   *lc;

	foreach(lc, keys)
	{
		DbspProbeKey *key = lfirst(lc);
		Node	   *expr = (Node *) key->expr;

		if (key_is_indexable(key, BTREE_AM_OID) && dbsp_type_is_short(exprType(expr), exprTypmod(expr)))
			short_keys = lappend(short_keys, key);
		else if (key_is_indexable(key, HASH_AM_OID))
			hashable_keys = lappend(hashable_keys, key);
	}
	*method_out = short_keys == NIL ? HASH_AM_OID : BTREE_AM_OID;
	if (short_keys == NIL && hashable_keys != NIL)
		return list_make1(linitial(hashable_keys));
	return short_keys;
}

/* What follows the table in CREATE INDEX, for the keys that can have one; NULL if there are none. */
static char *
index_columns(Oid relid, List *keys, char **name_out)
{
	Oid			method;
	StringInfoData columns;
	StringInfoData name;
	List	   *context = deparse_context_for(get_rel_name(relid), relid);
	int			settings_level = NewGUCNestLevel();
	ListCell   *lc;

	/* The text is run, by us or by whom we advise, under another search_path: names are qualified. */
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	initStringInfo(&columns);
	initStringInfo(&name);
	keys = choose_keys(keys, &method);
	foreach(lc, keys)
	{
		DbspProbeKey *key = lfirst(lc);
		Node	   *expr = (Node *) key->expr;
		char	   *column = deparse_expression(expr, context, false, false);
		appendStringInfo(&columns, IsA(expr, Var) ? "%s%s" : "%s(%s)", columns.len > 0 ? ", " : "", column);
		if (OidIsValid(key->collation) && key->collation != exprCollation(expr))
			appendStringInfo(&columns, " COLLATE %s", generate_collation_name(key->collation));
		appendStringInfo(&name, "%s%s", name.len > 0 ? "_" : "",
						 IsA(expr, Var) ? get_attname(relid, ((Var *) expr)->varattno, false) : "expr");
	}
	AtEOXact_GUC(false, settings_level);
	*name_out = name.data;
	return keys == NIL ? NULL : psprintf("%s(%s)", method == HASH_AM_OID ? "USING hash " : "", columns.data);
}

static void
run_sql(void *arg)
{
	dbsp_run_sql((const char *) arg);
}

static bool
has_pending_triggers(Oid relid)
{
	ListCell   *lc;

	foreach(lc, dbsp_partition_leaves(relid, NoLock))
		if (AfterTriggerPendingOnRel(lfirst_oid(lc)))
			return true;
	return AfterTriggerPendingOnRel(relid);
}

/* True if the current user can create an index on the table here and now. */
static bool
may_create_index(Oid relid)
{
	return pg_class_ownercheck(relid, GetUserId()) &&
		pg_namespace_aclcheck(get_rel_namespace(relid), GetUserId(), ACL_CREATE) == ACLCHECK_OK &&
		!has_pending_triggers(relid);
}

static void
report_whole(Provision *provision, Oid relid)
{
	if (list_member_oid(provision->whole, relid))
		return;
	provision->whole = lappend_oid(provision->whole, relid);
	ereport(NOTICE,
			errmsg("each change of the tables that view \"%s\" joins with \"%s\" reads all of \"%s\"",
				   provision->view, get_rel_name(relid), get_rel_name(relid)),
			errdetail("The join has no equality on it that an index could serve."));
}

static void
provide_index(Provision *provision, Oid relid, List *keys)
{
	char	   *table = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
	char	   *base_name;
	char	   *columns = index_columns(relid, keys, &base_name);
	char	   *advice;
	ListCell   *lc;

	if (columns == NULL)
	{
		report_whole(provision, relid);
		return;
	}
	if (provision->create && may_create_index(relid))
	{
		char	   *name = ChooseRelationName(get_rel_name(relid), base_name, "idx", get_rel_namespace(relid), false);

		dbsp_run_as_user(GetUserId(), false, run_sql,
						 psprintf("CREATE INDEX %s ON %s %s", quote_identifier(name), table, columns));
		CommandCounterIncrement();
		ereport(NOTICE,
				errmsg("created index \"%s\" on table \"%s\" to maintain view \"%s\"",
					   name, get_rel_name(relid), provision->view));
		return;
	}
	advice = psprintf("CREATE INDEX ON %s %s;", table, columns);
	foreach(lc, provision->advised)
		if (strcmp(lfirst(lc), advice) == 0)
			return;
	provision->advised = lappend(provision->advised, advice);
	ereport(NOTICE,
			errmsg("view \"%s\" needs an index on table \"%s\" to be maintained without reading all of it",
				   provision->view, get_rel_name(relid)),
			errhint("%s", advice));
}

void
dbsp_probe_index_provide(DbspPlan *root, const char *view, bool create)
{
	Provision	provision = {.view = view, .create = create};
	ListCell   *lc;

	foreach(lc, dbsp_plan_nodes(root))
	{
		DbspPlan   *node = lfirst(lc);

		if (node->kind != DBSP_PLAN_JOIN)
			continue;
		for (int side = 0; side < 2; side++)
		{
			ListCell   *leaf_cell;

			foreach(leaf_cell, dbsp_probe_leaves(dbsp_probe_join_side(node, side == 0)))
			{
				DbspProbe  *leaf = lfirst(leaf_cell);

				if (leaf->node->kind != DBSP_PLAN_SOURCE)
					continue;
				if (leaf->keys == NIL)
					report_whole(&provision, leaf->node->relid);
				else if (!dbsp_arrange_has_index(leaf->node->relid, leaf->keys))
					provide_index(&provision, leaf->node->relid, leaf->keys);
			}
		}
	}
}
