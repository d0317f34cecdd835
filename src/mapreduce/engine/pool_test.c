/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool_test.c - the pool against the obvious one: an array that says for each granule whose it is.
 */
#include "pool.h"

#include "support/unit.h"

enum { GRANULES = 50, OWNERS = 3, NOBODY = 0, KEPT = 100 };

struct obvious {
	struct mr_pool pool;
	uint32_t state[GRANULES];  /* NOBODY, KEPT or owner + 1 */
	uint32_t region[GRANULES]; /* number of the allocation, from 1 */
	uint32_t regions;
	uint64_t random;
};

static uint32_t choose(struct obvious *world, uint32_t count)
{
	return (uint32_t)test_pick(&world->random, count);
}

static uint32_t first_fit(const struct obvious *world, uint32_t count)
{
	uint32_t run = 0;

	for (uint32_t i = 0; i < GRANULES; i++) {
		run = world->state[i] == NOBODY ? run + 1 : 0;
		if (run == count)
			return i + 1 - count;
	}
	return GRANULES;
}

static void allocate(struct obvious *world)
{
	uint32_t count = 1 + choose(world, 12), owner = choose(world, OWNERS);
	uint64_t size = (uint64_t)count * MR_POOL_GRANULE - choose(world, MR_POOL_GRANULE);
	uint32_t place = first_fit(world, count);
	uint64_t offset = 1;
	int found = mr_pool_allocate(&world->pool, owner, size, &offset, NULL);

	assert_int_equal(found, place < GRANULES);
	if (!found)
		return;
	assert_int_equal(offset, (uint64_t)place * MR_POOL_GRANULE);
	world->regions++;
	for (uint32_t i = 0; i < count; i++) {
		world->state[place + i] = owner + 1;
		world->region[place + i] = world->regions;
	}
}

/* Changes the state of a whole region. */
static void change(struct obvious *world, uint32_t region, uint32_t from, uint32_t to)
{
	for (uint32_t i = 0; i < GRANULES; i++) {
		if (world->region[i] == region && world->state[i] == from)
			world->state[i] = to;
	}
}

static void keep(struct obvious *world)
{
	uint32_t at = choose(world, GRANULES), owner = choose(world, OWNERS);

	mr_pool_keep(&world->pool, owner, (uint64_t)at * MR_POOL_GRANULE + 9);
	if (world->state[at] == owner + 1)
		change(world, world->region[at], owner + 1, KEPT);
}

static void release(struct obvious *world)
{
	uint32_t at = choose(world, GRANULES);

	mr_pool_release(&world->pool, (uint64_t)at * MR_POOL_GRANULE);
	if (world->state[at] == KEPT)
		change(world, world->region[at], KEPT, NOBODY);
}

static void drop(struct obvious *world)
{
	uint32_t owner = choose(world, OWNERS);

	mr_pool_drop(&world->pool, owner);
	for (uint32_t i = 0; i < GRANULES; i++) {
		if (world->state[i] == owner + 1)
			world->state[i] = NOBODY;
	}
}

static void step(struct obvious *world)
{
	uint64_t used = 0;

	switch (choose(world, 10)) {
	case 0:
		drop(world);
		break;
	case 1:
	case 2:
		keep(world);
		break;
	case 3:
		release(world);
		break;
	default:
		allocate(world);
	}
	for (uint32_t i = 0; i < GRANULES; i++)
		used += world->state[i] != NOBODY;
	assert_int_equal(mr_pool_used(&world->pool), used * MR_POOL_GRANULE);
	assert_true(mr_pool_used_peak(&world->pool) >= used * MR_POOL_GRANULE);
}

static void test_like_the_obvious_one(void **unused)
{
	(void)unused;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct obvious world = {.random = seed};

		assert_int_equal(mr_pool_init(&world.pool,
					      (uint64_t)GRANULES * MR_POOL_GRANULE + 77, OWNERS,
					      NULL),
				 0);
		for (int i = 0; i < 300; i++)
			step(&world);
		mr_pool_done(&world.pool);
	}
}

static void test_offsets_from_nowhere(void **unused)
{
	static const uint64_t offsets[] = {0, 1, GRANULES, UINT64_MAX, UINT64_MAX / 2, 1 << 20};
	struct mr_pool pool;

	(void)unused;
	assert_int_equal(mr_pool_init(&pool, 3 * MR_POOL_GRANULE, 1, NULL), 0);
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		mr_pool_keep(&pool, 0, offsets[i]);
		mr_pool_release(&pool, offsets[i]);
	}
	mr_pool_drop(&pool, 0);
	assert_int_equal(mr_pool_used(&pool), 0);
	mr_pool_done(&pool);
}

static void test_no_room_at_all(void **unused)
{
	struct mr_pool pool;
	uint64_t offset;

	(void)unused;
	assert_int_equal(mr_pool_init(&pool, 0, 1, NULL), 0);
	assert_int_equal(mr_pool_allocate(&pool, 0, 1, &offset, NULL), 0);
	mr_pool_done(&pool);
	assert_int_equal(mr_pool_init(&pool, 2 * MR_POOL_GRANULE, 1, NULL), 0);
	assert_int_equal(mr_pool_allocate(&pool, 0, UINT64_MAX, &offset, NULL), 0);
	assert_int_equal(mr_pool_allocate(&pool, 0, 0, &offset, NULL), 1);
	assert_int_equal(mr_pool_used(&pool), MR_POOL_GRANULE);
	mr_pool_done(&pool);
}

static int use_pool(void *context)
{
	struct mr_pool pool;
	struct gw_error error = {0};
	int code = mr_pool_init(&pool, 64 * MR_POOL_GRANULE, 1, &error);

	(void)context;
	for (int i = 0; code >= 0 && i < 40; i++) {
		uint64_t offset;

		code = mr_pool_allocate(&pool, 0, 1, &offset, &error);
	}
	mr_pool_done(&pool);
	return code < 0 ? code : 0;
}

static void test_no_memory(void **unused)
{
	(void)unused;
	assert_true(test_each_allocation_fails(use_pool, NULL) >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_like_the_obvious_one),
		cmocka_unit_test(test_offsets_from_nowhere),
		cmocka_unit_test(test_no_room_at_all),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
