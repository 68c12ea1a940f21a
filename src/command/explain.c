/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  dbsp_ivm.explain(): the circuit of a view, with what it reads, keeps
 *	  and locks.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "plan/explain.h"
#include "plan/probe.h"
#include "plan/route.h"
#include "plan/state.h"
#include "catalog/catalog.h"
#include "store/arrange.h"
#include "compile/compile.h"
#include "command/names.h"

typedef struct Annotation
{
	List	   *defs;			/* of DbspStateDef */
	List	   *routes;			/* of DbspRoute */
	const DbspViewRow *view;	/* NULL when a query is explained */
} Annotation;

PG_FUNCTION_INFO_V1(dbsp_sql_explain);

static const char *annotate(DbspPlan *node, void *arg);

/* Puts each line of the text into the result. */
static void
put_lines(ReturnSetInfo *rsinfo, char *lines)
{
	while (lines != NULL && *lines != '\0')
	{
		char	   *end = strchr(lines, '\n');
		Datum		value;
		bool		isnull = false;

		if (end != NULL)
			*end++ = '\0';
		value = CStringGetTextDatum(lines);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value, &isnull);
		lines = end;
	}
}

/*
 * explain(name_or_query text) returns setof text
 */
Datum
dbsp_sql_explain(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *argument = dbsp_required_text(fcinfo, 0, "name_or_query");
	Annotation	annotation = {0};
	DbspViewRow row;
	DbspPlan   *plan;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (dbsp_is_name(argument))
	{
		(void) dbsp_find_named_view(argument, AccessShareLock, false, &row);
		plan = dbsp_lower_view(row.definition);
		annotation.view = &row;
	}
	else
	{
		Query	   *query = dbsp_analyze(argument, NULL);

		dbsp_check_raise(dbsp_check(query), argument);
		plan = dbsp_lower(query);
	}
	annotation.defs = dbsp_state_defs(plan);
	annotation.routes = dbsp_plan_routes(plan);
	put_lines(rsinfo, dbsp_plan_explain(plan, annotate, &annotation));
	return (Datum) 0;
}

static const char *
mode_text(const DbspStateDef *def)
{
	switch (def->mode)
	{
		case DBSP_KEY_UNIQUE:
			return def->exact == NIL ? "unique index on" : "index on";
		case DBSP_KEY_HASH:
		case DBSP_KEY_BAG:
			return "index on";
		case DBSP_KEY_SINGLE:
			return "one row, no index";
	}
	return "";
}

/* Groups whose equal keys can look different have such a table. */
static bool
is_of_keys(const DbspStateDef *def)
{
	return def->role == DBSP_STATE_VALUES && ((DbspAggValues *) list_nth(def->plan->values, def->values))->of_keys;
}

/* "state: groups_3_2, unique index on (customer_id)" for each table of the operator. */
static void
describe_states(StringInfo out, DbspPlan *node, const Annotation *annotation)
{
	ListCell   *lc;

	foreach(lc, annotation->defs)
	{
		DbspStateDef *def = lfirst(lc);
		const char *separator = " (";
		ListCell   *column_cell;

		if (def->plan != node)
			continue;
		appendStringInfo(out, "state: %s, %s%s",
						 annotation->view != NULL ? get_rel_name(dbsp_catalog_state_table(annotation->view, def)) :
						 psprintf("%s table", dbsp_state_role_name(def)),
						 is_of_keys(def) ? "images of the keys, " : "", mode_text(def));
		foreach(column_cell, dbsp_state_index_columns(def))
		{
			appendStringInfo(out, "%s%s", separator,
							 NameStr(TupleDescAttr(def->desc, lfirst_int(column_cell) - 1)->attname));
			separator = ", ";
		}
		appendStringInfoString(out, separator[0] == ',' ? ")\n" : "\n");
	}
}

/* Where the other input's rows are found, for each leaf of a join's probe. */
static void
describe_probe(StringInfo out, DbspPlan *join, bool probe_right)
{
	ListCell   *lc;

	foreach(lc, dbsp_probe_leaves(dbsp_probe_join_side(join, probe_right)))
	{
		DbspProbe  *leaf = lfirst(lc);

		appendStringInfo(out, "%s rows look up ", probe_right ? "left" : "right");
		if (leaf->node->kind != DBSP_PLAN_SOURCE)
		{
			appendStringInfo(out, "the groups of operator %d%s\n", leaf->node->number,
							 leaf->keys == NIL ? " ** reads all of them for each change" : "");
			continue;
		}
		appendStringInfoString(out, get_rel_name(leaf->node->relid));
		if (leaf->keys == NIL || !dbsp_arrange_has_index(leaf->node->relid, leaf->keys))
			appendStringInfo(out, " ** reads all of %s for each change\n", get_rel_name(leaf->node->relid));
		else
			appendStringInfo(out, " by %s\n", dbsp_arrange_describe(leaf->node->relid, leaf->keys));
	}
}

static bool
join_locks_keys(const DbspPlan *join)
{
	ListCell   *lc;

	foreach(lc, join->joinkeys)
		if (!((DbspJoinKey *) lfirst(lc))->hashable)
			return false;
	return join->joinkeys != NIL;
}

static bool
aggregate_locks_keys(const DbspPlan *aggregate)
{
	ListCell   *lc;

	foreach(lc, aggregate->groupkeys)
		if (!((DbspGroupKey *) lfirst(lc))->hashable)
			return false;
	return true;
}

/* What a fold locks of the operator; NULL for nothing. */
static const char *
lock_text(const DbspPlan *node)
{
	switch (node->kind)
	{
		case DBSP_PLAN_SOURCE:
		case DBSP_PLAN_FILTER:
		case DBSP_PLAN_PROJECT:
		case DBSP_PLAN_UNION:
			return NULL;
		case DBSP_PLAN_JOIN:
			return join_locks_keys(node) ? "join key" : "whole operator";
		case DBSP_PLAN_AGGREGATE:
			if (node->grand_total)
				return "the one group";
			return aggregate_locks_keys(node) ? "group" : "whole operator";
		case DBSP_PLAN_SINK:
			return node->keyed ? "none (rows are ordered by the base tables' own row locks)" : "row";
	}
	return NULL;
}

/* More constants than these are counted, not shown. */
#define FEW_CONSTANTS 5

/* "g = 3", "kind in 'a', 'b'" */
static void
describe_route_key(StringInfo out, Oid relid, const DbspRouteKey *key)
{
	Oid			output;
	bool		is_varlena;

	appendStringInfoString(out, get_attname(relid, key->column, false));
	if (key->nconstants > FEW_CONSTANTS || key->nconstants == 0)
	{
		appendStringInfo(out, " in %d constants", key->nconstants);
		return;
	}
	getTypeOutputInfo(key->type, &output, &is_varlena);
	for (int i = 0; i < key->nconstants; i++)
	{
		appendStringInfoString(out, i > 0 ? ", " : key->nconstants > 1 ? " in " : " = ");
		appendStringInfoString(out, quote_literal_cstr(OidOutputFunctionCall(output, key->constants[i])));
	}
}

/* Which rows of a table concern the view at all, where constants tell. */
static void
describe_routes(StringInfo out, const DbspPlan *source, const Annotation *annotation)
{
	ListCell   *lc;
	ListCell   *k;

	foreach(lc, annotation->routes)
	{
		DbspRoute  *route = lfirst(lc);

		if (route->source != source || route->keys == NIL)
			continue;
		appendStringInfoString(out, "only rows with ");
		foreach(k, route->keys)
		{
			if (foreach_current_index(k) > 0)
				appendStringInfoString(out, " and ");
			describe_route_key(out, source->relid, lfirst(k));
		}
		appendStringInfoString(out, "; others cost the view nothing\n");
	}
}

/* The lines below one operator, each ended by a newline; NULL if there are none. */
static const char *
annotate(DbspPlan *node, void *arg)
{
	StringInfoData out;
	const char *locks = lock_text(node);

	initStringInfo(&out);
	describe_routes(&out, node, arg);
	describe_states(&out, node, arg);
	if (node->kind == DBSP_PLAN_JOIN)
	{
		describe_probe(&out, node, true);
		describe_probe(&out, node, false);
	}
	if (locks != NULL)
		appendStringInfo(&out, "locks: %s\n", locks);
	return out.len > 0 ? out.data : NULL;
}
