/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.c - listeners: their backlogs, and who accepts.
 */
#include "net.h"

#include <errno.h>
#include <stdlib.h>

#include "disk.h"

void backlog_remove(struct connection *connection)
{
	struct sim_listener *listener = connection->listener;
	struct connection *before = NULL;

	if (!listener)
		return;
	for (struct connection *at = listener->waiting; at != connection; at = at->next_waiting)
		before = at;
	if (before)
		before->next_waiting = connection->next_waiting;
	else
		listener->waiting = connection->next_waiting;
	if (listener->waiting_last == connection)
		listener->waiting_last = before;
	listener->waiting_count--;
	assert((listener->waiting_count == 0) == (listener->waiting == NULL));
	connection->listener = NULL;
	connection->next_waiting = NULL;
}

struct sim_listener *listener_find(struct connection *connection)
{
	struct sim_node *node = connection->nodes[1];
	struct sim_listener *listener = node->state >= SIM_NODE_RUNNING ? node->life->listeners
									 : NULL;

	for (; listener; listener = listener->next) {
		if (listener->closed)
			continue;
		if (connection->inode ? listener->inode == connection->inode
				      : !listener->inode &&
						net_address_hears(&listener->address,
								  &connection->ends[1].address))
			return listener;
	}
	return NULL;
}

static void accept_gets(struct sim_listener *listener, struct connection *connection)
{
	struct io_request *request = listener->accept;

	listener->accept = NULL;
	*request->u.net.stream_out = &connection->ends[1].stream;
	request_end(listener->life, request, 0, 0);
}

void listener_offer(struct sim_listener *listener, struct connection *connection)
{
	assert(!listener->closed && connection->ends[1].life == listener->life);
	if (listener->accept) {
		accept_gets(listener, connection);
		return;
	}
	connection->listener = listener;
	if (listener->waiting_last)
		listener->waiting_last->next_waiting = connection;
	else
		listener->waiting = connection;
	listener->waiting_last = connection;
	listener->waiting_count++;
}

/* ---- Accepting ----------------------------------------------------------------------- */

void accept_start(struct life *life, struct io_request *request)
{
	struct sim_listener *listener = (struct sim_listener *)request->u.net.object;
	struct connection *connection = listener->waiting;

	assert(listener->life == life && !listener->closed);
	assert(!listener->accept && "one accept of a listener at a time");
	listener->accept = request;
	if (!connection)
		return;
	backlog_remove(connection);
	accept_gets(listener, connection);
}

void accept_cancel(struct life *life, struct io_request *request)
{
	struct sim_listener *listener = (struct sim_listener *)request->u.net.object;

	if (job_of(request))
		return;
	assert(listener->accept == request);
	listener->accept = NULL;
	request_end(life, request, GW_E_CANCELLED, 0);
}

/* ---- Listeners ---------------------------------------------------------------------------- */

static int take_port(struct life *life, struct sim_listener *listener)
{
	if (listener->address.port == 0)
		listener->address.port = net_free_port(life->node);
	for (const struct sim_listener *other = life->listeners; other; other = other->next)
		if (!other->closed && other->address.family == listener->address.family &&
		    other->address.port == listener->address.port &&
		    (net_address_hears(&other->address, &listener->address) ||
		     net_address_hears(&listener->address, &other->address)))
			return EADDRINUSE;
	return net_node_of(life->node, &listener->address) == life->node ? 0 : EADDRNOTAVAIL;
}

int net_listen(struct io *io, const struct io_address *address, struct io_listener **out,
	       struct gw_error *error)
{
	struct life *life = life_of(io);
	struct sim_listener *listener = (struct sim_listener *)sim_allocate(sizeof(*listener));
	int os_error;

	listener->life = life;
	listener->address = *address;
	listener->listener.name = listener->name;
	if (address->family == IO_FAMILY_UNIX)
		os_error = disk_socket_make(life->node, address->path, &listener->inode);
	else
		os_error = take_port(life, listener);
	net_address_text(&listener->address, listener->name);
	if (os_error) {
		os_error = gw_fail_errno(error, os_error, "cannot listen on %s", listener->name);
		free(listener);
		return os_error;
	}
	listener->next = life->listeners;
	life->listeners = listener;
	*out = &listener->listener;
	return 0;
}

void net_listener_address(struct io *io, struct io_listener *listener,
			  struct io_address *address)
{
	(void)io;
	*address = ((struct sim_listener *)listener)->address;
}

/* Its memory lasts as long as the life, for the name in the end of an accept. */
void net_listener_close(struct io *io, struct io_listener *io_listener)
{
	struct sim_listener *listener = (struct sim_listener *)io_listener;
	struct life *life = life_of(io);

	assert(listener->life == life && !listener->closed);
	listener->closed = true;
	if (listener->accept)
		io_cancel(io, listener->accept);
	while (listener->waiting) {
		struct connection *connection = listener->waiting;

		backlog_remove(connection);
		stream_close(&connection->ends[1], true);
	}
	if (listener->inode)
		disk_socket_remove(life->node, listener->address.path, listener->inode);
	listener->inode = NULL;
}

void listener_died(struct sim_listener *listener)
{
	if (listener->accept)
		request_ghost(listener->life, listener->accept);
	listener->accept = NULL;
	if (listener->inode)
		inode_unref(listener->inode); /* the name stays, as with a kernel */
	listener->inode = NULL;
}
