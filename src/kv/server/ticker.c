/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ticker.c - while a member leads, it brings the log the time when keys end, so that they are gone
 * for readers and told to those who watch also when nothing else happens.
 */
#include "kv/server/inside.h"

#include "task/loop.h"

static uint64_t wall_ms(const struct kv_server *server)
{
	int64_t now_ns = io_wall_ns(task_io());
	uint64_t now_ms = now_ns > 0 ? (uint64_t)now_ns / 1000000 : 0;

	/* Entries never go back, and so does nothing that goes by them. */
	return now_ms > server->state.wall_ms ? now_ms : server->state.wall_ms;
}

/* When the first key ends; UINT64_MAX: none does. */
static int first_end(struct kv_server *server, uint64_t *end_ms)
{
	const struct kv_table_operations *operations = server->table->operations;
	struct gw_bytes key;
	int code;

	*end_ms = UINT64_MAX;
	if (server->state.is_restoring || server->state.is_broken)
		return 0;
	code = operations->read_begin(server->table, NULL);
	if (code < 0)
		return code;
	code = operations->first_due(server->table, &key, end_ms, NULL);
	operations->read_end(server->table);
	server->state.soonest_ms = *end_ms;
	return code < 0 ? code : 0;
}

static int tick(struct kv_server *server)
{
	const struct kv_entry entry = {.kind = KV_ENTRY_TICK};
	struct replog_result result;
	int code = kv_server_propose(server, &entry, NULL, gw_after_ms(KV_TICK_TIMEOUT_MS), &result,
				     NULL);

	base_buffer_done(&result.reply);
	/* Keys end in bunches; and who cannot propose now may do so later. */
	if (code == GW_E_CANCELLED)
		return code;
	return gw_sleep_ms(code < 0 ? 10 * KV_TICK_MS_MIN : KV_TICK_MS_MIN);
}

/* Clocks are set, and the wall's is not the one that waits: look again within a second. */
static uint64_t wait_ms(uint64_t end_ms, uint64_t now_ms)
{
	return end_ms - now_ms < 1000 ? end_ms - now_ms : 1000;
}

int kv_server_run_ticker(void *argument)
{
	struct kv_server *server = argument;
	int code = 0;

	while (code != GW_E_CANCELLED) {
		struct replog_state state;
		uint64_t end_ms, now_ms = wall_ms(server);

		replog_state(server->log, &state);
		code = state.role == REPLOG_LEADER ? first_end(server, &end_ms) : 0;
		if (code < 0)
			return code; /* the next run of entries meets it too */
		if (state.role != REPLOG_LEADER)
			end_ms = UINT64_MAX;
		if (end_ms <= now_ms) {
			code = tick(server);
			continue;
		}
		server->tick_ms = state.role == REPLOG_LEADER ? end_ms : 0;
		code = rpc_wait(&server->ticker, "for keys that end in", server->name,
				end_ms == UINT64_MAX ? GW_FOREVER
						     : gw_after_ms(wait_ms(end_ms, now_ms)));
	}
	return 0;
}
