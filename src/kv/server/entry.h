/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry.h - what the service puts into the log. Numbers are little-endian.
 *
 *     u8   version 1
 *     u8   kind: enum kv_entry_kind
 *     u8   flags: KV_ENTRY_CALL
 *     u8   0
 *     u32  CRC32C of all the rest, then of the four bytes above
 *     KV_ENTRY_CALL: 48 bytes, rpc_dup_call_encode: whose call it is
 *     CHANGE, WRITE: u16 how many operations (a CHANGE has one), and each:
 *         u8   kind: enum kv_operation_kind
 *         u8   flags: KV_IF_VERSION, KV_IF_VALUE, KV_REMOVE
 *         u16  bytes of the key
 *         u32  bytes of the value
 *         u32  bytes of the value that is expected
 *         u64  number: ttl_ms, or the amount of an INCREMENT
 *         u64  version that is expected
 *         key, value, expected value
 *     OPEN: 16 bytes, the id of a client that is to be known
 *     TICK: nothing; it brings its time, at which keys end
 *
 * Nothing of an entry is a member's own: it means the same wherever and whenever it is applied.
 */
#ifndef KV_SERVER_ENTRY_H
#define KV_SERVER_ENTRY_H

#include "base/buffer.h"
#include "kv/limits.h"
#include "rpc/dup.h"

enum kv_entry_kind {
	KV_ENTRY_CHANGE = 1,
	KV_ENTRY_WRITE,
	KV_ENTRY_OPEN,
	KV_ENTRY_TICK,
};

enum kv_operation_kind {
	KV_PUT = 1,
	KV_APPEND,
	KV_INCREMENT,
	KV_SWAP,
	KV_EXPIRE,
	KV_DELETE,
};

enum {
	KV_ENTRY_VERSION = 1,
	KV_ENTRY_HEAD_BYTES = 8,
	KV_OPERATION_HEAD_BYTES = 28,
	KV_ENTRY_CALL = 1, /* flag */
	KV_IF_VERSION = 1, /* flags of a SWAP; neither: if there is no such key */
	KV_IF_VALUE = 2,
	KV_REMOVE = 4, /* of a SWAP */
};

struct kv_operation {
	uint8_t kind, flags;
	uint64_t number, version_expected;
	struct gw_bytes key, value, expected;
};

struct kv_entry {
	uint8_t kind;
	bool has_call;
	struct rpc_dup_call call;
	struct rpc_client_id client; /* of an OPEN */
	uint16_t count;              /* operations */
	struct gw_bytes operations;  /* as they are encoded; decoded entries only */
};

/* GW_E_INVALID, GW_E_TOO_LARGE: why an operation cannot be, as its caller is told. */
int kv_operation_check(const struct kv_operation *operation, struct gw_error *error) GW_MUST_CHECK;

/* Appends the entry with entry->count operations; each is one that was checked. */
int kv_entry_encode(const struct kv_entry *entry, const struct kv_operation *operations,
		    struct base_buffer *out, struct gw_error *error) GW_MUST_CHECK;
/* All of it is checked, also each operation. What is decoded points into bytes. GW_E_CORRUPT,
 * GW_E_VERSION. */
int kv_entry_decode(struct gw_bytes bytes, struct kv_entry *entry,
		    struct gw_error *error) GW_MUST_CHECK;
/* The next operation of a decoded entry, from *position 0 on; false at the end. */
bool kv_entry_next(const struct kv_entry *entry, size_t *position, struct kv_operation *operation);

#endif
