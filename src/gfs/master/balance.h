/* SPDX-License-Identifier: Apache-2.0 */
/*
 * balance.h - whether a replica is better off on another server (4.3): functions of facts, without
 * clock, chance or network.
 *
 * Two things make a move worth while. A chunk whose replicas are in fewer racks than they could be
 * gets one into another rack. And a replica goes from a server to one whose disks are emptier, when
 * the shares of space used differ by more than is allowed and would not be the other way round
 * afterwards. Neither ever makes the racks of a chunk fewer.
 */
#ifndef GFS_MASTER_BALANCE_H
#define GFS_MASTER_BALANCE_H

#include "gfs/master/plan.h"

enum { GFS_SHARE_ALL = 10000 }; /* shares of space are in parts of this */

/* What the servers that may be used are like, all together. */
struct gfs_balance {
	uint32_t servers;
	uint32_t racks;        /* that they are in, GFS_GOAL_MAX at most */
	uint32_t lowest, highest, average; /* share of space used */
	uint32_t allowed;      /* shares may differ by so much */
	uint64_t chunk_bytes;  /* of a replica, as large as they are thought to be */
	uint64_t left;         /* replicas that are to move until shares differ no more, about */
};

struct gfs_move {
	uint32_t from, to;
};

uint32_t gfs_share_of(uint64_t used, uint64_t bytes);

/* What is on its way between servers counts as having arrived. percent: that shares may differ. */
void gfs_balance_of(const struct gfs_plan_server *servers, size_t count, uint32_t percent,
		    struct gfs_balance *balance);

/* Whether its replicas, of which some could be elsewhere, are in fewer racks than they could be.
 * racks has those of the replicas. */
bool gfs_balance_is_crowded(const struct gfs_balance *balance, const uint32_t *racks,
			    uint32_t count);

/* The best move of one replica of a chunk that servers of the set have; false: it is well where it
 * is. draw breaks ties. */
bool gfs_balance_move(const struct gfs_plan_server *servers, size_t count,
		      const struct gfs_balance *balance, const struct gfs_set *has, uint64_t draw,
		      struct gfs_move *move);

/* How long it takes still, when so many of what was to be done took so long; 0: nobody knows. */
uint64_t gfs_balance_ms_left(uint64_t done, uint64_t elapsed_ms, uint64_t left);

#endif
