/* SPDX-License-Identifier: Apache-2.0 */
/* field_test.c - protobuf's wire format, one field at a time. */
#include "rpc/schema/field.h"

#include "support/unit.h"

static void fields_come_back_in_their_order(void **state)
{
	struct base_buffer buffer = {0};
	struct rpc_field field;

	(void)state;
	assert_int_equal(rpc_field_put_varint(&buffer, 1, UINT64_MAX, NULL), 0);
	assert_int_equal(rpc_field_put_fixed32(&buffer, 2, 0xdeadbeef, NULL), 0);
	assert_int_equal(rpc_field_put_fixed64(&buffer, 3, 1, NULL), 0);
	assert_int_equal(rpc_field_put_bytes(&buffer, RPC_FIELD_NUMBER_MAX, gw_string("abc"), NULL),
			 0);
	struct gw_bytes rest = base_buffer_bytes(&buffer);

	assert_int_equal(rpc_field_next(&rest, &field, NULL), 1);
	assert_true(field.number == 1 && field.wire == RPC_WIRE_VARINT);
	assert_true(field.value == UINT64_MAX);
	assert_int_equal(rpc_field_next(&rest, &field, NULL), 1);
	assert_true(field.number == 2 && field.wire == RPC_WIRE_FIXED32);
	assert_int_equal(field.value, 0xdeadbeef);
	assert_int_equal(rpc_field_next(&rest, &field, NULL), 1);
	assert_true(field.number == 3 && field.wire == RPC_WIRE_FIXED64 && field.value == 1);
	assert_int_equal(rpc_field_next(&rest, &field, NULL), 1);
	assert_true(field.number == RPC_FIELD_NUMBER_MAX && field.wire == RPC_WIRE_LENGTH);
	assert_int_equal(gw_bytes_compare(field.bytes, gw_string("abc")), 0);
	assert_int_equal(rpc_field_next(&rest, &field, NULL), 0);
	base_buffer_done(&buffer);
}

static void a_field_that_is_cut_anywhere_is_truncated(void **state)
{
	static const struct gw_bytes fields[] = {
		{"\x08\xff\xff\x01", 4},
		{"\x15\1\2\3\4", 5},
		{"\x19\1\2\3\4\5\6\7\x08", 9},
		{"\x22\x03"
		 "abc",
		 5},
		{"\xf8\xff\xff\xff\x0f\x01", 6},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		for (size_t size = 1; size <= fields[i].size; size++) {
			struct gw_bytes rest = {fields[i].data, size};
			struct gw_error error = {0};
			struct rpc_field field;
			int code = rpc_field_next(&rest, &field, &error);

			assert_int_equal(code, size == fields[i].size ? 1 : GW_E_TRUNCATED);
			assert_int_equal(rest.size, code < 0 ? size : 0);
			assert_true(code == 1 || strstr(error.text, "message ends inside"));
		}
	}
}

static void what_is_no_field_is_corrupt(void **state)
{
	static const struct gw_bytes wrong[] = {
		{"\x00\x01", 2},		 /* number 0 */
		{"\x80\x80\x80\x80\x10\x01", 6}, /* number 2^29 */
		{"\x0b\x00", 2},
		{"\x0c\x00", 2},
		{"\x0e\x00", 2}, /* groups, no wire type */
		{"\x0f\x00", 2},
		{"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* too long */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct gw_bytes rest = wrong[i];
		struct gw_error error = {0};
		struct rpc_field field;

		assert_int_equal(rpc_field_next(&rest, &field, &error), GW_E_CORRUPT);
		assert_int_equal(rest.size, wrong[i].size);
	}
}

static void longer_forms_of_a_number_are_read(void **state)
{
	struct gw_bytes rest = {"\x85\x80\x00", 3};
	uint64_t value;

	(void)state;
	assert_int_equal(rpc_field_varint(&rest, &value, NULL), 0);
	assert_int_equal(value, 5);
	assert_int_equal(rest.size, 0);
}

static void a_buffer_that_is_full_is_an_error(void **state)
{
	struct base_buffer buffer = {.size_max = 8};

	(void)state;
	assert_int_equal(rpc_field_put_fixed64(&buffer, 1, 1, NULL), GW_E_TOO_LARGE);
	buffer.size = 0;
	assert_int_equal(rpc_field_put_bytes(&buffer, 1, gw_string("seven.."), NULL),
			 GW_E_TOO_LARGE);
	base_buffer_done(&buffer);
}

static void only_utf8_is_utf8(void **state)
{
	static const char *const good[] = {"",
					   "abc",
					   "\xc3\xa4",
					   "\xe2\x82\xac",
					   "\xf0\x9f\x98\x80",
					   "\xf4\x8f\xbf\xbf",
					   "\xee\x80\x80"};
	static const char *const bad[] = {"\x80",
					  "\xc3",
					  "\xc3\x28",
					  "\xc0\x80",
					  "\xe0\x80\x80",
					  "\xed\xa0\x80",
					  "\xf0\x80\x80\x80",
					  "\xf4\x90\x80\x80",
					  "\xf8\x88\x80\x80\x80",
					  "\xff",
					  "a\xe2\x82"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(rpc_is_utf8(gw_string(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(rpc_is_utf8(gw_string(bad[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_back_in_their_order),
		cmocka_unit_test(a_field_that_is_cut_anywhere_is_truncated),
		cmocka_unit_test(what_is_no_field_is_corrupt),
		cmocka_unit_test(longer_forms_of_a_number_are_read),
		cmocka_unit_test(a_buffer_that_is_full_is_an_error),
		cmocka_unit_test(only_utf8_is_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
