/* SPDX-License-Identifier: Apache-2.0 */
/* gfs_run_names.c - what clients of the workloads gfs and gfs-names ask about names. */
#include "sim/workload_gfs.h"

#include <inttypes.h>
#include <stdio.h>

enum { CHILD_PERCENT = 40 };

/* A place, or something in it. */
static void draw_path(struct gfs_run_life *life, uint32_t place, char path[GFS_NAMES_PATH_MAX])
{
	int used = snprintf(path, GFS_NAMES_PATH_MAX, "/p%" PRIu32 "_%" PRIu32, place,
			    life->state->generations[place]);

	if (gfs_run_draw(life->io, 100) < CHILD_PERCENT)
		snprintf(path + used, GFS_NAMES_PATH_MAX - (size_t)used, "/c%" PRIu64,
			 gfs_run_draw(life->io, 2));
}

static int create(struct gfs_run_life *life, const char *path, struct gw_gfs_change *change)
{
	const struct gw_gfs_open open = {
		.create = true,
		.exclusive = true,
		.chunk_log2 = life->state->cluster ? GFS_RUN_LOG_LOG2 : 0,
	};
	struct gw_gfs_file *file;
	int code = gw_gfs_open(&file, life->client, gw_string(path), &open, NULL);

	if (code < 0)
		return code;
	*change = (struct gw_gfs_change){gw_gfs_file_created(file), gw_gfs_file_id(file)};
	return gw_gfs_close(file, NULL);
}

static int stat(struct gfs_run_life *life, const char *path, struct gw_gfs_change *change)
{
	struct gw_gfs_stat stat;
	int code = gw_gfs_stat(life->client, gw_string(path), false, false, &stat, NULL);

	*change = (struct gw_gfs_change){stat.index, stat.entry.id};
	return code;
}

static int ask(struct gfs_run_life *life, enum gfs_names_kind kind, const char *path,
	       const char *to, struct gw_gfs_change *change)
{
	switch (kind) {
	case GFS_NAMES_CREATE:
		return create(life, path, change);
	case GFS_NAMES_MKDIR:
		return gw_gfs_mkdir(life->client, gw_string(path), 0755, change, NULL);
	case GFS_NAMES_DELETE:
		return gw_gfs_delete(life->client, gw_string(path), false, change, NULL);
	case GFS_NAMES_RENAME:
		return gw_gfs_rename(life->client, gw_string(path), gw_string(to), false, change,
				     NULL);
	default:
		return stat(life, path, change);
	}
}

/* Codes that say for certain that it did not happen (groundwork/gfs.h). */
static bool is_refusal(int code)
{
	return code == GW_E_NOT_FOUND || code == GW_E_EXISTS || code == GW_E_INVALID ||
	       code == GW_E_TOO_LARGE || code == GW_E_DENIED || code == GW_E_NOT_LEADER ||
	       code == GW_E_UNREACHABLE || code == GW_E_OVERLOADED || code == GW_E_BUSY ||
	       code == GW_E_NO_SPACE;
}

int gfs_run_ask_names(struct gfs_run_life *life)
{
	struct gfs_run_state *state = life->state;
	enum gfs_names_kind kind = (enum gfs_names_kind)gfs_run_draw(life->io, GFS_NAMES_KINDS);
	uint32_t place = (uint32_t)gfs_run_draw(life->io, GFS_RUN_PLACES);
	uint32_t other = (uint32_t)gfs_run_draw(life->io, GFS_RUN_PLACES);
	char path[GFS_NAMES_PATH_MAX], to[GFS_NAMES_PATH_MAX] = "";
	uint32_t generation = state->generations[place], other_generation;
	struct gw_gfs_change change = {0};
	int number, code;

	draw_path(life, place, path);
	other_generation = state->generations[other];
	if (kind == GFS_NAMES_RENAME)
		draw_path(life, other, to);
	number = gfs_names_asked(&state->names, kind, path, to, NULL);
	if (number < 0)
		return number;
	code = ask(life, kind, path, to, &change);
	if (!sim_io_alive(life->io))
		return code;
	if (code == 0 || is_refusal(code)) {
		gfs_names_answered(&state->names, number, code, change.index, change.id);
		return code;
	}
	if (kind == GFS_NAMES_STAT)
		return code;
	/* Nobody knows what is there now: other names from here on. */
	if (state->generations[place] == generation)
		state->generations[place]++;
	if (to[0] && state->generations[other] == other_generation)
		state->generations[other]++;
	return code;
}
