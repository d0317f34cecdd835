/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chaos_fixture.h - a run in which everything happens: nodes that connect, talk, write files, post
 * and offload as chance decides, and a fault every few milliseconds. For tests that want much of
 * everything: that the same seed gives the same run, and that the simulator bears its own faults.
 */
#ifndef SIM_CHAOS_FIXTURE_H
#define SIM_CHAOS_FIXTURE_H

#include "sim/sim.h"

enum { CHAOS_NODES = 4 };

struct chaos_result {
	uint64_t hash, events;
	uint64_t counts[SIM_COUNTS];
};

/* Runs the seed for so long. With garbage, what malloc returns was used before, so that bytes which
 * nobody set are others than in a run without. */
void chaos_run(uint64_t seed, uint64_t ns, bool garbage, struct chaos_result *result);

/* One fault by chance, and the next one a little later; context: the struct sim. */
void chaos_fault(void *context);

#endif
