/* SPDX-License-Identifier: Apache-2.0 */
/* chan_test.c - what task.h promises of channels, in one loop. */
#include "sync_fixture.h"

#include <stdlib.h>

static int an_unbuffered_send_ends_when_a_receive_took_the_item(void *argument)
{
	struct gw_chan *chan = int_chan(0);
	struct gw_group group = {0};
	struct deed sender = {.chan = chan, .deadline_ns = GW_FOREVER, .item = 7};

	(void)argument;
	start(&group, sends, &sender);
	assert_false(sender.done);
	assert_int_equal(gw_chan_count(chan), 0);
	assert_int_equal(receive_int(chan), 7);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(sender.result, 0);
	gw_chan_unref(chan);
	return 0;
}

static int a_waiting_receive_is_handed_the_item(void *argument)
{
	struct gw_chan *chan = int_chan(0);
	struct gw_group group = {0};
	struct deed receiver = {.chan = chan, .deadline_ns = GW_FOREVER};

	(void)argument;
	start(&group, receives, &receiver);
	assert_false(receiver.done);
	assert_int_equal(send_int(chan, 9), 0);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(receiver.result, 0);
	assert_int_equal(receiver.item, 9);
	gw_chan_unref(chan);
	return 0;
}

static int a_buffered_send_waits_only_when_the_buffer_is_full(void *argument)
{
	struct gw_chan *chan = int_chan(3);
	struct gw_group group = {0};
	struct deed sender = {.chan = chan, .deadline_ns = GW_FOREVER, .item = 4};

	(void)argument;
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(send_int(chan, i), 0);
		assert_int_equal(gw_chan_count(chan), i);
	}
	assert_int_equal(send_int(chan, 4), GW_E_TIMEOUT);
	start(&group, sends, &sender);
	assert_false(sender.done);
	for (int i = 1; i <= 4; i++)
		assert_int_equal(receive_int(chan), i);
	assert_int_equal(receive_int(chan), GW_E_TIMEOUT);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_true(sender.done);
	gw_chan_unref(chan);
	return 0;
}

/* The buffer is a ring; every place of it is the first one once. */
static int items_arrive_in_the_order_they_were_sent(void *argument)
{
	(void)argument;
	for (size_t capacity = 1; capacity < 6; capacity++) {
		struct gw_chan *chan = int_chan(capacity);
		int sent = 0, received = 0;

		for (size_t turn = 0; turn < 3 * capacity; turn++) {
			while (send_int(chan, sent) == 0)
				sent++;
			assert_int_equal(sent - received, capacity);
			assert_int_equal(receive_int(chan), received++);
		}
		gw_chan_unref(chan);
	}
	return 0;
}

static int first_come_is_first_served(gw_task_function *function, bool sending)
{
	enum { COUNT = 5 };
	struct gw_chan *chan = int_chan(0);
	struct gw_group group = {0};
	struct deed deeds[COUNT];
	int order = 0;

	for (int i = 0; i < COUNT; i++) {
		deeds[i] = (struct deed){.chan = chan, .deadline_ns = GW_FOREVER, .item = i};
		deeds[i].order = &order;
		start(&group, function, &deeds[i]);
	}
	for (int i = 0; i < COUNT; i++) {
		if (sending)
			assert_int_equal(receive_int(chan), i);
		else
			assert_int_equal(send_int(chan, i), 0);
	}
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(deeds[i].rank, i + 1);
		assert_int_equal(deeds[i].item, i);
	}
	gw_chan_unref(chan);
	return 0;
}

static int receivers_are_served_in_the_order_they_came(void *argument)
{
	(void)argument;
	return first_come_is_first_served(receives, false);
}

static int senders_are_served_in_the_order_they_came(void *argument)
{
	(void)argument;
	return first_come_is_first_served(sends, true);
}

static int what_was_sent_before_the_close_is_still_received(void *argument)
{
	struct gw_chan *chan = int_chan(2);

	(void)argument;
	assert_int_equal(send_int(chan, 1), 0);
	assert_int_equal(send_int(chan, 2), 0);
	gw_chan_close(chan);
	assert_int_equal(send_int(chan, 3), GW_E_CLOSED);
	assert_int_equal(receive_int(chan), 1);
	assert_int_equal(receive_int(chan), 2);
	assert_int_equal(receive_int(chan), GW_E_CLOSED);
	assert_int_equal(gw_receive(chan, NULL, GW_FOREVER), GW_E_CLOSED);
	gw_chan_close(chan);
	assert_int_equal(receive_int(chan), GW_E_CLOSED);
	gw_chan_unref(chan);
	return 0;
}

static int a_close_wakes_all_receivers(void *argument)
{
	struct gw_chan *chan = int_chan(1);
	struct gw_group group = {0};
	struct deed deeds[3];

	(void)argument;
	for (int i = 0; i < 3; i++) {
		deeds[i] = (struct deed){.chan = chan, .deadline_ns = GW_FOREVER};
		start(&group, receives, &deeds[i]);
	}
	gw_chan_close(chan);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(deeds[i].result, GW_E_CLOSED);
	gw_chan_unref(chan);
	return 0;
}

/* Their items count as not sent; those in the buffer were. */
static int a_close_wakes_all_senders(void *argument)
{
	struct gw_chan *chan = int_chan(1);
	struct gw_group group = {0};
	struct deed deeds[3];

	(void)argument;
	for (int i = 0; i < 3; i++) {
		deeds[i] = (struct deed){.chan = chan, .deadline_ns = GW_FOREVER, .item = i};
		start(&group, sends, &deeds[i]);
	}
	gw_chan_close(chan);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(deeds[0].result, 0);
	assert_int_equal(deeds[1].result, GW_E_CLOSED);
	assert_int_equal(deeds[2].result, GW_E_CLOSED);
	assert_int_equal(receive_int(chan), 0);
	assert_int_equal(receive_int(chan), GW_E_CLOSED);
	gw_chan_unref(chan);
	return 0;
}

static int at_once_does_not_wait(void *argument)
{
	struct gw_chan *chan = int_chan(0);

	(void)argument;
	assert_int_equal(send_int(chan, 1), GW_E_TIMEOUT);
	assert_int_equal(receive_int(chan), GW_E_TIMEOUT);
	gw_chan_unref(chan);
	return 0;
}

static int a_deadline_ends_both_waits(void *argument)
{
	struct gw_chan *chan = int_chan(0);
	int item = 5;

	(void)argument;
	assert_int_equal(gw_send(chan, &item, gw_after_ms(1)), GW_E_TIMEOUT);
	assert_int_equal(gw_receive(chan, &item, gw_after_ms(1)), GW_E_TIMEOUT);
	assert_int_equal(gw_send(chan, &item, gw_now_ns()), GW_E_TIMEOUT);
	(void)gw_deadline_set(gw_after_ms(1));
	assert_int_equal(gw_receive(chan, &item, GW_FOREVER), GW_E_TIMEOUT);
	assert_int_equal(gw_send(chan, &item, GW_FOREVER), GW_E_TIMEOUT);
	(void)gw_deadline_set(GW_FOREVER);
	/* Nobody who gave up is still in a queue. */
	assert_int_equal(send_int(chan, 1), GW_E_TIMEOUT);
	assert_int_equal(receive_int(chan), GW_E_TIMEOUT);
	assert_int_equal(item, 5);
	gw_chan_unref(chan);
	return 0;
}

static int a_cancel_ends(gw_task_function *function, void *argument)
{
	struct gw_chan *chan = int_chan(0);
	struct gw_group group = {0};
	struct deed deed = {.chan = chan, .deadline_ns = GW_FOREVER, .item = 5};

	(void)argument;
	start(&group, function, &deed);
	gw_group_cancel(&group);
	settle();
	assert_true(deed.done);
	assert_int_equal(deed.result, GW_E_CANCELLED);
	assert_int_equal(gw_group_done(&group), 0);
	assert_int_equal(send_int(chan, 1), GW_E_TIMEOUT);
	assert_int_equal(receive_int(chan), GW_E_TIMEOUT);
	gw_chan_unref(chan);
	return 0;
}

static int a_cancel_ends_a_send(void *argument)
{
	return a_cancel_ends(sends, argument);
}

static int a_cancel_ends_a_receive(void *argument)
{
	return a_cancel_ends(receives, argument);
}

/* It sends to a full channel, is cancelled there, and then looks what it still may do. */
static int goes_on_after_its_cancel(void *argument)
{
	struct deed *deed = argument;
	int item = 1;

	assert_int_equal(gw_receive(deed->chan, &item, GW_FOREVER), GW_E_CANCELLED);
	assert_int_equal(gw_receive(deed->chan, &item, GW_FOREVER), GW_E_CANCELLED);
	assert_int_equal(gw_send(deed->chan, &item, GW_FOREVER), 0);
	assert_int_equal(gw_send(deed->chan, &item, GW_FOREVER), GW_E_CANCELLED);
	assert_int_equal(gw_receive(deed->chan, &item, GW_FOREVER), 0);
	return deed_done(deed, 0);
}

static int what_can_be_done_at_once_is_done_after_a_cancel(void *argument)
{
	struct gw_group group = {0};
	struct deed deed = {.chan = int_chan(1)};

	(void)argument;
	start(&group, goes_on_after_its_cancel, &deed);
	gw_group_cancel(&group);
	assert_int_equal(gw_group_done(&group), 0);
	assert_true(deed.done);
	gw_chan_unref(deed.chan);
	return 0;
}

/* The trap: the item is handed over, and only then comes the cancel, before the receiver ran. */
static int a_receiver_cancelled_as_it_is_handed_the_item_has_it(void *argument)
{
	struct gw_chan *chan = int_chan(0);
	struct gw_group group = {0};
	struct deed receiver = {.chan = chan, .deadline_ns = GW_FOREVER};

	(void)argument;
	start(&group, receives, &receiver);
	assert_int_equal(send_int(chan, 3), 0);
	gw_group_cancel(&group);
	assert_int_equal(gw_group_done(&group), 0);
	assert_int_equal(receiver.result, 0);
	assert_int_equal(receiver.item, 3);
	gw_chan_unref(chan);
	return 0;
}

/* And the other way round: cancelled first, not yet run, so it does not count as a receiver. */
static int an_item_is_not_handed_to_a_cancelled_receiver(void *argument)
{
	struct gw_chan *chan = int_chan(0);
	struct gw_group first = {0}, second = {0};
	struct deed cancelled = {.chan = chan, .deadline_ns = GW_FOREVER}, other = cancelled;

	(void)argument;
	start(&first, receives, &cancelled);
	start(&second, receives, &other);
	gw_group_cancel(&first);
	assert_int_equal(send_int(chan, 3), 0);
	assert_int_equal(gw_group_done(&first), 0);
	assert_int_equal(gw_group_wait(&second, GW_FOREVER), 0);
	assert_int_equal(cancelled.result, GW_E_CANCELLED);
	assert_int_equal(other.result, 0);
	assert_int_equal(other.item, 3);
	gw_chan_unref(chan);
	return 0;
}

static int a_sender_cancelled_after_its_item_was_taken_has_sent_it(void *argument)
{
	struct gw_chan *chan = int_chan(0);
	struct gw_group group = {0};
	struct deed sender = {.chan = chan, .deadline_ns = GW_FOREVER, .item = 3};

	(void)argument;
	start(&group, sends, &sender);
	assert_int_equal(receive_int(chan), 3);
	gw_group_cancel(&group);
	assert_int_equal(gw_group_done(&group), 0);
	assert_int_equal(sender.result, 0);
	gw_chan_unref(chan);
	return 0;
}

static int the_item_of_a_cancelled_sender_is_not_received(void *argument)
{
	struct gw_chan *chan = int_chan(0);
	struct gw_group first = {0}, second = {0};
	struct deed cancelled = {.chan = chan, .deadline_ns = GW_FOREVER, .item = 1};
	struct deed other = {.chan = chan, .deadline_ns = GW_FOREVER, .item = 2};

	(void)argument;
	start(&first, sends, &cancelled);
	start(&second, sends, &other);
	gw_group_cancel(&first);
	assert_int_equal(receive_int(chan), 2);
	assert_int_equal(gw_group_done(&first), 0);
	assert_int_equal(gw_group_wait(&second, GW_FOREVER), 0);
	assert_int_equal(cancelled.result, GW_E_CANCELLED);
	gw_chan_unref(chan);
	return 0;
}

/* Deadline and item in the same turn: whatever won, the item is somewhere. */
static int a_deadline_does_not_lose_an_item(void *argument)
{
	struct gw_chan *chan = int_chan(0);

	(void)argument;
	for (int i = 0; i < 50; i++) {
		struct gw_group group = {0};
		uint64_t soon = gw_now_ns() + 20000;
		struct deed receiver = {.chan = chan, .deadline_ns = soon};
		int sent;

		assert_int_equal(gw_spawn(&group, receives, &receiver, NULL), 0);
		while (gw_now_ns() < soon)
			(void)gw_yield();
		sent = send_int(chan, i);
		assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
		assert_int_equal(sent, receiver.result);
		if (sent == 0)
			assert_int_equal(receiver.item, i);
	}
	gw_chan_unref(chan);
	return 0;
}

static int receives_under_a_shield(void *argument)
{
	struct deed *deed = argument;
	int result;

	gw_shield_begin();
	result = gw_receive(deed->chan, &deed->item, GW_FOREVER);
	gw_shield_end();
	return deed_done(deed, result);
}

static int a_shield_keeps_the_wait_from_being_cancelled(void *argument)
{
	struct gw_group group = {0};
	struct deed deed = {.chan = int_chan(0)};

	(void)argument;
	start(&group, receives_under_a_shield, &deed);
	gw_group_cancel(&group);
	settle();
	assert_false(deed.done);
	assert_int_equal(send_int(deed.chan, 8), 0);
	assert_int_equal(gw_group_done(&group), 0);
	assert_int_equal(deed.result, 0);
	assert_int_equal(deed.item, 8);
	gw_chan_unref(deed.chan);
	return 0;
}

static int a_receive_may_drop_the_item(void *argument)
{
	struct gw_chan *chan = int_chan(1);
	struct gw_group group = {0};
	struct deed sender = {.chan = chan, .deadline_ns = GW_FOREVER, .item = 2};

	(void)argument;
	assert_int_equal(send_int(chan, 1), 0);
	start(&group, sends, &sender);
	assert_int_equal(gw_receive(chan, NULL, GW_FOREVER), 0);
	assert_int_equal(receive_int(chan), 2);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	gw_chan_unref(chan);
	return 0;
}

static int items_may_be_large_or_nothing(void *argument)
{
	struct gw_chan *nothing = gw_chan_new(0, 2, NULL);
	struct gw_chan *large = gw_chan_new(GW_CHAN_ITEM_BYTES_MAX, 2, NULL);
	uint8_t *item = calloc(1, GW_CHAN_ITEM_BYTES_MAX);

	(void)argument;
	assert_true(nothing && large && item);
	assert_int_equal(gw_send(nothing, NULL, GW_AT_ONCE), 0);
	assert_int_equal(gw_send(nothing, NULL, GW_AT_ONCE), 0);
	assert_int_equal(gw_send(nothing, NULL, GW_AT_ONCE), GW_E_TIMEOUT);
	assert_int_equal(gw_receive(nothing, NULL, GW_AT_ONCE), 0);
	assert_int_equal(gw_chan_count(nothing), 1);
	item[GW_CHAN_ITEM_BYTES_MAX - 1] = 17;
	assert_int_equal(gw_send(large, item, GW_AT_ONCE), 0);
	item[GW_CHAN_ITEM_BYTES_MAX - 1] = 0;
	assert_int_equal(gw_receive(large, item, GW_AT_ONCE), 0);
	assert_int_equal(item[GW_CHAN_ITEM_BYTES_MAX - 1], 17);
	free(item);
	gw_chan_unref(nothing);
	gw_chan_unref(large);
	return 0;
}

/* The address sanitizer would see what is left. From outside of any task, as task.h allows. */
static void the_last_reference_frees_what_nobody_took(void **state)
{
	struct gw_chan *chan = gw_chan_new(100, 10, NULL);

	(void)state;
	assert_non_null(chan);
	assert_ptr_equal(gw_chan_ref(chan), chan);
	gw_chan_unref(chan);
	assert_int_equal(gw_chan_count(chan), 0);
	gw_chan_unref(chan);
	gw_chan_unref(NULL);
}

static void a_channel_too_large_for_memory_is_none(void **state)
{
	(void)state;
	assert_null(gw_chan_new(GW_CHAN_ITEM_BYTES_MAX, SIZE_MAX, NULL));
	assert_null(gw_chan_new(GW_CHAN_ITEM_BYTES_MAX, SIZE_MAX / GW_CHAN_ITEM_BYTES_MAX, NULL));
	assert_null(gw_chan_new(GW_CHAN_ITEM_BYTES_MAX + 1, 0, NULL));
	test_fail_allocation(1);
	assert_null(gw_chan_new(8, 4, NULL));
	test_fail_allocation(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_task(an_unbuffered_send_ends_when_a_receive_took_the_item),
		in_a_task(a_waiting_receive_is_handed_the_item),
		in_a_task(a_buffered_send_waits_only_when_the_buffer_is_full),
		in_a_task(items_arrive_in_the_order_they_were_sent),
		in_a_task(receivers_are_served_in_the_order_they_came),
		in_a_task(senders_are_served_in_the_order_they_came),
		in_a_task(what_was_sent_before_the_close_is_still_received),
		in_a_task(a_close_wakes_all_receivers),
		in_a_task(a_close_wakes_all_senders),
		in_a_task(at_once_does_not_wait),
		in_a_task(a_deadline_ends_both_waits),
		in_a_task(a_cancel_ends_a_send),
		in_a_task(a_cancel_ends_a_receive),
		in_a_task(what_can_be_done_at_once_is_done_after_a_cancel),
		in_a_task(a_receiver_cancelled_as_it_is_handed_the_item_has_it),
		in_a_task(an_item_is_not_handed_to_a_cancelled_receiver),
		in_a_task(a_sender_cancelled_after_its_item_was_taken_has_sent_it),
		in_a_task(the_item_of_a_cancelled_sender_is_not_received),
		in_a_task(a_deadline_does_not_lose_an_item),
		in_a_task(a_shield_keeps_the_wait_from_being_cancelled),
		in_a_task(a_receive_may_drop_the_item),
		in_a_task(items_may_be_large_or_nothing),
		cmocka_unit_test(the_last_reference_frees_what_nobody_took),
		cmocka_unit_test(a_channel_too_large_for_memory_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
