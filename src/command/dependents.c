/*-------------------------------------------------------------------------
 *
 * dependents.c
 *	  Which views depend on an object.
 *
 * PostgreSQL records what the rule of a definition view uses, and what that
 * uses in turn: a domain its constraints' functions, a function with a body
 * in SQL standard form those that it calls, a text search configuration its
 * dictionaries.  Of a function whose body is a string it records nothing.
 *
 * The values of a column follow from its type, which the rules that read the
 * column do not name: the way from a type goes through the columns.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "catalog/catalog.h"
#include "command/dependents.h"

typedef struct Search
{
	HTAB	   *seen;			/* set of ObjectAddress */
	List	   *views;			/* integer list */
} Search;

static void search(Search *search, Oid classid, Oid objid, int32 objsubid);

HeapTuple
dbsp_catalog_tuple(Oid catalog, Oid index, AttrNumber attnum, Oid oid)
{
	Relation	rel = table_open(catalog, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, attnum, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(oid));
	scan = systable_beginscan(rel, index, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return tuple;
}


/* The rule of a definition leads to its view, that of another view to what reads that. */
static void
search_rule(Search *state, Oid rule)
{
	HeapTuple	tuple = dbsp_catalog_tuple(RewriteRelationId, RewriteOidIndexId, Anum_pg_rewrite_oid, rule);
	DbspViewRow row;
	Oid			relid;

	if (!HeapTupleIsValid(tuple))
		return;
	relid = ((Form_pg_rewrite) GETSTRUCT(tuple))->ev_class;
	heap_freetuple(tuple);
	if (dbsp_catalog_part(relid, &row) == DBSP_PART_DEFINITION)
		state->views = list_append_unique_int(state->views, row.number);
	else
		search(state, RelationRelationId, relid, 0);
}

/* A constraint of a domain leads to the domain; those of tables compute nothing. */
static void
search_constraint(Search *state, Oid constraint)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Oid			type;

	if (!HeapTupleIsValid(tuple))
		return;
	type = ((Form_pg_constraint) GETSTRUCT(tuple))->contypid;
	ReleaseSysCache(tuple);
	if (OidIsValid(type))
		search(state, TypeRelationId, type, 0);
}

/* Relations lead on by the column; what is part of a view, or an index on it, to the view. */
static void
search_relation(Search *state, Oid relid, int32 column)
{
	char		relkind = get_rel_relkind(relid);
	DbspViewRow row;

	if (dbsp_catalog_part(relkind == RELKIND_INDEX ? IndexGetRelation(relid, true) : relid, &row) != DBSP_PART_NONE)
	{
		state->views = list_append_unique_int(state->views, row.number);
		return;
	}
	switch (relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_VIEW:
			if (column > 0)
				search(state, RelationRelationId, relid, column);
			break;
		case RELKIND_COMPOSITE_TYPE:
			search(state, TypeRelationId, get_rel_type_id(relid), 0);
			break;
		default:
			break;
	}
}

static void
search_dependent(Search *state, Form_pg_depend entry)
{
	switch (entry->classid)
	{
		case RewriteRelationId:
			search_rule(state, entry->objid);
			break;
		case ConstraintRelationId:
			search_constraint(state, entry->objid);
			break;
		case RelationRelationId:
			search_relation(state, entry->objid, entry->objsubid);
			break;
		default:
			search(state, entry->classid, entry->objid, 0);
			break;
	}
}

/* Adds the views that depend on the object.  A whole object stands for all its parts. */
static void
search(Search *state, Oid classid, Oid objid, int32 objsubid)
{
	ObjectAddress object;
	bool		found;
	Relation	depend;
	ScanKeyData keys[3];
	SysScanDesc scan;
	HeapTuple	tuple;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	ObjectAddressSubSet(object, classid, objid, objsubid);
	(void) hash_search(state->seen, &object, HASH_ENTER, &found);
	if (found)
		return;
	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(classid));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(objid));
	ScanKeyInit(&keys[2], Anum_pg_depend_refobjsubid, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(objsubid));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, objsubid == 0 ? 2 : 3, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		search_dependent(state, (Form_pg_depend) GETSTRUCT(tuple));
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
}

List *
dbsp_dependent_views(Oid classid, Oid objid)
{
	Search		state = {0};
	HASHCTL		ctl = {.keysize = sizeof(ObjectAddress), .entrysize = sizeof(ObjectAddress)};

	ctl.hcxt = CurrentMemoryContext;
	state.seen = hash_create("dbsp dependents", 32, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	search(&state, classid, objid, 0);
	hash_destroy(state.seen);
	list_sort(state.views, list_int_cmp);
	return state.views;
}

/* True if the dependent object is a part of the view or follows one of them. */
static bool
is_part(Form_pg_depend entry, const DbspViewRow *row)
{
	Oid			relid = InvalidOid;
	DbspViewRow other;

	if (entry->classid == RelationRelationId)
		relid = entry->objid;
	else if (entry->classid == RewriteRelationId)
	{
		HeapTuple	tuple = dbsp_catalog_tuple(RewriteRelationId, RewriteOidIndexId, Anum_pg_rewrite_oid, entry->objid);

		if (!HeapTupleIsValid(tuple))
			return true;
		relid = ((Form_pg_rewrite) GETSTRUCT(tuple))->ev_class;
		heap_freetuple(tuple);
	}
	return dbsp_catalog_part(relid, &other) != DBSP_PART_NONE && other.number == row->number;
}

static char *
find_foreign(Oid classid, Oid objid, const DbspViewRow *row)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *result = NULL;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(classid));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(objid));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, keys);
	while (result == NULL && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend entry = (Form_pg_depend) GETSTRUCT(tuple);
		ObjectAddress object;

		if (entry->deptype != DEPENDENCY_NORMAL || is_part(entry, row))
			continue;
		ObjectAddressSubSet(object, entry->classid, entry->objid, entry->objsubid);
		result = getObjectDescription(&object, true);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return result;
}

char *
dbsp_foreign_dependent(Oid relid, const DbspViewRow *row)
{
	Oid			type = get_rel_type_id(relid);
	char	   *result = find_foreign(RelationRelationId, relid, row);

	if (result == NULL && OidIsValid(type))
		result = find_foreign(TypeRelationId, type, row);
	if (result == NULL && OidIsValid(type) && OidIsValid(get_array_type(type)))
		result = find_foreign(TypeRelationId, get_array_type(type), row);
	return result;
}
