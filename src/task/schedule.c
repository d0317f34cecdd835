/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule.c - which task runs next, and the switch to it. A task that suspends switches to the
 * next ready one itself; the scheduler (the loop's turn, on the thread's own stack) is switched to
 * only when nothing is ready or the turn has lasted long enough.
 *
 * The functions that switch are never inlined, so nothing that belongs to one stack is kept in a
 * register of another.
 */
#include "task/state.h"

#include <execinfo.h>

_Thread_local struct gw_loop *task_thread_loop;

/* Takes one of the first ready tasks: which one, the io says. */
static struct gw_task *pick(struct gw_loop *loop)
{
	size_t n = loop->ready.count < TASK_PICK_MAX ? loop->ready.count : TASK_PICK_MAX;
	uint32_t chosen = io_pick(loop->io, (uint32_t)n);
	struct gw_task *before = NULL, *task = loop->ready.first;

	for (; chosen > 0; chosen--) {
		before = task;
		task = task->next;
	}
	if (before)
		before->next = task->next;
	else
		loop->ready.first = task->next;
	if (loop->ready.last == task)
		loop->ready.last = before;
	loop->ready.count--;
	return task;
}

/* The next task to run in this turn, out of the queue; NULL: back to the io. */
static inline struct gw_task *take(struct gw_loop *loop)
{
	struct gw_task *task = loop->ready.first;

	if (!task || loop->budget == 0)
		return NULL;
	loop->budget--;
	if (loop->pick)
		return pick(loop);
	loop->ready.first = task->next;
	if (!task->next)
		loop->ready.last = NULL;
	loop->ready.count--;
	return task;
}

/* The first thing on each stack that was switched to: a task that ended may be freed now. */
static inline void arrived(struct gw_loop *loop)
{
	struct gw_task *ended = loop->ended;

	if (__builtin_expect(ended != NULL, 0)) {
		loop->ended = NULL;
		task_free(ended);
	}
}

/* Asked for its stack while it is suspended: notes it, goes back, and stays suspended. */
static __attribute__((noinline)) void answer_probe(struct gw_task *self)
{
	struct gw_loop *loop = self->loop;

	while (self->probed) {
		self->probed = false;
		loop->frame_count = backtrace(loop->frames, TASK_REPORT_FRAMES_MAX);
		loop->current = NULL;
		task_switch(&self->context, &loop->scheduler, false);
	}
}

__attribute__((noinline)) void task_suspend(struct gw_task *self)
{
	struct gw_loop *loop = self->loop;
	struct gw_task *next = take(loop);

	assert(loop->current == self);
	if (next == self)
		return;
	loop->current = next;
	task_switch(&self->context, next ? &next->context : &loop->scheduler, false);
	arrived(loop);
	if (__builtin_expect(self->probed, 0))
		answer_probe(self);
}

/* From the scheduler to a task; returns when there is nothing more to run, or the budget is used
 * up. */
static __attribute__((noinline)) void enter(struct gw_loop *loop, struct gw_task *task)
{
	loop->current = task;
	task_switch(&loop->scheduler, &task->context, false);
	assert(!loop->current);
	arrived(loop);
}

void task_run_ready(struct gw_loop *loop)
{
	struct gw_task *task;

	assert(!loop->current && task_thread_loop == loop);
	while ((task = take(loop)) != NULL)
		enter(loop, task);
}

void task_probe(struct gw_task *task)
{
	task->loop->frame_count = 0;
	task->probed = true;
	enter(task->loop, task);
}

/* Leaves the stack of a task that has ended, for good. */
static __attribute__((noinline, noreturn)) void leave(struct gw_task *self)
{
	struct gw_loop *loop = self->loop;
	struct gw_task *next = take(loop);

	loop->ended = self;
	loop->current = next;
	task_switch(&self->context, next ? &next->context : &loop->scheduler, true);
	__builtin_unreachable();
}

__attribute__((noinline)) void task_main(void)
{
	struct gw_task *self = task_thread_loop->current;

	task_announce_arrive(&self->context.side);
	arrived(self->loop);
	if (self->probed)
		answer_probe(self);
	task_ended(self, self->function(self->argument));
	leave(self);
}
