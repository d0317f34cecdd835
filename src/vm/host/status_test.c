/* SPDX-License-Identifier: Apache-2.0 */
/* status_test.c - what a machine tells of itself, written, read and made a line of. */
#include "vm/host/status.h"

#include "support/unit.h"

static const struct vm_status some = {.paused = true,
				      .instructions = UINT64_MAX,
				      .ticks = 2,
				      .exits = 3,
				      .events = 4,
				      .memory = 5,
				      .log = 6,
				      .lost = 7};

static void what_is_written_is_read(void **state)
{
	char text[VM_STATUS_TEXT_BYTES];
	struct vm_status again;

	(void)state;
	vm_status_write(&some, text);
	assert_string_equal(text, "state paused\ninstructions 18446744073709551615\nticks 2\n"
				  "exits 3\nevents 4\nmemory 5\nlog 6\nlost 7\n");
	assert_int_equal(vm_status_read(gw_string(text), &again, NULL), 0);
	assert_memory_equal(&again, &some, sizeof(some));
}

/* A machine of another version may say more, or less. */
static void unknown_names_are_passed_over(void **state)
{
	struct vm_status status;

	(void)state;
	assert_int_equal(vm_status_read(gw_string("state running\nwarmth high\nevents 9\n"),
					&status, NULL), 0);
	assert_int_equal(status.events, 9);
	assert_int_equal(status.instructions, 0);
	assert_false(status.paused);
	assert_int_equal(vm_status_read((struct gw_bytes){NULL, 0}, &status, NULL), 0);
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const char *const wrong[] = {
		"state", "state running", "state asleep\n", "events\n", "events \n", "events x\n",
		"events -1\n", "events 18446744073709551616\n", "\n",
	};
	struct vm_status status;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(vm_status_read(gw_string(wrong[i]), &status, NULL),
				 GW_E_CORRUPT);
}

static void a_line_says_how_fast_it_goes(void **state)
{
	const struct vm_status before = {.instructions = 1000000000, .exits = 10, .events = 5,
					 .log = 1000};
	const struct vm_status after = {.instructions = 1300000000, .ticks = 25000000, .exits = 510,
					.events = 6, .log = 126000};
	struct vm_status idle = after;
	char line[VM_STATUS_LINE_BYTES];

	(void)state;
	vm_status_line(&before, &after, 500000000, line);
	assert_string_equal(line, "running, 2.5 s of its time, 1300 M instructions, 600.0 MIPS, "
				  "1000 exits/s, 2 events/s, log 2.000 Mbit/s");
	idle.paused = true;
	idle.log = 0;
	vm_status_line(&after, &idle, 1, line);
	assert_string_equal(line, "paused, 2.5 s of its time, 1300 M instructions, 0.0 MIPS, "
				  "0 exits/s, 0 events/s");
}

static void the_longest_line_has_room(void **state)
{
	const struct vm_status none = {0};
	struct vm_status most = some;
	char line[VM_STATUS_LINE_BYTES];

	(void)state;
	most.ticks = most.exits = most.events = most.log = UINT64_MAX;
	vm_status_line(&none, &most, 1, line);
	assert_in_range(strlen(line), 1, VM_STATUS_LINE_BYTES - 1);
}

static int no_line(void *context, const char *line)
{
	(void)context, (void)line;
	fail_msg("a line of no machine");
	return 0;
}

static void where_none_runs_there_is_nothing_to_watch(void **state)
{
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(vm_status_watch("/nowhere", no_line, NULL, &error), GW_E_NOT_FOUND);
	assert_non_null(strstr(error.text, "/nowhere"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(unknown_names_are_passed_over),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(a_line_says_how_fast_it_goes),
		cmocka_unit_test(the_longest_line_has_room),
		cmocka_unit_test(where_none_runs_there_is_nothing_to_watch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
