/* SPDX-License-Identifier: Apache-2.0 */
/*
 * self.c - what a task asks of itself: time, its deadline, whether it is cancelled, and to stand
 * aside for a while.
 */
#include "task/state.h"

enum { NS_PER_MS = 1000000 };

struct gw_loop *task_loop(void)
{
	return task_self()->loop;
}

struct io *task_io(void)
{
	return task_self()->loop->io;
}

struct task_trace *task_trace(void)
{
	return &task_self()->trace;
}

const char *gw_task_name(void)
{
	return task_name(task_self());
}

uint64_t gw_now_ns(void)
{
	return io_now_ns(task_self()->loop->io);
}

uint64_t gw_after_ms(uint64_t ms)
{
	uint64_t now = gw_now_ns();

	if (ms > (GW_FOREVER - now) / NS_PER_MS)
		return GW_FOREVER;
	return now + ms * NS_PER_MS;
}

uint64_t gw_deadline_set(uint64_t deadline_ns)
{
	struct gw_task *self = task_self();
	uint64_t before = self->deadline_ns;

	self->deadline_ns = deadline_ns;
	return before;
}

uint64_t gw_deadline(void)
{
	return task_self()->deadline_ns;
}

bool gw_cancelled(void)
{
	return task_self()->cancelled;
}

void gw_shield_begin(void)
{
	task_self()->shields++;
}

void gw_shield_end(void)
{
	struct gw_task *self = task_self();

	assert(self->shields > 0);
	self->shields--;
}

int gw_yield(void)
{
	struct gw_task *self = task_self();

	task_queue_add(&self->loop->ready, self);
	task_suspend(self);
	return self->cancelled || self->deadline_ns != GW_FOREVER ? task_wait_refused(GW_FOREVER)
								  : 0;
}

int gw_sleep_until(uint64_t at_ns)
{
	struct task_wait wait;
	int result;

	if (at_ns == GW_AT_ONCE || gw_now_ns() >= at_ns)
		return 0;
	result = task_wait_refused(at_ns);
	if (result == 0) {
		task_wait_init(&wait, "for a moment", NULL, NULL, false);
		result = task_wait(&wait, at_ns);
	}
	/* Which deadline it was, the sleep's own or the task's. */
	if (result == GW_E_TIMEOUT && gw_now_ns() >= at_ns)
		return 0;
	return result;
}

int gw_sleep_ms(uint64_t ms)
{
	return gw_sleep_until(gw_after_ms(ms));
}
