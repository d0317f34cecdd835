/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.c - the two ends of a connection: readers, writers, close and reset.
 */
#include "net.h"

#include <errno.h>
#include <stdio.h>

static struct flow *outgoing(struct sim_stream *stream)
{
	return &stream->connection->flows[stream->side];
}

static struct flow *incoming(struct sim_stream *stream)
{
	return &stream->connection->flows[1 - stream->side];
}

/* ---- Reading ------------------------------------------------------------------------- */

static void reader_ends(struct sim_stream *stream)
{
	if (!stream->reader)
		return;
	stream->reader = NULL;
	assert(stream->life->pending > 0);
	stream->life->pending--;
}

/* Fills the buffer from what arrived. */
static size_t take_arrived(struct flow *flow, struct io_buffer buffer)
{
	uint8_t *to = (uint8_t *)buffer.data;
	size_t taken = 0;

	assert(flow->arrived_bytes > 0 && flow->arrived_bytes <= flow->bytes);
	while (taken < buffer.size && flow->arrived.first) {
		struct segment *segment = flow->arrived.first;
		size_t part = buffer.size - taken;

		if (part > segment->size)
			part = segment->size;
		memcpy(to + taken, segment->bytes + segment->start, part);
		segment->start += (uint32_t)part;
		segment->size -= (uint32_t)part;
		taken += part;
		if (segment->size == 0)
			segments_drop_first(flow->connection->sim, &flow->arrived);
	}
	flow->arrived_bytes -= taken;
	flow->bytes -= taken;
	return taken;
}

/* Gives the reader one piece, the end or the error; false when it is not to be called again. */
static bool read_once(struct sim_stream *stream)
{
	struct sim *sim = stream->connection->sim;
	struct flow *flow = incoming(stream);
	struct io_reader *reader = stream->reader;
	struct io_buffer buffer;
	int result;

	if (flow->arrived_bytes == 0) {
		if (!stream->os_error && !flow->end_arrived)
			return false;
		result = stream->os_error ? code_of_os_error(stream->os_error) : 0;
		reader_ends(stream);
	} else {
		buffer = reader->buffer(reader);
		if (!stream->life || !stream->life->alive || stream->reader != reader)
			return stream->life && stream->life->alive && stream->reader;
		if (buffer.size == 0) {
			reader_ends(stream);
			return false;
		}
		result = (int)take_arrived(flow, buffer);
		flow_taken(flow);
	}
	trace_add(sim, stream->life->node, TRACE_READ, NULL, result, 0);
	reader->read(reader, result);
	return stream->life && stream->life->alive && stream->reader;
}

static void stream_read(struct sim_stream *stream)
{
	if (!stream->reader)
		return;
	while (read_once(stream))
		;
}

static void readable_run(struct sim *sim, struct event *event)
{
	(void)sim;
	stream_read((struct sim_stream *)(void *)((char *)event -
						  offsetof(struct sim_stream, readable)));
}

void stream_arrived(struct sim_stream *stream)
{
	struct life *life = stream->life, *before;
	struct sim *sim = stream->connection->sim;

	if (!life || !stream->reader)
		return;
	if (event_is_queued(&stream->readable))
		return;
	if (sim->running || life->node->state == SIM_NODE_PAUSED) {
		event_add(sim, &stream->readable, sim->now_ns);
		return;
	}
	before = life_enter(life);
	stream_read(stream);
	if (life->alive)
		life_turn(life);
	life_leave(life, before);
}

void net_read_start(struct io *io, struct io_stream *io_stream, struct io_reader *reader)
{
	struct sim_stream *stream = (struct sim_stream *)io_stream;
	struct life *life = life_of(io);
	struct sim *sim = life->node->sim;
	const struct flow *flow = incoming(stream);

	assert(stream->life == life);
	if (!stream->reader)
		life->pending++;
	stream->reader = reader;
	if ((flow->arrived_bytes > 0 || flow->end_arrived || stream->os_error) &&
	    !event_is_queued(&stream->readable))
		event_add(sim, &stream->readable, sim->now_ns);
}

void net_read_stop(struct io *io, struct io_stream *io_stream)
{
	struct sim_stream *stream = (struct sim_stream *)io_stream;

	assert(stream->life == life_of(io));
	reader_ends(stream);
}

/* ---- Writing ------------------------------------------------------------------------- */

void stream_write(struct life *life, struct io_request *request)
{
	struct sim_stream *stream = (struct sim_stream *)request->u.net.object;
	struct flow *flow = outgoing(stream);

	assert(stream->life == life);
	stream->requests++;
	if (stream->os_error || flow->ended) {
		int os_error = stream->os_error ? stream->os_error : EPIPE;

		flow_tell(flow, request, code_of_os_error(os_error), os_error);
		return;
	}
	if (flow->broken) {
		flow_tell(flow, request, GW_E_CLOSED, 0);
		return;
	}
	if (flow->writers_last)
		flow->writers_last->next = request;
	else
		flow->writers = request;
	flow->writers_last = request;
	if (flow->writers == request)
		flow_push(flow);
}

/* A writer that waits leaves at once. If some of its bytes are under way, nothing may follow them:
 * it would be taken for the rest. */
void stream_cancel_write(struct io_request *request)
{
	struct sim_stream *stream = (struct sim_stream *)request->u.net.object;
	struct flow *flow = outgoing(stream);
	struct io_request *before = NULL, *at = flow->writers;
	bool begun = at == request && (flow->piece > 0 || flow->piece_offset > 0);

	while (at && at != request) {
		before = at;
		at = at->next;
	}
	if (!at)
		return;
	if (before)
		before->next = request->next;
	else
		flow->writers = request->next;
	if (flow->writers_last == request)
		flow->writers_last = before;
	flow_tell(flow, request, GW_E_CANCELLED, 0);
	if (begun) {
		flow->broken = true;
		flow_fail_writers(flow, GW_E_CLOSED, 0);
	}
}

/* ---- The ends' lives ----------------------------------------------------------------- */

struct sim_stream *stream_start(struct connection *connection, unsigned side, struct life *life)
{
	struct sim_stream *stream = &connection->ends[side];

	assert(!stream->open && !stream->life && life->alive);
	stream->stream.name = stream->name;
	stream->connection = connection;
	stream->side = side;
	stream->life = life;
	stream->open = true;
	stream->readable = (struct event){.run = readable_run, .life = life};
	outgoing(stream)->told.life = life;
	stream->next = life->streams;
	if (stream->next)
		stream->next->previous = stream;
	life->streams = stream;
	return stream;
}

static void leave_life(struct sim_stream *stream)
{
	assert(stream->life && !stream->reader);
	if (stream->previous)
		stream->previous->next = stream->next;
	else
		stream->life->streams = stream->next;
	if (stream->next)
		stream->next->previous = stream->previous;
	stream->next = stream->previous = NULL;
	stream->life = NULL;
	stream->open = false;
}

/* The kernel's part of the end of a socket: what it has is sent, then the end or a reset. */
static void kernel_close(struct sim_stream *stream, bool reset)
{
	struct flow *out = outgoing(stream), *in = incoming(stream);

	if (in->arrived_bytes > 0)
		reset = true; /* the other side shall know that its bytes were not read */
	flow_drop_arrived(in);
	if (stream->os_error)
		return;
	if (reset)
		flow_end(out, SEGMENT_RESET);
	else
		flow_end(out, SEGMENT_END);
}

void stream_close(struct sim_stream *stream, bool reset)
{
	reader_ends(stream);
	event_remove(stream->connection->sim, &stream->readable);
	flow_fail_writers(outgoing(stream), GW_E_CANCELLED, 0);
	if (reset)
		flow_drop_under_way(outgoing(stream));
	kernel_close(stream, reset);
	leave_life(stream);
	connection_settle(stream->connection);
}

void stream_died(struct sim_stream *stream, bool power_loss)
{
	struct flow *out = outgoing(stream);
	struct connection *connection = stream->connection;

	stream->reader = NULL;
	stream->requests = 0;
	event_remove(connection->sim, &stream->readable);
	request_ghosts(stream->life, out->writers);
	out->writers = out->writers_last = NULL;
	if (stream->side == 1)
		backlog_remove(connection);
	else if (connection->connect)
		request_ghost(stream->life, connection->connect);
	if (stream->side == 0)
		connection->connect = NULL;
	if (power_loss) {
		stream->power_lost = true;
		flow_drop_arrived(incoming(stream));
	} else if (connection->step == CONNECT_MADE || stream->side == 1) {
		kernel_close(stream, false);
	}
	leave_life(stream);
	connection_settle(connection);
}

void stream_break(struct sim_stream *stream, int os_error)
{
	struct flow *out = outgoing(stream);

	assert(os_error > 0);
	flow_drop_under_way(out);
	if (!stream->open || stream->os_error)
		return;
	stream->os_error = os_error;
	out->ended = true;
	if (!stream->life)
		return;
	flow_fail_writers(out, code_of_os_error(os_error), os_error);
	stream_arrived(stream);
}

void connection_reset(struct connection *connection)
{
	struct sim *sim = connection->sim;

	sim_counted(sim, SIM_COUNT_RESET);
	trace_add(sim, connection->nodes[0], TRACE_FAULT, "a stream is reset to node",
		  connection->nodes[1]->index + 1, 0);
	for (unsigned side = 0; side < 2; side++) {
		flow_drop_under_way(&connection->flows[side]);
		if (sim_random_below(&sim->net, 2))
			flow_drop_arrived(&connection->flows[side]);
	}
	for (unsigned side = 0; side < 2; side++)
		stream_break(&connection->ends[side], ECONNRESET);
	connection_settle(connection);
}

void net_stream_close(struct io *io, struct io_stream *io_stream, bool reset)
{
	struct sim_stream *stream = (struct sim_stream *)io_stream;

	assert(stream->life == life_of(io));
	stream_close(stream, reset);
}

void net_peer(struct io *io, struct io_stream *io_stream, struct io_peer *peer)
{
	const struct sim_stream *stream = (const struct sim_stream *)io_stream;
	const struct connection *connection = stream->connection;

	assert(stream->life == life_of(io));
	*peer = (struct io_peer){.address = connection->ends[1 - stream->side].address};
	if (peer->address.family != IO_FAMILY_UNIX)
		return;
	peer->has_ids = true;
	peer->process_id = PROCESS_ID + connection->nodes[0]->index;
	peer->user_id = peer->group_id = USER_ID;
}
