/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_spin.h - whether a loop that has nothing to do looks for events for a little while before it
 * sleeps. To be woken takes the kernel longer than a short request takes us; to look keeps the
 * processor from others. So it looks only where that has been worth it: when the last waits were
 * all shorter than it would look, and each time it looked in vain (the other side may want this
 * very processor), twice as many of them have to be.
 */
#ifndef IO_UV_SPIN_H
#define IO_UV_SPIN_H

#include <stdbool.h>
#include <stdint.h>

enum {
	REAL_SPIN_AFTER_MIN = 8, /* short waits in a row */
	REAL_SPIN_AFTER_MAX = 1 << 14,
	REAL_SPIN_TRUSTED = 64, /* waits that were cut short; then it is as if it never failed */
	REAL_SPIN_SLEPT = 3,    /* a wait with sleep is short up to so many times the limit: two
				 * have to be woken, the other side and we */
};

struct real_spin {
	uint64_t limit_ns; /* of a look; 0: never */
	unsigned after;    /* so many short waits in a row; 0: REAL_SPIN_AFTER_MIN */
	unsigned in_row;   /* there were */
	unsigned cut;      /* of these it was looking in so many */
};

static inline bool real_spin_wanted(const struct real_spin *spin)
{
	unsigned after = spin->after ? spin->after : REAL_SPIN_AFTER_MIN;

	return spin->limit_ns > 0 && spin->in_row >= after;
}

/* A wait of so many ns is over; looked: it began with a look, that found something or not. */
static inline void real_spin_waited(struct real_spin *spin, uint64_t ns, bool looked, bool found)
{
	if (looked && !found) {
		spin->after = spin->after ? 2 * spin->after : 2 * REAL_SPIN_AFTER_MIN;
		if (spin->after > REAL_SPIN_AFTER_MAX)
			spin->after = REAL_SPIN_AFTER_MAX;
	}
	if ((looked && !found) || ns > spin->limit_ns * (looked ? 1 : REAL_SPIN_SLEPT)) {
		spin->in_row = spin->cut = 0;
		return;
	}
	if (spin->in_row < REAL_SPIN_AFTER_MAX)
		spin->in_row++;
	spin->cut += looked;
	if (spin->cut == REAL_SPIN_TRUSTED) {
		spin->after = 0;
		spin->cut = 0;
	}
}

#endif
