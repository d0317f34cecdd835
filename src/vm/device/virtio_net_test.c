/* SPDX-License-Identifier: Apache-2.0 */
/* virtio_net_test.c - the Ethernet card: frames out and in, buffers of all sizes, the link. */
#include "virtio_net.h"

#include "driver_fixture.h"

#include "base/little_endian.h"
#include "support/unit.h"

#define BASE UINT64_C(0x10002000)
#define MERGEABLE (UINT64_C(1) << 15)
#define STATUS (UINT64_C(1) << 16)

enum { QUEUE_SIZE = 32, RECEIVE = 0, TRANSMIT = 1, HEAD_BYTES = 12 };

struct world {
	struct rig rig;
	struct vm_virtio_net *net;
	struct driver driver;
	uint8_t sent[VM_NET_FRAME_BYTES_MAX];
	size_t size;
	unsigned count;
	uint8_t frame[VM_NET_FRAME_BYTES_MAX + 1]; /* to be received */
};

static void transmit(void *context, struct gw_bytes frame)
{
	struct world *world = context;

	assert_true(frame.size <= sizeof(world->sent));
	memcpy(world->sent, frame.data, frame.size);
	world->size = frame.size;
	world->count++;
}

static void make(struct world *world)
{
	struct vm_virtio_net_setup setup = {.address = {2, 4, 6, 8, 10, 12},
					    .transmit = transmit, .context = world};

	*world = (struct world){0};
	rig_start(&world->rig);
	for (size_t at = 0; at < sizeof(world->frame); at++)
		world->frame[at] = (uint8_t)(at * 7 + at / 256);
	setup.ram = world->rig.ram;
	setup.wire = rig_wire(&world->rig, 0);
	assert_int_equal(vm_virtio_net_new(&world->net, &setup, NULL), 0);
	rig_add(&world->rig, BASE, vm_virtio_net_device(world->net));
	world->driver = (struct driver){.rig = &world->rig, .base = BASE};
}

static void start(struct world *world, uint64_t features)
{
	make(world);
	driver_start(&world->driver, features, 2, QUEUE_SIZE);
}

static void end(struct world *world)
{
	vm_virtio_net_free(world->net);
	rig_end(&world->rig);
}

static uint8_t *memory(struct world *world, uint64_t address)
{
	return vm_ram_at(&world->rig.ram, address, 1);
}

static uint64_t buffer(unsigned number)
{
	return DRIVER_BUFFERS + 0x800 * number;
}

/* Buffers to receive into, from the first-th on, not more than 2 KiB each. */
static void offer(struct world *world, unsigned first, unsigned count, uint32_t size)
{
	for (unsigned at = first; at < first + count; at++) {
		driver_chain(&world->driver, RECEIVE, (uint16_t)at, 0, 0, buffer(at), size);
		driver_offer(&world->driver, RECEIVE, (uint16_t)at);
	}
	driver_notify(&world->driver, RECEIVE);
}

static bool receive(struct world *world, size_t size)
{
	return vm_virtio_net_receive(world->net, (struct gw_bytes){world->frame, size});
}

static void send(struct world *world, uint32_t size)
{
	driver_chain(&world->driver, TRANSMIT, 0, buffer(0), size, 0, 0);
	driver_offer(&world->driver, TRANSMIT, 0);
	driver_notify(&world->driver, TRANSMIT);
}

static void the_configuration_has_address_and_link(void **state)
{
	struct world world;

	(void)state;
	make(&world);
	assert_int_equal(driver_read(&world.driver, VIRTIO_DEVICE_ID), 1);
	assert_int_equal(driver_negotiate(&world.driver, UINT64_MAX) & 0xffffff,
			 1 << 5 | 1 << 15 | 1 << 16);
	assert_int_equal(rig_read(&world.rig, BASE + VIRTIO_CONFIG, 8), 0x00010c0a08060402);
	end(&world);
}

static void a_frame_goes_out(void **state)
{
	struct world world;
	uint32_t head, written;

	(void)state;
	start(&world, 0);
	memcpy(memory(&world, buffer(0) + HEAD_BYTES), world.frame, 60);
	send(&world, HEAD_BYTES + 60);
	assert_int_equal(world.size, 60);
	assert_memory_equal(world.sent, world.frame, 60);
	assert_true(driver_used(&world.driver, TRANSMIT, &head, &written));
	assert_int_equal(written, 0);
	assert_true(world.rig.high[0]);
	end(&world);
}

static void a_frame_goes_out_in_pieces(void **state)
{
	struct world world;

	(void)state;
	start(&world, 0);
	memcpy(memory(&world, buffer(1)), world.frame, 1000);
	driver_describe(&world.driver, world.driver.queues[TRANSMIT].table, 0, buffer(0),
			HEAD_BYTES, DESCRIPTOR_NEXT, 1);
	driver_describe(&world.driver, world.driver.queues[TRANSMIT].table, 1, buffer(1), 400,
			DESCRIPTOR_NEXT, 2);
	driver_describe(&world.driver, world.driver.queues[TRANSMIT].table, 2, buffer(1) + 400,
			600, 0, 0);
	driver_offer(&world.driver, TRANSMIT, 0);
	driver_notify(&world.driver, TRANSMIT);
	assert_int_equal(world.size, 1000);
	assert_memory_equal(world.sent, world.frame, 1000);
	end(&world);
}

static void what_is_no_frame_is_lost(void **state)
{
	struct world world;
	uint32_t head, written;

	(void)state;
	start(&world, 0);
	send(&world, HEAD_BYTES);
	send(&world, HEAD_BYTES + VM_NET_FRAME_BYTES_MIN - 1);
	send(&world, HEAD_BYTES + VM_NET_FRAME_BYTES_MAX + 1);
	assert_int_equal(world.count, 0);
	for (unsigned at = 0; at < 3; at++)
		assert_true(driver_used(&world.driver, TRANSMIT, &head, &written));
	send(&world, HEAD_BYTES + VM_NET_FRAME_BYTES_MIN);
	send(&world, HEAD_BYTES + VM_NET_FRAME_BYTES_MAX);
	assert_int_equal(world.count, 2);
	offer(&world, 0, 8, 0x800);
	assert_int_equal(vm_virtio_net_room(world.net, VM_NET_FRAME_BYTES_MIN - 1), VM_NET_LOST);
	assert_int_equal(vm_virtio_net_room(world.net, VM_NET_FRAME_BYTES_MAX + 1), VM_NET_LOST);
	assert_false(receive(&world, VM_NET_FRAME_BYTES_MAX + 1));
	assert_false(driver_broken(&world.driver));
	end(&world);
}

static void a_frame_without_its_head_breaks_it(void **state)
{
	struct world world;

	(void)state;
	start(&world, 0);
	send(&world, HEAD_BYTES - 1);
	assert_true(driver_broken(&world.driver));
	assert_int_equal(world.count, 0);
	assert_int_equal(vm_virtio_net_room(world.net, 60), VM_NET_LOST);
	end(&world);
}

static void a_frame_comes_in(void **state)
{
	struct world world;
	uint32_t head, written;

	(void)state;
	start(&world, 0);
	assert_int_equal(vm_virtio_net_room(world.net, 60), VM_NET_WAIT);
	assert_false(receive(&world, 60));
	offer(&world, 3, 2, 1526);
	assert_int_equal(vm_virtio_net_room(world.net, 1514), VM_NET_ROOM);
	assert_true(receive(&world, 1514));
	assert_true(driver_used(&world.driver, RECEIVE, &head, &written));
	assert_int_equal(head, 3);
	assert_int_equal(written, 1526);
	assert_memory_equal(memory(&world, buffer(3)), "\0\0\0\0\0\0\0\0\0\0\1\0", HEAD_BYTES);
	assert_memory_equal(memory(&world, buffer(3) + HEAD_BYTES), world.frame, 1514);
	assert_true(world.rig.high[0]);
	assert_true(receive(&world, 60));
	assert_int_equal(vm_virtio_net_room(world.net, 60), VM_NET_WAIT);
	end(&world);
}

/* Whoever sends a large frame from outside must not break a device that is in order. */
static void a_frame_too_large_for_its_buffer_is_lost(void **state)
{
	struct world world;

	(void)state;
	start(&world, 0);
	offer(&world, 0, 2, 1526);
	assert_int_equal(vm_virtio_net_room(world.net, 1515), VM_NET_LOST);
	assert_false(receive(&world, 1515));
	assert_false(driver_broken(&world.driver));
	assert_true(receive(&world, 1514));
	end(&world);
	start(&world, MERGEABLE); /* all of the queue is too small */
	offer(&world, 0, QUEUE_SIZE, 64);
	assert_int_equal(vm_virtio_net_room(world.net, 9000), VM_NET_LOST);
	assert_false(receive(&world, 9000));
	assert_true(receive(&world, 1514));
	end(&world);
}

static void a_large_frame_goes_over_several_buffers(void **state)
{
	static const uint32_t expected[] = {1000, 1000, 500};
	struct world world;
	uint32_t head, written;
	uint8_t got[2500];
	size_t at = 0;

	(void)state;
	start(&world, MERGEABLE);
	offer(&world, 0, 2, 1000);
	assert_int_equal(vm_virtio_net_room(world.net, 2488), VM_NET_WAIT);
	assert_false(receive(&world, 2488));
	offer(&world, 2, 2, 1000);
	assert_true(receive(&world, 2488));
	for (unsigned part = 0; part < 3; part++) {
		assert_true(driver_used(&world.driver, RECEIVE, &head, &written));
		assert_int_equal(head, part);
		assert_int_equal(written, expected[part]);
		memcpy(got + at, memory(&world, buffer(part)), written);
		at += written;
	}
	assert_int_equal(base_load16(got + 10), 3);
	assert_memory_equal(got + HEAD_BYTES, world.frame, 2488);
	assert_false(driver_used(&world.driver, RECEIVE, &head, &written));
	assert_true(receive(&world, 988)); /* the last one, to the byte */
	assert_true(driver_used(&world.driver, RECEIVE, &head, &written));
	assert_int_equal(written, 1000);
	end(&world);
}

static void buffers_without_room_for_a_head_break_it(void **state)
{
	struct world world;

	(void)state;
	start(&world, MERGEABLE);
	offer(&world, 0, 1, HEAD_BYTES - 1);
	assert_false(driver_broken(&world.driver));
	assert_int_equal(vm_virtio_net_room(world.net, 60), VM_NET_ROOM);
	assert_false(driver_broken(&world.driver)); /* asking breaks nothing */
	assert_false(receive(&world, 60));
	assert_true(driver_broken(&world.driver));
	end(&world);
}

static void a_ring_that_cannot_be_breaks_it_when_it_is_used(void **state)
{
	struct world world;

	(void)state;
	start(&world, MERGEABLE);
	world.driver.queues[RECEIVE].offered = 0x1000;
	offer(&world, 0, 1, 2000);
	assert_int_equal(vm_virtio_net_room(world.net, 60), VM_NET_ROOM);
	assert_false(receive(&world, 60));
	assert_true(driver_broken(&world.driver));
	assert_false(receive(&world, 60));
	end(&world);
}

/* The buffer is the table of descriptors, so that the first write spoils the second buffer. */
static void buffers_over_the_rings_break_it(void **state)
{
	struct world world;
	struct driver *driver = &world.driver;

	(void)state;
	start(&world, MERGEABLE);
	driver_chain(driver, RECEIVE, 0, 0, 0, driver->queues[RECEIVE].table, 512);
	driver_chain(driver, RECEIVE, 1, 0, 0, buffer(1), 512);
	driver_offer(driver, RECEIVE, 0);
	driver_offer(driver, RECEIVE, 1);
	assert_false(receive(&world, 800));
	assert_true(driver_broken(driver));
	end(&world);
}

static void a_link_is_up_or_down(void **state)
{
	struct world world;

	(void)state;
	start(&world, STATUS);
	offer(&world, 0, 2, 1526);
	vm_virtio_net_set_link(world.net, true); /* as it is */
	assert_int_equal(driver_read(&world.driver, VIRTIO_GENERATION), 0);
	vm_virtio_net_set_link(world.net, false);
	assert_int_equal(driver_read(&world.driver, VIRTIO_GENERATION), 1);
	assert_int_equal(rig_read(&world.rig, BASE + VIRTIO_CONFIG + 6, 2), 0);
	assert_int_equal(driver_read(&world.driver, VIRTIO_INTERRUPT), 2);
	assert_int_equal(vm_virtio_net_room(world.net, 60), VM_NET_LOST);
	assert_false(receive(&world, 60));
	send(&world, HEAD_BYTES + 60);
	assert_int_equal(world.count, 0);
	rig_round_trip(&world.rig);
	vm_devices_reset(world.rig.devices);
	assert_int_equal(rig_read(&world.rig, BASE + VIRTIO_CONFIG + 6, 2), 0);
	vm_virtio_net_set_link(world.net, true);
	assert_int_equal(rig_read(&world.rig, BASE + VIRTIO_CONFIG + 6, 2), 1);
	end(&world);
}

static void nobody_listens_before_the_driver_is_there(void **state)
{
	struct world world;

	(void)state;
	make(&world);
	assert_int_equal(vm_virtio_net_room(world.net, 60), VM_NET_LOST);
	assert_false(receive(&world, 60));
	driver_negotiate(&world.driver, 0);
	driver_go(&world.driver); /* without a queue */
	assert_int_equal(vm_virtio_net_room(world.net, 60), VM_NET_LOST);
	assert_false(receive(&world, 60));
	end(&world);
}

static void the_state_is_saved(void **state)
{
	struct world world;
	uint32_t head, written;

	(void)state;
	start(&world, MERGEABLE);
	offer(&world, 0, 3, 1526);
	assert_true(receive(&world, 100));
	rig_round_trip(&world.rig);
	assert_true(receive(&world, 200));
	assert_true(driver_used(&world.driver, RECEIVE, &head, &written));
	assert_true(driver_used(&world.driver, RECEIVE, &head, &written));
	assert_int_equal(head, 1);
	assert_int_equal(written, 212);
	end(&world);
}

static int make_one(void *context)
{
	struct vm_virtio_net_setup setup = {.ram = *(struct vm_ram *)context};
	struct vm_virtio_net *net = NULL;
	int status = vm_virtio_net_new(&net, &setup, NULL);

	vm_virtio_net_free(net);
	return status;
}

static void short_memory_is_an_error(void **state)
{
	struct world world;

	(void)state;
	make(&world);
	assert_int_equal(test_each_allocation_fails(make_one, &world.rig.ram), 1);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_configuration_has_address_and_link),
		cmocka_unit_test(a_frame_goes_out),
		cmocka_unit_test(a_frame_goes_out_in_pieces),
		cmocka_unit_test(what_is_no_frame_is_lost),
		cmocka_unit_test(a_frame_without_its_head_breaks_it),
		cmocka_unit_test(a_frame_comes_in),
		cmocka_unit_test(a_frame_too_large_for_its_buffer_is_lost),
		cmocka_unit_test(a_large_frame_goes_over_several_buffers),
		cmocka_unit_test(buffers_without_room_for_a_head_break_it),
		cmocka_unit_test(a_ring_that_cannot_be_breaks_it_when_it_is_used),
		cmocka_unit_test(buffers_over_the_rings_break_it),
		cmocka_unit_test(a_link_is_up_or_down),
		cmocka_unit_test(nobody_listens_before_the_driver_is_there),
		cmocka_unit_test(the_state_is_saved),
		cmocka_unit_test(short_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
