/* SPDX-License-Identifier: Apache-2.0 */
/* bad_input_fixture.c - peers that do not keep to the protocol, and how a server takes it. */
#include "rpc/bad_input_fixture.h"

#include "task/await.h"
#include "task/wait.h"

#include "support/unit.h"

#include <stdlib.h>

struct gw_rpc_server_options bad_input_server_options(bool is_patient)
{
	return (struct gw_rpc_server_options){
		.keepalive_ms = is_patient ? 100 * BAD_INPUT_WAIT_MS : BAD_INPUT_MS,
		.greeting_ms = is_patient ? 100 * BAD_INPUT_WAIT_MS : BAD_INPUT_MS,
		.message_bytes_max = BAD_INPUT_MESSAGE_BYTES_MAX,
		.attachment_bytes_max = BAD_INPUT_ATTACHMENT_BYTES_MAX,
		.insecure = true,
	};
}

/* ---- Raw connections ---------------------------------------------------------------------- */

static struct io_buffer raw_buffer(struct io_reader *reader)
{
	struct raw *raw = (struct raw *)reader;

	if (raw->got == raw->wanted)
		return (struct io_buffer){0};
	return (struct io_buffer){raw->bytes + raw->got, raw->wanted - raw->got};
}

static void raw_came(struct io_reader *reader, int result)
{
	struct raw *raw = (struct raw *)reader;
	struct task_wait *wait = raw->wait;

	if (result > 0)
		raw->got += (size_t)result;
	else
		raw->result = result;
	raw->wait = NULL;
	if (wait && task_claim(wait))
		task_wake(wait, 0);
}

void raw_begin(struct raw *raw)
{
	raw->io = task_io();
	raw->result = 1;
	raw->got = raw->wanted = 0;
	raw->wait = NULL;
	raw->reader.buffer = raw_buffer;
	raw->reader.read = raw_came;
}

int raw_connect(struct raw *raw, const struct io_address *server, struct gw_error *error)
{
	struct task_request connect = {.error = error};

	raw_begin(raw);
	io_connect(raw->io, &connect.request, server, "the server", &raw->stream,
		   task_request_done);
	return task_await(&connect, gw_after_ms(BAD_INPUT_WAIT_MS));
}

int raw_send(struct raw *raw, struct gw_bytes bytes)
{
	struct task_request write = {0};

	io_writev(raw->io, &write.request, raw->stream, &bytes, 1, task_request_done);
	return task_await(&write, gw_after_ms(BAD_INPUT_WAIT_MS));
}

int raw_shutdown(struct raw *raw)
{
	struct task_request shutdown = {0};

	io_shutdown(raw->io, &shutdown.request, raw->stream, task_request_done);
	return task_await(&shutdown, gw_after_ms(BAD_INPUT_WAIT_MS));
}

bool raw_read(struct raw *raw, size_t size, uint64_t ms)
{
	uint64_t deadline_ns = gw_after_ms(ms);
	struct task_wait wait;
	int result = 0;

	assert_true(size <= sizeof(raw->bytes));
	raw->wanted = size;
	raw->got = 0;
	if (raw->result == 1)
		io_read_start(raw->io, raw->stream, &raw->reader);
	while (raw->got < size && raw->result == 1 && result == 0) {
		task_wait_init(&wait, "for bytes of", raw, "the server", false);
		raw->wait = &wait;
		result = task_wait(&wait, deadline_ns);
	}
	raw->wait = NULL;
	if (raw->result == 1)
		io_read_stop(raw->io, raw->stream);
	return raw->got == size;
}

bool raw_hung_up(struct raw *raw, uint64_t ms)
{
	uint64_t deadline_ns = gw_after_ms(ms);

	while (raw->result == 1 && gw_now_ns() < deadline_ns)
		(void)raw_read(raw, sizeof(raw->bytes), ms);
	return raw->result != 1;
}

bool raw_frame(struct raw *raw, struct rpc_header *header)
{
	do {
		if (!raw_read(raw, RPC_HEADER_BYTES, BAD_INPUT_WAIT_MS))
			return false;
		assert_int_equal(rpc_header_decode(raw->bytes, header, NULL), 0);
		assert_false(header->flags & RPC_FLAG_ONCE);
		if (!raw_read(raw, header->payload_bytes, BAD_INPUT_WAIT_MS))
			return false;
	} while (header->kind == RPC_KIND_HELLO || header->kind == RPC_KIND_PING);
	return true;
}

void raw_close(struct raw *raw, bool reset)
{
	if (reset)
		io_stream_reset(raw->io, raw->stream);
	else
		io_stream_close(raw->io, raw->stream);
}

/* ---- What the server does ----------------------------------------------------------------- */

/* The connection still works: another call gets its echo. */
static void check_still_good(struct raw *raw, const char *title)
{
	struct base_buffer buffer = {0};
	struct rpc_header header;

	bad_input_put_echo(&buffer, 1000);
	assert_int_equal(raw_send(raw, base_buffer_bytes(&buffer)), 0);
	base_buffer_done(&buffer);
	if (!raw_frame(raw, &header) || header.kind != RPC_KIND_REPLY || header.call != 1000)
		fail_msg("%s: the next call got no answer", title);
	assert_int_equal(header.method, 0);
	assert_memory_equal(raw->bytes, bad_input_echo_payload().data,
			    bad_input_echo_payload().size);
}

static void run_once(const struct bad_input *bad, const struct io_address *server, uint64_t seed)
{
	struct raw *raw = malloc(sizeof(*raw));
	struct base_buffer buffer = {0};
	struct rpc_header header;

	assert_non_null(raw);
	bad->build(&buffer, &seed);
	assert_int_equal(raw_connect(raw, server, NULL), 0);
	(void)raw_send(raw, base_buffer_bytes(&buffer));
	if (bad->then_ends)
		(void)raw_shutdown(raw);
	if (bad->end == BAD_INPUT_HUNG_UP) {
		if (!raw_hung_up(raw, BAD_INPUT_WAIT_MS))
			fail_msg("%s: the server did not hang up", bad->title);
	} else {
		if (!raw_frame(raw, &header))
			fail_msg("%s: no answer", bad->title);
		if (header.kind != RPC_KIND_REPLY || header.call != 1 ||
		    (int32_t)header.method != bad->code)
			fail_msg("%s: answered by %s of call %d with %d", bad->title,
				 rpc_kind_name(header.kind), (int)header.call,
				 (int)header.method);
		check_still_good(raw, bad->title);
	}
	raw_close(raw, seed % 2);
	base_buffer_done(&buffer);
	free(raw);
}

void bad_input_run(const struct bad_input *bad, const struct io_address *server)
{
	unsigned times = bad->times ? bad->times : 1;

	for (uint64_t seed = 1; seed <= times; seed++)
		run_once(bad, server, seed);
}

/* ---- Slow peers --------------------------------------------------------------------------- */

static struct raw *slow_peer(const struct io_address *server)
{
	struct raw *raw = malloc(sizeof(*raw));

	assert_non_null(raw);
	assert_int_equal(raw_connect(raw, server, NULL), 0);
	return raw;
}

static void done_slow(struct raw *raw)
{
	raw_close(raw, false);
	free(raw);
}

void bad_peer_sends_a_byte_at_a_time(const struct io_address *server)
{
	struct raw *raw = slow_peer(server);
	struct base_buffer buffer = {0};
	size_t sent = 0;

	frame_put_hello(&buffer);
	assert_int_equal(raw_send(raw, base_buffer_bytes(&buffer)), 0);
	buffer.size = 0;
	for (uint64_t call = 1; call < 10; call++)
		bad_input_put_echo(&buffer, call);
	/* Each byte comes well within the time; no frame does. */
	while (sent < buffer.size && raw->result == 1) {
		(void)raw_send(raw, (struct gw_bytes){buffer.data + sent, 1});
		sent++;
		(void)raw_read(raw, sizeof(raw->bytes), BAD_INPUT_MS / 4);
	}
	assert_true(raw->result != 1);
	assert_in_range(sent, 2, RPC_HEADER_BYTES);
	base_buffer_done(&buffer);
	done_slow(raw);
}

void bad_peer_says_nothing(const struct io_address *server)
{
	struct raw *raw = slow_peer(server);

	assert_true(raw_hung_up(raw, BAD_INPUT_WAIT_MS));
	done_slow(raw);
}

void bad_peer_greets_and_is_silent(const struct io_address *server)
{
	struct raw *raw = slow_peer(server);
	struct base_buffer buffer = {0};

	frame_put_hello(&buffer);
	assert_int_equal(raw_send(raw, base_buffer_bytes(&buffer)), 0);
	base_buffer_done(&buffer);
	assert_true(raw_hung_up(raw, BAD_INPUT_WAIT_MS));
	done_slow(raw);
}

/* Calls and calls, and takes no answer. */
void bad_peer_never_reads(const struct io_address *server)
{
	static const size_t text_bytes = 30000;
	struct raw *raw = slow_peer(server);
	struct base_buffer buffer = {0};
	uint8_t *message = calloc(1, text_bytes + 4);
	uint64_t deadline_ns = gw_after_ms(BAD_INPUT_WAIT_MS);
	int result = 0;

	assert_non_null(message);
	message[0] = 0x12; /* Text{data: ...} */
	message[1] = (uint8_t)(0x80 | (text_bytes & 0x7f));
	message[2] = (uint8_t)(0x80 | ((text_bytes >> 7) & 0x7f));
	message[3] = (uint8_t)(text_bytes >> 14);
	frame_put_hello(&buffer);
	for (uint64_t call = 1; result == 0 && gw_now_ns() < deadline_ns; call++) {
		frame_put(&buffer, bad_input_echo(call),
			  (struct gw_bytes){message, text_bytes + 4});
		result = raw_send(raw, base_buffer_bytes(&buffer));
		buffer.size = 0;
	}
	assert_int_equal(result, GW_E_CLOSED);
	base_buffer_done(&buffer);
	free(message);
	done_slow(raw);
}
