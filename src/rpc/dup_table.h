/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dup_table.h - the duplicate table of dup.h, as gw_rpc_dup_new makes it: a map of clients, each
 * with a ring of as many records as it has calls without acknowledgement. Private to dup_table.c
 * and dup_record.c.
 *
 * A record on disk and between servers, little-endian: 4 bytes size of all of it, 1 version, 1
 * type, 2 zero, 16 client id, 8 first incomplete; for an answer also 8 sequence, 8 object, 8
 * fingerprint, 4 code, 4 bytes of reply, the reply; for times 8 when the client was last heard of
 * and 8 the time of the table; at last 4 CRC32C of all before.
 */
#ifndef RPC_DUP_TABLE_H
#define RPC_DUP_TABLE_H

#include "base/map.h"
#include "rpc/dup.h"

enum {
	RPC_DUP_VERSION = 1,
	RPC_DUP_CLIENT_RECORD = 1, /* this client is known */
	RPC_DUP_ANSWER_RECORD = 2, /* and this was answered */
	RPC_DUP_TIMES_RECORD = 3,  /* this client is known since then */
	RPC_DUP_FRONT_BYTES = 32,
	RPC_DUP_TIMES_BYTES = 48,  /* with the front, without CRC */
	RPC_DUP_ANSWER_BYTES = 64, /* with the front, without reply and CRC */
	RPC_DUP_RING_MIN = 16,
	RPC_DUP_KEEP_BYTES = 128,  /* a bigger reply's memory is given back */
};

enum dup_slot_state {
	DUP_SLOT_FREE,
	DUP_SLOT_RUNNING,
	DUP_SLOT_DONE,
	DUP_SLOT_LOST, /* done, and there was no memory for the answer */
};

struct dup_slot {
	uint64_t sequence, object, fingerprint;
	void *running;
	uint8_t *reply;
	size_t reply_bytes, reply_capacity;
	int code;
	uint8_t state; /* enum dup_slot_state */
};

struct dup_client {
	struct rpc_client_id id;
	uint64_t first_incomplete;
	uint64_t touched_ms;
	uint32_t running;
	uint32_t capacity; /* of the ring, a power of two */
	struct dup_slot *ring; /* the slot of a sequence is sequence % capacity */
};

struct dup_table {
	struct gw_rpc_dup dup;
	struct gw_rpc_dup_options options;
	struct base_map clients; /* id -> struct dup_client */
	uint64_t now_ms;
	uint64_t due_ms; /* no lease ends before */
	size_t bytes; /* of replies */
};

static inline struct dup_table *dup_table_of(struct gw_rpc_dup *dup)
{
	return (struct dup_table *)dup; /* its first member */
}

struct dup_client *dup_client_find(const struct dup_table *table, const struct rpc_client_id *id);
int dup_client_add(struct dup_table *table, const struct rpc_client_id *id,
		   uint64_t first_incomplete, struct dup_client **client, struct gw_error *error)
	GW_MUST_CHECK;
void dup_client_forget_below(struct dup_table *table, struct dup_client *client,
			     uint64_t first_incomplete);
/* The slot of a sequence within the window; the ring grows. NULL: no memory. */
struct dup_slot *dup_client_slot(struct dup_client *client, uint64_t sequence);
void dup_slot_answer(struct dup_table *table, struct dup_slot *slot, int code,
		     struct gw_bytes reply);

int dup_record(struct gw_rpc_dup *dup, const struct rpc_dup_call *call, int code,
	       struct gw_bytes reply, struct base_buffer *out, struct gw_error *error);
int dup_record_client(const struct rpc_client_id *id, uint64_t first_incomplete,
		      struct base_buffer *out, struct gw_error *error);
int dup_export(struct gw_rpc_dup *dup, uint64_t object, struct base_buffer *out,
	       struct gw_error *error);
int dup_import(struct gw_rpc_dup *dup, struct gw_bytes records, struct gw_error *error);

#endif
