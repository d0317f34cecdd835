/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_fixture.c - see run_fixture.h.
 */
#include "run_fixture.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct life {
	struct io *io;
	struct small *small;
	struct io_request timer;
};

static void woke(struct io_request *request, int result)
{
	struct life *life = request->data;

	(void)result;
	life->small->wakes++;
	io_timer(life->io, request, io_now_ns(life->io) + 50 * SIM_MS, woke);
}

static void *start(struct sim_node *node, struct io *io, void *argument)
{
	struct life *life = calloc(1, sizeof(*life));

	(void)node;
	assert(life);
	*life = (struct life){.io = io, .small = argument, .timer = {.data = life}};
	io_timer(io, &life->timer, 0, woke);
	return life;
}

int small_set_up(struct sim_run *run, const struct sim_group *group, struct gw_error *error)
{
	struct small *small = calloc(1, sizeof(*small));
	struct sim_program program = {start, free, small};
	struct sim_group all = *group;

	if (!small)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a workload");
	run->state = small;
	for (uint32_t i = 0; i < SMALL_NODES; i++) {
		char name[16];

		snprintf(name, sizeof(name), "small %u", i);
		small->nodes[i] = sim_node_add(run->sim, name, &program);
		sim_node_start(small->nodes[i]);
		all.nodes |= UINT64_C(1) << sim_node_index(small->nodes[i]);
	}
	sim_atlas_add(&run->atlas, &all);
	return 0;
}

void small_done(struct sim_run *run)
{
	free(run->state);
}

uint32_t small_down(const struct sim_run *run)
{
	const struct small *small = run->state;
	uint32_t down = 0;

	for (uint32_t i = 0; i < SMALL_NODES; i++)
		down += sim_node_state(small->nodes[i]) != SIM_NODE_RUNNING;
	return down;
}
