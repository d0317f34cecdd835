/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect.c - how connections are made, by a handshake, and how they go.
 */
#include "net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "disk.h"

/* ---- Connections --------------------------------------------------------------------- */

static struct connection *connection_new(struct sim *sim)
{
	struct connection *connection = (struct connection *)sim_allocate(sizeof(*connection));

	connection->sim = sim;
	connection->next = sim->connections;
	if (connection->next)
		connection->next->previous = connection;
	sim->connections = connection;
	flow_start(connection, 0);
	flow_start(connection, 1);
	return connection;
}

static void connection_free(struct connection *connection)
{
	struct sim *sim = connection->sim;

	assert(!connection->ends[0].life && !connection->ends[1].life);
	for (unsigned side = 0; side < 2; side++) {
		flow_drop_under_way(&connection->flows[side]);
		flow_drop_arrived(&connection->flows[side]);
		event_remove(sim, &connection->flows[side].arrive);
		event_remove(sim, &connection->flows[side].acknowledge);
		event_remove(sim, &connection->flows[side].told);
	}
	event_remove(sim, &connection->handshake);
	if (connection->inode)
		inode_unref(connection->inode);
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		sim->connections = connection->next;
	if (connection->next)
		connection->next->previous = connection->previous;
	free(connection);
}

void connection_settle(struct connection *connection)
{
	const struct sim_stream *ends = connection->ends;
	struct sim *sim = connection->sim;

	if (connection->dead || ends[0].open || ends[1].open || ends[0].requests > 0 ||
	    ends[1].requests > 0 || connection->connect)
		return;
	connection->dead = true;
	connection->next_free = sim->connections_free;
	sim->connections_free = connection;
}

void net_collect(struct sim *sim)
{
	while (sim->connections_free) {
		struct connection *connection = sim->connections_free;

		sim->connections_free = connection->next_free;
		connection_free(connection);
	}
}

void net_free(struct sim *sim)
{
	packets_free(sim);
	sim->connections_free = NULL;
	while (sim->connections)
		connection_free(sim->connections);
}

void net_request_finished(struct io_request *request)
{
	struct sim_stream *stream;

	if (request->operation != IO_OPERATION_WRITEV &&
	    request->operation != IO_OPERATION_SHUTDOWN)
		return;
	stream = (struct sim_stream *)request->u.net.object;
	assert(stream->requests > 0);
	stream->requests--;
	connection_settle(stream->connection);
}

/* ---- The handshake ------------------------------------------------------------------- */

static struct connection *connection_of_handshake(struct event *event)
{
	return (struct connection *)(void *)((char *)event -
					     offsetof(struct connection, handshake));
}

static void connect_fails(struct connection *connection, int os_error)
{
	struct sim_stream *end = &connection->ends[0];
	struct io_request *request = connection->connect;
	struct life *life = end->life;

	connection->connect = NULL;
	if (life) {
		end->os_error = os_error; /* nothing is sent */
		stream_close(end, true);
	}
	if (request)
		request_end_errno(life, request, os_error);
	connection_settle(connection);
}

/* The packet was lost, so it is sent again; until the time is over. */
static void handshake_again(struct connection *connection)
{
	struct sim *sim = connection->sim;
	uint64_t timeout_ns = sim->options.connect_timeout_ns;
	uint64_t elapsed_ns = sim->now_ns - connection->started_ns, delay_ns;

	if (elapsed_ns >= timeout_ns || !connection->ends[0].open) {
		sim_counted(sim, SIM_COUNT_CONNECT_TIMEOUT);
		connect_fails(connection, ETIMEDOUT);
		return;
	}
	delay_ns = connection->tries++ == 0 ? CONNECT_AGAIN_NS : CONNECT_AGAIN_NS_MAX;
	if (delay_ns > timeout_ns - elapsed_ns)
		delay_ns = timeout_ns - elapsed_ns;
	event_add(sim, &connection->handshake, sim->now_ns + delay_ns);
}

static void answer(struct connection *connection, enum connect_step step)
{
	assert(connection->step == CONNECT_OUT);
	connection->step = step;
	connection->tries = 0;
	event_add(connection->sim, &connection->handshake,
		  connection->sim->now_ns +
			  link_delay(connection->nodes[1], connection->nodes[0], 0));
}

static void syn_arrives(struct connection *connection)
{
	struct sim *sim = connection->sim;
	const struct sim_link *link = sim_link(connection->nodes[0], connection->nodes[1]);
	struct sim_listener *listener;
	struct sim_stream *end;

	if (link_is_blocked(connection->nodes[0], connection->nodes[1])) {
		handshake_again(connection);
		return;
	}
	listener = listener_find(connection);
	if (!listener || sim_random_chance(&sim->net, link->refuse_ppm)) {
		sim_counted(sim, SIM_COUNT_REFUSE);
		answer(connection, CONNECT_REFUSED);
		return;
	}
	if (!listener->accept && listener->waiting_count >= sim->options.backlog) {
		handshake_again(connection);
		return;
	}
	end = stream_start(connection, 1, listener->life);
	net_address_text(&connection->ends[0].address, end->name);
	listener_offer(listener, connection);
	answer(connection, CONNECT_BACK);
}

static void syn_ack_arrives(struct connection *connection)
{
	struct sim *sim = connection->sim;
	struct sim_stream *end = &connection->ends[0];
	struct io_request *request = connection->connect;

	if (link_is_blocked(connection->nodes[1], connection->nodes[0])) {
		handshake_again(connection);
		return;
	}
	connection->step = CONNECT_MADE;
	if (!end->open) { /* nobody waits for it any more */
		if (connection->ends[1].open)
			flow_end(&connection->flows[0], SEGMENT_RESET);
		connection_settle(connection);
		return;
	}
	sim_counted(sim, SIM_COUNT_CONNECT);
	assert(request && !job_of(request));
	connection->connect = NULL;
	*request->u.net.stream_out = &end->stream;
	request_end(end->life, request, 0, 0);
}

static void handshake_run(struct sim *sim, struct event *event)
{
	struct connection *connection = connection_of_handshake(event);

	(void)sim;
	if (!connection->ends[0].open && connection->step != CONNECT_BACK) {
		connection_settle(connection);
		return;
	}
	switch (connection->step) {
	case CONNECT_OUT:
		syn_arrives(connection);
		break;
	case CONNECT_BACK:
		syn_ack_arrives(connection);
		break;
	case CONNECT_REFUSED:
		if (link_is_blocked(connection->nodes[1], connection->nodes[0])) {
			connection->step = CONNECT_OUT;
			handshake_again(connection);
		} else {
			connect_fails(connection, ECONNREFUSED);
		}
		break;
	default:
		assert(connection->step == CONNECT_NO_HOST);
		connect_fails(connection, EHOSTUNREACH);
		break;
	}
}

void connect_start(struct life *life, struct io_request *request)
{
	struct sim *sim = life->node->sim;
	const struct io_address *address = request->u.net.to;
	struct sim_node *to = net_node_of(life->node, address);
	struct inode *inode = NULL;
	struct connection *connection;
	struct sim_stream *end;
	int os_error = 0;

	if (address->family == IO_FAMILY_UNIX)
		os_error = disk_socket_find(life->node, address->path, &inode);
	if (os_error) {
		request_end_errno(life, request, os_error);
		return;
	}
	connection = connection_new(sim);
	connection->nodes[0] = life->node;
	connection->nodes[1] = to ? to : life->node;
	connection->inode = inode;
	if (inode)
		inode_ref(inode);
	connection->connect = request;
	connection->started_ns = sim->now_ns;
	connection->handshake.run = handshake_run;
	connection->step = to ? CONNECT_OUT : CONNECT_NO_HOST;
	connection->ends[1].address = *address;
	end = stream_start(connection, 0, life);
	net_source_address(life->node, address, &end->address);
	if (!inode)
		end->address.port = net_free_port(life->node);
	if (request->name)
		snprintf(end->name, sizeof(end->name), "%s", request->name);
	else
		net_address_text(address, end->name);
	request->backend[1] = (uint64_t)(uintptr_t)connection;
	event_add(sim, &connection->handshake,
		  sim->now_ns + (to ? link_delay(life->node, to, 0) : UNREACHABLE_NS));
}

void connect_cancel(struct life *life, struct io_request *request)
{
	struct connection *connection =
		(struct connection *)(uintptr_t)request->backend[1];

	if (job_of(request)) /* it is over, done is to come */
		return;
	assert(connection->connect == request);
	connection->connect = NULL;
	connection->ends[0].os_error = ECANCELED; /* nothing is sent */
	stream_close(&connection->ends[0], true);
	request_end(life, request, GW_E_CANCELLED, 0);
}

void net_discard(struct life *life, struct io_request *request)
{
	struct sim_stream *stream = (struct sim_stream *)*request->u.net.stream_out;

	assert(stream->life == life);
	*request->u.net.stream_out = NULL;
	stream_close(stream, true);
}

/* ---- Requests and lives -------------------------------------------------------------- */

static void resolve_run(struct sim *sim, struct event *event)
{
	struct job *job = (struct job *)event;
	struct io_request *request = job->request;
	struct life *life = event->life;

	job_free(sim, job);
	request->result = net_resolve(life->node, request);
	request_finish(life, request);
}

static void resolve_start(struct life *life, struct io_request *request)
{
	struct sim *sim = life->node->sim;

	event_add(sim, &request_job(life, request, resolve_run)->event,
		  sim->now_ns + link_delay(life->node, life->node, 0));
}

void net_submit(struct life *life, struct io_request *request)
{
	/* What the kernel must do for it may be what the node dies of. */
	if (request->operation != IO_OPERATION_ACCEPT &&
	    request->operation != IO_OPERATION_RECEIVE && !life_operation(life)) {
		request_ghost(life, request);
		return;
	}
	switch (request->operation) {
	case IO_OPERATION_CONNECT:
		connect_start(life, request);
		break;
	case IO_OPERATION_ACCEPT:
		accept_start(life, request);
		break;
	case IO_OPERATION_SEND:
		datagram_send(life, request);
		break;
	case IO_OPERATION_RECEIVE:
		datagram_receive(life, request);
		break;
	case IO_OPERATION_RESOLVE:
		resolve_start(life, request);
		break;
	default:
		stream_write(life, request);
		break;
	}
}

void net_cancel(struct life *life, struct io_request *request)
{
	switch (request->operation) {
	case IO_OPERATION_CONNECT:
		connect_cancel(life, request);
		break;
	case IO_OPERATION_ACCEPT:
		accept_cancel(life, request);
		break;
	case IO_OPERATION_RECEIVE:
		datagram_cancel(life, request);
		break;
	default:
		stream_cancel_write(request);
		break;
	}
}

void net_process_died(struct life *life, bool power_loss)
{
	while (life->streams)
		stream_died(life->streams, power_loss);
	for (struct sim_listener *at = life->listeners; at; at = at->next)
		listener_died(at);
	for (struct sim_datagrams *at = life->datagrams; at; at = at->next)
		datagrams_died(at);
}

void net_life_done(struct life *life)
{
	while (life->listeners) {
		struct sim_listener *listener = life->listeners;

		life->listeners = listener->next;
		free(listener);
	}
	while (life->datagrams) {
		struct sim_datagrams *datagrams = life->datagrams;

		life->datagrams = datagrams->next;
		free(datagrams);
	}
}
