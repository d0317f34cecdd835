/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groundwork/gfs.h - the client of the file system (`gw gfs master`, `gw gfs chunkserver`): files
 * of any size over machines that fail, as in "The Google File System" (SOSP 2003); numbers of
 * sections are that paper's.
 *
 *     static int note_visit(void *argument)
 *     {
 *             struct gw_error error = {0};
 *             struct gw_gfs_client *client;
 *             struct gw_gfs_file *log = NULL;
 *             const struct gw_gfs_open open = {.create = true};
 *             int code = gw_gfs_client_new(&client, "10.0.0.1:7100,10.0.0.2:7100", NULL, &error);
 *
 *             if (code == 0)
 *                     code = gw_gfs_open(&log, client, gw_string("/visits"), &open, &error);
 *             if (code == 0)
 *                     code = gw_gfs_append(log, gw_string("one more\n"), NULL, &error);
 *             if (code == 0)
 *                     code = gw_gfs_sync(log, &error);
 *             if (code < 0)
 *                     fprintf(stderr, "%s\n", error.text);
 *             gw_gfs_close(log, NULL);
 *             gw_gfs_client_free(client);
 *             return code;
 *     }
 *
 * Tasks. Everything is called from tasks (task.h), on the one loop that made the client. Each call
 * waits for its answer; several tasks may share a client, and a file. A call ends at the task's
 * deadline (gw_deadline_set), or after the client's timeout, whichever is first; until then it
 * hides what fails: masters that fail over, replicas that are gone, leases that end, locations
 * that are no longer true.
 *
 * Paths are bytes: '/', and names without '/' and NUL, no "." and "..", no empty one, at most
 * GW_GFS_PATH_BYTES_MAX. A path need not end with a NUL.
 *
 * What a write has done (2.7.1). A file is chunks of one size. A write of at most
 * GW_GFS_PIECE_BYTES that lies in one chunk is one mutation: concurrent ones are put in one order.
 * A larger one, or one across a border of chunks, is several, which may mingle with those of
 * others. When it has succeeded, the bytes are in the kernel of every replica: they survive the end
 * of every process. After gw_gfs_sync they survive a loss of power. When it has failed, replicas
 * may differ there until the same bytes are written again.
 *
 * Appends (3.3). gw_gfs_append puts the record at an offset that the file system chooses, whole and
 * within one chunk, at least once: a failure on the way may leave a part of it, a copy, or padding
 * of zeros in the file, and every acknowledged record is at its offset on every replica.
 * gw_gfs_append_once is the same, but a record is there once at most, however often it is tried.
 * gw_gfs_record_writer and gw_gfs_record_reader put a frame around records and skip all that is
 * none.
 *
 * Old places (2.7.1, 4.5). Where chunks are is believed for GW_GFS_LOCATION_MS. A client that is
 * cut off from the masters together with a replica that is old may read old bytes for so long, and
 * no longer; a file that is only appended to then ends early, and never shows what was not there.
 * Opening it anew asks at once.
 *
 * What a failure says.
 *   GW_E_NOT_FOUND, GW_E_EXISTS, GW_E_INVALID, GW_E_TOO_LARGE, GW_E_DENIED, GW_E_BUSY (a directory
 *   that is not empty, say)
 *                     nothing happened; the sentence says why
 *   GW_E_NOT_LEADER, GW_E_UNREACHABLE, GW_E_OVERLOADED, GW_E_NO_SPACE
 *                     a change of names did not happen; a write or an append may have, in part:
 *                     whoever was needed could not be had for as long as was asked
 *   GW_E_CORRUPT, GW_E_IO
 *                     no replica that lives has those bytes with the checksum they should have
 *   GW_E_STALE        the path is another file's now, or the masters have forgotten this client or
 *                     writer, which was silent for too long; a change that was asked before may
 *                     have happened
 *   GW_E_TIMEOUT, GW_E_CANCELLED, GW_E_OUTCOME_UNKNOWN
 *                     it happened, will happen, in part or whole, or never does. A change of names
 *                     happens once at most
 *
 * Ownership. What is passed in need last only until the function returns. What comes back in a
 * struct with a `_done` is the caller's; such a struct starts as {0}, is filled in anew by each
 * call that succeeds or fails, and _done may be called on an empty one. error may be NULL.
 */
#ifndef GROUNDWORK_GFS_H
#define GROUNDWORK_GFS_H

#include <groundwork/base.h>
#include <groundwork/rpc.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gw_gfs_client;
struct gw_gfs_file;
struct gw_gfs_writer;
struct gw_gfs_record_writer;
struct gw_gfs_record_reader;

enum {
	GW_GFS_PATH_BYTES_MAX = 4095,
	GW_GFS_LIST_MAX = 1000,         /* entries of a page */
	GW_GFS_PIECE_BYTES = 1 << 20,   /* of one mutation, and of one request to read */
	GW_GFS_APPEND_SHARE = 4,        /* an append is at most a chunk through this, and */
	GW_GFS_APPEND_BYTES_MAX = 16 << 20,
	GW_GFS_CHUNK_LOG2_MIN = 16,
	GW_GFS_CHUNK_LOG2_MAX = 30,
	GW_GFS_GOAL_MAX = 8,
	GW_GFS_TIMEOUT_MS = 60000,      /* default of the option */
	GW_GFS_LOCATION_MS = 10000,
	GW_GFS_PAUSE_MS = 100,          /* before something that failed is tried again, at first */
	GW_GFS_PAUSE_MS_MAX = 1000,
	GW_GFS_ATTEMPT_MS = 5000,       /* a server that is silent for so long is given up; */
	GW_GFS_ATTEMPT_MS_MAX = 60000,  /* twice as long the next time, up to this */
	GW_GFS_PARALLEL = 4,            /* pieces of a call under way; default of the option */
	GW_GFS_PARALLEL_MAX = 64,
	GW_GFS_WRITER_WINDOW = 256,     /* sequences that are not answered, of a writer */
	GW_GFS_TEXT_MAX = 256,          /* of an address, with the NUL */
	GW_GFS_RACK_MAX = 64,
};

/* ---- Clients -------------------------------------------------------------------------------- */

struct gw_gfs_client_options {
	const char *name;       /* for sentences; NULL: the addresses */
	struct gw_rpc_tls *tls; /* outlives the client; NULL: plain text */
	bool insecure;          /* plain text also to other machines */
	uint64_t timeout_ms;    /* of calls in tasks without a deadline; 0: GW_GFS_TIMEOUT_MS */
	/* Where this is, for reading from what is near and pushing along a short chain (3.2): the
	 * host in the address of a chunkserver on this machine, and a rack. NULL: not known. */
	const char *host, *rack;
	uint32_t parallel;      /* 0: GW_GFS_PARALLEL */
	uint32_t user, group;   /* whose new files and directories are */
};

/*
 * masters: their addresses with commas, host:port or the path of a UNIX socket; the more, the more
 * of them may be gone. Nothing is connected before the first call. GW_E_INVALID for an address that
 * is none. options may be NULL. Freed by gw_gfs_client_free; on failure there is nothing to free.
 */
int gw_gfs_client_new(struct gw_gfs_client **client, const char *masters,
		      const struct gw_gfs_client_options *options,
		      struct gw_error *error) GW_MUST_CHECK;
/* Ends its calls with GW_E_CANCELLED and waits for them. Files and writers are closed before. NULL
 * is fine. */
void gw_gfs_client_free(struct gw_gfs_client *client);

/* ---- Names (4.1) ---------------------------------------------------------------------------- */

/* What a change of names did; `change` may be NULL in all of these. */
struct gw_gfs_change {
	uint64_t index; /* of its entry in the masters' log: changes happened in this order */
	uint64_t id;    /* of the file or directory, never given to another one */
};

enum gw_gfs_kind { GW_GFS_FILE, GW_GFS_DIRECTORY };

struct gw_gfs_entry {
	struct gw_bytes name;  /* of a list: the last name; of deleted files: the path they had */
	uint64_t id;
	uint32_t kind;         /* enum gw_gfs_kind */
	uint32_t mode, user, group;
	uint64_t modified_ms, changed_ms; /* since 1970, by the masters' clocks */
	uint64_t length;       /* as last reported: by a sync, a close, or its chunkservers */
	uint64_t chunks;       /* that are there */
	uint32_t chunk_log2;   /* bytes of a chunk are 1 << this */
	uint32_t goal;         /* replicas; of a directory: for what is made in it; 0: as above */
	uint64_t collect_ms;   /* of a directory, + 1: how long deleted files stay; 0: as above */
	uint64_t due_ms;       /* of a deleted file: when it is collected */
};

/* Masters that do not lead answer reads too (5.1.3, shadows), from what they have applied. */
struct gw_gfs_stat {
	struct gw_gfs_entry entry; /* its name is empty: the caller has it */
	uint64_t index;            /* the last entry of the log that the answer knows of, */
	uint64_t wall_ms;          /* and its time */
};

/* exact: the length is that of the last chunk now, asked of those who have it; else as last
 * reported. weak: any master may answer. */
int gw_gfs_stat(struct gw_gfs_client *client, struct gw_bytes path, bool exact, bool weak,
		struct gw_gfs_stat *stat, struct gw_error *error) GW_MUST_CHECK;

struct gw_gfs_page {
	struct gw_gfs_entry *entries; /* in the order of their names as bytes */
	size_t count;
	bool more;            /* there are others behind the last one: ask again after its name */
	uint64_t index, wall_ms;
	void *memory, *list;  /* private */
};

/* Frees what is in it; NULL is fine, here and in its like below. */
void gw_gfs_page_done(struct gw_gfs_page *page);

struct gw_gfs_range {
	struct gw_bytes after; /* names behind this one; empty: from the first */
	uint32_t limit;        /* 0: GW_GFS_LIST_MAX */
	bool weak;
};

/* What is in a directory; range may be NULL. */
int gw_gfs_list(struct gw_gfs_client *client, struct gw_bytes path,
		const struct gw_gfs_range *range, struct gw_gfs_page *page,
		struct gw_error *error) GW_MUST_CHECK;
/* Deleted files that were at or under the path and can still be undeleted (4.4). */
int gw_gfs_list_deleted(struct gw_gfs_client *client, struct gw_bytes path,
			const struct gw_gfs_range *range, struct gw_gfs_page *page,
			struct gw_error *error) GW_MUST_CHECK;

/* GW_E_EXISTS when there is something of that name. */
int gw_gfs_mkdir(struct gw_gfs_client *client, struct gw_bytes path, uint32_t mode,
		 struct gw_gfs_change *change, struct gw_error *error) GW_MUST_CHECK;
/* A file is hidden until its directory's time is over, and can be undeleted (4.4); now: it is
 * collected as soon as can be. A directory has to be empty and is gone at once. */
int gw_gfs_delete(struct gw_gfs_client *client, struct gw_bytes path, bool now,
		  struct gw_gfs_change *change, struct gw_error *error) GW_MUST_CHECK;
/* A file that is deleted already, by its id: collected as soon as can be. */
int gw_gfs_delete_forever(struct gw_gfs_client *client, struct gw_bytes path, uint64_t id,
			  struct gw_gfs_change *change, struct gw_error *error) GW_MUST_CHECK;
/* The file that had this path, the last that was deleted there, or that of an id (0: any), comes
 * back at `to` (empty: path). */
int gw_gfs_undelete(struct gw_gfs_client *client, struct gw_bytes path, uint64_t id,
		    struct gw_bytes to, struct gw_gfs_change *change,
		    struct gw_error *error) GW_MUST_CHECK;
/* A directory with all under it. replace: an old file at `to` is deleted in the same step, so a
 * reader finds the old one or the new one. Files that are open stay open under their old path, and
 * are not found there any more. */
int gw_gfs_rename(struct gw_gfs_client *client, struct gw_bytes from, struct gw_bytes to,
		  bool replace, struct gw_gfs_change *change,
		  struct gw_error *error) GW_MUST_CHECK;
/* A copy of a file, or of all under a directory, as it is at one moment (3.4); shares the chunks,
 * which are copied when one of the two is written to. */
int gw_gfs_snapshot(struct gw_gfs_client *client, struct gw_bytes from, struct gw_bytes to,
		    struct gw_gfs_change *change, struct gw_error *error) GW_MUST_CHECK;

struct gw_gfs_attributes {
	bool set_mode, set_owner, set_modified, set_goal, set_collect; /* which of them */
	uint32_t mode, user, group;
	uint64_t modified_ms;
	uint32_t goal;       /* of a file: its chunks get or lose replicas */
	uint64_t collect_ms; /* of a directory, as gw_gfs_entry.collect_ms */
};

/* Changes those that are named. */
int gw_gfs_set(struct gw_gfs_client *client, struct gw_bytes path,
	       const struct gw_gfs_attributes *attributes, struct gw_gfs_change *change,
	       struct gw_error *error) GW_MUST_CHECK;
/* Cuts a file at a border of its chunks, 0 too; GW_E_UNSUPPORTED elsewhere. */
int gw_gfs_truncate(struct gw_gfs_client *client, struct gw_bytes path, uint64_t length,
		    struct gw_gfs_change *change, struct gw_error *error) GW_MUST_CHECK;

/* ---- Files ---------------------------------------------------------------------------------- */

struct gw_gfs_open {
	bool create;         /* make it if it is not there; */
	bool exclusive;      /* GW_E_EXISTS if it is */
	uint32_t mode;       /* of a new one; 0: 0644 */
	uint32_t goal;       /* of a new one, 1 to GW_GFS_GOAL_MAX; 0: its directory's */
	uint32_t chunk_log2; /* of a new one; 0: 26 (64 MiB) */
};

/* open may be NULL: the file has to be there. Closed by gw_gfs_close; on failure there is nothing
 * to close. */
int gw_gfs_open(struct gw_gfs_file **file, struct gw_gfs_client *client, struct gw_bytes path,
		const struct gw_gfs_open *open, struct gw_error *error) GW_MUST_CHECK;
/* Tells the masters how long the file is, as far as this handle knows, and frees it, also when that
 * fails. Does not sync. NULL is fine. */
int gw_gfs_close(struct gw_gfs_file *file, struct gw_error *error);

/* As gw_gfs_entry.id, and the bytes of its chunks. */
uint64_t gw_gfs_file_id(const struct gw_gfs_file *file);
uint64_t gw_gfs_file_chunk_bytes(const struct gw_gfs_file *file);
/* The index of the log's entry that made it; 0: it was there. */
uint64_t gw_gfs_file_created(const struct gw_gfs_file *file);
/* How long the file is now, asked of those who have its last chunk. */
int gw_gfs_file_length(struct gw_gfs_file *file, uint64_t *length,
		       struct gw_error *error) GW_MUST_CHECK;

/* Reads up to size bytes from offset on; *bytes of them came, less than size at the end of the
 * file only. What was never written before the end is zeros. Several pieces are under way at once,
 * each from the nearest replica, and from another one if that fails; checksums are looked at here,
 * too (5.2). */
int gw_gfs_read(struct gw_gfs_file *file, uint64_t offset, void *buffer, size_t size,
		size_t *bytes, struct gw_error *error) GW_MUST_CHECK;
/* At the offset, which may be behind the end. */
int gw_gfs_write(struct gw_gfs_file *file, uint64_t offset, struct gw_bytes data,
		 struct gw_error *error) GW_MUST_CHECK;
/* At least once (3.3); *offset (may be NULL) is where. GW_E_TOO_LARGE over the limit: a quarter of
 * a chunk, and GW_GFS_APPEND_BYTES_MAX. */
int gw_gfs_append(struct gw_gfs_file *file, struct gw_bytes data, uint64_t *offset,
		  struct gw_error *error) GW_MUST_CHECK;
/* All that was written and appended through this handle is on the disks of all replicas, and the
 * masters know the length. */
int gw_gfs_sync(struct gw_gfs_file *file, struct gw_error *error) GW_MUST_CHECK;

/* ---- Appends that are there once ------------------------------------------------------------ */

/* A number for them, kept alive at the masters by a task of its own while this object lives; who
 * cannot reach them for a minute is forgotten (GW_E_STALE). Freed before its client; not while
 * one of its appends runs. */
int gw_gfs_writer_new(struct gw_gfs_writer **writer, struct gw_gfs_client *client,
		      struct gw_error *error) GW_MUST_CHECK;
void gw_gfs_writer_free(struct gw_gfs_writer *writer); /* NULL is fine */
uint64_t gw_gfs_writer_id(const struct gw_gfs_writer *writer);

/*
 * The record with the sequence: 1, 2, 3, ... of this writer, each of one file. Whatever has failed,
 * the same call may be made again, and again, with the same data, and the record is in the file
 * once; when one of the calls succeeds it is, and *offset (may be NULL) says where. After
 * GW_E_OUTCOME_UNKNOWN, GW_E_TIMEOUT and GW_E_CANCELLED it may be there or come, once.
 * GW_E_BUSY: the sequence is GW_GFS_WRITER_WINDOW or more above the lowest that has not succeeded.
 */
int gw_gfs_append_once(struct gw_gfs_writer *writer, struct gw_gfs_file *file, uint64_t sequence,
		       struct gw_bytes data, uint64_t *offset,
		       struct gw_error *error) GW_MUST_CHECK;

/* ---- Records (2.7.2) ------------------------------------------------------------------------ */

/*
 * Each has a frame: length, checksum, and an id (a number drawn by its writer, and a sequence). The
 * reader skips padding, parts of records and copies. Data that itself holds such frames and was cut
 * may be taken for records.
 *
 * A checkpoint says how far a file is good: everything that its writer had appended before is on
 * the disks. A reader that follows a file as it grows can be told to go only so far.
 */
enum { GW_GFS_RECORD_FRAME_BYTES = 32 };

/* file outlives the writer. Several writers may append to one file. */
int gw_gfs_record_writer_new(struct gw_gfs_record_writer **writer, struct gw_gfs_file *file,
			     struct gw_error *error) GW_MUST_CHECK;
void gw_gfs_record_writer_free(struct gw_gfs_record_writer *writer); /* NULL is fine */
/* data and its frame together are an append. One at a time: tasks that share a writer wait for
 * each other. */
int gw_gfs_record_append(struct gw_gfs_record_writer *writer, struct gw_bytes data,
			 uint64_t *offset, struct gw_error *error) GW_MUST_CHECK;
int gw_gfs_record_checkpoint(struct gw_gfs_record_writer *writer,
			     struct gw_error *error) GW_MUST_CHECK;

struct gw_gfs_record_options {
	/* Where in the file to begin: 0, or gw_gfs_record_position. Copies of records before it are
	 * not known as such. */
	uint64_t from;
	bool to_checkpoint; /* not beyond the last checkpoint */
};

struct gw_gfs_record {
	struct gw_bytes data;      /* until the next call */
	uint64_t offset;           /* of its frame in the file */
	uint64_t writer, sequence;
};

/* file outlives the reader; options may be NULL. */
int gw_gfs_record_reader_new(struct gw_gfs_record_reader **reader, struct gw_gfs_file *file,
			     const struct gw_gfs_record_options *options,
			     struct gw_error *error) GW_MUST_CHECK;
void gw_gfs_record_reader_free(struct gw_gfs_record_reader *reader); /* NULL is fine */
/* 1 and the next record; 0: there is none now, which may change. */
int gw_gfs_record_next(struct gw_gfs_record_reader *reader, struct gw_gfs_record *record,
		       struct gw_error *error) GW_MUST_CHECK;
/* Behind the last record that was read; bytes before it that were none of a new record. */
uint64_t gw_gfs_record_position(const struct gw_gfs_record_reader *reader);
uint64_t gw_gfs_record_skipped(const struct gw_gfs_record_reader *reader);

/* ---- Places and care ------------------------------------------------------------------------ */

struct gw_gfs_place {
	uint32_t server;
	const char *address, *rack;
};

struct gw_gfs_chunk {
	uint64_t index;           /* in its file */
	uint64_t handle, version;
	struct gw_gfs_place *places;
	size_t place_count;
	/* Not 0: it is shared with a snapshot and not copied yet; its bytes are this chunk's. */
	uint64_t source, source_version;
};

struct gw_gfs_locations {
	struct gw_gfs_chunk *chunks;
	size_t count;
	uint64_t id, length;      /* of the file; the length as last reported */
	uint32_t chunk_log2;
	void *memory, *list, *places; /* private */
};

/* Frees what is in it. */
void gw_gfs_locations_done(struct gw_gfs_locations *locations);
/* Where the chunks of a file are, from the first index on, at most count (0: one). */
int gw_gfs_locate(struct gw_gfs_client *client, struct gw_bytes path, uint64_t first,
		  uint32_t count, struct gw_gfs_locations *locations,
		  struct gw_error *error) GW_MUST_CHECK;

/*
 * Reads of one replica and no other, to compare them: up to size bytes, GW_GFS_PIECE_BYTES at most,
 * from an offset in the chunk on; *bytes is less at the replica's end. One try: GW_E_CORRUPT when
 * its checksums are wrong, GW_E_STALE or GW_E_NOT_FOUND when the chunk is not there any more in
 * that version: it may have been written to or moved since gw_gfs_locate.
 */
int gw_gfs_read_replica(struct gw_gfs_client *client, const struct gw_gfs_chunk *chunk,
			const struct gw_gfs_place *place, uint64_t offset, void *buffer,
			size_t size, size_t *bytes, struct gw_error *error) GW_MUST_CHECK;

/* Of one master: the first of the addresses that answers. */
struct gw_gfs_status {
	char role[32]; /* "leader", "follower", "learner", "candidate", "removed", "failed" */
	uint64_t term;
	char leader_address[GW_GFS_TEXT_MAX]; /* "": not known */
	uint64_t applied, wall_ms;            /* its last entry, and the entry's time */
	bool safe;                            /* safe mode: it waits for reports */
	uint64_t files, directories, chunks;
	uint64_t chunks_missing, chunks_short; /* without a replica; with fewer than their goal */
	uint64_t servers;                     /* chunkservers that live */
	char version[64];                     /* of the program */
};

/* Of the master that is asked, whatever its role. */
int gw_gfs_status(struct gw_gfs_client *client, struct gw_gfs_status *status,
		  struct gw_error *error) GW_MUST_CHECK;

struct gw_gfs_server {
	struct gw_gfs_place place;
	bool lives, draining;
	uint64_t bytes, bytes_free, chunks;
};

struct gw_gfs_servers {
	struct gw_gfs_server *items;
	size_t count;
	void *memory, *list; /* private */
};

/* Frees what is in it. */
void gw_gfs_servers_done(struct gw_gfs_servers *servers);
/* All chunkservers that the masters know. */
int gw_gfs_servers(struct gw_gfs_client *client, struct gw_gfs_servers *servers,
		   struct gw_error *error) GW_MUST_CHECK;
/* Takes all chunks from a server; back: gives it back to use. */
int gw_gfs_drain(struct gw_gfs_client *client, uint32_t server, bool back,
		 struct gw_gfs_change *change, struct gw_error *error) GW_MUST_CHECK;

/* Replicas move from full chunkservers to emptier ones, and into other racks: how far that is. */
struct gw_gfs_rebalance {
	bool is_stopped;
	bool is_running;         /* replicas are to move, or do */
	bool waits;              /* until there are as many replicas as there should be */
	bool is_asked;           /* it was started, and is not done yet */
	uint64_t moved, failed;  /* since it began, so long ago: */
	uint64_t elapsed_ms;
	uint64_t left, left_ms;  /* moves, about; how long they take, 0: not known */
	uint64_t under_way;
	uint32_t lowest, highest; /* share of space used, in 1/10000: of the emptiest and fullest */
};

enum gw_gfs_rebalance_what {
	GW_GFS_REBALANCE_LOOK,
	GW_GFS_REBALANCE_START, /* until shares differ by a percent at most */
	GW_GFS_REBALANCE_STOP,  /* also what masters do by themselves, while this one leads */
};

/* Asks the master that leads, and answers how it is then. */
int gw_gfs_rebalance(struct gw_gfs_client *client, enum gw_gfs_rebalance_what what,
		     struct gw_gfs_rebalance *rebalance, struct gw_error *error) GW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
