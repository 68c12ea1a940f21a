/*-------------------------------------------------------------------------
 *
 * rowkey.c
 *	  Keys: equality and hash by the operator family of the comparison.
 *
 * The hash functions come from the hash operator family of the equality
 * operator (get_op_hash_functions), so that values of both sides of a
 * cross-type comparison that are equal have the same hash, and so have 1.0
 * and 1.00, 0.0 and -0.0, or strings that a nondeterministic collation
 * takes for equal.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "common/hashfn.h"
#include "port/pg_bitutils.h"
#include "utils/lsyscache.h"

#include "row/rowkey.h"

DbspKey *
dbsp_key_make(List *operators, List *collations)
{
	DbspKey    *key = palloc0(sizeof(DbspKey));
	int			i = 0;
	ListCell   *op;
	ListCell   *coll;

	key->nkeys = list_length(operators);
	key->equal = palloc0(Max(key->nkeys, 1) * sizeof(FmgrInfo));
	key->hash_left = palloc0(Max(key->nkeys, 1) * sizeof(FmgrInfo));
	key->hash_right = palloc0(Max(key->nkeys, 1) * sizeof(FmgrInfo));
	key->collations = palloc0(Max(key->nkeys, 1) * sizeof(Oid));
	key->hashable = key->same_type = true;

	forboth(op, operators, coll, collations)
	{
		RegProcedure left;
		RegProcedure right;
		Oid			left_type;
		Oid			right_type;

		fmgr_info(get_opcode(lfirst_oid(op)), &key->equal[i]);
		key->collations[i] = lfirst_oid(coll);
		if (get_op_hash_functions(lfirst_oid(op), &left, &right))
		{
			fmgr_info(left, &key->hash_left[i]);
			fmgr_info(right, &key->hash_right[i]);
		}
		else
			key->hashable = false;
		op_input_types(lfirst_oid(op), &left_type, &right_type);
		key->same_type &= left_type == right_type;
		i++;
	}
	return key;
}

uint32
dbsp_key_hash(const DbspKey *key, const Datum *values, const bool *isnull, bool left)
{
	uint32		hash = 0;

	if (!key->hashable)
		return 1;
	for (int i = 0; i < key->nkeys; i++)
	{
		hash = pg_rotate_left32(hash, 1);
		if (!isnull[i])
			hash ^= DatumGetUInt32(FunctionCall1Coll(left ? &key->hash_left[i] : &key->hash_right[i],
													 key->collations[i], values[i]));
	}
	hash = murmurhash32(hash);
	return hash == 0 ? 1 : hash;
}

int64
dbsp_key_hash_stored(const DbspKey *key, const Datum *values, const bool *isnull)
{
	return (int64) dbsp_key_hash(key, values, isnull, true);
}

bool
dbsp_key_equal(const DbspKey *key, const Datum *left, const bool *left_null,
			   const Datum *right, const bool *right_null)
{
	for (int i = 0; i < key->nkeys; i++)
	{
		if (left_null[i] != right_null[i])
			return false;
		if (!left_null[i] &&
			!DatumGetBool(FunctionCall2Coll(&key->equal[i], key->collations[i], left[i], right[i])))
			return false;
	}
	return true;
}
