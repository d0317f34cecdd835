/* SPDX-License-Identifier: Apache-2.0 */
#include "columns.h"

#include "support/allocation.h"

#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect_column(const char *line, uint8_t separator, uint32_t column, const char *wanted)
{
	struct mr_scratch scratch = {0};
	struct gw_bytes field;
	struct gw_error error = {0};

	assert_int_equal(mr_column(gw_string(line), separator, column, &scratch, &field, &error),
			 0);
	assert_int_equal(field.size, strlen(wanted));
	if (field.size)
		assert_memory_equal(field.data, wanted, field.size);
	mr_scratch_done(&scratch);
}

static void plain_columns(void **state)
{
	(void)state;
	expect_column("a\tbc\t\td", '\t', 1, "a");
	expect_column("a\tbc\t\td", '\t', 2, "bc");
	expect_column("a\tbc\t\td", '\t', 3, "");
	expect_column("a\tbc\t\td", '\t', 4, "d");
	expect_column("a\tbc\t\td", '\t', 5, "");
	expect_column("a\tbc\t\td", '\t', UINT32_MAX, "");
	expect_column("a\tbc", '\t', 0, "");
	expect_column("", '\t', 1, "");
	expect_column("\t", '\t', 2, "");
	expect_column("\xff\x80;x", ';', 1, "\xff\x80");
}

static void only_csv_has_quotes(void **state)
{
	(void)state;
	expect_column("\"a\tb\"\tc", '\t', 1, "\"a");
	expect_column("a\tb\r", '\t', 2, "b\r");
	expect_column("\"a,b\",c", ',', 1, "a,b");
	expect_column("\"a,b\",c", ',', 2, "c");
}

static void csv_quotes(void **state)
{
	(void)state;
	expect_column("x,\"say \"\"hi\"\", you\",y", ',', 2, "say \"hi\", you");
	expect_column("x,\"say \"\"hi\"\", you\",y", ',', 3, "y");
	expect_column("\"\",b", ',', 1, "");
	expect_column("\"\"\"\",b", ',', 1, "\"");
	expect_column("\"two\nlines\",b", ',', 1, "two\nlines");
	/* Quotes inside a field that does not begin with one are letters. */
	expect_column("5\" disk,b", ',', 1, "5\" disk");
	expect_column("5\" disk,b", ',', 2, "b");
	/* What stands behind the closing quote is kept. */
	expect_column("\"a\"b,c", ',', 1, "ab");
	expect_column("\"a\"b\"c\",d", ',', 1, "ab\"c\"");
	/* An open quote reaches the end. */
	expect_column("\"a,b", ',', 1, "a,b");
	expect_column("\"a\"\"", ',', 1, "a\"");
	expect_column("\"", ',', 1, "");
}

static void csv_carriage_return(void **state)
{
	(void)state;
	expect_column("a,b\r", ',', 2, "b");
	expect_column("a,\"b\"\r", ',', 2, "b");
	expect_column("\r", ',', 1, "");
	expect_column("a\r,b", ',', 1, "a\r");
}

static size_t record_end(const char *text, bool *open)
{
	return mr_csv_record_end(text, strlen(text), open);
}

static void csv_records(void **state)
{
	bool open = true;

	(void)state;
	assert_int_equal(record_end("", &open), 0);
	assert_false(open);
	assert_int_equal(record_end("ab\ncd\n", &open), 3);
	assert_int_equal(record_end("ab", &open), 2);
	assert_int_equal(record_end("\nx", &open), 1);
	assert_int_equal(record_end("a,\"b\nc\",d\ne", &open), 10);
	assert_false(open);
	assert_int_equal(record_end("\"a\n\"\"\n\"\nb", &open), 8);
	assert_int_equal(record_end("x,\"\n\",\"\n\"\ny", &open), 10);
	/* A quote in the middle of a field opens nothing. */
	assert_int_equal(record_end("5\" disk\nb", &open), 8);
	assert_false(open);
	assert_int_equal(record_end("a,\"b\nc", &open), 6);
	assert_true(open);
	assert_int_equal(record_end("a,\"b\nc", NULL), 6);
	assert_int_equal(record_end("\"a\"x\nb", &open), 5);
	assert_false(open);
}

/* The rules again, a byte at a time. */
static size_t naive_record_end(const char *data, size_t size, bool *open)
{
	bool at_start = true, quoted = false;
	size_t i;

	for (i = 0; i < size; i++) {
		if (quoted) {
			if (data[i] != '"')
				continue;
			if (i + 1 < size && data[i + 1] == '"')
				i++;
			else
				quoted = false;
		} else if (data[i] == '\n') {
			break;
		} else {
			quoted = at_start && data[i] == '"';
			at_start = data[i] == ',';
			continue;
		}
		at_start = false;
	}
	*open = quoted;
	return i < size ? i + 1 : size;
}

static void csv_records_as_naively(void **state)
{
	static const char letters[] = "a,\"\n";
	char text[9];

	(void)state;
	/* Every text of up to eight of these letters. */
	for (uint32_t size = 0; size <= 8; size++) {
		for (uint32_t number = 0; number < 1u << (2 * size); number++) {
			bool open, naively_open;
			size_t wanted;

			for (uint32_t i = 0; i < size; i++)
				text[i] = letters[number >> (2 * i) & 3];
			wanted = naive_record_end(text, size, &naively_open);
			assert_int_equal(mr_csv_record_end(text, size, &open), wanted);
			assert_int_equal(open, naively_open);
		}
	}
}

static int unquote(void *context)
{
	struct mr_scratch scratch = {0};
	struct gw_bytes field;
	int result = mr_column(gw_string("\"a\"\"b\""), ',', 1, &scratch, &field, NULL);

	(void)context;
	mr_scratch_done(&scratch);
	return result;
}

static void out_of_memory(void **state)
{
	(void)state;
	assert_int_equal(test_each_allocation_fails(unquote, NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_columns),
		cmocka_unit_test(only_csv_has_quotes),
		cmocka_unit_test(csv_quotes),
		cmocka_unit_test(csv_carriage_return),
		cmocka_unit_test(csv_records),
		cmocka_unit_test(csv_records_as_naively),
		cmocka_unit_test(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
