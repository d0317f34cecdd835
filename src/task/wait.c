/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait.c - see wait.h: how a wait begins, is ended by a waker, a deadline or a cancel, and what the
 * task sees of it.
 */
#include "task/state.h"

#include <sched.h>

enum { GUARD_SPINS = 64 }; /* before other threads are let run */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int task_wait_refused(uint64_t deadline_ns)
{
	struct gw_task *self = task_self();

	if (self->shields == 0) {
		if (self->cancelled)
			return GW_E_CANCELLED;
		deadline_ns = earlier(deadline_ns, self->deadline_ns);
	}
	if (deadline_ns == GW_FOREVER)
		return 0;
	/* What passes in this turn is for the timers to find. */
	if (deadline_ns == GW_AT_ONCE || self->loop->turn_ns >= deadline_ns)
		return GW_E_TIMEOUT;
	return 0;
}

void task_wait_init(struct task_wait *wait, const char *doing, const void *object,
		    const char *name, bool shared)
{
	wait->task = task_self();
	wait->result = 0;
	wait->index = 0;
	wait->state = TASK_WAIT_OPEN;
	wait->shared = shared;
	wait->doing = doing;
	wait->name = name;
	wait->object = object;
	wait->holder = NULL;
}

int task_wait(struct task_wait *wait, uint64_t deadline_ns)
{
	struct gw_task *self = wait->task;

	assert(self == task_self() && !self->wait);
	if (self->shields == 0)
		deadline_ns = earlier(deadline_ns, self->deadline_ns);
	self->wait = wait;
	if (deadline_ns != GW_FOREVER)
		task_timers_add(self, deadline_ns);
	task_suspend(self);
	if (self->timer != 0)
		task_timers_remove(self);
	self->wait = NULL;
	return wait->result;
}

void task_wake(struct task_wait *wait, int result)
{
	struct gw_task *task = wait->task;

	/* Another loop may still try to claim it, in vain. */
	assert(__atomic_load_n(&wait->state, __ATOMIC_RELAXED) == TASK_WAIT_CLAIMED);
	wait->result = result;
	if (task_on_thread_of(task->loop)) {
		task_queue_add(&task->loop->ready, task);
		return;
	}
	/* An object that is not shared was used from a loop that it does not belong to. */
	assert(wait->shared);
	task_inbox_add(task);
}

struct gw_task *task_current(void)
{
	return task_thread_loop ? task_thread_loop->current : NULL;
}

void task_guard_contended(uint32_t *guard)
{
	unsigned spins = 0;

	do {
		while (__atomic_load_n(guard, __ATOMIC_RELAXED) != 0)
			if (++spins % GUARD_SPINS == 0)
				sched_yield();
	} while (__atomic_exchange_n(guard, 1, __ATOMIC_ACQUIRE) != 0);
}
