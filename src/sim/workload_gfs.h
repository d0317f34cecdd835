/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_gfs.h - the parts of the workload gfs: masters and chunkservers (gfs_run_server.c),
 * clients (gfs_run_client.c, gfs_run_names.c), the last look at everything (gfs_run_look.c), and
 * all of it together (workload_gfs.c).
 *
 * Each client has a file of its own that only it writes to. All append records to /log, at least
 * once, and to /once, once; and all make, move, delete and look at names in a few places.
 */
#ifndef SIM_WORKLOAD_GFS_H
#define SIM_WORKLOAD_GFS_H

#include "gfs/chunkserver/server.h"
#include "gfs/master/master.h"
#include "sim/gfs_content.h"
#include "sim/gfs_names.h"
#include "sim/workload.h"

#include <groundwork/gfs.h>

enum {
	GFS_RUN_MASTERS_MAX = 3,
	GFS_RUN_SERVERS_MAX = 7,
	GFS_RUN_CLIENTS = 4,
	GFS_RUN_MASTER_PORT = 7100,
	GFS_RUN_SERVER_PORT = 7200,
	GFS_RUN_PLACES = 4,        /* of names */
	GFS_RUN_FILE_BYTES = 3 << 18, /* of a client's own file */
	GFS_RUN_OWN_LOG2 = 18,
	GFS_RUN_LOG_LOG2 = 16,
	GFS_RUN_RECORD_MAX = 3000,
	GFS_RUN_GOAL = 3,
	/* Longer than it takes to elect a master, wait for leases and notice half-open streams. */
	GFS_RUN_PATIENCE_MS = 600000,
};

struct gfs_run_state;
struct gfs_run_life;

/* A master or a chunkserver. */
struct gfs_run_machine {
	struct gfs_run_state *state;
	struct sim_node *node;
	uint32_t number;
	char address[32];
	/* Of this life. */
	struct io *io;
	struct gw_loop *loop;
	struct gfs_master *master;
	struct chunk_server *server;
};

struct gfs_run_client {
	struct gfs_run_state *state;
	struct sim_node *node;
	uint32_t number;
	uint32_t done_healed;
	struct gfs_content content; /* of its own file, through all of its lives */
};

struct gfs_run_state {
	struct sim_run *run;
	struct gfs_run_machine masters[GFS_RUN_MASTERS_MAX];
	struct gfs_run_machine servers[GFS_RUN_SERVERS_MAX];
	uint32_t master_count, server_count;
	const struct gfs_cluster_operations *cluster; /* NULL: names only */
	int (*ask)(struct gfs_run_life *life);        /* one call of a client */
	void (*leave)(struct gfs_run_life *life);     /* at its end; may be NULL */
	struct gfs_run_client clients[GFS_RUN_CLIENTS];
	char masters_text[128];
	/* Drawn. */
	uint64_t lease_ms, heartbeat_ms, election_ms, segment_bytes, snapshot_bytes;
	uint64_t pause_ns_max, timeout_ms_max, write_bytes_max;
	/* Known. */
	struct gfs_records log, once;
	struct gfs_names names;
	uint32_t generations[GFS_RUN_PLACES]; /* of names: they wear out */
	bool is_over;  /* clients ask nothing any more */
	bool looked;
};

/* What a client is while it lives. */
struct gfs_run_life {
	struct gfs_run_client *node;
	struct gfs_run_state *state;
	struct io *io;
	struct gw_loop *loop;
	struct gw_gfs_client *client;
	struct gfs_run_data *data; /* gfs_run_data.c's own */
};

/* Random numbers of a node's own. */
uint64_t gfs_run_draw(struct io *io, uint64_t n);
/* Options of a client of the workload. */
struct gw_gfs_client_options gfs_run_client_options(void);
/* A change of names, or a look at them; the client's code. */
int gfs_run_ask_names(struct gfs_run_life *life);
/* Any call. */
int gfs_run_ask_data(struct gfs_run_life *life);
void gfs_run_leave_data(struct gfs_run_life *life);

/* Their arguments are the struct gfs_run_machine, gfs_run_client and gfs_run_state. */
extern const struct sim_program gfs_run_master_program, gfs_run_server_program,
	gfs_run_client_program, gfs_run_look_program;

#endif
