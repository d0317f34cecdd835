/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.c - the way in: a loop on an io of its own, on this thread or on a new one, that lasts until
 * its first task has returned and all others are gone.
 */
#include "task/state.h"

#include "io/uv.h"

#include <pthread.h>
#include <stdlib.h>

/* One run of a loop in a program. */
struct program {
	struct task_world *world;
	struct gw_thread *thread; /* NULL: the one of gw_run */
	gw_task_function *function;
	void *argument;
	struct gw_run_options options;
	int result; /* of the first task */
};

struct gw_thread {
	struct gw_thread *next;
	struct program program;
	pthread_t id;
	struct gw_loop *loop;      /* while it runs, under the world's guard */
	struct task_wait *started; /* of the task that started it */
	struct gw_error *error;    /* of the same, until then */
	uint32_t guard;            /* of what follows */
	bool finished;
	struct gw_waiters waiters; /* tasks that join */
};

/* The first task: its end is that of the others. */
static int run_first(void *argument)
{
	struct program *program = argument;

	program->result = program->function(program->argument);
	task_loop_cancel(task_loop());
	return 0;
}

/* Makes the loop, with its first task ready to run. */
static int begin(struct program *program, struct io *io, struct gw_loop **made,
		 struct gw_error *error)
{
	const struct gw_run_options *options = &program->options;
	struct task_loop_options loop_options = {.stack_bytes = options->stack_bytes,
						 .tasks_max = options->tasks_max,
						 .silent = options->without_deadlock_report};
	struct gw_spawn_options first = {.name = options->name ? options->name : "main"};
	struct gw_loop *loop;
	int result = task_loop_new(io, &loop_options, &loop, error);

	if (result < 0)
		return result;
	result = task_spawn(loop, NULL, NULL, run_first, program, &first);
	if (result < 0) {
		task_loop_free(loop);
		return gw_fail(error, result, "cannot start the first task: %s",
			       gw_code_text(result));
	}
	loop->stop = io_uv_stop;
	task_world_join(program->world, loop);
	*made = loop;
	return 0;
}

/* Runs the loop until it has left the world and nothing of others is on its way to it. */
static void run_loop(struct program *program, struct gw_loop *loop)
{
	struct task_world *world = program->world;
	struct io *io = loop->io;

	io_uv_hold(io);
	while (!loop->stopped)
		io_uv_run(io);
	task_world_leave(loop);
	if (program->thread) {
		task_guard_lock(&world->guard, true);
		program->thread->loop = NULL;
		task_guard_unlock(&world->guard, true);
	}
	task_inbox_settle(loop);
	io_uv_release(io);
	while (__atomic_load_n(&loop->posted, __ATOMIC_ACQUIRE))
		io_uv_run(io);
	if (loop->deadlocked)
		program->result = GW_E_DEADLOCK;
}

static void thread_started(struct gw_thread *thread, struct gw_loop *loop, int result)
{
	struct task_wait *started = thread->started;

	task_guard_lock(&thread->program.world->guard, true);
	thread->loop = loop;
	task_guard_unlock(&thread->program.world->guard, true);
	if (task_claim(started))
		task_wake(started, result);
}

/* All of a loop's life; the world counts it as active when this begins, and not after it. */
static int run_program(struct program *program, struct gw_error *error)
{
	struct gw_loop *loop = NULL;
	struct io *io;
	const struct io_uv_options io_options = {.spin_us = program->options.spin_us};
	int result = io_uv_new(&io, &io_options, error);

	if (result == 0) {
		result = begin(program, io, &loop, error);
		if (program->thread)
			thread_started(program->thread, loop, result);
		if (result == 0)
			run_loop(program, loop);
		task_loop_free(loop);
		io_uv_free(io);
	} else if (program->thread) {
		thread_started(program->thread, NULL, result);
	}
	return result < 0 ? result : program->result;
}

int gw_run(gw_task_function *function, void *argument, const struct gw_run_options *options,
	   struct gw_error *error)
{
	struct task_world world = {.active = 1};
	struct program program = {.world = &world, .function = function, .argument = argument};
	struct gw_thread *thread;
	int result;

	assert(!task_current());
	if (options)
		program.options = *options;
	result = run_program(&program, error);
	task_world_less(&world, 1);
	/* No loop runs a task any more, so nobody joins these. */
	while ((thread = world.threads) != NULL) {
		pthread_join(thread->id, NULL);
		world.threads = thread->next;
		free(thread);
	}
	if (result == GW_E_DEADLOCK && world.deadlocked)
		(void)gw_fail(error, result, "%s", gw_code_text(result));
	return result;
}

/* ---- Threads --------------------------------------------------------------------------------- */

static void *thread_main(void *argument)
{
	struct gw_thread *thread = argument;
	struct task_world *world = thread->program.world;
	struct gw_waiter *waiter;
	int result = run_program(&thread->program, thread->error);

	(void)result;
	task_guard_lock(&thread->guard, true);
	thread->finished = true;
	while ((waiter = thread->waiters.first) != NULL) {
		task_waiters_remove(&thread->waiters, waiter);
		if (task_claim(waiter->wait))
			task_wake(waiter->wait, 0);
	}
	task_guard_unlock(&thread->guard, true);
	task_world_less(world, 1);
	return NULL;
}

/* Adds it to the threads of the world, unless the program is about to end. */
static bool enlist(struct task_world *world, struct gw_thread *thread)
{
	bool ending;

	task_guard_lock(&world->guard, true);
	ending = world->ending;
	if (!ending) {
		thread->next = world->threads;
		world->threads = thread;
		task_world_more(world);
	}
	task_guard_unlock(&world->guard, true);
	return !ending;
}

static void strike(struct task_world *world, struct gw_thread *thread)
{
	struct gw_thread **link = &world->threads;

	task_guard_lock(&world->guard, true);
	while (*link != thread)
		link = &(*link)->next;
	*link = thread->next;
	task_guard_unlock(&world->guard, true);
}

/* Creates the thread and waits, for the moment that takes, until its loop is there or not. */
static int create(struct gw_thread *thread, struct gw_error *error)
{
	struct task_world *world = thread->program.world;
	struct task_wait wait;
	int result;

	task_wait_init(&wait, "for the start of thread", thread, thread->program.options.name,
		       true);
	thread->started = &wait;
	thread->error = error;
	result = pthread_create(&thread->id, NULL, thread_main, thread);
	if (result != 0) {
		task_world_less(world, 1);
		return gw_fail_errno(error, result, "cannot start a thread");
	}
	gw_shield_begin();
	result = task_wait(&wait, GW_FOREVER);
	gw_shield_end();
	if (result < 0)
		pthread_join(thread->id, NULL);
	return result;
}

int gw_thread_start(struct gw_thread **made, gw_task_function *function, void *argument,
		    const struct gw_run_options *options, struct gw_error *error)
{
	struct task_world *world = task_self()->loop->world;
	struct gw_thread *thread;
	int result;

	if (!world)
		return gw_fail(error, GW_E_UNSUPPORTED, "no threads on this io");
	thread = calloc(1, sizeof(*thread));
	if (!thread)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a thread");
	thread->program = (struct program){world, thread, function, argument, {0}, 0};
	if (options)
		thread->program.options = *options;
	if (!enlist(world, thread)) {
		free(thread);
		return gw_fail(error, GW_E_CANCELLED, "no new threads while the program ends");
	}
	result = create(thread, error);
	if (result < 0) {
		strike(world, thread);
		free(thread);
		return result;
	}
	*made = thread;
	return 0;
}

static int wait_until_finished(struct gw_thread *thread, uint64_t deadline_ns)
{
	struct task_wait wait;
	struct gw_waiter waiter = {.wait = &wait};
	int result = 0;

	task_guard_lock(&thread->guard, true);
	if (!thread->finished) {
		result = task_wait_refused(deadline_ns);
		if (result == 0) {
			task_wait_init(&wait, "for the end of thread", thread,
				       thread->program.options.name, true);
			task_waiters_add(&thread->waiters, &waiter);
			task_guard_unlock(&thread->guard, true);
			result = task_wait(&wait, deadline_ns);
			task_guard_lock(&thread->guard, true);
			if (waiter.linked)
				task_waiters_remove(&thread->waiters, &waiter);
		}
	}
	task_guard_unlock(&thread->guard, true);
	return result;
}

int gw_thread_join(struct gw_thread *thread, int *result, uint64_t deadline_ns)
{
	int waited = wait_until_finished(thread, deadline_ns);

	if (waited < 0)
		return waited;
	strike(thread->program.world, thread);
	pthread_join(thread->id, NULL);
	if (result)
		*result = thread->program.result;
	free(thread);
	return 0;
}

void gw_thread_cancel(struct gw_thread *thread)
{
	struct task_world *world = thread->program.world;

	task_guard_lock(&world->guard, true);
	if (thread->loop)
		task_loop_ask(thread->loop, TASK_ASKED_CANCEL);
	task_guard_unlock(&world->guard, true);
}
