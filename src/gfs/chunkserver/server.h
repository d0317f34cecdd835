/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - a chunkserver: its disks, the service Chunkserver of gfs.proto, and heartbeats to
 * every master. All of it hangs off one struct, so any number fit in one process, or simulator.
 *
 *     struct chunk_server_options options = {.directories = &"data", .directory_count = 1,
 *                                            .masters = "10.0.0.1:7100",
 *                                            .listen = "10.0.0.4:7200"};
 *
 *     chunk_server_new(&server, &options, &error);   // waits: recovers, listens, begins to report
 *     ... until the program is to end ...
 *     chunk_server_free(server);
 *
 * There is no clean stop: to be killed is as good. Everything is called from tasks of the one loop
 * that made it.
 */
#ifndef GFS_CHUNKSERVER_SERVER_H
#define GFS_CHUNKSERVER_SERVER_H

#include "gfs/chunkserver/chunk_store.h"

#include <groundwork/rpc.h>

struct chunk_server;

#define GFS_SCRUB_NEVER UINT64_MAX

struct chunk_server_options {
	const char *const *directories; /* a disk each; made when they are not there */
	size_t directory_count;
	const char *masters;            /* "A,B": all of them, or some: they tell the others */
	const char *listen;
	const char *address;            /* where others reach it; NULL: where it listens */
	const char *rack;               /* NULL: "" */
	struct gw_rpc_tls *tls;         /* outlives the server; NULL: plain text */
	bool insecure;
	uint64_t heartbeat_ms;          /* 0: GFS_HEARTBEAT_MS */
	size_t held_bytes_max;          /* 0: GFS_HELD_BYTES */
	/* What is read and checked when nobody asks for anything, a second, and how long it takes
	 * at least until it begins anew with all chunks. 0: GFS_SCRUB_BYTES, GFS_SCRUB_ROUND_MS;
	 * GFS_SCRUB_NEVER: nothing is. */
	uint64_t scrub_bytes_per_second, scrub_round_ms;
	/* Something does not get on for now: a master that refuses, a disk that fails. From a task.
	 * May be NULL. */
	void (*troubled)(void *context, const struct gw_error *error);
	void *context;
};

/* Strings are copied. Codes as of chunk_store_open and gw_rpc_server_listen. */
int chunk_server_new(struct chunk_server **server, const struct chunk_server_options *options,
		     struct gw_error *error) GW_MUST_CHECK;
/* Ends all calls, frees. Waits. NULL is fine. */
void chunk_server_free(struct chunk_server *server);

/* Where it listens, with its port. */
const char *chunk_server_address(const struct chunk_server *server);
struct chunk_store *chunk_server_store(const struct chunk_server *server);
/* Its number in the cluster; 0: none yet. */
uint32_t chunk_server_number(const struct chunk_server *server);

/* What scrubbing has done in this life: how often it was through all chunks, what it read, and how
 * many chunks it found bad. */
struct chunk_scrubbed {
	uint64_t rounds, bytes, bad;
};

struct chunk_scrubbed chunk_server_scrubbed(const struct chunk_server *server);

#endif
