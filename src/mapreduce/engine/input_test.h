/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input_test.h - what the tests of input share: records written down as bytes, so that two ways to
 * read can be compared, and readers that are too simple to be wrong.
 */
#ifndef MR_INPUT_TEST_H
#define MR_INPUT_TEST_H

#include "base/buffer.h"
#include "base/little_endian.h"
#include "base/varint.h"
#include "framed.h"
#include "input.h"
#include "memory_store_test.h"

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

static inline void log_record(struct base_buffer *log, uint64_t offset, struct gw_bytes key,
			      struct gw_bytes value)
{
	uint64_t numbers[3] = {offset, key.size, value.size};

	assert_int_equal(base_buffer_append(log, numbers, sizeof numbers, NULL), 0);
	if (key.size)
		assert_int_equal(base_buffer_append(log, key.data, key.size, NULL), 0);
	if (value.size)
		assert_int_equal(base_buffer_append(log, value.data, value.size, NULL), 0);
}

static inline void expect_same_log(const struct base_buffer *got, const struct base_buffer *wanted)
{
	assert_int_equal(got->size, wanted->size);
	if (wanted->size)
		assert_memory_equal(got->data, wanted->data, wanted->size);
}

static inline struct gw_bytes offset_key(uint8_t bytes[8], uint64_t offset)
{
	base_store64(bytes, offset);
	return (struct gw_bytes){bytes, 8};
}

/* ---- Simple readers: the whole file at once -------------------------------------------------- */

static inline void naive_lines(struct base_buffer *log, const char *data, size_t size)
{
	uint8_t number[8];

	for (size_t begin = 0; begin < size;) {
		size_t end = begin;

		while (end < size && data[end] != '\n')
			end++;
		log_record(log, begin, offset_key(number, begin),
			   (struct gw_bytes){data + begin, end - begin});
		begin = end + 1;
	}
}

static inline void naive_fixed(struct base_buffer *log, const char *data, size_t size,
			       size_t record_size, size_t key_size)
{
	for (size_t at = 0; at < size; at += record_size)
		log_record(log, at, (struct gw_bytes){data + at, key_size},
			   (struct gw_bytes){data + at + key_size, record_size - key_size});
}

/* ---- Frames ---------------------------------------------------------------------------------- */

struct test_pair {
	const char *key, *value;
};

/* Appends a frame with the pairs, and logs them as they are to be read. */
static inline void put_frame(struct base_buffer *file, struct base_buffer *log,
			     const struct test_pair *pairs, uint32_t count)
{
	struct base_buffer payload = {0};
	uint8_t header[MR_FRAME_HEADER_SIZE], sizes[2 * BASE_VARINT_MAX];
	struct gw_bytes part;
	uint16_t mask;

	for (uint32_t i = 0; i < count; i++) {
		struct gw_bytes key = gw_string(pairs[i].key), value = gw_string(pairs[i].value);
		size_t size = base_varint_put(sizes, key.size);

		size += base_varint_put(sizes + size, value.size);
		log_record(log, file->size + MR_FRAME_HEADER_SIZE + payload.size, key, value);
		assert_int_equal(base_buffer_append(&payload, sizes, size, NULL), 0);
		assert_int_equal(base_buffer_append(&payload, key.data, key.size, NULL), 0);
		assert_int_equal(base_buffer_append(&payload, value.data, value.size, NULL), 0);
	}
	part = (struct gw_bytes){payload.data, payload.size};
	mask = mr_frame_make_header(header, &part, 1, count);
	mr_frame_mask(payload.data, payload.size, mask, 0);
	assert_int_equal(base_buffer_append(file, header, sizeof header, NULL), 0);
	assert_int_equal(base_buffer_append(file, payload.data, payload.size, NULL), 0);
	base_buffer_done(&payload);
}

/* ---- Reading through the code under test
 * --------------------------------------------------------- */

static inline int log_block(const struct mr_config *config, const struct mr_plan *plan,
			    const struct mr_block *block, struct base_buffer *log,
			    struct gw_error *error)
{
	struct mr_records records;
	struct gw_bytes key, value;
	size_t at = 0, last = 0;
	int more;

	mr_records_init(&records, config, plan, block);
	while ((more = mr_records_next(&records, &key, &value, &at, error)) == 1) {
		assert_true(at < block->size && (at > last || last == 0));
		last = at;
		log_record(log, block->offset + at, key, value);
	}
	mr_records_done(&records);
	return more;
}

static inline int log_split(const struct mr_config *config, const struct mr_plan *plan,
			    struct mr_store *store, uint32_t split, struct base_buffer *log,
			    struct gw_error *error)
{
	struct mr_input *input;
	struct mr_block block;
	int result = mr_input_open(&input, config, plan, store, split, error);

	if (result < 0)
		return result;
	while ((result = mr_input_next(input, &block, error)) == 1) {
		assert_true(block.size > 0);
		result = log_block(config, plan, &block, log, error);
		if (result < 0)
			break;
	}
	mr_input_close(input);
	return result;
}

/* A file cut into pieces of some size, each a split. */
struct cut_file {
	struct mr_plan plan;
	struct mr_plan_file file;
	struct mr_piece *pieces;
	struct mr_split *splits;
};

static inline void cut_init(struct cut_file *cut, const char *path, size_t size, size_t piece_size)
{
	uint32_t count = (uint32_t)((size + piece_size - 1) / piece_size);

	*cut = (struct cut_file){
		.file = {path, size, MR_PLAIN},
		.pieces = calloc(count + 1, sizeof *cut->pieces),
		.splits = calloc(count + 1, sizeof *cut->splits),
	};
	for (uint32_t i = 0; i < count; i++) {
		uint64_t offset = (uint64_t)i * piece_size, left = size - offset;

		cut->pieces[i] = (struct mr_piece){0, offset,
						   left < piece_size ? left : piece_size};
		cut->splits[i] = (struct mr_split){i, 1, cut->pieces[i].size};
	}
	cut->plan = (struct mr_plan){
		&cut->file, cut->pieces, cut->splits, 1, count, count, size, NULL};
}

static inline void cut_done(struct cut_file *cut)
{
	free(cut->pieces);
	free(cut->splits);
}

/* ---- What is read ---------------------------------------------------------------------------- */

/* The bytes under test: a file, how it is to be read, and what is to come out. */
struct subject {
	struct mr_config config;
	const char *data;
	size_t size;
	struct base_buffer wanted;
};

static inline int log_all(const struct subject *subject, const struct mr_plan *plan, bool maps,
		   struct base_buffer *log, struct gw_error *error)
{
	struct memory_store store;
	int result = 0;

	memory_store_init(&store, maps);
	memory_store_add(&store, plan->files[0].path, subject->data, subject->size);
	for (uint32_t i = 0; i < plan->split_count && result == 0; i++)
		result = log_split(&subject->config, plan, &store.store, i, log, error);
	assert_int_equal(store.open_files, 0);
	assert_int_equal(store.maps, 0);
	return result;
}

static inline void expect_records(const struct subject *subject, const struct mr_plan *plan,
				  bool maps)
{
	struct base_buffer log = {0};
	struct gw_error error = {0};

	if (log_all(subject, plan, maps, &log, &error) < 0)
		fail_msg("%s", error.text);
	expect_same_log(&log, &subject->wanted);
	base_buffer_done(&log);
}

static inline void expect_records_of_one_piece(const struct subject *subject, bool maps)
{
	struct cut_file cut;

	cut_init(&cut, "f", subject->size, subject->size);
	expect_records(subject, &cut.plan, maps);
	cut_done(&cut);
}

enum { BIG_SIZE = 700 * 1024 };

/* Lines of very different lengths, some over 64 KiB. */
static inline char *make_lines(size_t size)
{
	char *data = malloc(size);
	uint32_t seed = 3;
	size_t at = 0;

	assert_non_null(data);
	memset(data, 'x', size);
	while (at < size) {
		seed = seed * 1664525 + 1013904223;
		at += seed >> 30 ? (seed >> 20) % 100 : (seed >> 12) % 90000;
		if (at < size)
			data[at++] = '\n';
	}
	return data;
}

/* Frames with the magic in some values, among them a whole framed file. */
static inline void make_frames(struct base_buffer *file, struct base_buffer *log)
{
	const struct test_pair plain[] = {{"k", "v"}, {"", ""}, {"key", "longer value"}};
	const struct test_pair magic[] = {{"m", "\xf7GWF"}, {"n", "x\xf7GWF\x01"}};
	struct base_buffer nested = {0}, nested_log = {0};

	put_frame(&nested, &nested_log, (struct test_pair[]){{"in", "ner"}}, 1);
	for (size_t i = 0; i < nested.size; i++) /* a value of a test has no NUL in it */
		nested.data[i] |= nested.data[i] ? 0 : 0x40;
	assert_int_equal(base_buffer_append(&nested, "", 1, NULL), 0);
	put_frame(file, log, plain, 3);
	put_frame(file, log, magic, 2);
	put_frame(file, log, plain, 1);
	put_frame(file, log, (struct test_pair[]){{"n", (char *)nested.data}}, 1);
	put_frame(file, log, magic, 1);
	put_frame(file, log, plain + 2, 1);
	base_buffer_done(&nested);
	base_buffer_done(&nested_log);
}

#endif
