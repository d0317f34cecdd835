/* SPDX-License-Identifier: Apache-2.0 */
/* message_test.c - messages of generated types in arenas, and within limits. */
#include "rpc/fixture.rpc.h"
#include "rpc/message.h"
#include "rpc/schema/schema.h"

#include "support/unit.h"

#include <stdlib.h>

static void pack_text(const char *string, struct base_buffer *bytes)
{
	Fixture__Text text;
	struct gw_error error = {0};

	fixture__text__init(&text);
	text.text = (char *)(uintptr_t)string;
	text.data = (ProtobufCBinaryData){3, (uint8_t *)(uintptr_t) "\1\0\2"};
	assert_int_equal(rpc_message_pack(&text.base, bytes, &error), 0);
	assert_int_equal(rpc_message_bytes(&text.base), bytes->size);
}

static void a_message_comes_back_in_an_arena(void **state)
{
	struct base_buffer bytes = {0};
	struct base_arena arena = {0};
	struct gw_error error = {0};
	struct ProtobufCMessage *message;

	(void)state;
	pack_text("hello", &bytes);
	assert_int_equal(rpc_message_unpack(&fixture__text__descriptor, base_buffer_bytes(&bytes),
					    &arena, &message, &error),
			 0);
	base_buffer_done(&bytes); /* is needed no more */
	const Fixture__Text *got = (const Fixture__Text *)message;

	assert_string_equal(got->text, "hello");
	assert_int_equal(got->data.len, 3);
	assert_memory_equal(got->data.data, "\1\0\2", 3);
	base_arena_done(&arena);
}

static void a_message_with_memory_of_its_own_is_freed_by_itself(void **state)
{
	struct base_buffer bytes = {0};
	struct gw_error error = {0};
	struct ProtobufCMessage *message;

	(void)state;
	pack_text("hello", &bytes);
	assert_int_equal(rpc_message_unpack_owned(&fixture__text__descriptor,
						  base_buffer_bytes(&bytes), &message, &error),
			 0);
	base_buffer_done(&bytes);
	assert_string_equal(((Fixture__Text *)message)->text, "hello");
	gw_rpc_reply_free((Fixture__Text *)message);
	gw_rpc_message_free(NULL);
}

static void an_empty_message_has_no_bytes(void **state)
{
	struct base_buffer bytes = {0};
	struct base_arena arena = {0};
	struct gw_error error = {0};
	struct ProtobufCMessage *message = rpc_message_new(&fixture__text__descriptor, &arena);

	(void)state;
	assert_non_null(message);
	assert_string_equal(((Fixture__Text *)message)->text, "");
	assert_int_equal(rpc_message_pack(message, &bytes, &error), 0);
	assert_int_equal(bytes.size, 0);
	assert_int_equal(rpc_message_unpack(&fixture__text__descriptor, base_buffer_bytes(&bytes),
					    &arena, &message, &error),
			 0);
	assert_string_equal(((Fixture__Text *)message)->text, "");
	base_arena_done(&arena);
}

static void a_message_over_the_limit_is_not_packed(void **state)
{
	struct base_buffer bytes = {.size_max = 10};
	struct gw_error error = {0};
	Fixture__Text text;
	char long_text[] = "eleven bytes";

	(void)state;
	fixture__text__init(&text);
	text.text = long_text;
	assert_int_equal(rpc_message_pack(&text.base, &bytes, &error), GW_E_TOO_LARGE);
	assert_non_null(strstr(error.text, "fixture.Text"));
	assert_int_equal(bytes.size, 0);
	base_buffer_done(&bytes);
}

static void bytes_that_are_no_message_are_refused_by_name(void **state)
{
	static const char *const wrong[] = {"\x0a", "\x0a\x05hell", "\xff\xff\xff\xff\xff\xff",
					    "\x0b", "\x0f\x01"};
	struct gw_error error = {0};
	struct ProtobufCMessage *message;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(rpc_message_unpack_owned(&fixture__text__descriptor,
							  gw_string(wrong[i]), &message, &error),
				 GW_E_CORRUPT);
		assert_null(message);
		assert_non_null(strstr(error.text, "bytes are no fixture.Text"));
	}
}

/* In the message, in one inside, in a list, in a map, in a oneof; and bytes may be anything. */
static void text_that_is_no_utf8_is_refused_by_name(void **state)
{
	static const struct {
		const char *bytes, *name; /* NULL: it is fine */
	} rows[] = {
		{"\x4a\x02\xc3\xa9", NULL},      {"\x4a\x02\xc3\x28", "a_string"},
		{"\x4a\x03\xed\xa0\x80", "a_string"}, {"\x5a\x03\x0a\x01\xff", "name"},
		{"\xaa\x01\x01\xff", "strings"},  {"\xaa\x01\x01 \xaa\x01\x01\xff", "strings"},
		{"\xd2\x01\x03\x0a\x01\xff", "key"}, {"\xf2\x01\x01\xff", "chosen_string"},
		{"\xf2\x01\x01\xff\xf8\x01\x07", NULL}, {"\x62\x02\xff\xfe", NULL},
	};
	struct gw_error error = {0};
	struct ProtobufCMessage *message;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int result = rpc_message_unpack_owned(&fixture__everything__descriptor,
						      gw_string(rows[i].bytes), &message, &error);

		assert_int_equal(result, rows[i].name ? GW_E_CORRUPT : 0);
		if (rows[i].name) {
			assert_null(message);
			assert_non_null(strstr(error.text, rows[i].name));
			assert_non_null(strstr(error.text, "is no UTF-8"));
		}
		gw_rpc_message_free(message);
	}
}

/* Three bytes each that become a message of 56 bytes and more. */
static void few_bytes_cannot_ask_for_much_memory(void **state)
{
	struct base_buffer bytes = {0};
	struct gw_error error = {0};
	struct ProtobufCMessage *message;

	(void)state;
	for (int i = 0; i < 1 << 19; i++)
		assert_int_equal(base_buffer_append(&bytes, "\xb2\x01\x00", 3, &error), 0);
	assert_int_equal(rpc_message_unpack_owned(&fixture__everything__descriptor,
						  base_buffer_bytes(&bytes), &message, &error),
			 GW_E_TOO_LARGE);
	assert_non_null(strstr(error.text, "takes too much memory"));
	base_buffer_done(&bytes);
}

static void the_arenas_own_limit_holds_too(void **state)
{
	struct base_buffer bytes = {0};
	struct base_arena arena = {.bytes_max = 16};
	struct gw_error error = {0};
	struct ProtobufCMessage *message;

	(void)state;
	pack_text("hello", &bytes);
	assert_int_equal(rpc_message_unpack(&fixture__text__descriptor, base_buffer_bytes(&bytes),
					    &arena, &message, &error),
			 GW_E_NO_MEMORY);
	base_arena_done(&arena);
	base_buffer_done(&bytes);
}

static int unpack(void *context)
{
	struct gw_bytes *bytes = context;
	struct gw_error error = {0};
	struct ProtobufCMessage *message;
	int code = rpc_message_unpack_owned(&fixture__text__descriptor, *bytes, &message, &error);

	gw_rpc_message_free(message);
	return code;
}

static void each_allocation_may_fail(void **state)
{
	static char text[20000];
	struct base_buffer bytes = {0};

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	pack_text(text, &bytes);
	struct gw_bytes whole = base_buffer_bytes(&bytes);

	assert_true(test_each_allocation_fails(unpack, &whole) >= 1);
	base_buffer_done(&bytes);
}

static void ids_of_generated_methods_are_those_of_the_public_header(void **state)
{
	(void)state;
	assert_int_equal(fixture_service.method_count, 7);
	for (size_t i = 0; i < fixture_service.method_count; i++) {
		const struct gw_rpc_method *method = &fixture_service.methods[i];

		assert_int_equal(method->id, gw_rpc_method_id(method->full_name));
	}
	assert_string_equal(fixture_service.methods[1].full_name, "fixture.Fixture.Add");
	assert_string_equal(fixture_service.methods[1].roles, "client,admin");
	assert_int_equal(fixture_service.methods[1].timeout_ms, 2000);
	assert_int_equal(fixture_service.methods[1].semantics, GW_RPC_AT_MOST_ONCE);
	assert_true(fixture_service.methods[4].reply_streams);
	assert_true(fixture_service.methods[5].request_streams);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_comes_back_in_an_arena),
		cmocka_unit_test(a_message_with_memory_of_its_own_is_freed_by_itself),
		cmocka_unit_test(an_empty_message_has_no_bytes),
		cmocka_unit_test(a_message_over_the_limit_is_not_packed),
		cmocka_unit_test(bytes_that_are_no_message_are_refused_by_name),
		cmocka_unit_test(text_that_is_no_utf8_is_refused_by_name),
		cmocka_unit_test(few_bytes_cannot_ask_for_much_memory),
		cmocka_unit_test(the_arenas_own_limit_holds_too),
		cmocka_unit_test(each_allocation_may_fail),
		cmocka_unit_test(ids_of_generated_methods_are_those_of_the_public_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
