/*
 * SELECT g, count(*), sum(v) FROM A GROUP BY g: the stored row of a group is
 * found, changed and written back.
 *
 * delta[g] of a transaction is the version of the group's row that it wrote: 0
 * none, 1 the row deleted, else 2 + 4 count + sum.
 */
#ifndef NT
#define NT 2
#endif
#ifndef NA
#define NA 2
#endif
#define NR NA
#define NKEYS 2
#define NOPS 1
#define NVIEWS 1
#define NINNER 1
#define NCELLS NKEYS
/* 2 + 2 g + v */
#define CONTENTS(r) 5

#include "options.inc"
#include "rows.inc"
#include "locks.inc"
#include "transaction.inc"

c_code {
	static int counts(int content, int g) { return content >= 2 && (content - 2) / 2 == g; }
	static int sums(int content, int g) { return counts(content, g) ? (content - 2) % 2 : 0; }
	static int group_row(int count, int sum) { return count == 0 && sum == 0 ? 1 : 2 + 4 * count + sum; }
	static int op_view(int op) { return 0; }

	static int mode_for_key(int t, int op, int g) {
		for (int r = 0; r < NR; r++) {
			int old = old_image(t, 0, r), new = new_image(t, r);
			if (touches(old, new, counts(old, g), counts(new, g))) return EXCLUSIVE;
		}
		return 0;
	}

	static int expected(int g, int snapshot, int t, int initially) {
		int count = 0, sum = 0;
		for (int r = 0; r < NR; r++) {
			int content = initially ? now.initial[r] : t < 0 ? seen(r, snapshot) : own(t, r, snapshot);
			count += counts(content, g);
			sum += sums(content, g);
		}
		return group_row(count, sum);
	}

	static int stored(int g, int snapshot, int t) {
		int u = cell_writer(g, snapshot, t);
		return u < 0 ? expected(g, 0, -1, 1) : now.part[u].delta[g];
	}

	static int view_is_right(int view, int snapshot, int t) {
		for (int g = 0; g < NKEYS; g++)
			if (stored(g, snapshot, t) != expected(g, snapshot, t, 0)) return 0;
		return 1;
	}

	static void step(int t, int op, int snapshot, int second) {
		for (int g = 0; g < NKEYS; g++) {
			int count = 0, sum = 0, row = stored(g, snapshot, t);
			for (int r = 0; r < NR; r++) {
				count += counts(new_image(t, r), g) - counts(old_image(t, 0, r), g);
				sum += sums(new_image(t, r), g) - sums(old_image(t, 0, r), g);
			}
			if (count == 0 && sum == 0) continue;
			check_cell(t, g);
			if (row > 1) { count += (row - 2) / 4; sum += (row - 2) % 4; }
			now.part[t].delta[g] = group_row(count, sum);
		}
	}

	static int both_show_the_same(int t, int op, int snapshot, int first) {
		for (int g = 0; g < NKEYS && !weak(NO_CHECK); g++)
			if (mode_for_key(t, op, g) && cell_writer(g, snapshot, t) != cell_writer(g, first, t)) return 0;
		return 1;
	}
};
