/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grants.h - chunks of files, and who may change them: the operations of records on chunks.
 *
 * A grant as bytes, under GFS_KEY_GRANT: varint incarnation, varint how many servers, a varint each
 * (the first is the primary). Its version is the chunk's.
 */
#ifndef GFS_MASTER_GRANTS_H
#define GFS_MASTER_GRANTS_H

#include "gfs/master/state.h"

struct gfs_grant {
	uint64_t incarnation;
	struct gfs_set set;
};

/* The slot of a file's chunk; false: there is none at that index. */
bool gfs_chunk_of(const struct gfs_state *state, uint64_t id, uint64_t index, uint32_t *slot);
/* The first chunk of a file that is not before index. */
bool gfs_chunk_next(const struct gfs_state *state, uint64_t id, uint64_t *index, uint32_t *slot);
bool gfs_grant_of(const struct gfs_state *state, uint32_t slot, struct gfs_grant *grant);
/* The handle that the chunk is still to be copied from; 0: none. */
uint64_t gfs_source_of(const struct gfs_state *state, uint32_t slot);

/* A new chunk of a file, which the caller puts afterwards; granted if the set is not empty. */
int gfs_chunk_attach(struct gfs_state *state, struct gfs_file *file, uint64_t index,
		     const struct gfs_record *record, struct gfs_done *done,
		     struct gw_error *error) GW_MUST_CHECK;
/* That the servers of a set are known. */
int gfs_set_check(const struct gfs_state *state, const struct gfs_set *set,
		  struct gw_error *error) GW_MUST_CHECK;
/* One reference less; the chunk is freed with the last. was_live: the file was not deleted. */
int gfs_chunk_release(struct gfs_state *state, uint32_t slot, bool was_live,
		      struct gw_error *error) GW_MUST_CHECK;
/* Takes the chunks from index on out of the file. */
int gfs_chunks_cut(struct gfs_state *state, uint64_t id, uint64_t index, bool was_live,
		   uint64_t *cut, struct gw_error *error) GW_MUST_CHECK;
/* All chunks of a file count as live (by 1), or as deleted (-1). */
int gfs_chunks_live(struct gfs_state *state, uint64_t id, int by,
		    struct gw_error *error) GW_MUST_CHECK;

gfs_operation gfs_do_chunk_add;
gfs_operation gfs_do_chunk_copy;
gfs_operation gfs_do_chunk_copied;
gfs_operation gfs_do_grant;
gfs_operation gfs_do_release;
gfs_operation gfs_do_version;
gfs_operation gfs_do_truncate;
gfs_operation gfs_do_length;

#endif
