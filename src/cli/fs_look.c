/* SPDX-License-Identifier: Apache-2.0 */
/* fs_look.c - `gw fs stat|du|df|locations|status`. */
#include "cli/fs.h"

#include "cli/kv.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- stat ------------------------------------------------------------------------------------ */

static int stat_path(struct cli_fs *fs, const char *path, struct gw_error *error)
{
	struct gw_gfs_stat stat;
	const struct gw_gfs_entry *entry = &stat.entry;
	char mode[10];
	int code = gw_gfs_stat(fs->client, gw_string(path), fs->exact, fs->weak, &stat, error);

	if (code < 0)
		return code;
	if (fs->json)
		return cli_fs_print_json(
			path,
			json_pack("{s:s,s:I,s:i,s:i,s:i,s:I,s:I,s:I,s:I,s:I,s:i,s:I}", "kind",
				  entry->kind == GW_GFS_FILE ? "file" : "directory", "id",
				  (json_int_t)entry->id, "mode", (int)entry->mode, "user",
				  (int)entry->user, "group", (int)entry->group, "modifiedMs",
				  (json_int_t)entry->modified_ms, "changedMs",
				  (json_int_t)entry->changed_ms, "length",
				  (json_int_t)entry->length, "chunks", (json_int_t)entry->chunks,
				  "chunkBytes", (json_int_t)1 << entry->chunk_log2, "goal",
				  (int)entry->goal, "index", (json_int_t)stat.index),
			error);
	cli_fs_mode_text(entry->mode, mode);
	fputs("path    ", stdout);
	cli_kv_print_escaped(gw_string(path));
	printf("\nkind    %s\nid      %" PRIu64 "\nmode    %s\nowner   %" PRIu32 " %" PRIu32
	       "\ngoal    %" PRIu32 "\n",
	       entry->kind == GW_GFS_FILE ? "file" : "directory", entry->id, mode,
	       entry->user, entry->group, entry->goal);
	if (entry->kind == GW_GFS_FILE)
		printf("length  %" PRIu64 "\nchunks  %" PRIu64 " of %" PRIu64 " bytes\n",
		       entry->length, entry->chunks, UINT64_C(1) << entry->chunk_log2);
	return 0;
}

int cli_fs_stat(struct cli_fs *fs, struct gw_error *error)
{
	return cli_fs_each_path(fs, 0, stat_path, error);
}

/* ---- du -------------------------------------------------------------------------------------- */

/* Before the line of one of several paths. */
static void print_heading(const struct cli_fs *fs, const char *path, const char *behind)
{
	if (!fs->several)
		return;
	cli_kv_print_escaped(gw_string(path));
	fputs(behind, stdout);
}

static int du_path(struct cli_fs *fs, const char *path, struct gw_error *error)
{
	struct cli_fs_usage usage = {0};
	int code = cli_fs_walk(fs, path, true, cli_fs_count_one, &usage, error);

	if (code < 0)
		return code;
	if (fs->json)
		return cli_fs_print_usage(path, &usage, error);
	print_heading(fs, path, ": ");
	printf("%" PRIu64 " bytes in %" PRIu64 " files, %" PRIu64 " directories\n", usage.bytes,
	       usage.files, usage.directories);
	return 0;
}

int cli_fs_du(struct cli_fs *fs, struct gw_error *error)
{
	return fs->count ? cli_fs_each_path(fs, 0, du_path, error) : du_path(fs, "/", error);
}

/* ---- df -------------------------------------------------------------------------------------- */

static int print_server(const struct cli_fs *fs, const struct gw_gfs_server *server,
			struct gw_error *error)
{
	if (fs->json)
		return cli_kv_print_json(
			json_pack("{s:i,s:s,s:s,s:b,s:b,s:I,s:I,s:I}", "server",
				  (int)server->place.server, "address", server->place.address,
				  "rack", server->place.rack, "lives", server->lives, "draining",
				  server->draining, "bytes", (json_int_t)server->bytes, "bytesFree",
				  (json_int_t)server->bytes_free, "chunks",
				  (json_int_t)server->chunks),
			error);
	printf("%6" PRIu32 "  %-22s %-10s %-8s %15" PRIu64 " %15" PRIu64 " %10" PRIu64 "\n",
	       server->place.server, server->place.address, server->place.rack,
	       !server->lives	  ? "lost"
	       : server->draining ? "draining"
				  : "lives",
	       server->bytes, server->bytes_free, server->chunks);
	return 0;
}

int cli_fs_df(struct cli_fs *fs, struct gw_error *error)
{
	struct gw_gfs_servers servers = {0};
	int code = gw_gfs_servers(fs->client, &servers, error);

	if (code == 0 && !fs->json)
		printf("server  %-22s %-10s %-8s %15s %15s %10s\n", "address", "rack", "state",
		       "bytes", "free", "chunks");
	for (size_t i = 0; i < servers.count && code == 0; i++)
		code = print_server(fs, &servers.items[i], error);
	gw_gfs_servers_done(&servers);
	return code;
}

/* ---- locations ------------------------------------------------------------------------------- */

enum { CHUNKS_AT_ONCE = 1000 };

struct located {
	const struct cli_fs *fs;
	const char *path;
};

static int print_chunk(void *context, const struct gw_gfs_chunk *chunk, struct gw_error *error)
{
	const struct located *located = context;
	json_t *places;

	if (!located->fs->json) {
		printf("%" PRIu64 "  %016" PRIx64 "  version %" PRIu64, chunk->index, chunk->handle,
		       chunk->version);
		for (size_t i = 0; i < chunk->place_count; i++)
			printf("  %s", chunk->places[i].address);
		puts(chunk->place_count ? "" : "  nowhere now");
		return 0;
	}
	places = json_array();
	for (size_t i = 0; places && i < chunk->place_count; i++)
		json_array_append_new(places, json_string(chunk->places[i].address));
	return cli_fs_print_json(located->path,
				 json_pack("{s:I,s:I,s:I,s:o}", "index", (json_int_t)chunk->index,
					   "handle", (json_int_t)chunk->handle, "version",
					   (json_int_t)chunk->version, "places", places),
				 error);
}

int cli_fs_each_chunk(struct cli_fs *fs, const char *path,
		      int (*visit)(void *context, const struct gw_gfs_chunk *chunk,
				   struct gw_error *error),
		      void *context, struct gw_error *error)
{
	struct gw_gfs_locations locations = {0};
	uint64_t first = 0;
	size_t count;
	int code;

	do {
		code = gw_gfs_locate(fs->client, gw_string(path), first, CHUNKS_AT_ONCE,
				     &locations, error);
		count = locations.count;
		for (size_t i = 0; i < count && code == 0; i++) {
			code = visit(context, &locations.chunks[i], error);
			first = locations.chunks[i].index + 1;
		}
		gw_gfs_locations_done(&locations);
	} while (code == 0 && count > 0);
	return code;
}

static int locate_path(struct cli_fs *fs, const char *path, struct gw_error *error)
{
	struct located located = {fs, path};

	if (!fs->json)
		print_heading(fs, path, ":\n");
	return cli_fs_each_chunk(fs, path, print_chunk, &located, error);
}

int cli_fs_locations(struct cli_fs *fs, struct gw_error *error)
{
	return cli_fs_each_path(fs, 0, locate_path, error);
}

/* ---- status ---------------------------------------------------------------------------------- */

int cli_fs_status(struct cli_fs *fs, struct gw_error *error)
{
	struct gw_gfs_status status;
	int code = gw_gfs_status(fs->client, &status, error);

	if (code < 0)
		return code;
	if (fs->json)
		return cli_kv_print_json(
			json_pack("{s:s,s:I,s:s,s:I,s:I,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:s}", "role",
				  status.role, "term", (json_int_t)status.term, "leaderAddress",
				  status.leader_address, "applied", (json_int_t)status.applied,
				  "wallMs", (json_int_t)status.wall_ms, "safe", status.safe,
				  "files", (json_int_t)status.files, "directories",
				  (json_int_t)status.directories, "chunks",
				  (json_int_t)status.chunks, "chunksMissing",
				  (json_int_t)status.chunks_missing, "chunksShort",
				  (json_int_t)status.chunks_short, "servers",
				  (json_int_t)status.servers, "version", status.version),
			error);
	printf("role         %s\nterm         %" PRIu64 "\nleader       %s\nentry        %" PRIu64
	       "\nsafe mode    %s\n",
	       status.role, status.term, status.leader_address, status.applied,
	       status.safe ? "yes" : "no");
	printf("files        %" PRIu64 "\ndirectories  %" PRIu64 "\nchunks       %" PRIu64
	       "\n  missing    %" PRIu64 "\n  short      %" PRIu64 "\nservers      %" PRIu64
	       "\nversion      %s\n",
	       status.files, status.directories, status.chunks, status.chunks_missing,
	       status.chunks_short, status.servers, status.version);
	return 0;
}
