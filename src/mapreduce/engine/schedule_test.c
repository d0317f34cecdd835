/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule_test.c - short stories: each tells the scheduler what happened and reads what it wants
 * done. Orders of events nobody thought of are the business of schedule_model_test.c.
 */
#include "schedule.h"

#include "support/allocation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct mr_schedule *make(struct mr_schedule_setup setup)
{
	struct mr_schedule *schedule;
	struct gw_error error = {0};

	if (setup.attempts == 0)
		setup.attempts = 4;
	if (setup.only_map == 0)
		setup.only_map = -1;
	assert_int_equal(mr_schedule_new(&schedule, &setup, &error), 0);
	return schedule;
}

static void expect(struct mr_schedule *schedule, enum mr_action_kind kind, struct mr_action *action)
{
	assert_int_equal(mr_schedule_next(schedule, action), kind);
	assert_int_equal(action->kind, kind);
}

static void expect_nothing(struct mr_schedule *schedule)
{
	struct mr_action action;

	expect(schedule, MR_ACTION_NONE, &action);
}

static void spawn(struct mr_schedule *schedule, uint32_t slot)
{
	struct mr_action action;

	expect(schedule, MR_ACTION_SPAWN, &action);
	assert_int_equal(action.slot, slot);
	mr_schedule_ready(schedule, slot);
}

static struct mr_attempt_id started(struct mr_schedule *schedule, uint32_t slot,
				    enum mr_task_kind kind, uint32_t task, uint32_t number)
{
	struct mr_action action;

	expect(schedule, MR_ACTION_START, &action);
	assert_int_equal(action.slot, slot);
	assert_int_equal(action.attempt.kind, kind);
	assert_int_equal(action.attempt.task, task);
	assert_int_equal(action.attempt.number, number);
	return (struct mr_attempt_id){kind, task, number};
}

static void commit(struct mr_schedule *schedule, uint32_t slot, struct mr_attempt_id id)
{
	assert_true(mr_schedule_committed(schedule, slot, &id));
}

static struct mr_failure in_record(uint32_t file, uint64_t offset)
{
	return (struct mr_failure){.cause = MR_CAUSE_CODE,
				   .code = GW_E_USER_CODE,
				   .where = MR_IN_RECORD,
				   .position = {file, offset}};
}

static void expect_verdict(struct mr_schedule *schedule, enum mr_verdict_reason reason)
{
	struct mr_action action;

	expect(schedule, MR_ACTION_FAIL, &action);
	assert_int_equal(mr_schedule_verdict(schedule)->reason, reason);
	expect_nothing(schedule);
	assert_int_equal(mr_schedule_phase(schedule), MR_PHASE_OVER);
}

static void test_a_whole_job(void **unused)
{
	struct mr_schedule *schedule =
		make((struct mr_schedule_setup){.slots = 2, .maps = 2, .sample = true});
	struct mr_attempt_id sample, one, two;
	struct mr_action action;

	(void)unused;
	spawn(schedule, 0);
	sample = started(schedule, 0, MR_SAMPLE, 0, 0);
	spawn(schedule, 1); /* for the maps that follow */
	expect_nothing(schedule);
	commit(schedule, 0, sample);
	one = started(schedule, 0, MR_MAP, 0, 0);
	two = started(schedule, 1, MR_MAP, 1, 0);
	expect_nothing(schedule);
	commit(schedule, 1, two);
	expect_nothing(schedule);
	commit(schedule, 0, one);
	expect(schedule, MR_ACTION_PLAN, &action);
	expect_nothing(schedule);
	assert_int_equal(mr_schedule_set_reduces(schedule, 2, NULL), 0);
	one = started(schedule, 0, MR_REDUCE, 0, 0);
	two = started(schedule, 1, MR_REDUCE, 1, 0);
	commit(schedule, 0, one);
	mr_schedule_add_place(schedule, 0);
	one = started(schedule, 0, MR_PLACE, 0, 0);
	commit(schedule, 1, two);
	expect_nothing(schedule);
	commit(schedule, 0, one);
	expect(schedule, MR_ACTION_DONE, &action);
	expect_nothing(schedule);
	mr_schedule_free(schedule);
}

static void test_nothing_to_map(void **unused)
{
	struct mr_schedule *schedule = make((struct mr_schedule_setup){.slots = 4});
	struct mr_action action;

	(void)unused;
	expect(schedule, MR_ACTION_PLAN, &action);
	assert_int_equal(mr_schedule_set_reduces(schedule, 0, NULL), 0);
	expect(schedule, MR_ACTION_DONE, &action);
	mr_schedule_free(schedule);
}

static void test_no_more_slots_than_tasks(void **unused)
{
	struct mr_schedule *schedule = make((struct mr_schedule_setup){.slots = 8, .maps = 1});

	(void)unused;
	spawn(schedule, 0);
	started(schedule, 0, MR_MAP, 0, 0);
	expect_nothing(schedule);
	mr_schedule_free(schedule);
}

static void test_places_go_before_maps(void **unused)
{
	struct mr_schedule *schedule =
		make((struct mr_schedule_setup){.slots = 1, .maps = 2, .map_only = true});
	struct mr_attempt_id id;
	struct mr_action action;

	(void)unused;
	spawn(schedule, 0);
	commit(schedule, 0, started(schedule, 0, MR_MAP, 0, 0));
	mr_schedule_add_place(schedule, 0);
	commit(schedule, 0, started(schedule, 0, MR_PLACE, 0, 0));
	id = started(schedule, 0, MR_MAP, 1, 0);
	commit(schedule, 0, id);
	mr_schedule_add_place(schedule, 1);
	commit(schedule, 0, started(schedule, 0, MR_PLACE, 1, 0));
	expect(schedule, MR_ACTION_DONE, &action);
	mr_schedule_free(schedule);
}

static void test_a_failed_sample_is_dropped(void **unused)
{
	struct mr_schedule *schedule =
		make((struct mr_schedule_setup){.slots = 1, .maps = 1, .sample = true});
	struct mr_failure failure = {.cause = MR_CAUSE_CODE, .code = GW_E_CORRUPT};
	struct mr_attempt_id id;

	(void)unused;
	spawn(schedule, 0);
	id = started(schedule, 0, MR_SAMPLE, 0, 0);
	assert_true(mr_schedule_failed(schedule, 0, &id, &failure));
	started(schedule, 0, MR_MAP, 0, 0);
	mr_schedule_free(schedule);
}

static void test_a_failed_task_is_tried_again_first(void **unused)
{
	struct mr_schedule *schedule = make((struct mr_schedule_setup){.slots = 1, .maps = 3});
	struct mr_failure failure = {.cause = MR_CAUSE_SIGNAL, .code = 9, .outside = true};

	(void)unused;
	spawn(schedule, 0);
	started(schedule, 0, MR_MAP, 0, 0);
	mr_schedule_died(schedule, 0, &failure);
	spawn(schedule, 0);
	commit(schedule, 0, started(schedule, 0, MR_MAP, 0, 1));
	started(schedule, 0, MR_MAP, 1, 0);
	mr_schedule_free(schedule);
}

static void test_too_many_failures_end_the_job(void **unused)
{
	struct mr_schedule *schedule =
		make((struct mr_schedule_setup){.slots = 1, .maps = 1, .attempts = 3});

	(void)unused;
	spawn(schedule, 0);
	for (uint32_t i = 0; i < 3; i++) {
		struct mr_attempt_id id = started(schedule, 0, MR_MAP, 0, i);
		struct mr_failure failure = in_record(0, 100 + i); /* each time elsewhere */

		assert_true(mr_schedule_failed(schedule, 0, &id, &failure));
	}
	expect_verdict(schedule, MR_VERDICT_ATTEMPTS);
	assert_int_equal(mr_schedule_verdict(schedule)->id.number, 2);
	assert_int_equal(mr_schedule_verdict(schedule)->failure.position.offset, 102);
	mr_schedule_free(schedule);
}

static void test_errors_that_cannot_be_mended(void **unused)
{
	static const int final[] = {GW_E_NO_SPACE,  GW_E_CORRUPT,    GW_E_TRUNCATED,
				    GW_E_NOT_FOUND, GW_E_DENIED,     GW_E_TOO_LARGE,
				    GW_E_VERSION,   GW_E_UNSUPPORTED};

	(void)unused;
	for (size_t i = 0; i < sizeof(final) / sizeof(final[0]); i++) {
		struct mr_schedule *schedule =
			make((struct mr_schedule_setup){.slots = 1, .maps = 9});
		struct mr_failure failure = {.cause = MR_CAUSE_CODE, .code = final[i]};
		struct mr_attempt_id id;

		spawn(schedule, 0);
		id = started(schedule, 0, MR_MAP, 0, 0);
		assert_true(mr_schedule_failed(schedule, 0, &id, &failure));
		expect_verdict(schedule, MR_VERDICT_ERROR);
		mr_schedule_free(schedule);
	}
}

static void test_a_bad_record_ends_the_job(void **unused)
{
	struct mr_schedule *schedule = make((struct mr_schedule_setup){.slots = 1, .maps = 1});
	struct mr_failure failure = in_record(2, 77);

	(void)unused;
	spawn(schedule, 0);
	for (uint32_t i = 0; i < 2; i++) {
		struct mr_attempt_id id = started(schedule, 0, MR_MAP, 0, i);

		assert_true(mr_schedule_failed(schedule, 0, &id, &failure));
	}
	expect_verdict(schedule, MR_VERDICT_BAD_RECORD);
	assert_int_equal(mr_schedule_verdict(schedule)->failure.position.file, 2);
	assert_int_equal(mr_schedule_verdict(schedule)->failure.position.offset, 77);
	mr_schedule_free(schedule);
}

static void fail_twice_at(struct mr_schedule *schedule, uint64_t offset)
{
	for (uint32_t i = 0; i < 2; i++) {
		struct mr_failure failure = in_record(0, offset);
		struct mr_action action;
		struct mr_attempt_id id;

		expect(schedule, MR_ACTION_START, &action);
		id = (struct mr_attempt_id){action.attempt.kind, action.attempt.task,
					    action.attempt.number};
		assert_true(mr_schedule_failed(schedule, action.slot, &id, &failure));
	}
}

static void test_bad_records_are_skipped_in_order(void **unused)
{
	struct mr_schedule *schedule =
		make((struct mr_schedule_setup){.slots = 1, .maps = 1, .skip_bad_records = true});
	const struct mr_position *skips;
	struct mr_action action;

	(void)unused;
	spawn(schedule, 0);
	fail_twice_at(schedule, 900);
	fail_twice_at(schedule, 30);
	fail_twice_at(schedule, 500);
	expect(schedule, MR_ACTION_START, &action);
	assert_int_equal(action.attempt.skip_count, 3);
	assert_int_equal(action.attempt.skips[0].offset, 30);
	assert_int_equal(action.attempt.skips[1].offset, 500);
	assert_int_equal(action.attempt.skips[2].offset, 900);
	assert_int_equal(mr_schedule_skips(schedule, MR_MAP, 0, &skips), 3);
	assert_int_equal(skips[2].offset, 900);
	mr_schedule_free(schedule);
}

static void test_too_many_bad_records(void **unused)
{
	struct mr_schedule *schedule =
		make((struct mr_schedule_setup){.slots = 1, .maps = 1, .skip_bad_records = true});

	(void)unused;
	spawn(schedule, 0);
	for (uint64_t i = 0; i <= MR_SKIPS_MAX; i++)
		fail_twice_at(schedule, i * 10);
	expect_verdict(schedule, MR_VERDICT_SKIPS);
	mr_schedule_free(schedule);
}

static void test_a_skip_that_does_not_help(void **unused)
{
	struct mr_schedule *schedule =
		make((struct mr_schedule_setup){.slots = 1, .maps = 1, .skip_bad_records = true});

	(void)unused;
	spawn(schedule, 0);
	for (int i = 0; i < 3; i++) /* the worker does not leave the record out */
		fail_twice_at(schedule, 40);
	expect_verdict(schedule, MR_VERDICT_ATTEMPTS);
	mr_schedule_free(schedule);
}

static void test_a_record_that_takes_too_long(void **unused)
{
	struct mr_schedule *schedule =
		make((struct mr_schedule_setup){.slots = 1, .maps = 1, .record_timeout_ms = 100});
	struct mr_failure death = {.cause = MR_CAUSE_SIGNAL,
				   .code = 9,
				   .outside = true,
				   .where = MR_IN_RECORD,
				   .position = {0, 5}};
	struct mr_action action;

	(void)unused;
	spawn(schedule, 0);
	for (uint32_t i = 0; i < 2; i++) {
		started(schedule, 0, MR_MAP, 0, i);
		mr_schedule_watch(schedule, 0, 7, 1000);
		mr_schedule_watch(schedule, 0, 8, 1090); /* it moves on */
		mr_schedule_watch(schedule, 0, 8, 1189);
		expect_nothing(schedule);
		mr_schedule_watch(schedule, 0, 8, 1190);
		expect(schedule, MR_ACTION_KILL, &action);
		assert_true(mr_schedule_timed_out(schedule, 0));
		mr_schedule_watch(schedule, 0, 8, 2000);
		expect_nothing(schedule);
		mr_schedule_died(schedule, 0, &death);
		if (i == 0)
			spawn(schedule, 0);
	}
	expect_verdict(schedule, MR_VERDICT_BAD_RECORD);
	assert_int_equal(mr_schedule_verdict(schedule)->failure.cause, MR_CAUSE_TIMEOUT);
	mr_schedule_free(schedule);
}

static void test_no_time_limit_outside_user_code(void **unused)
{
	struct mr_schedule *schedule =
		make((struct mr_schedule_setup){.slots = 1, .maps = 1, .record_timeout_ms = 10});

	(void)unused;
	spawn(schedule, 0);
	started(schedule, 0, MR_MAP, 0, 0);
	for (uint64_t now = 0; now < 1000; now += 100)
		mr_schedule_watch(schedule, 0, 0, now);
	expect_nothing(schedule);
	mr_schedule_free(schedule);
}

static void test_committed_before_the_kill_arrived(void **unused)
{
	struct mr_schedule *schedule =
		make((struct mr_schedule_setup){.slots = 1, .maps = 2, .record_timeout_ms = 10});
	struct mr_failure death = {.cause = MR_CAUSE_SIGNAL, .code = 9, .outside = true};
	struct mr_attempt_id id;
	struct mr_action action;

	(void)unused;
	spawn(schedule, 0);
	id = started(schedule, 0, MR_MAP, 0, 0);
	mr_schedule_watch(schedule, 0, 1, 0);
	mr_schedule_watch(schedule, 0, 1, 10);
	expect(schedule, MR_ACTION_KILL, &action);
	commit(schedule, 0, id);  /* was on its way: it counts */
	expect_nothing(schedule); /* nothing is sent to a slot that is about to die */
	mr_schedule_died(schedule, 0, &death);
	spawn(schedule, 0);
	started(schedule, 0, MR_MAP, 1, 0);
	mr_schedule_free(schedule);
}

static void test_the_first_of_two_attempts_wins(void **unused)
{
	struct mr_schedule *schedule = make((struct mr_schedule_setup){.slots = 2, .maps = 2});
	struct mr_failure death = {.cause = MR_CAUSE_SIGNAL, .code = 9, .outside = true};
	struct mr_attempt_id first, backup;
	struct mr_action action;

	(void)unused;
	spawn(schedule, 0);
	first = started(schedule, 0, MR_MAP, 0, 0);
	spawn(schedule, 1);
	commit(schedule, 1, started(schedule, 1, MR_MAP, 1, 0));
	assert_false(mr_schedule_add_backup(schedule, MR_MAP, 1));
	assert_true(mr_schedule_add_backup(schedule, MR_MAP, 0));
	backup = started(schedule, 1, MR_MAP, 0, 1);
	commit(schedule, 1, backup);
	expect(schedule, MR_ACTION_PLAN, &action);
	expect(schedule, MR_ACTION_KILL, &action);
	assert_int_equal(action.slot, 0);
	assert_false(mr_schedule_committed(schedule, 0, &first));
	mr_schedule_died(schedule, 0, &death);
	assert_int_equal(mr_schedule_set_reduces(schedule, 0, NULL), 0);
	expect(schedule, MR_ACTION_DONE, &action);
	mr_schedule_free(schedule);
}

static void test_a_loser_may_fail_as_it_likes(void **unused)
{
	struct mr_schedule *schedule = make((struct mr_schedule_setup){.slots = 2, .maps = 2});
	struct mr_failure full = {.cause = MR_CAUSE_CODE, .code = GW_E_NO_SPACE};
	struct mr_attempt_id first;
	struct mr_action action;

	(void)unused;
	spawn(schedule, 0);
	first = started(schedule, 0, MR_MAP, 0, 0);
	spawn(schedule, 1);
	commit(schedule, 1, started(schedule, 1, MR_MAP, 1, 0));
	assert_true(mr_schedule_add_backup(schedule, MR_MAP, 0));
	commit(schedule, 1, started(schedule, 1, MR_MAP, 0, 1));
	assert_true(mr_schedule_failed(schedule, 0, &first, &full));
	expect(schedule, MR_ACTION_PLAN, &action);
	mr_schedule_free(schedule);
}

static void test_late_messages_are_ignored(void **unused)
{
	struct mr_schedule *schedule = make((struct mr_schedule_setup){.slots = 1, .maps = 1});
	struct mr_failure failure = in_record(0, 1);
	struct mr_attempt_id old, now;

	(void)unused;
	spawn(schedule, 0);
	old = started(schedule, 0, MR_MAP, 0, 0);
	mr_schedule_died(schedule, 0, &failure);
	assert_false(mr_schedule_committed(schedule, 0, &old));
	spawn(schedule, 0);
	assert_false(mr_schedule_committed(schedule, 0, &old));
	now = started(schedule, 0, MR_MAP, 0, 1);
	assert_false(mr_schedule_committed(schedule, 0, &old));
	assert_false(mr_schedule_failed(schedule, 0, &old, &failure));
	commit(schedule, 0, now);
	assert_false(mr_schedule_committed(schedule, 0, &now));
	mr_schedule_free(schedule);
}

static void test_slots_that_never_get_ready(void **unused)
{
	struct mr_schedule *schedule = make((struct mr_schedule_setup){.slots = 2, .maps = 9});
	struct mr_failure failure = {.cause = MR_CAUSE_EXIT, .code = 1};

	(void)unused;
	for (int i = 0; i < 2 * MR_SLOT_STARTS_MAX; i++) {
		struct mr_action action;

		expect(schedule, MR_ACTION_SPAWN, &action);
		mr_schedule_died(schedule, action.slot, &failure);
	}
	expect_verdict(schedule, MR_VERDICT_SLOTS);
	mr_schedule_free(schedule);
}

static void test_one_map_alone(void **unused)
{
	struct mr_schedule *schedule =
		make((struct mr_schedule_setup){.slots = 4, .maps = 20, .only_map = 17});
	struct mr_action action;

	(void)unused;
	spawn(schedule, 0);
	commit(schedule, 0, started(schedule, 0, MR_MAP, 17, 0));
	expect(schedule, MR_ACTION_DONE, &action);
	mr_schedule_free(schedule);
}

static void test_reduces_that_are_left_out(void **unused)
{
	struct mr_schedule *schedule = make((struct mr_schedule_setup){.slots = 1});
	struct mr_action action;
	uint32_t tasks, done;

	(void)unused;
	expect(schedule, MR_ACTION_PLAN, &action);
	assert_int_equal(mr_schedule_set_reduces(schedule, 3, NULL), 0);
	mr_schedule_drop_reduce(schedule, 0);
	mr_schedule_drop_reduce(schedule, 2);
	spawn(schedule, 0);
	commit(schedule, 0, started(schedule, 0, MR_REDUCE, 1, 0));
	expect(schedule, MR_ACTION_DONE, &action);
	mr_schedule_count(schedule, MR_REDUCE, &tasks, &done);
	assert_int_equal(tasks, done);
	mr_schedule_free(schedule);
}

static int make_and_free(void *context)
{
	struct mr_schedule_setup setup = {.slots = 2, .maps = 5, .attempts = 1, .only_map = -1};
	struct mr_schedule *schedule;
	struct gw_error error = {0};
	int code = mr_schedule_new(&schedule, &setup, &error);

	(void)context;
	if (code == 0)
		mr_schedule_free(schedule);
	return code;
}

static void test_no_memory(void **unused)
{
	(void)unused;
	assert_true(test_each_allocation_fails(make_and_free, NULL) >= 4);
}

static void test_no_memory_for_a_failure(void **unused)
{
	struct mr_schedule *schedule = make((struct mr_schedule_setup){.slots = 1, .maps = 1});
	struct mr_failure failure = in_record(0, 1);
	struct mr_attempt_id id;

	(void)unused;
	spawn(schedule, 0);
	id = started(schedule, 0, MR_MAP, 0, 0);
	test_fail_allocation(1);
	assert_true(mr_schedule_failed(schedule, 0, &id, &failure));
	test_fail_allocation(0);
	expect_verdict(schedule, MR_VERDICT_MEMORY);
	mr_schedule_free(schedule);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_whole_job),
		cmocka_unit_test(test_nothing_to_map),
		cmocka_unit_test(test_no_more_slots_than_tasks),
		cmocka_unit_test(test_places_go_before_maps),
		cmocka_unit_test(test_a_failed_sample_is_dropped),
		cmocka_unit_test(test_a_failed_task_is_tried_again_first),
		cmocka_unit_test(test_too_many_failures_end_the_job),
		cmocka_unit_test(test_errors_that_cannot_be_mended),
		cmocka_unit_test(test_a_bad_record_ends_the_job),
		cmocka_unit_test(test_bad_records_are_skipped_in_order),
		cmocka_unit_test(test_too_many_bad_records),
		cmocka_unit_test(test_a_skip_that_does_not_help),
		cmocka_unit_test(test_a_record_that_takes_too_long),
		cmocka_unit_test(test_no_time_limit_outside_user_code),
		cmocka_unit_test(test_committed_before_the_kill_arrived),
		cmocka_unit_test(test_the_first_of_two_attempts_wins),
		cmocka_unit_test(test_a_loser_may_fail_as_it_likes),
		cmocka_unit_test(test_late_messages_are_ignored),
		cmocka_unit_test(test_slots_that_never_get_ready),
		cmocka_unit_test(test_one_map_alone),
		cmocka_unit_test(test_reduces_that_are_left_out),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_no_memory_for_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
