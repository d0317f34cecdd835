/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inbox.c - what other threads want of a loop: tasks that they woke, and a few things that can be
 * asked for. Both are left in the loop, and the io is told by a post when it does not know yet.
 */
#include "task/state.h"

#include <sched.h>

/* Makes the tasks ready in the order they came, the inbox having them the other way round. */
static int64_t take_inbox(struct gw_loop *loop)
{
	struct gw_task *task = __atomic_exchange_n(&loop->inbox, NULL, __ATOMIC_ACQUIRE);
	struct gw_task *in_order = NULL;
	int64_t count = 0;

	while (task) {
		struct gw_task *next = task->next;

		task->next = in_order;
		in_order = task;
		task = next;
		count++;
	}
	while (in_order) {
		struct gw_task *next = in_order->next;

		task_queue_add(&loop->ready, in_order);
		in_order = next;
	}
	return count;
}

static void post_done(struct io_request *request, int result)
{
	struct gw_loop *loop = (struct gw_loop *)request->data;
	uint32_t asked;
	int64_t messages;

	(void)result;
	/* From here on somebody else may post, so this is before the looking. */
	__atomic_store_n(&loop->posted, 0, __ATOMIC_SEQ_CST);
	asked = __atomic_exchange_n(&loop->asked, 0, __ATOMIC_SEQ_CST);
	messages = take_inbox(loop) + __builtin_popcount(asked);
	if (loop->world)
		task_world_received(loop, messages);
	if (asked & TASK_ASKED_REPORT)
		task_world_report(loop);
	if (asked & TASK_ASKED_CANCEL)
		task_loop_cancel(loop);
	if (asked & TASK_ASKED_STOP)
		loop->stopped = true;
}

/* After something was left for the loop; `posters` was raised before. */
static void tell(struct gw_loop *loop)
{
	if (__atomic_exchange_n(&loop->posted, 1, __ATOMIC_SEQ_CST) == 0) {
		loop->post.data = loop;
		io_post(loop->io, &loop->post, post_done);
	}
	__atomic_fetch_sub(&loop->posters, 1, __ATOMIC_RELEASE);
}

void task_inbox_add(struct gw_task *task)
{
	struct gw_loop *loop = task->loop;
	struct gw_task *first = __atomic_load_n(&loop->inbox, __ATOMIC_RELAXED);

	__atomic_fetch_add(&loop->posters, 1, __ATOMIC_ACQUIRE);
	if (loop->world)
		task_world_more(loop->world);
	do
		task->next = first;
	while (!__atomic_compare_exchange_n(&loop->inbox, &first, task, true, __ATOMIC_SEQ_CST,
					    __ATOMIC_RELAXED));
	tell(loop);
}

void task_loop_ask(struct gw_loop *loop, enum task_asked asked)
{
	__atomic_fetch_add(&loop->posters, 1, __ATOMIC_ACQUIRE);
	if (loop->world)
		task_world_more(loop->world);
	if (__atomic_fetch_or(&loop->asked, asked, __ATOMIC_SEQ_CST) & asked) {
		/* Has been asked already: it is one message, not two. */
		if (loop->world)
			task_world_less(loop->world, 1);
	}
	tell(loop);
}

void task_inbox_settle(struct gw_loop *loop)
{
	while (__atomic_load_n(&loop->posters, __ATOMIC_ACQUIRE) != 0)
		sched_yield();
}
