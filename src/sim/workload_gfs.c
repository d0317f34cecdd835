/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_gfs.c - the workload gfs-names: one or three masters of the file system and four
 * clients, while they die, lose power, are cut off and have bad disks and clocks. The history of
 * names is that of one copy.
 */
#include "sim/workload_gfs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CALLS_TO_CONVERGE = 8 };

static bool converged(struct sim_run *run)
{
	const struct gfs_run_state *state = run->state;

	for (uint32_t i = 0; i < GFS_RUN_CLIENTS; i++) {
		if (state->clients[i].done_healed < CALLS_TO_CONVERGE)
			return false;
	}
	return true;
}

static int check_end(struct sim_run *run, struct gw_error *error)
{
	struct gfs_run_state *state = run->state;

	for (uint32_t i = 0; i < GFS_RUN_CLIENTS; i++)
		sim_node_kill(state->clients[i].node);
	return gfs_names_check(&state->names, error);
}

/* ---- Setting up ------------------------------------------------------------------------------ */

static void draw(struct gfs_run_state *state)
{
	static const uint64_t pauses_ms[] = {5, 50, 500};
	static const uint64_t timeouts_ms[] = {300, 3000, 20000};
	struct sim *sim = state->run->sim;

	state->master_count = sim_draw(sim, 2) == 0 ? 1 : 3;
	state->election_ms = 200 + sim_draw(sim, 500);
	state->segment_bytes = (4 + sim_draw(sim, 16)) * 4096;
	state->snapshot_bytes = (8 << 10) + sim_draw(sim, 64 << 10);
	state->pause_ns_max = pauses_ms[sim_draw(sim, 3)] * SIM_MS;
	state->timeout_ms_max = timeouts_ms[sim_draw(sim, 3)];
}

static uint64_t add_master(struct gfs_run_state *state, uint32_t number)
{
	struct gfs_run_master *master = &state->masters[number];
	struct sim_program program = gfs_run_master_program;
	size_t used = strlen(state->masters_text);
	char name[16];

	program.argument = master;
	master->state = state;
	master->number = number;
	(void)snprintf(name, sizeof(name), "m%" PRIu32, number + 1);
	master->node = sim_node_add(state->run->sim, name, &program);
	(void)snprintf(master->address, sizeof(master->address), "10.0.0.%" PRIu32 ":%d",
		       sim_node_index(master->node) + 1, GFS_RUN_PORT);
	(void)snprintf(state->masters_text + used, sizeof(state->masters_text) - used, "%s%s",
		       number ? "," : "", master->address);
	return UINT64_C(1) << sim_node_index(master->node);
}

static int set_up(struct sim_run *run, struct gw_error *error)
{
	struct gfs_run_state *state = calloc(1, sizeof(*state));
	uint64_t nodes = 0;

	if (!state)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a workload");
	run->state = state;
	state->run = run;
	draw(state);
	for (uint32_t i = 0; i < state->master_count; i++)
		nodes |= add_master(state, i);
	for (uint32_t i = 0; i < state->master_count; i++)
		sim_node_start(state->masters[i].node);
	sim_atlas_add(&run->atlas, &(struct sim_group){
		.nodes = nodes,
		.down_max = 1,
		.bears = SIM_FAULTS_PROCESS | SIM_FAULTS_POWER | SIM_FAULTS_CLOCK |
			 SIM_FAULTS_NETWORK | SIM_FAULTS_DISK,
	});
	return 0;
}

static int add_clients(struct sim_run *run, struct gw_error *error)
{
	struct gfs_run_state *state = run->state;
	uint64_t nodes = 0;

	(void)error;
	for (uint32_t i = 0; i < GFS_RUN_CLIENTS; i++) {
		struct gfs_run_client *client = &state->clients[i];
		struct sim_program program = gfs_run_client_program;
		char name[16];

		client->state = state;
		program.argument = client;
		(void)snprintf(name, sizeof(name), "client %" PRIu32, i);
		client->node = sim_node_add(run->sim, name, &program);
		nodes |= UINT64_C(1) << sim_node_index(client->node);
		sim_node_start(client->node);
	}
	sim_atlas_add(&run->atlas, &(struct sim_group){
		.nodes = nodes,
		.down_max = GFS_RUN_CLIENTS,
		.bears = SIM_FAULTS_PROCESS | SIM_FAULT_BIT(POWER_LOSS) | SIM_FAULTS_CLOCK |
			 SIM_FAULTS_NETWORK,
	});
	return 0;
}

static void done(struct sim_run *run)
{
	struct gfs_run_state *state = run->state;

	if (!state)
		return;
	gfs_names_done(&state->names);
	free(state);
}

static const struct sim_bug bugs[] = {
	{"replog.apply-early", "entries are applied and acknowledged before the quorum has them"},
	{"raft.answer-not-saved", "entries are acknowledged to the leader before they are durable"},
	{0},
};

const struct sim_workload sim_gfs_names = {
	.name = "gfs-names",
	.about = "clients of the file system's masters; the history of names is that of one copy",
	.setup = set_up,
	.client = add_clients,
	.converged = converged,
	.check_end = check_end,
	.done = done,
	.bugs = bugs,
};
