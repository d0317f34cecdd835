/* SPDX-License-Identifier: Apache-2.0 */
/* store_replay.c - see store_replay.h. */
#include "store_replay.h"

#include "base/allocate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* Makes room at the index: what is there and behind it goes. */
static int cut(struct replog_replay *replay, uint64_t index, struct gw_error *error)
{
	if (replay->base == 0 || index < replay->base) {
		/* What was before it is in segments that were removed. */
		replay->base = index;
		replay->count = 0;
		return 0;
	}
	if (index - replay->base > replay->count)
		return gw_fail(error, GW_E_CORRUPT,
			       "entry %" PRIu64 " follows entry %" PRIu64
			       ", those between are missing", index,
			       replay->base + replay->count - 1);
	replay->count = index - replay->base;
	return 0;
}

static int take_entry(struct replog_replay *replay, uint64_t index,
		      const struct raft_entry *entry, struct gw_error *error)
{
	struct raft_entry *to;
	int result = cut(replay, index, error);

	if (result < 0)
		return result;
	if (replay->count > 0 && replay->entries[replay->count - 1].term > entry->term)
		return gw_fail(error, GW_E_CORRUPT, "the term of entry %" PRIu64 " goes back",
			       index);
	if (replay->count == replay->capacity) {
		to = base_grow(replay->entries, sizeof(*to), &replay->capacity, replay->count + 1);
		if (!to)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory for the entries of a log");
		replay->entries = to;
	}
	to = &replay->entries[replay->count];
	*to = *entry;
	to->data.data = NULL;
	if (entry->data.size > 0) {
		to->data.data = base_arena_copy(&replay->arena, entry->data);
		if (!to->data.data)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory for the entries of a log");
	}
	replay->count++;
	if (index > replay->last_index)
		replay->last_index = index;
	return 0;
}

static int check_position(struct replog_replay *replay, uint64_t next, struct gw_error *error)
{
	if (replay->base == 0)
		replay->base = next;
	if (replay->base + replay->count == next)
		return 0;
	return gw_fail(error, GW_E_CORRUPT, "the next entry is %" PRIu64 ", and not %" PRIu64, next,
		       replay->base + replay->count);
}

static int take_record(struct replog_replay *replay, const struct replog_record *record,
		       struct gw_error *error)
{
	switch (record->kind) {
	case REPLOG_RECORD_STATE:
		if (record->entry.term < replay->term)
			return gw_fail(error, GW_E_CORRUPT, "the term goes back from %" PRIu64
				       " to %" PRIu64, replay->term, record->entry.term);
		replay->term = record->entry.term;
		replay->vote = record->index;
		return 0;
	case REPLOG_RECORD_ENTRY:
		return take_entry(replay, record->index, &record->entry, error);
	case REPLOG_RECORD_CUT:
		return cut(replay, record->index, error);
	case REPLOG_RECORD_POSITION:
		return check_position(replay, record->index, error);
	default:
		assert(record->kind == REPLOG_RECORD_CLEAR);
		replay->base = record->index;
		replay->count = 0;
		return 0;
	}
}

int replog_replay_batch(struct replog_replay *replay, const struct replog_batch *batch,
			struct gw_error *error)
{
	struct replog_record record;
	size_t offset = 0;
	uint32_t count = 0;
	int result;

	replay->last_index = 0;
	while ((result = replog_record_next(batch->body, &offset, &record, error)) > 0) {
		result = take_record(replay, &record, error);
		if (result < 0)
			return result;
		count++;
	}
	if (result == 0 && count != batch->records)
		return gw_fail(error, GW_E_CORRUPT, "%u records, not %u", count, batch->records);
	return result;
}

void replog_replay_forget(struct replog_replay *replay)
{
	replay->base = 0;
	replay->count = 0;
}

const struct raft_entry *replog_replay_entry(const struct replog_replay *replay, uint64_t index)
{
	if (replay->base == 0 || index < replay->base || index - replay->base >= replay->count)
		return NULL;
	return &replay->entries[index - replay->base];
}

void replog_replay_done(struct replog_replay *replay)
{
	free(replay->entries);
	base_arena_done(&replay->arena);
	*replay = (struct replog_replay){0};
}
