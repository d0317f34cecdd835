/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk_model_test.c - the simulated disk against a model of a few lines: while there is power a
 * file is an array of bytes and a directory a table; after a power loss each sector is one of its
 * versions since the last sync, and each name one of its files.
 */
#include "sim/world_fixture.h"

#include <stdio.h>

enum {
	SEEDS = 40,
	STEPS = 150,
	SECTORS = 40, /* not a whole number of pages */
	FILE_BYTES = SECTORS * SIM_SECTOR_BYTES,
	VERSIONS_MAX = 64,
	NAMES = 4,
};

/* ---- Contents ------------------------------------------------------------------------------ */

/* Writes of the model fill whole sectors with one number, so that a version is a byte. */
struct model {
	struct world world;
	struct io_file *file;
	uint8_t now[SECTORS];                    /* 0: zeros */
	uint8_t versions[SECTORS][VERSIONS_MAX]; /* the disk's, and all since */
	unsigned counts[SECTORS];
	unsigned size, sizes[VERSIONS_MAX], size_count; /* in sectors */
	uint8_t next;
	uint64_t random;
	unsigned losses;
};

static void set_sector(struct model *model, unsigned at, uint8_t value)
{
	model->now[at] = value;
	assert_true(model->counts[at] < VERSIONS_MAX);
	model->versions[at][model->counts[at]++] = value;
}

static void set_size(struct model *model, unsigned size)
{
	for (unsigned at = size; at < model->size; at++)
		set_sector(model, at, 0);
	assert_true(model->size_count < VERSIONS_MAX);
	model->sizes[model->size_count++] = size;
	model->size = size;
}

/* What is now is on the disk. */
static void settle(struct model *model)
{
	for (unsigned at = 0; at < SECTORS; at++) {
		model->versions[at][0] = model->now[at];
		model->counts[at] = 1;
	}
	model->sizes[0] = model->size;
	model->size_count = 1;
}

static void check_contents(struct model *model)
{
	static uint8_t bytes[FILE_BYTES];
	int got = file_read(&model->world, 0, model->file, 0, bytes, FILE_BYTES);

	assert_int_equal(got, model->size * SIM_SECTOR_BYTES);
	for (unsigned at = 0; at < model->size; at++) {
		uint8_t sector[SIM_SECTOR_BYTES];

		memset(sector, model->now[at], sizeof(sector));
		assert_memory_equal(bytes + at * SIM_SECTOR_BYTES, sector, sizeof(sector));
	}
}

static void write_some(struct model *model)
{
	unsigned first = (unsigned)test_pick(&model->random, SECTORS);
	unsigned count = 1 + (unsigned)test_pick(&model->random, SECTORS - first);
	bool sync = test_pick(&model->random, 6) == 0;
	static uint8_t bytes[FILE_BYTES];

	model->next = model->next == UINT8_MAX ? 1 : model->next + 1;
	memset(bytes, model->next, sizeof(bytes));
	assert_int_equal(file_write(&model->world, 0, model->file,
				    (uint64_t)first * SIM_SECTOR_BYTES, bytes,
				    (size_t)count * SIM_SECTOR_BYTES, sync ? IO_WRITE_SYNC : 0),
			 0);
	for (unsigned at = first; at < first + count; at++)
		set_sector(model, at, model->next);
	if (first + count > model->size)
		set_size(model, first + count);
	if (sync)
		settle(model);
}

static void truncate_some(struct model *model)
{
	unsigned size = (unsigned)test_pick(&model->random, SECTORS + 1);

	assert_int_equal(file_truncate(&model->world, 0, model->file,
				       (uint64_t)size * SIM_SECTOR_BYTES), 0);
	set_size(model, size);
}

static void punch_some(struct model *model)
{
	unsigned first = (unsigned)test_pick(&model->random, SECTORS);
	unsigned count = 1 + (unsigned)test_pick(&model->random, SECTORS - first);
	struct op op = op_of(&model->world);

	io_punch(world_io(&model->world, 0), &op.request, model->file,
		 (uint64_t)first * SIM_SECTOR_BYTES, (uint64_t)count * SIM_SECTOR_BYTES, op_done);
	assert_int_equal(op_wait(&op), 0);
	for (unsigned at = first; at < first + count; at++)
		set_sector(model, at, 0);
}

static bool is_version(const struct model *model, unsigned at, uint8_t value)
{
	for (unsigned i = 0; i < model->counts[at]; i++)
		if (model->versions[at][i] == value)
			return true;
	return false;
}

/* Takes over what the power loss has left, if it may be that. A size in the middle of a change is
 * cut to whole sectors, so that the model can go on. */
static void lose_power(struct model *model)
{
	static uint8_t bytes[FILE_BYTES];
	unsigned most = 0;
	int got;

	power_cycle(&model->world, 0);
	model->losses++;
	model->file = file_open(&model->world, 0, "file", IO_READ | IO_WRITE);
	got = file_read(&model->world, 0, model->file, 0, bytes, FILE_BYTES);
	for (unsigned i = 0; i < model->size_count; i++)
		most = model->sizes[i] > most ? model->sizes[i] : most;
	assert_in_range(got, 0, most * SIM_SECTOR_BYTES);
	for (int at = 0; at < got; at++) {
		unsigned sector = (unsigned)at / SIM_SECTOR_BYTES;

		assert_int_equal(bytes[at], bytes[sector * SIM_SECTOR_BYTES]);
		assert_true(is_version(model, sector, bytes[at]) || bytes[at] == 0);
	}
	model->size = (unsigned)got / SIM_SECTOR_BYTES;
	assert_int_equal(file_truncate(&model->world, 0, model->file,
				       (uint64_t)model->size * SIM_SECTOR_BYTES), 0);
	assert_int_equal(file_sync(&model->world, 0, model->file), 0);
	for (unsigned at = 0; at < SECTORS; at++)
		model->now[at] = at < model->size ? bytes[at * SIM_SECTOR_BYTES] : 0;
	settle(model);
}

static bool is_nearly_full(const struct model *model)
{
	for (unsigned at = 0; at < SECTORS; at++)
		if (model->counts[at] >= VERSIONS_MAX - 2)
			return true;
	return model->size_count >= VERSIONS_MAX - 2;
}

static void step(struct model *model)
{
	uint64_t what = test_pick(&model->random, 20);

	if (what < 11) {
		write_some(model);
	} else if (what < 14) {
		truncate_some(model);
	} else if (what < 16) {
		punch_some(model);
	} else if (what < 18 || is_nearly_full(model)) {
		assert_int_equal(file_sync(&model->world, 0, model->file), 0);
		settle(model);
	} else {
		lose_power(model);
	}
	check_contents(model);
}

static void a_file_is_its_bytes_and_after_a_power_loss_versions_of_its_sectors(void **state)
{
	static struct model model;
	unsigned losses = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		memset(&model, 0, sizeof(model));
		model.random = seed;
		world_start(&model.world, seed, NULL);
		file_make(&model.world, 0, "file", 0, SIM_SECTOR_BYTES);
		model.size = 1;
		settle(&model);
		model.file = file_open(&model.world, 0, "file", IO_READ | IO_WRITE);
		for (int i = 0; i < STEPS; i++)
			step(&model);
		losses += model.losses;
		world_end(&model.world);
	}
	assert_true(losses > SEEDS);
}

/* ---- Space --------------------------------------------------------------------------------- */

static void space_is_given_back_to_the_last_page(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		static struct model model;
		uint64_t free_bytes;

		memset(&model, 0, sizeof(model));
		model.random = seed;
		world_start(&model.world, seed, NULL);
		free_bytes = path_free_bytes(&model.world, 0);
		file_make(&model.world, 0, "file", 0, SIM_SECTOR_BYTES);
		model.size = 1;
		settle(&model);
		model.file = file_open(&model.world, 0, "file", IO_READ | IO_WRITE);
		for (int i = 0; i < STEPS; i++)
			step(&model);
		assert_int_equal(file_truncate(&model.world, 0, model.file, 0), 0);
		assert_int_equal(path_free_bytes(&model.world, 0), free_bytes);
		assert_int_equal(path_unlink(&model.world, 0, "file"), 0);
		assert_int_equal(file_close(&model.world, 0, model.file), 0);
		assert_int_equal(path_free_bytes(&model.world, 0), free_bytes);
		world_end(&model.world);
	}
}

/* ---- Names --------------------------------------------------------------------------------- */

/* A file is known by its byte. may[name] has a bit for each file that the name may mean after a
 * power loss; bit 0: none. */
struct table {
	struct world world;
	uint8_t now[NAMES];
	uint64_t may[NAMES];
	uint8_t next;
	uint64_t random;
};

static const char *name_of(unsigned at)
{
	static const char *const names[NAMES] = {"a", "b", "d/a", "d/b"};

	return names[at];
}

static void check_names(struct table *table)
{
	for (unsigned at = 0; at < NAMES; at++) {
		uint8_t byte = 0;
		int64_t got = sim_disk_peek(table->world.nodes[0], name_of(at), 0, &byte, 1);

		assert_int_equal(got, table->now[at] ? 1 : GW_E_NOT_FOUND);
		assert_int_equal(byte, table->now[at]);
	}
}

static void set_name(struct table *table, unsigned at, uint8_t file)
{
	table->now[at] = file;
	table->may[at] |= UINT64_C(1) << file;
}

static void sync_names(struct table *table, bool inner)
{
	assert_int_equal(path_sync(&table->world, 0, inner ? "d" : "."), 0);
	for (unsigned at = inner ? 2 : 0; at < (inner ? 4U : 2U); at++)
		table->may[at] = UINT64_C(1) << table->now[at];
}

static void create_name(struct table *table, unsigned at)
{
	struct io_file *file;
	uint8_t byte = table->next;

	if (table->now[at] || byte >= 63)
		return;
	table->next++;
	file = file_open(&table->world, 0, name_of(at), IO_WRITE | IO_CREATE | IO_EXCLUSIVE);
	assert_int_equal(file_write(&table->world, 0, file, 0, &byte, 1, IO_WRITE_SYNC), 0);
	assert_int_equal(file_close(&table->world, 0, file), 0);
	set_name(table, at, byte);
}

static void rename_name(struct table *table, unsigned from, unsigned to)
{
	if (from == to || !table->now[from])
		return;
	assert_int_equal(path_rename(&table->world, 0, name_of(from), name_of(to)), 0);
	set_name(table, to, table->now[from]);
	set_name(table, from, 0);
}

static void lose_names(struct table *table)
{
	power_cycle(&table->world, 0);
	for (unsigned at = 0; at < NAMES; at++) {
		uint8_t byte = 0;

		(void)sim_disk_peek(table->world.nodes[0], name_of(at), 0, &byte, 1);
		assert_true(byte < 64 && (table->may[at] >> byte & 1));
		table->now[at] = byte;
		table->may[at] = UINT64_C(1) << byte;
		/* A rename is one change: no file has two names. */
		for (unsigned other = 0; byte && other < at; other++)
			assert_true(table->now[other] != byte);
	}
}

static void a_name_is_its_file_and_after_a_power_loss_one_that_it_was(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct table table = {.next = 1, .random = seed};

		world_start(&table.world, seed, NULL);
		sim_disk(table.world.nodes[0])->in_order = seed % 2;
		assert_int_equal(path_mkdir(&table.world, 0, "d"), 0);
		assert_int_equal(path_sync(&table.world, 0, "."), 0);
		for (unsigned at = 0; at < NAMES; at++)
			table.may[at] = 1;
		for (int i = 0; i < STEPS; i++) {
			uint64_t what = test_pick(&table.random, 20);
			unsigned at = (unsigned)test_pick(&table.random, NAMES);

			if (what < 7) {
				create_name(&table, at);
			} else if (what < 14) {
				rename_name(&table, at, (unsigned)test_pick(&table.random, NAMES));
			} else if (what < 16 && table.now[at]) {
				assert_int_equal(path_unlink(&table.world, 0, name_of(at)), 0);
				set_name(&table, at, 0);
			} else if (what < 19) {
				sync_names(&table, at >= 2);
			} else {
				lose_names(&table);
			}
			check_names(&table);
		}
		world_end(&table.world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_file_is_its_bytes_and_after_a_power_loss_versions_of_its_sectors),
		cmocka_unit_test(space_is_given_back_to_the_last_page),
		cmocka_unit_test(a_name_is_its_file_and_after_a_power_loss_one_that_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
