/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timers.c - the deadlines of a loop's waits: a binary heap of tasks by the time they are to be
 * woken, and one timer of the io for the first of them. Room for every live task is reserved when
 * it is started, so a wait cannot fail.
 */
#include "task/state.h"

#include "base/allocate.h"
#include "io/rare.h"

/* So late a timer is when the clock jumped past it, as it does when the process was stopped. */
static const uint64_t long_ago_ns = UINT64_C(5000000000);

int task_timers_reserve(struct gw_loop *loop, size_t tasks)
{
	struct gw_task **timers;

	if (tasks < loop->timer_capacity)
		return 0;
	timers = base_grow(loop->timers, sizeof(*timers), &loop->timer_capacity, tasks + 1);
	if (!timers)
		return GW_E_NO_MEMORY;
	loop->timers = timers;
	return 0;
}

static void put(struct gw_loop *loop, size_t at, struct gw_task *task)
{
	loop->timers[at] = task;
	task->timer = at;
}

/* Moves the hole at `at` towards the root until the task fits. */
static void sift_up(struct gw_loop *loop, size_t at, struct gw_task *task)
{
	while (at > 1 && task->wake_at_ns < loop->timers[at / 2]->wake_at_ns) {
		put(loop, at, loop->timers[at / 2]);
		at /= 2;
	}
	put(loop, at, task);
}

/* And away from it. */
static void sift_down(struct gw_loop *loop, size_t at, struct gw_task *task)
{
	for (;;) {
		size_t child = 2 * at;

		if (child > loop->timer_count)
			break;
		if (child < loop->timer_count &&
		    loop->timers[child + 1]->wake_at_ns < loop->timers[child]->wake_at_ns)
			child++;
		if (loop->timers[child]->wake_at_ns >= task->wake_at_ns)
			break;
		put(loop, at, loop->timers[child]);
		at = child;
	}
	put(loop, at, task);
}

void task_timers_add(struct gw_task *task, uint64_t at_ns)
{
	struct gw_loop *loop = task->loop;

	assert(task->timer == 0 && loop->timer_count + 1 < loop->timer_capacity);
	task->wake_at_ns = at_ns;
	sift_up(loop, ++loop->timer_count, task);
}

void task_timers_remove(struct gw_task *task)
{
	struct gw_loop *loop = task->loop;
	size_t at = task->timer;
	struct gw_task *last = loop->timers[loop->timer_count--];

	assert(at > 0 && at <= loop->timer_count + 1);
	task->timer = 0;
	if (last == task)
		return;
	if (at > 1 && last->wake_at_ns < loop->timers[at / 2]->wake_at_ns)
		sift_up(loop, at, last);
	else
		sift_down(loop, at, last);
}

/* Wakes all whose time has come. */
static void timer_done(struct io_request *request, int result)
{
	struct gw_loop *loop = (struct gw_loop *)request->data;
	uint64_t now = io_now_ns(loop->io);

	loop->armed_ns = GW_FOREVER;
	if (result < 0)
		return;
	while (loop->timer_count > 0 && loop->timers[1]->wake_at_ns <= now) {
		struct gw_task *task = loop->timers[1];

		task_timers_remove(task);
		if (now - task->wake_at_ns > long_ago_ns && IO_BUG(loop->io, "task.timer-lost"))
			continue;
		if (task_claim(task->wait))
			task_wake(task->wait, GW_E_TIMEOUT);
		else
			IO_PROBE(loop->io, "task.woken-at-its-deadline");
	}
}

/* A timer that is set too early stays: it wakes nobody and is set anew then. So waits that end in
 * time, as most do, cost the io nothing. But when it is all that is under way it is stopped, or
 * nobody could tell that nothing will happen. */
void task_timers_arm(struct gw_loop *loop)
{
	uint64_t first = loop->timer_count > 0 ? loop->timers[1]->wake_at_ns : GW_FOREVER;

	if (first == GW_FOREVER) {
		if (loop->armed_ns != GW_FOREVER && io_pending(loop->io) == 1) {
			(void)io_timer_stop(loop->io, &loop->timer);
			loop->armed_ns = GW_FOREVER;
		}
		return;
	}
	if (first >= loop->armed_ns)
		return;
	if (loop->armed_ns != GW_FOREVER)
		(void)io_timer_stop(loop->io, &loop->timer);
	loop->armed_ns = first;
	loop->timer.data = loop;
	io_timer(loop->io, &loop->timer, first, timer_done);
}
