/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.c - the links between nodes and their faults, and addresses.
 */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { PORT_FIRST = 32768, PORT_END = 61000, PORT_MAX = 65535 };

/* ---- Links --------------------------------------------------------------------------- */

static struct sim_link tame_link(const struct sim *sim, bool local)
{
	return (struct sim_link){
		.delay_min_ns = local ? sim->options.delay_local_ns / 2 : sim->options.delay_min_ns,
		.delay_mean_ns = local ? sim->options.delay_local_ns / 2
				       : sim->options.delay_mean_ns,
		.split_ppm = sim->options.split_ppm,
	};
}

static void links_reset(struct sim_node *node)
{
	for (uint32_t i = 0; i < SIM_NODES_MAX; i++)
		node->links[i] = tame_link(node->sim, i == node->index);
}

void net_node_added(struct sim_node *node)
{
	node->links = (struct sim_link *)sim_allocate(SIM_NODES_MAX * sizeof(*node->links));
	node->next_port = PORT_FIRST;
	links_reset(node);
}

struct sim_link *sim_link(struct sim_node *from, struct sim_node *to)
{
	assert(from->sim == to->sim);
	return &from->links[to->index];
}

uint64_t link_delay(struct sim_node *from, struct sim_node *to, size_t size)
{
	const struct sim_link *link = sim_link(from, to);
	uint64_t delay_ns = link->delay_min_ns +
			    sim_random_exponential(&from->sim->net, link->delay_mean_ns);

	if (link->bytes_per_s > 0)
		delay_ns += size * SIM_SECOND / link->bytes_per_s;
	return delay_ns;
}

bool link_is_blocked(struct sim_node *from, struct sim_node *to)
{
	return sim_link(from, to)->blocked || !node_is_here(to) || !node_is_here(from);
}

static void block(struct sim_node *from, struct sim_node *to, bool blocked)
{
	struct sim_link *link = sim_link(from, to);

	if (link->blocked == blocked || from == to)
		return;
	link->blocked = blocked;
	trace_add(from->sim, from, TRACE_FAULT, blocked ? "is cut off from" : "is heard again by",
		  to->index + 1, 0);
}

void sim_partition(struct sim *sim, uint64_t mask)
{
	for (uint32_t i = 0; i < sim->node_count; i++)
		for (uint32_t j = 0; j < sim->node_count; j++) {
			bool side_i = i < 64 && (mask >> i & 1), side_j = j < 64 && (mask >> j & 1);

			block(sim->nodes[i], sim->nodes[j], side_i != side_j);
		}
}

void sim_isolate(struct sim_node *node, bool sends, bool receives)
{
	struct sim *sim = node->sim;

	for (uint32_t i = 0; i < sim->node_count; i++) {
		if (sends)
			block(node, sim->nodes[i], true);
		if (receives)
			block(sim->nodes[i], node, true);
	}
}

void sim_heal(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->node_count; i++)
		links_reset(sim->nodes[i]);
	trace_add(sim, NULL, TRACE_FAULT, "the network is healed", 0, 0);
}

/* ---- Streams between two nodes ------------------------------------------------------- */

static bool is_between(const struct connection *connection, const struct sim_node *a,
		       const struct sim_node *b)
{
	return !connection->dead && connection->step == CONNECT_MADE &&
	       ((connection->nodes[0] == a && connection->nodes[1] == b) ||
		(connection->nodes[0] == b && connection->nodes[1] == a));
}

uint32_t sim_reset_streams(struct sim_node *a, struct sim_node *b)
{
	struct connection *next;
	uint32_t count = 0;

	for (struct connection *at = a->sim->connections; at; at = next) {
		next = at->next;
		if (!is_between(at, a, b))
			continue;
		connection_reset(at);
		count++;
	}
	return count;
}

uint32_t sim_hang_streams(struct sim_node *a, struct sim_node *b)
{
	uint32_t count = 0;

	for (struct connection *at = a->sim->connections; at; at = at->next) {
		if (!is_between(at, a, b))
			continue;
		flow_hang(&at->flows[0]);
		flow_hang(&at->flows[1]);
		count++;
	}
	return count;
}

/* ---- Addresses ----------------------------------------------------------------------- */

static bool is_zero(const uint8_t *ip, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (ip[i])
			return false;
	return true;
}

static bool is_any(const struct io_address *address)
{
	return is_zero(address->ip, sizeof(address->ip));
}

static bool is_loopback(const struct io_address *address)
{
	if (address->family == IO_FAMILY_IP4)
		return address->ip[0] == 127;
	return is_zero(address->ip, 15) && address->ip[15] == 1;
}

/* 10.0.0.n and fd00::n are node n - 1. */
struct sim_node *net_node_of(struct sim_node *from, const struct io_address *address)
{
	struct sim *sim = from->sim;
	const uint8_t *ip = address->ip;
	uint32_t last = address->family == IO_FAMILY_IP4 ? 3 : 15;

	if (address->family == IO_FAMILY_UNIX || is_any(address) || is_loopback(address))
		return from;
	if (ip[0] != (last == 3 ? 10 : 0xfd) || !is_zero(ip + 1, last - 1) || ip[last] == 0 ||
	    ip[last] > sim->node_count)
		return NULL;
	return sim->nodes[ip[last] - 1];
}

void net_source_address(struct sim_node *node, const struct io_address *to,
			struct io_address *address)
{
	*address = (struct io_address){.family = to->family};
	if (to->family == IO_FAMILY_UNIX)
		return;
	if (is_loopback(to) || is_any(to)) {
		address->ip[0] = to->family == IO_FAMILY_IP4 ? 127 : 0;
		address->ip[to->family == IO_FAMILY_IP4 ? 3 : 15] = 1;
	} else {
		address->ip[0] = to->family == IO_FAMILY_IP4 ? 10 : 0xfd;
		address->ip[to->family == IO_FAMILY_IP4 ? 3 : 15] = (uint8_t)(node->index + 1);
	}
}

bool net_address_hears(const struct io_address *bound, const struct io_address *to)
{
	if (bound->family != to->family || bound->port != to->port)
		return false;
	if (is_any(bound) || memcmp(bound->ip, to->ip, sizeof(to->ip)) == 0)
		return true;
	return is_loopback(bound) && (is_any(to) || is_loopback(to));
}

uint16_t net_free_port(struct sim_node *node)
{
	uint16_t port = node->next_port;

	assert(port >= PORT_FIRST && port < PORT_END);
	node->next_port = (uint16_t)(port + 1 < PORT_END ? port + 1 : PORT_FIRST);
	return port;
}

void net_address_text(const struct io_address *address, char text[NET_NAME_MAX])
{
	char ip[INET6_ADDRSTRLEN] = "?";

	if (address->family == IO_FAMILY_UNIX) {
		snprintf(text, NET_NAME_MAX, "%s", address->path[0] ? address->path : "unix");
		return;
	}
	if (address->family == IO_FAMILY_IP4)
		(void)inet_ntop(AF_INET, address->ip, ip, sizeof(ip));
	else
		(void)inet_ntop(AF_INET6, address->ip, ip, sizeof(ip));
	snprintf(text, NET_NAME_MAX, address->family == IO_FAMILY_IP4 ? "%s:%u" : "[%s]:%u", ip,
		 address->port);
}

static bool parse_port(const char *text, uint16_t *port)
{
	uint32_t number = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		number = number * 10 + (uint32_t)(*text - '0');
		if (number > PORT_MAX)
			return false;
	}
	*port = (uint16_t)number;
	return true;
}

static bool parse_host(struct sim_node *node, const char *host, struct io_address *address)
{
	struct sim *sim = node->sim;

	*address = (struct io_address){.family = IO_FAMILY_IP4};
	if (inet_pton(AF_INET, host, address->ip) == 1)
		return true;
	if (strcmp(host, "localhost") == 0)
		return inet_pton(AF_INET, "127.0.0.1", address->ip) == 1;
	for (uint32_t i = 0; i < sim->node_count; i++) {
		if (strcmp(sim->nodes[i]->name, host) == 0) {
			sim_node_address(sim->nodes[i], 0, address);
			return true;
		}
	}
	address->family = IO_FAMILY_IP6;
	return inet_pton(AF_INET6, host, address->ip) == 1;
}

int net_resolve(struct sim_node *node, const struct io_request *request)
{
	struct io_addresses *out = request->u.resolve.out;
	uint16_t port;

	if (!parse_port(request->u.resolve.port, &port) ||
	    !parse_host(node, request->u.resolve.host, &out->items[0]))
		return GW_E_NOT_FOUND;
	out->items[0].port = port;
	out->count = 1;
	return 0;
}
