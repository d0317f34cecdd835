/* SPDX-License-Identifier: Apache-2.0 */
/* raft_world.c - see raft_world.h: what happens in the world of the cores. */
#include "sim/raft_world_inside.h"

/* Clocks, in percent of the true time: as far apart as leases bear. */
enum { SLOW = 100, DRIFT = RAFT_LEASE_DRIFT_PERCENT };

static void sync_some(struct world *world, struct node *node)
{
	size_t count = raft_world_draw(world, node->save_count + 1), left = 0;
	struct raft_event event = {.kind = RAFT_SAVED};

	if (count == 0 || (!world->calm && raft_world_draw(world, 100) < world->laziness))
		return;
	for (size_t i = 0; i < count; i++)
		raft_world_carry_out(&node->disk, &node->saves[i]);
	event.number = node->saves[count - 1].number;
	node->save_count -= count;
	memmove(node->saves, node->saves + count, node->save_count * sizeof *node->saves);
	for (size_t i = 0; i < node->held_count; i++) {
		if (node->held[i].after <= event.number)
			raft_world_post(world, &node->held[i].flying);
		else
			node->held[left++] = node->held[i];
	}
	node->held_count = left;
	raft_world_step(world, node, &event);
}

static void crash(struct world *world, struct node *node)
{
	for (size_t i = 0; i < node->save_count; i++)
		raft_world_drop_save(&node->saves[i]);
	for (size_t i = 0; i < node->held_count; i++)
		raft_world_drop(&node->held[i].flying);
	node->save_count = node->held_count = 0;
	node->wants_snapshot = false;
	raft_free(node->raft);
	node->raft = NULL;
	world->result->crashes++;
}

static void start(struct world *world, struct node *node)
{
	struct disk *disk = &node->disk;
	struct raft_setup setup = {.id = node->id, .seed = raft_world_draw(world, UINT64_MAX),
				   .now_ns = node->clock_ns, .election_ns = world->election_ns,
				   .heartbeat_ns = world->election_ns / 5,
				   .term = disk->term, .vote = disk->vote,
				   .snapshot = disk->snapshot,
				   .batch_entries = world->batch_entries,
				   .lease = world->lease, .rare = world->rare};
	uint64_t from = disk->snapshot.index;
	struct raft_entry *entries = calloc(disk->count + 1, sizeof *entries);
	int failed;

	assert(entries);
	/* Term 0: only the snapshot has it, and what follows came later. */
	if (from > 0 && disk->count >= from && disk->records[from - 1].term != 0 &&
	    disk->records[from - 1].term != disk->snapshot.term)
		raft_world_disk_cut(disk, 1); /* it itself too: once */
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

/* One that does not lead is back before anything else has happened. */
static void restart(struct world *world, struct node *node)
{
	if (!node->raft || raft_role(node->raft) == RAFT_LEADER)
		return;
	crash(world, node);
	start(world, node);
}

static void deliver(struct world *world, size_t at)
{
	struct flying flying = world->flying[at];
	struct node *to = &world->nodes[flying.message.to - 1];
	struct raft_event event = {.kind = RAFT_RECEIVED, .message = &flying.message};
	bool blocked = world->blocked[flying.message.from - 1][flying.message.to - 1];

	if (!world->calm && raft_world_one_in(world, 12)) { /* it will come once more */
		struct flying copy = raft_world_copy(&flying.message);

		raft_world_post(world, &copy);
	}
	world->flying[at] = world->flying[--world->flying_count];
	if (to->raft && !blocked && (world->calm || raft_world_draw(world, 100) >= world->loss))
		raft_world_step(world, to, &event);
	raft_world_drop(&flying);
}

static void compact(struct world *world, struct node *node)
{
	struct raft_snapshot snapshot = {.index = node->applied};
	struct raft_event event = {.kind = RAFT_COMPACT, .snapshot = &snapshot,
				   .keep = raft_world_draw(world, 5)};

	event.keep_bytes = raft_world_draw(world, 5 * RAFT_ENTRY_COST);
	if (node->applied <= node->disk.snapshot.index)
		return;
	snapshot.term = raft_log_entry(node->raft, node->applied)->term;
	raft_members_at(node->raft, node->applied, &snapshot.members);
	node->disk.snapshot = snapshot;
	world->result->snapshots++;
	raft_world_step(world, node, &event);
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
	raft_world_step(world, node, &event);
}

static void propose(struct world *world, struct node *node)
{
	uint64_t cookie = ++world->next_cookie;
	struct raft_event event = {.kind = RAFT_PROPOSE, .cookie = cookie,
				   .data = {&cookie, sizeof cookie},
				   .more = raft_world_one_in(world, 8)};

	raft_world_step(world, node, &event);
}

static void ask_read(struct world *world, struct node *node)
{
	uint64_t cookie = ++world->next_cookie;
	struct read *read = &world->reads[cookie % READS_MAX];
	struct raft_event event = {.kind = RAFT_READ, .cookie = cookie};

	*read = (struct read){world->truth_count, true};
	raft_world_step(world, node, &event);
}

/* One member comes, goes, or learns to vote. */
static void change(struct world *world, struct node *node)
{
	struct raft_members members = *raft_members(node->raft);
	uint64_t id = 1 + raft_world_draw(world, NODES);
	struct raft_event event = {.kind = RAFT_CHANGE, .members = &members,
				   .cookie = ++world->next_cookie};
	const struct raft_member *member = raft_member_find(&members, id);
	struct raft_member fresh = {.id = id, .votes = raft_world_one_in(world, 3)};
	int wrong = 0;

	if (member && member->votes && members.count > 3)
		wrong = raft_member_remove(&members, id);
	else if (member && !member->votes)
		members.items[member - members.items].votes = true;
	else if (!member)
		wrong = raft_member_add(&members, &fresh);
	world->result->changes++;
	if (raft_world_bug(world, "raft.many-changes") && members.count > 3 &&
	    raft_member_find(&members, 1 + id % NODES))
		wrong = raft_member_remove(&members, 1 + id % NODES);
	assert(wrong == 0);
	raft_world_step(world, node, &event);
}

/* Now and then between one member and the others. */
static void cut(struct world *world)
{
	uint64_t mask = raft_world_one_in(world, 2) ? raft_world_draw(world, 1 << NODES)
					 : UINT64_C(1) << raft_world_draw(world, NODES);
	bool one_way = raft_world_one_in(world, 3);

	for (int i = 0; i < NODES; i++) {
		for (int j = 0; j < NODES; j++) {
			bool apart = (mask >> i & 1) != (mask >> j & 1);

			world->blocked[i][j] = apart && (!one_way || (mask >> i & 1));
		}
	}
}

/* A voter asks to be elected, as if the leader had been silent long enough, and often hears
 * everyone but the leader from then on. */
static void strand(struct world *world, const struct node *leader)
{
	uint64_t from = leader->id - 1, who = raft_world_draw(world, 3);
	struct raft_event event = {.kind = RAFT_CAMPAIGN};

	if (world->nodes[who].raft)
		raft_world_step(world, &world->nodes[who], &event);
	if (!leader->raft || raft_role(leader->raft) != RAFT_LEADER ||
	    !raft_world_one_in(world, 3))
		return;
	memset(world->blocked, 0, sizeof world->blocked);
	world->blocked[from][who] = world->blocked[who][from] = true;
}

/* A leader goes on alone, for longer than an election takes. */
static void part_leader(struct world *world, struct node *node)
{
	if (!node->raft || raft_role(node->raft) != RAFT_LEADER || !raft_world_one_in(world, 3))
		return;
	for (int i = 0; i < NODES; i++) {
		for (int j = 0; j < NODES; j++)
			world->blocked[i][j] = (&world->nodes[i] == node) !=
					       (&world->nodes[j] == node);
	}
	world->parted = node->id;
	if (!world->drifts || raft_world_one_in(world, 3))
		return;
	for (int i = 0; i < NODES; i++) /* its clock is the slowest that leases bear */
		world->nodes[i].rate_percent = SLOW + (&world->nodes[i] == node ? 0 : DRIFT);
}

/* The leader that was cut off is asked, and the others do not wait for their turn: where a lease
 * ends and where another one may be elected, both are tried again and again. */
static void press(struct world *world)
{
	struct node *old = &world->nodes[world->parted - 1];
	struct node *node = &world->nodes[raft_world_draw(world, NODES)];
	struct raft_event event = {.kind = RAFT_CAMPAIGN};

	if (!old->raft || raft_role(old->raft) != RAFT_LEADER)
		world->parted = 0;
	else if (raft_world_one_in(world, 2))
		ask_read(world, old);
	else if (node->raft && raft_role(node->raft) == RAFT_FOLLOWER)
		raft_world_step(world, node, &event);
}

static void pass_time(struct world *world, uint64_t ns)
{
	for (int i = 0; i < NODES; i++)
		world->nodes[i].clock_ns += ns * world->nodes[i].rate_percent / 100;
	for (int i = 0; i < NODES; i++) {
		const struct node *node = &world->nodes[i];
		struct raft_event event = {.kind = RAFT_TICK};

		if (!world->calm && raft_world_draw(world, 100) < world->late_ticks)
			continue;
		if (node->raft && raft_wake_ns(node->raft) <= node->clock_ns)
			raft_world_step(world, &world->nodes[i], &event);
	}
}

static void set_clock(struct world *world, struct node *node)
{
	node->rate_percent = SLOW + (world->drifts && raft_world_one_in(world, 2) ? DRIFT : 0);
}

/* A leader is to hand over, another one does not wait for its turn. */
static void urge(struct world *world, struct node *node)
{
	bool leaves = raft_world_one_in(world, 2);
	struct raft_event event = {.kind = leaves ? RAFT_HAND_OVER : RAFT_CAMPAIGN};

	raft_world_step(world, node, &event);
}

/* Something of what goes wrong, or is asked. */
static void happen(struct world *world)
{
	struct node *node = &world->nodes[raft_world_draw(world, NODES)];
	uint64_t what = raft_world_draw(world, 100);

	/* Leaders are met more often. */
	for (int i = 0; i < 2 && node->raft && raft_role(node->raft) != RAFT_LEADER; i++)
		node = &world->nodes[raft_world_draw(world, NODES)];
	if (!node->raft) {
		set_clock(world, node);
		start(world, node);
		return;
	}
	if (world->strands && raft_world_one_in(world, 4))
		restart(world, &world->nodes[raft_world_draw(world, NODES)]);
	else if (what < world->crashes)
		crash(world, node);
	else if (what < (world->strands ? 1 : 50)) /* who misses an entry is not elected */
		propose(world, node);
	else if (what < 80)
		ask_read(world, node);
	else if (what < 81)
		urge(world, node);
	else if (what < 84)
		change(world, node);
	else if (what < 88)
		compact(world, node);
	else if (world->strands && what < 94)
		strand(world, node);
	else if (world->parts && what < 99)
		part_leader(world, node);
	else if (what < 94)
		cut(world);
	else
		memset(world->blocked, 0, sizeof world->blocked);
}

static void one_step(struct world *world)
{
	uint64_t what = raft_world_draw(world, 100);
	struct node *node = &world->nodes[raft_world_draw(world, NODES)];

	if (world->parted && !world->calm && raft_world_one_in(world, 3))
		press(world);
	else if (what < 55 && world->flying_count > 0)
		deliver(world, raft_world_draw(world, world->flying_count));
	else if (what < 80 && node->raft)
		sync_some(world, node);
	else if (what < 90)
		pass_time(world, raft_world_draw(world, world->pass_ns_max));
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
		world->nodes[i].clock_ns = raft_world_draw(world, 1000) * MS;
		set_clock(world, &world->nodes[i]);
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
	world->pass_ns_max = 100 * MS;
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
	RAFT_WORLD_WRONG(world, "the members do not come together again");
}

static void end(struct world *world)
{
	for (int i = 0; i < NODES; i++) {
		if (world->nodes[i].raft)
			crash(world, &world->nodes[i]);
		raft_world_disk_cut(&world->nodes[i].disk, 1);
		free(world->nodes[i].disk.records);
	}
	for (size_t i = 0; i < world->flying_count; i++)
		raft_world_drop(&world->flying[i]);
	for (uint64_t i = 1; i <= world->truth_count; i++)
		free(world->truth[i].data);
	free(world);
}

void raft_world_run(uint64_t seed, uint64_t steps, struct io_rare *rare,
		    struct raft_world_result *result)
{
	struct world *world = calloc(1, sizeof *world);

	assert(world);
	*result = (struct raft_world_result){.hash = UINT64_C(0xcbf29ce484222325)};
	world->rare = rare;
	world->chance = seed;
	world->result = result;
	world->batch_entries = (uint32_t)raft_world_draw(world, 4); /* 0: as many as there may be */
	world->loss = raft_world_draw(world, 2) * raft_world_draw(world, 60);
	world->laziness = raft_world_draw(world, 2) * raft_world_draw(world, 95);
	world->crashes = raft_world_draw(world, 2) * raft_world_draw(world, 30);
	world->election_ns = (UINT64_C(1000) * MS) >> raft_world_draw(world, 5);
	world->pass_ns_max = 100 * MS;
	world->lease = raft_world_one_in(world, 2);
	world->drifts = raft_world_one_in(world, 2);
	world->late_ticks = raft_world_draw(world, 2) * raft_world_draw(world, 90);
	if (raft_world_one_in(world, 2)) { /* leaders go before their entries are everywhere */
		world->batch_entries = 1;
		world->loss = 20 + raft_world_draw(world, 40);
		world->crashes = 10 + raft_world_draw(world, 30);
		world->election_ns = 100 * MS;
	}
	if (world->lease && raft_world_one_in(world, 2)) { /* leases and votes meet closely */
		world->drifts = world->parts = true;
		world->pass_ns_max = world->election_ns / 30;
		world->loss = world->laziness = world->late_ticks = 0;
		world->crashes = raft_world_draw(world, 3);
		world->strands = raft_world_one_in(world, 3);
	}
	begin(world);
	for (; result->steps < steps && result->wrong[0] == 0; result->steps++)
		one_step(world);
	if (result->wrong[0] == 0)
		check_liveness(world);
	result->committed = world->truth_count;
	end(world);
}
