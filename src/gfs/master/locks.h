/* SPDX-License-Identifier: Apache-2.0 */
/*
 * locks.h - read and write locks on paths (4.1), for what spans waits: a snapshot with its revokes,
 * a grant, a copy on write. Who takes /a/b/c gets read locks on / and /a and /a/b, and on /a/b/c
 * itself the kind that was asked for; so what is done under /a excludes a write lock of /a, and two
 * files of one directory do not exclude each other.
 *
 * A set is taken whole, in one total order: depth first, then bytes. So nobody waits in a circle.
 * On each path first come is first served: a writer that waits is not overtaken by readers.
 */
#ifndef GFS_MASTER_LOCKS_H
#define GFS_MASTER_LOCKS_H

#include "base/map.h"
#include "gfs/master/keys.h"

enum { GFS_LOCK_PATHS_MAX = 2 }; /* of one set */

struct gfs_locks {
	struct base_map paths;  /* those that are held or waited for */
};

struct gfs_lock_path {
	struct gw_bytes path; /* checked */
	bool write;
};

struct gfs_lock_set; /* what one task holds */

void gfs_locks_init(struct gfs_locks *locks, uint64_t seed);
/* Nobody holds or waits any more. */
void gfs_locks_done(struct gfs_locks *locks);

/* Waits for all of them. Paths are copied. GW_E_TIMEOUT, GW_E_CANCELLED, GW_E_NO_MEMORY: nothing is
 * held. */
int gfs_locks_take(struct gfs_locks *locks, const struct gfs_lock_path *paths, size_t count,
		   uint64_t deadline_ns, struct gfs_lock_set **set,
		   struct gw_error *error) GW_MUST_CHECK;
void gfs_locks_drop(struct gfs_locks *locks, struct gfs_lock_set *set); /* NULL is fine */

#endif
