/* SPDX-License-Identifier: Apache-2.0 */
/* line.c - the calls of a connection, and flushing. */
#include "rpc/line.h"

#include <assert.h>
#include <stdlib.h>

#include "rpc/call.h"

enum { BUCKETS_MIN = 16 };

static int buckets_grow(struct rpc_line *line)
{
	uint32_t count = line->bucket_count ? 2 * line->bucket_count : BUCKETS_MIN;
	struct gw_rpc_call **buckets = calloc(count, sizeof(struct gw_rpc_call *));

	if (!buckets)
		return GW_E_NO_MEMORY;
	for (uint32_t i = 0; i < line->bucket_count; i++) {
		while (line->buckets[i]) {
			struct gw_rpc_call *call = line->buckets[i];

			line->buckets[i] = call->line_next;
			call->line_next = buckets[call->id & (count - 1)];
			buckets[call->id & (count - 1)] = call;
		}
	}
	free(line->buckets);
	line->buckets = buckets;
	line->bucket_count = count;
	return 0;
}

int rpc_line_add(struct rpc_line *line, struct gw_rpc_call *call)
{
	struct gw_rpc_call **bucket;

	assert(!call->line);
	if (line->call_count >= line->bucket_count && buckets_grow(line) < 0 &&
	    line->bucket_count == 0)
		return GW_E_NO_MEMORY;
	bucket = &line->buckets[call->id & (line->bucket_count - 1)];
	call->line_next = *bucket;
	*bucket = call;
	call->line = line;
	line->call_count++;
	return 0;
}

void rpc_line_remove(struct rpc_line *line, struct gw_rpc_call *call)
{
	struct gw_rpc_call **at = &line->buckets[call->id & (line->bucket_count - 1)];

	assert(call->line == line && line->call_count > 0);
	while (*at != call)
		at = &(*at)->line_next;
	*at = call->line_next;
	call->line = NULL;
	line->connection->expects_parts = false;
	line->call_count--;
}

struct gw_rpc_call *rpc_line_find(const struct rpc_line *line, uint64_t id)
{
	struct gw_rpc_call *call;

	if (line->bucket_count == 0)
		return NULL;
	call = line->buckets[id & (line->bucket_count - 1)];
	while (call && call->id != id)
		call = call->line_next;
	return call;
}

struct gw_rpc_call *rpc_line_any(const struct rpc_line *line)
{
	for (uint32_t i = 0; i < line->bucket_count && line->call_count > 0; i++) {
		if (line->buckets[i])
			return line->buckets[i];
	}
	return NULL;
}

/* ---- Flushing ------------------------------------------------------------------------------ */

static void flush_all(struct rpc_flusher *flusher)
{
	while (flusher->first) {
		struct rpc_line *line = flusher->first;

		flusher->first = line->dirty_next;
		line->is_dirty = false;
		rpc_connection_flush(line->connection);
	}
}

/* Runs behind the tasks that were ready when the first frame was sent, so it finds theirs too. */
static int flush(void *argument)
{
	struct rpc_flusher *flusher = argument;

	flush_all(flusher);
	assert(flusher->is_scheduled && !flusher->first);
	flusher->is_scheduled = false;
	rpc_wake(&flusher->idle);
	return 0;
}

struct rpc_line *rpc_line_of(const struct rpc_connection *connection)
{
	struct rpc_line *line = connection->owner;

	assert(line->connection == connection);
	return line;
}

void rpc_line_dirty(struct rpc_connection *connection)
{
	static const struct gw_spawn_options options = {.name = "rpc flush"};
	struct rpc_line *line = rpc_line_of(connection);
	struct rpc_flusher *flusher = line->flusher;

	if (line->is_dirty)
		return;
	line->is_dirty = true;
	line->dirty_next = flusher->first;
	flusher->first = line;
	if (flusher->is_scheduled)
		return;
	flusher->is_scheduled = true;
	if (task_spawn(flusher->loop, NULL, NULL, flush, flusher, &options) < 0) {
		flusher->is_scheduled = false;
		flush_all(flusher);
	}
}

void rpc_line_written(struct rpc_connection *connection)
{
	if (rpc_connection_has_room(connection))
		rpc_wake(&rpc_line_of(connection)->room);
}

void rpc_flusher_join(struct rpc_flusher *flusher)
{
	gw_shield_begin();
	while (flusher->is_scheduled || flusher->connections > 0)
		(void)rpc_wait(&flusher->idle, "for the end of", "its connections", GW_FOREVER);
	gw_shield_end();
}

int rpc_line_wait_for_room(struct gw_rpc_call *call, uint64_t deadline_ns, struct gw_error *error)
{
	while (call->line && !rpc_connection_has_room(call->line->connection)) {
		int result = rpc_wait(&call->line->room, "for room to send on",
				      call->method->full_name, deadline_ns);

		if (result < 0)
			return gw_fail(error, result, "%s: %s while the other side does not read",
				       call->method->full_name, gw_code_text(result));
	}
	if (!call->line)
		return gw_fail(error, GW_E_CLOSED, "%s: the connection was lost",
			       call->method->full_name);
	return 0;
}

void rpc_line_unlink(struct rpc_line **first, struct rpc_line *line)
{
	if (line->next)
		line->next->previous = line->previous;
	if (line->previous)
		line->previous->next = line->next;
	else
		*first = line->next;
}

void rpc_line_free(struct rpc_line *line)
{
	struct rpc_line **at = &line->flusher->first;

	assert(line->call_count == 0 && line->connection->is_closed);
	if (line->is_dirty) {
		while (*at != line)
			at = &(*at)->dirty_next;
		*at = line->dirty_next;
	}
	rpc_wake(&line->room);
	rpc_peer_unref(line->peer);
	free(line->buckets);
	free(line);
}

void rpc_peer_unref(struct rpc_peer *peer)
{
	if (peer && --peer->references == 0)
		free(peer);
}

static void connection_gone(void *context)
{
	struct rpc_flusher *flusher = context;

	assert(flusher->connections > 0);
	flusher->connections--;
	rpc_wake(&flusher->idle);
}

int rpc_line_new(struct rpc_line **out, struct rpc_flusher *flusher,
		 struct rpc_transport *transport, const struct rpc_connection_events *events,
		 void *owner, struct gw_error *error)
{
	struct rpc_line *line = calloc(1, sizeof(*line));
	struct rpc_peer *peer = malloc(sizeof(*peer));
	int result;

	*out = NULL;
	if (!line || !peer) {
		free(line);
		free(peer);
		(void)gw_fail(error, GW_E_NO_MEMORY, "connection to %s: out of memory",
			      transport->name);
		rpc_transport_close(transport, true);
		return GW_E_NO_MEMORY;
	}
	peer->references = 1;
	peer->peer = transport->peer;
	line->peer = peer;
	line->flusher = flusher;
	line->owner = owner;
	result = rpc_connection_new(&line->connection, flusher->io, transport, events, line, error);
	if (result < 0) {
		free(peer);
		free(line);
		return result;
	}
	line->connection->gone = connection_gone;
	line->connection->gone_context = flusher;
	flusher->connections++;
	*out = line;
	return 0;
}
