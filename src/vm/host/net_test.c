/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_test.c - the user-mode network answers the guest, loses what nobody takes, and bears what a
 * guest may send; names of networks that there are not.
 */
#include "net.h"

#include "vm/device/virtio_net.h"

#include "support/unit.h"

#include <stdlib.h>

enum { ARP_BYTES = 42 };

static void poll_once(struct vm_net *net)
{
	struct pollfd polls[VM_NET_POLLS_MAX];
	int timeout_ms = -1;
	size_t count = net->kind->fill(net, polls, VM_NET_POLLS_MAX, &timeout_ms);

	assert_true(poll(polls, count, 0) >= 0);
	net->kind->polled(net, polls, count);
}

/* Who is 10.0.2.LAST? asked by 10.0.2.15. */
static void ask(struct vm_net *net, uint8_t last)
{
	static const uint8_t question[ARP_BYTES] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, /* Ethernet */
		0, 1, 8, 0, 6, 4, 0, 1,                 /* ARP for IPv4, a question */
		2, 0, 0, 0, 0, 1, 10, 0, 2, 15,         /* from */
		0, 0, 0, 0, 0, 0, 10, 0, 2, 0,          /* to */
	};
	uint8_t frame[ARP_BYTES];

	memcpy(frame, question, sizeof(frame));
	frame[ARP_BYTES - 1] = last;
	net->kind->send(net, (struct gw_bytes){frame, sizeof(frame)});
}

static void the_user_network_answers(void **state)
{
	struct vm_net *net = NULL;
	struct gw_bytes frame = {0};
	const uint8_t *bytes;

	(void)state;
	assert_int_equal(vm_net_open(&net, "user", NULL), 0);
	assert_false(net->kind->take(net, &frame));
	ask(net, 2);
	poll_once(net);
	assert_true(net->kind->take(net, &frame));
	assert_true(frame.size >= ARP_BYTES);
	bytes = frame.data;
	assert_memory_equal(bytes, "\2\0\0\0\0\1", 6); /* to us */
	assert_int_equal(bytes[21], 2);                /* an answer */
	assert_memory_equal(bytes + 28, "\12\0\2\2", 4);
	assert_false(net->kind->take(net, &frame));
	vm_net_close(net);
}

static void frames_that_nobody_takes_are_lost(void **state)
{
	struct vm_net *net = NULL;
	struct gw_bytes frame;
	unsigned count = 0;

	(void)state;
	assert_int_equal(vm_net_open(&net, "user", NULL), 0);
	for (unsigned at = 0; at < VM_NET_FRAMES_MAX + 50; at++)
		ask(net, 2);
	while (net->kind->take(net, &frame))
		count++;
	assert_int_equal(count, VM_NET_FRAMES_MAX);
	vm_net_close(net);
}

/* Whatever a guest sends, it is the guest's trouble. */
static void any_frame_may_be_sent(void **state)
{
	struct vm_net *net = NULL;
	uint8_t bytes[1514];
	struct gw_bytes frame;
	uint64_t seed = 3;

	(void)state;
	assert_int_equal(vm_net_open(&net, "user", NULL), 0);
	for (unsigned round = 0; round < 2000; round++) {
		size_t size = VM_NET_FRAME_BYTES_MIN + test_pick(&seed, 1500);

		for (size_t at = 0; at < size; at++)
			bytes[at] = (uint8_t)test_random(&seed);
		bytes[12] = 8; /* IPv4, or ARP; sometimes well begun, and always to the host */
		bytes[13] = (uint8_t)(test_pick(&seed, 2) * 6);
		if (size > 34) {
			bytes[14] = 0x45;
			bytes[23] = 1; /* ICMP */
			memcpy(bytes + 30, "\12\0\2\2", 4);
		}
		net->kind->send(net, (struct gw_bytes){bytes, size});
		while (net->kind->take(net, &frame))
			assert_true(frame.size <= VM_NET_FRAME_BYTES_MAX);
	}
	poll_once(net);
	vm_net_close(net);
}

static void a_network_that_is_none_is_refused(void **state)
{
	struct gw_error error = {0};
	struct vm_net *net = NULL;

	(void)state;
	assert_int_equal(vm_net_open(&net, "tap", &error), GW_E_INVALID);
	assert_int_equal(vm_net_open(&net, "", &error), GW_E_INVALID);
	assert_int_equal(vm_net_open(&net, "tap:name-that-is-too-long", &error), GW_E_INVALID);
	assert_non_null(strstr(error.text, "name-that-is-too-long"));
	vm_net_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_user_network_answers),
		cmocka_unit_test(frames_that_nobody_takes_are_lost),
		cmocka_unit_test(any_frame_may_be_sent),
		cmocka_unit_test(a_network_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
