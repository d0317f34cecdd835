/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raft.c - see raft.h: making a core, one step, the actions. The rules themselves are in
 * raft_election.c, raft_follower.c, raft_leader.c and raft_read.c.
 */
#include "raft_inside.h"

#include "base/allocate.h"

#include <stdlib.h>

/* ---- Memory, before anything changes ------------------------------------------------------- */

/* At most so many actions come of one step, beside one for each read that waits. */
enum { ACTIONS_MAX = RAFT_MEMBERS_MAX * (RAFT_PIPELINE_MAX + 6) + 16, SAVES_MAX = 4 };

static int no_memory(struct gw_error *error)
{
	return gw_fail(error, GW_E_NO_MEMORY, "no memory for a step of the log");
}

/* Makes room for `more` items. */
static bool reserve(void **items, size_t size, size_t *capacity, size_t count, size_t more)
{
	void *grown;

	if (*capacity - count >= more)
		return true;
	grown = base_grow(*items, size, capacity, count + more);
	if (!grown)
		return false;
	*items = grown;
	return true;
}

#define RESERVE(items, capacity, count, more) \
	reserve((void **)(void *)&(items), sizeof *(items), &(capacity), count, more)

static void forget_incoming(struct raft *raft)
{
	for (size_t i = 0; i < raft->incoming_count; i++)
		free((void *)(uintptr_t)raft->incoming[i].data.data);
	raft->incoming_count = 0;
}

static int copy_entry(struct raft *raft, const struct raft_entry *entry)
{
	struct raft_entry *own = &raft->incoming[raft->incoming_count];
	void *data = NULL;

	if (entry->data.size > 0) {
		data = malloc(entry->data.size);
		if (!data)
			return GW_E_NO_MEMORY;
		memcpy(data, entry->data.data, entry->data.size);
	}
	*own = *entry;
	own->data.data = data;
	raft->incoming_count++;
	return 0;
}

static int copy_entries(struct raft *raft, const struct raft_entry *entries, size_t count)
{
	if (!RESERVE(raft->incoming, raft->incoming_capacity, 0, count) && count > 0)
		return GW_E_NO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		if (copy_entry(raft, &entries[i]) < 0) {
			forget_incoming(raft);
			return GW_E_NO_MEMORY;
		}
	}
	return 0;
}

static int copy_event(struct raft *raft, const struct raft_event *event)
{
	uint8_t bytes[RAFT_MEMBERS_BYTES_MAX];
	struct raft_entry entry = {.term = raft->term, .data = event->data};

	assert(raft->incoming_count == 0);
	if (event->kind == RAFT_RECEIVED && event->message->kind == RAFT_APPEND)
		return copy_entries(raft, event->message->entries, event->message->entry_count);
	if (event->kind == RAFT_CHANGE) {
		entry.kind = RAFT_ENTRY_MEMBERS;
		entry.data.data = bytes;
		entry.data.size = raft_members_encode(event->members, bytes);
	}
	if (event->kind == RAFT_CHANGE || event->kind == RAFT_PROPOSE)
		return copy_entries(raft, &entry, 1);
	return 0;
}

static int prepare(struct raft *raft, const struct raft_event *event, struct gw_error *error)
{
	raft->action_count = raft->action_taken = 0;
	if (copy_event(raft, event) < 0)
		return no_memory(error);
	if (!RESERVE(raft->actions, raft->action_capacity, 0, ACTIONS_MAX + raft->read_count) ||
	    !RESERVE(raft->saves, raft->save_capacity, raft->save_count, SAVES_MAX) ||
	    !RESERVE(raft->entries, raft->entry_capacity, raft->entry_count,
		     raft->incoming_count + 1)) {
		forget_incoming(raft);
		return no_memory(error);
	}
	return 0;
}

/* ---- Actions ------------------------------------------------------------------------------ */

struct raft_action *raft_add_action(struct raft *raft, enum raft_action_kind kind)
{
	struct raft_action *action = &raft->actions[raft->action_count++];

	assert(raft->action_count <= raft->action_capacity);
	*action = (struct raft_action){.kind = kind};
	return action;
}

void raft_send(struct raft *raft, const struct raft_message *message, uint64_t after)
{
	struct raft_action *action = raft_add_action(raft, RAFT_SEND);

	assert(message->to != 0 && message->to != raft->id);
	action->message = *message;
	action->message.from = raft->id;
	action->number = after > raft->saved_number ? after : 0;
}

static struct raft_action *add_save(struct raft *raft, enum raft_action_kind kind, uint64_t first,
				    uint64_t last)
{
	struct raft_action *action = raft_add_action(raft, kind);

	assert(raft->save_count < raft->save_capacity);
	action->number = ++raft->save_number;
	raft->saves[raft->save_count++] = (struct raft_save){raft->save_number, first, last};
	return action;
}

void raft_save_state(struct raft *raft)
{
	struct raft_action *action = add_save(raft, RAFT_SAVE_STATE, 0, 0);

	action->term = raft->term;
	action->vote = raft->vote;
}

struct raft_action *raft_save_entries(struct raft *raft, uint64_t first)
{
	uint64_t last = raft_log_last(raft);
	struct raft_action *action = add_save(raft, RAFT_SAVE_ENTRIES, first, last);

	assert(first > raft->commit && first <= last + 1);
	action->index = first;
	action->count = last + 1 - first;
	if (raft->durable >= first)
		raft->durable = first - 1;
	return action;
}

void raft_set_commit(struct raft *raft, uint64_t commit)
{
	assert(commit <= raft_log_last(raft));
	if (commit <= raft->commit)
		return;
	raft->commit = commit;
	raft_add_action(raft, RAFT_APPLY)->index = commit;
}

void raft_refuse(struct raft *raft, uint64_t cookie, int code)
{
	struct raft_action *action = raft_add_action(raft, RAFT_REFUSED);

	action->cookie = cookie;
	action->code = code;
	action->leader = raft->leader;
}

bool raft_next_action(struct raft *raft, struct raft_action *action)
{
	if (raft->action_taken == raft->action_count)
		return false;
	*action = raft->actions[raft->action_taken++];
	return true;
}

/* ---- Events ------------------------------------------------------------------------------- */

static int check_message(const struct raft *raft, const struct raft_message *message,
			 struct gw_error *error)
{
	uint64_t term = message->index_term;
	bool wrong = message->to != raft->id || message->from == raft->id || message->from == 0 ||
		     message->kind > RAFT_LEAD_NOW || term > message->term ||
		     message->entry_count > RAFT_BATCH_ENTRIES_MAX ||
		     message->index > UINT64_MAX - RAFT_BATCH_ENTRIES_MAX - 1;

	if (message->kind == RAFT_SNAPSHOT_OFFER)
		wrong = wrong || !message->snapshot || message->snapshot->index == 0;
	for (uint32_t i = 0; !wrong && i < message->entry_count; i++) {
		const struct raft_entry *entry = &message->entries[i];
		struct raft_members members;

		wrong = entry->term < term || entry->term > message->term ||
			entry->kind > RAFT_ENTRY_MEMBERS ||
			entry->data.size > RAFT_ENTRY_BYTES_MAX ||
			(entry->kind == RAFT_ENTRY_MEMBERS &&
			 raft_members_decode(entry->data, &members, NULL) < 0);
		term = entry->term;
	}
	return wrong ? gw_fail(error, GW_E_CORRUPT, "a message of member %llu makes no sense",
			       (unsigned long long)message->from)
		     : 0;
}

static void receive(struct raft *raft, const struct raft_message *message)
{
	if (message->kind == RAFT_VOTE && !message->forced && raft_is_deaf(raft))
		return;
	/* Figure 2, all servers: a newer term makes a follower of anyone. */
	if (message->term > raft->term)
		raft_become_follower(raft, message->term, 0);
	switch (message->kind) {
	case RAFT_VOTE:
		raft_on_vote(raft, message);
		break;
	case RAFT_VOTE_REPLY:
		raft_on_vote_reply(raft, message);
		break;
	case RAFT_APPEND:
		raft_on_append(raft, message);
		break;
	case RAFT_APPEND_REPLY:
		raft_on_append_reply(raft, message);
		break;
	case RAFT_LEAD_NOW:
		raft_on_lead_now(raft, message);
		break;
	default:
		raft_on_offer(raft, message);
		break;
	}
}

/* Our own entries are durable up to the end of the last save that is, as far as no later one
 * replaces them. */
static void saved(struct raft *raft, uint64_t number)
{
	size_t done = 0;

	assert(number <= raft->save_number);
	if (number > raft->saved_number)
		raft->saved_number = number;
	while (done < raft->save_count && raft->saves[done].number <= number) {
		const struct raft_save *save = &raft->saves[done++];

		if (save->first > 0)
			raft->durable = save->last;
	}
	raft->save_count -= done;
	memmove(raft->saves, raft->saves + done, raft->save_count * sizeof *raft->saves);
	for (size_t i = 0; i < raft->save_count; i++) {
		const struct raft_save *save = &raft->saves[i];

		if (save->first > 0 && raft->durable >= save->first)
			raft->durable = save->first - 1;
	}
	raft_count_votes(raft);
	raft_advance(raft);
}

static void tick(struct raft *raft)
{
	if (raft->role == RAFT_LEADER)
		raft_leader_tick(raft);
	else if (raft->now_ns >= raft->election_due_ns)
		raft_campaign(raft);
}

static void happen(struct raft *raft, const struct raft_event *event)
{
	switch (event->kind) {
	case RAFT_TICK:
		tick(raft);
		break;
	case RAFT_RECEIVED:
		receive(raft, event->message);
		break;
	case RAFT_SAVED:
		saved(raft, event->number);
		break;
	case RAFT_PROPOSE:
		raft_on_propose(raft, event->cookie, event->more);
		break;
	case RAFT_CHANGE:
		raft_on_change(raft, event->members, event->cookie);
		break;
	case RAFT_READ:
		raft_on_read(raft, event->cookie);
		break;
	case RAFT_COMPACT:
		raft_on_compact(raft, event);
		break;
	case RAFT_CAMPAIGN:
		if (raft->role != RAFT_LEADER && (raft->now_ns >= raft->promised_ns ||
						  RAFT_BUG(raft, "raft.promise-broken")))
			raft_campaign(raft);
		break;
	case RAFT_HAND_OVER:
		raft_hand_over(raft);
		break;
	default:
		raft_on_installed(raft, event->snapshot);
		break;
	}
}

int raft_step(struct raft *raft, const struct raft_event *event, struct gw_error *error)
{
	int failed = 0;

	if (event->kind == RAFT_RECEIVED)
		failed = check_message(raft, event->message, error);
	if (!failed && event->data.size > RAFT_ENTRY_BYTES_MAX)
		failed = gw_fail(error, GW_E_TOO_LARGE, "an entry of %zu bytes", event->data.size);
	if (!failed)
		failed = prepare(raft, event, error);
	if (failed)
		return failed;
	if (event->now_ns > raft->now_ns)
		raft->now_ns = event->now_ns;
	happen(raft, event);
	raft_serve_reads(raft);
	forget_incoming(raft);
	return 0;
}

/* ---- Making one --------------------------------------------------------------------------- */

static int take_setup(struct raft *raft, const struct raft_setup *setup, struct gw_error *error)
{
	uint64_t term = setup->snapshot.term;

	raft->base_index = raft->snapshot.index;
	raft->base_term = term;
	for (uint64_t i = 0; i < setup->entry_count; i++) {
		struct raft_members members;
		const struct raft_entry *entry = &setup->entries[i];

		if (entry->term < term || entry->term > raft->term ||
		    (entry->kind == RAFT_ENTRY_MEMBERS &&
		     raft_members_decode(entry->data, &members, NULL) < 0))
			return gw_fail(error, GW_E_CORRUPT, "entry %llu of the log makes no sense",
				       (unsigned long long)(raft->base_index + 1 + i));
		term = entry->term;
	}
	if (copy_entries(raft, setup->entries, setup->entry_count) < 0 ||
	    !RESERVE(raft->entries, raft->entry_capacity, 0, setup->entry_count + 1))
		return no_memory(error);
	raft_log_append(raft, 0, raft->incoming_count);
	raft->incoming_count = 0;
	raft->durable = raft_log_last(raft);
	return 0;
}

int raft_new(struct raft **made, const struct raft_setup *setup, struct gw_error *error)
{
	struct raft *raft = calloc(1, sizeof *raft);
	int failed;

	assert(setup->id != 0 && setup->batch_entries <= RAFT_BATCH_ENTRIES_MAX);
	if (!raft)
		return no_memory(error);
	raft->id = setup->id;
	raft->chance = (setup->seed ^ setup->id * UINT64_C(0x9e3779b97f4a7c15)) | 1;
	raft->now_ns = setup->now_ns;
	raft->election_ns = setup->election_ns ? setup->election_ns : RAFT_ELECTION_NS;
	raft->heartbeat_ns = setup->heartbeat_ns ? setup->heartbeat_ns : RAFT_HEARTBEAT_NS;
	raft->batch_entries = setup->batch_entries ? setup->batch_entries : RAFT_BATCH_ENTRIES_MAX;
	raft->lease = setup->lease;
	raft->rare = setup->rare;
	raft->term = setup->term;
	raft->vote = setup->vote;
	/* A snapshot may be durable before the term in which it came. A vote of ours in that term
	 * would be durable too, had anyone heard of it. */
	if (setup->snapshot.term > raft->term) {
		raft->term = setup->snapshot.term;
		raft->vote = 0;
	}
	raft->snapshot = setup->snapshot;
	raft->members = setup->snapshot.members;
	raft->members_index = setup->snapshot.index;
	raft->commit = setup->snapshot.index;
	failed = take_setup(raft, setup, error);
	if (failed) {
		raft_free(raft);
		return failed;
	}
	raft_draw_election(raft);
	if (!RAFT_BUG(raft, "raft.start-unpromised"))
		raft_promise(raft); /* what the last life has promised is not on disk */
	*made = raft;
	return 0;
}

void raft_free(struct raft *raft)
{
	if (!raft)
		return;
	forget_incoming(raft);
	for (size_t i = 0; i < raft->entry_count; i++)
		free((void *)(uintptr_t)raft->entries[i].data.data);
	free(raft->entries);
	free(raft->incoming);
	free(raft->saves);
	free(raft->actions);
	free(raft);
}

/* ---- Questions ---------------------------------------------------------------------------- */

uint64_t raft_wake_ns(const struct raft *raft)
{
	uint64_t wake_ns = raft->heartbeat_due_ns;

	if (raft->role != RAFT_LEADER)
		return raft->election_due_ns;
	if (raft->quorum_due_ns < wake_ns)
		wake_ns = raft->quorum_due_ns;
	return raft->tell_due_ns && raft->tell_due_ns < wake_ns ? raft->tell_due_ns : wake_ns;
}

enum raft_role raft_role(const struct raft *raft)
{
	return raft->role;
}

uint64_t raft_term(const struct raft *raft)
{
	return raft->term;
}

uint64_t raft_leader(const struct raft *raft)
{
	return raft->leader;
}

uint64_t raft_commit(const struct raft *raft)
{
	return raft->commit;
}

uint64_t raft_last_index(const struct raft *raft)
{
	return raft_log_last(raft);
}

const struct raft_members *raft_members(const struct raft *raft)
{
	return &raft->members;
}

bool raft_members_decided(const struct raft *raft)
{
	return raft->members_index <= raft->commit;
}

void raft_members_at(const struct raft *raft, uint64_t index, struct raft_members *members)
{
	uint64_t from;

	assert(index >= raft->snapshot.index && index <= raft->commit);
	raft_log_find_members(raft, index, members, &from);
}
