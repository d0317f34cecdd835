/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs.h - `gw gfs`: servers of the file system.
 */
#ifndef CLI_GFS_H
#define CLI_GFS_H

#include "cli/serve.h"
#include "gfs/chunkserver/server.h"
#include "gfs/master/master.h"

#include <stdio.h>

/* The options of all actions; each action's table has some of them. */
struct cli_gfs {
	struct cli_serve serve;
	bool help, standby;
	const char *directory, *listen, *advertise, *join, *cluster, *rack;
	struct gw_option_list directories;
	uint64_t election_ms, heartbeat_ms, snapshot_bytes;
	uint64_t chunk_lease_ms, chunk_heartbeat_ms, safe_ms;
	uint64_t scrub_bytes, scrub_round_ms, rebalance_bytes;
	int64_t rebalance_percent, rebalance_moves;
	int64_t masters, chunkservers;
};

/* What a master of the cluster is, but for its directory and addresses. */
struct gfs_master_options cli_gfs_master_options(struct cli_gfs *gfs);

/* Makes the directory of a chunkserver, or sees that it is one. In a task. */
int cli_gfs_take_directory(const char *directory, struct gw_error *error);

/* A whole cluster, in the task: gfs_up.c. */
int cli_gfs_up(struct cli_serve *serve);

int cli_gfs(int argc, char **argv);
void cli_gfs_words(int argc, char **argv, FILE *file);

#endif
