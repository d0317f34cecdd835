/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include "target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BREAK_KEY = 3, PIECE_BYTES = 4096 };

/* ---- The port -------------------------------------------------------------------------------- */

static int open_port(uint16_t port, int *listener, uint16_t *opened, struct gw_error *error)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(port),
				      .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(address);
	int one = 1;

	*listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*listener < 0)
		return gw_fail_errno(error, errno, "a port for gdb");
	(void)setsockopt(*listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(*listener, (struct sockaddr *)&address, size) < 0 || listen(*listener, 1) < 0 ||
	    getsockname(*listener, (struct sockaddr *)&address, &size) < 0) {
		int code = gw_fail_errno(error, errno, "port %u for gdb", port);

		close(*listener);
		return code;
	}
	*opened = ntohs(address.sin_port);
	return 0;
}

static int wait_for_gdb(const struct vm_debug_options *options, int *gdb, struct gw_error *error)
{
	uint16_t port = 0;
	int listener, one = 1, code = open_port(options->port, &listener, &port, error);

	if (code < 0)
		return code;
	if (options->listening)
		options->listening(options->context, port);
	do
		*gdb = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	while (*gdb < 0 && errno == EINTR);
	if (*gdb < 0)
		code = gw_fail_errno(error, errno, "gdb's connection");
	else
		(void)setsockopt(*gdb, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	close(listener);
	return code;
}

/* ---- The connection -------------------------------------------------------------------------- */

/* While it runs nothing comes but the break key, and acknowledgements. */
static bool interrupted(void *context)
{
	int gdb = *(int *)context;
	uint8_t byte;

	for (;;) {
		ssize_t got = recv(gdb, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

		if (got < 0)
			return errno != EAGAIN && errno != EINTR;
		if (got == 0)
			return true;
		if (byte != BREAK_KEY && byte != '+')
			return false;
		(void)recv(gdb, &byte, 1, MSG_DONTWAIT);
		if (byte == BREAK_KEY)
			return true;
	}
}

/* false: it is gone. */
static bool send_all(int gdb, struct gw_bytes bytes)
{
	const uint8_t *from = bytes.data;

	for (size_t done = 0; done < bytes.size;) {
		ssize_t sent = send(gdb, from + done, bytes.size - done, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		done += (size_t)sent;
	}
	return true;
}

static int serve(struct vm_session *session, int gdb, struct gw_error *error)
{
	uint8_t piece[PIECE_BYTES];

	while (!vm_session_over(session)) {
		ssize_t got = recv(gdb, piece, sizeof(piece), 0);
		int code;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
		code = vm_session_put(session, (struct gw_bytes){piece, (size_t)got}, error);
		if (code < 0)
			return code;
		if (!send_all(gdb, vm_session_out(session)))
			return 0;
		vm_session_sent(session);
	}
	return 0;
}

int vm_debug_serve(struct vm_replay *replay, const struct vm_debug_options *options,
		   struct gw_error *error)
{
	struct vm_debug_replay debug = {.replay = replay};
	struct vm_debug_target target = vm_debug_replay_target(&debug);
	struct vm_session *session = NULL;
	int gdb = -1, code = vm_debug_replay_start(&debug, options->from, error);

	if (code == 0)
		code = vm_session_new(&session, &target, error);
	if (code == 0)
		code = wait_for_gdb(options, &gdb, error);
	if (code == 0) {
		debug.interrupted = interrupted;
		debug.context = &gdb;
		code = serve(session, gdb, error);
		close(gdb);
	}
	vm_session_free(session);
	vm_debug_replay_done(&debug);
	return code;
}
