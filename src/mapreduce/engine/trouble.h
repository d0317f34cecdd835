/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trouble.h - what is remembered of a task that failed: where, which of its records are bad, and
 * how far the search for the bad record of a block has come (paper section 4.6). Tasks that never
 * fail have none.
 */
#ifndef MR_TROUBLE_H
#define MR_TROUBLE_H

#include "bisect.h"

enum { MR_SUSPECTS_MAX = 8 }; /* positions remembered; the oldest is forgotten */

struct mr_suspect {
	struct mr_position position;
	bool block;
};

struct mr_trouble {
	uint32_t skip_count;
	struct mr_position skips[MR_SKIPS_MAX]; /* sorted */
	uint32_t suspect_count;                 /* ever; the newest are kept */
	struct mr_suspect suspects[MR_SUSPECTS_MAX];
	bool probing; /* the next attempt is a probe of bisect */
	bool killed;  /* the probe was killed from outside once: not believed yet */
	bool outside; /* so was the block, twice: a killed probe is believed */
	struct mr_bisect bisect;
	struct mr_failure failure; /* the last that named a position */
};

enum mr_trouble_next {
	MR_TROUBLE_COUNT, /* a failure like any other: counts against the tries of the task */
	MR_TROUBLE_AGAIN, /* run on, nothing is counted */
	MR_TROUBLE_BAD,   /* trouble->failure.position is a bad record */
};

/* The attempt failed; probe says whether it was one. */
enum mr_trouble_next mr_trouble_failed(struct mr_trouble *trouble, const struct mr_failure *failure,
				       bool probe);
/* A probe succeeded. Never MR_TROUBLE_BAD. */
enum mr_trouble_next mr_trouble_lived(struct mr_trouble *trouble);

/* Adds the bad record that was found to the skips; false if it is there already (then skipping it
 * did not help). There must be room. */
bool mr_trouble_skip(struct mr_trouble *trouble);

#endif
