/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs_content.h - what may be in a file of the file system, of which it is known what was written
 * and what was answered. Pure: no simulator in it.
 *
 * A file of one writer, one write at a time: a byte is that of the last write that was acknowledged
 * there, or of one that was not, which may come late, or never; before the first it is 0 or not
 * there. What readers see is held against this, and at the end what each replica has. When all
 * replicas have lost power, only what was synced is certain: the rest counts as not acknowledged.
 *
 * A file of records: an acknowledged one is at its offset, and one of append_once nowhere else. One
 * that was not acknowledged may be anywhere, but of append_once once at most.
 */
#ifndef SIM_GFS_CONTENT_H
#define SIM_GFS_CONTENT_H

#include <groundwork/base.h>

struct gfs_content_write {
	uint64_t offset;
	uint8_t *bytes;
	size_t size;
	bool acknowledged;
	uint64_t synced; /* the time; 0: not yet */
};

/* Times are numbers of syncs and losses of power. */
struct gfs_content {
	struct gfs_content_write *writes; /* in their order */
	size_t count, capacity;
	uint64_t time, power_lost;
};

/* What a copy holds: all of the writes below `certain`, none from `possible` on, any between. What
 * was not synced before it was made is not synced in it by a sync that comes later. */
struct gfs_content_part {
	size_t certain, possible;
	uint64_t time;
};

/* A write begins: its number. The bytes are copied. GW_E_NO_MEMORY. */
int gfs_content_write(struct gfs_content *content, uint64_t offset, struct gw_bytes bytes,
		      struct gw_error *error) GW_MUST_CHECK;
void gfs_content_acknowledged(struct gfs_content *content, int number);
/* What was acknowledged of the writes from the number on survives a loss of power. */
void gfs_content_synced(struct gfs_content *content, size_t first);
/* All replicas lose power, or may have. */
void gfs_content_power_lost(struct gfs_content *content);
/* These bytes were read there; they ended the file if is_end. GW_E_CORRUPT says what is wrong. */
int gfs_content_check(const struct gfs_content *content, uint64_t offset, struct gw_bytes bytes,
		      bool is_end, struct gw_error *error) GW_MUST_CHECK;
/* All of a file that is a copy of this one. */
int gfs_content_check_copy(const struct gfs_content *content, const struct gfs_content_part *part,
			   struct gw_bytes bytes, struct gw_error *error) GW_MUST_CHECK;
void gfs_content_done(struct gfs_content *content);

/* ---- Records --------------------------------------------------------------------------------- */

/* Writers and sequences are those of frames (gfs/client/frame.h). */
struct gfs_content_record {
	uint64_t writer, sequence;
	bool once;
	bool acknowledged, synced;
	uint64_t offset;
	uint64_t found; /* copies that a look has seen */
};

struct gfs_records {
	struct gfs_content_record *items;
	size_t count, capacity;
};

/* An append begins: its number. GW_E_NO_MEMORY. */
int gfs_records_append(struct gfs_records *records, uint64_t writer, uint64_t sequence, bool once,
		       struct gw_error *error) GW_MUST_CHECK;
void gfs_records_acknowledged(struct gfs_records *records, int number, uint64_t offset);
/* As of writes; those of one writer. */
void gfs_records_synced(struct gfs_records *records, uint64_t writer);
void gfs_records_power_lost(struct gfs_records *records);
/* All of the file, as a reader or one replica has it. */
int gfs_records_check(struct gfs_records *records, struct gw_bytes file,
		      struct gw_error *error) GW_MUST_CHECK;
void gfs_records_done(struct gfs_records *records);

#endif
