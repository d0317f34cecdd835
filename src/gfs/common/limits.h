/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h - how large things of the file system may be, and its times; masters, chunkservers and
 * clients agree on them. What is an option has its default here.
 */
#ifndef GFS_COMMON_LIMITS_H
#define GFS_COMMON_LIMITS_H

enum {
	/* Names. A path begins with '/', has no empty part, no "." and no "..", no NUL. */
	GFS_PATH_BYTES_MAX = 4095,
	GFS_NAME_BYTES_MAX = 4094,
	GFS_LIST_ENTRIES_MAX = 1000, /* of an answer */
	GFS_TREE_ENTRIES_MAX = 1 << 22, /* of one snapshot or rename of a directory */

	/* Chunks. */
	GFS_CHUNK_LOG2_MIN = 16,     /* 64 KiB */
	GFS_CHUNK_LOG2_MAX = 30,
	GFS_CHUNK_LOG2 = 26,         /* 64 MiB; an option of a file */
	GFS_APPEND_SHARE = 4,        /* a record is at most a chunk through this, and */
	GFS_APPEND_BYTES_MAX = 16 << 20,
	GFS_BLOCK_BYTES = 64 << 10,  /* has one checksum */
	GFS_FILE_CHUNKS_MAX = 1 << 24,
	GFS_GOAL_MAX = 8,
	GFS_GOAL = 3,
	GFS_GRANT_REPLICAS_MIN = 2,  /* fewer are not written, unless the goal is smaller */

	/* Servers. */
	GFS_SERVERS_MAX = 65535,     /* ids are 1 to that */
	GFS_ADDRESS_BYTES_MAX = 255,
	GFS_RACK_BYTES_MAX = 63,
	GFS_SERVER_UUID_BYTES = 16,

	GFS_REPORT_BYTES = 16,       /* of a chunk in a Report */
	GFS_REPORT_PIECE_BYTES_MAX = 1 << 20, /* of one Report */

	/* Data on its way. */
	GFS_PIECE_BYTES_MAX = 1 << 20,      /* of one Write or Read; a Push has a record at most */
	GFS_INLINE_BYTES_MAX = 64 << 10,    /* data that may come with a Write or Append itself */
	GFS_HELD_BYTES = 64 << 20,          /* pushed and not yet written, LRU, and as much that
					     * comes; an option */
	GFS_SCRUB_BYTES = 8 << 20,          /* a second, read and checked; an option */
	GFS_SCRUB_BUSY_SHARE = 8,           /* a part of it while there is something to do */
	GFS_REBALANCE_PERCENT = 10,         /* shares of space may differ by; an option */
	GFS_REBALANCE_ASKED_PERCENT = 1,    /* when it was asked for */
	GFS_REBALANCE_MOVES = 8,            /* at once; an option */
	GFS_REBALANCE_BYTES = 32 << 20,     /* a second, each; an option */
	GFS_WRITERS_MAX = 1 << 20,
	GFS_COMPLETIONS_MAX = 1 << 16,      /* of one chunk */

	/* Times. */
	GFS_LEASE_MS = 10000,        /* an option; the paper has 60000 */
	GFS_HEARTBEAT_MS = 1000,     /* an option */
	GFS_DRIFT_PERCENT = 5,       /* by which two clocks may differ in speed */
	GFS_LOCATION_MS = 10000,     /* a client believes locations so long */
	GFS_WRITER_MS = 60000,       /* a writer that is not kept so long has ended */
	GFS_SAFE_PERCENT = 99,
	GFS_SAFE_MS = 60000,
	GFS_SCRUB_ROUND_MS = 3600000, /* of all chunks, at least; an option */
};

/* In the length of a chunk in a Report. */
#define GFS_REPORT_OPEN (UINT32_C(1) << 31)
#define GFS_REPORT_SUSPECT (UINT32_C(1) << 30)

#define GFS_COLLECT_MS (UINT64_C(3) * 24 * 3600 * 1000) /* deleted files are kept so long */
#define GFS_FILE_BYTES_MAX ((uint64_t)GFS_FILE_CHUNKS_MAX << GFS_CHUNK_LOG2_MAX)

#endif
