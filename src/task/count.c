/* SPDX-License-Identifier: Apache-2.0 */
/* count.c - what is waited for by number: wait groups, until it is 0; semaphores, until it is
 * enough. */
#include "task/loop.h"
#include "task/sync.h"

#include "io/rare.h"

void gw_wait_group_add(struct gw_wait_group *group, int64_t delta)
{
	struct gw_waiters chain = {0};
	bool overflow;

	task_guard_lock(&group->guard, group->shared);
	overflow = __builtin_add_overflow(group->count, delta, &group->count);
	assert(!overflow && group->count >= 0);
	if (group->count == 0)
		task_take_all(&group->waiters, &chain);
	task_guard_unlock(&group->guard, group->shared);
	task_wake_chain(chain.first, 0);
}

int gw_wait_group_wait(struct gw_wait_group *group, uint64_t deadline_ns)
{
	struct gw_waiter waiter = {0};
	struct task_wait wait;

	task_guard_lock(&group->guard, group->shared);
	if (group->count == 0) {
		task_guard_unlock(&group->guard, group->shared);
		return 0;
	}
	task_wait_init(&wait, "for wait group", group, group->name, group->shared);
	return task_wait_in(&group->waiters, &waiter, &wait, &group->guard, deadline_ns);
}

/* Gives the first who wait what they want, as far as it goes. One whose wait has ended stands in
 * nobody's way. Under the guard. */
static void grant(struct gw_semaphore *semaphore, struct gw_waiters *chain)
{
	struct gw_waiter *waiter;

	while ((waiter = semaphore->waiters.first)) {
		uint64_t number = waiter->number;
		bool ended = task_wait_ended(waiter->wait);

		if (!ended && number > semaphore->count)
			return;
		task_waiters_remove(&semaphore->waiters, waiter);
		if (!ended && task_claim(waiter->wait)) {
			semaphore->count -= number;
			task_chain(chain, waiter);
		}
	}
}

void gw_release(struct gw_semaphore *semaphore, uint64_t n)
{
	struct gw_waiters chain = {0};

	task_guard_lock(&semaphore->guard, semaphore->shared);
	assert(n <= UINT64_MAX - semaphore->count);
	semaphore->count += n;
	grant(semaphore, &chain);
	task_guard_unlock(&semaphore->guard, semaphore->shared);
	task_wake_chain(chain.first, 0);
}

/* Takes the guard, with nobody in the list who could be given what he wants. */
static void lock_granted(struct gw_semaphore *semaphore)
{
	for (;;) {
		struct gw_waiters chain = {0};

		task_guard_lock(&semaphore->guard, semaphore->shared);
		grant(semaphore, &chain);
		if (!chain.first)
			return;
		task_guard_unlock(&semaphore->guard, semaphore->shared);
		task_wake_chain(chain.first, 0);
	}
}

int gw_acquire(struct gw_semaphore *semaphore, uint64_t n, uint64_t deadline_ns)
{
	struct gw_waiter waiter = {.number = n};
	struct task_wait wait;
	int result;

	lock_granted(semaphore);
	if (!semaphore->waiters.first && n <= semaphore->count) {
		semaphore->count -= n;
		task_guard_unlock(&semaphore->guard, semaphore->shared);
		return 0;
	}
	task_wait_init(&wait, "for semaphore", semaphore, semaphore->name, semaphore->shared);
	result = task_wait_in(&semaphore->waiters, &waiter, &wait, &semaphore->guard, deadline_ns);
	if (result == GW_E_TIMEOUT && !semaphore->shared &&
	    semaphore->waiters.first != semaphore->waiters.last &&
	    IO_BUG(task_io(), "task.semaphore-stuck"))
		return result;
	if (result < 0)
		gw_release(semaphore, 0); /* those behind may want less than this one did */
	return result;
}
