/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_address.c - addresses between struct io_address, the system's and text.
 */
#include "io/uv_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

_Static_assert(sizeof(((struct sockaddr_un *)NULL)->sun_path) == IO_UNIX_PATH_BYTES_MAX,
	       "a path that fits here fits there");

int real_address_to(const struct io_address *address, struct sockaddr_storage *storage,
		    socklen_t *size)
{
	struct sockaddr_in *ip4 = (struct sockaddr_in *)storage;
	struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)storage;
	struct sockaddr_un *local = (struct sockaddr_un *)storage;

	memset(storage, 0, sizeof(*storage));
	switch (address->family) {
	case IO_FAMILY_IP4:
		ip4->sin_family = AF_INET;
		ip4->sin_port = htons(address->port);
		memcpy(&ip4->sin_addr, address->ip, sizeof(ip4->sin_addr));
		*size = sizeof(*ip4);
		return 0;
	case IO_FAMILY_IP6:
		ip6->sin6_family = AF_INET6;
		ip6->sin6_port = htons(address->port);
		ip6->sin6_scope_id = address->scope;
		memcpy(&ip6->sin6_addr, address->ip, sizeof(ip6->sin6_addr));
		*size = sizeof(*ip6);
		return 0;
	case IO_FAMILY_UNIX:
		if (!address->path[0] || !memchr(address->path, 0, sizeof(address->path)))
			return GW_E_INVALID;
		local->sun_family = AF_UNIX;
		memcpy(local->sun_path, address->path, sizeof(address->path));
		*size = sizeof(*local);
		return 0;
	default:
		return GW_E_INVALID;
	}
}

static size_t path_size(socklen_t size)
{
	size_t path = size - offsetof(struct sockaddr_un, sun_path);

	return path < IO_UNIX_PATH_BYTES_MAX ? path : IO_UNIX_PATH_BYTES_MAX - 1;
}

void real_address_from(struct io_address *address, const struct sockaddr_storage *storage,
		       socklen_t size)
{
	const struct sockaddr_in *ip4 = (const struct sockaddr_in *)storage;
	const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)storage;
	const struct sockaddr_un *local = (const struct sockaddr_un *)storage;

	memset(address, 0, sizeof(*address));
	if (size < sizeof(sa_family_t))
		return;
	switch (storage->ss_family) {
	case AF_INET:
		address->family = IO_FAMILY_IP4;
		address->port = ntohs(ip4->sin_port);
		memcpy(address->ip, &ip4->sin_addr, sizeof(ip4->sin_addr));
		break;
	case AF_INET6:
		address->family = IO_FAMILY_IP6;
		address->port = ntohs(ip6->sin6_port);
		address->scope = ip6->sin6_scope_id;
		memcpy(address->ip, &ip6->sin6_addr, sizeof(ip6->sin6_addr));
		break;
	case AF_UNIX:
		address->family = IO_FAMILY_UNIX;
		/* A socket without a name has no bytes here; with one, the NUL is the last. */
		if (size > offsetof(struct sockaddr_un, sun_path))
			memcpy(address->path, local->sun_path, path_size(size));
		break;
	default:
		break;
	}
}

void real_address_text(const struct io_address *address, char text[REAL_NAME_BYTES_MAX])
{
	char ip[INET6_ADDRSTRLEN] = "";

	switch (address->family) {
	case IO_FAMILY_IP4:
		inet_ntop(AF_INET, address->ip, ip, sizeof(ip));
		snprintf(text, REAL_NAME_BYTES_MAX, "%s:%u", ip, address->port);
		break;
	case IO_FAMILY_IP6:
		inet_ntop(AF_INET6, address->ip, ip, sizeof(ip));
		snprintf(text, REAL_NAME_BYTES_MAX, "[%s]:%u", ip, address->port);
		break;
	case IO_FAMILY_UNIX:
		snprintf(text, REAL_NAME_BYTES_MAX, "unix:%.*s", IO_UNIX_PATH_BYTES_MAX,
			 address->path);
		break;
	default:
		snprintf(text, REAL_NAME_BYTES_MAX, "no address");
		break;
	}
}
