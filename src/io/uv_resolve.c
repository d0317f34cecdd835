/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_resolve.c - names of hosts, by the C library's resolver on a thread.
 */
#include "io/uv_file.h"

#include <errno.h>
#include <netdb.h>

static void failed(struct io_request *request, int answer, int os_error)
{
	switch (answer) {
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_SERVICE:
		real_result(request, GW_E_NOT_FOUND);
		break;
	case EAI_AGAIN:
	case EAI_FAIL:
		real_result(request, GW_E_UNREACHABLE);
		break;
	case EAI_MEMORY:
		real_result(request, GW_E_NO_MEMORY);
		break;
	case EAI_SYSTEM:
		real_result_errno(request, os_error);
		break;
	default:
		real_result(request, GW_E_FAILED);
		break;
	}
}

static void add(struct io_addresses *addresses, const struct addrinfo *found)
{
	struct sockaddr_storage storage = {0};
	struct io_address address;

	if (found->ai_addrlen > sizeof(storage) || addresses->count == IO_ADDRESSES_MAX)
		return;
	memcpy(&storage, found->ai_addr, found->ai_addrlen);
	real_address_from(&address, &storage, found->ai_addrlen);
	if (address.family == IO_FAMILY_NONE)
		return;
	for (size_t i = 0; i < addresses->count; i++)
		if (io_address_equal(&addresses->items[i], &address))
			return;
	addresses->items[addresses->count++] = address;
}

void real_resolve_run(struct io_request *request)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct io_addresses *addresses = request->u.resolve.out;
	struct addrinfo *found = NULL;
	int answer = getaddrinfo(request->u.resolve.host, request->u.resolve.port, &hints, &found);

	if (answer != 0) {
		failed(request, answer, errno);
		return;
	}
	addresses->count = 0;
	for (const struct addrinfo *one = found; one; one = one->ai_next)
		add(addresses, one);
	freeaddrinfo(found);
	real_result(request, addresses->count > 0 ? 0 : GW_E_NOT_FOUND);
}
