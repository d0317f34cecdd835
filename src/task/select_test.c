/* SPDX-License-Identifier: Apache-2.0 */
/* select_test.c - what task.h promises of select, in one loop. */
#include "sync_fixture.h"

/* A select in a task of its own. */
struct choice {
	struct gw_select_case cases[3];
	size_t count;
	uint64_t deadline_ns;
	int result;
	bool done;
};

static int selects(void *argument)
{
	struct choice *choice = argument;

	choice->result = gw_select(choice->cases, choice->count, choice->deadline_ns);
	choice->done = true;
	return 0;
}

/* A select in a task of its own among two channels: first `other`, then `chan`. */
struct two {
	struct gw_chan *other, *chan;
	struct gw_group group;
	struct choice choice;
};

/* It receives from the first, or sends to the second. */
static void two_begin(struct two *two, int *in, const int *out)
{
	*two = (struct two){.other = int_chan(0), .chan = int_chan(0)};
	two->choice = (struct choice){
		.cases = {{.chan = two->other, .receive = in}, {.chan = two->chan, .send = out}},
		.count = 2,
		.deadline_ns = GW_FOREVER,
	};
}

static void two_end(struct two *two)
{
	gw_chan_unref(two->other);
	gw_chan_unref(two->chan);
}

static int at_once_stands_for_the_default_case(void *argument)
{
	int item = 1;
	struct gw_chan *chan = int_chan(0);
	struct gw_select_case cases[] = {
		{.chan = chan, .send = &item},
		{.chan = chan, .receive = &item},
	};

	(void)argument;
	assert_int_equal(gw_select(cases, 2, GW_AT_ONCE), GW_E_TIMEOUT);
	assert_int_equal(gw_select(cases, 0, GW_AT_ONCE), GW_E_TIMEOUT);
	gw_chan_unref(chan);
	return 0;
}

static int a_case_that_is_ready_is_carried_out_at_once(void *argument)
{
	struct gw_chan *empty = int_chan(1), *full = int_chan(1);
	int out = 5, in = 0;
	struct gw_select_case cases[] = {
		{.chan = full, .send = &out},
		{.chan = empty, .receive = &in},
	};

	(void)argument;
	assert_int_equal(send_int(full, 1), 0);
	assert_int_equal(gw_select(cases, 2, GW_AT_ONCE), GW_E_TIMEOUT);
	assert_int_equal(receive_int(full), 1);
	assert_int_equal(gw_select(cases, 2, GW_AT_ONCE), 0);
	assert_int_equal(cases[0].result, 0);
	assert_int_equal(receive_int(full), 5);
	assert_int_equal(send_int(full, 1), 0);
	assert_int_equal(send_int(empty, 6), 0);
	assert_int_equal(gw_select(cases, 2, GW_AT_ONCE), 1);
	assert_int_equal(in, 6);
	assert_int_equal(gw_chan_count(full), 1);
	gw_chan_unref(empty);
	gw_chan_unref(full);
	return 0;
}

static int a_case_without_a_channel_is_never_ready(void *argument)
{
	int item = 0;
	struct gw_chan *chan = int_chan(1);
	struct gw_select_case cases[] = {{.receive = &item}, {.chan = chan, .receive = &item}, {0}};

	(void)argument;
	assert_int_equal(gw_select(cases, 3, gw_after_ms(1)), GW_E_TIMEOUT);
	assert_int_equal(send_int(chan, 4), 0);
	assert_int_equal(gw_select(cases, 3, GW_FOREVER), 1);
	assert_int_equal(item, 4);
	gw_chan_unref(chan);
	return 0;
}

static int whoever_comes_first_ends_the_wait(void *argument)
{
	struct gw_chan *chans[2] = {int_chan(0), int_chan(0)};
	int in[2] = {0, 0};

	(void)argument;
	for (int i = 0; i < 2; i++) {
		struct gw_group group = {0};
		struct choice choice = {
			.cases = {{.chan = chans[0], .receive = &in[0]},
				  {.chan = chans[1], .receive = &in[1]}},
			.count = 2,
			.deadline_ns = GW_FOREVER,
		};

		start(&group, selects, &choice);
		assert_false(choice.done);
		assert_int_equal(send_int(chans[i], 40 + i), 0);
		/* It has what it wants; another send finds nobody. */
		assert_int_equal(send_int(chans[0], 1), GW_E_TIMEOUT);
		assert_int_equal(send_int(chans[1], 1), GW_E_TIMEOUT);
		assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
		assert_int_equal(choice.result, i);
		assert_int_equal(choice.cases[i].result, 0);
		assert_int_equal(in[i], 40 + i);
	}
	gw_chan_unref(chans[0]);
	gw_chan_unref(chans[1]);
	return 0;
}

static int a_send_in_select_waits_for_a_receiver(void *argument)
{
	struct two two;
	int out = 3, in;

	(void)argument;
	two_begin(&two, &in, &out);
	start(&two.group, selects, &two.choice);
	assert_int_equal(receive_int(two.chan), 3);
	assert_int_equal(receive_int(two.chan), GW_E_TIMEOUT);
	assert_int_equal(gw_group_wait(&two.group, GW_FOREVER), 0);
	assert_int_equal(two.choice.result, 1);
	two_end(&two);
	return 0;
}

static int two_selects_meet(void *argument)
{
	struct two two;
	int out = 3, in = 0;
	struct gw_select_case cases[2] = {{.receive = &in}};

	(void)argument;
	two_begin(&two, &in, &out);
	cases[0].chan = two.chan;
	cases[1].chan = two.other;
	start(&two.group, selects, &two.choice);
	assert_int_equal(gw_select(cases, 2, GW_AT_ONCE), 0);
	assert_int_equal(in, 3);
	assert_int_equal(gw_group_wait(&two.group, GW_FOREVER), 0);
	assert_int_equal(two.choice.result, 1);
	two_end(&two);
	return 0;
}

/* Sending and receiving on one channel, it finds another, and never itself. */
static int a_select_does_not_meet_itself(void *argument)
{
	struct gw_chan *chan = int_chan(0);
	int out = 3, in = 0;
	struct choice choice = {
		.cases = {{.chan = chan, .receive = &in},
			  {.chan = chan, .send = &out},
			  {.chan = chan, .receive = &in}},
		.count = 3,
		.deadline_ns = GW_FOREVER,
	};
	struct gw_group group = {0};

	(void)argument;
	start(&group, selects, &choice);
	assert_false(choice.done);
	assert_int_equal(receive_int(chan), 3);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(choice.result, 1);
	choice.done = false;
	start(&group, selects, &choice);
	assert_int_equal(send_int(chan, 8), 0);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(choice.result, 0);
	assert_int_equal(in, 8);
	gw_chan_unref(chan);
	return 0;
}

static int a_closed_channel_is_ready_and_says_so(void *argument)
{
	struct two two;
	int item = 3;

	(void)argument;
	two_begin(&two, &item, &item);
	start(&two.group, selects, &two.choice);
	gw_chan_close(two.chan);
	assert_int_equal(gw_group_wait(&two.group, GW_FOREVER), 0);
	assert_int_equal(two.choice.result, 1);
	assert_int_equal(two.choice.cases[1].result, GW_E_CLOSED);
	two.choice.cases[1].result = 0;
	assert_int_equal(gw_select(two.choice.cases, 2, GW_AT_ONCE), 1);
	assert_int_equal(two.choice.cases[1].result, GW_E_CLOSED);
	/* Nobody is left in the other. */
	assert_int_equal(send_int(two.other, 1), GW_E_TIMEOUT);
	two_end(&two);
	return 0;
}

static int deadline_and_cancel_leave_nobody_behind(void *argument)
{
	struct two two;
	int item = 3;

	(void)argument;
	two_begin(&two, &item, &item);
	assert_int_equal(gw_select(two.choice.cases, 2, gw_after_ms(1)), GW_E_TIMEOUT);
	start(&two.group, selects, &two.choice);
	gw_group_cancel(&two.group);
	/* Cancelled, but it has not run: an item is not given to it, nor taken from it. */
	assert_int_equal(send_int(two.other, 1), GW_E_TIMEOUT);
	assert_int_equal(receive_int(two.chan), GW_E_TIMEOUT);
	assert_int_equal(gw_group_done(&two.group), 0);
	assert_int_equal(two.choice.result, GW_E_CANCELLED);
	assert_int_equal(send_int(two.other, 1), GW_E_TIMEOUT);
	assert_int_equal(receive_int(two.chan), GW_E_TIMEOUT);
	two_end(&two);
	return 0;
}

static int a_select_cancelled_as_it_is_handed_an_item_has_it(void *argument)
{
	struct two two;
	int item = 0;

	(void)argument;
	two_begin(&two, NULL, NULL);
	two.choice.cases[1].receive = &item;
	start(&two.group, selects, &two.choice);
	assert_int_equal(send_int(two.chan, 6), 0);
	gw_group_cancel(&two.group);
	assert_int_equal(gw_group_done(&two.group), 0);
	assert_int_equal(two.choice.result, 1);
	assert_int_equal(item, 6);
	two_end(&two);
	return 0;
}

/* Of those that are ready each is chosen about as often as the others, wherever it stands. */
static int the_choice_is_fair(void *argument)
{
	enum { CASES = 5, TURNS = 6000 };
	struct gw_select_case cases[CASES];
	struct gw_chan *chans[CASES];
	int counts[CASES] = {0}, pairs[CASES][CASES] = {{0}}, last = 0;

	(void)argument;
	for (int i = 0; i < CASES; i++) {
		chans[i] = int_chan(1);
		cases[i] = (struct gw_select_case){.chan = chans[i]};
		/* 2 and 3 are not ready. */
		if (i != 2 && i != 3)
			assert_int_equal(send_int(chans[i], i), 0);
	}
	for (int turn = 0; turn < TURNS; turn++) {
		int chosen = gw_select(cases, CASES, GW_FOREVER);

		assert_in_range(chosen, 0, CASES - 1);
		counts[chosen]++;
		pairs[last][chosen]++;
		last = chosen;
		assert_int_equal(send_int(chans[chosen], chosen), 0);
	}
	for (int i = 0; i < CASES; i++) {
		bool ready = i != 2 && i != 3;

		/* A third each; and a third of those after each of the others. */
		assert_in_range(counts[i], ready ? TURNS / 4 : 0, ready ? TURNS / 2 : 0);
		for (int j = 0; ready && j < CASES; j++) {
			if (j != 2 && j != 3)
				assert_in_range(pairs[i][j], TURNS / 15, TURNS / 6);
		}
		gw_chan_unref(chans[i]);
	}
	return 0;
}

static int there_may_be_many_cases(void *argument)
{
	enum { CASES = 300 };
	struct gw_select_case cases[CASES];
	struct gw_chan *chans[CASES];
	struct gw_group group = {0};
	int item = 0;
	struct deed sender = {.deadline_ns = GW_FOREVER, .item = 12};

	(void)argument;
	for (int i = 0; i < CASES; i++) {
		chans[i] = int_chan(0);
		cases[i] = (struct gw_select_case){.chan = chans[i], .receive = &item};
	}
	sender.chan = chans[CASES - 7];
	assert_int_equal(gw_spawn(&group, sends, &sender, NULL), 0);
	assert_int_equal(gw_select(cases, CASES, GW_FOREVER), CASES - 7);
	assert_int_equal(item, 12);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	test_fail_allocation(1);
	assert_int_equal(gw_select(cases, CASES, GW_AT_ONCE), GW_E_NO_MEMORY);
	test_fail_allocation(0);
	assert_int_equal(gw_select(cases, SIZE_MAX, GW_AT_ONCE), GW_E_TOO_LARGE);
	for (int i = 0; i < CASES; i++)
		gw_chan_unref(chans[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_task(at_once_stands_for_the_default_case),
		in_a_task(a_case_that_is_ready_is_carried_out_at_once),
		in_a_task(a_case_without_a_channel_is_never_ready),
		in_a_task(whoever_comes_first_ends_the_wait),
		in_a_task(a_send_in_select_waits_for_a_receiver),
		in_a_task(two_selects_meet),
		in_a_task(a_select_does_not_meet_itself),
		in_a_task(a_closed_channel_is_ready_and_says_so),
		in_a_task(deadline_and_cancel_leave_nobody_behind),
		in_a_task(a_select_cancelled_as_it_is_handed_an_item_has_it),
		in_a_task(the_choice_is_fair),
		in_a_task(there_may_be_many_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
