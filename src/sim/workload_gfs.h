/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_gfs.h - the parts of the workload gfs: masters and chunkservers (gfs_run_server.c),
 * clients (gfs_run_client.c, gfs_run_names.c, gfs_run_data.c, gfs_run_care.c), the last look at
 * everything (gfs_run_look.c), what is held against the insides of servers (gfs_run_inside.c), and
 * all of it together (workload_gfs.c).
 *
 * Each client has a file of its own that only it writes to, and makes snapshots of it. All append
 * records to /log, at least once, and to /once, once; all make, move, delete and look at names in a
 * few places.
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
	GFS_RUN_CLIENTS = 6,
	GFS_RUN_NAMES_CLIENTS = 4, /* of gfs-names */
	GFS_RUN_SNAPSHOTS = 4,     /* of a client */
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

/* What else the chunkservers of a seed bear, beside deaths, networks and clocks: any two of these
 * at once would be more than was promised. */
enum gfs_run_hazard {
	GFS_RUN_PROCESSES, /* nothing */
	GFS_RUN_POWER,     /* one loses power, and no other until nothing is suspect there; what
			    * was not synced is not looked for yet (seed 172) */
	GFS_RUN_BLACKOUT,  /* all lose power at once: what was not synced may be lost */
	GFS_RUN_DISK,      /* the disk of one is slow, full, or fails */
	GFS_RUN_ROT,       /* bits on the disk of one flip */
	GFS_RUN_HAZARDS,
};

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

/* A copy of a client's own file. */
struct gfs_run_snapshot {
	struct gfs_content_part part;
	bool is_there, is_deleted; /* for certain; neither: nobody knows */
};

struct gfs_run_client {
	struct gfs_run_state *state;
	struct sim_node *node;
	uint32_t number;
	uint32_t done_healed;
	struct gfs_content content; /* of its own file, through all of its lives */
	struct gfs_run_snapshot snapshots[GFS_RUN_SNAPSHOTS];
	uint32_t snapshot_count;
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
	uint32_t client_count;
	char masters_text[128];
	/* Drawn. */
	uint64_t lease_ms, heartbeat_ms, safe_ms, election_ms, segment_bytes, snapshot_bytes;
	uint64_t pause_ns_max, timeout_ms_max, write_bytes_max, collect_ms;
	enum gfs_run_hazard hazard;
	/* Known. */
	struct gfs_records log, once;
	struct gfs_names names;
	uint32_t generations[GFS_RUN_PLACES]; /* of names: they wear out */
	uint64_t blackouts;
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
/* A snapshot of the client's own file, or one of them deleted or brought back. */
int gfs_run_ask_snapshot(struct gfs_run_life *life);
void gfs_run_snapshot_path(const struct gfs_run_client *client, uint32_t number, char path[32]);
void gfs_run_leave_data(struct gfs_run_life *life);

/* What was not synced may be lost from here on. */
void gfs_run_power_lost(struct gfs_run_state *state);
/* Of the machine: it runs, and none of its chunks is suspect. */
bool gfs_run_is_sound(struct sim_run *run, struct sim_node *node);
/* A chunk has one primary at a time. */
int gfs_run_check_primaries(const struct gfs_run_state *state, struct gw_error *error);
/* When all has come to rest: chunkservers have what the masters know, and no other chunk, each as
 * often as it is to be written. */
int gfs_run_check_rest(const struct gfs_run_state *state, struct gw_error *error);

/* Their arguments are the struct gfs_run_machine, gfs_run_client and gfs_run_state. */
extern const struct sim_program gfs_run_master_program, gfs_run_server_program,
	gfs_run_client_program, gfs_run_look_program;

#endif
