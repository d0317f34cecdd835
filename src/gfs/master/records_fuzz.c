/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records_fuzz.c - whatever bytes are in the log: records are read whole or refused, and those that
 * are read are carried out, one after the other, on a state that stays sound. Each record is a byte
 * of its length and that many bytes; checksums are made right, without which no fuzzer would come
 * past them.
 */
#include "gfs/master/records.h"

#include <stdlib.h>

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "gfs/master/state_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *record, size_t size)
{
	const size_t head = GFS_RECORD_HEAD_BYTES;

	if (size < head)
		return;
	base_store32(record + 4,
		     base_crc32c(base_crc32c(0, record + head, size - head), record, 4));
}

static void one(struct gfs_state *state, uint8_t *bytes, size_t size)
{
	struct base_buffer again = {0};
	struct gfs_record record;
	struct gfs_done done;
	int code;

	mend(bytes, size);
	if (gfs_record_decode((struct gw_bytes){bytes, size}, &record, NULL) < 0)
		return;
	code = gfs_record_encode(&record, &again, NULL);
	assert(code == 0 && again.size == size && memcmp(again.data, bytes, size) == 0);
	base_buffer_done(&again);
	state->applied++;
	state->wall_ms += 1000;
	code = gfs_state_do(state, &record, &done, NULL);
	assert(!gfs_is_fatal(code));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state_fixture fixture;
	struct gw_error error = {0};
	uint8_t copy[255];
	int code;

	state_fixture_init(&fixture);
	while (size > 1) {
		size_t some = data[0] < size - 1 ? data[0] : size - 1;

		memcpy(copy, data + 1, some);
		one(&fixture.state, copy, some);
		data += 1 + some;
		size -= 1 + some;
	}
	code = gfs_state_check(&fixture.state, &error);
	assert(code == 0);
	state_fixture_done(&fixture);
	return 0;
}
