/* SPDX-License-Identifier: Apache-2.0 */
/* inside.h - what the files of the server share. */
#ifndef GFS_CHUNKSERVER_INSIDE_H
#define GFS_CHUNKSERVER_INSIDE_H

#include "gfs/chunkserver/held.h"
#include "gfs/chunkserver/server.h"
#include "gfs/common/gfs.rpc.h"

#include <assert.h>

enum {
	CHUNK_MASTERS_MAX = 16,
	CHUNK_PEERS_MAX = 4096,
	CHUNK_BATCH_BYTES_MAX = 1 << 20,    /* of inline data in one Apply */
	CHUNK_BATCHES_MAX = 16,             /* of one chunk under way */
	CHUNK_APPLY_MS = 5000,              /* a secondary that is silent so long has failed */
	CHUNK_HAD_MAX = 1000,               /* of one heartbeat */
	CHUNK_REVOKED_MAX = 1 << 16,        /* remembered of one term; then another life begins */
};

/* What a grant is here, from Grant to the next one, Revoke or a failure. Lasts while somebody uses
 * it. */
struct grant {
	unsigned references;
	struct chunk *chunk;
	uint64_t term, version;
	bool is_primary;
	uint64_t made_ns;
	bool is_over;             /* nothing more happens under it */
	size_t secondary_count;   /* at the primary */
	struct gfs_place {
		uint32_t server;
		char address[GFS_ADDRESS_BYTES_MAX + 1];
	} secondaries[GFS_GOAL_MAX];
	struct gw_waiters changed;
	/* At the primary. */
	bool is_begun;            /* all have the same length */
	bool is_ordering;         /* a task takes jobs */
	struct order_job *first, *last; /* that have no number yet */
	struct order_job *numbered;     /* appends under way */
	uint64_t length;          /* behind all that has a number */
	uint64_t serial;          /* the next number */
	unsigned batches;         /* under way */
	/* Everywhere: the next that is applied here. */
	uint64_t next;
	bool is_applying;
};

struct chunk_master {
	char address[GFS_ADDRESS_BYTES_MAX + 1];
	struct gw_rpc_client *client;
	struct chunk_server *server;
	bool has_report;          /* since this life of ours, for its term */
	uint64_t term, sequence;
	size_t at;                /* of the walk through all chunks */
	size_t at_revoked;
};

struct chunk_server {
	struct io *io;
	struct chunk_store *store;
	struct held held;
	struct gw_rpc_server *rpc;
	struct gw_rpc_tls *tls;
	bool insecure;
	char address[GFS_ADDRESS_BYTES_MAX + 1];
	char rack[GFS_RACK_BYTES_MAX + 1];
	uint64_t heartbeat_ms, incarnation;
	uint64_t lease_end_ns;    /* by our own clock */
	struct gw_waiters leased; /* Grants that came while it was over */
	bool is_enrolled;         /* in this life, by one that led */
	struct gw_mutex home_lock;
	struct gw_mutex masters_lock;
	struct base_map peers;    /* address -> struct gw_rpc_client */
	struct base_map revoked;  /* handle -> the highest revoked version, in the pointer */
	uint64_t revoked_term;    /* that they are of */
	struct chunk_master *masters[CHUNK_MASTERS_MAX];
	size_t master_count;
	struct gw_group group;
	unsigned clones;
	unsigned calls;           /* of clients, and of primaries for them, under way */
	uint64_t calls_begun;
	uint64_t scrub_bytes_per_second, scrub_round_ms;
	struct chunk_scrubbed scrubbed;
	uint64_t writers_from;
	void (*troubled)(void *context, const struct gw_error *error);
	void *context;
};

void chunk_server_troubled(struct chunk_server *server, const struct gw_error *error);
/* The client of another chunkserver; it lasts as long as the server. */
int chunk_server_peer(struct chunk_server *server, const char *address,
		      struct gw_rpc_client **client, struct gw_error *error) GW_MUST_CHECK;
/* hasty: calls end when it cannot be reached, not only at their deadline. */
int chunk_server_client(const struct chunk_server *server, const char *address, bool hasty,
			struct gw_rpc_client **client, struct gw_error *error) GW_MUST_CHECK;
/* A master's term: GW_E_STALE when a higher one was seen, which is remembered durably. */
int chunk_server_term(struct chunk_server *server, uint64_t term,
		      struct gw_error *error) GW_MUST_CHECK;
int chunk_unknown(uint64_t handle, struct gw_error *error);

/* Around what is done for a client. */
static inline void chunk_call_begin(struct chunk_server *server)
{
	server->calls++;
	server->calls_begun++;
}

static inline void chunk_call_end(struct chunk_server *server)
{
	assert(server->calls > 0);
	server->calls--;
}

/* ---- grant.c --------------------------------------------------------------------------------- */

int chunk_serve_grant(struct gw_rpc_call *call, void *context, const Gfs__GrantRequest *request,
		      Gfs__GrantReply *reply, struct gw_error *error);
int chunk_serve_revoke(struct gw_rpc_call *call, void *context, const Gfs__RevokeRequest *request,
		       Gfs__GrantReply *reply, struct gw_error *error);
void grant_unref(struct grant *grant);
/* Ends what is granted for the chunk, up to the version. */
void grant_end(struct chunk *chunk, uint64_t version);
int chunk_server_revoke(struct chunk_server *server, uint64_t handle, uint64_t version,
			struct gw_error *error) GW_MUST_CHECK;
/* Whether our lease lasts. */
bool chunk_server_is_leased(const struct chunk_server *server);
/* Our lease was over, and is extended again: we are not primary any more by what was granted before
 * its end. */
void chunk_server_end_lease(struct chunk_server *server);
/* Ends all grants; none is there when it returns. */
void chunk_server_end_grants(struct chunk_server *server);
/* The grant of the chunk, if it is this version's and lasts, with a reference; as primary: we are,
 * and our lease lasts. GW_E_STALE. */
int grant_of(struct chunk_server *server, uint64_t handle, uint64_t version, bool as_primary,
	     struct grant **grant, struct gw_error *error) GW_MUST_CHECK;

/* ---- order.c: the primary -------------------------------------------------------------------- */

enum order_kind { ORDER_WRITE, ORDER_APPEND, ORDER_FENCE, ORDER_ASK, ORDER_SYNC };

/* What a client asked for; lasts while it waits or somebody works on it. */
struct order_job {
	struct order_job *next;
	unsigned references;
	uint8_t kind;
	bool is_over, is_full; /* is_full: the chunk was padded, nothing appended */
	int result;
	struct gw_error error;
	uint64_t offset, length;
	struct held_data *data;
	uint64_t first_unanswered;
	struct chunk_completion completion;
};

struct order_job *order_job_new(enum order_kind kind, struct held_data *data);
void order_job_unref(struct order_job *job);
/* Gives it a number and waits until all have applied it. */
int order_run(struct chunk_server *server, struct grant *grant, struct order_job *job,
	      struct gw_error *error) GW_MUST_CHECK;

/* ---- apply.c: every replica ------------------------------------------------------------------ */

/* A mutation and what keeps its bytes. */
struct apply_item {
	struct chunk_mutation mutation;
	struct held_data *data;
	bool is_sync;
};

/* Applies what has the numbers from serial on, in its turn. */
int apply_in_turn(struct grant *grant, uint64_t serial, const struct apply_item *items,
		  size_t count, struct gw_error *error) GW_MUST_CHECK;
int chunk_serve_apply(struct gw_rpc_call *call, void *context, const Gfs__ApplyRequest *request,
		      Gfs__ApplyReply *reply, struct gw_error *error);

/* ---- serve_data.c, serve_change.c ------------------------------------------------------------ */

/* Receives the attachment of a call, with its checksum tested. */
int chunk_receive(struct gw_rpc_call *call, size_t bytes_max, uint32_t crc,
		  struct held_data **data, struct gw_error *error) GW_MUST_CHECK;
int chunk_serve_push(struct gw_rpc_call *call, void *context, const Gfs__PushRequest *request,
		     Gfs__Nothing *reply, struct gw_error *error);
int chunk_serve_read(struct gw_rpc_call *call, void *context, const Gfs__ReadRequest *request,
		     Gfs__ReadReply *reply, struct gw_error *error);
int chunk_serve_length(struct gw_rpc_call *call, void *context, const Gfs__ChunkRequest *request,
		       Gfs__ChunkReply *reply, struct gw_error *error);
int chunk_serve_completions(struct gw_rpc_call *call, void *context,
			    const Gfs__ChunkRequest *request, Gfs__CompletionsReply *reply,
			    struct gw_error *error);
int chunk_serve_write(struct gw_rpc_call *call, void *context, const Gfs__WriteRequest *request,
		      Gfs__WriteReply *reply, struct gw_error *error);
int chunk_serve_append(struct gw_rpc_call *call, void *context, const Gfs__AppendRequest *request,
		       Gfs__AppendReply *reply, struct gw_error *error);
int chunk_serve_outcome(struct gw_rpc_call *call, void *context,
			const Gfs__OutcomeRequest *request, Gfs__OutcomeReply *reply,
			struct gw_error *error);
int chunk_serve_sync(struct gw_rpc_call *call, void *context, const Gfs__SyncRequest *request,
		     Gfs__SyncReply *reply, struct gw_error *error);

/* ---- clone.c --------------------------------------------------------------------------------- */

int chunk_serve_clone(struct gw_rpc_call *call, void *context, const Gfs__CloneRequest *request,
		      Gfs__GrantReply *reply, struct gw_error *error);
int chunk_serve_copy(struct gw_rpc_call *call, void *context, const Gfs__CopyRequest *request,
		     Gfs__GrantReply *reply, struct gw_error *error);

/* ---- suspect.c ------------------------------------------------------------------------------- */

int chunk_serve_compare(struct gw_rpc_call *call, void *context,
			const Gfs__CompareRequest *request, Gfs__CompareReply *reply,
			struct gw_error *error);
int chunk_serve_settle(struct gw_rpc_call *call, void *context, const Gfs__SettleRequest *request,
		       Gfs__GrantReply *reply, struct gw_error *error);

/* ---- scrub.c --------------------------------------------------------------------------------- */

/* So long for so many bytes at that rate. */
uint64_t chunk_scrub_step_ns(uint64_t bytes, uint64_t bytes_per_second);
/* Whether it goes on with what comes next, having waited for so many steps: at once while nobody
 * asks for anything, else at GFS_SCRUB_BUSY_SHARE of its rate. */
bool chunk_scrub_may(bool is_idle, unsigned waited);
/* A task with the server: looks at all chunks, over and over. */
int chunk_server_scrub(void *server);

/* ---- heart.c --------------------------------------------------------------------------------- */

/* A task for each master: heartbeats, reports, and what is answered. */
int chunk_server_add_master(struct chunk_server *server, const char *address,
			    struct gw_error *error) GW_MUST_CHECK;
/* Tells the masters that a mutation under the grant did not reach these servers. */
void chunk_server_tell_failed(struct chunk_server *server, const struct grant *grant,
			      const uint32_t *servers, size_t count);

#endif
