/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - the log of a chunk: bytes of version 1. A chunk has two files, its data as they are
 * and this log, which says what of them counts: how long the chunk is, the checksum of each block,
 * version, completion records. A record follows the other. Little-endian:
 *
 *     u32 CRC-32C of all behind it, begun with the checksum of the record before (of the first: 0)
 *     u32 bytes of the body
 *     u8  kind, u8 position in its batch (255: or later), u16 0
 *     body, by kind:
 *
 *     1 HEAD       u32 "GWCK", u16 version 1, u8 chunk_log2, u8 0, u64 handle
 *     2 STATE      u64 version, u8 open, 7 bytes 0, 16 bytes boot id
 *     3 SYNCED     nothing: all before is on the disk
 *     4 WRITE      u64 offset, u32 bytes, u32 1: the bytes follow, u64 writer, u64 sequence,
 *                  u64 first unanswered, u32 checksum of each block that it touches, the bytes
 *     5 PAD        u64 length: zeros up to there
 *     6 TABLE      u64 length, u32 checksum of each block: in place of all records of bytes before
 *     7 COMPLETION u64 writer, u64 sequence, u64 offset, u32 bytes, u8 kind, 3 bytes 0
 *     8 CUT        u64 length, u32 checksum of its last block, if that is not full
 *     9 FILL       zeros up to the end of a sector of 512 bytes, behind what is written with a
 *                  sync: a loss of power may ruin a sector that is being written, and what is
 *                  durable is not to be in it
 *
 * Since each checksum begins with the one before, what is left behind the end by a record that was
 * never acknowledged, and overwritten by a shorter one, is not taken for the log's.
 *
 * The checksum of a block is of its bytes up to the chunk's length. A WRITE has its bytes in the
 * log when it changes bytes below the length: then the log is durable first, so a death or a loss
 * of power between the two is mended from it; and behind a SYNCED or CUT, when that is of the last
 * sector, which others may come to lie in. Bytes beyond the length need no order: until the record
 * is there they do not count, and a record whose bytes do not match is the end of the log.
 */
#ifndef GFS_CHUNKSERVER_RECORD_H
#define GFS_CHUNKSERVER_RECORD_H

#include "base/buffer.h"
#include "gfs/common/limits.h"

enum {
	CHUNK_RECORD_MAGIC = 0x4b435747, /* "GWCK" */
	CHUNK_RECORD_VERSION = 1,
	CHUNK_RECORD_HEAD_BYTES = 12,
	CHUNK_BOOT_ID_BYTES = 16,
	/* Of one record's body: a TABLE of the largest chunk; a WRITE is smaller. */
	CHUNK_RECORD_BODY_MAX = 8 + 4 * (1 << (GFS_CHUNK_LOG2_MAX - 16)) + (2 << 20),
	CHUNK_BATCH_LAST = 255,
	CHUNK_SECTOR_BYTES = 512,
};

enum chunk_record_kind {
	CHUNK_RECORD_HEAD = 1,
	CHUNK_RECORD_STATE,
	CHUNK_RECORD_SYNCED,
	CHUNK_RECORD_WRITE,
	CHUNK_RECORD_PAD,
	CHUNK_RECORD_TABLE,
	CHUNK_RECORD_COMPLETION,
	CHUNK_RECORD_CUT,
	CHUNK_RECORD_FILL,
};

enum chunk_completion_kind {
	CHUNK_FLOOR, /* below it the writer has all its answers: nothing comes any more */
	CHUNK_DONE,
	CHUNK_FENCED, /* never was done in this chunk and never will be */
};

/* What became of an append that is to happen once. */
struct chunk_completion {
	uint64_t writer, sequence, offset;
	uint32_t bytes;
	uint8_t kind; /* enum chunk_completion_kind */
};

/* A record, as it is read or to be written. Pointers are into the bytes that were read. */
struct chunk_record {
	uint8_t kind;     /* enum chunk_record_kind */
	uint8_t position; /* in its batch */
	uint8_t chunk_log2;
	bool is_open;
	uint64_t handle;
	uint64_t version;
	const uint8_t *boot_id;
	uint64_t length;            /* PAD, TABLE, CUT */
	uint64_t offset;            /* WRITE */
	uint32_t bytes;             /* WRITE, FILL */
	const uint8_t *data;        /* NULL: not in the log */
	uint64_t first_unanswered;
	struct chunk_completion completion; /* WRITE: writer (0: none) and sequence only */
	const uint8_t *crcs;        /* little-endian */
	uint32_t crc_count;
};

/* How many blocks a range touches; bytes > 0. */
static inline uint32_t chunk_blocks_of(uint64_t offset, uint64_t bytes)
{
	return (uint32_t)((offset + bytes - 1) / GFS_BLOCK_BYTES - offset / GFS_BLOCK_BYTES + 1);
}

/* Adds a record behind one whose checksum is *crc, and sets that to its own. */
int chunk_record_put(struct base_buffer *buffer, const struct chunk_record *record, uint32_t *crc,
		     struct gw_error *error) GW_MUST_CHECK;

/* Adds a FILL, so that the log, with `before` bytes in front of the buffer, ends with a sector. */
int chunk_record_fill(struct base_buffer *buffer, uint64_t before, uint32_t *crc,
		      struct gw_error *error) GW_MUST_CHECK;

/*
 * Reads the record at the start of `in`, behind one whose checksum is *crc; returns its size and
 * sets *crc. 0: nothing is there (the end). GW_E_TRUNCATED: a part of one; GW_E_CORRUPT: not the
 * bytes that were written; GW_E_VERSION, in a HEAD only. name is for sentences.
 */
int64_t chunk_record_get(const char *name, struct gw_bytes in, uint32_t *crc,
			 struct chunk_record *record, struct gw_error *error) GW_MUST_CHECK;

#endif
