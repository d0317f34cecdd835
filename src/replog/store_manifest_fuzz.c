/* SPDX-License-Identifier: Apache-2.0 */
/* store_manifest_fuzz.c - bytes that are said to be a manifest: what is taken gives the same. */
#include "store_manifest.h"

#include "base/crc32c.h"
#include "base/little_endian.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_manifest(struct gw_bytes in)
{
	struct replog_manifest *manifest;
	struct base_buffer bytes = {0};
	int result;

	if (replog_manifest_decode("input", in, &manifest, NULL) < 0)
		return;
	for (uint32_t i = 0; i < manifest->file_count; i++)
		assert(replog_is_file_name(gw_string(manifest->files[i].name)));
	result = replog_manifest_encode(manifest, &bytes, NULL);
	/* An address may have had a NUL in it, which ends it here. */
	assert(result == 0 && bytes.size <= in.size);
	replog_manifest_free(manifest);
	base_buffer_done(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes;

	read_manifest((struct gw_bytes){data, size});
	if (size < REPLOG_MANIFEST_HEAD_BYTES + 4)
		return 0;
	/* Once more behind the checksum. */
	bytes = malloc(size);
	assert(bytes);
	memcpy(bytes, data, size);
	base_store64(bytes + 8, size);
	base_store32(bytes + size - 4, base_crc32c(0, bytes, size - 4));
	read_manifest((struct gw_bytes){bytes, size});
	free(bytes);
	return 0;
}
