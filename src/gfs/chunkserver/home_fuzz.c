/* SPDX-License-Identifier: Apache-2.0 */
/*
 * home_fuzz.c - whatever bytes are in the file that says whose disk it is: it is refused, or
 * written again it is the same bytes. The first byte says whether the checksum is made right.
 */
#include "gfs/chunkserver/home.h"

#include <assert.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/little_endian.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t file[2 * CHUNK_HOME_BYTES], again[CHUNK_HOME_BYTES];
	struct chunk_home home;

	if (size == 0 || size - 1 > sizeof(file))
		return 0;
	memcpy(file, data + 1, size - 1);
	if (data[0] & 1 && size - 1 >= CHUNK_HOME_BYTES)
		base_store32(file + CHUNK_HOME_BYTES - 4,
			     base_crc32c(0, file, CHUNK_HOME_BYTES - 4));
	if (chunk_home_decode("a file", (struct gw_bytes){file, size - 1}, &home, NULL) < 0)
		return 0;
	chunk_home_encode(&home, again);
	assert(size - 1 == sizeof(again) && memcmp(file, again, sizeof(again)) == 0);
	return 0;
}
