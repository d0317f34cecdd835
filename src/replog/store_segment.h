/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_segment.h - the bytes of a log's segment, encoded and read without any input or output.
 * Little-endian.
 *
 *     header  u32 "GWLS", u32 version 1, u64 number, u64 nonce, u32 bytes of a sector, u32 0,
 *             16 bytes cluster, u64 member, u32 CRC-32C of all before; zeros up to a sector
 *     batch   u32 "GWLB", u32 CRC-32C of nonce, offset in the file and all that follows,
 *             u64 sequence, u32 bytes of records, u32 count of records, records;
 *             anything up to a sector
 *     record  u32 CRC-32C of all that follows, u32 bytes of data, u64 index, u64 term, u32 kind,
 *             u32 kind of entry, data, zeros up to 8 bytes
 *
 * A batch is what one write brought, and begins a sector: a power loss may ruin the sectors that
 * are being written, and no acknowledged byte may be in them. Sequence numbers rise by 1 from batch
 * to batch, over all segments, and a batch is written when the one before it is durable. So
 *
 * - a batch that is wrong with a right one behind it was once acknowledged: it is damaged;
 * - a wrong one with nothing behind it is what a crash left of the last write.
 *
 * A segment is used again for another: its nonce, drawn anew, is part of every batch's checksum,
 * so what its last life left there is never taken for a batch. Within a life no byte is written
 * twice: who recovers begins a new segment, with a copy of the last batch that it found (which may
 * never have reached the disk) under its old sequence number; batches of that number and above in
 * the segments before do not count any more.
 *
 * The first batch of each segment ends with records of the state and of the position, so that
 * segments can be removed from the front, and that it is known what is missing.
 */
#ifndef REPLOG_STORE_SEGMENT_H
#define REPLOG_STORE_SEGMENT_H

#include "replog/store.h"

enum {
	REPLOG_SEGMENT_MAGIC = 0x534c5747, /* "GWLS" */
	REPLOG_BATCH_MAGIC = 0x424c5747,   /* "GWLB" */
	REPLOG_SEGMENT_VERSION = 1,
	REPLOG_SEGMENT_HEAD_BYTES = 60,
	REPLOG_BATCH_HEAD_BYTES = 24,
	REPLOG_RECORD_HEAD_BYTES = 32,
	REPLOG_SECTOR_BYTES_MAX = 64 << 10,
	REPLOG_SECTOR_BYTES_MIN = 64,
};

struct replog_segment_head {
	uint64_t number, nonce;
	uint32_t sector_bytes;
	uint8_t cluster[REPLOG_CLUSTER_BYTES];
	uint64_t member;
};

void replog_segment_encode(const struct replog_segment_head *head,
			   uint8_t out[REPLOG_SEGMENT_HEAD_BYTES]);
/* name is for sentences. GW_E_CORRUPT, GW_E_VERSION. */
int replog_segment_decode(const char *name, struct gw_bytes in, struct replog_segment_head *head,
			  struct gw_error *error) GW_MUST_CHECK;

/* ---- Batches ------------------------------------------------------------------------------ */

struct replog_batch {
	uint64_t offset; /* in the segment */
	uint64_t sequence;
	uint32_t records;      /* 0: a mark */
	struct gw_bytes body;  /* of the records */
};

/* Up to a whole sector; sectors are powers of two. */
static inline uint64_t replog_round_up(uint64_t bytes, uint32_t sector_bytes)
{
	return (bytes + sector_bytes - 1) & ~((uint64_t)sector_bytes - 1);
}

/* What the batch takes in its segment. */
static inline uint64_t replog_batch_bytes(uint64_t body_bytes, uint32_t sector_bytes)
{
	return replog_round_up(REPLOG_BATCH_HEAD_BYTES + body_bytes, sector_bytes);
}

/* The head of a batch whose body is in two parts, one behind the other. */
void replog_batch_encode(const struct replog_segment_head *segment,
			 const struct replog_batch *batch, struct gw_bytes second,
			 uint8_t out[REPLOG_BATCH_HEAD_BYTES]);

/* The batch at the offset of a segment whose bytes are `in`; its body points into them. False when
 * there is none that is right. */
bool replog_batch_decode(const struct replog_segment_head *segment, struct gw_bytes in,
			 uint64_t offset, struct replog_batch *batch);

/* Whether a right batch with a sequence above `above` begins at offset or behind it; *found is the
 * first. */
bool replog_batch_search(const struct replog_segment_head *segment, struct gw_bytes in,
			 uint64_t offset, uint64_t above, struct replog_batch *found);

/* ---- Records ------------------------------------------------------------------------------ */

enum replog_record_kind {
	REPLOG_RECORD_STATE = 1, /* term; index is the vote */
	REPLOG_RECORD_ENTRY,     /* index, entry */
	REPLOG_RECORD_CLEAR,     /* no entries any more; index is that of the next one */
	REPLOG_RECORD_CUT,       /* none from index on */
	REPLOG_RECORD_POSITION,  /* the next entry is at index: nothing is missing before it */
};

struct replog_record {
	uint32_t kind;
	uint64_t index;
	struct raft_entry entry; /* STATE: its term */
};

static inline uint64_t replog_record_bytes(uint64_t data_bytes)
{
	return replog_round_up(REPLOG_RECORD_HEAD_BYTES + data_bytes, 8);
}

/* Writes replog_record_bytes(entry.data.size). */
void replog_record_encode(const struct replog_record *record, uint8_t *out);

/* The record at *offset of a batch's body, which is moved behind it; its data points into the
 * body. 1, 0 at the end of the body, GW_E_CORRUPT. */
int replog_record_next(struct gw_bytes body, size_t *offset, struct replog_record *record,
		       struct gw_error *error) GW_MUST_CHECK;

#endif
