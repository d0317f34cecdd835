/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_raft.c - the workload raft: cores of the replicated log in a world of their own
 * (raft_world.h), several worlds a seed. Nothing of the simulator is used but its seed: a core has
 * no disk, network or clock, and the world takes it through more in a second than a cluster.
 */
#include "sim/raft_world.h"
#include "sim/workload.h"

#include "io/io.h"

#include <inttypes.h>

enum { WORLDS = 64, STEPS = 4000 };

static int set_up(struct sim_run *run, struct gw_error *error)
{
	struct sim_node *node = sim_node_add(run->sim, "world", NULL);
	struct raft_world_result result;

	sim_node_start(node); /* its io knows what is planted */
	for (uint64_t i = 0; i < WORLDS; i++) {
		raft_world_run(run->seed * WORLDS + i, STEPS, sim_node_io(node)->rare, &result);
		sim_note(run->sim, node, "a world ends", (int64_t)result.hash);
		if (result.wrong[0])
			return gw_fail(error, GW_E_CORRUPT, "world %" PRIu64 ": %s", i,
				       result.wrong);
	}
	return 0;
}

static bool converged(struct sim_run *run)
{
	(void)run;
	return true;
}

static int check_end(struct sim_run *run, struct gw_error *error)
{
	(void)run;
	(void)error;
	return 0;
}

static void done(struct sim_run *run)
{
	(void)run;
}

static const struct sim_bug bugs[] = {
	{"raft.vote-not-saved", "a vote is told before it is durable"},
	{"raft.answer-not-saved", "entries are acknowledged to the leader before they are durable"},
	{"raft.commit-by-counting", "entries of earlier terms are committed by counting"},
	{"raft.longer-log-wins", "votes go to the longer log, whatever its last term"},
	{"raft.many-changes", "two voters are changed at once"},
	{"raft.no-first-entry", "a leader begins without an entry of its own"},
	{"raft.read-without-round", "a leader answers reads without asking the others"},
	{"raft.lease-past-drift", "a lease is longer by the drift of clocks, not shorter"},
	{"raft.lease-kept", "a leader that asked another one to lead goes on by its lease"},
	{"raft.start-unpromised", "who was started votes, whatever its last life has promised"},
	{"raft.promise-broken", "who is told to campaign does, whatever it has promised"},
	{0},
};

const struct sim_workload sim_raft = {
	.name = "raft",
	.about = "cores of the replicated log in worlds of their own; all commit the same",
	.setup = set_up,
	.converged = converged,
	.check_end = check_end,
	.done = done,
	.bugs = bugs,
};
