/* SPDX-License-Identifier: Apache-2.0 */
/* virtio_rng_test.c - wishes for entropy, one at a time, and how they are fulfilled. */
#include "virtio_rng.h"

#include "driver_fixture.h"

#include "support/unit.h"

#define BASE UINT64_C(0x10003000)

enum { QUEUE_SIZE = 8 };

struct world {
	struct rig rig;
	struct vm_virtio_rng *rng;
	struct driver driver;
	size_t wanted;
	unsigned count;
};

static void want(void *context, size_t size)
{
	struct world *world = context;

	world->wanted = size;
	world->count++;
}

static void start(struct world *world)
{
	struct vm_virtio_rng_setup setup = {.want = want, .context = world};

	*world = (struct world){0};
	rig_start(&world->rig);
	setup.ram = world->rig.ram;
	setup.wire = rig_wire(&world->rig, 0);
	assert_int_equal(vm_virtio_rng_new(&world->rng, &setup, NULL), 0);
	rig_add(&world->rig, BASE, vm_virtio_rng_device(world->rng));
	world->driver = (struct driver){.rig = &world->rig, .base = BASE};
	driver_start(&world->driver, VM_VIRTIO_F_EVENT_IDX, 1, QUEUE_SIZE);
}

static void end(struct world *world)
{
	vm_virtio_rng_free(world->rng);
	rig_end(&world->rig);
}

static void offer(struct world *world, uint16_t at, uint32_t size)
{
	driver_chain(&world->driver, 0, at, 0, 0, DRIVER_BUFFERS + 64 * at, size);
	driver_offer(&world->driver, 0, at);
	driver_notify(&world->driver, 0);
}

static void fill(struct world *world, const char *text)
{
	vm_virtio_rng_fill(world->rng, gw_string(text));
}

static void a_wish_is_fulfilled(void **state)
{
	struct world world;
	uint32_t head, written;

	(void)state;
	start(&world);
	assert_int_equal(driver_read(&world.driver, VIRTIO_DEVICE_ID), 4);
	assert_int_equal(vm_virtio_rng_wanted(world.rng), 0);
	fill(&world, "nobody asked");
	offer(&world, 2, 6);
	assert_int_equal(world.wanted, 6);
	assert_int_equal(vm_virtio_rng_wanted(world.rng), 6);
	assert_false(driver_used(&world.driver, 0, &head, &written));
	fill(&world, "");
	fill(&world, "random bytes");
	assert_true(driver_used(&world.driver, 0, &head, &written));
	assert_int_equal(head, 2);
	assert_int_equal(written, 6);
	assert_memory_equal(vm_ram_at(&world.rig.ram, DRIVER_BUFFERS + 128, 7), "random", 7);
	assert_true(world.rig.high[0]);
	assert_int_equal(vm_virtio_rng_wanted(world.rng), 0);
	end(&world);
}

static void wishes_follow_each_other(void **state)
{
	struct world world;
	uint32_t head, written;

	(void)state;
	start(&world);
	offer(&world, 0, 6);
	offer(&world, 1, 7);
	assert_int_equal(world.count, 1);
	fill(&world, "ab"); /* fewer will do */
	assert_true(driver_used(&world.driver, 0, &head, &written));
	assert_int_equal(written, 2);
	assert_int_equal(world.count, 2);
	assert_int_equal(world.wanted, 7);
	end(&world);
}

static void a_large_wish_is_cut(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	offer(&world, 0, 100000);
	assert_int_equal(world.wanted, VM_RNG_BYTES_MAX);
	end(&world);
}

static void a_wish_is_saved_and_forgotten_by_a_reset(void **state)
{
	struct world world;
	uint32_t head, written;

	(void)state;
	start(&world);
	offer(&world, 3, 6);
	rig_round_trip(&world.rig);
	assert_int_equal(vm_virtio_rng_wanted(world.rng), 6);
	fill(&world, "abcdef");
	assert_true(driver_used(&world.driver, 0, &head, &written));
	assert_int_equal(head, 3);
	offer(&world, 4, 6);
	driver_start(&world.driver, 0, 1, QUEUE_SIZE);
	assert_int_equal(vm_virtio_rng_wanted(world.rng), 0);
	fill(&world, "too late");
	assert_false(driver_used(&world.driver, 0, &head, &written));
	end(&world);
}

static void buffers_that_cannot_be_break_it(void **state)
{
	struct world world;
	uint32_t head, written;

	(void)state;
	start(&world);
	driver_chain(&world.driver, 0, 0, DRIVER_BUFFERS, 10, 0, 0); /* nothing to write to */
	driver_offer(&world.driver, 0, 0);
	driver_notify(&world.driver, 0);
	assert_true(driver_broken(&world.driver));
	driver_start(&world.driver, 0, 1, QUEUE_SIZE);
	offer(&world, 0, 100);
	driver_chain(&world.driver, 0, 0, 0, 0, DRIVER_BUFFERS, 3); /* made smaller meanwhile */
	fill(&world, "abcdef");
	assert_true(driver_broken(&world.driver));
	assert_false(driver_used(&world.driver, 0, &head, &written));
	driver_start(&world.driver, 0, 1, QUEUE_SIZE);
	offer(&world, 0, 100);
	driver_chain(&world.driver, 0, 0, 0, 0, 0, 100);
	fill(&world, "abcdef");
	assert_true(driver_broken(&world.driver));
	driver_start(&world.driver, 0, 1, QUEUE_SIZE);
	offer(&world, 0, 100);
	offer(&world, 100, 5); /* breaks when it is its turn */
	assert_false(driver_broken(&world.driver));
	fill(&world, "abcdef");
	assert_true(driver_broken(&world.driver));
	fill(&world, "abcdef");
	end(&world);
}

static int make_one(void *context)
{
	struct vm_virtio_rng_setup setup = {.ram = *(struct vm_ram *)context};
	struct vm_virtio_rng *rng = NULL;
	int status = vm_virtio_rng_new(&rng, &setup, NULL);

	vm_virtio_rng_free(rng);
	return status;
}

static void short_memory_is_an_error(void **state)
{
	struct world world;

	(void)state;
	start(&world);
	assert_int_equal(test_each_allocation_fails(make_one, &world.rig.ram), 1);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wish_is_fulfilled),
		cmocka_unit_test(wishes_follow_each_other),
		cmocka_unit_test(a_large_wish_is_cut),
		cmocka_unit_test(a_wish_is_saved_and_forgotten_by_a_reset),
		cmocka_unit_test(buffers_that_cannot_be_break_it),
		cmocka_unit_test(short_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
