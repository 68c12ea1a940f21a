/*-------------------------------------------------------------------------
 *
 * op.c
 *	  The operator classes by plan kind, from op_list.h.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "circuit/op.h"

#define DBSP_OP(name) extern const DbspOpClass dbsp_op_##name;
#include "circuit/op_list.h"
#undef DBSP_OP

static const DbspOpClass *const op_classes[] = {
#define DBSP_OP(name) &dbsp_op_##name,
#include "circuit/op_list.h"
#undef DBSP_OP
};

const DbspOpClass *
dbsp_op_class(DbspPlanKind kind)
{
	for (int i = 0; i < lengthof(op_classes); i++)
		if (op_classes[i]->kind == kind)
			return op_classes[i];
	elog(ERROR, "no operator for plan kind: %d", (int) kind);
}
