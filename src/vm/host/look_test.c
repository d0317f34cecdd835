/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look_test.c - a look outside, with a network that is no friend: frames without end for a guest
 * that listens to nothing, and one that waits; and wishes for entropy.
 */
#include "host_inside.h"

#include "base/little_endian.h"
#include "support/unit.h"
#include "vm/device/virtio.h"
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

/* ---- Entropy --------------------------------------------------------------------------------- */

/* Registers of virtio-mmio, version 2 (virtio 1.1, section 4.2.2). */
enum {
	DRIVER_FEATURES = 0x20,
	DRIVER_FEATURES_SELECT = 0x24,
	QUEUE_SIZE = 0x38,
	QUEUE_READY = 0x44,
	QUEUE_NOTIFY = 0x50,
	STATUS = 0x70,
	QUEUE_TABLE = 0x80,
	QUEUE_AVAILABLE = 0x90,
	QUEUE_USED = 0xa0,
	/* Of a queue, in RAM. */
	TABLE = 1 << 20,
	AVAILABLE = TABLE + 0x100,
	USED = TABLE + 0x200,
	BUFFER = TABLE + 0x300,
	WISH_BYTES = 16,
	STEPS = 1000, /* more than the guest has instructions in front of its loop */
};

static void set(struct guest *guest, int which, uint32_t value)
{
	guest_li(guest, T0, VM_MAP_VIRTIO + VM_VIRTIO_ENTROPY * VM_MAP_VIRTIO_BYTES);
	guest_li(guest, T1, value);
	guest_store_word(guest, T1, T0, which);
}

/* A guest that wishes for entropy, and with `resets` takes the wish back at once. */
static void begin_wish(struct world *world, bool resets)
{
	struct guest *guest = &world->guest;

	*world = (struct world){.host = {.console.ended = true, .signals = -1,
					 .zero_ns = vm_system_now_ns()}};
	guest_begin(guest);
	set(guest, STATUS, VM_VIRTIO_ACKNOWLEDGE | VM_VIRTIO_DRIVER);
	set(guest, DRIVER_FEATURES_SELECT, 1);
	set(guest, DRIVER_FEATURES, (uint32_t)(VM_VIRTIO_F_VERSION_1 >> 32));
	set(guest, STATUS, VM_VIRTIO_ACKNOWLEDGE | VM_VIRTIO_DRIVER | VM_VIRTIO_FEATURES_OK);
	set(guest, QUEUE_SIZE, 2);
	set(guest, QUEUE_TABLE, VM_MAP_RAM + TABLE);
	set(guest, QUEUE_AVAILABLE, VM_MAP_RAM + AVAILABLE);
	set(guest, QUEUE_USED, VM_MAP_RAM + USED);
	set(guest, QUEUE_READY, 1);
	set(guest, STATUS, VM_VIRTIO_ACKNOWLEDGE | VM_VIRTIO_DRIVER | VM_VIRTIO_FEATURES_OK |
				   VM_VIRTIO_DRIVER_OK);
	set(guest, QUEUE_NOTIFY, 0);
	if (resets)
		set(guest, STATUS, 0);
	guest_jump(guest, guest_here(guest));
	guest_start(guest);
	base_store64(guest->ram + TABLE, VM_MAP_RAM + BUFFER);
	base_store32(guest->ram + TABLE + 8, WISH_BYTES);
	base_store16(guest->ram + TABLE + 12, 2); /* the device writes */
	base_store16(guest->ram + AVAILABLE + 2, 1);
	world->host.machine = guest->machine;
	while (vm_machine_count(guest->machine) < STEPS)
		(void)!vm_machine_run(guest->machine, STEPS);
}

static void a_wish_for_entropy_is_answered(void **state)
{
	static const uint8_t zeros[WISH_BYTES];
	static struct world world;
	const uint8_t *ram;

	(void)state;
	begin_wish(&world, false);
	ram = world.guest.ram;
	assert_int_equal(vm_machine_entropy_wanted(world.guest.machine), WISH_BYTES);
	assert_int_equal(vm_host_look(&world.host, false, NULL), 0);
	assert_int_equal(vm_machine_entropy_wanted(world.guest.machine), 0);
	assert_int_equal(base_load16(ram + USED + 2), 1);
	assert_memory_not_equal(ram + BUFFER, zeros, WISH_BYTES);
	end(&world);
}

/* An answer to nothing would be refused, and end the run. */
static void a_wish_that_was_taken_back_is_not_answered(void **state)
{
	static struct world world;

	(void)state;
	begin_wish(&world, true);
	assert_int_equal(world.guest.entropy_wanted, WISH_BYTES);
	assert_int_equal(vm_machine_entropy_wanted(world.guest.machine), 0);
	assert_int_equal(vm_host_look(&world.host, false, NULL), 0);
	assert_int_equal(base_load16(world.guest.ram + USED + 2), 0);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_look_takes_a_few_frames_of_a_flood),
		cmocka_unit_test(who_holds_a_frame_asks_for_no_other),
		cmocka_unit_test(a_wish_for_entropy_is_answered),
		cmocka_unit_test(a_wish_that_was_taken_back_is_not_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
