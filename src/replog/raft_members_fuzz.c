/* SPDX-License-Identifier: Apache-2.0 */
/* raft_members_fuzz.c - bytes that are said to be members: what is taken gives the same bytes. */
#include "raft.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[RAFT_MEMBERS_BYTES_MAX];
	struct raft_members members, again;
	size_t encoded;
	int failed;

	if (raft_members_decode((struct gw_bytes){data, size}, &members, NULL) < 0)
		return 0;
	encoded = raft_members_encode(&members, bytes);
	failed = raft_members_decode((struct gw_bytes){bytes, encoded}, &again, NULL);
	assert(!failed && again.count == members.count);
	return 0;
}
