/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay_test.c - a disk over which is written: it reads as one that was written to, its file is
 * as it was, and it goes back to any layer.
 */
#include "overlay.h"

#include "support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SECTORS = 64, BYTES = SECTORS * VM_BLOCK_SECTOR };

struct world {
	char path[64];
	uint8_t file[BYTES]; /* what the disk's file has */
	uint8_t model[BYTES];
	uint64_t random;
	struct vm_overlay *overlay;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	int file;

	if (!world)
		return -1;
	*state = world;
	world->random = 1;
	snprintf(world->path, sizeof(world->path), "/tmp/gw-overlay-XXXXXX");
	file = mkstemp(world->path);
	for (size_t at = 0; at < BYTES; at++)
		world->file[at] = (uint8_t)test_random(&world->random);
	memcpy(world->model, world->file, BYTES);
	if (write(file, world->file, BYTES) != BYTES || close(file) < 0)
		return -1;
	return vm_overlay_open(&world->overlay, world->path, false, NULL);
}

static int tear_down(void **state)
{
	struct world *world = *state;

	vm_overlay_close(world->overlay);
	unlink(world->path);
	free(world);
	return 0;
}

static uint64_t pick(struct world *world, uint64_t below)
{
	return test_random(&world->random) % below;
}

/* A range of sectors; its size is not 0. */
static void draw_range(struct world *world, uint64_t *offset, uint64_t *size)
{
	uint64_t first = pick(world, SECTORS), count = 1 + pick(world, SECTORS - first);

	*offset = first * VM_BLOCK_SECTOR;
	*size = count * VM_BLOCK_SECTOR;
}

static void write_some(struct world *world)
{
	uint64_t offset, size, cut;

	draw_range(world, &offset, &size);
	for (uint64_t at = 0; at < size; at++)
		world->model[offset + at] = (uint8_t)test_random(&world->random);
	cut = pick(world, size + 1);

	const struct gw_bytes pieces[] = {{world->model + offset, cut},
					  {world->model + offset + cut, size - cut}};

	assert_int_equal(vm_overlay_write(world->overlay, offset, pieces, 2), 0);
}

static void clear_some(struct world *world)
{
	uint64_t offset, size;

	draw_range(world, &offset, &size);
	memset(world->model + offset, 0, size);
	assert_int_equal(vm_overlay_clear(world->overlay, offset, size), 0);
}

static void assert_reads(struct world *world, const uint8_t *model)
{
	uint8_t found[BYTES];
	uint64_t offset, size;

	draw_range(world, &offset, &size);
	assert_int_equal(vm_overlay_read(world->overlay, offset, size, found), 0);
	assert_memory_equal(found, model + offset, size);
	assert_int_equal(vm_overlay_read(world->overlay, 0, BYTES, found), 0);
	assert_memory_equal(found, model, BYTES);
}

static void it_reads_as_if_it_were_written(void **state)
{
	struct world *world = *state;
	uint8_t found[BYTES];
	int file;

	assert_int_equal(vm_overlay_size(world->overlay), BYTES);
	for (int times = 0; times < 500; times++) {
		if (pick(world, 3))
			write_some(world);
		else
			clear_some(world);
		assert_reads(world, world->model);
	}
	file = open(world->path, O_RDONLY);
	assert_int_equal(read(file, found, BYTES), BYTES);
	close(file);
	assert_memory_equal(found, world->file, BYTES);
}

static void it_goes_back_to_any_layer(void **state)
{
	enum { LAYERS = 20 };

	struct world *world = *state;
	uint8_t(*then)[BYTES] = malloc((size_t)LAYERS * BYTES);

	assert_non_null(then);
	for (unsigned at = 0; at < LAYERS; at++) {
		memcpy(then[at], world->model, BYTES);
		assert_int_equal(vm_overlay_layers(world->overlay), at + 1);
		write_some(world);
		clear_some(world);
		assert_int_equal(vm_overlay_push(world->overlay, NULL), 0);
	}
	for (unsigned at = LAYERS; at-- > 0;) {
		assert_int_equal(vm_overlay_return(world->overlay, at + 1, NULL), 0);
		assert_reads(world, then[at]);
		/* What is done there is gone when it goes back there, too. */
		memcpy(world->model, then[at], BYTES);
		write_some(world);
		assert_reads(world, world->model);
		assert_int_equal(vm_overlay_return(world->overlay, at + 1, NULL), 0);
		assert_reads(world, then[at]);
	}
	free(then);
}

static void layers_have_an_end(void **state)
{
	struct world *world = *state;
	struct gw_error error = {0};

	while (vm_overlay_layers(world->overlay) < VM_OVERLAY_LAYERS_MAX)
		assert_int_equal(vm_overlay_push(world->overlay, NULL), 0);
	assert_int_equal(vm_overlay_push(world->overlay, &error), GW_E_TOO_LARGE);
	assert_reads(world, world->model);
}

static void as_a_block_it_answers_in_order(void **state)
{
	struct world *world = *state;
	struct vm_block *block = vm_overlay_block(world->overlay);
	struct vm_block_answer answer;
	uint8_t sector[VM_BLOCK_SECTOR];
	struct gw_bytes piece = {sector, sizeof(sector)};

	memset(sector, 7, sizeof(sector));
	assert_false(block->kind->take(block, &answer));
	for (uint64_t id = 1; id <= VM_BLOCK_REQUESTS_MAX; id += 4) {
		block->kind->write(block, id, 0, &piece, 1);
		block->kind->read(block, id + 1, 0, VM_BLOCK_SECTOR);
		block->kind->discard(block, id + 2, 0, VM_BLOCK_SECTOR, false);
		block->kind->flush(block, id + 3);
	}
	for (uint64_t id = 1; id <= VM_BLOCK_REQUESTS_MAX; id++) {
		assert_true(block->kind->take(block, &answer));
		assert_int_equal(answer.id, id);
		assert_int_equal(answer.status, 0);
		assert_int_equal(answer.data.size, id % 4 == 2 ? VM_BLOCK_SECTOR : 0);
		if (answer.data.size)
			assert_memory_equal(answer.data.data, sector, sizeof(sector));
	}
	assert_false(block->kind->take(block, &answer));
	/* One that is begun and not taken is freed with the disk. */
	block->kind->read(block, 1000, 0, BYTES);
}

static void what_is_no_disk_is_refused(void **state)
{
	struct vm_overlay *overlay;
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(vm_overlay_open(&overlay, "/dev/null", false, &error), GW_E_INVALID);
	assert_int_equal(vm_overlay_open(&overlay, "/nowhere", false, &error), GW_E_NOT_FOUND);
	assert_non_null(strstr(error.text, "/nowhere"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(it_reads_as_if_it_were_written),
		TEST(it_goes_back_to_any_layer),
		TEST(layers_have_an_end),
		TEST(as_a_block_it_answers_in_order),
		TEST(what_is_no_disk_is_refused),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
