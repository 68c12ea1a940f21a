/*
 * A JOIN B ON key: two base tables, one operator.
 *
 * Rows of A have a key and something else, which the view shows; rows of B
 * have a key.  Rows of the view: (row of A, row of B), stored under that key.
 *
 *		d(A x B) = dA x Bnew - dA x dB + Anew x dB
 *
 * with one snapshot after the locks; A's rows lock LEFT, B's RIGHT.
 */
#ifndef NT
#define NT 2
#endif
#ifndef NA
#define NA 1
#endif
#ifndef NB
#define NB 1
#endif
#define NR (NA + NB)
#define NKEYS 2
#define NOPS 1
#define NVIEWS 1
#define NINNER 1
#define NCELLS (NA * NB * NKEYS * 2)
#define CONTENTS(r) ((r) < NA ? 1 + 2 * NKEYS : 1 + NKEYS)

#include "options.inc"
#include "rows.inc"
#include "locks.inc"
#include "views.inc"
#include "transaction.inc"

c_code {
	static int key_of(int r, int content) { return content < 2 ? -1 : r < NA ? (content - 2) / 2 : content - 2; }
	static int a_is(int content, int key, int other) { return content == 2 + 2 * key + other; }
	static int b_is(int content, int key) { return content == 2 + key; }

	static int cell(int a, int b, int key, int other) { return ((a * NB + b) * NKEYS + key) * 2 + other; }
	static int cell_view(int cell) { return 0; }
	static int stored_row(int cell) { return cell / (NKEYS * 2); }
	static int op_view(int op) { return 0; }

	static void query(const int *rows, int *cells) {
		for (int a = 0; a < NA; a++)
			for (int b = 0; b < NB; b++)
				for (int i = 0; i < NKEYS * 2; i++)
					cells[cell(a, b, i / 2, i % 2)] = a_is(rows[a], i / 2, i % 2) && b_is(rows[NA + b], i / 2);
	}

	static int mode_for_key(int t, int op, int key) {
		int mode = 0;
		for (int r = 0; r < NR; r++) {
			int old = old_image(t, 0, r), new = new_image(t, r);
			if (touches(old, new, key_of(r, old) == key, key_of(r, new) == key)) mode |= r < NA ? LEFT : RIGHT;
		}
		if (weak(LEFT_ONLY)) return mode & LEFT ? BOTH : 0;
		if (weak(SAME_MODE)) return mode ? LEFT : 0;
		return mode;
	}

	static void step(int t, int op, int snapshot, int second) {
		for (int a = 0; a < NA; a++)
			for (int b = 0; b < NB; b++)
				for (int i = 0; i < NKEYS * 2; i++) {
					int key = i / 2, other = i % 2, r = NA + b;
					int da = a_is(new_image(t, a), key, other) - a_is(old_image(t, 0, a), key, other);
					int db = b_is(new_image(t, r), key) - b_is(old_image(t, 0, r), key);
					int anew = a_is(own(t, a, snapshot), key, other);
					int bnew = b_is(own(t, r, snapshot), key);
					add_to_view(t, cell(a, b, key, other), da * bnew - (weak(NO_PRODUCT) ? 0 : da * db) + anew * db);
				}
	}

	/* Rows of the other side with the key that either snapshot shows. */
	static int both_show_the_same(int t, int op, int snapshot, int first) {
		if (weak(NO_CHECK)) return 1;
		for (int key = 0; key < NKEYS; key++) {
			int mode = mode_for_key(t, op, key), there_count = 0, gone_count = 0;
			for (int r = 0; r < NR; r++) {
				int there = key_of(r, seen(r, snapshot)) == key, gone = key_of(r, seen(r, first)) == key;
				if (now.part[t].value[r] || !(mode & (r < NA ? RIGHT : LEFT))) continue;
				there_count += there;
				gone_count += gone;
				if (weak(COUNT_CHECK)) continue;
				if ((there || (gone && !weak(NEW_CHECK))) && writer(r, snapshot) != writer(r, first)) return 0;
			}
			if (weak(COUNT_CHECK) && there_count != gone_count) return 0;
		}
		return 1;
	}
};
