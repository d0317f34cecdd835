/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs.c - `gw gfs`: the table of its actions; a master, and a chunkserver, until a signal.
 */
#include "cli/gfs.h"

#include "cli/action.h"
#include "cli/fs.h"
#include "task/disk.h"
#include "task/home.h"

enum { STOP_MS = 2000, REBALANCE_MOVES_MAX = 1000 };

#define OPTION(name, letter, kind, field, value, text)                                         \
	{name, letter, kind, offsetof(struct cli_gfs, field), value, text, NULL}
#define DIRECTORY_OPTION                                                                       \
	OPTION("dir", 0, GW_OPTION_STRING, directory, "DIR",                                   \
	       "Where all of it is kept; made when it is not there")
#define ADVERTISE_OPTION                                                                       \
	OPTION("advertise", 0, GW_OPTION_STRING, advertise, "ADDRESS",                         \
	       "Where others reach it (as --listen)")
/* Of masters. */
#define LOG_OPTIONS                                                                            \
	OPTION("election", 0, GW_OPTION_MS, election_ms, "TIME",                               \
	       "A leader that is silent so long is replaced; the same on all masters (1s)"),   \
		OPTION("heartbeat", 0, GW_OPTION_MS, heartbeat_ms, "TIME",                     \
		       "How often an idle leader speaks (150ms)"),                             \
		OPTION("snapshot-after", 0, GW_OPTION_SIZE, snapshot_bytes, "SIZE",            \
		       "A checkpoint is made after so much log (64M)")
#define CHUNK_OPTIONS                                                                          \
	OPTION("chunk-lease", 0, GW_OPTION_MS, chunk_lease_ms, "TIME",                         \
	       "A chunkserver may give the order of writes so long; the same on all (10s)"),   \
		OPTION("safe", 0, GW_OPTION_MS, safe_ms, "TIME",                               \
		       "A new leader waits so long at most for reports of chunks (1m)")
#define REBALANCE_OPTIONS                                                                      \
	OPTION("rebalance", 0, GW_OPTION_INT, rebalance_percent, "PERCENT",                    \
	       "Replicas move when shares of space used differ by more; 100: none does (10)"),     \
		OPTION("rebalance-moves", 0, GW_OPTION_INT, rebalance_moves, "N",              \
		       "So many replicas move at once (8)"),                                   \
		OPTION("rebalance-rate", 0, GW_OPTION_SIZE, rebalance_bytes, "SIZE",           \
		       "Each at so much a second (32M)")
#define CHUNK_HEARTBEAT_OPTION                                                                 \
	OPTION("chunk-heartbeat", 0, GW_OPTION_MS, chunk_heartbeat_ms, "TIME",                 \
	       "How often a chunkserver speaks to each master (1s)")
#define SCRUB_OPTIONS                                                                          \
	OPTION("scrub", 0, GW_OPTION_SIZE, scrub_bytes, "SIZE",                                \
	       "So much a second is read and checked when there is nothing to do; 0: nothing " \
	       "(8M)"),                                                                        \
		OPTION("scrub-round", 0, GW_OPTION_MS, scrub_round_ms, "TIME",                 \
		       "A round through all chunks takes so long at least (1h)")
#define SHARED_OPTIONS                                                                         \
	CLI_SERVE_OPTIONS(struct cli_gfs, serve, "gfs"),                                       \
		OPTION("help", 0, GW_OPTION_FLAG, help, NULL, "Print this help"), {0}

static const struct gw_option master_options[] = {
	DIRECTORY_OPTION,
	OPTION("listen", 0, GW_OPTION_STRING, listen, "ADDRESS",
	       "Where it listens, for all others (127.0.0.1:7100)"),
	ADVERTISE_OPTION,
	OPTION("join", 0, GW_OPTION_STRING, join, "A,B,C",
	       "An empty directory becomes a master of that cluster (a new one)"),
	OPTION("standby", 0, GW_OPTION_FLAG, standby, NULL, "Joins, and never votes"),
	LOG_OPTIONS, CHUNK_OPTIONS, REBALANCE_OPTIONS, CHUNK_HEARTBEAT_OPTION, SHARED_OPTIONS,
};
static const struct gw_option chunkserver_options[] = {
	OPTION("dir", 0, GW_OPTION_LIST, directories, "DIR",
	       "A disk; may be repeated, made when it is not there"),
	OPTION("cluster", 0, GW_OPTION_STRING, cluster, "A,B,C",
	       "Addresses of masters (the variable GW_CLUSTER, or 127.0.0.1:7100)"),
	OPTION("listen", 0, GW_OPTION_STRING, listen, "ADDRESS",
	       "Where it listens (127.0.0.1:7200)"),
	ADVERTISE_OPTION,
	OPTION("rack", 0, GW_OPTION_STRING, rack, "NAME",
	       "Its rack: replicas of a chunk are spread over racks (none)"),
	CHUNK_HEARTBEAT_OPTION, SCRUB_OPTIONS, SHARED_OPTIONS,
};
static const struct gw_option up_options[] = {
	DIRECTORY_OPTION,
	OPTION("listen", 0, GW_OPTION_STRING, listen, "HOST:PORT",
	       "Where the first master listens, the others behind it (127.0.0.1:7100)"),
	OPTION("masters", 0, GW_OPTION_INT, masters, "N",
	       "So many masters (as many as DIR has; 1)"),
	OPTION("chunkservers", 0, GW_OPTION_INT, chunkservers, "N",
	       "So many chunkservers (as many as DIR has; 3)"),
	LOG_OPTIONS, CHUNK_OPTIONS, REBALANCE_OPTIONS, CHUNK_HEARTBEAT_OPTION, SCRUB_OPTIONS,
	SHARED_OPTIONS,
};

/* ---- A master ------------------------------------------------------------------------------ */

struct gfs_master_options cli_gfs_master_options(struct cli_gfs *gfs)
{
	return (struct gfs_master_options){
		.cluster = &gfs_cluster,
		.tls = gfs->serve.tls,
		.insecure = gfs->serve.insecure,
		.peer_role = gfs->serve.peer_role,
		.election_ms = gfs->election_ms,
		.heartbeat_ms = gfs->heartbeat_ms,
		.snapshot_bytes = gfs->snapshot_bytes,
		.chunk_lease_ms = gfs->chunk_lease_ms,
		.chunk_heartbeat_ms = gfs->chunk_heartbeat_ms,
		.safe_ms = gfs->safe_ms,
		.rebalance_percent = (uint32_t)gfs->rebalance_percent,
		.rebalance_moves = (uint32_t)gfs->rebalance_moves,
		.rebalance_bytes = gfs->rebalance_bytes,
		.failed = cli_serve_failed,
		.troubled = cli_serve_troubled,
		.context = &gfs->serve,
	};
}

static int serve_master(struct cli_serve *serve)
{
	/* The first member. */
	struct cli_gfs *gfs = (struct cli_gfs *)serve;
	struct gfs_master_options options = cli_gfs_master_options(gfs);
	struct gfs_master *master = NULL;
	int code;

	options.directory = gfs->directory;
	options.address = cli_serve_address(gfs->advertise ? gfs->advertise : gfs->listen);
	options.listen = gfs->listen;
	options.join = gfs->join;
	options.standby = gfs->standby;
	code = gfs_master_new(&master, &options, serve->error);
	if (code == 0) {
		printf("listening on %s\n", gfs_master_address(master));
		code = cli_serve_wait(serve);
	}
	if (code == 0)
		gfs_master_stop(master, gw_after_ms(STOP_MS));
	gfs_master_free(master);
	return code;
}

/* ---- A chunkserver ------------------------------------------------------------------------- */

/* The chunkserver itself locks it for as long as it runs. */
int cli_gfs_take_directory(const char *directory, struct gw_error *error)
{
	static const struct task_home_kind kind = {"groundwork gfs chunkserver 1\n",
						   "a chunkserver of the file system"};
	struct io_file *lock = NULL;
	int code = task_home_open(directory, &kind, &lock, error);

	return code == 0 ? task_disk_close(lock, error) : code;
}

static int serve_chunks(struct cli_serve *serve)
{
	const struct cli_gfs *gfs = (const struct cli_gfs *)serve;
	const struct chunk_server_options options = {
		.directories = gfs->directories.items,
		.directory_count = gfs->directories.count,
		.masters = cli_fs_cluster(gfs->cluster),
		.listen = gfs->listen,
		.address = gfs->advertise,
		.rack = gfs->rack,
		.tls = serve->tls,
		.insecure = serve->insecure,
		.heartbeat_ms = gfs->chunk_heartbeat_ms,
		.scrub_bytes_per_second = gfs->scrub_bytes ? gfs->scrub_bytes : GFS_SCRUB_NEVER,
		.scrub_round_ms = gfs->scrub_round_ms,
		.troubled = cli_serve_troubled,
		.context = serve,
	};
	struct chunk_server *server = NULL;
	int code = 0;

	for (size_t i = 0; i < gfs->directories.count && code == 0; i++)
		code = cli_gfs_take_directory(gfs->directories.items[i], serve->error);
	if (code == 0)
		code = chunk_server_new(&server, &options, serve->error);
	if (code == 0) {
		printf("listening on %s\n", chunk_server_address(server));
		code = cli_serve_wait(serve);
	}
	chunk_server_free(server);
	return code;
}

/* ---- The command line ---------------------------------------------------------------------- */

static int start(struct cli_gfs *gfs, struct gw_error *error)
{
	const struct gw_run_options options = {.name = gfs->serve.name};

	if (!gfs->directory && gfs->directories.count == 0)
		return gw_fail(error, GW_E_USAGE, "--dir is wanted");
	if (gfs->rebalance_percent < 0 || gfs->rebalance_percent > 100 ||
	    gfs->rebalance_moves < 0 || gfs->rebalance_moves > REBALANCE_MOVES_MAX)
		return gw_fail(error, GW_E_USAGE, "--rebalance is 1 to 100, --rebalance-moves "
						  "1 to %d", REBALANCE_MOVES_MAX);
	return cli_serve_run(&gfs->serve, &options, error);
}

static int run(void *values, char **operands, size_t count, struct gw_error *error)
{
	(void)operands;
	(void)count;
	return start(values, error);
}

#define DEFAULTS(action, function, address)                                                    \
	static const struct cli_gfs action##_defaults = {                                      \
		.serve = {.name = "gw gfs " #action, .role = "gfs", .serve = function},        \
		.listen = address,                                                             \
		.scrub_bytes = GFS_SCRUB_BYTES,                                                \
	}
DEFAULTS(master, serve_master, "127.0.0.1:7100");
DEFAULTS(chunkserver, serve_chunks, "127.0.0.1:7200");
DEFAULTS(up, cli_gfs_up, "127.0.0.1:7100");
#undef DEFAULTS

#define ACTION(action)                                                                         \
	.name = #action, .options = action##_options, .values_bytes = sizeof(struct cli_gfs),  \
	.defaults = &action##_defaults, .run = run, .operands = ""

static const struct cli_action actions[] = {
	{ACTION(master), .summary = "Run a master",
	 .help = "Runs a master of the file system until SIGINT or SIGTERM. --dir is needed.\n"
		 "Without --join an empty directory begins a cluster; others join it.\n\n"},
	{ACTION(chunkserver), .summary = "Run a chunkserver",
	 .help = "Runs a chunkserver until SIGINT or SIGTERM. --dir is needed.\n"
		 "Its disks are of the first cluster that they were used for.\n\n"},
	{ACTION(up), .summary = "Run a whole cluster in one process",
	 .help = "Runs masters and chunkservers in one process, for a laptop and for tests, until\n"
		 "SIGINT or SIGTERM. --dir is needed. Prints the addresses for GW_CLUSTER.\n\n"},
	{0},
};

static const struct cli_actions gfs_actions = {
	.name = "gw gfs",
	.help = "Servers of the file system; `gw fs` asks them.\n\n",
	.example = "gw gfs up --dir data &\n  gw fs put notes.txt /notes && gw fs cat /notes",
	.actions = actions,
};

int cli_gfs(int argc, char **argv)
{
	return cli_actions_run(&gfs_actions, argc, argv);
}

void cli_gfs_words(int argc, char **argv, FILE *file)
{
	cli_actions_words(&gfs_actions, argc, argv, file);
}
