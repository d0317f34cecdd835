/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance_datagrams_fixture.c - the promises of io_net.h on datagrams. Those that are lost are
 * sent again, so nothing here relies on one arriving.
 */
#include "io/conformance_world_fixture.h"

static struct io_datagrams *open_at(struct world *world, uint16_t family,
				    struct io_address *address)
{
	struct io_datagrams *datagrams = NULL;
	struct gw_error error = {0};

	world->maker->address(world->own, family, address);
	if (io_datagrams_open(world->io, address, &datagrams, &error) < 0)
		fail_msg("%s", error.text);
	io_datagrams_address(world->io, datagrams, address);
	assert_int_equal(address->family, family);
	return datagrams;
}

static void resend(struct io_request *request, int result)
{
	struct call *call = (struct call *)request->data;

	(void)result;
	call->calls++;
	stop(call->world);
}

/* Sends until the receive has ended. */
static int deliver(struct world *world, struct io_datagrams *from, const struct io_address *to,
		   const char *text, struct call *receive)
{
	struct gw_bytes pieces[3] = {gw_string(text), {NULL, 0}, gw_string("!")};
	struct call send = call_of(world), timer = call_of(world);

	while (!receive->calls) {
		io_send(world->io, start(&send), from, to, pieces, 3, note);
		assert_int_equal(ended(&send), 0);
		io_timer(world->io, start(&timer), io_now_ns(world->io) + 20000000, resend);
		while (!receive->calls && !timer.calls)
			world->maker->run(world->own, world->io);
		if (!timer.calls)
			assert_true(io_timer_stop(world->io, &timer.request));
	}
	return receive->result;
}

static void over_each(struct world *world, void (*test)(struct world *world, uint16_t family))
{
	test(world, IO_FAMILY_IP4);
	if (!(world->maker->lacks & IO_LACKS_UNIX))
		test(world, IO_FAMILY_UNIX);
}

static void exchange(struct world *world, uint16_t family)
{
	struct io_address addresses[2], from;
	struct io_datagrams *sockets[2] = {open_at(world, family, &addresses[0]),
					   open_at(world, family, &addresses[1])};
	struct call receive = call_of(world);
	char bytes[32] = {0};

	assert_false(io_address_equal(&addresses[0], &addresses[1]));
	for (int i = 0; i < 2; i++) {
		memset(bytes, 0, sizeof(bytes));
		io_receive(world->io, start(&receive), sockets[i],
			   (struct io_buffer){bytes, sizeof(bytes)}, &from, note);
		assert_int_equal(deliver(world, sockets[1 - i], &addresses[i], "whole", &receive),
				 6);
		assert_string_equal(bytes, "whole!");
		assert_true(io_address_equal(&from, &addresses[1 - i]));
	}
	for (int i = 0; i < 2; i++)
		io_datagrams_close(world->io, sockets[i]);
}

static void a_datagram_arrives_whole_and_says_from_whom(void **state)
{
	over_each(*state, exchange);
}

static void a_datagram_longer_than_its_buffer_is_too_large(void **state)
{
	struct world *world = (struct world *)*state;
	struct io_address address, from;
	struct io_datagrams *socket = open_at(world, IO_FAMILY_IP4, &address);
	struct call receive = call_of(world);
	char bytes[4];

	io_receive(world->io, start(&receive), socket, (struct io_buffer){bytes, sizeof(bytes)},
		   &from, note);
	assert_int_equal(deliver(world, socket, &address, "too long", &receive), GW_E_TOO_LARGE);
	io_datagrams_close(world->io, socket);
}

static void closing_and_cancelling_end_what_waits(struct world *world, uint16_t family)
{
	struct io_address address, from;
	struct io_datagrams *socket = open_at(world, family, &address);
	struct call calls[3];
	char bytes[4];

	for (size_t i = 0; i < 3; i++) {
		calls[i] = call_of(world);
		io_receive(world->io, start(&calls[i]), socket,
			   (struct io_buffer){bytes, sizeof(bytes)}, &from, note);
	}
	io_cancel(world->io, &calls[1].request);
	assert_int_equal(ended(&calls[1]), GW_E_CANCELLED);
	io_datagrams_close(world->io, socket);
	assert_int_equal(calls[0].calls + calls[2].calls, 0);
	assert_int_equal(ended(&calls[0]), GW_E_CANCELLED);
	assert_int_equal(ended(&calls[2]), GW_E_CANCELLED);
	/* The address is free again. */
	assert_int_equal(io_datagrams_open(world->io, &address, &socket, NULL), 0);
	io_datagrams_close(world->io, socket);
}

static void a_closed_socket_ends_its_receives(void **state)
{
	over_each(*state, closing_and_cancelling_end_what_waits);
}

const struct conformance_test conformance_datagrams[] = {
	TEST(a_datagram_arrives_whole_and_says_from_whom, IO_LACKS_DATAGRAMS),
	TEST(a_datagram_longer_than_its_buffer_is_too_large, IO_LACKS_DATAGRAMS),
	TEST(a_closed_socket_ends_its_receives, IO_LACKS_DATAGRAMS),
	{0},
};
