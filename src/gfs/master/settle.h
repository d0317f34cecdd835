/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settle.h - what is left of a chunk when power was lost at all of its replicas: functions of what
 * each of them says it has.
 *
 * A replica has all that happened to the chunk up to some mutation, which is not below the last
 * sync that was acknowledged. So what all have in common is all that was synced, and of the rest
 * what reached every disk; nothing comes back that one of them never had. Bytes that were synced
 * are kept whatever the others have there: where they differ they were overwritten since, and an
 * overwrite that no sync covered may or may not have happened.
 */
#ifndef GFS_MASTER_SETTLE_H
#define GFS_MASTER_SETTLE_H

#include "gfs/common/limits.h"

#include <groundwork/base.h>

struct gfs_settle_replica {
	uint64_t version, length, synced;
	const uint32_t *crcs; /* of the blocks of the length that was asked for; NULL: not known */
	uint32_t crc_count;
};

/* Which replicas are of the highest version: a bit each. At most 32. */
uint32_t gfs_settle_newest(const struct gfs_settle_replica *replicas, uint32_t count);
/* How much the replicas in `which` have at most in common: the length of the shortest. */
uint64_t gfs_settle_length(const struct gfs_settle_replica *replicas, uint32_t count,
			   uint32_t which);
/* The same, now that the checksums of `length` bytes are there: up to the block that differs, but
 * what was synced is not cut. */
uint64_t gfs_settle_common(const struct gfs_settle_replica *replicas, uint32_t count,
			   uint32_t which, uint64_t length);
/* The most of them that are alike. */
uint32_t gfs_settle_alike(const struct gfs_settle_replica *replicas, uint32_t count,
			  uint32_t which);

#endif
