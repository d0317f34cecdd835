/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutex.c - locks, and conditions that are waited for under one. An unlock hands the mutex to the
 * first who waits, so nobody can overtake, and who is woken holds it already.
 */
#include "task/loop.h"
#include "task/sync.h"

#include "io/rare.h"

int gw_lock(struct gw_mutex *mutex, uint64_t deadline_ns)
{
	struct gw_task *me = task_current();
	struct gw_waiter waiter = {0};
	struct task_wait wait;

	assert(me);
	task_guard_lock(&mutex->guard, mutex->shared);
	if (!mutex->holder) {
		mutex->holder = me;
		task_guard_unlock(&mutex->guard, mutex->shared);
		return 0;
	}
	task_wait_init(&wait, "to lock mutex", mutex, mutex->name, mutex->shared);
	wait.holder = &mutex->holder;
	if (mutex->holder == me) {
		task_guard_unlock(&mutex->guard, mutex->shared);
		return task_wait_for_self(&wait);
	}
	return task_wait_in(&mutex->waiters, &waiter, &wait, &mutex->guard, deadline_ns);
}

void gw_unlock(struct gw_mutex *mutex)
{
	struct gw_waiter *next;

	task_guard_lock(&mutex->guard, mutex->shared);
	assert(mutex->holder && mutex->holder == task_current());
	next = task_take(&mutex->waiters);
	mutex->holder = next ? next->wait->task : NULL;
	task_guard_unlock(&mutex->guard, mutex->shared);
	if (next)
		task_wake(next->wait, 0);
}

/* Whatever happens to the task meanwhile, it holds the mutex afterwards. */
static void lock_again(struct gw_mutex *mutex)
{
	int result;

	gw_shield_begin();
	result = gw_lock(mutex, GW_FOREVER);
	gw_shield_end();
	assert(result == 0);
	(void)result;
}

/* Lets others have the mutex for a moment. */
static void give_way(struct gw_mutex *mutex)
{
	gw_unlock(mutex);
	(void)gw_yield();
	lock_again(mutex);
}

int gw_cond_wait(struct gw_cond *cond, struct gw_mutex *mutex, uint64_t deadline_ns)
{
	struct gw_waiter waiter = {0};
	struct task_wait wait;
	int result = task_wait_refused(deadline_ns);

	if (result < 0)
		return result;
	if (!cond->shared && cond->waiters.first && IO_BUG(task_io(), "task.wake-up-lost"))
		give_way(mutex);
	task_wait_init(&wait, "for condition", cond, cond->name, cond->shared);
	waiter.wait = &wait;
	/* In the list before the mutex is given up: a signal in between is not lost. */
	task_guard_lock(&cond->guard, cond->shared);
	task_waiters_add(&cond->waiters, &waiter);
	task_guard_unlock(&cond->guard, cond->shared);
	gw_unlock(mutex);
	result = task_wait(&wait, deadline_ns);
	if (result < 0)
		task_leave(&cond->waiters, &waiter, &cond->guard, cond->shared);
	lock_again(mutex);
	return result;
}

void gw_cond_signal(struct gw_cond *cond)
{
	struct gw_waiter *waiter;

	task_guard_lock(&cond->guard, cond->shared);
	waiter = task_take(&cond->waiters);
	task_guard_unlock(&cond->guard, cond->shared);
	if (waiter)
		task_wake(waiter->wait, 0);
}

void gw_cond_broadcast(struct gw_cond *cond)
{
	struct gw_waiters chain = {0};

	task_guard_lock(&cond->guard, cond->shared);
	task_take_all(&cond->waiters, &chain);
	task_guard_unlock(&cond->guard, cond->shared);
	task_wake_chain(chain.first, 0);
}
