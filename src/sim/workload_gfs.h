/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_gfs.h - the parts of the workload gfs-names: masters of the file system
 * (gfs_run_master.c), clients that make, move, delete and look at names in a few places
 * (gfs_run_client.c, gfs_run_names.c), and all of it together (workload_gfs.c).
 */
#ifndef SIM_WORKLOAD_GFS_H
#define SIM_WORKLOAD_GFS_H

#include "gfs/master/master.h"
#include "sim/gfs_names.h"
#include "sim/workload.h"

#include <groundwork/gfs.h>

enum {
	GFS_RUN_MASTERS_MAX = 3,
	GFS_RUN_CLIENTS = 4,
	GFS_RUN_PORT = 7100,
	GFS_RUN_PLACES = 4, /* of names */
	/* Longer than it takes to elect a master and notice half-open streams. */
	GFS_RUN_PATIENCE_MS = 600000,
};

struct gfs_run_state;

struct gfs_run_master {
	struct gfs_run_state *state;
	struct sim_node *node;
	uint32_t number;
	char address[32];
	/* Of this life. */
	struct io *io;
	struct gw_loop *loop;
};

struct gfs_run_client {
	struct gfs_run_state *state;
	struct sim_node *node;
	uint32_t done_healed;
};

struct gfs_run_state {
	struct sim_run *run;
	struct gfs_run_master masters[GFS_RUN_MASTERS_MAX];
	uint32_t master_count;
	struct gfs_run_client clients[GFS_RUN_CLIENTS];
	char masters_text[128];
	/* Drawn. */
	uint64_t election_ms, segment_bytes, snapshot_bytes;
	uint64_t pause_ns_max, timeout_ms_max;
	/* Known. */
	struct gfs_names names;
	uint32_t generations[GFS_RUN_PLACES]; /* of names: they wear out */
};

/* What a client is while it lives. */
struct gfs_run_life {
	struct gfs_run_client *node;
	struct gfs_run_state *state;
	struct io *io;
	struct gw_loop *loop;
	struct gw_gfs_client *client;
};

/* Random numbers of a node's own. */
uint64_t gfs_run_draw(struct io *io, uint64_t n);
/* A change of names, or a look at them; the client's code. */
int gfs_run_ask_names(struct gfs_run_life *life);

/* Their arguments are the struct gfs_run_master and gfs_run_client. */
extern const struct sim_program gfs_run_master_program, gfs_run_client_program;

#endif
