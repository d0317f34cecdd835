/* SPDX-License-Identifier: Apache-2.0 */
/* fs_care.c - `gw fs chmod|chown|goal|count|fsck|drain|rebalance`: attributes, trees, servers. */
#include "cli/fs.h"

#include "cli/kv.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- Attributes ------------------------------------------------------------------------------ */

struct setting {
	struct cli_fs *fs;
	struct gw_gfs_attributes attributes;
	bool keep_group;
};

static int set_one(void *context, const char *path, const struct gw_gfs_entry *entry,
		   struct gw_error *error)
{
	const struct setting *setting = context;
	struct gw_gfs_attributes attributes = setting->attributes;
	struct gw_gfs_change change = {0};
	int code;

	if (setting->keep_group)
		attributes.group = entry->group;
	code = gw_gfs_set(setting->fs->client, gw_string(path), &attributes, &change, error);
	return cli_fs_print_change(setting->fs, code, &change, error);
}

/* The first operand was the value. */
static int set_all(struct setting *setting, struct gw_error *error)
{
	struct cli_fs *fs = setting->fs;
	struct cli_fs_paths paths = {0};
	int code = cli_fs_paths_of(fs, fs->operands + 1, fs->count - 1, &paths, error);

	for (size_t i = 0; i < paths.count && code == 0; i++)
		code = cli_fs_walk(fs, paths.items[i], fs->recursive, set_one, setting, error);
	cli_fs_paths_done(&paths);
	return code;
}

/* A number up to max at *text, which moves behind it. */
static bool read_number(const char **text, int base, unsigned long max, uint32_t *number)
{
	char *end = NULL;
	unsigned long value;

	if (**text < '0' || **text > '9')
		return false;
	value = strtoul(*text, &end, base);
	if (end == *text || value > max)
		return false;
	*text = end;
	*number = (uint32_t)value;
	return true;
}

int cli_fs_read_mode(const char *text, uint32_t *mode, struct gw_error *error)
{
	const char *at = text;

	return read_number(&at, 8, 07777, mode) && *at == '\0'
		       ? 0
		       : gw_fail(error, GW_E_USAGE, "%s: permissions are like 755", text);
}

int cli_fs_chmod(struct cli_fs *fs, struct gw_error *error)
{
	struct setting setting = {.fs = fs, .attributes.set_mode = true};
	int code = cli_fs_read_mode(fs->operands[0], &setting.attributes.mode, error);

	return code < 0 ? code : set_all(&setting, error);
}

int cli_fs_chown(struct cli_fs *fs, struct gw_error *error)
{
	struct setting setting = {.fs = fs, .attributes.set_owner = true};
	const char *at = fs->operands[0];
	bool is_right = read_number(&at, 10, UINT32_MAX, &setting.attributes.user);

	setting.keep_group = is_right && *at == '\0';
	if (is_right && *at == ':') {
		at++;
		is_right = read_number(&at, 10, UINT32_MAX, &setting.attributes.group);
	}
	if (!is_right || *at)
		return gw_fail(error, GW_E_USAGE, "%s: owners are numbers, USER or USER:GROUP",
			       fs->operands[0]);
	return set_all(&setting, error);
}

int cli_fs_goal(struct cli_fs *fs, struct gw_error *error)
{
	struct setting setting = {.fs = fs, .attributes.set_goal = true};
	const char *at = fs->operands[0];

	if (!read_number(&at, 10, GW_GFS_GOAL_MAX, &setting.attributes.goal) || *at)
		return gw_fail(error, GW_E_USAGE, "%s: a goal is 1 to %d, or 0: as above",
			       fs->operands[0], GW_GFS_GOAL_MAX);
	return set_all(&setting, error);
}

/* ---- count ----------------------------------------------------------------------------------- */

int cli_fs_count_one(void *context, const char *path, const struct gw_gfs_entry *entry,
		     struct gw_error *error)
{
	struct cli_fs_usage *usage = context;

	(void)path;
	(void)error;
	if (entry->kind == GW_GFS_FILE) {
		usage->files++;
		usage->bytes += entry->length;
	} else {
		usage->directories++;
	}
	return 0;
}

int cli_fs_print_usage(const char *path, const struct cli_fs_usage *usage, struct gw_error *error)
{
	return cli_fs_print_json(path,
				 json_pack("{s:I,s:I,s:I}", "directories",
					   (json_int_t)usage->directories, "files",
					   (json_int_t)usage->files, "bytes",
					   (json_int_t)usage->bytes),
				 error);
}

static int print_count(const struct cli_fs *fs, const char *path, const struct cli_fs_usage *usage,
		       struct gw_error *error)
{
	if (fs->json)
		return cli_fs_print_usage(path, usage, error);
	printf("%12" PRIu64 " %12" PRIu64 " %18" PRIu64 " ", usage->directories, usage->files,
	       usage->bytes);
	cli_kv_print_escaped(gw_string(path));
	putchar('\n');
	return 0;
}

static int count_path(struct cli_fs *fs, const char *path, struct gw_error *error)
{
	struct cli_fs_usage usage = {0};
	int code = cli_fs_walk(fs, path, true, cli_fs_count_one, &usage, error);

	return code < 0 ? code : print_count(fs, path, &usage, error);
}

int cli_fs_count(struct cli_fs *fs, struct gw_error *error)
{
	return cli_fs_each_path(fs, 0, count_path, error);
}

/* ---- fsck ------------------------------------------------------------------------------------ */

struct check {
	struct cli_fs *fs;
	uint64_t files, chunks, files_short, chunks_missing;
};

struct checked_file {
	uint32_t goal;
	uint64_t chunks, few, none; /* with fewer replicas than the goal; with none */
};

static int look_at_chunk(void *context, const struct gw_gfs_chunk *chunk, struct gw_error *error)
{
	struct checked_file *file = context;

	(void)error;
	file->chunks++;
	file->few += chunk->place_count < file->goal;
	file->none += chunk->place_count == 0;
	return 0;
}

static int print_short(const struct cli_fs *fs, const char *path, const struct checked_file *file,
		       struct gw_error *error)
{
	if (fs->json)
		return cli_fs_print_json(
			path,
			json_pack("{s:i,s:I,s:I,s:I}", "goal", (int)file->goal, "chunks",
				  (json_int_t)file->chunks, "chunksShort", (json_int_t)file->few,
				  "chunksMissing", (json_int_t)file->none),
			error);
	cli_kv_print_escaped(gw_string(path));
	printf(": %" PRIu64 " of %" PRIu64 " chunks have fewer than %" PRIu32 " replicas, %" PRIu64
	       " of them none\n",
	       file->few, file->chunks, file->goal, file->none);
	return 0;
}

static int check_file(void *context, const char *path, const struct gw_gfs_entry *entry,
		      struct gw_error *error)
{
	struct check *check = context;
	struct checked_file file = {.goal = entry->goal};
	int code;

	if (entry->kind != GW_GFS_FILE)
		return 0;
	code = cli_fs_each_chunk(check->fs, path, look_at_chunk, &file, error);
	check->files++;
	check->chunks += file.chunks;
	check->files_short += file.few > 0;
	check->chunks_missing += file.none;
	return code < 0 || file.few == 0 ? code
					 : print_short(check->fs, path, &file, error);
}

int cli_fs_fsck(struct cli_fs *fs, struct gw_error *error)
{
	struct check check = {.fs = fs};
	int code = cli_fs_walk_all(fs, check_file, &check, error);

	if (code < 0)
		return code;
	if (!fs->json)
		printf("%" PRIu64 " files, %" PRIu64 " chunks\n", check.files, check.chunks);
	if (check.chunks_missing)
		return gw_fail(error, GW_E_CORRUPT, "%" PRIu64 " chunks have no replica now",
			       check.chunks_missing);
	return check.files_short
		       ? gw_fail(error, GW_E_FAILED, "%" PRIu64 " files are short of replicas",
				 check.files_short)
		       : 0;
}

/* ---- drain ----------------------------------------------------------------------------------- */

int cli_fs_drain(struct cli_fs *fs, struct gw_error *error)
{
	struct gw_gfs_change change = {0};
	const char *at = fs->operands[0];
	uint32_t server = 0;
	int code;

	if (!read_number(&at, 10, UINT16_MAX, &server) || *at || server == 0)
		return gw_fail(error, GW_E_USAGE, "%s: a server is a number, as `gw fs df` has it",
			       fs->operands[0]);
	code = gw_gfs_drain(fs->client, server, fs->back, &change, error);
	return cli_fs_print_change(fs, code, &change, error);
}

/* ---- rebalance ------------------------------------------------------------------------------- */

static int print_rebalance(const struct cli_fs *fs, const struct gw_gfs_rebalance *it,
			   struct gw_error *error)
{
	if (fs->json)
		return cli_kv_print_json(
			json_pack("{s:b,s:b,s:b,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:f}", "stopped",
				  it->is_stopped, "running", it->is_running, "waits", it->waits,
				  "asked", it->is_asked, "moved", (json_int_t)it->moved, "failed",
				  (json_int_t)it->failed, "elapsedMs", (json_int_t)it->elapsed_ms,
				  "left", (json_int_t)it->left, "leftMs", (json_int_t)it->left_ms,
				  "underWay", (json_int_t)it->under_way, "lowestPercent",
				  it->lowest / 100.0, "highestPercent", it->highest / 100.0),
			error);
	printf("state    %s\n", it->is_stopped	  ? "stopped"
				: it->waits	  ? "waits until no chunk is short of replicas"
				: it->is_running ? "running"
						  : "nothing to do");
	printf("used     %.2f %% to %.2f %%\n", it->lowest / 100.0, it->highest / 100.0);
	if (it->is_running || it->left > 0)
		printf("moved    %" PRIu64 " replicas in %" PRIu64 " s, %" PRIu64 " failed\n"
		       "left     about %" PRIu64 ", %" PRIu64 " under way\n",
		       it->moved, it->elapsed_ms / 1000, it->failed, it->left, it->under_way);
	if (it->left > 0 && it->left_ms > 0)
		printf("time     about %" PRIu64 " s\n", it->left_ms / 1000 + 1);
	return 0;
}

int cli_fs_rebalance(struct cli_fs *fs, struct gw_error *error)
{
	static const struct {
		const char *name;
		enum gw_gfs_rebalance_what what;
	} words[] = {{"status", GW_GFS_REBALANCE_LOOK},
		     {"start", GW_GFS_REBALANCE_START},
		     {"stop", GW_GFS_REBALANCE_STOP}};
	const char *word = fs->count > 0 ? fs->operands[0] : "status";
	struct gw_gfs_rebalance rebalance;
	size_t at = 0;
	int code;

	while (at < sizeof(words) / sizeof(words[0]) && strcmp(words[at].name, word) != 0)
		at++;
	if (at == sizeof(words) / sizeof(words[0]))
		return gw_fail(error, GW_E_USAGE, "%s: start, stop or status", word);
	code = gw_gfs_rebalance(fs->client, words[at].what, &rebalance, error);
	return code < 0 ? code : print_rebalance(fs, &rebalance, error);
}
