/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.c - what a node's clocks say. A clock is a moment at which all three times are known and
 * the drift since; a change of anything makes a new such moment, so that the monotonic clock never
 * goes back.
 */
#include "inside.h"

enum { BILLION = 1000000000 };

static const int64_t wall_start_ns = INT64_C(1767225600000000000); /* 2026-01-01 */
static const uint64_t time_max_ns = UINT64_C(1) << 62;

/* How far the node's clocks went since the moment. */
static uint64_t drifted(const struct clock *clock, uint64_t now_ns)
{
	uint64_t elapsed = now_ns - clock->true_ns;

	assert(now_ns >= clock->true_ns);
	if (clock->drift_ppb == 0)
		return elapsed;
	return (uint64_t)((unsigned __int128)elapsed *
			  (uint64_t)(BILLION + (int64_t)clock->drift_ppb) / BILLION);
}

uint64_t clock_mono(const struct sim_node *node)
{
	const struct clock *clock = &node->clock;

	if (clock->asleep)
		return clock->mono_ns;
	return clock->mono_ns + drifted(clock, node->sim->now_ns);
}

int64_t clock_wall(const struct sim_node *node)
{
	return node->clock.wall_ns + (int64_t)drifted(&node->clock, node->sim->now_ns);
}

static void new_moment(struct sim_node *node)
{
	struct clock *clock = &node->clock;
	uint64_t mono_ns = clock_mono(node);
	int64_t wall_ns = clock_wall(node);

	assert(mono_ns >= clock->mono_ns);
	clock->mono_ns = mono_ns;
	clock->wall_ns = wall_ns;
	clock->true_ns = node->sim->now_ns;
}

uint64_t clock_true_at(const struct sim_node *node, uint64_t at_ns)
{
	const struct clock *clock = &node->clock;
	uint64_t rate = (uint64_t)(BILLION + (int64_t)clock->drift_ppb), wait_ns;

	assert(!clock->asleep || clock->mono_ns == clock_mono(node));
	if (at_ns <= clock->mono_ns)
		return node->sim->now_ns;
	wait_ns = at_ns - clock->mono_ns;
	if (wait_ns > time_max_ns - clock->true_ns)
		return time_max_ns;
	if (rate != BILLION)
		wait_ns = (uint64_t)(((unsigned __int128)wait_ns * BILLION + rate - 1) / rate);
	return wait_ns > time_max_ns - clock->true_ns ? time_max_ns : clock->true_ns + wait_ns;
}

/* Signed, at most max either way. */
static int64_t either_way(struct sim_random *random, uint64_t max)
{
	return (int64_t)sim_random_below(random, 2 * max + 1) - (int64_t)max;
}

void clock_boot(struct sim_node *node, bool power)
{
	const struct sim_options *options = &node->sim->options;
	struct clock *clock = &node->clock;

	if (node->lives == 0) {
		clock->wall_ns = wall_start_ns + (int64_t)node->sim->now_ns +
				 either_way(&node->random, options->wall_offset_ns_max);
		clock->drift_ppb = (int32_t)either_way(&node->random, options->drift_ppb_max);
		clock->true_ns = node->sim->now_ns;
	} else {
		new_moment(node);
	}
	clock->asleep = false;
	if (!power)
		return;
	clock->mono_ns = SIM_SECOND + sim_random_below(&node->random, 1000 * SIM_SECOND);
	sim_random_bytes(&node->random, node->boot_id, sizeof(node->boot_id));
}

void clock_sleep(struct sim_node *node, bool asleep)
{
	new_moment(node);
	node->clock.asleep = asleep;
}

void clock_timers_again(struct sim_node *node)
{
	struct event *event = node->life ? node->life->events : NULL;
	struct event *timers = NULL;

	/* Moving one changes the list, so take them all first. */
	while (event) {
		struct event *next = event->next;

		if (event->run == timer_run && !event->aside) {
			event_remove(node->sim, event);
			event->next = timers;
			timers = event;
		}
		event = next;
	}
	while (timers) {
		const struct job *job = (const struct job *)timers;

		event = timers;
		timers = timers->next;
		event_add(node->sim, event, clock_true_at(node, job->request->u.run.at_ns));
	}
}

void sim_clock_jump(struct sim_node *node, int64_t ns)
{
	node->clock.wall_ns += ns;
	sim_counted(node->sim, SIM_COUNT_CLOCK_JUMP);
	trace_add(node->sim, node, TRACE_FAULT, "wall clock jumps by", ns, 0);
}

void sim_clock_drift(struct sim_node *node, int32_t ppb)
{
	assert(ppb > -BILLION / 2 && ppb < BILLION / 2);
	new_moment(node);
	node->clock.drift_ppb = ppb;
	trace_add(node->sim, node, TRACE_FAULT, "clocks drift by", ppb, 0);
	clock_timers_again(node);
}
