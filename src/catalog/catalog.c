/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  Access to the extension's own tables.
 *
 * The tables are ordinary heap tables; rows are read by systable scans and
 * written by CatalogTuple*, which check no privileges: whoever may declare a
 * view gets its rows written, and nobody else can write there.
 *
 * OIDs of the tables and indexes are looked up by name when first asked for.
 * The invalidation callback only clears a flag, so DROP EXTENSION followed by
 * CREATE EXTENSION in one session, and their rollback, are noticed.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "commands/extension.h"
#include "commands/sequence.h"
#include "mb/pg_wchar.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "catalog/catalog.h"

/* Columns, as in the install script. */
enum
{
	Anum_view_number = 1,
	Anum_view_relation,
	Anum_view_definition,
	Anum_view_shadow,
	Anum_view_created,
	Anum_view_state,
	Anum_view_last_error,
	Anum_view_hashes,			/* not in 0.1.0 */
	Natts_view = Anum_view_hashes
};

enum
{
	Anum_source_view = 1,
	Anum_source_source,
	Natts_source = Anum_source_source
};

enum
{
	Anum_state_view = 1,
	Anum_state_operator,
	Anum_state_role,
	Anum_state_relation,
	Natts_state = Anum_state_relation
};

enum
{
	Anum_route_view = 1,
	Anum_route_operator,
	Anum_route_source,
	Anum_route_version,
	Anum_route_columns,
	Anum_route_key_columns,
	Anum_route_key_operators,
	Anum_route_key_collations,
	Anum_route_key_types,
	Anum_route_constants,
	Natts_route = Anum_route_constants
};

typedef enum CatalogRelation
{
	VIEW_TABLE,
	VIEW_NUMBER_INDEX,
	VIEW_RELATION_INDEX,
	VIEW_DEFINITION_INDEX,
	VIEW_SHADOW_INDEX,
	SOURCE_TABLE,
	SOURCE_VIEW_INDEX,
	SOURCE_SOURCE_INDEX,
	STATE_TABLE,
	STATE_VIEW_INDEX,
	STATE_RELATION_INDEX,
	NUMBER_SEQUENCE,
	/* not in 0.1.0 */
	ROUTE_TABLE,
	ROUTE_VIEW_INDEX,
	ROUTE_SOURCE_INDEX,
	NCATALOG_RELATIONS
} CatalogRelation;

static const char *const relation_names[NCATALOG_RELATIONS] = {
	[VIEW_TABLE] = "view_catalog",
	[VIEW_NUMBER_INDEX] = "view_catalog_pkey",
	[VIEW_RELATION_INDEX] = "view_catalog_relation_key",
	[VIEW_DEFINITION_INDEX] = "view_catalog_definition_key",
	[VIEW_SHADOW_INDEX] = "view_catalog_shadow_key",
	[SOURCE_TABLE] = "source_catalog",
	[SOURCE_VIEW_INDEX] = "source_catalog_pkey",
	[SOURCE_SOURCE_INDEX] = "source_catalog_source_idx",
	[STATE_TABLE] = "state_catalog",
	[STATE_VIEW_INDEX] = "state_catalog_pkey",
	[STATE_RELATION_INDEX] = "state_catalog_relation_key",
	[NUMBER_SEQUENCE] = "view_number_seq",
	[ROUTE_TABLE] = "route_catalog",
	[ROUTE_VIEW_INDEX] = "route_catalog_pkey",
	[ROUTE_SOURCE_INDEX] = "route_catalog_source_idx",
};

static struct
{
	bool		callbacks;		/* registered in this backend */
	bool		valid;			/* cleared by the callbacks */
	Oid			schema;
	Oid			relations[NCATALOG_RELATIONS];	/* invalid: not looked up yet */
} names;

static void
relcache_changed(Datum arg, Oid relid)
{
	if (!OidIsValid(relid))
		names.valid = false;
	for (int i = 0; i < NCATALOG_RELATIONS && names.valid; i++)
		if (names.relations[i] == relid)
			names.valid = false;
}

static void
syscache_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	names.valid = false;
}

/* Finds the extension; false, with names.valid unset, when it is not there. */
static bool
find_extension(void)
{
	bool		found;

	if (!names.callbacks)
	{
		CacheRegisterRelcacheCallback(relcache_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, syscache_changed, (Datum) 0);
		names.callbacks = true;
	}

	/* Set first: what is invalidated while we look is looked up again next time. */
	names.valid = true;
	memset(names.relations, 0, sizeof(names.relations));
	names.schema = get_namespace_oid(DBSP_INTERNAL_SCHEMA, true);
	/* A schema of that name that somebody made by hand is none of ours. */
	found = OidIsValid(names.schema) && OidIsValid(get_extension_oid("dbsp_ivm", true));
	if (!found)
		names.valid = false;
	return found;
}

static Oid
catalog_relid(CatalogRelation which)
{
	if (!names.valid && !find_extension())
		return InvalidOid;
	if (!OidIsValid(names.relations[which]))
		names.relations[which] = get_relname_relid(relation_names[which], names.schema);
	return names.relations[which];
}

Oid
dbsp_catalog_view_relid(void)
{
	return catalog_relid(VIEW_TABLE);
}

Oid
dbsp_catalog_schema(void)
{
	return OidIsValid(catalog_relid(VIEW_TABLE)) ? names.schema : InvalidOid;
}

/*
 * Begins an index scan of one of our tables by one or two keys.  Returns NULL
 * when the extension is not there.  End it with end_scan().
 */
static SysScanDesc
begin_scan(CatalogRelation table, CatalogRelation index, int nkeys, ScanKey keys, Relation *rel_out)
{
	Oid			relid = catalog_relid(table);
	Oid			indexid = catalog_relid(index);

	*rel_out = OidIsValid(relid) && OidIsValid(indexid) ? try_table_open(relid, AccessShareLock) : NULL;
	if (*rel_out == NULL)
		return NULL;
	return systable_beginscan(*rel_out, indexid, true, NULL, nkeys, keys);
}

static void
end_scan(SysScanDesc scan, Relation rel)
{
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

static Datum
catalog_attr(HeapTuple tuple, int attnum, Relation rel)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, RelationGetDescr(rel), &isnull);

	if (isnull)
		elog(ERROR, "unexpected null in column %d of \"%s\"", attnum, RelationGetRelationName(rel));
	return value;
}

/* Of what equal values have equal hashes: they are computed from the bytes of values. */
static const char *
hashes_here(void)
{
#ifdef WORDS_BIGENDIAN
	return psprintf("%s, big-endian", GetDatabaseEncodingName());
#else
	return GetDatabaseEncodingName();
#endif
}

/* True if the view's hashes were computed elsewhere.  Where nothing is known they are taken for right. */
static bool
has_foreign_hashes(HeapTuple tuple, Relation rel)
{
	bool		isnull = true;
	Datum		value = (Datum) 0;

	if (RelationGetNumberOfAttributes(rel) >= Anum_view_hashes)
		value = heap_getattr(tuple, Anum_view_hashes, RelationGetDescr(rel), &isnull);
	return !isnull && strcmp(TextDatumGetCString(value), hashes_here()) != 0;
}

/* The view whose column has the value; false if there is none. */
static bool
find_view(CatalogRelation index, AttrNumber attnum, RegProcedure equal, Datum value, DbspViewRow *row_out)
{
	ScanKeyData key;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, attnum, BTEqualStrategyNumber, equal, value);
	scan = begin_scan(VIEW_TABLE, index, 1, &key, &rel);
	if (scan == NULL)
		return false;
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple) && row_out != NULL)
	{
		row_out->number = DatumGetInt32(catalog_attr(tuple, Anum_view_number, rel));
		row_out->relation = DatumGetObjectId(catalog_attr(tuple, Anum_view_relation, rel));
		row_out->definition = DatumGetObjectId(catalog_attr(tuple, Anum_view_definition, rel));
		row_out->shadow = DatumGetObjectId(catalog_attr(tuple, Anum_view_shadow, rel));
		row_out->created = DatumGetTimestampTz(catalog_attr(tuple, Anum_view_created, rel));
		row_out->foreign_hashes = has_foreign_hashes(tuple, rel);
	}
	end_scan(scan, rel);
	return HeapTupleIsValid(tuple);
}

bool
dbsp_catalog_get_view(DbspViewNumber number, DbspViewRow *row_out)
{
	return find_view(VIEW_NUMBER_INDEX, Anum_view_number, F_INT4EQ, Int32GetDatum(number), row_out);
}

bool
dbsp_catalog_find_view(Oid relation, DbspViewRow *row_out)
{
	return find_view(VIEW_RELATION_INDEX, Anum_view_relation, F_OIDEQ, ObjectIdGetDatum(relation), row_out);
}

DbspViewNumber
dbsp_catalog_view_of_shadow(Oid shadow)
{
	DbspViewRow row;

	if (!find_view(VIEW_SHADOW_INDEX, Anum_view_shadow, F_OIDEQ, ObjectIdGetDatum(shadow), &row))
		return 0;
	return row.number;
}

/* Values of an int4 column of the rows found, ascending. */
static List *
scan_numbers(CatalogRelation table, CatalogRelation index, int nkeys, ScanKey key, AttrNumber attnum)
{
	List	   *result = NIL;
	Relation	rel;
	SysScanDesc scan = begin_scan(table, index, nkeys, key, &rel);
	HeapTuple	tuple;

	if (scan == NULL)
		return NIL;
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		result = lappend_int(result, DatumGetInt32(catalog_attr(tuple, attnum, rel)));
	end_scan(scan, rel);
	list_sort(result, list_int_cmp);
	return result;
}

List *
dbsp_catalog_views_on(Oid source)
{
	ScanKeyData key;

	ScanKeyInit(&key, Anum_source_source, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(source));
	return scan_numbers(SOURCE_TABLE, SOURCE_SOURCE_INDEX, 1, &key, Anum_source_view);
}

bool
dbsp_catalog_has_other_views(Oid source, List *views)
{
	ScanKeyData key;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key, Anum_source_source, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(source));
	scan = begin_scan(SOURCE_TABLE, SOURCE_SOURCE_INDEX, 1, &key, &rel);
	if (scan == NULL)
		return false;
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
		found = !list_member_int(views, DatumGetInt32(catalog_attr(tuple, Anum_source_view, rel)));
	end_scan(scan, rel);
	return found;
}

bool
dbsp_catalog_is_empty(void)
{
	Relation	rel;
	SysScanDesc scan = begin_scan(VIEW_TABLE, VIEW_NUMBER_INDEX, 0, NULL, &rel);
	bool		empty;

	if (scan == NULL)
		return true;
	empty = !HeapTupleIsValid(systable_getnext(scan));
	end_scan(scan, rel);
	return empty;
}

List *
dbsp_catalog_views(void)
{
	return scan_numbers(VIEW_TABLE, VIEW_NUMBER_INDEX, 0, NULL, Anum_view_number);
}

List *
dbsp_catalog_sources(DbspViewNumber view)
{
	List	   *result = NIL;
	ScanKeyData key;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_source_view, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(view));
	scan = begin_scan(SOURCE_TABLE, SOURCE_VIEW_INDEX, 1, &key, &rel);
	if (scan == NULL)
		return NIL;
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		result = lappend_oid(result, DatumGetObjectId(catalog_attr(tuple, Anum_source_source, rel)));
	end_scan(scan, rel);
	list_sort(result, list_oid_cmp);
	return result;
}

List *
dbsp_catalog_states(DbspViewNumber view)
{
	List	   *result = NIL;
	ScanKeyData key;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_state_view, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(view));
	scan = begin_scan(STATE_TABLE, STATE_VIEW_INDEX, 1, &key, &rel);
	if (scan == NULL)
		return NIL;
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		DbspStateRow *row = palloc0(sizeof(DbspStateRow));

		row->operator = DatumGetInt32(catalog_attr(tuple, Anum_state_operator, rel));
		text_to_cstring_buffer(DatumGetTextPP(catalog_attr(tuple, Anum_state_role, rel)), row->role, NAMEDATALEN);
		row->relation = DatumGetObjectId(catalog_attr(tuple, Anum_state_relation, rel));
		result = lappend(result, row);
	}
	end_scan(scan, rel);
	return result;
}

Oid
dbsp_catalog_state_relation(DbspViewNumber view, int operator, const char *role)
{
	Oid			result = InvalidOid;
	ScanKeyData keys[2];
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_state_view, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(view));
	ScanKeyInit(&keys[1], Anum_state_operator, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(operator));
	scan = begin_scan(STATE_TABLE, STATE_VIEW_INDEX, 2, keys, &rel);
	if (scan == NULL)
		return InvalidOid;
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		char		name[NAMEDATALEN];

		text_to_cstring_buffer(DatumGetTextPP(catalog_attr(tuple, Anum_state_role, rel)), name, NAMEDATALEN);
		if (strcmp(name, role) == 0)
			result = DatumGetObjectId(catalog_attr(tuple, Anum_state_relation, rel));
	}
	end_scan(scan, rel);
	return result;
}

Oid
dbsp_catalog_state_table(const DbspViewRow *view, const DbspStateDef *def)
{
	return dbsp_catalog_state_relation(view->number, def->plan->number, dbsp_state_role_name(def));
}

List *
dbsp_catalog_state_defs(const DbspViewRow *view, DbspPlan *plan)
{
	List	   *defs = dbsp_state_defs(plan);
	ListCell   *lc;

	foreach(lc, defs)
	{
		DbspStateDef *def = lfirst(lc);

		if (dbsp_state_counts_in_output(def) &&
			get_attnum(dbsp_catalog_state_table(view, def), DBSP_COUNT_COLUMN) != InvalidAttrNumber)
			dbsp_state_separate_count(def);
	}
	return defs;
}

/* The view and role of an internal relation listed in state_catalog. */
static bool
find_state(Oid relation, DbspViewNumber *view_out, char *role_out)
{
	ScanKeyData key;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_state_relation, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
	scan = begin_scan(STATE_TABLE, STATE_RELATION_INDEX, 1, &key, &rel);
	if (scan == NULL)
		return false;
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		*view_out = DatumGetInt32(catalog_attr(tuple, Anum_state_view, rel));
		text_to_cstring_buffer(DatumGetTextPP(catalog_attr(tuple, Anum_state_role, rel)), role_out, NAMEDATALEN);
	}
	end_scan(scan, rel);
	return HeapTupleIsValid(tuple);
}

DbspRelationPart
dbsp_catalog_part(Oid relation, DbspViewRow *row_out)
{
	DbspViewNumber view;
	char		role[NAMEDATALEN];

	if (!OidIsValid(relation))
		return DBSP_PART_NONE;
	if (dbsp_catalog_find_view(relation, row_out))
		return DBSP_PART_PUBLIC;
	if (find_view(VIEW_DEFINITION_INDEX, Anum_view_definition, F_OIDEQ, ObjectIdGetDatum(relation), row_out))
		return DBSP_PART_DEFINITION;
	if (find_view(VIEW_SHADOW_INDEX, Anum_view_shadow, F_OIDEQ, ObjectIdGetDatum(relation), row_out))
		return DBSP_PART_SHADOW;
	if (find_state(relation, &view, role) && dbsp_catalog_get_view(view, row_out))
		return strcmp(role, DBSP_ROLE_KEY) == 0 ? DBSP_PART_KEY : DBSP_PART_STATE;
	return DBSP_PART_NONE;
}

/* Appends the relation if it still exists and is not yet in the list. */
static List *
add_relation(List *relations, Oid relid)
{
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		return relations;
	return list_append_unique_oid(relations, relid);
}

List *
dbsp_catalog_relations(const DbspViewRow *row)
{
	List	   *relations = NIL;
	ListCell   *lc;

	relations = add_relation(relations, row->relation);
	relations = add_relation(relations, row->definition);
	relations = add_relation(relations, row->shadow);
	foreach(lc, dbsp_catalog_states(row->number))
		relations = add_relation(relations, ((DbspStateRow *) lfirst(lc))->relation);
	return relations;
}

/* Inserts one row into one of our tables. */
static void
insert_row(CatalogRelation table, const Datum *values, const bool *isnull)
{
	Oid			relid = catalog_relid(table);
	Relation	rel;
	HeapTuple	tuple;

	if (!OidIsValid(relid))
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("extension \"dbsp_ivm\" is not installed in this database"));
	rel = table_open(relid, RowExclusiveLock);
	tuple = heap_form_tuple(RelationGetDescr(rel), unconstify(Datum *, values), unconstify(bool *, isnull));
	CatalogTupleInsert(rel, tuple);
	heap_freetuple(tuple);
	table_close(rel, RowExclusiveLock);
}

void
dbsp_catalog_insert_view(const DbspViewRow *row)
{
	Datum		values[Natts_view];
	bool		isnull[Natts_view] = {false};

	values[Anum_view_number - 1] = Int32GetDatum(row->number);
	values[Anum_view_relation - 1] = ObjectIdGetDatum(row->relation);
	values[Anum_view_definition - 1] = ObjectIdGetDatum(row->definition);
	values[Anum_view_shadow - 1] = ObjectIdGetDatum(row->shadow);
	values[Anum_view_created - 1] = TimestampTzGetDatum(row->created);
	values[Anum_view_state - 1] = CStringGetTextDatum("ok");
	values[Anum_view_last_error - 1] = (Datum) 0;
	isnull[Anum_view_last_error - 1] = true;
	/* Version 0.1.0 has one column less, and takes no more. */
	values[Anum_view_hashes - 1] = CStringGetTextDatum(hashes_here());
	insert_row(VIEW_TABLE, values, isnull);
}

void
dbsp_catalog_own_hashes(DbspViewNumber view)
{
	Datum		values[Natts_view] = {0};
	bool		isnull[Natts_view] = {false};
	bool		replace[Natts_view] = {false};
	ScanKeyData key;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_view_number, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(view));
	scan = begin_scan(VIEW_TABLE, VIEW_NUMBER_INDEX, 1, &key, &rel);
	if (scan == NULL)
		return;
	LockRelationOid(RelationGetRelid(rel), RowExclusiveLock);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple) && has_foreign_hashes(tuple, rel))
	{
		values[Anum_view_hashes - 1] = CStringGetTextDatum(hashes_here());
		replace[Anum_view_hashes - 1] = true;
		tuple = heap_modify_tuple(tuple, RelationGetDescr(rel), values, isnull, replace);
		CatalogTupleUpdate(rel, &tuple->t_self, tuple);
	}
	end_scan(scan, rel);
}

void
dbsp_catalog_insert_source(DbspViewNumber view, Oid source)
{
	Datum		values[Natts_source];
	bool		isnull[Natts_source] = {false};

	values[Anum_source_view - 1] = Int32GetDatum(view);
	values[Anum_source_source - 1] = ObjectIdGetDatum(source);
	insert_row(SOURCE_TABLE, values, isnull);
}

void
dbsp_catalog_insert_state(DbspViewNumber view, int operator, const char *role, Oid relation)
{
	Datum		values[Natts_state];
	bool		isnull[Natts_state] = {false};

	values[Anum_state_view - 1] = Int32GetDatum(view);
	values[Anum_state_operator - 1] = Int32GetDatum(operator);
	values[Anum_state_role - 1] = CStringGetTextDatum(role);
	values[Anum_state_relation - 1] = ObjectIdGetDatum(relation);
	insert_row(STATE_TABLE, values, isnull);
}

/* ---- routes ---- */

/* The row in the tuple, whose memory it shares; false if another version of the library has written it. */
static bool
read_route(HeapTuple tuple, Relation rel, DbspRouteRow *row_out, bytea **constants_out)
{
	Datum		values[Natts_route];
	bool		isnull[Natts_route];
	const int2vector *columns;
	const int2vector *key_columns;

	heap_deform_tuple(tuple, RelationGetDescr(rel), values, isnull);
	for (int i = 0; i < Natts_route; i++)
		if (isnull[i])
			return false;
	if (DatumGetInt32(values[Anum_route_version - 1]) != DBSP_ROUTE_VERSION)
		return false;
	columns = (const int2vector *) DatumGetPointer(values[Anum_route_columns - 1]);
	key_columns = (const int2vector *) DatumGetPointer(values[Anum_route_key_columns - 1]);
	row_out->view = DatumGetInt32(values[Anum_route_view - 1]);
	row_out->operator = DatumGetInt32(values[Anum_route_operator - 1]);
	row_out->source = DatumGetObjectId(values[Anum_route_source - 1]);
	row_out->ncolumns = columns->dim1;
	row_out->columns = columns->values;
	row_out->nkeys = key_columns->dim1;
	row_out->key_columns = key_columns->values;
	row_out->operators = ((const oidvector *) DatumGetPointer(values[Anum_route_key_operators - 1]))->values;
	row_out->collations = ((const oidvector *) DatumGetPointer(values[Anum_route_key_collations - 1]))->values;
	row_out->types = ((const oidvector *) DatumGetPointer(values[Anum_route_key_types - 1]))->values;
	*constants_out = DatumGetByteaPP(values[Anum_route_constants - 1]);
	row_out->constants = VARDATA_ANY(*constants_out);
	row_out->constants_size = VARSIZE_ANY_EXHDR(*constants_out);
	return true;
}

void
dbsp_catalog_scan_routes(Oid source, void (*receive) (const DbspRouteRow *row, void *arg), void *arg)
{
	ScanKeyData key;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_route_source, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(source));
	scan = begin_scan(ROUTE_TABLE, ROUTE_SOURCE_INDEX, 1, &key, &rel);
	if (scan == NULL)
		return;
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		DbspRouteRow row;
		bytea	   *constants;

		if (!read_route(tuple, rel, &row, &constants))
			continue;
		receive(&row, arg);
		/* Where it was short, or stored apart, it is a copy. */
		if ((char *) constants < (char *) tuple->t_data || (char *) constants >= (char *) tuple->t_data + tuple->t_len)
			pfree(constants);
	}
	end_scan(scan, rel);
}

bool
dbsp_catalog_keeps_routes(void)
{
	return OidIsValid(catalog_relid(ROUTE_TABLE));
}

void
dbsp_catalog_insert_route(const DbspRouteRow *row)
{
	Datum		values[Natts_route];
	bool		isnull[Natts_route] = {false};

	values[Anum_route_view - 1] = Int32GetDatum(row->view);
	values[Anum_route_operator - 1] = Int32GetDatum(row->operator);
	values[Anum_route_source - 1] = ObjectIdGetDatum(row->source);
	values[Anum_route_version - 1] = Int32GetDatum(DBSP_ROUTE_VERSION);
	values[Anum_route_columns - 1] = PointerGetDatum(buildint2vector(row->columns, row->ncolumns));
	values[Anum_route_key_columns - 1] = PointerGetDatum(buildint2vector(row->key_columns, row->nkeys));
	values[Anum_route_key_operators - 1] = PointerGetDatum(buildoidvector(row->operators, row->nkeys));
	values[Anum_route_key_collations - 1] = PointerGetDatum(buildoidvector(row->collations, row->nkeys));
	values[Anum_route_key_types - 1] = PointerGetDatum(buildoidvector(row->types, row->nkeys));
	values[Anum_route_constants - 1] = PointerGetDatum(cstring_to_text_with_len(row->constants, row->constants_size));
	insert_row(ROUTE_TABLE, values, isnull);
}

/* Deletes the rows of a view from one table, found by the index whose first column is the view. */
static void
delete_rows(CatalogRelation table, CatalogRelation index, AttrNumber attnum, DbspViewNumber view)
{
	ScanKeyData key;
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, attnum, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(view));
	scan = begin_scan(table, index, 1, &key, &rel);
	if (scan == NULL)
		return;
	LockRelationOid(RelationGetRelid(rel), RowExclusiveLock);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		CatalogTupleDelete(rel, &tuple->t_self);
	end_scan(scan, rel);
}

void
dbsp_catalog_delete_routes(DbspViewNumber view)
{
	delete_rows(ROUTE_TABLE, ROUTE_VIEW_INDEX, Anum_route_view, view);
}

void
dbsp_catalog_delete_view(DbspViewNumber view)
{
	dbsp_catalog_delete_routes(view);
	delete_rows(STATE_TABLE, STATE_VIEW_INDEX, Anum_state_view, view);
	delete_rows(SOURCE_TABLE, SOURCE_VIEW_INDEX, Anum_source_view, view);
	delete_rows(VIEW_TABLE, VIEW_NUMBER_INDEX, Anum_view_number, view);
}

DbspViewNumber
dbsp_catalog_next_number(void)
{
	Oid			sequence = catalog_relid(NUMBER_SEQUENCE);

	if (!OidIsValid(sequence))
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("extension \"dbsp_ivm\" is not installed in this database"));
	return (DbspViewNumber) nextval_internal(sequence, false);
}

char *
dbsp_catalog_key_view_name(DbspViewNumber view, int operator)
{
	return psprintf("key_%d_%d", view, operator);
}
