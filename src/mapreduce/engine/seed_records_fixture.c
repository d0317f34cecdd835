/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seed_records_fixture.c - the records of a draw's files, found a byte at a time: what the engine's
 * input formats are compared with.
 */
#include "seed_fixture.h"

#include "support/unit.h"

#include <assert.h>
#include <stdio.h>

struct walk {
	const struct seed_draw *draw;
	seed_record_function *function;
	void *context;
	uint32_t bad;
};

static void put_i64(uint8_t bytes[8], uint64_t number)
{
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(number >> (8 * i));
}

static void give(struct walk *walk, uint32_t file, uint64_t offset, struct gw_bytes key,
		 struct gw_bytes value)
{
	struct seed_record record = {.file = file, .offset = offset, .key = key, .value = value};
	uint64_t mixed = walk->draw->seed ^ (uint64_t)file << 40 ^ offset;

	if (walk->draw->skip_every && walk->bad < SEED_BAD_MAX)
		record.bad = test_random(&mixed) % walk->draw->skip_every == 0;
	walk->bad += record.bad;
	walk->function(walk->context, &record);
}

/* ---- Lines and columns ---------------------------------------------------------------------- */

/* Where the line at `at` ends: before its newline, or at size. Newlines inside quotes end no CSV
 * line. */
static size_t line_end(const struct seed_draw *draw, const uint8_t *data, size_t size, size_t at)
{
	bool in_quotes = false, field_begins = true;

	for (; at < size; at++) {
		bool csv = draw->input == SEED_CSV;

		if (csv && in_quotes) {
			if (data[at] == '"' && at + 1 < size && data[at + 1] == '"')
				at++;
			else if (data[at] == '"')
				in_quotes = false;
			continue;
		}
		if (data[at] == '\n')
			return at;
		in_quotes = csv && field_begins && data[at] == '"';
		field_begins = data[at] == ',';
	}
	return size;
}

void seed_column(const struct seed_draw *draw, struct gw_bytes line, uint32_t column,
		 struct seed_bytes *field)
{
	const uint8_t *data = line.data;
	uint8_t separator = draw->input == SEED_CSV ? ',' : '\t';
	bool in_quotes = false, field_begins = true;
	size_t size = line.size;
	uint32_t number = 1;

	if (separator == ',' && size > 0 && data[size - 1] == '\r')
		size--;
	for (size_t at = 0; at < size; at++) {
		bool keep = true;

		if (in_quotes && data[at] == '"') {
			/* A doubled one is kept once, and goes on. */
			keep = at + 1 < size && data[at + 1] == '"';
			in_quotes = keep;
			at += keep;
		} else if (!in_quotes && data[at] == separator) {
			number++;
			field_begins = true;
			continue;
		} else if (separator == ',' && field_begins && data[at] == '"') {
			in_quotes = true;
			keep = false;
		}
		field_begins = false;
		if (keep && number == column)
			seed_append_byte(field, data[at]);
	}
}

static void walk_lines(struct walk *walk, uint32_t file, const struct seed_bytes *bytes)
{
	const struct seed_draw *draw = walk->draw;
	bool columns = draw->input == SEED_TABS || draw->input == SEED_CSV;

	for (size_t at = 0; at < bytes->size;) {
		size_t end = line_end(draw, bytes->data, bytes->size, at);
		struct gw_bytes value = {bytes->data + at, end - at};
		struct seed_bytes field = {0};
		uint8_t number[8];

		if (columns && draw->key_column > 0) {
			seed_column(draw, value, draw->key_column, &field);
			give(walk, file, at, (struct gw_bytes){field.data, field.size}, value);
		} else {
			put_i64(number, at);
			give(walk, file, at, (struct gw_bytes){number, 8}, value);
		}
		seed_bytes_done(&field);
		at = end + 1;
	}
}

/* The reader of the draw gives line i to split i modulo the number of splits. */
static void walk_reader(struct walk *walk, const struct seed_bytes *bytes)
{
	for (uint32_t split = 0; split < walk->draw->reader_splits; split++) {
		uint64_t line = 0, number = 0;

		for (size_t at = 0; at < bytes->size; line++) {
			size_t end = line_end(walk->draw, bytes->data, bytes->size, at);
			uint8_t key[8];

			put_i64(key, line);
			if (line % walk->draw->reader_splits == split)
				give(walk, split, number++, (struct gw_bytes){key, 8},
				     (struct gw_bytes){bytes->data + at, end - at});
			at = end + 1;
		}
	}
}

/* ---- Other formats -------------------------------------------------------------------------- */

static void walk_fixed(struct walk *walk, uint32_t file, const struct seed_bytes *bytes)
{
	const struct seed_draw *draw = walk->draw;

	for (size_t at = 0; at < bytes->size; at += draw->record_size)
		give(walk, file, at, (struct gw_bytes){bytes->data + at, draw->key_size},
		     (struct gw_bytes){bytes->data + at + draw->key_size,
				       draw->record_size - draw->key_size});
}

static uint64_t read_varint(const uint8_t *data, size_t *at)
{
	uint64_t value = 0;

	for (unsigned shift = 0;; shift += 7) {
		uint8_t byte = data[(*at)++];

		value += (uint64_t)(byte % 128) << shift;
		if (byte < 128)
			return value;
	}
}

static void walk_frames(struct walk *walk, uint32_t file, const struct seed_bytes *bytes)
{
	const uint8_t *data = bytes->data;

	for (size_t at = 0; at < bytes->size;) {
		size_t size = data[at + 8] + 256u * data[at + 9] + 65536u * data[at + 10];
		size_t end = at + 20 + size;

		for (at += 20; at < end;) {
			size_t begin = at;
			uint64_t key_size = read_varint(data, &at);
			uint64_t value_size = read_varint(data, &at);

			give(walk, file, begin, (struct gw_bytes){data + at, key_size},
			     (struct gw_bytes){data + at + key_size, value_size});
			at += key_size + value_size;
		}
	}
}

void seed_records(const struct seed_draw *draw, const struct seed_files *files,
		  seed_record_function *function, void *context)
{
	struct walk walk = {draw, function, context, 0};
	char name[32];

	if (draw->input == SEED_READER) {
		walk_reader(&walk, &files->plain[0]);
		return;
	}
	for (uint32_t i = 0; i < draw->files; i++) {
		const struct seed_bytes *bytes = &files->plain[i];

		seed_file_name(draw, i, name, sizeof name);
		if (draw->input == SEED_FIXED)
			walk_fixed(&walk, i, bytes);
		else if (draw->input == SEED_FRAMED)
			walk_frames(&walk, i, bytes);
		else if (draw->input != SEED_WHOLE)
			walk_lines(&walk, i, bytes);
		else if (bytes->size > 0)
			give(&walk, i, 0, gw_string(name),
			     (struct gw_bytes){bytes->data, bytes->size});
	}
}
