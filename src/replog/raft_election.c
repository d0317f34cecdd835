/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raft_election.c - who leads (section 5.2), with the restriction that keeps committed entries
 * (section 5.4.1), a vote before the vote so that a member that was cut off does not disturb the
 * others (D 9.6), and deaf ears for votes while a leader is heard (section 6, D 4.2.3).
 */
#include "raft_inside.h"

uint32_t raft_quorum(const struct raft *raft)
{
	uint32_t voters = 0;

	for (uint32_t i = 0; i < raft->members.count; i++)
		voters += raft->members.items[i].votes;
	return voters / 2 + 1;
}

bool raft_votes(const struct raft *raft, uint64_t id)
{
	const struct raft_member *member = raft_member_find(&raft->members, id);

	return member && member->votes;
}

void raft_promise(struct raft *raft)
{
	if (raft->lease)
		raft->promised_ns = raft->now_ns + raft->election_ns;
}

/* Who hears a leader does not help to depose it (section 6; D 4.2.3). A lease rests on that, so
 * then it holds whatever else was heard meanwhile. */
bool raft_is_deaf(const struct raft *raft)
{
	if (raft->role == RAFT_LEADER || raft->now_ns < raft->promised_ns)
		return true;
	return raft->leader != 0 && raft->now_ns - raft->heard_leader_ns < raft->election_ns;
}

/* xorshift64*: the seed decides, and differs from member to member, so that votes do not split
 * again and again (section 5.2). */
static uint64_t draw(struct raft *raft)
{
	raft->chance ^= raft->chance >> 12;
	raft->chance ^= raft->chance << 25;
	raft->chance ^= raft->chance >> 27;
	return raft->chance * UINT64_C(0x2545f4914f6cdd1d);
}

void raft_draw_election(struct raft *raft)
{
	raft->election_due_ns =
		raft->now_ns + raft->election_ns + (draw(raft) >> 8) % raft->election_ns;
}

static void tell_role(struct raft *raft)
{
	struct raft_action *action = raft_add_action(raft, RAFT_ROLE_CHANGED);

	action->role = raft->role;
	action->term = raft->term;
	action->leader = raft->leader;
}

void raft_become_follower(struct raft *raft, uint64_t term, uint64_t leader)
{
	bool changed = raft->role != RAFT_FOLLOWER || raft->leader != leader || raft->term != term;

	assert(term >= raft->term);
	raft_refuse_reads(raft);
	if (raft->role == RAFT_LEADER)
		raft_draw_election(raft);
	raft->role = RAFT_FOLLOWER;
	raft->leader = leader;
	raft->peer_count = 0;
	if (term > raft->term) {
		raft->term = term;
		raft->vote = 0;
		raft_save_state(raft);
	}
	if (changed)
		tell_role(raft);
}

/* ---- Asking ------------------------------------------------------------------------------- */

static void ask_for_votes(struct raft *raft, bool pre, bool forced)
{
	for (uint32_t i = 0; i < raft->members.count; i++) {
		const struct raft_member *member = &raft->members.items[i];
		struct raft_message message = {
			.kind = RAFT_VOTE, .to = member->id, .term = raft->term, .pre = pre,
			.index = raft_log_last(raft), .index_term = raft_log_last_term(raft),
			.forced = forced,
		};

		/* The term has to be ours for good before anyone hears of it. */
		if (member->votes && member->id != raft->id)
			raft_send(raft, &message, pre ? 0 : raft->save_number);
	}
}

static void start_election(struct raft *raft, bool forced)
{
	raft->role = RAFT_CANDIDATE;
	raft->leader = 0;
	raft->term++;
	raft->vote = raft->id;
	raft_save_state(raft);
	raft->own_vote = raft->save_number;
	raft->voter_count = 0;
	raft_draw_election(raft);
	tell_role(raft);
	ask_for_votes(raft, false, forced);
	raft_count_votes(raft);
}

/* Voters do, and who was one before a change that is not decided yet: it may be the only one that
 * has the change (D 4.2.2). */
static bool may_campaign(const struct raft *raft)
{
	struct raft_members decided;
	const struct raft_member *member;

	if (raft_votes(raft, raft->id))
		return true;
	if (raft->members_index <= raft->commit)
		return false;
	raft_members_at(raft, raft->commit, &decided);
	member = raft_member_find(&decided, raft->id);
	return member && member->votes;
}

void raft_campaign(struct raft *raft)
{
	assert(raft->role != RAFT_LEADER);
	raft_draw_election(raft);
	if (!may_campaign(raft))
		return;
	raft->role = RAFT_PRE_CANDIDATE;
	raft->leader = 0;
	raft->voter_count = 0;
	tell_role(raft);
	ask_for_votes(raft, true, false);
	raft_count_votes(raft);
}

void raft_on_lead_now(struct raft *raft, const struct raft_message *message)
{
	if (message->term == raft->term && raft->role == RAFT_FOLLOWER &&
	    raft->leader == message->from && raft_votes(raft, raft->id))
		start_election(raft, true);
}

void raft_count_votes(struct raft *raft)
{
	/* Our own vote counts like the others' when it is durable. */
	bool own = raft->role == RAFT_PRE_CANDIDATE || raft->saved_number >= raft->own_vote;
	uint32_t votes = own && raft_votes(raft, raft->id);

	if (raft->role != RAFT_CANDIDATE && raft->role != RAFT_PRE_CANDIDATE)
		return;
	for (uint32_t i = 0; i < raft->voter_count; i++)
		votes += raft_votes(raft, raft->voters[i]);
	if (votes < raft_quorum(raft))
		return;
	if (raft->role == RAFT_PRE_CANDIDATE) {
		start_election(raft, false);
		return;
	}
	raft->role = RAFT_LEADER;
	raft->leader = raft->id;
	tell_role(raft);
	raft_lead(raft);
}

void raft_on_vote_reply(struct raft *raft, const struct raft_message *message)
{
	enum raft_role asked = message->pre ? RAFT_PRE_CANDIDATE : RAFT_CANDIDATE;

	if (raft->role != asked || message->term != raft->term || !message->accepted)
		return;
	for (uint32_t i = 0; i < raft->voter_count; i++) {
		if (raft->voters[i] == message->from)
			return;
	}
	if (raft->voter_count < RAFT_MEMBERS_MAX)
		raft->voters[raft->voter_count++] = message->from;
	raft_count_votes(raft);
}

/* ---- Voting ------------------------------------------------------------------------------- */

/* Section 5.4.1: the candidate's log is at least as up to date as ours. */
static bool is_up_to_date(const struct raft *raft, const struct raft_message *message)
{
	uint64_t term = raft_log_last_term(raft);

	if (RAFT_BUG(raft, "raft.longer-log-wins"))
		return message->index >= raft_log_last(raft);
	if (message->index_term != term)
		return message->index_term > term;
	return message->index >= raft_log_last(raft);
}

void raft_on_vote(struct raft *raft, const struct raft_message *message)
{
	struct raft_message reply = {
		.kind = RAFT_VOTE_REPLY, .to = message->from, .term = raft->term,
		.pre = message->pre,
	};
	uint64_t after = 0;

	assert(message->term <= raft->term);
	if (message->term == raft->term && is_up_to_date(raft, message)) {
		if (message->pre) {
			reply.accepted = raft->role != RAFT_LEADER;
		} else if (raft->vote == 0 || raft->vote == message->from) {
			reply.accepted = true;
			if (raft->vote == 0) {
				raft->vote = message->from;
				raft_save_state(raft);
			}
			raft_draw_election(raft);
		}
	}
	/* What the answer says (term, vote) is durable before it is heard. */
	if (!message->pre && !RAFT_BUG(raft, "raft.vote-not-saved"))
		after = raft->save_number;
	raft_send(raft, &reply, after);
}
