/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_test.c - a replay that begins at a snapshot ends as the recording did; what is no
 * snapshot of it changes nothing.
 */
#include "rig_fixture.h"
#include "snapshot.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COUNT = 60000, PLACES = 25, DAMAGES = 60, START_AT = 8 };

struct world {
	struct rig rig;
	char path[96];
	uint64_t hash; /* of the recording's end */
	uint64_t random;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	*state = world;
	if (!world || !rig_set_up(&world->rig))
		return -1;
	snprintf(world->path, sizeof(world->path), "%s/snapshot", world->rig.directory);
	world->random = 9;
	world->hash = rig_record(&world->rig, 77, COUNT, true);
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	unlink(world->path);
	rig_tear_down(&world->rig);
	free(world);
	return 0;
}

static struct vm_replay *open_replay(const struct world *world)
{
	const struct vm_replay_options none = {0};
	struct vm_replay *replay;

	assert_int_equal(vm_replay_open(&replay, world->rig.log, &none, NULL), 0);
	return replay;
}

/* A snapshot of the replay at a count; the machine's hash there. */
static uint64_t write_at(struct world *world, uint64_t count)
{
	struct vm_replay *replay = open_replay(world);
	uint64_t hash;

	unlink(world->path);
	assert_int_equal(vm_replay_run(replay, count, NULL), VM_REPLAY_GOES_ON);
	assert_int_equal(vm_replay_snapshot(replay, world->path, NULL), 0);
	hash = vm_machine_hash(vm_replay_machine(replay), true);
	vm_replay_close(replay);
	return hash;
}

static void assert_ends_well(const struct world *world, struct vm_replay *replay)
{
	struct gw_error error = {0};

	if (vm_replay_run(replay, UINT64_MAX, &error) != VM_REPLAY_ENDED)
		fail_msg("%s", error.text);
	assert_int_equal(vm_machine_hash(vm_replay_machine(replay), true), world->hash);
}

static void a_replay_goes_on_from_any_count(void **state)
{
	struct world *world = *state;

	for (int at = 0; at < PLACES; at++) {
		uint64_t count = test_pick(&world->random, COUNT);
		uint64_t hash = write_at(world, count);
		struct vm_replay *replay = open_replay(world);
		uint64_t hashes;

		assert_int_equal(vm_replay_begin_at(replay, world->path, NULL), 0);
		assert_int_equal(vm_replay_count(replay), count);
		assert_int_equal(vm_machine_hash(vm_replay_machine(replay), true), hash);
		hashes = vm_replay_hashes(replay);
		assert_int_equal(hashes, count / world->rig.hash_interval);
		assert_ends_well(world, replay);
		assert_true(vm_replay_hashes(replay) > hashes);
		vm_replay_close(replay);
	}
}

static void a_snapshot_is_never_written_over(void **state)
{
	struct world *world = *state;
	struct vm_replay *replay = open_replay(world);
	struct gw_error error = {0};

	assert_int_equal(vm_replay_snapshot(replay, world->path, NULL), 0);
	assert_int_equal(vm_replay_snapshot(replay, world->path, &error), GW_E_EXISTS);
	assert_non_null(strstr(error.text, world->path));
	vm_replay_close(replay);
}

static void one_of_another_recording_is_refused(void **state)
{
	struct world *world = *state;
	struct vm_replay *replay;
	struct gw_error error = {0};
	int file;

	write_at(world, COUNT / 3);
	file = open(world->path, O_RDWR);

	uint8_t start[8 + VM_SEED_BYTES + 64];

	/* The same but for the seed, with a right checksum. */
	assert_int_equal(pread(file, start, sizeof(start), START_AT), sizeof(start));
	start[8] ^= 1;
	assert_int_equal(pwrite(file, start, sizeof(start), START_AT), sizeof(start));
	base_store32(start, base_crc32c(0, start, sizeof(start)));
	assert_int_equal(pwrite(file, start, 4, START_AT + sizeof(start)), 4);
	close(file);
	replay = open_replay(world);
	assert_int_equal(vm_replay_begin_at(replay, world->path, &error), GW_E_INVALID);
	assert_non_null(strstr(error.text, "not of the recording in"));
	vm_replay_close(replay);
}

/* Refused, and the replay is as it was. */
static void assert_refused(const struct world *world, int code)
{
	struct vm_replay *replay = open_replay(world);
	struct gw_error error = {0};
	int got = vm_replay_begin_at(replay, world->path, &error);

	if (code)
		assert_int_equal(got, code);
	assert_true(got == GW_E_CORRUPT || got == GW_E_TRUNCATED || got == GW_E_VERSION);
	assert_non_null(strstr(error.text, world->path));
	assert_ends_well(world, replay);
	vm_replay_close(replay);
}

static void what_is_damaged_changes_nothing(void **state)
{
	struct world *world = *state;
	struct stat about;
	uint8_t byte;
	int file;

	write_at(world, COUNT / 2);
	file = open(world->path, O_RDWR);
	assert_int_equal(fstat(file, &about), 0);
	for (int at = 0; at < DAMAGES; at++) {
		off_t place = (off_t)test_pick(&world->random, (uint64_t)about.st_size);

		if (at < START_AT)
			place = at;
		assert_int_equal(pread(file, &byte, 1, place), 1);
		byte ^= (uint8_t)(1 << at % 8);
		assert_int_equal(pwrite(file, &byte, 1, place), 1);
		assert_refused(world, place == 7 ? GW_E_VERSION : 0);
		byte ^= (uint8_t)(1 << at % 8);
		assert_int_equal(pwrite(file, &byte, 1, place), 1);
	}
	for (int at = 0; at < DAMAGES / 4; at++) {
		about.st_size = (off_t)test_pick(&world->random, (uint64_t)about.st_size);
		assert_int_equal(ftruncate(file, about.st_size), 0);
		assert_refused(world, 0);
	}
	close(file);
}

static void a_place_that_is_not_there_is_said(void **state)
{
	struct world *world = *state;
	struct vm_replay *replay = open_replay(world);
	struct gw_error error = {0};

	assert_int_equal(vm_replay_snapshot(replay, "/nowhere/snapshot", &error), GW_E_NOT_FOUND);
	assert_non_null(strstr(error.text, "/nowhere/snapshot"));
	vm_replay_close(replay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_replay_goes_on_from_any_count),
		TEST(a_snapshot_is_never_written_over),
		TEST(one_of_another_recording_is_refused),
		TEST(what_is_damaged_changes_nothing),
		TEST(a_place_that_is_not_there_is_said),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
