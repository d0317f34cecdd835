/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad_input_fixture.h - peers of a server that do not keep to the protocol, on any io: the tests on
 * real sockets and those in the simulator run the same ones. The server has the fixture's service.
 */
#ifndef RPC_BAD_INPUT_FIXTURE_H
#define RPC_BAD_INPUT_FIXTURE_H

#include "base/buffer.h"
#include "rpc/frame.h"
#include "task/loop.h"

#include <groundwork/rpc.h>

enum {
	BAD_INPUT_MS = 100,       /* keepalive_ms and greeting_ms of a server without patience */
	BAD_INPUT_WAIT_MS = 20000, /* until a server must have hung up */
	BAD_INPUT_MESSAGE_BYTES_MAX = 64 << 10,
	BAD_INPUT_ATTACHMENT_BYTES_MAX = 1 << 20,
};

/* The options of a server that bad peers talk to. A patient one waits far longer than any test, so
 * that a connection that ends was ended for what came and not for the silence behind it. */
struct gw_rpc_server_options bad_input_server_options(bool is_patient);

/* A connection without a protocol of its own. */
struct raw {
	struct io_reader reader; /* first */
	struct io *io;
	struct io_stream *stream;
	uint8_t bytes[256 << 10];
	size_t got, wanted;
	int result; /* 1: goes on; 0 or negative: how reading ended */
	struct task_wait *wait;
};

/* In a task: connects; the struct is the caller's, its stream is closed by raw_close. */
int raw_connect(struct raw *raw, const struct io_address *server, struct gw_error *error);
/* Instead, with a stream that was accepted. */
void raw_begin(struct raw *raw);
int raw_send(struct raw *raw, struct gw_bytes bytes);
int raw_shutdown(struct raw *raw);
/* Reads until there are `size` bytes or it has ended, at most for ms. True: they are there. */
bool raw_read(struct raw *raw, size_t size, uint64_t ms);
/* Reads, and drops what comes, until the other side has hung up. False: not within ms. */
bool raw_hung_up(struct raw *raw, uint64_t ms);
/* The next frame that is not HELLO or PING; its payload is in raw->bytes. */
bool raw_frame(struct raw *raw, struct rpc_header *header);
void raw_close(struct raw *raw, bool reset);

/* Appends a frame with the right checksums. */
void frame_put(struct base_buffer *buffer, struct rpc_header header, struct gw_bytes payload);
void frame_put_hello(struct base_buffer *buffer);
/* A good call of Fixture.Echo: its header, its message, both as a frame. */
struct rpc_header bad_input_echo(uint64_t call);
struct gw_bytes bad_input_echo_payload(void);
void bad_input_put_echo(struct base_buffer *buffer, uint64_t call);

enum bad_input_end {
	BAD_INPUT_HUNG_UP,  /* the server ends the connection */
	BAD_INPUT_ANSWERED, /* it answers with a code, and the connection is as good as before */
};

struct bad_input {
	const char *title;
	/* What is sent; after it the stream is ended when `then_ends`. */
	void (*build)(struct base_buffer *buffer, uint64_t *seed);
	enum bad_input_end end;
	int code; /* of the answer */
	bool then_ends;
	unsigned times; /* with other seeds; 0: once */
};

/* Ends with an entry without title. */
extern const struct bad_input bad_inputs[];

/* In a task: sends it, and fails the test when the server does anything else than said. */
void bad_input_run(const struct bad_input *bad, const struct io_address *server);

/* Peers that are slow, one function each; also in a task. They return when the server has cut them
 * off, and fail the test if it does not. */
void bad_peer_sends_a_byte_at_a_time(const struct io_address *server);
void bad_peer_says_nothing(const struct io_address *server);
void bad_peer_greets_and_is_silent(const struct io_address *server);
void bad_peer_never_reads(const struct io_address *server);

#endif
