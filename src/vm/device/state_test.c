/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_test.c - the state of all devices in the middle of their work: saved, moved to another
 * machine with its memory, and gone on from there; and the bytes of version 1, which stay readable.
 */
#include "all_fixture.h"
#include "driver_fixture.h"
#include "golden_fixture.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "support/unit.h"

enum { BLOCK, NET, RNG, DRIVERS };

static const unsigned queue_counts[DRIVERS] = {1, 2, 1};

static void make_drivers(struct all *all, struct driver drivers[DRIVERS])
{
	for (unsigned at = 0; at < DRIVERS; at++)
		drivers[at] = (struct driver){.rig = &all->rig, .base = ALL_VIRTIO + 0x1000 * at};
}

/* A request to the disk in descriptors 0 to 2, whose data are at DRIVER_BUFFERS + 0x1000. */
static void begin_read(struct all *all, struct driver *driver)
{
	uint64_t table = driver->queues[0].table;

	base_store32(all->rig.bytes + (DRIVER_BUFFERS - RIG_RAM), 0);
	base_store64(all->rig.bytes + (DRIVER_BUFFERS - RIG_RAM) + 8, 5);
	driver_describe(driver, table, 0, DRIVER_BUFFERS, 16, DESCRIPTOR_NEXT, 1);
	driver_describe(driver, table, 1, DRIVER_BUFFERS + 0x1000, 512,
			DESCRIPTOR_NEXT | DESCRIPTOR_WRITE, 2);
	driver_describe(driver, table, 2, DRIVER_BUFFERS + 0x800, 1, DESCRIPTOR_WRITE, 0);
	driver_offer(driver, 0, 0);
	driver_notify(driver, 0);
}

/*
 * Everything is in use. The drivers' rings lie over each other, so only the last one's are read
 * afterwards; the disk's request is walked again, and has to be of the last one, too.
 */
static void be_busy(struct all *all, struct driver drivers[DRIVERS])
{
	make_drivers(all, drivers);
	driver_start(&drivers[NET], VM_VIRTIO_F_EVENT_IDX | 1 << 15, queue_counts[NET], 8);
	driver_start(&drivers[RNG], 0, queue_counts[RNG], 4);
	driver_chain(&drivers[RNG], 0, 1, 0, 0, DRIVER_BUFFERS + 0x2000, 24);
	driver_offer(&drivers[RNG], 0, 1);
	driver_notify(&drivers[RNG], 0);
	driver_start(&drivers[BLOCK], 0, queue_counts[BLOCK], 16);
	begin_read(all, &drivers[BLOCK]);
	rig_write(&all->rig, ALL_CLINT, 4, 1);
	rig_write(&all->rig, ALL_CLINT + 0x4000, 8, 123456789);
	rig_write(&all->rig, ALL_PLIC + 40, 4, 3);
	rig_write(&all->rig, ALL_PLIC + 0x2080, 4, 1 << 10);
	rig_write(&all->rig, ALL_PLIC + 0x201000, 4, 1);
	rig_write(&all->rig, ALL_UART + 2, 1, 0x81);
	rig_write(&all->rig, ALL_UART + 1, 1, 5);
	vm_uart_receive(all->uart, 'k');
	rig_write(&all->rig, ALL_RTC + 0x0c, 4, 400000000);
	rig_write(&all->rig, ALL_RTC + 0x08, 4, 7);
	rig_write(&all->rig, ALL_RTC + 0x10, 4, 1);
}

/* Those in the state of be_busy go on. */
static void assert_busy(struct all *all)
{
	assert_int_equal(rig_read(&all->rig, ALL_CLINT + 0x4000, 8), 123456789);
	assert_int_equal(rig_read(&all->rig, ALL_PLIC + 0x201004, 4), 10);
	assert_int_equal(rig_read(&all->rig, ALL_UART, 1), 'k');
	assert_int_equal(rig_read(&all->rig, ALL_RTC + 0x18, 4), 1);
	assert_int_equal(vm_devices_next(all->rig.devices), 123456789);
	assert_int_equal(vm_virtio_rng_wanted(all->rng), 24);
	assert_int_equal(vm_virtio_block_pending(all->block), 1);
	assert_int_equal(rig_read(&all->rig, ALL_VIRTIO + 0x1000 + VIRTIO_STATUS, 4), 15);
}

static void a_machine_goes_on_where_another_was(void **state)
{
	struct driver drivers[DRIVERS], others[DRIVERS];
	struct base_buffer saved = {0};
	struct all one, two;
	uint32_t head, written;

	(void)state;
	all_start(&one);
	all_start(&two);
	be_busy(&one, drivers);
	assert_int_equal(vm_devices_save(one.rig.devices, &saved, NULL), 0);
	memcpy(two.rig.bytes, one.rig.bytes, RIG_RAM_BYTES);
	assert_int_equal(vm_devices_load(two.rig.devices, base_buffer_bytes(&saved), NULL), 0);
	assert_int_equal(vm_devices_hash(two.rig.devices), vm_devices_hash(one.rig.devices));
	assert_busy(&two);
	memcpy(two.asked, one.asked, sizeof(two.asked));
	two.count = one.count;
	make_drivers(&two, others);
	memcpy(others[BLOCK].queues, drivers[BLOCK].queues, sizeof(others[BLOCK].queues));
	all_answer(&two, 0, 0);
	assert_true(driver_used(&others[BLOCK], 0, &head, &written));
	assert_int_equal(written, 513);
	all_answer(&one, 0, 0);
	assert_memory_equal(one.rig.bytes, two.rig.bytes, RIG_RAM_BYTES);
	base_buffer_done(&saved);
	all_end(&one);
	all_end(&two);
}

static void version_1_is_read_for_ever(void **state)
{
	struct gw_bytes golden = {golden_devices_1, sizeof(golden_devices_1)};
	struct base_buffer saved = {0};
	struct all all;

	(void)state;
	all_start(&all);
	assert_int_equal(vm_devices_load(all.rig.devices, golden, NULL), 0);
	assert_int_equal(vm_devices_save(all.rig.devices, &saved, NULL), 0);
	assert_int_equal(gw_bytes_compare(base_buffer_bytes(&saved), golden), 0);
	assert_int_equal(vm_devices_hash(all.rig.devices), GOLDEN_DEVICES_1_HASH);
	assert_busy(&all);
	base_buffer_done(&saved);
	all_end(&all);
}

/* Any byte may be wrong, and the checksum right. */
static void what_cannot_be_is_refused_and_reset(void **state)
{
	uint8_t bytes[sizeof(golden_devices_1)];
	const size_t body = sizeof(bytes) - 4;
	unsigned loaded = 0, rounds = 20000;
	uint64_t seed = 11;
	struct all all;

	(void)state;
	all_start(&all);
	for (unsigned round = 0; round < rounds; round++) {
		memcpy(bytes, golden_devices_1, sizeof(bytes));
		for (unsigned count = 0; count <= round % 3; count++)
			bytes[12 + test_pick(&seed, body - 12)] = (uint8_t)test_random(&seed);
		base_store32(bytes + body, base_crc32c(0, bytes, body));
		if (vm_devices_load(all.rig.devices, (struct gw_bytes){bytes, sizeof(bytes)},
				    NULL) < 0)
			continue;
		loaded++;
		if (round % 16 == 0)
			rig_round_trip(&all.rig);
		rig_set_time(&all.rig, test_random(&seed));
		vm_virtio_rng_fill(all.rng, (struct gw_bytes){bytes, 64});
		(void)vm_virtio_net_receive(all.net, (struct gw_bytes){bytes, 64});
		all.count = 0;
		vm_virtio_block_again(all.block);
		while (all.count > 0)
			all_answer(&all, 0, 0);
		vm_uart_receive(all.uart, 'x');
	}
	assert_true(loaded > 0 && loaded < rounds);
	all_end(&all);
}

static void a_truth_is_one_or_nothing(void **state)
{
	const uint8_t bytes[] = {1, 2, 0};
	struct vm_fields fields = {.way = VM_FIELDS_LOAD, .in = bytes, .left = sizeof(bytes)};
	bool field = false;

	(void)state;
	vm_field_bool(&fields, &field);
	assert_true(field);
	vm_field_bool(&fields, &field);
	assert_int_equal(fields.status, GW_E_CORRUPT);
	assert_false(field);
}

static void the_same_work_gives_the_same_bytes(void **state)
{
	struct driver drivers[DRIVERS];
	struct base_buffer saved = {0};
	struct all all;

	(void)state;
	all_start(&all);
	be_busy(&all, drivers);
	assert_int_equal(vm_devices_save(all.rig.devices, &saved, NULL), 0);
	assert_int_equal(gw_bytes_compare(base_buffer_bytes(&saved),
					  (struct gw_bytes){golden_devices_1,
							    sizeof(golden_devices_1)}),
			 0);
	base_buffer_done(&saved);
	all_end(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_goes_on_where_another_was),
		cmocka_unit_test(version_1_is_read_for_ever),
		cmocka_unit_test(what_cannot_be_is_refused_and_reset),
		cmocka_unit_test(a_truth_is_one_or_nothing),
		cmocka_unit_test(the_same_work_gives_the_same_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
