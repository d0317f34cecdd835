/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heart.c - a task for each master: it says that we live and what we have, and obeys what the one
 * that leads answers. An answer extends our lease from the moment when the heartbeat was sent.
 */
#include "inside.h"

#include "base/little_endian.h"
#include "io/rare.h"
#include "rpc/waiting.h"
#include "task/loop.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	REVOKED_MAX = 1024,
	TROUBLE_BEATS = 2, /* that fail alike are trouble; one may be, while masters change */
};

/* ---- Who are we ------------------------------------------------------------------------------ */

static bool has_number(const struct chunk_server *server)
{
	return chunk_server_number(server) != 0;
}

static int take_number(struct chunk_server *server, const Gfs__EnrolReply *reply,
		       struct gw_error *error)
{
	static const uint8_t none[CHUNK_CLUSTER_BYTES];
	struct chunk_home home = *chunk_store_home(server->store);

	if (reply->cluster.len != CHUNK_CLUSTER_BYTES || reply->server == 0 ||
	    reply->server > GFS_SERVERS_MAX)
		return gw_fail(error, GW_E_INVALID, "an answer that makes no sense");
	if (memcmp(home.cluster, none, sizeof(none)) != 0 &&
	    memcmp(home.cluster, reply->cluster.data, sizeof(none)) != 0)
		return gw_fail(error, GW_E_DENIED, "these disks are of another cluster");
	server->is_enrolled = true;
	if (home.server == reply->server)
		return 0;
	memcpy(home.cluster, reply->cluster.data, sizeof(home.cluster));
	home.server = reply->server;
	return chunk_store_set_home(server->store, &home, error);
}

static int enrol(struct chunk_master *master, struct gw_error *error)
{
	struct chunk_server *server = master->server;
	const struct chunk_home *home = chunk_store_home(server->store);
	Gfs__EnrolRequest request;
	Gfs__EnrolReply *reply = NULL;
	uint8_t uuid[GFS_SERVER_UUID_BYTES];
	int result;

	gfs__enrol_request__init(&request);
	memcpy(uuid, home->uuid, sizeof(uuid));
	request.uuid = (ProtobufCBinaryData){sizeof(uuid), uuid};
	request.address = server->address;
	request.rack = server->rack;
	result = cluster_enrol(master->client, &request, &reply, error);
	if (result == 0) {
		int locked = gw_lock(&server->home_lock, GW_FOREVER);

		result = locked < 0 ? locked : take_number(server, reply, error);
		if (locked == 0)
			gw_unlock(&server->home_lock);
	}
	gw_rpc_reply_free(reply);
	return result;
}

/* ---- What we have ---------------------------------------------------------------------------- */

struct beat {
	Gfs__HeartbeatRequest request;
	Gfs__Had had[CHUNK_HAD_MAX];
	Gfs__Had *had_pointers[CHUNK_HAD_MAX];
	uint64_t bad[CHUNK_HAD_MAX];
	Gfs__Revoked revoked[REVOKED_MAX];
	Gfs__Revoked *revoked_pointers[REVOKED_MAX];
	uint8_t uuid[GFS_SERVER_UUID_BYTES];
};

static void add_had(struct beat *beat, const struct chunk *chunk)
{
	size_t i = beat->request.n_had;
	const struct grant *grant = chunk->grant;
	Gfs__Had *had = &beat->had[i];

	if (chunk->is_partial)
		return;
	if (chunk->is_bad) {
		beat->bad[beat->request.n_bad++] = chunk->handle;
		return;
	}
	gfs__had__init(had);
	had->handle = chunk->handle;
	had->version = chunk->version;
	had->length = chunk->length;
	had->open = chunk->is_open;
	had->suspect = chunk->is_suspect;
	had->primary = grant && grant->is_primary;
	beat->had_pointers[i] = had;
	beat->request.n_had++;
}

/* A part of all, in turn. */
static void add_chunks(struct chunk_master *master, struct beat *beat)
{
	struct chunk_store *store = master->server->store;
	struct chunk *chunk;

	while (beat->request.n_had < CHUNK_HAD_MAX && beat->request.n_bad < CHUNK_HAD_MAX &&
	       (chunk = chunk_next(store, &master->at)))
		add_had(beat, chunk);
	if (beat->request.n_had < CHUNK_HAD_MAX && beat->request.n_bad < CHUNK_HAD_MAX)
		master->at = 0;
}

/* A part of all, in turn. */
static void add_revoked(struct chunk_master *master, struct beat *beat)
{
	const struct base_map *revoked = &master->server->revoked;
	struct gw_bytes key;
	void *version;

	while (beat->request.n_revoked < REVOKED_MAX &&
	       base_map_next(revoked, &master->at_revoked, &key, &version)) {
		size_t i = beat->request.n_revoked++;

		gfs__revoked__init(&beat->revoked[i]);
		memcpy(&beat->revoked[i].handle, key.data, sizeof(uint64_t));
		beat->revoked[i].version = (uint64_t)(uintptr_t)version;
		beat->revoked_pointers[i] = &beat->revoked[i];
	}
	if (beat->request.n_revoked < REVOKED_MAX)
		master->at_revoked = 0;
}

static void fill_beat(struct chunk_master *master, struct beat *beat)
{
	struct chunk_server *server = master->server;
	const struct chunk_home *home = chunk_store_home(server->store);
	Gfs__HeartbeatRequest *request = &beat->request;
	uint64_t total = 0, free_bytes = 0;

	gfs__heartbeat_request__init(request);
	chunk_store_measure(server->store, &total, &free_bytes);
	memcpy(beat->uuid, home->uuid, sizeof(beat->uuid));
	request->uuid = (ProtobufCBinaryData){sizeof(beat->uuid), beat->uuid};
	request->server = home->server;
	request->incarnation = server->incarnation;
	request->sequence = ++master->sequence;
	request->term = home->term;
	request->bytes = total;
	request->bytes_free = free_bytes;
	request->load = server->calls;
	request->clones = server->clones;
	request->had = beat->had_pointers;
	request->bad = beat->bad;
	request->revoked = beat->revoked_pointers;
	add_chunks(master, beat);
	add_revoked(master, beat);
}

/* ---- All that we have ------------------------------------------------------------------------ */

static size_t fill_piece(const struct chunk_server *server, uint8_t *bytes, size_t *position)
{
	struct chunk *chunk;
	size_t size = 0;

	while (size + GFS_REPORT_BYTES <= GFS_REPORT_PIECE_BYTES_MAX &&
	       (chunk = chunk_next(server->store, position))) {
		uint64_t length = chunk->length;

		if (chunk->is_partial || chunk->is_bad)
			continue;
		/* The flags' bits are not of a length; heartbeats say it exactly. */
		if (length >= GFS_REPORT_SUSPECT)
			length = GFS_REPORT_SUSPECT - 1;
		base_store64(bytes + size, chunk->handle);
		base_store32(bytes + size + 8, (uint32_t)chunk->version);
		base_store32(bytes + size + 12,
			     (uint32_t)length | (chunk->is_open ? GFS_REPORT_OPEN : 0) |
				     (chunk->is_suspect ? GFS_REPORT_SUSPECT : 0));
		size += GFS_REPORT_BYTES;
	}
	return size;
}

/* Not the replica that the heartbeat told of: it was cloned or granted again since. */
static bool is_newer(const struct chunk *chunk, uint64_t sent_ns)
{
	const struct grant *grant = chunk->grant;

	return chunk->made_ns >= sent_ns || (grant && grant->made_ns >= sent_ns);
}

static void drop(struct chunk_server *server, const uint64_t *handles, size_t count,
		 uint64_t sent_ns)
{
	for (size_t i = 0; i < count; i++) {
		struct chunk *chunk = chunk_find(server->store, handles[i]);
		struct gw_error error = {0};

		if (!chunk || (is_newer(chunk, sent_ns) && !IO_BUG(server->io, "gfs.old-drop")))
			continue;
		grant_end(chunk, UINT64_MAX);
		if (chunk_drop(chunk, &error) < 0)
			chunk_server_troubled(server, &error);
	}
}

static int report(struct chunk_master *master, uint64_t term, struct gw_error *error)
{
	struct chunk_server *server = master->server;
	uint8_t *bytes = malloc(GFS_REPORT_PIECE_BYTES_MAX);
	size_t position = 0;
	int result = bytes ? 0 : gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	Gfs__ReportRequest request = GFS__REPORT_REQUEST__INIT;

	request.server = chunk_server_number(server);
	request.incarnation = server->incarnation;
	request.term = term;
	for (; result == 0 && !request.last; request.piece++) {
		size_t size = fill_piece(server, bytes, &position);
		struct gw_rpc_call_options options = {.attachment = {bytes, size}};
		Gfs__Nothing *reply = NULL;

		request.last = size + GFS_REPORT_BYTES <= GFS_REPORT_PIECE_BYTES_MAX;
		result = cluster_report_with(master->client, &request, &options, &reply, error);
		gw_rpc_reply_free(reply);
	}
	free(bytes);
	return result;
}

/* ---- What is answered ------------------------------------------------------------------------ */

static void forget_writers(struct chunk_server *server, const Gfs__HeartbeatReply *reply)
{
	struct chunk *chunk;

	if (reply->writers_from > server->writers_from)
		server->writers_from = reply->writers_from;
	for (size_t at = 0; (chunk = chunk_next(server->store, &at));) {
		if (!chunk->is_loaded)
			continue;
		chunk_forget_writers_below(&chunk->state, server->writers_from);
		for (size_t i = 0; i < reply->n_writers_ended; i++)
			chunk_forget_writer(&chunk->state, reply->writers_ended[i]);
	}
}

static void extend(struct chunk_server *server, const Gfs__HeartbeatReply *reply,
		   uint64_t sent_ns)
{
	uint64_t ms = reply->lease_ms;
	uint64_t end;

	if (!IO_BUG(server->io, "gfs.lease-without-drift"))
		ms -= ms * GFS_DRIFT_PERCENT / 100;
	end = sent_ns + ms * 1000000;
	/* While our lease was over, others may have been made primary of what we were. */
	if (!chunk_server_is_leased(server))
		chunk_server_end_lease(server);
	if (end > server->lease_end_ns)
		server->lease_end_ns = end;
	rpc_wake(&server->leased);
}

static void add_told_masters(struct chunk_server *server, const Gfs__HeartbeatReply *reply)
{
	for (size_t i = 0; i < reply->n_masters; i++) {
		struct gw_error error = {0};

		if (reply->masters[i][0] &&
		    chunk_server_add_master(server, reply->masters[i], &error) < 0)
			chunk_server_troubled(server, &error);
	}
}

/* What it says counts when it leads: it extends, or has a term that is not old. */
static int obey(struct chunk_master *master, const Gfs__HeartbeatReply *reply, uint64_t sent_ns,
		struct gw_error *error)
{
	struct chunk_server *server = master->server;
	int result = 0;

	add_told_masters(server, reply);
	if (reply->n_revoke > 0 || reply->n_drop > 0 || reply->extended)
		result = chunk_server_term(server, reply->term, error);
	if (result < 0)
		return result;
	for (size_t i = 0; i < reply->n_revoke && result == 0; i++)
		result = chunk_server_revoke(server, reply->revoke[i]->handle,
					     reply->revoke[i]->version, error);
	if (result < 0)
		return result;
	if (reply->extended) {
		extend(server, reply, sent_ns);
		forget_writers(server, reply);
	}
	drop(server, reply->drop, reply->n_drop, sent_ns);
	if (!reply->report)
		return 0;
	return report(master, reply->term, error);
}

static int beat_once(struct chunk_master *master, struct gw_error *error)
{
	struct chunk_server *server = master->server;
	struct beat *beat = calloc(1, sizeof(*beat));
	struct gw_rpc_call_options options = {.deadline_ns = gw_after_ms(2 * server->heartbeat_ms)};
	Gfs__HeartbeatReply *reply = NULL;
	uint64_t sent_ns;
	int result;

	if (!beat)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	fill_beat(master, beat);
	sent_ns = io_now_ns(server->io);
	result = cluster_heartbeat_with(master->client, &beat->request, &options, &reply, error);
	free(beat);
	if (result == 0)
		result = obey(master, reply, sent_ns, error);
	gw_rpc_reply_free(reply);
	return result;
}

static int beat_in_task(void *argument)
{
	struct chunk_master *master = argument;
	struct chunk_server *server = master->server;
	uint64_t at = io_now_ns(server->io);
	int result = 0, last = 0;
	unsigned alike = 0;

	while (result != GW_E_CANCELLED) {
		struct gw_error error = {0};

		/* The one that leads is to know this life's address. A master of another cluster
		 * hears no more of us. */
		result = server->is_enrolled ? 0 : enrol(master, &error);
		if (result == 0 || (has_number(server) && result != GW_E_DENIED))
			result = beat_once(master, &error);
		/* What lasts is told, once. */
		alike = result == last ? alike + 1 : 1;
		last = result;
		if (result < 0 && result != GW_E_CANCELLED && alike == TROUBLE_BEATS)
			chunk_server_troubled(server, &error);
		at += server->heartbeat_ms * 1000000;
		if (at < io_now_ns(server->io))
			at = io_now_ns(server->io);
		if (gw_cancelled() || gw_sleep_until(at) == GW_E_CANCELLED)
			break;
	}
	return 0;
}

int chunk_server_add_master(struct chunk_server *server, const char *address,
			    struct gw_error *error)
{
	struct chunk_master *master;
	int result;

	for (size_t i = 0; i < server->master_count; i++) {
		if (strcmp(server->masters[i]->address, address) == 0)
			return 0;
	}
	if (server->master_count == CHUNK_MASTERS_MAX || strlen(address) > GFS_ADDRESS_BYTES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: too many masters", address);
	master = calloc(1, sizeof(*master));
	if (!master)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	master->server = server;
	(void)snprintf(master->address, sizeof(master->address), "%s", address);
	result = chunk_server_client(server, address, false, &master->client, error);
	if (result < 0) {
		free(master);
		return result;
	}
	server->masters[server->master_count++] = master;
	return gw_spawn(&server->group, beat_in_task, master, NULL);
}

/* ---- What failed ----------------------------------------------------------------------------- */

struct failure {
	struct chunk_server *server;
	struct chunk_master *master;
	uint64_t handle, version;
	uint32_t servers[GFS_GOAL_MAX + 1];
	size_t count;
};

static int tell(void *argument)
{
	struct failure *failure = argument;
	Gfs__FailedRequest request = GFS__FAILED_REQUEST__INIT;
	Gfs__Nothing *reply = NULL;

	(void)gw_deadline_set(GW_FOREVER); /* but for the client's own */
	request.server = chunk_server_number(failure->server);
	request.handle = failure->handle;
	request.version = failure->version;
	request.servers = failure->servers;
	request.n_servers = failure->count;
	/* Those that do not lead refuse; a client that asks for a lease anew says it, too. */
	(void)!cluster_failed(failure->master->client, &request, &reply, NULL);
	gw_rpc_reply_free(reply);
	free(failure);
	return 0;
}

void chunk_server_tell_failed(struct chunk_server *server, const struct grant *grant,
			      const uint32_t *servers, size_t count)
{
	for (size_t i = 0; i < server->master_count; i++) {
		struct failure *failure = calloc(1, sizeof(*failure));

		if (!failure)
			return;
		assert(count <= GFS_GOAL_MAX + 1);
		failure->server = server;
		failure->master = server->masters[i];
		failure->handle = grant->chunk->handle;
		failure->version = grant->version;
		failure->count = count;
		memcpy(failure->servers, servers, count * sizeof(*servers));
		if (gw_spawn(&server->group, tell, failure, NULL) < 0)
			free(failure);
	}
}
