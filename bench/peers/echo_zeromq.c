/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo_zeromq.c - the echo of bench/echo_rpc.c by ZeroMQ: a ROUTER gives back to DEALERs what they
 * send. echo.sh has the arguments.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

static void check(int result)
{
	if (result >= 0)
		return;
	fprintf(stderr, "%s\n", zmq_strerror(zmq_errno()));
	exit(1);
}

static void serve(void)
{
	void *context = zmq_ctx_new(), *router = zmq_socket(context, ZMQ_ROUTER);
	char address[256];
	size_t size = sizeof(address);

	check(zmq_bind(router, "tcp://127.0.0.1:*"));
	check(zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, address, &size));
	puts(strrchr(address, ':') + 1);
	fclose(stdout);
	for (;;) {
		zmq_msg_t part;
		int more;

		check(zmq_msg_init(&part));
		check(zmq_msg_recv(&part, router, 0));
		more = zmq_msg_more(&part);
		check(zmq_msg_send(&part, router, more ? ZMQ_SNDMORE : 0));
	}
}

static void send_one(void *dealer, const char *data, size_t size)
{
	check(zmq_send(dealer, data, size, 0));
}

static void call(const char *port, size_t size, size_t connections, size_t outstanding,
		 size_t count)
{
	zmq_pollitem_t *items = calloc(connections, sizeof(*items));
	void *context = zmq_ctx_new();
	size_t sent = 0, done = 0;
	char *data = calloc(1, size), address[64];

	snprintf(address, sizeof(address), "tcp://127.0.0.1:%s", port);
	for (size_t i = 0; i < connections; i++) {
		items[i].socket = zmq_socket(context, ZMQ_DEALER);
		items[i].events = ZMQ_POLLIN;
		check(zmq_connect(items[i].socket, address));
	}
	for (; sent < outstanding && sent < count; sent++)
		send_one(items[sent % connections].socket, data, size);
	while (done < count) {
		check(zmq_poll(items, (int)connections, -1));
		for (size_t i = 0; i < connections; i++) {
			zmq_msg_t message;

			if (!(items[i].revents & ZMQ_POLLIN))
				continue;
			check(zmq_msg_init(&message));
			while (zmq_msg_recv(&message, items[i].socket, ZMQ_DONTWAIT) >= 0) {
				assert(zmq_msg_size(&message) == size);
				done++;
				if (sent < count) {
					send_one(items[i].socket, data, size);
					sent++;
				}
			}
			check(zmq_msg_close(&message));
		}
	}
	for (size_t i = 0; i < connections; i++)
		zmq_close(items[i].socket);
	zmq_ctx_term(context);
	free(items);
	free(data);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		serve();
	if (argc != 7) {
		fprintf(stderr, "usage: %s serve | call PORT SIZE CONNECTIONS OUTSTANDING COUNT\n",
			argv[0]);
		return 2;
	}
	call(argv[2], strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10),
	     strtoul(argv[5], NULL, 10), strtoul(argv[6], NULL, 10));
	return 0;
}
