/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aarch64_tasks.c - the scheduler with the switch of another processor: tasks that keep whole and
 * broken numbers over many switches, and one that waits for a channel. aarch64.py compiles it with
 * the sources of src/task for aarch64 and runs it under qemu; nothing here needs cmocka.
 */
#include "task/loop.h"

#include "support/fake_io.h"

#include <stdio.h>

enum { WALKERS = 20, STEPS = 1000 };

struct walker {
	struct gw_chan *chan;
	int number;
	bool right;
};

/* More values than there are registers, so that all of them are in use at each switch. */
static int walk(void *argument)
{
	struct walker *walker = argument;
	double broken[16];
	long whole[16];

	for (int i = 0; i < 16; i++) {
		whole[i] = walker->number * 100 + i;
		broken[i] = walker->number + i / 16.0;
	}
	for (int step = 0; step < STEPS; step++) {
		if (gw_yield() < 0)
			return 0;
		for (int i = 0; i < 16; i++) {
			whole[i] += i;
			broken[i] += 0.5;
		}
	}
	walker->right = true;
	for (int i = 0; i < 16; i++)
		walker->right = walker->right &&
				whole[i] == walker->number * 100 + i + (long)STEPS * i &&
				broken[i] == walker->number + i / 16.0 + STEPS / 2.0;
	return gw_send(walker->chan, &walker->number, GW_FOREVER);
}

static int all(void *argument)
{
	struct walker walkers[WALKERS] = {{0}};
	struct gw_chan *chan = gw_chan_new(sizeof(int), 0, NULL);
	struct gw_group group = {0};
	int sum = 0, number, *right = argument;

	for (int i = 0; i < WALKERS; i++) {
		walkers[i] = (struct walker){.chan = chan, .number = i};
		if (gw_spawn(&group, walk, &walkers[i], NULL) < 0)
			return 0;
	}
	for (int i = 0; i < WALKERS && gw_receive(chan, &number, GW_FOREVER) == 0; i++)
		sum += number;
	if (gw_group_wait(&group, GW_FOREVER) < 0 || gw_sleep_ms(5) < 0)
		return 0;
	*right = sum == WALKERS * (WALKERS - 1) / 2;
	for (int i = 0; i < WALKERS; i++)
		*right = *right && walkers[i].right;
	gw_chan_unref(chan);
	return 0;
}

int main(void)
{
	struct fake fake;
	struct gw_loop *loop;
	int right = 0;

	fake_init(&fake);
	if (task_loop_new(&fake.io, NULL, &loop, NULL) < 0 ||
	    task_loop_spawn(loop, all, &right, NULL) < 0)
		return 2;
	while (fake_turn(&fake))
		;
	task_loop_free(loop);
	puts(right ? "right" : "wrong");
	return !right;
}
