/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection.h - frames over one transport, either side. It knows nothing of calls: its owner gets
 * whole frames and is asked where the bytes of attachments go; what is to be sent is gathered until
 * the owner flushes, once a turn, into one write.
 *
 * A connection greets (HELLO) and answers PING by itself, and ends by itself when a frame is wrong,
 * when the peer is silent for RPC_TICKS_SILENT_MAX ticks (it is asked by PING after one), or does
 * not read for as long. A peer is heard when it finishes a frame or sends much, so that a byte a
 * second is silence.
 *
 * Copies: small frames are parsed where they were read; a payload that does not fit the buffer, and
 * the bytes of a PART but for those that came with its header, are read straight to their place.
 */
#ifndef RPC_CONNECTION_H
#define RPC_CONNECTION_H

#include "rpc/frame.h"
#include "rpc/transport.h"

enum {
	RPC_IN_BYTES = 64 << 10,          /* the buffer that small frames are read into */
	RPC_TURN_FRAMES = 16,             /* about so many in a turn: both ends work at once */
	RPC_TURN_BYTES_MIN = 2 << 10,
	RPC_OUT_BYTES = 16 << 10,         /* of a batch of frames at first */
	RPC_OUT_KEEP_BYTES = 256 << 10,   /* a bigger batch is not kept */
	RPC_OUT_ROOM_BYTES = 1 << 20,     /* gathered; more waits (rpc_connection_has_room) */
	RPC_OUT_PIECES_MAX = 256,         /* of a batch; more PARTs wait */
	RPC_GREETING_BYTES_MAX = 64,      /* of a payload before HELLO came */
	RPC_TICKS_SILENT_MAX = 3,
	RPC_HEARD_BYTES = 16 << 10,       /* in one tick count as being heard */
};

struct rpc_connection;

struct rpc_connection_events {
	/* HELLO came: the peer speaks our language, and its limits are known. */
	void (*greeted)(struct rpc_connection *connection);
	/* Any frame but HELLO, PING and PART. The payload lasts until the return. A negative result
	 * ends the connection with it and the sentence. */
	int (*frame)(struct rpc_connection *connection, const struct rpc_header *header,
		     struct gw_bytes payload, struct gw_error *error);
	/* Where the next bytes of a PART go, at most `left`: a buffer of at least a byte that stays
	 * until part_filled. NULL: nobody wants them. */
	struct io_buffer (*part_place)(struct rpc_connection *connection,
				       const struct rpc_header *header, uint32_t left);
	void (*part_filled)(struct rpc_connection *connection, const struct rpc_header *header,
			    uint32_t bytes);
	/* All bytes of it are in place and their checksum is right. */
	int (*part_end)(struct rpc_connection *connection, const struct rpc_header *header,
			struct gw_error *error);
	/* Something waits to be flushed; said once until rpc_connection_flush. */
	void (*dirty)(struct rpc_connection *connection);
	/* Now and then, every tick_ns, while it is greeted; NULL: nobody asks. */
	void (*ticked)(struct rpc_connection *connection);
	/* What was gathered has been written: there is room again. */
	void (*written)(struct rpc_connection *connection);
	/* Once, when it ends; it may still be used (to no effect) until the owner's unref. */
	void (*closed)(struct rpc_connection *connection, const struct gw_error *why);
};

/* Told when the bytes of a PART need not last any more. */
struct rpc_sent {
	struct rpc_sent *next;
	void (*done)(struct rpc_sent *sent, int result);
};

/* Frames that leave with one write. A piece without data is the next bytes of the buffer. */
struct rpc_batch {
	uint8_t *data;
	size_t size, capacity;
	size_t bytes; /* with the attachments */
	struct gw_bytes pieces[RPC_OUT_PIECES_MAX];
	uint32_t count;
	struct rpc_sent *sent;
};

enum rpc_reading {
	RPC_READING_FRAMES,  /* into the buffer */
	RPC_READING_PAYLOAD, /* a big one, into memory of its own */
	RPC_READING_PART,    /* into the place the owner named */
};

struct rpc_connection {
	const struct rpc_connection_events *events;
	void *owner; /* the owner's */
	void (*gone)(void *context); /* its memory is free now; NULL: nobody asks */
	void *gone_context;
	struct io *io;
	struct rpc_transport *transport;
	struct rpc_hello ours, theirs;
	uint64_t incarnation, cluster; /* sent with our HELLO; */
	uint64_t their_incarnation, their_cluster;
	bool is_greeted, is_closed;
	bool may_stop;      /* it does not read while its peer does not; for servers */
	bool is_stopped;
	bool expects_parts; /* the owner's hint: read headers by themselves, then straight */
	uint32_t references;

	/* Reading. */
	struct io_reader reader;
	enum rpc_reading reading;
	uint8_t *in; /* RPC_IN_BYTES; bytes start..end are not parsed yet */
	size_t start, end;
	size_t frame_bytes;       /* of the last whole one */
	struct rpc_header header; /* of the payload or part that is read */
	uint8_t *payload;
	uint32_t filled;
	uint32_t part_crc;

	/* Writing. */
	struct rpc_batch batches[2];
	uint8_t gathering; /* the batch that frames are added to; the other is under way */
	bool is_dirty, is_writing;
	struct io_request write;

	/* Being alive. */
	struct io_request tick;
	uint64_t tick_ns;
	uint64_t greet_by_ns;
	uint32_t heard_bytes, silent_ticks, stuck_ticks;
	bool wrote;
	uint64_t got_bytes;   /* in all, which our answers to PING tell */
	uint64_t their_bytes; /* what the peer last told so */
};

/* Takes the transport, also when it fails. One reference, the owner's. */
int rpc_connection_new(struct rpc_connection **connection, struct io *io,
		       struct rpc_transport *transport, const struct rpc_connection_events *events,
		       void *owner, struct gw_error *error) GW_MUST_CHECK;
/* Greets and begins to read. Limits, incarnation and tick_ns were set before; who has not greeted
 * after greeting_ns is cut. */
void rpc_connection_start(struct rpc_connection *connection, uint64_t greeting_ns);
/* Ends it, for the reason of the error; closed is called inside. Twice is fine. */
void rpc_connection_close(struct rpc_connection *connection, const struct gw_error *why);
void rpc_connection_unref(struct rpc_connection *connection);

/* A frame in two steps: room for its payload, then, filled, its end. NULL when memory is short.
 * Nothing else is sent in between. */
uint8_t *rpc_connection_begin(struct rpc_connection *connection, const struct rpc_header *header);
void rpc_connection_end(struct rpc_connection *connection, struct rpc_header *header,
			uint8_t *payload);
/* In one, with a copy of the payload; payload_bytes and payload_crc are set here. */
int rpc_connection_send(struct rpc_connection *connection, struct rpc_header *header,
			struct gw_bytes payload, struct gw_error *error);
/* A PART whose bytes stay where they are until sent->done. GW_E_BUSY: no room now. */
int rpc_connection_send_part(struct rpc_connection *connection, struct rpc_header *header,
			     struct gw_bytes part, struct rpc_sent *sent,
			     struct gw_error *error) GW_MUST_CHECK;
bool rpc_connection_has_room(const struct rpc_connection *connection);
/* Writes what was gathered, unless a write is under way (it goes on behind that). */
void rpc_connection_flush(struct rpc_connection *connection);

/* Reading's half; connection_read.c. */
struct io_buffer rpc_connection_place(struct io_reader *reader);
void rpc_connection_read(struct io_reader *reader, int result);

#endif
