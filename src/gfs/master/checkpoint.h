/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint.h - all of the master's state as bytes, written on another thread while the state goes
 * on changing, and read back. The bytes depend on the state alone.
 *
 * Blocks, numbers little-endian:
 *
 *     u32  kind: enum gfs_checkpoint_kind
 *     u32  bytes of the body, GFS_CHECKPOINT_BODY_BYTES_MAX at most
 *     u32  CRC32C of the two above and the body
 *     body
 *
 *     HEAD     first: "GWGFSCHK", u32 version 1, u32 0, and u64 each: index and time of the last
 *              entry of the log; next file, writer, server; files, directories, deleted files,
 *              writers; entries of the table; slots of chunks, the first free slot
 *     CHUNKS   each 17 bytes: u32 generation, version, references, live; u8 goal; all slots in
 *              order (chunks.h)
 *     ENTRIES  of the table in the order of keys (keys.h), each: varint bytes that the key has in
 *              common with the one before it (0 for the first of a block), varint bytes of its
 *              rest, varint bytes of the value, rest, value
 *     CALLS    records of the table of calls (rpc/dup.h), one behind the other over all such blocks
 *     END      last, with nothing in it
 *
 * in this order.
 */
#ifndef GFS_MASTER_CHECKPOINT_H
#define GFS_MASTER_CHECKPOINT_H

#include "base/buffer.h"
#include "gfs/master/state.h"

enum gfs_checkpoint_kind {
	GFS_CHECKPOINT_HEAD = 0x31484647,
	GFS_CHECKPOINT_CHUNKS = 0x32434647,
	GFS_CHECKPOINT_ENTRIES = 0x33454647,
	GFS_CHECKPOINT_CALLS = 0x34434647,
	GFS_CHECKPOINT_END = 0x35454647,
};

enum {
	GFS_CHECKPOINT_VERSION = 1,
	GFS_CHECKPOINT_BLOCK_HEAD_BYTES = 12,
	GFS_CHECKPOINT_NUMBERS = 12, /* of the head */
	GFS_CHECKPOINT_HEAD_BYTES = 16 + GFS_CHECKPOINT_NUMBERS * 8,
	GFS_CHECKPOINT_CHUNK_BYTES = 17,
	GFS_CHECKPOINT_BLOCK_BYTES = 64 << 10, /* a block ends when it has so many */
	GFS_CHECKPOINT_BODY_BYTES_MAX = GFS_CHECKPOINT_BLOCK_BYTES + GFS_KEY_BYTES_MAX +
					GFS_VALUE_BYTES_MAX + 16,
};

/* ---- Writing -------------------------------------------------------------------------------- */

struct gfs_checkpoint_writer;

/* Freezes the state. Takes over the bytes of calls, also when it fails. */
int gfs_checkpoint_writer_new(struct gfs_checkpoint_writer **writer, struct gfs_state *state,
			      struct base_buffer *calls, struct gw_error *error) GW_MUST_CHECK;
/* As replog_machine.read_piece: on any thread. */
int gfs_checkpoint_read(struct gfs_checkpoint_writer *writer, void *buffer,
			size_t size) GW_MUST_CHECK;
/* Thaws the state. NULL is fine. */
void gfs_checkpoint_writer_free(struct gfs_checkpoint_writer *writer);

/* ---- Reading -------------------------------------------------------------------------------- */

/* Zero, but for the state, is one at the start. */
struct gfs_checkpoint_reader {
	struct gfs_state *state;    /* from gfs_state_init_empty */
	struct base_buffer calls;   /* all of them, when it has ended */
	/* Private. */
	struct base_buffer pending; /* a block that is not all here */
	struct gfs_key last;
	uint64_t entries, slots;    /* that are to come */
	uint32_t kind;              /* of the last block; 0: none yet */
};

/* The next bytes, cut anywhere. GW_E_CORRUPT, GW_E_VERSION. */
int gfs_checkpoint_take(struct gfs_checkpoint_reader *reader, struct gw_bytes bytes,
			struct gw_error *error) GW_MUST_CHECK;
/* GW_E_TRUNCATED when it was not all. */
int gfs_checkpoint_end(struct gfs_checkpoint_reader *reader, struct gw_error *error) GW_MUST_CHECK;
void gfs_checkpoint_reader_done(struct gfs_checkpoint_reader *reader);

#endif
