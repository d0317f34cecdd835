/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot.h - all of the state at one entry as bytes: in snapshots of the log, and in backups.
 * Numbers are little-endian. It is a row of blocks:
 *
 *     u32  kind: enum kv_snapshot_kind
 *     u32  bytes of the body, KV_SNAPSHOT_BODY_BYTES_MAX at most
 *     u32  CRC32C of the two above and the body
 *     body
 *
 *     HEAD   first: "GWKVSNAP", u32 version 1, u32 0, u64 index of the last entry, u64 its time,
 *            u64 keys, u64 bytes of keys and values
 *     PAIRS  pairs in the order of keys, each: u16 bytes of the key, u32 bytes of the value,
 *            u64 version, u64 expires_ms, key, value
 *     CALLS  records of the duplicate table (rpc/dup.h); one behind the other over all such blocks
 *     END    last: u64 how many pairs, u64 how many bytes of calls
 *
 * PAIRS come before CALLS.
 */
#ifndef KV_SERVER_SNAPSHOT_H
#define KV_SERVER_SNAPSHOT_H

#include "base/buffer.h"
#include "kv/server/table.h"

enum kv_snapshot_kind {
	KV_SNAPSHOT_HEAD = 0x31484b47,
	KV_SNAPSHOT_PAIRS = 0x32504b47,
	KV_SNAPSHOT_CALLS = 0x33434b47,
	KV_SNAPSHOT_END = 0x34454b47,
};

enum {
	KV_SNAPSHOT_VERSION = 1,
	KV_SNAPSHOT_BLOCK_HEAD_BYTES = 12,
	KV_SNAPSHOT_HEAD_BYTES = 48,
	KV_SNAPSHOT_PAIR_HEAD_BYTES = 22,
	KV_SNAPSHOT_BLOCK_BYTES = 64 << 10, /* a block ends when it has so many */
	KV_SNAPSHOT_BODY_BYTES_MAX = KV_SNAPSHOT_BLOCK_BYTES + KV_SNAPSHOT_PAIR_HEAD_BYTES +
				     KV_KEY_BYTES_MAX + KV_VALUE_BYTES_MAX,
};

struct kv_snapshot_head {
	uint64_t index, wall_ms, keys, bytes;
};

/* ---- Writing -------------------------------------------------------------------------------- */

struct kv_snapshot_writer;

/* Takes over frozen, also when it fails; and calls' bytes, which are empty afterwards. */
int kv_snapshot_writer_new(struct kv_snapshot_writer **writer, const struct kv_snapshot_head *head,
			   struct kv_frozen *frozen, struct base_buffer *calls,
			   struct gw_error *error) GW_MUST_CHECK;
/* As replog_machine.read_piece: on any thread. */
int kv_snapshot_read(struct kv_snapshot_writer *writer, void *buffer, size_t size) GW_MUST_CHECK;
void kv_snapshot_writer_free(struct kv_snapshot_writer *writer); /* NULL is fine */

/* ---- Reading -------------------------------------------------------------------------------- */

struct kv_snapshot_visitor {
	void *context;
	int (*head)(void *context, const struct kv_snapshot_head *head, struct gw_error *error);
	int (*pair)(void *context, struct gw_bytes key, const struct kv_item *item,
		    struct gw_error *error);
	/* All of them, at the end. */
	int (*calls)(void *context, struct gw_bytes records, struct gw_error *error);
};

/* Zero, but for the visitor, is one at the start. */
struct kv_snapshot_reader {
	struct kv_snapshot_visitor visitor;
	/* Private. */
	struct base_buffer pending; /* a block that is not all here */
	struct base_buffer calls;
	struct base_buffer last_key;
	struct kv_snapshot_head head;
	uint64_t pairs, bytes;
	bool has_head, has_end;
};

/* The next bytes, cut anywhere. GW_E_CORRUPT, GW_E_VERSION, or what a visitor returned. */
int kv_snapshot_take(struct kv_snapshot_reader *reader, struct gw_bytes bytes,
		     struct gw_error *error) GW_MUST_CHECK;
/* GW_E_TRUNCATED when it was not all. */
int kv_snapshot_end(struct kv_snapshot_reader *reader, struct gw_error *error) GW_MUST_CHECK;
void kv_snapshot_reader_done(struct kv_snapshot_reader *reader);

#endif
