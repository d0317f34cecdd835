/* SPDX-License-Identifier: Apache-2.0 */
/* fs.c - `gw fs`: the table of its actions, connecting, errors. */
#include "cli/fs.h"

#include "cli/action.h"
#include "cli/tls.h"

#include <stdlib.h>

#define MASTERS "127.0.0.1:7100"

enum { FS_STACK_BYTES = 4 << 20 /* trees are walked by recursion: 2,048 names deep */ };

/* What all of them have. */
static const struct gw_option shared[] = {
	{"cluster", 0, GW_OPTION_STRING, offsetof(struct cli_fs, cluster), "A,B,C",
	 "Addresses of masters (the variable GW_CLUSTER, or " MASTERS ")", NULL},
	{"deadline", 'd', GW_OPTION_MS, offsetof(struct cli_fs, deadline_ms), "TIME",
	 "Give up after this time, like 500ms or 10s (a minute without progress)", NULL},
	{"json", 0, GW_OPTION_FLAG, offsetof(struct cli_fs, json), NULL,
	 "For programs: a line of JSON for each answer, and for the error", NULL},
	{"literal", 0, GW_OPTION_FLAG, offsetof(struct cli_fs, literal), NULL,
	 "No path is a pattern", NULL},
	{"rack", 0, GW_OPTION_STRING, offsetof(struct cli_fs, rack), "NAME",
	 "The rack of this machine: replicas in it are read first (none)", NULL},
	{"insecure", 0, GW_OPTION_FLAG, offsetof(struct cli_fs, insecure), NULL,
	 "Plain text also to another machine", NULL},
	{"ca", 0, GW_OPTION_STRING, offsetof(struct cli_fs, ca), "FILE",
	 "TLS: the certificate of the cluster's authority", NULL},
	{"cert", 0, GW_OPTION_STRING, offsetof(struct cli_fs, certificate), "FILE",
	 "TLS: our certificate", NULL},
	{"key", 0, GW_OPTION_STRING, offsetof(struct cli_fs, key), "FILE", "TLS: its key", NULL},
	{"server-role", 0, GW_OPTION_STRING, offsetof(struct cli_fs, server_role), "ROLE",
	 "TLS: what the servers must be, instead of the hosts that are called", NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct cli_fs, help), NULL, "Print this help", NULL},
	{0},
};

#define WEAK_OPTION                                                                            \
	{"weak", 0, GW_OPTION_FLAG, offsetof(struct cli_fs, weak), NULL,                       \
	 "Of any master, from what it has: maybe old", NULL}
#define NEW_FILE_OPTIONS                                                                       \
	{"goal", 0, GW_OPTION_INT, offsetof(struct cli_fs, goal), "N",                         \
	 "Replicas of a new file, 1 to 8 (its directory's)", NULL},                            \
		{"chunk", 0, GW_OPTION_SIZE, offsetof(struct cli_fs, chunk_bytes), "SIZE",     \
		 "Bytes of a chunk of a new file, a power of two (64M)", NULL}
#define FORCE_OPTION                                                                           \
	{"force", 'f', GW_OPTION_FLAG, offsetof(struct cli_fs, force), NULL,                   \
	 "Replace what is there, in one step", NULL}

#define RECURSIVE_OPTION                                                                       \
	{"recursive", 'r', GW_OPTION_FLAG, offsetof(struct cli_fs, recursive), NULL,           \
	 "Directories with all under them", NULL},                                             \
		{"recursive", 'R', GW_OPTION_FLAG, offsetof(struct cli_fs, recursive), NULL,   \
		 "The same", NULL}

static const struct gw_option no_options[] = {{0}};
static const struct gw_option set_options[] = {RECURSIVE_OPTION, {0}};
static const struct gw_option drain_options[] = {
	{"back", 0, GW_OPTION_FLAG, offsetof(struct cli_fs, back), NULL,
	 "It is used again", NULL},
	{0},
};
static const struct gw_option ls_options[] = {
	{"long", 'l', GW_OPTION_FLAG, offsetof(struct cli_fs, details), NULL,
	 "Permissions, replicas, owner, length and time, too", NULL},
	{"deleted", 0, GW_OPTION_FLAG, offsetof(struct cli_fs, deleted), NULL,
	 "Files that were at or under PATH and can be undeleted", NULL},
	RECURSIVE_OPTION,
	WEAK_OPTION,
	{0},
};
static const struct gw_option put_options[] = {RECURSIVE_OPTION, FORCE_OPTION, NEW_FILE_OPTIONS,
					       {0}};
static const struct gw_option append_options[] = {NEW_FILE_OPTIONS, {0}};
static const struct gw_option mv_options[] = {FORCE_OPTION, {0}};
static const struct gw_option rm_options[] = {
	RECURSIVE_OPTION,
	{"now", 0, GW_OPTION_FLAG, offsetof(struct cli_fs, now), NULL,
	 "For good: it cannot be undeleted", NULL},
	{0},
};
static const struct gw_option undelete_options[] = {
	{"id", 0, GW_OPTION_INT, offsetof(struct cli_fs, id), "N",
	 "The file with this number, of those that had the path (the last)", NULL},
	{0},
};
static const struct gw_option mkdir_options[] = {
	{"parents", 'p', GW_OPTION_FLAG, offsetof(struct cli_fs, parents), NULL,
	 "Also those above; no error if it is there", NULL},
	{"mode", 'm', GW_OPTION_STRING, offsetof(struct cli_fs, mode), "OCTAL",
	 "Permissions (755)", NULL},
	{0},
};
static const struct gw_option stat_options[] = {
	{"exact", 0, GW_OPTION_FLAG, offsetof(struct cli_fs, exact), NULL,
	 "Ask those who have the last chunk for the length now", NULL},
	WEAK_OPTION,
	{0},
};

const char *cli_fs_cluster(const char *given)
{
	const char *cluster = given ? given : getenv("GW_CLUSTER");

	return cluster && *cluster ? cluster : MASTERS;
}

/* ---- In the task ----------------------------------------------------------------------------- */

static int ask_in_task(void *argument)
{
	struct cli_fs *fs = argument;
	const struct gw_rpc_tls_options of_tls = {.ca = fs->ca,
						  .certificate = fs->certificate,
						  .key = fs->key,
						  .server_role = fs->server_role};
	struct gw_gfs_client_options options = {.insecure = fs->insecure, .rack = fs->rack};
	struct gw_rpc_tls *tls = NULL;
	int code = cli_tls(&of_tls, fs->insecure, &tls, fs->error);

	options.tls = tls;
	if (code == 0)
		code = gw_gfs_client_new(&fs->client, cli_fs_cluster(fs->cluster), &options,
					 fs->error);
	if (code == 0 && fs->deadline_ms)
		(void)gw_deadline_set(gw_after_ms(fs->deadline_ms));
	if (code == 0)
		code = fs->ask(fs, fs->error);
	gw_gfs_client_free(fs->client);
	gw_rpc_tls_free(tls);
	return code < 0 ? code : 0;
}

/* ---- The command line ------------------------------------------------------------------------ */

static int run(struct cli_fs *fs, char **operands, size_t count, struct gw_error *error)
{
	const struct gw_run_options options = {.name = "gw fs", .stack_bytes = FS_STACK_BYTES};

	if (fs->goal < 0 || fs->goal > GW_GFS_GOAL_MAX)
		return gw_fail(error, GW_E_USAGE, "--goal is 1 to %d", GW_GFS_GOAL_MAX);
	if (fs->chunk_bytes & (fs->chunk_bytes - 1))
		return gw_fail(error, GW_E_USAGE, "--chunk is a power of two");
	fs->operands = operands;
	fs->count = count;
	fs->error = error;
	return gw_run(ask_in_task, fs, &options, error);
}

#define RUN(action)                                                                            \
	static int run_##action(void *values, char **operands, size_t count,                   \
				struct gw_error *error)                                        \
	{                                                                                      \
		((struct cli_fs *)values)->ask = cli_fs_##action;                              \
		return run(values, operands, count, error);                                    \
	}
RUN(ls)
RUN(put)
RUN(get)
RUN(cat)
RUN(append)
RUN(cp)
RUN(mv)
RUN(rm)
RUN(undelete)
RUN(mkdir)
RUN(stat)
RUN(du)
RUN(df)
RUN(snapshot)
RUN(locations)
RUN(status)
RUN(chmod)
RUN(chown)
RUN(goal)
RUN(count)
RUN(fsck)
RUN(verify)
RUN(drain)
RUN(rebalance)
#undef RUN

static void print_error(const void *values, const char *name, int code,
			const struct gw_error *error)
{
	cli_print_error(((const struct cli_fs *)values)->json, name, code, error);
}

#define ACTION(action, table)                                                                  \
	.name = #action, .options = table, .shared = shared, .run = run_##action,              \
	.values_bytes = sizeof(struct cli_fs), .fail = print_error

static const struct cli_action actions[] = {
	{ACTION(ls, ls_options), .operands = "[PATH...]", .operands_max = SIZE_MAX,
	 .summary = "List directories",
	 .help = "Names in the order of their bytes, those of directories with a '/' behind. Of\n"
		 "several, and with --recursive, paths.\n\n"},
	{ACTION(put, put_options), .operands = "LOCAL... PATH", .operands_min = 2,
	 .operands_max = SIZE_MAX, .summary = "Store files",
	 .help = "LOCAL '-' is standard input. The file gets its name when all of it is on the\n"
		 "disks of all replicas; before, it is called PATH.NUMBER.part.\n\n"},
	{ACTION(get, set_options), .operands = "PATH... [LOCAL]", .operands_min = 1,
	 .operands_max = SIZE_MAX, .summary = "Fetch files",
	 .help = "Of several operands the last is LOCAL; without it files come here. '-' is\n"
		 "standard output.\n\n"},
	{ACTION(cat, no_options), .operands = "PATH...", .operands_min = 1,
	 .operands_max = SIZE_MAX, .summary = "Print files", .help = ""},
	{ACTION(append, append_options), .operands = "LOCAL PATH", .operands_min = 2,
	 .operands_max = 2, .summary = "Put something behind a file",
	 .help = "Makes the file if it is not there. LOCAL ('-': standard input) goes there in\n"
		 "pieces of a quarter of a chunk, at most 1 MiB, each whole and once; what others\n"
		 "append meanwhile, and padding, may be between them.\n\n"},
	{ACTION(cp, put_options), .operands = "PATH... TO", .operands_min = 2,
	 .operands_max = SIZE_MAX, .summary = "Copy files",
	 .help = "The bytes go through this machine; `gw fs snapshot` shares them.\n\n"},
	{ACTION(mv, mv_options), .operands = "PATH... TO", .operands_min = 2,
	 .operands_max = SIZE_MAX, .summary = "Give files and directories another name",
	 .help = "If TO is a directory, they go there.\n\n"},
	{ACTION(rm, rm_options), .operands = "PATH...", .operands_min = 1,
	 .operands_max = SIZE_MAX, .summary = "Delete files and directories",
	 .help = "Files can be undeleted for some days, by default three.\n\n"},
	{ACTION(undelete, undelete_options), .operands = "PATH [TO]", .operands_min = 1,
	 .operands_max = 2, .summary = "Bring a deleted file back",
	 .help = "`gw fs ls --deleted` lists them.\n\n"},
	{ACTION(mkdir, mkdir_options), .operands = "PATH...", .operands_min = 1,
	 .operands_max = SIZE_MAX, .summary = "Make directories", .help = ""},
	{ACTION(stat, stat_options), .operands = "PATH...", .operands_min = 1,
	 .operands_max = SIZE_MAX, .summary = "Print what is known of files and directories",
	 .help = ""},
	{ACTION(chmod, set_options), .operands = "OCTAL PATH...", .operands_min = 2,
	 .operands_max = SIZE_MAX, .summary = "Set permissions", .help = ""},
	{ACTION(chown, set_options), .operands = "USER[:GROUP] PATH...", .operands_min = 2,
	 .operands_max = SIZE_MAX, .summary = "Set owners",
	 .help = "Both are numbers.\n\n"},
	{ACTION(goal, set_options), .operands = "N PATH...", .operands_min = 2,
	 .operands_max = SIZE_MAX, .summary = "Set how many replicas there are to be",
	 .help = "Chunks of a file get or lose replicas; of a directory it is for what is made in\n"
		 "it. 0: that of the directory above.\n\n"},
	{ACTION(du, no_options), .operands = "[PATH...]", .operands_max = SIZE_MAX,
	 .summary = "Count files and bytes under a directory",
	 .help = "Lengths are those that the masters know, of one replica.\n\n"},
	{ACTION(count, no_options), .operands = "PATH...", .operands_min = 1,
	 .operands_max = SIZE_MAX, .summary = "Print directories, files and bytes of each path",
	 .help = ""},
	{ACTION(fsck, no_options), .operands = "[PATH...]", .operands_max = SIZE_MAX,
	 .summary = "Name files that are short of replicas",
	 .help = "Exit status 1: there are some; 9: chunks have no replica at all now.\n\n"},
	{ACTION(verify, no_options), .operands = "[PATH...]", .operands_max = SIZE_MAX,
	 .summary = "Read all replicas and compare them",
	 .help = "Against their checksums and with each other. Exit status 9: some are damaged or\n"
		 "cannot be read; 1: some differ, as a write that failed leaves them.\n\n"},
	{ACTION(df, no_options), .operands = "", .summary = "Print the chunkservers and their room",
	 .help = ""},
	{ACTION(drain, drain_options), .operands = "SERVER", .operands_min = 1,
	 .operands_max = 1, .summary = "Take all chunks from a chunkserver",
	 .help = "SERVER is its number, as `gw fs df` has it. It goes on serving meanwhile.\n\n"},
	{ACTION(rebalance, no_options), .operands = "[start|stop|status]", .operands_max = 1,
	 .summary = "Print how evenly chunkservers are filled, and see to it",
	 .help = "start: replicas move until shares of space used differ by a percent at most.\n"
		 "stop: none moves, until it is started or another master leads.\n\n"},
	{ACTION(snapshot, no_options), .operands = "PATH TO", .operands_min = 2,
	 .operands_max = 2, .summary = "Copy a file or a tree, as it is at one moment",
	 .help = "Nothing is copied before one of the two is written to.\n\n"},
	{ACTION(locations, no_options), .operands = "PATH...", .operands_min = 1,
	 .operands_max = SIZE_MAX, .summary = "Print where the chunks of files are",
	 .help = ""},
	{ACTION(status, no_options), .operands = "", .summary = "Print how a master is",
	 .help = "Of the first master of --cluster that answers.\n\n"},
	{0},
};

static const struct cli_actions fs_actions = {
	.name = "gw fs",
	.help = "Files in the file system of a cluster. PATH begins with '/'. One that is there\n"
		"may be a pattern, as a shell has them, in quotes: '/logs/*.gz'.\n\n",
	.example = "gw fs put - /notes < notes.txt && gw fs cat /notes",
	.actions = actions,
};

int cli_fs(int argc, char **argv)
{
	return cli_actions_run(&fs_actions, argc, argv);
}

void cli_fs_words(int argc, char **argv, FILE *file)
{
	cli_actions_words(&fs_actions, argc, argv, file);
}
