/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio_test.c - the transport and the rings, on a device of the test's own that takes every chain
 * and writes its first byte back; and what a guest may do to break it.
 */
#include "driver_fixture.h"

#include "base/little_endian.h"
#include "support/unit.h"

#define BASE UINT64_C(0x10001000)

enum { QUEUE_SIZE = 16 };

struct echo {
	struct vm_virtio virtio;
	unsigned notified;
	unsigned resets;
	unsigned taken;
	struct vm_chain last;
};

struct world {
	struct rig rig;
	struct echo echo;
	struct driver driver;
};

static void echo_notify(struct vm_virtio *virtio, unsigned queue)
{
	struct echo *echo = (struct echo *)virtio;
	uint16_t before = virtio->queues[queue].next_used;
	uint8_t byte = 0;

	echo->notified++;
	while (vm_queue_peek(virtio, queue, &echo->last)) {
		const struct vm_chain *chain = &echo->last;

		vm_queue_take(virtio, queue);
		echo->taken++;
		if (chain->readable_bytes)
			vm_chain_read(virtio, chain, 0, &byte, 1);
		if (chain->writable_bytes)
			vm_chain_write(virtio, chain, 0, &byte, 1);
		vm_queue_give(virtio, queue, chain->head, chain->writable_bytes ? 1 : 0);
	}
	vm_queue_rest(virtio, queue);
	vm_queue_interrupt(virtio, queue, before);
}

static void echo_reset(struct vm_virtio *virtio)
{
	((struct echo *)virtio)->resets++;
}

static void echo_fields(void *device, struct vm_fields *fields)
{
	vm_virtio_fields(device, fields);
}

static const struct vm_virtio_kind echo_virtio = {
	.device_id = 42,
	.queue_count = 2,
	.queue_size_max = QUEUE_SIZE,
	.notify = echo_notify,
	.reset = echo_reset,
};

static const struct vm_device_kind echo_kind = {
	.number = VM_DEVICE_VIRTIO_RNG,
	.size = VM_VIRTIO_BYTES,
	.read = vm_virtio_read,
	.write = vm_virtio_write,
	.reset = vm_virtio_reset,
	.fields = echo_fields,
};

static void make(struct world *world)
{
	struct vm_wire wire;

	*world = (struct world){0};
	rig_start(&world->rig);
	wire = rig_wire(&world->rig, 0);
	world->echo.virtio.features = 1 << 5;
	world->echo.virtio.config_size = 12;
	memcpy(world->echo.virtio.config, "configurable", 12);
	vm_virtio_init(&world->echo.virtio, &echo_virtio, &world->rig.ram, &wire);
	rig_add(&world->rig, BASE, (struct vm_device){&echo_kind, &world->echo});
	world->driver = (struct driver){.rig = &world->rig, .base = BASE};
}

static void start(struct world *world, uint64_t features)
{
	make(world);
	driver_start(&world->driver, features, 2, QUEUE_SIZE);
}

static void end(struct world *world)
{
	rig_end(&world->rig);
}

static uint8_t *memory(struct world *world, uint64_t address)
{
	return vm_ram_at(&world->rig.ram, address, 1);
}

/* ---- The transport --------------------------------------------------------------------------- */

static void the_device_says_what_it_is(void **state)
{
	struct world world;

	(void)state;
	make(&world);
	assert_int_equal(driver_read(&world.driver, VIRTIO_MAGIC), 0x74726976);
	assert_int_equal(driver_read(&world.driver, VIRTIO_VERSION), 2);
	assert_int_equal(driver_read(&world.driver, VIRTIO_DEVICE_ID), 42);
	assert_int_not_equal(driver_read(&world.driver, VIRTIO_VENDOR_ID), 0);
	assert_int_equal(driver_read(&world.driver, VIRTIO_FEATURES), 1 << 5 | 3 << 28);
	driver_write(&world.driver, VIRTIO_FEATURES_SELECT, 1);
	assert_int_equal(driver_read(&world.driver, VIRTIO_FEATURES), 1);
	driver_write(&world.driver, VIRTIO_FEATURES_SELECT, 2);
	assert_int_equal(driver_read(&world.driver, VIRTIO_FEATURES), 0);
	assert_int_equal(driver_read(&world.driver, VIRTIO_QUEUE_SIZE_LIMIT), QUEUE_SIZE);
	driver_write(&world.driver, VIRTIO_QUEUE_SELECT, 2);
	assert_int_equal(driver_read(&world.driver, VIRTIO_QUEUE_SIZE_LIMIT), 0);
	assert_int_equal(driver_read(&world.driver, 0xb0), 0xffffffff); /* no shared memory */
	assert_int_equal(driver_read(&world.driver, 0xbc), 0xffffffff);
	assert_int_equal(driver_read(&world.driver, 0xf0), 0);
	end(&world);
}

static void the_configuration_is_read_in_any_size(void **state)
{
	struct world world;

	(void)state;
	make(&world);
	assert_int_equal(rig_read(&world.rig, BASE + VIRTIO_CONFIG, 1), 'c');
	assert_int_equal(rig_read(&world.rig, BASE + VIRTIO_CONFIG + 2, 2), 'n' | 'f' << 8);
	assert_int_equal(rig_read(&world.rig, BASE + VIRTIO_CONFIG + 4, 4), 0x72756769);
	assert_int_equal(rig_read(&world.rig, BASE + VIRTIO_CONFIG + 8, 8), 0x656c6261);
	assert_int_equal(rig_read(&world.rig, BASE + 0xff8, 8), 0);
	rig_write(&world.rig, BASE + VIRTIO_CONFIG, 4, 0);
	assert_int_equal(rig_read(&world.rig, BASE + VIRTIO_CONFIG, 1), 'c');
	assert_true(rig_faults(&world.rig, BASE, 1));
	assert_true(rig_faults(&world.rig, BASE + 2, 2));
	assert_true(rig_faults(&world.rig, BASE + VIRTIO_STATUS, 8));
	end(&world);
}

static void features_have_to_be_offered(void **state)
{
	struct world world;

	(void)state;
	make(&world);
	driver_write(&world.driver, VIRTIO_STATUS, 3);
	driver_write(&world.driver, VIRTIO_STATUS, 11); /* without VERSION_1 */
	assert_int_equal(driver_read(&world.driver, VIRTIO_STATUS), 3);
	driver_write(&world.driver, VIRTIO_DRIVER_FEATURES_SELECT, 1);
	driver_write(&world.driver, VIRTIO_DRIVER_FEATURES, 3);
	driver_write(&world.driver, VIRTIO_STATUS, 11); /* with one that is not there */
	assert_int_equal(driver_read(&world.driver, VIRTIO_STATUS), 3);
	driver_write(&world.driver, VIRTIO_DRIVER_FEATURES, 1);
	driver_write(&world.driver, VIRTIO_DRIVER_FEATURES_SELECT, 7);
	driver_write(&world.driver, VIRTIO_DRIVER_FEATURES, 0xffffffff);
	driver_write(&world.driver, VIRTIO_STATUS, 11);
	assert_int_equal(driver_read(&world.driver, VIRTIO_STATUS), 11);
	driver_write(&world.driver, VIRTIO_DRIVER_FEATURES_SELECT, 0);
	driver_write(&world.driver, VIRTIO_DRIVER_FEATURES, 1 << 5); /* too late */
	assert_int_equal(world.echo.virtio.driver_features, VM_VIRTIO_F_VERSION_1);
	end(&world);
}

static void a_queue_that_cannot_be_breaks_the_device(void **state)
{
	static const struct {
		uint32_t size;
		uint64_t table, available, used;
	} wrong[] = {
		{0, 0x80000000, 0x80001000, 0x80002000},
		{3, 0x80000000, 0x80001000, 0x80002000},
		{32, 0x80000000, 0x80001000, 0x80002000},
		{0x10010, 0x80000000, 0x80001000, 0x80002000},
		{16, 0x80000008, 0x80001000, 0x80002000},
		{16, 0x80000000, 0x80001001, 0x80002000},
		{16, 0x80000000, 0x80001000, 0x80002002},
		{16, 0x7ffffff0, 0x80001000, 0x80002000},
		{16, 0x80000000, 0x8003fff0, 0x80002000},
		{16, 0x80000000, 0x80001000, 0xfffffffffffffffc},
		{16, 0xfffffffffffffff0, 0x80001000, 0x80002000},
		{16, 0x80000000, 0, 0x80002000},
	};
	struct world world;

	(void)state;
	for (size_t at = 0; at < sizeof(wrong) / sizeof(wrong[0]); at++) {
		make(&world);
		driver_negotiate(&world.driver, 0);
		driver_write(&world.driver, VIRTIO_QUEUE_SIZE, wrong[at].size);
		driver_write(&world.driver, VIRTIO_TABLE, wrong[at].table & 0xffffffff);
		driver_write(&world.driver, VIRTIO_TABLE + 4, wrong[at].table >> 32);
		driver_write(&world.driver, VIRTIO_AVAILABLE, wrong[at].available);
		driver_write(&world.driver, VIRTIO_USED, wrong[at].used & 0xffffffff);
		driver_write(&world.driver, VIRTIO_USED + 4, wrong[at].used >> 32);
		driver_write(&world.driver, VIRTIO_QUEUE_READY, 1);
		assert_int_equal(driver_read(&world.driver, VIRTIO_QUEUE_READY), 0);
		assert_true(driver_broken(&world.driver));
		driver_go(&world.driver);
		driver_notify(&world.driver, 0);
		assert_int_equal(world.echo.notified, 0);
		driver_start(&world.driver, 0, 2, QUEUE_SIZE); /* a reset mends it */
		assert_false(driver_broken(&world.driver));
		end(&world);
	}
}

static void a_ready_queue_does_not_change(void **state)
{
	struct world world;

	(void)state;
	start(&world, 0);
	driver_write(&world.driver, VIRTIO_QUEUE_SELECT, 0);
	driver_write(&world.driver, VIRTIO_QUEUE_SIZE, 4);
	driver_write(&world.driver, VIRTIO_TABLE, 0);
	driver_write(&world.driver, VIRTIO_USED + 4, 1);
	assert_int_equal(world.echo.virtio.queues[0].size, QUEUE_SIZE);
	assert_int_equal(world.echo.virtio.queues[0].table, driver_rings(0));
	driver_write(&world.driver, VIRTIO_QUEUE_READY, 0);
	assert_int_equal(driver_read(&world.driver, VIRTIO_QUEUE_READY), 0);
	driver_notify(&world.driver, 0);
	assert_int_equal(world.echo.notified, 0);
	driver_write(&world.driver, VIRTIO_QUEUE_SELECT, 99);
	driver_write(&world.driver, VIRTIO_QUEUE_SIZE, 4);
	driver_write(&world.driver, VIRTIO_QUEUE_READY, 1);
	assert_int_equal(driver_read(&world.driver, VIRTIO_QUEUE_READY), 0);
	end(&world);
}

static void a_notification_before_its_time_is_nothing(void **state)
{
	struct world world;

	(void)state;
	make(&world);
	driver_notify(&world.driver, 0);
	driver_negotiate(&world.driver, 0);
	driver_queue(&world.driver, 0, QUEUE_SIZE);
	driver_notify(&world.driver, 0);
	assert_int_equal(world.echo.notified, 0);
	driver_go(&world.driver);
	driver_notify(&world.driver, 1); /* not ready */
	driver_notify(&world.driver, 2);
	driver_notify(&world.driver, 0xffffffff);
	assert_int_equal(world.echo.notified, 0);
	driver_notify(&world.driver, 0);
	assert_int_equal(world.echo.notified, 1);
	end(&world);
}

static void a_changed_configuration_is_announced(void **state)
{
	struct world world;

	(void)state;
	start(&world, 0);
	vm_virtio_config_changed(&world.echo.virtio);
	assert_int_equal(driver_read(&world.driver, VIRTIO_GENERATION), 1);
	assert_int_equal(driver_read(&world.driver, VIRTIO_INTERRUPT), 2);
	assert_true(world.rig.high[0]);
	driver_write(&world.driver, VIRTIO_ACKNOWLEDGE, 1);
	assert_true(world.rig.high[0]);
	driver_write(&world.driver, VIRTIO_ACKNOWLEDGE, 2);
	assert_false(world.rig.high[0]);
	end(&world);
}

/* ---- Rings ----------------------------------------------------------------------------------- */

static void a_chain_goes_there_and_back(void **state)
{
	struct world world;
	uint32_t head, written;

	(void)state;
	start(&world, 0);
	*memory(&world, DRIVER_BUFFERS) = 'z';
	driver_chain(&world.driver, 0, 3, DRIVER_BUFFERS, 10, DRIVER_BUFFERS + 100, 20);
	driver_offer(&world.driver, 0, 3);
	driver_notify(&world.driver, 0);
	assert_int_equal(world.echo.last.readable_bytes, 10);
	assert_int_equal(world.echo.last.writable_bytes, 20);
	assert_true(driver_used(&world.driver, 0, &head, &written));
	assert_int_equal(head, 3);
	assert_int_equal(written, 1);
	assert_int_equal(*memory(&world, DRIVER_BUFFERS + 100), 'z');
	assert_int_equal(driver_read(&world.driver, VIRTIO_INTERRUPT), 1);
	assert_true(world.rig.high[0]);
	driver_write(&world.driver, VIRTIO_ACKNOWLEDGE, 1);
	assert_false(world.rig.high[0]);
	assert_false(driver_used(&world.driver, 0, &head, &written));
	end(&world);
}

static void rings_go_round(void **state)
{
	struct world world;
	uint32_t head, written;

	(void)state;
	start(&world, VM_VIRTIO_F_EVENT_IDX);
	for (unsigned round = 0; round < 70000; round++) {
		uint16_t at = (uint16_t)(round % QUEUE_SIZE);

		driver_chain(&world.driver, 0, at, DRIVER_BUFFERS + round % 100, 1, 0, 0);
		driver_offer(&world.driver, 0, at);
		driver_notify(&world.driver, 0);
		assert_true(driver_used(&world.driver, 0, &head, &written));
		assert_int_equal(head, at);
	}
	assert_false(driver_broken(&world.driver));
	end(&world);
}

static void all_of_a_queue_is_taken_at_once(void **state)
{
	struct world world;
	uint32_t head, written;

	(void)state;
	start(&world, 0);
	for (uint16_t at = 0; at < QUEUE_SIZE; at++) {
		driver_chain(&world.driver, 1, at, 0, 0, DRIVER_BUFFERS + at, 1);
		driver_offer(&world.driver, 1, at);
	}
	driver_notify(&world.driver, 1);
	for (uint16_t at = 0; at < QUEUE_SIZE; at++) {
		assert_true(driver_used(&world.driver, 1, &head, &written));
		assert_int_equal(head, at);
	}
	assert_int_equal(world.echo.notified, 1);
	end(&world);
}

static void a_driver_may_not_want_interrupts(void **state)
{
	struct world world;

	(void)state;
	start(&world, 0);
	*memory(&world, world.driver.queues[0].available) = 1; /* NO_INTERRUPT */
	driver_chain(&world.driver, 0, 0, DRIVER_BUFFERS, 1, 0, 0);
	driver_offer(&world.driver, 0, 0);
	driver_notify(&world.driver, 0);
	assert_int_equal(world.echo.taken, 1);
	assert_int_equal(driver_read(&world.driver, VIRTIO_INTERRUPT), 0);
	end(&world);
}

/* One chain, and whether its return interrupted a driver that waits for the event-th. */
static bool interrupts(struct world *world, uint16_t event)
{
	uint64_t at = world->driver.queues[0].available + 4 + 2 * QUEUE_SIZE;
	bool interrupted;

	base_store16(memory(world, at), event);
	driver_chain(&world->driver, 0, 0, DRIVER_BUFFERS, 1, 0, 0);
	driver_offer(&world->driver, 0, 0);
	driver_notify(&world->driver, 0);
	interrupted = driver_read(&world->driver, VIRTIO_INTERRUPT) & 1;
	driver_write(&world->driver, VIRTIO_ACKNOWLEDGE, 1);
	return interrupted;
}

static void an_event_index_says_when_to_interrupt(void **state)
{
	struct world world;
	uint64_t event;

	(void)state;
	start(&world, VM_VIRTIO_F_EVENT_IDX);
	event = world.driver.queues[0].used + 4 + 8 * QUEUE_SIZE;
	assert_true(interrupts(&world, 0));
	assert_false(interrupts(&world, 2));
	assert_true(interrupts(&world, 2));
	assert_false(interrupts(&world, 2)); /* passed */
	assert_int_equal(base_load16(memory(&world, event)), 4); /* we wait for the fifth */
	end(&world);
}

static void an_indirect_table_is_a_chain(void **state)
{
	struct world world;
	struct driver *driver = &world.driver;
	uint64_t table = DRIVER_BUFFERS + 0x1000;

	(void)state;
	start(&world, VM_VIRTIO_F_INDIRECT_DESC);
	for (uint16_t at = 0; at < 100; at++)
		driver_describe(driver, table, at, DRIVER_BUFFERS + at, 1,
				(uint16_t)(at < 99 ? DESCRIPTOR_NEXT : 0) |
					(uint16_t)(at < 50 ? 0 : DESCRIPTOR_WRITE),
				(uint16_t)(at + 1));
	driver_describe(driver, driver->queues[0].table, 1, DRIVER_BUFFERS + 500, 7,
			DESCRIPTOR_NEXT, 2);
	driver_describe(driver, driver->queues[0].table, 2, table, 1600, DESCRIPTOR_INDIRECT, 0);
	driver_offer(driver, 0, 1);
	driver_notify(driver, 0);
	assert_false(driver_broken(driver));
	assert_int_equal(world.echo.last.count, 101);
	assert_int_equal(world.echo.last.readable_bytes, 57);
	assert_int_equal(world.echo.last.writable_bytes, 50);
	end(&world);
}

static void bytes_of_a_chain_cross_its_pieces(void **state)
{
	struct world world;
	struct driver *driver = &world.driver;
	struct gw_bytes pieces[VM_QUEUE_SIZE_MAX];
	uint8_t out[8];

	(void)state;
	start(&world, 0);
	memcpy(memory(&world, DRIVER_BUFFERS), "abcdefgh", 8);
	for (uint16_t at = 0; at < 6; at++)
		driver_describe(driver, driver->queues[0].table, at, DRIVER_BUFFERS + 3 * at,
				at == 1 ? 0 : 2,
				(uint16_t)(at < 5 ? DESCRIPTOR_NEXT : 0) |
					(uint16_t)(at < 3 ? 0 : DESCRIPTOR_WRITE),
				(uint16_t)(at + 1));
	driver_offer(driver, 0, 0);
	driver_notify(driver, 0);
	assert_int_equal(world.echo.last.count, 5); /* an empty one is none */
	vm_chain_read(&world.echo.virtio, &world.echo.last, 1, out, 3);
	assert_memory_equal(out, "bgh", 3);
	assert_int_equal(vm_chain_pieces(&world.echo.virtio, &world.echo.last, 2, pieces), 1);
	assert_int_equal(pieces[0].size, 2);
	assert_memory_equal(pieces[0].data, "gh", 2);
	assert_int_equal(vm_chain_pieces(&world.echo.virtio, &world.echo.last, 4, pieces), 0);
	vm_chain_write(&world.echo.virtio, &world.echo.last, 1, "1234", 4);
	assert_int_equal(*memory(&world, DRIVER_BUFFERS + 10), '1');
	assert_memory_equal(memory(&world, DRIVER_BUFFERS + 12), "23", 2);
	assert_int_equal(*memory(&world, DRIVER_BUFFERS + 15), '4');
	end(&world);
}

/* ---- Hostile guests -------------------------------------------------------------------------- */

/* Descriptor 0 is offered, as the test made it; the device must break and be mended by a reset. */
static void must_break(struct world *world)
{
	driver_offer(&world->driver, 0, 0);
	driver_notify(&world->driver, 0);
	assert_true(driver_broken(&world->driver));
	assert_int_equal(driver_read(&world->driver, VIRTIO_INTERRUPT) & 2, 2);
	assert_int_equal(world->echo.taken, 0);
	driver_notify(&world->driver, 0); /* nothing more happens */
	driver_write(&world->driver, VIRTIO_STATUS, 0xf);
	assert_true(driver_broken(&world->driver));
	rig_round_trip(&world->rig);
	assert_true(driver_broken(&world->driver));
	driver_write(&world->driver, VIRTIO_STATUS, 0);
	assert_int_equal(driver_read(&world->driver, VIRTIO_STATUS), 0);
	assert_false(world->rig.high[0]);
	end(world);
}

static void one_descriptor_breaks(uint64_t features, uint64_t address, uint32_t size,
				  uint16_t flags, uint16_t next)
{
	struct world world;

	start(&world, features);
	driver_describe(&world.driver, world.driver.queues[0].table, 0, address, size, flags, next);
	must_break(&world);
}

static void descriptors_that_cannot_be_break_it(void **state)
{
	const uint64_t indirect = VM_VIRTIO_F_INDIRECT_DESC, ram_end = RIG_RAM + RIG_RAM_BYTES;

	(void)state;
	one_descriptor_breaks(0, DRIVER_BUFFERS, 1, DESCRIPTOR_NEXT, 0); /* in a circle */
	one_descriptor_breaks(0, DRIVER_BUFFERS, 0, DESCRIPTOR_NEXT, 0);
	one_descriptor_breaks(0, DRIVER_BUFFERS, 1, DESCRIPTOR_NEXT, QUEUE_SIZE);
	one_descriptor_breaks(0, DRIVER_BUFFERS, 1, DESCRIPTOR_NEXT, 0xffff);
	one_descriptor_breaks(0, ram_end - 1, 2, 0, 0);
	one_descriptor_breaks(0, RIG_RAM - 1, 2, DESCRIPTOR_WRITE, 0);
	one_descriptor_breaks(0, 0, 1, 0, 0);
	one_descriptor_breaks(0, UINT64_MAX, 0xffffffff, 0, 0);
	one_descriptor_breaks(0, DRIVER_BUFFERS, 0xffffffff, DESCRIPTOR_WRITE, 0);
	one_descriptor_breaks(0, DRIVER_BUFFERS, 16, DESCRIPTOR_INDIRECT, 0); /* not agreed */
	one_descriptor_breaks(indirect, DRIVER_BUFFERS, 0, DESCRIPTOR_INDIRECT, 0);
	one_descriptor_breaks(indirect, DRIVER_BUFFERS, 17, DESCRIPTOR_INDIRECT, 0);
	one_descriptor_breaks(indirect, DRIVER_BUFFERS, 16 * 257, DESCRIPTOR_INDIRECT, 0);
	one_descriptor_breaks(indirect, ram_end - 8, 16, DESCRIPTOR_INDIRECT, 0);
	one_descriptor_breaks(indirect, DRIVER_BUFFERS, 16,
			      DESCRIPTOR_INDIRECT | DESCRIPTOR_NEXT, 1);
}

static void a_table_in_a_table_breaks_it(void **state)
{
	struct world world;

	(void)state;
	start(&world, VM_VIRTIO_F_INDIRECT_DESC);
	driver_describe(&world.driver, DRIVER_BUFFERS, 0, DRIVER_BUFFERS, 16, DESCRIPTOR_INDIRECT,
			0);
	driver_describe(&world.driver, world.driver.queues[0].table, 0, DRIVER_BUFFERS, 16,
			DESCRIPTOR_INDIRECT, 0);
	must_break(&world);
}

static void a_circle_in_a_table_breaks_it(void **state)
{
	struct world world;

	(void)state;
	start(&world, VM_VIRTIO_F_INDIRECT_DESC);
	for (uint16_t at = 0; at < VM_QUEUE_SIZE_MAX; at++)
		driver_describe(&world.driver, DRIVER_BUFFERS, at, DRIVER_BUFFERS, 1,
				DESCRIPTOR_NEXT, (at + 1) % VM_QUEUE_SIZE_MAX);
	driver_describe(&world.driver, world.driver.queues[0].table, 0, DRIVER_BUFFERS,
			16 * VM_QUEUE_SIZE_MAX, DESCRIPTOR_INDIRECT, 0);
	must_break(&world);
}

static void too_many_pieces_break_it(void **state)
{
	struct world world;

	(void)state;
	start(&world, VM_VIRTIO_F_INDIRECT_DESC);
	for (uint16_t at = 0; at < VM_QUEUE_SIZE_MAX; at++)
		driver_describe(&world.driver, DRIVER_BUFFERS, at, DRIVER_BUFFERS, 1,
				at + 1 < VM_QUEUE_SIZE_MAX ? DESCRIPTOR_NEXT : 0,
				(uint16_t)(at + 1));
	driver_describe(&world.driver, world.driver.queues[0].table, 0, DRIVER_BUFFERS, 1,
			DESCRIPTOR_NEXT, 1);
	driver_describe(&world.driver, world.driver.queues[0].table, 1, DRIVER_BUFFERS,
			16 * VM_QUEUE_SIZE_MAX, DESCRIPTOR_INDIRECT, 0);
	must_break(&world);
}

static void what_is_read_behind_what_is_written_breaks_it(void **state)
{
	struct world world;

	(void)state;
	start(&world, 0);
	driver_describe(&world.driver, world.driver.queues[0].table, 0, DRIVER_BUFFERS, 1,
			DESCRIPTOR_NEXT | DESCRIPTOR_WRITE, 1);
	driver_describe(&world.driver, world.driver.queues[0].table, 1, DRIVER_BUFFERS, 1, 0, 0);
	must_break(&world);
}

static void an_index_that_jumps_breaks_it(void **state)
{
	struct world world;

	(void)state;
	start(&world, 0);
	driver_chain(&world.driver, 0, 0, DRIVER_BUFFERS, 1, 0, 0);
	world.driver.queues[0].offered = QUEUE_SIZE; /* one too many */
	must_break(&world);
	start(&world, 0);
	world.driver.queues[0].offered = 0xfff0; /* backwards */
	must_break(&world);
}

static void a_head_outside_of_the_table_breaks_it(void **state)
{
	struct world world;

	(void)state;
	start(&world, 0);
	driver_offer(&world.driver, 0, QUEUE_SIZE);
	driver_notify(&world.driver, 0);
	assert_true(driver_broken(&world.driver));
	assert_int_equal(world.echo.taken, 0);
	end(&world);
}

static void a_state_that_cannot_be_is_not_loaded(void **state)
{
	struct base_buffer saved = {0};
	struct vm_fields fields = {.way = VM_FIELDS_SAVE, .out = &saved};
	struct world world;

	(void)state;
	start(&world, 0);
	echo_fields(&world.echo, &fields);
	assert_int_equal(fields.status, 0);
	for (size_t size = 0; size <= saved.size; size++) {
		fields = (struct vm_fields){.way = VM_FIELDS_LOAD, .in = saved.data, .left = size};
		echo_fields(&world.echo, &fields);
		assert_int_equal(fields.status, size < saved.size ? GW_E_CORRUPT : 0);
		assert_true(size == saved.size || !world.echo.virtio.queues[1].ready);
	}
	saved.data[32] = 3; /* the size of the first queue */
	fields = (struct vm_fields){
		.way = VM_FIELDS_LOAD, .in = saved.data, .left = saved.size};
	echo_fields(&world.echo, &fields);
	assert_int_equal(fields.status, GW_E_CORRUPT);
	assert_false(world.echo.virtio.queues[0].ready);
	base_buffer_done(&saved);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_device_says_what_it_is),
		cmocka_unit_test(the_configuration_is_read_in_any_size),
		cmocka_unit_test(features_have_to_be_offered),
		cmocka_unit_test(a_queue_that_cannot_be_breaks_the_device),
		cmocka_unit_test(a_ready_queue_does_not_change),
		cmocka_unit_test(a_notification_before_its_time_is_nothing),
		cmocka_unit_test(a_changed_configuration_is_announced),
		cmocka_unit_test(a_chain_goes_there_and_back),
		cmocka_unit_test(rings_go_round),
		cmocka_unit_test(all_of_a_queue_is_taken_at_once),
		cmocka_unit_test(a_driver_may_not_want_interrupts),
		cmocka_unit_test(an_event_index_says_when_to_interrupt),
		cmocka_unit_test(an_indirect_table_is_a_chain),
		cmocka_unit_test(bytes_of_a_chain_cross_its_pieces),
		cmocka_unit_test(descriptors_that_cannot_be_break_it),
		cmocka_unit_test(a_table_in_a_table_breaks_it),
		cmocka_unit_test(a_circle_in_a_table_breaks_it),
		cmocka_unit_test(too_many_pieces_break_it),
		cmocka_unit_test(what_is_read_behind_what_is_written_breaks_it),
		cmocka_unit_test(an_index_that_jumps_breaks_it),
		cmocka_unit_test(a_head_outside_of_the_table_breaks_it),
		cmocka_unit_test(a_state_that_cannot_be_is_not_loaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
