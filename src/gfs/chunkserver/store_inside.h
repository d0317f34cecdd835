/* SPDX-License-Identifier: Apache-2.0 */
/* store_inside.h - what the files of the store share. */
#ifndef GFS_CHUNKSERVER_STORE_INSIDE_H
#define GFS_CHUNKSERVER_STORE_INSIDE_H

#include "gfs/chunkserver/chunk_store.h"
#include "task/disk.h"

struct chunk_store {
	struct io *io;
	struct chunk_home home;
	bool has_home; /* a disk has said it */
	void (*troubled)(void *context, const struct gw_error *error);
	void *context;
	uint8_t boot_id[CHUNK_BOOT_ID_BYTES];
	struct chunk_disk disks[CHUNK_DISKS_MAX];
	size_t disk_count;
	struct base_map chunks; /* by the bytes of the handle */
	/* Loaded, and held by nobody: the longest first. */
	struct chunk *oldest, *newest;
	uint32_t loaded, loaded_max;
	uint64_t log_bytes_max;
};

enum chunk_file { CHUNK_FILE_LOG, CHUNK_FILE_DATA, CHUNK_FILE_NEW };

void chunk_path(const struct chunk *chunk, enum chunk_file file, char path[CHUNK_PATH_MAX]);
static inline struct gw_bytes chunk_key(const uint64_t *handle)
{
	return (struct gw_bytes){handle, sizeof(*handle)};
}

/* Out of the map, and freed when nobody holds it. */
void chunk_forget(struct chunk *chunk);

/* ---- chunk_disk.c -------------------------------------------------------------------------- */

int chunk_disk_path(char path[CHUNK_PATH_MAX], const char *directory, const char *name,
		    struct gw_error *error) GW_MUST_CHECK;
int chunk_sync_names(const struct chunk_disk *disk, struct gw_error *error) GW_MUST_CHECK;
/* Makes the directory, and locks it. */
int chunk_disk_open(struct chunk_disk *disk, struct gw_error *error) GW_MUST_CHECK;

typedef int chunk_disk_step(struct chunk_disk *disk, struct gw_error *error);
/* Takes a step with each disk that is good. One that fails by itself is bad from then on, its
 * chunks are forgotten, and it is told; the last good one fails the call. */
int chunk_disks_try(struct chunk_store *store, chunk_disk_step *step,
		    struct gw_error *error) GW_MUST_CHECK;
/* All disks are of one server; new ones become its. */
int chunk_disks_agree(struct chunk_store *store, struct gw_error *error) GW_MUST_CHECK;
/* The one with the most space a chunk. */
struct chunk_disk *chunk_disk_choose(struct chunk_store *store);

/* ---- chunk_load.c -------------------------------------------------------------------------- */

/* Keeps it, loaded or not, until chunk_release. */
void chunk_pin(struct chunk *chunk);
/* Closes the files; nobody holds it. */
void chunk_unload(struct chunk *chunk);
/* What anyone may look at, from the state. */
void chunk_summarize(struct chunk *chunk);

/* ---- chunk_log.c: held, and under its lock --------------------------------------------------- */

/* Cuts what a write that failed has left behind the end. */
int chunk_log_clean(struct chunk *chunk, struct gw_error *error) GW_MUST_CHECK;
/* All of a state as records, SYNCED at the end. */
int chunk_log_all(const struct chunk_state *state, struct base_buffer *buffer, uint32_t *crc,
		  struct gw_error *error) GW_MUST_CHECK;
/* Writes the log anew, without its history; the data are on the disk. */
int chunk_log_renew(struct chunk *chunk, struct gw_error *error) GW_MUST_CHECK;

/* Writes that all before is on the disk, when it is; close: and that it is open no more. */
int chunk_log_sync(struct chunk *chunk, bool close, struct gw_error *error) GW_MUST_CHECK;
/* The record of a chunk's last sector, if that is not full; bytes are of it. crcs is not set. */
void chunk_tail_record(struct chunk_record *record, uint64_t length, const uint8_t *bytes);
/* ---- chunk_write.c: the same ---- */
int chunk_cut(struct chunk *chunk, uint64_t length, struct gw_error *error) GW_MUST_CHECK;

/* The data and their file's name are on the disk. */
int chunk_sync_data(struct chunk *chunk, struct gw_error *error) GW_MUST_CHECK;
/* Looks at the result of what was written: some failures make the chunk bad. */
void chunk_disk_failed(struct chunk *chunk, int result);

/* Opens the data file, and makes it when it is not there and is to be written. */
int chunk_data_open(struct chunk *chunk, bool make, struct gw_error *error) GW_MUST_CHECK;

/* Reads the part of a block that is within `length`, and checks it. */
int chunk_read_block(struct chunk *chunk, uint32_t block, uint64_t length, uint32_t crc,
		     uint8_t *buffer, struct gw_error *error) GW_MUST_CHECK;
int chunk_mismatch(const struct chunk *chunk, uint32_t block, struct gw_error *error);

/* Says what failed of which chunk; returns the code. */
int chunk_fail_in(const struct chunk *chunk, int result, struct gw_error *error);

#endif
