/*-------------------------------------------------------------------------
 *
 * expressions.h
 *	  What the expressions of a view depend on besides its rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_EXPRESSIONS_H
#define DBSP_EXPRESSIONS_H

#include "plan/plan.h"

/*
 * True if some result may follow settings of the session, so that these have
 * to be pinned in a fold.  relations: OIDs of the view's tables, whose
 * indexes have expressions, too.
 */
extern bool dbsp_plan_follows_settings(DbspPlan *plan, List *relations);

/* True if some expression may raise an error, depending on the row. */
extern bool dbsp_plan_may_fail(DbspPlan *plan);

/* OID list of uint32: what the callback of TYPEOID gets for the domains whose constraints are compiled into the circuit. */
extern List *dbsp_plan_domains(DbspPlan *plan);

#endif							/* DBSP_EXPRESSIONS_H */
