/* SPDX-License-Identifier: Apache-2.0 */
/* store_format_fuzz.c - bytes that are said to be a format file: what is taken gives the same. */
#include "store_format.h"

#include "base/crc32c.h"
#include "base/little_endian.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_format(struct gw_bytes in)
{
	uint8_t bytes[REPLOG_FORMAT_BYTES_MAX];
	struct replog_identity identity, again;
	int result;

	if (replog_format_decode("input", in, &identity, NULL) < 0)
		return;
	result = replog_format_decode("again", (struct gw_bytes){
		bytes, replog_format_encode(&identity, bytes)}, &again, NULL);
	assert(result == 0);
	assert(again.member == identity.member && again.members.count == identity.members.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes;

	read_format((struct gw_bytes){data, size});
	if (size < REPLOG_FORMAT_HEAD_BYTES + 4)
		return 0;
	/* Once more behind the checksum. */
	bytes = malloc(size);
	assert(bytes);
	memcpy(bytes, data, size);
	base_store32(bytes + 8, (uint32_t)size);
	base_store32(bytes + size - 4, base_crc32c(0, bytes, size - 4));
	read_format((struct gw_bytes){bytes, size});
	free(bytes);
	return 0;
}
