/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raft_leader.c - replication and commitment (sections 5.3, 5.4.2, 8), membership (section 6 as D
 * 4.1), and the leader that has lost its majority (D 6.2).
 */
#include "raft_inside.h"

/* A commit is told after so small a part of the time between two heartbeats. */
enum { TELL_SOONER = 16 };

static struct raft_peer *peer_find(struct raft *raft, uint64_t id)
{
	for (uint32_t i = 0; i < raft->peer_count; i++) {
		if (raft->peers[i].id == id)
			return &raft->peers[i];
	}
	return NULL;
}

uint64_t raft_match(const struct raft *raft, uint64_t id)
{
	if (id == raft->id)
		return raft->durable;
	for (uint32_t i = 0; i < raft->peer_count; i++) {
		if (raft->peers[i].id == id)
			return raft->peers[i].match;
	}
	return 0;
}

bool raft_is_fetched(const struct raft *raft, uint64_t within_ns)
{
	for (uint32_t i = 0; raft->role == RAFT_LEADER && i < raft->peer_count; i++) {
		const struct raft_peer *peer = &raft->peers[i];

		if (peer->state == RAFT_FETCHING && raft->now_ns - peer->heard_ns < within_ns)
			return true;
	}
	return false;
}

/* Peers are the members but us; who stays keeps what is known of it. */
void raft_sync_peers(struct raft *raft)
{
	struct raft_peer peers[RAFT_MEMBERS_MAX];
	uint32_t count = 0;

	if (raft->role != RAFT_LEADER)
		return;
	for (uint32_t i = 0; i < raft->members.count; i++) {
		uint64_t id = raft->members.items[i].id;
		const struct raft_peer *old = peer_find(raft, id);

		if (id == raft->id)
			continue;
		if (old)
			peers[count++] = *old;
		else
			peers[count++] = (struct raft_peer){.id = id, .heard_ns = raft->now_ns,
							    .next = raft_log_last(raft) + 1};
	}
	/* Who is removed hears of it, until that is decided; it counts for nothing. */
	for (uint32_t i = 0; raft->members_index > raft->commit && i < raft->peer_count; i++) {
		if (!raft_member_find(&raft->members, raft->peers[i].id)) {
			assert(count < RAFT_MEMBERS_MAX);
			peers[count++] = raft->peers[i];
		}
	}
	memcpy(raft->peers, peers, count * sizeof *peers);
	raft->peer_count = count;
}

/* ---- Sending ------------------------------------------------------------------------------ */

static void send_offer(struct raft *raft, struct raft_peer *peer)
{
	struct raft_message message = {
		.kind = RAFT_SNAPSHOT_OFFER, .to = peer->id, .term = raft->term,
		.round = raft->round, .snapshot = &raft->snapshot,
	};

	assert(raft->snapshot.index > 0);
	peer->state = RAFT_FETCHING;
	raft_send(raft, &message, 0);
}

/* How many entries from next on make one message. */
static uint32_t batch(const struct raft *raft, uint64_t next)
{
	uint64_t left = raft_log_last(raft) + 1 - next, bytes = 0;
	uint32_t count = 0;

	assert(next <= raft_log_last(raft) + 1);
	while (count < left && count < raft->batch_entries) {
		bytes += raft_log_entry(raft, next + count)->data.size;
		if (count > 0 && bytes > RAFT_BATCH_BYTES_MAX)
			break;
		count++;
	}
	return count;
}

/* One message from peer->next on; without entries if there is nothing new, or if it is not known
 * whether they fit and they are under way: over a slow link they would pile up. */
static void send_append(struct raft *raft, struct raft_peer *peer)
{
	bool asked = peer->state == RAFT_PROBING && peer->probed;
	struct raft_message message = {
		.kind = RAFT_APPEND, .to = peer->id, .term = raft->term, .commit = raft->commit,
		.round = raft->round, .index = peer->next - 1,
	};

	if (peer->next <= raft->base_index) {
		send_offer(raft, peer);
		return;
	}
	assert(peer->next <= raft_log_last(raft) + 1 && peer->next > peer->match);
	message.index_term = raft_log_term(raft, message.index);
	message.entry_count = asked ? 0 : batch(raft, peer->next);
	message.entries = message.entry_count ? raft_log_entry(raft, peer->next) : NULL;
	raft_send(raft, &message, 0);
	peer->told = raft->commit;
	if (peer->state == RAFT_PROBING)
		peer->probed = true;
	else
		peer->next += message.entry_count;
	if (message.entry_count > 0)
		peer->under_way++;
}

static void send_new(struct raft *raft, struct raft_peer *peer)
{
	if (peer->state == RAFT_PROBING && !peer->probed)
		send_append(raft, peer);
	while (peer->state == RAFT_FLOWING && peer->under_way < RAFT_PIPELINE_MAX &&
	       peer->next <= raft_log_last(raft))
		send_append(raft, peer);
}

void raft_replicate(struct raft *raft)
{
	for (uint32_t i = 0; i < raft->peer_count; i++)
		send_new(raft, &raft->peers[i]);
}

void raft_heartbeat(struct raft *raft)
{
	raft->round++;
	raft->round_ns[raft->round % RAFT_ROUNDS_KEPT] = raft->now_ns;
	raft->heartbeat_due_ns = raft->now_ns + raft->heartbeat_ns;
	for (uint32_t i = 0; i < raft->peer_count; i++) {
		struct raft_peer *peer = &raft->peers[i];

		if (peer->state == RAFT_FETCHING)
			send_offer(raft, peer);
		else
			send_append(raft, peer);
	}
}

void raft_hand_over(struct raft *raft)
{
	for (uint32_t i = 0; raft->role == RAFT_LEADER && i < raft->peer_count; i++) {
		const struct raft_peer *peer = &raft->peers[i];
		struct raft_message message = {.kind = RAFT_LEAD_NOW, .to = peer->id,
					       .term = raft->term};

		if (peer->match == raft_log_last(raft) && raft_votes(raft, peer->id) &&
		    raft->now_ns - peer->heard_ns < raft->election_ns) {
			/* Its votes break promises. */
			raft->gave_lease = !RAFT_BUG(raft, "raft.lease-kept");
			raft_send(raft, &message, 0);
			return;
		}
	}
}

/* ---- Answers ------------------------------------------------------------------------------ */

static void accepted(struct raft *raft, struct raft_peer *peer, uint64_t index)
{
	if (index > raft_log_last(raft))
		return; /* nobody could have sent that; believe nothing */
	if (peer->under_way > 0)
		peer->under_way--;
	if (index > peer->match)
		peer->match = index;
	if (peer->state != RAFT_FLOWING || peer->next <= peer->match) {
		peer->next = peer->match + 1;
		peer->state = RAFT_FLOWING;
		peer->probed = false;
	}
	raft_advance(raft);
	if (raft->role == RAFT_LEADER)
		send_new(raft, peer);
}

/* The member has an entry of this term at this index; of what it has, nothing that could match is
 * behind it. */
static void rejected(struct raft *raft, struct raft_peer *peer, uint64_t index, uint64_t term)
{
	/* An answer to an old message: more is known to match already, or less is asked. */
	if (index < peer->match || index + 1 >= peer->next || peer->state == RAFT_FETCHING)
		return;
	/* Entries of later terms than that cannot match (end of section 5.3). */
	while (term != 0 && index > peer->match && index > raft->base_index &&
	       raft_log_term(raft, index) > term)
		index--;
	peer->next = index + 1;
	peer->state = RAFT_PROBING;
	peer->probed = false;
	peer->under_way = 0;
	send_new(raft, peer);
}

void raft_on_append_reply(struct raft *raft, const struct raft_message *message)
{
	struct raft_peer *peer = peer_find(raft, message->from);

	if (raft->role != RAFT_LEADER || message->term != raft->term || !peer)
		return;
	peer->heard_ns = raft->now_ns;
	if (message->round > peer->round && message->round <= raft->round)
		peer->round = message->round;
	if (message->accepted)
		accepted(raft, peer, message->index);
	else
		rejected(raft, peer, message->index, message->index_term);
}

/* ---- Committing --------------------------------------------------------------------------- */

uint64_t raft_quorum_of(const struct raft *raft, uint64_t own,
			uint64_t (*of)(const struct raft_peer *))
{
	uint64_t values[RAFT_MEMBERS_MAX];
	uint32_t count = 0;

	if (raft_votes(raft, raft->id))
		values[count++] = own;
	for (uint32_t i = 0; i < raft->peer_count; i++) {
		uint64_t value = of(&raft->peers[i]);
		uint32_t at = count;

		if (!raft_votes(raft, raft->peers[i].id))
			continue;
		for (; at > 0 && values[at - 1] < value; at--)
			values[at] = values[at - 1];
		values[at] = value;
		count++;
	}
	assert(count > 0 && raft_quorum(raft) <= count);
	return values[raft_quorum(raft) - 1];
}

static uint64_t match_of(const struct raft_peer *peer)
{
	return peer->match;
}

/* A leader that is no member any more has led until that was decided (D 4.2.2). */
static void leave_if_removed(struct raft *raft)
{
	if (raft->members_index <= raft->commit && !raft_votes(raft, raft->id))
		raft_become_follower(raft, raft->term, 0);
}

/* Who has had no entries since something was committed is told so, before the next heartbeat. */
static void tell_commit(struct raft *raft)
{
	raft->tell_due_ns = 0;
	for (uint32_t i = 0; i < raft->peer_count; i++) {
		struct raft_peer *peer = &raft->peers[i];

		if (peer->state == RAFT_FLOWING && peer->told < raft->commit)
			send_append(raft, peer);
	}
}

void raft_advance(struct raft *raft)
{
	bool decides_members;
	uint64_t index;

	if (raft->role != RAFT_LEADER)
		return;
	index = raft_quorum_of(raft, raft->durable, match_of);
	if (index <= raft->commit)
		return;
	/* Only entries of the own term are committed by counting (section 5.4.2, figure 8). */
	if (raft_log_term(raft, index) != raft->term && !RAFT_BUG(raft, "raft.commit-by-counting"))
		return;
	decides_members = raft->members_index > raft->commit && raft->members_index <= index;
	raft_set_commit(raft, index);
	/* The others learn of it by the next entries, or soon; the removed at once. */
	if (decides_members) {
		raft_heartbeat(raft);
		raft_sync_peers(raft);
	} else if (raft->tell_due_ns == 0)
		raft->tell_due_ns = raft->now_ns + raft->heartbeat_ns / TELL_SOONER;
	leave_if_removed(raft);
}

static uint64_t heard_of(const struct raft_peer *peer)
{
	return peer->heard_ns;
}

void raft_leader_tick(struct raft *raft)
{
	if (raft->now_ns >= raft->quorum_due_ns) {
		uint64_t heard = raft_quorum_of(raft, raft->now_ns, heard_of);

		raft->quorum_due_ns = raft->now_ns + raft->election_ns;
		if (raft->now_ns - heard >= raft->election_ns) {
			raft_become_follower(raft, raft->term, 0);
			raft_draw_election(raft);
			return;
		}
	}
	if (raft->now_ns >= raft->heartbeat_due_ns)
		raft_heartbeat(raft);
	if (raft->tell_due_ns && raft->now_ns >= raft->tell_due_ns)
		tell_commit(raft);
}

/* ---- Leading ------------------------------------------------------------------------------ */

void raft_lead(struct raft *raft)
{
	raft->peer_count = 0;
	raft_sync_peers(raft);
	raft->quorum_due_ns = raft->now_ns + raft->election_ns;
	raft->tell_due_ns = 0;
	raft->gave_lease = false;
	/* Its first entry commits all that came before it (sections 5.4.2 and 8). */
	if (!raft_skips_first(raft)) {
		raft_log_append_nothing(raft);
		raft_save_entries(raft, raft_log_last(raft));
	}
	raft_heartbeat(raft);
}

static void append_incoming(struct raft *raft, uint64_t cookie, bool more)
{
	struct raft_action *action = raft_add_action(raft, RAFT_APPENDED);

	action->cookie = cookie;
	action->index = raft_log_last(raft) + 1;
	action->term = raft->term;
	raft_log_append(raft, 0, raft->incoming_count);
	raft_save_entries(raft, raft_log_last(raft));
	if (!more)
		raft_replicate(raft);
}

void raft_on_propose(struct raft *raft, uint64_t cookie, bool more)
{
	if (raft->role == RAFT_LEADER)
		append_incoming(raft, cookie, more);
	else
		raft_refuse(raft, cookie, GW_E_NOT_LEADER);
}

/* How many voters are in one and not in the other. */
static uint32_t voters_missing(const struct raft_members *from, const struct raft_members *in)
{
	uint32_t missing = 0;

	for (uint32_t i = 0; i < from->count; i++) {
		const struct raft_member *same = raft_member_find(in, from->items[i].id);

		missing += from->items[i].votes && !(same && same->votes);
	}
	return missing;
}

void raft_on_change(struct raft *raft, const struct raft_members *members, uint64_t cookie)
{
	uint32_t changes = voters_missing(&raft->members, members) +
			   voters_missing(members, &raft->members);
	bool pending = raft->members_index > raft->commit;

	if (raft->role != RAFT_LEADER) {
		raft_refuse(raft, cookie, GW_E_NOT_LEADER);
		return;
	}
	/* Two majorities always share a member if at most one voter changes, one change at a time
	 * (D 4.1), and not before an entry of this term is committed (Ongaro's correction of
	 * 2015). */
	if (pending || raft_log_term(raft, raft->commit) != raft->term)
		raft_refuse(raft, cookie, GW_E_BUSY);
	else if ((changes > 1 && !RAFT_BUG(raft, "raft.many-changes")) ||
		 voters_missing(members, &(struct raft_members){0}) == 0)
		raft_refuse(raft, cookie, GW_E_INVALID);
	else
		append_incoming(raft, cookie, false);
}
