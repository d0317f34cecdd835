/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_loop_test.c - what uv.h promises beyond io.h: turns and their batches, stop, hold, free; and
 * what happens when system calls are short or fail, by an engine below the sockets that makes them.
 */
#include "io/uv_io.h"
#include "support/unit.h"

#include <errno.h>
#include <stdlib.h>

/* ---- An engine that counts and spoils -------------------------------------------------------- */

/* What the engine does; reached through the io it belongs to. */
struct spoiler {
	struct io_socket_engine engine; /* first: the io points here */
	unsigned sends, receives, accepts;
	size_t send_max, receive_max; /* bytes of one call; 0: as many as there are */
	unsigned again_every;	      /* every n-th call is EAGAIN; 0: none */
	unsigned interrupt_every;     /* likewise EINTR */
	int accept_error;	      /* once */
	unsigned calls;
};

static struct spoiler *spoiler_of(const struct real_socket *socket)
{
	return (struct spoiler *)(uintptr_t)socket->engine;
}

static int spoil(struct spoiler *spoiler)
{
	spoiler->calls++;
	if (spoiler->again_every && spoiler->calls % spoiler->again_every == 0)
		return -EAGAIN;
	if (spoiler->interrupt_every && spoiler->calls % spoiler->interrupt_every == 0)
		return -EINTR;
	return 0;
}

static ssize_t spoiled_send(struct real_socket *socket, const struct iovec *pieces, size_t count)
{
	struct spoiler *spoiler = spoiler_of(socket);
	struct iovec first = pieces[0];
	int wrong = spoil(spoiler);

	spoiler->sends++;
	if (wrong)
		return wrong;
	if (!spoiler->send_max)
		return real_socket_engine()->send(socket, pieces, count);
	if (first.iov_len > spoiler->send_max)
		first.iov_len = spoiler->send_max;
	return real_socket_engine()->send(socket, &first, 1);
}

static ssize_t spoiled_receive(struct real_socket *socket, void *data, size_t size)
{
	struct spoiler *spoiler = spoiler_of(socket);
	int wrong = spoil(spoiler);

	spoiler->receives++;
	if (wrong)
		return wrong;
	if (spoiler->receive_max && size > spoiler->receive_max)
		size = spoiler->receive_max;
	return real_socket_engine()->receive(socket, data, size);
}

static int spoiled_accept(struct real_socket *socket)
{
	struct spoiler *spoiler = spoiler_of(socket);
	int wrong = spoiler->accept_error;

	spoiler->accepts++;
	spoiler->accept_error = 0;
	return wrong ? wrong : real_socket_engine()->accept(socket);
}

static struct io *new_io(struct spoiler *spoiler)
{
	struct io_uv_options options = {.cpu_threads = 2};
	struct io *io = NULL;

	if (spoiler) {
		memset(spoiler, 0, sizeof(*spoiler));
		spoiler->engine = *real_socket_engine();
		spoiler->engine.send = spoiled_send;
		spoiler->engine.receive = spoiled_receive;
		spoiler->engine.accept = spoiled_accept;
		options.engine = &spoiler->engine;
	}
	assert_int_equal(io_uv_new(&io, &options, NULL), 0);
	return io;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

struct seen {
	struct io_request request;
	struct io *io;
	int calls, result;
};

static void note(struct io_request *request, int result)
{
	struct seen *seen = (struct seen *)request->data;

	seen->calls++;
	seen->result = result;
	io_uv_stop(seen->io);
}

static struct io_request *start(struct io *io, struct seen *seen)
{
	seen->io = io;
	seen->calls = 0;
	seen->request.data = seen;
	return &seen->request;
}

static int ended(struct seen *seen)
{
	while (!seen->calls) {
		assert_true(io_pending(seen->io) > 0);
		io_uv_run(seen->io);
	}
	return seen->result;
}

static void run_out(struct io *io)
{
	do
		io_uv_run(io);
	while (io_pending(io) > 0);
}

static struct io_listener *listen_here(struct io *io, struct io_address *address)
{
	struct io_listener *listener = NULL;

	memset(address, 0, sizeof(*address));
	address->family = IO_FAMILY_IP4;
	memcpy(address->ip, (uint8_t[4]){127, 0, 0, 1}, 4);
	assert_int_equal(io_listen(io, address, &listener, NULL), 0);
	io_listener_address(io, listener, address);
	return listener;
}

static void connect_pair(struct io *io, struct io_stream *pair[2])
{
	struct io_address address;
	struct io_listener *listener = listen_here(io, &address);
	struct seen connect = {0}, accept = {0};

	io_accept(io, start(io, &accept), listener, &pair[1], note);
	io_connect(io, start(io, &connect), &address, NULL, &pair[0], note);
	assert_int_equal(ended(&connect), 0);
	assert_int_equal(ended(&accept), 0);
	io_listener_close(io, listener);
}

struct sink {
	struct io_reader reader;
	struct io *io;
	uint8_t *bytes;
	size_t size, size_max, wanted;
	int last;
};

static struct io_buffer sink_buffer(struct io_reader *reader)
{
	struct sink *sink = (struct sink *)reader;

	return (struct io_buffer){sink->bytes + sink->size, sink->size_max - sink->size};
}

static void sink_read(struct io_reader *reader, int result)
{
	struct sink *sink = (struct sink *)reader;

	sink->last = result;
	if (result > 0)
		sink->size += (size_t)result;
	if (result <= 0 || sink->size >= sink->wanted)
		io_uv_stop(sink->io);
}

static void fill(struct sink *sink, struct io *io, struct io_stream *stream, void *bytes,
		 size_t size_max, size_t wanted)
{
	*sink = (struct sink){{sink_buffer, sink_read, 0}, io, bytes, 0, size_max, wanted, -1};
	io_read_start(io, stream, &sink->reader);
}

/* ---- Turns ----------------------------------------------------------------------------------- */

/* Writes so many small pieces in one turn. */
struct writer {
	struct io_turn turn;
	struct io *io;
	struct io_stream *stream;
	struct seen seen[10];
	int turns;
};

static bool write_ten(struct io_turn *turn)
{
	static const struct gw_bytes piece = {"0123456789", 10};
	struct writer *writer = (struct writer *)turn;

	if (writer->turns++ > 0)
		return false;
	for (size_t i = 0; i < 10; i++)
		io_writev(writer->io, start(writer->io, &writer->seen[i]), writer->stream, &piece,
			  1, note);
	return false;
}

static void the_writes_of_a_turn_are_one_call(void **state)
{
	struct spoiler spoiler;
	struct io *io = new_io(&spoiler);
	struct io_stream *pair[2];
	struct sink sink;
	uint8_t bytes[200];
	struct writer writer = {.turn = {write_ten}, .io = io};

	(void)state;
	connect_pair(io, pair);
	writer.stream = pair[0];
	fill(&sink, io, pair[1], bytes, sizeof(bytes), 100);
	io_set_turn(io, &writer.turn);
	for (size_t i = 0; i < 10; i++) {
		if (!writer.turns)
			io_uv_run(io);
		assert_int_equal(ended(&writer.seen[i]), 0);
	}
	while (sink.size < 100)
		io_uv_run(io);
	assert_int_equal(spoiler.sends, 1);
	assert_int_equal(spoiler.receives, 1); /* and so is their reading */
	io_set_turn(io, NULL);
	io_stream_close(io, pair[0]);
	io_stream_close(io, pair[1]);
	io_uv_free(io);
}

/* Asks for ten bytes at a time. */
static struct io_buffer small_buffer(struct io_reader *reader)
{
	struct sink *sink = (struct sink *)reader;

	return (struct io_buffer){sink->bytes + sink->size, 10};
}

static void all_that_arrived_is_read_in_one_turn(void **state)
{
	const struct gw_bytes piece = {"0123456789012345678901234567890123456789"
				       "0123456789012345678901234567890123456789", 80};
	struct io *io = new_io(NULL);
	struct io_stream *pair[2];
	struct seen write = {.calls = 0};
	struct sink sink;
	uint8_t bytes[100];

	(void)state;
	connect_pair(io, pair);
	io_writev(io, start(io, &write), pair[0], &piece, 1, note);
	assert_int_equal(ended(&write), 0);
	fill(&sink, io, pair[1], bytes, sizeof(bytes), 80);
	sink.reader.buffer = small_buffer;
	/* Each run is one turn: the first one that has something has it all. */
	while (sink.size == 0) {
		io_uv_stop(io);
		io_uv_run(io);
	}
	assert_int_equal(sink.size, 80);
	io_stream_close(io, pair[0]);
	io_stream_close(io, pair[1]);
	io_uv_free(io);
}

/* Counts how often it runs behind how many ends. */
struct counter {
	struct io_turn turn;
	int runs;
};

static bool count(struct io_turn *turn)
{
	((struct counter *)turn)->runs++;
	return false;
}

static void many_ends_are_told_in_one_turn(void **state)
{
	struct io *io = new_io(NULL);
	struct seen seen[100] = {{.calls = 0}};
	struct counter counter = {{count}, 0};

	(void)state;
	for (size_t i = 0; i < 100; i++)
		io_post(io, start(io, &seen[i]), note);
	io_set_turn(io, &counter.turn);
	io_uv_run(io);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(seen[i].calls, 1);
	assert_int_equal(counter.runs, 1);
	io_uv_free(io);
}

static void a_stop_before_the_run_lasts_one_turn(void **state)
{
	struct io *io = new_io(NULL);
	struct seen seen = {.calls = 0};
	struct counter counter = {{count}, 0};

	(void)state;
	io_timer(io, start(io, &seen), UINT64_MAX, note);
	io_set_turn(io, &counter.turn);
	io_uv_stop(io);
	io_uv_run(io); /* would wait for ever */
	assert_int_equal(counter.runs, 1);
	assert_true(io_timer_stop(io, &seen.request));
	io_uv_run(io); /* nothing is left to do */
	assert_int_equal(counter.runs, 2);
	io_uv_free(io);
}

/* Computes until a timer is due. */
struct late {
	struct io_turn turn;
	struct io *io;
	uint64_t at_ns;
};

static bool compute_past_it(struct io_turn *turn)
{
	const struct late *late = (const struct late *)turn;

	while (io_now_ns(late->io) < late->at_ns)
		;
	return false;
}

static void a_timer_that_falls_due_in_the_turn_is_not_slept_over(void **state)
{
	struct io *io = new_io(NULL);
	struct seen seen = {.calls = 0};
	struct late late = {{compute_past_it}, io, io_now_ns(io) + 2000000};

	(void)state;
	io_timer(io, start(io, &seen), late.at_ns, note);
	io_set_turn(io, &late.turn);
	assert_int_equal(ended(&seen), 0);
	io_uv_free(io);
}

static void *post_later(void *context)
{
	struct seen *seen = (struct seen *)context;

	io_post(seen->io, &seen->request, note);
	return NULL;
}

/* Has another thread post, in a turn, when nobody wakes the loop: it is awake. */
struct busy {
	struct io_turn turn;
	struct seen *seen;
	bool posted;
};

static bool post_from_elsewhere(struct io_turn *turn)
{
	struct busy *busy = (struct busy *)turn;
	pthread_t thread;

	if (busy->posted)
		return false;
	busy->posted = true;
	assert_int_equal(pthread_create(&thread, NULL, post_later, busy->seen), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	return false;
}

static void a_post_that_comes_in_the_turn_is_not_slept_over(void **state)
{
	struct io *io = new_io(NULL);
	struct seen seen = {.calls = 0};
	struct busy busy = {{post_from_elsewhere}, &seen, false};

	(void)state;
	start(io, &seen);
	io_set_turn(io, &busy.turn);
	io_uv_hold(io);
	io_uv_run(io); /* would wait for ever */
	assert_int_equal(seen.calls, 1);
	io_uv_release(io);
	io_uv_free(io);
}

static void a_held_loop_waits_for_a_post(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		struct io *io = new_io(NULL);
		struct seen seen = {.calls = 0};
		pthread_t thread;

		start(io, &seen);
		io_uv_hold(io);
		assert_int_equal(io_pending(io), 0);
		assert_int_equal(pthread_create(&thread, NULL, post_later, &seen), 0);
		io_uv_run(io);
		assert_int_equal(seen.calls, 1);
		io_uv_release(io);
		io_uv_run(io);
		/* The other thread may still be inside io_post. */
		io_uv_free(io);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
}

static void sockets_left_open_are_closed_by_free(void **state)
{
	struct io *io = new_io(NULL);
	struct io_address address;
	struct io_stream *pair[2];
	struct io_datagrams *datagrams;
	struct sink sink;
	uint8_t bytes[8];

	(void)state;
	connect_pair(io, pair);
	fill(&sink, io, pair[1], bytes, sizeof(bytes), 1);
	(void)listen_here(io, &address);
	address.port = 0;
	assert_int_equal(io_datagrams_open(io, &address, &datagrams, NULL), 0);
	io_uv_free(io);
	io_uv_free(NULL);
}

static void an_io_that_cannot_be_made_says_why(void **state)
{
	const struct io_uv_options options = {.directory = "/no/such/directory"};
	struct io *io;
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(io_uv_new(&io, &options, &error), GW_E_NOT_FOUND);
	assert_null(io);
	assert_string_equal(error.text,
			    "cannot use directory /no/such/directory: No such file or directory");
}

/* ---- Short and failing calls ----------------------------------------------------------------- */

enum { BYTES = 300000 };

static void transfer(struct spoiler *spoiler, struct io *io)
{
	struct io_stream *pair[2];
	struct sink sink;
	uint8_t *bytes = malloc(BYTES), *back = malloc(BYTES);
	struct gw_bytes pieces[4] = {
		{bytes, 1}, {bytes + 1, 0}, {bytes + 1, 99999}, {bytes + 100000, BYTES - 100000}};
	struct seen writes[2] = {{.calls = 0}}, last = {.calls = 0};
	uint64_t seed = 5;

	assert_true(bytes && back);
	for (size_t i = 0; i < BYTES; i++)
		bytes[i] = (uint8_t)test_random(&seed);
	connect_pair(io, pair);
	fill(&sink, io, pair[1], back, BYTES, BYTES);
	io_writev(io, start(io, &writes[0]), pair[0], pieces, 3, note);
	io_writev(io, start(io, &writes[1]), pair[0], pieces + 3, 1, note);
	io_shutdown(io, start(io, &last), pair[0], note);
	while (sink.size < BYTES)
		io_uv_run(io);
	assert_int_equal(ended(&writes[0]), 0);
	assert_int_equal(ended(&writes[1]), 0);
	assert_int_equal(ended(&last), 0);
	assert_memory_equal(back, bytes, BYTES);
	assert_true(spoiler->calls > 2);
	io_stream_close(io, pair[0]);
	io_stream_close(io, pair[1]);
	free(back);
	free(bytes);
}

static void short_and_interrupted_calls_lose_nothing(void **state)
{
	static const struct {
		size_t send_max, receive_max;
		unsigned again_every, interrupt_every;
	} rows[] = {
		{1000, 0, 0, 0},    {0, 777, 0, 0},	{4099, 501, 0, 0},
		{3000, 5000, 2, 0}, {3000, 5000, 0, 2}, {10007, 10007, 3, 5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spoiler spoiler;
		struct io *io = new_io(&spoiler);

		spoiler.send_max = rows[i].send_max;
		spoiler.receive_max = rows[i].receive_max;
		spoiler.again_every = rows[i].again_every;
		spoiler.interrupt_every = rows[i].interrupt_every;
		transfer(&spoiler, io);
		io_uv_free(io);
	}
}

static void a_connection_that_is_gone_is_passed_over(void **state)
{
	struct spoiler spoiler;
	struct io *io = new_io(&spoiler);
	struct io_stream *pair[2];

	(void)state;
	spoiler.accept_error = -ECONNABORTED;
	connect_pair(io, pair);
	assert_true(spoiler.accepts >= 2);
	io_stream_close(io, pair[0]);
	io_stream_close(io, pair[1]);
	io_uv_free(io);
}

static void accept_tells_when_descriptors_are_short(void **state)
{
	struct spoiler spoiler;
	struct io *io = new_io(&spoiler);
	struct io_address address;
	struct io_listener *listener = listen_here(io, &address);
	struct seen connect = {.calls = 0}, accept = {.calls = 0};
	struct io_stream *pair[2] = {NULL, NULL};

	(void)state;
	spoiler.accept_error = -EMFILE;
	io_accept(io, start(io, &accept), listener, &pair[1], note);
	assert_int_equal(ended(&accept), GW_E_TOO_LARGE);
	io_connect(io, start(io, &connect), &address, NULL, &pair[0], note);
	assert_int_equal(ended(&connect), 0);
	io_accept(io, start(io, &accept), listener, &pair[1], note);
	assert_int_equal(ended(&accept), 0);
	io_uv_free(io);
}

/* ---- Pools ----------------------------------------------------------------------------------- */

static int own_thread(void *context)
{
	*(pthread_t *)context = pthread_self();
	return 0;
}

static void work_runs_on_another_thread(void **state)
{
	struct io *io = new_io(NULL);
	struct seen seen = {.calls = 0};
	pthread_t thread = pthread_self();

	(void)state;
	io_offload(io, start(io, &seen), IO_POOL_CPU, own_thread, &thread, note);
	assert_int_equal(ended(&seen), 0);
	assert_false(pthread_equal(thread, pthread_self()));
	io_uv_free(io);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static int make_and_use(void *context)
{
	struct io *io = NULL;
	struct io_listener *listener = NULL;
	struct io_datagrams *datagrams = NULL;
	struct io_stream *stream = NULL;
	struct io_file *file = NULL;
	struct io_list list = {0};
	struct io_address address = {.family = IO_FAMILY_IP4, .ip = {127, 0, 0, 1}};
	struct seen seen = {.calls = 0};
	int code = io_uv_new(&io, NULL, NULL);

	(void)context;
	if (code < 0)
		return code;
	code = io_listen(io, &address, &listener, NULL);
	if (code == 0)
		code = io_datagrams_open(io, &address, &datagrams, NULL);
	if (code == 0) {
		io_listener_address(io, listener, &address);
		io_connect(io, start(io, &seen), &address, NULL, &stream, note);
		code = ended(&seen);
	}
	if (code == 0) {
		io_accept(io, start(io, &seen), listener, &stream, note);
		code = ended(&seen);
	}
	if (code == 0) {
		io_open(io, start(io, &seen), "/proc/self/exe", IO_READ, 0, &file, note);
		code = ended(&seen);
	}
	if (file) {
		io_close(io, start(io, &seen), file, note);
		assert_int_equal(ended(&seen), 0);
	}
	if (code == 0) {
		io_list(io, start(io, &seen), "/proc/self", &list, note);
		code = ended(&seen);
	}
	if (code == 0)
		io_list_free(io, &list);
	run_out(io);
	io_uv_free(io); /* with what is still open */
	return code;
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	assert_true(test_each_allocation_fails(make_and_use, NULL) >= 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_writes_of_a_turn_are_one_call),
		cmocka_unit_test(all_that_arrived_is_read_in_one_turn),
		cmocka_unit_test(many_ends_are_told_in_one_turn),
		cmocka_unit_test(a_stop_before_the_run_lasts_one_turn),
		cmocka_unit_test(a_timer_that_falls_due_in_the_turn_is_not_slept_over),
		cmocka_unit_test(a_post_that_comes_in_the_turn_is_not_slept_over),
		cmocka_unit_test(a_held_loop_waits_for_a_post),
		cmocka_unit_test(sockets_left_open_are_closed_by_free),
		cmocka_unit_test(an_io_that_cannot_be_made_says_why),
		cmocka_unit_test(short_and_interrupted_calls_lose_nothing),
		cmocka_unit_test(a_connection_that_is_gone_is_passed_over),
		cmocka_unit_test(accept_tells_when_descriptors_are_short),
		cmocka_unit_test(work_runs_on_another_thread),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
