/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_gfs.c - the workloads of the file system. gfs-names: one or three masters and four
 * clients, while they die, are cut off and their clocks drift; the history of names is that of one
 * copy.
 */
#include "sim/workload_gfs.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CALLS_TO_CONVERGE = 8, SEGMENT_BYTES_MIN = 1024, BUFFER_BYTES_MIN = 16 << 10 };

#define BLACKOUT_NS_MAX (20 * SIM_SECOND)

static bool converged(struct sim_run *run)
{
	const struct gfs_run_state *state = run->state;
	for (uint32_t i = 0; i < state->client_count; i++) {
		if (state->clients[i].done_healed < CALLS_TO_CONVERGE)
			return false;
	}
	return true;
}

static int check_running(struct sim_run *run, struct gw_error *error)
{
	return gfs_run_check_primaries(run->state, error);
}

static bool has_looked(void *context)
{
	const struct gfs_run_state *state = context;

	return state->looked || state->run->error.code;
}

static int check_end(struct sim_run *run, struct gw_error *error)
{
	struct gfs_run_state *state = run->state;
	struct sim_program look = gfs_run_look_program;

	state->is_over = true;
	for (uint32_t i = 0; i < state->client_count; i++)
		sim_node_kill(state->clients[i].node);
	if (!state->cluster)
		return gfs_names_check(&state->names, error);
	/* Not before: whoever is there and does not run is started when faults end. */
	look.argument = state;
	sim_node_start(sim_node_add(run->sim, "looker", &look));
	if (!sim_run_when(run->sim, has_looked, state, sim_now_ns(run->sim) + SIM_LIVENESS_NS))
		return gw_fail(error, GW_E_CORRUPT, "the files cannot be read again");
	return run->error.code ? 0 : gfs_names_check(&state->names, error);
}

/* ---- Setting up ------------------------------------------------------------------------------ */

static void draw_cluster(struct gfs_run_state *state)
{
	static const uint64_t leases_ms[] = {1000, 3000, 10000};
	static const uint64_t collects_ms[] = {1, 300, 3000};
	struct sim *sim = state->run->sim;

	/* Half of the seeds have none. */
	state->hazard = (enum gfs_run_hazard)sim_draw(sim, 2 * GFS_RUN_HAZARDS - 2);
	if (state->hazard >= GFS_RUN_HAZARDS)
		state->hazard = GFS_RUN_PROCESSES;
	sim_note(sim, NULL, "the hazard is", state->hazard);
	state->collect_ms = collects_ms[sim_draw(sim, 3)];

	state->server_count = 4 + (uint32_t)sim_draw(sim, GFS_RUN_SERVERS_MAX - 3);
	state->lease_ms = leases_ms[sim_draw(sim, 3)];
	state->heartbeat_ms = state->lease_ms / 10;
	/* Masters give those that kept power up for lost after it: no fault lasts so long. */
	state->safe_ms = 2 * state->lease_ms;
	if (state->hazard == GFS_RUN_POWER || state->hazard == GFS_RUN_BLACKOUT)
		state->safe_ms = GFS_SAFE_MS;
}

static void draw(struct gfs_run_state *state)
{
	static const uint64_t pauses_ms[] = {5, 50, 500};
	static const uint64_t timeouts_ms[] = {300, 3000, 20000};
	struct sim *sim = state->run->sim;

	state->master_count = sim_draw(sim, 2) == 0 ? 1 : 3;
	if (state->cluster)
		draw_cluster(state);
	state->election_ms = 200 + sim_draw(sim, 500);
	state->segment_bytes = (4 + sim_draw(sim, 16)) * 4096;
	state->snapshot_bytes = (8 << 10) + sim_draw(sim, 64 << 10);
	state->pause_ns_max = pauses_ms[sim_draw(sim, 3)] * SIM_MS;
	state->timeout_ms_max = timeouts_ms[sim_draw(sim, 3)];
	if (state->cluster)
		state->write_bytes_max = sim_draw(sim, 2) == 0 ? 5000 : 200000;
}

/* Chunks are carried about: a network that takes minutes for one is no cluster's. */
static void options(struct sim_options *options, uint64_t seed)
{
	(void)seed;
	if (options->segment_bytes < SEGMENT_BYTES_MIN)
		options->segment_bytes = SEGMENT_BYTES_MIN;
	if (options->stream_buffer_bytes < BUFFER_BYTES_MIN)
		options->stream_buffer_bytes = BUFFER_BYTES_MIN;
}

/* Adds a machine, which starts at once. Returns its bit. */
static uint64_t add(struct gfs_run_state *state, struct gfs_run_machine *machine, uint32_t number,
		    const char *kind, const struct sim_program *program, int port)
{
	struct sim_program of_it = *program;
	char name[16];

	of_it.argument = machine;
	machine->state = state;
	machine->number = number;
	(void)snprintf(name, sizeof(name), "%s%" PRIu32, kind, number + 1);
	machine->node = sim_node_add(state->run->sim, name, &of_it);
	(void)snprintf(machine->address, sizeof(machine->address), "10.0.0.%" PRIu32 ":%d",
		       sim_node_index(machine->node) + 1, port);
	return UINT64_C(1) << sim_node_index(machine->node);
}

void gfs_run_power_lost(struct gfs_run_state *state)
{
	state->blackouts++;
	for (uint32_t i = 0; i < state->client_count; i++)
		gfs_content_power_lost(&state->clients[i].content);
	gfs_records_power_lost(&state->log);
	gfs_records_power_lost(&state->once);
}

/* All replicas may have lost power. Then again, some time later. */
static void black_out(void *context)
{
	struct gfs_run_state *state = context;
	struct sim *sim = state->run->sim;

	if (state->run->healed)
		return;
	sim_note(sim, NULL, "all chunkservers lose power", (int64_t)state->blackouts);
	for (uint32_t i = 0; i < state->server_count; i++)
		sim_node_power_loss(state->servers[i].node);
	gfs_run_power_lost(state);
	sim_at(sim, sim_now_ns(sim) + 1 + sim_draw(sim, BLACKOUT_NS_MAX), black_out, state);
}

/* The chunkservers. One of them may be sick, and the others well. */
static void add_groups(struct gfs_run_state *state, uint64_t servers, uint32_t borne)
{
	struct sim_run *run = state->run;
	struct sim_group well = {.nodes = servers, .down_max = 1, .bears = borne};
	struct sim_group sick = {.down_max = 1, .damaged_max = 1, .bears = borne};

	if (state->hazard == GFS_RUN_DISK || state->hazard == GFS_RUN_ROT) {
		sick.nodes = UINT64_C(1) << sim_node_index(state->servers[0].node);
		sick.bears = state->hazard == GFS_RUN_ROT ? SIM_FAULT_BIT(ROT) : SIM_FAULTS_DISK;
		well.nodes &= ~sick.nodes;
		sim_atlas_add(&run->atlas, &sick);
	}
	if (state->hazard == GFS_RUN_POWER) {
		well.bears |= SIM_FAULTS_POWER;
		well.ready = gfs_run_is_sound;
	}
	if (state->hazard == GFS_RUN_BLACKOUT) {
		well.bears |= SIM_FAULT_BIT(TEAR);
		sim_at(run->sim, sim_now_ns(run->sim) + 1 + sim_draw(run->sim, BLACKOUT_NS_MAX),
		       black_out, state);
	}
	sim_atlas_add(&run->atlas, &well);
}

static int set_up_with(struct sim_run *run, const struct gfs_cluster_operations *cluster,
		       struct gw_error *error)
{
	struct gfs_run_state *state = calloc(1, sizeof(*state));
	uint32_t borne = SIM_FAULTS_PROCESS | SIM_FAULTS_CLOCK | SIM_FAULTS_NETWORK;
	uint64_t masters = 0, servers = 0;

	if (!state)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a workload");
	run->state = state;
	state->run = run;
	state->cluster = cluster;
	state->client_count = cluster ? GFS_RUN_CLIENTS : GFS_RUN_NAMES_CLIENTS;
	state->ask = cluster ? gfs_run_ask_data : gfs_run_ask_names;
	state->leave = cluster ? gfs_run_leave_data : NULL;
	/* A machine that sleeps has a clock that stands still: leases do not bear that. */
	if (cluster)
		borne &= ~SIM_FAULT_BIT(PAUSE_MACHINE);
	draw(state);
	for (uint32_t i = 0; i < state->master_count; i++) {
		size_t used = strlen(state->masters_text);

		masters |= add(state, &state->masters[i], i, "m", &gfs_run_master_program,
			       GFS_RUN_MASTER_PORT);
		(void)snprintf(state->masters_text + used, sizeof(state->masters_text) - used,
			       "%s%s", i ? "," : "", state->masters[i].address);
	}
	for (uint32_t i = 0; i < state->server_count; i++)
		servers |= add(state, &state->servers[i], i, "c", &gfs_run_server_program,
			       GFS_RUN_SERVER_PORT);
	for (uint32_t i = 0; i < state->master_count; i++)
		sim_node_start(state->masters[i].node);
	for (uint32_t i = 0; i < state->server_count; i++)
		sim_node_start(state->servers[i].node);
	sim_atlas_add(&run->atlas, &(struct sim_group){
		.nodes = masters,
		.down_max = 1,
		.bears = borne | SIM_FAULTS_POWER | SIM_FAULTS_DISK,
	});
	if (servers)
		add_groups(state, servers, borne);
	return 0;
}

static int set_up_names(struct sim_run *run, struct gw_error *error)
{
	return set_up_with(run, NULL, error);
}

static int set_up_files(struct sim_run *run, struct gw_error *error)
{
	return set_up_with(run, &gfs_cluster, error);
}

static int add_clients(struct sim_run *run, struct gw_error *error)
{
	struct gfs_run_state *state = run->state;
	uint64_t nodes = 0;

	(void)error;
	for (uint32_t i = 0; i < state->client_count; i++) {
		struct gfs_run_client *client = &state->clients[i];
		struct sim_program program = gfs_run_client_program;
		char name[16];

		client->state = state;
		client->number = i;
		program.argument = client;
		(void)snprintf(name, sizeof(name), "client %" PRIu32, i);
		client->node = sim_node_add(run->sim, name, &program);
		nodes |= UINT64_C(1) << sim_node_index(client->node);
		sim_node_start(client->node);
	}
	sim_atlas_add(&run->atlas, &(struct sim_group){
					   .nodes = nodes,
					   .down_max = state->client_count,
					   .bears = SIM_FAULTS_PROCESS | SIM_FAULT_BIT(POWER_LOSS) |
						    SIM_FAULTS_CLOCK | SIM_FAULTS_NETWORK,
				   });
	return 0;
}

static void done(struct sim_run *run)
{
	struct gfs_run_state *state = run->state;

	if (!state)
		return;
	for (uint32_t i = 0; i < GFS_RUN_CLIENTS; i++)
		gfs_content_done(&state->clients[i].content);
	gfs_records_done(&state->log);
	gfs_records_done(&state->once);
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
	.setup = set_up_names,
	.client = add_clients,
	.converged = converged,
	.check_end = check_end,
	.done = done,
	.bugs = bugs,
};

static const struct sim_bug gfs_bugs[] = {
	{"gfs.answer-before-last", "a mutation is acknowledged before the last secondary has it"},
	{"gfs.granted-again", "a grant that was over begins again, with numbers that were given"},
	{"gfs.ended-writer", "an append once of a writer that has ended is done"},
	{"gfs.lease-past-end", "a primary goes on when its lease has ended"},
	{"gfs.copy-skipped", "a shared chunk counts as copied, and is not"},
	{"gfs.border-shift", "what is written behind a chunk's border begins a byte too early"},
	{"gfs.collect-shared", "a chunk that a deleted file and another share is dropped"},
	{"gfs.read-unchecked", "bytes are given out without a look at their checksum"},
	{"gfs.stale-granted", "a replica of an older version is granted the next one"},
	{0},
};

const struct sim_workload sim_gfs = {
	.name = "gfs",
	.about = "the file system, with chunkservers: what clients wrote and appended is there, on "
		 "all replicas, and what was to be appended once is there once",
	.options = options,
	.setup = set_up_files,
	.client = add_clients,
	.check_running = check_running,
	.converged = converged,
	.check_end = check_end,
	.done = done,
	.bugs = gfs_bugs,
};
