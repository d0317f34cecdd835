/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.h - the network between the nodes.
 *
 * A connection has two ends and two flows. What is written at an end becomes segments; the first
 * of a flow has a moment at which it arrives, the others follow. Arrived segments wait for the
 * reader. Bytes under way and unread are bounded, so a writer whose peer does not read waits.
 * Nothing of a stream is lost or swapped: a blocked link makes segments late, by re-sends further
 * and further apart, until the sender gives up and its end is broken; the other end hears nothing
 * of that.
 */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "inside.h"

enum {
	NET_NAME_MAX = 128,
	RESEND_NS = 200000000,      /* the first; twice as much each time, at most */
	RESEND_NS_MAX = 1600000000,
	CONNECT_AGAIN_NS = 1000000000,
	CONNECT_AGAIN_NS_MAX = 2000000000,
	UNREACHABLE_NS = 1500000000, /* until a host that is not there is known not to be */
	WRITE_CALL_NS = 2000,        /* mean time that a write takes its writer */
	SEGMENT_BYTES_MIN = 176,
	PROCESS_ID = 1000,           /* of the first node, for io_peer */
	USER_ID = 1000,
};

enum segment_kind { SEGMENT_DATA, SEGMENT_END, SEGMENT_RESET };

struct segment {
	struct segment *next;
	uint64_t made_ns, at_ns;
	uint32_t start, size, capacity; /* size: from start on */
	uint8_t kind;
	uint8_t bytes[];
};

struct segments {
	struct segment *first, *last;
};

struct connection;

/* From ends[side] to the other. */
struct flow {
	struct event arrive, acknowledge;
	struct connection *connection;
	unsigned side;
	struct segments under_way, arrived;
	size_t bytes;              /* of both */
	size_t arrived_bytes;
	uint64_t silent_since_ns;  /* nothing was acknowledged since; 0: all is well */
	uint32_t resends;
	bool ended;                /* nothing may follow what is under way */
	bool end_arrived;
	bool hung;                 /* nothing arrives any more */
	bool broken;               /* a write was cancelled in its middle: no more of them */
	struct io_request *writers, *writers_last;
	struct io_request *told_first, *told_last; /* ended, done is to come, in order */
	struct event told;
	uint32_t piece;            /* of the first writer: what was taken */
	size_t piece_offset;
};

struct sim_stream {
	struct io_stream stream; /* first */
	struct connection *connection;
	unsigned side;
	struct life *life; /* NULL: nobody's any more */
	struct sim_stream *next, *previous;
	bool open;         /* a socket of a kernel */
	bool power_lost;
	int os_error;      /* why it is broken */
	uint32_t requests; /* that use its name */
	struct io_reader *reader;
	struct event readable;
	struct io_address address; /* of this end */
	char name[NET_NAME_MAX];
};

enum connect_step { CONNECT_OUT, CONNECT_BACK, CONNECT_REFUSED, CONNECT_NO_HOST, CONNECT_MADE };

struct connection {
	struct connection *next, *previous, *next_free;
	struct sim *sim;
	struct sim_node *nodes[2];
	struct sim_stream ends[2];
	struct flow flows[2];
	struct event handshake;
	struct io_request *connect; /* not yet answered */
	struct inode *inode;        /* that a UNIX socket goes to */
	enum connect_step step;
	uint64_t started_ns;
	uint32_t tries;
	struct connection *next_waiting; /* in a backlog */
	struct sim_listener *listener;   /* in whose backlog it is */
	bool dead;
};

struct sim_listener {
	struct io_listener listener; /* first */
	struct life *life;
	struct sim_listener *next;
	bool closed;
	struct io_address address;
	struct inode *inode;
	struct io_request *accept;
	struct connection *waiting, *waiting_last;
	uint32_t waiting_count;
	char name[NET_NAME_MAX];
};

/* A datagram under way or arrived. */
struct packet {
	struct event arrive; /* first */
	struct packet *next, *previous;
	struct sim_node *from_node, *to_node;
	struct io_address from, to;
	struct inode *inode;
	size_t size;
	uint8_t bytes[];
};

struct sim_datagrams {
	struct io_datagrams datagrams; /* first */
	struct life *life;
	struct sim_datagrams *next;
	bool closed;
	struct io_address address;
	struct inode *inode;
	struct packet *arrived, *arrived_last;
	size_t bytes;
	struct io_request *receivers, *receivers_last;
	char name[NET_NAME_MAX];
};

/* ---- link.c -------------------------------------------------------------------------- */

uint64_t link_delay(struct sim_node *from, struct sim_node *to, size_t size);
/* Nothing passes from the one to the other. */
bool link_is_blocked(struct sim_node *from, struct sim_node *to);
/* The node that has this address, seen from another one; NULL: nobody. */
struct sim_node *net_node_of(struct sim_node *from, const struct io_address *address);
void net_address_text(const struct io_address *address, char text[NET_NAME_MAX]);
/* Whether a socket at one address gets what is sent to the other. */
bool net_address_hears(const struct io_address *bound, const struct io_address *to);
uint16_t net_free_port(struct sim_node *node);
/* The node's own address as seen by somebody at `to`. */
void net_source_address(struct sim_node *node, const struct io_address *to,
			struct io_address *address);
int net_resolve(struct sim_node *node, const struct io_request *request);

/* ---- stream.c ------------------------------------------------------------------------ */

struct sim_stream *stream_start(struct connection *connection, unsigned side, struct life *life);
void stream_write(struct life *life, struct io_request *request);
void stream_cancel_write(struct io_request *request);
/* The end is the kernel's from now on: no reader, no requests. */
void stream_close(struct sim_stream *stream, bool reset);
void stream_died(struct sim_stream *stream, bool power_loss);
/* The connection is broken, as this end sees it. */
void stream_break(struct sim_stream *stream, int os_error);
void connection_reset(struct connection *connection);

/* ---- segment.c ----------------------------------------------------------------------------- */

struct segment *segment_new(struct sim *sim, uint32_t capacity, enum segment_kind kind);
void segment_free(struct sim *sim, struct segment *segment);
void segments_append(struct segments *segments, struct segment *segment);
struct segment *segments_take_first(struct segments *segments);
void segments_drop_first(struct sim *sim, struct segments *segments);

/* ---- flow.c -------------------------------------------------------------------------- */

void flow_start(struct connection *connection, unsigned side);
/* Takes from the writers what fits. */
void flow_push(struct flow *flow);
/* Behind all that is under way. */
void flow_end(struct flow *flow, enum segment_kind kind);
void flow_drop_under_way(struct flow *flow);
void flow_drop_arrived(struct flow *flow);
/* The reader took bytes. */
void flow_taken(struct flow *flow);
void flow_hang(struct flow *flow);
/* There is something to read at this end. */
void stream_arrived(struct sim_stream *stream);
/* Ends the requests of writers that wait. */
void flow_fail_writers(struct flow *flow, int result, int os_error);
/* Ends a request of a writer, behind those that ended before. */
void flow_tell(struct flow *flow, struct io_request *request, int result, int os_error);

/* ---- connect.c ----------------------------------------------------------------------- */

void connect_start(struct life *life, struct io_request *request);
void connect_cancel(struct life *life, struct io_request *request);
/* Frees the connection behind this event if nobody has an end of it any more. */
void connection_settle(struct connection *connection);

/* ---- listen.c ------------------------------------------------------------------------------ */

/* Who listens for it on the other node; NULL: nobody. */
struct sim_listener *listener_find(struct connection *connection);
/* To the accept that waits, or into the backlog. */
void listener_offer(struct sim_listener *listener, struct connection *connection);
void backlog_remove(struct connection *connection);
void accept_start(struct life *life, struct io_request *request);
void accept_cancel(struct life *life, struct io_request *request);
void listener_died(struct sim_listener *listener);

/* ---- datagram.c ---------------------------------------------------------------------- */

void datagram_send(struct life *life, struct io_request *request);
void datagram_receive(struct life *life, struct io_request *request);
void datagram_cancel(struct life *life, struct io_request *request);
void datagrams_died(struct sim_datagrams *datagrams);
void packets_free(struct sim *sim);

/* ---- The table of operations --------------------------------------------------------- */

int net_listen(struct io *io, const struct io_address *address, struct io_listener **listener,
	       struct gw_error *error);
void net_listener_address(struct io *io, struct io_listener *listener,
			  struct io_address *address);
void net_listener_close(struct io *io, struct io_listener *listener);
void net_peer(struct io *io, struct io_stream *stream, struct io_peer *peer);
void net_read_start(struct io *io, struct io_stream *stream, struct io_reader *reader);
void net_read_stop(struct io *io, struct io_stream *stream);
void net_stream_close(struct io *io, struct io_stream *stream, bool reset);
int net_datagrams_open(struct io *io, const struct io_address *address,
		       struct io_datagrams **datagrams, struct gw_error *error);
void net_datagrams_address(struct io *io, struct io_datagrams *datagrams,
			   struct io_address *address);
void net_datagrams_close(struct io *io, struct io_datagrams *datagrams);

#endif
