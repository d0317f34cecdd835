/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records.h - the operation log: what changes the master's durable state, and nothing else does.
 *
 *     u8   version 1
 *     u8   kind: enum gfs_record_kind
 *     u8   flags: GFS_RECORD_CALL
 *     u8   0
 *     u32  CRC32C of all the rest, then of the four bytes above, little-endian
 *     GFS_RECORD_CALL: 48 bytes, rpc_dup_call_encode: whose call it is
 *     the fields of its kind, in the order of the table in records.c: a number is a varint, bytes
 *     are a varint of how many and they; a set is a varint of how many servers, and a varint each
 *
 * A record means the same wherever and whenever it is applied: it holds no clock and no address of
 * memory; what a handler has drawn or chosen (servers, say) is in it.
 */
#ifndef GFS_MASTER_RECORDS_H
#define GFS_MASTER_RECORDS_H

#include "base/buffer.h"
#include "gfs/common/limits.h"
#include "rpc/dup.h"

enum gfs_record_kind {
	GFS_RECORD_CREATE = 1,
	GFS_RECORD_MKDIR,
	GFS_RECORD_DELETE,
	GFS_RECORD_UNDELETE,
	GFS_RECORD_RENAME,
	GFS_RECORD_SET,
	GFS_RECORD_TRUNCATE,
	GFS_RECORD_SNAPSHOT,
	GFS_RECORD_LENGTH,
	GFS_RECORD_COLLECT,      /* count hidden files at most whose time is over */
	GFS_RECORD_CHUNK_ADD,    /* the chunk at an index, granted at once if there is a set */
	GFS_RECORD_CHUNK_COPY,   /* a chunk of its own for a file that shares it */
	GFS_RECORD_CHUNK_COPIED, /* enough replicas have copied it */
	GFS_RECORD_GRANT,
	GFS_RECORD_RELEASE,      /* a grant has ended */
	GFS_RECORD_VERSION,      /* a replica had a higher one */
	GFS_RECORD_SERVER,       /* a chunkserver is known; the same uuid keeps its number */
	GFS_RECORD_DRAIN,
	GFS_RECORD_WRITER_OPEN,
	GFS_RECORD_WRITER_KEEP,
	GFS_RECORD_WRITER_CLOSE,
	GFS_RECORD_CLIENT,       /* who calls at most once, made known: rpc_dup_apply_open */
	GFS_RECORD_TICK,         /* nothing; it brings its time */
	GFS_RECORD_KINDS,
};

enum {
	GFS_RECORD_FORMAT = 1,
	GFS_RECORD_HEAD_BYTES = 8,
	GFS_RECORD_CALL = 1, /* flag of the head */

	/* options */
	GFS_OR_OPEN = 1,      /* CREATE */
	GFS_WITH_CHUNK = 2,   /* CREATE */
	GFS_NOW = 4,          /* DELETE */
	GFS_REPLACE = 8,      /* RENAME */
	GFS_BACK = 16,        /* DRAIN */
	GFS_SET_MODE = 32,    /* SET, from here on */
	GFS_SET_OWNER = 64,
	GFS_SET_MODIFIED = 128,
	GFS_SET_GOAL = 256,
	GFS_SET_COLLECT = 512,
};

struct gfs_set {
	uint32_t count; /* GFS_GOAL_MAX at most */
	uint16_t servers[GFS_GOAL_MAX]; /* the first is the primary */
};

static inline bool gfs_set_has(const struct gfs_set *set, uint32_t server)
{
	for (uint32_t i = 0; i < set->count; i++)
		if (set->servers[i] == server)
			return true;
	return false;
}

/* Those that a kind has not are 0. */
struct gfs_record {
	uint8_t kind;
	bool has_call;
	struct rpc_dup_call call;
	uint64_t options;
	uint64_t mode, user, group;
	uint64_t goal;
	uint64_t chunk_log2;
	uint64_t id;           /* of a file */
	uint64_t index;        /* of a chunk in it */
	uint64_t length;
	uint64_t modified_ms, collect_ms;
	uint64_t count;
	uint64_t handle;
	uint64_t version;
	uint64_t incarnation;  /* of the primary */
	uint64_t server;
	uint64_t writer;
	uint64_t client_first, client_second;
	struct gw_bytes path, to;            /* checked by gfs_path_check */
	struct gw_bytes uuid, address, rack; /* the first of GFS_SERVER_UUID_BYTES */
	struct gfs_set set;
};

/* Appends it. The caller has checked the paths. */
int gfs_record_encode(const struct gfs_record *record, struct base_buffer *out,
		      struct gw_error *error) GW_MUST_CHECK;
/* What is decoded points into bytes. GW_E_CORRUPT, GW_E_VERSION. */
int gfs_record_decode(struct gw_bytes bytes, struct gfs_record *record,
		      struct gw_error *error) GW_MUST_CHECK;

#endif
