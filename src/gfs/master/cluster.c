/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster.c - the side of a master that knows chunkservers: which there are, who lives, and what
 * follows from the log. See cluster.h for what it does for the rest of the master.
 */
#include "gfs/master/cluster_inside.h"

#include <assert.h>
#include <stdlib.h>

#include "base/allocate.h"
#include "io/rare.h"
#include "task/loop.h"

enum { RECENT_TICKS = 10 }; /* in which what was given of late counts half */

/* ---- Servers ----------------------------------------------------------------------------- */

struct gfs_cluster_server *gfs_cluster_server(const struct gfs_master *master, uint32_t number)
{
	const struct gfs_cluster *cluster = master->cluster;

	return number < cluster->server_count ? cluster->servers[number] : NULL;
}

struct gfs_cluster_server *gfs_cluster_server_make(struct gfs_master *master, uint32_t number)
{
	struct gfs_cluster *cluster = master->cluster;
	struct gfs_cluster_server *server = gfs_cluster_server(master, number);

	assert(number != 0 && number <= GFS_SERVERS_MAX);
	if (server)
		return server;
	if (number >= cluster->server_count) {
		uint32_t count = number + 1 > 2 * cluster->server_count
					 ? number + 1
					 : 2 * cluster->server_count;
		void *grown = realloc(cluster->servers, count * sizeof(*cluster->servers));

		if (!grown)
			return NULL;
		cluster->servers = grown;
		memset(cluster->servers + cluster->server_count, 0,
		       (count - cluster->server_count) * sizeof(*cluster->servers));
		cluster->server_count = count;
	}
	server = calloc(1, sizeof(*server));
	cluster->servers[number] = server;
	return server;
}

static void free_server(struct gfs_cluster_server *server)
{
	if (!server)
		return;
	gfs_cluster_report_end(server);
	base_map_done(&server->revokes);
	base_map_done(&server->spared);
	free(server);
}

bool gfs_cluster_lives(const struct gfs_master *master, uint32_t number)
{
	const struct gfs_cluster_server *server = gfs_cluster_server(master, number);
	uint64_t silent_ns = GFS_DEAD_BEATS * master->options.chunk_heartbeat_ms * 1000000;

	return server && server->heard_ns != 0 && gw_now_ns() - server->heard_ns < silent_ns;
}

uint64_t gfs_cluster_lease_end(const struct gfs_master *master, uint32_t number)
{
	const struct gfs_cluster_server *server = gfs_cluster_server(master, number);
	uint64_t ms = master->options.chunk_lease_ms;
	/* What masters before this one have extended ends by then. */
	uint64_t end_ns =
		master->cluster->began_ns + (ms + ms * GFS_DRIFT_PERCENT / 100) * 1000000;

	if (IO_BUG(task_io(), "gfs.early-master"))
		return server ? server->lease_end_ns : 0;
	return server && server->lease_end_ns > end_ns ? server->lease_end_ns : end_ns;
}

struct gfs_plan_server *gfs_cluster_facts(const struct gfs_master *master, size_t *count)
{
	const struct gfs_cluster *cluster = master->cluster;
	struct gfs_plan_server *facts = calloc(cluster->server_count + 1, sizeof(*facts));

	*count = 0;
	for (uint32_t i = 1; facts && i < cluster->server_count; i++) {
		const struct gfs_cluster_server *server = cluster->servers[i];

		if (!gfs_cluster_lives(master, i))
			continue;
		facts[(*count)++] = (struct gfs_plan_server){.number = i,
							     .rack = server->rack,
							     .bytes = server->bytes,
							     .bytes_free = server->bytes_free,
							     .recent = server->recent,
							     .sends = server->sends,
							     .receives = server->receives,
							     .moves_out = server->moves_out,
							     .moves_in = server->moves_in,
							     .chunks = server->chunks,
							     .usable = !server->drains};
	}
	return facts;
}

const struct gfs_plan_server *gfs_facts_find(const struct gfs_plan_server *facts, size_t count,
					     uint32_t number)
{
	for (size_t i = 0; i < count; i++)
		if (facts[i].number == number)
			return &facts[i];
	return NULL;
}

/* ---- Its life ---------------------------------------------------------------------------- */

static int cluster_new(struct gfs_master *master, struct gw_error *error)
{
	struct gfs_cluster *cluster = calloc(1, sizeof(*cluster));

	if (!cluster)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a master");
	cluster->tasks.name = "gfs cluster";
	io_random(task_io(), &cluster->clients.seed, sizeof(cluster->clients.seed));
	master->cluster = cluster;
	return cluster_serve(master->rpc, &gfs_cluster_handlers, master, NULL, error);
}

static void cluster_free(struct gfs_master *master)
{
	struct gfs_cluster *cluster = master->cluster;

	if (!cluster)
		return;
	(void)gw_group_done(&cluster->tasks);
	gfs_calls_done(master);
	for (uint32_t i = 0; i < cluster->server_count; i++)
		free_server(cluster->servers[i]);
	free(cluster->servers);
	gfs_cluster_care_done(cluster);
	base_map_done(&cluster->told);
	base_map_done(&cluster->shunned);
	gfs_cluster_suspects_done(cluster);
	assert(cluster->holds.count == 0);
	base_map_done(&cluster->holds);
	free(cluster);
	master->cluster = NULL;
}

/* ---- The log ----------------------------------------------------------------------------- */

/* Who is granted a chunk is about to have it, if it is there: of whom this master has heard nothing
 * yet, while it reads its log, it is not to think that it was told of. */
static void take_heard(struct gfs_master *master, uint32_t slot, const struct gfs_set *set)
{
	struct gfs_set heard = {0};

	for (uint32_t i = 0; i < set->count; i++) {
		const struct gfs_cluster_server *server =
			gfs_cluster_server(master, set->servers[i]);

		if (server && server->heard_ns != 0)
			heard.servers[heard.count++] = set->servers[i];
	}
	gfs_cluster_replace(master, slot, &heard);
}

static void take_set(struct gfs_master *master, const struct gfs_record *record,
		     const struct gfs_done *done, bool is_fresh)
{
	uint32_t slot = gfs_slot_of(done->handle);

	if (done->handle == 0 || record->set.count == 0)
		return;
	gfs_cluster_untell(master, slot);
	take_heard(master, slot, &record->set);
	/* Without memory for it the chunk is told as any other. Who has asked for it may be gone
	 * before it is there. */
	if (is_fresh && gfs_cluster_tell_as(master, slot, GFS_FRESH | done->chunk_log2, NULL) == 0)
		gfs_cluster_tell_later(master, slot);
}

static void cluster_applied(struct gfs_master *master, const struct gfs_record *record,
			    const struct gfs_done *done, int code)
{
	if (code < 0)
		return;
	switch (record->kind) {
	case GFS_RECORD_CREATE:
	case GFS_RECORD_CHUNK_ADD:
		if (!done->existed)
			take_set(master, record, done, true);
		return;
	case GFS_RECORD_GRANT:
		take_set(master, record, done, false);
		return;
	case GFS_RECORD_RELEASE:
		gfs_cluster_untell(master, gfs_slot_of(done->handle));
		return;
	case GFS_RECORD_VERSION:
		gfs_cluster_untell(master, gfs_slot_of(done->handle));
		gfs_cluster_replace(master, gfs_slot_of(done->handle), &(struct gfs_set){0});
		return;
	default:
		return;
	}
}

static void cluster_freed(struct gfs_master *master, uint32_t slot)
{
	gfs_cluster_untell(master, slot);
	gfs_cluster_trust(master, slot);
	gfs_cluster_replace(master, slot, &(struct gfs_set){0});
}

/* Another state is there: nothing that was heard is about its slots. */
static void cluster_restored(struct gfs_master *master)
{
	struct gfs_cluster *cluster = master->cluster;

	gfs_replicas_done(&master->replicas);
	cluster->with_replica = 0;
	base_map_done(&cluster->told);
	gfs_cluster_suspects_done(cluster);
	gfs_cluster_hurry(cluster);
	for (uint32_t i = 0; i < cluster->server_count; i++) {
		struct gfs_cluster_server *server = cluster->servers[i];

		if (!server)
			continue;
		server->chunks = 0;
		server->has_reported = false;
		gfs_cluster_report_end(server);
		base_map_done(&server->spared);
	}
}

/* ---- Leading ----------------------------------------------------------------------------- */

static void cluster_began(struct gfs_master *master)
{
	struct gfs_cluster *cluster = master->cluster;

	cluster->began_ns = gw_now_ns();
	cluster->is_safe = master->machine.state.chunks.count > 0;
	cluster->missing_count = 0;
	/* Moves of a term before may still be under way. */
	cluster->rebalance = (struct gfs_rebalance){.under_way = cluster->rebalance.under_way};
	base_map_done(&cluster->told);
	base_map_done(&cluster->shunned);
	gfs_cluster_hurry(cluster);
	for (uint32_t i = 0; i < cluster->server_count; i++) {
		struct gfs_cluster_server *server = cluster->servers[i];

		if (!server)
			continue;
		/* What they told a standby may be old: the leader before has had them drop some. */
		server->has_reported = false;
		gfs_cluster_report_end(server);
		base_map_done(&server->revokes);
		base_map_done(&server->spared);
	}
}

static void cluster_ended(struct gfs_master *master)
{
	gfs_cluster_hurry(master->cluster);
	rpc_wake(&master->cluster->heard);
}

/* Safe mode lasts until nearly all chunks have been told of, by all servers that could. */
static bool is_safe_still(const struct gfs_master *master)
{
	const struct gfs_cluster *cluster = master->cluster;
	const struct gfs_state *state = &master->machine.state;
	uint64_t led_ns = gw_now_ns() - cluster->began_ns;
	uint64_t patience_ns = GFS_DEAD_BEATS * master->options.chunk_heartbeat_ms * 1000000;

	if (led_ns >= master->options.safe_ms * 1000000)
		return false;
	/* Of suspects there is nothing to be waited for but the servers. */
	if ((cluster->with_replica + gfs_cluster_only_suspects(master)) * 100 <
	    (uint64_t)state->chunks.count * GFS_SAFE_PERCENT)
		return true;
	for (uint32_t i = 1; i < state->next_server; i++) {
		const struct gfs_cluster_server *server = gfs_cluster_server(master, i);
		bool has_reported = server && server->has_reported;

		if (!has_reported && (led_ns < patience_ns || gfs_cluster_lives(master, i)))
			return true;
	}
	return false;
}

static void look_at_servers(struct gfs_master *master)
{
	struct gfs_cluster *cluster = master->cluster;
	uint64_t load = 0;

	for (uint32_t i = 1; i < cluster->server_count; i++) {
		struct gfs_cluster_server *server = cluster->servers[i];
		bool lives = gfs_cluster_lives(master, i);

		if (!server)
			continue;
		load += lives ? server->load : 0;
		if (cluster->ticks % RECENT_TICKS == 0)
			server->recent /= 2;
		if (lives != server->was_alive)
			gfs_cluster_hurry(cluster);
		server->was_alive = lives;
	}
	cluster->clones.is_busy = load > 0;
}

static void cluster_tick(struct gfs_master *master)
{
	struct gfs_cluster *cluster = master->cluster;

	cluster->ticks++;
	look_at_servers(master);
	if (cluster->is_safe && !is_safe_still(master)) {
		cluster->is_safe = false;
		gfs_cluster_hurry(cluster);
	}
	gfs_cluster_care(master);
}

/* ---- For the rest of the master ---------------------------------------------------------- */

static int cluster_tell(struct gfs_master *master, uint64_t handle, uint8_t chunk_log2,
			uint64_t deadline_ns, struct gw_error *error)
{
	const struct gfs_secure what = {.term = master->term,
					.handle = handle,
					.deadline_ns = deadline_ns,
					.chunk_log2 = chunk_log2};

	return gfs_cluster_secure_held(master, &what, error);
}

static void cluster_missing(struct gfs_master *master, uint32_t slot, uint8_t chunk_log2)
{
	struct gfs_cluster *cluster = master->cluster;
	uint64_t told = gfs_cluster_told(master, slot);
	struct gfs_grant grant;

	if (master->term != 0 && !cluster->is_safe && (told == 0 || told & GFS_UNTOLD) &&
	    gfs_grant_of(&master->machine.state, slot, &grant) &&
	    gfs_cluster_tell_as(master, slot, GFS_DOUBTFUL | chunk_log2, NULL) == 0)
		gfs_cluster_tell_later(master, slot);
}

static int cluster_revoke(struct gfs_master *master, uint64_t handle, uint8_t chunk_log2,
			  uint64_t deadline_ns, struct gw_error *error)
{
	uint64_t term = master->term;
	struct gfs_hold *hold = NULL;
	struct gfs_set set;
	int code = gfs_cluster_hold(master, handle, deadline_ns, &hold, error);

	if (code < 0)
		return code;
	gfs_replicas_of(&master->replicas, gfs_slot_of(handle), &set);
	if (set.count == 0 && gfs_cluster_chunk(master, handle) &&
	    !gfs_cluster_has_suspects(master, gfs_slot_of(handle)))
		cluster_missing(master, gfs_slot_of(handle), chunk_log2);
	code = gfs_cluster_end_grant(master, term, handle, deadline_ns, error);
	gfs_cluster_let_go(master, hold);
	return code;
}

static void cluster_status(const struct gfs_master *master, Gfs__StatusReply *reply)
{
	const struct gfs_cluster *cluster = master->cluster;
	uint64_t chunks = master->machine.state.chunks.count;

	reply->safe = master->term != 0 && cluster->is_safe;
	reply->chunks_missing =
		chunks > cluster->with_replica ? chunks - cluster->with_replica : 0;
	/* Who leads knows better: replicas of servers that are lost are none. */
	if (master->term != 0 && cluster->missing_count > reply->chunks_missing)
		reply->chunks_missing = cluster->missing_count;
	reply->chunks_short = cluster->short_count;
	for (uint32_t i = 1; i < cluster->server_count; i++)
		reply->servers += gfs_cluster_lives(master, i);
}

static int add_server(struct gw_rpc_call *call, const struct gfs_master *master,
		      const struct gfs_server *known, Gfs__Server **out, struct gw_error *error)
{
	const struct gfs_cluster_server *server = gfs_cluster_server(master, known->number);
	Gfs__Server *said = gw_rpc_allocate(call, sizeof(*said));
	int code;

	if (!said)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for an answer");
	gfs__server__init(said);
	code = gfs_message_place(call, &master->machine.state, known->number, &said->place, error);
	if (code < 0)
		return code;
	said->draining = known->flags & GFS_SERVER_DRAINING;
	said->lives = gfs_cluster_lives(master, known->number);
	if (server) {
		said->bytes = server->bytes;
		said->bytes_free = server->bytes_free;
		said->chunks = server->chunks;
	}
	*out = said;
	return 0;
}

static int cluster_serve_servers(struct gw_rpc_call *call, struct gfs_master *master,
				 const Gfs__ServersRequest *request, Gfs__ServersReply *reply,
				 struct gw_error *error)
{
	const struct gfs_state *state = &master->machine.state;
	struct gfs_server known;
	int code = 0;

	(void)request;
	if (!gfs_machine_is_whole(&master->machine))
		return gw_fail(error, GW_E_UNREACHABLE, "%s has no state now", master->name);
	reply->servers = gw_rpc_allocate(call, state->next_server * sizeof(*reply->servers));
	if (!reply->servers)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for an answer");
	for (uint64_t i = 1; i < state->next_server && code == 0; i++) {
		if (!gfs_server_find(state, i, &known))
			continue;
		code = add_server(call, master, &known, &reply->servers[reply->n_servers], error);
		reply->n_servers += code == 0;
	}
	return code;
}

const struct gfs_cluster_operations gfs_cluster = {
	.new = cluster_new,
	.free = cluster_free,
	.applied = cluster_applied,
	.freed = cluster_freed,
	.restored = cluster_restored,
	.began = cluster_began,
	.ended = cluster_ended,
	.tick = cluster_tick,
	.choose = gfs_cluster_choose,
	.tell = cluster_tell,
	.revoke = cluster_revoke,
	.missing = cluster_missing,
	.lives = gfs_cluster_lives,
	.status = cluster_status,
	.serve_lease = gfs_cluster_serve_lease,
	.serve_add_chunk = gfs_cluster_serve_add_chunk,
	.serve_servers = cluster_serve_servers,
	.serve_rebalance = gfs_cluster_serve_rebalance,
};
