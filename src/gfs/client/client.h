/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - a client and its files as the files of this room see them.
 *
 * A client has one connection to the masters and one to each chunkserver that it was told of, and
 * remembers of a server how far away it is and whether it has failed lately. A file has the places
 * and primaries of its chunks, as long as they are believed.
 */
#ifndef GFS_CLIENT_CLIENT_H
#define GFS_CLIENT_CLIENT_H

#include <groundwork/gfs.h>

#include "base/map.h"
#include "gfs/common/gfs.rpc.h"
#include "gfs/common/limits.h"

enum {
	GFS_CLIENT_PLACES_MAX = 16,  /* of a chunk that are remembered: more than the goal if hot */
	GFS_CLIENT_LOCATE = 16,      /* chunks whose places are asked for at once */
	GFS_CLIENT_CHUNKS_MAX = 4096, /* of a file that are remembered */
	GFS_CLIENT_KEEPALIVE_MS = 1000,
	GFS_CLIENT_CONNECT_MS = 1000,
};

/* A chunkserver. It is the client's, and stays at its address as long as that. */
struct gfs_client_server {
	char address[GW_GFS_TEXT_MAX];
	char rack[GW_GFS_RACK_MAX];
	uint32_t id;
	uint64_t avoid_until_ns; /* it has failed: others first */
	uint64_t attempt_ms;     /* that a request to it may take */
	struct gw_rpc_client *rpc;
};

struct gw_gfs_client {
	struct gw_gfs_client_options options; /* with the defaults; host and rack are these: */
	char host[GW_GFS_TEXT_MAX], rack[GW_GFS_RACK_MAX];
	struct gw_rpc_client *masters;
	struct base_map servers; /* by address */
	uint64_t data_client, data_number; /* of data that is pushed */
};

/* ---- Calls: client.c ------------------------------------------------------------------------- */

/* A call of the application: until when it goes on, and how long it waits before it tries again. */
struct gfs_client_call {
	uint64_t before_ns; /* the task's deadline, to be set again */
	uint64_t until_ns;
	uint64_t pause_ms;
};

/* From here to the end the task's deadline is that of the call. */
void gfs_client_begin(const struct gw_gfs_client *client, struct gfs_client_call *call);
/* Returns code. */
int gfs_client_end(const struct gfs_client_call *call, int code);
/* Whether a master that failed so has done nothing, and may do it later. */
bool gfs_client_is_refusal(int code);
/* Waits a little before another try, longer each time; false: the time is over or the task was
 * cancelled, and *error stays. */
bool gfs_client_pause(struct gfs_client_call *call, struct gw_error *error);
/* Both: for calls to masters. */
bool gfs_client_again(struct gfs_client_call *call, int code, struct gw_error *error);
/* The deadline of one request to a server. */
uint64_t gfs_client_attempt_ns(const struct gfs_client_server *server);
/* What became of it: over a slow network the next one is given more time. */
void gfs_client_attempted(struct gfs_client_server *server, uint64_t until_ns, int code);

/* Messages know only pointers to what may change. */
static inline ProtobufCBinaryData gfs_client_bytes(struct gw_bytes bytes)
{
	return (ProtobufCBinaryData){bytes.size, (uint8_t *)(uintptr_t)bytes.data};
}

/* Copies a text of a reply, cut where there is no room. */
void gfs_client_copy(char *to, size_t size, const char *from);

/* ---- Servers: servers.c ---------------------------------------------------------------------- */

/* The server of a place; NULL: no memory, or an address that is none. */
struct gfs_client_server *gfs_client_server(struct gw_gfs_client *client,
					    const Gfs__Place *place);
void gfs_client_servers_free(struct gw_gfs_client *client);
/* The nearest first; those that failed lately last; chance decides among equals. */
void gfs_client_sort(const struct gw_gfs_client *client, struct gfs_client_server **servers,
		     size_t count);
/* An order in which data goes from one to the next: each time to the nearest that is left (3.2). */
void gfs_client_chain(const struct gw_gfs_client *client, struct gfs_client_server **servers,
		      size_t count);
/* A request to it has failed: others are asked first for a while. */
void gfs_client_avoid(struct gfs_client_server *server);

/* ---- Chunks: chunks.c ------------------------------------------------------------------------ */

struct gfs_client_chunk {
	uint64_t index;   /* in the file */
	uint64_t handle, version;
	uint64_t source, source_version; /* source != 0: to be read instead */
	struct gfs_client_server *places[GFS_CLIENT_PLACES_MAX];
	uint32_t place_count;
	uint64_t asked_ns;  /* when the places were asked for; 0: they are not believed */
	struct gfs_client_server *primary; /* NULL: not known; else: */
	uint64_t leased_ns; /* when that was asked; the places are the set of the grant then */
};

struct gw_gfs_file {
	struct gw_gfs_client *client;
	struct gw_bytes path; /* the file's own copy */
	uint64_t id, created;
	uint32_t chunk_log2;
	struct gfs_client_chunk *chunks; /* in the order of index */
	size_t chunk_count, chunk_capacity;
	uint64_t end;         /* the file is known to be so long, at least */
	uint64_t end_asked_ns; /* when the masters were asked for its last chunk; 0: never */
	uint64_t reported;    /* the masters know that it is so long */
	uint64_t append_index; /* the chunk for appends, if has_append_index */
	bool has_append_index;
	uint64_t *unsynced;   /* indexes of chunks that were changed through this handle */
	size_t unsynced_count, unsynced_capacity;
};

/* Where a chunk is to be read: 1, and *chunk; 0: there is none. Asked of the masters when it is not
 * known, or `fresh`. A sentence and a code when they cannot tell now. */
int gfs_client_locate(struct gw_gfs_file *file, uint64_t index, bool fresh,
		      struct gfs_client_chunk *chunk, struct gw_error *error) GW_MUST_CHECK;
/* Who is its primary. failed_version != 0: writing under that version failed. make: a chunk that is
 * not there is made; else GW_E_NOT_FOUND. */
int gfs_client_lease(struct gw_gfs_file *file, uint64_t index, uint64_t failed_version, bool make,
		     struct gfs_client_chunk *chunk, struct gw_error *error) GW_MUST_CHECK;
/* Whether what the masters were asked then is still believed. */
bool gfs_client_believes(uint64_t asked_ns);
/* What was believed of the chunk is no longer. */
void gfs_client_forget(struct gw_gfs_file *file, uint64_t index);
/* A lease that came with another answer. */
int gfs_client_take_lease(struct gw_gfs_file *file, const Gfs__Lease *lease,
			  struct gw_error *error) GW_MUST_CHECK;
/* The index of the last chunk that is there, asked of the masters; 0 when there is none. */
int gfs_client_last(struct gw_gfs_file *file, uint64_t *index,
		    struct gw_error *error) GW_MUST_CHECK;
/* The length of a file whose last chunk is this one, asked of its replicas. */
int gfs_client_chunk_length(struct gw_gfs_file *file, uint64_t index, uint64_t *length,
			    struct gw_error *error) GW_MUST_CHECK;

/* Tells the masters how long the file is: file.c. */
int gfs_client_report(struct gw_gfs_file *file, struct gfs_client_call *call,
		      struct gw_error *error) GW_MUST_CHECK;

/* The file ends here, or later. */
static inline void gfs_client_reaches(struct gw_gfs_file *file, uint64_t end)
{
	if (end > file->end)
		file->end = end;
}

/* Bytes of this size from offset on that lie in one chunk. */
static inline size_t gfs_client_in_chunk(const struct gw_gfs_file *file, uint64_t offset,
					 size_t size)
{
	uint64_t left = (UINT64_C(1) << file->chunk_log2) -
			(offset & ((UINT64_C(1) << file->chunk_log2) - 1));

	return size < left ? size : (size_t)left;
}

/* ---- Pieces: pieces.c ------------------------------------------------------------------------ */

struct gfs_client_piece {
	uint64_t offset; /* in the file */
	size_t size;
	uint8_t *data;   /* where it is read to or written from */
	size_t got;      /* of a read */
};

/* Cuts at borders of chunks and at GW_GFS_PIECE_BYTES, carries out several at a time, and returns
 * the first failure. *pieces is the caller's to free; NULL when it fails. */
int gfs_client_pieces(struct gw_gfs_file *file, uint64_t offset, uint8_t *data, size_t size,
		      int (*work)(struct gw_gfs_file *file, struct gfs_client_piece *piece,
				  struct gw_error *error),
		      struct gfs_client_piece **pieces, size_t *count,
		      struct gw_error *error) GW_MUST_CHECK;

/* ---- Mutations: mutate.c --------------------------------------------------------------------- */

/* One mutation at the primary of a chunk, tried again until it is done or the time is over. */
struct gfs_client_mutation {
	struct gw_gfs_file *file;
	uint64_t index;       /* of the chunk */
	struct gw_bytes data; /* empty: a sync or an outcome, which carry none */
	bool make;            /* the chunk, when it is not there */
	/* Asks the primary, by deadline_ns; pushed: the data is there by that id, else it goes with
	 * the request. */
	int (*ask)(struct gfs_client_mutation *mutation, const struct gfs_client_chunk *chunk,
		   const Gfs__DataId *pushed, const struct gw_rpc_call_options *options,
		   struct gw_error *error);
	void *context;
	bool is_unknown; /* it was asked before, and may have been done, or may yet be */
	Gfs__DataId data_id; /* number 0: not pushed */
	uint64_t failed_version;
	uint64_t stale_version; /* that its primary did not know of */
};

int gfs_client_mutate(struct gfs_client_mutation *mutation, struct gfs_client_call *call,
		      struct gw_error *error) GW_MUST_CHECK;
/* A sync has to do something about this chunk. */
int gfs_client_unsynced(struct gw_gfs_file *file, uint64_t index,
			struct gw_error *error) GW_MUST_CHECK;
/* The checksum of data on its way. */
uint32_t gfs_client_sum(struct gw_bytes data);

/* ---- Appends: append.c ----------------------------------------------------------------------- */

/* What an append asks besides its data, and what it was told. */
struct gfs_client_append {
	uint64_t writer, sequence, first_unanswered; /* 0: at least once */
	bool chunk_full;
	uint64_t offset; /* in the file */
};

/* GW_E_TOO_LARGE when a record is over the limit. */
int gfs_client_append_check(const struct gw_gfs_file *file, struct gw_bytes data,
			    struct gw_error *error) GW_MUST_CHECK;
/* To the chunk of that index, which is made if it is not there. *is_unknown: it may have been done
 * though this failed. */
int gfs_client_append_to(struct gw_gfs_file *file, uint64_t index, struct gw_bytes data,
			 struct gfs_client_append *append, bool *is_unknown,
			 struct gfs_client_call *call, struct gw_error *error) GW_MUST_CHECK;
/* The chunk that appends go to, as far as this handle knows. */
int gfs_client_append_index(struct gw_gfs_file *file, struct gfs_client_call *call,
			    struct gw_error *error) GW_MUST_CHECK;
/* The chunk of that index is full. */
void gfs_client_append_next(struct gw_gfs_file *file, uint64_t index);

#endif
