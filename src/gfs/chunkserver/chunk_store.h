/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk_store.h - the chunks of a chunkserver on its disks: what is acknowledged survives the
 * death of the process, what is synced the loss of power, and no byte is given out whose checksum
 * was not checked.
 *
 *     chunk_store_open(&store, &options, &error);        // waits: recovers
 *     chunk_create(store, handle, 26, 1, &chunk, &error); // durable and open
 *     chunk_mutate(chunk, 1, mutations, count, &error);   // in the kernel
 *     chunk_sync(chunk, false, &error);                   // on the disk
 *     chunk_store_close(store);
 *
 * A directory (one for each disk):
 *     lock                  open while a process uses it
 *     server                whose it is (home.h)
 *     chunks/HANDLE.log     what of the data counts (record.h)
 *     chunks/HANDLE.data    the bytes
 *     chunks/HANDLE.new     a log that is being written anew
 *
 * Open. Before the first mutation under a version "open" is made durable (chunk_grant), and
 * cleared when all is on the disk (chunk_sync with close). A chunk that is found open after a
 * start on the same boot has all that was acknowledged: the kernel has it. On another boot it is
 * suspect: it has what was synced, and of what came behind that all up to some mutation, and may
 * not be given out before it was compared and settled (chunk_settle).
 *
 * At a start the end of an open chunk's log is read against the bytes: what a record says is taken
 * if the bytes are there, put there if the record has them, and else is the end. So that a loss of
 * power harms nothing that was synced, what changes bytes (an overwrite, a cut) is in the log
 * durably before, with all of the sectors that it touches; so is the last sector of a chunk that is
 * synced, which the next append will write to.
 *
 * Everything is called from tasks of one loop, and waits. Calls on one chunk may come at the same
 * time; mutations happen in the order of the calls. A struct chunk lasts until chunk_drop or the
 * store's end; who waits with one in hand holds it (chunk_hold).
 */
#ifndef GFS_CHUNKSERVER_CHUNK_STORE_H
#define GFS_CHUNKSERVER_CHUNK_STORE_H

#include "base/map.h"
#include "gfs/chunkserver/home.h"
#include "gfs/chunkserver/state.h"
#include "io/io.h"

#include <groundwork/task.h>

enum {
	CHUNK_DISKS_MAX = 64,
	CHUNK_PATH_MAX = 512,
	CHUNK_LOADED_MAX = 1024,            /* whose files are open */
	CHUNK_LOG_BYTES_MAX = 4 << 20,      /* then it is written anew */
	CHUNK_MUTATIONS_MAX = 64,           /* of one chunk_mutate */
	CHUNK_READ_BYTES_MAX = GFS_PIECE_BYTES_MAX,
	CHUNK_MUTATION_BYTES_MAX = 2 << 20, /* of one mutation; behind the length: */
	CHUNK_EXTENSION_BYTES_MAX = GFS_APPEND_BYTES_MAX,
};

struct chunk_store;

struct chunk_disk {
	struct chunk_store *store;
	char path[CHUNK_PATH_MAX];
	bool is_bad; /* could not be used at the start: nothing of it is here */
	uint8_t home[CHUNK_HOME_BYTES]; /* what its file says; zeros: nothing yet */
	struct io_file *lock;
	uint64_t total_bytes, free_bytes; /* when it was last asked */
	uint64_t chunks;
};

/* Outside of the store it is read, not changed, but for the last two fields. */
struct chunk {
	struct chunk_store *store;
	struct chunk_disk *disk;
	uint64_t handle;
	uint8_t chunk_log2;
	bool is_open;
	bool is_suspect; /* was open when power was lost */
	bool is_bad;     /* its bytes or its disk failed: nothing is to be relied on */
	bool is_gone;    /* dropped while somebody held it */
	bool is_partial; /* a clone that is not complete yet: version 0; or it is being dropped */
	uint64_t version, length;
	uint64_t made_ns; /* or settled, by our clock; 0: in a life before; UINT64_MAX: now */
	/* What follows is the store's. */
	struct gw_mutex lock;          /* of mutations */
	unsigned holders;
	bool is_leaving; /* being dropped */
	struct chunk *newer, *older;   /* loaded, and held by nobody */
	bool is_loaded;
	struct chunk_state state;      /* loaded */
	struct io_file *log, *data;    /* loaded; data NULL: no bytes yet */
	uint64_t log_end;
	uint32_t log_crc;
	bool log_is_torn;              /* a write that failed left something behind log_end */
	bool log_is_unsynced;          /* mutations are in it that no sync has covered */
	bool log_is_doubtful;          /* a sync of it failed: it is to be written anew */
	uint64_t written_end;          /* up to there, behind the length, anything may be */
	bool has_unsynced_end;         /* since the log had a sync: bytes behind the length */
	bool has_unsynced_changes;     /* bytes below it */
	uint64_t synced_length;        /* so much survives a loss of power */
	bool data_is_new;              /* its name is not durable yet */
	bool data_is_doubtful;         /* a sync may have failed in a life before: written anew */
	bool is_recovered;             /* its end was read against its bytes */
	bool is_overwriting;           /* bytes below the length, now */
	uint64_t overwrites;           /* that ended */
	/* The server's. */
	void *grant;
	uint64_t over_version; /* the highest whose grant has ended, in this life */
	bool is_changed; /* since it was last reported */
};

struct chunk_store_options {
	const char *const *directories; /* made when they are not there */
	size_t count;
	uint32_t loaded_max;            /* 0: CHUNK_LOADED_MAX */
	uint64_t log_bytes_max;         /* 0: CHUNK_LOG_BYTES_MAX */
	/* A disk cannot be used, and others are: once for each, from the task that opens. May be
	 * NULL. */
	void (*troubled)(void *context, const struct gw_error *error);
	void *context;
};

/*
 * Copies what it is passed. GW_E_BUSY: another process has a directory; GW_E_INVALID: directories
 * of several servers; GW_E_VERSION. A disk that fails is bad, and one good one is enough, if it
 * says of which server it is; a chunk that cannot be read is bad, no more. Of a chunk on two disks
 * (one was away for a while) the newer replica is kept.
 */
int chunk_store_open(struct chunk_store **store, const struct chunk_store_options *options,
		     struct gw_error *error) GW_MUST_CHECK;
/* Nobody holds a chunk or waits in a call. Waits. NULL is fine. */
void chunk_store_close(struct chunk_store *store);

const struct chunk_home *chunk_store_home(const struct chunk_store *store);
/* Durable when it returns 0: on each disk that takes it, on one at least; a start believes the
 * highest term. */
int chunk_store_set_home(struct chunk_store *store, const struct chunk_home *home,
			 struct gw_error *error) GW_MUST_CHECK;
/* Asks the disks for their space; what cannot be asked counts as full. */
void chunk_store_measure(struct chunk_store *store, uint64_t *total_bytes,
			 uint64_t *free_bytes);
size_t chunk_store_count(const struct chunk_store *store);

/* NULL: there is none. */
struct chunk *chunk_find(const struct chunk_store *store, uint64_t handle);
/* The next from *position = 0 on; NULL at the end. Chunks may go and come meanwhile; then some are
 * seen by the next walk only. */
struct chunk *chunk_next(const struct chunk_store *store, size_t *position);

/* Loads it, and keeps it loaded until the release. */
int chunk_hold(struct chunk *chunk, struct gw_error *error) GW_MUST_CHECK;
void chunk_release(struct chunk *chunk);

/* A chunk without bytes, durable and open; with version 0 it is partial, and gone at the next start
 * unless it was granted a version. GW_E_EXISTS, GW_E_NO_SPACE. */
int chunk_create(struct chunk_store *store, uint64_t handle, uint8_t chunk_log2, uint64_t version,
		 struct chunk **chunk, struct gw_error *error) GW_MUST_CHECK;
/* The version (not below its own) and "open" are durable when it returns 0. Of no suspect. */
int chunk_grant(struct chunk *chunk, uint64_t version, struct gw_error *error) GW_MUST_CHECK;

enum chunk_what {
	CHUNK_WRITE, /* beyond the length: zeros lie between */
	CHUNK_PAD,   /* zeros up to offset */
	CHUNK_CUT,   /* to offset, when it is longer */
	CHUNK_NOTE,  /* a completion record by itself: a fence, or what a clone brings along */
};

struct chunk_mutation {
	uint8_t what; /* enum chunk_what */
	uint64_t offset;
	struct gw_bytes data;
	uint64_t first_unanswered;          /* of a WRITE with a writer */
	struct chunk_completion completion; /* WRITE: writer (0: none) and sequence */
};

/*
 * Carries them out, in their order, if the chunk is still at the version (0: whatever it is); else
 * GW_E_STALE. On failure none of those from the first that failed on is
 * acknowledged, some may have happened. Of GW_E_CORRUPT: bytes beside those that were to be written
 * do not match their checksum, and nothing was changed.
 */
int chunk_mutate(struct chunk *chunk, uint64_t version, const struct chunk_mutation *mutations,
		 size_t count, struct gw_error *error) GW_MUST_CHECK;
/* All that was done before is on the disk; close: and no longer open. A failure makes it bad. */
int chunk_sync(struct chunk *chunk, bool close, struct gw_error *error) GW_MUST_CHECK;

/* The checksums of the blocks of the first `length` bytes, at most all that there are. What they
 * are of is looked at where `length` ends within a block only. */
int chunk_checksums(struct chunk *chunk, uint64_t length, uint32_t *crcs,
		    struct gw_error *error) GW_MUST_CHECK;
/*
 * Of a suspect: it is cut to the length, all of it is on the disk, at the version, and it is
 * suspect no more, nor open. What was synced here (chunk->synced_length) is cut only by who knows
 * that not all replicas did. Nothing to do is fine; another one that is no suspect: GW_E_STALE.
 */
int chunk_settle(struct chunk *chunk, uint64_t version, uint64_t length,
		 struct gw_error *error) GW_MUST_CHECK;

/*
 * Reads and checks. The buffer has room for chunk_read_bytes of the range: whole blocks are read.
 * *out is where the range lies in it, less at the length's end. crcs (may be NULL) has room for
 * chunk_blocks_of the range: the checksum of each piece of a block in *out.
 * GW_E_CORRUPT names the block, and the chunk is bad from then on.
 */
int chunk_read(struct chunk *chunk, uint64_t offset, uint32_t bytes, uint8_t *buffer,
	       struct gw_bytes *out, uint32_t *crcs, struct gw_error *error) GW_MUST_CHECK;

static inline size_t chunk_read_bytes(uint64_t offset, uint32_t bytes)
{
	return bytes ? (size_t)chunk_blocks_of(offset, bytes) * GFS_BLOCK_BYTES : 0;
}

/* Removes it. Who holds it sees is_gone. */
int chunk_drop(struct chunk *chunk, struct gw_error *error) GW_MUST_CHECK;

#endif
