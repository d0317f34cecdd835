/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raft_follower.c - the receiver of AppendEntries (figure 2, section 5.3) and of snapshots
 * (section 7).
 */
#include "raft_inside.h"

/* A leader of this term speaks: it is ours. */
static void hear_leader(struct raft *raft, const struct raft_message *message)
{
	assert(raft->role != RAFT_LEADER && message->term == raft->term);
	if (raft->role != RAFT_FOLLOWER || raft->leader != message->from)
		raft_become_follower(raft, message->term, message->from);
	raft->heard_leader_ns = raft->now_ns;
	raft_promise(raft);
	raft_draw_election(raft);
}

static void answer(struct raft *raft, const struct raft_message *message, bool accepted,
		   uint64_t index)
{
	struct raft_message reply = {
		.kind = RAFT_APPEND_REPLY, .to = message->from, .term = raft->term,
		.accepted = accepted, .index = index, .round = message->round,
		.index_term = accepted ? 0 : raft_log_term(raft, index),
	};
	bool early = RAFT_BUG(raft, "raft.answer-not-saved");

	raft_send(raft, &reply, accepted && !early ? raft->save_number : 0);
}

/* The last index that could still match: a whole term is skipped at once (end of section 5.3). */
static uint64_t last_possible(const struct raft *raft, const struct raft_message *message)
{
	uint64_t index = message->index - 1, last = raft_log_last(raft);

	if (index > last)
		return last;
	while (index > raft->commit && raft_log_term(raft, index) > message->index_term)
		index--;
	return index;
}

/* Takes the entries behind message->index that we do not have; *last is the last one that is the
 * leader's then. False: no leader could have sent that. */
static bool take_entries(struct raft *raft, const struct raft_message *message, uint64_t *last)
{
	uint64_t index = message->index;
	size_t at = 0;

	assert(raft->incoming_count == message->entry_count);
	/* What the snapshot has was committed, so it is the same. */
	while (at < raft->incoming_count &&
	       (index + 1 <= raft->snapshot.index ||
		raft_log_term(raft, index + 1) == raft->incoming[at].term)) {
		index++;
		at++;
	}
	if (at < raft->incoming_count) {
		if (index + 1 <= raft->commit || index > raft_log_last(raft) ||
		    raft_log_term(raft, index) > raft->incoming[at].term)
			return false;
		if (index < raft_log_last(raft))
			raft_log_truncate(raft, index + 1);
		raft_log_append(raft, at, raft->incoming_count);
		raft_save_entries(raft, index + 1);
		index = raft_log_last(raft);
	}
	*last = index;
	return true;
}

void raft_on_append(struct raft *raft, const struct raft_message *message)
{
	uint64_t last;

	if (message->term < raft->term) {
		answer(raft, message, false, raft->commit);
		return;
	}
	if (raft->role == RAFT_LEADER)
		return; /* election safety (section 5.2): a term has one leader */
	hear_leader(raft, message);
	if (message->index > raft->snapshot.index &&
	    raft_log_term(raft, message->index) != message->index_term) {
		answer(raft, message, false, last_possible(raft, message));
		return;
	}
	if (!take_entries(raft, message, &last))
		return;
	if (message->commit > raft->commit) /* figure 2, receiver's rule 5 */
		raft_set_commit(raft, message->commit < last ? message->commit : last);
	answer(raft, message, true, last);
}

/* ---- Snapshots ---------------------------------------------------------------------------- */

void raft_on_offer(struct raft *raft, const struct raft_message *message)
{
	struct raft_action *action;

	if (message->term < raft->term) {
		answer(raft, message, false, raft->commit);
		return;
	}
	if (raft->role == RAFT_LEADER)
		return;
	hear_leader(raft, message);
	if (message->snapshot->index <= raft->commit) {
		answer(raft, message, true, raft->commit);
		return;
	}
	answer(raft, message, false, raft->commit);
	action = raft_add_action(raft, RAFT_FETCH);
	action->leader = message->from;
	action->snapshot = message->snapshot;
}

void raft_on_installed(struct raft *raft, const struct raft_snapshot *snapshot)
{
	struct raft_message reply = {
		.kind = RAFT_APPEND_REPLY, .to = raft->leader, .term = raft->term,
		.accepted = true, .index = snapshot->index,
	};
	bool keeps = raft_log_term(raft, snapshot->index) == snapshot->term;

	if (snapshot->index <= raft->commit)
		return;
	if (keeps) {
		raft_log_drop(raft, snapshot->index);
	} else {
		raft_log_drop(raft, raft_log_last(raft));
		raft->base_index = snapshot->index;
		raft->base_term = snapshot->term;
	}
	raft->snapshot = *snapshot;
	raft->commit = snapshot->index;
	raft_log_find_members(raft, raft_log_last(raft), &raft->members, &raft->members_index);
	if (!keeps) /* the disk's entries are of another history, or there is a gap behind them */
		raft_save_entries(raft, snapshot->index + 1)->anew = true;
	else if (raft->durable < snapshot->index)
		raft->durable = snapshot->index;
	if (raft->role == RAFT_FOLLOWER && raft->leader)
		raft_send(raft, &reply, raft->save_number);
}

/* From the snapshot back: whichever of the two ends first. */
static uint64_t base_that_keeps(const struct raft *raft, uint64_t index, uint64_t count,
				uint64_t bytes)
{
	const struct raft_entry *entry;

	while (count-- > 0 && (entry = raft_log_entry(raft, index))) {
		uint64_t cost = entry->data.size + RAFT_ENTRY_COST;

		if (cost > bytes)
			break;
		bytes -= cost;
		index--;
	}
	return index;
}

void raft_on_compact(struct raft *raft, const struct raft_event *event)
{
	const struct raft_snapshot *snapshot = event->snapshot;

	assert(snapshot->index <= raft->commit);
	if (snapshot->index <= raft->snapshot.index)
		return;
	assert(raft_log_term(raft, snapshot->index) == snapshot->term);
	raft->snapshot = *snapshot;
	if (raft->members_index < snapshot->index)
		raft->members_index = snapshot->index;
	raft_log_drop(raft, base_that_keeps(raft, snapshot->index, event->keep,
					    event->keep_bytes));
}
