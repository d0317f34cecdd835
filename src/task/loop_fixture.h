/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop_fixture.h - what the scheduler's own tests share: a loop on the io in memory, whose clock
 * jumps to the next deadline, so that nothing here takes time.
 */
#ifndef TASK_LOOP_FIXTURE_H
#define TASK_LOOP_FIXTURE_H

#include "task/loop.h"

#include "support/fake_io.h"
#include "support/unit.h"

struct loop_world {
	struct fake fake;
	struct gw_loop *loop;
};

static inline void loop_world_begin(struct loop_world *world,
				    const struct task_loop_options *options)
{
	fake_init(&world->fake);
	assert_int_equal(task_loop_new(&world->fake.io, options, &world->loop, NULL), 0);
}

/* Until nothing is left to happen. */
static inline void loop_world_run(struct loop_world *world)
{
	while (fake_turn(&world->fake))
		;
}

static inline void loop_world_end(struct loop_world *world)
{
	task_loop_free(world->loop);
	assert_int_equal(io_pending(&world->fake.io), 0);
}

/* Runs function(argument) and all it starts; no task may be left. */
static inline void run_to_the_end(gw_task_function *function, void *argument)
{
	struct loop_world world;

	loop_world_begin(&world, NULL);
	assert_int_equal(task_loop_spawn(world.loop, function, argument, NULL), 0);
	loop_world_run(&world);
	assert_int_equal(task_loop_tasks(world.loop), 0);
	loop_world_end(&world);
}

/* A row of the table of tests: function(NULL) is run as a task and leaves none behind. */
#define in_the_loop(function) {#function, run_in_the_loop, NULL, NULL, (void *)(function)}

static inline void run_in_the_loop(void **state)
{
	run_to_the_end((gw_task_function *)*state, NULL);
}

#endif
