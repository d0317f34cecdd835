/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waiting.h - tasks that wait for something of this room to change: each looks, waits, and looks
 * again. Whoever changes it, from a task or a callback of the same loop, wakes them all.
 */
#ifndef RPC_WAITING_H
#define RPC_WAITING_H

#include "task/loop.h"
#include "task/wait.h"

/* doing: for reports, "for the answer of"; name may be NULL. 0: woken, so look again. */
static inline int rpc_wait(struct gw_waiters *waiters, const char *doing, const char *name,
			   uint64_t deadline_ns)
{
	struct task_wait wait;
	struct gw_waiter waiter = {.wait = &wait};
	int result = task_wait_refused(deadline_ns);

	if (result < 0)
		return result;
	task_wait_init(&wait, doing, waiters, name, false);
	task_waiters_add(waiters, &waiter);
	result = task_wait(&wait, deadline_ns);
	if (waiter.linked)
		task_waiters_remove(waiters, &waiter);
	return result;
}

static inline void rpc_wake(struct gw_waiters *waiters)
{
	struct gw_waiter *waiter;

	while ((waiter = waiters->first)) {
		task_waiters_remove(waiters, waiter);
		if (task_claim(waiter->wait))
			task_wake(waiter->wait, 0);
	}
}

#endif
