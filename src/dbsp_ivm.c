/*-------------------------------------------------------------------------
 *
 * dbsp_ivm.c
 *	  Module magic and initialisation.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "fmgr.h"

#include "base/guc.h"
#include "capture/xact.h"
#include "engine/cache.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	dbsp_guc_init();
	dbsp_cache_init();
	dbsp_xact_init();
	dbsp_hooks_init();
}
