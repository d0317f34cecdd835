/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chaos.c - the proxy that behaves like a bad network; see chaos.h.
 *
 * A link is one connection, both sides of it; a way is one direction of it. A way reads pieces into
 * a queue, each with the moment when it is due, and one timer or one write is under way for it.
 */
#include "rpc/chaos.h"

#include <assert.h>
#include <stdlib.h>

static const uint64_t ns_per_ms = 1000000, ns_per_s = 1000000000;

/* Bytes on their way; with size 0 the end of the stream. */
struct piece {
	struct piece *next;
	uint64_t due_ns;
	size_t size, sent;
	uint8_t bytes[];
};

struct link;

struct way {
	struct link *link;
	unsigned from, to; /* sides */
	struct io_reader reader;
	struct io_request write, timer;
	struct gw_bytes slice;
	struct piece *first, *last;
	size_t queued_bytes;
	uint64_t due_ns;   /* of the last piece */
	uint64_t paced_ns; /* when the rate allows the next slice */
	bool reads;
	bool vanished;     /* everything that comes is dropped */
	bool ended;        /* the end was passed on, or will never be */
};

struct link {
	struct rpc_chaos *chaos;
	struct link *next, *previous;
	struct io_stream *sides[2]; /* 0: the client's, 1: ours to the server; NULL: closed */
	struct io_request connect;
	struct way ways[2];         /* [n] reads from side n */
	bool half_open, closed;
};

struct rpc_chaos {
	struct io *io;
	struct io_listener *listener;
	struct io_request accept, pause;
	struct io_stream *accepted;
	struct io_address to;
	struct rpc_chaos_options options;
	struct rpc_chaos_counts counts;
	struct link *links;
	size_t link_count;
	uint64_t random;
	bool stopping;
	void (*gone)(void *context);
	void *gone_context;
	uint8_t buffer[RPC_CHAOS_READ_BYTES];
};

/* ---- Chance ------------------------------------------------------------------------------- */

/* The next number of the sequence (SplitMix64). */
static uint64_t draw(struct rpc_chaos *chaos)
{
	uint64_t mixed = chaos->random += 0x9e3779b97f4a7c15;

	mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
	mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
	return mixed ^ (mixed >> 31);
}

static bool chance(struct rpc_chaos *chaos, uint32_t ppm)
{
	return ppm > 0 && draw(chaos) % RPC_CHAOS_PPM < ppm;
}

/* ---- The end of links --------------------------------------------------------------------- */

static void drop_pieces(struct way *way)
{
	while (way->first) {
		struct piece *piece = way->first;

		way->first = piece->next;
		free(piece);
	}
	way->last = NULL;
	way->queued_bytes = 0;
}

static void maybe_free(struct rpc_chaos *chaos)
{
	void (*gone)(void *context) = chaos->gone;
	void *context = chaos->gone_context;

	if (!chaos->stopping || chaos->links || io_under_way(&chaos->accept) ||
	    io_under_way(&chaos->pause))
		return;
	free(chaos);
	if (gone)
		gone(context);
}

/* Frees the link when nothing of it is under way. */
static void link_end(struct link *link)
{
	struct rpc_chaos *chaos = link->chaos;

	if (!link->closed || io_under_way(&link->connect))
		return;
	for (unsigned i = 0; i < 2; i++) {
		(void)io_timer_stop(chaos->io, &link->ways[i].timer);
		if (io_under_way(&link->ways[i].write) || io_under_way(&link->ways[i].timer))
			return;
	}
	for (unsigned i = 0; i < 2; i++)
		drop_pieces(&link->ways[i]);
	if (link->previous)
		link->previous->next = link->next;
	else
		chaos->links = link->next;
	if (link->next)
		link->next->previous = link->previous;
	assert(chaos->link_count > 0);
	chaos->link_count--;
	free(link);
	maybe_free(chaos);
}

static void close_side(struct link *link, unsigned side, bool reset)
{
	struct io_stream *stream = link->sides[side];

	link->sides[side] = NULL;
	link->ways[side].reads = false;
	if (stream && reset)
		io_stream_reset(link->chaos->io, stream);
	else if (stream)
		io_stream_close(link->chaos->io, stream);
}

static void link_close(struct link *link, bool reset)
{
	if (link->closed)
		return;
	link->closed = true;
	close_side(link, 0, reset);
	close_side(link, 1, reset);
	if (io_under_way(&link->connect))
		io_cancel(link->chaos->io, &link->connect);
	link_end(link);
}

/* One side is gone. The other learns of it, unless this link is half-open: then it only finds that
 * nothing comes any more, until it ends by itself. */
static void side_lost(struct link *link, unsigned side)
{
	if (!link->half_open || !link->sides[1 - side]) {
		link_close(link, true);
		return;
	}
	close_side(link, side, true);
	link->ways[side].ended = true;
	link->ways[1 - side].vanished = true;
	drop_pieces(&link->ways[1 - side]);
}

/* ---- Passing on --------------------------------------------------------------------------- */

static void way_go_on(struct way *way);
static void way_read(struct way *way);

static void write_done(struct io_request *request, int result)
{
	struct way *way = request->data;
	struct piece *piece = way->first;
	struct link *link = way->link;

	if (link->closed) {
		link_end(link);
		return;
	}
	if (result < 0) {
		side_lost(link, way->to);
		return;
	}
	if (piece && piece->sent == piece->size) {
		way->first = piece->next;
		if (!way->first)
			way->last = NULL;
		way->queued_bytes -= piece->size;
		free(piece);
	}
	way_read(way);
	way_go_on(way);
}

static void shutdown_done(struct io_request *request, int result)
{
	struct way *way = request->data;
	struct link *link = way->link;

	(void)result;
	way->ended = true;
	if (link->closed)
		link_end(link);
	else if (link->ways[1 - way->from].ended)
		link_close(link, false);
}

static void timer_done(struct io_request *request, int result)
{
	struct way *way = request->data;

	(void)result;
	if (way->link->closed)
		link_end(way->link);
	else
		way_go_on(way);
}

/* As much of the piece as may go at once. */
static size_t slice_bytes(const struct rpc_chaos *chaos, const struct piece *piece)
{
	size_t rest = piece->size - piece->sent;
	uint64_t slice = chaos->options.bytes_per_s / RPC_CHAOS_SLICES_PER_S;

	if (chaos->options.bytes_per_s == 0)
		return rest;
	slice = slice ? slice : 1;
	return rest < slice ? rest : (size_t)slice;
}

static void send_slice(struct way *way)
{
	struct rpc_chaos *chaos = way->link->chaos;
	struct piece *piece = way->first;
	uint64_t now_ns = io_now_ns(chaos->io);
	size_t size = slice_bytes(chaos, piece);

	way->slice = (struct gw_bytes){piece->bytes + piece->sent, size};
	piece->sent += size;
	if (way->paced_ns < now_ns)
		way->paced_ns = now_ns;
	if (chaos->options.bytes_per_s)
		way->paced_ns += size * ns_per_s / chaos->options.bytes_per_s;
	chaos->counts.bytes += size;
	io_writev(chaos->io, &way->write, way->link->sides[way->to], &way->slice, 1, write_done);
}

/* Waits for the first piece to be due, or sends of it. */
static void way_go_on(struct way *way)
{
	struct io *io = way->link->chaos->io;
	struct piece *piece = way->first;
	uint64_t due_ns;

	if (!piece || way->ended || !way->link->sides[way->to] || io_under_way(&way->write) ||
	    io_under_way(&way->timer))
		return;
	due_ns = piece->due_ns > way->paced_ns ? piece->due_ns : way->paced_ns;
	if (due_ns > io_now_ns(io))
		io_timer(io, &way->timer, due_ns, timer_done);
	else if (piece->size == 0)
		io_shutdown(io, &way->write, way->link->sides[way->to], shutdown_done);
	else
		send_slice(way);
}

/* ---- Reading ------------------------------------------------------------------------------ */

/* Queues a copy; size 0: the end. False when there is no memory. */
static bool queue(struct way *way, const uint8_t *bytes, size_t size)
{
	struct rpc_chaos *chaos = way->link->chaos;
	const struct rpc_chaos_options *options = &chaos->options;
	uint64_t late_ns = options->delay_ms * ns_per_ms;
	struct piece *piece = malloc(sizeof(*piece) + size);

	if (!piece)
		return false;
	if (options->jitter_ms)
		late_ns += draw(chaos) % (options->jitter_ms * ns_per_ms + 1);
	*piece = (struct piece){.due_ns = io_now_ns(chaos->io) + late_ns, .size = size};
	if (piece->due_ns < way->due_ns)
		piece->due_ns = way->due_ns;
	way->due_ns = piece->due_ns;
	if (size > 0)
		memcpy(piece->bytes, bytes, size);
	if (way->last)
		way->last->next = piece;
	else
		way->first = piece;
	way->last = piece;
	way->queued_bytes += size;
	return true;
}

static bool queue_split(struct way *way, const uint8_t *bytes, size_t size)
{
	struct rpc_chaos *chaos = way->link->chaos;
	size_t cut = size;

	if (chaos->options.split && size > 1)
		cut = 1 + (size_t)(draw(chaos) % (size - 1));
	return queue(way, bytes, cut) && (cut == size || queue(way, bytes + cut, size - cut));
}

static void piece_came(struct way *way, const uint8_t *bytes, size_t size)
{
	struct rpc_chaos *chaos = way->link->chaos;

	chaos->counts.pieces++;
	if (chance(chaos, chaos->options.reset_ppm)) {
		chaos->counts.resets++;
		link_close(way->link, true);
		return;
	}
	if (!way->vanished && chance(chaos, chaos->options.drop_ppm)) {
		chaos->counts.drops++;
		way->vanished = true;
	}
	if (way->vanished)
		return;
	if (!queue_split(way, bytes, size)) {
		link_close(way->link, true);
		return;
	}
	way_read(way);
	way_go_on(way);
}

static void end_came(struct way *way)
{
	struct link *link = way->link;

	way->reads = false;
	if (way->vanished || link->half_open) {
		/* Nobody is told; what is left is the other side. */
		way->ended = true;
		if (!link->sides[way->to] || link->ways[1 - way->from].ended)
			link_close(link, true);
	} else if (!queue(way, NULL, 0)) {
		link_close(link, true);
	} else {
		way_go_on(way);
	}
}

static struct way *way_of(struct io_reader *reader)
{
	return (struct way *)((char *)reader - offsetof(struct way, reader));
}

static struct io_buffer read_buffer(struct io_reader *reader)
{
	return (struct io_buffer){way_of(reader)->link->chaos->buffer, RPC_CHAOS_READ_BYTES};
}

static void read_came(struct io_reader *reader, int result)
{
	struct way *way = way_of(reader);

	if (result > 0) {
		piece_came(way, way->link->chaos->buffer, (size_t)result);
	} else if (result == 0) {
		end_came(way);
	} else {
		way->reads = false;
		side_lost(way->link, way->from);
	}
}

/* Reads while the queue is not full. */
static void way_read(struct way *way)
{
	struct io_stream *stream = way->link->sides[way->from];
	bool wanted = way->queued_bytes < RPC_CHAOS_QUEUE_BYTES_MAX;
	bool over = way->ended || (way->last && way->last->size == 0);

	if (!stream || over || wanted == way->reads)
		return;
	way->reads = wanted;
	if (wanted)
		io_read_start(way->link->chaos->io, stream, &way->reader);
	else
		io_read_stop(way->link->chaos->io, stream);
}

/* ---- New links ---------------------------------------------------------------------------- */

static void connected(struct io_request *request, int result)
{
	struct link *link = request->data;

	if (link->closed) {
		/* A stream that came all the same is ours to close. */
		if (result == 0)
			close_side(link, 1, true);
		link_end(link);
		return;
	}
	if (result < 0) {
		link->chaos->counts.unreachable++;
		link_close(link, true);
		return;
	}
	way_read(&link->ways[0]);
	way_read(&link->ways[1]);
}

static struct link *link_new(struct rpc_chaos *chaos, struct io_stream *stream)
{
	struct link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->chaos = chaos;
	link->sides[0] = stream;
	link->connect.data = link;
	for (unsigned i = 0; i < 2; i++) {
		struct way *way = &link->ways[i];

		way->link = link;
		way->from = i;
		way->to = 1 - i;
		way->reader.buffer = read_buffer;
		way->reader.read = read_came;
		way->write.data = way;
		way->timer.data = way;
	}
	link->next = chaos->links;
	if (link->next)
		link->next->previous = link;
	chaos->links = link;
	chaos->link_count++;
	return link;
}

static void take(struct rpc_chaos *chaos, struct io_stream *stream)
{
	struct link *link = NULL;

	chaos->counts.connections++;
	if (chance(chaos, chaos->options.refuse_ppm))
		chaos->counts.refused++;
	else if (chaos->link_count < RPC_CHAOS_LINKS_MAX)
		link = link_new(chaos, stream);
	if (!link) {
		io_stream_reset(chaos->io, stream);
		return;
	}
	link->half_open = chance(chaos, chaos->options.half_open_ppm);
	chaos->counts.half_open += link->half_open;
	io_connect(chaos->io, &link->connect, &chaos->to, "the other address", &link->sides[1],
		   connected);
}

static void accept_next(struct rpc_chaos *chaos);

static void pause_done(struct io_request *request, int result)
{
	(void)result;
	accept_next(request->data);
}

static void accepted(struct io_request *request, int result)
{
	struct rpc_chaos *chaos = request->data;

	if (chaos->stopping) {
		maybe_free(chaos);
	} else if (result < 0) {
		/* No descriptors are left, or the like: that passes. */
		io_timer(chaos->io, &chaos->pause,
			 io_now_ns(chaos->io) + RPC_CHAOS_PAUSE_MS * ns_per_ms, pause_done);
	} else {
		take(chaos, chaos->accepted);
		accept_next(chaos);
	}
}

static void accept_next(struct rpc_chaos *chaos)
{
	io_accept(chaos->io, &chaos->accept, chaos->listener, &chaos->accepted, accepted);
}

/* ---- The proxy ---------------------------------------------------------------------------- */

int rpc_chaos_new(struct rpc_chaos **out, struct io *io, const struct io_address *listen,
		  const struct io_address *to, const struct rpc_chaos_options *options,
		  struct gw_error *error)
{
	struct rpc_chaos *chaos = calloc(1, sizeof(*chaos));
	int code;

	*out = NULL;
	if (!chaos)
		return gw_fail(error, GW_E_NO_MEMORY, "proxy: out of memory");
	code = io_listen(io, listen, &chaos->listener, error);
	if (code < 0) {
		free(chaos);
		return code;
	}
	chaos->io = io;
	chaos->to = *to;
	chaos->options = *options;
	chaos->random = options->seed;
	if (!options->seed)
		io_random(io, &chaos->random, sizeof(chaos->random));
	chaos->accept.data = chaos;
	chaos->pause.data = chaos;
	accept_next(chaos);
	*out = chaos;
	return 0;
}

void rpc_chaos_address(struct rpc_chaos *chaos, struct io_address *address)
{
	io_listener_address(chaos->io, chaos->listener, address);
}

void rpc_chaos_set(struct rpc_chaos *chaos, const struct rpc_chaos_options *options)
{
	chaos->options = *options;
}

struct rpc_chaos_counts rpc_chaos_counts(const struct rpc_chaos *chaos)
{
	return chaos->counts;
}

void rpc_chaos_reset_all(struct rpc_chaos *chaos)
{
	struct link *next;

	for (struct link *link = chaos->links; link; link = next) {
		next = link->next;
		link_close(link, true);
	}
}

void rpc_chaos_stop(struct rpc_chaos *chaos, void (*gone)(void *context), void *context)
{
	assert(!chaos->stopping);
	rpc_chaos_reset_all(chaos);
	chaos->stopping = true;
	chaos->gone = gone;
	chaos->gone_context = context;
	io_listener_close(chaos->io, chaos->listener);
	(void)io_timer_stop(chaos->io, &chaos->pause);
	maybe_free(chaos);
}
