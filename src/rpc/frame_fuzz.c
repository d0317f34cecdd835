/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame_fuzz.c - whatever bytes come, in whatever pieces: a connection takes frames out of them or
 * ends, and what it takes has a right checksum and fits the limits. The first byte decides how the
 * rest is cut, whether a greeting comes first, and whether checksums are made right, without which
 * no fuzzer would come past them.
 */
#include "rpc/connection.h"

#include <assert.h>
#include <stdlib.h>

#include "base/little_endian.h"

/* A transport that nobody is at the other end of. */
struct nowhere {
	struct rpc_transport transport;
	struct io_reader *reader;
	struct io_request *write;
};

static void read_start(struct rpc_transport *transport, struct io_reader *reader)
{
	((struct nowhere *)transport)->reader = reader;
}

static void read_stop(struct rpc_transport *transport)
{
	((struct nowhere *)transport)->reader = NULL;
}

static void writev_nowhere(struct rpc_transport *transport, struct io_request *request,
			   const struct gw_bytes *pieces, uint32_t count, io_done *done)
{
	(void)transport;
	(void)request;
	(void)pieces;
	(void)count;
	(void)done;
}

static void close_nowhere(struct rpc_transport *transport, bool reset)
{
	(void)reset;
	((struct nowhere *)transport)->reader = NULL;
}

static const struct rpc_transport_operations operations = {read_start, read_stop, writev_nowhere,
							   close_nowhere};

/* An io whose timers never come. */
static void submit(struct io *io, struct io_request *request)
{
	(void)io;
	(void)request;
}

static bool timer_stop(struct io *io, struct io_request *request)
{
	(void)io;
	request->state = IO_REQUEST_IDLE;
	return true;
}

static uint64_t now_ns(struct io *io)
{
	(void)io;
	return 1;
}

static const struct io_operations io_operations = {
	.submit = submit, .timer_stop = timer_stop, .now_ns = now_ns};

enum { MESSAGE_MAX = 100000, PLACE_BYTES = 1000 };

struct taken {
	uint8_t place[PLACE_BYTES];
	uint64_t frames, part_bytes;
};

static void ignore(struct rpc_connection *connection)
{
	(void)connection;
}

static int frame(struct rpc_connection *connection, const struct rpc_header *header,
		 struct gw_bytes payload, struct gw_error *error)
{
	struct taken *taken = connection->owner;

	assert(connection->is_greeted);
	assert(header->kind >= 1 && header->kind <= RPC_KIND_MAX);
	assert(payload.size == header->payload_bytes && payload.size <= MESSAGE_MAX);
	assert(header->flags & RPC_FLAG_UNCHECKED ||
	       rpc_payload_crc(header, payload) == header->payload_crc);
	taken->frames++;
	/* An owner may end the connection at any frame. */
	if (header->call == 666)
		return gw_fail(error, GW_E_CORRUPT, "the number of the beast");
	return 0;
}

static struct io_buffer part_place(struct rpc_connection *connection,
				   const struct rpc_header *header, uint32_t left)
{
	struct taken *taken = connection->owner;

	if (header->call % 2)
		return (struct io_buffer){NULL, 0};
	return (struct io_buffer){taken->place, left < PLACE_BYTES ? left : PLACE_BYTES};
}

static void part_filled(struct rpc_connection *connection, const struct rpc_header *header,
			uint32_t bytes)
{
	struct taken *taken = connection->owner;

	assert(bytes > 0 && bytes <= header->payload_bytes);
	taken->part_bytes += bytes;
}

static int part_end(struct rpc_connection *connection, const struct rpc_header *header,
		    struct gw_error *error)
{
	struct taken *taken = connection->owner;

	(void)error;
	assert(taken->part_bytes == header->payload_bytes);
	taken->part_bytes = 0;
	connection->expects_parts = header->call % 3;
	return 0;
}

static void closed(struct rpc_connection *connection, const struct gw_error *why)
{
	(void)connection;
	assert(why->code < 0 && why->text[0]);
}

static const struct rpc_connection_events events = {
	.greeted = ignore,
	.frame = frame,
	.part_place = part_place,
	.part_filled = part_filled,
	.part_end = part_end,
	.dirty = ignore,
	.written = ignore,
	.closed = closed,
};

static void feed(struct nowhere *nowhere, const uint8_t *data, size_t size, size_t step)
{
	while (nowhere->reader && size > 0) {
		struct io_reader *reader = nowhere->reader;
		struct io_buffer buffer = reader->buffer(reader);
		size_t bytes = size < step ? size : step;

		assert(buffer.data && buffer.size > 0);
		if (bytes > buffer.size)
			bytes = buffer.size;
		memcpy(buffer.data, data, bytes);
		data += bytes;
		size -= bytes;
		reader->read(reader, (int)bytes);
	}
}

static void greet(struct nowhere *nowhere)
{
	struct rpc_header header = {.kind = RPC_KIND_HELLO, .payload_bytes = RPC_HELLO_BYTES};
	struct rpc_hello hello = {1000, 1000};
	uint8_t bytes[RPC_FRAME_BYTES_MAX], payload[RPC_HELLO_BYTES];

	rpc_hello_encode(&hello, payload);
	header.payload_crc =
		rpc_payload_crc(&header, (struct gw_bytes){payload, sizeof(payload)});
	feed(nowhere, bytes, rpc_header_encode(&header, bytes), 100);
	feed(nowhere, payload, sizeof(payload), 100);
}

/* Makes frames of the bytes: their headers and checksums are right, the rest is as it was. */
static void repair(uint8_t *data, size_t size)
{
	struct rpc_header header = {0};
	uint8_t front[RPC_FRAME_BYTES_MAX];

	while (size >= RPC_FRAME_BYTES_MAX) {
		size_t bytes;

		header.kind = (uint8_t)(1 + data[3] % RPC_KIND_MAX);
		header.flags = data[4] & RPC_FLAG_ALL;
		header.payload_bytes = base_load32(data + 8) % (2 * MESSAGE_MAX);
		header.method = base_load32(data + 12);
		header.call = base_load64(data + 16) % 1000;
		header.number = base_load64(data + 24);
		header.attachment_bytes = base_load64(data + 32) % (2 << 20);
		rpc_once_decode(data + RPC_HEADER_BYTES, &header.once);
		bytes = rpc_header_encode(&header, front);
		if (data[6] % 8 && header.payload_bytes > size - bytes)
			header.payload_bytes %= (uint32_t)(size - bytes + 1);
		if (header.payload_bytes <= size - bytes) {
			struct gw_bytes payload = {data + bytes, header.payload_bytes};

			/* A PART's checksum is of its payload alone. */
			header.payload_crc = rpc_payload_crc(&header, payload);
		}
		memcpy(data, front, rpc_header_encode(&header, front));
		if (header.payload_bytes > size - bytes)
			return;
		data += bytes + header.payload_bytes;
		size -= bytes + header.payload_bytes;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nowhere nowhere = {.transport = {.operations = &operations, .name = "nowhere"}};
	struct io io = {.operations = &io_operations};
	struct gw_error why = {.code = GW_E_CLOSED, .text = "the end"};
	struct rpc_connection *connection;
	struct taken taken = {0};
	uint8_t *copy;

	if (size < 1 || !(copy = malloc(size)))
		return 0;
	memcpy(copy, data, size);
	if (data[0] & 4)
		repair(copy + 1, size - 1);
	if (rpc_connection_new(&connection, &io, &nowhere.transport, &events, &taken, NULL) < 0) {
		free(copy);
		return 0;
	}
	connection->ours = (struct rpc_hello){MESSAGE_MAX, 1 << 20};
	connection->tick_ns = 1;
	rpc_connection_start(connection, 1);
	if (data[0] & 1)
		greet(&nowhere);
	feed(&nowhere, copy + 1, size - 1, 1 + (data[0] >> 3) * (size_t)(data[0] & 2 ? 300 : 1));
	rpc_connection_close(connection, &why);
	rpc_connection_unref(connection);
	free(copy);
	return 0;
}
