/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs_run_care.c - what clients of the workload gfs do beside reading and writing: snapshots, which
 * are deleted and brought back.
 */
#include "sim/workload_gfs.h"

#include <inttypes.h>
#include <stdio.h>

enum { NOW_PERCENT = 30 };

/* ---- Snapshots ------------------------------------------------------------------------------- */

void gfs_run_snapshot_path(const struct gfs_run_client *client, uint32_t number, char path[32])
{
	(void)snprintf(path, 32, "/copy%" PRIu32 "_%" PRIu32, client->number, number);
}

static int make(struct gfs_run_life *life, const char *own, const char *path)
{
	struct gfs_run_client *client = life->node;
	struct gfs_run_snapshot *snapshot = &client->snapshots[client->snapshot_count++];
	int code;

	/* Until it is answered it may be made at any time, or never. */
	snapshot->part = (struct gfs_content_part){client->content.count, SIZE_MAX,
						   client->content.time};
	code = gw_gfs_snapshot(life->client, gw_string(own), gw_string(path), NULL, NULL);
	if (code == 0 && sim_io_alive(life->io)) {
		snapshot->part.possible = client->content.count;
		snapshot->is_there = true;
	}
	return code;
}

static int delete(struct gfs_run_life *life, struct gfs_run_snapshot *snapshot, const char *path)
{
	bool now = gfs_run_draw(life->io, 100) < NOW_PERCENT;
	int code;

	snapshot->is_there = false;
	code = gw_gfs_delete(life->client, gw_string(path), now, NULL, NULL);
	if (code == GW_E_NOT_FOUND && sim_io_alive(life->io))
		sim_run_fail(life->state->run, "%s was made, and is not there", path);
	snapshot->is_deleted = code == 0 && !now && sim_io_alive(life->io);
	return code;
}

static int bring_back(struct gfs_run_life *life, struct gfs_run_snapshot *snapshot,
		      const char *path)
{
	int code;

	snapshot->is_deleted = false;
	code = gw_gfs_undelete(life->client, gw_string(path), 0, (struct gw_bytes){0}, NULL, NULL);
	snapshot->is_there = code == 0 && sim_io_alive(life->io);
	return code;
}

int gfs_run_ask_snapshot(struct gfs_run_life *life)
{
	struct gfs_run_client *client = life->node;
	uint32_t which = (uint32_t)gfs_run_draw(life->io, GFS_RUN_SNAPSHOTS);
	struct gfs_run_snapshot *snapshot = &client->snapshots[which];
	char own[32], path[32];

	if (which >= client->snapshot_count) {
		(void)snprintf(own, sizeof(own), "/own%" PRIu32, client->number);
		gfs_run_snapshot_path(client, client->snapshot_count, path);
		return make(life, own, path);
	}
	gfs_run_snapshot_path(client, which, path);
	if (snapshot->is_there)
		return delete(life, snapshot, path);
	return snapshot->is_deleted ? bring_back(life, snapshot, path) : 0;
}
