/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world.c - the loops of one program, and how it is found out that all of them wait for each other.
 *
 * A loop is idle when no task is ready, it has no deadline, and nothing is under way in its io;
 * then only a message of another loop can wake it. A message is counted before it is sent, and a
 * loop that receives one counts itself as active before it takes the message off the count; so
 * whoever brings `active` to 0 knows that all loops are idle and will stay so.
 *
 * First each loop writes its part of the report while all tasks stand still. Then all tasks are
 * cancelled, which lets them give back what they hold. If they wait for each other again (shielded,
 * or for a task that is), the loops end with them.
 */
#include "task/state.h"

void task_world_join(struct task_world *world, struct gw_loop *loop)
{
	task_guard_lock(&world->guard, true);
	loop->world = world;
	loop->world_next = world->loops;
	world->loops = loop;
	loop->is_main = !world->main;
	if (loop->is_main)
		world->main = loop;
	task_guard_unlock(&world->guard, true);
}

void task_world_leave(struct gw_loop *loop)
{
	struct task_world *world = loop->world;
	struct gw_loop **link = &world->loops;

	task_guard_lock(&world->guard, true);
	while (*link != loop)
		link = &(*link)->world_next;
	*link = loop->world_next;
	if (world->main == loop)
		world->main = NULL;
	else if (world->main) /* may wait for this one to be gone */
		task_loop_ask(world->main, TASK_ASKED_TURN);
	task_guard_unlock(&world->guard, true);
}

void task_world_more(struct task_world *world)
{
	__atomic_fetch_add(&world->active, 1, __ATOMIC_ACQ_REL);
}

static void ask_all(struct task_world *world, enum task_asked asked)
{
	for (struct gw_loop *loop = world->loops; loop; loop = loop->world_next)
		task_loop_ask(loop, asked);
}

/* Nothing will happen any more in any loop. */
static void deadlock(struct task_world *world)
{
	task_guard_lock(&world->guard, true);
	if (world->deadlocked) {
		ask_all(world, TASK_ASKED_STOP);
	} else if (world->loops) {
		world->deadlocked = true;
		for (struct gw_loop *loop = world->loops; loop; loop = loop->world_next)
			world->to_report++;
		ask_all(world, TASK_ASKED_REPORT);
	}
	task_guard_unlock(&world->guard, true);
}

void task_world_less(struct task_world *world, int64_t count)
{
	int64_t left = __atomic_sub_fetch(&world->active, count, __ATOMIC_ACQ_REL);

	assert(left >= 0);
	if (left == 0 && count > 0)
		deadlock(world);
}

void task_world_received(struct gw_loop *loop, int64_t messages)
{
	if (loop->idle) {
		loop->idle = false;
		task_world_more(loop->world);
	}
	task_world_less(loop->world, messages);
}

/* The main loop has no tasks left: the others are to end. True: they have. */
static bool others_ended(struct task_world *world, struct gw_loop *loop)
{
	bool alone;

	task_guard_lock(&world->guard, true);
	alone = world->loops == loop && !loop->world_next;
	if (!alone && !world->ending)
		ask_all(world, TASK_ASKED_CANCEL);
	world->ending = true;
	task_guard_unlock(&world->guard, true);
	return alone;
}

void task_world_turn_done(struct gw_loop *loop)
{
	struct task_world *world = loop->world;

	if (!loop->stopped && loop->live == 0)
		loop->stopped = !loop->is_main || others_ended(world, loop);
	if (loop->stopped) {
		loop->stop(loop->io);
		return;
	}
	if (loop->idle || loop->ready.first || io_pending(loop->io) != 0)
		return;
	loop->idle = true;
	task_world_less(world, 1);
}

void task_world_report(struct gw_loop *loop)
{
	struct task_world *world = loop->world;

	loop->deadlocked = true;
	task_guard_lock(&world->guard, true);
	if (!loop->silent && loop->live > 0)
		task_loop_report(loop);
	if (--world->to_report == 0)
		ask_all(world, TASK_ASKED_CANCEL);
	task_guard_unlock(&world->guard, true);
}
