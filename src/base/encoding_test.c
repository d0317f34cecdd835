/* SPDX-License-Identifier: Apache-2.0 */
/* encoding_test.c - what is on disk and on the wire: checksum, varints, little-endian numbers. */
#include "base/crc32c.h"
#include "base/little_endian.h"
#include "base/varint.h"

#include "support/unit.h"

/* The vectors of RFC 3720, appendix B.4, and the check value of the CRC catalogue. */
static void checksums_are_those_of_the_standard(void **state)
{
	unsigned char bytes[32];

	(void)state;
	assert_int_equal(base_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(base_crc32c(0, "", 0), 0);
	assert_int_equal(base_crc32c(0, NULL, 0), 0);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(base_crc32c(0, bytes, sizeof(bytes)), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(base_crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	assert_int_equal(base_crc32c(0, bytes, sizeof(bytes)), 0x46dd794e);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(31 - i);
	assert_int_equal(base_crc32c(0, bytes, sizeof(bytes)), 0x113fdb5c);
}

/* One bit at a time, straight from the definition (reflected polynomial 0x82f63b78). */
static uint32_t slow_crc32c(uint32_t crc, const unsigned char *data, size_t size)
{
	crc = ~crc;
	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void checksums_of_pieces_chain(void **state)
{
	static unsigned char data[5000];
	uint64_t seed = 4;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)test_random(&seed);
	for (size_t size = 0; size < 400; size++) /* the short ones go another way */
		assert_int_equal(base_crc32c(7, data + size, size),
				 slow_crc32c(7, data + size, size));
	for (int round = 0; round < 200; round++) {
		size_t size = test_pick(&seed, sizeof(data) + 1);
		size_t cut = test_pick(&seed, size + 1);
		uint32_t whole = base_crc32c(0, data, size);

		assert_int_equal(whole, slow_crc32c(0, data, size));
		assert_int_equal(whole,
				 base_crc32c(base_crc32c(0, data, cut), data + cut, size - cut));
	}
}

static void numbers_are_little_endian_at_any_address(void **state)
{
	uint8_t bytes[9] = {0};

	(void)state;
	base_store64(bytes + 1, 0x0102030405060708);
	assert_memory_equal(bytes, "\0\x08\x07\x06\x05\x04\x03\x02\x01", 9);
	assert_true(base_load64(bytes + 1) == 0x0102030405060708);
	assert_int_equal(base_load32(bytes + 1), 0x05060708);
	assert_int_equal(base_load16(bytes + 3), 0x0506);
	base_store32(bytes + 1, 0xfffefdfc);
	base_store16(bytes + 5, 0x1234);
	assert_memory_equal(bytes, "\0\xfc\xfd\xfe\xff\x34\x12\x02\x01", 9);
}

static void assert_round_trip(uint64_t number)
{
	uint8_t bytes[BASE_VARINT_MAX];
	size_t size = base_varint_put(bytes, number);
	uint64_t back = ~number;

	assert_in_range(size, 1, BASE_VARINT_MAX);
	assert_int_equal(size, base_varint_size(number));
	assert_int_equal(base_varint_get(bytes, size, &back), size);
	assert_true(back == number);
	for (size_t less = 0; less < size; less++)
		assert_int_equal(base_varint_get(bytes, less, &back), 0);
}

static void varints_come_back(void **state)
{
	uint64_t seed = 5;

	(void)state;
	for (int bit = 0; bit < 64; bit++) {
		assert_round_trip(UINT64_C(1) << bit);
		assert_round_trip((UINT64_C(1) << bit) - 1);
		for (int i = 0; i < 100; i++)
			assert_round_trip(test_random(&seed) >> bit);
	}
	assert_round_trip(UINT64_MAX);
}

static void varints_have_one_form(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} refused[] = {
		{"\x80\x00", 2},                                 /* 0 in two bytes */
		{"\xff\x80\x00", 3},                             /* 127 in three */
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10}, /* 65 bits */
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x80\x01", 11}, /* eleven bytes */
		{"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 10}, /* no end */
	};
	uint64_t number;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(base_varint_get((const uint8_t *)refused[i].bytes, refused[i].size,
						 &number),
				 0);
}

static void zigzag_keeps_small_numbers_small(void **state)
{
	static const int64_t numbers[] = {0, -1, 1, -2, 2};

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(base_zigzag(numbers[i]), i);
	assert_true(base_zigzag(INT64_MAX) == UINT64_MAX - 1);
	assert_true(base_zigzag(INT64_MIN) == UINT64_MAX);
	assert_true(base_unzigzag(UINT64_MAX) == INT64_MIN);
	for (int64_t number = -1000; number <= 1000; number++)
		assert_int_equal(base_unzigzag(base_zigzag(number)), number);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksums_are_those_of_the_standard),
		cmocka_unit_test(checksums_of_pieces_chain),
		cmocka_unit_test(numbers_are_little_endian_at_any_address),
		cmocka_unit_test(varints_come_back),
		cmocka_unit_test(varints_have_one_form),
		cmocka_unit_test(zigzag_keeps_small_numbers_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
