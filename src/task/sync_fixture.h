/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync_fixture.h - what the tests of channels, locks and counts share: a test that is a task, and
 * other tasks that send, receive and note how it ended.
 */
#ifndef TASK_SYNC_FIXTURE_H
#define TASK_SYNC_FIXTURE_H

#include <groundwork/task.h>

#include "support/unit.h"

/* A row of the table of tests: function(NULL) is run as the first task of a loop, returns 0. */
#define in_a_task(function) {#function, run_in_a_task, NULL, NULL, (void *)(function)}

static inline void run_in_a_task(void **state)
{
	struct gw_run_options options = {.name = "test"};

	assert_int_equal(gw_run((gw_task_function *)*state, NULL, &options, NULL), 0);
}

/* Until those who are ready have gone as far as they can. */
static inline void settle(void)
{
	for (int i = 0; i < 8; i++)
		(void)gw_yield();
}

/* What a task of a test does, and how it ended. */
struct deed {
	struct gw_chan *chan;
	uint64_t deadline_ns;
	int item;
	bool done;
	int result;
	int rank; /* of those that are done, when *order counts them */
	int *order;
};

static inline int deed_done(struct deed *deed, int result)
{
	deed->result = result;
	deed->done = true;
	if (deed->order)
		deed->rank = ++*deed->order;
	return 0;
}

static inline int sends(void *argument)
{
	struct deed *deed = argument;

	return deed_done(deed, gw_send(deed->chan, &deed->item, deed->deadline_ns));
}

static inline int receives(void *argument)
{
	struct deed *deed = argument;

	return deed_done(deed, gw_receive(deed->chan, &deed->item, deed->deadline_ns));
}

/* Starts a task and lets it go as far as it can. */
static inline void start(struct gw_group *group, gw_task_function *function, void *argument)
{
	assert_int_equal(gw_spawn(group, function, argument, NULL), 0);
	settle();
}

/* Runs a function in two loops at once; each gets its own argument. */
static inline int in_two_loops(gw_task_function *function, void *here, void *there)
{
	struct gw_thread *thread;
	int result;

	assert_int_equal(gw_thread_start(&thread, function, there, NULL, NULL), 0);
	assert_int_equal(function(here), 0);
	assert_int_equal(gw_thread_join(thread, &result, GW_FOREVER), 0);
	assert_int_equal(result, 0);
	return 0;
}

static inline struct gw_chan *int_chan(size_t capacity)
{
	struct gw_chan_options options = {.name = "numbers"};
	struct gw_chan *chan = gw_chan_new(sizeof(int), capacity, &options);

	assert_non_null(chan);
	return chan;
}

static inline int send_int(struct gw_chan *chan, int item)
{
	return gw_send(chan, &item, GW_AT_ONCE);
}

/* The item that is there at once, or a negative code. */
static inline int receive_int(struct gw_chan *chan)
{
	int item = 0, result = gw_receive(chan, &item, GW_AT_ONCE);

	return result < 0 ? result : item;
}

#endif
