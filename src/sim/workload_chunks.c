/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_chunks.c - the store of a chunkserver in the hands of chunk_user.h, while its process is
 * killed, its power lost and its disk full or slow.
 */
#include "sim/chunk_user.h"
#include "sim/workload.h"

#include <stdlib.h>

enum { DEEDS_TO_CONVERGE = 30, FINAL_RECOVERIES = 3 };

struct state {
	struct chunk_user user;
	uint64_t deeds_before; /* the healing */
	bool healed;
};

static void wrong(void *context, const char *sentence)
{
	sim_run_fail(context, "%s", sentence);
}

/* A process that dies within an operation harms nothing; a disk that fails one may. */
static bool is_harmed(void *context)
{
	static const enum sim_fault kinds[] = {SIM_FAULT_READ_ERROR, SIM_FAULT_WRITE_ERROR,
					       SIM_FAULT_SYNC_ERROR, SIM_FAULT_DISK_FULL,
					       SIM_FAULT_ROT, SIM_FAULT_MISDIRECT,
					       SIM_FAULT_SYNC_LIE};
	const struct sim_run *run = context;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (run->atlas.counts[kinds[i]] > 0)
			return true;
	}
	return false;
}

static int set_up(struct sim_run *run, struct gw_error *error)
{
	static const uint64_t waits_ms[] = {2, 20, 200};
	struct state *state = calloc(1, sizeof(*state));
	struct sim_program program = chunk_user_program;

	if (!state)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a workload");
	run->state = state;
	program.argument = &state->user;
	state->user.node = sim_node_add(run->sim, "chunkserver", &program);
	state->user.log_bytes_max = UINT64_C(2000) << 4 * sim_draw(run->sim, 3);
	state->user.loaded_max = 1 + (uint32_t)sim_draw(run->sim, CHUNK_USER_CHUNKS);
	state->user.wait_ns_max = waits_ms[sim_draw(run->sim, 3)] * SIM_MS;
	state->user.is_harmed = is_harmed;
	state->user.wrong = wrong;
	state->user.context = run;
	sim_atlas_add(&run->atlas, &(struct sim_group){
		.nodes = UINT64_C(1) << sim_node_index(state->user.node),
		.down_max = 1,
		.bears = SIM_FAULTS_PROCESS | SIM_FAULTS_POWER | SIM_FAULTS_CLOCK |
			 SIM_FAULT_BIT(DISK_SLOW) | SIM_FAULT_BIT(DISK_HUNG) |
			 SIM_FAULT_BIT(DISK_FULL),
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
		state->deeds_before = state->user.deeds;
	}
	return state->user.deeds >= state->deeds_before + DEEDS_TO_CONVERGE;
}

/* Everything is over: loses power a few times more, and what was synced is there. */
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
	free(run->state);
}

static const struct sim_bug bugs[] = {
	{"gfs.open-not-durable", "a version and \"open\" are written without a sync"},
	{"gfs.data-not-synced", "a sync of a chunk leaves its data out"},
	{"gfs.overwrite-first", "bytes are changed in place before the log is on the disk"},
	{"gfs.overwrite-unlogged", "bytes are changed in place before the log has them"},
	{0},
};

const struct sim_workload sim_chunks = {
	.name = "chunks",
	.about = "a chunkserver's chunks: writes, cuts, syncs, reads, while it dies or loses power",
	.setup = set_up,
	.converged = converged,
	.check_end = check_end,
	.done = done,
	.bugs = bugs,
};
