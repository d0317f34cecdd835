/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replicas.h - where the replicas of each chunk are, as chunkservers have told: 16 bytes a slot of
 * the chunk array. Never logged, not the same on two masters; only replicas of the chunk's present
 * version are kept here. A chunk that is freed is to be forgotten before its slot is used again.
 */
#ifndef GFS_MASTER_REPLICAS_H
#define GFS_MASTER_REPLICAS_H

#include "gfs/common/limits.h"
#include "gfs/master/pages.h"
#include "gfs/master/records.h"

struct gfs_replicas {
	struct gfs_pages pages;
	uint64_t count; /* of all chunks together */
};

/* Those of a slot; none for a slot that nobody told of. */
void gfs_replicas_of(const struct gfs_replicas *replicas, uint32_t slot, struct gfs_set *set);
/* 1: it is there now, 0: it was already. GW_E_TOO_LARGE: GFS_GOAL_MAX are there. */
int gfs_replicas_add(struct gfs_replicas *replicas, uint32_t slot, uint16_t server,
		     struct gw_error *error) GW_MUST_CHECK;
/* Whether it was there. */
bool gfs_replicas_remove(struct gfs_replicas *replicas, uint32_t slot, uint16_t server);
void gfs_replicas_forget(struct gfs_replicas *replicas, uint32_t slot);
/* Takes a server that is gone out of slots [from, to), and calls lost for each slot that had it. */
void gfs_replicas_lose(struct gfs_replicas *replicas, uint16_t server, uint32_t from, uint32_t to,
		       void (*lost)(void *context, uint32_t slot), void *context);
void gfs_replicas_done(struct gfs_replicas *replicas);

#endif
