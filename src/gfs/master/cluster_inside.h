/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_inside.h - what the files of the cluster side share: what this master has heard of each
 * chunkserver, who works on which chunk, and what is to be cloned. Nothing of it is logged: a new
 * master hears it again.
 */
#ifndef GFS_MASTER_CLUSTER_INSIDE_H
#define GFS_MASTER_CLUSTER_INSIDE_H

#include "gfs/master/balance.h"
#include "gfs/master/grants.h"
#include "gfs/master/inside.h"
#include "gfs/master/plan.h"
#include "gfs/master/servers.h"

enum {
	GFS_DEAD_BEATS = 5,           /* a server that is silent so long is not asked any more */
	GFS_FORMER_MAX = 4,           /* lives of a server that are remembered as over */
	GFS_SERVER_CALL_MS = 3000,    /* Grant, Revoke: a record or two on its disk */
	GFS_COPY_MS = 60000,          /* of a chunk, on the same server */
	GFS_CLONE_MS = 60000,         /* of a chunk, to another one */
	GFS_SETTLE_MS = 60000,        /* to make one of a chunk's suspects the right one */
	GFS_SCAN_SLOTS = 20000,       /* looked at in each tick */
	GFS_SCAN_SLOTS_HURRY = 500000,/* after a server died or came */
	GFS_COLLECT_FILES = 100,      /* taken out by one record */
	GFS_SHUN_MS = 30000,          /* a replica that its primary could not reach is left out */
	GFS_SHUNNED_MAX = 1 << 16,    /* of these; beyond, all are forgotten */
};

/* What was heard of a chunkserver. */
struct gfs_cluster_server {
	uint64_t heard_ns;            /* when, by our clock */
	uint64_t sequence;            /* of the last heartbeat that was answered */
	uint64_t incarnation;
	uint64_t former[GFS_FORMER_MAX]; /* what comes late from these lives is not heard */
	uint32_t former_count;
	uint64_t lease_end_ns;        /* of what this master has extended; by our clock */
	uint64_t bytes, bytes_free;
	uint32_t load, rack;
	bool drains;
	bool was_alive;               /* at the last tick */
	uint64_t chunks;              /* replicas in the table */
	uint32_t recent;              /* chunks that it was given of late */
	uint32_t sends, receives;     /* clones under way */
	uint32_t moves_out, moves_in; /* of those, for rebalancing */
	/* All that it has. */
	bool has_reported;            /* in this life of its, and under this term of ours */
	uint8_t *report_slots;        /* a report is under way: a bit for each slot it told of */
	uint32_t report_slot_count, report_piece;
	/* Told in answers to its heartbeats. */
	struct base_map revokes;      /* handle -> version, before its lease is extended */
	struct base_map spared;       /* handles of replicas that are too many */
};

/* What may be done for a chunk: clones by their class, and */
enum {
	GFS_CARE_TELL = GFS_CLONE_NONE,      /* a grant that its servers may not know */
	GFS_CARE_TRIM = GFS_CLONE_SHORT + 1, /* it has more replicas than its goal */
	GFS_CARE_SETTLE,                     /* all of them lost power */
	GFS_CARE_MOVE,                       /* a replica may be better off elsewhere */
	GFS_CARES,
};

/* Slots, first in, first out. */
struct gfs_slots {
	uint32_t *slots;
	size_t first, count, capacity;
};

/* Rebalancing (cluster_move.c). */
struct gfs_rebalance {
	bool is_stopped;              /* by somebody, until he starts it again */
	bool is_asked;                /* to make things more even than by itself */
	bool is_running;              /* a round of it, which began then; what it has done: */
	uint64_t began_ns, moved, failed;
	uint32_t under_way;
	uint64_t scans;               /* of all chunks, since it was asked */
	uint64_t crowded_now, crowded_count; /* chunks in fewer racks than could be, as short_* */
	uint64_t found_now, found_count; /* that might move, or are at it, likewise */
	uint64_t in_vain;             /* tries of them, one after the other, by which none did */
	struct gfs_balance balance;   /* when it was last looked at */
};

struct gfs_cluster {
	struct gfs_cluster_server **servers; /* by number; NULL: never heard of */
	uint32_t server_count;        /* room in servers */
	struct base_map clients;      /* address -> struct gw_rpc_client */
	struct base_map holds;        /* handle -> struct gfs_hold */
	struct base_map told;         /* slot -> version; see gfs_cluster_told */
	struct base_map suspects;     /* slot -> what cluster_settle.c knows */
	struct base_map shunned;      /* handle and server -> until when, in ms of our clock */
	uint64_t began_ns;            /* leading */
	bool is_safe;                 /* safe mode */
	uint64_t with_replica;        /* chunks that have one at least */
	struct gw_group tasks;
	struct gw_waiters heard;      /* something of a server has changed */
	/* Care for chunks (cluster_care.c). */
	struct gfs_slots needs[GFS_CARES];
	struct base_map busy;         /* slots that are queued or worked on */
	uint32_t scan_slot;
	bool is_hurried;              /* the scan began after a server died or came */
	uint64_t short_now, short_count; /* of this scan so far, and of the last whole one */
	uint64_t missing_now, missing_count; /* the same: chunks without a replica that lives */
	unsigned under_way;           /* tasks that tell and trim */
	struct gfs_clone_state clones;
	struct gfs_rebalance rebalance;
	bool is_collecting;
	uint64_t ticks;
};

static inline struct gfs_chunk const *gfs_cluster_chunk(const struct gfs_master *master,
							uint64_t handle)
{
	return gfs_chunks_find(&master->machine.state.chunks, handle);
}

static inline struct gw_bytes gfs_cluster_key(const uint64_t *handle)
{
	return (struct gw_bytes){handle, sizeof(*handle)};
}

/* Fewer than these are not written, nor is a replica dropped that leaves fewer. */
static inline uint32_t gfs_replicas_min(uint32_t goal)
{
	return goal < GFS_GRANT_REPLICAS_MIN ? goal : GFS_GRANT_REPLICAS_MIN;
}

/* Whether this master still leads under the term that a task began under. */
static inline bool gfs_cluster_leads(const struct gfs_master *master, uint64_t term)
{
	return term != 0 && master->term == term;
}

int gfs_cluster_lost_lead(struct gw_error *error);

/* ---- cluster.c: servers ------------------------------------------------------------------ */

/* NULL: nothing was heard of it. */
struct gfs_cluster_server *gfs_cluster_server(const struct gfs_master *master, uint32_t number);
/* Made when it is not there; NULL: no memory. */
struct gfs_cluster_server *gfs_cluster_server_make(struct gfs_master *master, uint32_t number);
bool gfs_cluster_lives(const struct gfs_master *master, uint32_t number);
/* When the lease of a server is over for certain, by our clock. */
uint64_t gfs_cluster_lease_end(const struct gfs_master *master, uint32_t number);
/* Facts of all that live, the caller's. NULL: no memory. */
struct gfs_plan_server *gfs_cluster_facts(const struct gfs_master *master, size_t *count);
const struct gfs_plan_server *gfs_facts_find(const struct gfs_plan_server *facts, size_t count,
					     uint32_t number);

/* ---- cluster_note.c: where replicas are -------------------------------------------------- */

enum gfs_note {
	GFS_NOTE_GOOD,
	GFS_NOTE_BEHIND,  /* in the set of a grant that it does not know yet */
	GFS_NOTE_STALE,   /* or not to be relied on */
	GFS_NOTE_AHEAD,   /* it has a higher version than the log */
	GFS_NOTE_UNKNOWN, /* there is no such chunk */
};

/* Takes down what a server says of a chunk that it has. */
enum gfs_note gfs_cluster_note(struct gfs_master *master, uint32_t server, uint64_t handle,
			       uint64_t version, bool is_suspect);
void gfs_cluster_add(struct gfs_master *master, uint32_t slot, uint32_t server);
void gfs_cluster_remove(struct gfs_master *master, uint32_t slot, uint32_t server);
/* These and no others have it. */
void gfs_cluster_replace(struct gfs_master *master, uint32_t slot, const struct gfs_set *set);
/* Replicas on servers that live; NULL or those that are counted in `drains` (may be NULL) are on
 * such as drain. */
void gfs_cluster_alive(const struct gfs_master *master, uint32_t slot, struct gfs_set *alive,
		       uint32_t *draining);

/* A mutation did not reach the server's replica: for GFS_SHUN_MS it is in no set of the chunk, if
 * there are enough others, and gets no clone of it. Who cannot be reached by the primary alone
 * lives for us, and would be chosen again and again. */
void gfs_cluster_shun(struct gfs_master *master, uint64_t handle, uint32_t server);
bool gfs_cluster_is_shunned(const struct gfs_master *master, uint64_t handle, uint32_t server);

/* ---- cluster_call.c: what chunkservers are told ------------------------------------------ */

struct gfs_order {
	uint64_t handle, version, version_before;
	uint8_t chunk_log2;
	struct gfs_set set;      /* of a grant; of a clone: where it is */
	uint64_t incarnation;    /* of a grant: the life of its primary in which it is one */
	uint64_t source, source_version; /* of a copy */
	uint64_t bytes_per_second; /* of a clone; 0: no limit */
};

/* Each waits, not longer than its own time and the deadline. */
int gfs_call_grant(struct gfs_master *master, uint64_t term, uint32_t server,
		   const struct gfs_order *order, uint64_t deadline_ns,
		   struct gw_error *error) GW_MUST_CHECK;
int gfs_call_revoke(struct gfs_master *master, uint64_t term, uint32_t server,
		    const struct gfs_order *order, uint64_t deadline_ns,
		    struct gw_error *error) GW_MUST_CHECK;
int gfs_call_copy(struct gfs_master *master, uint64_t term, uint32_t server,
		  const struct gfs_order *order, uint64_t deadline_ns,
		  struct gw_error *error) GW_MUST_CHECK;
int gfs_call_clone(struct gfs_master *master, uint64_t term, uint32_t server,
		   const struct gfs_order *order, uint64_t deadline_ns,
		   struct gw_error *error) GW_MUST_CHECK;
/* *reply is the caller's, to be freed with gw_rpc_reply_free. */
int gfs_call_compare(struct gfs_master *master, uint64_t term, uint32_t server,
		     const Gfs__CompareRequest *request, uint64_t deadline_ns,
		     Gfs__CompareReply **reply, struct gw_error *error) GW_MUST_CHECK;
int gfs_call_settle(struct gfs_master *master, uint64_t term, uint32_t server,
		    const Gfs__SettleRequest *request, uint64_t deadline_ns,
		    struct gw_error *error) GW_MUST_CHECK;
void gfs_calls_done(struct gfs_master *master);

/* A call of many servers at once, and what each answered. Fails when it was not waited for. */
typedef int gfs_call(struct gfs_master *master, uint64_t term, uint32_t server,
		     const struct gfs_order *order, uint64_t deadline_ns, struct gw_error *error);
int gfs_call_all(struct gfs_master *master, uint64_t term, gfs_call *call,
		 const struct gfs_set *servers, const struct gfs_order *order,
		 uint64_t deadline_ns, int codes[GFS_GOAL_MAX],
		 struct gw_error *error) GW_MUST_CHECK;

/* ---- cluster_grant.c: who may change a chunk --------------------------------------------- */

/* One task at a time works on a chunk. */
struct gfs_hold;

int gfs_cluster_hold(struct gfs_master *master, uint64_t handle, uint64_t deadline_ns,
		     struct gfs_hold **hold, struct gw_error *error) GW_MUST_CHECK;
void gfs_cluster_let_go(struct gfs_master *master, struct gfs_hold *hold);

/* Whether the primary has begun another life, or its lease is over for certain. */
bool gfs_cluster_grant_is_over(const struct gfs_master *master, const struct gfs_grant *grant);
/* Proposes what is about a chunk that is held, and waits until it is known what became of it: who
 * holds the chunk next is not to be met by a record that was still on its way. */
int gfs_cluster_propose(struct gfs_master *master, const struct gfs_record *record,
			struct gw_error *error) GW_MUST_CHECK;

/* Waits until the primary does no more under a grant of a chunk that is held; the log keeps it. */
int gfs_cluster_ask_back(struct gfs_master *master, uint64_t term, uint64_t handle,
			 const struct gfs_grant *grant, uint64_t deadline_ns,
			 struct gw_error *error) GW_MUST_CHECK;
/* Ends the grant of a chunk that is held, if there is one, and logs that. */
int gfs_cluster_end_grant(struct gfs_master *master, uint64_t term, uint64_t handle,
			  uint64_t deadline_ns, struct gw_error *error) GW_MUST_CHECK;

struct gfs_secure {
	uint64_t term, handle, deadline_ns;
	uint8_t chunk_log2;
	uint64_t failed_version; /* a grant up to this does not serve any more */
	struct gfs_set avoid;    /* left out of a new one if there are enough others */
};

/* Makes sure that the chunk, which is held, has a grant that all of its set know, and live. */
int gfs_cluster_secure(struct gfs_master *master, const struct gfs_secure *what,
		       struct gw_error *error) GW_MUST_CHECK;
/* The same, of a chunk that is not held yet. */
int gfs_cluster_secure_held(struct gfs_master *master, const struct gfs_secure *what,
			    struct gw_error *error) GW_MUST_CHECK;
int gfs_cluster_choose(struct gfs_master *master, uint8_t goal, uint8_t chunk_log2,
		       struct gfs_set *set, uint64_t *incarnation,
		       struct gw_error *error) GW_MUST_CHECK;
/* The version whose grant all know; 0: none. Or a flag and how large the chunk may be: it was just
 * made, and its primary was not told; it may never have been made. */
#define GFS_FRESH ((uint64_t)1 << 32)
#define GFS_DOUBTFUL ((uint64_t)1 << 33)
/* Some of its set may know the grant, and some may have nothing: it is to be told again. */
#define GFS_UNTOLD ((uint64_t)1 << 34)
uint64_t gfs_cluster_told(const struct gfs_master *master, uint32_t slot);
int gfs_cluster_tell_as(struct gfs_master *master, uint32_t slot, uint64_t version,
			struct gw_error *error) GW_MUST_CHECK;
void gfs_cluster_untell(struct gfs_master *master, uint32_t slot);

/* ---- cluster_lease.c: handlers of the service Master ------------------------------------- */

int gfs_cluster_serve_lease(struct gw_rpc_call *call, struct gfs_master *master,
			    const Gfs__LeaseRequest *request, Gfs__LeaseReply *reply,
			    struct gw_error *error);
int gfs_cluster_serve_add_chunk(struct gw_rpc_call *call, struct gfs_master *master,
				const Gfs__LeaseRequest *request, Gfs__LeaseReply *reply,
				struct gw_error *error);

/* ---- cluster_heart.c, cluster_report.c: handlers of the service Cluster ------------------ */

extern const struct cluster_handlers gfs_cluster_handlers;

int gfs_cluster_serve_report(struct gw_rpc_call *call, void *context,
			     const Gfs__ReportRequest *request, Gfs__Nothing *reply,
			     struct gw_error *error);
void gfs_cluster_report_end(struct gfs_cluster_server *server);

/* ---- cluster_queue.c: chunks that wait for something -------------------------------------- */

/* Something that is done for one chunk. */
struct gfs_care_job {
	struct gfs_master *master;
	uint64_t term;
	uint32_t slot;
	uint64_t handle;
	uint32_t from, to; /* of a clone */
};

/* Once, until it was worked on. What is not queued for want of memory is found again. */
void gfs_care_push(struct gfs_cluster *cluster, unsigned care, uint32_t slot);
/* False: none waits. The slot stays busy, until gfs_care_not_busy or its task's end. */
bool gfs_care_pop(struct gfs_cluster *cluster, unsigned care, uint32_t *slot);
void gfs_care_not_busy(struct gfs_cluster *cluster, uint32_t slot);
/* What was queued is not any more. */
void gfs_care_clear(struct gfs_cluster *cluster, unsigned care);
/* Starts a task for a slot that was popped, with a job as its argument; it ends with
 * gfs_care_job_end. When it does not start the slot is not busy. */
int gfs_care_start(struct gfs_master *master, gw_task_function *function, uint32_t slot,
		   uint32_t from, uint32_t to);
void gfs_care_job_end(struct gfs_care_job *job);

/* ---- cluster_care.c: as many replicas as there should be --------------------------------- */

/* In each tick of a master that leads. */
void gfs_cluster_care(struct gfs_master *master);
/* All is to be looked at anew, and soon; what was queued is not any more. */
void gfs_cluster_hurry(struct gfs_cluster *cluster);
/* Frees. */
void gfs_cluster_care_done(struct gfs_cluster *cluster);
/* The server comes first of the set that it is in. */
void gfs_set_put_first(struct gfs_set *set, uint32_t server);
/* A chunk whose servers may not know its grant. */
void gfs_cluster_tell_later(struct gfs_master *master, uint32_t slot);

/* ---- cluster_move.c: rebalancing --------------------------------------------------------- */

/* In each tick of a master that leads, behind the care for what is short. */
void gfs_rebalance_tick(struct gfs_master *master);
/* In a scan: a chunk that has as many replicas as it should, and they live; the scan is over. */
void gfs_rebalance_look_at(struct gfs_master *master, uint32_t slot, const struct gfs_set *alive);
void gfs_rebalance_scanned(struct gfs_cluster *cluster);
/* Moves that are to be made, about. */
uint64_t gfs_rebalance_left(const struct gfs_cluster *cluster);
int gfs_cluster_serve_rebalance(struct gw_rpc_call *call, struct gfs_master *master,
				const Gfs__RebalanceRequest *request,
				Gfs__RebalanceReply *reply, struct gw_error *error);

/* ---- cluster_settle.c: chunks whose replicas all lost power ------------------------------- */

/* A server has a replica that is suspect. */
void gfs_cluster_suspect(struct gfs_master *master, uint32_t slot, uint32_t server,
			 uint64_t version);
bool gfs_cluster_has_suspects(const struct gfs_master *master, uint32_t slot);
/* How many chunks have suspects and no replica. */
uint64_t gfs_cluster_only_suspects(const struct gfs_master *master);
/* A replica came to it, or it is no chunk any more: what was heard of suspects is forgotten. */
void gfs_cluster_trust(struct gfs_master *master, uint32_t slot);
void gfs_cluster_suspects_done(struct gfs_cluster *cluster);
/* Makes replicas of a chunk's suspects, if it is time. Waits. */
int gfs_cluster_settle(struct gfs_master *master, uint64_t term, uint64_t handle,
		       uint64_t deadline_ns) GW_MUST_CHECK;

#endif
