/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raft_world_fixture.h - cores of the replicated log in a world of the test's: messages that are
 * lost, doubled and late, disks that are slow and forget what was not synced, members that crash,
 * are cut off, come and go. Everything is drawn from a seed. What must never happen (figure 3 of
 * the paper, and reads that miss what was acknowledged) is checked at every step.
 */
#ifndef REPLOG_RAFT_WORLD_FIXTURE_H
#define REPLOG_RAFT_WORLD_FIXTURE_H

#include "replog/raft.h"

struct world;

struct world_result {
	char wrong[200]; /* "" when all is well */
	uint64_t steps, committed, elections, reads, changes, snapshots, crashes;
	uint64_t hash; /* of all actions */
};

/* One run of a seed; bug: the name of a planted mistake, or NULL. */
void world_run(uint64_t seed, uint64_t steps, const char *bug, struct world_result *result);

#endif
