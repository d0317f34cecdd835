/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs_frame_fuzz.c - whatever bytes are in a file of records: what is found lies within them and is
 * what its writer wrote, bytes in pieces have the frames that they have as a whole, and each frame
 * that is put among them is found. The first byte says where it is put, the second where they are
 * cut.
 */
#include "gfs/client/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FRAMES_MAX = 64, NOTE_BYTES = 5 };

struct found {
	size_t at[FRAMES_MAX];
	size_t count;
};

static void take(struct found *found, const uint8_t *start, size_t at,
		 const struct gfs_frame *frame)
{
	size_t bytes = GW_GFS_RECORD_FRAME_BYTES + frame->data.size;
	uint8_t *again = malloc(bytes);

	assert(again && gfs_frame_put(again, frame) == bytes);
	/* Three bytes behind the kind say nothing yet. */
	assert(memcmp(again, start + at, 8) == 0);
	free(again);
	if (found->count < FRAMES_MAX)
		found->at[found->count++] = at;
}

/* Finds all frames in the first `end` bytes from *at on; *at is where those behind begin. */
static void find_all(const uint8_t *start, size_t end, bool is_end, size_t *at, struct found *found)
{
	struct gfs_frame frame;

	while (gfs_frame_find((struct gw_bytes){start, end}, is_end, at, &frame) == 1) {
		const uint8_t *behind = (const uint8_t *)frame.data.data + frame.data.size;

		assert(*at < end && behind <= start + end);
		take(found, start, *at, &frame);
		*at = (size_t)(behind - start);
	}
	assert(*at <= end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct gfs_frame note = {.kind = GFS_FRAME_RECORD, .writer = 7, .sequence = 9,
				       .data = {"noted", NOTE_BYTES}};
	const size_t note_bytes = GW_GFS_RECORD_FRAME_BYTES + NOTE_BYTES;
	struct found whole = {0}, parts = {0};
	size_t place, cut, all, at = 0;
	uint8_t *bytes;

	if (size < 2)
		return 0;
	place = (size - 2) * data[0] / 255;
	all = size - 2 + note_bytes;
	cut = all * data[1] / 255;
	bytes = malloc(all);
	assert(bytes);
	memcpy(bytes, data + 2, place);
	assert(gfs_frame_put(bytes + place, &note) == note_bytes);
	memcpy(bytes + place + note_bytes, data + 2 + place, size - 2 - place);

	find_all(bytes, all, true, &at, &whole);
	at = 0;
	find_all(bytes, cut, false, &at, &parts);
	find_all(bytes, all, true, &at, &parts);
	assert(whole.count > 0 && parts.count == whole.count);
	assert(memcmp(whole.at, parts.at, sizeof(whole.at)) == 0);
	free(bytes);
	return 0;
}
