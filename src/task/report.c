/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - who waits for what: the report of a deadlock. Each suspended task is asked for its own
 * stack trace by switching to it for a moment, so no foreign stack has to be read.
 */
#include "task/state.h"
#include "task/symbols.h"

#include <execinfo.h>
#include <stdio.h>
#include <unistd.h>

enum { FRAMES_OF_OURS = 3 }; /* answering, suspending, waiting: the same in every trace */

/* The name of the task that holds something, or what can be said of it. */
static const char *holder_name(const struct gw_loop *loop, struct gw_task *holder)
{
	if (task_loop_has(loop, holder))
		return task_name(holder);
	if (loop->world)
		for (const struct gw_loop *one = loop->world->loops; one; one = one->world_next)
			if (task_loop_has(one, holder))
				return task_name(holder);
	return "a task that has ended";
}

static void write_wait(const struct gw_loop *loop, struct gw_task *task,
		       const struct task_wait *wait)
{
	struct gw_task *holder = wait->holder ? *wait->holder : NULL;

	dprintf(STDERR_FILENO, "task \"%s\" waits %s", task_name(task), wait->doing);
	if (wait->name)
		dprintf(STDERR_FILENO, " \"%s\"", wait->name);
	else if (wait->object)
		dprintf(STDERR_FILENO, " %p", wait->object);
	if (holder == task)
		dprintf(STDERR_FILENO, ", which it holds itself");
	else if (holder)
		dprintf(STDERR_FILENO, ", which \"%s\" holds", holder_name(loop, holder));
	dprintf(STDERR_FILENO, "\n");
}

static void write_frames(struct gw_loop *loop, struct task_symbols *symbols, int from)
{
	for (int i = from; i < loop->frame_count; i++) {
		char text[256];

		task_symbols_describe(symbols, loop->frames[i], text, sizeof(text));
		dprintf(STDERR_FILENO, "    %s\n", text);
	}
}

/* The one that was started first. */
static struct gw_task *oldest(const struct gw_loop *loop)
{
	struct gw_task *task = loop->all;

	while (task && task->all_next)
		task = task->all_next;
	return task;
}

void task_loop_report(struct gw_loop *loop)
{
	struct gw_loop *outer = task_thread_loop;
	struct task_symbols symbols = {0};
	size_t written = 0;

	assert(!loop->current && !loop->ready.first);
	dprintf(STDERR_FILENO, "deadlock%s%s: %zu task%s wait%s and nothing can wake them\n",
		loop->name ? " in " : "", loop->name ? loop->name : "", loop->live,
		loop->live == 1 ? "" : "s", loop->live == 1 ? "s" : "");
	task_thread_loop = loop;
	for (struct gw_task *task = oldest(loop); task; task = task->all_previous) {
		if (++written > TASK_REPORT_TASKS_MAX)
			break;
		assert(task->wait);
		write_wait(loop, task, task->wait);
		task_probe(task);
		write_frames(loop, &symbols, FRAMES_OF_OURS);
	}
	task_thread_loop = outer;
	task_symbols_done(&symbols);
	if (written > TASK_REPORT_TASKS_MAX)
		dprintf(STDERR_FILENO, "and %zu more\n", loop->live - TASK_REPORT_TASKS_MAX);
}

int task_wait_for_self(const struct task_wait *wait)
{
	struct gw_task *self = task_self();
	struct gw_loop *loop = self->loop;
	struct task_symbols symbols = {0};

	if (loop->silent)
		return GW_E_DEADLOCK;
	dprintf(STDERR_FILENO, "deadlock: ");
	write_wait(loop, self, wait);
	loop->frame_count = backtrace(loop->frames, TASK_REPORT_FRAMES_MAX);
	write_frames(loop, &symbols, 1);
	task_symbols_done(&symbols);
	return GW_E_DEADLOCK;
}
