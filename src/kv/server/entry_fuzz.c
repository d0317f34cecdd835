/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry_fuzz.c - whatever bytes are in the log: an entry is read whole or refused, and what is read
 * can be applied. Checksums are made right, without which no fuzzer would come past them.
 */
#include "kv/server/entry.h"

#include <assert.h>
#include <stdlib.h>

#include "base/crc32c.h"
#include "base/little_endian.h"
#include "kv/server/state_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void apply(struct gw_bytes bytes)
{
	struct state_fixture fixture;
	const struct replog_entry entry = {.index = 1, .term = 1, .wall_ms = 5, .bytes = bytes};
	int code;

	state_fixture_init(&fixture, NULL);
	code = kv_machine.run_begin(&fixture.state, NULL);
	assert(code == 0);
	code = kv_machine.apply(&fixture.state, &entry, &fixture.reply, NULL);
	assert(code == 0 || code == GW_E_NO_MEMORY);
	state_fixture_done(&fixture);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kv_operation operation;
	struct kv_entry entry;
	size_t position = 0, count = 0;
	uint8_t *copy = malloc(size + 1);

	assert(copy);
	if (size > 0)
		memcpy(copy, data, size);
	if (size > KV_ENTRY_HEAD_BYTES) {
		uint32_t crc = base_crc32c(0, copy + KV_ENTRY_HEAD_BYTES,
					   size - KV_ENTRY_HEAD_BYTES);

		base_store32(copy + 4, base_crc32c(crc, copy, 4));
	}
	if (kv_entry_decode((struct gw_bytes){copy, size}, &entry, NULL) == 0) {
		while (kv_entry_next(&entry, &position, &operation)) {
			assert(operation.key.size > 0 && operation.key.size <= KV_KEY_BYTES_MAX);
			count++;
		}
		assert(count == entry.count);
		apply((struct gw_bytes){copy, size});
	}
	free(copy);
	return 0;
}
