/*-------------------------------------------------------------------------
 *
 * agg_minmax.c
 *	  min and max of any type that the server has them for.
 *
 * They have no arithmetic state: the operator keeps the values.  The class of
 * the representative of group keys is here for company.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/htup_details.h"
#include "access/nbtree.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "circuit/agg/agg_class.h"

const DbspAggClass dbsp_agg_min = {.name = "min",.extreme = true};
const DbspAggClass dbsp_agg_max = {.name = "max",.extreme = true};
const DbspAggClass dbsp_agg_representative = {.name = "representative",.extreme = true};

/* The sort operator of an aggregate function; invalid if it has none, or is no aggregate. */
static Oid
sort_operator(Oid aggfnoid)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggfnoid));
	Oid			sortop;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	sortop = ((Form_pg_aggregate) GETSTRUCT(tuple))->aggsortop;
	ReleaseSysCache(tuple);
	return sortop;
}

bool
dbsp_agg_extreme_is_loose(Oid argtype, Oid collation)
{
	Oid			opclass = GetDefaultOpClass(argtype, BTREE_AM_OID);
	Oid			family;
	Oid			opcintype;
	Oid			proc;

	/* Trailing spaces do not count in comparisons, though the server calls equal bpchar values equal images. */
	if (!OidIsValid(opclass) || argtype == BPCHAROID)
		return true;
	if (!get_opclass_opfamily_and_input_type(opclass, &family, &opcintype))
		return true;
	proc = get_opfamily_proc(family, opcintype, opcintype, BTEQUALIMAGE_PROC);
	if (!OidIsValid(proc))
		return true;
	return !DatumGetBool(OidFunctionCall1Coll(proc, collation, ObjectIdGetDatum(opcintype)));
}

/* Of a declared argument type: for arrays of unknown elements the answer is the safe one. */
static bool
declared_type_is_loose(Oid argtype)
{
	if (argtype == ANYENUMOID)
		return false;
	if (IsPolymorphicType(argtype))
		return true;
	return dbsp_agg_extreme_is_loose(argtype, get_typcollation(argtype));
}

bool
dbsp_agg_extreme_lookup(Oid aggfnoid, DbspAggInfo *info)
{
	Oid			sortop = sort_operator(aggfnoid);
	HeapTuple	tuple;
	Form_pg_proc proc;
	Oid			argtype = InvalidOid;
	bool		is_min;
	bool		is_max;

	if (!OidIsValid(sortop))
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(aggfnoid));
	if (!HeapTupleIsValid(tuple))
		return false;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	is_min = strcmp(NameStr(proc->proname), "min") == 0;
	is_max = strcmp(NameStr(proc->proname), "max") == 0;
	if (proc->pronamespace == PG_CATALOG_NAMESPACE && proc->pronargs == 1 && (is_min || is_max))
		argtype = proc->proargtypes.values[0];
	ReleaseSysCache(tuple);
	if (!OidIsValid(argtype))
		return false;

	info->aggclass = is_min ? &dbsp_agg_min : &dbsp_agg_max;
	info->final = DBSP_FINAL_EXTREME;
	info->argtype = IsPolymorphicType(argtype) ? InvalidOid : argtype;
	info->column_type = InvalidOid;
	info->sortop = sortop;
	info->loose = declared_type_is_loose(argtype);
	return true;
}
