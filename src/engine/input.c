/*-------------------------------------------------------------------------
 *
 * input.c
 *	  Captured rows of a table as rows of a circuit's source operator.
 *
 * A row is captured with the columns that any view on the table reads.  Where
 * a view reads just these, as one does that is alone, rows are unpacked into
 * the operator's slot at once.
 *
 *-------------------------------------------------------------------------
 */
#include "base/dbsp.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "engine/input.h"

DbspInput *
dbsp_input_make(DbspOp *op)
{
	DbspInput  *input = palloc0(sizeof(DbspInput));

	input->op = op;
	input->slot = MakeSingleTupleTableSlot(op->plan->rowtype, &TTSOpsVirtual);
	input->layout_cxt = AllocSetContextCreate(CurrentMemoryContext, "dbsp input layout", ALLOCSET_SMALL_SIZES);
	return input;
}

/* The position in the captured row of each column of the source; NULL if they are the same. */
static int *
map_columns(const DbspPlan *source, const DbspCaptureLayout *layout)
{
	int		   *map = palloc(Max(list_length(source->attnums), 1) * sizeof(int));
	bool		same = list_length(source->attnums) == layout->ncolumns;
	ListCell   *lc;

	foreach(lc, source->attnums)
	{
		int			i;

		for (i = 0; i < layout->ncolumns; i++)
			if (layout->attnums[i] == lfirst_int(lc))
				break;
		if (i == layout->ncolumns)
			elog(ERROR, "column %d of relation %u was not captured", lfirst_int(lc), source->relid);
		map[foreach_current_index(lc)] = i;
		same &= i == foreach_current_index(lc);
	}
	return same ? NULL : map;
}

void
dbsp_input_set_layout(DbspInput *input, const DbspCaptureLayout *layout)
{
	MemoryContext old;

	if (input->layout == layout->id)
		return;
	input->layout = 0;
	MemoryContextReset(input->layout_cxt);
	old = MemoryContextSwitchTo(input->layout_cxt);
	input->map = map_columns(input->op->plan, layout);
	input->desc = CreateTupleDescCopy(layout->desc);
	input->values = palloc(Max(layout->ncolumns, 1) * sizeof(Datum));
	input->isnull = palloc(Max(layout->ncolumns, 1) * sizeof(bool));
	MemoryContextSwitchTo(old);
	input->layout = layout->id;
}

/* Pushes the row in the slot. */
static void
push_slot(DbspInput *input, DbspWeight weight)
{
	ExecStoreVirtualTuple(input->slot);
	dbsp_circuit_push(input->op, input->slot, weight);
	ResetExprContext(input->op->circuit->econtext);
}

void
dbsp_input_push(DbspInput *input, const DbspZSetItem *item)
{
	TupleTableSlot *slot = input->slot;

	ExecClearTuple(slot);
	if (input->map == NULL)
		dbsp_row_deform(item->row, input->desc, slot->tts_values, slot->tts_isnull);
	else
	{
		dbsp_row_deform(item->row, input->desc, input->values, input->isnull);
		for (int i = 0; i < slot->tts_tupleDescriptor->natts; i++)
		{
			slot->tts_values[i] = input->values[input->map[i]];
			slot->tts_isnull[i] = input->isnull[input->map[i]];
		}
	}
	if (input->net)
		dbsp_batch_add(input->net, slot->tts_values, slot->tts_isnull, item->weight);
	else
		push_slot(input, item->weight);
}

/* ---- a fold's rows ---- */

void
dbsp_input_begin(DbspInput *input, bool net)
{
	input->net = NULL;
	if (!net)
		return;
	if (input->net_type == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(input));

		input->net_type = dbsp_batch_type_make(dbsp_row_desc(input->op->plan->rowtype), 0, NULL, NIL, NULL, false);
		MemoryContextSwitchTo(old);
	}
	input->net = dbsp_batch_begin(input->net_type, CurrentMemoryContext);
}

void
dbsp_input_end(DbspInput *input)
{
	DbspBatch  *net = input->net;
	TupleTableSlot *slot = input->slot;
	int			natts = slot->tts_tupleDescriptor->natts;
	DbspBatchRow row;

	if (net == NULL)
		return;
	input->net = NULL;
	dbsp_batch_sort(net);
	while (dbsp_batch_next_net(net, &row))
	{
		ExecClearTuple(slot);
		memcpy(slot->tts_values, row.values, natts * sizeof(Datum));
		memcpy(slot->tts_isnull, row.isnull, natts * sizeof(bool));
		push_slot(input, row.weight);
	}
	dbsp_batch_end(net);
}
