/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c - a member: made, asked from within the process, and ended.
 */
#include "kv/server/inside.h"

#include <assert.h>
#include <stdlib.h>

#include "base/allocate.h"
#include "io/rare.h"
#include "replog/answer.h"
#include "task/loop.h"

/* ---- Asked from within the process ---------------------------------------------------------- */

int kv_server_propose(struct kv_server *server, const struct kv_entry *entry,
		      const struct kv_operation *operations, uint64_t deadline_ns,
		      struct replog_result *result, struct gw_error *error)
{
	struct base_buffer bytes = {0};
	int code = kv_entry_encode(entry, operations, &bytes, error);

	*result = (struct replog_result){0};
	if (code == 0)
		code = replog_propose(server->log, base_buffer_bytes(&bytes), deadline_ns, result,
				      error);
	base_buffer_done(&bytes);
	return code;
}

int kv_server_change(struct kv_server *server, const struct kv_operation *operations,
		     uint16_t count, uint64_t deadline_ns, struct base_buffer *reply,
		     struct gw_error *error)
{
	const struct kv_entry entry = {.kind = count == 1 ? KV_ENTRY_CHANGE : KV_ENTRY_WRITE,
				       .count = count};
	struct replog_result result;
	struct gw_bytes payload;
	int code = 0, answered;

	assert(count > 0);
	*reply = (struct base_buffer){0};
	for (uint16_t i = 0; i < count && code == 0; i++)
		code = kv_operation_check(&operations[i], error);
	if (code == 0)
		code = kv_server_propose(server, &entry, operations, deadline_ns, &result, error);
	if (code < 0)
		return code;
	code = replog_answer_read(base_buffer_bytes(&result.reply), &answered, &payload, error);
	if (code == 0 && answered < 0)
		code = replog_answer_refused(answered, payload, error);
	else if (code == 0)
		code = base_buffer_append(reply, payload.data, payload.size, error);
	base_buffer_done(&result.reply);
	return code;
}

int kv_server_read_begin(struct kv_server *server, const struct kv_read *read, uint64_t *index,
			 struct gw_error *error)
{
	int code = 0;

	if (!read->weak && !(server->watcher_count > 0 && IO_BUG(task_io(), "kv.read-unasked")))
		code = replog_read_barrier(server->log, read->deadline_ns, NULL, error);
	else if (read->weak && read->min_index > server->state.applied)
		code = replog_wait_applied(server->log, read->min_index, read->deadline_ns, error);
	if (code < 0)
		return code;
	if (server->state.is_restoring || server->state.is_broken)
		return gw_fail(error, GW_E_NOT_LEADER, "%s: this member has no state now",
			       server->name);
	if (index)
		*index = server->state.applied;
	return server->table->operations->read_begin(server->table, error);
}

int kv_server_get(struct kv_server *server, struct gw_bytes key, struct kv_item *item,
		  struct gw_error *error)
{
	int code = 0;

	/* No other is in the table, nor may be asked for. */
	if (key.size > 0 && key.size <= KV_KEY_BYTES_MAX)
		code = server->table->operations->get(server->table, key, item, error);
	if (code == 1 && !kv_state_has(&server->state, item))
		code = 0;
	return code;
}

struct walk {
	const struct kv_server *server;
	kv_visit *visit;
	void *context;
};

static int visit_living(void *context, struct gw_bytes key, const struct kv_item *item)
{
	const struct walk *walk = context;

	if (!kv_state_has(&walk->server->state, item))
		return 0;
	return walk->visit(walk->context, key, item);
}

int kv_server_walk(struct kv_server *server, struct gw_bytes begin, kv_visit *visit, void *context,
		   struct gw_error *error)
{
	struct walk walk = {server, visit, context};

	if (begin.size > KV_KEY_BYTES_MAX)
		begin.size = KV_KEY_BYTES_MAX; /* keys up to it; their visitor compares */
	return server->table->operations->walk(server->table, begin, visit_living, &walk, error);
}

uint64_t kv_server_ttl_ms(const struct kv_server *server, const struct kv_item *item)
{
	if (item->expires_ms == 0)
		return 0;
	assert(item->expires_ms > server->state.wall_ms);
	return item->expires_ms - server->state.wall_ms;
}

uint64_t kv_server_keys(const struct kv_server *server)
{
	return server->table->keys;
}

void kv_server_read_end(struct kv_server *server)
{
	server->table->operations->read_end(server->table);
}

const char *kv_server_address(const struct kv_server *server)
{
	return gw_rpc_server_address(server->rpc);
}

struct replog *kv_server_log(const struct kv_server *server)
{
	return server->log;
}

/* ---- Called by the log ---------------------------------------------------------------------- */

static void changed(void *context)
{
	struct kv_server *server = context;

	rpc_wake(&server->watchers);
	if (server->state.soonest_ms < server->tick_ms)
		rpc_wake(&server->ticker);
}

static void role_changed(void *context)
{
	struct kv_server *server = context;

	rpc_wake(&server->ticker);
}

static void failed(void *context, const struct gw_error *error)
{
	struct kv_state *state = context; /* the machine's */
	struct kv_server *server = state->context;

	state->is_broken = true;
	rpc_wake(&server->watchers);
	if (server->options.failed)
		server->options.failed(server->options.context, error);
}

static void troubled(void *context, const struct gw_error *error)
{
	struct kv_state *state = context; /* the machine's */
	const struct kv_server *server = state->context;

	if (server->options.troubled)
		server->options.troubled(server->options.context, error);
}

/* ---- Beginning ------------------------------------------------------------------------------ */

enum { TEXTS = 6 };

static void texts_of(struct kv_server_options *options, const char **texts[TEXTS])
{
	texts[0] = &options->directory;
	texts[1] = &options->address;
	texts[2] = &options->listen;
	texts[3] = &options->join;
	texts[4] = &options->name;
	texts[5] = &options->peer_role;
}

static void free_texts(struct kv_server_options *options)
{
	const char **texts[TEXTS];

	texts_of(options, texts);
	base_free_texts(texts, TEXTS);
}

static int copy_options(struct kv_server_options *out, const struct kv_server_options *options,
			struct gw_error *error)
{
	const char **texts[TEXTS];

	*out = *options;
	if (!out->listen)
		out->listen = out->address;
	if (!out->name)
		out->name = out->directory;
	if (!out->peer_role)
		out->peer_role = "kv";
	if (!out->watchers_max)
		out->watchers_max = KV_WATCHERS_MAX;
	texts_of(out, texts);
	return base_copy_texts(texts, TEXTS) ?
		       0 :
		       gw_fail(error, GW_E_NO_MEMORY, "no memory for a member");
}

/* The state that a clean stop has left, or an empty one. */
static int open_state_once(struct kv_server *server, struct base_buffer *kept,
			   struct gw_error *error)
{
	const struct kv_server_options *options = &server->options;
	const struct kv_state_options of_state = {
		.lease_ms = options->lease_ms,
		.clients_max = options->clients_max,
		.dup_bytes_max = options->dup_bytes_max,
		.history_bytes_max = options->history_bytes_max,
	};
	int code = kv_home_table(&server->home, options, &server->table, kept, error);

	if (code == 0)
		code = kv_state_init(&server->state, task_io(), server->table, &of_state, error);
	server->has_state = code == 0;
	if (code == 0 && kept->size > 0)
		code = kv_state_restore_kept(&server->state, base_buffer_bytes(kept), error);
	return code;
}

static int open_state(struct kv_server *server, struct gw_error *error)
{
	struct base_buffer kept = {0};
	struct gw_error why = {0};
	int code = open_state_once(server, &kept, &why);

	/* What was kept is gone by now, so the second time it begins empty. */
	if (code < 0 && kept.size > 0 && code != GW_E_NO_MEMORY) {
		base_buffer_done(&kept);
		if (server->has_state)
			kv_state_done(&server->state);
		kv_table_free(server->table);
		server->table = NULL;
		why = (struct gw_error){0};
		code = open_state_once(server, &kept, &why);
	}
	base_buffer_done(&kept);
	if (code < 0)
		return gw_fail(error, code, "%s", why.text);
	server->state.changed = changed;
	server->state.role_changed = role_changed;
	server->state.context = server;
	return 0;
}

/* A table that is ahead of its log is not the table of this log. */
static int check_log(struct kv_server *server, struct gw_error *error)
{
	struct replog_state state;

	replog_state(server->log, &state);
	if (server->state.applied <= state.last)
		return 0;
	return gw_fail(error, GW_E_CORRUPT,
		       "%s: the table is of entry %llu, the log ends at %llu: not of one member",
		       server->name, (unsigned long long)server->state.applied,
		       (unsigned long long)state.last);
}

static int open_log(struct kv_server *server, struct gw_error *error)
{
	const struct kv_server_options *options = &server->options;
	const struct replog_options of_log = {
		.directory = server->home.log,
		.address = options->address,
		.join = options->join,
		.standby = options->standby,
		.name = options->name,
		.tls = options->tls,
		.insecure = options->insecure,
		.peer_role = options->peer_role,
		.election_ms = options->election_ms,
		.heartbeat_ms = options->heartbeat_ms,
		.lease = options->lease,
		.snapshot_bytes = options->snapshot_bytes,
		.keep_entries = options->keep_entries,
		.keep_bytes = options->keep_bytes,
		.segment_bytes = options->segment_bytes,
		.join_timeout_ms = options->join_timeout_ms,
		.failed = failed,
		.troubled = troubled,
	};

	int code = replog_open(&server->log, &of_log, &kv_machine, &server->state, error);

	return code == 0 ? check_log(server, error) : code;
}

static int open_rpc(struct kv_server *server, struct gw_error *error)
{
	struct gw_rpc_server_options options = {.name = server->options.name,
						.tls = server->options.tls,
						.insecure = server->options.insecure,
						.lease_ms = server->options.lease_ms,
						.clients_max = server->options.clients_max};
	const struct rpc_dup_front_options front = {&server->state.dup, kv_server_open_client,
						    server};
	struct replog_state state;
	int code = rpc_dup_front_new(&server->front, &front, error);

	replog_state(server->log, &state);
	options.cluster = kv_cluster_number(state.cluster);
	if (code == 0)
		code = gw_rpc_server_new(&server->rpc, &options, error);
	if (code == 0 && server->options.address)
		code = replog_serve(server->log, server->rpc, error);
	if (code == 0)
		code = kv_serve(server->rpc, &kv_server_handlers, server, server->front, error);
	if (code == 0 && server->options.listen)
		code = gw_rpc_server_listen(server->rpc, server->options.listen, error);
	return code;
}

static int start(struct kv_server *server, struct gw_error *error)
{
	const struct gw_spawn_options ticker = {.name = "kv ticker"};
	int code = kv_home_open(&server->home, server->options.directory, error);

	if (code == 0)
		code = open_state(server, error);
	if (code == 0)
		code = open_log(server, error);
	if (code == 0)
		code = open_rpc(server, error);
	if (code == 0)
		code = replog_start(server->log, error);
	server->is_started = code == 0;
	if (code == 0)
		code = gw_spawn(&server->tasks, kv_server_run_ticker, server, &ticker);
	return code;
}

int kv_server_new(struct kv_server **out, const struct kv_server_options *options,
		  struct gw_error *error)
{
	struct kv_server *server = calloc(1, sizeof(*server));
	int code;

	assert(options->directory);
	*out = NULL;
	if (!server)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a member");
	server->tasks.name = "kv";
	server->tick_ms = UINT64_MAX;
	code = copy_options(&server->options, options, error);
	server->name = (char *)(uintptr_t)server->options.name;
	if (code == 0)
		code = start(server, error);
	if (code < 0) {
		kv_server_free(server);
		return code;
	}
	*out = server;
	return 0;
}

/* ---- The end -------------------------------------------------------------------------------- */

void kv_server_stop(struct kv_server *server, uint64_t deadline_ns)
{
	replog_stop(server->log, deadline_ns);
}

static int sync_table(void *context)
{
	struct kv_table *table = context;

	return table->operations->sync(table, NULL);
}

/* So that the next start need not make the table again. What goes wrong here only costs that. */
static void keep(struct kv_server *server)
{
	struct base_buffer kept = {0};
	struct gw_error why = {0};
	int code;

	if (server->options.table == KV_TABLE_MEMORY || !server->is_started ||
	    server->state.is_broken || server->state.applied == 0)
		return;
	gw_shield_begin();
	code = gw_offload(sync_table, server->table, GW_FOREVER);
	if (code == 0)
		code = kv_state_keep(&server->state, &kept, &why);
	if (code == 0)
		code = kv_home_keep(&server->home, base_buffer_bytes(&kept), &why);
	gw_shield_end();
	base_buffer_done(&kept);
}

void kv_server_free(struct kv_server *server)
{
	if (!server)
		return;
	(void)gw_group_done(&server->tasks);
	gw_rpc_server_free(server->rpc);
	gw_rpc_dup_free(server->front);
	replog_free(server->log);
	if (server->has_state) {
		keep(server);
		kv_state_done(&server->state);
	}
	kv_table_free(server->table);
	kv_home_close(&server->home);
	free_texts(&server->options);
	free(server);
}
