/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools_test.c - the tools that look for mistakes find them inside tasks: the address, leak and
 * thread sanitizers in the builds that have them, valgrind in the others. The program runs itself
 * with a planted bug and reads what the tool says of it.
 */
#include "task/announce.h"
#include "task/child_fixture.h"

#include <groundwork/task.h>

#include <stdlib.h>

static const char *const no_tool[] = {NULL};

/* ---- What is planted ------------------------------------------------------------------------- */

/* Hides from the compiler what is wrong with a pointer. */
static __attribute__((noinline)) char *launder(char *pointer)
{
	__asm__ volatile("" : "+r"(pointer));
	return pointer;
}

/* A byte beyond a variable on the task's stack, after switches. */
static __attribute__((noinline)) int write_beyond_the_stack(void *argument)
{
	char room[24];
	char *at = launder(room);

	(void)argument;
	(void)gw_yield();
	at[24] = 1;
	(void)gw_yield();
	return room[3] == 99;
}

static __attribute__((noinline)) int read_freed_memory(void *argument)
{
	char *memory = calloc(1, 100);
	char *at = launder(memory);

	(void)argument;
	(void)gw_yield();
	free(memory);
	(void)gw_yield();
	return at[5];
}

static __attribute__((noinline)) int lose_memory(void *argument)
{
	(void)argument;
	return *launder(calloc(1, 1234));
}

static __attribute__((noinline)) int branch_on_nothing(void *argument)
{
	char room[24];
	char *at = launder(room);

	(void)argument;
	(void)gw_yield();
	return at[7] == 3 ? gw_yield() : 0;
}

static int counter;

static __attribute__((noinline)) int count_without_a_lock(void *argument)
{
	(void)argument;
	for (int i = 0; i < 100; i++) {
		counter++;
		if (gw_sleep_until(gw_now_ns() + 1000) < 0)
			break;
	}
	return 0;
}

static int count_in_two_loops(void *argument)
{
	struct gw_thread *thread;

	if (gw_thread_start(&thread, count_without_a_lock, argument, NULL, NULL) < 0)
		return GW_E_FAILED;
	(void)count_without_a_lock(NULL);
	return gw_thread_join(thread, NULL, GW_FOREVER);
}

static int count_in_one_loop(void *argument)
{
	struct gw_group group = {0};

	for (int i = 0; i < 3; i++)
		(void)gw_spawn(&group, count_without_a_lock, argument, NULL);
	return gw_group_wait(&group, GW_FOREVER);
}

/* A task that keeps memory only it knows of, while the leak sanitizer looks. */
static int keep_memory(void *argument)
{
	char *volatile memory = malloc(4321);
	int result = gw_sleep_ms(1000000);

	(void)argument;
	free(memory);
	return result;
}

static int look_for_leaks(void *argument)
{
	struct gw_group group = {0};
	int found = 0;

	(void)argument;
	for (int i = 0; i < 3; i++)
		(void)gw_spawn(&group, keep_memory, NULL, NULL);
	(void)gw_yield();
#if TASK_ASAN
	found = __lsan_do_recoverable_leak_check();
#endif
	return gw_group_done(&group) == 0 ? found : GW_E_FAILED;
}

static const struct {
	const char *name;
	gw_task_function *function;
} bugs[] = {
	{"beyond", write_beyond_the_stack}, {"freed", read_freed_memory},
	{"lost", lose_memory},              {"nothing", branch_on_nothing},
	{"race", count_in_two_loops},       {"no-race", count_in_one_loop},
	{"no-leak", look_for_leaks},
};

static int run_in_a_task_of_its_own(void *argument)
{
	struct gw_group group = {0};
	struct gw_spawn_options options = {.name = "planted"};

	(void)gw_spawn(&group, (gw_task_function *)argument, NULL, &options);
	return gw_group_wait(&group, GW_FOREVER);
}

static int misbehave(const char *name)
{
	for (size_t i = 0; i < sizeof(bugs) / sizeof(bugs[0]); i++)
		if (strcmp(bugs[i].name, name) == 0)
			return -gw_run(run_in_a_task_of_its_own, (void *)bugs[i].function, NULL,
				       NULL);
	return 2;
}

/* ---- What is found --------------------------------------------------------------------------- */

static void expect(const char *const *tool, const char *bug, const char *first, const char *second)
{
	struct child *child = calloc(1, sizeof(*child));

	run_child(child, tool, bug);
	if (first) {
		assert_said(child, first);
		assert_said(child, second);
	} else if (!WIFEXITED(child->status) || WEXITSTATUS(child->status) != 0) {
		fail_msg("%s: status %d\n%s", bug, child->status, child->errors);
	}
	free(child);
}

static void the_address_sanitizer_sees_a_tasks_stack(void **state)
{
	(void)state;
	expect(no_tool, "beyond", "stack-buffer-overflow", "write_beyond_the_stack");
}

static void the_address_sanitizer_sees_freed_memory_in_a_task(void **state)
{
	(void)state;
	expect(no_tool, "freed", "heap-use-after-free", "read_freed_memory");
}

static void the_leak_sanitizer_sees_what_a_task_lost(void **state)
{
	(void)state;
	expect(no_tool, "lost", "1234 byte(s) leaked", "lose_memory");
}

static void what_a_suspended_task_has_is_not_lost(void **state)
{
	(void)state;
	expect(no_tool, "no-leak", NULL, NULL);
}

static void the_thread_sanitizer_sees_a_race_of_two_loops(void **state)
{
	(void)state;
	expect(no_tool, "race", "data race", "count_without_a_lock");
}

static void the_thread_sanitizer_sees_no_race_in_one_loop(void **state)
{
	(void)state;
	expect(no_tool, "no-race", NULL, NULL);
}

static const char *const valgrind[] = {"valgrind", "--quiet", "--error-exitcode=9",
				       "--leak-check=full", NULL};

static void valgrind_sees_freed_memory_in_a_task(void **state)
{
	(void)state;
	expect(valgrind, "freed", "Invalid read of size 1", "100 free'd");
}

static void valgrind_sees_a_variable_without_a_value(void **state)
{
	(void)state;
	expect(valgrind, "nothing", "depends on uninitialised value", "branch_on_nothing");
}

static void valgrind_finds_nothing_in_switches(void **state)
{
	(void)state;
	expect(valgrind, "no-race", NULL, NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest address[] = {
		cmocka_unit_test(the_address_sanitizer_sees_a_tasks_stack),
		cmocka_unit_test(the_address_sanitizer_sees_freed_memory_in_a_task),
		cmocka_unit_test(the_leak_sanitizer_sees_what_a_task_lost),
		cmocka_unit_test(what_a_suspended_task_has_is_not_lost),
	};
	const struct CMUnitTest threads[] = {
		cmocka_unit_test(the_thread_sanitizer_sees_a_race_of_two_loops),
		cmocka_unit_test(the_thread_sanitizer_sees_no_race_in_one_loop),
	};
	const struct CMUnitTest plain[] = {
		cmocka_unit_test(valgrind_sees_freed_memory_in_a_task),
		cmocka_unit_test(valgrind_sees_a_variable_without_a_value),
		cmocka_unit_test(valgrind_finds_nothing_in_switches),
	};

	if (argc == 2)
		return misbehave(argv[1]);
	if (TASK_ASAN)
		return cmocka_run_group_tests(address, NULL, NULL);
	if (TASK_TSAN)
		return cmocka_run_group_tests(threads, NULL, NULL);
	return cmocka_run_group_tests(plain, NULL, NULL);
}
