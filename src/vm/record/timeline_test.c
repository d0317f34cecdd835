/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timeline_test.c - forward and back: at each count a replay is the same, however it came there.
 */
#include "rig_fixture.h"
#include "timeline.h"

#include "support/unit.h"

#include <stdlib.h>

enum { COUNT = 60000, PLACES = 60, INTERVAL = 2000 };

#define LOOP_MEMORY UINT64_C(0x80100000)

struct world {
	struct rig rig;
	struct vm_replay *replay;
	struct vm_timeline *timeline;
	struct vm_cpu *cpu;
	uint64_t hash; /* of the recording's end */
	uint64_t random;
	bool interrupt;
};

static bool interrupted(void *context)
{
	return ((struct world *)context)->interrupt;
}

static void begin(struct world *world, struct vm_timeline_options options)
{
	struct vm_replay_options none = {0};

	options.interrupted = interrupted;
	options.context = world;
	assert_int_equal(vm_replay_open(&world->replay, world->rig.log, &none, NULL), 0);
	world->cpu = vm_machine_cpu(vm_replay_machine(world->replay));
	assert_int_equal(vm_timeline_new(&world->timeline, world->replay, &options, NULL), 0);
}

static void end(struct world *world)
{
	vm_timeline_free(world->timeline);
	vm_replay_close(world->replay);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	*state = world;
	if (!world || !rig_set_up(&world->rig))
		return -1;
	world->random = 3;
	world->hash = rig_record(&world->rig, 91, COUNT, true);
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	rig_tear_down(&world->rig);
	free(world);
	return 0;
}

static uint64_t now(const struct world *world)
{
	return vm_machine_hash(vm_replay_machine(world->replay), true);
}

static void run_to_the_end(struct world *world)
{
	assert_int_equal(vm_timeline_run(world->timeline, UINT64_MAX, NULL), VM_REPLAY_ENDED);
	assert_int_equal(now(world), world->hash);
}

/* ---- Gone to --------------------------------------------------------------------------------- */

/* To counts in any order, with the hashes of a replay that went there straight; then to the end,
 * with the log's hashes. */
static void wander(struct world *world, struct vm_timeline_options options)
{
	uint64_t counts[PLACES], hashes[PLACES];

	begin(world, options);
	for (size_t at = 0; at < PLACES; at++) {
		struct vm_replay_options none = {0};
		struct vm_replay *straight;

		counts[at] = test_pick(&world->random, COUNT);
		assert_int_equal(vm_replay_open(&straight, world->rig.log, &none, NULL), 0);
		assert_int_equal(vm_replay_run(straight, counts[at], NULL), VM_REPLAY_GOES_ON);
		hashes[at] = vm_machine_hash(vm_replay_machine(straight), true);
		vm_replay_close(straight);
	}
	for (size_t at = 0; at < PLACES; at++) {
		assert_int_equal(vm_timeline_go(world->timeline, counts[at], NULL),
				 VM_REPLAY_GOES_ON);
		assert_int_equal(vm_replay_count(world->replay), counts[at]);
		assert_int_equal(now(world), hashes[at]);
		if (at % 8 == 0)
			run_to_the_end(world);
	}
	end(world);
}

static void every_count_is_the_same_from_both_sides(void **state)
{
	wander(*state, (struct vm_timeline_options){.interval = INTERVAL});
}

static void photographs_that_are_given_up_are_not_missed(void **state)
{
	wander(*state, (struct vm_timeline_options){.interval = 200, .photos_max = 9});
	wander(*state, (struct vm_timeline_options){.interval = 500, .bytes_max = 100000});
}

static void there_are_no_more_photographs_than_allowed(void **state)
{
	struct world *world = *state;

	begin(world, (struct vm_timeline_options){.interval = 100, .photos_max = 9});
	run_to_the_end(world);
	assert_in_range(vm_timeline_photos(world->timeline), 4, 9);
	assert_int_equal(vm_timeline_go(world->timeline, 0, NULL), VM_REPLAY_GOES_ON);
	assert_int_equal(vm_timeline_photos(world->timeline), 1);
	run_to_the_end(world);
	end(world);
}

static void stepping_back_and_forth_comes_to_the_same(void **state)
{
	struct world *world = *state;
	uint64_t hashes[200];

	begin(world, (struct vm_timeline_options){.interval = INTERVAL});
	for (size_t at = 0; at < 200; at++) {
		assert_int_equal(vm_timeline_go(world->timeline, 7000 + at, NULL),
				 VM_REPLAY_GOES_ON);
		hashes[at] = now(world);
	}
	for (size_t at = 200; at-- > 0;) {
		assert_int_equal(vm_timeline_go(world->timeline, 7000 + at, NULL),
				 VM_REPLAY_GOES_ON);
		assert_int_equal(now(world), hashes[at]);
	}
	run_to_the_end(world);
	end(world);
}

/* ---- Stops ----------------------------------------------------------------------------------- */

enum { HITS_MAX = 4000 };

struct hits {
	uint64_t count[HITS_MAX], pc[HITS_MAX], hash[HITS_MAX];
	size_t number;
};

static void set_stops(struct world *world, const uint64_t *address, const struct vm_watch *watch)
{
	assert_int_equal(vm_cpu_set_stops(world->cpu, address, address ? 1 : 0, watch,
					  watch ? 1 : 0, NULL),
			 0);
}

/* All hits on the way to the end. */
static void collect(struct world *world, struct hits *hits)
{
	hits->number = 0;
	while (vm_timeline_run(world->timeline, UINT64_MAX, NULL) == VM_REPLAY_HIT) {
		assert_true(hits->number < HITS_MAX);
		hits->count[hits->number] = vm_replay_count(world->replay);
		hits->pc[hits->number] = vm_cpu_pc(world->cpu);
		hits->hash[hits->number++] = now(world);
	}
	assert_int_equal(now(world), world->hash);
}

static void breaks_are_met_backwards_as_they_were_forwards(void **state)
{
	struct world *world = *state;
	struct hits *hits = malloc(sizeof(*hits));
	struct vm_hit hit;
	uint64_t address;

	/* Any place where the guest is from time to time. */
	begin(world, (struct vm_timeline_options){.interval = INTERVAL});
	assert_int_equal(vm_timeline_go(world->timeline, 5000, NULL), VM_REPLAY_GOES_ON);
	address = vm_cpu_pc(world->cpu);
	set_stops(world, &address, NULL);
	collect(world, hits);
	assert_true(hits->number > 20);
	for (size_t at = hits->number; at-- > 0;) {
		assert_int_equal(vm_timeline_back(world->timeline, &hit, NULL), VM_REPLAY_HIT);
		assert_int_equal(hit.kind, VM_HIT_BREAK);
		assert_int_equal(vm_replay_count(world->replay), hits->count[at]);
		assert_int_equal(vm_cpu_pc(world->cpu), address);
		assert_int_equal(now(world), hits->hash[at]);
	}
	/* It was met before it was set, too. */
	while (vm_timeline_back(world->timeline, &hit, NULL) == VM_REPLAY_HIT)
		assert_int_equal(vm_cpu_pc(world->cpu), address);
	assert_int_equal(vm_replay_count(world->replay), 0);
	while (vm_timeline_run(world->timeline, UINT64_MAX, NULL) == VM_REPLAY_HIT)
		continue;
	assert_int_equal(now(world), world->hash);
	end(world);
	free(hits);
}

static void a_watch_is_met_backwards_behind_its_access(void **state)
{
	const struct vm_watch watch = {LOOP_MEMORY, 1 << 20, 2};
	struct world *world = *state;
	struct hits *hits = malloc(sizeof(*hits));
	struct vm_hit hit;

	begin(world, (struct vm_timeline_options){.interval = INTERVAL});
	set_stops(world, NULL, &watch);
	collect(world, hits);
	assert_true(hits->number > 20);
	for (size_t at = hits->number; at-- > 0;) {
		assert_int_equal(vm_timeline_back(world->timeline, &hit, NULL), VM_REPLAY_HIT);
		assert_int_equal(hit.kind, VM_HIT_WRITE);
		assert_int_equal(vm_replay_count(world->replay), hits->count[at] + 1);
		/* From there the access is undone by a step. */
		assert_int_equal(vm_timeline_go(world->timeline, hits->count[at], NULL),
				 VM_REPLAY_GOES_ON);
		assert_int_equal(vm_cpu_pc(world->cpu), hits->pc[at]);
		assert_int_equal(now(world), hits->hash[at]);
	}
	assert_int_equal(vm_timeline_back(world->timeline, &hit, NULL), VM_REPLAY_GOES_ON);
	assert_int_equal(vm_replay_count(world->replay), 0);
	end(world);
	free(hits);
}

static void a_run_is_interrupted(void **state)
{
	struct world *world = *state;
	struct vm_hit hit;

	begin(world, (struct vm_timeline_options){.interval = INTERVAL});
	world->interrupt = true;
	assert_int_equal(vm_timeline_run(world->timeline, UINT64_MAX, NULL), VM_REPLAY_GOES_ON);
	assert_int_equal(vm_replay_count(world->replay), INTERVAL);
	assert_int_equal(vm_timeline_run(world->timeline, UINT64_MAX, NULL), VM_REPLAY_GOES_ON);
	assert_int_equal(vm_timeline_run(world->timeline, UINT64_MAX, NULL), VM_REPLAY_GOES_ON);
	assert_int_equal(vm_timeline_back(world->timeline, &hit, NULL), VM_REPLAY_GOES_ON);
	assert_int_equal(vm_replay_count(world->replay), 2 * INTERVAL);
	world->interrupt = false;
	run_to_the_end(world);
	end(world);
}

/* What a debugger wrote is another run; it is forgotten by going back. */
static void what_was_changed_is_undone_by_going_back(void **state)
{
	struct world *world = *state;

	begin(world, (struct vm_timeline_options){.interval = INTERVAL});
	assert_int_equal(vm_timeline_go(world->timeline, 9000, NULL), VM_REPLAY_GOES_ON);
	vm_cpu_set_x(world->cpu, 8, vm_cpu_x(world->cpu, 8) + 1);
	assert_int_equal(vm_timeline_run(world->timeline, UINT64_MAX, NULL), GW_E_CORRUPT);
	assert_int_equal(vm_timeline_go(world->timeline, 8999, NULL), VM_REPLAY_GOES_ON);
	run_to_the_end(world);
	end(world);
}

static int there_and_back(void *context)
{
	struct world *world = context;
	struct vm_timeline_options options = {.interval = INTERVAL, .photos_max = 6};
	int code;

	code = vm_timeline_new(&world->timeline, world->replay, &options, NULL);
	if (code < 0)
		return code;
	code = vm_timeline_run(world->timeline, 9 * INTERVAL, NULL);
	if (code >= 0)
		code = vm_timeline_go(world->timeline, INTERVAL + 1, NULL);
	vm_timeline_free(world->timeline);
	return code < 0 ? code : 0;
}

static void memory_that_lacks_is_said(void **state)
{
	struct world *world = *state;
	const struct vm_replay_options none = {0};
	uint64_t number = 0;
	bool failed;

	do {
		int code;

		assert_int_equal(vm_replay_open(&world->replay, world->rig.log, &none, NULL), 0);
		test_fail_allocation(++number);
		code = there_and_back(world);
		failed = test_allocation_failed();
		test_fail_allocation(0);
		assert_int_equal(code, failed ? GW_E_NO_MEMORY : 0);
		vm_replay_close(world->replay);
	} while (failed);
	assert_true(number > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(every_count_is_the_same_from_both_sides),
		TEST(photographs_that_are_given_up_are_not_missed),
		TEST(there_are_no_more_photographs_than_allowed),
		TEST(stepping_back_and_forth_comes_to_the_same),
		TEST(breaks_are_met_backwards_as_they_were_forwards),
		TEST(a_watch_is_met_backwards_behind_its_access),
		TEST(a_run_is_interrupted),
		TEST(what_was_changed_is_undone_by_going_back),
		TEST(memory_that_lacks_is_said),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
