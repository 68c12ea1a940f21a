/*
 * (A JOIN B ON j) JOIN C ON k: operator 0 is the inner join, operator 1 the
 * outer one, whose left keys come out of the first one's probes.
 *
 * A JOIN B is not stored: a delta of C finds its rows in B by k and then in A
 * by j, under the snapshot of operator 1 and without locks of operator 0.
 */
#ifndef NT
#define NT 2
#endif
#ifndef NA
#define NA 1
#endif
#define NB 1
#define NC 1
#define NR (NA + NB + NC)
#define B NA
#define C (NA + NB)
#define NKEYS 2
#define NOPS 2
#define NVIEWS 1
#define NINNER (NA * 4)
#define NCELLS (NA * 4)
/* A: j; B: j and k; C: k.  K_ONLY: B changes its k only. */
#ifdef K_ONLY
#define CONTENTS(r) 3
#else
#define CONTENTS(r) ((r) == B ? 5 : 3)
#endif

#include "options.inc"
#include "rows.inc"
#include "locks.inc"
#include "views.inc"
#include "transaction.inc"

c_code {
	/* Contents of B are 2 + 2 j + k. */
	static int j_of(int r, int content) { return content < 2 || r == C ? -1 : r == B ? (content - 2) >> 1 : content - 2; }
	static int k_of(int r, int content) { return content < 2 || r < B ? -1 : r == B ? (content - 2) & 1 : content - 2; }
	static int b_is(int content, int j, int k) { return content == 2 + 2 * j + k; }

	static int cell(int a, int j, int k) { return a * 4 + 2 * j + k; }
	static int cell_view(int cell) { return 0; }
	static int stored_row(int cell) { return cell / 4; }
	static int op_view(int op) { return 0; }
	static signed char *inner_of(int t) { return (signed char *) &now.inner[t * NINNER]; }

	static void query(const int *rows, int *cells) {
		for (int c = 0; c < NCELLS; c++) {
			int a = c / 4, j = c / 2 % 2, k = c % 2;
			cells[c] = j_of(a, rows[a]) == j && b_is(rows[B], j, k) && k_of(C, rows[C]) == k;
		}
	}

	static int mode_of_join(int t, int key) {
		int mode = 0;
		for (int r = 0; r < C; r++) {
			int old = old_image(t, 0, r), new = new_image(t, r);
			if (touches(old, new, j_of(r, old) == key, j_of(r, new) == key)) mode |= r < B ? LEFT : RIGHT;
		}
		return mode;
	}

	static int mode_for_key(int t, int op, int key) {
		int old = old_image(t, 0, C), new = new_image(t, C), mode = 0;
		if (op == 0) mode = mode_of_join(t, key);
		else {
			for (int i = 0; i < NINNER; i++)
				if (i % 2 == key && inner_of(t)[i])
					if (!weak(inner_of(t)[i] > 0 ? OLD_ONLY : NEW_ONLY)) mode |= LEFT;
			if (touches(old, new, k_of(C, old) == key, k_of(C, new) == key)) mode |= RIGHT;
		}
		return weak(LEFT_ONLY) ? (mode & LEFT ? BOTH : 0) : mode;
	}

	static void step(int t, int op, int snapshot, int second) {
		for (int i = 0; i < NCELLS; i++) {
			int a = i / 4, j = i / 2 % 2, k = i % 2;
			int bnew = b_is(own(t, B, snapshot), j, k);
			if (op == 0) {
				int da = (j_of(a, new_image(t, a)) == j) - (j_of(a, old_image(t, 0, a)) == j);
				int db = b_is(new_image(t, B), j, k) - b_is(old_image(t, 0, B), j, k);
				inner_of(t)[i] = da * bnew - da * db + (j_of(a, own(t, a, snapshot)) == j) * db;
			} else {
				int dab = inner_of(t)[i];
				int dc = (k_of(C, new_image(t, C)) == k) - (k_of(C, old_image(t, 0, C)) == k);
				int abnew = bnew && j_of(a, own(t, a, second)) == j;
				add_to_view(t, i, dab * (k_of(C, own(t, C, snapshot)) == k) - dab * dc + abnew * dc);
			}
		}
	}

	/* The row of another transaction is one version in both snapshots, or has the key in neither. */
	static int same_row(int t, int r, int snapshot, int first, int (*key_of)(int r, int content), int key) {
		if (now.part[t].value[r]) return 1;
		if (key_of(r, seen(r, snapshot)) != key && key_of(r, seen(r, first)) != key) return 1;
		return writer(r, snapshot) == writer(r, first);
	}

	static int same_composite(int t, int key, int snapshot, int first) {
		int snapshots[2] = {snapshot, first};
		for (int i = 0; i < 2; i++) {
			int content = own(t, B, snapshots[i]);
			if (k_of(B, content) != key) continue;
			if (!same_row(t, B, snapshot, first, k_of, key)) return 0;
			for (int a = 0; a < NA; a++)
				if (!same_row(t, a, snapshot, first, j_of, j_of(B, content))) return 0;
		}
		return 1;
	}

	static int both_show_the_same(int t, int op, int snapshot, int first) {
		if (weak(NO_CHECK)) return 1;
		for (int key = 0; key < NKEYS; key++) {
			int mode = mode_for_key(t, op, key);
			if (op == 0)
				for (int r = 0; r < C; r++)
					if ((mode & (r < B ? RIGHT : LEFT)) && !same_row(t, r, snapshot, first, j_of, key)) return 0;
			if (op == 1 && (mode & LEFT) && !same_row(t, C, snapshot, first, k_of, key)) return 0;
			if (op == 1 && (mode & RIGHT) && !same_composite(t, key, snapshot, first)) return 0;
		}
		return 1;
	}
};
