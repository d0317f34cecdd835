/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_tap_test.c - frames through a tap device, to and from this machine's kernel, in a network
 * namespace of the test's own; and a device that vanishes. Skipped where no namespace is to be had.
 */
#include "net.h"

#include "support/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME "gwtest0"

enum { ARP_BYTES = 42, PORT = 4242 };

/* Leaves in *state whether the tests are to be skipped. */
static int enter_namespace(void **state)
{
	bool entered = unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 &&
		       access("/dev/net/tun", R_OK | W_OK) == 0;

	*state = entered ? NULL : state;
	return 0;
}

/* The kernel's end gets an address, and is up. */
static void bring_up(void)
{
	struct ifreq request = {.ifr_name = NAME};
	struct sockaddr_in address = {.sin_family = AF_INET};
	int descriptor = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(descriptor >= 0);
	address.sin_addr.s_addr = htonl(0x0a090001);
	memcpy(&request.ifr_addr, &address, sizeof(address));
	assert_int_equal(ioctl(descriptor, SIOCSIFADDR, &request), 0);
	address.sin_addr.s_addr = htonl(0xffffff00);
	memcpy(&request.ifr_addr, &address, sizeof(address));
	assert_int_equal(ioctl(descriptor, SIOCSIFNETMASK, &request), 0);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	assert_int_equal(ioctl(descriptor, SIOCSIFFLAGS, &request), 0);
	close(descriptor);
}

static void broadcast(const char *text)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int descriptor = socket(AF_INET, SOCK_DGRAM, 0), yes = 1;

	to.sin_addr.s_addr = htonl(0x0a0900ff);
	assert_int_equal(setsockopt(descriptor, SOL_SOCKET, SO_BROADCAST, &yes, sizeof(yes)), 0);
	assert_int_equal(sendto(descriptor, text, strlen(text), 0, (struct sockaddr *)&to,
				sizeof(to)),
			 (ssize_t)strlen(text));
	close(descriptor);
}

static void wait_for_more(struct vm_net *net)
{
	struct pollfd polls[2];
	int timeout_ms = -1;
	size_t count = net->kind->fill(net, polls, 2, &timeout_ms);

	assert_int_equal(count, 1);
	assert_int_equal(timeout_ms, -1);
	assert_int_equal(poll(polls, count, -1), 1);
	net->kind->polled(net, polls, count);
}

/* The next frame of a type; what else the kernel says is passed over. */
static const uint8_t *next(struct vm_net *net, uint8_t high, uint8_t low)
{
	struct gw_bytes frame;

	for (;;) {
		const uint8_t *bytes;

		while (!net->kind->take(net, &frame)) {
			assert_false(net->gone);
			wait_for_more(net);
		}
		bytes = frame.data;
		if (frame.size >= ARP_BYTES && bytes[12] == high && bytes[13] == low)
			return bytes;
	}
}

static void remove_device(void)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg about;
	} request = {
		.head = {.nlmsg_len = sizeof(request), .nlmsg_type = RTM_DELLINK,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.about = {.ifi_index = (int)if_nametoindex(NAME)},
	};
	int descriptor = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	uint8_t answer[1024];

	assert_true(descriptor >= 0);
	assert_int_equal(send(descriptor, &request, sizeof(request), 0), sizeof(request));
	assert_true(recv(descriptor, answer, sizeof(answer), 0) > 0);
	close(descriptor);
}

static void frames_go_both_ways(void **state)
{
	static const uint8_t question[ARP_BYTES] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, /* Ethernet */
		0, 1, 8, 0, 6, 4, 0, 1,                 /* ARP for IPv4, a question */
		2, 0, 0, 0, 0, 1, 10, 9, 0, 2,          /* from */
		0, 0, 0, 0, 0, 0, 10, 9, 0, 1,          /* to */
	};
	struct vm_net *net = NULL, *other = NULL;
	struct gw_error error = {0};
	const uint8_t *frame;

	if (*state)
		skip();
	assert_int_equal(vm_net_open(&net, "tap:" NAME, &error), 0);
	assert_int_equal(vm_net_open(&other, "tap:" NAME, &error), GW_E_BUSY);
	net->kind->send(net, (struct gw_bytes){question, sizeof(question)}); /* down: it is lost */
	assert_false(net->gone);
	bring_up();
	broadcast("hello, guest");
	frame = next(net, 8, 0);
	assert_memory_equal(frame, "\xff\xff\xff\xff\xff\xff", 6);
	assert_memory_equal(frame + 42, "hello, guest", 12);
	net->kind->send(net, (struct gw_bytes){question, sizeof(question)});
	frame = next(net, 8, 6);
	assert_memory_equal(frame, "\2\0\0\0\0\1", 6);
	assert_int_equal(frame[21], 2); /* an answer */
	assert_memory_equal(frame + 28, "\12\11\0\1", 4);
	vm_net_close(net);
}

static void a_device_that_vanishes_is_gone(void **state)
{
	struct pollfd polls[2];
	struct vm_net *net = NULL;
	struct gw_bytes frame;
	int timeout_ms = 5;

	if (*state)
		skip();
	assert_int_equal(vm_net_open(&net, "tap:" NAME, NULL), 0);
	remove_device();
	while (!net->gone) {
		wait_for_more(net);
		while (net->kind->take(net, &frame)) {
		}
	}
	assert_int_equal(net->kind->fill(net, polls, 2, &timeout_ms), 0);
	assert_false(net->kind->take(net, &frame));
	net->kind->send(net, (struct gw_bytes){"nobody listens", 14});
	vm_net_close(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_go_both_ways),
		cmocka_unit_test(a_device_that_vanishes_is_gone),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
