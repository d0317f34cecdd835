/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namespace.h - files and directories by path: reading them, and the operations on them.
 */
#ifndef GFS_MASTER_NAMESPACE_H
#define GFS_MASTER_NAMESPACE_H

#include "gfs/master/state.h"

/* ---- Reading -------------------------------------------------------------------------------- */

/* Paths are checked ones here. False: nothing is there. */
bool gfs_find(const struct gfs_state *state, struct gw_bytes path, struct gfs_file *file);
/* GW_E_NOT_FOUND, or GW_E_INVALID for a directory, or GW_E_STALE: another one than id (0: any). */
int gfs_find_file(const struct gfs_state *state, struct gw_bytes path, uint64_t id,
		  struct gfs_file *file, struct gw_error *error) GW_MUST_CHECK;
/* What holds for new files at path. */
uint8_t gfs_goal_at(const struct gfs_state *state, struct gw_bytes path);
uint64_t gfs_collect_ms_at(const struct gfs_state *state, struct gw_bytes path);

/* Names in a directory, in order, behind `after` (empty: from the first). What visit gets lasts
 * until it returns; it goes on until visit returns something else than 0, which list then returns.
 * GW_E_NOT_FOUND, GW_E_INVALID. */
typedef int gfs_visit(void *context, struct gw_bytes name, const struct gfs_file *file);
int gfs_list(const struct gfs_state *state, struct gw_bytes path, struct gw_bytes after,
	     gfs_visit *visit, void *context, struct gw_error *error) GW_MUST_CHECK;

struct gfs_deleted {
	struct gw_bytes path; /* that it had */
	uint64_t id, due_ms, deleted; /* deleted: index of the entry */
};
/* Deleted files that had this path, or one under it, behind all that had the path `after` (empty:
 * from the first), in the order of the table: all that was under a directory comes behind it. */
int gfs_list_deleted(const struct gfs_state *state, struct gw_bytes path, struct gw_bytes after,
		     int (*visit)(void *context, const struct gfs_deleted *deleted), void *context);

/* ---- For the other operations --------------------------------------------------------------- */

int gfs_put_file(struct gfs_state *state, struct gw_bytes path, const struct gfs_file *file,
		 struct gw_error *error) GW_MUST_CHECK;
/* That a file or directory may be made at path: there is none, and its parent is a directory. */
int gfs_check_free(const struct gfs_state *state, struct gw_bytes path,
		   struct gw_error *error) GW_MUST_CHECK;
/* The directory of path was changed now. */
int gfs_touch_parent(struct gfs_state *state, struct gw_bytes path,
		     struct gw_error *error) GW_MUST_CHECK;
/* Whether path is `above` or under it. */
bool gfs_path_is_under(struct gw_bytes path, struct gw_bytes above);

/* How large a tree is; GW_E_TOO_LARGE when it, or one of its paths moved from `from` to `to`, is
 * over the limits. */
int gfs_tree_check(const struct gfs_state *state, struct gw_bytes from, struct gw_bytes to,
		   uint64_t *entries, struct gw_error *error) GW_MUST_CHECK;

struct gfs_granted {
	uint64_t handle;
	uint8_t chunk_log2;
};

/* Chunks that are granted, of a file or of all under a directory: up to so many. */
size_t gfs_tree_granted(const struct gfs_state *state, struct gw_bytes path,
			struct gfs_granted *granted, size_t most);

/* Makes a file a hidden one. */
int gfs_hide(struct gfs_state *state, struct gw_bytes path, const struct gfs_file *file,
	     uint64_t due_ms, struct gw_error *error) GW_MUST_CHECK;

/* ---- Operations ----------------------------------------------------------------------------- */

gfs_operation gfs_do_create;
gfs_operation gfs_do_mkdir;
gfs_operation gfs_do_rename;
gfs_operation gfs_do_set;
gfs_operation gfs_do_delete;   /* hide.c, to collect */
gfs_operation gfs_do_undelete;
gfs_operation gfs_do_collect;
/* Whether a deleted file's time is over. */
bool gfs_is_collectable(const struct gfs_state *state);
gfs_operation gfs_do_snapshot; /* snapshot.c */

#endif
