/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs_run_inside.c - what the workload gfs holds against the insides of its servers, which no
 * client sees: who is primary, and what is on whose disk.
 */
#include "sim/workload_gfs.h"

#include <inttypes.h>

#include "gfs/chunkserver/inside.h"
#include "gfs/master/cluster_inside.h"
#include "gfs/master/grants.h"
#include "gfs/master/inside.h"

bool gfs_run_is_sound(struct sim_run *run, struct sim_node *node)
{
	const struct gfs_run_state *state = run->state;

	for (uint32_t i = 0; i < state->server_count; i++) {
		const struct chunk_server *server = state->servers[i].server;
		const struct chunk *chunk;

		if (state->servers[i].node != node)
			continue;
		for (size_t at = 0; server && (chunk = chunk_next(server->store, &at));) {
			if (chunk->is_suspect)
				return false;
		}
		return server != NULL && sim_node_is_up(node);
	}
	return false;
}

/* ---- One primary ----------------------------------------------------------------------------- */

static bool is_primary(const struct chunk_server *server, const struct chunk *chunk)
{
	const struct grant *grant = chunk ? chunk->grant : NULL;

	return grant && grant->is_primary && !grant->is_over && chunk_server_is_leased(server);
}

static const struct chunk_server *running(const struct gfs_run_state *state, uint32_t number)
{
	const struct gfs_run_machine *machine = &state->servers[number];

	return sim_node_is_up(machine->node) ? machine->server : NULL;
}

int gfs_run_check_primaries(const struct gfs_run_state *state, struct gw_error *error)
{
	for (uint32_t i = 0; i < state->server_count; i++) {
		const struct chunk_server *server = running(state, i);
		const struct chunk *chunk;

		for (size_t at = 0; server && (chunk = chunk_next(server->store, &at));) {
			for (uint32_t j = i + 1; j < state->server_count && chunk->grant; j++) {
				const struct chunk_server *other = running(state, j);

				if (other && is_primary(server, chunk) &&
				    is_primary(other, chunk_find(other->store, chunk->handle)))
					return gw_fail(error, GW_E_CORRUPT,
						       "chunk %" PRIx64 " has two primaries",
						       chunk->handle);
			}
		}
	}
	return 0;
}

/* ---- At rest --------------------------------------------------------------------------------- */

/* NULL: nobody leads now. */
static const struct gfs_master *leader(const struct gfs_run_state *state)
{
	for (uint32_t i = 0; i < state->master_count; i++) {
		const struct gfs_master *master = state->masters[i].master;

		if (master && sim_node_is_up(state->masters[i].node) && master->term != 0 &&
		    gfs_machine_is_whole(&master->machine))
			return master;
	}
	return NULL;
}

/* Who is silent cannot be told what to drop (docs/state.md: one stayed so on seed 282). */
static bool is_heard(const struct gfs_run_state *state, const struct gfs_master *master,
		     uint32_t number)
{
	const struct gfs_cluster_server *server = gfs_cluster_server(master, number);
	uint64_t patience_ns = GFS_DEAD_BEATS * state->heartbeat_ms * UINT64_C(1000000);

	for (uint32_t i = 0; i < state->master_count; i++) {
		if (state->masters[i].master == master)
			return server && io_now_ns(state->masters[i].io) - server->heard_ns <
						 patience_ns;
	}
	return false;
}

static int check_orphans(const struct gfs_run_state *state, const struct gfs_master *master,
			 struct gw_error *error)
{
	for (uint32_t i = 0; i < state->server_count; i++) {
		const struct chunk_server *server = running(state, i);
		const struct chunk *chunk;

		for (size_t at = 0; server && (chunk = chunk_next(server->store, &at));) {
			if (is_heard(state, master, chunk_server_number(server)) &&
			    !gfs_chunks_find(&master->machine.state.chunks, chunk->handle))
				return gw_fail(error, GW_E_CORRUPT, "%s has chunk %" PRIx64
					       ", which nobody refers to",
					       sim_node_name(state->servers[i].node),
					       chunk->handle);
		}
	}
	return 0;
}

/* Replicas that are what they should be. */
static uint32_t count_good(const struct gfs_run_state *state, uint64_t handle, uint32_t version)
{
	uint32_t good = 0;

	for (uint32_t i = 0; i < state->server_count; i++) {
		const struct chunk_server *server = running(state, i);
		const struct chunk *chunk = server ? chunk_find(server->store, handle) : NULL;

		good += chunk && chunk->version == version && !chunk->is_bad &&
			!chunk->is_suspect && !chunk->is_partial;
	}
	return good;
}

static bool is_anywhere(const struct gfs_run_state *state, uint64_t handle)
{
	for (uint32_t i = 0; i < state->server_count; i++) {
		const struct chunk_server *server = running(state, i);

		if (server && chunk_find(server->store, handle))
			return true;
	}
	return false;
}

static int check_goals(const struct gfs_run_state *state, const struct gfs_master *master,
		       struct gw_error *error)
{
	const struct gfs_state *known = &master->machine.state;

	for (uint32_t slot = 0; slot < known->chunks.slots; slot++) {
		const struct gfs_chunk *chunk = gfs_chunks_slot(&known->chunks, slot);
		uint64_t handle = chunk ? gfs_chunks_handle(&known->chunks, slot) : 0;
		struct gfs_grant grant;
		uint32_t good;

		/* A copy is finished by who writes to it, and a chunk that was never made is made
		 * for who asks for it. */
		if (!chunk || gfs_source_of(known, slot) != 0 ||
		    (!is_anywhere(state, handle) && gfs_grant_of(known, slot, &grant)))
			continue;
		good = count_good(state, handle, chunk->version);
		if (good < chunk->goal)
			return gw_fail(error, GW_E_CORRUPT, "chunk %" PRIx64 " has %" PRIu32
				       " replicas of %u", handle, good, chunk->goal);
	}
	return 0;
}

int gfs_run_check_rest(const struct gfs_run_state *state, struct gw_error *error)
{
	const struct gfs_master *master = leader(state);
	bool all_heard = true;
	int code;

	if (!master)
		return gw_fail(error, GW_E_UNREACHABLE, "no master leads");
	for (uint32_t i = 0; i < state->server_count; i++) {
		const struct chunk_server *server = running(state, i);

		all_heard = all_heard && server &&
			    is_heard(state, master, chunk_server_number(server));
	}
	code = check_orphans(state, master, error);
	return code < 0 || !all_heard ? code : check_goals(state, master, error);
}
