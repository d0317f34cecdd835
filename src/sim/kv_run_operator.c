/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv_run_operator.c - who cares for the cluster of the workload kv: wipes a member's disk, or has a
 * bit of it flip, and replaces it; removes a member and lets it join again; asks for snapshots.
 * Never is more than one member without its disk.
 */
#include "sim/workload_kv.h"

#include "task/loop.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum { EVERY_S = 3, CARE_MS = 3000, SEGMENTS_BEHIND = 3, SEGMENTS_MAX = 4096 };

static struct replog *log_of(const struct kv_run_member *member)
{
	return kv_server_log(member->server);
}

/* The member of the cluster that has this address; its number, or count. */
static size_t find_address(const struct replog_member *members, size_t count, const char *address)
{
	size_t at = 0;

	while (at < count && strcmp(members[at].address, address) != 0)
		at++;
	return at;
}

bool kv_run_are_members(struct kv_run_state *state)
{
	struct kv_run_member *leader = kv_run_leader(state);
	struct replog_member members[RAFT_MEMBERS_MAX];
	size_t count = leader ? replog_members(log_of(leader), members) : 0;

	if (count != state->machines)
		return false;
	for (uint32_t i = 0; i < state->machines; i++) {
		const struct kv_run_member *member = &state->members[i];
		size_t at = find_address(members, count, member->address);
		struct replog_state now;

		if (member->is_lost || !kv_run_is_open(member) || at == count ||
		    members[at].votes == member->is_standby)
			return false;
		replog_state(log_of(member), &now);
		if (now.member != members[at].id)
			return false; /* what is left of an earlier one */
	}
	return true;
}

/* ---- Disks ---------------------------------------------------------------------------------- */

/* Three members of which one is on its way out bear no other loss: what is left is no majority. */
static bool may_lose(struct kv_run_state *state)
{
	const struct kv_run_member *leader = kv_run_leader(state);
	struct replog_state leading;

	if (!leader || !kv_run_are_members(state))
		return false;
	replog_state(log_of(leader), &leading);
	if (leading.is_changing)
		return false;
	for (uint32_t i = 0; i < state->machines; i++) {
		if (state->members[i].is_lost || state->members[i].is_rotten)
			return false;
	}
	return true;
}

static void wipe(struct kv_run_member *member)
{
	sim_node_kill(member->node);
	sim_disk_wipe(member->node);
	member->joins = true;
	member->is_rotten = member->is_corrupt = false;
	sim_note(member->state->run->sim, member->node, "gets an empty disk", 0);
	sim_node_start_after(member->node, SIM_MS);
}

static void lose(struct kv_run_member *member, uint64_t id)
{
	member->old_id = id;
	wipe(member);
	member->is_lost = true;
}

/* A bit of a segment with whole ones behind it: that can be told from a write that was torn. */
static bool rot(struct kv_run_member *member)
{
	struct sim *sim = member->state->run->sim;
	char path[64], behind[64];
	uint8_t byte;

	for (uint64_t number = 0; number < SEGMENTS_MAX; number++) {
		snprintf(path, sizeof(path), "kv/log/log/%016" PRIx64, number);
		if (sim_disk_peek(member->node, path, 0, &byte, 1) < 0)
			continue;
		snprintf(behind, sizeof(behind), "kv/log/log/%016" PRIx64,
			 number + SEGMENTS_BEHIND);
		return sim_disk_peek(member->node, behind, 0, &byte, 1) >= 0 &&
		       sim_disk_rot(member->node, path, sim_draw(sim, 4096),
				    (uint8_t)sim_draw(sim, 8));
	}
	return false;
}

/* ---- On the leader -------------------------------------------------------------------------- */

/* What it was does not matter: the next look at the cluster tells what is to be done. */
static void ends(struct kv_run_state *state, const struct kv_run_member *by, int code)
{
	sim_note(state->run->sim, by->node, "the operator has done", code);
	state->operating = NULL;
}

static int replace_lost(void *argument)
{
	struct kv_run_member *leader = argument;
	struct kv_run_state *state = leader->state;
	uint64_t id;
	int code = 0;

	for (uint32_t i = 0; i < state->machines && sim_io_alive(leader->io); i++) {
		struct kv_run_member *member = &state->members[i];

		if (member->is_lost && leader->server)
			code = replog_member_replace(log_of(leader), member->old_id, NULL,
						     gw_after_ms(CARE_MS), &id, NULL);
	}
	ends(state, leader, code);
	return 0;
}

static int remove_one(void *argument)
{
	struct kv_run_member *leader = argument;
	struct kv_run_state *state = leader->state;
	struct replog_member members[RAFT_MEMBERS_MAX];
	size_t count = leader->server ? replog_members(log_of(leader), members) : 0;
	int code = GW_E_BUSY;

	if (count == state->machines)
		code = replog_member_remove(log_of(leader),
					    members[sim_draw(state->run->sim, count)].id,
					    gw_after_ms(CARE_MS), NULL);
	ends(state, leader, code);
	return 0;
}

static int make_snapshot(void *argument)
{
	struct kv_run_member *member = argument;
	int code = member->server ? replog_snapshot(log_of(member), NULL) : GW_E_CLOSED;

	ends(member->state, member, code);
	return 0;
}

static void have_done(struct kv_run_member *by, int (*what)(void *argument))
{
	if (task_loop_spawn(by->loop, what, by, NULL) == 0)
		by->state->operating = by;
}

/* ---- Now and then --------------------------------------------------------------------------- */

/* Whose removal was decided begins anew, and who was lost is so no more when its old id is gone.
 * What the leader that is ready knows of members is believed once it is decided. */
static void settle(struct kv_run_state *state, struct kv_run_member *leader)
{
	struct replog_member members[RAFT_MEMBERS_MAX];
	size_t count = replog_members(log_of(leader), members);
	struct replog_state leading, now;

	replog_state(log_of(leader), &leading);
	if (leading.is_changing)
		return;
	for (uint32_t i = 0; i < state->machines; i++) {
		struct kv_run_member *member = &state->members[i];
		bool is_in = false;

		if (member->is_lost) {
			for (size_t n = 0; n < count; n++)
				is_in = is_in || members[n].id == member->old_id;
			member->is_lost = is_in;
			continue;
		}
		if (!kv_run_is_open(member))
			continue;
		replog_state(log_of(member), &now);
		for (size_t n = 0; n < count; n++)
			is_in = is_in || members[n].id == now.member;
		if (!is_in && now.term <= leading.term)
			wipe(member);
	}
}

/* A disk that rots; or one that had rotted is given up. */
static void care_for_disks(struct kv_run_state *state, const struct replog_member *members,
			   size_t count)
{
	struct sim *sim = state->run->sim;
	struct kv_run_member *member = &state->members[sim_draw(sim, state->machines)];
	size_t at;

	for (uint32_t i = 0; i < state->machines; i++) {
		if (state->members[i].is_rotten)
			member = &state->members[i];
	}
	at = find_address(members, count, member->address);
	if (at == count)
		return;
	if (member->is_rotten) {
		lose(member, members[at].id);
	} else if (!state->run->healed && may_lose(state)) {
		if (!state->rots || sim_draw(sim, 2) == 0) {
			lose(member, members[at].id);
			return;
		}
		sim_node_kill(member->node);
		member->is_rotten = rot(member);
		sim_node_start_after(member->node, SIM_MS);
	}
}

static void operate(struct kv_run_state *state)
{
	struct sim *sim = state->run->sim;
	struct kv_run_member *leader = kv_run_leader(state);
	struct replog_member members[RAFT_MEMBERS_MAX];
	bool has_lost = false;
	size_t count;

	if (!leader)
		return;
	settle(state, leader);
	leader = kv_run_leader(state);
	if (!leader)
		return;
	for (uint32_t i = 0; i < state->machines; i++)
		has_lost = has_lost || state->members[i].is_lost;
	count = replog_members(log_of(leader), members);
	if (has_lost)
		have_done(leader, replace_lost);
	else if (state->run->healed || sim_draw(sim, 2))
		care_for_disks(state, members, count);
	else if (sim_draw(sim, 2) && may_lose(state))
		have_done(leader, remove_one);
	else
		have_done(leader, make_snapshot);
}

void kv_run_operate(void *context)
{
	struct kv_run_state *state = context;
	struct sim *sim = state->run->sim;

	if (!state->operating)
		operate(state);
	sim_at(sim, sim_now_ns(sim) + 1 + sim_draw(sim, 2 * EVERY_S * SIM_SECOND), kv_run_operate,
	       state);
}
