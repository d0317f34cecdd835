/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow.c - one direction of a stream: segments under way, re-sends, silence (net.h).
 */
#include "net.h"

#include <errno.h>

static struct flow *flow_of_arrive(struct event *event)
{
	return (struct flow *)(void *)((char *)event - offsetof(struct flow, arrive));
}

static struct flow *flow_of_acknowledge(struct event *event)
{
	return (struct flow *)(void *)((char *)event - offsetof(struct flow, acknowledge));
}

static struct flow *flow_of_told(struct event *event)
{
	return (struct flow *)(void *)((char *)event - offsetof(struct flow, told));
}

static struct sim_stream *sender(struct flow *flow)
{
	return &flow->connection->ends[flow->side];
}

static struct sim_stream *receiver(struct flow *flow)
{
	return &flow->connection->ends[1 - flow->side];
}

static struct sim_node *from(struct flow *flow)
{
	return flow->connection->nodes[flow->side];
}

static struct sim_node *to(struct flow *flow)
{
	return flow->connection->nodes[1 - flow->side];
}

/* ---- Sending ----------------------------------------------------------------------------- */

/* Puts it behind what is under way: it arrives no earlier. */
static void send_segment(struct flow *flow, struct segment *segment, size_t size)
{
	struct sim *sim = flow->connection->sim;
	uint64_t at_ns = sim->now_ns + link_delay(from(flow), to(flow), size);

	assert(!flow->connection->dead);
	if (flow->under_way.last && at_ns < flow->under_way.last->at_ns)
		at_ns = flow->under_way.last->at_ns;
	segment->at_ns = at_ns;
	segments_append(&flow->under_way, segment);
	/* Of what is lost for good the sender learns by silence. */
	if (!event_is_queued(&flow->arrive))
		event_add(sim, &flow->arrive,
			  flow->hung ? sim->now_ns + sim->options.send_timeout_ns
				     : flow->under_way.first->at_ns);
}

/* The last segment of this moment if bytes fit there, else a new one: what is written in one turn
 * leaves together. */
static struct segment *segment_with_room(struct flow *flow, size_t want)
{
	struct sim *sim = flow->connection->sim;
	const struct sim_link *link = sim_link(from(flow), to(flow));
	struct segment *last = flow->under_way.last;
	uint32_t most = sim->options.segment_bytes, capacity;

	if (link->drip_bytes > 0 && link->drip_bytes < most)
		most = link->drip_bytes;
	if (last && last->kind == SEGMENT_DATA && last->made_ns == sim->now_ns &&
	    last->size < last->capacity && last->start == 0)
		return last;
	capacity = want < SEGMENT_BYTES_MIN ? SEGMENT_BYTES_MIN : (uint32_t)want;
	if (capacity > most)
		capacity = most;
	last = segment_new(sim, capacity, SEGMENT_DATA);
	assert(capacity > 0);
	send_segment(flow, last, want < capacity ? want : capacity);
	return last;
}

static void told_run(struct sim *sim, struct event *event)
{
	struct flow *flow = flow_of_told(event);
	struct io_request *last = flow->told_last, *request;
	struct life *life = event->life;

	assert(last && life->alive);
	do {
		request = flow->told_first;
		flow->told_first = request->next;
		if (!flow->told_first)
			flow->told_last = NULL;
		request_finish(life, request);
	} while (request != last && life->alive);
	if (flow->told_first && life->alive && !event_is_queued(event))
		event_add(sim, event, sim->now_ns);
	else if (flow->told_first && !life->alive)
		net_event_dropped(life, event);
}

void flow_tell(struct flow *flow, struct io_request *request, int result, int os_error)
{
	struct sim *sim = flow->connection->sim;

	request->result = result;
	request->os_error = os_error;
	request->next = NULL;
	if (flow->told_last)
		flow->told_last->next = request;
	else
		flow->told_first = request;
	flow->told_last = request;
	if (!event_is_queued(&flow->told)) /* a call of the kernel takes some time */
		event_add(sim, &flow->told,
			  sim->now_ns + sim_random_exponential(&sim->net, WRITE_CALL_NS));
}

void net_event_dropped(struct life *life, struct event *event)
{
	struct flow *flow;

	if (event->run != told_run)
		return;
	flow = flow_of_told(event);
	request_ghosts(life, flow->told_first);
	flow->told_first = flow->told_last = NULL;
	sender(flow)->requests = 0;
	connection_settle(flow->connection);
}

static void writer_done(struct flow *flow)
{
	struct io_request *request = flow->writers;

	flow->writers = request->next;
	if (!flow->writers)
		flow->writers_last = NULL;
	assert(request != flow->writers);
	flow->piece = 0;
	flow->piece_offset = 0;
	flow_tell(flow, request, 0, 0);
}

/* Copies what fits; whether the whole request is under way. */
static bool take_bytes(struct flow *flow, struct io_request *request)
{
	struct sim *sim = flow->connection->sim;
	size_t limit = sim->options.stream_buffer_bytes;

	while (flow->piece < request->u.net.count) {
		const struct gw_bytes *piece = &request->u.net.pieces[flow->piece];
		size_t left = piece->size - flow->piece_offset;
		struct segment *segment;

		if (left == 0) {
			flow->piece++;
			flow->piece_offset = 0;
			continue;
		}
		if (flow->bytes >= limit)
			return false;
		if (left > limit - flow->bytes)
			left = limit - flow->bytes;
		segment = segment_with_room(flow, left);
		if (left > segment->capacity - segment->size)
			left = segment->capacity - segment->size;
		assert(left > 0 && segment->start == 0);
		memcpy(segment->bytes + segment->size,
		       (const uint8_t *)piece->data + flow->piece_offset, left);
		segment->size += (uint32_t)left;
		flow->bytes += left;
		flow->piece_offset += left;
	}
	return true;
}

void flow_push(struct flow *flow)
{
	struct sim *sim = flow->connection->sim;

	while (flow->writers) {
		struct io_request *request = flow->writers;

		if (request->operation == IO_OPERATION_SHUTDOWN) {
			flow_end(flow, SEGMENT_END);
		} else if (!take_bytes(flow, request)) {
			if (!request->backend_state)
				sim_counted(sim, SIM_COUNT_BLOCK);
			request->backend_state = 1;
			return;
		}
		writer_done(flow);
	}
}

void flow_end(struct flow *flow, enum segment_kind kind)
{
	if (flow->ended && kind != SEGMENT_RESET)
		return;
	flow->ended = true;
	send_segment(flow, segment_new(flow->connection->sim, 0, kind), 0);
}

void flow_fail_writers(struct flow *flow, int result, int os_error)
{
	while (flow->writers) {
		struct io_request *request = flow->writers;

		flow->writers = request->next;
		if (result == GW_E_CANCELLED)
			request->state = IO_REQUEST_CANCELLED;
		flow_tell(flow, request, result, os_error);
	}
	flow->writers_last = NULL;
	flow->piece = 0;
	flow->piece_offset = 0;
}

/* ---- Silence ------------------------------------------------------------------------- */

static uint64_t resend_delay(struct flow *flow)
{
	uint64_t delay_ns = (uint64_t)RESEND_NS << (flow->resends < 3 ? flow->resends : 3);

	flow->resends++;
	return delay_ns < RESEND_NS_MAX ? delay_ns : RESEND_NS_MAX;
}

/* Nothing comes back; false when the sender has given up. */
static bool bear_silence(struct flow *flow, struct event *again)
{
	struct sim *sim = flow->connection->sim;
	uint64_t timeout_ns = sim->options.send_timeout_ns, delay_ns, silent_ns;

	if (flow->silent_since_ns == 0)
		flow->silent_since_ns = sim->now_ns;
	silent_ns = sim->now_ns - flow->silent_since_ns;
	if (silent_ns >= timeout_ns || sender(flow)->power_lost) {
		if (sender(flow)->open) {
			sim_counted(sim, SIM_COUNT_SEND_TIMEOUT);
			stream_break(sender(flow), ETIMEDOUT);
		}
		flow_drop_under_way(flow);
		connection_settle(flow->connection);
		return false;
	}
	delay_ns = resend_delay(flow);
	assert(!event_is_queued(again));
	if (delay_ns > timeout_ns - silent_ns)
		delay_ns = timeout_ns - silent_ns;
	event_add(sim, again, sim->now_ns + delay_ns);
	return true;
}

static void heard(struct flow *flow)
{
	flow->silent_since_ns = 0;
	flow->resends = 0;
}

/* The other side's kernel says how far it is: there may be room for more. */
static void acknowledge_run(struct sim *sim, struct event *event)
{
	struct flow *flow = flow_of_acknowledge(event);

	(void)sim;
	if (link_is_blocked(to(flow), from(flow))) {
		(void)bear_silence(flow, event);
		return;
	}
	heard(flow);
	if (sender(flow)->open && sender(flow)->life)
		flow_push(flow);
	connection_settle(flow->connection);
}

void flow_taken(struct flow *flow)
{
	struct sim *sim = flow->connection->sim;

	if (!flow->writers || event_is_queued(&flow->acknowledge) ||
	    flow->bytes > sim->options.stream_buffer_bytes / 2)
		return;
	event_add(sim, &flow->acknowledge, sim->now_ns + link_delay(to(flow), from(flow), 0));
}

/* ---- Arriving ------------------------------------------------------------------------ */

void flow_drop_under_way(struct flow *flow)
{
	struct sim *sim = flow->connection->sim;

	while (flow->under_way.first) {
		assert(flow->bytes >= flow->under_way.first->size);
		flow->bytes -= flow->under_way.first->size;
		segments_drop_first(sim, &flow->under_way);
	}
	event_remove(sim, &flow->arrive);
}

void flow_drop_arrived(struct flow *flow)
{
	while (flow->arrived.first) {
		assert(flow->bytes >= flow->arrived.first->size);
		flow->bytes -= flow->arrived.first->size;
		segments_drop_first(flow->connection->sim, &flow->arrived);
	}
	flow->arrived_bytes = 0;
}

void flow_hang(struct flow *flow)
{
	struct sim *sim = flow->connection->sim;

	if (flow->hung)
		return;
	flow->hung = true;
	sim_counted(sim, SIM_COUNT_HALF_OPEN);
	trace_add(sim, from(flow), TRACE_FAULT, "is not heard on a stream to node",
		  to(flow)->index + 1, 0);
	event_remove(sim, &flow->arrive);
	if (flow->under_way.first)
		event_add(sim, &flow->arrive, sim->now_ns + sim->options.send_timeout_ns);
}

static void arrive_hung(struct flow *flow)
{
	struct sim *sim = flow->connection->sim;

	if (sender(flow)->open) {
		sim_counted(sim, SIM_COUNT_SEND_TIMEOUT);
		stream_break(sender(flow), ETIMEDOUT);
	}
	flow_drop_under_way(flow);
	connection_settle(flow->connection);
}

/* What may happen to a segment on its way; whether it goes no further now. */
static bool is_delayed(struct flow *flow)
{
	struct sim *sim = flow->connection->sim;
	const struct sim_link *link = sim_link(from(flow), to(flow));

	if (link->blocked || !node_is_here(to(flow))) {
		if (bear_silence(flow, &flow->arrive))
			sim_counted(sim, SIM_COUNT_RESEND);
		return true;
	}
	if (sim_random_chance(&sim->net, link->reset_ppm)) {
		connection_reset(flow->connection);
		return true;
	}
	if (sim_random_chance(&sim->net, link->hang_ppm)) {
		flow_hang(flow);
		return true;
	}
	if (sim_random_chance(&sim->net, link->loss_ppm)) {
		sim_counted(sim, SIM_COUNT_RESEND);
		event_add(sim, &flow->arrive, sim->now_ns + resend_delay(flow));
		return true;
	}
	return false;
}

/* The first part of the first segment, cut at any byte; the rest comes later. */
static struct segment *cut_first(struct flow *flow)
{
	struct sim *sim = flow->connection->sim;
	struct segment *whole = flow->under_way.first, *part;
	uint32_t size = 1 + (uint32_t)sim_random_below(&sim->net, whole->size - 1);

	assert(size < whole->size);
	sim_counted(sim, SIM_COUNT_SPLIT);
	part = segment_new(sim, size, SEGMENT_DATA);
	memcpy(part->bytes, whole->bytes + whole->start, size);
	part->size = size;
	whole->start += size;
	whole->size -= size;
	whole->at_ns = sim->now_ns + link_delay(from(flow), to(flow), 0) / 2;
	return part;
}

/* Nobody is there any more: the sender is told so, unless it was only the end of its bytes. */
static void arrive_at_nobody(struct flow *flow)
{
	struct flow *back = &flow->connection->flows[1 - flow->side];
	bool data = flow->under_way.first->kind == SEGMENT_DATA;

	flow_drop_under_way(flow);
	if (data && sender(flow)->open)
		flow_end(back, SEGMENT_RESET);
	connection_settle(flow->connection);
}

static void arrive_data(struct flow *flow, struct segment *segment)
{
	struct sim *sim = flow->connection->sim;

	assert(segment->size > 0 && flow->arrived_bytes + segment->size <= flow->bytes);
	sim_counted(sim, SIM_COUNT_SEGMENT);
	trace_add(sim, to(flow), TRACE_SEGMENT, NULL, from(flow)->index + 1, segment->size);
	trace_data(sim, segment->bytes + segment->start, segment->size);
	segments_append(&flow->arrived, segment);
	flow->arrived_bytes += segment->size;
	if (!link_is_blocked(to(flow), from(flow))) {
		heard(flow);
	} else if (!event_is_queued(&flow->acknowledge)) {
		/* It arrived, but the sender does not learn that. */
		(void)bear_silence(flow, &flow->acknowledge);
	}
}

static void arrive_run(struct sim *sim, struct event *event)
{
	struct flow *flow = flow_of_arrive(event);
	struct sim_stream *end = receiver(flow);
	const struct sim_link *link = sim_link(from(flow), to(flow));
	struct segment *segment;

	if (flow->hung) {
		arrive_hung(flow);
		return;
	}
	assert(flow->under_way.first);
	if (is_delayed(flow))
		return;
	if (!end->open) {
		arrive_at_nobody(flow);
		return;
	}
	segment = flow->under_way.first;
	if (segment->kind == SEGMENT_DATA && segment->size > 1 &&
	    sim_random_chance(&sim->net, link->split_ppm))
		segment = cut_first(flow);
	else
		(void)segments_take_first(&flow->under_way);
	if (flow->under_way.first)
		event_add(sim, &flow->arrive, flow->under_way.first->at_ns);
	if (segment->kind == SEGMENT_DATA) {
		arrive_data(flow, segment);
		stream_arrived(end);
		return;
	}
	trace_add(sim, to(flow), TRACE_SEGMENT, NULL, from(flow)->index + 1,
		  -(int64_t)segment->kind);
	heard(flow);
	if (segment->kind == SEGMENT_RESET) {
		sim_counted(sim, SIM_COUNT_RESET);
		stream_break(end, ECONNRESET);
	} else {
		flow->end_arrived = true;
		stream_arrived(end);
	}
	segment_free(sim, segment);
}

void flow_start(struct connection *connection, unsigned side)
{
	struct flow *flow = &connection->flows[side];

	flow->connection = connection;
	flow->side = side;
	flow->arrive.run = arrive_run;
	flow->acknowledge.run = acknowledge_run;
	flow->told.run = told_run;
}
