/*-------------------------------------------------------------------------
 *
 * router.c
 *	  Which views a changed row of a table can matter to.
 *
 * Constants and columns are compared by the operator of the view's own
 * condition, and hashed by its operator family, so a row that is not found
 * under a target's constants fails the target's filter: the comparison is
 * false, or NULL where the column is.
 *
 * Routing is done before a view's expressions run, by whoever writes the
 * table, so only functions in C are called here (see dbsp_route_functions()).
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "access/htup_details.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "engine/router.h"
#include "plan/route.h"

/* What is compared: views that agree on this share a hash table. */
typedef struct Signature
{
	int			nkeys;
	int16	   *columns;		/* attribute numbers, ascending */
	Oid		   *operators;
	Oid		   *collations;
	Oid		   *types;			/* of the constants */
	FmgrInfo   *equal;			/* column, constant */
	FmgrInfo   *equal_constants;
	FmgrInfo   *hash_column;
	FmgrInfo   *hash_constant;
	TupleDesc	desc;			/* of the constants' images */
	int		   *positions;		/* of the columns in rows of the layout that was routed last */
	uint32		nbuckets;		/* a power of two */
	int		   *buckets;		/* class, or -1 */
	uint32		nclasses;
} Signature;

typedef struct Class
{
	uint32		hash;
	int			next;			/* in its bucket, or -1 */
	Datum	   *constants;
	int			ntargets;
	int		   *targets;		/* positions */
} Class;

struct DbspRouter
{
	uint64		id;
	int			ntargets;
	DbspTarget *targets;
	int			nwhole;
	int		   *whole;
	int			nsignatures;
	Signature **signatures;
	int			nclasses;
	Class	   *classes;
	uint64		layout;			/* for which the signatures' positions are */
	TupleTableSlot *slot;		/* of that layout */
	MemoryContext layout_cxt;	/* of the slot */
	MemoryContext row_cxt;		/* of what comparing one row leaves behind */
};

struct DbspRouterBuild
{
	MemoryContext cxt;
	MemoryContext temp_cxt;
	DbspRouter *router;
	List	   *signatures;
	int			maxtargets;
	int			maxclasses;
};

static uint64 next_id = 1;

/* ---- signatures ---- */

static bool
fits_signature(const Signature *signature, const DbspRouteRow *row)
{
	Size		n = row->nkeys;

	return signature->nkeys == row->nkeys &&
		memcmp(signature->columns, row->key_columns, n * sizeof(int16)) == 0 &&
		memcmp(signature->operators, row->operators, n * sizeof(Oid)) == 0 &&
		memcmp(signature->collations, row->collations, n * sizeof(Oid)) == 0 &&
		memcmp(signature->types, row->types, n * sizeof(Oid)) == 0;
}

static void *
copy_array(const void *array, Size size)
{
	return memcpy(palloc(size), array, size);
}

/* NULL if one of the operators cannot be used for routing any more. */
static Signature *
make_signature(const DbspRouteRow *row)
{
	Signature  *signature = palloc0(sizeof(Signature));
	int			n = row->nkeys;

	signature->nkeys = n;
	signature->columns = copy_array(row->key_columns, n * sizeof(int16));
	signature->operators = copy_array(row->operators, n * sizeof(Oid));
	signature->collations = copy_array(row->collations, n * sizeof(Oid));
	signature->types = copy_array(row->types, n * sizeof(Oid));
	signature->equal = palloc0(n * sizeof(FmgrInfo));
	signature->equal_constants = palloc0(n * sizeof(FmgrInfo));
	signature->hash_column = palloc0(n * sizeof(FmgrInfo));
	signature->hash_constant = palloc0(n * sizeof(FmgrInfo));
	signature->positions = palloc0(n * sizeof(int));
	signature->desc = CreateTemplateTupleDesc(n);
	for (int i = 0; i < n; i++)
	{
		DbspRouteFunctions functions;

		if (!dbsp_route_functions(row->operators[i], &functions))
			return NULL;
		fmgr_info(functions.equal, &signature->equal[i]);
		fmgr_info(functions.equal_constants, &signature->equal_constants[i]);
		fmgr_info(functions.hash_column, &signature->hash_column[i]);
		fmgr_info(functions.hash_constant, &signature->hash_constant[i]);
		TupleDescInitEntry(signature->desc, i + 1, NULL, row->types[i], -1, 0);
	}
	signature->desc = dbsp_row_desc(signature->desc);
	signature->nbuckets = 8;
	signature->buckets = palloc(signature->nbuckets * sizeof(int));
	memset(signature->buckets, -1, signature->nbuckets * sizeof(int));
	return signature;
}

static Signature *
get_signature(DbspRouterBuild *build, const DbspRouteRow *row)
{
	Signature  *signature;
	ListCell   *lc;

	foreach(lc, build->signatures)
		if (fits_signature(lfirst(lc), row))
			return lfirst(lc);
	signature = make_signature(row);
	if (signature)
		build->signatures = lappend(build->signatures, signature);
	return signature;
}

static uint32
hash_values(const Signature *signature, const FmgrInfo *functions, const Datum *values)
{
	uint32		hash = 0;

	for (int i = 0; i < signature->nkeys; i++)
		hash = pg_rotate_left32(hash, 1) ^
			DatumGetUInt32(FunctionCall1Coll(unconstify(FmgrInfo *, &functions[i]), signature->collations[i], values[i]));
	return murmurhash32(hash);
}

static bool
values_are_equal(const Signature *signature, const FmgrInfo *functions, const Datum *values, const Datum *constants)
{
	for (int i = 0; i < signature->nkeys; i++)
		if (!DatumGetBool(FunctionCall2Coll(unconstify(FmgrInfo *, &functions[i]), signature->collations[i],
											values[i], constants[i])))
			return false;
	return true;
}

/* The class with the values, which are compared with constants by these functions; -1 if there is none. */
static int
find_class(const DbspRouter *router, const Signature *signature, const FmgrInfo *functions,
		   const Datum *values, uint32 hash)
{
	int			class = signature->buckets[hash & (signature->nbuckets - 1)];

	for (; class >= 0; class = router->classes[class].next)
		if (router->classes[class].hash == hash &&
			values_are_equal(signature, functions, values, router->classes[class].constants))
			break;
	return class;
}

/* ---- building ---- */

DbspRouterBuild *
dbsp_router_begin(void)
{
	DbspRouterBuild *build = palloc0(sizeof(DbspRouterBuild));

	build->cxt = CurrentMemoryContext;
	build->temp_cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp router build", ALLOCSET_SMALL_SIZES);
	build->router = palloc0(sizeof(DbspRouter));
	build->router->id = next_id++;
	return build;
}

static void
rehash(DbspRouter *router, Signature *signature)
{
	uint32		nold = signature->nbuckets;
	int		   *old = signature->buckets;

	signature->nbuckets *= 4;
	signature->buckets = palloc_extended(signature->nbuckets * sizeof(int), MCXT_ALLOC_HUGE);
	memset(signature->buckets, -1, signature->nbuckets * sizeof(int));
	for (uint32 i = 0; i < nold; i++)
		for (int class = old[i], next; class >= 0; class = next)
		{
			int		   *bucket = &signature->buckets[router->classes[class].hash & (signature->nbuckets - 1)];

			next = router->classes[class].next;
			router->classes[class].next = *bucket;
			*bucket = class;
		}
	pfree(old);
}

static int
add_class(DbspRouterBuild *build, Signature *signature, const Datum *constants, uint32 hash)
{
	DbspRouter *router = build->router;
	Class	   *class;
	int		   *bucket;

	if (router->nclasses == build->maxclasses)
	{
		build->maxclasses = Max(16, 2 * build->maxclasses);
		router->classes = router->classes ? repalloc_huge(router->classes, build->maxclasses * sizeof(Class)) :
			palloc(build->maxclasses * sizeof(Class));
	}
	if (++signature->nclasses > signature->nbuckets)
		rehash(router, signature);
	bucket = &signature->buckets[hash & (signature->nbuckets - 1)];
	class = &router->classes[router->nclasses];
	*class = (Class) {.hash = hash,.next = *bucket};
	class->constants = palloc(signature->nkeys * sizeof(Datum));
	for (int i = 0; i < signature->nkeys; i++)
	{
		Form_pg_attribute att = TupleDescAttr(signature->desc, i);

		/* With a long header, which some types' functions would make a copy for each time. */
		if (att->attlen == -1)
			class->constants[i] = PointerGetDatum(PG_DETOAST_DATUM_COPY(constants[i]));
		else
			class->constants[i] = datumCopy(constants[i], att->attbyval, att->attlen);
	}
	*bucket = router->nclasses;
	return router->nclasses++;
}

/* Adds the class with the image's constants to the target, unless it has it already. */
static void
add_image(DbspRouterBuild *build, Signature *signature, DbspTarget *target, DbspRow image)
{
	MemoryContext old = MemoryContextSwitchTo(build->temp_cxt);
	Datum		constants[DBSP_MAX_ROUTE_KEYS];
	bool		isnull[DBSP_MAX_ROUTE_KEYS];
	uint32		hash;
	int			class;

	dbsp_row_deform(image, signature->desc, constants, isnull);
	hash = hash_values(signature, signature->hash_constant, constants);
	class = find_class(build->router, signature, signature->equal_constants, constants, hash);
	MemoryContextSwitchTo(old);
	if (class < 0)
		class = add_class(build, signature, constants, hash);
	for (int i = 0; i < target->nclasses; i++)
		if (target->classes[i] == class)
			return;
	target->classes[target->nclasses++] = class;
}

/* The images of a row, one behind the other, each MAXALIGNed for whoever reads it. */
static void
add_images(DbspRouterBuild *build, Signature *signature, DbspTarget *target, const DbspRouteRow *row)
{
	char	   *images = MemoryContextAllocHuge(build->temp_cxt, Max(row->constants_size, 1));
	Size		offset;
	int			nimages = 0;

	memcpy(images, row->constants, row->constants_size);
	for (offset = 0; offset < row->constants_size; offset += MAXALIGN(((DbspRow) (images + offset))->t_len))
		nimages++;
	target->classes = palloc(Max(nimages, 1) * sizeof(int));
	for (offset = 0; offset < row->constants_size; offset += MAXALIGN(((DbspRow) (images + offset))->t_len))
		add_image(build, signature, target, (DbspRow) (images + offset));
	MemoryContextReset(build->temp_cxt);
}

void
dbsp_router_add(DbspRouterBuild *build, const DbspRouteRow *row)
{
	MemoryContext old = MemoryContextSwitchTo(build->cxt);
	DbspRouter *router = build->router;
	Signature  *signature = row->nkeys > 0 ? get_signature(build, row) : NULL;
	DbspTarget *target;

	if (router->ntargets == build->maxtargets)
	{
		build->maxtargets = Max(4, 2 * build->maxtargets);
		router->targets = router->targets ? repalloc_huge(router->targets, build->maxtargets * sizeof(DbspTarget)) :
			palloc(build->maxtargets * sizeof(DbspTarget));
	}
	target = &router->targets[router->ntargets++];
	*target = (DbspTarget) {.view = row->view,.operator = row->operator,.whole = signature == NULL};
	if (signature)
		add_images(build, signature, target, row);
	MemoryContextSwitchTo(old);
}

static int
compare_targets(const void *a, const void *b)
{
	const DbspTarget *left = a;
	const DbspTarget *right = b;

	if (left->view != right->view)
		return left->view < right->view ? -1 : 1;
	return (left->operator > right->operator) - (left->operator < right->operator);
}

/* The targets of each class, now that their positions are final. */
static void
link_classes(DbspRouter *router)
{
	for (int i = 0; i < router->ntargets; i++)
		for (int j = 0; j < router->targets[i].nclasses; j++)
			router->classes[router->targets[i].classes[j]].ntargets++;
	for (int i = 0; i < router->nclasses; i++)
	{
		router->classes[i].targets = palloc(router->classes[i].ntargets * sizeof(int));
		router->classes[i].ntargets = 0;
	}
	for (int i = 0; i < router->ntargets; i++)
		for (int j = 0; j < router->targets[i].nclasses; j++)
		{
			Class	   *class = &router->classes[router->targets[i].classes[j]];

			class->targets[class->ntargets++] = i;
		}
}

DbspRouter *
dbsp_router_finish(DbspRouterBuild *build)
{
	MemoryContext old = MemoryContextSwitchTo(build->cxt);
	DbspRouter *router = build->router;
	ListCell   *lc;

	qsort(router->targets, router->ntargets, sizeof(DbspTarget), compare_targets);
	router->whole = palloc(Max(router->ntargets, 1) * sizeof(int));
	for (int i = 0; i < router->ntargets; i++)
		if (router->targets[i].whole)
			router->whole[router->nwhole++] = i;
	link_classes(router);
	router->signatures = palloc(Max(list_length(build->signatures), 1) * sizeof(Signature *));
	foreach(lc, build->signatures)
		router->signatures[router->nsignatures++] = lfirst(lc);
	router->layout_cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp router layout", ALLOCSET_SMALL_SIZES);
	router->row_cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp router row", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(build->temp_cxt);
	pfree(build);
	return router;
}

/* ---- from a plan to rows of the catalog ---- */

/* The images of all combinations of the keys' constants, each padded to MAXALIGN. */
static void
form_constants(const DbspRoute *route, StringInfo images)
{
	int			nkeys = list_length(route->keys);
	TupleDesc	desc = CreateTemplateTupleDesc(nkeys);
	Datum	   *values = palloc(nkeys * sizeof(Datum));
	bool	   *isnull = palloc0(nkeys * sizeof(bool));
	int		   *which = palloc0(nkeys * sizeof(int));
	DbspRowBuffer buffer = {.cxt = CurrentMemoryContext};
	int			i;
	ListCell   *lc;

	foreach(lc, route->keys)
	{
		DbspRouteKey *key = lfirst(lc);

		TupleDescInitEntry(desc, foreach_current_index(lc) + 1, NULL, key->type, -1, 0);
		if (key->nconstants == 0)
			return;
	}
	desc = dbsp_row_desc(desc);
	do
	{
		DbspRow		image;

		foreach(lc, route->keys)
			values[foreach_current_index(lc)] =
				((DbspRouteKey *) lfirst(lc))->constants[which[foreach_current_index(lc)]];
		image = dbsp_row_form(desc, values, isnull, &buffer);
		appendBinaryStringInfo(images, (char *) image, image->t_len);
		appendStringInfoSpaces(images, MAXALIGN(image->t_len) - image->t_len);
		for (i = nkeys - 1; i >= 0; i--)
		{
			if (++which[i] < ((DbspRouteKey *) list_nth(route->keys, i))->nconstants)
				break;
			which[i] = 0;
		}
	} while (i >= 0);
}

static void
form_row(DbspViewNumber view, const DbspRoute *route, DbspRouteRow *row_out)
{
	int			nkeys = list_length(route->keys);
	int16	   *columns = palloc(Max(list_length(route->source->attnums), 1) * sizeof(int16));
	int16	   *key_columns = palloc(Max(nkeys, 1) * sizeof(int16));
	Oid		   *operators = palloc(Max(nkeys, 1) * sizeof(Oid));
	Oid		   *collations = palloc(Max(nkeys, 1) * sizeof(Oid));
	Oid		   *types = palloc(Max(nkeys, 1) * sizeof(Oid));
	StringInfoData images;
	ListCell   *lc;

	foreach(lc, route->source->attnums)
		columns[foreach_current_index(lc)] = lfirst_int(lc);
	foreach(lc, route->keys)
	{
		DbspRouteKey *key = lfirst(lc);
		int			i = foreach_current_index(lc);

		key_columns[i] = key->column;
		operators[i] = key->operator;
		collations[i] = key->collation;
		types[i] = key->type;
	}
	initStringInfo(&images);
	if (nkeys > 0)
		form_constants(route, &images);
	*row_out = (DbspRouteRow) {.view = view,.operator = route->source->number,.source = route->source->relid,
	.ncolumns = list_length(route->source->attnums),.columns = columns,.nkeys = nkeys,.key_columns = key_columns,
	.operators = operators,.collations = collations,.types = types,.constants = images.data,.constants_size = images.len};
}

void
dbsp_router_rows(DbspViewNumber view, DbspPlan *plan, void (*receive) (const DbspRouteRow *row, void *arg), void *arg)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp routes", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	ListCell   *lc;

	foreach(lc, dbsp_plan_routes(plan))
	{
		DbspRouteRow row;

		form_row(view, lfirst(lc), &row);
		MemoryContextSwitchTo(old);
		receive(&row, arg);
		MemoryContextSwitchTo(cxt);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}

/* ---- asking ---- */

const DbspTarget *
dbsp_router_targets(const DbspRouter *router, int *n_out)
{
	*n_out = router->ntargets;
	return router->targets;
}

const DbspTarget *
dbsp_router_view(const DbspRouter *router, DbspViewNumber view, int *n_out)
{
	int			low = 0;
	int			high = router->ntargets;
	int			end;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (router->targets[middle].view < view)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < router->ntargets && router->targets[end].view == view; end++)
		;
	*n_out = end - low;
	return &router->targets[low];
}

const int *
dbsp_router_whole(const DbspRouter *router, int *n_out)
{
	*n_out = router->nwhole;
	return router->whole;
}

const int *
dbsp_router_class(const DbspRouter *router, int class, int *n_out)
{
	*n_out = router->classes[class].ntargets;
	return router->classes[class].targets;
}

/* ---- routing ---- */

uint64
dbsp_router_id(const DbspRouter *router)
{
	return router->id;
}

/* The position of the column in rows of the layout. */
static int
position_of(const DbspCaptureLayout *layout, AttrNumber attnum)
{
	for (int i = 0; i < layout->ncolumns; i++)
		if (layout->attnums[i] == attnum)
			return i;
	elog(ERROR, "column %d was not captured", attnum);
	return 0;					/* keep compiler quiet */
}

static void
use_layout(DbspRouter *router, const DbspCaptureLayout *layout)
{
	MemoryContext old;

	if (router->layout == layout->id)
		return;
	router->layout = 0;
	MemoryContextReset(router->layout_cxt);
	old = MemoryContextSwitchTo(router->layout_cxt);
	router->slot = MakeSingleTupleTableSlot(CreateTupleDescCopy(layout->desc), &TTSOpsMinimalTuple);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < router->nsignatures; i++)
		for (int j = 0; j < router->signatures[i]->nkeys; j++)
			router->signatures[i]->positions[j] = position_of(layout, router->signatures[i]->columns[j]);
	router->layout = layout->id;
}

/* The class of the row in the slot, by this signature, or -1. */
static int
class_of(const DbspRouter *router, const Signature *signature)
{
	MemoryContext old = MemoryContextSwitchTo(router->row_cxt);
	Datum		values[DBSP_MAX_ROUTE_KEYS];
	int			class = -1;
	int			i;

	for (i = 0; i < signature->nkeys; i++)
	{
		bool		isnull;

		values[i] = slot_getattr(router->slot, signature->positions[i] + 1, &isnull);
		if (isnull)
			break;
	}
	if (i == signature->nkeys)
		class = find_class(router, signature, signature->equal, values,
						   hash_values(signature, signature->hash_column, values));
	MemoryContextSwitchTo(old);
	return class;
}

void
dbsp_router_route(DbspRouter *router, const DbspSegment *segment,
				  void (*receive) (int class, const DbspZSetItem *item, void *arg), void *arg)
{
	DbspZSetScan scan;
	DbspZSetItem item;

	if (router->nsignatures == 0)
		return;
	use_layout(router, segment->layout);
	dbsp_zset_scan_begin(&scan, segment->rows);
	while (dbsp_zset_scan_next(&scan, &item))
	{
		CHECK_FOR_INTERRUPTS();
		ExecStoreMinimalTuple(item.row, router->slot, false);
		for (int i = 0; i < router->nsignatures; i++)
		{
			int			class = class_of(router, router->signatures[i]);

			if (class >= 0)
				receive(class, &item, arg);
		}
		MemoryContextReset(router->row_cxt);
	}
	ExecClearTuple(router->slot);
}
