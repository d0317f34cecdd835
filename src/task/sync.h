/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync.h - what channels, locks and counts do alike with their lists of waiters; wait.h says how
 * waiting works.
 */
#ifndef TASK_SYNC_H
#define TASK_SYNC_H

#include "task/wait.h"

/* The first waiter whose wait can still be had, out of the list and claimed; NULL for none. Under
 * the guard. Those whose wait has ended otherwise are taken out on the way. */
static inline struct gw_waiter *task_take(struct gw_waiters *list)
{
	struct gw_waiter *waiter;

	while ((waiter = list->first)) {
		task_waiters_remove(list, waiter);
		if (task_claim(waiter->wait)) {
			waiter->wait->index = waiter->index;
			return waiter;
		}
	}
	return NULL;
}

/* Whether a wait can no longer be had. */
static inline bool task_wait_ended(const struct task_wait *wait)
{
	return __atomic_load_n(&wait->state, __ATOMIC_ACQUIRE) != TASK_WAIT_OPEN;
}

/* Puts a claimed waiter at the end of a chain, by its next. */
static inline void task_chain(struct gw_waiters *chain, struct gw_waiter *waiter)
{
	waiter->next = NULL;
	if (chain->last)
		chain->last->next = waiter;
	else
		chain->first = waiter;
	chain->last = waiter;
}

/* Claims all that can be had, into a chain. Under the guard. */
static inline void task_take_all(struct gw_waiters *list, struct gw_waiters *chain)
{
	struct gw_waiter *waiter;

	while ((waiter = task_take(list)))
		task_chain(chain, waiter);
}

/* Wakes a chain of claimed ones. After the guard was given back: the first that is woken may free
 * the object. */
static inline void task_wake_chain(struct gw_waiter *first, int result)
{
	while (first) {
		struct gw_waiter *next = first->next;

		task_wake(first->wait, result);
		first = next;
	}
}

/*
 * Takes the waiter of a wait that has ended out of its list. The guard is needed even when it is
 * linked no more: a waker of another loop that took it out, and found the wait ended, may still be
 * looking at it.
 */
static inline void task_leave(struct gw_waiters *list, struct gw_waiter *waiter, uint32_t *guard,
			      bool shared)
{
	task_guard_lock(guard, shared);
	if (waiter->linked)
		task_waiters_remove(list, waiter);
	task_guard_unlock(guard, shared);
}

/* Waits in one list, with the guard held at the call and given back; the wait is initialized, its
 * waiter filled in but for the wait. */
static inline int task_wait_in(struct gw_waiters *list, struct gw_waiter *waiter,
			       struct task_wait *wait, uint32_t *guard, uint64_t deadline_ns)
{
	int result = task_wait_refused(deadline_ns);

	if (result < 0) {
		task_guard_unlock(guard, wait->shared);
		return result;
	}
	waiter->wait = wait;
	task_waiters_add(list, waiter);
	task_guard_unlock(guard, wait->shared);
	result = task_wait(wait, deadline_ns);
	if (result == GW_E_TIMEOUT || result == GW_E_CANCELLED)
		task_leave(list, waiter, guard, wait->shared);
	return result;
}

#endif
