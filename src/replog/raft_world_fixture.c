/* SPDX-License-Identifier: Apache-2.0 */
/* raft_world_fixture.c - see raft_world_fixture.h. */
#include "raft_world_fixture.h"

#include "io/rare.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	NODES = 6,
	FLYING_MAX = 400,
	SAVES_MAX = 256,
	HELD_MAX = 512,
	TRUTH_MAX = 1 << 16,
	TERMS_MAX = 1 << 14,
	READS_MAX = 1 << 12,
};

#define MS UINT64_C(1000000)

/* A message with bytes of its own. */
struct flying {
	struct raft_message message;
	struct raft_entry *entries;
	struct raft_snapshot *snapshot;
};

struct record {
	uint64_t term;
	uint32_t kind;
	uint32_t size;
	uint8_t *data;
};

struct disk {
	uint64_t term, vote;
	struct raft_snapshot snapshot;
	struct record *records; /* [i] is entry i + 1; those up to the snapshot may be gone */
	uint64_t count;
};

struct save {
	uint64_t number;
	bool is_state, anew;
	uint64_t term, vote;
	uint64_t first, count;
	struct record *records;
};

struct held {
	uint64_t after;
	struct flying flying;
};

struct node {
	uint64_t id;
	struct raft *raft; /* NULL: down */
	struct disk disk;
	struct save saves[SAVES_MAX];
	size_t save_count;
	struct held held[HELD_MAX];
	size_t held_count;
	uint64_t applied;
	bool wants_snapshot; /* a fetch that may be done */
	struct raft_snapshot offered;
};

struct read {
	uint64_t must_see;
	bool is_open;
};

struct world {
	struct io_rare rare; /* first */
	const char *bug;
	uint64_t chance;
	uint64_t now_ns;
	/* What kind of world it is. */
	uint32_t batch_entries;
	uint64_t loss;       /* of messages, percent */
	uint64_t laziness;   /* of disks: percent of chances to sync that are not taken */
	uint64_t crashes;    /* percent of what happens */
	uint64_t election_ns;
	uint64_t late_ticks; /* percent: a member does not look at the clock, as when paused */
	struct node nodes[NODES];
	struct flying flying[FLYING_MAX];
	size_t flying_count;
	bool blocked[NODES][NODES];
	bool calm; /* nothing goes wrong any more */
	/* What was committed anywhere, for ever. */
	struct record truth[TRUTH_MAX];
	uint64_t truth_count;
	uint64_t leaders[TERMS_MAX];
	struct read reads[READS_MAX];
	uint64_t next_cookie;
	struct world_result *result;
};

/* ---- Chance, hash, verdict ---------------------------------------------------------------- */

static uint64_t draw(struct world *world, uint64_t n)
{
	uint64_t z = world->chance += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % n;
}

static bool one_in(struct world *world, uint64_t n)
{
	return draw(world, n) == 0;
}

static void note(struct world *world, uint64_t number)
{
	world->result->hash = (world->result->hash ^ number) * UINT64_C(0x100000001b3);
}

#define WRONG(world, ...)                                                            \
	do {                                                                         \
		if ((world)->result->wrong[0] == 0)                                  \
			snprintf((world)->result->wrong, sizeof (world)->result->wrong, \
				 __VA_ARGS__);                                       \
	} while (0)

static bool is_bug(struct io_rare *rare, const char *name)
{
	const struct world *world = (const struct world *)(const void *)rare;

	return world->bug && strcmp(world->bug, name) == 0;
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

static struct flying copy_message(const struct raft_message *message)
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

static void flying_done(struct flying *flying)
{
	for (uint32_t i = 0; i < flying->message.entry_count; i++)
		free((void *)(uintptr_t)flying->entries[i].data.data);
	free(flying->entries);
	free(flying->snapshot);
}

static void post(struct world *world, const struct flying *flying)
{
	if (world->flying_count == FLYING_MAX) { /* the network drops */
		struct flying lost = *flying;

		flying_done(&lost);
		return;
	}
	world->flying[world->flying_count++] = *flying;
}

/* ---- The disk ----------------------------------------------------------------------------- */

static void disk_cut(struct disk *disk, uint64_t first)
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

static void carry_out(struct disk *disk, struct save *save)
{
	if (save->is_state) {
		disk->term = save->term;
		disk->vote = save->vote;
		return;
	}
	disk_cut(disk, save->anew ? 1 : save->first);
	for (uint64_t i = 0; i < save->count; i++)
		disk_put(disk, save->first + i, save->records[i]);
	free(save->records);
}

static void drop_save(struct save *save)
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
			WRONG(world, "entry %llu is applied before the one in front of it",
			      (unsigned long long)index);
			return;
		}
		if (index == world->truth_count + 1) {
			world->truth[index] = record_of(entry);
			world->truth_count = index;
		} else if (!same(&world->truth[index], entry)) {
			WRONG(world, "member %llu applies another entry %llu",
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
		WRONG(world, "term %llu has two leaders", (unsigned long long)term);
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
		WRONG(world, "a read sees %llu entries of %llu",
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
		flying = copy_message(&action->message);
		if (action->number == 0)
			post(world, &flying);
		else if (node->held_count < HELD_MAX)
			node->held[node->held_count++] = (struct held){action->number, flying};
		else
			flying_done(&flying);
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

static void step(struct world *world, struct node *node, struct raft_event *event)
{
	struct gw_error error = {0};
	struct raft_action action;

	event->now_ns = world->now_ns;
	if (raft_step(node->raft, event, &error) < 0) {
		WRONG(world, "%.150s", error.text);
		return;
	}
	while (raft_next_action(node->raft, &action))
		do_action(world, node, &action);
}

static void sync_some(struct world *world, struct node *node)
{
	size_t count = draw(world, node->save_count + 1), left = 0;
	struct raft_event event = {.kind = RAFT_SAVED};

	if (count == 0 || (!world->calm && draw(world, 100) < world->laziness))
		return;
	for (size_t i = 0; i < count; i++)
		carry_out(&node->disk, &node->saves[i]);
	event.number = node->saves[count - 1].number;
	node->save_count -= count;
	memmove(node->saves, node->saves + count, node->save_count * sizeof *node->saves);
	for (size_t i = 0; i < node->held_count; i++) {
		if (node->held[i].after <= event.number)
			post(world, &node->held[i].flying);
		else
			node->held[left++] = node->held[i];
	}
	node->held_count = left;
	step(world, node, &event);
}

static void crash(struct world *world, struct node *node)
{
	for (size_t i = 0; i < node->save_count; i++)
		drop_save(&node->saves[i]);
	for (size_t i = 0; i < node->held_count; i++)
		flying_done(&node->held[i].flying);
	node->save_count = node->held_count = 0;
	node->wants_snapshot = false;
	raft_free(node->raft);
	node->raft = NULL;
	world->result->crashes++;
}

static void start(struct world *world, struct node *node)
{
	struct disk *disk = &node->disk;
	struct raft_setup setup = {.id = node->id, .seed = draw(world, UINT64_MAX),
				   .now_ns = world->now_ns, .election_ns = world->election_ns,
				   .heartbeat_ns = world->election_ns / 5,
				   .term = disk->term, .vote = disk->vote,
				   .snapshot = disk->snapshot,
				   .batch_entries = world->batch_entries, .rare = &world->rare};
	uint64_t from = disk->snapshot.index;
	struct raft_entry *entries = calloc(disk->count + 1, sizeof *entries);
	int failed;

	assert(entries);
	/* Term 0: only the snapshot has it, and what follows came later. */
	if (from > 0 && disk->count >= from && disk->records[from - 1].term != 0 &&
	    disk->records[from - 1].term != disk->snapshot.term)
		disk_cut(disk, 1); /* it itself too, or the next start would do this again */
	for (uint64_t i = from; i < disk->count; i++)
		entries[setup.entry_count++] = (struct raft_entry){
			disk->records[i].term, disk->records[i].kind,
			{disk->records[i].data, disk->records[i].size}};
	setup.entries = entries;
	failed = raft_new(&node->raft, &setup, NULL);
	assert(failed == 0);
	free(entries);
	node->applied = from;
}

static void deliver(struct world *world, size_t at)
{
	struct flying flying = world->flying[at];
	struct node *to = &world->nodes[flying.message.to - 1];
	struct raft_event event = {.kind = RAFT_RECEIVED, .message = &flying.message};
	bool blocked = world->blocked[flying.message.from - 1][flying.message.to - 1];

	if (!world->calm && one_in(world, 12)) { /* it will come once more */
		struct flying copy = copy_message(&flying.message);

		post(world, &copy);
	}
	world->flying[at] = world->flying[--world->flying_count];
	if (to->raft && !blocked && (world->calm || draw(world, 100) >= world->loss))
		step(world, to, &event);
	flying_done(&flying);
}

static void compact(struct world *world, struct node *node)
{
	struct raft_snapshot snapshot = {.index = node->applied};
	struct raft_event event = {.kind = RAFT_COMPACT, .snapshot = &snapshot,
				   .keep = draw(world, 5)};

	if (node->applied <= node->disk.snapshot.index)
		return;
	snapshot.term = raft_log_entry(node->raft, node->applied)->term;
	raft_members_at(node->raft, node->applied, &snapshot.members);
	node->disk.snapshot = snapshot;
	world->result->snapshots++;
	step(world, node, &event);
}

static void install(struct world *world, struct node *node)
{
	struct raft_event event = {.kind = RAFT_INSTALLED, .snapshot = &node->offered};

	node->wants_snapshot = false;
	if (node->offered.index <= node->applied)
		return;
	node->disk.snapshot = node->offered;
	node->applied = node->offered.index;
	world->result->snapshots++;
	step(world, node, &event);
}

static void propose(struct world *world, struct node *node)
{
	uint64_t cookie = ++world->next_cookie;
	struct raft_event event = {.kind = RAFT_PROPOSE, .cookie = cookie,
				   .data = {&cookie, sizeof cookie}, .more = one_in(world, 8)};

	step(world, node, &event);
}

static void ask_read(struct world *world, struct node *node)
{
	uint64_t cookie = ++world->next_cookie;
	struct read *read = &world->reads[cookie % READS_MAX];
	struct raft_event event = {.kind = RAFT_READ, .cookie = cookie};

	*read = (struct read){world->truth_count, true};
	step(world, node, &event);
}

/* One member comes, goes, or learns to vote. */
static void change(struct world *world, struct node *node)
{
	struct raft_members members = *raft_members(node->raft);
	uint64_t id = 1 + draw(world, NODES);
	struct raft_event event = {.kind = RAFT_CHANGE, .members = &members,
				   .cookie = ++world->next_cookie};
	const struct raft_member *member = raft_member_find(&members, id);
	struct raft_member fresh = {.id = id, .votes = one_in(world, 3)};
	int wrong = 0;

	if (member && member->votes && members.count > 3)
		wrong = raft_member_remove(&members, id);
	else if (member && !member->votes)
		members.items[member - members.items].votes = true;
	else if (!member)
		wrong = raft_member_add(&members, &fresh);
	world->result->changes++;
	if (world->bug && strcmp(world->bug, "raft.many-changes") == 0 && members.count > 3 &&
	    raft_member_find(&members, 1 + id % NODES))
		wrong = raft_member_remove(&members, 1 + id % NODES);
	assert(wrong == 0);
	step(world, node, &event);
}

/* Now and then between one member and the others. */
static void cut(struct world *world)
{
	uint64_t mask = one_in(world, 2) ? draw(world, 1 << NODES)
					 : UINT64_C(1) << draw(world, NODES);
	bool one_way = one_in(world, 3);

	for (int i = 0; i < NODES; i++) {
		for (int j = 0; j < NODES; j++) {
			bool apart = (mask >> i & 1) != (mask >> j & 1);

			world->blocked[i][j] = apart && (!one_way || (mask >> i & 1));
		}
	}
}

static void pass_time(struct world *world, uint64_t ns)
{
	world->now_ns += ns;
	for (int i = 0; i < NODES; i++) {
		struct raft_event event = {.kind = RAFT_TICK};

		if (!world->calm && draw(world, 100) < world->late_ticks)
			continue;
		if (world->nodes[i].raft && raft_wake_ns(world->nodes[i].raft) <= world->now_ns)
			step(world, &world->nodes[i], &event);
	}
}

/* A leader is to hand over, another one does not wait for its turn. */
static void urge(struct world *world, struct node *node)
{
	struct raft_event event = {.kind = one_in(world, 2) ? RAFT_HAND_OVER : RAFT_CAMPAIGN};

	step(world, node, &event);
}

/* Something of what goes wrong, or is asked. */
static void happen(struct world *world)
{
	struct node *node = &world->nodes[draw(world, NODES)];
	uint64_t what = draw(world, 100);

	/* Leaders are met more often. */
	for (int i = 0; i < 2 && node->raft && raft_role(node->raft) != RAFT_LEADER; i++)
		node = &world->nodes[draw(world, NODES)];
	if (!node->raft) {
		start(world, node);
		return;
	}
	if (what < world->crashes)
		crash(world, node);
	else if (what < 50)
		propose(world, node);
	else if (what < 80)
		ask_read(world, node);
	else if (what < 81)
		urge(world, node);
	else if (what < 84)
		change(world, node);
	else if (what < 88)
		compact(world, node);
	else if (what < 94)
		cut(world);
	else
		memset(world->blocked, 0, sizeof world->blocked);
}

static void one_step(struct world *world)
{
	uint64_t what = draw(world, 100);
	struct node *node = &world->nodes[draw(world, NODES)];

	if (what < 55 && world->flying_count > 0)
		deliver(world, draw(world, world->flying_count));
	else if (what < 80 && node->raft)
		sync_some(world, node);
	else if (what < 90)
		pass_time(world, draw(world, 100 * MS));
	else if (node->raft && node->wants_snapshot)
		install(world, node);
	else if (!world->calm)
		happen(world);
}

/* ---- A run -------------------------------------------------------------------------------- */

static void begin(struct world *world)
{
	struct raft_members members = {0};

	for (uint64_t id = 1; id <= 3; id++) {
		struct raft_member member = {.id = id, .votes = true};

		if (raft_member_add(&members, &member) < 0)
			assert(!"three members");
	}
	for (int i = 0; i < NODES; i++) {
		world->nodes[i].id = (uint64_t)i + 1;
		if (i < 3)
			world->nodes[i].disk.snapshot.members = members;
		start(world, &world->nodes[i]);
	}
}

/* When nothing goes wrong any more: a leader, a new entry, and everyone has it. */
static void check_liveness(struct world *world)
{
	uint64_t target = 0;
	const struct node *leader = NULL;

	world->calm = true;
	world->election_ns = RAFT_ELECTION_NS;
	memset(world->blocked, 0, sizeof world->blocked);
	for (int i = 0; i < NODES; i++) { /* with the usual times */
		if (world->nodes[i].raft)
			crash(world, &world->nodes[i]);
		start(world, &world->nodes[i]);
	}
	for (int i = 0; i < 60000 && world->result->wrong[0] == 0; i++) {
		one_step(world);
		if (target == 0 || !leader || raft_role(leader->raft) != RAFT_LEADER) {
			leader = NULL;
			for (int n = 0; n < NODES; n++) {
				if (raft_role(world->nodes[n].raft) == RAFT_LEADER)
					leader = &world->nodes[n];
			}
			if (!leader)
				continue;
			propose(world, &world->nodes[leader->id - 1]);
			target = raft_last_index(leader->raft);
		}
		if (leader->applied < target)
			continue;
		bool all = true;

		for (int n = 0; n < NODES; n++) {
			const struct raft_members *members = raft_members(leader->raft);

			if (raft_member_find(members, world->nodes[n].id))
				all = all && world->nodes[n].applied >= target;
		}
		if (all)
			return;
	}
	WRONG(world, "the members do not come together again");
}

static void end(struct world *world)
{
	for (int i = 0; i < NODES; i++) {
		if (world->nodes[i].raft)
			crash(world, &world->nodes[i]);
		disk_cut(&world->nodes[i].disk, 1);
		free(world->nodes[i].disk.records);
	}
	for (size_t i = 0; i < world->flying_count; i++)
		flying_done(&world->flying[i]);
	for (uint64_t i = 1; i <= world->truth_count; i++)
		free(world->truth[i].data);
	free(world);
}

void world_run(uint64_t seed, uint64_t steps, const char *bug, struct world_result *result)
{
	struct world *world = calloc(1, sizeof *world);

	assert(world);
	*result = (struct world_result){.hash = UINT64_C(0xcbf29ce484222325)};
	world->rare.bug = is_bug;
	world->bug = bug;
	world->chance = seed;
	world->result = result;
	world->batch_entries = (uint32_t)draw(world, 4); /* 0: as many as there may be */
	world->loss = draw(world, 2) * draw(world, 60);
	world->laziness = draw(world, 2) * draw(world, 95);
	world->crashes = draw(world, 2) * draw(world, 30);
	world->election_ns = (UINT64_C(1000) * MS) >> draw(world, 5);
	world->late_ticks = draw(world, 2) * draw(world, 90);
	if (one_in(world, 2)) { /* leaders come and go before their entries are everywhere */
		world->batch_entries = 1;
		world->loss = 20 + draw(world, 40);
		world->crashes = 10 + draw(world, 30);
		world->election_ns = 100 * MS;
	}
	begin(world);
	for (; result->steps < steps && result->wrong[0] == 0; result->steps++)
		one_step(world);
	if (result->wrong[0] == 0)
		check_liveness(world);
	result->committed = world->truth_count;
	end(world);
}
