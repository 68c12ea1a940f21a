/*
 * A JOIN (SELECT g, count(*) AS n FROM B GROUP BY g) ON j = g: one side of the
 * join is stored, by an operator of the same view.
 *
 * Operator 0, the aggregate, changes the stored row of the group and hands
 * minus its old and plus its new row on.  Operator 1, the join, finds A's rows
 * in the base table and the aggregate's in what is stored.
 *
 * delta[]: for each group the version of its stored row (1 + count), then the
 * weights of the view's rows (a, g, n).
 */
#ifndef NT
#define NT 2
#endif
#define NA 1
#ifndef NB
#define NB 2
#endif
#define NR (NA + NB)
#define NKEYS 2
#define NOPS 2
#define NVIEWS 1
#define NINNER (NKEYS * (NB + 1))
#define NCELLS (NKEYS + NA * NKEYS * (NB + 1))
#define CONTENTS(r) (1 + NKEYS)

#include "options.inc"
#include "rows.inc"
#include "locks.inc"
#include "transaction.inc"

c_code {
	static int has(int content, int key) { return content == 2 + key; }
	static int op_view(int op) { return 0; }
	static int cell(int a, int g, int n) { return NKEYS + (a * NKEYS + g) * (NB + 1) + n; }
	static signed char *inner_of(int t, int g) { return (signed char *) &now.inner[t * NINNER + g * (NB + 1)]; }

	static int mode_for_key(int t, int op, int key) {
		int mode = 0;
		for (int r = 0; r < NR; r++) {
			int old = old_image(t, 0, r), new = new_image(t, r);
			if (!touches(old, new, has(old, key), has(new, key))) continue;
			if (op == 0 && r >= NA) return EXCLUSIVE;
			if (op == 1 && r < NA) mode |= LEFT;
		}
		for (int n = 0; op == 1 && n <= NB; n++)
			if (inner_of(t, key)[n] && !weak(inner_of(t, key)[n] > 0 ? OLD_ONLY : NEW_ONLY)) mode |= RIGHT;
		return weak(LEFT_ONLY) && op == 1 ? (mode & LEFT ? BOTH : 0) : mode;
	}

	static int count_of(const int *rows, int g) {
		int n = 0;
		for (int r = NA; r < NR; r++) n += has(rows[r], g);
		return n;
	}

	static void initial_rows(int *rows) {
		for (int r = 0; r < NR; r++) rows[r] = now.initial[r];
	}

	/* The group's count as stored. */
	static int stored(int g, int snapshot, int t) {
		int rows[NR], u = cell_writer(g, snapshot, t);
		initial_rows(rows);
		return u < 0 ? count_of(rows, g) : now.part[u].delta[g] - 1;
	}

	static int view_is_right(int view, int snapshot, int t) {
		int rows[NR], before[NR];
		initial_rows(before);
		for (int r = 0; r < NR; r++) rows[r] = t < 0 ? seen(r, snapshot) : own(t, r, snapshot);
		for (int g = 0; g < NKEYS; g++) {
			if (stored(g, snapshot, t) != count_of(rows, g)) return 0;
			for (int a = 0; a < NA; a++)
				for (int n = 1; n <= NB; n++) {
					int weight = has(before[a], g) && count_of(before, g) == n;
					for (int u = 0; u < NT; u++)
						if (in(u, snapshot) || u == t) weight += (signed char) now.part[u].delta[cell(a, g, n)];
					if (weight != (has(rows[a], g) && count_of(rows, g) == n)) return 0;
				}
		}
		return 1;
	}

	/* A group that is gone has no row: n = 0 is nothing. */
	static void step_aggregate(int t, int g, int snapshot) {
		int change = 0, old = stored(g, snapshot, t);
		for (int r = NA; r < NR; r++) change += has(new_image(t, r), g) - has(old_image(t, 0, r), g);
		if (change == 0) return;
		check_cell(t, g);
		now.part[t].delta[g] = 1 + old + change;
		if (old > 0) inner_of(t, g)[old]--;
		if (old + change > 0) inner_of(t, g)[old + change]++;
	}

	static void step_join(int t, int g, int snapshot) {
		for (int a = 0; a < NA; a++)
			for (int n = 1; n <= NB; n++) {
				int da = has(new_image(t, a), g) - has(old_image(t, 0, a), g), dn = inner_of(t, g)[n];
				int weight = da * (stored(g, snapshot, t) == n) - da * dn + has(own(t, a, snapshot), g) * dn;
				if (weight == 0) continue;
				for (int c = cell(a, 0, 0); c < cell(a + 1, 0, 0); c++) check_cell(t, c);
				now.part[t].delta[cell(a, g, n)] += weight;
			}
	}

	static void step(int t, int op, int snapshot, int second) {
		for (int g = 0; g < NKEYS; g++)
			if (op == 0) step_aggregate(t, g, snapshot);
			else step_join(t, g, snapshot);
	}

	static int both_show_the_same(int t, int op, int snapshot, int first) {
		for (int g = 0; g < NKEYS && !weak(NO_CHECK); g++) {
			int mode = mode_for_key(t, op, g);
			if ((op == 0 ? mode : mode & LEFT) && cell_writer(g, snapshot, t) != cell_writer(g, first, t)) return 0;
			for (int a = 0; op == 1 && (mode & RIGHT) && a < NA; a++)
				if (!now.part[t].value[a] && (has(seen(a, snapshot), g) || has(seen(a, first), g)) &&
					writer(a, snapshot) != writer(a, first)) return 0;
		}
		return 1;
	}
};
