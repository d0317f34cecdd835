/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tasks.c - what tasks cost: `bench-tasks WHAT COUNT` does one thing COUNT times and nothing else;
 * peers/tasks.go does the same in Go.
 *
 *     switch    two tasks yield in turns
 *     spawn     a task is started, runs and ends; joined by the hundred
 *     chan0     an item goes from one task to another by an unbuffered channel
 *     chan128   the same with room for 128
 *     select    one of four channels is ready
 *     live      COUNT tasks wait at once, for half a second (its memory is what is of interest)
 */
#include <groundwork/task.h>

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 100, BUFFER = 128, CHANS = 4 };

struct work {
	const char *what;
	uint64_t count;
	struct gw_chan *chan;
};

static int yields(void *argument)
{
	struct work *work = argument;

	for (uint64_t i = 0; i < work->count / 2; i++)
		(void)gw_yield();
	return 0;
}

static int switches(struct work *work)
{
	struct gw_group group = {0};
	int result = gw_spawn(&group, yields, work, NULL);

	if (result == 0)
		result = gw_spawn(&group, yields, work, NULL);
	return result < 0 ? result : gw_group_wait(&group, GW_FOREVER);
}

static int ends(void *argument)
{
	(void)argument;
	return 0;
}

static int spawns(struct work *work)
{
	int result = 0;

	for (uint64_t done = 0; result == 0 && done < work->count; done += BATCH) {
		struct gw_group group = {0};

		for (int i = 0; result == 0 && i < BATCH; i++)
			result = gw_spawn(&group, ends, NULL, NULL);
		if (result == 0)
			result = gw_group_wait(&group, GW_FOREVER);
	}
	return result;
}

static int sends(void *argument)
{
	struct work *work = argument;
	int result = 0;

	for (uint64_t i = 0; result == 0 && i < work->count; i++)
		result = gw_send(work->chan, &i, GW_FOREVER);
	return result;
}

static int passes(struct work *work, size_t capacity)
{
	struct gw_group group = {0};
	uint64_t item;
	int result;

	work->chan = gw_chan_new(sizeof(uint64_t), capacity, NULL);
	if (!work->chan)
		return GW_E_NO_MEMORY;
	result = gw_spawn(&group, sends, work, NULL);
	for (uint64_t i = 0; result == 0 && i < work->count; i++) {
		result = gw_receive(work->chan, &item, GW_FOREVER);
		if (result == 0 && item != i)
			result = GW_E_CORRUPT;
	}
	(void)gw_group_done(&group);
	gw_chan_unref(work->chan);
	return result;
}

static int selects(struct work *work)
{
	struct gw_select_case cases[CHANS];
	uint64_t item = 0;
	int chosen = 0;

	for (int i = 0; i < CHANS; i++) {
		cases[i] = (struct gw_select_case){.receive = &item};
		cases[i].chan = gw_chan_new(sizeof(item), 1, NULL);
		if (!cases[i].chan)
			return GW_E_NO_MEMORY;
	}
	for (uint64_t i = 0; chosen >= 0 && i < work->count; i++) {
		chosen = gw_send(cases[i % CHANS].chan, &i, GW_FOREVER);
		if (chosen == 0)
			chosen = gw_select(cases, CHANS, GW_FOREVER);
		if (chosen >= 0 && item != i)
			chosen = GW_E_CORRUPT;
	}
	for (int i = 0; i < CHANS; i++)
		gw_chan_unref(cases[i].chan);
	return chosen < 0 ? chosen : 0;
}

static int waits(void *argument)
{
	struct work *work = argument;

	return gw_receive(work->chan, NULL, GW_FOREVER) == GW_E_CLOSED ? 0 : GW_E_FAILED;
}

static int lives(struct work *work)
{
	struct gw_group group = {0};
	int result = 0;

	work->chan = gw_chan_new(1, 0, NULL);
	if (!work->chan)
		return GW_E_NO_MEMORY;
	for (uint64_t i = 0; result == 0 && i < work->count; i++)
		result = gw_spawn(&group, waits, work, NULL);
	if (result == 0)
		result = gw_sleep_ms(500);
	gw_chan_close(work->chan);
	if (result == 0)
		result = gw_group_wait(&group, GW_FOREVER);
	(void)gw_group_done(&group);
	gw_chan_unref(work->chan);
	return result;
}

static int run(void *argument)
{
	struct work *work = argument;

	if (strcmp(work->what, "switch") == 0)
		return switches(work);
	if (strcmp(work->what, "spawn") == 0)
		return spawns(work);
	if (strcmp(work->what, "chan0") == 0)
		return passes(work, 0);
	if (strcmp(work->what, "chan128") == 0)
		return passes(work, BUFFER);
	if (strcmp(work->what, "select") == 0)
		return selects(work);
	if (strcmp(work->what, "live") == 0)
		return lives(work);
	return GW_E_USAGE;
}

int main(int argc, char **argv)
{
	struct work work = {0};
	struct gw_error error = {0};
	int result;

	if (argc != 3) {
		fprintf(stderr, "usage: bench-tasks WHAT COUNT\n");
		return -GW_E_USAGE;
	}
	work.what = argv[1];
	work.count = strtoull(argv[2], NULL, 10);
	result = gw_run(run, &work, NULL, &error);
	if (result < 0)
		fprintf(stderr, "bench-tasks: %s\n",
			error.code ? error.text : gw_code_text(result));
	return -result;
}
