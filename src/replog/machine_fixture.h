/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine_fixture.h - a state machine for tests: it keeps all entries in order, one after the other
 * as bytes, and answers with how many there are.
 */
#ifndef REPLOG_MACHINE_FIXTURE_H
#define REPLOG_MACHINE_FIXTURE_H

#include "replog/replog.h"

struct machine_state {
	struct base_buffer bytes; /* of all entries: 4 bytes size, 8 wall_ms, bytes */
	uint64_t count;
	uint64_t applied;         /* the last entry's index */
	uint64_t wall_ms;
	/* What a test may look at and set. */
	uint64_t runs, restores, roles, freezes;
	bool is_restoring, in_run;
	int fail_at;              /* apply fails at this count; 0: never */
	const char *wrong;        /* the first thing that must not be */
	/* Called for each entry; may be NULL. */
	void (*applied_one)(void *context, const struct replog_entry *entry);
	void *context;
};

extern const struct replog_machine machine_fixture;

void machine_state_done(struct machine_state *state);
/* The n-th entry's bytes, from 0; size 0: there is none. */
struct gw_bytes machine_entry(const struct machine_state *state, uint64_t n);

#endif
