/* SPDX-License-Identifier: Apache-2.0 */
/* server.h - what a server is made of. Private to server*.c. */
#ifndef RPC_SERVER_H
#define RPC_SERVER_H

#include "rpc/address.h"
#include "rpc/call.h"

enum {
	RPC_ACCEPT_PAUSE_MS = 50,  /* after a failed accept: descriptors may be short */
	RPC_SERVER_POOL_MAX = 256, /* calls kept for the next ones */
};

struct rpc_service {
	const struct gw_rpc_service *service;
	const void *handlers;
	void *context;
	struct gw_rpc_dup *dup;
	bool owns_dup;
	uint32_t id;
};

struct rpc_served_method {
	struct rpc_service *service;
	struct gw_rpc_method_metrics metrics;
};

struct rpc_listening {
	struct rpc_listening *next;
	struct gw_rpc_server *server;
	struct io_listener *listener;
};

struct gw_rpc_server {
	struct gw_rpc_server_options options; /* with the defaults filled in */
	struct io *io;
	struct gw_loop *loop;
	uint64_t incarnation; /* random; another one after each start */
	struct rpc_flusher flusher;
	struct rpc_service **services;
	size_t service_count, service_capacity;
	struct rpc_served_method **methods; /* in the order they were added */
	size_t method_count, method_capacity;
	struct rpc_served_method **by_id;   /* open addressing; a power of two */
	uint32_t by_id_count;
	struct rpc_listening *listenings;
	struct gw_group group;              /* accepts, handshakes, housekeeping */
	char address[160];
	struct rpc_line *lines;
	uint32_t line_count, arriving;      /* arriving: handshakes */
	uint32_t calls;                     /* handlers that run, copies that wait */
	struct gw_rpc_call *active;         /* the same as a list */
	struct gw_waiters idle;
	struct gw_rpc_call *pool;
	uint32_t pooled;
	bool is_draining, is_closing, has_housekeeper;
};

extern const struct rpc_connection_events rpc_server_events;

struct rpc_served_method *rpc_server_method(const struct gw_rpc_server *server, uint32_t id);
struct rpc_service *rpc_server_service_by_id(const struct gw_rpc_server *server, uint32_t id);

/* server_accept.c: the task of one listener; argument: struct rpc_listening. */
int rpc_server_accept(void *argument);

/* server_call.c: CALL and OPEN frames. */
int rpc_server_take_call(struct rpc_line *line, const struct rpc_header *header,
			 struct gw_bytes payload, struct gw_error *error) GW_MUST_CHECK;
int rpc_server_take_open(struct rpc_line *line, const struct rpc_header *header,
			 struct gw_error *error) GW_MUST_CHECK;
/* The caller does not wait any more, or its line is gone (is_lost). */
void rpc_server_cancel(struct gw_rpc_call *call);
void rpc_server_cancel_all(struct gw_rpc_server *server);

/* server_finish.c */
struct gw_rpc_call *rpc_server_call_new(struct gw_rpc_server *server);
void rpc_server_call_free(struct gw_rpc_call *call);
/* The handler has returned: answers, remembers, and gives the call back. */
void rpc_server_finish(struct gw_rpc_call *call, int code, const struct ProtobufCMessage *reply,
		       const struct gw_error *why);
/* Sends a reply that is remembered, to a call that is a copy. */
void rpc_server_answer(struct rpc_line *line, uint64_t id, int code, struct gw_bytes payload,
		       uint16_t flags);
/* Without a handler; redirect may be NULL. */
void rpc_server_refuse(struct rpc_line *line, uint64_t id, int code, const char *redirect,
		       const char *text);

#endif
