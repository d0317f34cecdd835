/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chaos_fixture.c - see chaos_fixture.h.
 */
#include "sim/chaos_fixture.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	NODES = CHAOS_NODES,
	PORT = 7000,
	SLOTS = 6,
	NAMES = 5,
	WRITE_BYTES_MAX = 20000,
	READ_BYTES = 3000,
	GARBAGE_BLOCKS = 200,
};

struct slot {
	struct io_reader reader; /* first */
	struct io_request write;
	struct chatter *chatter;
	struct io_stream *stream;
	struct gw_bytes piece;
	uint8_t in[READ_BYTES];
	uint64_t received;
};

/* One life of a node. */
struct chatter {
	struct sim_node *node;
	struct io *io;
	struct io_request tick, accept, connect, disk, post, work, send, receive;
	struct io_listener *listener;
	struct io_datagrams *datagrams;
	struct io_stream *accepted, *connected;
	struct io_address address, datagram_to, datagram_from;
	struct slot slots[SLOTS];
	struct io_file *file;
	struct io_list list;
	struct io_space space;
	char path[16], path_to[16];
	uint8_t out[WRITE_BYTES_MAX], datagram[64];
	struct gw_bytes piece, datagram_piece;
	struct io_buffer buffer;
	uint64_t size, worked;
};

static uint32_t draw(struct chatter *chatter, uint32_t n)
{
	uint32_t number;

	io_random(chatter->io, &number, sizeof(number));
	return number % n;
}

static void forget(struct io_request *request, int result)
{
	(void)request;
	(void)result;
}

/* ---- Streams ------------------------------------------------------------------------------- */

static struct io_buffer slot_buffer(struct io_reader *reader)
{
	struct slot *slot = (struct slot *)reader;

	return (struct io_buffer){slot->in, 1 + draw(slot->chatter, READ_BYTES)};
}

static void slot_close(struct slot *slot)
{
	struct io_stream *stream = slot->stream;

	slot->stream = NULL;
	if (draw(slot->chatter, 4) == 0)
		io_stream_reset(slot->chatter->io, stream);
	else
		io_stream_close(slot->chatter->io, stream);
}

static void slot_read(struct io_reader *reader, int result)
{
	struct slot *slot = (struct slot *)reader;

	if (result > 0)
		slot->received += (uint64_t)result;
	if (result <= 0 || draw(slot->chatter, 200) == 0)
		slot_close(slot);
}

static void slot_start(struct chatter *chatter, struct io_stream *stream)
{
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *slot = &chatter->slots[i];

		if (slot->stream || io_under_way(&slot->write))
			continue;
		slot->stream = stream;
		slot->reader = (struct io_reader){.buffer = slot_buffer, .read = slot_read};
		io_read_start(chatter->io, stream, &slot->reader);
		return;
	}
	io_stream_close(chatter->io, stream);
}

static void slot_talk(struct slot *slot)
{
	struct chatter *chatter = slot->chatter;
	uint32_t what = draw(chatter, 40);

	if (!slot->stream || io_under_way(&slot->write))
		return;
	if (what == 0) {
		slot_close(slot);
	} else if (what == 1) {
		io_shutdown(chatter->io, &slot->write, slot->stream, forget);
	} else if (what == 2) {
		io_read_stop(chatter->io, slot->stream);
	} else if (what == 3) {
		io_read_start(chatter->io, slot->stream, &slot->reader);
	} else {
		slot->piece = (struct gw_bytes){chatter->out, 1 + draw(chatter, WRITE_BYTES_MAX)};
		io_writev(chatter->io, &slot->write, slot->stream, &slot->piece, 1, forget);
		if (draw(chatter, 30) == 0)
			io_cancel(chatter->io, &slot->write);
	}
}

static void accepted(struct io_request *request, int result)
{
	struct chatter *chatter = (struct chatter *)request->data;

	if (result == 0)
		slot_start(chatter, chatter->accepted);
	io_accept(chatter->io, request, chatter->listener, &chatter->accepted, accepted);
}

static void connected(struct io_request *request, int result)
{
	struct chatter *chatter = (struct chatter *)request->data;

	if (result == 0)
		slot_start(chatter, chatter->connected);
}

static void talk(struct chatter *chatter)
{
	struct sim *sim = sim_node_sim(chatter->node);

	if (!io_under_way(&chatter->connect)) {
		sim_node_address(sim_node_at(sim, draw(chatter, NODES)), PORT, &chatter->address);
		io_connect(chatter->io, &chatter->connect, &chatter->address, NULL,
			   &chatter->connected, connected);
	} else if (draw(chatter, 50) == 0) {
		io_cancel(chatter->io, &chatter->connect);
	}
}

/* ---- Files --------------------------------------------------------------------------------- */

static void opened(struct io_request *request, int result)
{
	struct chatter *chatter = (struct chatter *)request->data;

	if (result < 0)
		chatter->file = NULL;
}

static void listed(struct io_request *request, int result)
{
	struct chatter *chatter = (struct chatter *)request->data;

	if (result == 0)
		io_list_free(chatter->io, &chatter->list);
}

static void use_file(struct chatter *chatter)
{
	struct io *io = chatter->io;
	struct io_request *request = &chatter->disk;
	struct io_file *file = chatter->file;
	uint64_t at = draw(chatter, 100000);

	switch (draw(chatter, 12)) {
	case 0:
		chatter->file = NULL;
		io_close(io, request, file, forget);
		break;
	case 1:
		io_sync(io, request, file, forget);
		break;
	case 2:
		io_truncate(io, request, file, at, forget);
		break;
	case 3:
		io_punch(io, request, file, at, 1 + draw(chatter, 30000), forget);
		break;
	case 4:
		io_preallocate(io, request, file, at, 1 + draw(chatter, 30000), forget);
		break;
	case 5:
		io_size(io, request, file, &chatter->size, forget);
		break;
	case 6:
	case 7:
		chatter->buffer = (struct io_buffer){chatter->out, 1 + draw(chatter, 9000)};
		io_preadv(io, request, file, &chatter->buffer, 1, at, forget);
		break;
	default:
		chatter->piece = (struct gw_bytes){chatter->out, 1 + draw(chatter, 9000)};
		io_pwritev(io, request, file, &chatter->piece, 1, at,
			   draw(chatter, 2) ? IO_WRITE_SYNC : 0, forget);
		break;
	}
}

static void use_names(struct chatter *chatter)
{
	struct io *io = chatter->io;
	struct io_request *request = &chatter->disk;

	snprintf(chatter->path, sizeof(chatter->path), "%sf%u", draw(chatter, 2) ? "d/" : "",
		 draw(chatter, NAMES));
	snprintf(chatter->path_to, sizeof(chatter->path_to), "%sf%u",
		 draw(chatter, 2) ? "d/" : "", draw(chatter, NAMES));
	switch (draw(chatter, 12)) {
	case 0:
		io_rename(io, request, chatter->path, chatter->path_to, 0, forget);
		break;
	case 1:
		io_unlink(io, request, chatter->path, forget);
		break;
	case 2:
		io_mkdir(io, request, "d", 0700, forget);
		break;
	case 3:
		io_rmdir(io, request, "d", forget);
		break;
	case 4:
		io_rename(io, request, "d", "e", 0, forget);
		break;
	case 5:
		io_list(io, request, ".", &chatter->list, listed);
		break;
	case 6:
		io_sync_directory(io, request, draw(chatter, 2) ? "d" : ".", forget);
		break;
	case 7:
		io_space(io, request, ".", &chatter->space, forget);
		break;
	default:
		io_open(io, request, chatter->path,
			IO_READ | IO_WRITE | IO_CREATE | (draw(chatter, 3) ? 0 : IO_LOCKED), 0600,
			&chatter->file, opened);
		break;
	}
	if (draw(chatter, 20) == 0)
		io_cancel(io, request);
}

/* ---- The rest ------------------------------------------------------------------------------ */

static void datagram_came(struct io_request *request, int result)
{
	struct chatter *chatter = (struct chatter *)request->data;
	struct io_buffer buffer = {chatter->datagram, sizeof(chatter->datagram)};

	(void)result;
	io_receive(chatter->io, request, chatter->datagrams, buffer, &chatter->datagram_from,
		   datagram_came);
}

static void send_datagram(struct chatter *chatter)
{
	if (io_under_way(&chatter->send))
		return;
	sim_node_address(sim_node_at(sim_node_sim(chatter->node), draw(chatter, NODES)), PORT,
			 &chatter->datagram_to);
	chatter->datagram_piece = (struct gw_bytes){chatter->out, draw(chatter, 100)};
	io_send(chatter->io, &chatter->send, chatter->datagrams, &chatter->datagram_to,
		&chatter->datagram_piece, 1, forget);
}

static int work(void *context)
{
	return (int)(++*(uint64_t *)context & 0xff);
}

static void tick(struct io_request *request, int result)
{
	struct chatter *chatter = (struct chatter *)request->data;
	struct io *io = chatter->io;

	(void)result;
	for (size_t i = 0; i < SLOTS; i++)
		slot_talk(&chatter->slots[i]);
	if (!io_under_way(&chatter->disk) && chatter->file && draw(chatter, 4))
		use_file(chatter);
	else if (!io_under_way(&chatter->disk) && !chatter->file)
		use_names(chatter);
	if (draw(chatter, 3) == 0)
		talk(chatter);
	if (draw(chatter, 3) == 0)
		send_datagram(chatter);
	if (!io_under_way(&chatter->post))
		io_post(io, &chatter->post, forget);
	if (!io_under_way(&chatter->work))
		io_offload(io, &chatter->work, IO_POOL_CPU, work, &chatter->worked, forget);
	if (draw(chatter, 2000) == 0)
		sim_node_kill(chatter->node); /* from its own code */
	io_timer(io, request, io_now_ns(io) + draw(chatter, 20 * SIM_MS), tick);
}

static void *start(struct sim_node *node, struct io *io, void *argument)
{
	struct chatter *chatter = (struct chatter *)calloc(1, sizeof(*chatter));

	(void)argument;
	assert(chatter);
	chatter->node = node;
	chatter->io = io;
	chatter->tick.data = chatter->accept.data = chatter->connect.data = chatter;
	chatter->disk.data = chatter->receive.data = chatter;
	for (size_t i = 0; i < SLOTS; i++)
		chatter->slots[i].chatter = chatter;
	io_random(io, chatter->out, sizeof(chatter->out));
	sim_node_address(node, PORT, &chatter->address);
	if (io_listen(io, &chatter->address, &chatter->listener, NULL) < 0 ||
	    io_datagrams_open(io, &chatter->address, &chatter->datagrams, NULL) < 0)
		return chatter;
	io_accept(io, &chatter->accept, chatter->listener, &chatter->accepted, accepted);
	datagram_came(&chatter->receive, 0);
	tick(&chatter->tick, 0);
	return chatter;
}

/* ---- The run ----------------------------------------------------------------------------- */

/* Blocks of many sizes, filled and given back, in an order of their own. */
static void make_garbage(void)
{
	uint8_t *blocks[GARBAGE_BLOCKS];

	for (size_t i = 0; i < GARBAGE_BLOCKS; i++) {
		size_t size = 16 + (i * 7919) % 9000;

		blocks[i] = (uint8_t *)malloc(size);
		assert(blocks[i]);
		memset(blocks[i], 0xa5, size);
	}
	for (size_t i = 0; i < GARBAGE_BLOCKS; i++)
		free(blocks[(i * 77) % GARBAGE_BLOCKS]);
}

void chaos_run(uint64_t seed, uint64_t ns, bool garbage, struct chaos_result *result)
{
	static const char *const names[NODES] = {"n1", "n2", "n3", "n4"};
	struct sim_program program = {start, free, NULL};
	struct sim_options options = {0};
	struct sim *sim;

	if (garbage)
		make_garbage();
	sim_options_vary(&options, seed);
	if (seed % 2)
		options.send_timeout_ns = SIM_SECOND / 2; /* partitions here are short */
	sim = sim_new(seed, &options, NULL);
	assert(sim);
	for (size_t i = 0; i < NODES; i++)
		sim_node_start(sim_node_add(sim, names[i], &program));
	sim_at(sim, 0, chaos_fault, sim);
	sim_run_until(sim, ns);
	result->hash = sim_hash(sim);
	result->events = sim_events(sim);
	for (unsigned i = 0; i < SIM_COUNTS; i++)
		result->counts[i] = sim_count(sim, (enum sim_count)i);
	sim_free(sim);
}
