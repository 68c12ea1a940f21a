/*-------------------------------------------------------------------------
 *
 * identity.h
 *	  Under whose name the commands do what they do.
 *
 * Objects in dbsp_ivm_internal are made and dropped under the identity of the
 * extension's owner; what belongs to the user is made as the user.  Under
 * both, names are looked up in pg_catalog only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_IDENTITY_H
#define DBSP_IDENTITY_H

/* Owner of the extension's internal schema; a superuser in any case. */
extern Oid	dbsp_extension_owner(void);

/*
 * Runs work(arg) as the extension's owner.  Meanwhile dbsp_ddl_is_own() is
 * true and nothing is collected for event triggers.
 */
extern void dbsp_run_as_extension(void (*work) (void *arg), void *arg);

/* Runs work(arg) as the user; in a security-restricted operation if user functions may run. */
extern void dbsp_run_as_user(Oid userid, bool restricted, void (*work) (void *arg), void *arg);

/* True while the extension changes its own objects, so that guards let it. */
extern bool dbsp_ddl_is_own(void);

/* Runs one SQL command through SPI. */
extern void dbsp_run_sql(const char *sql);

/* Errors in the middle of a fold or fill, whose circuit must not change under it. */
extern void dbsp_require_idle(const char *command);

/* The common preconditions of commands that write: not read-only, not in recovery, a parallel worker or a fold. */
extern void dbsp_require_writable(const char *command);

/*
 * Errors in the middle of a statement that writes a table which views read:
 * for commands that fold, or read tables and count on what is captured.
 */
extern void dbsp_require_between_statements(const char *command);

/*
 * And of commands that rewrite a view: not in the middle of such a statement,
 * not in a security-restricted operation, not under a snapshot that has to
 * stay.
 */
extern void dbsp_require_fresh_snapshot(const char *command);

#endif							/* DBSP_IDENTITY_H */
