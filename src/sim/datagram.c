/* SPDX-License-Identifier: Apache-2.0 */
/*
 * datagram.c - datagrams: each finds its own way, or none, or two.
 */
#include "net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "disk.h"

/* ---- Packets under way --------------------------------------------------------------- */

static void packet_leaves(struct sim *sim, struct packet *packet)
{
	if (packet->previous)
		packet->previous->next = packet->next;
	else
		sim->packets = packet->next;
	if (packet->next)
		packet->next->previous = packet->previous;
	packet->next = packet->previous = NULL;
}

static void packet_free(struct sim *sim, struct packet *packet)
{
	if (packet->inode)
		inode_unref(packet->inode);
	sim_give(sim, packet, sizeof(*packet) + packet->size);
}

void packets_free(struct sim *sim)
{
	while (sim->packets) {
		struct packet *packet = sim->packets;

		packet_leaves(sim, packet);
		event_remove(sim, &packet->arrive);
		packet_free(sim, packet);
	}
}

static struct sim_datagrams *find_socket(const struct packet *packet)
{
	struct sim_datagrams *at;

	if (!sim_node_is_up(packet->to_node))
		return NULL;
	for (at = packet->to_node->life->datagrams; at; at = at->next) {
		if (at->closed)
			continue;
		if (packet->inode ? at->inode == packet->inode
				  : !at->inode && net_address_hears(&at->address, &packet->to))
			return at;
	}
	return NULL;
}

static void give(struct sim_datagrams *socket, struct io_request *request, struct packet *packet)
{
	struct io_buffer buffer = request->u.net.buffer;
	size_t size = packet->size < buffer.size ? packet->size : buffer.size;

	assert(socket->life->alive && !event_is_queued(&packet->arrive));
	memcpy(buffer.data, packet->bytes, size);
	*request->u.net.from = packet->from;
	request_end(socket->life, request,
		    packet->size > buffer.size ? GW_E_TOO_LARGE : (int)packet->size, 0);
	packet_free(socket->life->node->sim, packet);
}

static void arrive_run(struct sim *sim, struct event *event)
{
	struct packet *packet = (struct packet *)event;
	struct sim_datagrams *socket = find_socket(packet);
	struct io_request *request;

	packet_leaves(sim, packet);
	if (!socket || link_is_blocked(packet->from_node, packet->to_node) ||
	    packet->size > sim->options.datagram_buffer_bytes - socket->bytes) {
		sim_counted(sim, SIM_COUNT_DATAGRAM_LOST);
		packet_free(sim, packet);
		return;
	}
	sim_counted(sim, SIM_COUNT_DATAGRAM);
	trace_add(sim, packet->to_node, TRACE_SEGMENT, "datagram from node",
		  packet->from_node->index + 1, (int64_t)packet->size);
	trace_data(sim, packet->bytes, packet->size);
	request = socket->receivers;
	if (request) {
		socket->receivers = request->next;
		if (!socket->receivers)
			socket->receivers_last = NULL;
		give(socket, request, packet);
		return;
	}
	if (socket->arrived_last)
		socket->arrived_last->next = packet;
	else
		socket->arrived = packet;
	socket->arrived_last = packet;
	socket->bytes += packet->size;
}

static void packet_send(struct sim *sim, struct packet *packet)
{
	const struct sim_link *link = sim_link(packet->from_node, packet->to_node);
	uint64_t delay_ns = link_delay(packet->from_node, packet->to_node, packet->size);

	if (sim_random_chance(&sim->net, link->loss_ppm)) {
		sim_counted(sim, SIM_COUNT_DATAGRAM_LOST);
		packet_free(sim, packet);
		return;
	}
	if (sim_random_chance(&sim->net, link->late_ppm)) {
		sim_counted(sim, SIM_COUNT_DATAGRAM_LATE);
		delay_ns += sim_random_below(&sim->net, link->late_ns + 1);
	}
	packet->arrive.run = arrive_run;
	packet->next = sim->packets;
	if (packet->next)
		packet->next->previous = packet;
	sim->packets = packet;
	event_add(sim, &packet->arrive, sim->now_ns + delay_ns);
}

/* ---- Requests ------------------------------------------------------------------------ */

static struct packet *packet_new(struct sim_datagrams *socket, const struct io_request *request,
				 struct sim_node *to, struct inode *inode, size_t size)
{
	struct sim *sim = socket->life->node->sim;
	struct packet *packet = (struct packet *)sim_take(sim, sizeof(*packet) + size);
	uint8_t *bytes = packet->bytes;

	*packet = (struct packet){.from_node = socket->life->node, .to_node = to,
				  .to = *request->u.net.to, .inode = inode, .size = size};
	if (inode) {
		inode_ref(inode);
		packet->from = socket->address;
	} else {
		net_source_address(socket->life->node, request->u.net.to, &packet->from);
		packet->from.port = socket->address.port;
	}
	for (uint32_t i = 0; i < request->u.net.count; i++) {
		const struct gw_bytes *piece = &request->u.net.pieces[i];

		if (piece->size > 0)
			memcpy(bytes, piece->data, piece->size);
		bytes += piece->size;
	}
	return packet;
}

static size_t pieces_size(const struct io_request *request)
{
	size_t size = 0;

	for (uint32_t i = 0; i < request->u.net.count; i++) {
		if (request->u.net.pieces[i].size > IO_DATAGRAM_BYTES_MAX - size)
			return SIZE_MAX;
		size += request->u.net.pieces[i].size;
	}
	return size;
}

void datagram_send(struct life *life, struct io_request *request)
{
	struct sim_datagrams *socket = (struct sim_datagrams *)request->u.net.object;
	struct sim_node *to = net_node_of(life->node, request->u.net.to);
	size_t size = pieces_size(request);
	struct sim *sim = life->node->sim;
	struct inode *inode = NULL;
	int os_error = 0;

	assert(socket->life == life && !socket->closed);
	if (size == SIZE_MAX) {
		request_end(life, request, GW_E_TOO_LARGE, EMSGSIZE);
		return;
	}
	if (request->u.net.to->family == IO_FAMILY_UNIX)
		os_error = disk_socket_find(life->node, request->u.net.to->path, &inode);
	if (os_error) {
		request_end_errno(life, request, os_error);
		return;
	}
	request_end(life, request, 0, 0);
	if (!to) {
		sim_counted(sim, SIM_COUNT_DATAGRAM_LOST);
		return;
	}
	if (sim_random_chance(&sim->net, sim_link(life->node, to)->double_ppm)) {
		sim_counted(sim, SIM_COUNT_DATAGRAM_DOUBLED);
		packet_send(sim, packet_new(socket, request, to, inode, size));
	}
	packet_send(sim, packet_new(socket, request, to, inode, size));
}

void datagram_receive(struct life *life, struct io_request *request)
{
	struct sim_datagrams *socket = (struct sim_datagrams *)request->u.net.object;
	struct packet *packet = socket->arrived;

	assert(socket->life == life && !socket->closed);
	if (packet) {
		socket->arrived = packet->next;
		if (!socket->arrived)
			socket->arrived_last = NULL;
		socket->bytes -= packet->size;
		give(socket, request, packet);
		return;
	}
	if (socket->receivers_last)
		socket->receivers_last->next = request;
	else
		socket->receivers = request;
	socket->receivers_last = request;
}

void datagram_cancel(struct life *life, struct io_request *request)
{
	struct sim_datagrams *socket = (struct sim_datagrams *)request->u.net.object;
	struct io_request *before = NULL, *at = socket->receivers;

	while (at && at != request) {
		before = at;
		at = at->next;
	}
	if (!at)
		return;
	if (before)
		before->next = request->next;
	else
		socket->receivers = request->next;
	if (socket->receivers_last == request)
		socket->receivers_last = before;
	request_end(life, request, GW_E_CANCELLED, 0);
}

/* ---- Sockets ------------------------------------------------------------------------- */

static int take_port(struct life *life, struct sim_datagrams *socket)
{
	if (socket->address.port == 0)
		socket->address.port = net_free_port(life->node);
	for (const struct sim_datagrams *other = life->datagrams; other; other = other->next)
		if (!other->closed && net_address_hears(&other->address, &socket->address))
			return EADDRINUSE;
	return net_node_of(life->node, &socket->address) == life->node ? 0 : EADDRNOTAVAIL;
}

int net_datagrams_open(struct io *io, const struct io_address *address,
		       struct io_datagrams **out, struct gw_error *error)
{
	struct life *life = life_of(io);
	struct sim_datagrams *socket = (struct sim_datagrams *)sim_allocate(sizeof(*socket));
	int os_error;

	socket->life = life;
	socket->address = *address;
	socket->datagrams.name = socket->name;
	if (address->family == IO_FAMILY_UNIX)
		os_error = disk_socket_make(life->node, address->path, &socket->inode);
	else
		os_error = take_port(life, socket);
	net_address_text(&socket->address, socket->name);
	if (os_error) {
		os_error = gw_fail_errno(error, os_error, "cannot open a datagram socket at %s",
					 socket->name);
		free(socket);
		return os_error;
	}
	socket->next = life->datagrams;
	life->datagrams = socket;
	*out = &socket->datagrams;
	return 0;
}

void net_datagrams_address(struct io *io, struct io_datagrams *datagrams,
			   struct io_address *address)
{
	(void)io;
	*address = ((struct sim_datagrams *)datagrams)->address;
}

static void drop_arrived(struct sim_datagrams *socket)
{
	while (socket->arrived) {
		struct packet *packet = socket->arrived;

		socket->arrived = packet->next;
		packet_free(socket->life->node->sim, packet);
	}
	socket->arrived_last = NULL;
	socket->bytes = 0;
}

void net_datagrams_close(struct io *io, struct io_datagrams *datagrams)
{
	struct sim_datagrams *socket = (struct sim_datagrams *)datagrams;

	assert(socket->life == life_of(io) && !socket->closed);
	while (socket->receivers)
		io_cancel(io, socket->receivers);
	drop_arrived(socket);
	socket->closed = true;
	if (socket->inode)
		disk_socket_remove(socket->life->node, socket->address.path, socket->inode);
	socket->inode = NULL;
}

void datagrams_died(struct sim_datagrams *socket)
{
	drop_arrived(socket);
	request_ghosts(socket->life, socket->receivers);
	socket->receivers = socket->receivers_last = NULL;
	if (socket->inode)
		inode_unref(socket->inode);
	socket->inode = NULL;
}
