/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raft_world_node.c - a member in the world of the cores: its messages, its disk, a step of its
 * core, and what must never happen (figure 3 of the paper).
 */
#include "sim/raft_world_inside.h"

/* ---- Chance, hash, verdict ---------------------------------------------------------------- */

uint64_t raft_world_draw(struct world *world, uint64_t n)
{
	uint64_t z = world->chance += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % n;
}

static void note(struct world *world, uint64_t number)
{
	world->result->hash = (world->result->hash ^ number) * UINT64_C(0x100000001b3);
}

/* ---- Copies ------------------------------------------------------------------------------- */

static struct record record_of(const struct raft_entry *entry)
{
	struct record record = {entry->term, entry->kind, (uint32_t)entry->data.size, NULL};

	record.data = malloc(entry->data.size + 1);
	assert(record.data);
	if (entry->data.size)
		memcpy(record.data, entry->data.data, entry->data.size);
	return record;
}

struct flying raft_world_copy(const struct raft_message *message)
{
	struct flying flying = {.message = *message};

	if (message->entry_count) {
		flying.entries = calloc(message->entry_count, sizeof *flying.entries);
		assert(flying.entries);
	}
	for (uint32_t i = 0; i < message->entry_count; i++) {
		struct record record = record_of(&message->entries[i]);

		flying.entries[i] = message->entries[i];
		flying.entries[i].data = (struct gw_bytes){record.data, record.size};
	}
	flying.message.entries = flying.entries;
	if (message->snapshot) {
		flying.snapshot = malloc(sizeof *flying.snapshot);
		assert(flying.snapshot);
		*flying.snapshot = *message->snapshot;
		flying.message.snapshot = flying.snapshot;
	}
	return flying;
}

void raft_world_drop(struct flying *flying)
{
	for (uint32_t i = 0; i < flying->message.entry_count; i++)
		free((void *)(uintptr_t)flying->entries[i].data.data);
	free(flying->entries);
	free(flying->snapshot);
}

void raft_world_post(struct world *world, const struct flying *flying)
{
	if (world->flying_count == FLYING_MAX) { /* the network drops */
		struct flying lost = *flying;

		raft_world_drop(&lost);
		return;
	}
	world->flying[world->flying_count++] = *flying;
}

/* ---- The disk ----------------------------------------------------------------------------- */

void raft_world_disk_cut(struct disk *disk, uint64_t first)
{
	while (disk->count >= first)
		free(disk->records[--disk->count].data);
}

static void disk_put(struct disk *disk, uint64_t index, struct record record)
{
	disk->records = realloc(disk->records, index * sizeof *disk->records);
	assert(disk->records);
	while (disk->count < index - 1) /* only the snapshot has these */
		disk->records[disk->count++] = (struct record){0};
	assert(disk->count == index - 1);
	disk->records[disk->count++] = record;
}

void raft_world_carry_out(struct disk *disk, struct save *save)
{
	if (save->is_state) {
		disk->term = save->term;
		disk->vote = save->vote;
		return;
	}
	raft_world_disk_cut(disk, save->anew ? 1 : save->first);
	for (uint64_t i = 0; i < save->count; i++)
		disk_put(disk, save->first + i, save->records[i]);
	free(save->records);
}

void raft_world_drop_save(struct save *save)
{
	for (uint64_t i = 0; !save->is_state && i < save->count; i++)
		free(save->records[i].data);
	free(save->records);
}

static void keep_save(struct node *node, const struct raft_action *action)
{
	struct save *save = &node->saves[node->save_count++];

	assert(node->save_count <= SAVES_MAX);
	*save = (struct save){.number = action->number, .is_state = action->kind == RAFT_SAVE_STATE,
			      .term = action->term, .vote = action->vote,
			      .first = action->index, .count = action->count,
			      .anew = action->anew};
	if (save->is_state || save->count == 0)
		return;
	save->records = calloc(save->count, sizeof *save->records);
	assert(save->records);
	for (uint64_t i = 0; i < save->count; i++)
		save->records[i] = record_of(raft_log_entry(node->raft, save->first + i));
}

/* ---- What must never happen --------------------------------------------------------------- */

static bool same(const struct record *record, const struct raft_entry *entry)
{
	return record->term == entry->term && record->kind == entry->kind &&
	       record->size == entry->data.size &&
	       (record->size == 0 || memcmp(record->data, entry->data.data, record->size) == 0);
}

/* State machine safety: at one index, everyone applies the same. */
static void apply(struct world *world, struct node *node, uint64_t up_to)
{
	assert(up_to < TRUTH_MAX);
	for (uint64_t index = node->applied + 1; index <= up_to; index++) {
		const struct raft_entry *entry = raft_log_entry(node->raft, index);

		assert(entry);
		if (index > world->truth_count + 1) {
			RAFT_WORLD_WRONG(world, "entry %llu is applied before its turn",
			      (unsigned long long)index);
			return;
		}
		if (index == world->truth_count + 1) {
			world->truth[index] = record_of(entry);
			world->truth_count = index;
		} else if (!same(&world->truth[index], entry)) {
			RAFT_WORLD_WRONG(world, "member %llu applies another entry %llu",
			      (unsigned long long)node->id, (unsigned long long)index);
			return;
		}
		node->applied = index;
	}
}

/* Election safety: a term has one leader. */
static void check_leader(struct world *world, const struct node *node, uint64_t term)
{
	assert(term < TERMS_MAX);
	if (world->leaders[term] && world->leaders[term] != node->id)
		RAFT_WORLD_WRONG(world, "term %llu has two leaders", (unsigned long long)term);
	world->result->elections += world->leaders[term] == 0;
	world->leaders[term] = node->id;
}

static void readable(struct world *world, const struct raft_action *action)
{
	struct read *read = &world->reads[action->cookie % READS_MAX];

	assert(read->is_open);
	read->is_open = false;
	world->result->reads++;
	if (action->index < read->must_see)
		RAFT_WORLD_WRONG(world, "a read sees %llu entries of %llu",
		      (unsigned long long)action->index, (unsigned long long)read->must_see);
}

/* ---- Steps -------------------------------------------------------------------------------- */

static void do_action(struct world *world, struct node *node, const struct raft_action *action)
{
	struct flying flying;

	note(world, action->kind * 31 + action->index * 7 + action->term);
	switch (action->kind) {
	case RAFT_SAVE_STATE:
	case RAFT_SAVE_ENTRIES:
		keep_save(node, action);
		break;
	case RAFT_SEND:
		flying = raft_world_copy(&action->message);
		if (action->number == 0)
			raft_world_post(world, &flying);
		else if (node->held_count < HELD_MAX)
			node->held[node->held_count++] = (struct held){action->number, flying};
		else
			raft_world_drop(&flying);
		break;
	case RAFT_APPLY:
		apply(world, node, action->index);
		break;
	case RAFT_READABLE:
		readable(world, action);
		break;
	case RAFT_REFUSED:
		world->reads[action->cookie % READS_MAX].is_open = false;
		break;
	case RAFT_ROLE_CHANGED:
		if (action->role == RAFT_LEADER)
			check_leader(world, node, action->term);
		break;
	case RAFT_FETCH:
		node->wants_snapshot = true;
		node->offered = *action->snapshot;
		break;
	default:
		break;
	}
}

void raft_world_step(struct world *world, struct node *node, struct raft_event *event)
{
	struct gw_error error = {0};
	struct raft_action action;

	event->now_ns = node->clock_ns;
	if (raft_step(node->raft, event, &error) < 0) {
		RAFT_WORLD_WRONG(world, "%.150s", error.text);
		return;
	}
	while (raft_next_action(node->raft, &action))
		do_action(world, node, &action);
}

