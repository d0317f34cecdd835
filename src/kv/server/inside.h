/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inside.h - a member as its own files see it.
 */
#ifndef KV_SERVER_INSIDE_H
#define KV_SERVER_INSIDE_H

#include "kv/kv.rpc.h"
#include "kv/server/home.h"
#include "kv/server/server.h"
#include "kv/server/state.h"
#include "rpc/waiting.h"

enum {
	KV_TICK_MS_MIN = 10,      /* between two entries that bring nothing but time */
	KV_TICK_TIMEOUT_MS = 5000,
	KV_PROGRESS_MS = 5000,    /* after which a watcher hears that nothing happened */
	KV_BACKUP_PIECE_BYTES = 256 << 10,
};

struct kv_server {
	struct kv_server_options options;
	char *name;
	struct kv_home home;
	struct kv_table *table;
	struct kv_state state;
	struct replog *log;
	struct gw_rpc_dup *front;
	struct gw_rpc_server *rpc;
	struct gw_group tasks;
	struct gw_waiters watchers; /* for entries that are applied */
	struct gw_waiters ticker;   /* for a role, or an earlier end of a key */
	uint64_t tick_ms;           /* the log's time at which the ticker wakes by itself */
	uint32_t watcher_count, backup_count;
	bool has_state, is_started;
};

extern const struct kv_handlers kv_server_handlers;

static inline struct gw_bytes kv_server_bytes(const ProtobufCBinaryData *data)
{
	return (struct gw_bytes){data->data, data->len};
}

/* Why this member does not answer, when it is not the caller's deadline or too much work: with the
 * leader's address when there is one. Returns GW_E_NOT_LEADER, or code. */
int kv_server_elsewhere(struct kv_server *server, struct gw_rpc_call *call, int code,
			struct gw_error *error);

/* Proposes an entry; *reply is what apply has answered. Codes of replog_propose. */
int kv_server_propose(struct kv_server *server, const struct kv_entry *entry,
		      const struct kv_operation *operations, uint64_t deadline_ns,
		      struct replog_result *result, struct gw_error *error) GW_MUST_CHECK;

/* rpc_dup_front_options.open */
int kv_server_open_client(void *context, struct rpc_client_id client, struct gw_rpc_call *call,
			  struct gw_error *error);

/* A task: while this member leads, brings the log the time when keys end. */
int kv_server_run_ticker(void *argument);

/* ---- Handlers in files of their own --------------------------------------------------------- */

int kv_serve_get(struct gw_rpc_call *call, void *context, const Kv__GetRequest *request,
		 Kv__GetReply *reply, struct gw_error *error);
int kv_serve_multi_get(struct gw_rpc_call *call, void *context, const Kv__MultiGetRequest *request,
		       Kv__MultiGetReply *reply, struct gw_error *error);
int kv_serve_scan(struct gw_rpc_call *call, void *context, const Kv__ScanRequest *request,
		  Kv__ScanReply *reply, struct gw_error *error);
int kv_serve_watch(struct gw_rpc_call *call, void *context, const Kv__WatchRequest *request,
		   struct gw_error *error);
int kv_serve_status(struct gw_rpc_call *call, void *context, const Kv__StatusRequest *request,
		    Kv__StatusReply *reply, struct gw_error *error);
int kv_serve_members(struct gw_rpc_call *call, void *context, const Kv__MembersRequest *request,
		     Kv__MembersReply *reply, struct gw_error *error);
int kv_serve_member_add(struct gw_rpc_call *call, void *context,
			const Kv__MemberAddRequest *request, Kv__MemberReply *reply,
			struct gw_error *error);
int kv_serve_member_remove(struct gw_rpc_call *call, void *context,
			   const Kv__MemberRemoveRequest *request, Kv__MemberReply *reply,
			   struct gw_error *error);
int kv_serve_member_replace(struct gw_rpc_call *call, void *context,
			    const Kv__MemberReplaceRequest *request, Kv__MemberReply *reply,
			    struct gw_error *error);
int kv_serve_backup(struct gw_rpc_call *call, void *context, const Kv__BackupRequest *request,
		    struct gw_error *error);

#endif
