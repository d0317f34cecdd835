/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs_run_client.c - a client of the workloads gfs and gfs-names: one call at a time, by the
 * installed client library.
 */
#include "sim/workload_gfs.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "task/loop.h"

enum { SHORT_PERCENT = 10 };

uint64_t gfs_run_draw(struct io *io, uint64_t n)
{
	uint64_t number;

	io_random(io, &number, sizeof(number));
	return number % n;
}

struct gw_gfs_client_options gfs_run_client_options(void)
{
	return (struct gw_gfs_client_options){.insecure = true, .timeout_ms = GFS_RUN_PATIENCE_MS};
}

/* ---- One after the other --------------------------------------------------------------------- */

static uint64_t draw_timeout(struct gfs_run_life *life)
{
	if (life->state->run->healed)
		return GFS_RUN_PATIENCE_MS;
	if (gfs_run_draw(life->io, 100) < SHORT_PERCENT)
		return 1 + gfs_run_draw(life->io, 30);
	return 10 + gfs_run_draw(life->io, life->state->timeout_ms_max);
}

static void ask_again_and_again(struct gfs_run_life *life)
{
	struct gfs_run_state *state = life->state;

	while (!gw_cancelled() && !state->is_over) {
		bool healed = state->run->healed;
		int code;

		(void)gw_deadline_set(gw_after_ms(draw_timeout(life)));
		code = state->ask(life);
		(void)gw_deadline_set(GW_FOREVER);
		if ((code == GW_E_TIMEOUT || code == GW_E_UNREACHABLE) && healed &&
		    sim_io_alive(life->io))
			sim_run_fail(state->run, "a call waits in vain, and nothing is wrong");
		if (healed && sim_io_alive(life->io))
			life->node->done_healed++;
		if (gw_sleep_until(gw_now_ns() + 1 + gfs_run_draw(life->io, state->pause_ns_max)) <
		    0)
			return;
	}
}

/* ---- The program ----------------------------------------------------------------------------- */

static int live(void *argument)
{
	const struct gw_gfs_client_options options = gfs_run_client_options();
	struct gfs_run_life *life = argument;
	int code = gw_gfs_client_new(&life->client, life->state->masters_text, &options, NULL);

	assert(code == 0);
	ask_again_and_again(life);
	if (life->state->leave)
		life->state->leave(life);
	gw_gfs_client_free(life->client);
	return 0;
}

static void *start(struct sim_node *node, struct io *io, void *argument)
{
	struct task_loop_options options = {
		.name = sim_node_name(node), .pick = true, .silent = true};
	struct gfs_run_life *life = calloc(1, sizeof(*life));
	int code;

	assert(life);
	life->node = argument;
	life->state = life->node->state;
	life->io = io;
	code = task_loop_new(io, &options, &life->loop, NULL);
	assert(code == 0);
	code = task_loop_spawn(life->loop, live, life, NULL);
	assert(code == 0);
	return life;
}

static void stop(void *argument)
{
	struct gfs_run_life *life = argument;

	if (!sim_end_tasks(life->io, life->loop))
		sim_run_fail(life->state->run, "the tasks of a dead client do not end");
	free(life);
}

const struct sim_program gfs_run_client_program = {start, stop, NULL};
