/* SPDX-License-Identifier: Apache-2.0 */
/* gfs_look_fixture.c - what the leading master knows, and what lies on the disks. */
#include "sim/gfs_fixture.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "gfs/chunkserver/inside.h"
#include "gfs/master/cluster_inside.h"
#include "gfs/master/namespace.h"

/* ---- Who leads ------------------------------------------------------------------------------- */

int gfs_leader(struct gfs_world *world)
{
	int leader = GFS_NOBODY;
	uint64_t term = 0;

	for (int i = 0; i < world->master_count; i++) {
		const struct gfs_machine_of_world *machine = &world->masters[i];

		if (sim_node_is_up(machine->node) && machine->master &&
		    machine->master->term > term) {
			term = machine->master->term;
			leader = i;
		}
	}
	return leader;
}

struct waiting {
	struct gfs_world *world;
	int but;
};

static bool another_leads(void *context)
{
	const struct waiting *waiting = context;
	int leader = gfs_leader(waiting->world);

	return leader != GFS_NOBODY && leader != waiting->but;
}

int gfs_leader_wait(struct gfs_world *world, int but)
{
	struct waiting waiting = {world, but};

	gfs_wait_until(world, another_leads, &waiting);
	return gfs_leader(world);
}

const struct gfs_master *gfs_lead(struct gfs_world *world)
{
	return world->masters[gfs_leader_wait(world, GFS_NOBODY)].master;
}

/* ---- Chunks ---------------------------------------------------------------------------------- */

static int index_of(const struct gfs_world *world, uint32_t number)
{
	for (int i = 0; i < world->server_count; i++) {
		if (world->servers[i].number == number)
			return i;
	}
	return GFS_NOBODY;
}

static struct gfs_seen see_slot(struct gfs_world *world, const struct gfs_master *lead,
				uint32_t slot)
{
	const struct gfs_state *state = &lead->machine.state;
	const struct gfs_chunk *chunk = gfs_chunks_slot(&state->chunks, slot);
	struct gfs_seen seen = {.primary = GFS_NOBODY};
	struct gfs_grant grant;
	struct gfs_set alive;

	if (!chunk)
		return seen;
	seen.handle = gfs_chunks_handle(&state->chunks, slot);
	seen.version = chunk->version;
	seen.goal = chunk->goal;
	seen.references = chunk->references;
	gfs_cluster_alive(lead, slot, &alive, NULL);
	for (uint32_t i = 0; i < alive.count; i++) {
		int server = index_of(world, alive.servers[i]);

		if (server == GFS_NOBODY)
			continue; /* it had another disk, and seems to live still */
		seen.replicas |= 1u << server;
		seen.count++;
	}
	if (gfs_grant_of(state, slot, &grant))
		seen.primary = index_of(world, grant.set.servers[0]);
	return seen;
}

/* As of now, with no wait: tasks do not run while it is looked. */
static struct gfs_seen see_on(struct gfs_world *world, const struct gfs_master *lead,
			      const char *path, uint64_t index)
{
	struct gfs_file file;
	uint32_t slot;

	if (!gfs_find(&lead->machine.state, gw_string(path), &file) ||
	    !gfs_chunk_of(&lead->machine.state, file.id, index, &slot))
		return (struct gfs_seen){.primary = GFS_NOBODY};
	return see_slot(world, lead, slot);
}

/* The look is as from the leader's own task: whether a server lives is asked of its clock. */
struct look {
	struct gfs_world *world;
	const struct gfs_master *lead;
	const char *path;
	uint64_t index;
	struct gfs_seen seen;
};

static int look(void *argument)
{
	struct look *look = argument;

	look->seen = see_on(look->world, look->lead, look->path, look->index);
	return 0;
}

struct gfs_seen gfs_see(struct gfs_world *world, const char *path, uint64_t index)
{
	int leader = gfs_leader_wait(world, GFS_NOBODY);
	struct look one = {world, world->masters[leader].master, path, index, {0}};

	assert_int_equal(gfs_visit_loop(world, world->masters[leader].loop, look, &one), 0);
	return one.seen;
}

int gfs_pick(uint32_t set, int but, int n)
{
	for (int i = 0; i < GFS_WORLD_SERVERS; i++) {
		if (i != but && set & 1u << i && n-- == 0)
			return i;
	}
	fail_msg("there are not so many servers in the set %x", set);
	return GFS_NOBODY;
}

int gfs_primaries(struct gfs_world *world, uint64_t handle, int *which)
{
	int count = 0;

	for (int i = 0; i < world->server_count; i++) {
		const struct chunk *chunk = gfs_replica(world, i, handle);
		const struct grant *grant = chunk ? chunk->grant : NULL;

		if (!grant || !grant->is_primary || grant->is_over ||
		    !chunk_server_is_leased(world->servers[i].server))
			continue;
		*which = i;
		count++;
	}
	return count;
}

bool gfs_is_over_watched(void *context)
{
	struct gfs_watch *watch = context;
	int count = gfs_primaries(watch->world, watch->handle, &watch->last);

	watch->were_two |= count > 1;
	watch->was_none |= count == 0;
	return watch->deed->is_over;
}

size_t gfs_chunks_on(struct gfs_world *world, int server)
{
	const struct gfs_machine_of_world *machine = &world->servers[server];

	return machine->server ? chunk_store_count(chunk_server_store(machine->server)) : 0;
}

struct chunk *gfs_replica(struct gfs_world *world, int server, uint64_t handle)
{
	const struct gfs_machine_of_world *machine = &world->servers[server];

	if (!sim_node_is_up(machine->node) || !machine->server)
		return NULL;
	return chunk_find(chunk_server_store(machine->server), handle);
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

size_t gfs_raw(struct gfs_world *world, int server, uint64_t handle, void *bytes, size_t size)
{
	const struct chunk *chunk = gfs_replica(world, server, handle);
	char path[CHUNK_PATH_MAX + 64];
	int64_t got;

	assert_non_null(chunk);
	(void)snprintf(path, sizeof(path), "%s/chunks/%016" PRIx64 ".data", chunk->disk->path,
		       handle);
	if (size > chunk->length)
		size = (size_t)chunk->length;
	memset(bytes, 0, size);
	got = sim_disk_peek(world->servers[server].node, path, 0, bytes, size);
	assert_true(got >= 0 || got == GW_E_NOT_FOUND);
	return size;
}

void gfs_raw_equal(struct gfs_world *world, const struct gfs_seen *seen, uint64_t offset,
		   const void *bytes, size_t size)
{
	uint8_t *raw = calloc(1, (size_t)offset + size);

	assert_non_null(raw);
	assert_true(seen->count > 0);
	for (int i = 0; i < world->server_count; i++) {
		if (!(seen->replicas & 1u << i))
			continue;
		assert_int_equal(gfs_raw(world, i, seen->handle, raw, (size_t)offset + size),
				 offset + size);
		assert_memory_equal(raw + offset, bytes, size);
	}
	free(raw);
}

void gfs_rot(struct gfs_world *world, int server, uint64_t handle, uint64_t offset)
{
	char path[CHUNK_PATH_MAX];

	(void)snprintf(path, sizeof(path), "disk/chunks/%016" PRIx64 ".data", handle);
	assert_true(sim_disk_rot(world->servers[server].node, path, offset, 3));
}

/* ---- Everything ------------------------------------------------------------------------------ */

/* As many replicas as the goal, and where the master says. */
static bool slot_is_whole(struct gfs_world *world, const struct gfs_seen *seen)
{
	if (seen->count != (int)seen->goal)
		return false;
	for (int i = 0; i < world->server_count; i++) {
		const struct chunk *chunk = gfs_replica(world, i, seen->handle);

		if (!(seen->replicas & 1u << i))
			continue;
		if (!chunk || chunk->version != seen->version || chunk->is_bad ||
		    chunk->is_suspect)
			return false;
	}
	return true;
}

struct whole {
	struct gfs_world *world;
	const struct gfs_master *lead;
	bool is_whole;
};

static int look_at_all(void *argument)
{
	struct whole *whole = argument;
	struct gfs_world *world = whole->world;
	const struct gfs_chunks *chunks = &whole->lead->machine.state.chunks;
	size_t replicas = 0, there = 0;

	whole->is_whole = true;
	for (uint32_t slot = 0; slot < chunks->slots; slot++) {
		struct gfs_seen seen = see_slot(world, whole->lead, slot);

		if (seen.handle && !slot_is_whole(world, &seen))
			whole->is_whole = false;
		replicas += (size_t)seen.count;
	}
	for (int i = 0; i < world->server_count; i++)
		if (sim_node_is_up(world->servers[i].node))
			there += gfs_chunks_on(world, i);
	if (there != replicas)
		whole->is_whole = false;
	return 0;
}

static void compare_slot(struct gfs_world *world, const struct gfs_seen *seen)
{
	int first = gfs_pick(seen->replicas, GFS_NOBODY, 0);
	size_t size = (size_t)gfs_replica(world, first, seen->handle)->length;
	uint8_t *bytes = malloc(size + 1);

	assert_non_null(bytes);
	assert_int_equal(gfs_raw(world, first, seen->handle, bytes, size), size);
	for (int i = 0; i < world->server_count; i++)
		if (seen->replicas & 1u << i)
			assert_int_equal(gfs_replica(world, i, seen->handle)->length, size);
	if (size > 0)
		gfs_raw_equal(world, seen, 0, bytes, size);
	free(bytes);
}

static int compare_all(void *argument)
{
	struct whole *whole = argument;

	for (uint32_t slot = 0; slot < whole->lead->machine.state.chunks.slots; slot++) {
		struct gfs_seen seen = see_slot(whole->world, whole->lead, slot);

		if (seen.handle)
			compare_slot(whole->world, &seen);
	}
	return 0;
}

void gfs_all_whole(struct gfs_world *world)
{
	enum { TRIES = 600, TRY_MS = 500 };
	struct whole whole = {.world = world};
	int leader = GFS_NOBODY;

	for (int i = 0; i < TRIES && !whole.is_whole; i++) {
		gfs_pass_ms(world, TRY_MS);
		leader = gfs_leader_wait(world, GFS_NOBODY);
		whole.lead = world->masters[leader].master;
		(void)gfs_visit_loop(world, world->masters[leader].loop, look_at_all, &whole);
	}
	assert_true(whole.is_whole);
	(void)gfs_visit_loop(world, world->masters[leader].loop, compare_all, &whole);
}

/* ---- Work in a task -------------------------------------------------------------------------- */

struct visit {
	int (*run)(void *argument);
	void *argument;
	int result;
	bool is_over;
};

static int do_visit(void *argument)
{
	struct visit *visit = argument;

	visit->result = visit->run(visit->argument);
	visit->is_over = true;
	return 0;
}

static bool visit_is_over(void *context)
{
	return ((struct visit *)context)->is_over;
}

int gfs_visit_loop(struct gfs_world *world, struct gw_loop *loop, int (*run)(void *argument),
	      void *argument)
{
	struct visit visit = {run, argument, 0, false};

	assert_int_equal(task_loop_spawn(loop, do_visit, &visit, NULL), 0);
	gfs_wait_until(world, visit_is_over, &visit);
	return visit.result;
}
