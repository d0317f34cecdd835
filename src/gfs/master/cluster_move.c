/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_move.c - rebalancing (4.3): replicas move, a few at a time, when nothing is short. Each
 * is cloned to its new place first, and only then given up at the old one, in the answer to a
 * heartbeat and if there are enough others. What is known of it is this master's, while it leads.
 */
#include "gfs/master/cluster_inside.h"

#include <assert.h>
#include <stdlib.h>

#include "io/rare.h"
#include "task/loop.h"

enum {
	LOOK_TICKS = 10,  /* between two looks at all servers */
	QUEUED_MAX = 1024,
	TRIES = 64,       /* of chunks that cannot move now, in one tick */
};

/* ---- What is to be done ------------------------------------------------------------------ */

/* Nobody wants any. */
static bool is_off(const struct gfs_master *master)
{
	const struct gfs_rebalance *rebalance = &master->cluster->rebalance;

	return rebalance->is_stopped ||
	       (master->options.rebalance_percent == 100 && !rebalance->is_asked);
}

static uint32_t percent_of(const struct gfs_master *master)
{
	return master->cluster->rebalance.is_asked ? GFS_REBALANCE_ASKED_PERCENT
						   : master->options.rebalance_percent;
}

static size_t queued(const struct gfs_cluster *cluster, unsigned care)
{
	return cluster->needs[care].count - cluster->needs[care].first;
}

/* Nothing is cloned that should be somewhere, and all was looked at. */
static bool is_quiet(const struct gfs_cluster *cluster)
{
	for (unsigned class = GFS_CLONE_LAST_LIVE; class <= GFS_CLONE_SHORT; class++)
		if (queued(cluster, class) > 0)
			return false;
	return !cluster->is_safe && !cluster->is_hurried &&
	       cluster->clones.under_way == cluster->rebalance.under_way;
}

/* All chunks were tried that might move, each twice, since one may have been passed over in a scan:
 * racks or full disks hold them where they are, and only a change of these will make room. */
static bool is_as_even_as_can_be(const struct gfs_rebalance *rebalance)
{
	return rebalance->scans > 1 && rebalance->under_way == 0 &&
	       rebalance->in_vain >= 2 * rebalance->found_count;
}

uint64_t gfs_rebalance_left(const struct gfs_cluster *cluster)
{
	const struct gfs_rebalance *rebalance = &cluster->rebalance;

	if (is_as_even_as_can_be(rebalance))
		return 0;
	return rebalance->balance.left + rebalance->crowded_count + rebalance->under_way;
}

/* A round of it, unless one is under way. */
static void begin_round(struct gfs_rebalance *rebalance)
{
	if (rebalance->is_running)
		return;
	rebalance->is_running = true;
	rebalance->began_ns = gw_now_ns();
	rebalance->moved = rebalance->failed = 0;
}

/* Nothing is known that could move, after a look at all chunks. */
static void see_whether_it_ends(struct gfs_master *master)
{
	struct gfs_rebalance *rebalance = &master->cluster->rebalance;

	if (gfs_rebalance_left(master->cluster) > 0)
		begin_round(rebalance);
	else if (is_as_even_as_can_be(rebalance) && is_quiet(master->cluster))
		rebalance->is_running = rebalance->is_asked = false;
}

static void look_at_all(struct gfs_master *master)
{
	struct gfs_rebalance *rebalance = &master->cluster->rebalance;
	struct gfs_plan_server *facts;
	size_t count;

	facts = gfs_cluster_facts(master, &count);
	if (!facts)
		return;
	gfs_balance_of(facts, count, percent_of(master), &rebalance->balance);
	free(facts);
}

/* A chunk as it is scanned, with as many replicas as it should have: cheap for what stays. */
void gfs_rebalance_look_at(struct gfs_master *master, uint32_t slot, const struct gfs_set *alive)
{
	struct gfs_cluster *cluster = master->cluster;
	const struct gfs_balance *balance = &cluster->rebalance.balance;
	uint32_t racks[GFS_GOAL_MAX] = {0};
	bool is_crowded, is_full = false;

	for (uint32_t i = 0; i < alive->count; i++) {
		const struct gfs_cluster_server *server =
			gfs_cluster_server(master, alive->servers[i]);

		racks[i] = server->rack;
		is_full |= gfs_share_of(server->bytes - server->bytes_free, server->bytes) >
			   balance->average;
	}
	is_crowded = gfs_balance_is_crowded(balance, racks, alive->count);
	cluster->rebalance.crowded_now += is_crowded;
	if (!is_crowded && (balance->left == 0 || !is_full))
		return;
	cluster->rebalance.found_now++;
	if (!is_off(master) && queued(cluster, GFS_CARE_MOVE) < QUEUED_MAX)
		gfs_care_push(cluster, GFS_CARE_MOVE, slot);
}

void gfs_rebalance_scanned(struct gfs_cluster *cluster)
{
	struct gfs_rebalance *rebalance = &cluster->rebalance;

	rebalance->crowded_count = rebalance->crowded_now;
	rebalance->found_count = rebalance->found_now;
	rebalance->crowded_now = rebalance->found_now = 0;
	rebalance->scans++;
}

/* ---- One move ---------------------------------------------------------------------------- */

/* The old one is told to go when its server is next heard. */
static int give_up(struct gfs_master *master, const struct gfs_care_job *job)
{
	return base_map_put(&gfs_cluster_server(master, job->from)->spared,
			    gfs_cluster_key(&job->handle), NULL, NULL);
}

/* It has been filled, and will say so only in its next heartbeat. */
static void note_room(struct gfs_master *master, uint32_t number)
{
	struct gfs_cluster_server *server = gfs_cluster_server(master, number);
	uint64_t bytes = master->cluster->rebalance.balance.chunk_bytes;

	server->bytes_free -= bytes < server->bytes_free ? bytes : server->bytes_free;
}

/* Of a chunk that is held: nobody writes to it meanwhile. */
static int move_held(const struct gfs_care_job *job, uint64_t deadline_ns)
{
	struct gfs_master *master = job->master;
	struct gfs_order order = {.handle = job->handle,
				  .bytes_per_second = master->options.rebalance_bytes};
	const struct gfs_chunk *chunk;
	int code = gfs_cluster_end_grant(master, job->term, job->handle, deadline_ns, NULL);

	chunk = gfs_cluster_chunk(master, job->handle);
	if (code < 0 || !chunk)
		return code < 0 ? code : GW_E_NOT_FOUND;
	gfs_cluster_alive(master, job->slot, &order.set, NULL);
	/* It may have lost one since. */
	if (order.set.count < chunk->goal || !gfs_set_has(&order.set, job->from) ||
	    gfs_set_has(&order.set, job->to) || order.set.count == GFS_GOAL_MAX)
		return GW_E_BUSY;
	gfs_set_put_first(&order.set, job->from);
	order.version = chunk->version;
	code = gfs_call_clone(master, job->term, job->to, &order, deadline_ns, NULL);
	if (code < 0 || !gfs_cluster_leads(master, job->term))
		return code < 0 ? code : GW_E_NOT_LEADER;
	chunk = gfs_cluster_chunk(master, job->handle);
	if (!chunk || chunk->version != order.version)
		return GW_E_NOT_FOUND;
	IO_PROBE(task_io(), "gfs.replica-moved");
	gfs_cluster_add(master, job->slot, job->to);
	note_room(master, job->to);
	return give_up(master, job);
}

static int move(void *argument)
{
	struct gfs_care_job *job = argument;
	struct gfs_master *master = job->master;
	struct gfs_rebalance *rebalance = &master->cluster->rebalance;
	uint64_t deadline_ns = gw_after_ms(GFS_CLONE_MS);
	struct gfs_hold *hold = NULL;
	int code = gfs_cluster_hold(master, job->handle, deadline_ns, &hold, NULL);

	if (code == 0) {
		code = move_held(job, deadline_ns);
		gfs_cluster_let_go(master, hold);
	}
	rebalance->under_way--;
	if (code == 0)
		rebalance->moved++;
	else
		rebalance->failed++;
	master->cluster->clones.under_way--;
	gfs_cluster_server(master, job->from)->sends--;
	gfs_cluster_server(master, job->to)->receives--;
	gfs_cluster_server(master, job->from)->moves_out--;
	gfs_cluster_server(master, job->to)->moves_in--;
	gfs_care_job_end(job);
	return 0;
}

static void count_in(struct gfs_master *master, struct gfs_plan_server *facts, size_t count,
		     const struct gfs_move *move)
{
	struct gfs_cluster_server *from = gfs_cluster_server(master, move->from);
	struct gfs_cluster_server *to = gfs_cluster_server(master, move->to);

	from->sends++;
	from->moves_out++;
	to->receives++;
	to->moves_in++;
	for (size_t i = 0; i < count; i++) {
		facts[i].sends += facts[i].number == move->from;
		facts[i].moves_out += facts[i].number == move->from;
		facts[i].receives += facts[i].number == move->to;
		facts[i].moves_in += facts[i].number == move->to;
	}
	master->cluster->clones.under_way++;
	master->cluster->rebalance.under_way++;
	begin_round(&master->cluster->rebalance);
}

enum outcome {
	MOVES,
	STAYS, /* nowhere else is better */
	LATER, /* servers have enough to do */
	CHANGED, /* something else is done with it first: the next scan will tell */
};

static enum outcome try_move(struct gfs_master *master, struct gfs_plan_server *facts,
			     size_t count, uint32_t slot)
{
	struct gfs_cluster *cluster = master->cluster;
	const struct gfs_clone_limits limits = {.all = master->options.rebalance_moves, .each = 1,
						.all_busy = master->options.rebalance_moves,
						.each_busy = 1};
	const struct gfs_chunk *chunk = gfs_chunks_slot(&master->machine.state.chunks, slot);
	struct gfs_set alive;
	struct gfs_move best;

	gfs_cluster_alive(master, slot, &alive, NULL);
	if (!chunk || alive.count != chunk->goal ||
	    gfs_cluster_told(master, slot) & (GFS_FRESH | GFS_DOUBTFUL))
		return CHANGED;
	if (!gfs_balance_move(facts, count, &cluster->rebalance.balance, &alive, slot, &best))
		return STAYS;
	if (!gfs_plan_may_clone(&limits, &cluster->clones, GFS_CLONE_SHORT,
				gfs_facts_find(facts, count, best.from),
				gfs_facts_find(facts, count, best.to)))
		return LATER;
	if (gfs_care_start(master, move, slot, best.from, best.to) < 0)
		return LATER;
	count_in(master, facts, count, &best);
	return MOVES;
}

static void start_moves(struct gfs_master *master)
{
	struct gfs_cluster *cluster = master->cluster;
	struct gfs_plan_server *facts;
	unsigned tries = 0;
	uint32_t slot;
	size_t count;

	facts = gfs_cluster_facts(master, &count);
	while (facts && tries++ < TRIES &&
	       cluster->rebalance.under_way < master->options.rebalance_moves &&
	       gfs_care_pop(cluster, GFS_CARE_MOVE, &slot)) {
		enum outcome outcome = try_move(master, facts, count, slot);

		if (outcome != MOVES)
			gfs_care_not_busy(cluster, slot);
		if (outcome == LATER)
			gfs_care_push(cluster, GFS_CARE_MOVE, slot);
		if (outcome == STAYS)
			cluster->rebalance.in_vain++;
		else
			cluster->rebalance.in_vain = 0;
	}
	free(facts);
}

void gfs_rebalance_tick(struct gfs_master *master)
{
	struct gfs_cluster *cluster = master->cluster;

	if (cluster->ticks % LOOK_TICKS == 0)
		look_at_all(master);
	see_whether_it_ends(master);
	if (is_off(master) || !is_quiet(cluster))
		return;
	if (queued(cluster, GFS_CARE_MOVE) > 0 &&
	    cluster->rebalance.under_way < master->options.rebalance_moves)
		start_moves(master);
}

/* ---- Whoever asks ------------------------------------------------------------------------ */

static void answer(const struct gfs_master *master, Gfs__RebalanceReply *reply)
{
	const struct gfs_cluster *cluster = master->cluster;
	const struct gfs_rebalance *rebalance = &cluster->rebalance;

	reply->stopped = is_off(master);
	reply->running = rebalance->is_running && !reply->stopped;
	reply->waits = reply->running && !is_quiet(cluster);
	reply->asked = rebalance->is_asked;
	reply->lowest = rebalance->balance.lowest;
	reply->highest = rebalance->balance.highest;
	reply->left = gfs_rebalance_left(cluster);
	reply->under_way = rebalance->under_way;
	if (!rebalance->is_running)
		return;
	reply->moved = rebalance->moved;
	reply->failed = rebalance->failed;
	reply->elapsed_ms = (gw_now_ns() - rebalance->began_ns) / 1000000;
	reply->left_ms = gfs_balance_ms_left(reply->moved, reply->elapsed_ms, reply->left);
}

int gfs_cluster_serve_rebalance(struct gw_rpc_call *call, struct gfs_master *master,
				const Gfs__RebalanceRequest *request,
				Gfs__RebalanceReply *reply, struct gw_error *error)
{
	struct gfs_rebalance *rebalance = &master->cluster->rebalance;
	int code = gfs_master_read(master, call, false, error);

	if (code < 0)
		return code;
	if (master->term == 0)
		return gfs_master_elsewhere(master, call, GW_E_NOT_LEADER, error);
	switch (request->what) {
	case GFS__REBALANCE_REQUEST__WHAT__START:
		rebalance->is_stopped = false;
		rebalance->is_asked = true;
		rebalance->scans = rebalance->in_vain = 0;
		break;
	case GFS__REBALANCE_REQUEST__WHAT__STOP:
		rebalance->is_stopped = true;
		rebalance->is_asked = false;
		gfs_care_clear(master->cluster, GFS_CARE_MOVE);
		break;
	default:
		break;
	}
	look_at_all(master);
	see_whether_it_ends(master);
	answer(master, reply);
	return 0;
}
