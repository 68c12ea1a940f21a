/*
 * Two views: view 0 is SELECT DISTINCT j FROM A (operator 0), view 1 is A
 * anti-joined to B on j (operator 1).  A read folds one of them or both, so
 * each has marks of its own, and the order of locks is broken across folds.
 *
 * Of an anti-join only the outer side can share: two transactions that insert
 * the first b of a key must exclude each other.
 */
#ifndef NT
#define NT 2
#endif
#ifndef NA
#define NA 2
#endif
#ifndef NB
#define NB 1
#endif
#define NR (NA + NB)
#define NKEYS 2
#define NOPS 2
#define NVIEWS 2
#define NINNER 1
#define NCELLS (NA * NKEYS + NKEYS)
#define CONTENTS(r) (1 + NKEYS)

#include "options.inc"
#include "rows.inc"
#include "locks.inc"
#include "views.inc"
#include "transaction.inc"

c_code {
	static int has(int content, int key) { return content == 2 + key; }
	static int op_view(int op) { return op; }
	static int cell_view(int cell) { return cell < NA * NKEYS ? 1 : 0; }
	static int stored_row(int cell) { return cell; }

	static void query(const int *rows, int *cells) {
		for (int key = 0; key < NKEYS; key++) {
			int as = 0, bs = 0;
			for (int r = 0; r < NR; r++) *(r < NA ? &as : &bs) += has(rows[r], key);
			for (int a = 0; a < NA; a++) cells[a * NKEYS + key] = has(rows[a], key) && bs == 0;
			cells[NA * NKEYS + key] = as > 0;
		}
	}

	static int mode_for_key(int t, int op, int key) {
		int mode = 0;
		for (int r = 0; r < (op == 0 ? NA : NR); r++) {
			int old = old_image(t, op, r), new = new_image(t, r);
			if (touches(old, new, has(old, key), has(new, key))) mode |= r < NA ? LEFT : RIGHT;
		}
		if (op == 0 && mode) return EXCLUSIVE;
		return (mode & RIGHT) && !weak(SHARED_COUNT) ? EXCLUSIVE : mode;
	}

	/* Old is what the snapshot shows without the pending changes. */
	static void step(int t, int op, int snapshot, int second) {
		int rows[NR], before[NR], cells[NCELLS], old[NCELLS];
		for (int r = 0; r < NR; r++) {
			int folded = now.part[t].folded[op * NR + r];
			rows[r] = own(t, r, snapshot);
			before[r] = folded ? folded : seen(r, snapshot & ~(1 << t));
		}
		query(rows, cells);
		query(before, old);
		for (int c = 0; c < NCELLS; c++)
			for (int r = 0; r < (op == 0 ? NA : NR); r++) {
				int old_content = old_image(t, op, r), new_content = new_image(t, r), key = c % NKEYS;
				if (cell_view(c) != op || old_content == new_content) continue;
				if (!has(old_content, key) && !has(new_content, key)) continue;
				add_to_view(t, c, cells[c] - old[c]);
				break;
			}
	}

	static int both_show_the_same(int t, int op, int snapshot, int first) {
		for (int key = 0; key < NKEYS && !weak(NO_CHECK); key++) {
			if (!mode_for_key(t, op, key)) continue;
			for (int r = 0; r < (op == 0 ? NA : NR); r++)
				if (!now.part[t].value[r] && (has(seen(r, snapshot), key) || has(seen(r, first), key)) &&
					writer(r, snapshot) != writer(r, first)) return 0;
		}
		return 1;
	}
};
