/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.c - see loop.h: how a loop is made, what a turn of it is, and how it ends.
 */
#include "task/state.h"

#include "io/rare.h"

#include <pthread.h>
#include <stdlib.h>

void task_announce_thread(struct task_side *side)
{
#if TASK_ASAN
	pthread_attr_t attributes;
	void *bottom = NULL;
	size_t size = 0;

	if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
		pthread_attr_getstack(&attributes, &bottom, &size);
		pthread_attr_destroy(&attributes);
	}
	side->bottom = bottom;
	side->size = size;
#endif
#if TASK_TSAN
	side->fiber = __tsan_get_current_fiber();
#endif
	(void)side;
}

/* Runs what is ready; the thread is in this loop meanwhile. Turns of several loops nest when one
 * thread has them all. */
static bool turn(struct io_turn *turn)
{
	struct gw_loop *loop = (struct gw_loop *)((char *)turn - offsetof(struct gw_loop, turn));
	struct gw_loop *outer = task_thread_loop;

	assert(task_on_thread_of(loop) && !loop->in_turn);
	task_thread_loop = loop;
	loop->in_turn = true;
	loop->turn_ns = io_now_ns(loop->io);
	loop->budget = IO_RARE(loop->io, "task.short-turn") ? 1 : TASK_BATCH;
	if (!loop->stopped)
		task_run_ready(loop);
	loop->in_turn = false;
	task_thread_loop = outer;
	task_timers_arm(loop);
	if (loop->world)
		task_world_turn_done(loop);
	return loop->ready.first && !loop->stopped;
}

int task_loop_new(struct io *io, const struct task_loop_options *options, struct gw_loop **made,
		  struct gw_error *error)
{
	static const struct task_loop_options usual;
	struct gw_loop *loop = calloc(1, sizeof(*loop));
	int result;

	if (!loop)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a loop");
	if (!options)
		options = &usual;
	loop->tasks_max = options->tasks_max ? options->tasks_max : GW_TASKS_MAX;
	if (loop->tasks_max > GW_TASKS_MAX)
		loop->tasks_max = GW_TASKS_MAX;
	result = task_stacks_init(&loop->stacks, loop->tasks_max,
				  options->stack_bytes ? options->stack_bytes : GW_STACK_BYTES,
				  false, error);
	if (result == 0 && task_overflow_watch() < 0) {
		task_stacks_done(&loop->stacks);
		result = gw_fail(error, GW_E_NO_MEMORY, "no memory for a loop");
	}
	if (result < 0) {
		free(loop);
		return result;
	}
	loop->io = io;
	loop->name = options->name;
	loop->pick = options->pick;
	loop->silent = options->silent;
	loop->thread = &task_thread_loop;
	loop->armed_ns = GW_FOREVER;
	loop->turn.run = turn;
	task_announce_thread(&loop->scheduler.side);
	io_set_turn(io, &loop->turn);
	*made = loop;
	return 0;
}

int task_loop_spawn(struct gw_loop *loop, gw_task_function *function, void *argument,
		    const struct gw_spawn_options *options)
{
	int result = task_spawn(loop, NULL, NULL, function, argument, options);

	if (result == 0 && !loop->in_turn)
		task_loop_ask(loop, TASK_ASKED_TURN);
	return result;
}

void task_loop_cancel(struct gw_loop *loop)
{
	loop->cancelled = true;
	for (struct gw_task *task = loop->all; task; task = task->all_next)
		task_cancel(task);
	if (!loop->in_turn && loop->ready.first)
		task_loop_ask(loop, TASK_ASKED_TURN);
}

void task_loop_free(struct gw_loop *loop)
{
	if (!loop)
		return;
	assert(!loop->current && !loop->in_turn);
	io_set_turn(loop->io, NULL);
	(void)io_timer_stop(loop->io, &loop->timer);
	while (loop->all)
		task_free(loop->all);
	assert(loop->live == 0);
	task_overflow_forget();
	task_stacks_done(&loop->stacks);
	free(loop->timers);
	free(loop);
}

size_t task_loop_tasks(const struct gw_loop *loop)
{
	return loop->live;
}

bool task_loop_idle(const struct gw_loop *loop)
{
	return !loop->ready.first;
}

bool task_loop_has(const struct gw_loop *loop, const struct gw_task *task)
{
	for (const struct gw_task *one = loop->all; one; one = one->all_next)
		if (one == task)
			return true;
	return false;
}
