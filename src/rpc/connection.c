/* SPDX-License-Identifier: Apache-2.0 */
/* connection.c - the life of a connection, and what it sends. */
#include "rpc/connection.h"

#include <assert.h>
#include <stdlib.h>

static void tick_done(struct io_request *request, int result);
static void write_done(struct io_request *request, int result);

int rpc_connection_new(struct rpc_connection **out, struct io *io, struct rpc_transport *transport,
		       const struct rpc_connection_events *events, void *owner,
		       struct gw_error *error)
{
	struct rpc_connection *connection = calloc(1, sizeof(*connection));
	uint8_t *in = malloc(RPC_IN_BYTES);

	*out = NULL;
	if (!connection || !in) {
		free(connection);
		free(in);
		(void)gw_fail(error, GW_E_NO_MEMORY, "connection to %s: out of memory",
			      transport->name);
		rpc_transport_close(transport, true);
		return GW_E_NO_MEMORY;
	}
	connection->io = io;
	connection->transport = transport;
	connection->events = events;
	connection->owner = owner;
	connection->in = in;
	connection->references = 1;
	connection->reader = (struct io_reader){.buffer = rpc_connection_place,
					       .read = rpc_connection_read};
	connection->tick.data = connection;
	connection->write.data = connection;
	*out = connection;
	return 0;
}

static void connection_free(struct rpc_connection *connection)
{
	for (size_t i = 0; i < 2; i++)
		free(connection->batches[i].data);
	free(connection->payload);
	free(connection->in);
	free(connection);
}

void rpc_connection_unref(struct rpc_connection *connection)
{
	if (!connection)
		return;
	assert(connection->references > 0);
	if (--connection->references == 0) {
		void (*gone)(void *context) = connection->gone;
		void *context = connection->gone_context;

		assert(connection->is_closed);
		connection_free(connection);
		if (gone)
			gone(context);
	}
}

static void batch_sent(struct rpc_batch *batch, int result)
{
	while (batch->sent) {
		struct rpc_sent *sent = batch->sent;

		batch->sent = sent->next;
		sent->done(sent, result);
	}
}

static void batch_reset(struct rpc_batch *batch)
{
	assert(!batch->sent);
	batch->size = 0;
	batch->bytes = 0;
	batch->count = 0;
	if (batch->capacity > RPC_OUT_KEEP_BYTES) {
		free(batch->data);
		batch->data = NULL;
		batch->capacity = 0;
	}
}

void rpc_connection_close(struct rpc_connection *connection, const struct gw_error *why)
{
	if (connection->is_closed)
		return;
	assert(why->code < 0);
	assert(connection->references > 0 && connection->transport);
	connection->is_closed = true;
	connection->references++;
	rpc_transport_close(connection->transport, why->code != GW_E_CLOSED);
	connection->transport = NULL;
	if (io_timer_stop(connection->io, &connection->tick))
		rpc_connection_unref(connection);
	batch_sent(&connection->batches[connection->gathering], GW_E_CLOSED);
	batch_reset(&connection->batches[connection->gathering]);
	connection->events->closed(connection, why);
	rpc_connection_unref(connection);
}

/* ---- Sending ----------------------------------------------------------------------------- */

static int batch_reserve(struct rpc_batch *batch, size_t more)
{
	size_t capacity = batch->capacity ? batch->capacity : RPC_OUT_BYTES;
	uint8_t *data;

	if (more <= batch->capacity - batch->size)
		return 0;
	while (capacity - batch->size < more) {
		if (capacity > SIZE_MAX / 2)
			return GW_E_NO_MEMORY;
		capacity *= 2;
	}
	data = realloc(batch->data, capacity);
	if (!data)
		return GW_E_NO_MEMORY;
	batch->data = data;
	batch->capacity = capacity;
	return 0;
}

/* The buffer's next bytes belong to the last piece if that one is of the buffer, too. */
static void batch_add(struct rpc_batch *batch, size_t bytes)
{
	struct gw_bytes *last = batch->count ? &batch->pieces[batch->count - 1] : NULL;

	if (!last || last->data) {
		assert(batch->count < RPC_OUT_PIECES_MAX);
		last = &batch->pieces[batch->count++];
		*last = (struct gw_bytes){NULL, 0};
	}
	last->size += bytes;
	batch->size += bytes;
	batch->bytes += bytes;
	assert(batch->size <= batch->capacity && batch->bytes >= batch->size);
}

static size_t front_bytes(const struct rpc_header *header)
{
	return header->flags & RPC_FLAG_ONCE ? RPC_HEADER_BYTES + RPC_ONCE_BYTES :
					       RPC_HEADER_BYTES;
}

uint8_t *rpc_connection_begin(struct rpc_connection *connection, const struct rpc_header *header)
{
	struct rpc_batch *batch = &connection->batches[connection->gathering];

	if (batch_reserve(batch, front_bytes(header) + header->payload_bytes) < 0)
		return NULL;
	return batch->data + batch->size + front_bytes(header);
}

static void make_dirty(struct rpc_connection *connection)
{
	if (connection->is_dirty || connection->is_closed)
		return;
	connection->is_dirty = true;
	connection->events->dirty(connection);
}

void rpc_connection_end(struct rpc_connection *connection, struct rpc_header *header,
			uint8_t *payload)
{
	struct rpc_batch *batch = &connection->batches[connection->gathering];
	uint8_t *front = batch->data + batch->size;

	assert(payload == front + front_bytes(header));
	header->payload_crc = 0;
	if (connection->is_closed)
		return;
	if (connection->transport->is_checked)
		header->flags |= RPC_FLAG_UNCHECKED;
	if (!(header->flags & RPC_FLAG_UNCHECKED))
		header->payload_crc = rpc_payload_crc(
			header, (struct gw_bytes){payload, header->payload_bytes});
	(void)rpc_header_encode(header, front);
	batch_add(batch, front_bytes(header) + header->payload_bytes);
	make_dirty(connection);
}

int rpc_connection_send(struct rpc_connection *connection, struct rpc_header *header,
			struct gw_bytes payload, struct gw_error *error)
{
	uint8_t *at;

	assert(payload.size <= UINT32_MAX);
	if (connection->is_closed)
		return gw_fail(error, GW_E_CLOSED, "the connection has ended");
	header->payload_bytes = (uint32_t)payload.size;
	at = rpc_connection_begin(connection, header);
	if (!at)
		return gw_fail(error, GW_E_NO_MEMORY, "%s frame of %zu bytes: out of memory",
			       rpc_kind_name(header->kind), payload.size);
	if (payload.size > 0)
		memcpy(at, payload.data, payload.size);
	rpc_connection_end(connection, header, at);
	return 0;
}

int rpc_connection_send_part(struct rpc_connection *connection, struct rpc_header *header,
			     struct gw_bytes part, struct rpc_sent *sent, struct gw_error *error)
{
	struct rpc_batch *batch = &connection->batches[connection->gathering];

	assert(header->kind == RPC_KIND_PART && !(header->flags & RPC_FLAG_ONCE));
	assert(part.size > 0 && part.size <= RPC_PART_BYTES_MAX);
	if (connection->is_closed)
		return gw_fail(error, GW_E_CLOSED, "the connection has ended");
	/* Three pieces: the header may need one, the part does, and the frame behind it. */
	if (batch->count > RPC_OUT_PIECES_MAX - 3)
		return gw_fail(error, GW_E_BUSY, "too many attachments at once");
	if (batch_reserve(batch, RPC_HEADER_BYTES) < 0)
		return gw_fail(error, GW_E_NO_MEMORY, "attachment: out of memory");
	if (connection->transport->is_checked)
		header->flags |= RPC_FLAG_UNCHECKED;
	header->payload_bytes = (uint32_t)part.size;
	header->payload_crc = 0;
	if (!(header->flags & RPC_FLAG_UNCHECKED))
		header->payload_crc = rpc_payload_crc(header, part);
	(void)rpc_header_encode(header, batch->data + batch->size);
	batch_add(batch, RPC_HEADER_BYTES);
	batch->pieces[batch->count++] = part;
	batch->bytes += part.size;
	sent->next = batch->sent;
	batch->sent = sent;
	make_dirty(connection);
	return 0;
}

bool rpc_connection_has_room(const struct rpc_connection *connection)
{
	const struct rpc_batch *batch = &connection->batches[connection->gathering];

	return batch->bytes < RPC_OUT_ROOM_BYTES && batch->count <= RPC_OUT_PIECES_MAX - 3;
}

void rpc_connection_flush(struct rpc_connection *connection)
{
	struct rpc_batch *batch = &connection->batches[connection->gathering];
	const uint8_t *next = batch->data;

	connection->is_dirty = false;
	if (connection->is_closed || connection->is_writing || batch->count == 0)
		return;
	for (uint32_t i = 0; i < batch->count; i++) {
		if (batch->pieces[i].data)
			continue;
		batch->pieces[i].data = next;
		next += batch->pieces[i].size;
	}
	assert(next == batch->data + batch->size);
	assert(connection->batches[connection->gathering ^ 1].count == 0);
	connection->is_writing = true;
	connection->gathering ^= 1;
	connection->references++;
	connection->transport->operations->writev(connection->transport, &connection->write,
						  batch->pieces, batch->count, write_done);
}

static void read_on(struct rpc_connection *connection)
{
	if (!connection->is_stopped || !rpc_connection_has_room(connection))
		return;
	connection->is_stopped = false;
	connection->transport->operations->read_start(connection->transport, &connection->reader);
}

static void write_done(struct io_request *request, int result)
{
	struct rpc_connection *connection = request->data;
	struct rpc_batch *batch = &connection->batches[connection->gathering ^ 1];
	struct gw_error why = {0};

	assert(connection->is_writing && connection->references > 0);
	connection->is_writing = false;
	connection->wrote = true;
	if (result < 0)
		(void)io_request_error(request, &why);
	batch_sent(batch, result < 0 ? GW_E_CLOSED : 0);
	batch_reset(batch);
	if (result < 0 && !connection->is_closed)
		rpc_connection_close(connection, &why);
	if (!connection->is_closed) {
		connection->events->written(connection);
		rpc_connection_flush(connection);
		read_on(connection);
	}
	rpc_connection_unref(connection);
}

/* ---- Being alive --------------------------------------------------------------------------- */

static void tick_start(struct rpc_connection *connection)
{
	uint64_t at_ns = io_now_ns(connection->io) + connection->tick_ns;

	if (!connection->is_greeted && connection->greet_by_ns < at_ns)
		at_ns = connection->greet_by_ns;
	connection->references++;
	io_timer(connection->io, &connection->tick, at_ns, tick_done);
}

static void ping(struct rpc_connection *connection, uint16_t flags)
{
	struct rpc_header header = {
		.kind = RPC_KIND_PING, .flags = flags, .number = connection->got_bytes};
	struct gw_error why = {0};

	if (rpc_connection_send(connection, &header, (struct gw_bytes){0}, &why) < 0)
		rpc_connection_close(connection, &why);
}

/* Why it should end now, or NULL. */
static const char *tick_look(struct rpc_connection *connection)
{
	bool heard = connection->heard_bytes >= RPC_HEARD_BYTES;

	if (!connection->is_greeted)
		return io_now_ns(connection->io) >= connection->greet_by_ns ? "no greeting came" :
									      NULL;
	connection->heard_bytes = 0;
	if (heard || connection->is_stopped)
		connection->silent_ticks = 0;
	else
		connection->silent_ticks++;
	connection->stuck_ticks =
		connection->is_writing && !connection->wrote ? connection->stuck_ticks + 1 : 0;
	connection->wrote = false;
	if (connection->silent_ticks >= RPC_TICKS_SILENT_MAX)
		return "silent for too long";
	if (connection->stuck_ticks >= RPC_TICKS_SILENT_MAX)
		return "it does not read";
	return NULL;
}

static void tick_done(struct io_request *request, int result)
{
	struct rpc_connection *connection = request->data;
	struct gw_error why = {0};
	const char *text;

	if (result >= 0 && !connection->is_closed) {
		text = tick_look(connection);
		if (text) {
			(void)gw_fail(&why, GW_E_TIMEOUT, "%s: %s", connection->transport->name,
				      text);
			rpc_connection_close(connection, &why);
		} else {
			/* The peer's own question may stand behind a frame that takes it long to
			 * send: whoever gets bytes says that he is there, asked or not. */
			if (connection->silent_ticks > 0)
				ping(connection, 0);
			else if (connection->is_greeted && !connection->is_writing)
				ping(connection, RPC_FLAG_ANSWER);
			if (connection->is_greeted && !connection->is_closed &&
			    connection->events->ticked)
				connection->events->ticked(connection);
			if (!connection->is_closed)
				tick_start(connection);
		}
	}
	rpc_connection_unref(connection);
}

void rpc_connection_start(struct rpc_connection *connection, uint64_t greeting_ns)
{
	struct rpc_header header = {.kind = RPC_KIND_HELLO,
				    .number = connection->incarnation,
				    .trace = connection->cluster};
	uint8_t payload[RPC_HELLO_BYTES];
	struct gw_error why = {0};

	assert(connection->tick_ns > 0 && !connection->is_closed);
	assert(connection->ours.message_bytes_max > 0);
	rpc_hello_encode(&connection->ours, payload);
	connection->greet_by_ns = io_now_ns(connection->io) + greeting_ns;
	tick_start(connection);
	if (rpc_connection_send(connection, &header, (struct gw_bytes){payload, sizeof(payload)},
				&why) < 0) {
		rpc_connection_close(connection, &why);
		return;
	}
	connection->transport->operations->read_start(connection->transport, &connection->reader);
}
