/*
 * What one transaction has not folded yet: are marks over segments
 * (zset/deltas.c) the same as "ROLLBACK TO brings back what was pending at the
 * savepoint"?
 *
 * One process does everything in any order: record a change, TRUNCATE, fold
 * one view or all, create and drop view 1, SAVEPOINT, RELEASE, ROLLBACK TO.
 * Each change is one bit.  Beside the segments and marks, which are written as
 * deltas.c has them, stands what they mean: the set of pending changes of each
 * view, and a copy of these sets for every open savepoint.
 *
 * Changes and epochs are numbered anew after each action, as far as anything
 * still knows of them: so there is no bound on the length of the transaction,
 * only on the changes known at one time (statements=N).
 */
#define NVIEWS 2
#ifndef NLEVELS
#define NLEVELS 3					/* the transaction, and savepoints in savepoints */
#endif
#define NSEGMENTS 6
#define REPLACED 0					/* the layout of TRUNCATE's segments */
#define HOLDS(...) c_expr { (__VA_ARGS__) }

#include "options.inc"

/* ---- the meaning ---- */

typedef Meaning {
	byte pending[NVIEWS];			/* changes */
	bit exists[NVIEWS];
}
Meaning meaning[NLEVELS];			/* [level - 1]; below the current one: as of the savepoint */

/* ---- the implementation ---- */

typedef Segment { byte level, epoch, layout, changes }
typedef Marks { byte n; byte level[NLEVELS]; byte epoch[NLEVELS] }
Segment segment[NSEGMENTS];
byte nsegments;
Marks marks[NVIEWS];
byte current_epoch = 1;
byte level = 1;

c_code {
	typedef typeof(now.segment[0]) *SegmentPointer;

	static int folded_epoch(int view) {
		return now.marks[view].n > 0 ? now.marks[view].epoch[now.marks[view].n - 1] : 0;
	}

	static int folded_epoch_at(int view, int level) {
		for (int i = now.marks[view].n - 1; i >= 0; i--)
			if (now.marks[view].level[i] <= level) return now.marks[view].epoch[i];
		return 0;
	}

	static void remove_segment(int i) {
		for (; i + 1 < now.nsegments; i++) now.segment[i] = now.segment[i + 1];
		memset(&now.segment[--now.nsegments], 0, sizeof(now.segment[0]));
	}

	static void record(int layout, int change) {
		SegmentPointer tail = now.nsegments ? &now.segment[now.nsegments - 1] : NULL;
		if (!tail || tail->level != now.level || tail->epoch != now.current_epoch || tail->layout != layout) {
			if (now.nsegments == NSEGMENTS) uerror("the model has too few segments");
			tail = &now.segment[now.nsegments++];
			tail->level = now.level;
			tail->epoch = now.current_epoch;
			tail->layout = layout;
		}
		tail->changes |= change;
	}

	static int pending_changes(int view, int cut) {
		int found = 0;
		for (int i = 0; i < now.nsegments; i++)
			if (now.segment[i].epoch > folded_epoch(view) && now.segment[i].epoch <= cut) found |= now.segment[i].changes;
		return found;
	}

	static int is_pending(int view) {
		for (int i = now.nsegments - 1; i >= 0 && now.segment[i].epoch > folded_epoch(view); i--)
			if (now.segment[i].changes) return 1;
		return 0;
	}

	static void mark(int view, int level, int cut) {
		if (now.marks[view].n == 0 || now.marks[view].level[now.marks[view].n - 1] < level) {
			if (now.marks[view].n == NLEVELS) uerror("the segments and marks of a view are in disorder");
			now.marks[view].level[now.marks[view].n++] = level;
		}
		now.marks[view].epoch[now.marks[view].n - 1] = cut;
	}

	static int marked_between(int first, int second) {
		for (int v = 0; v < NVIEWS; v++)
			for (int i = 0; i < now.marks[v].n; i++)
				if (now.marks[v].epoch[i] >= first && now.marks[v].epoch[i] < second) return 1;
		return 0;
	}

	static void merge(int i, int j) {
		if (now.segment[j].epoch > now.segment[i].epoch) now.segment[i].epoch = now.segment[j].epoch;
		now.segment[i].changes |= now.segment[j].changes;
		remove_segment(j);
	}

	static int can_merge(int i, int j) {
		return now.segment[i].level == now.segment[j].level && now.segment[i].layout == now.segment[j].layout &&
			now.segment[i].layout != REPLACED;
	}

	static int exists(int view) { return now.meaning[now.level - 1].exists[view]; }

	static void trim(int level) {
		for (int i = now.nsegments - 1; i >= 0; i--) {
			int needed = now.segment[i].level < level && !weak(TRIM_OUTER);
			for (int v = 0; v < NVIEWS; v++) {
				if (exists(v) && now.segment[i].epoch > folded_epoch_at(v, now.segment[i].level)) needed = 1;
			}
			if (!needed) remove_segment(i);
		}
		for (int i = 0; i + 1 < now.nsegments;) {
			if (can_merge(i, i + 1) && (weak(MERGE_ANY) || !marked_between(now.segment[i].epoch, now.segment[i + 1].epoch)))
				merge(i, i + 1);
			else
				i++;
		}
	}

	static void subcommit(int level) {
		int first = now.nsegments;
		while (first > 0 && now.segment[first - 1].level >= level) first--;
		for (int i = first; i < now.nsegments; i++) now.segment[i].level = level - 1;
		if (first > 0 && first < now.nsegments && can_merge(first - 1, first) &&
			now.segment[first - 1].epoch == now.segment[first].epoch)
			merge(first - 1, first);
		for (int v = 0; v < NVIEWS; v++) {
			int n = now.marks[v].n;
			if (n == 0 || now.marks[v].level[n - 1] < level) continue;
			if (n > 1 && now.marks[v].level[n - 2] == level - 1) {
				now.marks[v].epoch[n - 2] = now.marks[v].epoch[n - 1];
				now.marks[v].n--;
			} else
				now.marks[v].level[n - 1] = level - 1;
		}
	}

	static void subabort(int level) {
		while (now.nsegments > 0 && now.segment[now.nsegments - 1].level >= level) remove_segment(now.nsegments - 1);
		for (int v = 0; v < NVIEWS && !weak(KEEP_MARKS); v++)
			while (now.marks[v].n > 0 && now.marks[v].level[now.marks[v].n - 1] >= level) now.marks[v].n--;
	}

	/* ---- numbering anew ---- */

	/* Of a mark's epoch only counts which segments have one up to it: that of the last of them does as well. */
	static void renumber_epochs(void) {
		unsigned char number[256] = {0};
		int n = 0;
		for (int i = 0; i < now.nsegments; i++) number[now.segment[i].epoch] = 1;
		number[now.current_epoch] = 1;
		for (int e = 1; e < 256; e++) number[e] = number[e] ? ++n : n;
		for (int i = 0; i < now.nsegments; i++) now.segment[i].epoch = number[now.segment[i].epoch];
		now.current_epoch = number[now.current_epoch];
		for (int v = 0; v < NVIEWS; v++)
			for (int i = 0; i < NLEVELS; i++) {
				if (i >= now.marks[v].n) now.marks[v].level[i] = now.marks[v].epoch[i] = 0;
				now.marks[v].epoch[i] = number[now.marks[v].epoch[i]];
			}
	}

	static int known_changes(void) {
		int known = 0;
		for (int i = 0; i < now.nsegments; i++) known |= now.segment[i].changes;
		for (int l = 0; l < NLEVELS; l++)
			for (int v = 0; v < NVIEWS; v++) known |= now.meaning[l].pending[v];
		return known;
	}

	static int renumber(int changes, int known) {
		int result = 0, n = 0;
		for (int i = 0; i < 8; i++)
			if (known >> i & 1) result |= (changes >> i & 1) << n++;
		return result;
	}

	static void renumber_all(void) {
		int known = known_changes();
		for (int i = 0; i < now.nsegments; i++) now.segment[i].changes = renumber(now.segment[i].changes, known);
		for (int l = 0; l < NLEVELS; l++)
			for (int v = 0; v < NVIEWS; v++) now.meaning[l].pending[v] = renumber(now.meaning[l].pending[v], known);
		renumber_epochs();
	}

	/* ---- actions ---- */

	static void check(void) {
		for (int v = 0; v < NVIEWS; v++) {
			int expected = now.meaning[now.level - 1].pending[v];
			if (!exists(v)) continue;
			if (pending_changes(v, 255) != expected) uerror("the segments and marks of a view say something else");
			if (is_pending(v) != (expected != 0)) uerror("the cheap test says something else");
		}
		renumber_all();
	}

	static int may_change(void) { return known_changes() >> (opt.statements - 1) == 0; }

	static void change(int layout) {
		int bit = known_changes() + 1;
		record(layout, bit);
		for (int v = 0; v < NVIEWS; v++)
			if (exists(v)) now.meaning[now.level - 1].pending[v] |= bit;
	}

	static int anything_pending(int views) {
		for (int v = 0; v < NVIEWS; v++)
			if ((views >> v & 1) && exists(v) && now.meaning[now.level - 1].pending[v]) return 1;
		return 0;
	}

	/* changing: a function of a view changes the table while it is folded. */
	static void fold(int views, int changing, int layout) {
		int cut = now.current_epoch++;
		for (int v = 0; v < NVIEWS; v++) {
			if (!(views >> v & 1) || !exists(v)) continue;
			if (pending_changes(v, cut) != now.meaning[now.level - 1].pending[v]) uerror("a fold gets something else");
			now.meaning[now.level - 1].pending[v] = 0;
		}
		if (changing) change(layout);
		for (int v = 0; v < NVIEWS; v++)
			if ((views >> v & 1) && exists(v)) mark(v, now.level, weak(MARK_NOW) ? now.current_epoch : cut);
		trim(now.level);
		check();
	}

	/* Created or rebuilt: what is in the tables is in the view. */
	static void create_view(int view) {
		now.meaning[now.level - 1].exists[view] = 1;
		now.meaning[now.level - 1].pending[view] = 0;
		mark(view, now.level, now.current_epoch++);
		check();
	}

	static void drop_view(int view) {
		now.meaning[now.level - 1].exists[view] = 0;
		now.meaning[now.level - 1].pending[view] = 0;
	}

	static void savepoint(void) {
		now.meaning[now.level] = now.meaning[now.level - 1];
		now.level++;
	}

	static void release(void) {
		subcommit(now.level);
		now.level--;
		now.meaning[now.level - 1] = now.meaning[now.level];
		memset(&now.meaning[now.level], 0, sizeof(now.meaning[0]));
		check();
	}

	/* ROLLBACK TO of an outer savepoint ends the inner ones so; the last one is started anew. */
	static void end_savepoint(void) {
		subabort(now.level);
		memset(&now.meaning[now.level - 1], 0, sizeof(now.meaning[0]));
		now.level--;
		check();
	}
};

init {
	byte views, layout;
	bit changing;

	atomic {
		c_code { read_options(); };
		meaning[0].exists[0] = 1;
		if :: meaning[0].exists[1] = 1 :: skip fi
	}
	do
	:: atomic { HOLDS(may_change()) ->
			if :: layout = 1 :: layout = 2 fi;		/* another one: the columns that are captured have changed */
			printf("  change, layout %d\n", layout); c_code { change(Pinit->layout); check(); };
			layout = 0
		}
	:: atomic { HOLDS(may_change()) -> printf("  TRUNCATE\n"); c_code { change(REPLACED); check(); } }
	:: atomic {
			if :: views = 1 :: views = 2 :: views = 3 fi;
			if :: HOLDS(may_change()) -> changing = 1 :: changing = 0 fi;
			if
			:: HOLDS(anything_pending(Pinit->views)) ->
				printf("  fold of views %d, changing the table %d\n", views, changing);
				c_code { fold(Pinit->views, Pinit->changing, 1); }
			:: else
			fi;
			views = 0; changing = 0
		}
	:: atomic { HOLDS(!exists(1)) -> printf("  create view 1\n"); c_code { create_view(1); } }
	:: atomic { HOLDS(exists(1)) -> printf("  drop view 1\n"); c_code { drop_view(1); check(); } }
	:: atomic { HOLDS(opt.savepoint && now.level < NLEVELS) -> printf("  SAVEPOINT\n"); c_code { savepoint(); check(); } }
	:: atomic { level > 1 -> printf("  RELEASE\n"); c_code { release(); } }
	:: atomic { level > 1 -> printf("  ROLLBACK TO: level %d ends\n", level); c_code { end_savepoint(); } }
	:: break
	od
}
