/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk_scenario.c - the faults of a disk, one by one: that each happens, and what holds under it.
 */
#include "sim/world_fixture.h"

enum { FILE_BYTES = 4096 };

static const uint32_t new_file = IO_READ | IO_WRITE | IO_CREATE;

static void a_failed_sync_loses_the_write_although_a_second_sync_succeeds(void **state)
{
	struct world world;
	struct io_file *file;
	uint8_t byte = 2, got = 0;

	(void)state;
	world_start(&world, 1, NULL);
	file_make(&world, 0, "a", 1, 1);
	file = file_open(&world, 0, "a", IO_READ | IO_WRITE);
	assert_int_equal(file_write(&world, 0, file, 0, &byte, 1, 0), 0);
	sim_disk_fail_at(world.nodes[0], 1U << IO_OPERATION_SYNC, 1, 1, EIO);
	assert_int_equal(file_sync(&world, 0, file), GW_E_IO);
	assert_int_equal(file_sync(&world, 0, file), 0);
	/* The page cache still shows it, so the program cannot see what it has lost. */
	assert_int_equal(file_read(&world, 0, file, 0, &got, 1), 1);
	assert_int_equal(got, 2);
	power_cycle(&world, 0);
	assert_true(file_is(&world, 0, "a", 1, 1));
	assert_int_equal(sim_count(world.sim, SIM_COUNT_SYNC_FAILED), 1);
	world_end(&world);
}

static void what_is_written_again_after_a_failed_sync_can_be_synced(void **state)
{
	struct world world;
	struct io_file *file;
	uint8_t byte = 2;

	(void)state;
	world_start(&world, 1, NULL);
	file_make(&world, 0, "a", 1, 1);
	file = file_open(&world, 0, "a", IO_READ | IO_WRITE);
	sim_disk_fail_at(world.nodes[0], 1U << IO_OPERATION_SYNC, 1, 1, EIO);
	assert_int_equal(file_write(&world, 0, file, 0, &byte, 1, IO_WRITE_SYNC), GW_E_IO);
	assert_int_equal(file_write(&world, 0, file, 0, &byte, 1, IO_WRITE_SYNC), 0);
	power_cycle(&world, 0);
	assert_true(file_is(&world, 0, "a", 2, 1));
	world_end(&world);
}

static void a_lying_sync_says_yes_and_syncs_nothing(void **state)
{
	struct world world;
	struct io_file *file;
	uint8_t byte = 2;

	(void)state;
	world_start(&world, 1, NULL);
	file_make(&world, 0, "a", 1, 1);
	sim_disk(world.nodes[0])->keep_ppm = 0;
	file = file_open(&world, 0, "a", IO_READ | IO_WRITE);
	sim_disk_lie_at(world.nodes[0], 1);
	assert_int_equal(file_write(&world, 0, file, 0, &byte, 1, IO_WRITE_SYNC), 0);
	assert_int_equal(sim_count(world.sim, SIM_COUNT_SYNC_LIED), 1);
	assert_int_equal(sim_disk_unsynced_bytes(world.nodes[0]), SIM_SECTOR_BYTES);
	power_cycle(&world, 0);
	assert_true(file_is(&world, 0, "a", 1, 1));
	world_end(&world);
}

static void a_failed_or_lying_directory_sync_keeps_no_name(void **state)
{
	(void)state;
	for (int lie = 0; lie < 2; lie++) {
		struct world world;

		world_start(&world, 1, NULL);
		sim_disk(world.nodes[0])->keep_ppm = 0;
		assert_int_equal(file_open_result(&world, 0, "a", new_file), 0);
		if (lie)
			sim_disk_lie_at(world.nodes[0], 1);
		else
			sim_disk_fail_at(world.nodes[0], 1U << IO_OPERATION_SYNC_DIRECTORY, 1, 1,
					 EIO);
		assert_int_equal(path_sync(&world, 0, "."), lie ? 0 : GW_E_IO);
		power_cycle(&world, 0);
		assert_int_equal(file_open_result(&world, 0, "a", IO_READ), GW_E_NOT_FOUND);
		assert_int_equal(sim_count(world.sim, SIM_COUNT_NAME_DROPPED), 1);
		world_end(&world);
	}
}

static void the_nth_operation_fails_and_no_other(void **state)
{
	struct world world;
	struct io_file *file;
	uint8_t byte = 0;

	(void)state;
	world_start(&world, 1, NULL);
	file = file_open(&world, 0, "a", new_file);
	sim_disk_fail_at(world.nodes[0],
			 1U << IO_OPERATION_PWRITEV | 1U << IO_OPERATION_PREADV, 3, 2, EIO);
	assert_int_equal(file_write(&world, 0, file, 0, &byte, 1, 0), 0);
	assert_int_equal(file_sync(&world, 0, file), 0);
	assert_int_equal(file_read(&world, 0, file, 0, &byte, 1), 1);
	assert_int_equal(file_write(&world, 0, file, 0, &byte, 1, 0), GW_E_IO);
	assert_int_equal(file_read(&world, 0, file, 0, &byte, 1), GW_E_IO);
	assert_int_equal(file_read(&world, 0, file, 0, &byte, 1), 1);
	assert_int_equal(sim_count(world.sim, SIM_COUNT_DISK_ERROR), 2);
	world_end(&world);
}

static void a_rule_without_end_lasts_until_it_is_taken_back(void **state)
{
	struct world world;
	struct op op;
	struct io_file *file;

	(void)state;
	world_start(&world, 1, NULL);
	sim_disk_fail_at(world.nodes[0], 1U << IO_OPERATION_OPEN, 1, 0, ENOSPC);
	for (int i = 0; i < 5; i++) {
		op = op_of(&world);
		io_open(world_io(&world, 0), &op.request, "a", new_file, 0600, &file, op_done);
		assert_int_equal(op_wait(&op), GW_E_NO_SPACE);
		assert_string_equal(op.error.text, "cannot open a: No space left on device");
	}
	sim_disk_fail_at(world.nodes[0], 0, 0, 0, 0);
	assert_int_equal(file_open_result(&world, 0, "a", new_file), 0);
	world_end(&world);
}

static void a_full_disk_refuses_writes_until_space_is_given_back(void **state)
{
	struct sim_options options = {.disk_bytes = 4 * FILE_BYTES};
	struct world world;
	struct io_file *file;
	uint8_t bytes[FILE_BYTES] = {1};

	(void)state;
	world_start(&world, 1, &options);
	file_make(&world, 0, "a", 1, 3 * FILE_BYTES);
	assert_int_equal(path_free_bytes(&world, 0), FILE_BYTES);
	file = file_open(&world, 0, "b", new_file);
	assert_int_equal(file_write(&world, 0, file, 0, bytes, FILE_BYTES, 0), 0);
	assert_int_equal(path_free_bytes(&world, 0), 0);
	assert_int_equal(file_write(&world, 0, file, FILE_BYTES, bytes, 1, 0), GW_E_NO_SPACE);
	/* What has its space already can be written. */
	assert_int_equal(file_write(&world, 0, file, 0, bytes, FILE_BYTES, 0), 0);
	assert_int_equal(path_unlink(&world, 0, "a"), 0);
	assert_int_equal(path_free_bytes(&world, 0), 3 * FILE_BYTES);
	assert_int_equal(file_write(&world, 0, file, FILE_BYTES, bytes, 1, 0), 0);
	world_end(&world);
}

static void preallocated_space_cannot_be_taken_by_others(void **state)
{
	struct sim_options options = {.disk_bytes = 4 * FILE_BYTES};
	struct world world;
	struct op op;
	struct io_file *file, *other;
	uint8_t bytes[FILE_BYTES] = {1};

	(void)state;
	world_start(&world, 1, &options);
	file = file_open(&world, 0, "a", new_file);
	other = file_open(&world, 0, "b", new_file);
	op = op_of(&world);
	io_preallocate(world_io(&world, 0), &op.request, file, 0, 4 * FILE_BYTES, op_done);
	assert_int_equal(op_wait(&op), 0);
	assert_int_equal(path_free_bytes(&world, 0), 0);
	assert_int_equal(file_write(&world, 0, other, 0, bytes, 1, 0), GW_E_NO_SPACE);
	assert_int_equal(file_write(&world, 0, file, 3 * FILE_BYTES, bytes, FILE_BYTES, 0), 0);
	op = op_of(&world);
	io_punch(world_io(&world, 0), &op.request, file, 0, 2 * FILE_BYTES, op_done);
	assert_int_equal(op_wait(&op), 0);
	assert_int_equal(path_free_bytes(&world, 0), 2 * FILE_BYTES);
	assert_int_equal(file_write(&world, 0, other, 0, bytes, 1, 0), 0);
	world_end(&world);
}

static void a_rotten_bit_is_read_as_if_it_were_right(void **state)
{
	struct world world;
	struct io_file *file;
	uint8_t bytes[8] = {0};

	(void)state;
	world_start(&world, 1, NULL);
	file_make(&world, 0, "a", 0xff, 8);
	assert_true(sim_disk_rot(world.nodes[0], "a", 3, 4));
	assert_false(sim_disk_rot(world.nodes[0], "a", 8, 0));
	assert_false(sim_disk_rot(world.nodes[0], "none", 0, 0));
	power_cycle(&world, 0);
	file = file_open(&world, 0, "a", IO_READ);
	assert_int_equal(file_read(&world, 0, file, 0, bytes, 8), 8);
	assert_int_equal(bytes[2], 0xff);
	assert_int_equal(bytes[3], 0xef);
	assert_int_equal(sim_count(world.sim, SIM_COUNT_ROT), 1);
	world_end(&world);
}

static void reads_rot_bits_with_the_chance_that_was_set(void **state)
{
	struct world world;
	struct io_file *file;
	uint8_t bytes[64];

	(void)state;
	world_start(&world, 1, NULL);
	file_make(&world, 0, "a", 0, sizeof(bytes));
	file = file_open(&world, 0, "a", IO_READ);
	sim_disk(world.nodes[0])->rot_ppm = SIM_PPM;
	assert_int_equal(file_read(&world, 0, file, 0, bytes, sizeof(bytes)), sizeof(bytes));
	assert_false(file_is(&world, 0, "a", 0, sizeof(bytes)));
	assert_int_equal(sim_count(world.sim, SIM_COUNT_ROT), 1);
	world_end(&world);
}

static void damaged_sectors_cannot_be_read_until_they_are_written(void **state)
{
	struct world world;
	struct io_file *file;
	uint8_t bytes[FILE_BYTES] = {0};

	(void)state;
	world_start(&world, 1, NULL);
	file_make(&world, 0, "a", 1, FILE_BYTES);
	file = file_open(&world, 0, "a", IO_READ | IO_WRITE);
	assert_true(sim_disk_damage(world.nodes[0], "a", 512, 512));
	assert_int_equal(file_read(&world, 0, file, 0, bytes, 512), 512);
	assert_int_equal(file_read(&world, 0, file, 0, bytes, 513), GW_E_IO);
	assert_int_equal(file_read(&world, 0, file, 1024, bytes, 512), 512);
	assert_int_equal(file_write(&world, 0, file, 512, bytes, 512, 0), 0);
	assert_int_equal(file_read(&world, 0, file, 0, bytes, FILE_BYTES), FILE_BYTES);
	world_end(&world);
}

static void a_misdirected_write_harms_another_place_and_says_nothing(void **state)
{
	struct world world;
	struct io_file *file;
	uint8_t byte = 9, got[1];

	(void)state;
	world_start(&world, 1, NULL);
	file_make(&world, 0, "victim", 1, FILE_BYTES);
	file = file_open(&world, 0, "a", new_file);
	sim_disk_misdirect_at(world.nodes[0], 1);
	assert_int_equal(file_write(&world, 0, file, 0, &byte, 1, IO_WRITE_SYNC), 0);
	assert_int_equal(file_read(&world, 0, file, 0, got, 1), 1);
	assert_int_equal(got[0], 0);
	assert_false(file_is(&world, 0, "victim", 1, FILE_BYTES));
	assert_int_equal(sim_count(world.sim, SIM_COUNT_MISDIRECT), 1);
	world_end(&world);
}

static void a_failed_write_may_leave_any_part_of_its_bytes(void **state)
{
	unsigned part = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct world world;
		struct io_file *file;
		uint8_t bytes[FILE_BYTES];

		world_start(&world, seed, NULL);
		file_make(&world, 0, "a", 1, FILE_BYTES);
		file = file_open(&world, 0, "a", IO_WRITE);
		memset(bytes, 2, sizeof(bytes));
		sim_disk(world.nodes[0])->write_error_ppm = SIM_PPM;
		assert_int_equal(file_write(&world, 0, file, 0, bytes, FILE_BYTES, 0), GW_E_IO);
		part += !file_is(&world, 0, "a", 1, FILE_BYTES) &&
			!file_is(&world, 0, "a", 2, FILE_BYTES);
		world_end(&world);
	}
	assert_true(part > 0);
}

static void a_slow_disk_takes_its_time_and_does_its_work(void **state)
{
	struct world world;
	uint64_t before_ns;

	(void)state;
	world_start(&world, 1, NULL);
	sim_disk(world.nodes[0])->slow_ppm = SIM_PPM;
	sim_disk(world.nodes[0])->slow_ns = 10 * SIM_SECOND;
	before_ns = sim_now_ns(world.sim);
	assert_int_equal(file_open_result(&world, 0, "a", new_file), 0);
	assert_true(sim_now_ns(world.sim) - before_ns >= 20 * SIM_SECOND);
	world_end(&world);
}

static void a_hung_disk_answers_when_it_moves_again_and_harms_no_other_node(void **state)
{
	struct world world;
	struct op op;
	struct io_file *file = NULL;

	(void)state;
	world_start(&world, 1, NULL);
	sim_disk(world.nodes[0])->hung = true;
	op = op_of(&world);
	io_open(world_io(&world, 0), &op.request, "a", new_file, 0600, &file, op_done);
	assert_int_equal(file_open_result(&world, 1, "a", new_file), 0);
	io_cancel(world_io(&world, 0), &op.request); /* does not hurry it */
	sim_run_for(world.sim, 60 * SIM_SECOND);
	assert_int_equal(op.calls, 0);
	sim_disk(world.nodes[0])->hung = false;
	assert_int_equal(op_wait(&op), GW_E_CANCELLED);
	world_end(&world);
}

static void another_disk_is_empty(void **state)
{
	struct world world;

	(void)state;
	world_start(&world, 1, NULL);
	file_make(&world, 0, "a", 1, FILE_BYTES);
	sim_node_kill(world.nodes[0]);
	sim_disk_wipe(world.nodes[0]);
	sim_node_start(world.nodes[0]);
	assert_int_equal(file_open_result(&world, 0, "a", IO_READ), GW_E_NOT_FOUND);
	assert_int_equal(file_open_result(&world, 0, "a", new_file), 0);
	world_end(&world);
}

static void disks_that_are_swapped_take_their_files_along(void **state)
{
	struct world world;

	(void)state;
	world_start(&world, 2, NULL);
	file_make(&world, 0, "a", 1, FILE_BYTES);
	for (int i = 0; i < 2; i++)
		sim_node_kill(world.nodes[i]);
	sim_disk_swap(world.nodes[0], world.nodes[1]);
	for (int i = 0; i < 2; i++)
		sim_node_start(world.nodes[i]);
	assert_int_equal(file_open_result(&world, 0, "a", IO_READ), GW_E_NOT_FOUND);
	assert_int_equal(file_open_result(&world, 1, "a", IO_READ), 0);
	world_end(&world);
}

static void direct_files_want_whole_blocks(void **state)
{
	struct sim_options options = {.without_direct = true};
	struct world world;
	struct io_file *file;
	_Alignas(IO_DIRECT_ALIGN_BYTES) uint8_t bytes[IO_DIRECT_ALIGN_BYTES] = {1};

	(void)state;
	world_start(&world, 1, NULL);
	file = file_open(&world, 0, "a", new_file | IO_DIRECT);
	assert_int_equal(file_write(&world, 0, file, 0, bytes, sizeof(bytes), 0), 0);
	assert_int_equal(file_write(&world, 0, file, 512, bytes, sizeof(bytes), 0), GW_E_INVALID);
	assert_int_equal(file_write(&world, 0, file, 0, bytes + 1, 512, 0), GW_E_INVALID);
	world_end(&world);
	world_start(&world, 1, &options);
	assert_int_equal(file_open_result(&world, 0, "a", new_file | IO_DIRECT),
			 GW_E_UNSUPPORTED);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_sync_loses_the_write_although_a_second_sync_succeeds),
		cmocka_unit_test(what_is_written_again_after_a_failed_sync_can_be_synced),
		cmocka_unit_test(a_lying_sync_says_yes_and_syncs_nothing),
		cmocka_unit_test(a_failed_or_lying_directory_sync_keeps_no_name),
		cmocka_unit_test(the_nth_operation_fails_and_no_other),
		cmocka_unit_test(a_rule_without_end_lasts_until_it_is_taken_back),
		cmocka_unit_test(a_full_disk_refuses_writes_until_space_is_given_back),
		cmocka_unit_test(preallocated_space_cannot_be_taken_by_others),
		cmocka_unit_test(a_rotten_bit_is_read_as_if_it_were_right),
		cmocka_unit_test(reads_rot_bits_with_the_chance_that_was_set),
		cmocka_unit_test(damaged_sectors_cannot_be_read_until_they_are_written),
		cmocka_unit_test(a_misdirected_write_harms_another_place_and_says_nothing),
		cmocka_unit_test(a_failed_write_may_leave_any_part_of_its_bytes),
		cmocka_unit_test(a_slow_disk_takes_its_time_and_does_its_work),
		cmocka_unit_test(a_hung_disk_answers_when_it_moves_again_and_harms_no_other_node),
		cmocka_unit_test(another_disk_is_empty),
		cmocka_unit_test(disks_that_are_swapped_take_their_files_along),
		cmocka_unit_test(direct_files_want_whole_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
