/* SPDX-License-Identifier: Apache-2.0 */
/* gfs_run_server.c - masters and chunkservers as machines of the workload gfs. */
#include "sim/workload_gfs.h"

#include <assert.h>

#include "io/rare.h"
#include "task/loop.h"

static void end_process(void *context, const struct gw_error *error)
{
	struct gfs_run_machine *machine = context;

	sim_note(machine->state->run->sim, machine->node, "it ends", error->code);
	if (error->code == GW_E_CORRUPT && sim_io_alive(machine->io) &&
	    machine->state->hazard != GFS_RUN_ROT)
		sim_run_fail(machine->state->run, "nothing harmed the disk of %s: %s",
			     sim_node_name(machine->node), error->text);
	sim_node_kill(machine->node);
}

/* ---- Masters --------------------------------------------------------------------------------- */

static int live_master(void *argument)
{
	struct gfs_run_machine *machine = argument;
	const struct gfs_run_state *state = machine->state;
	const struct gfs_master_options options = {
		.directory = "master",
		.address = machine->address,
		.join = machine->number > 0 ? state->masters_text : NULL,
		.cluster = state->cluster,
		.insecure = true,
		.election_ms = state->election_ms,
		.heartbeat_ms = state->election_ms / 5,
		.segment_bytes = state->segment_bytes,
		.snapshot_bytes = state->snapshot_bytes,
		.chunk_lease_ms = state->lease_ms,
		.chunk_heartbeat_ms = state->heartbeat_ms,
		.safe_ms = state->safe_ms,
		.failed = end_process,
		.context = machine,
	};
	struct gw_error error = {0};
	struct gfs_master *master;
	int code = gfs_master_new(&master, &options, &error);

	if (code < 0) {
		end_process(machine, &error);
		return 0;
	}
	machine->master = master;
	(void)gw_sleep_until(GW_FOREVER);
	machine->master = NULL;
	gfs_master_free(master);
	return 0;
}

/* ---- Chunkservers ---------------------------------------------------------------------------- */

static int live_server(void *argument)
{
	static const char *const directories[] = {"disk"};
	static const char *const racks[] = {"a", "b", "c"};
	struct gfs_run_machine *machine = argument;
	const struct chunk_server_options options = {
		.directories = directories,
		.directory_count = 1,
		.masters = machine->state->masters_text,
		.listen = machine->address,
		.rack = racks[machine->number % 3],
		.insecure = true,
		.heartbeat_ms = machine->state->heartbeat_ms,
		/* Nothing rots here. */
		.scrub_bytes_per_second = GFS_SCRUB_NEVER,
	};
	struct gw_error error = {0};
	struct chunk_server *server;
	int code = chunk_server_new(&server, &options, &error);

	if (code < 0) {
		end_process(machine, &error);
		return 0;
	}
	machine->server = server;
	(void)gw_sleep_until(GW_FOREVER);
	machine->server = NULL;
	chunk_server_free(server);
	return 0;
}

/* ---- The programs ---------------------------------------------------------------------------- */

static void *start(struct sim_node *node, struct io *io, struct gfs_run_machine *machine,
		   gw_task_function *live)
{
	struct task_loop_options options = {.name = sim_node_name(node), .pick = true,
					    .silent = true};
	int code;

	machine->io = io;
	machine->master = NULL;
	machine->server = NULL;
	code = task_loop_new(io, &options, &machine->loop, NULL);
	assert(code == 0);
	code = task_loop_spawn(machine->loop, live, machine, NULL);
	assert(code == 0);
	return machine;
}

static void *start_master(struct sim_node *node, struct io *io, void *argument)
{
	return start(node, io, argument, live_master);
}

static void *start_server(struct sim_node *node, struct io *io, void *argument)
{
	return start(node, io, argument, live_server);
}

static void stop(void *argument)
{
	struct gfs_run_machine *machine = argument;

	if (!sim_end_tasks(machine->io, machine->loop))
		sim_run_fail(machine->state->run, "the tasks of a dead %s do not end",
			     sim_node_name(machine->node));
	machine->loop = NULL;
	assert(!machine->master && !machine->server);
}

const struct sim_program gfs_run_master_program = {start_master, stop, NULL};
const struct sim_program gfs_run_server_program = {start_server, stop, NULL};
