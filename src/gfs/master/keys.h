/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.h - what is in the table: keys, and the bytes of files. A key begins with a byte that says
 * of what it is; numbers in keys have their most significant byte first, so that their order is
 * that of the keys.
 *
 *     GFS_KEY_PATH    path                    -> file
 *     GFS_KEY_HIDDEN  u64 due_ms, u64 id      -> file, and the path that it had
 *     GFS_KEY_WAS     path, 0, 0, u64 id      -> varint due_ms, varint deleted (index of the entry)
 *     GFS_KEY_CHUNK   u64 id, u32 index       -> u32 slot, little-endian
 *     GFS_KEY_GRANT   u32 slot                -> grant (grants.h)
 *     GFS_KEY_COPY    u32 slot                -> u64 handle that it is copied from, little-endian
 *     GFS_KEY_SERVER  u32 number              -> server (servers.h)
 *     GFS_KEY_UUID    16 bytes                -> u32 number, little-endian
 *     GFS_KEY_WRITER  u64 number              -> varint until_ms
 *     GFS_KEY_ENDS    u64 until_ms, u64 number of a writer -> nothing
 *
 * In keys a path has a NUL for each '/', and the root is empty. So all that is under a directory
 * follows it at once, and names come in the order of their bytes.
 */
#ifndef GFS_MASTER_KEYS_H
#define GFS_MASTER_KEYS_H

#include "base/buffer.h"
#include "gfs/common/limits.h"
#include "gfs/master/table.h"

enum gfs_key_kind {
	GFS_KEY_PATH = 1,
	GFS_KEY_HIDDEN,
	GFS_KEY_WAS,
	GFS_KEY_CHUNK,
	GFS_KEY_GRANT,
	GFS_KEY_COPY,
	GFS_KEY_SERVER,
	GFS_KEY_UUID,
	GFS_KEY_WRITER,
	GFS_KEY_ENDS,
	GFS_KEY_KINDS, /* one more than the last */
};

struct gfs_key {
	size_t size;
	uint8_t bytes[GFS_KEY_BYTES_MAX];
};

struct gfs_file {
	bool is_directory;
	uint8_t goal;         /* of a directory 0: as above it */
	uint8_t chunk_log2;   /* of a directory 0 */
	uint32_t mode, user, group;
	uint64_t id;
	uint64_t modified_ms, changed_ms;
	uint64_t length;
	uint64_t chunks;      /* that are there */
	uint64_t collect_ms;  /* of a directory, and one more; 0: as above it */
};

enum { GFS_FILE_BYTES_MAX_ENCODED = 96 };

/* GW_E_INVALID, GW_E_TOO_LARGE: why bytes are no path. */
int gfs_path_check(struct gw_bytes path, struct gw_error *error) GW_MUST_CHECK;
/* Of paths that were checked. */
void gfs_key_path(struct gfs_key *key, struct gw_bytes path);
/* GFS_KEY_PATH or GFS_KEY_WAS turned back; how many bytes. */
size_t gfs_key_to_path(struct gw_bytes key, uint8_t path[GFS_PATH_BYTES_MAX]);
/* The directory that it is in; the root is in the root. */
struct gw_bytes gfs_path_parent(struct gw_bytes path);

static inline struct gw_bytes gfs_key_bytes(const struct gfs_key *key)
{
	return (struct gw_bytes){key->bytes, key->size};
}

void gfs_key_begin(struct gfs_key *key, enum gfs_key_kind kind);
void gfs_key_add(struct gfs_key *key, const void *bytes, size_t size);
void gfs_key_add32(struct gfs_key *key, uint32_t number);
void gfs_key_add64(struct gfs_key *key, uint64_t number);
uint32_t gfs_key_read32(struct gw_bytes key, size_t offset);
uint64_t gfs_key_read64(struct gw_bytes key, size_t offset);
bool gfs_key_has_prefix(struct gw_bytes key, const struct gfs_key *prefix);

void gfs_key_hidden(struct gfs_key *key, uint64_t due_ms, uint64_t id);
void gfs_key_was(struct gfs_key *key, struct gw_bytes path, uint64_t id);
void gfs_key_chunk(struct gfs_key *key, uint64_t id, uint32_t index);
void gfs_key_slot(struct gfs_key *key, enum gfs_key_kind kind, uint32_t slot);

/* How many bytes were used. */
size_t gfs_file_encode(const struct gfs_file *file, uint8_t out[GFS_FILE_BYTES_MAX_ENCODED]);
/* How many bytes it had; 0: it is none. */
size_t gfs_file_decode(struct gw_bytes bytes, struct gfs_file *file) GW_MUST_CHECK;

#endif
