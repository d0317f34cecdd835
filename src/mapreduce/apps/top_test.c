/* SPDX-License-Identifier: Apache-2.0 */
/* top_test.c - the greatest few of many, against sorting all of them. */
#include "top.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

static void assert_item(const struct mr_top *top, size_t at, const char *text, int64_t number)
{
	assert_string_equal(top->items[at].text, text);
	assert_int_equal(top->items[at].size, strlen(text));
	assert_true(top->items[at].number == number);
}

static void test_equal_numbers_by_bytes(void **state)
{
	struct mr_top top = {.max = 3};
	static const char *const texts[] = {"d", "b", "e", "a", "c", ""};

	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(mr_top_add(&top, gw_string(texts[i]), 7, NULL), 0);
	assert_int_equal(mr_top_add(&top, gw_string("z"), 8, NULL), 0);
	assert_int_equal(mr_top_add(&top, gw_string("a"), 6, NULL), 0);
	mr_top_sort(&top);
	assert_int_equal(top.count, 3);
	assert_item(&top, 0, "z", 8);
	assert_item(&top, 1, "", 7);
	assert_item(&top, 2, "a", 7);
	mr_top_done(&top);
}

static void test_greatest_of_many(void **state)
{
	enum { MANY = 5000, MAX = 100 };
	struct mr_top top = {.max = MAX};
	char text[16];

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < MANY; i++) {
			int number = (int)((int64_t)i * 2654435761 % MANY); /* each once */

			snprintf(text, sizeof(text), "%d", number);
			assert_int_equal(mr_top_add(&top, gw_string(text), number - MANY / 2, NULL),
					 0);
		}
		mr_top_sort(&top);
		assert_int_equal(top.count, MAX);
		for (int i = 0; i < MAX; i++) {
			snprintf(text, sizeof(text), "%d", MANY - 1 - i);
			assert_item(&top, (size_t)i, text, MANY - 1 - i - MANY / 2);
		}
		mr_top_clear(&top);
	}
	mr_top_done(&top);
}

static void test_fewer_than_asked_for(void **state)
{
	struct mr_top top = {.max = 10}, none = {.max = 0};

	(void)state;
	mr_top_sort(&top);
	assert_int_equal(top.count, 0);
	assert_int_equal(mr_top_add(&top, gw_string("x"), INT64_MIN, NULL), 0);
	mr_top_sort(&top);
	assert_int_equal(top.count, 1);
	assert_item(&top, 0, "x", INT64_MIN);
	mr_top_done(&top);
	assert_int_equal(mr_top_add(&none, gw_string("x"), 1, NULL), 0);
	assert_int_equal(none.count, 0);
	mr_top_done(&none);
}

static int add_some(void *context)
{
	struct mr_top top = {.max = 2};
	int code = 0;

	(void)context;
	for (int i = 0; code == 0 && i < 6; i++)
		code = mr_top_add(&top, gw_string("text"), i, NULL);
	mr_top_done(&top);
	return code;
}

static void test_memory_may_run_out(void **state)
{
	(void)state;
	assert_int_equal(test_each_allocation_fails(add_some, NULL), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_numbers_by_bytes),
		cmocka_unit_test(test_greatest_of_many),
		cmocka_unit_test(test_fewer_than_asked_for),
		cmocka_unit_test(test_memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
