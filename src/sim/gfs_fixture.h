/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gfs_fixture.h - a simulated cluster of the file system for scenarios: masters, chunkservers in
 * three racks and machines with clients, in one process. Deeds are calls in tasks of a client; what
 * the master knows and what lies on each disk is looked at from outside, with no call over the net.
 */
#ifndef SIM_GFS_FIXTURE_H
#define SIM_GFS_FIXTURE_H

#include "gfs/chunkserver/server.h"
#include "gfs/master/master.h"
#include "sim/sim.h"
#include "task/loop.h"

#include <groundwork/gfs.h>

#include "support/unit.h"

enum {
	GFS_WORLD_MASTERS = 3,
	GFS_WORLD_SERVERS = 7,
	GFS_WORLD_CALLERS = 3,
	GFS_WORLD_FILES = 8,        /* that a caller has open */
	GFS_WORLD_LEASE_MS = 3000,
	GFS_WORLD_BEAT_MS = 300,
	GFS_WORLD_CHUNK_LOG2 = 16,  /* of files that say nothing else */
	GFS_NOBODY = -1,
};

struct gfs_world;

/* A machine that runs a master or a chunkserver. */
struct gfs_machine_of_world {
	struct gfs_world *world;
	struct sim_node *node;
	char address[32];
	int index;
	/* What lasts; may be changed while it is down. */
	const char *rack;
	const char *directories[2];
	size_t directory_count, held_bytes_max;
	uint32_t number;      /* of a chunkserver, since it has one */
	int failures;         /* how often a life stepped aside, or did not start */
	struct gw_error why;  /* the last time; of a chunkserver, also what troubled it */
	int troubles;
	/* Of this life. */
	struct gw_loop *loop;
	struct io *io;
	struct gfs_master *master;
	struct chunk_server *server;
};

/* A machine with a client, which keeps its files open. */
struct gfs_caller {
	struct gfs_world *world;
	struct sim_node *node;
	const char *rack;
	struct gw_loop *loop;
	struct io *io;
	struct gw_gfs_client *client;
	struct gw_gfs_writer *writer;
	struct {
		char path[32];
		struct gw_gfs_file *file;
	} files[GFS_WORLD_FILES];
	unsigned users; /* tasks; the last one frees */
};

struct gfs_world {
	struct sim *sim;
	int master_count, server_count;
	uint64_t lease_ms, safe_ms;
	uint64_t scrub_bytes_per_second; /* GFS_SCRUB_NEVER */
	uint32_t rebalance_percent;      /* 100: replicas stay where they are */
	struct gfs_machine_of_world masters[GFS_WORLD_MASTERS], servers[GFS_WORLD_SERVERS];
	struct gfs_caller callers[GFS_WORLD_CALLERS];
	char masters_text[128];
};

/* ---- The world ------------------------------------------------------------------------------- */

/* Nothing is started; what lasts may be changed. Server i is in rack "a", "b" or "c" by i % 3. */
void gfs_world_begin(struct gfs_world *world, int masters, int servers, uint64_t seed);
/* On machines that are other than by default. */
void gfs_world_begin_with(struct gfs_world *world, int masters, int servers, uint64_t seed,
			  const struct sim_options *options);
/* Starts all and waits until masters vote, chunkservers are known and safe mode is over. */
void gfs_world_start(struct gfs_world *world);
/* For the second half of that, when chunkservers have begun anew. */
void gfs_wait_ready(struct gfs_world *world);
/* Both begin and start. */
void gfs_world_new(struct gfs_world *world, int masters, int servers, uint64_t seed);
void gfs_world_end(struct gfs_world *world);
void gfs_pass_ms(struct gfs_world *world, uint64_t ms);
uint64_t gfs_since_ms(const struct gfs_world *world, uint64_t from_ns);
/* At most ten minutes of the world's. */
void gfs_wait_until(struct gfs_world *world, bool (*met)(void *context), void *context);

/* Links between two machines, both ways. */
void gfs_cut(struct sim_node *one, struct sim_node *other);
void gfs_mend(struct sim_node *one, struct sim_node *other);
/* A machine from all masters, or all of them. */
void gfs_cut_from_masters(struct gfs_world *world, struct sim_node *node);
void gfs_power_loss_servers(struct gfs_world *world);
void gfs_start_servers(struct gfs_world *world);

/* ---- Looking --------------------------------------------------------------------------------- */

/* The one that leads, or GFS_NOBODY; and waiting until somebody other than `but` does. */
int gfs_leader(struct gfs_world *world);
int gfs_leader_wait(struct gfs_world *world, int but);
const struct gfs_master *gfs_lead(struct gfs_world *world);

/* Of a file's chunk, as the leader has it; handle 0: there is none. */
struct gfs_seen {
	uint64_t handle, version;
	uint32_t goal, references;
	uint32_t replicas; /* a bit for each server that lives and has it */
	int count;         /* of those */
	int primary;       /* by a grant that is in the log, or GFS_NOBODY */
};

struct gfs_seen gfs_see(struct gfs_world *world, const char *path, uint64_t index);
/* The n-th of the servers in a set that is not `but`. */
int gfs_pick(uint32_t set, int but, int n);
/* How many servers would act as primary of a chunk now, and one of them. */
int gfs_primaries(struct gfs_world *world, uint64_t handle, int *which);
/* Chunks on a server's disks, whatever the masters know. */
size_t gfs_chunks_on(struct gfs_world *world, int server);
/* A server's replica; NULL: none, or it is down. */
struct chunk *gfs_replica(struct gfs_world *world, int server, uint64_t handle);
/* Its bytes as they lie on the disk, checksums aside; how many. */
size_t gfs_raw(struct gfs_world *world, int server, uint64_t handle, void *bytes, size_t size);
/* That all replicas of a chunk have these bytes from an offset on. */
void gfs_raw_equal(struct gfs_world *world, const struct gfs_seen *seen, uint64_t offset,
		   const void *bytes, size_t size);
/* Flips a bit of a replica on the disk. */
void gfs_rot(struct gfs_world *world, int server, uint64_t handle, uint64_t offset);
/* Waits until every chunk has as many replicas as its goal, and no server anything else; and looks
 * at all of them: the same version, the same bytes. */
void gfs_all_whole(struct gfs_world *world);

/* Runs a function in a task of a machine's loop, and waits for it; its result. */
int gfs_visit_loop(struct gfs_world *world, struct gw_loop *loop, int (*run)(void *argument),
	      void *argument);

/* ---- Deeds ----------------------------------------------------------------------------------- */

/* A call. What is not set is zero. */
struct gfs_deed {
	int caller;
	const char *path, *to;
	uint64_t offset;
	const void *data;     /* NULL: `size` times `fill` */
	char fill;
	size_t size;
	void *into;           /* of a read, up to size */
	uint64_t sequence;    /* of an append once; a file's id */
	uint64_t collect_ms;
	uint32_t goal, chunk_log2;
	bool fresh;           /* the file is opened anew */
	bool now, weak, exclusive;
	uint64_t timeout_ms;  /* 0: two minutes */
	/* How it went. */
	bool is_over;
	int result;
	uint64_t at;          /* where an append is; the length; the index of a change's entry */
	uint64_t wall_ms;
	size_t got;
	struct gw_error error;
	/* Private. */
	struct gfs_world *world;
	int (*run)(struct gfs_deed *deed, struct gfs_caller *caller);
};

typedef int gfs_run(struct gfs_deed *deed, struct gfs_caller *caller);

gfs_run gfs_ask_open;        /* made when it is not there */
gfs_run gfs_ask_write;
gfs_run gfs_ask_append;
gfs_run gfs_ask_append_once; /* by the caller's one writer */
gfs_run gfs_ask_read;
gfs_run gfs_ask_sync;
gfs_run gfs_ask_stat;        /* GW_E_NOT_FOUND; its length */
gfs_run gfs_ask_mkdir;
gfs_run gfs_ask_delete;
gfs_run gfs_ask_undelete;
gfs_run gfs_ask_rename;      /* replaces */
gfs_run gfs_ask_snapshot;
gfs_run gfs_ask_set;         /* goal, collect_ms (+ 1) */
gfs_run gfs_ask_drain;       /* server number `sequence`; now: back */

void gfs_deed_start(struct gfs_world *world, struct gfs_deed *deed, gfs_run *run);
int gfs_deed_wait(struct gfs_world *world, struct gfs_deed *deed);
/* Both; its result. */
int gfs_deed_do(struct gfs_world *world, struct gfs_deed *deed, gfs_run *run);
/* For other kinds of deeds: the file of deed->path, which stays open. */
int gfs_file_of(struct gfs_deed *deed, struct gfs_caller *caller, bool create,
		struct gw_gfs_file **file);
/* For who runs on a caller's loop: one user less; the last one closes and frees all. */
void gfs_caller_leave(struct gfs_caller *caller);
/* The same as gfs_deed_do, and it must succeed. */
void gfs_must(struct gfs_world *world, struct gfs_deed *deed, gfs_run *run);

/* A deed that is waited for by gfs_wait_until and gfs_is_over_watched: before each event it is
 * looked who is primary of a chunk. */
struct gfs_watch {
	struct gfs_world *world;
	struct gfs_deed *deed;
	uint64_t handle;
	int last; /* who was it in the end */
	bool were_two, was_none;
};

bool gfs_is_over_watched(void *watch);

/* In one line, by the first caller; must succeed. */
void gfs_write(struct gfs_world *world, const char *path, uint64_t offset, char fill, size_t size);
uint64_t gfs_append(struct gfs_world *world, const char *path, char fill, size_t size);
void gfs_sync(struct gfs_world *world, const char *path);
/* By a caller, in a file that is opened anew: so many bytes of it are `fill`. */
void gfs_expect(struct gfs_world *world, int caller, const char *path, uint64_t offset, char fill,
		size_t size);
struct gw_gfs_status gfs_status(struct gfs_world *world);

#endif
