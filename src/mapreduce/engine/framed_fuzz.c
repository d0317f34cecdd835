/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framed_fuzz.c - any bytes as a file of frames, read whole and in two pieces cut at each of some
 * places: reading ends, and if the whole file is right the pieces together give the same pairs.
 */
#include "framed.h"

#include "input.h"
#include "memory_store_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool right)
{
	if (!right)
		__builtin_trap();
}

/* Depends on every byte of every pair and on their order. */
static uint64_t mix(uint64_t sum, struct gw_bytes bytes)
{
	const uint8_t *at = bytes.data;

	sum = sum * 31 + bytes.size;
	for (size_t i = 0; i < bytes.size; i++)
		sum = sum * 31 + at[i];
	return sum;
}

static int read_block(const struct mr_config *config, const struct mr_plan *plan,
		      const struct mr_block *block, uint64_t *sum)
{
	struct mr_records records;
	struct gw_bytes key, value;
	size_t at;
	int more;

	mr_records_init(&records, config, plan, block);
	while ((more = mr_records_next(&records, &key, &value, &at, NULL)) == 1) {
		check(at < block->size);
		*sum = mix(mix(*sum, key), value);
	}
	mr_records_done(&records);
	return more;
}

/* 0 and the sum of all pairs of a file of one or two splits, or a negative code. */
static int read_pairs(const uint8_t *data, size_t size, size_t cut, uint64_t *sum)
{
	struct memory_store store;
	struct mr_plan_file file = {"f", size, MR_PLAIN};
	struct mr_piece pieces[2] = {{0, 0, cut}, {0, cut, size - cut}};
	struct mr_split split = {0, cut < size ? 2 : 1, size};
	struct mr_plan plan = {&file, pieces, &split, 1, split.piece_count, 1, size, NULL};
	struct mr_config config = {.job.input = GW_MR_FRAMED, .slot_memory = 4 << 20};
	struct mr_input *input;
	struct mr_block block;
	int result, more;

	memory_store_init(&store, true);
	memory_store_add(&store, "f", data, size);
	*sum = 0;
	result = mr_input_open(&input, &config, &plan, &store.store, 0, NULL);
	if (result < 0)
		return result;
	while (result == 0 && (more = mr_input_next(input, &block, NULL)) != 0)
		result = more < 0 ? more : read_block(&config, &plan, &block, sum);
	mr_input_close(input);
	check(store.open_files == 0 && store.maps == 0);
	return result;
}

/* Has a payload the magic in it? Our writer masks it (framed.h), others may not know better; then a
 * piece that begins behind the frame's header is free to read what is nested. */
static bool is_ambiguous(const uint8_t *data, size_t size)
{
	struct mr_frame frame;

	for (size_t at = 0; at < size; at += MR_FRAME_HEADER_SIZE + frame.payload_size) {
		check(mr_frame_read_header(data + at, size - at, &frame, NULL) == 0);
		if (mr_frame_find_magic(data, size, at + 1) <
		    at + MR_FRAME_HEADER_SIZE + frame.payload_size)
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t whole, cut_sum;

	if (size < 2)
		return 0;
	if (read_pairs(data, size, size, &whole) < 0) {
		(void)!read_pairs(data, size, size / 2, &cut_sum);
		return 0;
	}
	if (is_ambiguous(data, size))
		return 0;
	for (size_t cut = 1; cut < size; cut += 1 + size / 64) {
		check(read_pairs(data, size, cut, &cut_sum) == 0);
		check(cut_sum == whole);
	}
	return 0;
}
