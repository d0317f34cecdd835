/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_serve.c - the service by which members reach each other. What comes here is from
 * somebody else: it is checked to be of this cluster and for this member before the core sees it.
 */
#include "driver.h"

#include "io/rare.h"

#include <stdio.h>
#include <stdlib.h>

/* Over TLS only certificates of the members' role; else whoever reaches our address. */
static int check_peer(const struct replog *log, const struct gw_rpc_call *call,
		      struct gw_error *error)
{
	const struct gw_rpc_peer *peer = gw_rpc_call_peer(call);
	const char *role = log->options.peer_role;

	if (peer->kind != GW_RPC_PEER_TLS)
		return 0;
	if (role && role[0] && strcmp(peer->role, role) == 0)
		return 0;
	return gw_fail(error, GW_E_DENIED, "%s: role \"%s\" is no member's", replog_name(log),
		       peer->role);
}

static bool is_stranger(const struct replog *log, const ProtobufCBinaryData *cluster)
{
	const uint8_t *own = replog_store_owner(log->store)->cluster;

	return cluster->len != REPLOG_CLUSTER_BYTES ||
	       memcmp(cluster->data, own, cluster->len) != 0;
}

/* One of the two has a wrong directory, or a wrong address. */
static void tell_stranger(struct replog *log, const Replog__Packet *packet)
{
	struct gw_error why = {0};

	(void)gw_fail(&why, GW_E_INVALID,
		      "%s: another cluster takes this one, member %llu, for its member %llu: is "
		      "this the right directory for this address?",
		      replog_name(log), (unsigned long long)log->id,
		      (unsigned long long)packet->to);
	log->stranger_ns = io_now_ns(log->io);
	replog_troubled(log, REPLOG_STRANGER, &why);
}

static int check(const struct replog *log, const struct gw_rpc_call *call,
		 const ProtobufCBinaryData *cluster, struct gw_error *error)
{
	int result = check_peer(log, call, error);

	if (result == 0)
		result = replog_refused(log, error);
	if (result == 0 && !log->is_started)
		return gw_fail(error, GW_E_BUSY, "%s: not started yet", replog_name(log));
	if (result == 0 && cluster && is_stranger(log, cluster))
		return gw_fail(error, GW_E_INVALID, "%s: a call of another cluster",
			       replog_name(log));
	return result;
}

/* ---- Messages -------------------------------------------------------------------------------- */

/* A disk that hangs must not make us remember all that comes: who sent it sends it again. */
static bool is_too_much(const struct replog *log, const struct raft_message *message)
{
	return message->entry_count > 0 &&
	       replog_store_added_bytes(log->store) > REPLOG_UNSAVED_BYTES_MAX;
}

/* Who asks for votes and was removed did not hear of it. */
static bool is_removed(const struct replog *log, const struct raft_message *message)
{
	return message->kind == RAFT_VOTE && replog_leads(log) &&
	       raft_members_decided(log->raft) &&
	       !raft_member_find(raft_members(log->raft), message->from);
}

static int take_message(struct replog *log, const Replog__Packet *packet,
			const Replog__Message *wire, struct gw_error *error)
{
	struct raft_snapshot snapshot;
	struct raft_entry *entries;
	struct raft_message message;
	struct raft_event event = {.kind = RAFT_RECEIVED, .message = &message};
	int result = replog_incoming(wire, &message, &entries, &snapshot, error);

	if (result < 0)
		return result;
	message.from = packet->from;
	message.to = packet->to;
	if (message.kind == RAFT_APPEND)
		log->is_told_removed = false;
	if (is_removed(log, &message)) {
		free(entries);
		return gw_fail(error, GW_E_STALE, "%s: member %llu is none any more",
			       replog_name(log), (unsigned long long)packet->from);
	}
	if (is_too_much(log, &message))
		IO_PROBE(log->io, "replog.too-much-unsaved");
	else
		result = replog_step(log, &event);
	free(entries);
	if (result == GW_E_CORRUPT)
		return gw_fail(error, result, "%s: a message of member %llu makes no sense",
			       replog_name(log), (unsigned long long)packet->from);
	return 0;
}

static int take_packet(struct replog *log, const struct gw_rpc_call *call,
		       const Replog__Packet *packet, struct gw_error *error)
{
	int result = check(log, call, &packet->cluster, error);

	if (result < 0 && is_stranger(log, &packet->cluster))
		tell_stranger(log, packet);
	if (result < 0)
		return result;
	if (packet->to != log->id || packet->from == log->id || packet->from == 0)
		return gw_fail(error, GW_E_INVALID, "%s: a packet for member %llu",
			       replog_name(log), (unsigned long long)packet->to);
	replog_peer_heard(log, packet->from, packet->from_address);
	for (size_t i = 0; i < packet->n_messages && result >= 0; i++)
		result = take_message(log, packet, packet->messages[i], error);
	return result;
}

static int deliver(struct gw_rpc_call *call, void *context, Replog__Nothing *reply,
		   struct gw_error *error)
{
	struct replog *log = context;
	int result;

	(void)reply;
	for (;;) {
		Replog__Packet *packet;

		result = members_deliver_request_receive(call, &packet, error);
		if (result <= 0)
			return result;
		result = take_packet(log, call, packet, error);
		gw_rpc_message_free((struct ProtobufCMessage *)packet);
		if (result < 0)
			return result;
	}
}

/* ---- Joining --------------------------------------------------------------------------------- */

static int join(struct gw_rpc_call *call, void *context, const Replog__JoinRequest *request,
		Replog__JoinReply *reply, struct gw_error *error)
{
	struct replog *log = context;
	int result = check(log, call, NULL, error);

	if (result < 0)
		return result;
	result = replog_member_add(log, request->address, request->standby, GW_FOREVER,
				   &reply->member, error);
	if (result == GW_E_NOT_LEADER && replog_leader_address(log)[0] &&
	    gw_rpc_redirect(call, replog_leader_address(log), NULL) < 0)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory", replog_name(log));
	if (result < 0)
		return result;
	reply->cluster.data = gw_rpc_allocate(call, REPLOG_CLUSTER_BYTES);
	if (!reply->cluster.data)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory", replog_name(log));
	reply->cluster.len = REPLOG_CLUSTER_BYTES;
	memcpy(reply->cluster.data, replog_store_owner(log->store)->cluster, REPLOG_CLUSTER_BYTES);
	return 0;
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

static int gone(const struct replog *log, uint64_t index, struct gw_error *error)
{
	return gw_fail(error, GW_E_NOT_FOUND, "%s: no snapshot %llu here (any more)",
		       replog_name(log), (unsigned long long)index);
}

static int manifest(struct gw_rpc_call *call, void *context,
		    const Replog__ManifestRequest *request, Replog__Nothing *reply,
		    struct gw_error *error)
{
	struct replog *log = context;
	const struct replog_manifest *newest;
	int result = check(log, call, &request->cluster, error);
	void *bytes;

	(void)reply;
	if (result < 0)
		return result;
	newest = replog_store_manifest(log->store);
	if (!newest || newest->snapshot.index != request->index ||
	    newest->snapshot.term != request->term)
		return gone(log, request->index, error);
	bytes = malloc(newest->bytes.size);
	if (!bytes)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory", replog_name(log));
	memcpy(bytes, newest->bytes.data, newest->bytes.size);
	log->served_ns = io_now_ns(log->io);
	return gw_rpc_attach(call, (struct gw_bytes){bytes, newest->bytes.size}, false, free,
			     bytes, error);
}

static int piece(struct gw_rpc_call *call, void *context, const Replog__PieceRequest *request,
		 Replog__Nothing *reply, struct gw_error *error)
{
	struct replog *log = context;
	int result = check(log, call, &request->cluster, error);
	void *bytes;

	(void)reply;
	if (result < 0)
		return result;
	bytes = malloc(REPLOG_PIECE_BYTES);
	if (!bytes)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory", replog_name(log));
	log->users++;
	result = replog_snapshot_read(log->store, request->index, request->term, request->file,
				      request->piece, bytes, error);
	log->users--;
	rpc_wake(&log->changed);
	log->served_ns = io_now_ns(log->io);
	if (result < 0) {
		free(bytes);
		return result;
	}
	return gw_rpc_attach(call, (struct gw_bytes){bytes, (size_t)result}, false, free, bytes,
			     error);
}

int replog_serve(struct replog *log, struct gw_rpc_server *server, struct gw_error *error)
{
	static const struct members_handlers handlers = {
		.deliver = deliver, .join = join, .manifest = manifest, .piece = piece};

	return members_serve(server, &handlers, log, NULL, error);
}
