/*-------------------------------------------------------------------------
 *
 * key_image.h
 *	  Images of group keys, for types whose equality is not identity.
 *
 * 1.0 and 1.00 are one group; which of them does it show?  One that is there,
 * and always the same one for the same rows: the image with the smallest
 * digest.  A digest is a hash of the row image (row/row.h) of those keys whose
 * equal values can differ, as PostgreSQL's int8.  Expressions see images and
 * digests through SQL functions of the internal schema:
 *
 *	  key_digest(VARIADIC "any") -> bigint
 *	  key_image(VARIADIC "any") -> bytea: the digest, then the row image
 *	  state_representative(bytea) -> bytea: an aggregate, the first image by digest, then by bytes
 *
 * Different images can have one digest, so a digest alone identifies nothing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DBSP_KEY_IMAGE_H
#define DBSP_KEY_IMAGE_H

#include "access/tupdesc.h"
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"

/* Calls of the functions over copies of the expressions, at most FUNC_MAX_ARGS of them. */
extern Expr *dbsp_key_image_call(List *exprs);
extern Expr *dbsp_key_digest_call(List *exprs);
/* The descriptor of row images of columns of these types. */
extern TupleDesc dbsp_key_image_desc(const Oid *types, int ntypes);
/* Takes a result of key_image apart; values are in the current context.  Returns the digest. */
extern int64 dbsp_key_image_deform(Datum image, TupleDesc desc, Datum *values, bool *isnull);

#endif							/* DBSP_KEY_IMAGE_H */
