/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk_log.h - a small append-only log over struct io: what is acknowledged survives power loss,
 * or, without sync, the death of the process. It is the least program that has to get files
 * right, so it is what the simulator is tried on, with planted bugs (workload_disk_log.c).
 *
 * The directory "log" holds segments; the name is the number of the first record, 16 hex digits.
 * A segment is a header and records, each little-endian:
 *
 *     header  u32 "GWDL", u32 version 1, u64 first record, u32 CRC-32C of the 16 bytes before
 *     record  u32 CRC-32C of all that follows, u32 bytes of payload, u64 number, payload
 *
 * The header and each batch are filled up with zeros to a whole number of sectors: a power loss may
 * ruin the sectors that are being written, and no acknowledged byte may be in them.
 *
 * A segment gets its name when its bytes are durable: it is written as "log/new", synced, renamed,
 * and the directory is synced.
 *
 * Recovery reads all segments. The last one is written anew, because what was read may never have
 * reached the disk (a sync that failed leaves bytes in the cache that no later sync writes). Bytes
 * behind the last whole record are what a write left that was under way; or an acknowledged
 * record that has rotted: the user is told of them (DISK_LOG_TAIL). A bad record in front of good
 * ones, or a missing segment, is damage for certain: the user is told (DISK_LOG_LOST), and the
 * log goes on from there.
 */
#ifndef SIM_DISK_LOG_H
#define SIM_DISK_LOG_H

#include "io/io.h"

enum {
	DISK_LOG_PAYLOAD_MAX = 1024,
	DISK_LOG_SECTOR_BYTES = 512,
	DISK_LOG_BATCH_MAX = 16,       /* records in one write */
	DISK_LOG_SEGMENT_MAX = 1 << 16, /* bytes; larger is damage */
};

enum disk_log_trouble {
	DISK_LOG_TAIL, /* bytes that are no record stand behind the last one */
	DISK_LOG_LOST, /* records that were certainly there are gone */
};

/* Whom the log tells. None of these may call the log. */
struct disk_log_user {
	/* During recovery: each record, in order. */
	void (*record)(struct disk_log_user *user, uint64_t number, struct gw_bytes payload);
	/* During recovery, at once when it is found. */
	void (*trouble)(struct disk_log_user *user, enum disk_log_trouble trouble);
	void (*acknowledged)(struct disk_log_user *user, uint64_t first, uint32_t count);
	/* Recovery, or a batch, is over, and the next batch may come. */
	void (*ready)(struct disk_log_user *user, uint64_t last);
	/* The log is of no use any more; the process has to end and recover. */
	void (*failed)(struct disk_log_user *user, const struct gw_error *error);
};

struct disk_log_options {
	uint32_t segment_bytes; /* a new one is begun above it; below DISK_LOG_SEGMENT_MAX / 2 */
	bool without_sync;      /* acknowledged records survive the process, not the machine */
};

struct disk_log;

/* Begins recovery. NULL when there is no memory. */
struct disk_log *disk_log_new(struct io *io, const struct disk_log_options *options,
			      struct disk_log_user *user);
/* Only when nothing is under way, or the node has died. */
void disk_log_free(struct disk_log *log);

/* One batch at a time, after ready. The payloads are copied. */
void disk_log_append(struct disk_log *log, const struct gw_bytes *payloads, uint32_t count);

#endif
