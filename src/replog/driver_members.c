/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_members.c - members that come, learn, vote and go. A change is an entry of the log (D 4.1)
 * and changes at most one voter. An id is the index of the entry that brings it, behind those that
 * a first member may have, so that none is given twice.
 */
#include "driver.h"

#include "io/rare.h"

#include <stdio.h>
#include <stdlib.h>

enum { JOIN_RETRY_MS = 200, JOIN_CALL_MS = 5000 };

size_t replog_members(const struct replog *log, struct replog_member members[RAFT_MEMBERS_MAX])
{
	const struct raft_members *own = raft_members(log->raft);

	for (uint32_t i = 0; i < own->count; i++) {
		const struct raft_member *from = &own->items[i];
		struct replog_member *member = &members[i];

		*member = (struct replog_member){
			.id = from->id, .votes = from->votes, .standby = from->standby,
			.leads = !log->ended && raft_leader(log->raft) == from->id,
			.match = replog_leads(log) ? raft_match(log->raft, from->id) : 0,
		};
		snprintf(member->address, sizeof member->address, "%s", from->address);
	}
	return own->count;
}

/* ---- Changes --------------------------------------------------------------------------------- */

static int change(struct replog *log, const struct raft_members *members, uint64_t deadline_ns,
		  struct gw_error *error)
{
	struct raft_event event = {.kind = RAFT_CHANGE, .members = members};
	struct replog_ask ask = {0};
	int result;

	/* At once: the new member's id is the index that this entry gets. */
	log->asking = &ask;
	result = replog_step(log, &event);
	log->asking = NULL;
	if (result < 0 && ask.stage == REPLOG_QUEUED)
		replog_ask_ends(&ask, result);
	return replog_ask_wait(log, &ask, "a change of members", deadline_ns, error);
}

static int check_change(struct replog *log, struct gw_error *error)
{
	int result = replog_refused(log, error);

	if (result < 0)
		return result;
	if (!replog_leads(log) || log->is_stopping)
		return gw_fail(error, GW_E_NOT_LEADER, "%s: this member does not lead",
			       replog_name(log));
	return 0;
}

static struct raft_member newcomer(const struct replog *log, const char *address, bool standby)
{
	struct raft_member member = {
		.id = RAFT_MEMBERS_MAX + 1 + raft_last_index(log->raft), .standby = standby};

	snprintf(member.address, sizeof member.address, "%s", address);
	return member;
}

/* A learner that has lost its disk, or never learnt its id, comes anew; a voter must not. */
static int make_room(const struct replog *log, struct raft_members *members, const char *address,
		     struct gw_error *error)
{
	for (uint32_t i = 0; i < members->count; i++) {
		const struct raft_member *member = &members->items[i];

		if (strcmp(member->address, address) != 0)
			continue;
		if (member->votes)
			return gw_fail(error, GW_E_EXISTS,
				       "%s: %s is member %llu, a voter; if it has lost its disk it "
				       "has to be replaced", replog_name(log), address,
				       (unsigned long long)member->id);
		return raft_member_remove(members, member->id);
	}
	return 0;
}

int replog_member_add(struct replog *log, const char *address, bool standby, uint64_t deadline_ns,
		      uint64_t *id, struct gw_error *error)
{
	struct raft_members members = *raft_members(log->raft);
	int result = check_change(log, error);
	struct raft_member member;

	if (result < 0)
		return result;
	if (address[0] == 0 || strlen(address) >= RAFT_ADDRESS_MAX)
		return gw_fail(error, GW_E_INVALID, "%s: a member without an address",
			       replog_name(log));
	result = make_room(log, &members, address, error);
	if (result < 0)
		return result;
	member = newcomer(log, address, standby);
	if (raft_member_add(&members, &member) < 0)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: it has %d members already",
			       replog_name(log), RAFT_MEMBERS_MAX);
	*id = member.id;
	return change(log, &members, deadline_ns, error);
}

int replog_member_remove(struct replog *log, uint64_t id, uint64_t deadline_ns,
			 struct gw_error *error)
{
	struct raft_members members = *raft_members(log->raft);
	int result = check_change(log, error);

	if (result < 0)
		return result;
	if (raft_member_remove(&members, id) < 0)
		return gw_fail(error, GW_E_NOT_FOUND, "%s: there is no member %llu",
			       replog_name(log), (unsigned long long)id);
	return change(log, &members, deadline_ns, error);
}

int replog_member_replace(struct replog *log, uint64_t id, const char *address,
			  uint64_t deadline_ns, uint64_t *new_id, struct gw_error *error)
{
	struct raft_members members = *raft_members(log->raft);
	const struct raft_member *old = raft_member_find(raft_members(log->raft), id);
	int result = check_change(log, error);
	struct raft_member member;

	if (result < 0)
		return result;
	if (!old || raft_member_remove(&members, id) < 0)
		return gw_fail(error, GW_E_NOT_FOUND, "%s: there is no member %llu",
			       replog_name(log), (unsigned long long)id);
	if (!address)
		address = old->address;
	if (address[0] == 0 || strlen(address) >= RAFT_ADDRESS_MAX)
		return gw_fail(error, GW_E_INVALID, "%s: a member without an address",
			       replog_name(log));
	result = make_room(log, &members, address, error);
	if (result < 0)
		return result;
	member = newcomer(log, address, old->standby);
	*new_id = member.id;
	result = raft_member_add(&members, &member);
	assert(result == 0); /* one has left */
	return change(log, &members, deadline_ns, error);
}

/* One learner that has, but for a little, all that there is. */
static bool learnt(const struct replog *log, struct raft_members *members)
{
	uint64_t last = raft_last_index(log->raft);

	*members = *raft_members(log->raft);
	for (uint32_t i = 0; i < members->count; i++) {
		struct raft_member *member = &members->items[i];
		uint64_t match = raft_match(log->raft, member->id);

		if (member->votes || member->standby || match == 0 ||
		    last - match > REPLOG_LEARNER_LAG_MAX)
			continue;
		member->votes = true;
		return true;
	}
	return false;
}

void replog_promote(struct replog *log)
{
	struct raft_members members;
	struct raft_event event = {.kind = RAFT_CHANGE, .members = &members};

	if (replog_leads(log) && !log->is_stopping && learnt(log, &members) &&
	    replog_step(log, &event) == 0)
		IO_PROBE(log->io, "replog.learner-promoted");
}

/* ---- Joining --------------------------------------------------------------------------------- */

static int take_reply(const Replog__JoinReply *reply, struct replog_identity *identity,
		      struct gw_error *error)
{
	if (reply->cluster.len != REPLOG_CLUSTER_BYTES || reply->member == 0)
		return gw_fail(error, GW_E_CORRUPT, "an answer to a join that makes no sense");
	memcpy(identity->cluster, reply->cluster.data, REPLOG_CLUSTER_BYTES);
	identity->member = reply->member;
	identity->members = (struct raft_members){0};
	return 0;
}

/* Refusals that no waiting changes. */
static bool is_final(int code)
{
	return code == GW_E_EXISTS || code == GW_E_DENIED || code == GW_E_INVALID ||
	       code == GW_E_TOO_LARGE || code == GW_E_CORRUPT;
}

int replog_join(struct replog *log, struct replog_identity *identity, struct gw_error *error)
{
	uint64_t give_up_ns = log->options.join_timeout_ms
				      ? gw_after_ms(log->options.join_timeout_ms)
				      : GW_FOREVER;
	Replog__JoinRequest request;
	struct gw_rpc_client *client;
	int result = replog_client_new(log, log->options.join, &client, error);

	if (result < 0)
		return result;
	replog__join_request__init(&request);
	request.address = (char *)(uintptr_t)log->options.address;
	request.standby = log->options.standby;
	for (;;) {
		uint64_t call_ns = gw_after_ms(JOIN_CALL_MS);
		struct gw_rpc_call_options options = {
			.deadline_ns = call_ns < give_up_ns ? call_ns : give_up_ns};
		Replog__JoinReply *reply;

		result = members_join_with(client, &request, &options, &reply, error);
		if (result >= 0)
			result = take_reply(reply, identity, error);
		gw_rpc_reply_free(reply);
		if (result >= 0 || is_final(result) || gw_now_ns() >= give_up_ns ||
		    gw_sleep_ms(JOIN_RETRY_MS) < 0)
			break;
	}
	gw_rpc_client_free(client);
	if (result < 0 && gw_now_ns() >= give_up_ns)
		return gw_fail_in(error, "%s: joining %s", replog_name(log), log->options.join);
	return result;
}
