/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - a member of the key/value service: its directory, its log, its state, and the service
 * of kv.proto on a server of its own. All of it hangs off one struct, so any number fit in one
 * process, or one simulator.
 *
 *     struct kv_server_options options = {.directory = "data", .address = "10.0.0.1:7000"};
 *
 *     kv_server_new(&server, &options, &error);   // waits: recovers, joins, listens, starts
 *     ... until the program is to end ...
 *     kv_server_stop(server, gw_after_ms(1000));  // hands leadership over
 *     kv_server_free(server);
 *
 * Everything is called from tasks of the one loop that made it.
 *
 * The directory:
 *     lock       open while a member runs
 *     format     "groundwork kv 1\n"
 *     log/       the replicated log's (replog.h)
 *     table, table-lock    LMDB's, a cache
 *     kept       what belongs to the table and is not in it; written when all of the table is on
 *                disk, at a clean stop, and removed before the table changes again. Without it the
 *                table is thrown away and made again of snapshot and log.
 */
#ifndef KV_SERVER_SERVER_H
#define KV_SERVER_SERVER_H

#include "base/buffer.h"
#include "kv/server/entry.h"
#include "kv/server/table.h"
#include "replog/replog.h"

struct kv_server;

enum kv_table_kind {
	KV_TABLE_LMDB,
	KV_TABLE_MEMORY, /* for tests and the simulator: made again at every start */
};

enum { KV_WATCHERS_MAX = 1000, KV_BACKUPS_MAX = 2 };

struct kv_server_options {
	const char *directory;   /* made when it is not there */
	const char *address;     /* as replog.h: where others reach this member; NULL: alone */
	const char *listen;      /* where it listens; NULL: address */
	const char *join;
	bool standby;
	const char *name;        /* for sentences; NULL: the directory */
	uint32_t table;          /* enum kv_table_kind */
	uint64_t map_bytes;      /* of LMDB: kv_table_lmdb_open */
	struct gw_rpc_tls *tls;  /* outlives the server; NULL: plain text */
	bool insecure;
	const char *peer_role;   /* of members' certificates; NULL: "kv" */
	/* Defaults of replog.h. The first two are the same on all members. */
	uint64_t election_ms, heartbeat_ms;
	bool lease; /* replog.h; the same on all members */
	uint64_t snapshot_bytes, keep_entries, keep_bytes, segment_bytes, join_timeout_ms;
	/* Defaults of rpc.h; the same on all members. */
	uint64_t lease_ms;
	uint32_t clients_max;
	size_t dup_bytes_max;
	size_t history_bytes_max; /* for those who watch: KV_HISTORY_BYTES_MAX */
	uint32_t watchers_max;
	/* The member has stepped aside (replog.h): the program is to end. From a task, once. May be
	 * NULL. */
	void (*failed)(void *context, const struct gw_error *error);
	/* Something does not get on for now (replog.h). From a task. May be NULL. */
	void (*troubled)(void *context, const struct gw_error *error);
	void *context;
};

/* Strings are copied. On failure there is nothing to free. Codes as of replog_open; GW_E_BUSY:
 * another process has the directory; GW_E_VERSION, GW_E_CORRUPT: it is not one of this service, or
 * the table belongs to another log. */
int kv_server_new(struct kv_server **server, const struct kv_server_options *options,
		  struct gw_error *error) GW_MUST_CHECK;
/* Waits: as replog_stop. */
void kv_server_stop(struct kv_server *server, uint64_t deadline_ns);
/* Ends all calls, keeps the table for the next start, frees. Waits. NULL is fine. */
void kv_server_free(struct kv_server *server);

/* Where it listens, with its port. */
const char *kv_server_address(const struct kv_server *server);
struct replog *kv_server_log(const struct kv_server *server);

/* ---- From within the process ---------------------------------------------------------------- */

/*
 * Proposes operations as one entry and waits: what was answered is the packed message of kv.proto
 * that fits the operation (ChangeReply, IncrementReply, CompareAndSwapReply; of several:
 * WriteReply) in *reply, the caller's. Several are puts and deletes only. The answer is not
 * remembered: codes as of replog_propose, or what the operation was refused with.
 */
int kv_server_change(struct kv_server *server, const struct kv_operation *operations,
		     uint16_t count, uint64_t deadline_ns, struct base_buffer *reply,
		     struct gw_error *error) GW_MUST_CHECK;

struct kv_read {
	bool weak;
	uint64_t min_index; /* with weak */
	uint64_t deadline_ns;
};

/*
 * Waits until the table may be read as read says; from then to kv_server_read_end nothing waits.
 * *index (may be NULL) is the last entry that is seen. GW_E_NOT_LEADER, GW_E_OVERLOADED,
 * GW_E_TIMEOUT, GW_E_CANCELLED.
 */
int kv_server_read_begin(struct kv_server *server, const struct kv_read *read, uint64_t *index,
			 struct gw_error *error) GW_MUST_CHECK;
/* 1 and *item, which points into the table until read_end; 0: no such key. */
int kv_server_get(struct kv_server *server, struct gw_bytes key, struct kv_item *item,
		  struct gw_error *error) GW_MUST_CHECK;
/* As kv_table's walk, without keys whose time is over. */
int kv_server_walk(struct kv_server *server, struct gw_bytes begin, kv_visit *visit, void *context,
		   struct gw_error *error) GW_MUST_CHECK;
/* What is left of a key's time, by the time of the last entry; 0: it stays. */
uint64_t kv_server_ttl_ms(const struct kv_server *server, const struct kv_item *item);
uint64_t kv_server_keys(const struct kv_server *server);
void kv_server_read_end(struct kv_server *server);

#endif
