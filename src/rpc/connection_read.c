/* SPDX-License-Identifier: Apache-2.0 */
/* connection_read.c - the reading half of a connection: bytes to frames, wherever they were cut. */
#include "rpc/connection.h"

#include <assert.h>
#include <stdlib.h>

#include "base/crc32c.h"
#include "io/rare.h"

static void fail(struct rpc_connection *connection, struct gw_error *why)
{
	if (connection->is_closed)
		return;
	(void)gw_fail_in(why, "%s", connection->transport->name);
	rpc_connection_close(connection, why);
}

static uint32_t smaller(uint32_t a, size_t b)
{
	return a < b ? a : (uint32_t)b;
}

/* ---- Whole frames ------------------------------------------------------------------------ */

static int take_hello(struct rpc_connection *connection, const struct rpc_header *header,
		      struct gw_bytes payload, struct gw_error *error)
{
	int result;

	if (connection->is_greeted)
		return gw_fail(error, GW_E_CORRUPT, "a second greeting");
	result = rpc_hello_decode(payload, &connection->theirs, error);
	if (result < 0)
		return result;
	connection->their_incarnation = header->number;
	connection->their_cluster = header->trace;
	connection->is_greeted = true;
	connection->events->greeted(connection);
	return 0;
}

static int take_ping(struct rpc_connection *connection, const struct rpc_header *header,
		     struct gw_error *error)
{
	struct rpc_header answer = {.kind = RPC_KIND_PING,
				    .flags = RPC_FLAG_ANSWER,
				    .number = connection->got_bytes};

	/* A write that is long under way is not stuck while it arrives there. */
	if (header->number > connection->their_bytes) {
		connection->their_bytes = header->number;
		connection->wrote = true;
	}
	if (header->flags & RPC_FLAG_ANSWER)
		return 0;
	/* Who does not read our answers gets no more of them. */
	if (!rpc_connection_has_room(connection))
		return 0;
	return rpc_connection_send(connection, &answer, (struct gw_bytes){0}, error);
}

static int take_frame(struct rpc_connection *connection, const struct rpc_header *header,
		      struct gw_bytes payload, struct gw_error *error)
{
	if (!(header->flags & RPC_FLAG_UNCHECKED) &&
	    rpc_payload_crc(header, payload) != header->payload_crc)
		return gw_fail(error, GW_E_CORRUPT, "%s frame of %zu bytes: checksum mismatch",
			       rpc_kind_name(header->kind), payload.size);
	connection->heard_bytes = RPC_HEARD_BYTES;
	if (header->kind == RPC_KIND_HELLO)
		return take_hello(connection, header, payload, error);
	if (header->kind == RPC_KIND_PING)
		return take_ping(connection, header, error);
	return connection->events->frame(connection, header, payload, error);
}

/* ---- Parts ------------------------------------------------------------------------------- */

/* Bytes of the part that is read have come to where the owner wants them. */
static int part_came(struct rpc_connection *connection, const void *where, uint32_t bytes,
		     struct gw_error *error)
{
	struct rpc_header *header = &connection->header;

	if (!(header->flags & RPC_FLAG_UNCHECKED))
		connection->part_crc = base_crc32c(connection->part_crc, where, bytes);
	assert(bytes <= header->payload_bytes - connection->filled);
	connection->filled += bytes;
	connection->events->part_filled(connection, header, bytes);
	if (connection->filled < header->payload_bytes)
		return 0;
	connection->reading = RPC_READING_FRAMES;
	connection->heard_bytes = RPC_HEARD_BYTES;
	if (!(header->flags & RPC_FLAG_UNCHECKED) && connection->part_crc != header->payload_crc)
		return gw_fail(error, GW_E_CORRUPT, "attachment at %llu: checksum mismatch",
			       (unsigned long long)header->number);
	return connection->events->part_end(connection, header, error);
}

/* Moves to its place what came with the header. */
static int part_copy(struct rpc_connection *connection, struct gw_error *error)
{
	while (connection->reading == RPC_READING_PART && connection->start < connection->end) {
		uint32_t left = connection->header.payload_bytes - connection->filled;
		uint32_t have = smaller(left, connection->end - connection->start);
		const uint8_t *from = connection->in + connection->start;
		struct io_buffer to =
			connection->events->part_place(connection, &connection->header, left);
		int result;

		if (to.data) {
			assert(to.size > 0);
			have = smaller(have, to.size);
			memcpy(to.data, from, have);
		}
		connection->start += have;
		result = part_came(connection, from, have, error);
		if (result < 0 || connection->is_closed)
			return result;
	}
	return 0;
}

/* ---- Out of the buffer -------------------------------------------------------------------- */

static int check_header(struct rpc_connection *connection, const struct rpc_header *header,
			struct gw_error *error)
{
	uint32_t max = connection->ours.message_bytes_max;

	if (!connection->is_greeted) {
		if (header->kind != RPC_KIND_HELLO)
			return gw_fail(error, GW_E_CORRUPT, "%s frame before the greeting",
				       rpc_kind_name(header->kind));
		max = RPC_GREETING_BYTES_MAX;
	}
	if (header->kind == RPC_KIND_PART) {
		max = RPC_PART_BYTES_MAX;
		if (header->payload_bytes == 0 || header->flags & RPC_FLAG_ONCE)
			return gw_fail(error, GW_E_CORRUPT, "part of nothing");
	} else if (header->kind == RPC_KIND_REPLY && (int32_t)header->method < 0) {
		max = max < 4096 ? 4096 : max; /* a sentence always fits */
	}
	if (header->payload_bytes > max)
		return gw_fail(error, GW_E_TOO_LARGE, "%s frame of %u bytes, the limit is %u",
			       rpc_kind_name(header->kind), header->payload_bytes, max);
	if (header->attachment_bytes > connection->ours.attachment_bytes_max)
		return gw_fail(error, GW_E_TOO_LARGE, "attachment of %llu bytes, the limit is %llu",
			       (unsigned long long)header->attachment_bytes,
			       (unsigned long long)connection->ours.attachment_bytes_max);
	return 0;
}

/* A payload that does not fit the buffer gets memory of its own and is read straight into it. */
static int payload_begin(struct rpc_connection *connection, const struct rpc_header *header,
			 struct gw_error *error)
{
	uint32_t have = smaller(header->payload_bytes, connection->end - connection->start);

	assert(have < header->payload_bytes && !connection->payload);
	connection->payload = malloc(header->payload_bytes);
	if (!connection->payload)
		return gw_fail(error, GW_E_NO_MEMORY, "%s frame of %u bytes: out of memory",
			       rpc_kind_name(header->kind), header->payload_bytes);
	memcpy(connection->payload, connection->in + connection->start, have);
	connection->start += have;
	connection->header = *header;
	connection->filled = have;
	connection->reading = RPC_READING_PAYLOAD;
	return 0;
}

/* The next frame: 1 it was taken, 0 it is not all here, negative. */
static int parse_one(struct rpc_connection *connection, struct gw_error *error)
{
	size_t have = connection->end - connection->start, front = RPC_HEADER_BYTES;
	const uint8_t *at = connection->in + connection->start;
	struct rpc_header header;
	int result;

	assert(connection->start <= connection->end && connection->end <= RPC_IN_BYTES);
	assert(connection->reading == RPC_READING_FRAMES && !connection->payload);
	if (have < RPC_HEADER_BYTES)
		return 0;
	result = rpc_header_decode(at, &header, error);
	if (result == 0)
		result = check_header(connection, &header, error);
	if (result < 0)
		return result;
	if (header.flags & RPC_FLAG_ONCE) {
		front += RPC_ONCE_BYTES;
		if (have < front)
			return 0;
		rpc_once_decode(at + RPC_HEADER_BYTES, &header.once);
	}
	if (header.kind == RPC_KIND_PART) {
		connection->start += front;
		connection->header = header;
		connection->filled = 0;
		connection->part_crc = 0;
		connection->reading = RPC_READING_PART;
		result = part_copy(connection, error);
		return result < 0 ? result : 1;
	}
	if (header.payload_bytes > RPC_IN_BYTES - front) {
		connection->start += front;
		result = payload_begin(connection, &header, error);
		return result < 0 ? result : 1;
	}
	if (have - front < header.payload_bytes) {
		if (header.kind != RPC_KIND_REPLY || header.call % 64 != 63 ||
		    !IO_BUG(connection->io, "rpc.partial-frame"))
			return 0;
		header.payload_bytes = (uint32_t)(have - front);
		header.flags |= RPC_FLAG_UNCHECKED;
	}
	connection->frame_bytes = front + header.payload_bytes;
	connection->start += connection->frame_bytes;
	result = take_frame(connection, &header,
			    (struct gw_bytes){at + front, header.payload_bytes}, error);
	return result < 0 ? result : 1;
}

static void parse(struct rpc_connection *connection)
{
	struct gw_error why = {0};
	int result = 1;

	while (result > 0 && !connection->is_closed && connection->reading == RPC_READING_FRAMES)
		result = parse_one(connection, &why);
	if (result < 0) {
		fail(connection, &why);
		return;
	}
	if (connection->start == connection->end) {
		connection->start = connection->end = 0;
	} else if (connection->start > 0) {
		memmove(connection->in, connection->in + connection->start,
			connection->end - connection->start);
		connection->end -= connection->start;
		connection->start = 0;
	}
}

/* ---- The reader ---------------------------------------------------------------------------- */

static struct rpc_connection *connection_of(struct io_reader *reader)
{
	return (struct rpc_connection *)((char *)reader - offsetof(struct rpc_connection, reader));
}

/* All that there is would be answered before the other end sees the first answer: it would wait for
 * us, and then we for it. So some frames at a time, by the size of the last one. */
static uint32_t turn_bytes(const struct rpc_connection *connection)
{
	size_t bytes = RPC_TURN_FRAMES * connection->frame_bytes;

	assert(connection->frame_bytes <= RPC_IN_BYTES);
	if (bytes < RPC_TURN_BYTES_MIN)
		return RPC_TURN_BYTES_MIN;
	return bytes < RPC_IN_BYTES ? (uint32_t)bytes : RPC_IN_BYTES;
}

struct io_buffer rpc_connection_place(struct io_reader *reader)
{
	struct rpc_connection *connection = connection_of(reader);
	uint32_t left = connection->header.payload_bytes - connection->filled;
	struct io_buffer place;

	reader->turn_bytes = 0;
	if (connection->reading == RPC_READING_PAYLOAD)
		return (struct io_buffer){connection->payload + connection->filled, left};
	if (connection->reading == RPC_READING_PART) {
		place = connection->events->part_place(connection, &connection->header, left);
		if (place.data)
			return (struct io_buffer){place.data, smaller(left, place.size)};
		return (struct io_buffer){connection->in, smaller(left, RPC_IN_BYTES)};
	}
	assert(connection->start == 0 && connection->end < RPC_IN_BYTES);
	place = (struct io_buffer){connection->in + connection->end,
				   RPC_IN_BYTES - connection->end};
	reader->turn_bytes = turn_bytes(connection);
	place.size = smaller(reader->turn_bytes, place.size);
	/* Only the header, so that what follows can be read to its place. */
	if (connection->expects_parts && connection->end < RPC_HEADER_BYTES)
		place.size = RPC_HEADER_BYTES - connection->end;
	return place;
}

static void payload_came(struct rpc_connection *connection, uint32_t bytes)
{
	uint8_t *payload = connection->payload;
	struct gw_error why = {0};
	int result;

	assert(bytes <= connection->header.payload_bytes - connection->filled);
	connection->filled += bytes;
	if (connection->filled < connection->header.payload_bytes)
		return;
	connection->reading = RPC_READING_FRAMES;
	connection->payload = NULL;
	result = take_frame(connection, &connection->header,
			    (struct gw_bytes){payload, connection->filled}, &why);
	free(payload);
	if (result < 0)
		fail(connection, &why);
}

static void part_read(struct rpc_connection *connection, uint32_t bytes)
{
	uint32_t left = connection->header.payload_bytes - connection->filled;
	struct io_buffer place =
		connection->events->part_place(connection, &connection->header, left);
	struct gw_error why = {0};

	/* The owner is asked again since it may have lost interest after the buffer was given. */
	if (part_came(connection, place.data ? place.data : connection->in, bytes, &why) < 0)
		fail(connection, &why);
}

void rpc_connection_read(struct io_reader *reader, int result)
{
	struct rpc_connection *connection = connection_of(reader);
	struct gw_error why = {0};

	assert(!connection->is_closed && !connection->is_stopped);
	connection->references++;
	if (result <= 0) {
		(void)gw_fail(&why, result < 0 ? result : GW_E_CLOSED, "%s",
			      result < 0 ? gw_code_text(result) : "closed by the other side");
		fail(connection, &why);
	} else {
		connection->got_bytes += (uint64_t)result;
		if (connection->heard_bytes < RPC_HEARD_BYTES)
			connection->heard_bytes += (uint32_t)result;
		if (connection->reading == RPC_READING_PAYLOAD)
			payload_came(connection, (uint32_t)result);
		else if (connection->reading == RPC_READING_PART)
			part_read(connection, (uint32_t)result);
		else
			connection->end += (size_t)result;
		if (!connection->is_closed && connection->reading == RPC_READING_FRAMES)
			parse(connection);
		/* Who asks and does not take the answers is not heard until he does. */
		if (!connection->is_closed && connection->may_stop &&
		    !rpc_connection_has_room(connection)) {
			connection->is_stopped = true;
			connection->transport->operations->read_stop(connection->transport);
		}
	}
	rpc_connection_unref(connection);
}
