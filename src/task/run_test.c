/* SPDX-License-Identifier: Apache-2.0 */
/* run_test.c - gw_run: results, what is left behind, deadlocks, overflows, very many tasks. */
#include "task/announce.h"
#include "task/child_fixture.h"
#include "task/stack.h"

#include <groundwork/task.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static const struct gw_run_options quiet = {.without_deadlock_report = true};

static int return_it(void *argument)
{
	return *(int *)argument;
}

static void the_result_is_that_of_the_first_task(void **state)
{
	static const int results[] = {0, 7, GW_E_CORRUPT, GW_E_DEADLOCK};
	struct gw_error error = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		int result = results[i];

		assert_int_equal(gw_run(return_it, &result, NULL, &error), result);
	}
	assert_int_equal(error.code, 0); /* the first task's result is no failure of gw_run */
}

struct left {
	struct gw_group group;
	int ended, cancelled;
};

static int stay(void *argument)
{
	struct left *left = argument;
	int result = gw_sleep_ms(1000000);

	left->ended++;
	left->cancelled += result == GW_E_CANCELLED;
	return result;
}

static int leave_some_behind(void *argument)
{
	for (int i = 0; i < 5; i++)
		assert_int_equal(gw_spawn(NULL, stay, argument, NULL), 0);
	assert_int_equal(gw_yield(), 0);
	return 3;
}

static void tasks_left_behind_are_cancelled_and_joined(void **state)
{
	struct left left = {0};

	(void)state;
	assert_int_equal(gw_run(leave_some_behind, &left, NULL, NULL), 3);
	assert_int_equal(left.ended, 5);
	assert_int_equal(left.cancelled, 5);
}

/* ---- Deadlocks ------------------------------------------------------------------------------- */

/* Waits for a group that the waiting task itself is in. */
static int wait_in_vain(void *argument)
{
	struct left *left = argument;
	int result = gw_group_wait(&left->group, GW_FOREVER);

	left->ended++;
	left->cancelled += result == GW_E_CANCELLED;
	return result;
}

static int tie_a_knot(void *argument)
{
	struct left *left = argument;
	struct gw_spawn_options options = {.name = "knot"};

	left->group.name = "each other";
	for (int i = 0; i < 3; i++)
		assert_int_equal(gw_spawn(&left->group, wait_in_vain, left, &options), 0);
	return gw_group_done(&left->group);
}

static int wait_for_a_knot(void *argument)
{
	struct left *left = argument;
	struct gw_spawn_options options = {.name = "knot"};

	left->group.name = "each other";
	for (int i = 0; i < 3; i++)
		assert_int_equal(gw_spawn(&left->group, wait_in_vain, left, &options), 0);
	return gw_group_wait(&left->group, GW_FOREVER);
}

static void a_deadlock_is_found_and_all_tasks_give_back(void **state)
{
	struct left left = {0};
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(gw_run(wait_for_a_knot, &left, &quiet, &error), GW_E_DEADLOCK);
	assert_int_equal(left.ended, 3);
	assert_int_equal(left.cancelled, 3);
	assert_int_equal(error.code, GW_E_DEADLOCK);
}

static int wait_in_a_shield(void *argument)
{
	gw_shield_begin();
	(void)wait_in_vain(argument);
	gw_shield_end();
	return 0;
}

static int shield_a_knot(void *argument)
{
	struct left *left = argument;

	assert_int_equal(gw_spawn(&left->group, wait_in_a_shield, left, NULL), 0);
	return gw_group_wait(&left->group, GW_FOREVER);
}

static void a_deadlock_in_shields_is_dropped(void **state)
{
	struct left left = {0};

	(void)state;
	assert_int_equal(gw_run(shield_a_knot, &left, &quiet, NULL), GW_E_DEADLOCK);
	assert_int_equal(left.ended, 0); /* it never came out */
}

static void cancelling_makes_no_deadlock_of_a_knot(void **state)
{
	struct left left = {0};

	(void)state;
	assert_int_equal(gw_run(tie_a_knot, &left, &quiet, NULL), 0);
	assert_int_equal(left.cancelled, 3);
}

static void a_deadlock_is_reported_task_by_task(void **state)
{
	static const char *const alone[] = {NULL};
	struct child *child = calloc(1, sizeof(*child));
	const char *at = child->errors;
	int knots = 0; /* each followed by its stack */

	(void)state;
	run_child(child, alone, "deadlock");
	assert_true(WIFEXITED(child->status));
	assert_int_equal(WEXITSTATUS(child->status), -GW_E_DEADLOCK);
	assert_said(child, "deadlock: 4 tasks wait and nothing can wake them\n");
	assert_said(child, "task \"main\" waits for all tasks of group \"each other\"\n");
	while ((at = strstr(at, "task \"knot\" waits for all tasks of group")) != NULL) {
		const char *next = strstr(at, "\ntask ");
		const char *frame = strstr(at, "    wait_in_vain+0x");

		assert_true(frame && (!next || frame < next));
		at = strchr(at, '\n');
		knots++;
	}
	assert_int_equal(knots, 3);
	free(child);
}

/* ---- Overflow -------------------------------------------------------------------------------- */

static int go_deeper(void *argument)
{
	volatile char room[3000];

	room[0] = (char)(argument != NULL);
	room[sizeof(room) - 1] = room[0];
	if (room[0] > 1) /* never, but that is not to be seen */
		return 0;
	return go_deeper((void *)(uintptr_t)&room[1]) + room[sizeof(room) - 1];
}

static int start_the_deep_one(void *argument)
{
	struct gw_spawn_options options = {.name = "deep diver"};
	struct gw_group group = {0};

	(void)argument;
	assert_int_equal(gw_spawn(&group, go_deeper, NULL, &options), 0);
	return gw_group_wait(&group, GW_FOREVER);
}

static void an_overflow_of_the_stack_names_the_task(void **state)
{
	static const char *const alone[] = {NULL};
	struct child *child = calloc(1, sizeof(*child));

	(void)state;
	run_child(child, alone, "overflow");
	assert_said(child, "stack overflow in task deep diver: it has ");
	assert_true(WIFSIGNALED(child->status));
	assert_int_equal(WTERMSIG(child->status), SIGSEGV);
	free(child);
}

static void another_fault_is_not_taken_for_an_overflow(void **state)
{
	static const char *const alone[] = {NULL};
	struct child *child = calloc(1, sizeof(*child));

	(void)state;
	run_child(child, alone, "fault");
	assert_false(WIFEXITED(child->status) && WEXITSTATUS(child->status) == 0);
	assert_null(strstr(child->errors, "stack overflow in task"));
	free(child);
}

static int write_nowhere(void *argument)
{
	volatile char *volatile nowhere = (char *)argument + 16;

	*nowhere = 1;
	return 0;
}

/* ---- Very many ------------------------------------------------------------------------------- */

static size_t resident_bytes(void)
{
	unsigned long all = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu %lu", &all, &resident), 2);
	fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* The pages that the kernel needs to know where the others are count, too. */
static size_t page_table_bytes(void)
{
	char line[256];
	unsigned long kib = 0;
	FILE *file = fopen("/proc/self/status", "r");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "VmPTE: %lu", &kib) == 1)
			break;
	fclose(file);
	return (size_t)kib << 10;
}

static int live_together(void *argument)
{
	size_t count = *(size_t *)argument, before = resident_bytes() + page_table_bytes(), after;
	struct left left = {0};

	for (size_t i = 0; i < count; i++)
		assert_int_equal(gw_spawn(&left.group, stay, &left, NULL), 0);
	assert_int_equal(gw_yield(), 0);
	after = resident_bytes() + page_table_bytes();
	if (TASK_STACK_FACTOR == 1)
		assert_true((after - before) / count <= 6 << 10);
	assert_int_equal(gw_group_done(&left.group), 0);
	assert_int_equal(left.cancelled, count);
	return 0;
}

static void a_hundred_thousand_tasks_take_6_kib_each(void **state)
{
	size_t count = TASK_TSAN ? 500 : TASK_ASAN ? 5000 : 100000;

	(void)state;
	if (!task_stacks_have_guard_pages() && count > 20000)
		count = 20000; /* an older kernel has room for no more */
	assert_int_equal(gw_run(live_together, &count, NULL, NULL), 0);
}

/* ---- Allocations ----------------------------------------------------------------------------- */

static int do_little(void *argument)
{
	struct gw_group group = {0};
	int result = gw_spawn(&group, return_it, argument, NULL);
	int failed = gw_group_done(&group);

	return result < 0 ? result : failed;
}

static int run_it(void *context)
{
	return gw_run(do_little, context, NULL, NULL);
}

static void a_run_without_memory_says_so(void **state)
{
	int zero = 0;

	(void)state;
	assert_true(test_each_allocation_fails(run_it, &zero) >= 3);
}

static int start_a_thread(void *argument)
{
	struct gw_thread *thread;
	int result = gw_thread_start(&thread, return_it, argument, NULL, NULL), other;

	if (result == 0)
		result = gw_thread_join(thread, &other, GW_FOREVER);
	return result < 0 ? result : other;
}

static int run_with_a_thread(void *context)
{
	return gw_run(start_a_thread, context, NULL, NULL);
}

static void a_thread_without_memory_says_so(void **state)
{
	int zero = 0;

	(void)state;
	assert_true(test_each_allocation_fails(run_with_a_thread, &zero) >= 6);
}

static int start_within_a_limit(void *argument)
{
	struct left left = {0};

	(void)argument;
	for (int i = 0; i < 100; i++)
		if (gw_spawn(&left.group, stay, &left, NULL) < 0)
			return GW_E_FAILED;
	return gw_group_done(&left.group);
}

static void a_limit_on_addresses_leaves_room_for_tasks(void **state)
{
	static const char *const limited[] = {"prlimit", "--as=4000000000", NULL};
	struct child *child;

	(void)state;
	if (TASK_ASAN || TASK_TSAN) /* these take more addresses than any limit */
		return;
	child = calloc(1, sizeof(*child));
	run_child(child, limited, "within");
	assert_string_equal(child->errors, "");
	assert_true(WIFEXITED(child->status));
	assert_int_equal(WEXITSTATUS(child->status), 0);
	free(child);
}

/* What a child does wrong. */
static int misbehave(const char *what)
{
	struct left left = {0};

	if (strcmp(what, "deadlock") == 0)
		return -gw_run(wait_for_a_knot, &left, NULL, NULL);
	if (strcmp(what, "overflow") == 0)
		return -gw_run(start_the_deep_one, NULL, NULL, NULL);
	if (strcmp(what, "within") == 0)
		return -gw_run(start_within_a_limit, NULL, NULL, NULL);
	return -gw_run(write_nowhere, NULL, NULL, NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_result_is_that_of_the_first_task),
		cmocka_unit_test(tasks_left_behind_are_cancelled_and_joined),
		cmocka_unit_test(a_deadlock_is_found_and_all_tasks_give_back),
		cmocka_unit_test(a_deadlock_in_shields_is_dropped),
		cmocka_unit_test(cancelling_makes_no_deadlock_of_a_knot),
		cmocka_unit_test(a_deadlock_is_reported_task_by_task),
		cmocka_unit_test(an_overflow_of_the_stack_names_the_task),
		cmocka_unit_test(another_fault_is_not_taken_for_an_overflow),
		cmocka_unit_test(a_hundred_thousand_tasks_take_6_kib_each),
		cmocka_unit_test(a_run_without_memory_says_so),
		cmocka_unit_test(a_thread_without_memory_says_so),
		cmocka_unit_test(a_limit_on_addresses_leaves_room_for_tasks),
	};

	if (argc == 2)
		return misbehave(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
