/* SPDX-License-Identifier: Apache-2.0 */
/*
 * home.h - the file "server" of each disk: whose it is. 64 bytes, little-endian:
 *
 *     u32 "GWCS", u32 version 1, 16 bytes uuid of the server, 16 bytes cluster (0: none yet),
 *     u64 the highest term of a master, u32 number in the cluster, 8 bytes 0, u32 CRC-32C of all
 *     before
 *
 * It is replaced by a rename, so it is old or new.
 */
#ifndef GFS_CHUNKSERVER_HOME_H
#define GFS_CHUNKSERVER_HOME_H

#include "gfs/common/limits.h"

#include <groundwork/base.h>

enum {
	CHUNK_HOME_MAGIC = 0x53435747, /* "GWCS" */
	CHUNK_HOME_VERSION = 1,
	CHUNK_HOME_BYTES = 64,
	CHUNK_CLUSTER_BYTES = 16,
};

struct chunk_home {
	uint8_t uuid[GFS_SERVER_UUID_BYTES];
	uint8_t cluster[CHUNK_CLUSTER_BYTES]; /* zeros: none yet */
	uint64_t term;
	uint32_t server; /* 0: none yet */
};

void chunk_home_encode(const struct chunk_home *home, uint8_t out[CHUNK_HOME_BYTES]);
/* name is for sentences. GW_E_CORRUPT, GW_E_VERSION. */
int chunk_home_decode(const char *name, struct gw_bytes in, struct chunk_home *home,
		      struct gw_error *error) GW_MUST_CHECK;

#endif
