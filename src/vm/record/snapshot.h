/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot.h - what a recorded machine is at a count, in a file: a replay of its log begins there
 * instead of at the start.
 *
 *     file     magic "gwvmsnp" and the version in 1 byte, then chunks
 *     chunk    kind in 4; size of the body in 4; the body; CRC-32C of all that in 4
 *
 * Numbers are little-endian. Chunks, in this order:
 *
 *     1 START    the recording's 64 bytes of seed; then, each in 8: the count; where in the log the
 *                next record is: its group's place in the file, its own in the group, the count of
 *                the record before; events and hashes so far; size of RAM; size of the disk
 *     2 MACHINE  what vm_machine_save writes
 *     3 READ     of each request in flight: id in 8; what the disk gives for it, if it is a read
 *     4 PAGE     number in 8; 4096 bytes of RAM that are not all zero
 *     5 SECTOR   number in 8; 512 bytes of the disk that were written
 *     6 END      nothing
 */
#ifndef VM_RECORD_SNAPSHOT_H
#define VM_RECORD_SNAPSHOT_H

#include "photo.h"

enum { VM_SNAPSHOT_VERSION = 1 };

/* What is to be written. */
struct vm_snapshot {
	const uint8_t *seed; /* VM_SEED_BYTES */
	const struct vm_photo *photo;
	const uint8_t *ram;
	uint64_t ram_size;
	struct vm_overlay *disk; /* NULL: none */
};

/* Makes the file; GW_E_EXISTS: there is one. After a failure there is none. */
int vm_snapshot_write(const char *path, const struct vm_snapshot *snapshot, struct gw_error *error)
	GW_MUST_CHECK;

/* Of a replay, where it stands. */
int vm_replay_snapshot(struct vm_replay *replay, const char *path, struct gw_error *error)
	GW_MUST_CHECK;
/* Into a replay that was just opened. GW_E_CORRUPT, GW_E_TRUNCATED, GW_E_VERSION; GW_E_INVALID: of
 * another recording. It can only be closed after a failure. */
int vm_replay_begin_at(struct vm_replay *replay, const char *path, struct gw_error *error)
	GW_MUST_CHECK;

#endif
