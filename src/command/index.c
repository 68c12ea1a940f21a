/*-------------------------------------------------------------------------
 *
 * index.c
 *	  dbsp_ivm.create_index(): an index for those who read a view.
 *
 * It is an ordinary index of the shadow table, which the user could not make
 * there himself: he has no right to create anything in the internal schema.
 * The statement is put together from the arguments and parsed; what comes
 * out must have just the parts that were asked for, so that no argument can
 * bring in more than its own.  Names in it are looked up as the caller's.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/heap.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "optimizer/optimizer.h"
#include "parser/parse_utilcmd.h"
#include "parser/parser.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "catalog/catalog.h"
#include "command/ddl_guard.h"
#include "command/identity.h"
#include "command/lock.h"
#include "command/names.h"
#include "command/references.h"
#include "command/tables.h"

typedef struct IndexRequest
{
	DbspViewRow row;
	char	   *columns;
	char	   *method;
	char	   *condition;		/* or NULL */
	char	   *include;		/* or NULL */
	char	   *name;			/* or NULL */
	char	   *sql;
} IndexRequest;

PG_FUNCTION_INFO_V1(dbsp_sql_create_index);

static void lock_shadow(const char *name, IndexRequest *request);
static IndexStmt *parse_request(IndexRequest *request);
static void lock_references(const IndexStmt *stmt);
static void check_columns(const IndexRequest *request, const IndexStmt *stmt);
static char *choose_name(const IndexRequest *request, const IndexStmt *stmt);

static char *
optional_text(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/* A name without a schema, as in CREATE INDEX. */
static char *
index_name(char *argument)
{
	RangeVar   *name;

	if (argument == NULL)
		return NULL;
	name = dbsp_parse_name(argument);
	if (name->schemaname != NULL)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_NAME),
				errmsg("name of an index must not be qualified: \"%s\"", argument),
				errdetail("Indexes of incremental views are in schema \"%s\".", DBSP_INTERNAL_SCHEMA));
	return name->relname;
}

/* Turns positions in the statement into such that clients show under it. */
static void
index_error_callback(void *arg)
{
	const IndexRequest *request = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(request->sql);
	}
	errcontext("index of incremental view \"%s\"", get_rel_name(request->row.relation));
}

/*
 * create_index(name text, columns text, method text, condition text, include text, index_name text) returns regclass
 */
Datum
dbsp_sql_create_index(PG_FUNCTION_ARGS)
{
	char	   *view = dbsp_required_text(fcinfo, 0, "name");
	IndexRequest request = {.columns = dbsp_required_text(fcinfo, 1, "columns")};
	ErrorContextCallback callback = {.callback = index_error_callback, .arg = &request, .previous = error_context_stack};
	IndexStmt  *stmt;
	ObjectAddress address;

	request.method = PG_ARGISNULL(2) ? "btree" : optional_text(fcinfo, 2);
	request.condition = optional_text(fcinfo, 3);
	request.include = optional_text(fcinfo, 4);
	request.name = index_name(optional_text(fcinfo, 5));
	dbsp_require_writable("dbsp_ivm.create_index()");
	lock_shadow(view, &request);

	error_context_stack = &callback;
	stmt = transformIndexStmt(request.row.shadow, parse_request(&request), request.sql);
	lock_references(stmt);
	check_columns(&request, stmt);
	if (stmt->idxname == NULL)
		stmt->idxname = choose_name(&request, stmt);
	else if (dbsp_table_owns_index(get_rel_name(request.row.shadow), stmt->idxname))
		ereport(ERROR,
				errcode(ERRCODE_RESERVED_NAME),
				errmsg("index name \"%s\" is reserved", stmt->idxname));
	/* The right to create in the schema is the extension's, everything else is looked at as for the caller. */
	address = DefineIndex(request.row.shadow, stmt, InvalidOid, InvalidOid, InvalidOid,
						  false, false, true, false, false);
	error_context_stack = callback.previous;
	CommandCounterIncrement();
	PG_RETURN_OID(address.objectId);
}

static void
lock_shadow(const char *name, IndexRequest *request)
{
	DbspViewRow *row = &request->row;
	Oid			shadow;

	(void) dbsp_find_named_view(name, AccessShareLock, false, row);
	dbsp_require_owner(row);
	/* alter_view() can have exchanged it while we waited. */
	do
	{
		shadow = row->shadow;
		LockRelationOid(shadow, ShareLock);
		dbsp_reload_view(name, row);
	} while (row->shadow != shadow);
	dbsp_follow_column_names(row);
}

/* The statement that the arguments ask for. */
static IndexStmt *
parse_request(IndexRequest *request)
{
	StringInfoData sql;
	List	   *statements;
	IndexStmt  *stmt;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE INDEX %s ON %s USING %s (%s)",
					 request->name == NULL ? "" : quote_identifier(request->name),
					 quote_qualified_identifier(DBSP_INTERNAL_SCHEMA, get_rel_name(request->row.shadow)),
					 quote_identifier(request->method), request->columns);
	if (request->include != NULL)
		appendStringInfo(&sql, " INCLUDE (%s)", request->include);
	if (request->condition != NULL)
		appendStringInfo(&sql, " WHERE (%s)", request->condition);
	request->sql = sql.data;
	statements = raw_parser(sql.data, RAW_PARSE_DEFAULT);
	stmt = list_length(statements) == 1 ? (IndexStmt *) linitial_node(RawStmt, statements)->stmt : NULL;
	if (stmt == NULL || !IsA(stmt, IndexStmt) || stmt->options != NIL || stmt->tableSpace != NULL ||
		stmt->nulls_not_distinct ||
		(stmt->indexIncludingParams != NIL) != (request->include != NULL) ||
		(stmt->whereClause != NULL) != (request->condition != NULL))
		ereport(ERROR,
				errcode(ERRCODE_SYNTAX_ERROR),
				errmsg("argument of dbsp_ivm.create_index() is more than its part of CREATE INDEX"),
				errdetail("Together they give: %s", sql.data));
	return stmt;
}

/* A function of the index that is replaced now must find it. */
static void
lock_references(const IndexStmt *stmt)
{
	ListCell   *lc;

	dbsp_lock_references(stmt->whereClause);
	foreach(lc, stmt->indexParams)
		dbsp_lock_references(lfirst_node(IndexElem, lc)->expr);
}

static void pg_attribute_noreturn()
refuse_column(const IndexRequest *request, const char *name)
{
	ereport(ERROR,
			errcode(ERRCODE_UNDEFINED_COLUMN),
			errmsg("column \"%s\" of view \"%s\" does not exist", name, get_rel_name(request->row.relation)));
}

/* The attributes (offset as PostgreSQL has it) that the analysed statement uses. */
static Bitmapset *
used_attributes(const IndexRequest *request, const IndexStmt *stmt)
{
	Bitmapset  *used = NULL;
	ListCell   *lc;

	pull_varattnos(stmt->whereClause, 1, &used);
	foreach(lc, list_concat_copy(stmt->indexParams, stmt->indexIncludingParams))
	{
		IndexElem  *elem = lfirst_node(IndexElem, lc);
		AttrNumber	attnum;

		if (elem->name == NULL)
		{
			pull_varattnos(elem->expr, 1, &used);
			continue;
		}
		attnum = get_attnum(request->row.shadow, elem->name);
		if (attnum == InvalidAttrNumber)
			refuse_column(request, elem->name);
		used = bms_add_member(used, attnum - FirstLowInvalidHeapAttributeNumber);
	}
	return used;
}

/* Errors if columns are used that the view does not show. */
static void
check_columns(const IndexRequest *request, const IndexStmt *stmt)
{
	Relation	view = relation_open(request->row.relation, AccessShareLock);
	int			nvisible = RelationGetNumberOfAttributes(view);
	Bitmapset  *used = used_attributes(request, stmt);
	int			member = -1;

	relation_close(view, NoLock);
	while ((member = bms_next_member(used, member)) >= 0)
	{
		int			attnum = member + FirstLowInvalidHeapAttributeNumber;

		if (attnum == InvalidAttrNumber)
			ereport(ERROR,
					errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("index of an incremental view cannot use whole rows"));
		if (attnum < 0 || attnum > nvisible)
			refuse_column(request, attnum < 0 ? NameStr(SystemAttributeDefinition(attnum)->attname) :
						  get_attname(request->row.shadow, attnum, false));
	}
}

/* "view_column_expr_idx", as PostgreSQL does for tables. */
static char *
choose_name(const IndexRequest *request, const IndexStmt *stmt)
{
	StringInfoData columns;
	ListCell   *lc;

	initStringInfo(&columns);
	foreach(lc, stmt->indexParams)
	{
		IndexElem  *elem = lfirst_node(IndexElem, lc);

		appendStringInfo(&columns, "%s%s", columns.len > 0 ? "_" : "",
						 elem->name != NULL ? elem->name : elem->indexcolname != NULL ? elem->indexcolname : "expr");
	}
	return ChooseRelationName(get_rel_name(request->row.relation), columns.data, "idx",
							  get_rel_namespace(request->row.shadow), false);
}
