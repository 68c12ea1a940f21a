/*-------------------------------------------------------------------------
 *
 * references.c
 *	  What a definition depends on.
 *
 * PostgreSQL locks no function or type that a query uses.  A function that is
 * replaced while a view that calls it is being declared would find no view
 * to rebuild, and the view would have the results of the old one.
 *
 * The way goes down what dependents.c goes up.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_ts_config.h"
#include "catalog/pg_ts_dict.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"

#include "command/references.h"

static void visit(HTAB *seen, Oid classid, Oid objid, int32 objsubid);

/* Visits what the object depends on; of a relation, one of its columns. */
static void
visit_references(HTAB *seen, Oid classid, Oid objid, int32 objsubid)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[3];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(classid));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(objid));
	ScanKeyInit(&keys[2], Anum_pg_depend_objsubid, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(objsubid));
	scan = systable_beginscan(depend, DependDependerIndexId, true, NULL, 3, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend entry = (Form_pg_depend) GETSTRUCT(tuple);

		visit(seen, entry->refclassid, entry->refobjid, entry->refobjsubid);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
}

/* Visits the entries of a catalog whose column, the first of the index, has the value. */
static void
visit_entries(HTAB *seen, Oid catalog, Oid index, AttrNumber attnum, Oid value)
{
	Relation	rel = table_open(catalog, AccessShareLock);
	List	   *oids = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	ListCell   *lc;

	ScanKeyInit(&key, attnum, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(value));
	scan = systable_beginscan(rel, index, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		oids = lappend_oid(oids, *(Oid *) GETSTRUCT(tuple));	/* of both catalogs the OID is the first column */
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	foreach(lc, oids)
		visit_references(seen, catalog, lfirst_oid(lc), 0);
}

/* A domain has constraints, a row type the columns of its relation. */
static void
visit_type(HTAB *seen, Oid type)
{
	Oid			relid = get_typ_typrelid(type);

	visit_entries(seen, ConstraintRelationId, ConstraintTypidIndexId, Anum_pg_constraint_contypid, type);
	if (!OidIsValid(relid))
		return;
	for (AttrNumber attnum = 1; get_attname(relid, attnum, true) != NULL; attnum++)
		visit_references(seen, RelationRelationId, relid, attnum);
}

static bool
has_meaning(Oid classid)
{
	switch (classid)
	{
		case ProcedureRelationId:
		case TypeRelationId:
		case CollationRelationId:
		case TSConfigRelationId:
		case TSDictionaryRelationId:
			return true;
		default:
			return false;
	}
}

/* Notes the object, locks it if it may be changed, and goes on to what it depends on. */
static void
visit(HTAB *seen, Oid classid, Oid objid, int32 objsubid)
{
	ObjectAddress object;
	bool		found;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	ObjectAddressSubSet(object, classid, objid, objsubid);
	(void) hash_search(seen, &object, HASH_ENTER, &found);
	if (found)
		return;
	/* What comes with PostgreSQL does not change. */
	if (has_meaning(classid) && objid >= FirstNormalObjectId)
		LockDatabaseObject(classid, objid, 0, AccessShareLock);
	if (classid == RelationRelationId && get_rel_relkind(objid) == RELKIND_VIEW)
		visit_entries(seen, RewriteRelationId, RewriteRelRulenameIndexId, Anum_pg_rewrite_ev_class, objid);
	if (classid == TypeRelationId)
		visit_type(seen, objid);
	visit_references(seen, classid, objid, objsubid);
}

/* The values of every column of a table, the query of a view. */
static void
visit_relation(HTAB *seen, Oid relid)
{
	if (get_rel_relkind(relid) == RELKIND_VIEW)
		visit(seen, RelationRelationId, relid, 0);
	else
		for (AttrNumber attnum = 1; get_attname(relid, attnum, true) != NULL; attnum++)
			visit(seen, RelationRelationId, relid, attnum);
}

static bool
visit_function(Oid function, void *seen)
{
	visit(seen, ProcedureRelationId, function, 0);
	return false;
}

/* The type and collation of an expression; other nodes have none. */
static void
visit_value(HTAB *seen, Node *node)
{
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_Aggref:
		case T_FuncExpr:
		case T_OpExpr:
		case T_NullIfExpr:
		case T_FieldSelect:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
		case T_CollateExpr:
		case T_CaseExpr:
		case T_ArrayExpr:
		case T_RowExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_CoerceToDomain:
			visit(seen, TypeRelationId, exprType(node), 0);
			if (OidIsValid(exprCollation(node)))
				visit(seen, CollationRelationId, exprCollation(node), 0);
			break;
		default:
			break;
	}
}

static bool
visit_node(Node *node, HTAB *seen)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		ListCell   *lc;

		foreach(lc, ((Query *) node)->rtable)
			if (lfirst_node(RangeTblEntry, lc)->rtekind == RTE_RELATION)
				visit_relation(seen, lfirst_node(RangeTblEntry, lc)->relid);
		return query_tree_walker((Query *) node, visit_node, seen, 0);
	}
	(void) check_functions_in_node(node, visit_function, seen);
	visit_value(seen, node);
	if (IsA(node, Const) && !((Const *) node)->constisnull)
	{
		if (((Const *) node)->consttype == REGCONFIGOID)
			visit(seen, TSConfigRelationId, DatumGetObjectId(((Const *) node)->constvalue), 0);
		if (((Const *) node)->consttype == REGDICTIONARYOID)
			visit(seen, TSDictionaryRelationId, DatumGetObjectId(((Const *) node)->constvalue), 0);
	}
	return expression_tree_walker(node, visit_node, seen);
}

void
dbsp_lock_references(Node *node)
{
	HASHCTL		ctl = {.keysize = sizeof(ObjectAddress), .entrysize = sizeof(ObjectAddress)};
	HTAB	   *seen;

	ctl.hcxt = CurrentMemoryContext;
	seen = hash_create("dbsp references", 32, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	(void) visit_node(node, seen);
	hash_destroy(seen);
}

void
dbsp_lock_meaning(Oid classid, Oid objid)
{
	LockDatabaseObject(classid, objid, 0, AccessExclusiveLock);
}
