/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule_model_test.c - the scheduler against a model of the world: slots that start, work,
 * crash, hang, are killed, send late messages; records that kill whoever maps them. A small world
 * is tried in every order of events, big ones in thousands of random orders. Checked throughout: a
 * slot gets an attempt only when it waits for one, every task is committed once, exactly the bad
 * records are skipped, the job ends.
 */
#include "schedule.h"

#include "support/unit.h"

#include <stdlib.h>

enum {
	SLOTS_MAX = 6,
	MAPS_MAX = 12,
	RECORDS = 40,
	RECORD_SIZE = 7,
	STEPS_MAX = 20000,
	LIMIT_MS = 100
};

enum life { DOWN, STARTING, IDLE, BUSY };

/* What a record does to the attempt that maps it. */
enum harm { HARMLESS, FAILS, CRASHES, HANGS, IS_KILLED, HARMS };

struct model_slot {
	enum life life;
	bool kill; /* a kill is on its way */
	struct mr_attempt attempt;
	enum harm harm; /* how the attempt will end */
	struct mr_failure failure;
};

struct world {
	struct mr_schedule *schedule;
	struct mr_schedule_setup setup;
	struct model_slot slots[SLOTS_MAX];
	uint32_t commits[MR_PLACE + 1][MAPS_MAX];
	uint32_t spurious[MR_PLACE + 1][MAPS_MAX]; /* failures without reason so far */
	uint32_t spurious_max, bad_starts_left;
	bool placed[MAPS_MAX]; /* a place was added for the unit */
	enum harm harm[MAPS_MAX][RECORDS];
	bool block; /* a block map */
	bool exact; /* a record alone in its block is named */
	uint32_t units;
	uint64_t now_ms;
	bool over, failed;
	struct mr_attempt_id old[4]; /* of attempts that ended, for late messages */
	uint32_t old_count;
	/* Where choices come from: a generator, or the digits of the order that is tried. */
	uint64_t random;
	uint8_t *digits, *bases;
	uint32_t digit, digits_max;
};

static uint32_t choose(struct world *world, uint32_t count)
{
	if (world->digits) {
		assert_true(world->digit < world->digits_max);
		world->bases[world->digit] = (uint8_t)count;
		return world->digits[world->digit++];
	}
	return (uint32_t)test_pick(&world->random, count);
}

static bool chance(struct world *world, uint32_t percent)
{
	return !world->digits && choose(world, 100) < percent;
}

/* ---- What an attempt meets --------------------------------------------------------------------
 */

static bool is_skipped(const struct mr_attempt *attempt, uint64_t offset)
{
	for (uint32_t i = 0; i < attempt->skip_count; i++) {
		if (attempt->skips[i].file == attempt->task && attempt->skips[i].offset == offset)
			return true;
	}
	return false;
}

static bool is_mapped(const struct mr_attempt *attempt, uint32_t record)
{
	uint64_t offset = (uint64_t)record * RECORD_SIZE;

	if (attempt->probe && (offset < attempt->probe_from || offset >= attempt->probe_to))
		return false;
	return !is_skipped(attempt, offset);
}

/* The block around the record: all that lies between two records that are left out. */
static void name_block(const struct world *world, const struct mr_attempt *attempt, uint32_t record,
		       struct mr_failure *failure)
{
	uint32_t first = record, end = record + 1;

	while (first > 0 && is_mapped(attempt, first - 1))
		first--;
	while (end < RECORDS && is_mapped(attempt, end))
		end++;
	failure->position = (struct mr_position){attempt->task, (uint64_t)first * RECORD_SIZE};
	failure->block_size = (uint64_t)(end - first) * RECORD_SIZE;
	failure->where = end - first == 1 && world->exact ? MR_IN_RECORD : MR_IN_BLOCK;
}

static struct mr_failure failure_of(enum harm harm)
{
	switch (harm) {
	case FAILS:
		return (struct mr_failure){.cause = MR_CAUSE_CODE, .code = GW_E_USER_CODE};
	case CRASHES:
		return (struct mr_failure){.cause = MR_CAUSE_SIGNAL, .code = 11};
	default:
		return (struct mr_failure){.cause = MR_CAUSE_SIGNAL, .code = 9, .outside = true};
	}
}

/* A failure that no record is to blame for. A probe that is killed from outside names a record all
 * the same, which must not be believed; but if a record of the task does get itself killed, it
 * would be. */
static void spurious(struct world *world, struct model_slot *slot)
{
	const struct mr_attempt *attempt = &slot->attempt;

	world->spurious[attempt->kind][attempt->task]++;
	slot->harm = choose(world, 2) ? CRASHES : IS_KILLED;
	for (uint32_t i = 0; attempt->kind == MR_MAP && i < RECORDS; i++) {
		if (world->harm[attempt->task][i] == IS_KILLED)
			slot->harm = CRASHES;
	}
	slot->failure = failure_of(slot->harm);
	if (!attempt->probe || slot->harm != IS_KILLED)
		return;
	slot->failure.where = MR_IN_BLOCK;
	slot->failure.position = (struct mr_position){attempt->task, attempt->probe_from};
	slot->failure.block_size = 1;
}

/* Decides how the attempt of the slot will end. */
static void foresee(struct world *world, struct model_slot *slot)
{
	const struct mr_attempt *attempt = &slot->attempt;

	slot->harm = HARMLESS;
	if (chance(world, 10) &&
	    world->spurious[attempt->kind][attempt->task] < world->spurious_max) {
		spurious(world, slot);
		return;
	}
	for (uint32_t i = 0; attempt->kind == MR_MAP && i < RECORDS; i++) {
		enum harm harm = world->harm[attempt->task][i];

		if (harm == HARMLESS || !is_mapped(attempt, i))
			continue;
		slot->harm = harm;
		slot->failure = failure_of(harm);
		slot->failure.where = MR_IN_RECORD;
		slot->failure.position =
			(struct mr_position){attempt->task, (uint64_t)i * RECORD_SIZE};
		if (world->block)
			name_block(world, attempt, i, &slot->failure);
		return;
	}
}

/* ---- Events -----------------------------------------------------------------------------------
 */

static struct mr_attempt_id id_of(const struct mr_attempt *attempt)
{
	return (struct mr_attempt_id){attempt->kind, attempt->task, attempt->number};
}

static void remember(struct world *world, const struct mr_attempt_id *id)
{
	world->old[world->old_count++ % 4] = *id;
}

static void die(struct world *world, uint32_t number, const struct mr_failure *failure)
{
	struct model_slot *slot = &world->slots[number];
	struct mr_attempt_id id = id_of(&slot->attempt);

	if (slot->life == BUSY)
		remember(world, &id);
	slot->life = DOWN;
	slot->kill = false;
	mr_schedule_died(world->schedule, number, failure);
}

static void commit(struct world *world, uint32_t number)
{
	struct model_slot *slot = &world->slots[number];
	struct mr_attempt_id id = id_of(&slot->attempt);

	slot->life = IDLE;
	if (mr_schedule_committed(world->schedule, number, &id)) {
		assert_false(slot->attempt.probe);
		world->commits[id.kind][id.task]++;
		if (id.kind == (world->setup.map_only ? MR_MAP : MR_REDUCE) && choose(world, 2)) {
			mr_schedule_add_place(world->schedule, id.task);
			world->placed[id.task] = true;
		}
	}
	remember(world, &id);
}

static void end_attempt(struct world *world, uint32_t number)
{
	struct model_slot *slot = &world->slots[number];
	struct mr_attempt_id id = id_of(&slot->attempt);

	switch (slot->harm) {
	case HARMLESS:
		commit(world, number);
		break;
	case FAILS:
		slot->life = IDLE;
		mr_schedule_failed(world->schedule, number, &id, &slot->failure);
		remember(world, &id);
		break;
	case HANGS: /* only the time limit ends it */
		mr_schedule_watch(world->schedule, number, 1 + slot->attempt.number, world->now_ms);
		world->now_ms += LIMIT_MS / 4;
		break;
	default:
		die(world, number, &slot->failure);
	}
}

static void late_message(struct world *world)
{
	const struct mr_attempt_id *id = &world->old[choose(world, 4)];
	uint32_t slot = choose(world, world->setup.slots);
	struct mr_failure failure = failure_of(FAILS);

	if (world->old_count < 4)
		return;
	if (choose(world, 2))
		assert_false(mr_schedule_committed(world->schedule, slot, id));
	else
		assert_false(mr_schedule_failed(world->schedule, slot, id, &failure));
}

/* One thing happens to one slot. */
static void happen(struct world *world, uint32_t number)
{
	struct model_slot *slot = &world->slots[number];
	struct mr_failure killed = failure_of(IS_KILLED);

	if (slot->kill && (slot->life != BUSY || choose(world, 2))) {
		if (slot->life == BUSY && slot->harm == HANGS)
			killed = slot->failure;
		die(world, number, &killed);
	} else if (slot->life == STARTING) {
		if (world->bad_starts_left > 0 && choose(world, 2)) {
			world->bad_starts_left--;
			die(world, number, &killed);
		} else {
			slot->life = IDLE;
			mr_schedule_ready(world->schedule, number);
		}
	} else {
		end_attempt(world, number);
	}
}

static bool can_happen(const struct model_slot *slot)
{
	return slot->life == STARTING || slot->life == BUSY || slot->kill;
}

static void step(struct world *world)
{
	uint32_t able[SLOTS_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < world->setup.slots; i++) {
		if (can_happen(&world->slots[i]))
			able[count++] = i;
	}
	assert_true(count > 0); /* else the job would wait for ever */
	if (chance(world, 10))
		late_message(world);
	if (chance(world, 3))
		(void)mr_schedule_add_backup(world->schedule, MR_MAP,
					     choose(world, world->setup.maps));
	happen(world, able[choose(world, count)]);
}

/* ---- Actions ----------------------------------------------------------------------------------
 */

static void start(struct world *world, const struct mr_action *action)
{
	struct model_slot *slot = &world->slots[action->slot];

	assert_int_equal(slot->life, IDLE);
	assert_false(slot->kill);
	assert_true(action->attempt.kind != MR_SAMPLE || world->setup.sample);
	assert_int_equal(world->commits[action->attempt.kind][action->attempt.task], 0);
	slot->life = BUSY;
	slot->attempt = action->attempt;
	foresee(world, slot);
}

static void plan(struct world *world)
{
	for (uint32_t i = 0; i < world->setup.maps; i++)
		assert_int_equal(world->commits[MR_MAP][i], 1);
	assert_int_equal(mr_schedule_set_reduces(world->schedule, world->units, NULL), 0);
}

static void act(struct world *world)
{
	struct mr_action action;

	while (mr_schedule_next(world->schedule, &action) != MR_ACTION_NONE) {
		struct model_slot *slot = &world->slots[action.slot];

		assert_false(world->over);
		switch (action.kind) {
		case MR_ACTION_SPAWN:
			assert_int_equal(slot->life, DOWN);
			slot->life = STARTING;
			break;
		case MR_ACTION_KILL:
			assert_true(slot->life != DOWN && !slot->kill);
			slot->kill = true;
			break;
		case MR_ACTION_START:
			start(world, &action);
			break;
		case MR_ACTION_PLAN:
			plan(world);
			break;
		default:
			world->over = true;
			world->failed = action.kind == MR_ACTION_FAIL;
		}
	}
}

/* ---- Whole runs -------------------------------------------------------------------------------
 */

static void check_skips(const struct world *world)
{
	for (uint32_t task = 0; task < world->setup.maps; task++) {
		const struct mr_position *skips;
		uint32_t count = mr_schedule_skips(world->schedule, MR_MAP, task, &skips);
		uint32_t found = 0;

		for (uint32_t i = 0; i < RECORDS; i++) {
			if (world->harm[task][i] == HARMLESS)
				continue;
			assert_true(found < count);
			assert_int_equal(skips[found].file, task);
			assert_int_equal(skips[found].offset, (uint64_t)i * RECORD_SIZE);
			found++;
		}
		assert_int_equal(found, count);
	}
}

static void check_verdict(const struct world *world)
{
	const struct mr_verdict *verdict = mr_schedule_verdict(world->schedule);
	const struct mr_position *at = &verdict->failure.position;

	assert_false(world->setup.skip_bad_records);
	assert_int_equal(verdict->reason, MR_VERDICT_BAD_RECORD);
	assert_int_equal(verdict->failure.where, MR_IN_RECORD);
	assert_true(at->file < world->setup.maps && at->offset < RECORDS * RECORD_SIZE);
	assert_int_equal(at->offset % RECORD_SIZE, 0);
	assert_true(world->harm[at->file][at->offset / RECORD_SIZE] != HARMLESS);
}

static void run(struct world *world)
{
	int steps = 0;

	assert_int_equal(mr_schedule_new(&world->schedule, &world->setup, NULL), 0);
	act(world);
	while (!world->over) {
		assert_true(++steps < STEPS_MAX);
		step(world);
		act(world);
	}
	if (world->failed) {
		check_verdict(world);
	} else {
		check_skips(world);
		for (uint32_t i = 0; i < world->setup.maps; i++)
			assert_int_equal(world->commits[MR_MAP][i], 1);
		for (uint32_t i = 0; i < world->units; i++)
			assert_int_equal(world->commits[MR_REDUCE][i], 1);
		for (uint32_t i = 0; i < MAPS_MAX; i++)
			assert_int_equal(world->commits[MR_PLACE][i], world->placed[i]);
	}
	mr_schedule_free(world->schedule);
}

static void place_killers(struct world *world)
{
	uint32_t killers = choose(world, 5);

	for (uint32_t i = 0; i < killers; i++) {
		uint32_t map = choose(world, world->setup.maps);

		world->harm[map][choose(world, RECORDS)] = 1 + choose(world, HARMS - 1);
	}
}

static void run_random(uint64_t seed, bool skip)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->random = seed;
	world->setup = (struct mr_schedule_setup){
		.slots = 1 + choose(world, SLOTS_MAX),
		.maps = 1 + choose(world, MAPS_MAX),
		.sample = choose(world, 2),
		.map_only = choose(world, 4) == 0,
		.skip_bad_records = skip,
		.attempts = 4,
		.record_timeout_ms = LIMIT_MS,
		.only_map = -1,
	};
	world->units = world->setup.map_only ? 0 : choose(world, MAPS_MAX);
	world->spurious_max = choose(world, 2);
	world->bad_starts_left = choose(world, MR_SLOT_STARTS_MAX);
	world->block = choose(world, 2);
	world->exact = choose(world, 2);
	place_killers(world);
	run(world);
	free(world);
}

static void test_random_orders(void **unused)
{
	(void)unused;
	for (uint64_t seed = 1; seed <= 20000; seed++)
		run_random(seed, seed % 4 != 0);
}

/* Every order of events in a world of two slots and two maps, one of which has a record that
 * kills. */
static void test_every_order(void **unused)
{
	enum { DIGITS = 64 };
	uint8_t digits[DIGITS] = {0}, bases[DIGITS];
	uint32_t runs = 0, last;

	(void)unused;
	do {
		struct world *world = calloc(1, sizeof(*world));

		assert_non_null(world);
		world->setup = (struct mr_schedule_setup){.slots = 2,
							  .maps = 2,
							  .skip_bad_records = true,
							  .attempts = 2,
							  .only_map = -1};
		world->units = 1;
		world->bad_starts_left = 1;
		world->harm[1][3] = CRASHES;
		world->digits = digits;
		world->bases = bases;
		world->digits_max = DIGITS;
		run(world);
		last = world->digit;
		free(world);
		runs++;
		/* The next order: count up, the last digit first. */
		while (last > 0 && digits[last - 1] + 1 >= bases[last - 1])
			digits[--last] = 0;
		if (last > 0)
			digits[last - 1]++;
	} while (last > 0);
	assert_true(runs > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_orders),
		cmocka_unit_test(test_every_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
