/* SPDX-License-Identifier: Apache-2.0 */
/*
 * power_scenario.c - what a power loss and a kill leave on a disk. Where chance decides, many seeds
 * show that each outcome that is allowed happens, and no other.
 */
#include "sim/world_fixture.h"

enum { SEEDS = 60, SECTORS = 8, FILE_BYTES = SECTORS * SIM_SECTOR_BYTES };

static const uint32_t new_file = IO_READ | IO_WRITE | IO_CREATE;

/* How many sectors of the file have this value in every byte. */
static unsigned sectors_of(struct world *world, const char *path, uint8_t value)
{
	uint8_t bytes[FILE_BYTES] = {0};
	unsigned count = 0;

	(void)sim_disk_peek(world->nodes[0], path, 0, bytes, sizeof(bytes));
	for (size_t at = 0; at < FILE_BYTES; at += SIM_SECTOR_BYTES) {
		size_t same = 0;

		while (same < SIM_SECTOR_BYTES && bytes[at + same] == value)
			same++;
		count += same == SIM_SECTOR_BYTES;
	}
	return count;
}

static void overwrite(struct world *world, const char *path, uint8_t value, uint32_t flags)
{
	struct io_file *file = file_open(world, 0, path, IO_READ | IO_WRITE);
	uint8_t bytes[FILE_BYTES];

	memset(bytes, value, sizeof(bytes));
	assert_int_equal(file_write(world, 0, file, 0, bytes, sizeof(bytes), flags), 0);
	assert_int_equal(file_close(world, 0, file), 0);
}

static void a_kill_keeps_every_completed_write_and_name(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world world;

		world_start(&world, seed, NULL);
		file_make(&world, 0, "a", 1, FILE_BYTES);
		overwrite(&world, "a", 2, 0);
		assert_int_equal(path_rename(&world, 0, "a", "b"), 0);
		sim_node_kill(world.nodes[0]);
		sim_node_start(world.nodes[0]);
		assert_true(file_is(&world, 0, "b", 2, FILE_BYTES));
		assert_int_equal(file_open_result(&world, 0, "a", IO_READ), GW_E_NOT_FOUND);
		world_end(&world);
	}
}

static void a_power_loss_keeps_or_drops_each_unsynced_sector(void **state)
{
	unsigned kept = 0, dropped = 0, mixed = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world world;
		unsigned old, new;

		world_start(&world, seed, NULL);
		file_make(&world, 0, "a", 1, FILE_BYTES);
		overwrite(&world, "a", 2, 0);
		assert_int_equal(sim_disk_unsynced_bytes(world.nodes[0]), FILE_BYTES);
		power_cycle(&world, 0);
		old = sectors_of(&world, "a", 1);
		new = sectors_of(&world, "a", 2);
		assert_int_equal(old + new, SECTORS);
		assert_int_equal(sim_count(world.sim, SIM_COUNT_SECTOR_KEPT), new);
		kept += new;
		dropped += old;
		mixed += old > 0 && new > 0;
		world_end(&world);
	}
	assert_true(kept > SEEDS && dropped > SEEDS && mixed > SEEDS / 2);
}

static void a_power_loss_may_tear_a_sector(void **state)
{
	unsigned torn = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world world;

		world_start(&world, seed, NULL);
		sim_disk(world.nodes[0])->tear_ppm = SIM_PPM / 4;
		file_make(&world, 0, "a", 1, FILE_BYTES);
		overwrite(&world, "a", 2, 0);
		power_cycle(&world, 0);
		torn += SECTORS - sectors_of(&world, "a", 1) - sectors_of(&world, "a", 2);
		world_end(&world);
	}
	assert_true(torn > SEEDS);
}

static void a_synced_write_survives_power_loss(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world world;

		world_start(&world, seed, NULL);
		sim_disk(world.nodes[0])->tear_ppm = SIM_PPM / 4;
		file_make(&world, 0, "a", 1, FILE_BYTES);
		overwrite(&world, "a", 2, IO_WRITE_SYNC);
		assert_int_equal(sim_disk_unsynced_bytes(world.nodes[0]), 0);
		power_cycle(&world, 0);
		assert_true(file_is(&world, 0, "a", 2, FILE_BYTES));
		world_end(&world);
	}
}

static void of_two_unsynced_writes_the_first_may_be_the_one_that_is_left(void **state)
{
	unsigned first = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world world;

		world_start(&world, seed, NULL);
		file_make(&world, 0, "a", 1, FILE_BYTES);
		overwrite(&world, "a", 2, 0);
		overwrite(&world, "a", 3, 0);
		power_cycle(&world, 0);
		first += sectors_of(&world, "a", 2) > 0;
		world_end(&world);
	}
	assert_true(first > 0);
}

static void a_new_file_without_a_directory_sync_may_be_gone(void **state)
{
	unsigned gone = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world world;
		struct io_file *file;

		world_start(&world, seed, NULL);
		file = file_open(&world, 0, "a", new_file);
		assert_int_equal(file_write(&world, 0, file, 0, "x", 1, IO_WRITE_SYNC), 0);
		power_cycle(&world, 0);
		if (file_open_result(&world, 0, "a", IO_READ) == GW_E_NOT_FOUND)
			gone++;
		else
			assert_true(file_is(&world, 0, "a", 'x', 1));
		world_end(&world);
	}
	assert_true(gone > 0 && gone < SEEDS);
}

static void a_new_file_with_a_directory_sync_stays(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world world;

		world_start(&world, seed, NULL);
		file_make(&world, 0, "a", 7, FILE_BYTES);
		power_cycle(&world, 0);
		assert_true(file_is(&world, 0, "a", 7, FILE_BYTES));
		world_end(&world);
	}
}

static void a_rename_without_a_directory_sync_leaves_the_old_file_or_the_new_one(void **state)
{
	unsigned old = 0, new = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world world;

		world_start(&world, seed, NULL);
		file_make(&world, 0, "a", 1, FILE_BYTES);
		file_make(&world, 0, "a.new", 2, FILE_BYTES);
		assert_int_equal(path_rename(&world, 0, "a.new", "a"), 0);
		power_cycle(&world, 0);
		if (file_is(&world, 0, "a", 1, FILE_BYTES)) {
			old++;
			assert_true(file_is(&world, 0, "a.new", 2, FILE_BYTES));
		} else {
			new++;
			assert_true(file_is(&world, 0, "a", 2, FILE_BYTES));
			assert_int_equal(file_open_result(&world, 0, "a.new", IO_READ),
					 GW_E_NOT_FOUND);
		}
		world_end(&world);
	}
	assert_true(old > 0 && new > 0);
}

static void an_unlinked_file_may_come_back_without_a_directory_sync(void **state)
{
	unsigned back = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world world;

		world_start(&world, seed, NULL);
		file_make(&world, 0, "a", 1, FILE_BYTES);
		file_make(&world, 0, "b", 2, FILE_BYTES);
		assert_int_equal(path_unlink(&world, 0, "b"), 0);
		assert_int_equal(path_sync(&world, 0, "."), 0);
		assert_int_equal(path_unlink(&world, 0, "a"), 0);
		power_cycle(&world, 0);
		back += file_is(&world, 0, "a", 1, FILE_BYTES);
		assert_int_equal(file_open_result(&world, 0, "b", IO_READ), GW_E_NOT_FOUND);
		world_end(&world);
	}
	assert_true(back > 0 && back < SEEDS);
}

static void names_may_be_kept_out_of_order_unless_the_disk_keeps_a_journal(void **state)
{
	unsigned out_of_order[2] = {0, 0};

	(void)state;
	for (uint64_t seed = 1; seed <= 2 * SEEDS; seed++) {
		struct world world;
		bool first, second;

		world_start(&world, seed, NULL);
		sim_disk(world.nodes[0])->in_order = seed % 2;
		(void)file_open(&world, 0, "first", new_file);
		(void)file_open(&world, 0, "second", new_file);
		power_cycle(&world, 0);
		first = file_open_result(&world, 0, "first", IO_READ) == 0;
		second = file_open_result(&world, 0, "second", IO_READ) == 0;
		out_of_order[seed % 2] += second && !first;
		world_end(&world);
	}
	assert_true(out_of_order[0] > 0);
	assert_int_equal(out_of_order[1], 0);
}

static void a_file_in_a_directory_whose_name_was_lost_is_lost_with_it(void **state)
{
	unsigned lost = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world world;

		world_start(&world, seed, NULL);
		assert_int_equal(path_mkdir(&world, 0, "d"), 0);
		(void)file_open(&world, 0, "d/f", new_file);
		assert_int_equal(path_sync(&world, 0, "d"), 0);
		power_cycle(&world, 0);
		if (path_sync(&world, 0, "d") == GW_E_NOT_FOUND)
			lost++;
		else
			assert_int_equal(file_open_result(&world, 0, "d/f", IO_READ), 0);
		world_end(&world);
	}
	assert_true(lost > 0 && lost < SEEDS);
}

static void an_unsynced_truncation_may_be_undone(void **state)
{
	unsigned undone = 0, done = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world world;
		struct io_file *file;
		uint8_t got[FILE_BYTES + 1];

		world_start(&world, seed, NULL);
		file_make(&world, 0, "a", 1, FILE_BYTES);
		file = file_open(&world, 0, "a", IO_READ | IO_WRITE);
		assert_int_equal(file_truncate(&world, 0, file, 0), 0);
		power_cycle(&world, 0);
		undone += sim_disk_peek(world.nodes[0], "a", 0, got, sizeof(got)) == FILE_BYTES;
		done += file_is(&world, 0, "a", 1, 0);
		world_end(&world);
	}
	assert_true(done > 0 && undone > 0);
}

static void a_write_under_way_at_a_kill_may_be_had_in_part(void **state)
{
	unsigned none = 0, part = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world world;
		struct op op;
		struct io_file *file;
		uint8_t bytes[FILE_BYTES], got[FILE_BYTES];
		struct gw_bytes piece = {bytes, sizeof(bytes)};
		size_t new = 0;

		world_start(&world, seed, NULL);
		file_make(&world, 0, "a", 1, FILE_BYTES);
		file = file_open(&world, 0, "a", IO_WRITE);
		memset(bytes, 2, sizeof(bytes));
		op = op_of(&world);
		io_pwritev(world_io(&world, 0), &op.request, file, &piece, 1, 0, 0, op_done);
		sim_node_kill(world.nodes[0]);
		assert_int_equal(sim_disk_peek(world.nodes[0], "a", 0, got, FILE_BYTES),
				 FILE_BYTES);
		while (new < FILE_BYTES && got[new] == 2)
			new++;
		for (size_t i = new; i < FILE_BYTES; i++)
			assert_int_equal(got[i], 1);
		none += new == 0;
		part += new > 0 && new < FILE_BYTES;
		assert_int_equal(op.calls, 0); /* it died with its node */
		world_end(&world);
	}
	assert_true(part > 0 && none > 0);
}

static void a_node_can_die_between_a_write_and_its_sync(void **state)
{
	struct world world;
	struct op op;
	struct io_file *file;
	uint8_t byte = 2;
	struct gw_bytes piece = {&byte, 1};

	(void)state;
	world_start(&world, 1, NULL);
	file_make(&world, 0, "a", 1, 1);
	file = file_open(&world, 0, "a", IO_WRITE);
	sim_node_die_at(world.nodes[0], 2, false); /* 1: the write, 2: its sync */
	op = op_of(&world);
	io_pwritev(world_io(&world, 0), &op.request, file, &piece, 1, 0, IO_WRITE_SYNC, op_done);
	sim_run_for(world.sim, SIM_SECOND);
	assert_int_equal(sim_node_state(world.nodes[0]), SIM_NODE_DOWN);
	assert_int_equal(op.calls, 0);
	assert_true(file_is(&world, 0, "a", 2, 1));
	assert_int_equal(sim_disk_unsynced_bytes(world.nodes[0]), SIM_SECTOR_BYTES);
	world_end(&world);
}

static void a_lock_ends_with_the_process_that_held_it(void **state)
{
	struct world world;

	(void)state;
	world_start(&world, 1, NULL);
	(void)file_open(&world, 0, "lock", new_file | IO_LOCKED);
	assert_int_equal(file_open_result(&world, 0, "lock", IO_READ | IO_LOCKED), GW_E_BUSY);
	sim_node_kill(world.nodes[0]);
	sim_node_start(world.nodes[0]);
	assert_int_equal(file_open_result(&world, 0, "lock", IO_READ | IO_LOCKED), 0);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kill_keeps_every_completed_write_and_name),
		cmocka_unit_test(a_power_loss_keeps_or_drops_each_unsynced_sector),
		cmocka_unit_test(a_power_loss_may_tear_a_sector),
		cmocka_unit_test(a_synced_write_survives_power_loss),
		cmocka_unit_test(of_two_unsynced_writes_the_first_may_be_the_one_that_is_left),
		cmocka_unit_test(a_new_file_without_a_directory_sync_may_be_gone),
		cmocka_unit_test(a_new_file_with_a_directory_sync_stays),
		cmocka_unit_test(
			a_rename_without_a_directory_sync_leaves_the_old_file_or_the_new_one),
		cmocka_unit_test(an_unlinked_file_may_come_back_without_a_directory_sync),
		cmocka_unit_test(names_may_be_kept_out_of_order_unless_the_disk_keeps_a_journal),
		cmocka_unit_test(a_file_in_a_directory_whose_name_was_lost_is_lost_with_it),
		cmocka_unit_test(an_unsynced_truncation_may_be_undone),
		cmocka_unit_test(a_write_under_way_at_a_kill_may_be_had_in_part),
		cmocka_unit_test(a_node_can_die_between_a_write_and_its_sync),
		cmocka_unit_test(a_lock_ends_with_the_process_that_held_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
