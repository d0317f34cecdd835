/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_test.c - what was recorded is replayed, to the last bit; and each source of divergence has
 * a test of its own: it makes no difference, or, leaked into a run, it is found by the hashes.
 */
#include "rig_fixture.h"

#include "support/unit.h"

#include <fcntl.h>
#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COUNT = 100000, SEEDS = 4 };

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	*state = rig;
	return rig && rig_set_up(rig) ? 0 : -1;
}

static int tear_down(void **state)
{
	rig_tear_down(*state);
	free(*state);
	return 0;
}

static void assert_replays(const struct rig *rig, const struct vm_replay_options *options,
			   uint64_t hash)
{
	struct gw_error error = {0};
	uint64_t replayed = 0;

	if (rig_replay(rig, rig->log, options, &replayed, &error) != VM_REPLAY_ENDED)
		fail_msg("%s", error.text);
	assert_int_equal(replayed, hash);
}

/* ---- The same again -------------------------------------------------------------------------- */

static void a_recorded_run_replays(void **state)
{
	struct rig *rig = *state;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		uint64_t hash = rig_record(rig, seed, COUNT, true);

		for (int times = 0; times < 3; times++)
			assert_replays(rig, NULL, hash);
	}
}

/* What a compiler makes of the machine is in no hash: this number is for all of them. */
static void every_build_runs_the_same(void **state)
{
	assert_int_equal(rig_record(*state, 1, COUNT, true), UINT64_C(0xf6835352f89eecd0));
}

static void replay_stops_at_any_count(void **state)
{
	struct rig *rig = *state;
	struct vm_replay_options options = {0};
	uint64_t hash = rig_record(rig, 21, COUNT, true), random = 7, until = 0;
	struct vm_replay *replay;
	int code;

	assert_int_equal(vm_replay_open(&replay, rig->log, &options, NULL), 0);
	do {
		until += 1 + test_random(&random) % 3000;
		code = vm_replay_run(replay, until, NULL);
		assert_true(code != VM_REPLAY_GOES_ON || vm_replay_count(replay) == until);
	} while (code == VM_REPLAY_GOES_ON);
	assert_int_equal(code, VM_REPLAY_ENDED);
	assert_int_equal(vm_replay_end(replay), VM_PAUSE_OFF);
	assert_int_equal(vm_machine_hash(vm_replay_machine(replay), true), hash);
	assert_true(vm_replay_hashes(replay) >= COUNT / rig->hash_interval);
	assert_true(vm_replay_events(replay) > 100);
	vm_replay_close(replay);
}

static void the_disk_is_never_written(void **state)
{
	struct rig *rig = *state;
	uint8_t sector[VM_BLOCK_SECTOR];
	int disk;

	assert_replays(rig, NULL, rig_record(rig, 31, COUNT, true));
	disk = open(rig->disk_path, O_RDONLY);
	for (int at = 0; at < RIG_DISK_BYTES / VM_BLOCK_SECTOR; at++) {
		assert_int_equal(read(disk, sector, sizeof(sector)), sizeof(sector));
		for (size_t byte = 0; byte < sizeof(sector); byte++)
			assert_int_equal(sector[byte], at);
	}
	close(disk);
}

static void a_log_whose_recorder_was_killed_replays_to_its_end(void **state)
{
	struct rig *rig = *state;
	struct gw_error error = {0};
	struct stat about;
	uint64_t random = 5;

	rig_record(rig, 41, COUNT, false);
	assert_int_equal(stat(rig->log, &about), 0);
	/* Once as it was left, then cut anywhere behind its header. */
	for (int times = 0; times < 20; times++) {
		if (rig_replay(rig, rig->log, NULL, NULL, &error) != VM_REPLAY_TORN)
			fail_msg("%s", error.text);
		assert_int_equal(truncate(rig->log, 400 + (off_t)(test_random(&random) %
								  (uint64_t)(about.st_size - 400))),
				 0);
	}
}

/* ---- Refused --------------------------------------------------------------------------------- */

static void another_image_is_refused_by_name(void **state)
{
	struct rig *rig = *state;
	struct gw_error error = {0};
	struct vm_replay_options kernel = {.files[VM_LOG_KERNEL] = rig->log};
	struct vm_replay_options nowhere = {.files[VM_LOG_DISK] = "/nowhere/disk"};
	int disk;

	rig_record(rig, 51, 1000, true);
	assert_int_equal(rig_replay(rig, rig->log, &kernel, NULL, &error), GW_E_INVALID);
	assert_non_null(strstr(error.text, "not the kernel that was recorded in"));
	assert_non_null(strstr(error.text, rig->log));
	assert_int_equal(rig_replay(rig, rig->log, &nowhere, NULL, &error), GW_E_NOT_FOUND);
	assert_non_null(strstr(error.text, "/nowhere/disk"));
	disk = open(rig->disk_path, O_WRONLY);
	assert_int_equal(pwrite(disk, "x", 1, 700), 1);
	close(disk);
	assert_int_equal(rig_replay(rig, rig->log, NULL, NULL, &error), GW_E_INVALID);
	assert_non_null(strstr(error.text, "not the disk that was recorded in"));
}

/* ---- Sources of divergence: what an event says, and when ------------------------------------- */

struct leak {
	unsigned kind;     /* of the event that is another one */
	unsigned skip;     /* so many of them are left alone */
	int64_t more;      /* is added to its value */
	bool other_data, gone, done;
	uint8_t bytes[4096];
};

static bool change(void *context, struct vm_log_record *record)
{
	struct leak *leak = context;

	if (leak->done || record->kind != leak->kind || leak->skip-- > 0)
		return true;
	leak->done = true;
	record->value += leak->more;
	if (leak->other_data) {
		memcpy(leak->bytes, record->data.data, record->data.size);
		leak->bytes[record->data.size / 2] ^= 1;
		record->data.data = leak->bytes;
	}
	return !leak->gone;
}

static void assert_found(struct rig *rig, struct leak leak)
{
	struct gw_error error = {0};

	rig_record(rig, 61, COUNT, true);
	rig_alter(rig, change, &leak);
	assert_true(leak.done);
	assert_int_equal(rig_replay(rig, rig->other_log, NULL, NULL, &error), GW_E_CORRUPT);
	assert_non_null(strstr(error.text, "another run than the one recorded, at count "));
}

static void time_that_differs_by_a_tick_is_found(void **state)
{
	assert_found(*state, (struct leak){.kind = VM_EVENT_TIME, .skip = 9, .more = 1});
}

static void entropy_that_differs_is_found(void **state)
{
	assert_found(*state,
		     (struct leak){.kind = VM_EVENT_ENTROPY, .skip = 3, .other_data = true});
}

static void a_frame_that_differs_is_found(void **state)
{
	assert_found(*state, (struct leak){.kind = VM_EVENT_FRAME, .skip = 1, .other_data = true});
}

static void a_byte_typed_that_differs_is_found(void **state)
{
	assert_found(*state,
		     (struct leak){.kind = VM_EVENT_CONSOLE, .skip = 3, .other_data = true});
}

static void a_sleep_that_does_not_end_is_found(void **state)
{
	assert_found(*state, (struct leak){.kind = VM_EVENT_WAKE, .gone = true});
}

static void a_timer_that_does_not_go_off_is_found(void **state)
{
	assert_found(*state, (struct leak){.kind = VM_EVENT_TIME, .skip = 12, .gone = true});
}

static void an_answer_of_the_disk_that_differs_is_found(void **state)
{
	assert_found(*state, (struct leak){.kind = VM_LOG_ON_DISK, .skip = 1, .other_data = true});
}

/* ---- Sources of divergence: the instant ------------------------------------------------------ */

/* Lets a log be replayed but for one event, which comes in `later` after its count. */
static int replay_late(struct rig *rig, struct vm_log_record *late, uint64_t later,
		       struct gw_error *error)
{
	struct vm_replay_options options = {0};
	struct vm_event event = {.kind = (enum vm_event_kind)late->kind,
				 .count = late->count + later,
				 .id = late->id,
				 .value = late->value,
				 .data = late->data};
	struct vm_replay *replay;
	int code;

	assert_int_equal(vm_replay_open(&replay, rig->other_log, &options, NULL), 0);
	code = vm_replay_run(replay, event.count, error);
	if (code == VM_REPLAY_GOES_ON) {
		assert_int_equal(vm_machine_input(vm_replay_machine(replay), &event, NULL), 0);
		code = vm_replay_run(replay, UINT64_MAX, error);
	}
	vm_replay_close(replay);
	return code;
}

struct taken {
	unsigned kind, skip;
	bool done;
	struct vm_log_record record;
	uint8_t bytes[4096];
};

static bool take(void *context, struct vm_log_record *record)
{
	struct taken *taken = context;

	if (taken->done || record->kind != taken->kind || taken->skip-- > 0)
		return true;
	taken->done = true;
	taken->record = *record;
	if (record->data.size)
		memcpy(taken->bytes, record->data.data, record->data.size);
	taken->record.data.data = taken->bytes;
	return false;
}

/* The guest looks at each device once in a loop, so a few hundred instructions later it sees it
 * in another round. */
static void assert_instant_matters(struct rig *rig, unsigned kind)
{
	unsigned found = 0;

	rig_record(rig, 71, COUNT, true);
	for (unsigned skip = 1; skip <= 5; skip++) {
		struct taken taken = {.kind = kind, .skip = skip};
		struct gw_error error = {0};

		rig_alter(rig, take, &taken);
		assert_true(taken.done);
		/* In time it is the recorded run. */
		assert_int_equal(replay_late(rig, &taken.record, 0, &error), VM_REPLAY_ENDED);
		found += replay_late(rig, &taken.record, 400, &error) == GW_E_CORRUPT;
	}
	assert_true(found >= 3);
}

static void the_instant_of_a_frame_matters(void **state)
{
	assert_instant_matters(*state, VM_EVENT_FRAME);
}

static void the_instant_of_a_byte_typed_matters(void **state)
{
	assert_instant_matters(*state, VM_EVENT_CONSOLE);
}

static void the_instant_of_entropy_matters(void **state)
{
	assert_instant_matters(*state, VM_EVENT_ENTROPY);
}

/* Writes: their answers have no data. */
static void the_instant_of_the_disks_answer_matters(void **state)
{
	assert_instant_matters(*state, VM_EVENT_BLOCK);
}

/* ---- Sources of divergence: the host --------------------------------------------------------- */

static void the_hosts_rounding_mode_is_not_seen(void **state)
{
	static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
	uint64_t hash = rig_record(*state, 81, COUNT, true);

	for (size_t at = 0; at < 3; at++) {
		fesetround(modes[at]);
		assert_replays(*state, NULL, hash);
		fesetround(FE_TONEAREST);
	}
}

static void sizes_of_tables_are_not_seen(void **state)
{
	uint64_t hash = rig_record(*state, 82, COUNT, true);

	for (unsigned size = 1; size <= 4; size++)
		assert_replays(*state,
			       &(struct vm_replay_options){.block_instructions_max = size,
							   .translations_max = size,
							   .blocks_max = size},
			       hash);
}

/* Lets something of the host into a register the guest does not use, or into its memory. */
static void assert_leak_at(struct rig *rig, uint64_t until, void (*leak)(struct vm_cpu *cpu))
{
	struct vm_replay_options options = {0};
	struct gw_error error = {0};
	struct vm_replay *replay;

	rig_record(rig, 83, COUNT, true);
	assert_int_equal(vm_replay_open(&replay, rig->log, &options, NULL), 0);
	assert_int_equal(vm_replay_run(replay, until, NULL), VM_REPLAY_GOES_ON);
	leak(vm_machine_cpu(vm_replay_machine(replay)));
	assert_int_equal(vm_replay_run(replay, UINT64_MAX, &error), GW_E_CORRUPT);
	assert_non_null(strstr(error.text, "another run than the one recorded"));
	/* Not later than at the next hash, and it stays so. */
	assert_true(vm_replay_count(replay) <= until + rig->hash_interval);
	assert_int_equal(vm_replay_run(replay, UINT64_MAX, &error), GW_E_CORRUPT);
	vm_replay_close(replay);
}

static void assert_leak_found(struct rig *rig, void (*leak)(struct vm_cpu *cpu))
{
	assert_leak_at(rig, COUNT / 2, leak);
}

static void leak_address(struct vm_cpu *cpu)
{
	vm_cpu_set_x(cpu, 25, (uintptr_t)cpu);
}

static void leak_rounding(struct vm_cpu *cpu)
{
	fesetround(FE_UPWARD);

	volatile double one = 1, three = 3, third = one / three;
	double copy = third;
	uint64_t bits;

	fesetround(FE_TONEAREST);
	memcpy(&bits, &copy, sizeof(bits));
	vm_cpu_set_f(cpu, 20, bits);
}

static void leak_time(struct vm_cpu *cpu)
{
	vm_cpu_set_time_offset(cpu, vm_cpu_time_offset(cpu) + 1);
}

static void leak_cycle(struct vm_cpu *cpu)
{
	uint64_t cycle;

	assert_true(vm_cpu_csr(cpu, 0xb00, &cycle));
	assert_true(vm_cpu_set_csr(cpu, 0xb00, cycle + 1000));
}

static void a_host_address_in_a_register_is_found(void **state)
{
	assert_leak_found(*state, leak_address);
}

static void a_number_rounded_by_the_host_is_found(void **state)
{
	assert_leak_found(*state, leak_rounding);
}

static void the_hosts_time_in_the_time_csr_is_found(void **state)
{
	assert_leak_found(*state, leak_time);
}

static void the_hosts_cycles_in_the_cycle_csr_are_found(void **state)
{
	assert_leak_found(*state, leak_cycle);
}

static void what_differs_behind_the_last_interval_is_found(void **state)
{
	((struct rig *)*state)->hash_interval = UINT64_MAX / 2;
	assert_leak_at(*state, COUNT, leak_address);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_recorded_run_replays),
		TEST(every_build_runs_the_same),
		TEST(replay_stops_at_any_count),
		TEST(the_disk_is_never_written),
		TEST(a_log_whose_recorder_was_killed_replays_to_its_end),
		TEST(another_image_is_refused_by_name),
		TEST(time_that_differs_by_a_tick_is_found),
		TEST(entropy_that_differs_is_found),
		TEST(a_frame_that_differs_is_found),
		TEST(a_byte_typed_that_differs_is_found),
		TEST(a_sleep_that_does_not_end_is_found),
		TEST(a_timer_that_does_not_go_off_is_found),
		TEST(an_answer_of_the_disk_that_differs_is_found),
		TEST(the_instant_of_a_frame_matters),
		TEST(the_instant_of_a_byte_typed_matters),
		TEST(the_instant_of_entropy_matters),
		TEST(the_instant_of_the_disks_answer_matters),
		TEST(the_hosts_rounding_mode_is_not_seen),
		TEST(sizes_of_tables_are_not_seen),
		TEST(a_host_address_in_a_register_is_found),
		TEST(a_number_rounded_by_the_host_is_found),
		TEST(the_hosts_time_in_the_time_csr_is_found),
		TEST(the_hosts_cycles_in_the_cycle_csr_are_found),
		TEST(what_differs_behind_the_last_interval_is_found),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
