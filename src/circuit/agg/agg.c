/*-------------------------------------------------------------------------
 *
 * agg.c
 *	  Which aggregate functions are supported, and by which class.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "catalog/pg_type.h"
#include "utils/fmgroids.h"

#include "circuit/agg/agg_class.h"

typedef struct AggEntry
{
	Oid			aggfnoid;
	const DbspAggClass *aggclass;
	DbspAggFinal final;
	Oid			argtype;
	Oid			column_type;
	bool		loose;
} AggEntry;

static const AggEntry agg_entries[] = {
#define DBSP_AGG(function, class_name, result, type, column, is_loose) \
	{function, &dbsp_agg_##class_name, DBSP_FINAL_##result, type, column, is_loose},
#include "circuit/agg/agg_list.h"
#undef DBSP_AGG
};

bool
dbsp_agg_lookup(Oid aggfnoid, DbspAggInfo *info)
{
	for (int i = 0; i < lengthof(agg_entries); i++)
	{
		const AggEntry *entry = &agg_entries[i];

		if (entry->aggfnoid != aggfnoid)
			continue;
		info->aggclass = entry->aggclass;
		info->final = entry->final;
		info->argtype = entry->argtype;
		info->column_type = entry->column_type;
		info->sortop = InvalidOid;
		info->loose = entry->loose;
		return true;
	}
	return dbsp_agg_extreme_lookup(aggfnoid, info);
}
