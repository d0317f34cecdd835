/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_grant.c - grants: made, told, ended. The rules are those of ../README.md, Leases and
 * versions. One task at a time works on a chunk; who waits looks at the state again afterwards.
 */
#include "gfs/master/cluster_inside.h"

#include <assert.h>
#include <stdlib.h>

#include "task/loop.h"

int gfs_cluster_lost_lead(struct gw_error *error)
{
	return gw_fail(error, GW_E_NOT_LEADER, "this master does not lead any more");
}

/* ---- One task at a time ------------------------------------------------------------------ */

struct gfs_hold {
	uint64_t handle;
	unsigned users; /* that hold it, or wait */
	struct gw_mutex lock;
};

static void forget_hold(struct gfs_master *master, struct gfs_hold *hold)
{
	assert(hold->users > 0);
	if (--hold->users > 0)
		return;
	(void)base_map_remove(&master->cluster->holds, gfs_cluster_key(&hold->handle), NULL);
	free(hold);
}

int gfs_cluster_hold(struct gfs_master *master, uint64_t handle, uint64_t deadline_ns,
		     struct gfs_hold **out, struct gw_error *error)
{
	struct base_map *holds = &master->cluster->holds;
	struct gfs_hold *hold = base_map_get(holds, gfs_cluster_key(&handle));
	int code;

	if (!hold) {
		hold = calloc(1, sizeof(*hold));
		if (!hold)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory to work on a chunk");
		hold->handle = handle;
		code = base_map_put(holds, gfs_cluster_key(&handle), hold, error);
		if (code < 0) {
			free(hold);
			return code;
		}
	}
	hold->users++;
	code = gw_lock(&hold->lock, deadline_ns);
	if (code < 0) {
		forget_hold(master, hold);
		return gw_fail(error, code, "chunk %llx is worked on", (unsigned long long)handle);
	}
	*out = hold;
	return 0;
}

void gfs_cluster_let_go(struct gfs_master *master, struct gfs_hold *hold)
{
	if (!hold)
		return;
	gw_unlock(&hold->lock);
	forget_hold(master, hold);
}

/* ---- What all know ----------------------------------------------------------------------- */

static struct gw_bytes slot_key(const uint32_t *slot)
{
	return (struct gw_bytes){slot, sizeof(*slot)};
}

uint64_t gfs_cluster_told(const struct gfs_master *master, uint32_t slot)
{
	return (uint64_t)(uintptr_t)base_map_get(&master->cluster->told, slot_key(&slot));
}

int gfs_cluster_tell_as(struct gfs_master *master, uint32_t slot, uint64_t version,
			struct gw_error *error)
{
	return base_map_put(&master->cluster->told, slot_key(&slot), (void *)(uintptr_t)version,
			    error);
}

void gfs_cluster_untell(struct gfs_master *master, uint32_t slot)
{
	(void)base_map_remove(&master->cluster->told, slot_key(&slot), NULL);
}

static bool all_live(const struct gfs_master *master, const struct gfs_set *set)
{
	for (uint32_t i = 0; i < set->count; i++)
		if (!gfs_cluster_lives(master, set->servers[i]))
			return false;
	return true;
}

/* ---- Telling ----------------------------------------------------------------------------- */

/* What one task knows while it works on a chunk that it holds. */
struct work {
	const struct gfs_secure *what;
	uint64_t untold_version; /* of a grant that its primary cannot know: we have not told it */
	bool is_new;             /* the replicas may be made anew: nobody can have written */
	uint8_t chunk_log2;      /* 0: not known */
};

static struct work begin(const struct gfs_master *master, const struct gfs_secure *what)
{
	uint64_t told = gfs_cluster_told(master, gfs_slot_of(what->handle));
	const struct gfs_chunk *chunk = gfs_cluster_chunk(master, what->handle);
	struct work work = {.what = what, .chunk_log2 = what->chunk_log2};

	if (told >= GFS_FRESH && work.chunk_log2 == 0)
		work.chunk_log2 = (uint8_t)told;
	if (told & GFS_FRESH && chunk) {
		work.is_new = true;
		work.untold_version = chunk->version;
	}
	return work;
}

/* Whether there is something to go on with after a wait. */
static int still(const struct gfs_master *master, const struct gfs_secure *what,
		 struct gw_error *error)
{
	if (!gfs_cluster_leads(master, what->term))
		return gfs_cluster_lost_lead(error);
	if (!gfs_cluster_chunk(master, what->handle))
		return gw_fail(error, GW_E_NOT_FOUND, "there is no chunk %llx any more",
			       (unsigned long long)what->handle);
	if (gw_now_ns() >= what->deadline_ns)
		return gw_fail(error, GW_E_TIMEOUT, "chunk %llx: no grant in time",
			       (unsigned long long)what->handle);
	return 0;
}

/* What those who were asked said. Who did not take the grant is no replica any more. The caller's
 * time is not over: an answer that is missing is the server's fault. */
static void take_answers(struct gfs_master *master, uint32_t slot, const struct gfs_set *asked,
			 const int *codes, struct gfs_set *good, uint32_t *absent)
{
	for (uint32_t i = 0; i < asked->count; i++) {
		if (codes[i] == 0) {
			good->servers[good->count++] = asked->servers[i];
			gfs_cluster_add(master, slot, asked->servers[i]);
		} else if (codes[i] != GW_E_DENIED) /* it has the version, and the grant is over */
			gfs_cluster_remove(master, slot, asked->servers[i]);
		*absent += codes[i] == GW_E_NOT_FOUND || codes[i] == GW_E_STALE;
	}
}

static void split(const struct gfs_master *master, const struct gfs_set *set,
		  struct gfs_set *primary, struct gfs_set *rest)
{
	*primary = *rest = (struct gfs_set){0};
	for (uint32_t i = 0; i < set->count; i++) {
		struct gfs_set *into = i == 0 ? primary : rest;

		if (gfs_cluster_lives(master, set->servers[i]))
			into->servers[into->count++] = set->servers[i];
	}
}

/* Who cannot be asked now may have an older version, and is no replica until it says otherwise: the
 * next grant's set is made of those that are known to have this one. */
static void leave_out(struct gfs_master *master, uint32_t slot, const struct gfs_set *set,
		      const struct gfs_set *primary, const struct gfs_set *rest)
{
	for (uint32_t i = 0; i < set->count; i++)
		if (!gfs_set_has(primary, set->servers[i]) && !gfs_set_has(rest, set->servers[i]))
			gfs_cluster_remove(master, slot, set->servers[i]);
}

/*
 * Tells those of the grant that live: the secondaries, then the primary, so that who is told last
 * can be primary of all. All that answer are at the grant's version then, and all others are no
 * replicas any more. Of a new chunk the primary is not told in vain, so that its lease need not be
 * waited out.
 */
static int tell(struct gfs_master *master, struct work *work, const struct gfs_grant *grant,
		struct gw_error *error)
{
	const struct gfs_secure *what = work->what;
	uint64_t version = gfs_cluster_chunk(master, what->handle)->version;
	uint32_t slot = gfs_slot_of(what->handle), absent = 0;
	const struct gfs_order order = {.handle = what->handle, .version = version,
					.version_before = work->is_new  ? 0
							  : version > 1 ? version - 1
									: 1,
					.chunk_log2 = work->chunk_log2, .set = grant->set,
					.incarnation = grant->incarnation};
	struct gfs_set primary, rest, good = {0};
	int rest_codes[GFS_GOAL_MAX], primary_code[GFS_GOAL_MAX], code;

	split(master, &grant->set, &primary, &rest);
	leave_out(master, slot, &grant->set, &primary, &rest);
	code = gfs_call_all(master, what->term, gfs_call_grant, &rest, &order, what->deadline_ns,
			    rest_codes, error);
	if (code == 0)
		code = still(master, what, error);
	if (code < 0)
		return code;
	take_answers(master, slot, &rest, rest_codes, &good, &absent);
	if (!work->is_new || good.count + 1 == grant->set.count) {
		work->untold_version = 0;
		gfs_cluster_untell(master, slot);
		code = gfs_call_all(master, what->term, gfs_call_grant, &primary, &order,
				    what->deadline_ns, primary_code, error);
		if (code == 0)
			code = still(master, what, error);
		if (code < 0)
			return code;
		take_answers(master, slot, &primary, primary_code, &good, &absent);
	}
	/* A set is made of who has the version before, unless nobody can have written yet; and who
	 * took a grant has it on its disk. */
	if (absent == grant->set.count) {
		work->is_new = true;
		work->untold_version = version;
	}
	return good.count < grant->set.count
		       ? 0
		       : gfs_cluster_tell_as(master, slot, version, error);
}

int gfs_cluster_propose(struct gfs_master *master, const struct gfs_record *record,
			struct gw_error *error)
{
	int code;

	gw_shield_begin();
	code = gfs_master_propose(master, record, GW_FOREVER, NULL, NULL, error);
	gw_shield_end();
	return code;
}

/* ---- The end of a grant ------------------------------------------------------------------ */

bool gfs_cluster_grant_is_over(const struct gfs_master *master, const struct gfs_grant *grant)
{
	uint32_t primary = grant->set.servers[0];
	const struct gfs_cluster_server *server = gfs_cluster_server(master, primary);

	if (server && server->incarnation != 0 && server->incarnation != grant->incarnation)
		return true;
	return gw_now_ns() >= gfs_cluster_lease_end(master, primary);
}

/* A Grant that is still on its way is refused behind this. */
static int revoke_later(struct gfs_master *master, const struct gfs_order *order, uint32_t primary,
			struct gw_error *error)
{
	struct gfs_cluster_server *server = gfs_cluster_server_make(master, primary);

	if (!server)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory to revoke a grant");
	return base_map_put(&server->revokes, gfs_cluster_key(&order->handle),
			    (void *)(uintptr_t)order->version, error);
}

/* By the answers to the primary's heartbeats, or until its lease is over. */
static int wait_back(struct gfs_master *master, uint64_t term, const struct gfs_order *order,
		     const struct gfs_grant *grant, uint64_t deadline_ns, struct gw_error *error)
{
	uint32_t primary = grant->set.servers[0];
	int code = 0;

	while (gfs_cluster_leads(master, term) && !gfs_cluster_grant_is_over(master, grant)) {
		const struct gfs_cluster_server *server = gfs_cluster_server(master, primary);
		uint64_t end_ns = gfs_cluster_lease_end(master, primary);

		assert(server);
		if (!base_map_find(&server->revokes, gfs_cluster_key(&order->handle), NULL))
			return 0;
		code = rpc_wait(&master->cluster->heard, "for a primary of", master->name,
				end_ns < deadline_ns ? end_ns : deadline_ns);
		if (code < 0 && (code != GW_E_TIMEOUT || gw_now_ns() >= deadline_ns))
			return gw_fail(error, code == GW_E_TIMEOUT ? GW_E_UNREACHABLE : code,
				       "chunk %llx: its primary, server %u, is silent, and may be "
				       "primary until its lease ends",
				       (unsigned long long)order->handle, primary);
	}
	return gfs_cluster_leads(master, term) ? 0 : gfs_cluster_lost_lead(error);
}

int gfs_cluster_ask_back(struct gfs_master *master, uint64_t term, uint64_t handle,
			 const struct gfs_grant *grant, uint64_t deadline_ns,
			 struct gw_error *error)
{
	const struct gfs_order order = {.handle = handle,
					.version = gfs_cluster_chunk(master, handle)->version};
	uint32_t primary = grant->set.servers[0];
	int code = GW_E_UNREACHABLE;

	gfs_cluster_untell(master, gfs_slot_of(handle));
	if (gfs_cluster_lives(master, primary) && !gfs_cluster_grant_is_over(master, grant))
		code = gfs_call_revoke(master, term, primary, &order, deadline_ns, NULL);
	if (code == 0)
		return gfs_cluster_leads(master, term) ? 0 : gfs_cluster_lost_lead(error);
	code = revoke_later(master, &order, primary, error);
	return code < 0 ? code : wait_back(master, term, &order, grant, deadline_ns, error);
}

int gfs_cluster_end_grant(struct gfs_master *master, uint64_t term, uint64_t handle,
			  uint64_t deadline_ns, struct gw_error *error)
{
	const struct gfs_secure what = {.term = term, .handle = handle,
					.deadline_ns = deadline_ns};
	struct gfs_record record = {.kind = GFS_RECORD_RELEASE, .handle = handle};
	uint32_t slot = gfs_slot_of(handle);
	struct gfs_grant grant;
	struct gfs_set alive;
	struct work work;
	int code = 0;

	if (!gfs_cluster_leads(master, term))
		return gfs_cluster_lost_lead(error);
	/* Nobody may have it yet, whoever is in its set. */
	if (gfs_cluster_told(master, slot) & (GFS_FRESH | GFS_DOUBTFUL))
		code = gfs_cluster_secure(master, &what, error);
	if (code < 0)
		return code == GW_E_NOT_FOUND ? 0 : code;
	if (!gfs_cluster_chunk(master, handle) ||
	    !gfs_grant_of(&master->machine.state, slot, &grant))
		return 0;
	work = begin(master, &what);
	record.version = gfs_cluster_chunk(master, handle)->version;
	/* Without its grant a chunk that nobody has in this version would be lost. */
	if (gfs_cluster_told(master, slot) != record.version)
		code = tell(master, &work, &grant, error);
	gfs_cluster_alive(master, slot, &alive, NULL);
	if (code == 0 && alive.count == 0)
		code = gw_fail(error, GW_E_UNREACHABLE, "chunk %llx has no replica that lives",
			       (unsigned long long)handle);
	if (code == 0)
		code = gfs_cluster_ask_back(master, term, handle, &grant, deadline_ns, error);
	if (code == 0)
		code = gfs_cluster_propose(master, &record, error);
	/* The chunk was freed meanwhile, its grant with it. */
	return code == GW_E_NOT_FOUND ? 0 : code;
}

/* ---- Servers for a chunk ----------------------------------------------------------------- */

static int too_few(uint32_t there, uint32_t wanted, struct gw_error *error)
{
	return gw_fail(error, GW_E_UNREACHABLE,
		       "%u chunkservers could have it now, and %u are needed", there, wanted);
}

/* So many servers, beside those that are in *set already. */
static int place(struct gfs_master *master, uint32_t count, uint8_t chunk_log2,
		 struct gfs_set *set, struct gw_error *error)
{
	size_t fact_count;
	struct gfs_plan_server *facts = gfs_cluster_facts(master, &fact_count);
	struct gfs_place_request request = {.count = count, .has = *set,
					    .bytes_needed = UINT64_C(1) << chunk_log2};
	struct gfs_set more;

	if (!facts)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory to place a chunk");
	io_random(task_io(), &request.draw, sizeof(request.draw));
	gfs_plan_place(facts, fact_count, &request, &more);
	free(facts);
	for (uint32_t i = 0; i < more.count; i++) {
		set->servers[set->count++] = more.servers[i];
		gfs_cluster_server(master, more.servers[i])->recent++;
	}
	return 0;
}

int gfs_cluster_choose(struct gfs_master *master, uint8_t goal, uint8_t chunk_log2,
		       struct gfs_set *set, uint64_t *incarnation, struct gw_error *error)
{
	int code;

	*set = (struct gfs_set){0};
	code = place(master, goal, chunk_log2, set, error);
	if (code < 0)
		return code;
	if (set->count < gfs_replicas_min(goal)) {
		uint32_t there = set->count;

		*set = (struct gfs_set){0};
		return too_few(there, gfs_replicas_min(goal), error);
	}
	*incarnation = gfs_cluster_server(master, set->servers[0])->incarnation;
	return 0;
}

/* ---- A grant is made --------------------------------------------------------------------- */

/* Who is to have the next one. */
static int candidates(struct gfs_master *master, const struct work *work, struct gfs_set *set,
		      struct gw_error *error)
{
	const struct gfs_secure *what = work->what;
	const struct gfs_chunk *chunk = gfs_cluster_chunk(master, what->handle);
	uint32_t least = gfs_replicas_min(chunk->goal);
	struct gfs_set alive;

	gfs_cluster_alive(master, gfs_slot_of(what->handle), &alive, NULL);
	*set = (struct gfs_set){0};
	for (uint32_t i = 0; i < alive.count; i++)
		if (!gfs_set_has(&what->avoid, alive.servers[i]) &&
		    !gfs_cluster_is_shunned(master, what->handle, alive.servers[i]))
			set->servers[set->count++] = alive.servers[i];
	if (set->count < least)
		*set = alive;
	if (set->count < chunk->goal && work->is_new && work->chunk_log2 != 0) {
		int code = place(master, chunk->goal - set->count, work->chunk_log2, set, error);

		if (code < 0)
			return code;
	}
	if (master->cluster->is_safe && set->count < chunk->goal)
		return gw_fail(error, GW_E_UNREACHABLE,
			       "chunk %llx: this master has begun to lead, and not all replicas "
			       "have been reported yet",
			       (unsigned long long)what->handle);
	if (set->count < least) {
		(void)too_few(set->count, least, error);
		return gw_fail_in(error, "chunk %llx", (unsigned long long)what->handle);
	}
	return 0;
}

static int make_grant(struct gfs_master *master, struct work *work, const struct gfs_set *set,
		      struct gw_error *error)
{
	const struct gfs_chunk *chunk = gfs_cluster_chunk(master, work->what->handle);
	struct gfs_record record = {.kind = GFS_RECORD_GRANT,
				    .handle = work->what->handle,
				    .version = (uint64_t)chunk->version + 1,
				    .set = *set};
	int code;

	record.incarnation = gfs_cluster_server(master, set->servers[0])->incarnation;
	code = gfs_cluster_propose(master, &record, error);
	if (code < 0)
		return code;
	work->untold_version = record.version;
	/* Whoever goes on with it is to know that nobody can have written. */
	return work->is_new && work->chunk_log2 != 0
		       ? gfs_cluster_tell_as(master, gfs_slot_of(record.handle),
					     GFS_FRESH | work->chunk_log2, error)
		       : 0;
}

/* Whether the grant serves whoever asks. */
static bool serves(const struct gfs_master *master, const struct gfs_secure *what,
		   const struct gfs_grant *grant)
{
	uint64_t version = gfs_cluster_chunk(master, what->handle)->version;

	return gfs_cluster_told(master, gfs_slot_of(what->handle)) == version &&
	       version > what->failed_version && all_live(master, &grant->set) &&
	       !gfs_cluster_grant_is_over(master, grant);
}

/* One step; 1: all is well. A grant is followed by the next one, with no RELEASE between them: the
 * log always says who has the present version. */
static int step(struct gfs_master *master, struct work *work, struct gw_error *error)
{
	const struct gfs_secure *what = work->what;
	const struct gfs_chunk *chunk = gfs_cluster_chunk(master, what->handle);
	uint32_t slot = gfs_slot_of(what->handle);
	struct gfs_grant grant;
	struct gfs_set set;
	bool is_granted;
	int code = 0;

	is_granted = gfs_grant_of(&master->machine.state, slot, &grant);
	if (is_granted && gfs_cluster_told(master, slot) != chunk->version)
		code = tell(master, work, &grant, error);
	if (code < 0)
		return code;
	if (is_granted && serves(master, what, &grant))
		return 1;
	code = candidates(master, work, &set, error);
	if (code == 0 && is_granted && work->untold_version != chunk->version) {
		code = gfs_cluster_ask_back(master, what->term, what->handle, &grant,
					    what->deadline_ns, error);
		if (code == 0)
			code = still(master, what, error);
		/* Some may have died meanwhile. */
		if (code == 0)
			code = candidates(master, work, &set, error);
	}
	return code < 0 ? code : make_grant(master, work, &set, error);
}

/* Who asked for the grant has gone, or there was none for it now. */
static void left_untold(struct gfs_master *master, uint64_t handle)
{
	const struct gfs_chunk *chunk = gfs_cluster_chunk(master, handle);
	uint32_t slot = gfs_slot_of(handle);
	struct gfs_grant grant;

	if (!chunk || !gfs_grant_of(&master->machine.state, slot, &grant) ||
	    gfs_cluster_told(master, slot) == chunk->version)
		return;
	/* Without memory for it its next writer finds out. */
	if (gfs_cluster_told(master, slot) < GFS_FRESH)
		(void)!gfs_cluster_tell_as(master, slot, GFS_UNTOLD, NULL);
	gfs_cluster_tell_later(master, slot);
}

int gfs_cluster_secure(struct gfs_master *master, const struct gfs_secure *what,
		       struct gw_error *error)
{
	struct work work = begin(master, what);
	int code = 0;

	while (code == 0) {
		code = still(master, what, error);
		if (code == 0)
			code = step(master, &work, error);
	}
	if (code < 0 && gfs_cluster_leads(master, what->term))
		left_untold(master, what->handle);
	return code < 0 ? code : 0;
}

int gfs_cluster_secure_held(struct gfs_master *master, const struct gfs_secure *what,
			    struct gw_error *error)
{
	struct gfs_hold *hold = NULL;
	int code = gfs_cluster_hold(master, what->handle, what->deadline_ns, &hold, error);

	if (code < 0)
		return code;
	code = gfs_cluster_secure(master, what, error);
	gfs_cluster_let_go(master, hold);
	return code;
}
