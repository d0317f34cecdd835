/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inside.h - a master as its own files see it.
 */
#ifndef GFS_MASTER_INSIDE_H
#define GFS_MASTER_INSIDE_H

#include "gfs/master/locks.h"
#include "gfs/master/master.h"
#include "gfs/master/replicas.h"
#include "rpc/waiting.h"

enum {
	GFS_TICK_MS = 100,            /* between two looks of the master that leads */
	GFS_CLOCK_MS = 5000,          /* a log that gets nothing else gets the time so often */
	GFS_PROPOSE_TIMEOUT_MS = 5000,/* of records that nobody outside waits for */
};

struct gfs_cluster;

struct gfs_master {
	struct gfs_master_options options; /* with defaults, strings its own */
	char *name, *log_directory;
	struct io_file *lock;
	struct gfs_machine machine;
	struct replog *log;
	struct gw_rpc_dup *front;
	struct gw_rpc_server *rpc;
	struct gw_group tasks;
	struct gw_waiters roles;       /* for a change of role */
	uint64_t term;                 /* != 0: leads under it, and may be asked (leader.c) */
	struct gfs_locks locks;
	/* Volatile: not logged, told by chunkservers; the cluster side keeps them. */
	struct gfs_replicas replicas;
	struct gfs_cluster *cluster;   /* the cluster side's own */
	bool has_machine, has_cluster;
};

/* Looks at a path of a request: GW_E_INVALID, GW_E_TOO_LARGE. */
int gfs_master_path(const ProtobufCBinaryData *data, struct gw_bytes *path,
		    struct gw_error *error) GW_MUST_CHECK;

/*
 * Why this master does not answer, when it is not the caller's deadline or too much work: with the
 * leader's address when there is one. Returns GW_E_NOT_LEADER, or code. call may be NULL.
 */
int gfs_master_elsewhere(struct gfs_master *master, struct gw_rpc_call *call, int code,
			 struct gw_error *error);

/*
 * Proposes a record without a call and waits until it is applied here. 0, or what it was refused
 * with, or a code of replog_propose (is_refused tells which, when not NULL). What it did is read
 * from the state, which may have gone on since; *payload (may be NULL) gets the packed message, the
 * caller's, base_buffer_done.
 */
int gfs_master_propose(struct gfs_master *master, const struct gfs_record *record,
		       uint64_t deadline_ns, struct base_buffer *payload, bool *is_refused,
		       struct gw_error *error) GW_MUST_CHECK;

/* The handler of a best-effort call proposes; failures are those that the caller is to get. */
int gfs_master_propose_for(struct gfs_master *master, struct gw_rpc_call *call,
			   const struct gfs_record *record, struct base_buffer *payload,
			   struct gw_error *error) GW_MUST_CHECK;

/* Proposes a record of a call that runs at most once; *result is what apply answered. */
int gfs_master_propose_call(struct gfs_master *master, struct gw_rpc_call *call,
			    struct gfs_record *record, struct replog_result *result,
			    struct gw_error *error) GW_MUST_CHECK;
/* The whole of a handler whose call runs at most once, and returns what apply answers. The call is
 * added to the record. */
int gfs_master_change(struct gfs_master *master, struct gw_rpc_call *call,
		      struct gfs_record *record, struct gw_error *error) GW_MUST_CHECK;

/* Waits until the state may be read as of now, or with weak at once; what is read without a further
 * wait is linearizable. Fails as the caller is to get it. */
int gfs_master_read(struct gfs_master *master, struct gw_rpc_call *call, bool weak,
		    struct gw_error *error) GW_MUST_CHECK;

/* rpc_dup_front_options.open */
int gfs_master_open_client(void *context, struct rpc_client_id client, struct gw_rpc_call *call,
			   struct gw_error *error);

/* A task: begins and ends leading, ticks. */
int gfs_master_run_leader(void *argument);

/* ---- Messages in the call's memory ---------------------------------------------------------- */

/* The chunk in a slot, for reading, at those servers of a set that live. */
int gfs_message_chunk(struct gw_rpc_call *call, const struct gfs_master *master, uint64_t index,
		      uint32_t slot, const struct gfs_set *set, Gfs__Chunk **chunk,
		      struct gw_error *error) GW_MUST_CHECK;

int gfs_message_place(struct gw_rpc_call *call, const struct gfs_state *state, uint32_t server,
		      Gfs__Place **place, struct gw_error *error) GW_MUST_CHECK;

/* ---- Handlers ------------------------------------------------------------------------------- */

int gfs_serve_stat(struct gw_rpc_call *call, void *context, const Gfs__StatRequest *request,
		   Gfs__StatReply *reply, struct gw_error *error);
int gfs_serve_list(struct gw_rpc_call *call, void *context, const Gfs__ListRequest *request,
		   Gfs__ListReply *reply, struct gw_error *error);
int gfs_serve_list_deleted(struct gw_rpc_call *call, void *context,
			   const Gfs__ListRequest *request, Gfs__ListReply *reply,
			   struct gw_error *error);
int gfs_serve_locate(struct gw_rpc_call *call, void *context, const Gfs__LocateRequest *request,
		     Gfs__LocateReply *reply, struct gw_error *error);
int gfs_serve_status(struct gw_rpc_call *call, void *context, const Gfs__StatusRequest *request,
		     Gfs__StatusReply *reply, struct gw_error *error);

extern const struct master_handlers gfs_master_handlers;

#endif
