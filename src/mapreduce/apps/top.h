/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top.h - the few greatest of many counted texts: greatest number first, equal numbers in the order
 * of bytes.
 *
 *     struct mr_top top = {.max = 10};
 *     mr_top_add(&top, text, number, error);   // as often as there are texts
 *     mr_top_sort(&top);                       // top.items[0..count), best first
 *     mr_top_clear(&top);                      // and on to the next
 *     mr_top_done(&top);
 */
#ifndef MR_TOP_H
#define MR_TOP_H

#include <groundwork/base.h>

enum { MR_TOP_MAX = 1000000 };

struct mr_top_item {
	char *text; /* a copy */
	size_t size;
	int64_t number;
};

struct mr_top {
	size_t max;		   /* how many are kept, at most MR_TOP_MAX */
	struct mr_top_item *items; /* a heap, worst first, until it is sorted */
	size_t count, capacity;
};

int mr_top_add(struct mr_top *top, struct gw_bytes text, int64_t number,
	       struct gw_error *error) GW_MUST_CHECK;

/* Puts the best first; only clear or done may follow. */
void mr_top_sort(struct mr_top *top);

void mr_top_clear(struct mr_top *top);
void mr_top_done(struct mr_top *top);

#endif
