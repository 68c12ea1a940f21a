/*-------------------------------------------------------------------------
 *
 * mem_store.c
 *	  A circuit's store in memory, which holds the circuit to its contract.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "mem_store.h"
#include "row/rowkey.h"

struct DbspTable
{
	const DbspStateDef *def;	/* NULL for a source */
	Oid			relid;			/* of a source */
	TupleDesc	desc;
	TupleDesc	image_desc;		/* of the output columns, or of all columns of a source */
	MemRow	  **rows;
	int			nrows;
	int			maxrows;
	DbspKey    *key;			/* def->key */
	DbspKey    *group;			/* the part of it that is locked: for VALUES without the value */
	TupleTableSlot *slot;		/* of find and find_image */
	MemoryContext slot_cxt;
};

struct DbspAccess
{
	DbspTable  *table;
	List	   *keys;
	List	   *exprs;			/* of ExprState */
	FmgrInfo   *functions;
	ExprContext *econtext;
	TupleTableSlot *slot;
	MemoryContext slot_cxt;
	bool		busy;
};

typedef struct MemStore
{
	DbspStore	store;
	MemoryContext cxt;
	UnitRandom *random;
	List	   *tables;			/* of DbspTable */
	uint64		phase;			/* counts up with each snapshot */
	bool		in_step;
	int			operator;		/* of the step at hand, or the last one of the fold */
	bool		whole;
	DbspKeyLock *locks;
	int64		nlocks;
} MemStore;

/* ---- tables ---- */

static DbspTable *
new_table(MemStore *mem, const DbspStateDef *def, Oid relid, TupleDesc desc, TupleDesc image_desc)
{
	MemoryContext old = MemoryContextSwitchTo(mem->cxt);
	DbspTable  *table = palloc0(sizeof(DbspTable));

	table->def = def;
	table->relid = relid;
	table->desc = desc;
	table->image_desc = dbsp_row_desc(image_desc);
	table->maxrows = 16;
	table->rows = palloc(table->maxrows * sizeof(MemRow *));
	table->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	table->slot_cxt = AllocSetContextCreate(mem->cxt, "unit slot", ALLOCSET_DEFAULT_SIZES);
	mem->tables = lappend(mem->tables, table);
	MemoryContextSwitchTo(old);
	return table;
}

static DbspTable *
find_table(MemStore *mem, const DbspStateDef *def, Oid relid)
{
	ListCell   *lc;

	foreach(lc, mem->tables)
	{
		DbspTable  *table = lfirst(lc);

		if (table->def == def && table->relid == relid)
			return table;
	}
	return NULL;
}

static DbspTable *
get_source(DbspStore *store, Oid relid)
{
	DbspTable  *table = find_table((MemStore *) store, NULL, relid);

	UNIT_CHECK(table != NULL, "no source table %u", relid);
	return table;
}

/* The number of columns that operators give values for: all but the hash. */
static int
given_columns(const DbspTable *table)
{
	return table->desc->natts - (table->def && table->def->hash_column > 0 ? 1 : 0);
}

static void
append_row(MemStore *mem, DbspTable *table, const Datum *values, const bool *isnull)
{
	MemoryContext old = MemoryContextSwitchTo(mem->cxt);
	MemRow	   *row = palloc(sizeof(MemRow));
	int			natts = table->desc->natts;

	row->values = palloc0(Max(natts, 1) * sizeof(Datum));
	row->isnull = palloc0(Max(natts, 1) * sizeof(bool));
	row->born = mem->in_step ? mem->phase : 0;
	row->died = 0;
	for (int i = 0; i < given_columns(table); i++)
	{
		Form_pg_attribute att = TupleDescAttr(table->desc, i);

		row->isnull[i] = isnull[i];
		if (isnull[i])
			continue;
		row->values[i] = att->attlen == -1 ? PointerGetDatum(PG_DETOAST_DATUM_COPY(values[i])) :
			datumCopy(values[i], att->attbyval, att->attlen);
	}
	if (table->nrows == table->maxrows)
	{
		table->maxrows *= 2;
		table->rows = repalloc(table->rows, table->maxrows * sizeof(MemRow *));
	}
	table->rows[table->nrows++] = row;
	MemoryContextSwitchTo(old);
}

/* As the snapshot of the step shows it. */
static bool
is_visible(const MemStore *mem, const MemRow *row)
{
	return row->born < mem->phase && (row->died == 0 || row->died == mem->phase);
}

static void
show_row(MemStore *mem, DbspTable *table, int number, TupleTableSlot *slot, MemoryContext cxt)
{
	MemRow	   *row = table->rows[number];
	MemoryContext old;

	ExecClearTuple(slot);
	MemoryContextReset(cxt);
	old = MemoryContextSwitchTo(cxt);
	for (int i = 0; i < table->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(table->desc, i);

		slot->tts_isnull[i] = row->isnull[i];
		slot->tts_values[i] = (Datum) 0xDEAD;
		if (!row->isnull[i])
			slot->tts_values[i] = unit_disguise(mem->random, datumCopy(row->values[i], att->attbyval, att->attlen),
												att->attlen, true);
	}
	ExecStoreVirtualTuple(slot);
	ItemPointerSet(&slot->tts_tid, number / MaxOffsetNumber, number % MaxOffsetNumber + 1);
	MemoryContextSwitchTo(old);
}

static MemRow *
row_of_slot(DbspTable *table, const TupleTableSlot *slot)
{
	int			number = ItemPointerGetBlockNumber(&slot->tts_tid) * MaxOffsetNumber +
		ItemPointerGetOffsetNumber(&slot->tts_tid) - 1;

	UNIT_CHECK(!TTS_EMPTY(slot) && number < table->nrows, "a slot that was not handed out is written");
	return table->rows[number];
}

static bool
has_image(const DbspTable *table, const MemRow *row, DbspRow image)
{
	DbspRowBuffer buffer = {.cxt = CurrentMemoryContext};
	bool		same = dbsp_row_same(image, dbsp_row_form(table->image_desc, row->values, row->isnull, &buffer));

	pfree(buffer.data);
	return same;
}

/* ---- steps and locks ---- */

static void
check_locks(const DbspKeyLock *locks, int64 nlocks)
{
	UNIT_CHECK(nlocks >= 0, "a negative number of locks");
	for (int64 i = 0; i < nlocks; i++)
		UNIT_CHECK(locks[i].hash != 0 &&
				   (locks[i].mode == RowExclusiveLock || locks[i].mode == ShareLock || locks[i].mode == ExclusiveLock),
				   "a lock of hash %u in mode %d", locks[i].hash, locks[i].mode);
}

static void
mem_begin_step(DbspStore *store, int operator, bool whole, DbspKeyLock *locks, int64 nlocks)
{
	MemStore   *mem = (MemStore *) store;

	UNIT_CHECK(!mem->in_step, "a step begins inside a step");
	UNIT_CHECK(operator > mem->operator && operator <= DBSP_MAX_OPERATORS, "operator %d after operator %d",
			   operator, mem->operator);
	check_locks(locks, nlocks);
	mem->operator = operator;
	mem->whole = whole;
	mem->locks = MemoryContextAlloc(mem->cxt, Max(nlocks, 1) * sizeof(DbspKeyLock));
	if (nlocks > 0)
		memcpy(mem->locks, locks, nlocks * sizeof(DbspKeyLock));
	mem->nlocks = nlocks;
	/* The store sorts them, so that their order means nothing afterwards. */
	for (int64 i = 0; i < nlocks; i++)
		locks[i].hash = 0;
	mem->in_step = true;
	mem->phase++;
}

static void
end_phase(MemStore *mem)
{
	ListCell   *lc;

	UNIT_CHECK(mem->in_step, "no step is open");
	foreach(lc, mem->tables)
	{
		DbspTable  *table = lfirst(lc);

		ExecClearTuple(table->slot);
		MemoryContextReset(table->slot_cxt);
	}
	mem->phase++;
}

static void
mem_next_phase(DbspStore *store)
{
	end_phase((MemStore *) store);
}

static void
mem_end_step(DbspStore *store)
{
	MemStore   *mem = (MemStore *) store;

	end_phase(mem);
	pfree(mem->locks);
	mem->in_step = false;
}

static bool
holds_lock(const MemStore *mem, uint32 hash)
{
	for (int64 i = 0; i < mem->nlocks; i++)
		if (mem->locks[i].hash == hash && mem->locks[i].mode == ExclusiveLock)
			return true;
	return mem->whole;
}

/* Aggregates lock each group that they look at; a bag each image that is removed. */
static void
check_group_locked(const MemStore *mem, const DbspTable *table, const Datum *key, const bool *isnull)
{
	uint32		hash = 1;

	UNIT_CHECK(mem->in_step, "a look-up outside of a step");
	UNIT_CHECK(table->def->plan->number == mem->operator, "operator %d uses a table of operator %d", mem->operator,
			   table->def->plan->number);
	if (table->def->plan->kind != DBSP_PLAN_AGGREGATE)
		return;
	if (table->group->nkeys > 0)
		hash = dbsp_key_hash(table->group, key, isnull, true);
	UNIT_CHECK(holds_lock(mem, hash), "a group is not locked");
}

static void
key_of_row(const DbspTable *table, const Datum *values, const bool *isnull, Datum *key, bool *key_null)
{
	ListCell   *lc;

	foreach(lc, table->def->key)
	{
		key[foreach_current_index(lc)] = values[lfirst_int(lc) - 1];
		key_null[foreach_current_index(lc)] = isnull[lfirst_int(lc) - 1];
	}
}

static bool
row_has_key(const DbspTable *table, const MemRow *row, const DbspKey *which, const Datum *key, const bool *isnull)
{
	Datum		found[INDEX_MAX_KEYS];
	bool		found_null[INDEX_MAX_KEYS];

	key_of_row(table, row->values, row->isnull, found, found_null);
	return dbsp_key_equal(which, found, found_null, key, isnull);
}

/* In a table of values, whether the row is of the very images too. */
static bool
row_has_images(const DbspTable *table, const MemRow *row, const Datum *key, const bool *isnull)
{
	TupleDesc	desc = table->def->exact == NIL ? NULL : dbsp_row_desc(table->def->desc);
	ListCell   *lc;

	/* There the key is the leading columns. */
	foreach(lc, table->def->exact)
	{
		int			i = lfirst_int(lc) - 1;

		if (row->isnull[i] != isnull[i])
			return false;
		if (!isnull[i] && dbsp_row_compare_value(TupleDescAttr(desc, i), row->values[i], key[i]) != 0)
			return false;
	}
	return true;
}

/* ---- opening ---- */

static DbspTable *
mem_open_state(DbspStore *store, const DbspStateDef *def)
{
	MemStore   *mem = (MemStore *) store;
	DbspTable  *table = find_table(mem, def, InvalidOid);
	TupleDesc	outputs = CreateTemplateTupleDesc(def->noutputs);
	List	   *collations = NIL;
	int			ngroup = list_length(def->key) - (def->role == DBSP_STATE_VALUES ? 1 : 0);
	MemoryContext old;
	ListCell   *lc;

	UNIT_CHECK(list_member_ptr(store->defs, def), "a table that the plan does not have");
	UNIT_CHECK(table == NULL, "a state table is opened twice");
	for (int i = 1; i <= def->noutputs; i++)
		TupleDescCopyEntry(outputs, i, def->desc, i);
	table = new_table(mem, def, InvalidOid, def->desc, outputs);
	old = MemoryContextSwitchTo(mem->cxt);
	foreach(lc, def->key)
		collations = lappend_oid(collations, TupleDescAttr(def->desc, lfirst_int(lc) - 1)->attcollation);
	table->key = dbsp_key_make(def->key_eqops, collations);
	table->group = dbsp_key_make(list_truncate(list_copy(def->key_eqops), ngroup),
								 list_truncate(list_copy(collations), ngroup));
	MemoryContextSwitchTo(old);
	return table;
}

static DbspAccess *
open_access(MemStore *mem, DbspTable *table, List *keys)
{
	MemoryContext old = MemoryContextSwitchTo(mem->cxt);
	DbspAccess *access = palloc0(sizeof(DbspAccess));
	ListCell   *lc;

	access->table = table;
	access->keys = keys;
	access->functions = palloc0(Max(list_length(keys), 1) * sizeof(FmgrInfo));
	foreach(lc, keys)
	{
		DbspProbeKey *key = lfirst(lc);

		UNIT_CHECK(OidIsValid(key->operator), "a probe key without operator");
		fmgr_info(get_opcode(key->operator), &access->functions[foreach_current_index(lc)]);
		access->exprs = lappend(access->exprs, ExecInitExpr(key->expr, NULL));
	}
	access->econtext = CreateStandaloneExprContext();
	access->slot = MakeSingleTupleTableSlot(table->desc, &TTSOpsVirtual);
	access->slot_cxt = AllocSetContextCreate(mem->cxt, "unit slot", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(old);
	return access;
}

static DbspAccess *
mem_open_source_access(DbspStore *store, Oid relid, List *keys)
{
	return open_access((MemStore *) store, get_source(store, relid), keys);
}

static DbspAccess *
mem_open_state_access(DbspStore *store, DbspTable *table, List *keys)
{
	return open_access((MemStore *) store, table, keys);
}

/* ---- reading ---- */

static bool
access_matches(DbspAccess *access, const Datum *values, const bool *isnull)
{
	ListCell   *lc;

	ResetExprContext(access->econtext);
	access->econtext->ecxt_scantuple = access->slot;
	foreach(lc, access->keys)
	{
		DbspProbeKey *key = lfirst(lc);
		int			i = foreach_current_index(lc);
		bool		found_null;
		Datum		found = ExecEvalExprSwitchContext(list_nth(access->exprs, i), access->econtext, &found_null);

		if (found_null || isnull[key->value] ||
			!DatumGetBool(FunctionCall2Coll(&access->functions[i], key->collation, found, values[key->value])))
			return false;
	}
	return true;
}

static void
mem_scan(DbspStore *store, DbspAccess *access, const Datum *values, const bool *isnull, DbspEmit emit, void *arg)
{
	MemStore   *mem = (MemStore *) store;
	DbspTable  *table = access->table;

	UNIT_CHECK(mem->in_step, "a scan outside of a step");
	UNIT_CHECK(!access->busy, "an access path is scanned while it is being scanned");
	access->busy = true;
	for (int i = 0; i < table->nrows; i++)
	{
		if (table->def ? !is_visible(mem, table->rows[i]) : table->rows[i]->died != 0)
			continue;
		show_row(mem, table, i, access->slot, access->slot_cxt);
		if (access_matches(access, values, isnull))
			emit(arg, access->slot, 1);
	}
	ExecClearTuple(access->slot);
	MemoryContextReset(access->slot_cxt);
	access->busy = false;
}

static TupleTableSlot *
mem_find(DbspStore *store, DbspTable *table, const Datum *key, const bool *isnull)
{
	MemStore   *mem = (MemStore *) store;

	check_group_locked(mem, table, key, isnull);
	UNIT_CHECK(table->def->mode != DBSP_KEY_BAG, "a bag has no key");
	for (int i = 0; i < table->nrows; i++)
	{
		if (!is_visible(mem, table->rows[i]) || !row_has_key(table, table->rows[i], table->key, key, isnull) ||
			!row_has_images(table, table->rows[i], key, isnull))
			continue;
		show_row(mem, table, i, table->slot, table->slot_cxt);
		return table->slot;
	}
	return NULL;
}

static TupleTableSlot *
mem_find_extreme(DbspStore *store, DbspTable *table, const Datum *key, const bool *isnull, bool last)
{
	MemStore   *mem = (MemStore *) store;
	int			column = table->group->nkeys;
	Form_pg_attribute att = TupleDescAttr(table->desc, column);
	TypeCacheEntry *type = lookup_type_cache(att->atttypid, TYPECACHE_CMP_PROC_FINFO);
	int			best = -1;

	check_group_locked(mem, table, key, isnull);
	UNIT_CHECK(table->def->role == DBSP_STATE_VALUES, "not a table of values");
	for (int i = 0; i < table->nrows; i++)
	{
		int			order;

		if (!is_visible(mem, table->rows[i]) || !row_has_key(table, table->rows[i], table->group, key, isnull))
			continue;
		order = best < 0 ? 0 : DatumGetInt32(FunctionCall2Coll(&type->cmp_proc_finfo, att->attcollation,
															   table->rows[i]->values[column],
															   table->rows[best]->values[column]));
		if (best < 0 || (last ? order > 0 : order < 0))
			best = i;
	}
	if (best < 0)
		return NULL;
	show_row(mem, table, best, table->slot, table->slot_cxt);
	return table->slot;
}

static uint64
mem_find_image(DbspStore *store, DbspTable *table, DbspRow row, uint64 limit, DbspEmit emit, void *arg)
{
	MemStore   *mem = (MemStore *) store;
	uint64		n = 0;

	UNIT_CHECK(mem->in_step && table->def->mode == DBSP_KEY_BAG, "not in a step, or not a bag");
	UNIT_CHECK(holds_lock(mem, Max(dbsp_row_hash(row), 1)), "an image is not locked");
	for (int i = 0; i < table->nrows && n < limit; i++)
	{
		if (!is_visible(mem, table->rows[i]) || !has_image(table, table->rows[i], row))
			continue;
		show_row(mem, table, i, table->slot, table->slot_cxt);
		emit(arg, table->slot, 1);
		n++;
	}
	return n;
}

/* ---- writing ---- */

/* No other live row may have the key, as a unique index would have it. */
static void
check_unique(DbspTable *table, const MemRow *old, const Datum *values, const bool *isnull)
{
	Datum		key[INDEX_MAX_KEYS];
	bool		key_null[INDEX_MAX_KEYS];

	if (table->def->mode == DBSP_KEY_BAG)
		return;
	key_of_row(table, values, isnull, key, key_null);
	for (int i = 0; i < table->nrows; i++)
		UNIT_CHECK(table->rows[i]->died != 0 || table->rows[i] == old ||
				   !row_has_key(table, table->rows[i], table->key, key, key_null) ||
				   !row_has_images(table, table->rows[i], key, key_null),
				   "two rows with one key in a table of operator %d", table->def->plan->number);
}

static void
check_row_locked(MemStore *mem, DbspTable *table, const Datum *values, const bool *isnull)
{
	Datum		key[INDEX_MAX_KEYS];
	bool		key_null[INDEX_MAX_KEYS];

	key_of_row(table, values, isnull, key, key_null);
	check_group_locked(mem, table, key, key_null);
}

static void
mem_insert(DbspStore *store, DbspTable *table, Datum *values, bool *isnull)
{
	MemStore   *mem = (MemStore *) store;

	check_row_locked(mem, table, values, isnull);
	check_unique(table, NULL, values, isnull);
	append_row(mem, table, values, isnull);
}

static MemRow *
row_to_write(MemStore *mem, DbspTable *table, TupleTableSlot *old)
{
	MemRow	   *row = row_of_slot(table, old);

	UNIT_CHECK(is_visible(mem, row), "a row is written that the step does not see");
	UNIT_CHECK(row->died == 0, "a row of operator %d is written twice in one step", mem->operator);
	check_row_locked(mem, table, row->values, row->isnull);
	return row;
}

static void
mem_update(DbspStore *store, DbspTable *table, TupleTableSlot *old, Datum *values, bool *isnull)
{
	MemStore   *mem = (MemStore *) store;
	MemRow	   *row = row_to_write(mem, table, old);

	check_row_locked(mem, table, values, isnull);
	check_unique(table, row, values, isnull);
	row->died = mem->phase;
	append_row(mem, table, values, isnull);
}

static void
mem_remove(DbspStore *store, DbspTable *table, TupleTableSlot *old)
{
	MemStore   *mem = (MemStore *) store;

	row_to_write(mem, table, old)->died = mem->phase;
}

static const DbspStoreClass mem_store_class = {
	.open_state = mem_open_state,
	.open_source_access = mem_open_source_access,
	.open_state_access = mem_open_state_access,
	.begin_step = mem_begin_step,
	.next_phase = mem_next_phase,
	.end_step = mem_end_step,
	.scan = mem_scan,
	.find = mem_find,
	.find_extreme = mem_find_extreme,
	.find_image = mem_find_image,
	.insert = mem_insert,
	.update = mem_update,
	.remove = mem_remove,
};

/* ---- for tests ---- */

DbspStore *
mem_store_create(List *defs, UnitRandom *random)
{
	MemStore   *mem = palloc0(sizeof(MemStore));

	mem->store.storeclass = &mem_store_class;
	mem->store.defs = defs;
	mem->cxt = CurrentMemoryContext;
	mem->random = random;
	return &mem->store;
}

void
mem_store_add_source(DbspStore *store, Oid relid, TupleDesc desc)
{
	(void) new_table((MemStore *) store, NULL, relid, desc, desc);
}

void
mem_store_source_insert(DbspStore *store, Oid relid, const Datum *values, const bool *isnull)
{
	append_row((MemStore *) store, get_source(store, relid), values, isnull);
}

void
mem_store_source_delete(DbspStore *store, Oid relid, const Datum *values, const bool *isnull)
{
	DbspTable  *table = get_source(store, relid);
	DbspRowBuffer buffer = {.cxt = CurrentMemoryContext};
	DbspRow		image = dbsp_row_form(table->image_desc, values, isnull, &buffer);

	for (int i = 0; i < table->nrows; i++)
		if (table->rows[i]->died == 0 && has_image(table, table->rows[i], image))
		{
			table->rows[i]->died = 1;
			return;
		}
	elog(ERROR, "a row to be deleted is not in source table %u", relid);
}

static List *
live_rows(const DbspTable *table)
{
	List	   *rows = NIL;

	for (int i = 0; i < table->nrows; i++)
		if (table->rows[i]->died == 0)
			rows = lappend(rows, table->rows[i]);
	return rows;
}

List *
mem_store_source_rows(DbspStore *store, Oid relid)
{
	return live_rows(get_source(store, relid));
}

static DbspTable *
get_state(DbspStore *store, const DbspStateDef *def)
{
	DbspTable  *table = find_table((MemStore *) store, def, InvalidOid);

	UNIT_CHECK(table != NULL, "a state table was never opened");
	return table;
}

List *
mem_store_state_rows(DbspStore *store, const DbspStateDef *def)
{
	return live_rows(get_state(store, def));
}

void
mem_store_state_fill(DbspStore *store, const DbspStateDef *def, const Datum *values, const bool *isnull)
{
	DbspTable  *table = get_state(store, def);

	check_unique(table, NULL, values, isnull);
	append_row((MemStore *) store, table, values, isnull);
}

void
mem_store_begin_fold(DbspStore *store)
{
	((MemStore *) store)->operator = 0;
}

void
mem_store_end_fold(DbspStore *store)
{
	UNIT_CHECK(!((MemStore *) store)->in_step, "a step is left open");
}
