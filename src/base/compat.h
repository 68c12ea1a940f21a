/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Every test of PG_VERSION_NUM in the project; wrappers have the newest
 *	  signature.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_COMPAT_H
#define DBSP_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "dbsp_ivm needs PostgreSQL 15 or later"
#endif

#endif							/* DBSP_COMPAT_H */
