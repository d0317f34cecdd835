/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look_test.c - a look outside, with a network that is no friend: frames without end for a guest
 * that listens to nothing, and one that waits.
 */
#include "host_inside.h"

#include "support/unit.h"
#include "vm/host/system.h"
#include "vm/machine/guest_fixture.h"

enum { FRAME_BYTES = 60 };

struct flood {
	struct vm_net net;
	unsigned filled, polled, taken;
	uint8_t frame[FRAME_BYTES];
};

static size_t fill(struct vm_net *net, struct pollfd *polls, size_t room, int *timeout_ms)
{
	(void)polls, (void)room, (void)timeout_ms;
	((struct flood *)net)->filled++;
	return 0;
}

static void polled(struct vm_net *net, const struct pollfd *polls, size_t count)
{
	(void)polls, (void)count;
	((struct flood *)net)->polled++;
}

static bool take(struct vm_net *net, struct gw_bytes *frame)
{
	struct flood *flood = (struct flood *)net;

	flood->taken++;
	*frame = (struct gw_bytes){flood->frame, sizeof(flood->frame)};
	return true;
}

static const struct vm_net_kind kind = {.fill = fill, .polled = polled, .take = take};

struct world {
	struct guest guest;
	struct flood flood;
	struct vm_host host;
};

/* A machine without a card: every frame is lost. */
static void begin(struct world *world)
{
	*world = (struct world){.flood = {.net = {.kind = &kind}}};
	guest_begin(&world->guest);
	guest_jump(&world->guest, GUEST_START);
	guest_start(&world->guest);
	world->host.machine = world->guest.machine;
	world->host.net = &world->flood.net;
	world->host.console.ended = true;
	world->host.signals = -1;
	world->host.zero_ns = vm_system_now_ns();
}

static void end(struct world *world)
{
	guest_end(&world->guest);
}

static void a_look_takes_a_few_frames_of_a_flood(void **state)
{
	static struct world world;

	(void)state;
	begin(&world);
	assert_int_equal(vm_host_look(&world.host, false, NULL), 0);
	assert_in_range(world.flood.taken, 1, VM_NET_FRAMES_MAX);
	assert_int_equal(world.host.held_size, 0);
	end(&world);
}

static void who_holds_a_frame_asks_for_no_other(void **state)
{
	static struct world world;

	(void)state;
	begin(&world);
	world.host.held_size = FRAME_BYTES;
	assert_int_equal(vm_host_look(&world.host, false, NULL), 0);
	assert_int_equal(world.flood.filled + world.flood.polled, 0);
	assert_int_equal(vm_host_look(&world.host, false, NULL), 0);
	assert_int_equal(world.flood.filled, 1);
	assert_int_equal(world.flood.polled, 1);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_look_takes_a_few_frames_of_a_flood),
		cmocka_unit_test(who_holds_a_frame_asks_for_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
