/* SPDX-License-Identifier: Apache-2.0 */
/* store_user_model.c - what a store should hold, known from outside; see store_user.h. */
#include "sim/store_user.h"

#include "base/crc32c.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SENTENCE_MAX = 512 };

void store_user_init(struct store_user *user)
{
	user->records = calloc(STORE_USER_STEPS_MAX, sizeof(*user->records));
	assert(user->records);
	user->large_every = STORE_USER_LARGE_EVERY;
	user->durable.first = user->now.first = 1;
}

void store_user_done(struct store_user *user)
{
	free(user->records);
	free(user->manifest);
	user->records = NULL;
	user->manifest = NULL;
}

void store_user_wrong(struct store_user *user, const char *format, ...)
{
	char sentence[SENTENCE_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	user->wrong(user->context, sentence);
}

struct store_user_entry *store_user_entry(struct store_user_state *state, uint64_t index)
{
	assert(index >= state->first && index <= state->last);
	return &state->entries[index % STORE_USER_ENTRIES_MAX];
}

uint8_t store_user_byte(const struct raft_snapshot *snapshot, uint32_t number, uint64_t at)
{
	uint64_t mixed = (snapshot->index * 31 + snapshot->term) * 131 + number * 17 + at / 7;

	return (uint8_t)(mixed ^ (mixed >> 8) ^ at);
}

/* ---- Records ------------------------------------------------------------------------------ */

static void apply(struct store_user_state *state, const struct store_user_record *record)
{
	switch (record->kind) {
	case STORE_USER_STATE:
		state->term = record->term;
		state->vote = record->index;
		break;
	case STORE_USER_ENTRY:
		assert(record->index >= state->first && record->index <= state->last + 1);
		state->last = record->index;
		assert(state->last - state->first < STORE_USER_ENTRIES_MAX);
		*store_user_entry(state, record->index) = record->entry;
		break;
	case STORE_USER_CUT:
		state->last = record->index - 1;
		break;
	default:
		state->first = record->index;
		state->last = record->index - 1;
	}
}

void store_user_note(struct store_user *user, const struct store_user_record *record)
{
	assert(user->record_count < STORE_USER_STEPS_MAX);
	user->records[user->record_count++] = *record;
	apply(&user->now, record);
}

void store_user_note_durable(struct store_user *user, uint32_t count)
{
	assert(count <= user->record_count);
	for (uint32_t i = 0; i < count; i++)
		apply(&user->durable, &user->records[i]);
	user->record_count -= count;
	memmove(user->records, user->records + count,
		user->record_count * sizeof(user->records[0]));
}

uint64_t store_user_stable(const struct store_user *user)
{
	uint64_t stable = user->durable.last;

	for (uint32_t i = 0; i < user->record_count; i++) {
		const struct store_user_record *record = &user->records[i];

		if (record->kind == STORE_USER_CLEAR)
			return 0;
		if (record->kind != STORE_USER_STATE && record->index <= stable)
			stable = record->index - 1;
	}
	return stable;
}

/* ---- Comparing ---------------------------------------------------------------------------- */

/* What of the state is left beside the snapshot: entries from *from to *to. */
static void behind(struct store_user_state *state, const struct raft_snapshot *snapshot,
		   uint64_t *from, uint64_t *to)
{
	bool is_there = snapshot->index >= state->first && snapshot->index <= state->last;

	*from = snapshot->index + 1;
	*to = state->last;
	if (state->last < snapshot->index ||
	    (is_there && store_user_entry(state, snapshot->index)->term != snapshot->term))
		*to = snapshot->index; /* contradicted: none */
}

static bool same_entry(const struct store_user_entry *entry, const struct raft_entry *found)
{
	return entry->term == found->term && entry->size == found->data.size &&
	       entry->checksum == base_crc32c(0, found->data.data, found->data.size);
}

/* Whether this is what was recovered. */
static bool matches(struct store_user_state *state, const struct replog_recovered *recovered)
{
	uint64_t from, to;

	if (state->term != recovered->term || state->vote != recovered->vote)
		return false;
	behind(state, &recovered->snapshot, &from, &to);
	if (from + recovered->entry_count != to + 1)
		return false;
	for (uint64_t i = from; i <= to; i++) {
		if (!same_entry(store_user_entry(state, i), &recovered->entries[i - from]))
			return false;
	}
	return true;
}

static bool is_expected_snapshot(const struct store_user *user, const struct raft_snapshot *found)
{
	return (found->index == user->newest.index && found->term == user->newest.term) ||
	       (found->index > 0 && found->index == user->coming.index &&
		found->term == user->coming.term);
}

/* The state is what is known from here on, fitted to the snapshot. */
static void settle(struct store_user *user, struct store_user_state *state,
		   const struct replog_recovered *recovered)
{
	uint64_t from, to;

	behind(state, &recovered->snapshot, &from, &to);
	if (state != &user->durable)
		user->durable = *state;
	user->durable.first = from;
	user->durable.last = to;
	user->now = user->durable;
	user->record_count = 0;
	user->newest = recovered->snapshot;
	user->coming = (struct raft_snapshot){0};
	/* An old snapshot that was fetched may have taken entries away. */
	if (user->commit > user->durable.last)
		user->commit = user->durable.last;
	if (user->commit < user->newest.index)
		user->commit = user->newest.index;
}

bool store_user_compare(struct store_user *user, const struct replog_recovered *recovered)
{
	struct store_user_state *state = &user->durable;
	uint32_t i = 0;

	if (!is_expected_snapshot(user, &recovered->snapshot)) {
		store_user_wrong(user, "the newest snapshot is at %" PRIu64 ", it should be at %"
				 PRIu64, recovered->snapshot.index, user->newest.index);
		return false;
	}
	/* Step by step: what was durable, or what any of the steps since led to. */
	while (!matches(state, recovered)) {
		if (i == user->record_count) {
			store_user_wrong(user, "term %" PRIu64 ", vote %" PRIu64 ", snapshot %"
					 PRIu64 " and %" PRIu64 " entries are what no step led to; "
					 "the last is term %" PRIu64 ", vote %" PRIu64
					 ", entries to %" PRIu64, recovered->term, recovered->vote,
					 recovered->snapshot.index, recovered->entry_count,
					 user->now.term, user->now.vote, user->now.last);
			return false;
		}
		do {
			apply(state, &user->records[i]);
		} while (!user->records[i++].ends_step);
	}
	settle(user, state, recovered);
	return true;
}
