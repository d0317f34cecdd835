/* SPDX-License-Identifier: Apache-2.0 */
/* gfs_run_master.c - a master as a machine of the workload gfs-names. */
#include "sim/workload_gfs.h"

#include <assert.h>

#include "io/rare.h"
#include "task/loop.h"

static void end_process(void *context, const struct gw_error *error)
{
	struct gfs_run_master *self = context;

	sim_note(self->state->run->sim, self->node, "the master ends", error->code);
	if (error->code == GW_E_CORRUPT && sim_io_alive(self->io))
		sim_run_fail(self->state->run, "nothing harmed the disk of %s: %s",
			     sim_node_name(self->node), error->text);
	sim_node_kill(self->node);
}

static int live(void *argument)
{
	struct gfs_run_master *self = argument;
	const struct gfs_run_state *state = self->state;
	const struct gfs_master_options options = {
		.directory = "master",
		.address = self->address,
		.join = self->number > 0 ? state->masters_text : NULL,
		.insecure = true,
		.election_ms = state->election_ms,
		.heartbeat_ms = state->election_ms / 5,
		.segment_bytes = state->segment_bytes,
		.snapshot_bytes = state->snapshot_bytes,
		.failed = end_process,
		.context = self,
	};
	struct gw_error error = {0};
	struct gfs_master *master;
	int code = gfs_master_new(&master, &options, &error);

	if (code < 0) {
		end_process(self, &error);
		return 0;
	}
	(void)gw_sleep_until(GW_FOREVER);
	gfs_master_free(master);
	return 0;
}

static void *start(struct sim_node *node, struct io *io, void *argument)
{
	struct task_loop_options options = {.name = sim_node_name(node), .pick = true,
					    .silent = true};
	struct gfs_run_master *self = argument;
	int code;

	self->io = io;
	code = task_loop_new(io, &options, &self->loop, NULL);
	assert(code == 0);
	code = task_loop_spawn(self->loop, live, self, NULL);
	assert(code == 0);
	return self;
}

static void stop(void *argument)
{
	struct gfs_run_master *self = argument;

	task_loop_cancel(self->loop);
	if (!sim_io_unwind(self->io))
		sim_run_fail(self->state->run, "the tasks of a dead master do not end");
	task_loop_free(self->loop);
	self->loop = NULL;
}

const struct sim_program gfs_run_master_program = {start, stop, NULL};
