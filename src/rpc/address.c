/* SPDX-License-Identifier: Apache-2.0 */
/* address.c - addresses of servers. */
#include "rpc/address.h"

#include <assert.h>
#include <stdio.h>

#include "task/await.h"

static int invalid(const char *text, size_t size, const char *why, struct gw_error *error)
{
	return gw_fail(error, GW_E_INVALID, "address \"%.*s\": %s", (int)(size < 300 ? size : 300),
		       text, why);
}

static bool port_is_good(const char *port, size_t size)
{
	unsigned number = 0;

	if (size == 0 || size >= RPC_PORT_BYTES_MAX)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (port[i] < '0' || port[i] > '9')
			return false;
		number = 10 * number + (unsigned)(port[i] - '0');
	}
	return number <= UINT16_MAX;
}

static int parse_host(const char *text, size_t size, struct rpc_address *address,
		      struct gw_error *error)
{
	const char *colon = memrchr(text, ':', size), *host = text;
	size_t host_size;

	if (!colon)
		return invalid(text, size, "wants host:port, or a path with a '/'", error);
	host_size = (size_t)(colon - text);
	if (!port_is_good(colon + 1, size - host_size - 1))
		return invalid(text, size, "its port is no number up to 65535", error);
	if (host_size >= 2 && host[0] == '[' && host[host_size - 1] == ']') {
		host++;
		host_size -= 2;
	}
	if (host_size == 0 || host_size >= RPC_HOST_BYTES_MAX)
		return invalid(text, size, "its host is empty or too long", error);
	memcpy(address->host, host, host_size);
	memcpy(address->port, colon + 1, (size_t)(text + size - colon - 1));
	return 0;
}

int rpc_address_parse(const char **text, struct rpc_address *address, struct gw_error *error)
{
	const char *start = *text, *comma = strchrnul(start, ',');
	size_t size = (size_t)(comma - start);
	int result = 0;

	*address = (struct rpc_address){0};
	if (size == 0)
		return invalid(*text, strlen(*text), "empty", error);
	if (memchr(start, '/', size)) {
		if (size >= IO_UNIX_PATH_BYTES_MAX)
			return invalid(start, size, "too long for a UNIX socket", error);
		address->is_unix = true;
		memcpy(address->host, start, size);
	} else {
		result = parse_host(start, size, address, error);
	}
	if (result < 0)
		return result;
	assert(size < sizeof(address->text));
	memcpy(address->text, start, size);
	*text = *comma ? comma + 1 : comma;
	return 0;
}

int rpc_address_resolve(struct io *io, const struct rpc_address *address, struct io_addresses *out,
			uint64_t deadline_ns, struct gw_error *error)
{
	struct task_request resolve = {.error = error};

	*out = (struct io_addresses){0};
	if (address->is_unix) {
		out->count = 1;
		out->items[0].family = IO_FAMILY_UNIX;
		memcpy(out->items[0].path, address->host, strlen(address->host));
		return 0;
	}
	io_resolve(io, &resolve.request, address->host, address->port, out, task_request_done);
	return task_await(&resolve, deadline_ns);
}

bool rpc_address_is_local(const struct io_address *address)
{
	static const uint8_t loopback6[16] = {[15] = 1};

	if (address->family == IO_FAMILY_UNIX)
		return true;
	if (address->family == IO_FAMILY_IP4)
		return address->ip[0] == 127;
	return memcmp(address->ip, loopback6, sizeof(loopback6)) == 0;
}

const char *rpc_address_format(const struct io_address *address, char *out, size_t size)
{
	const uint8_t *ip = address->ip;
	unsigned parts[8];

	if (address->family == IO_FAMILY_UNIX) {
		(void)snprintf(out, size, "%s", address->path);
	} else if (address->family == IO_FAMILY_IP4) {
		(void)snprintf(out, size, "%u.%u.%u.%u:%u", ip[0], ip[1], ip[2], ip[3],
			       address->port);
	} else {
		for (size_t i = 0; i < 8; i++)
			parts[i] = (unsigned)ip[2 * i] << 8 | ip[2 * i + 1];
		(void)snprintf(out, size, "[%x:%x:%x:%x:%x:%x:%x:%x]:%u", parts[0], parts[1],
			       parts[2], parts[3], parts[4], parts[5], parts[6], parts[7],
			       address->port);
	}
	return out;
}
