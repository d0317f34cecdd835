/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet_test.c - packets come through as they were sent, in any pieces; what is broken is refused.
 */
#include "packet.h"

#include "support/unit.h"

static enum vm_packet_event put(struct vm_packet_reader *reader, const char *bytes, size_t size)
{
	enum vm_packet_event event = VM_PACKET_NOTHING;

	for (size_t at = 0; at < size; at++) {
		assert_int_equal(event, VM_PACKET_NOTHING);
		event = vm_packet_put(reader, (uint8_t)bytes[at]);
	}
	return event;
}

static enum vm_packet_event put_text(struct vm_packet_reader *reader, const char *text)
{
	return put(reader, text, strlen(text));
}

static void what_is_framed_is_read(void **state)
{
	struct vm_packet_reader reader = {0};
	uint64_t random = 1;

	(void)state;
	for (size_t size = 0; size < 600; size += 7) {
		struct base_buffer out = {0};
		uint8_t content[600];

		for (size_t at = 0; at < size; at++)
			content[at] = (uint8_t)test_random(&random);
		assert_int_equal(vm_packet_frame(&out, (struct gw_bytes){content, size}, NULL), 0);
		assert_int_equal(put(&reader, (const char *)out.data, out.size), VM_PACKET_WHOLE);
		assert_int_equal(reader.size, size);
		assert_memory_equal(reader.content, content, size);
		assert_int_equal(reader.content[size], 0);
		base_buffer_done(&out);
	}
}

static void a_packet_is_what_the_protocol_says(void **state)
{
	struct base_buffer out = {0};

	(void)state;
	assert_int_equal(vm_packet_frame(&out, (struct gw_bytes){"OK", 2}, NULL), 0);
	assert_int_equal(vm_packet_frame(&out, (struct gw_bytes){"a}b", 3}, NULL), 0);
	assert_int_equal(out.size, 14);
	assert_memory_equal(out.data, "$OK#9a$a}]b#9d", 14);
	base_buffer_done(&out);
}

static void what_is_broken_is_refused(void **state)
{
	static const char *const broken[] = {"$OK#9b", "$OK#9x", "$OK#zz", "$O}#ea", "$#01"};
	struct vm_packet_reader reader = {0};

	(void)state;
	for (size_t at = 0; at < sizeof(broken) / sizeof(*broken); at++)
		assert_int_equal(put_text(&reader, broken[at]), VM_PACKET_BAD);
	assert_int_equal(put_text(&reader, "$OK#9A"), VM_PACKET_WHOLE);
	assert_int_equal(put_text(&reader, "+noise$OK#9a"), VM_PACKET_WHOLE);
}

static void what_is_too_long_is_refused(void **state)
{
	struct vm_packet_reader reader = {0};
	struct base_buffer out = {0};
	static uint8_t content[VM_PACKET_BYTES_MAX + 1];

	(void)state;
	assert_int_equal(vm_packet_frame(&out, (struct gw_bytes){content, sizeof(content)}, NULL),
			 0);
	assert_int_equal(put(&reader, (const char *)out.data, out.size), VM_PACKET_BAD);
	out.size = 0;
	assert_int_equal(
		vm_packet_frame(&out, (struct gw_bytes){content, sizeof(content) - 1}, NULL), 0);
	assert_int_equal(put(&reader, (const char *)out.data, out.size), VM_PACKET_WHOLE);
	base_buffer_done(&out);
}

static void single_bytes_say_something(void **state)
{
	struct vm_packet_reader reader = {0};

	(void)state;
	assert_int_equal(put_text(&reader, "\x03"), VM_PACKET_BREAK);
	assert_int_equal(put_text(&reader, "-"), VM_PACKET_AGAIN);
	assert_int_equal(put_text(&reader, "+"), VM_PACKET_NOTHING);
}

static struct vm_words words_of(const char *text)
{
	return (struct vm_words){text, text + strlen(text)};
}

static void words_are_taken_off_the_front(void **state)
{
	struct vm_words words = words_of("m80000000,10:0aFf");
	uint64_t number;
	uint8_t bytes[2];

	(void)state;
	assert_false(vm_words_take(&words, "M"));
	assert_true(vm_words_take(&words, "m"));
	assert_true(vm_words_number(&words, &number));
	assert_int_equal(number, 0x80000000);
	assert_false(vm_words_number(&words, &number));
	assert_true(vm_words_take(&words, ","));
	assert_true(vm_words_number(&words, &number));
	assert_int_equal(number, 16);
	assert_true(vm_words_take(&words, ":"));
	assert_true(vm_words_bytes(&words, bytes, 2));
	assert_int_equal(bytes[0], 10);
	assert_int_equal(bytes[1], 255);
	assert_int_equal(vm_words_left(&words), 0);
	assert_false(vm_words_bytes(&words, bytes, 1));
	assert_false(vm_words_take(&words, "m"));
	words = words_of("10000000000000000");
	assert_false(vm_words_number(&words, &number));
	words = words_of("ffffffffffffffff");
	assert_true(vm_words_number(&words, &number));
	assert_int_equal(number, UINT64_MAX);
	words = words_of("0g");
	assert_false(vm_words_bytes(&words, bytes, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_framed_is_read),
		cmocka_unit_test(a_packet_is_what_the_protocol_says),
		cmocka_unit_test(what_is_broken_is_refused),
		cmocka_unit_test(what_is_too_long_is_refused),
		cmocka_unit_test(single_bytes_say_something),
		cmocka_unit_test(words_are_taken_off_the_front),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
