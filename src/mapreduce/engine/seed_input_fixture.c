/* SPDX-License-Identifier: Apache-2.0 */
/* seed_input_fixture.c - the bytes of a draw's input files, in every format and of every kind of
 * key. */
#include "seed_fixture.h"

#include "support/unit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Bytes ----------------------------------------------------------------------------------- */

void seed_append(struct seed_bytes *bytes, const void *data, size_t size)
{
	if (size > bytes->capacity - bytes->size) {
		bytes->capacity = (bytes->size + size) * 2;
		bytes->data = realloc(bytes->data, bytes->capacity);
		assert(bytes->data);
	}
	if (size > 0)
		memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
}

void seed_append_byte(struct seed_bytes *bytes, uint8_t byte)
{
	seed_append(bytes, &byte, 1);
}

void seed_bytes_done(struct seed_bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct seed_bytes){0};
}

uint32_t seed_crc32c(uint32_t crc, const uint8_t *data, size_t size)
{
	crc = ~crc;
	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	return ~crc;
}

/* ---- Words ----------------------------------------------------------------------------------- */

static uint64_t word_count(enum seed_text text)
{
	static const uint64_t counts[SEED_TEXTS] = {
		[SEED_FEW_KEYS] = 5, [SEED_MANY_KEYS] = 100000, [SEED_ONE_KEY] = 1,
		[SEED_LONG_KEYS] = 60, [SEED_COMMON_PREFIX] = 300, [SEED_ZEROS] = 40,
		[SEED_LONG_LINES] = 1000, [SEED_EMPTY_LINES] = 50, [SEED_BINARY] = 200,
	};

	return counts[text];
}

static void append_fill(struct seed_bytes *bytes, uint8_t byte, size_t count)
{
	for (size_t i = 0; i < count; i++)
		seed_append_byte(bytes, byte);
}

/* A word without blanks, quotes or commas. The same number in small and in capital letters is met
 * too. */
static void append_word(const struct seed_draw *draw, struct seed_bytes *bytes, uint64_t *random)
{
	uint64_t number = test_pick(random, word_count(draw->text));
	uint64_t mixed = draw->seed ^ number;
	uint64_t shape = test_random(&mixed);
	char text[64];
	int size;

	if (draw->text == SEED_COMMON_PREFIX)
		append_fill(bytes, 'x', draw->seed % 5 * 8 + draw->seed / 5 % 3 * 130 + shape % 2);
	if (draw->text == SEED_ZEROS)
		append_fill(bytes, 'z', 5 + shape % 13);
	if (draw->text == SEED_LONG_KEYS)
		append_fill(bytes, 'l', shape % 16 ? shape / 16 % 300 : shape / 16 % 20000);
	if (draw->text == SEED_ZEROS) {
		append_fill(bytes, 0, shape / 16 % 18);
		if (shape % 4 != 0)
			return;
	}
	if (draw->text == SEED_BINARY && shape % 2)
		append_fill(bytes, (uint8_t)(128 + shape / 2 % 128), shape / 256 % 10);
	size = snprintf(text, sizeof text, shape % 10 ? "%c%llu" : "http://h%c:80/%llu",
			test_pick(random, 8) ? 'w' : 'W', (unsigned long long)number);
	seed_append(bytes, text, (size_t)size);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static void append_line(const struct seed_draw *draw, struct seed_bytes *bytes, size_t end,
			uint64_t *random)
{
	char separator = draw->input == SEED_TABS ? '\t' : ' ';
	uint64_t words = test_pick(random, 9);

	if (draw->text == SEED_LONG_LINES)
		words = test_pick(random, 3) ? words : 1 + test_pick(random, 20000);
	if (draw->text == SEED_EMPTY_LINES && test_pick(random, 4))
		words = 0;
	for (uint64_t i = 0; i < words && bytes->size < end; i++) {
		if (i > 0)
			seed_append_byte(bytes, (uint8_t)(test_pick(random, 3) ? separator : ' '));
		append_word(draw, bytes, random);
	}
	if (bytes->size < end || draw->newline_at_end)
		seed_append_byte(bytes, '\n');
}

static void append_binary(struct seed_bytes *bytes, size_t end, uint64_t *random)
{
	static const char some[] = " \n\0\377ab\t\r\177z,:/";

	while (bytes->size < end)
		seed_append_byte(bytes, (uint8_t)some[test_pick(random, sizeof some - 1)]);
}

static void make_lines(const struct seed_draw *draw, struct seed_bytes *bytes, size_t end,
		       uint64_t *random)
{
	if (draw->text == SEED_BINARY && draw->input != SEED_CSV) {
		append_binary(bytes, end, random);
		return;
	}
	while (bytes->size < end)
		append_line(draw, bytes, end, random);
}

/* ---- Other formats -------------------------------------------------------------------------- */

static void append_csv_field(const struct seed_draw *draw, struct seed_bytes *bytes,
			     uint64_t *random)
{
	static const char *const inner[] = {",", "\n", "\"\"", " ", "x", "\r\n"};
	uint64_t kind = test_pick(random, 10);

	if (kind == 0)
		return;
	if (kind < 6) {
		append_word(draw, bytes, random);
		if (kind == 5)
			seed_append(bytes, "a\"b", 3);
		return;
	}
	seed_append_byte(bytes, '"');
	for (uint64_t i = test_pick(random, 4); i > 0; i--) {
		const char *piece = inner[test_pick(random, 6)];

		append_word(draw, bytes, random);
		seed_append(bytes, piece, strlen(piece));
	}
	seed_append_byte(bytes, '"');
	if (kind == 9)
		append_word(draw, bytes, random);
}

static void make_csv(const struct seed_draw *draw, struct seed_bytes *bytes, size_t end,
		     uint64_t *random)
{
	while (bytes->size < end) {
		for (uint64_t i = test_pick(random, 5); i > 0; i--) {
			append_csv_field(draw, bytes, random);
			if (i > 1)
				seed_append_byte(bytes, ',');
		}
		if (bytes->size >= end && !draw->newline_at_end)
			return;
		if (test_pick(random, 3) == 0)
			seed_append_byte(bytes, '\r');
		seed_append_byte(bytes, '\n');
	}
}

static void make_fixed(const struct seed_draw *draw, struct seed_bytes *bytes, size_t end,
		       uint64_t *random)
{
	uint64_t different = word_count(draw->text);

	while (bytes->size + draw->record_size <= end) {
		uint64_t record = draw->seed + test_pick(random, different);

		for (uint32_t i = 0; i < draw->record_size; i++)
			seed_append_byte(bytes, (uint8_t) "ab \0AB\n\377"[test_pick(&record, 8)]);
	}
}

static void append_varint(struct seed_bytes *bytes, uint64_t value)
{
	for (; value >= 128; value /= 128)
		seed_append_byte(bytes, (uint8_t)(value % 128 + 128));
	seed_append_byte(bytes, (uint8_t)value);
}

static void append_u32(struct seed_bytes *bytes, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		seed_append_byte(bytes, (uint8_t)(value >> (8 * i)));
}

/* A frame as include/groundwork and docs/mapreduce.md describe it. */
static void append_frame(struct seed_bytes *bytes, const struct seed_bytes *pairs, uint32_t count)
{
	struct seed_bytes head = {0};
	uint32_t crc;

	seed_append(&head, "\1\0\0\0", 4);
	append_u32(&head, (uint32_t)pairs->size);
	append_u32(&head, count);
	crc = seed_crc32c(seed_crc32c(0, head.data, head.size), pairs->data, pairs->size);
	seed_append(bytes, "\367GWF", 4);
	seed_append(bytes, head.data, head.size);
	append_u32(bytes, crc);
	seed_append(bytes, pairs->data, pairs->size);
	seed_bytes_done(&head);
}

static void append_pair(const struct seed_draw *draw, struct seed_bytes *pairs, uint64_t *random)
{
	struct seed_bytes key = {0}, value = {0};

	if (test_pick(random, 20))
		append_word(draw, &key, random);
	for (uint64_t i = test_pick(random, 4); i > 0; i--) {
		append_word(draw, &value, random);
		seed_append_byte(&value, " \n"[test_pick(random, 8) == 0]);
	}
	append_varint(pairs, key.size);
	append_varint(pairs, value.size);
	seed_append(pairs, key.data, key.size);
	seed_append(pairs, value.data, value.size);
	seed_bytes_done(&key);
	seed_bytes_done(&value);
}

static void make_frames(const struct seed_draw *draw, struct seed_bytes *bytes, size_t end,
			uint64_t *random)
{
	while (bytes->size < end) {
		struct seed_bytes pairs = {0};
		uint32_t count = 1 + (uint32_t)test_pick(random, 40);

		for (uint32_t i = 0; i < count; i++)
			append_pair(draw, &pairs, random);
		append_frame(bytes, &pairs, count);
		seed_bytes_done(&pairs);
	}
}

void seed_files_make(const struct seed_draw *draw, struct seed_files *files)
{
	*files = (struct seed_files){0};
	for (uint32_t i = 0; i < draw->files; i++) {
		uint64_t random = draw->seed * 31 + i + 1;
		struct seed_bytes *bytes = &files->plain[i];

		if (draw->input == SEED_FIXED)
			make_fixed(draw, bytes, draw->sizes[i], &random);
		else if (draw->input == SEED_CSV)
			make_csv(draw, bytes, draw->sizes[i], &random);
		else if (draw->input == SEED_FRAMED)
			make_frames(draw, bytes, draw->sizes[i], &random);
		else
			make_lines(draw, bytes, draw->sizes[i], &random);
	}
}

void seed_files_done(struct seed_files *files)
{
	for (uint32_t i = 0; i < SEED_FILES_MAX; i++)
		seed_bytes_done(&files->plain[i]);
}

void seed_file_name(const struct seed_draw *draw, uint32_t file, char *name, size_t size)
{
	static const char *const endings[] = {"", ".gz", ".zst", ".lz4"};

	snprintf(name, size, "in%u%s", file, endings[draw->packed[file]]);
}
