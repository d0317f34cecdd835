/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raft_world.h - cores of the replicated log in a world of the test's: messages that are
 * lost, doubled and late, disks that are slow and forget what was not synced, members that crash,
 * are cut off, come and go. Everything is drawn from a seed. What must never happen (figure 3 of
 * the paper, and reads that miss what was acknowledged) is checked at every step.
 */
#ifndef SIM_RAFT_WORLD_H
#define SIM_RAFT_WORLD_H

#include "replog/raft.h"

struct io_rare;

struct raft_world_result {
	char wrong[200]; /* "" when all is well */
	uint64_t steps, committed, elections, reads, changes, snapshots, crashes;
	uint64_t hash; /* of all actions */
};

/* One run of a seed; rare turns on planted mistakes, or is NULL. */
void raft_world_run(uint64_t seed, uint64_t steps, struct io_rare *rare,
		    struct raft_world_result *result);

#endif
