/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint_fuzz.c - whatever bytes come as a checkpoint, in whatever pieces: a state is made of
 * them, which gives the same bytes again and can be looked at, or they are refused. The first byte
 * says how they are cut; blocks are given the checksum that fits.
 */
#include "gfs/master/checkpoint.h"

#include <stdlib.h>

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "gfs/master/state_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *at, size_t left)
{
	const size_t head = GFS_CHECKPOINT_BLOCK_HEAD_BYTES;

	while (left >= head && base_load32(at + 4) <= left - head) {
		size_t size = base_load32(at + 4);

		base_store32(at + 8, base_crc32c(base_crc32c(0, at, 8), at + head, size));
		at += head + size;
		left -= head + size;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct base_buffer again;
	struct gfs_state state, twice;
	uint8_t *copy;

	if (size < 2)
		return 0;
	copy = malloc(size - 1);
	assert(copy);
	memcpy(copy, data + 1, size - 1);
	mend(copy, size - 1);
	if (state_restore(&state, (struct gw_bytes){copy, size - 1}, 1 + data[0] * 16u,
			  NULL) == 0) {
		int code = gfs_state_check(&state, NULL);

		assert(code == 0 || code == GW_E_CORRUPT);
		state_checkpoint(&state, &again);
		code = state_restore(&twice, base_buffer_bytes(&again), 4096, NULL);
		assert(code == 0);
		gfs_state_done(&twice);
		base_buffer_done(&again);
		gfs_state_done(&state);
	}
	free(copy);
	return 0;
}
