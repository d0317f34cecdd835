/* SPDX-License-Identifier: Apache-2.0 */
/* home.c - see home.h. */
#include "gfs/chunkserver/home.h"

#include "base/crc32c.h"
#include "base/little_endian.h"

void chunk_home_encode(const struct chunk_home *home, uint8_t out[CHUNK_HOME_BYTES])
{
	memset(out, 0, CHUNK_HOME_BYTES);
	base_store32(out, CHUNK_HOME_MAGIC);
	base_store32(out + 4, CHUNK_HOME_VERSION);
	memcpy(out + 8, home->uuid, sizeof(home->uuid));
	memcpy(out + 24, home->cluster, sizeof(home->cluster));
	base_store64(out + 40, home->term);
	base_store32(out + 48, home->server);
	base_store32(out + CHUNK_HOME_BYTES - 4, base_crc32c(0, out, CHUNK_HOME_BYTES - 4));
}

int chunk_home_decode(const char *name, struct gw_bytes in, struct chunk_home *home,
		      struct gw_error *error)
{
	const uint8_t *at = in.data;

	if (in.size < 8 || base_load32(at) != CHUNK_HOME_MAGIC)
		return gw_fail(error, GW_E_CORRUPT, "%s: not of a chunkserver", name);
	if (base_load32(at + 4) != CHUNK_HOME_VERSION)
		return gw_fail(error, GW_E_VERSION, "%s: version %u of a chunkserver, not %u", name,
			       base_load32(at + 4), CHUNK_HOME_VERSION);
	if (in.size != CHUNK_HOME_BYTES)
		return gw_fail(error, GW_E_CORRUPT, "%s: %zu bytes are not its length", name,
			       in.size);
	if (base_load32(at + CHUNK_HOME_BYTES - 4) != base_crc32c(0, at, CHUNK_HOME_BYTES - 4))
		return gw_fail(error, GW_E_CORRUPT, "%s: wrong checksum", name);
	if (base_load32(at + 48) > GFS_SERVERS_MAX || base_load64(at + 52) != 0)
		return gw_fail(error, GW_E_CORRUPT, "%s: fields that make no sense", name);
	memcpy(home->uuid, at + 8, sizeof(home->uuid));
	memcpy(home->cluster, at + 24, sizeof(home->cluster));
	home->term = base_load64(at + 40);
	home->server = base_load32(at + 48);
	return 0;
}
