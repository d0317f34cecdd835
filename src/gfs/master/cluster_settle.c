/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_settle.c - chunks whose replicas are all suspect: power was lost at each of them while
 * they were open. When those that could have kept power have been waited for, the suspects are
 * asked what they have, and settle on what they have in common (settle.h), at a version that is
 * logged before. Those that are not alike are cloned from the others.
 *
 * Who counts: a suspect of the chunk's version, or one in the set of its last grant, whatever
 * version it has. A set is made of replicas of the version before, and nothing is acknowledged
 * under a grant that one of its set has not got: so what such a one lacks was never acknowledged.
 */
#include "gfs/master/cluster_inside.h"

#include <assert.h>
#include <stdlib.h>

#include "gfs/master/settle.h"
#include "task/loop.h"

/* What was heard of a chunk; of use when it has no other replica. */
struct suspects {
	struct gfs_set set;
	uint64_t since_ns;
};

static struct gw_bytes slot_key(const uint32_t *slot)
{
	return (struct gw_bytes){slot, sizeof(*slot)};
}

static struct suspects *suspects_of(const struct gfs_master *master, uint32_t slot)
{
	return base_map_get(&master->cluster->suspects, slot_key(&slot));
}

/* ---- Who they are ------------------------------------------------------------------------ */

static bool counts(const struct gfs_master *master, uint32_t slot, uint32_t server,
		   uint64_t version)
{
	const struct gfs_chunk *chunk = gfs_chunks_slot(&master->machine.state.chunks, slot);
	struct gfs_grant grant;

	if (!chunk || version > chunk->version)
		return false;
	if (gfs_grant_of(&master->machine.state, slot, &grant))
		return version == chunk->version || gfs_set_has(&grant.set, server);
	/* A shared chunk is not granted when it is settled: the version may be a try that ended. */
	return version == chunk->version || version + 1 == chunk->version;
}

void gfs_cluster_suspect(struct gfs_master *master, uint32_t slot, uint32_t server,
			 uint64_t version)
{
	struct suspects *suspects = suspects_of(master, slot);

	if (!counts(master, slot, server, version))
		return;
	if (!suspects) {
		suspects = calloc(1, sizeof(*suspects));
		/* Without memory it is noted when it is next heard. */
		if (!suspects || base_map_put(&master->cluster->suspects, slot_key(&slot), suspects,
					      NULL) < 0) {
			free(suspects);
			return;
		}
		suspects->since_ns = gw_now_ns();
	}
	if (suspects->set.count < GFS_GOAL_MAX && !gfs_set_has(&suspects->set, server))
		suspects->set.servers[suspects->set.count++] = (uint16_t)server;
}

bool gfs_cluster_has_suspects(const struct gfs_master *master, uint32_t slot)
{
	return suspects_of(master, slot) != NULL;
}

uint64_t gfs_cluster_only_suspects(const struct gfs_master *master)
{
	struct gw_bytes key;
	uint64_t count = 0;
	void *suspects;

	for (size_t at = 0; base_map_next(&master->cluster->suspects, &at, &key, &suspects);) {
		struct gfs_set set;
		uint32_t slot;

		memcpy(&slot, key.data, sizeof(slot));
		gfs_replicas_of(&master->replicas, slot, &set);
		count += set.count == 0;
	}
	return count;
}

void gfs_cluster_trust(struct gfs_master *master, uint32_t slot)
{
	free(suspects_of(master, slot));
	(void)base_map_remove(&master->cluster->suspects, slot_key(&slot), NULL);
}

void gfs_cluster_suspects_done(struct gfs_cluster *cluster)
{
	struct gw_bytes key;
	void *suspects;

	for (size_t at = 0; base_map_next(&cluster->suspects, &at, &key, &suspects);)
		free(suspects);
	base_map_done(&cluster->suspects);
}

/* ---- When -------------------------------------------------------------------------------- */

static bool has_told(const struct gfs_master *master, uint32_t number)
{
	const struct gfs_cluster_server *server = gfs_cluster_server(master, number);

	return server && server->has_reported && gfs_cluster_lives(master, number);
}

/* Whether all have told that could have it, and kept power. */
static bool all_told(const struct gfs_master *master, uint32_t slot)
{
	const struct gfs_state *state = &master->machine.state;
	struct gfs_grant grant;
	struct gfs_server known;

	if (gfs_grant_of(state, slot, &grant)) {
		for (uint32_t i = 0; i < grant.set.count; i++)
			if (!has_told(master, grant.set.servers[i]))
				return false;
		return true;
	}
	for (uint32_t i = 1; i < state->next_server; i++)
		if (gfs_server_find(state, i, &known) && !has_told(master, i))
			return false;
	return true;
}

static bool is_time(const struct gfs_master *master, uint32_t slot)
{
	const struct suspects *suspects = suspects_of(master, slot);
	struct gfs_set alive;

	gfs_cluster_alive(master, slot, &alive, NULL);
	if (!suspects || alive.count > 0 ||
	    gfs_source_of(&master->machine.state, slot) != 0)
		return false;
	return all_told(master, slot) ||
	       gw_now_ns() - suspects->since_ns >= master->options.safe_ms * 1000000;
}

/* ---- How --------------------------------------------------------------------------------- */

struct settling {
	struct gfs_master *master;
	uint64_t term, deadline_ns, handle;
	uint32_t slot;
	struct gfs_set set;
	struct gfs_settle_replica replicas[GFS_GOAL_MAX];
	uint32_t *crcs[GFS_GOAL_MAX]; /* owned */
};

/* Asks one; who does not answer, or is no suspect, is out of it. */
static int ask(struct settling *settling, uint32_t i, bool sums, uint64_t length)
{
	struct gfs_settle_replica *replica = &settling->replicas[i];
	struct gfs_master *master = settling->master;
	Gfs__CompareRequest request = GFS__COMPARE_REQUEST__INIT;
	Gfs__CompareReply *reply;
	int code;

	request.handle = settling->handle;
	request.sums = sums;
	request.length = length;
	code = gfs_call_compare(master, settling->term, settling->set.servers[i], &request,
				settling->deadline_ns, &reply, NULL);
	if (code < 0)
		return code;
	if (!reply->suspect || (sums && reply->n_crcs != (length + GFS_BLOCK_BYTES - 1) /
								 GFS_BLOCK_BYTES))
		code = GW_E_STALE;
	free(settling->crcs[i]);
	settling->crcs[i] = code == 0 ? calloc(reply->n_crcs + 1, sizeof(uint32_t)) : NULL;
	if (code == 0 && !settling->crcs[i])
		code = GW_E_NO_MEMORY;
	*replica = (struct gfs_settle_replica){0};
	if (code == 0) {
		if (reply->n_crcs > 0)
			memcpy(settling->crcs[i], reply->crcs, reply->n_crcs * sizeof(uint32_t));
		*replica = (struct gfs_settle_replica){.version = reply->version,
						       .length = reply->length,
						       .synced = reply->synced,
						       .crcs = settling->crcs[i],
						       .crc_count = (uint32_t)reply->n_crcs};
	}
	gw_rpc_reply_free(reply);
	return code;
}

/* Asks those in `which`; which of them answered. */
static uint32_t ask_all(struct settling *settling, uint32_t which, bool sums, uint64_t length)
{
	uint32_t answered = 0;

	for (uint32_t i = 0; i < settling->set.count; i++)
		if ((which >> i & 1) && ask(settling, i, sums, length) == 0)
			answered |= UINT32_C(1) << i;
	return answered;
}

/* How many bytes they are to have: asks until all of that is alike, or synced. Which are alike
 * then; 0: nobody answers. */
static uint32_t agree(struct settling *settling, uint64_t *length)
{
	const struct gfs_settle_replica *replicas = settling->replicas;
	uint32_t count = settling->set.count;
	uint32_t which = ask_all(settling, (UINT32_C(1) << count) - 1, false, 0);

	if (which != 0)
		which &= gfs_settle_newest(replicas, count);
	while (which != 0) {
		uint64_t most = gfs_settle_length(replicas, count, which), common;
		uint32_t answered;

		if (*length > most)
			*length = most;
		answered = ask_all(settling, which, true, *length);
		/* Without one that has gone, the others may have more in common. */
		if (answered != which) {
			which = answered;
			*length = UINT64_MAX;
			continue;
		}
		common = gfs_settle_common(replicas, count, which, *length);
		if (common == *length)
			return gfs_settle_alike(replicas, count, which);
		*length = common;
	}
	return 0;
}

/* The version at which they settle. The grant says who may count if this is not finished; of a
 * chunk that files share there is none. */
static int raise_version(struct settling *settling, uint32_t alike)
{
	struct gfs_master *master = settling->master;
	const struct gfs_chunk *chunk = gfs_cluster_chunk(master, settling->handle);
	struct gfs_record record = {.kind = GFS_RECORD_VERSION,
				    .handle = settling->handle,
				    .version = (uint64_t)chunk->version + 1};
	int code;

	if (chunk->references == 1) {
		record.kind = GFS_RECORD_GRANT;
		record.set = settling->set;
		gfs_set_put_first(&record.set, settling->set.servers[__builtin_ctz(alike)]);
		record.incarnation =
			gfs_cluster_server(master, record.set.servers[0])->incarnation;
	}
	code = gfs_cluster_propose(master, &record, NULL);
	/* They are about to have it only when they are settled. */
	if (code == 0)
		gfs_cluster_replace(master, settling->slot, &(struct gfs_set){0});
	return code;
}

static int settle_held(struct settling *settling)
{
	struct gfs_master *master = settling->master;
	Gfs__SettleRequest request = GFS__SETTLE_REQUEST__INIT;
	uint64_t length = UINT64_MAX;
	uint32_t alike = agree(settling, &length), settled = 0;
	int code;

	if (alike == 0)
		return GW_E_UNREACHABLE;
	if (!gfs_cluster_leads(master, settling->term) || !is_time(master, settling->slot))
		return GW_E_STALE;
	code = raise_version(settling, alike);
	if (code < 0 || !gfs_cluster_chunk(master, settling->handle))
		return code;
	request.handle = settling->handle;
	request.version = gfs_cluster_chunk(master, settling->handle)->version;
	request.length = length;
	for (uint32_t i = 0; i < settling->set.count; i++) {
		if (!(alike >> i & 1) ||
		    gfs_call_settle(master, settling->term, settling->set.servers[i], &request,
				    settling->deadline_ns, NULL) < 0)
			continue;
		if (!gfs_cluster_leads(master, settling->term) ||
		    !gfs_cluster_chunk(master, settling->handle))
			return GW_E_STALE;
		gfs_cluster_add(master, settling->slot, settling->set.servers[i]);
		settled++;
	}
	return settled > 0 ? 0 : GW_E_UNREACHABLE;
}

/* The primary may still be at work, out of our sight, or never have heard that it is one. */
static int end_work(const struct settling *settling)
{
	struct gfs_master *master = settling->master;
	struct gfs_grant grant;

	if (!gfs_grant_of(&master->machine.state, settling->slot, &grant) ||
	    gfs_cluster_grant_is_over(master, &grant))
		return 0;
	return gfs_cluster_ask_back(master, settling->term, settling->handle, &grant,
				    settling->deadline_ns, NULL);
}

int gfs_cluster_settle(struct gfs_master *master, uint64_t term, uint64_t handle,
		       uint64_t deadline_ns)
{
	struct settling settling = {.master = master, .term = term, .deadline_ns = deadline_ns,
				    .handle = handle, .slot = gfs_slot_of(handle)};
	struct gfs_hold *hold = NULL;
	int code = gfs_cluster_hold(master, handle, deadline_ns, &hold, NULL);

	if (code < 0)
		return code;
	if (gfs_cluster_leads(master, term) && gfs_cluster_chunk(master, handle) &&
	    is_time(master, settling.slot) && end_work(&settling) == 0 &&
	    gfs_cluster_leads(master, term) && is_time(master, settling.slot)) {
		settling.set = suspects_of(master, settling.slot)->set;
		code = settle_held(&settling);
	}
	gfs_cluster_let_go(master, hold);
	for (uint32_t i = 0; i < GFS_GOAL_MAX; i++)
		free(settling.crcs[i]);
	return code;
}
