/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line.h - a connection with the calls that are on it, at either end; and the task that flushes
 * what was sent in a turn, once for all lines of a client or server.
 */
#ifndef RPC_LINE_H
#define RPC_LINE_H

#include "rpc/connection.h"
#include "rpc/waiting.h"

struct rpc_line;

/* Who is at the other end; shared by a line and its calls. */
struct rpc_peer {
	uint32_t references;
	struct gw_rpc_peer peer;
};

/* Lines that have something to flush. Lives as long as its client or server. */
struct rpc_flusher {
	struct gw_loop *loop;
	struct io *io;
	uint32_t connections; /* whose memory is not yet free */
	struct rpc_line *first;
	bool is_scheduled; /* its task is started and has not ended */
	struct gw_waiters idle;
};

struct rpc_line {
	struct rpc_connection *connection;
	struct rpc_flusher *flusher;
	struct rpc_line *dirty_next;
	bool is_dirty;
	void *owner; /* the client or the server */
	struct rpc_peer *peer;
	struct rpc_line *next, *previous; /* the owner's list */

	struct gw_rpc_call **buckets; /* by call id; bucket_count is a power of two, or 0 */
	uint32_t bucket_count;
	uint32_t call_count;
	uint64_t last_call; /* id; of the caller's side */
	bool is_away;       /* takes no more calls */

	struct gw_waiters room; /* tasks that wait to send */
};

/* The calls of a line, by id. GW_E_NO_MEMORY. */
int rpc_line_add(struct rpc_line *line, struct gw_rpc_call *call) GW_MUST_CHECK;
void rpc_line_remove(struct rpc_line *line, struct gw_rpc_call *call);
struct gw_rpc_call *rpc_line_find(const struct rpc_line *line, uint64_t id);
/* Any one of them, or NULL. */
struct gw_rpc_call *rpc_line_any(const struct rpc_line *line);

/* The line that owns a connection. */
struct rpc_line *rpc_line_of(const struct rpc_connection *connection);

/* Events of the connection, at either end. */
void rpc_line_dirty(struct rpc_connection *connection);
void rpc_line_written(struct rpc_connection *connection);

/* Waits until the connection has room for more. GW_E_CLOSED when it ended. */
int rpc_line_wait_for_room(struct gw_rpc_call *call, uint64_t deadline_ns,
			   struct gw_error *error) GW_MUST_CHECK;

/* Out of the owner's list. */
void rpc_line_unlink(struct rpc_line **first, struct rpc_line *line);
/* Frees the line; its connection has ended and its calls are gone. */
void rpc_line_free(struct rpc_line *line);
/* A line over the transport, which it takes, also when it fails. Not started. */
int rpc_line_new(struct rpc_line **line, struct rpc_flusher *flusher,
		 struct rpc_transport *transport, const struct rpc_connection_events *events,
		 void *owner, struct gw_error *error) GW_MUST_CHECK;
void rpc_peer_unref(struct rpc_peer *peer);
/* Waits until the flushing task and what was under way on the connections are gone. */
void rpc_flusher_join(struct rpc_flusher *flusher);

#endif
