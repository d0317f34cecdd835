/* SPDX-License-Identifier: Apache-2.0 */
/* stack_test.c - stacks from a pool, and the guards under them, both kinds. */
#include "task/stack.h"

#include "support/unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TASK_STACKS = 40 };

/* The signal that ends a process which writes there; 0: none. */
static int signal_of_write(char *at)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		*(volatile char *)at = 1;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void check_guards(bool guards_by_protection)
{
	struct task_stacks stacks;
	struct task_stack first, second;

	assert_true(TASK_GUARD_BYTES >= 64 << 10); /* a frame may be as large, unseen by probes */
	assert_int_equal(task_stacks_init(&stacks, TASK_STACKS, GW_STACK_BYTES,
					  guards_by_protection, NULL), 0);
	assert_int_equal(task_stack_take(&stacks, 0, &first), 0);
	assert_int_equal(task_stack_take(&stacks, 0, &second), 0);
	for (int i = 0; i < 2; i++) {
		const struct task_stack *stack = i ? &second : &first;

		assert_true(stack->bytes >= GW_STACK_BYTES);
		assert_int_equal(signal_of_write(stack->bottom), 0);
		assert_int_equal(signal_of_write(stack->bottom + stack->bytes - 1), 0);
		assert_int_equal(signal_of_write(stack->bottom - 1), SIGSEGV);
		assert_int_equal(signal_of_write(stack->bottom - TASK_GUARD_BYTES), SIGSEGV);
		assert_true(task_stack_guards(stack, (uintptr_t)stack->bottom - 1));
		assert_true(task_stack_guards(stack,
					      (uintptr_t)stack->bottom - TASK_GUARD_BYTES));
		assert_false(task_stack_guards(stack, (uintptr_t)stack->bottom));
		assert_false(task_stack_guards(stack,
					       (uintptr_t)stack->bottom - TASK_GUARD_BYTES - 1));
	}
	task_stack_give(&stacks, &second);
	task_stack_give(&stacks, &first);
	task_stacks_done(&stacks);
}

static void a_guard_is_under_each_stack(void **state)
{
	(void)state;
	check_guards(false);
}

static void a_guard_is_there_on_old_kernels_too(void **state)
{
	(void)state;
	check_guards(true);
}

static void an_old_kernel_keeps_mappings_for_others(void **state)
{
	struct task_stacks stacks;
	struct task_stack stack;

	(void)state;
	assert_int_equal(task_stacks_init(&stacks, TASK_STACKS_PROTECTED + 1, 0, true, NULL), 0);
	for (size_t i = 0; i < TASK_STACKS_PROTECTED; i++)
		assert_int_equal(task_stack_take(&stacks, 0, &stack), 0);
	assert_int_equal(task_stack_take(&stacks, 0, &stack), GW_E_NO_MEMORY);
	task_stack_give(&stacks, &stack);
	assert_int_equal(task_stack_take(&stacks, 0, &stack), 0);
	task_stacks_done(&stacks);
}

static void stacks_are_used_again(void **state)
{
	struct task_stacks stacks;
	struct task_stack taken[TASK_STACKS], again;

	(void)state;
	assert_int_equal(task_stacks_init(&stacks, TASK_STACKS, 0, false, NULL), 0);
	for (size_t i = 0; i < TASK_STACKS; i++) {
		assert_int_equal(task_stack_take(&stacks, 0, &taken[i]), 0);
		memset(taken[i].bottom, (int)i, taken[i].bytes);
	}
	assert_int_equal(task_stack_take(&stacks, 0, &again), GW_E_NO_MEMORY);
	for (size_t i = 0; i < TASK_STACKS; i++)
		assert_int_equal(taken[i].bottom[taken[i].bytes / 2], i);
	task_stack_give(&stacks, &taken[7]);
	assert_int_equal(task_stack_take(&stacks, 0, &again), 0);
	assert_ptr_equal(again.bottom, taken[7].bottom);
	assert_int_equal(again.bytes, taken[7].bytes);
	task_stacks_done(&stacks);
	task_stacks_done(&stacks); /* there is nothing left */
}

static void a_stack_of_another_size_is_mapped_by_itself(void **state)
{
	struct task_stacks stacks;
	struct task_stack large, usual;

	(void)state;
	assert_int_equal(task_stacks_init(&stacks, 2, GW_STACK_BYTES, false, NULL), 0);
	assert_int_equal(task_stack_take(&stacks, 1 << 20, &large), 0);
	assert_true(large.bytes >= 1 << 20);
	assert_false(large.pooled);
	assert_int_equal(signal_of_write(large.bottom - 1), SIGSEGV);
	assert_int_equal(signal_of_write(large.bottom), 0);
	assert_int_equal(task_stack_take(&stacks, GW_STACK_BYTES, &usual), 0);
	assert_true(usual.pooled);
	assert_int_equal(task_stack_take(&stacks, (size_t)GW_STACK_BYTES_MAX + 1, &large),
			 GW_E_INVALID);
	task_stack_give(&stacks, &large);
	task_stack_give(&stacks, &usual);
	task_stacks_done(&stacks);
}

static void thousands_of_free_stacks_keep_one_page_each(void **state)
{
	enum { MANY = TASK_STACKS_KEPT + 8 };
	static struct task_stack taken[MANY];
	struct task_stacks stacks;

	(void)state;
	assert_int_equal(task_stacks_init(&stacks, MANY, 0, false, NULL), 0);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(task_stack_take(&stacks, 0, &taken[i]), 0);
		taken[i].bottom[0] = 1;
	}
	for (size_t i = 0; i < MANY; i++)
		task_stack_give(&stacks, &taken[i]);
	assert_int_equal(taken[TASK_STACKS_KEPT - 1].bottom[0], 1);
	assert_int_equal(taken[TASK_STACKS_KEPT].bottom[0], 0); /* given back, and new */
	assert_int_equal(stacks.free_count, MANY);
	task_stacks_done(&stacks);
}

static int take_some(void *context)
{
	struct task_stacks stacks;
	struct task_stack usual, large;
	int result = task_stacks_init(&stacks, 3, 0, false, (struct gw_error *)context);

	if (result < 0)
		return result;
	result = task_stack_take(&stacks, 0, &usual);
	if (result == 0)
		result = task_stack_take(&stacks, 1 << 20, &large);
	if (result == 0)
		task_stack_give(&stacks, &large);
	task_stacks_done(&stacks);
	return result;
}

static void addresses_that_are_short_are_told(void **state)
{
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(test_each_allocation_fails(take_some, &error), 2);
	assert_string_equal(error.text,
			    "no addresses for the stacks of 3 tasks: Cannot allocate memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guard_is_under_each_stack),
		cmocka_unit_test(a_guard_is_there_on_old_kernels_too),
		cmocka_unit_test(an_old_kernel_keeps_mappings_for_others),
		cmocka_unit_test(stacks_are_used_again),
		cmocka_unit_test(a_stack_of_another_size_is_mapped_by_itself),
		cmocka_unit_test(thousands_of_free_stacks_keep_one_page_each),
		cmocka_unit_test(addresses_that_are_short_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
