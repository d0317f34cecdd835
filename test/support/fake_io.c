/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_io.c - see fake_io.h. All requests under way are in one list, oldest first; backend_state
 * says whether one has ended and is to be told.
 */
#include "support/fake_io.h"

#include "support/planted.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct fake *fake_of(struct io *io)
{
	return (struct fake *)io;
}

static void end_with(struct io_request *request, int result, int os_error)
{
	request->result = result;
	request->os_error = os_error;
	request->backend_state = 1; /* to be told */
}

static struct fake_node *find_node(struct fake *fake, const char *name)
{
	for (size_t i = 0; i < FAKE_NODES; i++)
		if (strcmp(fake->nodes[i].name, name) == 0)
			return &fake->nodes[i];
	return NULL;
}

static void fake_open(struct fake *fake, struct io_request *request)
{
	uint32_t flags = request->u.path.flags;
	struct fake_node *node = find_node(fake, request->u.path.path);
	struct fake_file *file;

	if (!node && (flags & IO_CREATE)) {
		node = find_node(fake, "");
		if (!node)
			return end_with(request, GW_E_NO_SPACE, ENOSPC);
		snprintf(node->name, sizeof(node->name), "%s", request->u.path.path);
	} else if (!node) {
		return end_with(request, GW_E_NOT_FOUND, ENOENT);
	} else if (flags & IO_EXCLUSIVE) {
		return end_with(request, GW_E_EXISTS, EEXIST);
	}
	if ((flags & IO_LOCKED) && node->locked)
		return end_with(request, GW_E_BUSY, EWOULDBLOCK);
	file = calloc(1, sizeof(*file));
	if (!file)
		return end_with(request, GW_E_NO_MEMORY, 0);
	file->file.name = node->name;
	file->node = node;
	file->locked = flags & IO_LOCKED;
	node->locked |= file->locked;
	fake->files_open++;
	*(struct io_file **)request->u.path.out = &file->file;
	end_with(request, 0, 0);
}

static void fake_close(struct fake *fake, struct fake_file *file)
{
	if (file->locked)
		file->node->locked = false;
	fake->files_open--;
	free(file);
}

static void fake_write(struct fake *fake, struct io_request *request, struct fake_node *node)
{
	const struct gw_bytes *pieces = (const struct gw_bytes *)request->u.file.pieces;
	uint64_t at = request->u.file.offset;

	for (uint32_t i = 0; i < request->u.file.count; i++) {
		if (at > FAKE_BYTES || pieces[i].size > FAKE_BYTES - at)
			return end_with(request, GW_E_NO_SPACE, ENOSPC);
		memcpy(node->bytes + at, pieces[i].data, pieces[i].size);
		at += pieces[i].size;
		if (at > node->size)
			node->size = at;
	}
	if (request->u.file.flags & IO_WRITE_SYNC)
		fake->syncs++;
	end_with(request, 0, 0);
}

static void fake_read(struct io_request *request, const struct fake_node *node)
{
	const struct io_buffer *buffers = (const struct io_buffer *)request->u.file.pieces;
	uint64_t at = request->u.file.offset;
	int total = 0;

	for (uint32_t i = 0; i < request->u.file.count && at < node->size; i++) {
		size_t left = (size_t)(node->size - at);
		size_t size = buffers[i].size < left ? buffers[i].size : left;

		memcpy(buffers[i].data, node->bytes + at, size);
		at += size;
		total += (int)size;
	}
	end_with(request, total, 0);
}

static void fake_send(struct io_request *request)
{
	struct fake_stream *to = ((struct fake_stream *)request->u.net.object)->other;

	for (uint32_t i = 0; i < request->u.net.count; i++) {
		const struct gw_bytes *piece = &request->u.net.pieces[i];

		if (piece->size > FAKE_BYTES - to->used)
			return; /* a slow reader: stays under way */
		memcpy(to->bytes + to->used, piece->data, piece->size);
		to->used += piece->size;
	}
	end_with(request, 0, 0);
}

static void fake_submit(struct io *io, struct io_request *request)
{
	struct fake *fake = fake_of(io);
	struct fake_file *file = (struct fake_file *)request->u.file.file;
	struct io_request **end = &fake->first;

	while (*end)
		end = &(*end)->next;
	*end = request;
	request->next = NULL;
	request->backend_state = 0;
	switch (request->operation) {
	case IO_OPERATION_OPEN:
		return fake_open(fake, request);
	case IO_OPERATION_CLOSE:
		fake_close(fake, file);
		return end_with(request, 0, 0);
	case IO_OPERATION_SIZE:
		*request->u.file.size_out = file->node->size;
		return end_with(request, 0, 0);
	case IO_OPERATION_PWRITEV:
		return fake_write(fake, request, file->node);
	case IO_OPERATION_PREADV:
		return fake_read(request, file->node);
	case IO_OPERATION_WRITEV:
		return fake_send(request);
	case IO_OPERATION_SHUTDOWN:
		((struct fake_stream *)request->u.net.object)->other->ended = true;
		return end_with(request, 0, 0);
	case IO_OPERATION_OFFLOAD:
		return end_with(request, request->u.run.work(request->u.run.context), 0);
	case IO_OPERATION_POST:
		return end_with(request, 0, 0);
	case IO_OPERATION_TIMER:
		return;
	default:
		return end_with(request, GW_E_UNSUPPORTED, 0);
	}
}

static void fake_cancel(struct io *io, struct io_request *request)
{
	/* An object made on the way is the backend's to close. */
	if (request->operation == IO_OPERATION_OPEN && request->result == 0)
		fake_close(fake_of(io), *(struct fake_file **)request->u.path.out);
	request->backend_state = 1;
}

static void fake_unlink_request(struct fake *fake, struct io_request *request)
{
	struct io_request **link = &fake->first;

	while (*link != request)
		link = &(*link)->next;
	*link = request->next;
}

static bool fake_timer_stop(struct io *io, struct io_request *request)
{
	fake_unlink_request(fake_of(io), request);
	request->state = IO_REQUEST_IDLE;
	return true;
}

static uint64_t fake_now(struct io *io)
{
	return fake_of(io)->now_ns;
}

static uint32_t fake_pick(struct io *io, uint32_t n)
{
	struct fake *fake = fake_of(io);

	fake->seed = fake->seed * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(fake->seed >> 33) % n;
}

static void fake_set_turn(struct io *io, struct io_turn *turn)
{
	fake_of(io)->turn = turn;
}

static size_t fake_pending(struct io *io)
{
	size_t count = 0;

	for (struct io_request *request = fake_of(io)->first; request; request = request->next)
		count++;
	for (size_t i = 0; i < 2; i++)
		count += fake_of(io)->ends[i].reader != NULL;
	return count;
}

static void fake_read_start(struct io *io, struct io_stream *stream, struct io_reader *reader)
{
	(void)io;
	((struct fake_stream *)stream)->reader = reader;
}

static void fake_read_stop(struct io *io, struct io_stream *stream)
{
	fake_read_start(io, stream, NULL);
}

static void fake_stream_close(struct io *io, struct io_stream *stream, bool reset)
{
	struct fake_stream *end = (struct fake_stream *)stream;

	(void)reset;
	end->reader = NULL;
	end->other->ended = true;
	for (struct io_request *request = fake_of(io)->first; request; request = request->next)
		if (request->operation == IO_OPERATION_WRITEV && request->u.net.object == end)
			io_cancel(io, request);
}

static const struct io_operations fake_operations = {
	.submit = fake_submit,
	.cancel = fake_cancel,
	.timer_stop = fake_timer_stop,
	.now_ns = fake_now,
	.pick = fake_pick,
	.set_turn = fake_set_turn,
	.pending = fake_pending,
	.read_start = fake_read_start,
	.read_stop = fake_read_stop,
	.stream_close = fake_stream_close,
};

void fake_init(struct fake *fake)
{
	*fake = (struct fake){
		.io = {.operations = &fake_operations, .rare = test_planted()},
		.seed = 1,
	};
	for (size_t i = 0; i < 2; i++) {
		fake->ends[i].stream.name = i ? "10.0.0.2:7001" : "10.0.0.1:7000";
		fake->ends[i].other = &fake->ends[1 - i];
	}
}

/* Gives a reader what arrived; the buffer is asked for right before. */
static void deliver(struct fake_stream *end)
{
	struct io_reader *reader = end->reader;
	struct io_buffer buffer;
	size_t size;

	if (!reader || (end->used == 0 && !end->ended))
		return;
	buffer = reader->buffer(reader);
	size = buffer.size < end->used ? buffer.size : end->used;
	if (buffer.size == 0 || size == 0)
		end->reader = NULL;
	if (buffer.size == 0)
		return;
	memcpy(buffer.data, end->bytes, size);
	memmove(end->bytes, end->bytes + size, end->used - size);
	end->used -= size;
	reader->read(reader, (int)size);
}

/* The request to be told next: the oldest that ended, else the timer that is due first. */
static struct io_request *next_to_tell(struct fake *fake)
{
	struct io_request *first = NULL;

	for (struct io_request *request = fake->first; request; request = request->next) {
		if (request->backend_state == 1)
			return request;
		if (request->operation == IO_OPERATION_TIMER &&
		    (!first || request->u.run.at_ns < first->u.run.at_ns))
			first = request;
	}
	return first;
}

bool fake_turn(struct fake *fake)
{
	struct io_request *request = next_to_tell(fake);
	bool more = false;

	deliver(&fake->ends[0]);
	deliver(&fake->ends[1]);
	if (request) {
		bool timer = request->operation == IO_OPERATION_TIMER;

		if (timer && request->u.run.at_ns > fake->now_ns &&
		    request->state != IO_REQUEST_CANCELLED)
			fake->now_ns = request->u.run.at_ns;
		fake_unlink_request(fake, request);
		io_finish(request);
	}
	if (fake->turn)
		more = fake->turn->run(fake->turn);
	return request || more || next_to_tell(fake); /* the turn may have begun something */
}
