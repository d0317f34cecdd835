/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raft_log.c - the entries in memory: from a little before the last snapshot to the end. Log
 * matching (section 5.3) rests on what is never done here: an entry is never changed in its place.
 */
#include "raft_inside.h"

#include <stdlib.h>

uint64_t raft_log_last(const struct raft *raft)
{
	return raft->base_index + raft->entry_count;
}

uint64_t raft_log_base(const struct raft *raft)
{
	return raft->base_index;
}

uint64_t raft_log_last_term(const struct raft *raft)
{
	return raft->entry_count > 0 ? raft->entries[raft->entry_count - 1].term
				     : raft->base_term;
}

const struct raft_entry *raft_log_entry(const struct raft *raft, uint64_t index)
{
	if (index <= raft->base_index || index > raft_log_last(raft))
		return NULL;
	return &raft->entries[index - raft->base_index - 1];
}

uint64_t raft_log_term(const struct raft *raft, uint64_t index)
{
	const struct raft_entry *entry = raft_log_entry(raft, index);

	if (entry)
		return entry->term;
	if (index == raft->base_index)
		return raft->base_term;
	return index == raft->snapshot.index ? raft->snapshot.term : 0;
}

/* Membership holds from the moment it is in the log (D 4.1). */
static void take_members(struct raft *raft, uint64_t index)
{
	const struct raft_entry *entry = raft_log_entry(raft, index);
	int wrong;

	assert(entry);
	if (entry->kind != RAFT_ENTRY_MEMBERS)
		return;
	wrong = raft_members_decode(entry->data, &raft->members, NULL);
	assert(wrong == 0 && "checked when it came");
	raft->members_index = index;
	raft_sync_peers(raft);
}

void raft_log_append(struct raft *raft, size_t from, size_t to)
{
	assert(from <= to && to <= raft->incoming_count);
	assert(raft->entry_capacity - raft->entry_count >= to - from);
	for (size_t i = from; i < to; i++) {
		assert(raft->incoming[i].term >= raft_log_last_term(raft));
		raft->entries[raft->entry_count++] = raft->incoming[i];
		raft->incoming[i] = (struct raft_entry){0};
		take_members(raft, raft_log_last(raft));
	}
}

void raft_log_append_nothing(struct raft *raft)
{
	assert(raft->entry_count < raft->entry_capacity);
	raft->entries[raft->entry_count++] =
		(struct raft_entry){.term = raft->term, .kind = RAFT_ENTRY_NOTHING};
}

static void entry_done(struct raft_entry *entry)
{
	free((void *)(uintptr_t)entry->data.data); /* ours; const for those who look */
	*entry = (struct raft_entry){0};
}

void raft_log_find_members(const struct raft *raft, uint64_t up_to, struct raft_members *members,
			   uint64_t *index)
{
	assert(up_to >= raft->snapshot.index && up_to <= raft_log_last(raft));
	for (*index = up_to; *index > raft->snapshot.index; --*index) {
		const struct raft_entry *entry = raft_log_entry(raft, *index);

		if (entry->kind != RAFT_ENTRY_MEMBERS)
			continue;
		if (raft_members_decode(entry->data, members, NULL) < 0)
			assert(!"checked when it came");
		return;
	}
	*members = raft->snapshot.members;
}

void raft_log_truncate(struct raft *raft, uint64_t first)
{
	/* Leader completeness (section 5.4): what is committed is never taken back. */
	assert(first > raft->commit && first > raft->base_index);
	while (raft_log_last(raft) >= first)
		entry_done(&raft->entries[--raft->entry_count]);
	if (raft->members_index >= first) {
		raft_log_find_members(raft, first - 1, &raft->members, &raft->members_index);
		raft_sync_peers(raft);
	}
}

void raft_log_drop(struct raft *raft, uint64_t index)
{
	size_t count;

	if (index <= raft->base_index)
		return;
	assert(index <= raft_log_last(raft));
	count = (size_t)(index - raft->base_index);
	raft->base_term = raft_log_term(raft, index);
	raft->base_index = index;
	for (size_t i = 0; i < count; i++)
		entry_done(&raft->entries[i]);
	raft->entry_count -= count;
	memmove(raft->entries, raft->entries + count, raft->entry_count * sizeof *raft->entries);
}
