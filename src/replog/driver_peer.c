/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_peer.c - a task for each other member: it keeps one stream to it open and sends what has
 * gathered since its last packet. A message that cannot go is lost, which the core bears: it asks
 * again. Nothing comes back on the stream; the other member answers by its own.
 */
#include "driver.h"

#include "io/rare.h"

#include <stdio.h>
#include <stdlib.h>

/* Three times the second: a peer is lost. Slow networks are silent for long. */
enum { IDLE_MS = 60000, KEEPALIVE_MS = 2000 };

/* ---- Who is where ---------------------------------------------------------------------------- */

static struct replog_peer *peer_find(struct replog *log, uint64_t id)
{
	for (size_t i = 0; i < REPLOG_PEERS_MAX; i++) {
		if (log->peers[i].id == id)
			return &log->peers[i];
	}
	return NULL;
}

const char *replog_address_of(const struct replog *log, uint64_t id)
{
	const struct raft_member *member = raft_member_find(raft_members(log->raft), id);

	if (member)
		return member->address;
	for (size_t i = 0; i < REPLOG_PEERS_MAX; i++) {
		if (id != 0 && log->peers[i].id == id)
			return log->peers[i].address;
	}
	return NULL;
}

static struct replog_peer *peer_take(struct replog *log, uint64_t id, const char *address)
{
	struct replog_peer *peer = peer_find(log, id);

	if (peer)
		return peer;
	for (size_t i = 0; i < REPLOG_PEERS_MAX && !peer; i++) {
		struct replog_peer *old = &log->peers[i];

		/* Or one that is no member any more and that nobody speaks to. */
		if (!old->is_running && !raft_member_find(raft_members(log->raft), old->id))
			peer = old;
	}
	if (!peer || strlen(address) >= sizeof peer->address)
		return NULL;
	*peer = (struct replog_peer){.log = log, .id = id};
	snprintf(peer->address, sizeof peer->address, "%s", address);
	return peer;
}

void replog_peer_heard(struct replog *log, uint64_t id, const char *address)
{
	if (id != 0 && !raft_member_find(raft_members(log->raft), id))
		(void)peer_take(log, id, address);
}

/* ---- Sending --------------------------------------------------------------------------------- */

int replog_client_new(const struct replog *log, const char *address, struct gw_rpc_client **client,
		      struct gw_error *error)
{
	struct gw_rpc_client_options options = {
		.name = replog_name(log),
		.tls = log->options.tls,
		.insecure = log->options.insecure,
		.connect_timeout_ms = log->options.election_ms,
		.keepalive_ms = KEEPALIVE_MS,
		.backoff_ms_max = log->options.heartbeat_ms * 2,
	};

	return gw_rpc_client_new(client, address, &options, error);
}

/* One packet of what is queued: whole messages, one at least. They are the caller's. */
static size_t gather(struct replog_peer *peer, struct replog_outgoing **taken)
{
	size_t count = 0, bytes = 0;

	while (peer->queue.first && count < REPLOG_PACKET_MESSAGES_MAX &&
	       (count == 0 ||
		peer->queue.first->bytes <= REPLOG_PACKET_BYTES_MAX - bytes)) {
		taken[count] = replog_queue_take(&peer->queue);
		bytes += taken[count++]->bytes;
		if (bytes >= REPLOG_PACKET_BYTES_MAX)
			break;
	}
	return count;
}

static int send_packet(struct replog_peer *peer, struct gw_rpc_call *call, struct gw_error *error)
{
	struct replog *log = peer->log;
	struct replog_outgoing *taken[REPLOG_PACKET_MESSAGES_MAX];
	Replog__Message *messages[REPLOG_PACKET_MESSAGES_MAX];
	Replog__Packet packet;
	size_t count = gather(peer, taken);
	int result;

	for (size_t i = 0; i < count; i++)
		messages[i] = &taken[i]->message;
	replog__packet__init(&packet);
	packet.cluster.data = (uint8_t *)(uintptr_t)replog_store_owner(log->store)->cluster;
	packet.cluster.len = REPLOG_CLUSTER_BYTES;
	packet.from = log->id;
	packet.to = peer->id;
	packet.from_address = (char *)(uintptr_t)log->options.address;
	packet.messages = messages;
	packet.n_messages = count;
	result = members_deliver_request_send(call, &packet, error);
	for (size_t i = 0; i < count; i++)
		free(taken[i]);
	return result;
}

/* What the other one said when it ended the stream. */
static int end_of(struct replog *log, struct gw_rpc_call *call, struct gw_error *error)
{
	Replog__Nothing *reply;
	int result = members_deliver_finish(call, &reply, error);

	gw_rpc_reply_free(reply);
	if (result == GW_E_STALE)
		log->is_told_removed = true;
	return result < 0 ? result : GW_E_CLOSED;
}

/* A stream, from the first message on until it breaks or nothing is sent for long. */
static int converse(struct replog_peer *peer, struct gw_rpc_client *client, struct gw_error *error)
{
	struct gw_rpc_call_options options = {.deadline_ns = GW_FOREVER};
	struct gw_rpc_call *call = NULL;
	int result = members_deliver_open(client, &options, &call, error);

	/* What was queued while nobody was there is old. */
	while (result == 0 && peer->queue.count > REPLOG_PACKET_MESSAGES_MAX)
		free(replog_queue_take(&peer->queue));
	while (result == 0 && !peer->log->ended) {
		if (peer->queue.first)
			result = send_packet(peer, call, error);
		else
			result = rpc_wait(&peer->waiters, "for messages to", peer->address,
					  gw_after_ms(IDLE_MS));
	}
	if (result == GW_E_CLOSED)
		return end_of(peer->log, call, error);
	gw_rpc_abandon(call);
	return result;
}

static int run_peer(void *argument)
{
	struct replog_peer *peer = argument;
	struct replog *log = peer->log;
	struct gw_rpc_client *client = NULL;
	struct gw_error error = {0};
	int result;

	(void)gw_deadline_set(GW_FOREVER); /* not that of whoever sent first */
	result = replog_client_new(log, peer->address, &client, &error);

	while (result == 0 && !log->ended) {
		int broken = converse(peer, client, &error);

		if (broken == GW_E_TIMEOUT && !peer->queue.first &&
		    !raft_member_find(raft_members(log->raft), peer->id))
			break;
		if (broken < 0 && !gw_cancelled()) {
			IO_PROBE(log->io, "replog.stream-lost");
			replog_queue_done(&peer->queue);
			result = gw_sleep_ms(log->options.heartbeat_ms);
		}
		if (gw_cancelled())
			break;
	}
	gw_rpc_client_free(client);
	replog_queue_done(&peer->queue);
	peer->is_running = false;
	peer->id = 0;
	return 0;
}

static bool start(struct replog_peer *peer)
{
	struct gw_spawn_options options = {.name = "replog peer"};

	if (peer->is_running)
		return true;
	peer->is_running = gw_spawn(&peer->log->group, run_peer, peer, &options) == 0;
	return peer->is_running;
}

void replog_peer_send(struct replog *log, struct replog_outgoing *outgoing)
{
	const char *address = replog_address_of(log, outgoing->to);
	struct replog_peer *peer = NULL;

	if (address && address[0] && log->is_started && !log->ended)
		peer = peer_take(log, outgoing->to, address);
	if (!peer || !start(peer)) {
		free(outgoing);
		return;
	}
	replog_queue_add(&peer->queue, outgoing);
	while (peer->queue.count > REPLOG_QUEUE_MESSAGES_MAX ||
	       (peer->queue.count > 1 && peer->queue.bytes > REPLOG_QUEUE_BYTES_MAX))
		free(replog_queue_take(&peer->queue));
	rpc_wake(&peer->waiters);
}

void replog_peers_end(struct replog *log)
{
	for (size_t i = 0; i < REPLOG_PEERS_MAX; i++) {
		rpc_wake(&log->peers[i].waiters);
		if (!log->peers[i].is_running)
			replog_queue_done(&log->peers[i].queue);
	}
}
