/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_heart.c - what chunkservers say all the time, and what they are answered: the handlers of
 * Enrol, Heartbeat and Failed. Every master hears; the one that leads extends leases, revokes, and
 * names what is to be dropped. What is dropped is only decided in the answer to a heartbeat: the
 * next one, which is sent when this answer was obeyed, then tells the truth.
 */
#include "gfs/master/cluster_inside.h"

#include <assert.h>

#include "base/crc32c.h"
#include "io/rare.h"
#include "task/loop.h"

/* A server speaks to each master by itself: it is not sent on to the one that leads. */
static int not_now(const struct gfs_master *master, struct gw_error *error)
{
	return gw_fail(error, GW_E_UNREACHABLE, "%s does not lead now", master->name);
}

/* ---- Enrol ------------------------------------------------------------------------------- */

static int check_enrol(const Gfs__EnrolRequest *request, struct gw_error *error)
{
	if (request->uuid.len != GFS_SERVER_UUID_BYTES || !request->address[0] ||
	    strlen(request->address) > GFS_ADDRESS_BYTES_MAX ||
	    strlen(request->rack) > GFS_RACK_BYTES_MAX)
		return gw_fail(error, GW_E_INVALID, "a server without a uuid or an address");
	return 0;
}

static int serve_enrol(struct gw_rpc_call *call, void *context, const Gfs__EnrolRequest *request,
		       Gfs__EnrolReply *reply, struct gw_error *error)
{
	const struct gfs_record record = {
		.kind = GFS_RECORD_SERVER,
		.uuid = {request->uuid.data, request->uuid.len},
		.address = gw_string(request->address),
		.rack = gw_string(request->rack),
	};
	struct gfs_master *master = context;
	struct base_buffer payload = {0};
	struct replog_state log;
	Gfs__EnrolReply *answer;
	int code = check_enrol(request, error);

	if (code == 0)
		code = gfs_master_propose(master, &record, gw_rpc_call_deadline(call), &payload,
					  NULL, error);
	if (code == GW_E_NOT_LEADER || code == GW_E_OUTCOME_UNKNOWN)
		return not_now(master, error);
	if (code < 0)
		return code;
	answer = gfs__enrol_reply__unpack(NULL, payload.size, payload.data);
	base_buffer_done(&payload);
	replog_state(master->log, &log);
	reply->cluster.data = gw_rpc_allocate(call, sizeof(log.cluster));
	if (!answer || !reply->cluster.data) {
		if (answer)
			gfs__enrol_reply__free_unpacked(answer, NULL);
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for an answer");
	}
	reply->server = answer->server;
	reply->cluster.len = sizeof(log.cluster);
	memcpy(reply->cluster.data, log.cluster, sizeof(log.cluster));
	gfs__enrol_reply__free_unpacked(answer, NULL);
	return 0;
}

/* ---- Who speaks -------------------------------------------------------------------------- */

static int too_late(struct gw_error *error)
{
	return gw_fail(error, GW_E_STALE, "a heartbeat that was sent before others");
}

/* Another life of it: it holds nothing of what was granted to the one before. The first life that
 * this master hears of may have been there all along, and is still to be told what is revoked. */
static int begin_life(struct gfs_cluster_server *server, uint64_t incarnation,
		      struct gw_error *error)
{
	for (uint32_t i = 0; i < server->former_count; i++)
		if (server->former[i] == incarnation)
			return too_late(error);
	if (server->incarnation != 0) {
		memmove(server->former + 1, server->former,
			(GFS_FORMER_MAX - 1) * sizeof(server->former[0]));
		server->former[0] = server->incarnation;
		if (server->former_count < GFS_FORMER_MAX)
			server->former_count++;
		base_map_done(&server->revokes);
	}
	server->incarnation = incarnation;
	server->sequence = 0;
	server->has_reported = false;
	gfs_cluster_report_end(server);
	base_map_done(&server->spared);
	return 0;
}

static int hear(struct gfs_master *master, const Gfs__HeartbeatRequest *request,
		struct gfs_cluster_server **out, struct gw_error *error)
{
	struct gfs_cluster_server *server;
	struct gfs_server known;
	int code = 0;

	if (!gfs_server_find(&master->machine.state, request->server, &known) ||
	    request->uuid.len != known.uuid.size || request->incarnation == 0 ||
	    memcmp(request->uuid.data, known.uuid.data, known.uuid.size) != 0)
		return gw_fail(error, GW_E_NOT_FOUND, "server %u is not known here",
			       request->server);
	server = gfs_cluster_server_make(master, request->server);
	if (!server)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a server");
	if (server->incarnation != request->incarnation)
		code = begin_life(server, request->incarnation, error);
	if (code == 0 && request->sequence <= server->sequence)
		code = too_late(error);
	if (code < 0)
		return code;
	server->bytes = request->bytes;
	server->bytes_free = request->bytes_free < request->bytes ? request->bytes_free
								  : request->bytes;
	server->load = request->load;
	server->rack = base_crc32c(0, known.rack.data, known.rack.size);
	server->drains = known.flags & GFS_SERVER_DRAINING;
	*out = server;
	return 0;
}

/* ---- What it has ------------------------------------------------------------------------- */

/* The answer, while it is made. */
struct beat {
	struct gfs_master *master;
	struct gfs_cluster_server *server;
	const Gfs__HeartbeatRequest *request;
	Gfs__HeartbeatReply *reply;
	uint64_t term;      /* != 0: we lead */
	size_t drops_max;
};

/* Whether enough others have it that this server may be told to drop its own. */
static bool may_drop(const struct beat *beat, uint64_t handle, uint32_t wanted)
{
	uint32_t slot = gfs_slot_of(handle);
	struct gfs_set alive;
	uint32_t others = 0;

	gfs_cluster_alive(beat->master, slot, &alive, NULL);
	for (uint32_t i = 0; i < alive.count; i++)
		others += alive.servers[i] != beat->request->server;
	return others >= wanted;
}

static void drop(struct beat *beat, uint64_t handle)
{
	if (beat->reply->n_drop < beat->drops_max)
		beat->reply->drop[beat->reply->n_drop++] = handle;
}

/* A replica of a higher version than the log's: that one is right. */
static void take_version(struct beat *beat, uint64_t handle, uint64_t version)
{
	const struct gfs_record record = {
		.kind = GFS_RECORD_VERSION, .handle = handle, .version = version};

	if (gfs_master_propose(beat->master, &record, gw_after_ms(GFS_PROPOSE_TIMEOUT_MS), NULL,
			       NULL, NULL) == 0)
		(void)gfs_cluster_note(beat->master, beat->request->server, handle, version,
				       false);
}

/* What is not to be relied on goes when enough others have the chunk: one that is stale when it may
 * be written to, one that is bad when there are as many as there should be (5.2). A clone may come
 * in its place before. */
static void hear_useless(struct beat *beat, uint64_t handle, bool is_bad)
{
	const struct gfs_chunk *chunk = gfs_cluster_chunk(beat->master, handle);

	if (chunk)
		gfs_cluster_remove(beat->master, gfs_slot_of(handle), beat->request->server);
	if (beat->term == 0 || beat->master->cluster->is_safe)
		return;
	if (!chunk ||
	    may_drop(beat, handle, is_bad ? chunk->goal : gfs_replicas_min(chunk->goal)))
		drop(beat, handle);
}

/* For a planted bug. */
static bool is_shared_with_deleted(const struct beat *beat, uint64_t handle)
{
	const struct gfs_chunk *chunk = gfs_cluster_chunk(beat->master, handle);

	return chunk && chunk->live > 0 && chunk->live < chunk->references;
}

static void hear_chunk(struct beat *beat, const Gfs__Had *had)
{
	bool leads = beat->term != 0;

	switch (gfs_cluster_note(beat->master, beat->request->server, had->handle, had->version,
				 had->suspect)) {
	case GFS_NOTE_GOOD:
		if (leads && is_shared_with_deleted(beat, had->handle) &&
		    IO_BUG(task_io(), "gfs.collect-shared"))
			drop(beat, had->handle);
		return;
	case GFS_NOTE_BEHIND:
		if (leads)
			gfs_cluster_tell_later(beat->master, gfs_slot_of(had->handle));
		return;
	case GFS_NOTE_AHEAD:
		if (leads && !beat->master->cluster->is_safe && had->version <= UINT32_MAX)
			take_version(beat, had->handle, had->version);
		return;
	default:
		/* A standby does not know yet what the leader has made. */
		if (leads)
			hear_useless(beat, had->handle, false);
	}
}

/* Those that are too many, if they still are and nobody writes to them. Of a chunk that is held one
 * may just have been made: its server's answer is still on its way, and would be believed. */
static void drop_spared(struct beat *beat)
{
	struct base_map *spared = &beat->server->spared;
	struct gw_bytes key;
	void *value;

	for (size_t at = 0; base_map_next(spared, &at, &key, &value);) {
		const struct gfs_chunk *chunk;
		struct gfs_grant grant;
		uint64_t handle;

		memcpy(&handle, key.data, sizeof(handle));
		if (base_map_find(&beat->master->cluster->holds, key, NULL))
			continue;
		chunk = gfs_cluster_chunk(beat->master, handle);
		if (chunk && may_drop(beat, handle, chunk->goal) &&
		    !gfs_grant_of(&beat->master->machine.state, gfs_slot_of(handle), &grant) &&
		    beat->reply->n_drop < beat->drops_max) {
			gfs_cluster_remove(beat->master, gfs_slot_of(handle),
					   beat->request->server);
			drop(beat, handle);
		}
		(void)base_map_remove(spared, key, NULL);
	}
}

static void hear_chunks(struct beat *beat)
{
	const Gfs__HeartbeatRequest *request = beat->request;

	for (size_t i = 0; i < request->n_had; i++)
		hear_chunk(beat, request->had[i]);
	for (size_t i = 0; i < request->n_bad; i++)
		hear_useless(beat, request->bad[i], true);
	for (size_t i = 0; i < request->n_lost; i++)
		if (gfs_cluster_chunk(beat->master, request->lost[i]))
			gfs_cluster_remove(beat->master, gfs_slot_of(request->lost[i]),
					   request->server);
	if (beat->term != 0 && !beat->master->cluster->is_safe)
		drop_spared(beat);
}

/* ---- What it is answered ----------------------------------------------------------------- */

static void hear_revoked(const struct beat *beat)
{
	for (size_t i = 0; i < beat->request->n_revoked; i++) {
		const Gfs__Revoked *revoked = beat->request->revoked[i];
		void *version;

		if (base_map_find(&beat->server->revokes, gfs_cluster_key(&revoked->handle),
				  &version) &&
		    (uint64_t)(uintptr_t)version <= revoked->version)
			(void)base_map_remove(&beat->server->revokes,
					      gfs_cluster_key(&revoked->handle), NULL);
	}
}

static int add_revokes(struct gw_rpc_call *call, struct beat *beat, struct gw_error *error)
{
	struct base_map *revokes = &beat->server->revokes;
	Gfs__HeartbeatReply *reply = beat->reply;
	Gfs__Revoked *revoked;
	struct gw_bytes key;
	void *version;

	if (revokes->count == 0)
		return 0;
	reply->revoke = gw_rpc_allocate(call, revokes->count * sizeof(*reply->revoke));
	revoked = gw_rpc_allocate(call, revokes->count * sizeof(*revoked));
	if (!reply->revoke || !revoked)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for an answer");
	for (size_t at = 0; base_map_next(revokes, &at, &key, &version); revoked++) {
		gfs__revoked__init(revoked);
		memcpy(&revoked->handle, key.data, sizeof(revoked->handle));
		revoked->version = (uint64_t)(uintptr_t)version;
		reply->revoke[reply->n_revoke++] = revoked;
	}
	return 0;
}

static int add_masters(struct gw_rpc_call *call, struct beat *beat, struct gw_error *error)
{
	struct replog_member members[RAFT_MEMBERS_MAX];
	size_t count = replog_members(beat->master->log, members);

	beat->reply->masters = gw_rpc_allocate(call, (count + 1) * sizeof(char *));
	if (!beat->reply->masters)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for an answer");
	for (size_t i = 0; i < count; i++) {
		char *address = gw_rpc_allocate(call, sizeof(members[i].address));

		if (!address)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory for an answer");
		memcpy(address, members[i].address, sizeof(members[i].address));
		beat->reply->masters[beat->reply->n_masters++] = address;
	}
	return 0;
}

/* The lease, when a majority has just said that we lead. */
static void extend(struct beat *beat)
{
	uint64_t ms = beat->master->options.chunk_lease_ms;
	uint64_t end_ns = gw_now_ns() + (ms + ms * GFS_DRIFT_PERCENT / 100) * 1000000;

	if (end_ns > beat->server->lease_end_ns)
		beat->server->lease_end_ns = end_ns;
	beat->reply->extended = true;
	beat->reply->lease_ms = ms;
	beat->reply->writers_from = gfs_writers_from(&beat->master->machine.state);
}

/* Whether this master leads for certain, now that the heartbeat has come. */
static void find_term(struct beat *beat, uint64_t deadline_ns)
{
	uint64_t term = beat->master->term;

	if (term == 0 || replog_read_barrier(beat->master->log, deadline_ns, NULL, NULL) < 0)
		return;
	if (gfs_cluster_leads(beat->master, term))
		beat->term = term;
}

static int make_answer(struct gw_rpc_call *call, struct beat *beat, struct gw_error *error)
{
	Gfs__HeartbeatReply *reply = beat->reply;
	struct replog_state log;
	int code;

	replog_state(beat->master->log, &log);
	reply->term = beat->term ? beat->term : log.term;
	reply->sequence = beat->request->sequence;
	reply->report = !beat->server->has_reported;
	code = add_masters(call, beat, error);
	if (code == 0 && beat->term != 0)
		code = add_revokes(call, beat, error);
	if (code < 0)
		return code;
	if (beat->term != 0)
		extend(beat);
	/* Who leads hears those alone whose lease it has extended. */
	if (beat->term != 0 || beat->master->term == 0)
		beat->server->heard_ns = gw_now_ns();
	rpc_wake(&beat->master->cluster->heard);
	return 0;
}

static int serve_heartbeat(struct gw_rpc_call *call, void *context,
			   const Gfs__HeartbeatRequest *request, Gfs__HeartbeatReply *reply,
			   struct gw_error *error)
{
	struct gfs_master *master = context;
	struct beat beat = {.master = master, .request = request, .reply = reply};
	int code;

	if (!gfs_machine_is_whole(&master->machine))
		return gw_fail(error, GW_E_UNREACHABLE, "%s has no state now", master->name);
	code = hear(master, request, &beat.server, error);
	if (code < 0)
		return code;
	find_term(&beat, gw_rpc_call_deadline(call));
	/* A later one may have been answered while the log was asked. */
	if (beat.server->incarnation != request->incarnation ||
	    request->sequence <= beat.server->sequence)
		return too_late(error);
	beat.server->sequence = request->sequence;
	if (!gfs_machine_is_whole(&master->machine))
		return gw_fail(error, GW_E_UNREACHABLE, "%s has no state now", master->name);
	hear_revoked(&beat);
	beat.drops_max = request->n_had + request->n_bad + beat.server->spared.count;
	reply->drop = gw_rpc_allocate(call, (beat.drops_max + 1) * sizeof(*reply->drop));
	if (!reply->drop)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for an answer");
	hear_chunks(&beat);
	/* Hearing may have logged a version, and so waited. */
	if (beat.term != 0 && !gfs_cluster_leads(master, beat.term))
		return not_now(master, error);
	return make_answer(call, &beat, error);
}

/* ---- Failed ------------------------------------------------------------------------------ */

/* The primary has ended its grant by itself; those that failed it are left out of the next one. */
static int serve_failed(struct gw_rpc_call *call, void *context, const Gfs__FailedRequest *request,
			Gfs__Nothing *reply, struct gw_error *error)
{
	struct gfs_master *master = context;
	const struct gfs_chunk *chunk;
	struct gfs_secure what = {.term = master->term,
				  .handle = request->handle,
				  .deadline_ns = gw_rpc_call_deadline(call),
				  .failed_version = request->version};
	struct gfs_grant grant;

	(void)reply;
	if (what.term == 0)
		return not_now(master, error);
	chunk = gfs_cluster_chunk(master, request->handle);
	if (!chunk)
		return 0;
	/* Also of a grant that is over: its client may have asked for another one meanwhile. */
	for (size_t i = 0; i < request->n_servers; i++)
		gfs_cluster_shun(master, request->handle, request->servers[i]);
	if (chunk->version != request->version ||
	    !gfs_grant_of(&master->machine.state, gfs_slot_of(request->handle), &grant) ||
	    grant.set.servers[0] != request->server)
		return 0;
	for (size_t i = 0; i < request->n_servers && what.avoid.count < GFS_GOAL_MAX; i++)
		if (gfs_set_has(&grant.set, request->servers[i]))
			what.avoid.servers[what.avoid.count++] = (uint16_t)request->servers[i];
	return gfs_cluster_secure_held(master, &what, error) == GW_E_NOT_LEADER
		       ? not_now(master, error)
		       : 0;
}

const struct cluster_handlers gfs_cluster_handlers = {
	.enrol = serve_enrol,
	.heartbeat = serve_heartbeat,
	.report = gfs_cluster_serve_report,
	.failed = serve_failed,
};
