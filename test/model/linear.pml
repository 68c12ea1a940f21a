/*
 * SELECT x FROM A, without other operators: the sink alone.
 *
 * View 0 has no key: a row of weight 2 is two stored rows.  Additions take no
 * lock; a removal locks the row's image, and takes any stored row of it.
 * View 1 has A's key, and no locks: A's own row locks order the writers.
 *
 * delta[] of a transaction: for each place of view 0's table the image that it
 * inserted there, plus REMOVED if it removed what is there; for each row of
 * view 1 the version that it wrote (1: removed).  The first NR places are the
 * initial rows'.
 */
#ifndef NT
#define NT 2
#endif
#ifndef NA
#define NA 2
#endif
#define NR NA
#define NPLACES (NR + 2 * NT)
#define NKEYS 2
#define NOPS 2
#define NVIEWS 2
#define NINNER 1
#define NCELLS (NPLACES + NR)
#define CONTENTS(r) 3
#define REMOVED 128

#include "options.inc"
#include "rows.inc"
#include "locks.inc"
#include "transaction.inc"

c_code {
	static int op_view(int op) { return op; }

	static int net(int t, int view, int image) {
		int weight = 0;
		for (int r = 0; r < NR; r++) weight += (new_image(t, r) == image) - (old_image(t, view, r) == image);
		return weight;
	}

	static int mode_for_key(int t, int op, int key) {
		if (op == 1) return pending(t, 2) ? INTENT : 0;
		if (net(t, 0, 2 + key) < 0) return weak(NO_REMOVAL_LOCK) ? INTENT : EXCLUSIVE;
		return net(t, 0, 2 + key) > 0 ? INTENT : 0;
	}

	/* ---- view 0 ---- */

	static int placed_initially(int place) { return place < NR && now.initial[place] > 1; }

	/* The image of the stored row there that t sees with the snapshot, or 0. */
	static int image_at(int place, int snapshot, int t) {
		int image = placed_initially(place) ? now.initial[place] : 0;
		for (int u = 0; u < NT; u++)
			if ((in(u, snapshot) || u == t) && (now.part[u].delta[place] & ~REMOVED))
				image = now.part[u].delta[place] & ~REMOVED;
		for (int u = 0; u < NT; u++)
			if ((in(u, snapshot) || u == t) && (now.part[u].delta[place] & REMOVED)) image = 0;
		return image;
	}

	static void insert_image(int t, int image) {
		for (int place = 0; place < NPLACES; place++) {
			int used = placed_initially(place);
			for (int u = 0; u < NT; u++) used |= now.part[u].delta[place] | now.saved[u].delta[place];
			if (used) continue;
			now.part[t].delta[place] = image;
			return;
		}
		uerror("the model has too few places");
	}

	static void remove_image(int t, int image, int snapshot) {
		for (int place = 0; place < NPLACES; place++) {
			if (image_at(place, snapshot, t) != image) continue;
			for (int u = 0; u < NT; u++)
				if (u != t && (now.part[u].delta[place] & REMOVED)) uerror("two transactions remove one row of a view");
			now.part[t].delta[place] |= REMOVED;
			return;
		}
		uerror("a row to be removed is missing");
	}

	static int same_images(int t, int image, int snapshot, int first) {
		int count = 0, same = 1;
		for (int place = 0; place < NPLACES; place++) {
			int there = image_at(place, snapshot, t) == image, was = image_at(place, first, t) == image;
			count += there - was;
			same &= there == was;
		}
		return weak(COUNT_CHECK) ? count == 0 : same;
	}

	/* ---- both views ---- */

	static int stored_version(int r, int snapshot, int t) {
		int u = cell_writer(NPLACES + r, snapshot, t);
		return u < 0 ? now.initial[r] : now.part[u].delta[NPLACES + r];
	}

	static int view_is_right(int view, int snapshot, int t) {
		int weights[4] = {0};
		for (int r = 0; r < NR; r++) {
			int content = t < 0 ? seen(r, snapshot) : own(t, r, snapshot);
			weights[content]++;
			if (view == 1 && stored_version(r, snapshot, t) != content) return 0;
		}
		for (int place = 0; view == 0 && place < NPLACES; place++) weights[image_at(place, snapshot, t)]--;
		return view == 1 || (weights[2] == 0 && weights[3] == 0);
	}

	static void step(int t, int op, int snapshot, int second) {
		for (int image = 2; op == 0 && image < 4; image++) {
			int weight = net(t, 0, image);
			for (int i = 0; i < weight; i++) insert_image(t, image);
			for (int i = 0; i > weight; i--) remove_image(t, image, snapshot);
		}
		for (int r = 0; op == 1 && r < NR; r++) {
			if (old_image(t, 1, r) == new_image(t, r)) continue;
			check_cell(t, NPLACES + r);
			if (stored_version(r, snapshot, t) != old_image(t, 1, r)) uerror("a row to be changed is another one");
			now.part[t].delta[NPLACES + r] = new_image(t, r);
		}
	}

	static int both_show_the_same(int t, int op, int snapshot, int first) {
		for (int image = 2; op == 0 && image < 4; image++)
			if (net(t, 0, image) < 0 && !weak(NO_CHECK) && !same_images(t, image, snapshot, first)) return 0;
		for (int r = 0; op == 1 && r < NR; r++)
			if (old_image(t, 1, r) != new_image(t, r) && old_image(t, 1, r) > 1 &&
				cell_writer(NPLACES + r, snapshot, t) != cell_writer(NPLACES + r, first, t)) return 0;
		return 1;
	}
};
