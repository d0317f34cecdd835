/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master.h - a master of the file system: its directory, its log, its state, and the service
 * Master of gfs.proto on a server of its own. All of it hangs off one struct, so any
 * number fit in one process, or one simulator.
 *
 *     struct gfs_master_options options = {.directory = "master", .address = "10.0.0.1:7100"};
 *
 *     gfs_master_new(&master, &options, &error);   // waits: recovers, joins, listens, starts
 *     ... until the program is to end ...
 *     gfs_master_stop(master, gw_after_ms(1000));  // hands leadership over
 *     gfs_master_free(master);
 *
 * Everything is called from tasks of the one loop that made it. A clean stop is not needed: what
 * was acknowledged is on the disks of a majority.
 *
 * The directory:
 *     lock       open while a master runs
 *     format     "groundwork gfs master 1\n"
 *     log/       the replicated log's (replog.h), with its checkpoints
 */
#ifndef GFS_MASTER_MASTER_H
#define GFS_MASTER_MASTER_H

#include "gfs/master/cluster.h"

struct gfs_master_options {
	const char *directory;   /* made when it is not there */
	const char *address;     /* as replog.h: where others reach this master */
	const char *listen;      /* where it listens; NULL: address */
	const char *join;
	bool standby;
	const char *name;        /* for sentences; NULL: the directory */
	const struct gfs_cluster_operations *cluster; /* NULL: names alone, no chunkservers */
	struct gw_rpc_tls *tls;  /* outlives the master; NULL: plain text */
	bool insecure;
	const char *peer_role;   /* of masters' certificates; NULL: "gfs" */
	/* Defaults of replog.h; the first two are the same on all masters. */
	uint64_t election_ms, heartbeat_ms;
	uint64_t snapshot_bytes, keep_entries, keep_bytes, segment_bytes, join_timeout_ms;
	/* The same on all masters. */
	struct gfs_machine_options machine;
	/* Of chunkservers: GFS_LEASE_MS, GFS_HEARTBEAT_MS, GFS_SAFE_MS. The first is the same on
	 * all masters. */
	uint64_t chunk_lease_ms, chunk_heartbeat_ms, safe_ms;
	/* Replicas move when the shares of space that servers use differ by more than so many
	 * percent (100: only when it is asked for), so many at once, each at so many bytes a
	 * second. 0: GFS_REBALANCE_PERCENT, _MOVES, _BYTES. */
	uint32_t rebalance_percent, rebalance_moves;
	uint64_t rebalance_bytes;
	/* The master has stepped aside (replog.h): the program is to end. From a task, once. May be
	 * NULL. */
	void (*failed)(void *context, const struct gw_error *error);
	/* Something does not get on for now. From a task. May be NULL. */
	void (*troubled)(void *context, const struct gw_error *error);
	void *context;
};

/* Strings are copied. On failure there is nothing to free. Codes as of replog_open; GW_E_BUSY:
 * another process has the directory; GW_E_VERSION, GW_E_CORRUPT: it is not one of a master. */
int gfs_master_new(struct gfs_master **master, const struct gfs_master_options *options,
		   struct gw_error *error) GW_MUST_CHECK;
/* Waits: as replog_stop. */
void gfs_master_stop(struct gfs_master *master, uint64_t deadline_ns);
/* Ends all calls, frees. Waits. NULL is fine. */
void gfs_master_free(struct gfs_master *master);

/* Where it listens, with its port. */
const char *gfs_master_address(const struct gfs_master *master);
struct replog *gfs_master_log(const struct gfs_master *master);
/* For tests and checkers; not over a wait. */
const struct gfs_machine *gfs_master_machine(const struct gfs_master *master);

#endif
