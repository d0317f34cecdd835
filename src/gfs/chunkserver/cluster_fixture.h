/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster_fixture.h - three chunkservers in one process, on loopback, and a master that is a few
 * handlers: it gives numbers, extends leases, and the test tells it the rest.
 */
#ifndef GFS_CHUNKSERVER_CLUSTER_FIXTURE_H
#define GFS_CHUNKSERVER_CLUSTER_FIXTURE_H

#include "gfs/chunkserver/inside.h"

#include "support/unit.h"

enum { CLUSTER_SERVERS = 3, CLUSTER_LOG2 = 18, CLUSTER_BYTES = 1 << CLUSTER_LOG2 };

struct cluster {
	char path[64];
	struct gw_rpc_server *master;
	bool extends;                    /* what the master answers */
	uint64_t term, lease_ms;
	uint64_t revoke_handle, revoke_version, drop_handle;
	/* Of server 1: granted anew, at version 2, before it is told to drop it; then 0. */
	uint64_t late_drop_handle;
	bool wants_report;
	uint8_t chunk_log2;              /* of chunks that are granted: CLUSTER_LOG2 at first */
	/* Of servers that are started; the first are not to scrub. */
	uint64_t scrub_bytes_per_second, scrub_round_ms;
	/* What it was told. */
	unsigned beats, reports, reported_chunks, failed_count;
	uint64_t bad_handle;
	uint32_t failed_server;
	struct gw_error trouble;         /* of any server, the last */
	struct chunk_server *servers[CLUSTER_SERVERS];
	struct gw_rpc_client *clients[CLUSTER_SERVERS];
};

typedef void cluster_test(struct cluster *cluster);

/* Runs the test as a task when all servers have their numbers (1, 2, 3) and leases. */
void cluster_run_test(void **state);

#define in_a_cluster(function) {#function, cluster_run_test, NULL, NULL, (void *)(function)}

void cluster_stop(struct cluster *cluster, int which);
void cluster_start(struct cluster *cluster, int which);
/* Until so many heartbeats more have come. */
void cluster_beats(struct cluster *cluster, unsigned count);

/* Grants a chunk on servers 1 to `set`, the first is primary; the first failure, or 0. */
int cluster_grant(struct cluster *cluster, uint64_t handle, uint64_t before, uint64_t version,
		  int set);
int cluster_push(struct cluster *cluster, uint64_t number, struct gw_bytes bytes, int chain);
/* Bytes that go along; at server 1. */
int cluster_write(struct cluster *cluster, uint64_t handle, uint64_t version, uint64_t offset,
		  struct gw_bytes bytes);
int cluster_write_pushed(struct cluster *cluster, uint64_t handle, uint64_t version,
			 uint64_t offset, uint64_t number);
struct appended {
	bool is_full, was_done;
	uint64_t offset;
};
int cluster_append(struct cluster *cluster, uint64_t handle, uint64_t version,
		   struct gw_bytes bytes, uint64_t sequence, struct appended *appended);
int cluster_append_pushed(struct cluster *cluster, uint64_t handle, uint64_t version,
			  uint64_t number, struct appended *appended);
int cluster_outcome(struct cluster *cluster, uint64_t handle, uint64_t version, uint64_t sequence,
		    bool fence, bool *done);
int cluster_sync(struct cluster *cluster, uint64_t handle, uint64_t version);
/* Whether the replica there has these bytes at the offset, at this version or above. */
bool cluster_has(struct cluster *cluster, int which, uint64_t handle, uint64_t version,
		 uint64_t offset, struct gw_bytes bytes);
int cluster_read(struct cluster *cluster, int which, uint64_t handle, uint64_t version,
		 uint64_t offset, uint32_t bytes, uint8_t *buffer, size_t *size);
struct chunk *cluster_chunk(struct cluster *cluster, int which, uint64_t handle);

#endif
