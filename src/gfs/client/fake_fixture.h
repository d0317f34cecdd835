/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_fixture.h - a master and three chunkservers in memory for the client's tests. They know one
 * file; what a primary is told it does on all of the grant's servers at once. Tests turn knobs.
 */
#ifndef GFS_CLIENT_FAKE_FIXTURE_H
#define GFS_CLIENT_FAKE_FIXTURE_H

#include <groundwork/gfs.h>

#include "gfs/common/gfs.rpc.h"
#include "support/unit.h"

enum {
	FAKE_SERVERS = 3,
	FAKE_CHUNKS = 8,
	FAKE_CHUNK_BYTES = 1 << 16,
	FAKE_CHUNK_LOG2 = 16,
	FAKE_LARGE_LOG2 = 22, /* of a file whose pieces are pushed */
	FAKE_LARGE_BYTES = 1 << FAKE_LARGE_LOG2,
	FAKE_PUSHED = 8,
	FAKE_RECORDS = 8,
	FAKE_ID = 77,
};

enum fake_call {
	FAKE_READ,
	FAKE_WRITE,
	FAKE_APPEND,
	FAKE_SYNC,
	FAKE_PUSH,
	FAKE_OUTCOME,
	FAKE_CALLS
};

/* The next calls of a kind fail. */
struct fake_failure {
	unsigned count;
	int code;
	bool afterwards; /* what was asked is done first */
	bool only_here;	 /* and, of a mutation, on this server only */
};

struct fake_record {
	uint64_t writer, sequence, offset;
	bool fenced;
};

struct fake_replica {
	bool is_there;
	uint64_t version;
	uint8_t *bytes;
	uint32_t length;
	struct fake_record records[FAKE_RECORDS];
	unsigned record_count;
};

struct fake_pushed {
	uint64_t client, number;
	uint8_t *bytes;
	size_t size;
};

struct fake;

struct fake_server {
	struct fake *fake;
	struct gw_rpc_server *rpc; /* NULL: dead */
	char address[64];
	const char *rack;
	uint32_t id;
	struct fake_replica chunks[FAKE_CHUNKS];
	struct fake_pushed pushed[FAKE_PUSHED];
	unsigned pushed_count;
	struct fake_failure failures[FAKE_CALLS];
	unsigned calls[FAKE_CALLS];
	unsigned flips; /* reads whose bytes are not those of their checksums */
};

struct fake {
	struct gw_rpc_server *rpc;
	struct gw_gfs_client *client;
	struct fake_server servers[FAKE_SERVERS];
	unsigned chunk_log2;
	uint64_t length;
	struct {
		uint64_t version; /* 0: no such chunk */
		uint32_t set;	  /* a bit a server */
		uint32_t primary; /* id */
	} chunks[FAKE_CHUNKS];
	bool exists;
	bool is_blind; /* appends do not look for their records */
	int refuse;    /* the next calls of the master are refused so */
	unsigned refusals;
	unsigned locates, leases, adds, keeps;
	uint64_t failed_version; /* of the last lease */
	int keep_code;
};

/* A file of small chunks; log2 FAKE_LARGE_LOG2 for pushes. */
void fake_begin(struct fake *fake, unsigned chunk_log2,
		const struct gw_gfs_client_options *options);
void fake_end(struct fake *fake);
/* The server's process is gone. */
void fake_kill(struct fake_server *server);
/* The file, opened. */
struct gw_gfs_file *fake_open(struct fake *fake);

/* Runs each test in a task. */
void fake_run_in_a_task(void **state);
#define in_a_task(function)                                                                        \
	{                                                                                          \
#function, fake_run_in_a_task, NULL, NULL, (void *)(function)                      \
	}

/* Of fake_server_fixture.c. */
extern const struct chunkserver_handlers fake_chunkserver;

#endif
