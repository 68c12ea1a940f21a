/*-------------------------------------------------------------------------
 *
 * guc.c
 *	  The settings of the extension.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "storage/lock.h"
#include "utils/guc.h"

#include "base/guc.h"

static int	max_key_locks = -1;
static int	delta_mem = 16384;

/* Each setting costs the first write of a session 0.2 ms: PostgreSQL 15 sorts all there are after each. */
void
dbsp_guc_init(void)
{
	DefineCustomIntVariable("dbsp_ivm.max_key_locks",
							"Number of view keys that one transaction locks one by one.",
							"A transaction that changes more keys locks whole operators of the views. "
							"-1 means max_locks_per_transaction.",
							&max_key_locks, -1, -1, INT_MAX, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("dbsp_ivm.delta_mem",
							"Memory for the changes of one transaction, and for those that one operator of a view works on.",
							"What exceeds it goes to temporary files.  As much is for what a session keeps compiled of its views.",
							&delta_mem, 16384, 0, MAX_KILOBYTES, PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	MarkGUCPrefixReserved("dbsp_ivm");
}

int
dbsp_max_key_locks(void)
{
	return max_key_locks < 0 ? max_locks_per_xact : max_key_locks;
}

int
dbsp_delta_mem(void)
{
	return delta_mem;
}

int
dbsp_circuit_mem(void)
{
	return delta_mem;
}
