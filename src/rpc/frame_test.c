/* SPDX-License-Identifier: Apache-2.0 */
/* frame_test.c - the wire format, byte for byte; what is refused, and how it is named. */
#include "rpc/frame.h"

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "support/unit.h"

/* Version 1 as it was when it was made. Clients of that day must be understood for ever. */
static const uint8_t golden_call[] = {
	0x47, 0x57, 0x01, 0x02, 0x01, 0x00, 0x00, 0x00, /* GW, version, call, once */
	0x05, 0x00, 0x00, 0x00, 0x04, 0x03, 0x02, 0x01, /* bytes, method */
	0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, /* call */
	0x00, 0xca, 0x9a, 0x3b, 0x00, 0x00, 0x00, 0x00, /* a second left */
	0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, /* attachment */
	0xef, 0xbe, 0xad, 0xde, 0x00, 0x00, 0x00, 0x00, /* trace */
	0x10, 0x51, 0x80, 0x12, 0xda, 0x68, 0x4b, 0x80, /* checksums */
	0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* client */
	0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* sequence */
	0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* first incomplete */
	0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* object */
	0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* incarnation */
	0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* credit */
};

static struct rpc_header example(void)
{
	struct rpc_header header = {.kind = RPC_KIND_CALL,
				    .flags = RPC_FLAG_ONCE,
				    .payload_bytes = 5,
				    .method = 0x01020304,
				    .call = 0x0102030405060708,
				    .number = 1000000000,
				    .attachment_bytes = 1 << 20,
				    .trace = 0xdeadbeef,
				    .once = {{{1, 2}}, 3, 2, 4, 5, 6}};

	header.payload_crc = rpc_payload_crc(&header, gw_string("hello"));
	return header;
}

static void a_call_is_the_bytes_it_was_in_version_1(void **state)
{
	struct rpc_header header = example(), back;
	uint8_t out[RPC_FRAME_BYTES_MAX];
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(rpc_header_encode(&header, out), sizeof(golden_call));
	assert_memory_equal(out, golden_call, sizeof(golden_call));
	assert_int_equal(rpc_header_decode(golden_call, &back, &error), 0);
	rpc_once_decode(golden_call + RPC_HEADER_BYTES, &back.once);
	assert_int_equal(rpc_header_encode(&back, out), sizeof(golden_call));
	assert_memory_equal(out, golden_call, sizeof(golden_call));
	assert_int_equal(rpc_payload_crc(&back, gw_string("hello")), back.payload_crc);
}

static void a_frame_without_a_once_block_is_its_header_only(void **state)
{
	struct rpc_header header = {.kind = RPC_KIND_PING}, back;
	uint8_t out[RPC_FRAME_BYTES_MAX];

	(void)state;
	assert_int_equal(rpc_header_encode(&header, out), RPC_HEADER_BYTES);
	assert_int_equal(rpc_header_decode(out, &back, NULL), 0);
	assert_int_equal(back.kind, RPC_KIND_PING);
}

static void every_flipped_bit_of_a_header_is_found(void **state)
{
	uint8_t bytes[RPC_HEADER_BYTES];
	struct rpc_header header;

	(void)state;
	for (size_t bit = 0; bit < 8 * RPC_HEADER_BYTES; bit++) {
		memcpy(bytes, golden_call, sizeof(bytes));
		bytes[bit / 8] ^= (uint8_t)(1 << (bit % 8));
		assert_true(rpc_header_decode(bytes, &header, NULL) < 0);
	}
}

static void every_flipped_bit_behind_it_is_found(void **state)
{
	struct rpc_header header = example();
	uint8_t block[RPC_ONCE_BYTES];

	(void)state;
	for (size_t bit = 0; bit < 8 * RPC_ONCE_BYTES; bit++) {
		memcpy(block, golden_call + RPC_HEADER_BYTES, sizeof(block));
		block[bit / 8] ^= (uint8_t)(1 << (bit % 8));
		rpc_once_decode(block, &header.once);
		assert_true(rpc_payload_crc(&header, gw_string("hello")) != header.payload_crc);
	}
	header = example();
	assert_true(rpc_payload_crc(&header, gw_string("hellp")) != header.payload_crc);
}

/* Changes a byte and makes the checksum right again. */
static int decode_with(size_t at, uint8_t value, struct gw_error *error)
{
	uint8_t bytes[RPC_HEADER_BYTES];
	struct rpc_header header;

	memcpy(bytes, golden_call, sizeof(bytes));
	bytes[at] = value;
	base_store32(bytes + 52, base_crc32c(0, bytes, 52));
	return rpc_header_decode(bytes, &header, error);
}

static void what_is_unknown_is_refused_by_name(void **state)
{
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(decode_with(2, 7, &error), GW_E_VERSION);
	assert_string_equal(error.text, "frame of version 7, we speak 1");
	assert_int_equal(decode_with(3, 0, &error), GW_E_CORRUPT);
	assert_int_equal(decode_with(3, 99, &error), GW_E_CORRUPT);
	assert_string_equal(error.text, "frame of unknown kind 99");
	assert_int_equal(decode_with(4, 0x80, &error), GW_E_CORRUPT);
	assert_int_equal(decode_with(7, 1, &error), GW_E_CORRUPT);
	assert_int_equal(decode_with(0, 'H', &error), GW_E_CORRUPT);
	assert_non_null(strstr(error.text, "not a frame"));
}

static void failures_and_greetings_go_there_and_back(void **state)
{
	struct rpc_hello hello = {4 << 20, 64 << 20}, hello_back;
	struct rpc_opened opened = {7, 60000}, opened_back;
	struct rpc_failure failure;
	uint8_t bytes[RPC_HELLO_BYTES], payload[] = {3, 0, 'a', ':', '1', 'n', 'o'};

	(void)state;
	rpc_hello_encode(&hello, bytes);
	assert_int_equal(rpc_hello_decode((struct gw_bytes){bytes, 16}, &hello_back, NULL), 0);
	assert_int_equal(hello_back.message_bytes_max, hello.message_bytes_max);
	assert_int_equal(hello_back.attachment_bytes_max, hello.attachment_bytes_max);
	assert_int_equal(rpc_hello_decode((struct gw_bytes){bytes, 15}, &hello_back, NULL),
			 GW_E_CORRUPT);
	rpc_opened_encode(&opened, bytes);
	assert_int_equal(rpc_opened_decode((struct gw_bytes){bytes, 16}, &opened_back, NULL), 0);
	assert_int_equal(opened_back.lease_ms, 60000);
	assert_int_equal(rpc_opened_decode((struct gw_bytes){bytes, 1}, &opened_back, NULL),
			 GW_E_CORRUPT);
	assert_int_equal(rpc_failure_decode((struct gw_bytes){payload, 7}, &failure, NULL), 0);
	assert_int_equal(failure.redirect.size, 3);
	assert_memory_equal(failure.text.data, "no", 2);
	assert_int_equal(rpc_failure_decode((struct gw_bytes){payload, 4}, &failure, NULL),
			 GW_E_CORRUPT);
	assert_int_equal(rpc_failure_decode((struct gw_bytes){payload, 1}, &failure, NULL),
			 GW_E_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_the_bytes_it_was_in_version_1),
		cmocka_unit_test(a_frame_without_a_once_block_is_its_header_only),
		cmocka_unit_test(every_flipped_bit_of_a_header_is_found),
		cmocka_unit_test(every_flipped_bit_behind_it_is_found),
		cmocka_unit_test(what_is_unknown_is_refused_by_name),
		cmocka_unit_test(failures_and_greetings_go_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
