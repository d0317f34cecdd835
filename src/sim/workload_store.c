/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_store.c - the disk of a member of a replicated log (src/replog/store.h) in the hands of
 * store_user.h, while its process is killed, its power lost and its disk full, slow or failing.
 */
#include "sim/store_user.h"
#include "sim/workload.h"

#include <stdlib.h>

enum { COMMITS_TO_CONVERGE = 30, FINAL_RECOVERIES = 3 };

struct state {
	struct store_user user;
	uint64_t commits_before; /* the healing */
	bool healed;
};

static void wrong(void *context, const char *sentence)
{
	sim_run_fail(context, "%s", sentence);
}

static int set_up(struct sim_run *run, struct gw_error *error)
{
	static const uint64_t waits_ms[] = {2, 20, 200}, large_every[] = {4, 40, 400};
	struct state *state = calloc(1, sizeof(*state));
	struct sim_program program = store_user_program;

	if (!state)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a workload");
	run->state = state;
	store_user_init(&state->user);
	program.argument = &state->user;
	state->user.node = sim_node_add(run->sim, "member", &program);
	state->user.segment_bytes = REPLOG_SEGMENT_BYTES_MIN << sim_draw(run->sim, 3);
	state->user.wait_ns_max = waits_ms[sim_draw(run->sim, 3)] * SIM_MS;
	state->user.without_snapshots = sim_draw(run->sim, 6) == 0;
	state->user.large_every = large_every[sim_draw(run->sim, 3)];
	state->user.is_quiet = sim_draw(run->sim, 4) == 0;
	state->user.dies = state->user.is_quiet;
	if (state->user.is_quiet) {
		state->user.segment_bytes = REPLOG_SEGMENT_BYTES_MIN;
		state->user.without_snapshots = false;
	}
	state->user.wrong = wrong;
	state->user.context = run;
	sim_atlas_add(&run->atlas, &(struct sim_group){
		.nodes = UINT64_C(1) << sim_node_index(state->user.node),
		.down_max = 1,
		.bears = SIM_FAULTS_PROCESS | SIM_FAULTS_POWER | SIM_FAULTS_CLOCK |
			 SIM_FAULTS_DISK,
		.in_order = sim_draw(run->sim, 2),
	});
	sim_node_start(state->user.node);
	return 0;
}

static bool converged(struct sim_run *run)
{
	struct state *state = run->state;

	if (!state->healed) {
		state->healed = true;
		state->user.dies = false;
		state->commits_before = state->user.commits;
	}
	return state->user.commits >= state->commits_before + COMMITS_TO_CONVERGE;
}

/* Everything is over: loses power a few times more, and what was durable is there. */
static int check_end(struct sim_run *run, struct gw_error *error)
{
	struct state *state = run->state;
	int code = 0;

	for (int i = 0; i < FINAL_RECOVERIES && code == 0; i++)
		code = sim_run_recover(run, state->user.node, true,
				       &state->user.recoveries, error);
	return code;
}

static void done(struct sim_run *run)
{
	struct state *state = run->state;

	if (state)
		store_user_done(&state->user);
	free(state);
}

static const struct sim_bug bugs[] = {
	{"replog.reported-early", "a commit is reported before it is done"},
	{"replog.vote-unsynced", "a vote alone is written without a sync"},
	{"replog.sync-again", "a sync that failed is tried again, and believed"},
	{"replog.head-unsynced", "a segment gets its name before its head is durable"},
	{"replog.directory-unsynced", "the directory of a new segment is not synced"},
	{"replog.torn-taken", "the torn end of a log is taken as whole"},
	{"replog.cache-trusted", "what recovery read is not written anew"},
	{"replog.snapshot-unsynced", "a snapshot's files are not synced"},
	{"replog.manifest-unsynced", "the directory of a new snapshot is not synced"},
	{"replog.compact-too-much", "segments behind the snapshot are removed"},
	{"replog.state-removed", "a segment is removed while only it has term and vote"},
	{0},
};

const struct sim_workload sim_replog_store = {
	.name = "replog-store",
	.about = "a member's disk: entries, votes and snapshots, through whatever happens to it",
	.setup = set_up,
	.converged = converged,
	.check_end = check_end,
	.done = done,
	.bugs = bugs,
};
