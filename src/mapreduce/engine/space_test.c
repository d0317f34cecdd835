/* SPDX-License-Identifier: Apache-2.0 */
/*
 * space_test.c - regions in shared memory and in spill files, read back by the attempt that made
 * them and by others; more spill files than are kept open; regions that lie.
 */
#include "host_process.h"
#include "space.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { POOL = 1 << 20 };

struct world {
	char directory[64];
	struct mr_config config;
	struct mr_store store;
	struct mr_shared shared;
	struct mr_shared_space space;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct mr_plan plan = {.split_count = 1};

	assert_non_null(world);
	snprintf(world->directory, sizeof(world->directory), "/tmp/gw-space-XXXXXX");
	assert_non_null(mkdtemp(world->directory));
	world->config =
		(struct mr_config){.parts = 1, .pool_memory = POOL, .staging = world->directory};
	mr_store_local_init(&world->store);
	assert_int_equal(mr_shared_map(&world->shared, &world->config, &plan, 1, NULL), 0);
	mr_shared_space_init(&world->space, &world->config, &world->store, &world->shared);
	world->space.space.write = mr_shared_write;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	mr_shared_space_done(&world->space);
	mr_shared_unmap(&world->shared);
	assert_int_equal(world->store.operations->remove(&world->store, world->directory, NULL), 0);
	free(world);
	return 0;
}

static struct mr_region spill(struct world *world, uint32_t task, const char *text)
{
	struct mr_attempt_id id = {MR_MAP, task, 0};
	struct mr_space *space = &world->space.space;
	struct mr_region region;

	mr_shared_space_begin(&world->space, &id);
	assert_int_equal(space->spill(space, "first", 5, &region, NULL), 0);
	assert_int_equal(space->spill(space, text, strlen(text), &region, NULL), 0);
	assert_int_equal(region.offset, 5);
	return region;
}

static void check(struct world *world, const struct mr_region *region, const char *text)
{
	struct mr_space *space = &world->space.space;
	struct gw_bytes bytes;
	char copy[64];

	assert_int_equal(region->size, strlen(text));
	assert_int_equal(space->map(space, region, &bytes, NULL), 0);
	assert_int_equal(bytes.size, region->size);
	assert_memory_equal(bytes.data, text, bytes.size);
	space->unmap(space, region, bytes);
	assert_int_equal(space->read(space, region, 1, copy, region->size - 1, NULL), 0);
	assert_memory_equal(copy, text + 1, region->size - 1);
}

static void test_shared_memory(void **state)
{
	struct world *world = *state;
	struct mr_space *space = &world->space.space;
	struct mr_region region = {.offset = 4096, .size = 5};

	assert_int_equal(space->write(space, &region, "hello", 5, NULL), 0);
	check(world, &region, "hello");
	assert_memory_equal(world->shared.pool + 4096, "hello", 5);
}

/* Where a limit on files forbids the file there is still the mapping. */
static void test_shared_memory_without_a_file(void **state)
{
	struct world *world = *state;
	struct mr_space *space = &world->space.space;
	struct mr_region region = {.offset = 0, .size = 5};
	int file = world->shared.file;

	world->shared.file = -1;
	assert_int_equal(space->write(space, &region, "hello", 5, NULL), 0);
	check(world, &region, "hello");
	world->shared.file = file;
}

static void test_spill_file_of_the_attempt_itself(void **state)
{
	struct world *world = *state;
	struct mr_region region = spill(world, 3, "second");

	assert_int_equal(region.spilled, 1);
	assert_int_equal(region.task, 3);
	check(world, &region, "second");
	mr_shared_space_end(&world->space);
	check(world, &region, "second");
}

static void test_more_spill_files_than_are_kept_open(void **state)
{
	enum { FILES = 3 * MR_SPILL_READERS };
	struct world *world = *state;
	struct mr_region regions[FILES];
	char text[32];

	for (uint32_t i = 0; i < FILES; i++) {
		snprintf(text, sizeof(text), "text %u", i);
		regions[i] = spill(world, i, text);
		mr_shared_space_end(&world->space);
	}
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < FILES; i++) {
			uint32_t chosen = round == 1 ? FILES - 1 - i : i;

			snprintf(text, sizeof(text), "text %u", chosen);
			check(world, &regions[chosen], text);
		}
	}
}

static void test_an_empty_region(void **state)
{
	struct world *world = *state;
	struct mr_space *space = &world->space.space;
	struct mr_region region = {.spilled = 1};
	struct gw_bytes bytes;

	assert_int_equal(space->map(space, &region, &bytes, NULL), 0);
	assert_int_equal(bytes.size, 0);
	space->unmap(space, &region, bytes);
}

static void test_regions_that_lie(void **state)
{
	static const struct mr_region lies[] = {
		{.offset = POOL, .size = 1},
		{.offset = POOL - 1, .size = 2},
		{.offset = UINT64_MAX, .size = 1},
		{.offset = 1, .size = UINT64_MAX},
	};
	struct world *world = *state;
	struct mr_space *space = &world->space.space;

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct gw_bytes bytes;
		char byte;

		assert_int_equal(space->map(space, &lies[i], &bytes, NULL), GW_E_INVALID);
		assert_int_equal(space->read(space, &lies[i], 0, &byte, 1, NULL), GW_E_INVALID);
		assert_int_equal(space->write(space, &lies[i], "x", 1, NULL), GW_E_INVALID);
	}
}

static void test_a_spill_file_that_is_gone(void **state)
{
	struct world *world = *state;
	struct mr_space *space = &world->space.space;
	struct mr_region region = {.spilled = 1, .kind = MR_MAP, .task = 9, .size = 1};
	struct gw_error error = {0};
	struct gw_bytes bytes;

	assert_int_equal(space->map(space, &region, &bytes, &error), GW_E_NOT_FOUND);
	assert_non_null(strstr(error.text, "spill-1-9-0"));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_shared_memory),
		TEST(test_shared_memory_without_a_file),
		TEST(test_spill_file_of_the_attempt_itself),
		TEST(test_more_spill_files_than_are_kept_open),
		TEST(test_an_empty_region),
		TEST(test_regions_that_lie),
		TEST(test_a_spill_file_that_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
