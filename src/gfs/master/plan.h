/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - where replicas go, and which chunk is cloned next: functions of facts, without clock,
 * chance or network (paper 4.2, 4.3).
 *
 * Placement. Racks first: replicas are spread over as many as can be. Among servers of equally
 * empty racks, those that were given few chunks of late (creations soon bring writes), then those
 * whose disks are below the average in use, then by a number that the caller draws.
 *
 * Clones. A chunk is in one of the classes below, the lowest first; within a class one that blocks
 * a client comes first, then the one that lacks more, then the lower handle. Clones under way are
 * limited in all and for each server, as source and as target; all but the urgent classes have the
 * narrower limits while clients are at work.
 */
#ifndef GFS_MASTER_PLAN_H
#define GFS_MASTER_PLAN_H

#include "gfs/common/limits.h"
#include "gfs/master/records.h"

struct gfs_plan_server {
	uint32_t number;
	uint32_t rack;        /* servers of one rack have the same */
	uint64_t bytes;       /* of its disks */
	uint64_t bytes_free;
	uint32_t recent;      /* chunks that it was given of late */
	uint32_t sends, receives; /* clones under way */
	uint32_t moves_out, moves_in; /* replicas that are to leave or come: their bytes count */
	uint64_t chunks;      /* replicas that it has */
	bool usable;          /* lives, does not drain */
};

struct gfs_place_request {
	uint32_t count;           /* of new replicas that are wanted */
	struct gfs_set has;       /* servers that have one already */
	uint64_t bytes_needed;    /* on each; that much is left free besides */
	uint64_t draw;            /* breaks ties */
};

enum { GFS_PLAN_FREE_PERCENT = 2 }; /* of a disk, always left free */

/* Whether so many bytes more may come to it. */
bool gfs_plan_has_room(const struct gfs_plan_server *server, uint64_t bytes);

/* Chooses up to request->count servers, the best first; *set gets those alone. Returns how many. */
uint32_t gfs_plan_place(const struct gfs_plan_server *servers, size_t count,
			const struct gfs_place_request *request, struct gfs_set *set);

/* The replica that can best be spared, of a chunk with more than its goal: one on a server that is
 * not usable, else of the rack with most of them, else on the fullest disk. 0: has is empty. */
uint32_t gfs_plan_drop(const struct gfs_plan_server *servers, size_t count,
		       const struct gfs_set *has);

/* ---- Clones --------------------------------------------------------------------------------- */

enum gfs_clone_class {
	GFS_CLONE_NONE,        /* enough replicas, or none to clone from */
	GFS_CLONE_LAST_LIVE,   /* one replica left, of a file that is not deleted */
	GFS_CLONE_LAST,        /* one replica left */
	GFS_CLONE_SHORT_LIVE,
	GFS_CLONE_DRAIN,       /* enough, but one is on a server that drains */
	GFS_CLONE_SHORT,
};

struct gfs_clone_need {
	uint64_t handle;
	uint32_t replicas;  /* of the current version, on servers that live */
	uint32_t draining;  /* of those, on servers that drain */
	uint32_t goal;
	bool is_live;       /* of a file that is not deleted */
	bool blocks_client; /* somebody waits for a grant of it */
};

enum gfs_clone_class gfs_plan_class(const struct gfs_clone_need *need);
/* < 0: a is cloned before b. */
int gfs_plan_compare(const struct gfs_clone_need *a, const struct gfs_clone_need *b);

struct gfs_clone_limits {
	uint32_t all;       /* under way */
	uint32_t each;      /* a server, as source or as target */
	uint32_t all_busy, each_busy; /* while clients are at work, for what is not urgent */
};

struct gfs_clone_state {
	uint32_t under_way;
	bool is_busy;       /* clients are at work */
};

/* Whether one more clone may begin, from and to these servers. */
bool gfs_plan_may_clone(const struct gfs_clone_limits *limits, const struct gfs_clone_state *state,
			enum gfs_clone_class class, const struct gfs_plan_server *from,
			const struct gfs_plan_server *to);

#endif
