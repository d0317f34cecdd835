/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - what a client is made of. Private to client*.c and session.c.
 *
 * It has one line at a time for new calls; lines before it that the server asked us to leave, or
 * that led to a server that redirected us, live until their calls have ended.
 */
#ifndef RPC_CLIENT_H
#define RPC_CLIENT_H

#include "rpc/address.h"
#include "rpc/call.h"

struct gw_rpc_client {
	struct gw_rpc_client_options options; /* with the defaults filled in */
	char *name;
	struct io *io;
	struct gw_loop *loop;
	struct rpc_address addresses[GW_RPC_ADDRESSES_MAX];
	uint32_t address_count, address_next; /* to be tried first */
	struct rpc_address redirect;          /* before all of them, if has_redirect */
	bool has_redirect;
	/* How often in a row each address did not answer in time; the last is the redirect's. */
	uint8_t silences[GW_RPC_ADDRESSES_MAX + 1];

	struct rpc_line *line;     /* for new calls; NULL: none */
	struct rpc_line *greeting; /* connected, and its greeting has not come */
	struct rpc_line *lines;    /* all */
	struct rpc_flusher flusher;
	struct gw_waiters ready;   /* tasks that wait for a line, and the connector */
	struct gw_group group;     /* the connector's */
	bool is_connecting, is_closing;
	uint32_t wanting;          /* tasks that wait for a line */
	uint32_t failures;         /* since the last line was made */
	struct gw_error last_error;

	uint64_t trace; /* of the last call that had none; mixed before use */
	uint32_t calls;
	struct gw_waiters idle;    /* gw_rpc_client_free waits for the last call */
	struct rpc_session *sessions;
};

/* client_connect.c: waits for a line. GW_E_UNREACHABLE says why there is none by the deadline. */
int rpc_client_ready(struct gw_rpc_client *client, struct gw_rpc_call *call,
		     struct rpc_line **line, struct gw_error *error) GW_MUST_CHECK;
/* No new calls on this line; it ends with its last one. */
void rpc_client_retire(struct gw_rpc_client *client, struct rpc_line *line);
/* A call is off the line; ends the line when it is retired and that was the last. */
void rpc_client_left(struct gw_rpc_client *client, struct rpc_line *line);
/* The handler's server said who leads (redirect may be NULL). */
void rpc_client_redirect(struct gw_rpc_client *client, struct rpc_line *line,
			 const char *redirect);

/* client_frame.c: the events of its lines. */
extern const struct rpc_connection_events rpc_client_events;

/* ---- session.c: at most once ------------------------------------------------------------- */

/*
 * A client id as one service knows it, with the numbers of its calls. A session lasts as long as
 * the server's memory of it; its calls hold references, the client's list one more.
 */
struct rpc_session {
	struct rpc_session *next;
	uint32_t service; /* id */
	struct rpc_client_id id;
	uint64_t incarnation;      /* of the server that knows it; 0: the table outlives servers */
	uint64_t lease_ns;
	uint64_t used_ns;          /* last */
	bool is_open, is_opening;
	uint32_t references;
	uint32_t running;
	uint64_t first_incomplete, last;
	uint64_t told;             /* first_incomplete, as the server last heard it */
	uint64_t done[GW_RPC_WINDOW / 64]; /* bits by sequence % GW_RPC_WINDOW */
	struct gw_waiters waiters; /* for the opening, or for room in the window */
};

/* Gives the call a session that the line's server knows, and a number in it. 0, 1: the line may
 * have ended meanwhile, look again; negative. */
int rpc_session_begin(struct gw_rpc_call *call, struct rpc_line *line,
		      struct gw_error *error) GW_MUST_CHECK;
/* The call has its answer or was given up. */
void rpc_session_end(struct gw_rpc_call *call);
/* The server does not know it any more: the next call opens another one. */
void rpc_session_forget(struct gw_rpc_client *client, struct rpc_session *session);
void rpc_session_unref(struct rpc_session *session);
void rpc_session_once(const struct gw_rpc_call *call, struct rpc_once *once);
/* Acknowledges what no later call has, so that the server can forget it. */
void rpc_session_acknowledge(struct gw_rpc_client *client, struct rpc_line *line);

/* ---- client_retry.c ---------------------------------------------------------------------- */

enum { RPC_CLIENT_AGAIN = 1 }; /* of an attempt: the next one, please */

/* The caller's last word on a call without an answer. */
int rpc_client_gave_up(struct gw_rpc_call *call, int why, struct gw_error *error);
/* What becomes of a call whose code is a failure: that, or RPC_CLIENT_AGAIN. */
int rpc_client_refused(struct gw_rpc_call *call, struct gw_error *error);

/* client_call.c: sends an OPEN for the first call of a session and waits for its answer; used by
 * session.c. */
int rpc_client_open_session(struct gw_rpc_call *first, struct rpc_line *line, uint32_t service,
			    struct rpc_client_id id, struct rpc_opened *opened,
			    struct gw_error *error) GW_MUST_CHECK;

#endif
