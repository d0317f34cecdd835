/* SPDX-License-Identifier: Apache-2.0 */
/* front.c - the port, its connections, and the commands of a connection batch by batch. */
#include "kv/front/inside.h"

#include "rpc/address.h"
#include "task/await.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { ACCEPT_PAUSE_MS = 50, RESOLVE_MS = 10000 };

struct connection {
	struct kv_front *front;
	struct io_stream *stream;
	struct io_reader reader; /* fills `in` */
	struct base_buffer in;	 /* arrived; of a fixed capacity */
	struct base_buffer work; /* commands are taken from here */
	struct base_buffer out;	 /* replies that were not sent yet */
	struct base_buffer sent; /* replies on their way */
	struct task_request writing;
	struct gw_bytes pieces[2]; /* of it */
	bool is_writing;
	struct base_arena arena; /* of a batch */
	struct gw_waiters arrived;
	bool is_reading, is_ended, is_over;
	char failure[128]; /* what is said behind the last reply */
};

/* ---- Reading --------------------------------------------------------------------------------- */

static struct connection *connection_of(struct io_reader *reader)
{
	return (struct connection *)(void *)((char *)reader - offsetof(struct connection, reader));
}

static struct io_buffer reader_buffer(struct io_reader *reader)
{
	struct connection *connection = connection_of(reader);
	struct base_buffer *in = &connection->in;

	connection->is_reading = in->size < FRONT_READ_BYTES;
	return (struct io_buffer){in->data + in->size, FRONT_READ_BYTES - in->size};
}

static void reader_read(struct io_reader *reader, int result)
{
	struct connection *connection = connection_of(reader);

	if (result > 0) {
		connection->in.size += (size_t)result;
		assert(connection->in.size <= FRONT_READ_BYTES);
	} else {
		connection->is_ended = true;
		connection->is_reading = false;
	}
	rpc_wake(&connection->arrived);
}

/* More in `work`: 1. 0: the other side has ended. */
static int wait_for_input(struct connection *connection, struct gw_error *error)
{
	struct base_buffer *in = &connection->in;
	int code = 0;

	while (in->size == 0 && !connection->is_ended && code == 0) {
		if (!connection->is_reading) {
			connection->is_reading = true;
			io_read_start(connection->front->io, connection->stream,
				      &connection->reader);
		}
		code = rpc_wait(&connection->arrived, "for commands of", connection->stream->name,
				GW_FOREVER);
	}
	if (code < 0 || in->size == 0)
		return code;
	code = base_buffer_append(&connection->work, in->data, in->size, error);
	in->size = 0;
	return code < 0 ? code : 1;
}

/* ---- A batch --------------------------------------------------------------------------------- */

/* Takes commands from `work` from *offset on. */
static int parse_batch(struct connection *connection, struct front_request *requests, size_t *count,
		       size_t *offset, struct gw_error *error)
{
	const struct base_buffer *work = &connection->work;
	struct resp_command command;
	int code = 1;

	*count = 0;
	while (*count < FRONT_BATCH_MAX) {
		struct gw_bytes rest = {work->data + *offset, work->size - *offset};

		code = resp_parse(rest, &connection->arena, &command, error);
		if (code != 1)
			break;
		*offset += command.bytes;
		if (command.count == 0)
			continue;
		requests[*count] = (struct front_request){
			.front = connection->front,
			.command = front_find(command.arguments[0]),
			.words = command.arguments,
			.count = command.count,
			.reply = &connection->out,
		};
		++*count;
	}
	connection->front->commands += *count;
	return code;
}

/* Proposals that follow each other without a wait keep their order: each starts the next one, which
 * runs as soon as this one waits. */
static int run_change(void *argument)
{
	struct front_request *request = argument, *next = request->next;
	static const struct gw_spawn_options options = {.name = "kv front"};
	bool is_started = next && gw_spawn(request->group, run_change, next, &options) == 0;

	if (request->run_count > 1)
		front_run_sets(request, request->run_count);
	else
		front_run(request);
	return next && !is_started ? run_change(next) : 0;
}

/* Replies that were made beside each other, put one behind the other; their buffers are freed. */
static void collect(struct connection *connection, struct front_request *first)
{
	bool is_cut = false;

	for (struct front_request *request = first; request; request = request->next) {
		struct base_buffer *own = &request->own;

		is_cut = is_cut || request->is_unanswered;
		connection->out.size_max = connection->out.size + own->size;
		if (!is_cut &&
		    base_buffer_append(&connection->out, own->data, own->size, NULL) < 0)
			request->is_unanswered = is_cut = true;
		base_buffer_done(own);
	}
}

/* Changes from the first on; a run of SETs is one of them. */
static size_t run_changes(struct connection *connection, struct front_request *requests,
			  size_t count)
{
	struct gw_group group = {.name = "kv front"};
	struct front_request *last = NULL;
	size_t n = 0;

	while (n < count && front_kind_of(&requests[n]) == FRONT_CHANGE) {
		struct front_request *request = &requests[n];
		size_t sets = front_count_sets(request, count - n);

		request->run_count = sets;
		request->group = &group;
		request->reply = &request->own;
		if (last)
			last->next = request;
		last = request;
		n += sets > 1 ? sets : 1;
	}
	if (last == &requests[0]) {
		last->reply = &connection->out;
		(void)run_change(last);
		return n;
	}
	(void)run_change(&requests[0]);
	/* They write into the batch, so they are waited for in any case. */
	if (gw_group_wait(&group, GW_FOREVER) < 0)
		(void)gw_group_done(&group);
	collect(connection, &requests[0]);
	return n;
}

/* The next of a batch that can go together. */
static size_t run_some(struct connection *connection, struct front_request *requests, size_t count)
{
	switch (front_kind_of(requests)) {
	case FRONT_READ:
		return front_run_reads(requests, count);
	case FRONT_CHANGE:
		return run_changes(connection, requests, count);
	default:
		front_run(requests);
		return 1;
	}
}

static int end_writing(struct connection *connection, struct gw_error *error)
{
	struct base_buffer *sent = &connection->sent;
	int code = 0;

	if (connection->is_writing)
		code = task_await(&connection->writing, GW_FOREVER);
	if (code < 0)
		code = gw_fail(error, code, "replies could not be sent");
	connection->is_writing = false;
	sent->size = 0;
	if (sent->capacity > FRONT_OUT_BYTES_KEPT)
		base_buffer_done(sent);
	return code < 0 ? code : 0;
}

/* Begins to send what is in `out`, and what is said behind the last of all; "": nothing yet. That
 * is waited for when there is more to send, or at the end. */
static int write_replies(struct connection *connection, const char *failure,
			 struct gw_error *error)
{
	struct base_buffer ready = connection->out;
	struct gw_bytes *pieces = connection->pieces;
	uint32_t used = 0;
	int code;

	if (ready.size == 0 && !failure[0])
		return 0;
	code = end_writing(connection, error);
	if (code < 0)
		return code;
	connection->out = connection->sent;
	connection->sent = ready;
	if (ready.size > 0)
		pieces[used++] = base_buffer_bytes(&ready);
	if (failure[0])
		pieces[used++] = gw_string(failure);
	connection->writing = (struct task_request){0};
	connection->is_writing = true;
	io_writev(connection->front->io, &connection->writing.request, connection->stream, pieces,
		  used, task_request_done);
	return 0;
}

/* Runs requests and sends their replies, which never become more than a few at once. */
static int run_batch(struct connection *connection, struct front_request *requests, size_t count,
		     struct gw_error *error)
{
	size_t done = 0;
	int code = 0;

	while (done < count && code == 0 && !connection->is_over) {
		size_t ran = run_some(connection, &requests[done], count - done);

		for (size_t i = done; i < done + ran; i++)
			connection->is_over = connection->is_over || requests[i].is_last ||
					      requests[i].is_unanswered;
		done += ran;
		if (connection->out.size >= FRONT_FLUSH_BYTES)
			code = write_replies(connection, "", error);
	}
	/* Nothing is said behind the answer to QUIT. */
	if (code == 0)
		code = write_replies(connection, connection->is_over ? "" : connection->failure,
				     error);
	return code;
}

/* All that has arrived. */
static int run_work(struct connection *connection, struct gw_error *error)
{
	struct base_buffer *work = &connection->work;
	struct front_request *requests;
	struct gw_error why = {0};
	size_t offset = 0, count;
	int parsed = 1, code = 0;

	while (parsed == 1 && code == 0 && !connection->is_over) {
		base_arena_reset(&connection->arena);
		/* Not cleared: most batches are short. */
		requests = base_arena_alloc(&connection->arena, FRONT_BATCH_MAX * sizeof(*requests),
					    _Alignof(struct front_request));
		if (!requests)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory for commands");
		parsed = parse_batch(connection, requests, &count, &offset, &why);
		if (parsed < 0)
			(void)snprintf(connection->failure, sizeof(connection->failure),
				       "-ERR %.96s\r\n", why.text);
		code = run_batch(connection, requests, count, error);
	}
	if (parsed < 0)
		connection->is_over = true;
	memmove(work->data, work->data + offset, work->size - offset);
	work->size -= offset;
	return code;
}

/* ---- Connections ----------------------------------------------------------------------------- */

static int run_connection(void *argument)
{
	struct connection *connection = argument;
	struct kv_front *front = connection->front;
	struct gw_error error = {0};
	int code = base_buffer_reserve(&connection->in, FRONT_READ_BYTES, &error);

	connection->work.size_max = RESP_COMMAND_BYTES_MAX + FRONT_READ_BYTES;
	while (code >= 0 && !connection->is_over) {
		code = wait_for_input(connection, &error);
		if (code <= 0)
			break;
		code = run_work(connection, &error);
	}
	/* Nobody is left to be told. */
	(void)end_writing(connection, &error);
	io_stream_close(front->io, connection->stream);
	base_buffer_done(&connection->in);
	base_buffer_done(&connection->work);
	base_buffer_done(&connection->out);
	base_buffer_done(&connection->sent);
	base_arena_done(&connection->arena);
	free(connection);
	assert(front->connections > 0);
	front->connections--;
	return 0;
}

static void arrive(struct kv_front *front, struct io_stream *stream)
{
	static const struct gw_spawn_options options = {.name = "kv front connection"};
	struct connection *connection = calloc(1, sizeof(*connection));

	if (connection && front->connections < front->connections_max) {
		connection->front = front;
		connection->stream = stream;
		connection->reader = (struct io_reader){reader_buffer, reader_read, 0};
		front->connections++;
		if (gw_spawn(&front->tasks, run_connection, connection, &options) == 0)
			return;
		front->connections--;
	}
	free(connection);
	io_stream_reset(front->io, stream);
}

static int run_accept(void *argument)
{
	struct kv_front *front = argument;

	while (!gw_cancelled()) {
		struct task_request accept = {0};
		struct io_stream *stream = NULL;
		int code;

		io_accept(front->io, &accept.request, front->listener, &stream, task_request_done);
		code = task_await(&accept, GW_FOREVER);
		if (code == 0)
			arrive(front, stream);
		else if (code == GW_E_CANCELLED)
			break;
		else
			(void)gw_sleep_ms(ACCEPT_PAUSE_MS);
	}
	return 0;
}

/* ---- The port -------------------------------------------------------------------------------- */

static int find(const struct kv_front_options *options, struct io_address *address,
		struct gw_error *error)
{
	const char *at = options->address;
	struct rpc_address parsed;
	struct io_addresses found;
	int code = rpc_address_parse(&at, &parsed, error);

	if (code == 0 && *at)
		code = gw_fail(error, GW_E_INVALID, "%s: one address is wanted", options->address);
	if (code == 0)
		code = rpc_address_resolve(task_io(), &parsed, &found, gw_after_ms(RESOLVE_MS),
					   error);
	if (code < 0)
		return code;
	*address = found.items[0];
	if (!options->insecure && !rpc_address_is_local(address))
		return gw_fail(error, GW_E_DENIED,
			       "%s: other machines reach this address, and nobody is asked who he "
			       "is there; it takes insecure",
			       options->address);
	return 0;
}

int kv_front_new(struct kv_front **out, struct kv_server *server,
		 const struct kv_front_options *options, struct gw_error *error)
{
	static const struct gw_spawn_options of_task = {.name = "kv front"};
	struct kv_front *front = calloc(1, sizeof(*front));
	struct io_address address;
	int code;

	*out = NULL;
	if (!front)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a port");
	front->server = server;
	front->io = task_io();
	front->tasks.name = "kv front";
	front->connections_max =
		options->connections_max ? options->connections_max : FRONT_CONNECTIONS_MAX;
	code = find(options, &address, error);
	if (code == 0)
		code = io_listen(front->io, &address, &front->listener, error);
	if (code == 0) {
		io_listener_address(front->io, front->listener, &address);
		(void)rpc_address_format(&address, front->address, sizeof(front->address));
		code = gw_spawn(&front->tasks, run_accept, front, &of_task);
	}
	if (code < 0) {
		kv_front_free(front);
		return code;
	}
	*out = front;
	return 0;
}

const char *kv_front_address(const struct kv_front *front)
{
	return front->address;
}

void kv_front_free(struct kv_front *front)
{
	if (!front)
		return;
	(void)gw_group_done(&front->tasks);
	if (front->listener)
		io_listener_close(front->io, front->listener);
	assert(front->connections == 0);
	free(front);
}
