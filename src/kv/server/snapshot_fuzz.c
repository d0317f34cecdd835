/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_fuzz.c - whatever bytes come as a snapshot, in whatever pieces: a state is made of them,
 * which gives the same snapshot again, or they are refused and nothing is left. The first byte says
 * how they are cut; blocks are given the checksum that fits.
 */
#include "kv/server/snapshot.h"

#include <assert.h>
#include <stdlib.h>

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "kv/server/state_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *at, size_t left)
{
	const size_t head = KV_SNAPSHOT_BLOCK_HEAD_BYTES;

	while (left >= head && base_load32(at + 4) <= left - head) {
		size_t size = base_load32(at + 4);

		base_store32(at + 8, base_crc32c(base_crc32c(0, at, 8), at + head, size));
		at += head + size;
		left -= head + size;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state_fixture fixture;
	struct base_buffer again;
	uint8_t *copy;
	int code;

	if (size < 2)
		return 0;
	copy = malloc(size - 1);
	assert(copy);
	memcpy(copy, data + 1, size - 1);
	mend(copy, size - 1);
	state_fixture_init(&fixture, NULL);
	code = state_restore(&fixture, (struct gw_bytes){copy, size - 1}, 1 + data[0] * 16,
			     UINT64_MAX, NULL);
	if (code == 0) {
		state_snapshot(&fixture, &again);
		assert(again.size > 0);
		base_buffer_done(&again);
	} else {
		assert(fixture.table->keys == 0 && fixture.state.applied == 0);
	}
	state_fixture_done(&fixture);
	free(copy);
	return 0;
}
