/*-------------------------------------------------------------------------
 *
 * carry.c
 *	  What users have set on a shadow table, from an old one to a new one.
 *
 * Everything is kept as the command that makes it, in PostgreSQL's own words
 * where it has them, with names qualified as the locked search_path asks for.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_statistic_ext.h"
#include "commands/comment.h"
#include "executor/spi.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "catalog/catalog.h"
#include "command/carry.h"
#include "command/identity.h"
#include "command/tables.h"

/* A command, and the role that it is run as. */
typedef struct CarriedCommand
{
	Oid			role;			/* InvalidOid: the extension's owner */
	char	   *sql;
} CarriedCommand;

struct DbspCarried
{
	List	   *commands;		/* of CarriedCommand */
};

static void
add_command(DbspCarried *carried, Oid role, char *sql)
{
	CarriedCommand *command = palloc(sizeof(CarriedCommand));

	command->role = role;
	command->sql = sql;
	carried->commands = lappend(carried->commands, command);
}

/* The comment on the object, whose kind and name are given as COMMENT ON has them. */
static void
add_comment(DbspCarried *carried, Oid classid, Oid objid, const char *object)
{
	char	   *comment = GetComment(objid, classid, 0);

	if (comment != NULL)
		add_command(carried, InvalidOid, psprintf("COMMENT ON %s IS %s", object, quote_literal_cstr(comment)));
}

/* True if the index uses columns after the first nvisible. */
static bool
uses_hidden_column(Relation index, int nvisible)
{
	Bitmapset  *attnums = NULL;
	int			last = -1;

	for (int i = 0; i < index->rd_index->indnatts; i++)
		if (index->rd_index->indkey.values[i] != 0)
			attnums = bms_add_member(attnums, index->rd_index->indkey.values[i] - FirstLowInvalidHeapAttributeNumber);
	pull_varattnos((Node *) RelationGetIndexExpressions(index), 1, &attnums);
	pull_varattnos((Node *) RelationGetIndexPredicate(index), 1, &attnums);
	for (int member = bms_next_member(attnums, -1); member >= 0; member = bms_next_member(attnums, member))
		last = member + FirstLowInvalidHeapAttributeNumber;
	return last > nvisible;
}

static void
carry_index(DbspCarried *carried, const DbspViewRow *row, Oid indexid, int nvisible)
{
	const char *name = get_rel_name(indexid);
	Relation	index = index_open(indexid, AccessShareLock);

	if (uses_hidden_column(index, nvisible))
		ereport(ERROR,
				errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				errmsg("cannot change the query of view \"%s\" because index \"%s\" uses a hidden column",
					   get_rel_name(row->relation), name),
				errhint("Drop the index first."));
	index_close(index, NoLock);
	add_command(carried, InvalidOid, pg_get_indexdef_string(indexid));
	add_comment(carried, RelationRelationId, indexid,
				psprintf("INDEX %s", quote_qualified_identifier(DBSP_INTERNAL_SCHEMA, name)));
}

static void
carry_statistics(DbspCarried *carried, Oid statistics)
{
	HeapTuple	tuple = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(statistics));
	Form_pg_statistic_ext form;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for statistics object %u", statistics);
	form = (Form_pg_statistic_ext) GETSTRUCT(tuple);
	add_command(carried, form->stxowner, pg_get_statisticsobjdef_string(statistics));
	add_comment(carried, StatisticExtRelationId, statistics,
				psprintf("STATISTICS %s", quote_qualified_identifier(get_namespace_name(form->stxnamespace),
																	  NameStr(form->stxname))));
	ReleaseSysCache(tuple);
}

/* Storage options, and rights to read that the owner has given: $1 is the table, $2 its name in SQL. */
#define SETTINGS_QUERY \
	"SELECT pg_catalog.format('ALTER TABLE %s SET (%s)', $2, pg_catalog.string_agg(" \
	"    pg_catalog.format('%I = %L', o.option_name, o.option_value), ', ')) " \
	"  FROM pg_catalog.pg_class c, pg_catalog.pg_options_to_table(c.reloptions) o " \
	"  WHERE c.oid OPERATOR(pg_catalog.=) $1 HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 " \
	"UNION ALL " \
	"SELECT pg_catalog.format('GRANT SELECT%s ON %s TO %s%s', " \
	"    CASE WHEN a.attname IS NOT NULL THEN pg_catalog.format(' (%I)', a.attname) END, $2, " \
	"    CASE WHEN g.grantee OPERATOR(pg_catalog.=) 0 THEN 'PUBLIC' " \
	"      ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) END, " \
	"    CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END) " \
	"  FROM pg_catalog.pg_class c " \
	"    CROSS JOIN LATERAL (SELECT NULL::pg_catalog.name AS attname, c.relacl AS acl " \
	"      UNION ALL SELECT attname, attacl FROM pg_catalog.pg_attribute " \
	"        WHERE attrelid OPERATOR(pg_catalog.=) c.oid AND attacl IS NOT NULL) a " \
	"    CROSS JOIN LATERAL pg_catalog.aclexplode(a.acl) g " \
	"  WHERE c.oid OPERATOR(pg_catalog.=) $1 AND g.privilege_type OPERATOR(pg_catalog.=) 'SELECT' " \
	"    AND g.grantee OPERATOR(pg_catalog.<>) c.relowner"

static void
carry_settings(DbspCarried *carried, Oid shadow, const char *name)
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	Oid			types[] = {OIDOID, TEXTOID};
	Datum		values[] = {ObjectIdGetDatum(shadow), CStringGetTextDatum(name)};
	MemoryContext spi_cxt;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(SETTINGS_QUERY, 2, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the settings of table \"%s\"", name);
	spi_cxt = MemoryContextSwitchTo(caller_cxt);
	for (int i = 0; i < SPI_processed; i++)
		add_command(carried, InvalidOid, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	MemoryContextSwitchTo(spi_cxt);
	SPI_finish();
}

static int
column_count(Oid relid)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	int			natts = RelationGetNumberOfAttributes(rel);

	relation_close(rel, NoLock);
	return natts;
}

DbspCarried *
dbsp_carry_from(const DbspViewRow *row)
{
	DbspCarried *carried = palloc0(sizeof(DbspCarried));
	char	   *name = quote_qualified_identifier(DBSP_INTERNAL_SCHEMA, get_rel_name(row->shadow));
	List	   *publications = GetRelationPublications(row->shadow);
	Relation	rel;
	ListCell   *lc;

	/* Subscribers have the old rows, and would get the new ones on top. */
	if (publications != NIL)
		ereport(ERROR,
				errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				errmsg("cannot change the query of view \"%s\" because its table \"%s\" is in publication \"%s\"",
					   get_rel_name(row->relation), get_rel_name(row->shadow),
					   get_publication_name(linitial_oid(publications), false)),
				errdetail("The columns of the table change with the query."),
				errhint("Drop the table from the publication, and add it again afterwards."));
	rel = relation_open(row->shadow, AccessShareLock);
	foreach(lc, RelationGetIndexList(rel))
		if (!dbsp_table_owns_index(RelationGetRelationName(rel), get_rel_name(lfirst_oid(lc))))
			carry_index(carried, row, lfirst_oid(lc), column_count(row->relation));
	foreach(lc, RelationGetStatExtList(rel))
		carry_statistics(carried, lfirst_oid(lc));
	relation_close(rel, NoLock);
	carry_settings(carried, row->shadow, name);
	add_comment(carried, RelationRelationId, row->shadow, psprintf("TABLE %s", name));
	return carried;
}

static void
run_command(void *arg)
{
	dbsp_run_sql(((const CarriedCommand *) arg)->sql);
}

void
dbsp_carry_to(const DbspCarried *carried, Oid shadow)
{
	ListCell   *lc;

	foreach(lc, carried->commands)
	{
		CarriedCommand *command = lfirst(lc);

		if (OidIsValid(command->role))
			dbsp_run_as_user(command->role, false, run_command, command);
		else
			run_command(command);
		CommandCounterIncrement();
	}
	if (carried->commands != NIL)
		dbsp_table_analyze(shadow);
}
