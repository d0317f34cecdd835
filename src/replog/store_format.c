/* SPDX-License-Identifier: Apache-2.0 */
/* store_format.c - see store_format.h. */
#include "store_format.h"

#include "base/crc32c.h"
#include "base/little_endian.h"

#include <assert.h>

size_t replog_format_encode(const struct replog_identity *identity,
			    uint8_t out[REPLOG_FORMAT_BYTES_MAX])
{
	size_t members = raft_members_encode(&identity->members, out + REPLOG_FORMAT_HEAD_BYTES);
	size_t size = REPLOG_FORMAT_HEAD_BYTES + members;

	assert(size + 4 <= REPLOG_FORMAT_BYTES_MAX);
	assert(identity->member != 0);
	base_store32(out, REPLOG_FORMAT_MAGIC);
	base_store32(out + 4, REPLOG_FORMAT_VERSION);
	base_store32(out + 8, (uint32_t)size + 4);
	base_store32(out + 12, 0);
	memcpy(out + 16, identity->cluster, REPLOG_CLUSTER_BYTES);
	base_store64(out + 32, identity->member);
	base_store32(out + 40, (uint32_t)members);
	base_store32(out + size, base_crc32c(0, out, size));
	return size + 4;
}

/* What every version begins with. */
static int check_start(const char *name, struct gw_bytes in, struct gw_error *error)
{
	const uint8_t *at = in.data;

	if (in.size < 8 || base_load32(at) != REPLOG_FORMAT_MAGIC)
		return gw_fail(error, GW_E_CORRUPT, "%s: not the format file of a replicated log",
			       name);
	if (base_load32(at + 4) != REPLOG_FORMAT_VERSION)
		return gw_fail(error, GW_E_VERSION, "%s: version %u of a replicated log, not %u",
			       name, base_load32(at + 4), REPLOG_FORMAT_VERSION);
	return 0;
}

int replog_format_decode(const char *name, struct gw_bytes in, struct replog_identity *identity,
			 struct gw_error *error)
{
	const uint8_t *at = in.data;
	int result = check_start(name, in, error);
	size_t end;

	if (result < 0)
		return result;
	if (in.size < REPLOG_FORMAT_HEAD_BYTES + 4 || in.size > REPLOG_FORMAT_BYTES_MAX ||
	    base_load32(at + 8) != in.size)
		return gw_fail(error, GW_E_CORRUPT, "%s: %zu bytes are not its length", name,
			       in.size);
	end = in.size - 4;
	if (base_load32(at + end) != base_crc32c(0, at, end))
		return gw_fail(error, GW_E_CORRUPT, "%s: wrong checksum", name);
	if (base_load32(at + 40) != end - REPLOG_FORMAT_HEAD_BYTES || base_load64(at + 32) == 0)
		return gw_fail(error, GW_E_CORRUPT, "%s: fields that do not fit", name);
	memcpy(identity->cluster, at + 16, REPLOG_CLUSTER_BYTES);
	identity->member = base_load64(at + 32);
	result = raft_members_decode(
		(struct gw_bytes){at + REPLOG_FORMAT_HEAD_BYTES, end - REPLOG_FORMAT_HEAD_BYTES},
		&identity->members, error);
	if (result < 0)
		return gw_fail_in(error, "%s", name);
	return 0;
}
