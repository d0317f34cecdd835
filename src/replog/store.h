/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - the disk of a member of a replicated log: its term and vote, its entries, its
 * snapshots, in one directory, on struct io. It carries out what raft.h asks for.
 *
 *     replog_store_create("data", &identity, error);             // once in a member's life
 *     replog_store_open(&store, "data", &options, &recovered, error);
 *     ... raft_new with what was recovered ...
 *     replog_recovered_done(&recovered);
 *
 *     task A, the core's:  replog_store_add(store, raft, &action, error);  // RAFT_SAVE_x; no wait
 *     task B, the disk's:  replog_store_commit(store, error);              // waits
 *                          ... RAFT_SAVED: all that was added before the commit is durable ...
 *
 * Group commit: what was added is in memory; a commit takes all of it in one write with its sync,
 * and more may be added meanwhile, for the next one. Saves are carried out in the order in which
 * they were added.
 *
 * Promises.
 * - What a commit that returned 0 wrote is there after any crash; of a commit under way, all of it
 *   is there or nothing. Entries that were replaced or cleared never come back.
 * - Damage of what was acknowledged is GW_E_CORRUPT at the open, with file and offset, and nothing
 *   is changed. Only the end of the last write, when nothing was written behind it, cannot be told
 *   from a write that a crash has torn; replog_store_commit with nothing added writes a mark
 *   behind it (when the member is idle), and so do open and close.
 * - After a write or sync that failed the store is broken: every call says so until it is opened
 *   anew. Nothing is ever synced again.
 * - GW_E_NO_SPACE from a commit: nothing was written, what was added is still there, and the commit
 *   may be tried again when there is space. (A write never needs space: its segment has it.)
 * - A directory is made by replog_store_create only; a wiped one is not opened.
 *
 * Tasks: functions that are said to wait are called from tasks. Commits are called by one task at
 * a time, as are snapshots made, as is a fetch; these three do not disturb each other. A cancel
 * or deadline of the task does not end a commit.
 *
 * The directory:
 *
 *     lock                  held while it is open
 *     format                version, cluster, member, the first members (store_format.h)
 *     log/NUMBER            segments (store_segment.h), 16 hex digits; log/spare: one to come
 *     snapshot/INDEX-TERM.manifest     (store_manifest.h)
 *     snapshot/INDEX-TERM.N            its files
 *     snapshot/INDEX-TERM.fetch        a manifest whose files are being fetched
 */
#ifndef REPLOG_STORE_H
#define REPLOG_STORE_H

#include "replog/raft.h"

struct replog_store;

enum {
	REPLOG_CLUSTER_BYTES = 16,
	REPLOG_PATH_MAX = 1024,             /* of the directory, with the NUL */
	REPLOG_NAME_MAX = 64,               /* of a snapshot's file, with the NUL */
	REPLOG_FILES_MAX = 1024,            /* of a snapshot */
	REPLOG_PIECE_BYTES = 1 << 20,       /* of a snapshot's file; the last one may be shorter */
	REPLOG_MANIFEST_BYTES_MAX = 64 << 20,
	REPLOG_SECTOR_BYTES = 512,          /* default of what a power loss may tear as a whole */
	REPLOG_SEGMENT_BYTES = 64 << 20,    /* default */
	REPLOG_SEGMENT_BYTES_MIN = 8 << 10,
	REPLOG_BATCH_BYTES_MAX = 256 << 20, /* added and not yet committed */
};

/* ---- The directory ------------------------------------------------------------------------ */

struct replog_identity {
	uint8_t cluster[REPLOG_CLUSTER_BYTES];
	uint64_t member;             /* not 0 */
	struct raft_members members; /* of a new cluster the same on all; who joins later: none */
};

/* Waits. Makes the directory, whose parent is there, or takes an empty one; durable when it
 * returns. GW_E_EXISTS when something is in it. A create that was cut short is gone over again. */
int replog_store_create(const char *path, const struct replog_identity *identity,
			struct gw_error *error) GW_MUST_CHECK;

/* Waits. What is in the format file; takes no lock. GW_E_NOT_FOUND: no such directory, or none of
 * ours; GW_E_VERSION, GW_E_CORRUPT. */
int replog_store_identity(const char *path, struct replog_identity *identity,
			  struct gw_error *error) GW_MUST_CHECK;

struct replog_store_options {
	/* Who it should be: GW_E_INVALID when the directory is another's. NULL and 0: any. */
	const uint8_t *cluster;
	uint64_t member;
	uint64_t segment_bytes; /* 0: REPLOG_SEGMENT_BYTES */
	uint32_t sector_bytes;  /* a power of two; 0: REPLOG_SECTOR_BYTES */
};

/* What raft_setup wants. */
struct replog_recovered {
	struct replog_identity identity;
	uint64_t term, vote;
	struct raft_snapshot snapshot; /* of the newest; none: index 0 and the first members */
	const struct raft_entry *entries; /* from snapshot.index + 1 on */
	uint64_t entry_count;
	uint64_t torn_bytes; /* of the last write before a crash, dropped; 0: none */
	/* Private. */
	void *memory;
};

/* Waits. GW_E_BUSY when another process has it open. options may be NULL. The caller frees
 * *recovered with replog_recovered_done, after raft_new; on failure there is nothing to free. */
int replog_store_open(struct replog_store **store, const char *path,
		      const struct replog_store_options *options,
		      struct replog_recovered *recovered, struct gw_error *error) GW_MUST_CHECK;
void replog_recovered_done(struct replog_recovered *recovered);

/* Waits for what is under way, writes a mark, gives the lock back, frees. What was added and not
 * committed is dropped. NULL is fine. */
void replog_store_close(struct replog_store *store);

const struct replog_identity *replog_store_owner(const struct replog_store *store);

/* ---- Saves -------------------------------------------------------------------------------- */

/* Adds what a RAFT_SAVE_STATE or RAFT_SAVE_ENTRIES asks for; the bytes are copied. All or nothing:
 * GW_E_NO_MEMORY; GW_E_OVERLOADED over REPLOG_BATCH_BYTES_MAX (commit first). Never waits. */
int replog_store_add(struct replog_store *store, const struct raft *raft,
		     const struct raft_action *action, struct gw_error *error) GW_MUST_CHECK;

/* The same, one by one. An entry replaces what is at its index and behind it; its index is at most
 * the last one + 1. A cut removes the entries from index on. After a clear there are none, and the
 * next one is at `next`. */
int replog_store_add_state(struct replog_store *store, uint64_t term, uint64_t vote,
			   struct gw_error *error) GW_MUST_CHECK;
int replog_store_add_entry(struct replog_store *store, uint64_t index,
			   const struct raft_entry *entry, struct gw_error *error) GW_MUST_CHECK;
int replog_store_add_cut(struct replog_store *store, uint64_t index,
			 struct gw_error *error) GW_MUST_CHECK;
int replog_store_add_clear(struct replog_store *store, uint64_t next,
			   struct gw_error *error) GW_MUST_CHECK;

/* Bytes that were added and are neither durable nor in a commit under way; 0: nothing. */
size_t replog_store_added_bytes(const struct replog_store *store);

/* Waits until all that was added before the call is durable; so when it returns 0 and nothing was
 * added since, all is (replog_store_added_bytes is 0). Nothing added: writes a mark, if there is
 * none behind the last write yet; what an earlier commit had no space for is written before. */
int replog_store_commit(struct replog_store *store, struct gw_error *error) GW_MUST_CHECK;

/* Whether it is of no use any more until it is opened anew. (A commit that failed with
 * GW_E_NO_SPACE or GW_E_NO_MEMORY did not break it and may be tried again.) */
bool replog_store_is_broken(const struct replog_store *store);

/* The index behind the last entry, with those that were added. */
uint64_t replog_store_next_index(const struct replog_store *store);

/* ---- Snapshots ---------------------------------------------------------------------------- */

struct replog_snapshot_file {
	char name[REPLOG_NAME_MAX]; /* the state machine's; letters, digits, ". _ -" */
	uint64_t size;
	const uint32_t *piece_checksums; /* CRC-32C of each piece */
};

struct replog_manifest {
	struct raft_snapshot snapshot;
	uint32_t file_count;
	const struct replog_snapshot_file *files;
	/* The manifest as bytes, for a member that fetches; also what is in the file. */
	struct gw_bytes bytes;
};

static inline uint64_t replog_file_pieces(const struct replog_snapshot_file *file)
{
	return file->size / REPLOG_PIECE_BYTES + (file->size % REPLOG_PIECE_BYTES != 0);
}

static inline uint32_t replog_piece_bytes(const struct replog_snapshot_file *file, uint64_t piece)
{
	uint64_t left = file->size - piece * REPLOG_PIECE_BYTES;

	return left < REPLOG_PIECE_BYTES ? (uint32_t)left : REPLOG_PIECE_BYTES;
}

/* The newest that is durable, or NULL; valid until the next snapshot is finished. */
const struct replog_manifest *replog_store_manifest(const struct replog_store *store);

/* Makes a snapshot of this member's state: begin, for each file its name and its bytes from the
 * start on, finish. All wait. Not over a wait of the core: the snapshot's entries stay in the log
 * until replog_store_compact. GW_E_EXISTS when the newest is not older. */
struct replog_snapshot_writer;
int replog_snapshot_begin(struct replog_store *store, const struct raft_snapshot *snapshot,
			  struct replog_snapshot_writer **writer,
			  struct gw_error *error) GW_MUST_CHECK;
int replog_snapshot_file(struct replog_snapshot_writer *writer, const char *name,
			 struct gw_error *error) GW_MUST_CHECK;
int replog_snapshot_write(struct replog_snapshot_writer *writer, struct gw_bytes bytes,
			  struct gw_error *error) GW_MUST_CHECK;
/* Durable and the newest when it returns 0 (then RAFT_COMPACT). Frees the writer in any case. */
int replog_snapshot_finish(struct replog_snapshot_writer *writer,
			   struct gw_error *error) GW_MUST_CHECK;
/* Removes what was written; NULL is fine. */
void replog_snapshot_abandon(struct replog_snapshot_writer *writer);

/* Waits. Reads a piece of the newest snapshot, for the state machine or another member; buffer has
 * REPLOG_PIECE_BYTES. Returns its bytes; GW_E_NOT_FOUND when the newest is not that of `index` and
 * `term` (any more), GW_E_CORRUPT when the bytes are not those that were written. */
int replog_snapshot_read(struct replog_store *store, uint64_t index, uint64_t term, uint32_t file,
			 uint64_t piece, void *buffer, struct gw_error *error) GW_MUST_CHECK;

/* Fetches another member's snapshot: begin with its manifest's bytes, put each piece that is
 * missing, finish. Pieces that are there from a fetch that was cut short are kept. begin, put and
 * finish wait. GW_E_EXISTS when the newest is not older, GW_E_CORRUPT for a wrong manifest. */
struct replog_fetch;
int replog_fetch_begin(struct replog_store *store, struct gw_bytes manifest,
		       struct replog_fetch **fetch, struct gw_error *error) GW_MUST_CHECK;
const struct replog_manifest *replog_fetch_manifest(const struct replog_fetch *fetch);
/* The first piece that is missing; false: none is. Several may be asked for at once: *piece and
 * *file are where to look on from, {0, 0} at first, and the caller adds 1 to *piece. */
bool replog_fetch_missing(const struct replog_fetch *fetch, uint32_t *file, uint64_t *piece);
/* GW_E_CORRUPT when these are not the bytes that the manifest names; the piece is still missing. */
int replog_fetch_put(struct replog_fetch *fetch, uint32_t file, uint64_t piece,
		     struct gw_bytes bytes, struct gw_error *error) GW_MUST_CHECK;
/* No piece is missing. Durable and the newest when it returns 0 (then RAFT_INSTALLED). Frees the
 * fetch in any case. */
int replog_fetch_finish(struct replog_fetch *fetch, struct gw_error *error) GW_MUST_CHECK;
/* Frees it; what was fetched stays for the next time. NULL is fine. */
void replog_fetch_stop(struct replog_fetch *fetch);

/* Waits. Removes snapshots but the newest, and segments that have no entry behind keep_index; at
 * most the newest snapshot's index counts. Segments are used again. Call it after a snapshot's
 * RAFT_COMPACT or RAFT_INSTALLED, with its index less what is kept. While a log that contradicts
 * the snapshot is not cleared durably, its segments stay. A failure harms nothing. */
int replog_store_compact(struct replog_store *store, uint64_t keep_index,
			 struct gw_error *error) GW_MUST_CHECK;

/* ---- A look at a directory ------------------------------------------------------------------ */

struct replog_check_report {
	struct replog_identity identity;
	uint64_t term, vote;
	uint64_t first_index, last_index; /* of entries; first > last: none */
	uint64_t snapshot_index;          /* 0: none */
	uint64_t segments, batches, files, bytes;
	uint64_t findings;
	uint64_t torn_bytes; /* no finding: a crash may leave them */
};

/* Waits. Reads all of a directory that nobody has open (GW_E_BUSY), snapshots too, changes
 * nothing, and calls found with a sentence for each thing that is wrong. 0 when it could be looked
 * at, whatever was found. */
int replog_check(const char *path, void (*found)(void *context, const char *sentence),
		 void *context, struct replog_check_report *report,
		 struct gw_error *error) GW_MUST_CHECK;

#endif
