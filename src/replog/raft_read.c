/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raft_read.c - reads that see all that was acknowledged before they began, without an entry in the
 * log (section 8, D 6.4): what is committed now, once a majority has answered a heartbeat that was
 * sent after the read came. All reads that wait share one heartbeat. Or without a heartbeat, while
 * the answers to an earlier one are a lease (raft.h).
 */
#include "raft_inside.h"

void raft_on_read(struct raft *raft, uint64_t cookie)
{
	if (raft->role != RAFT_LEADER)
		raft_refuse(raft, cookie, GW_E_NOT_LEADER);
	else if (raft->read_count == RAFT_READS_MAX)
		raft_refuse(raft, cookie, GW_E_BUSY);
	else
		raft->reads[raft->read_count++] = (struct raft_read_wait){.cookie = cookie};
}

static uint64_t round_of(const struct raft_peer *peer)
{
	return peer->round;
}

/* Whether a majority answered a heartbeat that was sent so short a time ago that, even if our
 * clock is slow and theirs are fast, none of them votes yet. */
static bool has_lease(const struct raft *raft)
{
	uint64_t round, lease_ns = raft->election_ns / (100 + RAFT_LEASE_DRIFT_PERCENT) * 100;

	if (!raft->lease || raft->gave_lease)
		return false;
	round = raft_quorum_of(raft, raft->round, round_of);
	if (round == 0 || raft->round - round >= RAFT_ROUNDS_KEPT)
		return false;
	if (RAFT_BUG(raft, "raft.lease-past-drift"))
		lease_ns = raft->election_ns / 100 * (100 + RAFT_LEASE_DRIFT_PERCENT);
	return raft->now_ns - raft->round_ns[round % RAFT_ROUNDS_KEPT] < lease_ns;
}

static void answer_up_to(struct raft *raft, uint64_t round)
{
	size_t left = 0;

	for (size_t i = 0; i < raft->read_count; i++) {
		struct raft_read_wait *read = &raft->reads[i];
		struct raft_action *action;

		if (read->round == 0 || read->round > round) {
			raft->reads[left++] = *read;
			continue;
		}
		action = raft_add_action(raft, RAFT_READABLE);
		action->cookie = read->cookie;
		action->index = read->index;
	}
	raft->read_count = left;
}

static void answer_by_lease(struct raft *raft)
{
	for (size_t i = 0; i < raft->read_count; i++)
		raft->reads[i] = (struct raft_read_wait){.cookie = raft->reads[i].cookie,
							 .round = raft->round,
							 .index = raft->commit};
	answer_up_to(raft, raft->round);
}

/* Planted: not in a cluster's first term, in which an ordinary test cuts its leader off. */
static uint64_t answered_round(const struct raft *raft)
{
	if (raft->term > 1 && RAFT_BUG(raft, "raft.read-without-round"))
		return UINT64_MAX;
	return raft_quorum_of(raft, raft->round, round_of);
}

void raft_serve_reads(struct raft *raft)
{
	bool first = raft_skips_first(raft);
	bool asked = false;

	if (raft->role != RAFT_LEADER || raft->read_count == 0)
		return;
	answer_up_to(raft, answered_round(raft));
	/* Before an entry of its own term is committed, a leader does not know what is. */
	if (raft->read_count == 0 ||
	    (raft_log_term(raft, raft->commit) != raft->term && !first))
		return;
	if (has_lease(raft)) {
		answer_by_lease(raft);
		return;
	}
	if (raft->reads[0].round != 0)
		return; /* one round at a time: the rest share the next one */
	for (size_t i = 0; i < raft->read_count; i++) {
		raft->reads[i].round = raft->round + 1;
		raft->reads[i].index = raft->commit;
		asked = true;
	}
	if (asked)
		raft_heartbeat(raft);
	answer_up_to(raft, answered_round(raft));
}

void raft_refuse_reads(struct raft *raft)
{
	for (size_t i = 0; i < raft->read_count; i++)
		raft_refuse(raft, raft->reads[i].cookie, GW_E_NOT_LEADER);
	raft->read_count = 0;
}
