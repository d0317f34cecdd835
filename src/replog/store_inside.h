/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_inside.h - what the files of the store share: the store's fields and the life of segments.
 */
#ifndef REPLOG_STORE_INSIDE_H
#define REPLOG_STORE_INSIDE_H

#include "base/buffer.h"
#include "io/io.h"
#include "replog/store.h"
#include "store_segment.h"
#include "task/disk.h"

#include <groundwork/task.h>

enum {
	STORE_PATH_MAX = REPLOG_PATH_MAX + 80, /* of what is in the directory */
	/* Of a segment that a batch of the greatest size made longer. */
	STORE_SEGMENT_BYTES_MAX = REPLOG_BATCH_BYTES_MAX + (4 << 20),
	/* What the first batch of a segment has more than others: state and position. */
	STORE_FIRST_BYTES = 2 * REPLOG_RECORD_HEAD_BYTES,
	STORE_KEEP_BYTES = 4 << 20, /* a buffer of an added batch that is bigger is given back */
};

/* Records that were added, and what they add up to. */
struct store_added {
	struct base_buffer bytes;
	uint32_t records;
	uint64_t last_index; /* the highest of its entries, also of replaced ones */
	bool clears;         /* what is in the log already */
	uint64_t term, vote, next_index; /* behind all of them */
};

struct store_segment {
	uint64_t number;
	uint64_t last_index; /* the highest of its entries, also of replaced ones; 0: none */
	uint64_t size;
};

/* A segment with head and name, to be written from its first batch on. */
struct store_open_segment {
	struct io_file *file; /* NULL: there is none */
	struct replog_segment_head head;
	uint64_t size;
	uint64_t offset; /* of the next batch */
	bool begun;      /* has a batch */
};

struct replog_store {
	struct io *io;
	char path[REPLOG_PATH_MAX];
	struct replog_identity identity;
	uint64_t segment_bytes;
	uint32_t sector_bytes;
	struct io_file *lock;
	bool broken;
	struct gw_error why; /* it is broken */

	/* The log. */
	struct gw_mutex commit;
	bool committing;
	struct store_segment *segments; /* by number; the last one is written */
	size_t segment_count, segment_capacity;
	struct store_open_segment current, next;
	struct gw_group preparing; /* the task that makes next */
	bool prepare_failed;
	struct gw_error prepare_error;
	bool has_spare; /* log/spare is there, durably, and log/NUMBER is not any more */
	bool taking_spare;
	uint64_t spare_bytes;
	uint64_t next_number; /* of the next segment that is made */
	uint64_t sequence;    /* of the last batch */
	bool marked;          /* it was a mark */
	/* What waits for a commit, and what a commit writes; the latter stays until it is written,
	 * also when there was no space for it. */
	struct store_added added, writing;

	/* Snapshots. */
	struct replog_manifest *manifest; /* the newest; NULL: none */
	struct raft_snapshot making, fetching; /* under way; index 0: none */
};

/* ---- Names: out has STORE_PATH_MAX ----------------------------------------------------------- */

void store_path(char *out, const char *directory, const char *name);
void store_segment_path(char *out, const char *directory, uint64_t number);
/* kind: "manifest", "fetch" or the number of a file. */
void store_snapshot_path(char *out, const char *directory, const struct raft_snapshot *snapshot,
			 const char *kind);
void store_snapshot_file_path(char *out, const char *directory,
			      const struct raft_snapshot *snapshot, uint32_t file);
/* "log/0123456789abcdef" without the "log/". */
bool store_is_segment_name(const char *name, uint64_t *number);
/* *kind points behind the dot. */
bool store_is_snapshot_name(const char *name, uint64_t *index, uint64_t *term, const char **kind);

/* ---- Trouble -------------------------------------------------------------------------------- */

/* What every call of a broken store returns. */
int store_refused(const struct replog_store *store, struct gw_error *error);
/* The store is broken from now on, for the reason that is in *error; returns its code. */
int store_break(struct replog_store *store, const struct gw_error *why, struct gw_error *error);

/* ---- Segments: store_log.c ----------------------------------------------------------------- */

/* Makes a segment of at least so many bytes; of a spare one if it can. */
int store_make_segment(struct replog_store *store, uint64_t bytes,
		       struct store_open_segment *made, struct gw_error *error) GW_MUST_CHECK;
/* made becomes the one that is written; the one before is closed. */
int store_take_segment(struct replog_store *store, struct store_open_segment *made,
		       struct gw_error *error) GW_MUST_CHECK;
/* Writes a batch and, behind its records, state and position if it is the segment's first. It
 * fits. A failure is for the caller to judge. */
int store_write_batch(struct replog_store *store, const struct store_added *batch,
		      struct gw_error *error) GW_MUST_CHECK;
/* Gives the file of a segment that is not needed up, as spare if it can be used; the directory is
 * not synced. */
int store_retire_segment(struct replog_store *store, uint64_t number, uint64_t size,
			 bool *became_spare, struct gw_error *error) GW_MUST_CHECK;

/* ---- Recovery: store_recover.c -------------------------------------------------------------- */

/* Reads the log, makes what it found durable, and is ready for a commit. */
int store_recover(struct replog_store *store, struct replog_recovered *recovered,
		  struct gw_error *error) GW_MUST_CHECK;

/* ---- Snapshots: store_snapshot.c ------------------------------------------------------------ */

/* Finds the newest snapshot, and removes what does not belong to it. */
int store_load_snapshots(struct replog_store *store, struct gw_error *error) GW_MUST_CHECK;
/* Removes files of snapshots but those of the newest and of what is under way. */
int store_clean_snapshots(struct replog_store *store, struct gw_error *error) GW_MUST_CHECK;
/* GW_E_EXISTS when it is not newer. */
int store_newer_than_newest(const struct replog_store *store,
			    const struct raft_snapshot *snapshot,
			    struct gw_error *error) GW_MUST_CHECK;
bool store_same_snapshot(const struct raft_snapshot *a, const struct raft_snapshot *b);
/* Gives a manifest that is durable as `temporary` its name; it is the newest from then on. manifest
 * is the store's, or freed. */
int store_name_manifest(struct replog_store *store, const char *temporary,
			struct replog_manifest *manifest, struct gw_error *error) GW_MUST_CHECK;
/* The one of a snapshot's directory; index 0: there is none. */
void store_newest_of(const struct io_list *list, struct raft_snapshot *newest);
/* The caller frees *manifest. */
int store_load_manifest(const char *directory, const struct raft_snapshot *snapshot,
			struct replog_manifest **manifest, struct gw_error *error) GW_MUST_CHECK;
int store_check_file_size(const char *directory, const struct replog_manifest *manifest,
			  uint32_t number, struct gw_error *error) GW_MUST_CHECK;
/* Reads and verifies; returns its bytes. *file is not looked at after the first wait. */
int store_read_piece(const char *path, const struct replog_snapshot_file *file, uint64_t piece,
		     void *buffer, struct gw_error *error) GW_MUST_CHECK;

#endif
