/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_test.c - one member alone, on a real disk: what was answered is there ever after. Clusters
 * are in src/sim/replog_*_scenario.c.
 */
#include "machine_fixture.h"

#include "base/little_endian.h"
#include "replog/store.h"
#include "task/loop.h"

#include "support/unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PROPOSERS = 32 };

struct place {
	char top[64];
	char data[80];
	struct machine_state machine;
	struct replog_options options;
	struct replog *log;
	int failures; /* options.failed was called */
};

static void note_failed(void *context, const struct gw_error *error)
{
	struct machine_state *machine = context;

	assert_int_equal(error->code, GW_E_IO);
	((struct place *)machine->context)->failures++;
}

static void begin(struct place *place)
{
	*place = (struct place){.options = {.segment_bytes = 64 << 10, .failed = note_failed}};
	snprintf(place->top, sizeof place->top, "/tmp/replog-test-XXXXXX");
	assert_non_null(mkdtemp(place->top));
	snprintf(place->data, sizeof place->data, "%s/data", place->top);
	place->options.directory = place->data;
	place->machine.context = place;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static void finish(struct place *place)
{
	assert_null(place->log);
	assert_null(place->machine.wrong);
	machine_state_done(&place->machine);
	assert_int_equal(nftw(place->top, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* A new life: the machine has forgotten all. */
static void open_log(struct place *place)
{
	struct gw_error error = {0};

	machine_state_done(&place->machine);
	place->machine.context = place;
	if (replog_open(&place->log, &place->options, &machine_fixture, &place->machine,
			&error) < 0 ||
	    replog_start(place->log, &error) < 0)
		fail_msg("%s", error.text);
}

static void close_log(struct place *place)
{
	replog_stop(place->log, gw_after_ms(10000));
	replog_free(place->log);
	place->log = NULL;
}

/* Its place among all proposals. */
static uint64_t put(struct place *place, const char *text)
{
	struct replog_result result;
	struct gw_error error = {0};
	uint64_t count;

	if (replog_propose(place->log, gw_string(text), GW_FOREVER, &result, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(result.reply.size, 8);
	assert_true(result.index > 0 && result.wall_ms > 0);
	count = base_load64(result.reply.data);
	base_buffer_done(&result.reply);
	return count;
}

static void assert_entry(struct place *place, uint64_t n, const char *text)
{
	struct gw_bytes bytes = machine_entry(&place->machine, n);

	assert_int_equal(gw_bytes_compare(bytes, gw_string(text)), 0);
}

static void run(int (*test)(struct place *place))
{
	struct place place;
	struct gw_error error = {0};

	begin(&place);
	if (gw_run((gw_task_function *)(void *)test, &place, NULL, &error) < 0)
		fail_msg("%s", error.text);
	finish(&place);
}

/* ---- Tests ---------------------------------------------------------------------------------- */

static int answered(struct place *place)
{
	struct replog_state state;
	uint64_t index;

	open_log(place);
	replog_state(place->log, &state);
	assert_int_equal(state.role, REPLOG_LEADER);
	assert_true(state.ready);
	assert_int_equal(put(place, "one"), 1);
	assert_int_equal(put(place, "two"), 2);
	assert_entry(place, 1, "two");
	/* One alone has nobody to ask, so it does not wait. */
	assert_int_equal(replog_read_barrier(place->log, GW_AT_ONCE, &index, NULL), 0);
	replog_state(place->log, &state);
	assert_int_equal(index, state.applied);
	close_log(place);
	open_log(place);
	assert_int_equal(place->machine.count, 2);
	assert_int_equal(place->machine.restores, 0);
	assert_int_equal(put(place, ""), 3);
	assert_entry(place, 0, "one");
	close_log(place);
	return 0;
}

static void what_was_answered_is_there_after_a_restart(void **state)
{
	(void)state;
	run(answered);
}

static int propose_one(void *argument)
{
	struct place *place = argument;

	for (int i = 0; i < 10; i++)
		(void)put(place, "text");
	return 0;
}

static int many(struct place *place)
{
	struct gw_group group = {0};
	uint64_t runs;

	open_log(place);
	runs = place->machine.runs;
	for (int i = 0; i < PROPOSERS; i++)
		assert_int_equal(gw_spawn(&group, propose_one, place, NULL), 0);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	assert_int_equal(place->machine.count, 10 * PROPOSERS);
	/* They share writes: 10 would be the least. */
	assert_true(place->machine.runs - runs < 5 * PROPOSERS);
	assert_int_equal(replog_read_barrier(place->log, GW_FOREVER, NULL, NULL), 0);
	close_log(place);
	return 0;
}

static void many_proposals_share_a_write(void **state)
{
	(void)state;
	run(many);
}

static int snapshots(struct place *place)
{
	struct replog_state state;
	struct gw_error error = {0};

	place->options.snapshot_bytes = 1 << 20;
	place->options.keep_entries = 10;
	open_log(place);
	for (int i = 0; i < 500; i++)
		(void)put(place, "some text that is not short");
	if (replog_snapshot(place->log, &error) < 0)
		fail_msg("%s", error.text);
	replog_state(place->log, &state);
	assert_int_equal(state.snapshot, state.applied);
	assert_int_equal(put(place, "behind it"), 501);
	close_log(place);
	open_log(place);
	assert_int_equal(place->machine.restores, 1);
	assert_int_equal(place->machine.count, 501);
	assert_entry(place, 500, "behind it");
	/* By itself, when there is enough since the last one. */
	while (place->machine.freezes == 0)
		(void)put(place, "some text that is very much longer than what came before: "
				 "longer than a line and a half, at least, to come to an end");
	close_log(place);
	return 0;
}

static void a_snapshot_takes_the_place_of_the_log(void **state)
{
	(void)state;
	run(snapshots);
}

static void no_finding(void *context, const char *sentence)
{
	(void)context;
	fail_msg("%s", sentence);
}

/* Where the entries on the disk begin after a snapshot at the last of many. */
static uint64_t first_after_snapshot(struct place *place, uint64_t *last)
{
	struct replog_check_report report;
	struct gw_error error = {0};

	place->options.segment_bytes = REPLOG_SEGMENT_BYTES_MIN;
	open_log(place);
	for (int i = 0; i < 200; i++)
		(void)put(place, "some text that is not short");
	if (replog_snapshot(place->log, &error) < 0)
		fail_msg("%s", error.text);
	close_log(place);
	if (replog_check(place->data, no_finding, NULL, &report, &error) < 0)
		fail_msg("%s", error.text);
	*last = report.last_index;
	return report.first_index;
}

/* A segment of the least size has fifteen commits, and one of each two is removed late. */
enum { TWO_SEGMENTS = 2 * REPLOG_SEGMENT_BYTES_MIN / 512, TEXT_COST = 27 + 9 + RAFT_ENTRY_COST };

static int keeps_bytes(struct place *place)
{
	uint64_t first, last;

	place->options.keep_bytes = 20 * TEXT_COST;
	first = first_after_snapshot(place, &last);
	assert_in_range(first, last - 20 - TWO_SEGMENTS, last - 19);
	return 0;
}

static int keeps_all(struct place *place)
{
	uint64_t last;

	place->options.keep_bytes = 1000 * TEXT_COST;
	assert_int_equal(first_after_snapshot(place, &last), 1);
	return 0;
}

static void the_disk_keeps_what_the_core_keeps(void **state)
{
	(void)state;
	run(keeps_bytes);
	run(keeps_all);
}

static int limits(struct place *place)
{
	struct replog_result result;
	struct gw_error error = {0};
	struct replog *second;
	void *large = calloc(1, REPLOG_ENTRY_BYTES_MAX + 1);

	assert_non_null(large);
	open_log(place);
	assert_int_equal(replog_propose(place->log,
					(struct gw_bytes){large, REPLOG_ENTRY_BYTES_MAX + 1},
					GW_FOREVER, &result, &error), GW_E_TOO_LARGE);
	assert_int_equal(replog_propose(place->log,
					(struct gw_bytes){large, REPLOG_ENTRY_BYTES_MAX},
					GW_FOREVER, &result, &error), 0);
	base_buffer_done(&result.reply);
	free(large);
	assert_int_equal(replog_open(&second, &place->options, &machine_fixture, &place->machine,
				     &error), GW_E_BUSY);
	assert_int_equal(replog_propose(place->log, gw_string("x"), GW_AT_ONCE, &result, &error),
			 GW_E_TIMEOUT);
	close_log(place);
	return 0;
}

static void limits_are_kept(void **state)
{
	(void)state;
	run(limits);
}

static int propose_refused(void *argument)
{
	struct place *place = argument;
	struct replog_result result;
	int code = replog_propose(place->log, gw_string("x"), GW_FOREVER, &result, NULL);

	base_buffer_done(&result.reply);
	return code;
}

static int overloaded(struct place *place)
{
	struct gw_group group = {0};

	place->options.proposals_max = 3;
	open_log(place);
	for (int i = 0; i < 4; i++)
		assert_int_equal(gw_spawn(&group, propose_refused, place, NULL), 0);
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), GW_E_OVERLOADED);
	assert_int_equal(place->machine.count, 3);
	close_log(place);
	return 0;
}

static void too_many_are_refused(void **state)
{
	(void)state;
	run(overloaded);
}

static int broken(struct place *place)
{
	struct replog_result result;
	struct replog_state state;
	struct gw_error error = {0};

	open_log(place);
	assert_int_equal(put(place, "one"), 1);
	place->machine.fail_at = 2;
	assert_int_equal(replog_propose(place->log, gw_string("two"), GW_FOREVER, &result, &error),
			 GW_E_OUTCOME_UNKNOWN);
	assert_int_equal(replog_propose(place->log, gw_string("3"), GW_FOREVER, &result, &error),
			 GW_E_IO);
	assert_non_null(strstr(error.text, "the machine is broken"));
	assert_int_equal(replog_read_barrier(place->log, GW_FOREVER, NULL, &error), GW_E_IO);
	replog_state(place->log, &state);
	assert_int_equal(state.role, REPLOG_FAILED);
	assert_int_equal(place->failures, 1);
	close_log(place);
	place->machine.in_run = false;
	open_log(place);
	assert_int_equal(place->machine.count, 2);
	close_log(place);
	return 0;
}

static void a_broken_machine_steps_aside(void **state)
{
	(void)state;
	run(broken);
}

static int freed(struct place *place)
{
	struct gw_group group = {0};

	open_log(place);
	for (int i = 0; i < 3; i++)
		assert_int_equal(gw_spawn(&group, propose_refused, place, NULL), 0);
	assert_int_equal(gw_yield(), 0);
	replog_free(place->log);
	place->log = NULL;
	assert_true(gw_group_wait(&group, GW_FOREVER) <= 0);
	return 0;
}

static void those_who_wait_are_told_of_the_end(void **state)
{
	(void)state;
	run(freed);
}

/* All tasks are cancelled, those of the log too; who is shielded asks all the same. */
static int cancelled(struct place *place)
{
	struct replog_result result;
	struct gw_error error = {0};

	open_log(place);
	task_loop_cancel(task_loop());
	gw_shield_begin();
	for (int i = 0; i < 10; i++)
		assert_int_equal(gw_yield(), 0);
	assert_int_equal(replog_propose(place->log, gw_string("late"), GW_FOREVER, &result,
					&error), GW_E_CANCELLED);
	assert_non_null(strstr(error.text, "the log is closed"));
	gw_shield_end();
	replog_free(place->log);
	place->log = NULL;
	return 0;
}

static void a_shielded_proposal_is_told_when_all_is_cancelled(void **state)
{
	(void)state;
	run(cancelled);
}

static int membership(struct place *place)
{
	struct replog_member members[RAFT_MEMBERS_MAX];
	struct gw_error error = {0};
	uint64_t id, other;

	place->options.address = "127.0.0.1:1";
	open_log(place);
	assert_int_equal(replog_members(place->log, members), 1);
	assert_true(members[0].votes && members[0].leads);
	assert_int_equal(replog_member_add(place->log, "127.0.0.1:1", false, GW_FOREVER, &id,
					   &error), GW_E_EXISTS);
	assert_int_equal(replog_member_add(place->log, "127.0.0.1:2", true, GW_FOREVER, &id,
					   &error), 0);
	/* It never learnt its id, and comes again. */
	assert_int_equal(replog_member_add(place->log, "127.0.0.1:2", true, GW_FOREVER, &other,
					   &error), 0);
	assert_true(other > id);
	assert_int_equal(replog_members(place->log, members), 2);
	assert_true(members[1].id == other && members[1].standby && !members[1].votes);
	assert_int_equal(replog_member_remove(place->log, id, GW_FOREVER, &error),
			 GW_E_NOT_FOUND);
	assert_int_equal(replog_member_remove(place->log, 1, GW_FOREVER, &error), GW_E_INVALID);
	assert_int_equal(replog_member_replace(place->log, other, "127.0.0.1:3", GW_FOREVER, &id,
					       &error), 0);
	assert_int_equal(replog_member_remove(place->log, id, GW_FOREVER, &error), 0);
	assert_int_equal(put(place, "still here"), 1);
	close_log(place);
	return 0;
}

static void members_come_and_go(void **state)
{
	(void)state;
	run(membership);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_answered_is_there_after_a_restart),
		cmocka_unit_test(many_proposals_share_a_write),
		cmocka_unit_test(a_snapshot_takes_the_place_of_the_log),
		cmocka_unit_test(the_disk_keeps_what_the_core_keeps),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(too_many_are_refused),
		cmocka_unit_test(a_broken_machine_steps_aside),
		cmocka_unit_test(those_who_wait_are_told_of_the_end),
		cmocka_unit_test(a_shielded_proposal_is_told_when_all_is_cancelled),
		cmocka_unit_test(members_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
