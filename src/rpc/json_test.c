/* SPDX-License-Identifier: Apache-2.0 */
/* json_test.c - messages as JSON and back; what protobuf-c makes of the bytes is the oracle. */
#include "rpc/base64.h"
#include "rpc/fixture.rpc.h"
#include "rpc/json.h"
#include "rpc/message.h"
#include "rpc/schema/field.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

static struct rpc_schema *fixture(void **state)
{
	return *state;
}

static const struct rpc_schema_message *everything(void **state)
{
	return rpc_schema_message(fixture(state), gw_string("fixture.Everything"));
}

static int read_schema(void **state)
{
	struct rpc_schema *schema = calloc(1, sizeof(*schema));
	struct gw_error error = {0};

	*state = schema;
	return schema ? rpc_schema_read(schema, fixture_service.descriptors, &error) : -1;
}

static int free_schema(void **state)
{
	rpc_schema_done(*state);
	free(*state);
	return 0;
}

/* What the bytes are as JSON; the caller frees it. */
static char *written(const struct rpc_schema_message *type, struct gw_bytes bytes)
{
	struct base_buffer text = {0};
	struct gw_error error = {0};

	assert_int_equal(rpc_json_write(type, bytes, RPC_JSON_LINE, &text, &error), 0);
	assert_int_equal(base_buffer_append(&text, "", 1, &error), 0);
	return (char *)text.data;
}

static void read_bytes(void **state, const char *json, struct base_buffer *bytes)
{
	struct gw_error error = {0};
	int code = rpc_json_read(everything(state), gw_string(json), bytes, &error);

	if (code < 0)
		print_error("%s: %s\n", json, error.text);
	assert_int_equal(code, 0);
}

static void expect_in(const char *text, const char *part, const char *about)
{
	if (!strstr(text, part))
		fail_msg("%s: no %s in %s", about, part, text);
}

/* JSON that is read has this in it when it is written again. */
static void expect_part(void **state, const char *json, const char *part)
{
	struct base_buffer bytes = {0};

	read_bytes(state, json, &bytes);
	char *text = written(everything(state), base_buffer_bytes(&bytes));

	expect_in(text, part, json);
	free(text);
	base_buffer_done(&bytes);
}

static void expect_wrong(void **state, const char *json, const char *sentence)
{
	struct base_buffer bytes = {0};
	struct gw_error error = {0};

	assert_int_equal(rpc_json_read(everything(state), gw_string(json), &bytes, &error),
			 GW_E_INVALID);
	expect_in(error.text, sentence, json);
	base_buffer_done(&bytes);
}

static void a_field_of_each_type_comes_back(void **state)
{
	static const char *const parts[] = {
		"\"aDouble\": 0.1",
		"\"aDouble\": -1.5e300",
		"\"aFloat\": 0.1",
		"\"anInt64\": \"-9223372036854775808\"",
		"\"anUint64\": \"18446744073709551615\"",
		"\"anInt32\": -2147483648",
		"\"aFixed64\": \"18446744073709551615\"",
		"\"aFixed32\": 4294967295",
		"\"aBool\": true",
		"\"aString\": \"h\xc3\xa4 \\\" \\n\"",
		"\"someBytes\": \"AAH/\"",
		"\"anUint32\": 4294967295",
		"\"colour\": \"GREEN\"",
		"\"colour\": \"INFRARED\"",
		"\"colour\": 77",
		"\"aSfixed32\": -5",
		"\"aSfixed64\": \"-5\"",
		"\"aSint32\": -2147483648",
		"\"aSint64\": \"-9223372036854775808\"",
		"\"numbers\": [1, -2, 3]",
		"\"strings\": [\"a\", \"\"]",
		"\"colours\": [\"RED\", \"NONE\"]",
		"\"doubles\": [0.5, \"NaN\", \"Infinity\", \"-Infinity\"]",
		"\"looseBools\": [true, false]",
		"\"totals\": {\"a\": \"1\", \"\": \"-2\"}",
		"\"byBool\": {\"true\": \"RED\", \"false\": \"NONE\"}",
		"\"inside\": {\"name\": \"x\", \"number\": {\"number\": \"7\"}}",
		"\"insides\": [{\"name\": \"x\"}, {\"name\": \"\"}]",
		"\"byNumber\": {\"-3\": {\"name\": \"x\"}}",
		"\"chosenString\": \"\"",
		"\"chosenNumber\": 0",
		"\"chosenInside\": {\"name\": \"\"}",
	};
	char json[200];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(json, sizeof(json), "{%s}", parts[i]);
		expect_part(state, json, parts[i]);
	}
}

static void what_was_not_sent_has_its_default_value(void **state)
{
	char *text = written(everything(state), (struct gw_bytes){NULL, 0});

	assert_string_equal(
		text,
		"{\"aDouble\": 0.0, \"aFloat\": 0.0, \"anInt64\": \"0\", \"anUint64\": \"0\", "
		"\"anInt32\": 0, \"aFixed64\": \"0\", \"aFixed32\": 0, \"aBool\": false, "
		"\"aString\": \"\", \"someBytes\": \"\", \"anUint32\": 0, "
		"\"colour\": \"NONE\", \"aSfixed32\": 0, \"aSfixed64\": \"0\", "
		"\"aSint32\": 0, \"aSint64\": \"0\", \"numbers\": [], \"strings\": [], "
		"\"insides\": [], \"colours\": [], \"doubles\": [], \"looseBools\": [], "
		"\"totals\": {}, \"byNumber\": {}, \"byBool\": {}}");
	free(text);
}

static void other_ways_to_write_a_value_are_read(void **state)
{
	expect_part(state, "{\"an_int64\": 5}", "\"anInt64\": \"5\"");
	expect_part(state, "{\"anInt32\": \"-7\"}", "\"anInt32\": -7");
	expect_part(state, "{\"anInt32\": 1e3}", "\"anInt32\": 1000");
	expect_part(state, "{\"anInt32\": null}", "\"anInt32\": 0");
	expect_part(state, "{\"numbers\": null}", "\"numbers\": []");
	expect_part(state, "{\"colour\": 1}", "\"colour\": \"RED\"");
	expect_part(state, "{\"aDouble\": 3}", "\"aDouble\": 3.0");
	expect_part(state, "{\"aDouble\": \"-2.5\"}", "\"aDouble\": -2.5");
	expect_part(state, "{\"someBytes\": \"-_8\"}", "\"someBytes\": \"+/8=\"");
	expect_part(state, "{\"someBytes\": \"/w\"}", "\"someBytes\": \"/w==\"");
	expect_part(state, "{\"chosenString\": null, \"chosenNumber\": 4}", "\"chosenNumber\": 4");
}

static void an_unknown_field_is_named_with_those_there_are(void **state)
{
	expect_wrong(state, "{\"nonsense\": 1}",
		     "fixture.Everything has no field nonsense; it has aDouble, aFloat");
	expect_wrong(state, "{\"inside\": {\"name\": \"x\", \"nmae\": 1}}",
		     "inside: fixture.Everything.Inside has no field nmae; it has name, number");
}

static void a_wrong_value_is_named_by_its_place(void **state)
{
	expect_wrong(state, "{\"anInt32\": 2147483648}",
		     "anInt32: 2147483648 is not from -2147483648 to 2147483647");
	expect_wrong(state, "{\"anInt32\": \"-2147483649\"}", "is not from");
	expect_wrong(state, "{\"anUint32\": -1}", "anUint32: -1 is not from 0 to 4294967295");
	expect_wrong(state, "{\"anUint64\": \"18446744073709551616\"}", "an integer is wanted");
	expect_wrong(state, "{\"anInt64\": \"12x\"}", "an integer is wanted, not a string \"12x\"");
	expect_wrong(state, "{\"anInt64\": \"\"}", "an integer is wanted");
	expect_wrong(state, "{\"anInt64\": 1.5}", "an integer is wanted, not a number");
	expect_wrong(state, "{\"aBool\": 1}", "aBool: true or false is wanted, not an integer");
	expect_wrong(state, "{\"aString\": 1}", "aString: a string is wanted, not an integer");
	expect_wrong(state, "{\"aString\": {}}", "not an object");
	expect_wrong(state, "{\"aDouble\": \"much\"}", "aDouble: a number is wanted");
	expect_wrong(state, "{\"aFloat\": 1e39}", "does not fit a float");
	expect_wrong(state, "{\"colour\": \"BLUE\"}",
		     "colour: fixture.Everything.Colour has no value BLUE");
	expect_wrong(state, "{\"someBytes\": \"a*\"}", "someBytes: no base64 at letter 2");
	expect_wrong(state, "{\"someBytes\": \"abcde\"}", "base64 of 5 letters");
	expect_wrong(state, "{\"numbers\": 1}", "numbers: an array is wanted, not an integer");
	expect_wrong(state, "{\"numbers\": [1, null]}", "numbers: item 2: ");
	expect_wrong(state, "{\"insides\": [{}, {\"number\": {\"number\": \"x\"}}]}",
		     "insides: item 2: number: number: an integer is wanted");
	expect_wrong(state, "{\"totals\": []}", "totals: an object is wanted, not an array");
	expect_wrong(state, "{\"totals\": {\"a\": \"b\"}}", "totals: a: an integer is wanted");
	expect_wrong(state, "{\"byNumber\": {\"a\": {}}}", "byNumber: a: an integer is wanted");
	expect_wrong(state, "{\"byBool\": {\"1\": \"RED\"}}", "the key is not true or false");
	expect_wrong(state, "{\"inside\": []}", "inside: an object is wanted, not an array");
	expect_wrong(state, "[]", "an object is wanted, not an array");
}

static void what_is_there_twice_is_refused(void **state)
{
	expect_wrong(state, "{\"an_int32\": 1, \"anInt32\": 2}", "anInt32 is there twice");
	expect_wrong(state, "{\"anInt32\": 1, \"anInt32\": 2}", "no JSON: line 1");
	expect_wrong(state, "{\"chosenString\": \"a\", \"chosenNumber\": 1}",
		     "chosenString and chosenNumber cannot both be there");
}

static void text_that_is_no_json_is_named_by_its_place(void **state)
{
	expect_wrong(state, "", "no JSON: line 1, column 0");
	expect_wrong(state, "{\"aString\": \"a\"", "no JSON: line 1");
	expect_wrong(state, "{}\n\n}", "no JSON: line 3");
	expect_wrong(state, "{\"aString\": \"\xff\"}", "no JSON: line 1");
	expect_wrong(state, "{\"aString\": \"\\u0000\"}", "no JSON: line 1");
	expect_wrong(state, "{\"anInt64\": 18446744073709551616}", "too big integer");
}

static void json_that_is_too_deep_is_refused_before_it_is_parsed(void **state)
{
	struct base_buffer text = {0}, bytes = {0};
	struct gw_error error = {0};

	for (int i = 0; i < 100000; i++)
		assert_int_equal(base_buffer_append(&text, "[", 1, &error), 0);
	assert_int_equal(rpc_json_read(everything(state), base_buffer_bytes(&text), &bytes, &error),
			 GW_E_TOO_LARGE);
	assert_non_null(strstr(error.text, "nested deeper than 64"));
	assert_int_equal(
		rpc_json_read(everything(state),
			      gw_string("{\"aString\": \"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
					"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"{\"}"),
			      &bytes, &error),
		0);
	base_buffer_done(&text);
	base_buffer_done(&bytes);
}

static void the_bytes_are_what_protobuf_reads(void **state)
{
	struct base_buffer bytes = {0};
	struct base_arena arena = {0};
	struct gw_error error = {0};
	struct ProtobufCMessage *message;

	read_bytes(state,
		   "{\"anInt32\": -1, \"aSint64\": -5, \"aFloat\": 0.5, \"aString\": \"abc\", "
		   "\"someBytes\": \"AQID\", \"numbers\": [7, -8], \"colours\": [\"GREEN\"], "
		   "\"totals\": {\"k\": 9}, \"chosenInside\": {\"number\": {\"number\": 3}}}",
		   &bytes);
	assert_int_equal(rpc_message_unpack(&fixture__everything__descriptor,
					    base_buffer_bytes(&bytes), &arena, &message, &error),
			 0);
	const Fixture__Everything *got = (const Fixture__Everything *)message;

	assert_int_equal(got->an_int32, -1);
	assert_int_equal(got->a_sint64, -5);
	assert_true(got->a_float == 0.5f);
	assert_string_equal(got->a_string, "abc");
	assert_int_equal(got->some_bytes.len, 3);
	assert_memory_equal(got->some_bytes.data, "\1\2\3", 3);
	assert_int_equal(got->n_numbers, 2);
	assert_int_equal(got->numbers[1], -8);
	assert_int_equal(got->colours[0], FIXTURE__EVERYTHING__COLOUR__GREEN);
	assert_string_equal(got->totals[0]->key, "k");
	assert_int_equal(got->totals[0]->value, 9);
	assert_int_equal(got->choice_case, FIXTURE__EVERYTHING__CHOICE_CHOSEN_INSIDE);
	assert_int_equal(got->chosen_inside->number->number, 3);
	base_arena_done(&arena);
	base_buffer_done(&bytes);
}

static void packed_numbers_of_protobuf_are_read(void **state)
{
	Fixture__Everything message;
	struct base_buffer bytes = {0};
	struct gw_error error = {0};
	int32_t numbers[] = {1, -2};
	double doubles[] = {0.25, -1e-7};

	fixture__everything__init(&message);
	message.numbers = numbers;
	message.doubles = doubles;
	message.n_numbers = message.n_doubles = 2;
	assert_int_equal(rpc_message_pack(&message.base, &bytes, &error), 0);
	char *text = written(everything(state), base_buffer_bytes(&bytes));

	expect_in(text, "\"numbers\": [1, -2]", "written");
	expect_in(text, "\"doubles\": [0.25, -1e-7]", "written");
	free(text);
	base_buffer_done(&bytes);
}

/* A message that comes in pieces is put together; of a oneof the last one is there. */
static void what_comes_twice_is_merged_as_protobuf_says(void **state)
{
	static const uint8_t bytes[] = {
		0x5a, 3, 0x0a, 1,    'a',	   /* inside.name */
		0x5a, 4, 0x12, 2,    8,	   5,	   /* inside.number.number */
		0x28, 1, 0x28, 2,		   /* an_int32 */
		0xf2, 1, 1,    'x',  0xf8, 1,	3, /* chosen_string, chosen_number */
		0xd2, 1, 5,    0x0a, 1,	   'k', 16, 1, 0xd2, 1, 5, 0x0a, 1, 'k', 16, 2, /* totals */
		0xf8, 7, 1, /* a field of a newer .proto */
	};
	char *text = written(everything(state), (struct gw_bytes){bytes, sizeof(bytes)});

	expect_in(text, "\"inside\": {\"name\": \"a\", \"number\": {\"number\": \"5\"}}",
		  "written");
	expect_in(text, "\"anInt32\": 2", "written");
	assert_null(strstr(text, "chosenString"));
	expect_in(text, "\"chosenNumber\": 3", "written");
	expect_in(text, "\"totals\": {\"k\": \"2\"}", "written");
	free(text);
}

static void bytes_that_are_no_message_are_named_by_their_place(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		int code;
		const char *sentence;
	} rows[] = {
		{"\x28", 1, GW_E_TRUNCATED, "message ends inside a number"},
		{"\x4a\x05\x61", 3, GW_E_TRUNCATED, "message ends inside field 9"},
		{"\x4a\x01\xff", 3, GW_E_CORRUPT, "aString: a string is not UTF-8"},
		{"\x29\0\0\0\0\0\0\0\0", 9, GW_E_CORRUPT, "anInt32: wire type 1 of a int32"},
		{"\x5a\x02\x12\x05", 4, GW_E_TRUNCATED, "inside: message ends inside field 2"},
		{"\xca\x01\x01\x80", 4, GW_E_TRUNCATED, "looseBools: message ends inside a number"},
		{"\xc2\x01\x03\0\0\0", 6, GW_E_TRUNCATED, "doubles: message ends inside a number"},
		{"\x0b", 1, GW_E_CORRUPT, "wire type 3"},
		{"\0", 1, GW_E_CORRUPT, "field number 0"},
	};
	struct base_buffer text = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gw_bytes bytes = {rows[i].bytes, rows[i].size};
		struct gw_error error = {0};

		assert_int_equal(
			rpc_json_write(everything(state), bytes, RPC_JSON_LINE, &text, &error),
			rows[i].code);
		expect_in(error.text, rows[i].sentence, "bytes");
	}
	assert_int_equal(text.size, 0);
	base_buffer_done(&text);
}

/* Two bytes each that become dozens of values. */
static void few_bytes_do_not_become_more_than_the_limit(void **state)
{
	struct base_buffer bytes = {0}, text = {0};
	struct gw_error error = {0};

	for (int i = 0; i < RPC_JSON_VALUES_MAX / 2; i++)
		assert_int_equal(base_buffer_append(&bytes, "\xb2\x01\x00", 3, &error), 0);
	assert_int_equal(rpc_json_write(everything(state), base_buffer_bytes(&bytes), RPC_JSON_LINE,
					&text, &error),
			 GW_E_TOO_LARGE);
	base_buffer_done(&bytes);
	base_buffer_done(&text);
}

/* What a task's stack of the default size has to bear: protobuf-c and JSON call themselves for each
 * message inside. */
static int take_deepest(void *argument)
{
	struct rpc_schema *schema = argument;
	const struct rpc_schema_message *type =
		rpc_schema_message(schema, gw_string("fixture.Deep"));
	struct base_buffer json = {0}, bytes = {0}, text = {0};
	struct ProtobufCMessage *message = NULL;
	struct gw_error error = {0};
	int code = 0;

	assert_int_equal(type->depth, RPC_SCHEMA_DEPTH_MAX);
	for (int i = 1; code == 0 && i < RPC_SCHEMA_DEPTH_MAX; i++)
		code = base_buffer_append_string(&json, "{\"inside\": [", &error);
	if (code == 0)
		code = base_buffer_append_string(&json, "{\"text\": \"x\", \"numbers\": [1, 2]}",
						 &error);
	for (int i = 1; code == 0 && i < RPC_SCHEMA_DEPTH_MAX; i++)
		code = base_buffer_append_string(&json, "]}", &error);
	if (code == 0)
		code = rpc_json_read(type, base_buffer_bytes(&json), &bytes, &error);
	if (code == 0)
		code = rpc_json_write(type, base_buffer_bytes(&bytes), RPC_JSON_LINE, &text,
				      &error);
	if (code == 0)
		code = rpc_message_unpack_owned(&fixture__deep__descriptor,
						base_buffer_bytes(&bytes), &message, &error);
	if (code == 0)
		code = gw_bytes_compare(base_buffer_bytes(&json), base_buffer_bytes(&text));
	gw_rpc_message_free(message);
	base_buffer_done(&json);
	base_buffer_done(&bytes);
	base_buffer_done(&text);
	return code;
}

static void the_deepest_message_fits_the_stack_of_a_task(void **state)
{
	assert_int_equal(gw_run(take_deepest, *state, NULL, NULL), 0);
}

static int read_and_write(void *context)
{
	struct base_buffer bytes = {0}, text = {0};
	struct gw_error error = {0};
	int code = rpc_json_read(context,
				 gw_string("{\"aString\": \"abc\", \"inside\": {\"name\": \"x\"}, "
					   "\"someBytes\": \"AAAA\", \"totals\": {\"a\": 1}}"),
				 &bytes, &error);

	if (code == 0)
		code = rpc_json_write(context, base_buffer_bytes(&bytes), RPC_JSON_INDENT, &text,
				      &error);
	base_buffer_done(&bytes);
	base_buffer_done(&text);
	return code;
}

static void each_allocation_may_fail(void **state)
{
	assert_true(test_each_allocation_fails(read_and_write,
					       (void *)(uintptr_t)everything(state)) > 5);
}

static void base64_of_every_length_comes_back(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (size_t size = 0; size < 70; size++) {
		struct base_buffer letters = {0}, back = {0};
		uint8_t bytes[70];

		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)test_random(&seed);
		assert_int_equal(rpc_base64_put(&letters, (struct gw_bytes){bytes, size}, NULL), 0);
		assert_int_equal(letters.size, (size + 2) / 3 * 4);
		assert_int_equal(rpc_base64_take(&back, base_buffer_bytes(&letters), NULL), 0);
		assert_int_equal(back.size, size);
		if (size)
			assert_memory_equal(back.data, bytes, size);
		base_buffer_done(&letters);
		base_buffer_done(&back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_field_of_each_type_comes_back),
		cmocka_unit_test(what_was_not_sent_has_its_default_value),
		cmocka_unit_test(other_ways_to_write_a_value_are_read),
		cmocka_unit_test(an_unknown_field_is_named_with_those_there_are),
		cmocka_unit_test(a_wrong_value_is_named_by_its_place),
		cmocka_unit_test(what_is_there_twice_is_refused),
		cmocka_unit_test(text_that_is_no_json_is_named_by_its_place),
		cmocka_unit_test(json_that_is_too_deep_is_refused_before_it_is_parsed),
		cmocka_unit_test(the_bytes_are_what_protobuf_reads),
		cmocka_unit_test(packed_numbers_of_protobuf_are_read),
		cmocka_unit_test(what_comes_twice_is_merged_as_protobuf_says),
		cmocka_unit_test(bytes_that_are_no_message_are_named_by_their_place),
		cmocka_unit_test(few_bytes_do_not_become_more_than_the_limit),
		cmocka_unit_test(the_deepest_message_fits_the_stack_of_a_task),
		cmocka_unit_test(each_allocation_may_fail),
		cmocka_unit_test(base64_of_every_length_comes_back),
	};

	return cmocka_run_group_tests(tests, read_schema, free_schema);
}
