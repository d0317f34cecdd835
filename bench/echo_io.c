/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo_io.c - the echo of floor_epoll.c on `struct io`, always batched: what the event loop costs
 * above bare epoll, below tasks and calls. echo.h has the arguments.
 */
#include "echo.h"
#include "io/uv.h"

/* Either side of a connection. Bytes are read into one buffer while the other one is sent. */
struct connection {
	struct io_reader reader;
	struct io_request write;
	struct bench *bench;
	struct io_stream *stream;
	struct gw_bytes piece;
	bool paused; /* the server's reader: its buffer is full */
	char *in, *out;
	size_t in_used;
	uint64_t due, sent; /* client: bytes to send so far, and given to the io */
	uint64_t got, done; /* client: bytes and messages that came back */
};

struct bench {
	const struct echo *echo;
	struct io *io;
	struct io_listener *listener;
	struct io_request accept;
	struct io_stream *accepted;
	struct io_address address;
	struct connection *connections;
	size_t open, ended;
	uint64_t left, done;
	bool serves;
};

static char zeros[1 << 20];

static void check(int result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, gw_code_text(result));
	exit(1);
}

static void send_more(struct connection *connection);

static void sent(struct io_request *request, int result)
{
	struct connection *connection = request->data;

	check(result, "write");
	send_more(connection);
}

/* One write at a time: of the server all that was read meanwhile, of the client all that is due. */
static void send_more(struct connection *connection)
{
	struct bench *bench = connection->bench;

	if (!bench->serves) {
		uint64_t most = connection->due - connection->sent;

		if (most == 0)
			return;
		if (most > sizeof(zeros))
			most = sizeof(zeros);
		connection->piece = (struct gw_bytes){zeros, most};
		connection->sent += most;
	} else {
		char *full = connection->in;

		if (connection->in_used == 0)
			return;
		connection->piece = (struct gw_bytes){full, connection->in_used};
		connection->in = connection->out;
		connection->out = full;
		connection->in_used = 0;
	}
	io_writev(bench->io, &connection->write, connection->stream, &connection->piece, 1, sent);
	if (!connection->paused)
		return;
	connection->paused = false;
	io_read_start(bench->io, connection->stream, &connection->reader);
}

static struct io_buffer buffer(struct io_reader *reader)
{
	struct connection *connection = (struct connection *)reader;
	size_t room = ECHO_BUFFER_BYTES - connection->in_used;

	connection->paused = room == 0;
	return (struct io_buffer){connection->in + connection->in_used, room};
}

static void came_back(struct connection *connection, uint64_t size)
{
	struct bench *bench = connection->bench;
	uint64_t fresh;

	connection->got += size;
	fresh = connection->got / bench->echo->size - connection->done;
	connection->done += fresh;
	bench->done += fresh;
	if (fresh > bench->left)
		fresh = bench->left;
	bench->left -= fresh;
	connection->due += fresh * bench->echo->size;
	if (bench->done == bench->echo->count)
		io_uv_stop(bench->io);
}

static void arrived(struct io_reader *reader, int result)
{
	struct connection *connection = (struct connection *)reader;
	struct bench *bench = connection->bench;

	check(result, "read");
	if (result == 0) {
		if (++bench->ended == bench->open)
			io_uv_stop(bench->io);
		return;
	}
	if (bench->serves)
		connection->in_used += (size_t)result;
	else
		came_back(connection, (uint64_t)result);
	if (!io_under_way(&connection->write))
		send_more(connection);
}

static void begin(struct bench *bench, struct io_stream *stream)
{
	struct connection *connection = &bench->connections[bench->open];

	connection->reader = (struct io_reader){.buffer = buffer, .read = arrived};
	connection->bench = bench;
	connection->stream = stream;
	connection->write.data = connection;
	connection->in = malloc(ECHO_BUFFER_BYTES);
	connection->out = malloc(ECHO_BUFFER_BYTES);
	if (!connection->in || !connection->out)
		echo_fail("memory");
	if (!bench->serves)
		connection->due = echo_share(bench->echo, bench->open) * bench->echo->size;
	bench->open++;
	io_read_start(bench->io, stream, &connection->reader);
	send_more(connection);
}

static void make(struct bench *bench)
{
	check(io_uv_new(&bench->io, NULL, NULL), "loop");
	bench->connections = calloc(bench->echo->connections, sizeof(*bench->connections));
	if (!bench->connections)
		echo_fail("memory");
	bench->address = (struct io_address){
		.family = IO_FAMILY_IP4, .ip = {127, 0, 0, 1}, .port = bench->echo->port};
}

static void accepted(struct io_request *request, int result)
{
	struct bench *bench = request->data;

	check(result, "accept");
	begin(bench, bench->accepted);
	if (bench->open < bench->echo->connections)
		io_accept(bench->io, request, bench->listener, &bench->accepted, accepted);
}

static void server(const struct echo *echo, int port_pipe)
{
	struct bench bench = {.echo = echo, .serves = true};

	make(&bench);
	bench.address.port = 0;
	check(io_listen(bench.io, &bench.address, &bench.listener, NULL), "listen");
	io_listener_address(bench.io, bench.listener, &bench.address);
	echo_tell_port(port_pipe, bench.address.port);
	bench.accept.data = &bench;
	io_accept(bench.io, &bench.accept, bench.listener, &bench.accepted, accepted);
	io_uv_run(bench.io);
	io_uv_free(bench.io);
}

static void connected(struct io_request *request, int result)
{
	struct bench *bench = request->data;

	check(result, "connect");
	begin(bench, bench->accepted);
	if (bench->open < bench->echo->connections)
		io_connect(bench->io, request, &bench->address, NULL, &bench->accepted, connected);
}

static void client(const struct echo *echo)
{
	struct bench bench = {.echo = echo, .left = echo->count - echo->outstanding};

	make(&bench);
	bench.accept.data = &bench;
	io_connect(bench.io, &bench.accept, &bench.address, NULL, &bench.accepted, connected);
	io_uv_run(bench.io);
	io_uv_free(bench.io);
}

int main(int argc, char **argv)
{
	return echo_main(argc, argv, server, client);
}
