/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_state.c - what a log tells of itself.
 */
#include "driver.h"

#include <stdio.h>

enum { STRANGER_MS = 10000 }; /* it would have called again */

/* Whether what is known of the members is younger than the entry that brought this one, which its
 * id tells (driver_members.c). */
static bool is_in_the_log(const struct replog *log)
{
	return raft_last_index(log->raft) + RAFT_MEMBERS_MAX >= log->id;
}

static enum replog_role role_of(const struct replog *log)
{
	const struct raft_member *own = raft_member_find(raft_members(log->raft), log->id);

	if (log->failed.code)
		return REPLOG_FAILED;
	if (log->is_told_removed ||
	    (!own && is_in_the_log(log) && raft_role(log->raft) != RAFT_LEADER))
		return REPLOG_REMOVED;
	switch (raft_role(log->raft)) {
	case RAFT_LEADER:
		return REPLOG_LEADER;
	case RAFT_FOLLOWER:
		break;
	default:
		return REPLOG_CANDIDATE;
	}
	return own && own->votes ? REPLOG_FOLLOWER : REPLOG_LEARNER;
}

const char *replog_leader_address(const struct replog *log)
{
	uint64_t leader = raft_leader(log->raft);
	const char *address = leader && !log->ended ? replog_address_of(log, leader) : NULL;

	return address ? address : "";
}

void replog_troubled(struct replog *log, enum replog_trouble kind, const struct gw_error *why)
{
	struct gw_error *kept = &log->troubles[kind];
	bool is_new = why && (kept->code != why->code || strcmp(kept->text, why->text) != 0);

	assert(!why || why->code < 0);
	if (!why)
		*kept = (struct gw_error){0};
	if (!is_new)
		return;
	*kept = *why;
	log->troubles_told++;
	if (log->options.troubled)
		log->options.troubled(log->context, kept);
}

/* Some end without being told. */
static bool is_in_the_way(const struct replog *log, enum replog_trouble kind)
{
	if (log->troubles[kind].code == 0)
		return false;
	if (kind == REPLOG_NO_FETCH)
		return log->fetch.index > raft_commit(log->raft);
	if (kind == REPLOG_STRANGER)
		return io_now_ns(log->io) - log->stranger_ns < STRANGER_MS * REPLOG_MS;
	return true;
}

static void tell_trouble(const struct replog *log, struct gw_error *trouble)
{
	for (int kind = 0; kind < REPLOG_TROUBLES && trouble->code == 0; kind++)
		if (is_in_the_way(log, (enum replog_trouble)kind))
			*trouble = log->troubles[kind];
}

void replog_state(const struct replog *log, struct replog_state *state)
{
	*state = (struct replog_state){
		.role = role_of(log),
		.member = log->id,
		.term = raft_term(log->raft),
		.leader = log->ended ? 0 : raft_leader(log->raft),
		.applied = log->applied,
		.wall_ms = log->wall_ms,
		.commit = raft_commit(log->raft),
		.last = raft_last_index(log->raft),
		.is_changing = !raft_members_decided(log->raft),
		.failed = log->failed,
		.troubles = log->troubles_told,
	};
	tell_trouble(log, &state->trouble);
	memcpy(state->cluster, replog_store_owner(log->store)->cluster, sizeof state->cluster);
	snprintf(state->leader_address, sizeof state->leader_address, "%s",
		 replog_leader_address(log));
	if (replog_store_manifest(log->store))
		state->snapshot = replog_store_manifest(log->store)->snapshot.index;
	state->ready = state->role == REPLOG_LEADER && log->applied_term == state->term &&
		       !log->is_restoring;
}

const char *replog_role_name(enum replog_role role)
{
	switch (role) {
	case REPLOG_LEARNER:
		return "learner";
	case REPLOG_FOLLOWER:
		return "follower";
	case REPLOG_CANDIDATE:
		return "candidate";
	case REPLOG_LEADER:
		return "leader";
	case REPLOG_REMOVED:
		return "removed";
	default:
		return "failed";
	}
}
