/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait.h - what everything that waits is built on: channels, locks, counts, groups, requests.
 *
 * A task that cannot go on puts waiters (one for each object it waits for) into the lists of those
 * objects and suspends; whoever makes an object ready takes a waiter out, claims its wait, and
 * wakes the task:
 *
 *     the one that waits                          the one that wakes
 *     ------------------                          ------------------
 *     task_guard_lock(&o->guard, o->shared);      task_guard_lock(&o->guard, o->shared);
 *     if (it can be had at once) ...              while ((waiter = o->waiters.first)) {
 *     r = task_wait_refused(deadline);                    task_waiters_remove(&o->waiters, waiter);
 *     if (r) { unlock; return r; }                        if (task_claim(waiter->wait))
 *     task_wait_init(&wait, "to get it", o,                       break;
 *                    o->name, o->shared);         }
 *     waiter.wait = &wait;                        if (waiter)
 *     task_waiters_add(&o->waiters, &waiter);             copy to or from waiter->item;
 *     task_guard_unlock(&o->guard, o->shared);    task_guard_unlock(&o->guard, o->shared);
 *     r = task_wait(&wait, deadline);             if (waiter)
 *     if (r < 0)                                          task_wake(waiter->wait, 0);
 *             lock; remove if still linked;
 *             unlock;
 *     return r;
 *
 * Claiming. Of all that could end a wait (wakers of several objects and loops, the deadline, a
 * cancel) the first to claim it does, and then must wake it; the others see false and look for
 * another waiter. Between claim and wake the task stands still, so what the waiter and its wait
 * point to may be used; after task_wake nothing of them may be touched. A deadline or a cancel
 * leaves the waiters where they are: the waiting task removes them itself after task_wait, under
 * the guard of each object. (`linked` is read and changed under the guard only: a waker that failed
 * to claim may be removing the waiter at this moment.)
 *
 * An object that is not shared belongs to the tasks of one loop, needs no guard, and its waits are
 * claimed by plain stores. A wait for several objects is shared when one of them is.
 */
#ifndef TASK_WAIT_H
#define TASK_WAIT_H

#include <groundwork/task.h>

#include <assert.h>

/* A wait of one task; on its stack. */
struct task_wait {
	struct gw_task *task;
	int result;      /* what task_wait returns */
	uint32_t index;  /* of the waiter chosen; the waker sets it between claim and wake */
	uint32_t state;  /* enum task_wait_state */
	bool shared;
	/* For reports: "waits <doing> <name>", as "to lock mutex" "table"; name may be NULL. */
	const char *doing;
	const char *name;
	const void *object;
	/* Where the task that holds the object is found; NULL where nobody holds it. */
	struct gw_task *const *holder;
};

enum task_wait_state {
	TASK_WAIT_OPEN,
	TASK_WAIT_CLAIMED,
};

/* A place in the list of one object; on the stack of the task that waits. */
struct gw_waiter {
	struct gw_waiter *next, *previous;
	struct task_wait *wait;
	void *item;       /* the object's: where the item goes, or is; a number wanted, ... */
	uint64_t number;  /* the object's too */
	uint32_t index;   /* of a select's case */
	bool linked;
	bool flag;        /* the object's */
};

/* ---- The one that waits -------------------------------------------------------------------- */

/* Whether a wait may begin now: 0, GW_E_CANCELLED or GW_E_TIMEOUT. To be asked when what is wanted
 * cannot be had at once, before waiters are linked. */
int task_wait_refused(uint64_t deadline_ns) GW_MUST_CHECK;

/* A wait of the current task, open. doing and name last as long as it. */
void task_wait_init(struct task_wait *wait, const char *doing, const void *object,
		    const char *name, bool shared);

/* Suspends the current task until the wait was claimed and woken; returns its result, which is
 * GW_E_TIMEOUT or GW_E_CANCELLED when deadline_ns, the task's deadline or a cancel came first. */
int task_wait(struct task_wait *wait, uint64_t deadline_ns);

/* Reports that the current task would wait for itself (a mutex it holds), with its stack, unless
 * its loop is to be silent; returns GW_E_DEADLOCK. */
int task_wait_for_self(const struct task_wait *wait);

/* ---- The one that wakes --------------------------------------------------------------------- */

/* True once in the life of a wait. From any thread when the wait is shared. */
static inline bool task_claim(struct task_wait *wait)
{
	uint32_t open = TASK_WAIT_OPEN;

	if (wait->shared)
		return __atomic_compare_exchange_n(&wait->state, &open, TASK_WAIT_CLAIMED, false,
						   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	if (wait->state != TASK_WAIT_OPEN)
		return false;
	wait->state = TASK_WAIT_CLAIMED;
	return true;
}

/* Makes the task of a wait that was claimed ready; it runs later, in its own loop. From any
 * thread when the wait is shared, also from callbacks of the loop's io. */
void task_wake(struct task_wait *wait, int result);

/* The task that runs now on this thread; NULL outside of tasks. */
struct gw_task *task_current(void);

/* ---- Lists and guards ----------------------------------------------------------------------- */

/* At the end: first come, first served. */
static inline void task_waiters_add(struct gw_waiters *list, struct gw_waiter *waiter)
{
	waiter->next = NULL;
	waiter->previous = list->last;
	if (list->last)
		list->last->next = waiter;
	else
		list->first = waiter;
	list->last = waiter;
	waiter->linked = true;
}

static inline void task_waiters_remove(struct gw_waiters *list, struct gw_waiter *waiter)
{
	assert(waiter->linked);
	if (waiter->previous)
		waiter->previous->next = waiter->next;
	else
		list->first = waiter->next;
	if (waiter->next)
		waiter->next->previous = waiter->previous;
	else
		list->last = waiter->previous;
	waiter->linked = false;
}

/* Spins, then lets other threads run, until *guard is 0. */
void task_guard_contended(uint32_t *guard);

/* The guard of a shared object is held for a few instructions and never over a wait; that of one
 * that is not shared costs nothing. Guards of several objects are taken in the order of their
 * addresses. */
static inline void task_guard_lock(uint32_t *guard, bool shared)
{
	if (shared && __atomic_exchange_n(guard, 1, __ATOMIC_ACQUIRE) != 0)
		task_guard_contended(guard);
}

static inline void task_guard_unlock(uint32_t *guard, bool shared)
{
	if (shared)
		__atomic_store_n(guard, 0, __ATOMIC_RELEASE);
}

#endif
