/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_care.c - as many replicas as there should be (4.3): all chunks are looked at, over and
 * over, some in each tick; what is found wanting is queued by its class, and cloned in that order.
 * While a server has just died or come, and not all were looked at since, only what has one replica
 * left is cloned.
 */
#include "gfs/master/cluster_inside.h"

#include <assert.h>
#include <stdlib.h>

#include "base/allocate.h"
#include "gfs/master/namespace.h"
#include "task/loop.h"

enum {
	TASKS_MAX = 64,   /* that tell or trim */
	TRIES = 256,      /* of chunks that cannot be cloned now, in one tick */
};

static const struct gfs_clone_limits limits = {
	.all = 256, .each = 4, .all_busy = 32, .each_busy = 1};

void gfs_cluster_hurry(struct gfs_cluster *cluster)
{
	for (unsigned care = 0; care < GFS_CARES; care++)
		gfs_care_clear(cluster, care);
	cluster->scan_slot = 0;
	cluster->short_now = cluster->missing_now = 0;
	cluster->rebalance.crowded_now = 0;
	cluster->is_hurried = true;
}

void gfs_cluster_care_done(struct gfs_cluster *cluster)
{
	gfs_cluster_hurry(cluster);
	base_map_done(&cluster->busy);
}

/* Its replicas have all lost power: a grant would find nobody to take it. */
static bool is_to_be_settled(const struct gfs_master *master, uint32_t slot)
{
	struct gfs_set alive;

	gfs_cluster_alive(master, slot, &alive, NULL);
	return alive.count == 0 && gfs_cluster_has_suspects(master, slot);
}

void gfs_cluster_tell_later(struct gfs_master *master, uint32_t slot)
{
	gfs_care_push(master->cluster,
	     is_to_be_settled(master, slot) ? GFS_CARE_SETTLE : GFS_CARE_TELL, slot);
}

/* ---- What a chunk needs ------------------------------------------------------------------ */

static enum gfs_clone_class class_of(const struct gfs_master *master, uint32_t slot,
				     struct gfs_set *alive)
{
	const struct gfs_chunk *chunk = gfs_chunks_slot(&master->machine.state.chunks, slot);
	struct gfs_clone_need need = {0};

	*alive = (struct gfs_set){0};
	if (!chunk)
		return GFS_CLONE_NONE;
	gfs_cluster_alive(master, slot, alive, &need.draining);
	need.replicas = alive->count;
	need.goal = chunk->goal;
	need.is_live = chunk->live > 0;
	return gfs_plan_class(&need);
}

static void look_at(struct gfs_master *master, uint32_t slot)
{
	const struct gfs_chunk *chunk = gfs_chunks_slot(&master->machine.state.chunks, slot);
	struct gfs_cluster *cluster = master->cluster;
	struct gfs_set alive;
	enum gfs_clone_class class;

	if (!chunk)
		return;
	class = class_of(master, slot, &alive);
	cluster->short_now += alive.count < chunk->goal;
	cluster->missing_now += alive.count == 0;
	if (alive.count == 0 && gfs_cluster_has_suspects(master, slot))
		gfs_care_push(cluster, GFS_CARE_SETTLE, slot);
	/* Perhaps it was never made: there is nothing to clone. */
	else if (gfs_cluster_told(master, slot) & (GFS_FRESH | GFS_DOUBTFUL))
		gfs_care_push(cluster, GFS_CARE_TELL, slot);
	else if (class != GFS_CLONE_NONE)
		gfs_care_push(cluster, class, slot);
	else if (gfs_cluster_told(master, slot) & GFS_UNTOLD)
		gfs_care_push(cluster, GFS_CARE_TELL, slot);
	else if (alive.count > chunk->goal)
		gfs_care_push(cluster, GFS_CARE_TRIM, slot);
	else if (alive.count > 0)
		gfs_rebalance_look_at(master, slot, &alive);
	/* It may move again when its old replica is gone. */
	cluster->rebalance.found_now += alive.count > chunk->goal;
}

static void scan(struct gfs_master *master)
{
	struct gfs_cluster *cluster = master->cluster;
	uint32_t slots = master->machine.state.chunks.slots;
	uint32_t left = cluster->is_hurried ? GFS_SCAN_SLOTS_HURRY : GFS_SCAN_SLOTS;

	while (left-- > 0 && cluster->scan_slot < slots)
		look_at(master, cluster->scan_slot++);
	if (cluster->scan_slot < slots)
		return;
	cluster->short_count = cluster->short_now;
	cluster->missing_count = cluster->missing_now;
	cluster->short_now = cluster->missing_now = 0;
	gfs_rebalance_scanned(cluster);
	cluster->scan_slot = 0;
	cluster->is_hurried = false;
}

/* ---- A clone ----------------------------------------------------------------------------- */

/* The first of them is asked first. */
void gfs_set_put_first(struct gfs_set *set, uint32_t server)
{
	for (uint32_t i = 0; i < set->count; i++) {
		if (set->servers[i] != server)
			continue;
		set->servers[i] = set->servers[0];
		set->servers[0] = (uint16_t)server;
	}
}

/* Of a chunk that is held: nobody writes to it meanwhile, so the clone is whole. */
static int clone_held(const struct gfs_care_job *job, uint64_t deadline_ns)
{
	struct gfs_master *master = job->master;
	struct gfs_order order = {.handle = job->handle};
	int code = gfs_cluster_end_grant(master, job->term, job->handle, deadline_ns, NULL);

	if (code < 0 || !gfs_cluster_chunk(master, job->handle) ||
	    class_of(master, job->slot, &order.set) == GFS_CLONE_NONE ||
	    gfs_set_has(&order.set, job->to))
		return code;
	gfs_set_put_first(&order.set, job->from);
	order.version = gfs_cluster_chunk(master, job->handle)->version;
	code = gfs_call_clone(master, job->term, job->to, &order, deadline_ns, NULL);
	if (code == 0 && gfs_cluster_leads(master, job->term) &&
	    gfs_cluster_chunk(master, job->handle) &&
	    gfs_cluster_chunk(master, job->handle)->version == order.version)
		gfs_cluster_add(master, job->slot, job->to);
	/* It is not where it was thought to be. */
	if (code == GW_E_NOT_FOUND && order.set.count == 1)
		gfs_cluster_remove(master, job->slot, job->from);
	return code;
}

/* Who fails finds it wanting again at the next look. */
static int clone(void *argument)
{
	struct gfs_care_job *job = argument;
	struct gfs_master *master = job->master;
	uint64_t deadline_ns = gw_after_ms(GFS_CLONE_MS);
	struct gfs_hold *hold = NULL;

	if (gfs_cluster_hold(master, job->handle, deadline_ns, &hold, NULL) == 0) {
		(void)clone_held(job, deadline_ns);
		gfs_cluster_let_go(master, hold);
	}
	master->cluster->clones.under_way--;
	gfs_cluster_server(master, job->from)->sends--;
	gfs_cluster_server(master, job->to)->receives--;
	gfs_care_job_end(job);
	return 0;
}

/* The one that has least to send. */
static const struct gfs_plan_server *source_of(const struct gfs_plan_server *facts, size_t count,
					       const struct gfs_set *alive)
{
	const struct gfs_plan_server *best = NULL;

	for (uint32_t i = 0; i < alive->count; i++) {
		const struct gfs_plan_server *at =
			gfs_facts_find(facts, count, alive->servers[i]);

		if (at && (!best || at->sends < best->sends))
			best = at;
	}
	return best;
}

/* Who was not reached just now counts as one that has it. */
static void leave_out_shunned(const struct gfs_master *master, uint64_t handle,
			      const struct gfs_plan_server *facts, size_t count,
			      struct gfs_set *has)
{
	for (size_t i = 0; i < count && master->cluster->shunned.count > 0; i++) {
		if (has->count < GFS_GOAL_MAX && !gfs_set_has(has, facts[i].number) &&
		    gfs_cluster_is_shunned(master, handle, facts[i].number))
			has->servers[has->count++] = (uint16_t)facts[i].number;
	}
}

/* False: not now. */
static bool start_clone(struct gfs_master *master, struct gfs_plan_server *facts, size_t count,
			unsigned class, uint32_t slot, const struct gfs_set *alive)
{
	struct gfs_cluster *cluster = master->cluster;
	struct gfs_place_request request = {.count = 1, .has = *alive, .draw = slot};
	const struct gfs_plan_server *from = source_of(facts, count, alive), *to;
	struct gfs_set target;

	leave_out_shunned(master, gfs_chunks_handle(&master->machine.state.chunks, slot), facts,
			  count, &request.has);
	if (!from || gfs_plan_place(facts, count, &request, &target) == 0)
		return false;
	to = gfs_facts_find(facts, count, target.servers[0]);
	if (!gfs_plan_may_clone(&limits, &cluster->clones, class, from, to) ||
	    gfs_care_start(master, clone, slot, from->number, to->number) < 0)
		return false;
	cluster->clones.under_way++;
	gfs_cluster_server(master, from->number)->sends++;
	gfs_cluster_server(master, to->number)->receives++;
	gfs_cluster_server(master, to->number)->recent++;
	facts[from - facts].sends++;
	facts[to - facts].receives++;
	facts[to - facts].recent++;
	return true;
}

static void start_clones(struct gfs_master *master, unsigned class)
{
	struct gfs_cluster *cluster = master->cluster;
	size_t count, left = cluster->needs[class].count - cluster->needs[class].first;
	struct gfs_plan_server *facts;
	unsigned failed = 0;
	uint32_t slot;

	if (left == 0)
		return;
	facts = gfs_cluster_facts(master, &count);
	while (facts && left-- > 0 && failed < TRIES && gfs_care_pop(cluster, class, &slot)) {
		struct gfs_set alive;
		unsigned now = class_of(master, slot, &alive);

		if (now != GFS_CLONE_NONE &&
		    start_clone(master, facts, count, now, slot, &alive))
			continue;
		gfs_care_not_busy(cluster, slot);
		if (now == GFS_CLONE_NONE)
			continue;
		gfs_care_push(cluster, now, slot);
		failed++;
	}
	free(facts);
}

/* ---- Telling, settling, sparing ---------------------------------------------------------- */

static int tell(void *argument)
{
	struct gfs_care_job *job = argument;
	struct gfs_master *master = job->master;
	const struct gfs_secure what = {.term = job->term,
					.handle = job->handle,
					.deadline_ns = gw_after_ms(GFS_PROPOSE_TIMEOUT_MS)};

	/* What fails is found again at the next look. */
	(void)!gfs_cluster_secure_held(master, &what, NULL);
	master->cluster->under_way--;
	gfs_care_job_end(job);
	return 0;
}

static int settle(void *argument)
{
	struct gfs_care_job *job = argument;
	struct gfs_master *master = job->master;

	/* What does not go now is found again. */
	(void)!gfs_cluster_settle(master, job->term, job->handle, gw_after_ms(GFS_SETTLE_MS));
	master->cluster->under_way--;
	gfs_care_job_end(job);
	return 0;
}

/* One that moved is about to go where it was. */
static bool is_spared(const struct gfs_master *master, uint64_t handle,
		      const struct gfs_set *alive)
{
	for (uint32_t i = 0; i < alive->count; i++)
		if (base_map_find(&gfs_cluster_server(master, alive->servers[i])->spared,
				  gfs_cluster_key(&handle), NULL))
			return true;
	return false;
}

static void spare(const struct gfs_care_job *job)
{
	struct gfs_master *master = job->master;
	const struct gfs_chunk *chunk = gfs_cluster_chunk(master, job->handle);
	struct gfs_plan_server *facts;
	struct gfs_set alive;
	uint32_t server;
	size_t count;

	gfs_cluster_alive(master, job->slot, &alive, NULL);
	if (!chunk || alive.count <= chunk->goal || is_spared(master, job->handle, &alive))
		return;
	facts = gfs_cluster_facts(master, &count);
	if (!facts)
		return;
	server = gfs_plan_drop(facts, count, &alive);
	free(facts);
	if (server != 0)
		(void)!base_map_put(&gfs_cluster_server(master, server)->spared,
				    gfs_cluster_key(&job->handle), NULL, NULL);
}

static int trim(void *argument)
{
	struct gfs_care_job *job = argument;
	struct gfs_master *master = job->master;
	uint64_t deadline_ns = gw_after_ms(GFS_PROPOSE_TIMEOUT_MS);
	struct gfs_hold *hold = NULL;

	if (gfs_cluster_hold(master, job->handle, deadline_ns, &hold, NULL) == 0) {
		if (gfs_cluster_end_grant(master, job->term, job->handle, deadline_ns, NULL) == 0)
			spare(job);
		gfs_cluster_let_go(master, hold);
	}
	master->cluster->under_way--;
	gfs_care_job_end(job);
	return 0;
}

static void start_tasks(struct gfs_master *master, unsigned care, gw_task_function *function)
{
	struct gfs_cluster *cluster = master->cluster;
	uint32_t slot;

	while (cluster->under_way < TASKS_MAX && gfs_care_pop(cluster, care, &slot)) {
		/* Suspects may have been heard of since it was queued. */
		if (!gfs_chunks_slot(&master->machine.state.chunks, slot) ||
		    (care == GFS_CARE_TELL && is_to_be_settled(master, slot)))
			gfs_care_not_busy(cluster, slot);
		else if (gfs_care_start(master, function, slot, 0, 0) == 0)
			cluster->under_way++;
	}
}

/* ---- Collecting -------------------------------------------------------------------------- */

static int collect(void *argument)
{
	const struct gfs_record record = {.kind = GFS_RECORD_COLLECT,
					  .count = GFS_COLLECT_FILES};
	struct gfs_master *master = argument;

	(void)!gfs_master_propose(master, &record, gw_after_ms(GFS_PROPOSE_TIMEOUT_MS), NULL, NULL,
				  NULL);
	master->cluster->is_collecting = false;
	return 0;
}

/* ---- All of it --------------------------------------------------------------------------- */

void gfs_cluster_care(struct gfs_master *master)
{
	struct gfs_cluster *cluster = master->cluster;

	start_tasks(master, GFS_CARE_TELL, tell);
	if (cluster->is_safe)
		return;
	scan(master);
	for (unsigned class = GFS_CLONE_LAST_LIVE; class <= GFS_CLONE_SHORT; class++) {
		if (class > GFS_CLONE_LAST && cluster->is_hurried)
			break;
		start_clones(master, class);
	}
	start_tasks(master, GFS_CARE_SETTLE, settle);
	if (!cluster->is_hurried)
		start_tasks(master, GFS_CARE_TRIM, trim);
	gfs_rebalance_tick(master);
	if (!cluster->is_collecting && gfs_is_collectable(&master->machine.state) &&
	    gw_spawn(&cluster->tasks, collect, master, NULL) == 0)
		cluster->is_collecting = true;
}
