/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_stress_test.c - random writes, cancels, pauses, half closes, closes and resets on several
 * streams at once, over calls that are short, and refused now and then. Whatever happens, what
 * arrives is a row of whole messages in their order, each as it was written, the last one possibly
 * cut; every request ends once; and nobody is told of an end that there was not.
 */
#include "io/uv_io.h"
#include "support/unit.h"

#include <errno.h>
#include <stdlib.h>

enum {
	STREAMS = 6,
	MESSAGES = 24, /* of one stream */
	MESSAGE_BYTES_MAX = 70000,
	STEPS = 400,
	SEEDS = 100,
	HEAD_BYTES = 8, /* size and number */
};

/* Makes a third of all calls short, and some fail for now. */
struct spoiler {
	struct io_socket_engine engine; /* first: the io points here */
	uint64_t seed;
};

static struct spoiler *spoiler_of(const struct real_socket *socket)
{
	return (struct spoiler *)(uintptr_t)socket->engine;
}

static ssize_t spoiled_send(struct real_socket *socket, const struct iovec *pieces, size_t count)
{
	struct spoiler *spoiler = spoiler_of(socket);
	struct iovec first = pieces[0];

	switch (test_pick(&spoiler->seed, 6)) {
	case 0:
		return -EAGAIN;
	case 1:
		return -EINTR;
	case 2:
		first.iov_len = 1 + (size_t)test_pick(&spoiler->seed, first.iov_len);
		return real_socket_engine()->send(socket, &first, 1);
	default:
		return real_socket_engine()->send(socket, pieces, count);
	}
}

static ssize_t spoiled_receive(struct real_socket *socket, void *data, size_t size)
{
	struct spoiler *spoiler = spoiler_of(socket);

	switch (test_pick(&spoiler->seed, 6)) {
	case 0:
		return -EAGAIN;
	case 1:
		return -EINTR;
	case 2:
		size = 1 + (size_t)test_pick(&spoiler->seed, size);
		break;
	default:
		break;
	}
	return real_socket_engine()->receive(socket, data, size);
}

struct message {
	struct io_request request;
	struct one *one;
	struct gw_bytes pieces[2];
	uint8_t head[HEAD_BYTES];
	uint32_t number;
	int calls, result;
};

/* One stream and what its other end reads. */
struct one {
	struct io_reader reader; /* first */
	struct io *io;
	struct io_stream *from, *to;
	struct message messages[MESSAGES];
	uint32_t written;
	struct message shutdown;
	bool ends;	/* was shut down, closed or reset */
	uint8_t *bytes; /* of the message that arrives */
	size_t used;
	uint32_t arrived; /* the number after the last whole one */
	bool told_end;
	uint64_t *seed;
};

static void put32(uint8_t *bytes, uint32_t value)
{
	memcpy(bytes, &value, sizeof(value));
}

static uint32_t get32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* The bytes of all messages are cut out of this. */
static uint8_t body_byte(uint32_t number, size_t at)
{
	return (uint8_t)(number * 31 + at * 7 + (at >> 8));
}

static void written(struct io_request *request, int result)
{
	struct message *message = (struct message *)request->data;

	message->calls++;
	message->result = result;
	assert_true(result == 0 || result == GW_E_CANCELLED || result == GW_E_CLOSED);
}

static void take_whole(struct one *one)
{
	while (one->used >= HEAD_BYTES) {
		uint32_t size = get32(one->bytes), number = get32(one->bytes + 4);

		assert_true(size <= MESSAGE_BYTES_MAX);
		assert_true(number >= one->arrived && number < one->written);
		if (one->used - HEAD_BYTES < size)
			return;
		for (size_t i = 0; i < size; i += 97)
			assert_int_equal(one->bytes[HEAD_BYTES + i], body_byte(number, i));
		/* Those between were cancelled before a byte of them was sent. */
		for (uint32_t i = one->arrived; i < number; i++)
			assert_true(one->messages[i].calls == 0 ||
				    one->messages[i].result == GW_E_CANCELLED);
		one->arrived = number + 1;
		one->used -= HEAD_BYTES + size;
		memmove(one->bytes, one->bytes + HEAD_BYTES + size, one->used);
	}
}

static struct io_buffer reader_buffer(struct io_reader *reader)
{
	struct one *one = (struct one *)reader;
	size_t room = MESSAGE_BYTES_MAX + HEAD_BYTES - one->used;

	return (struct io_buffer){one->bytes + one->used, 1 + (size_t)test_pick(one->seed, room)};
}

static void reader_read(struct io_reader *reader, int result)
{
	struct one *one = (struct one *)reader;

	if (result <= 0) {
		assert_true(one->ends);
		assert_true(result == 0 || result == GW_E_CLOSED);
		one->told_end = true;
		return;
	}
	one->used += (size_t)result;
	take_whole(one);
}

static void write_one(struct one *one)
{
	struct message *message = &one->messages[one->written];
	size_t size =
		(size_t)test_pick(one->seed, test_pick(one->seed, 2) ? 50 : MESSAGE_BYTES_MAX);
	uint8_t *body = malloc(size + 1);

	assert_non_null(body);
	for (size_t i = 0; i < size; i++)
		body[i] = body_byte(one->written, i);
	put32(message->head, (uint32_t)size);
	put32(message->head + 4, one->written);
	message->pieces[0] = (struct gw_bytes){message->head, HEAD_BYTES};
	message->pieces[1] = (struct gw_bytes){body, size};
	message->request.data = message;
	one->written++;
	io_writev(one->io, &message->request, one->from, message->pieces, 2, written);
}

static void end_one(struct one *one, uint64_t how)
{
	one->ends = true;
	one->shutdown.request.data = &one->shutdown;
	if (how == 0) {
		io_shutdown(one->io, &one->shutdown.request, one->from, written);
		return;
	}
	if (how == 1)
		io_stream_close(one->io, one->from);
	else
		io_stream_reset(one->io, one->from);
	one->from = NULL;
}

static void step(struct one *one)
{
	uint64_t what = test_pick(one->seed, 40);

	if (what < 20 && one->from && !one->ends && one->written < MESSAGES)
		write_one(one);
	else if (what < 24 && one->written > 0)
		io_cancel(one->io, &one->messages[test_pick(one->seed, one->written)].request);
	else if (what < 28 && one->to)
		io_read_stop(one->io, one->to);
	else if (what < 36 && one->to && !one->told_end)
		io_read_start(one->io, one->to, &one->reader);
	else if (what == 39 && one->from && !one->ends)
		end_one(one, test_pick(one->seed, 3));
}

struct stopper {
	struct io_request request;
	struct io *io;
	int left;
};

/* Lets the loop turn a few times, whatever else there is to do. */
static void stop_soon(struct io_request *request, int result)
{
	struct stopper *stopper = (struct stopper *)request->data;

	assert_int_equal(result, 0);
	if (--stopper->left > 0)
		io_post(stopper->io, request, stop_soon);
	else
		io_uv_stop(stopper->io);
}

static void turn_a_few(struct io *io, int turns)
{
	struct stopper stopper = {.io = io, .left = turns};

	stopper.request.data = &stopper;
	io_post(io, &stopper.request, stop_soon);
	io_uv_run(io);
	assert_int_equal(stopper.left, 0);
}

struct made {
	struct io_request request;
	int calls;
};

static void note(struct io_request *request, int result)
{
	assert_int_equal(result, 0);
	((struct made *)request->data)->calls++;
}

static void make_pair(struct one *one, struct io *io, uint64_t *seed)
{
	struct io_address address = {.family = IO_FAMILY_IP4, .ip = {127, 0, 0, 1}};
	struct io_listener *listener;
	struct made connect = {.calls = 0}, accept = {.calls = 0};

	connect.request.data = &connect;
	accept.request.data = &accept;
	one->io = io;
	one->seed = seed;
	one->reader = (struct io_reader){.buffer = reader_buffer, .read = reader_read};
	one->bytes = malloc(MESSAGE_BYTES_MAX + HEAD_BYTES + 1);
	assert_non_null(one->bytes);
	assert_int_equal(io_listen(io, &address, &listener, NULL), 0);
	io_listener_address(io, listener, &address);
	io_accept(io, &accept.request, listener, &one->to, note);
	io_connect(io, &connect.request, &address, NULL, &one->from, note);
	while (!connect.calls || !accept.calls)
		io_uv_run(io);
	io_listener_close(io, listener);
}

/* Ends what is still open, and lets all that was sent arrive. */
static void wind_up(struct one *one)
{
	if (one->from && !one->ends)
		end_one(one, 0);
	/* A write that was cut by a cancel ends the sending side without a word. */
	if (one->from && !io_under_way(&one->shutdown.request) && one->shutdown.result < 0) {
		io_stream_close(one->io, one->from);
		one->from = NULL;
	}
	if (one->to && !one->told_end)
		io_read_start(one->io, one->to, &one->reader);
}

static void free_one(struct one *one)
{
	if (one->from)
		io_stream_close(one->io, one->from);
	io_stream_close(one->io, one->to);
	turn_a_few(one->io, 2);
	for (uint32_t i = 0; i < one->written; i++) {
		assert_int_equal(one->messages[i].calls, 1);
		free((void *)(uintptr_t)one->messages[i].pieces[1].data);
	}
	free(one->bytes);
}

static void run_seed(uint64_t seed)
{
	struct spoiler spoiler = {.engine = *real_socket_engine(), .seed = seed ^ 0x5eed};
	const struct io_uv_options options = {.engine = &spoiler.engine};
	struct one *all = calloc(STREAMS, sizeof(*all));
	struct io *io;

	assert_non_null(all);
	spoiler.engine.send = spoiled_send;
	spoiler.engine.receive = spoiled_receive;
	assert_int_equal(io_uv_new(&io, &options, NULL), 0);
	for (size_t i = 0; i < STREAMS; i++)
		make_pair(&all[i], io, &seed);
	for (int i = 0; i < STEPS; i++) {
		step(&all[test_pick(&seed, STREAMS)]);
		if (test_pick(&seed, 4) == 0)
			turn_a_few(io, 1 + (int)test_pick(&seed, 3));
	}
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < STREAMS; i++) {
			wind_up(&all[i]);
			more = more || !all[i].told_end;
		}
		turn_a_few(io, 3);
	}
	for (size_t i = 0; i < STREAMS; i++)
		free_one(&all[i]);
	assert_int_equal(io_pending(io), 0);
	io_uv_free(io);
	free(all);
}

static void messages_arrive_whole_and_in_order_whatever_happens(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		run_seed(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_arrive_whole_and_in_order_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
