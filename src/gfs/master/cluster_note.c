/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_note.c - where replicas are, as chunkservers say. Only those of the chunk's present
 * version are kept, and those of a grant's set, which are about to have it.
 */
#include "gfs/master/cluster_inside.h"

#include "io/rare.h"
#include "task/loop.h"

#include <assert.h>

static void note_reported(struct gfs_cluster_server *server, uint32_t slot)
{
	if (server && server->report_slots && slot < server->report_slot_count)
		server->report_slots[slot / 8] |= (uint8_t)(1 << slot % 8);
}

/* A list that is full makes room by those that do not live. */
static bool make_room(struct gfs_master *master, uint32_t slot)
{
	struct gfs_set set;
	bool has_room = false;

	gfs_replicas_of(&master->replicas, slot, &set);
	for (uint32_t i = 0; i < set.count; i++) {
		if (gfs_cluster_lives(master, set.servers[i]))
			continue;
		gfs_cluster_remove(master, slot, set.servers[i]);
		has_room = true;
	}
	return has_room;
}

void gfs_cluster_add(struct gfs_master *master, uint32_t slot, uint32_t number)
{
	struct gfs_cluster_server *server = gfs_cluster_server_make(master, number);
	struct gfs_set before;
	int code;

	/* Who is not taken down for want of memory or room is taken down when it is next heard. */
	if (!server)
		return;
	note_reported(server, slot);
	gfs_replicas_of(&master->replicas, slot, &before);
	code = gfs_replicas_add(&master->replicas, slot, (uint16_t)number, NULL);
	if (code == GW_E_TOO_LARGE && make_room(master, slot))
		code = gfs_replicas_add(&master->replicas, slot, (uint16_t)number, NULL);
	if (code >= 0)
		gfs_cluster_trust(master, slot);
	if (code != 1)
		return;
	server->chunks++;
	master->cluster->with_replica += before.count == 0;
}

void gfs_cluster_remove(struct gfs_master *master, uint32_t slot, uint32_t number)
{
	struct gfs_cluster_server *server = gfs_cluster_server(master, number);
	struct gfs_set after;

	if (!server || !gfs_replicas_remove(&master->replicas, slot, (uint16_t)number))
		return;
	assert(server->chunks > 0);
	server->chunks--;
	gfs_replicas_of(&master->replicas, slot, &after);
	assert(master->cluster->with_replica > 0);
	master->cluster->with_replica -= after.count == 0;
}

void gfs_cluster_replace(struct gfs_master *master, uint32_t slot, const struct gfs_set *set)
{
	struct gfs_set before;

	gfs_replicas_of(&master->replicas, slot, &before);
	for (uint32_t i = 0; i < before.count; i++)
		if (!gfs_set_has(set, before.servers[i]))
			gfs_cluster_remove(master, slot, before.servers[i]);
	for (uint32_t i = 0; i < set->count; i++)
		gfs_cluster_add(master, slot, set->servers[i]);
}

void gfs_cluster_alive(const struct gfs_master *master, uint32_t slot, struct gfs_set *alive,
		       uint32_t *draining)
{
	struct gfs_set set;

	*alive = (struct gfs_set){0};
	if (draining)
		*draining = 0;
	gfs_replicas_of(&master->replicas, slot, &set);
	for (uint32_t i = 0; i < set.count; i++) {
		if (!gfs_cluster_lives(master, set.servers[i]))
			continue;
		alive->servers[alive->count++] = set.servers[i];
		if (draining)
			*draining += gfs_cluster_server(master, set.servers[i])->drains;
	}
}

enum gfs_note gfs_cluster_note(struct gfs_master *master, uint32_t server, uint64_t handle,
			       uint64_t version, bool is_suspect)
{
	const struct gfs_chunk *chunk = gfs_cluster_chunk(master, handle);
	uint32_t slot = gfs_slot_of(handle);
	struct gfs_grant grant;

	if (!chunk)
		return GFS_NOTE_UNKNOWN;
	/* Whatever its version: power was lost, and nobody has compared it. */
	if (is_suspect) {
		gfs_cluster_remove(master, slot, server);
		gfs_cluster_suspect(master, slot, server, version);
		return GFS_NOTE_STALE;
	}
	if (version > chunk->version)
		return GFS_NOTE_AHEAD;
	if (version == chunk->version || IO_BUG(task_io(), "gfs.stale-granted")) {
		gfs_cluster_add(master, slot, server);
		return GFS_NOTE_GOOD;
	}
	if (version + 1 == chunk->version &&
	    gfs_grant_of(&master->machine.state, slot, &grant) &&
	    gfs_set_has(&grant.set, server)) {
		/* It is a replica when it has taken the grant; that it is here is no reason. */
		note_reported(gfs_cluster_server(master, server), slot);
		return GFS_NOTE_BEHIND;
	}
	gfs_cluster_remove(master, slot, server);
	return GFS_NOTE_STALE;
}

/* ---- Who was not reached --------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
	return gw_now_ns() / 1000000;
}

/* In the order in which they end. */
static void forget_shunned(struct base_map *shunned)
{
	struct gw_bytes key;
	void *until;

	if (shunned->count >= GFS_SHUNNED_MAX)
		base_map_done(shunned);
	for (size_t at = 0; base_map_next(shunned, &at, &key, &until);) {
		if ((uint64_t)(uintptr_t)until > now_ms())
			return;
		(void)base_map_remove(shunned, key, NULL);
	}
}

void gfs_cluster_shun(struct gfs_master *master, uint64_t handle, uint32_t server)
{
	struct base_map *shunned = &master->cluster->shunned;
	const uint64_t both[] = {handle, server};
	const struct gw_bytes key = {both, sizeof(both)};

	forget_shunned(shunned);
	(void)base_map_remove(shunned, key, NULL);
	/* Without memory for it it is chosen again. */
	(void)!base_map_put(shunned, key, (void *)(uintptr_t)(now_ms() + GFS_SHUN_MS), NULL);
}

bool gfs_cluster_is_shunned(const struct gfs_master *master, uint64_t handle, uint32_t server)
{
	const uint64_t both[] = {handle, server};
	void *until = base_map_get(&master->cluster->shunned,
				   (struct gw_bytes){both, sizeof(both)});

	return (uint64_t)(uintptr_t)until > now_ms();
}
