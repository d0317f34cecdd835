/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.h - one call, at either end: what the files of clients, servers and flow.c share. A call is
 * on at most one line; when it ends, `line` is NULL, `is_lost` is true, and who waits is woken.
 */
#ifndef RPC_CALL_H
#define RPC_CALL_H

#include "base/arena.h"
#include "rpc/dup.h"
#include "rpc/line.h"

struct rpc_session;
struct rpc_served_method;
struct gw_rpc_client;
struct gw_rpc_server;

/* An item that came and was not taken yet, or bytes of an attachment that came before a buffer. */
struct rpc_piece {
	struct rpc_piece *next;
	size_t size, taken;
	uint8_t bytes[];
};

struct rpc_pieces {
	struct rpc_piece *first, *last;
};

/* One direction's other end: what comes in. */
struct rpc_inflow {
	struct rpc_pieces items;
	uint32_t items_room;       /* the sender may send so many */
	uint32_t items_granted;    /* taken, and the sender not yet told */
	bool items_ended;
	bool has_attachment;       /* its size is known */
	uint64_t attachment_bytes;
	bool is_broken;            /* a reader left while its buffer was filled */
	bool is_too_large;         /* for the caller's buffer */
	uint64_t parts_done;       /* bytes of whole PARTs with a right checksum */
	uint64_t arriving;         /* of the one that is read now */
	uint64_t taken;            /* handed to the reader */
	uint64_t granted;          /* bytes the sender may have sent in all */
	struct rpc_pieces ahead;   /* before a buffer was there; from `taken` on, in order */
	struct rpc_piece *spilling; /* the piece a PART is read into now */
	uint8_t *buffer;           /* the reader's; */
	size_t buffer_size, buffer_filled;
};

struct rpc_outflow {
	uint32_t items_credit;
	bool items_ended;
	bool has_attachment;
	bool is_checked;           /* it carries a checksum of its own */
	uint64_t attachment_bytes;
	uint64_t sent;             /* bytes given to the connection */
	uint64_t credit;           /* bytes that may be sent in all */
	uint32_t under_way;        /* PARTs not yet written */
};

struct gw_rpc_call {
	struct rpc_line *line;         /* NULL: none (yet, or any more) */
	struct gw_rpc_call *line_next; /* in its bucket */
	uint64_t id;
	const struct gw_rpc_method *method;
	uint64_t deadline_ns;
	uint64_t trace;
	struct gw_waiters waiters;     /* whoever waits for anything of this call */
	bool is_served;                /* the server's end */
	bool is_lost;                  /* the line ended */
	bool is_ended;                 /* caller: the reply is here */
	bool is_cancelled;             /* the other end gave up */
	struct rpc_inflow in;
	struct rpc_outflow out;

	/* The caller's end. */
	struct gw_rpc_client *client;
	struct ProtobufCMessage *reply;
	int code;
	struct gw_error *error;        /* the caller's; may be NULL */
	char *redirect;                /* either end: where the leader is; malloc'ed */
	struct rpc_session *session;   /* at most once */
	uint64_t sequence;
	uint64_t object;
	uint32_t times_sent, redirects, refusals;
	struct rpc_opened opened;      /* of an OPEN */
	bool is_open;                  /* an OPEN */
	bool is_unrun;                 /* either end: the failure says that it had no effect */
	const struct rpc_line *last_line; /* for comparison only: it may be gone */
	struct gw_rpc_call_options options;

	/* The server's end. */
	struct rpc_served_method *served;
	struct gw_rpc_server *server;
	struct gw_rpc_call *pool_next; /* of those not in use */
	struct gw_rpc_call *active_next, *active_previous; /* all of the server */
	struct gw_group group;         /* its task */
	struct base_arena arena;
	struct ProtobufCMessage *request;
	struct rpc_peer *peer;         /* a reference: the line may end before the handler */
	uint64_t began_ns;
	uint32_t bytes_in;
	struct gw_rpc_dup *dup;        /* of an OPEN */
	struct rpc_dup_call once;
	bool is_once;
	struct gw_bytes completion;    /* the reply's bytes, when the handler has its record */
	struct gw_rpc_call *primary;   /* of a copy: the call whose answer it waits for */
	struct gw_rpc_call *copies;    /* linked by copies_next */
	struct gw_rpc_call *copies_next;
	struct gw_bytes attachment;    /* of the reply */
	void (*release)(void *context);
	void *release_context;
};

/* ---- flow.c: streams and attachments ----------------------------------------------------- */

/* A new call: both directions as they begin. */
void rpc_flow_begin(struct gw_rpc_call *call);
/* Gives back what came and was not taken. */
void rpc_flow_done(struct gw_rpc_call *call);
/* ITEM, END and CREDIT of a call; call is NULL when it is over. */
int rpc_flow_frame(struct rpc_line *line, struct gw_rpc_call *call, const struct rpc_header *header,
		   struct gw_bytes payload, struct gw_error *error) GW_MUST_CHECK;
/* The connection's events of PARTs, at either end. */
struct io_buffer rpc_flow_part_place(struct rpc_connection *connection,
				     const struct rpc_header *header, uint32_t left);
void rpc_flow_part_filled(struct rpc_connection *connection, const struct rpc_header *header,
			  uint32_t bytes);
int rpc_flow_part_end(struct rpc_connection *connection, const struct rpc_header *header,
		      struct gw_error *error) GW_MUST_CHECK;
/* A REPLY came: what it says of streams and the attachment. */
int rpc_flow_reply(struct gw_rpc_call *call, const struct rpc_header *header,
		   struct gw_error *error) GW_MUST_CHECK;
/* The caller has its reply, and all of its attachment. */
bool rpc_flow_is_whole(const struct gw_rpc_call *call);
/* Sends all of an attachment from where it is, as credit allows. */
int rpc_flow_send_all(struct gw_rpc_call *call, struct gw_bytes attachment,
		      struct gw_error *error) GW_MUST_CHECK;
/* Nothing of the caller's memory is used by the line any more; resets the line if it must. */
void rpc_flow_settle(struct gw_rpc_call *call);

/* Whether its calls have numbers, by which the server knows copies. */
static inline bool rpc_method_runs_once(const struct gw_rpc_method *method)
{
	return method->semantics == GW_RPC_AT_MOST_ONCE && !method->request_streams &&
	       !method->reply_streams;
}

/* Waits until something about the call changes. */
static inline int rpc_call_wait(struct gw_rpc_call *call, const char *doing)
{
	return rpc_wait(&call->waiters, doing, call->method ? call->method->full_name : NULL,
			call->deadline_ns);
}

#endif
