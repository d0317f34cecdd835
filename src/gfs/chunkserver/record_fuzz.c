/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_fuzz.c - whatever bytes are the log of a chunk: a record is read whole, and written again
 * it is the same bytes, or it is refused; those that are read are applied one after the other, and
 * the state stays sound. The first byte says whether checksums are made right (without which no
 * fuzzer would come past them) or left as they are.
 */
#include "gfs/chunkserver/record.h"
#include "gfs/chunkserver/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/little_endian.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The checksum of the record at the start, if it is whole. */
static void mend(uint8_t *log, size_t size, uint32_t before)
{
	const size_t head = CHUNK_RECORD_HEAD_BYTES;

	if (size < head || base_load32(log + 4) > size - head)
		return;
	base_store32(log, base_crc32c(before, log + 4, head - 4 + base_load32(log + 4)));
}

static void is_read_as_written(const struct chunk_record *record, const uint8_t *log, size_t size,
			       uint32_t before)
{
	struct base_buffer again = {0};
	int code = chunk_record_put(&again, record, &before, NULL);

	assert(code == 0 && again.size == size && memcmp(again.data, log, size) == 0);
	base_buffer_done(&again);
}

static void is_sound(const struct chunk_state *state)
{
	uint64_t at = 0;

	assert(state->handle == 0 || state->length <= chunk_bytes_max(state));
	assert(state->crc_capacity >= chunk_block_count(state->length));
	assert(state->completion_count <= GFS_COMPLETIONS_MAX + 1);
	for (uint32_t i = 0; i < chunk_block_count(state->length); i++)
		at += chunk_block_bytes(state->length, i);
	assert(at == state->length);
	for (size_t i = 0; i < state->completion_count; i++) {
		const struct chunk_completion *one = &state->completions[i];

		assert(one->writer != 0);
		assert(i == 0 || one[-1].writer <= one->writer);
		assert(i == 0 || one[-1].writer < one->writer ||
		       one[-1].sequence <= one->sequence);
		assert(one->kind == CHUNK_FLOOR ||
		       chunk_outcome(state, one->writer, one->sequence, NULL) >= 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chunk_state state = {0};
	uint8_t *log = malloc(size + 1);
	bool are_mended = size > 0 && data[0] & 1;
	uint32_t crc = 0;
	size_t at = 1;

	assert(log);
	if (size > 0)
		memcpy(log, data, size);
	while (at < size) {
		struct chunk_record record;
		uint32_t before = crc;
		int64_t read;

		if (are_mended)
			mend(log + at, size - at, crc);
		read = chunk_record_get("a log", (struct gw_bytes){log + at, size - at}, &crc,
					&record, NULL);
		if (read <= 0)
			break;
		assert((size_t)read <= size - at);
		is_read_as_written(&record, log + at, (size_t)read, before);
		if (chunk_state_apply(&state, &record, NULL) < 0)
			break;
		is_sound(&state);
		at += (size_t)read;
	}
	chunk_state_done(&state);
	free(log);
	return 0;
}
