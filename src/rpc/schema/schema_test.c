/* SPDX-License-Identifier: Apache-2.0 */
/* schema_test.c - what .proto files say, and what is refused of it. */
#include "rpc/schema/schema.h"

#include "rpc/schema/field.h"
#include "rpc/schema/fixture.h"

#include "support/unit.h"

#include <stdio.h>

/* Reads the file, which must be refused so. */
static void expect_refused(struct piece *file, int code, const char *sentence)
{
	struct rpc_schema schema = {0};
	struct base_buffer set;
	struct gw_error error = {0};
	int result = piece_read(file, &schema, &set, &error);

	if (result != code || !strstr(error.text, sentence))
		print_error("%d: %s\n", result, error.text);
	assert_int_equal(result, code);
	assert_non_null(strstr(error.text, sentence));
	rpc_schema_done(&schema);
	base_buffer_done(&set);
}

/* A file with one message M of one field, and an enum E. */
static struct piece file_of(struct piece field)
{
	struct piece file = piece_file("test.proto", "t"), message = piece_message("M");
	struct piece colour = piece_message("E"), value = {0};

	piece_text(&value, 1, "NONE");
	piece_number(&value, 2, 0);
	piece_add(&colour, 2, &value);
	piece_add(&file, 5, &colour);
	piece_add(&message, 2, &field);
	piece_add(&file, 4, &message);
	return file;
}

static void a_service_is_read_with_its_messages(void **state)
{
	struct piece file = piece_service_file();
	struct rpc_schema schema = {0};
	struct base_buffer set;
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(piece_read(&file, &schema, &set, &error), 0);
	const struct rpc_schema_service *service = rpc_schema_service(&schema, "t.S");

	assert_non_null(service);
	assert_ptr_equal(rpc_schema_service(&schema, "S"), service);
	assert_null(rpc_schema_service(&schema, "t"));
	assert_int_equal(service->method_count, 1);
	const struct rpc_schema_method *method = rpc_schema_method(service, "M");

	assert_non_null(method);
	assert_null(rpc_schema_method(service, "m"));
	assert_string_equal(method->request->name, "t.A");
	assert_string_equal(method->reply->name, "t.B");
	assert_int_equal(method->semantics, RPC_SEMANTICS_AT_MOST_ONCE);
	assert_int_equal(method->role_count, 0);
	const struct rpc_schema_field *field = rpc_schema_field(method->request, 1);

	assert_non_null(field);
	assert_string_equal(rpc_schema_type_name(field), "int32");
	assert_ptr_equal(rpc_schema_field_named(method->request, "x"), field);
	assert_null(rpc_schema_field(method->request, 2));
	assert_null(rpc_schema_field_named(method->request, "y"));
	rpc_schema_done(&schema);
	base_buffer_done(&set);
}

static void options_that_are_set_one_by_one_are_put_together(void **state)
{
	struct piece file = piece_service_file(), service = {0}, options = {0};
	struct piece method = piece_method("N", ".t.A", ".t.A");
	struct piece first = {0}, second = {0};
	struct rpc_schema schema = {0};
	struct base_buffer set;
	struct gw_error error = {0};

	(void)state;
	piece_number(&first, 1, RPC_SEMANTICS_BEST_EFFORT);
	piece_text(&first, 3, "client");
	piece_number(&second, 2, 1500);
	piece_text(&second, 3, "*");
	piece_add(&options, RPC_SCHEMA_OPTION, &first);
	piece_add(&options, RPC_SCHEMA_OPTION, &second);
	piece_add(&method, 4, &options);
	piece_number(&method, 6, 1);
	piece_text(&service, 1, "Other");
	piece_add(&service, 2, &method);
	piece_add(&file, 6, &service);
	assert_int_equal(piece_read(&file, &schema, &set, &error), 0);
	const struct rpc_schema_method *read =
		rpc_schema_method(rpc_schema_service(&schema, "Other"), "N");

	assert_int_equal(read->semantics, RPC_SEMANTICS_BEST_EFFORT);
	assert_int_equal(read->timeout_ms, 1500);
	assert_int_equal(read->role_count, 2);
	assert_string_equal(read->roles[0], "client");
	assert_string_equal(read->roles[1], "*");
	assert_true(read->server_streams && !read->client_streams);
	rpc_schema_done(&schema);
	base_buffer_done(&set);
}

static void a_message_that_contains_itself_is_refused_by_name(void **state)
{
	struct piece file = file_of(piece_field("child", 1, RPC_TYPE_MESSAGE, ".t.M"));

	(void)state;
	expect_refused(&file, GW_E_UNSUPPORTED, "t.M.child: t.M contains itself");
}

static void a_circle_of_messages_is_refused_by_name(void **state)
{
	struct piece file = piece_file("test.proto", "t");

	(void)state;
	for (int i = 0; i < 3; i++) {
		const char *const names[] = {"A", "B", "C"}, *const next[] = {".t.B", ".t.C",
									      ".t.A"};
		struct piece message = piece_message(names[i]);
		struct piece field = piece_field("next", 1, RPC_TYPE_MESSAGE, next[i]);

		piece_add(&message, 2, &field);
		piece_add(&file, 4, &message);
	}
	expect_refused(&file, GW_E_UNSUPPORTED, "t.C.next: t.A contains itself");
}

/* M0 contains M1 contains M2 ...; in one order of the file or the other. */
static struct piece chain(int count, bool backwards)
{
	struct piece file = piece_file("test.proto", "");
	char name[16], type[16];

	for (int i = 0; i < count; i++) {
		int number = backwards ? count - 1 - i : i;

		snprintf(name, sizeof(name), "M%d", number);
		snprintf(type, sizeof(type), ".M%d", number + 1);
		struct piece message = piece_message(name);
		struct piece field = piece_field("x", 1, RPC_TYPE_MESSAGE, type);

		if (number + 1 < count)
			piece_add(&message, 2, &field);
		else
			base_buffer_done(&field.bytes);
		piece_add(&file, 4, &message);
	}
	return file;
}

static void messages_may_be_as_deep_as_the_limit_and_no_deeper(void **state)
{
	struct rpc_schema schema = {0};
	struct base_buffer set;
	struct gw_error error = {0};

	(void)state;
	for (int backwards = 0; backwards < 2; backwards++) {
		struct piece file = chain(RPC_SCHEMA_DEPTH_MAX, backwards);

		assert_int_equal(piece_read(&file, &schema, &set, &error), 0);
		assert_int_equal(rpc_schema_message(&schema, gw_string("M0"))->depth,
				 RPC_SCHEMA_DEPTH_MAX);
		rpc_schema_done(&schema);
		base_buffer_done(&set);
		file = chain(RPC_SCHEMA_DEPTH_MAX + 1, backwards);
		expect_refused(&file, GW_E_UNSUPPORTED, "deeper than 10");
		file = chain(5000, backwards);
		expect_refused(&file, GW_E_UNSUPPORTED, "deeper than 10");
	}
}

static void an_optional_field_is_refused_with_what_to_do(void **state)
{
	struct piece field = piece_field("ttl", 1, RPC_TYPE_INT32, NULL);

	(void)state;
	piece_number(&field, 17, 1);
	struct piece file = file_of(field);

	expect_refused(&file, GW_E_UNSUPPORTED,
		       "t.M.ttl is `optional`, which is not supported: use");
}

static void a_file_that_is_not_proto3_is_refused(void **state)
{
	struct piece file = {0};

	(void)state;
	piece_text(&file, 1, "old.proto");
	expect_refused(&file, GW_E_UNSUPPORTED, "old.proto: not `syntax = \"proto3\"`");
	struct piece with_group = file_of(piece_field("g", 1, RPC_TYPE_GROUP, ".t.M"));

	expect_refused(&with_group, GW_E_UNSUPPORTED, "t.M.g is a group");
}

static void types_that_are_not_there_are_named(void **state)
{
	struct piece file = file_of(piece_field("x", 1, RPC_TYPE_MESSAGE, ".other.Thing"));

	(void)state;
	expect_refused(&file, GW_E_CORRUPT, "t.M.x: its type .other.Thing is not among");
	file = file_of(piece_field("x", 1, RPC_TYPE_MESSAGE, ".t.E"));
	expect_refused(&file, GW_E_CORRUPT, "t.M.x: its type .t.E is not among");
	file = file_of(piece_field("x", 1, RPC_TYPE_ENUM, ".t.M"));
	expect_refused(&file, GW_E_CORRUPT, "t.M.x: its type .t.M is not among");
	file = file_of(piece_field("x", 1, RPC_TYPE_ENUM, NULL));
	expect_refused(&file, GW_E_CORRUPT, "t.M.x: its type  is not among");
}

static void names_that_could_do_harm_are_refused(void **state)
{
	static const char *const wrong[] = {"",	    "1a",  "a b",      "a;b", "\x1b[2J",
					    "a\nb", "a-b", "\xc3\xa4", "a.b"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct piece file = file_of(piece_field(wrong[i], 1, RPC_TYPE_INT32, NULL));

		expect_refused(&file, GW_E_UNSUPPORTED, "letters that are not possible");
	}
	char name[RPC_SCHEMA_NAME_MAX + 2];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	struct piece file = file_of(piece_field(name, 1, RPC_TYPE_INT32, NULL));

	expect_refused(&file, GW_E_UNSUPPORTED, "a name of 256 bytes");
	file = piece_file("a\"b.proto", "t");
	expect_refused(&file, GW_E_UNSUPPORTED, "a name of 9 bytes");
}

static void what_is_there_twice_is_refused(void **state)
{
	struct piece file = piece_file("test.proto", "t"), message = piece_message("M");
	struct piece a = piece_field("a", 1, RPC_TYPE_INT32, NULL);
	struct piece b = piece_field("b", 1, RPC_TYPE_INT32, NULL);

	(void)state;
	piece_add(&message, 2, &a);
	piece_add(&message, 2, &b);
	piece_add(&file, 4, &message);
	expect_refused(&file, GW_E_CORRUPT, "t.M: a and b both have number 1");
	file = piece_file("test.proto", "t");
	message = piece_message("M");
	a = piece_field("a", 1, RPC_TYPE_INT32, NULL);
	b = piece_field("a", 2, RPC_TYPE_INT32, NULL);
	piece_add(&message, 2, &a);
	piece_add(&message, 2, &b);
	piece_add(&file, 4, &message);
	expect_refused(&file, GW_E_CORRUPT, "t.M: fields 1 and 2 both are a");
	file = piece_service_file();
	message = piece_message("A");
	piece_add(&file, 4, &message);
	expect_refused(&file, GW_E_CORRUPT, "t.A: defined twice");
}

static void a_method_needs_messages_that_are_there(void **state)
{
	struct piece file = piece_file("test.proto", "t"), service = {0};
	struct piece method = piece_method("M", ".t.A", ".t.A");

	(void)state;
	piece_text(&service, 1, "S");
	piece_add(&service, 2, &method);
	piece_add(&file, 6, &service);
	expect_refused(&file, GW_E_CORRUPT, "t.S.M: its messages are not among the descriptors");
}

static void an_entry_of_a_map_is_sound(void **state)
{
	struct piece file = piece_file("test.proto", "t"), message = piece_message("M");
	struct piece key = piece_field("key", 1, RPC_TYPE_DOUBLE, NULL);
	struct piece value = piece_field("value", 2, RPC_TYPE_INT32, NULL), options = {0};

	(void)state;
	piece_number(&options, 7, 1);
	piece_add(&message, 2, &key);
	piece_add(&message, 2, &value);
	piece_add(&message, 7, &options);
	piece_add(&file, 4, &message);
	expect_refused(&file, GW_E_CORRUPT, "t.M: no entry of a map");
}

static void more_fields_than_the_limit_are_refused(void **state)
{
	struct piece file = piece_file("test.proto", "t"), message = piece_message("M");

	(void)state;
	for (int i = 0; i <= RPC_SCHEMA_FIELDS_MAX; i++)
		piece_text(&message, 2, "");
	piece_add(&file, 4, &message);
	expect_refused(&file, GW_E_TOO_LARGE, "1025 entries, at most 1024");
}

static void types_nested_without_end_are_refused(void **state)
{
	struct piece file = piece_file("test.proto", ""), inner = piece_message("A");

	(void)state;
	for (int i = 0; i < 2 * RPC_SCHEMA_NEST_MAX; i++) {
		struct piece outer = piece_message("A");

		piece_add(&outer, 3, &inner);
		inner = outer;
	}
	piece_add(&file, 4, &inner);
	expect_refused(&file, GW_E_UNSUPPORTED, "message types are nested deeper than 32");
}

static void bytes_that_are_no_set_are_refused(void **state)
{
	struct rpc_schema schema = {0};
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(rpc_schema_read(&schema,
					 gw_string("\x0a\x05"
						   "a"),
					 &error),
			 GW_E_TRUNCATED);
	rpc_schema_done(&schema);
	assert_int_equal(rpc_schema_read(&schema, gw_string("\x08\x05"), &error), GW_E_CORRUPT);
	rpc_schema_done(&schema);
	assert_int_equal(
		rpc_schema_read(&schema, (struct gw_bytes){"", RPC_SCHEMA_BYTES_MAX + 1}, &error),
		GW_E_TOO_LARGE);
	rpc_schema_done(&schema);
	rpc_schema_done(NULL);
}

/* Every set that a good one is the beginning of, and every one with a byte changed. */
static void a_damaged_set_is_read_or_refused_but_never_past_its_end(void **state)
{
	struct piece file = piece_service_file();
	struct rpc_schema schema = {0};
	struct base_buffer set;
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(piece_read(&file, &schema, &set, &error), 0);
	rpc_schema_done(&schema);
	for (size_t at = 0; at < set.size; at++) {
		uint8_t *copy = set.data, was = copy[at];

		for (int bit = 0; bit < 8; bit++) {
			copy[at] = (uint8_t)(was ^ 1 << bit);
			error.code = 0;
			if (rpc_schema_read(&schema, base_buffer_bytes(&set), &error) < 0)
				assert_true(error.text[0] != '\0' && error.code < 0);
			rpc_schema_done(&schema);
		}
		copy[at] = was;
		(void)!rpc_schema_read(&schema, (struct gw_bytes){set.data, at}, &error);
		rpc_schema_done(&schema);
	}
	base_buffer_done(&set);
}

static int read_set(void *context)
{
	struct rpc_schema schema = {0};
	struct gw_error error = {0};
	int code = rpc_schema_read(&schema, *(struct gw_bytes *)context, &error);

	rpc_schema_done(&schema);
	return code;
}

static void each_allocation_may_fail(void **state)
{
	struct piece file = piece_service_file();
	struct rpc_schema schema = {0};
	struct base_buffer set;
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(piece_read(&file, &schema, &set, &error), 0);
	rpc_schema_done(&schema);
	struct gw_bytes bytes = base_buffer_bytes(&set);

	assert_true(test_each_allocation_fails(read_set, &bytes) >= 5);
	base_buffer_done(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_is_read_with_its_messages),
		cmocka_unit_test(options_that_are_set_one_by_one_are_put_together),
		cmocka_unit_test(a_message_that_contains_itself_is_refused_by_name),
		cmocka_unit_test(a_circle_of_messages_is_refused_by_name),
		cmocka_unit_test(messages_may_be_as_deep_as_the_limit_and_no_deeper),
		cmocka_unit_test(an_optional_field_is_refused_with_what_to_do),
		cmocka_unit_test(a_file_that_is_not_proto3_is_refused),
		cmocka_unit_test(types_that_are_not_there_are_named),
		cmocka_unit_test(names_that_could_do_harm_are_refused),
		cmocka_unit_test(what_is_there_twice_is_refused),
		cmocka_unit_test(a_method_needs_messages_that_are_there),
		cmocka_unit_test(an_entry_of_a_map_is_sound),
		cmocka_unit_test(more_fields_than_the_limit_are_refused),
		cmocka_unit_test(types_nested_without_end_are_refused),
		cmocka_unit_test(bytes_that_are_no_set_are_refused),
		cmocka_unit_test(a_damaged_set_is_read_or_refused_but_never_past_its_end),
		cmocka_unit_test(each_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
