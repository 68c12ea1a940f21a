/*-------------------------------------------------------------------------
 *
 * names.c
 *	  Names of views as users pass them to functions.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/scansup.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "command/names.h"

char *
dbsp_required_text(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("argument \"%s\" must not be null", name));
	return text_to_cstring(PG_GETARG_TEXT_PP(n));
}

RangeVar *
dbsp_parse_name(const char *name)
{
	ArrayType  *parts;
	Datum	   *elements;
	int			nelements;
	List	   *names = NIL;

	if (name[strspn(name, " \t\n\r\f")] == '\0')
		ereport(ERROR,
				errcode(ERRCODE_INVALID_NAME),
				errmsg("name of a view must not be empty"));
	parts = DatumGetArrayTypeP(DirectFunctionCall2(parse_ident, CStringGetTextDatum(name), BoolGetDatum(true)));
	deconstruct_array(parts, TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &nelements);
	for (int i = 0; i < nelements; i++)
	{
		char	   *part = TextDatumGetCString(elements[i]);

		/* PostgreSQL would cut it with a notice; a view of another name than the one asked for is worse. */
		if (strlen(part) >= NAMEDATALEN)
			ereport(ERROR,
					errcode(ERRCODE_NAME_TOO_LONG),
					errmsg("identifier \"%s\" is too long", part),
					errdetail("Identifiers have at most %d bytes.", NAMEDATALEN - 1));
		names = lappend(names, makeString(part));
	}
	return makeRangeVarFromNameList(names);
}

static bool
is_identifier_start(unsigned char c)
{
	return c == '_' || IS_HIGHBIT_SET(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *
skip_space(const char *string)
{
	while (scanner_isspace(*string))
		string++;
	return string;
}

/* The end of the identifier that starts here, or NULL if none does. */
static const char *
skip_identifier(const char *string)
{
	if (*string == '"')
	{
		for (string++; *string != '\0'; string++)
		{
			if (*string != '"')
				continue;
			if (string[1] != '"')
				return string + 1;
			string++;
		}
		return NULL;
	}
	if (!is_identifier_start(*string))
		return NULL;
	while (is_identifier_start(*string) || (*string >= '0' && *string <= '9') || *string == '$')
		string++;
	return string;
}

bool
dbsp_is_name(const char *string)
{
	for (;;)
	{
		string = skip_identifier(skip_space(string));
		if (string == NULL)
			return false;
		string = skip_space(string);
		if (*string == '\0')
			return true;
		if (*string++ != '.')
			return false;
	}
}

bool
dbsp_find_named_view(const char *name, LOCKMODE lockmode, bool missing_ok, DbspViewRow *row_out)
{
	RangeVar   *target = dbsp_parse_name(name);
	Oid			relid = RangeVarGetRelid(target, lockmode, missing_ok);

	if (!OidIsValid(relid))
		return false;
	if (!dbsp_catalog_find_view(relid, row_out))
		ereport(ERROR,
				errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("\"%s\" is not an incremental view", target->relname),
				errhint("Incremental views are listed in dbsp_ivm.views."));
	return true;
}

void
dbsp_reload_view(const char *name, DbspViewRow *row)
{
	if (!dbsp_catalog_get_view(row->number, row) || !SearchSysCacheExists1(RELOID, ObjectIdGetDatum(row->relation)))
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("view \"%s\" was dropped concurrently", name));
	dbsp_require_owner(row);
}

Oid
dbsp_relation_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("relation with OID %u does not exist", relid));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
dbsp_require_owner(const DbspViewRow *row)
{
	if (!pg_class_ownercheck(row->relation, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_VIEW, get_rel_name(row->relation));
}
