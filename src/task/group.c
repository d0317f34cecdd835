/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group.c - tasks from their start to their end, and the groups that join them. Everything here
 * happens in one loop.
 */
#include "task/state.h"

#include <stdio.h>

/* ---- A task's life --------------------------------------------------------------------------- */

static void link_task(struct gw_task *task, struct gw_group *group)
{
	struct gw_loop *loop = task->loop;

	task->all_next = loop->all;
	if (loop->all)
		loop->all->all_previous = task;
	loop->all = task;
	loop->live++;

	task->group = group;
	task->group_next = group->tasks;
	if (group->tasks)
		group->tasks->group_previous = task;
	group->tasks = task;
	group->count++;
}

/* The task's own place is at the top of its stack. */
static struct gw_task *place_task(struct gw_loop *loop, const struct task_stack *stack)
{
	char *top = stack->bottom + stack->bytes - sizeof(struct gw_task);
	struct gw_task *task = (struct gw_task *)((uintptr_t)top & ~(uintptr_t)63);

	*task = (struct gw_task){.loop = loop, .stack = *stack, .deadline_ns = GW_FOREVER};
	task->number = ++loop->started;
	task->context.side.bottom = stack->bottom;
	task->context.side.size = stack->bytes;
	task_announce_begin(&task->context.side);
	task_context_begin(&task->context, task, task_main);
	return task;
}

static void set_name(struct gw_task *task, const char *name)
{
	size_t size = strnlen(name, GW_TASK_NAME_MAX - 1);

	memcpy(task->name, name, size);
	task->name[size] = '\0';
}

int task_spawn(struct gw_loop *loop, struct gw_task *parent, struct gw_group *group,
	       gw_task_function *function, void *argument, const struct gw_spawn_options *options)
{
	struct task_stack stack;
	struct gw_task *task;
	int result;

	if (!group)
		group = &loop->group;
	if (group->cancelled)
		return GW_E_CANCELLED;
	if (loop->live >= loop->tasks_max)
		return GW_E_BUSY;
	result = task_timers_reserve(loop, loop->live + 1);
	if (result < 0)
		return result;
	result = task_stack_take(&loop->stacks, options ? options->stack_bytes : 0, &stack);
	if (result < 0)
		return result;
	task = place_task(loop, &stack);
	task->function = function;
	task->argument = argument;
	task->cancelled = loop->cancelled;
	if (parent) {
		task->deadline_ns = parent->deadline_ns;
		task->trace = parent->trace;
	}
	if (options && options->name)
		set_name(task, options->name);
	link_task(task, group);
	task_queue_add(&loop->ready, task);
	return 0;
}

static void wake_all(struct gw_group *group)
{
	struct gw_waiter *waiter;

	while ((waiter = group->waiters.first) != NULL) {
		task_waiters_remove(&group->waiters, waiter);
		if (task_claim(waiter->wait))
			task_wake(waiter->wait, 0);
	}
}

void task_ended(struct gw_task *task, int result)
{
	struct gw_group *group = task->group;

	assert(task->shields == 0 && !task->wait && task->timer == 0);
	if (task->group_previous)
		task->group_previous->group_next = task->group_next;
	else
		group->tasks = task->group_next;
	if (task->group_next)
		task->group_next->group_previous = task->group_previous;
	if (result < 0 && !task->ended_by_group && group->failed == 0)
		group->failed = result;
	if (--group->count == 0)
		wake_all(group);
}

void task_free(struct gw_task *task)
{
	struct gw_loop *loop = task->loop;
	struct task_stack stack = task->stack;

	if (task->all_previous)
		task->all_previous->all_next = task->all_next;
	else
		loop->all = task->all_next;
	if (task->all_next)
		task->all_next->all_previous = task->all_previous;
	loop->live--;
	task_announce_end(&task->context.side);
	task_stack_give(&loop->stacks, &stack);
}

void task_cancel(struct gw_task *task)
{
	task->cancelled = true;
	if (task->wait && task->shields == 0 && task_claim(task->wait))
		task_wake(task->wait, GW_E_CANCELLED);
}

const char *task_name(struct gw_task *task)
{
	if (!task->name[0])
		snprintf(task->name, sizeof(task->name), "task %llu",
			 (unsigned long long)task->number);
	return task->name;
}

/* ---- Groups ---------------------------------------------------------------------------------- */

int gw_spawn(struct gw_group *group, gw_task_function *function, void *argument,
	     const struct gw_spawn_options *options)
{
	struct gw_task *self = task_self();

	assert(!group || !group->tasks || group->tasks->loop == self->loop);
	return task_spawn(self->loop, self, group, function, argument, options);
}

/* 0: no task of it ran at one moment since the call. */
static int wait_until_empty(struct gw_group *group, uint64_t deadline_ns)
{
	struct task_wait wait;
	struct gw_waiter waiter = {.wait = &wait};
	int result;

	if (group->count == 0)
		return 0;
	result = task_wait_refused(deadline_ns);
	if (result < 0)
		return result;
	task_wait_init(&wait, "for all tasks of group", group, group->name, false);
	task_waiters_add(&group->waiters, &waiter);
	result = task_wait(&wait, deadline_ns);
	if (waiter.linked)
		task_waiters_remove(&group->waiters, &waiter);
	return result;
}

int gw_group_wait(struct gw_group *group, uint64_t deadline_ns)
{
	int result = wait_until_empty(group, deadline_ns);

	return result < 0 ? result : group->failed;
}

void gw_group_cancel(struct gw_group *group)
{
	group->cancelled = true;
	for (struct gw_task *task = group->tasks; task; task = task->group_next)
		task_cancel(task);
}

int gw_group_done(struct gw_group *group)
{
	int failed;

	for (struct gw_task *task = group->tasks; task; task = task->group_next)
		task->ended_by_group = true;
	gw_group_cancel(group);
	gw_shield_begin();
	while (group->count > 0) {
		int result = wait_until_empty(group, GW_FOREVER);

		assert(result == 0);
	}
	gw_shield_end();
	failed = group->failed;
	assert(!group->waiters.first);
	group->tasks = NULL;
	group->failed = 0;
	group->cancelled = false;
	return failed;
}
