/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  Access to the extension's own tables.
 *
 * The tables are ordinary heap tables; rows are read by systable scans and
 * written by CatalogTuple*, which check no privileges: whoever may declare a
 * view gets its rows written, and nobody else can write there.
 *
 * OIDs of the tables and indexes are looked up by name once per backend.  The
 * invalidation callback only clears a flag, so DROP EXTENSION followed by
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
	Natts_view = Anum_view_last_error
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
};

static struct
{
	bool		callbacks;		/* registered in this backend */
	bool		valid;			/* cleared by the callbacks */
	Oid			schema;
	Oid			relations[NCATALOG_RELATIONS];
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

/* Looks all names up; false, with names.valid unset, when one is missing. */
static bool
load_names(void)
{
	if (!names.callbacks)
	{
		CacheRegisterRelcacheCallback(relcache_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, syscache_changed, (Datum) 0);
		names.callbacks = true;
	}

	/* Set first: what is invalidated while we look is looked up again next time. */
	names.valid = true;
	names.schema = get_namespace_oid(DBSP_INTERNAL_SCHEMA, true);
	/* A schema of that name that somebody made by hand is none of ours. */
	if (!OidIsValid(names.schema) || !OidIsValid(get_extension_oid("dbsp_ivm", true)))
	{
		names.valid = false;
		return false;
	}
	for (int i = 0; i < NCATALOG_RELATIONS; i++)
	{
		names.relations[i] = get_relname_relid(relation_names[i], names.schema);
		if (!OidIsValid(names.relations[i]))
		{
			names.valid = false;
			return false;
		}
	}
	return true;
}

static Oid
catalog_relid(CatalogRelation which)
{
	if (!names.valid && !load_names())
		return InvalidOid;
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
	insert_row(VIEW_TABLE, values, isnull);
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
dbsp_catalog_delete_view(DbspViewNumber view)
{
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
