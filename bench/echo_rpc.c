/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo_rpc.c - the echo of floor_epoll.c by calls: a handler gives back what it got. echo.h has the
 * arguments; "batched" calls best effort, "once" calls at most once. Each connection is a client of
 * its own, each message under way a task that calls. Messages of 64 KiB and more are attachments,
 * without a checksum.
 */
#include "echo.h"

#include "bounce.rpc.h"

#include <groundwork/rpc.h>

enum { ATTACHMENT_BYTES = 64 << 10 };

static void check(int result, const struct gw_error *error)
{
	if (result >= 0)
		return;
	fprintf(stderr, "%s\n", error->text);
	exit(1);
}

/* ---- The server ------------------------------------------------------------------------------ */

static int give_back(struct gw_rpc_call *call, void *context, const Bounce__Bytes *request,
		     Bounce__Bytes *reply, struct gw_error *error)
{
	uint64_t bytes;
	int result = gw_rpc_attachment_size(call, &bytes, error);
	void *buffer;

	(void)context;
	reply->data = request->data;
	if (result < 0 || bytes == 0)
		return result;
	buffer = malloc(bytes);
	if (!buffer)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	result = gw_rpc_part_receive(call, buffer, bytes, error);
	if (result < 0) {
		free(buffer);
		return result;
	}
	return gw_rpc_attach(call, (struct gw_bytes){buffer, bytes}, true, free, buffer, error);
}

static const struct bounce_handlers handlers = {.call = give_back, .once = give_back};

struct serving {
	const struct echo *echo;
	int port_pipe;
};

static int serve(void *argument)
{
	struct serving *serving = argument;
	struct gw_rpc_server_options options = {.connection_calls_max = 4096};
	struct gw_rpc_server *server;
	struct gw_error error = {0};

	check(gw_rpc_server_new(&server, &options, &error), &error);
	check(bounce_serve(server, &handlers, NULL, NULL, &error), &error);
	check(gw_rpc_server_listen(server, "127.0.0.1:0", &error), &error);
	echo_tell_port(serving->port_pipe,
		       (uint16_t)atoi(strrchr(gw_rpc_server_address(server), ':') + 1));
	/* The client ends this process. */
	return gw_sleep_until(GW_FOREVER);
}

static void server(const struct echo *echo, int port_pipe)
{
	struct serving serving = {echo, port_pipe};

	(void)gw_run(serve, &serving, NULL, NULL);
}

/* ---- The client ------------------------------------------------------------------------------ */

struct work {
	const struct echo *echo;
	struct gw_rpc_client *clients[ECHO_CONNECTIONS_MAX];
	uint8_t *data;
	uint64_t left;
};

struct caller {
	struct work *work;
	struct gw_rpc_client *client;
	uint8_t *back;
};

static int call_once(struct caller *caller, struct gw_error *error)
{
	struct work *work = caller->work;
	size_t size = work->echo->size, got = size;
	struct gw_rpc_call_options options = {0};
	Bounce__Bytes request = BOUNCE__BYTES__INIT, *reply;
	int result;

	if (size >= ATTACHMENT_BYTES) {
		options.attachment = (struct gw_bytes){work->data, size};
		options.attachment_is_checked = true; /* nobody else's is */
		options.reply_attachment = caller->back;
		options.reply_attachment_max = size;
		options.reply_attachment_bytes = &got;
	} else {
		request.data.data = work->data;
		request.data.len = size;
	}
	result = work->echo->batched
			 ? bounce_call_with(caller->client, &request, &options, &reply, error)
			 : bounce_once_with(caller->client, &request, &options, &reply, error);
	if (result >= 0 && size < ATTACHMENT_BYTES)
		got = reply->data.len;
	if (result >= 0 && got != size)
		result = gw_fail(error, GW_E_CORRUPT, "%zu bytes came back of %zu", got, size);
	gw_rpc_reply_free(reply);
	return result;
}

static int run_caller(void *argument)
{
	struct caller *caller = argument;
	struct gw_error error = {0};

	while (caller->work->left > 0) {
		caller->work->left--;
		check(call_once(caller, &error), &error);
	}
	return 0;
}

static int run_client(void *argument)
{
	struct work *work = argument;
	const struct echo *echo = work->echo;
	struct caller *callers = calloc(echo->outstanding, sizeof(*callers));
	struct gw_rpc_client_options options = {.timeout_ms = 60000};
	struct gw_group group = {0};
	struct gw_error error = {0};
	char address[32];

	(void)snprintf(address, sizeof(address), "127.0.0.1:%u", echo->port);
	for (size_t i = 0; i < echo->connections; i++)
		check(gw_rpc_client_new(&work->clients[i], address, &options, &error), &error);
	for (size_t i = 0; i < echo->outstanding; i++) {
		callers[i] = (struct caller){work, work->clients[i % echo->connections], NULL};
		if (echo->size >= ATTACHMENT_BYTES)
			callers[i].back = malloc(echo->size);
		check(gw_spawn(&group, run_caller, &callers[i], NULL), &error);
	}
	check(gw_group_wait(&group, GW_FOREVER), &error);
	for (size_t i = 0; i < echo->connections; i++)
		gw_rpc_client_free(work->clients[i]);
	for (size_t i = 0; i < echo->outstanding; i++)
		free(callers[i].back);
	free(callers);
	return 0;
}

static void client(const struct echo *echo)
{
	struct work *work = calloc(1, sizeof(*work));

	work->echo = echo;
	work->data = calloc(1, echo->size);
	work->left = echo->count;
	(void)gw_run(run_client, work, NULL, NULL);
	free(work->data);
	free(work);
	(void)kill(echo->server, SIGKILL);
}

int main(int argc, char **argv)
{
	return echo_main(argc, argv, server, client);
}
