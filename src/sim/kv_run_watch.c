/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kv_run_watch.c - those who watch in the workload kv. What they were told is kept beyond their
 * machine's death, and they go on behind it, as one would who writes down what was told.
 */
#include "sim/workload_kv.h"

#include "task/loop.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum { STEP_BACK_MS = 200 };

static struct kv_watched *begin(struct kv_run_watcher *watcher, uint64_t from)
{
	struct kv_run_state *state = watcher->state;
	struct kv_watched *watched = calloc(1, sizeof(*watched));

	assert(watched);
	*watched = (struct kv_watched){.logs_only = watcher->logs_only, .from = from};
	state->watched = kv_run_more(state->watched, sizeof(*state->watched),
				     &state->watched_capacity, state->watched_count);
	state->watched[state->watched_count++] = watched;
	return watched;
}

static void hear(struct kv_run_watcher *watcher, const struct gw_kv_events *events)
{
	static const uint8_t changes[] = {[GW_KV_PUT] = KV_CHANGE_PUT,
					  [GW_KV_DELETE] = KV_CHANGE_DELETE,
					  [GW_KV_EXPIRED] = KV_CHANGE_EXPIRED};
	struct kv_run_state *state = watcher->state;
	struct kv_watched *watched = watcher->now;

	for (size_t i = 0; i < events->count; i++) {
		const struct gw_kv_event *event = &events->items[i];
		struct kv_heard *heard;

		watched->heard = kv_run_more(watched->heard, sizeof(*watched->heard),
					     &watched->capacity, watched->count);
		heard = &watched->heard[watched->count++];
		heard->index = events->index;
		heard->event = (struct kv_truth_event){.key = kv_run_key_of(state, event->key),
						       .change = changes[event->kind],
						       .expires_ms = event->expires_ms};
		if (event->value.size > 0) {
			heard->event.value.data = base_arena_copy(&state->bytes, event->value);
			heard->event.value.size = event->value.size;
			assert(heard->event.value.data);
		}
	}
	watched->last = events->index;
}

/* Until the stream cannot go on. */
static int watch_once(struct kv_run_watcher *watcher, struct gw_kv_client *client, struct io *io)
{
	const struct gw_kv_range range = {
		.begin = gw_string(watcher->logs_only ? "a" : ""),
		.end = gw_string(watcher->logs_only ? "b" : "")};
	const struct kv_watched *before = watcher->now;
	uint64_t wanted = 0, from;
	struct gw_kv_watch *watch;
	int code;

	if (before)
		wanted = before->last ? before->last + 1 : before->from;
	code = gw_kv_watch_new(&watch, client, &range, wanted, &from, NULL);
	if (code < 0)
		return code;
	if (wanted && from != wanted && sim_io_alive(io))
		sim_run_fail(watcher->state->run, "who watches from %" PRIu64 " is told from %"
			     PRIu64, wanted, from);
	if (!watcher->now)
		watcher->now = begin(watcher, from);
	while (code >= 0) {
		struct gw_kv_events events;

		code = gw_kv_watch_next(watch, &events, NULL);
		if (code >= 0 && sim_io_alive(io))
			hear(watcher, &events);
		gw_kv_events_done(&events);
	}
	gw_kv_watch_free(watch);
	return code;
}

int kv_run_watch(void *argument)
{
	const struct gw_kv_client_options options = {.insecure = true};
	struct kv_run_watcher *watcher = argument;
	struct gw_kv_client *client;
	struct io *io = task_io();
	int code = gw_kv_client_new(&client, watcher->state->addresses, &options, NULL);

	assert(code == 0);
	while (!gw_cancelled() && sim_io_alive(io)) {
		code = watch_once(watcher, client, io);
		if (code == GW_E_COMPACTED)
			watcher->now = NULL;
		if (gw_sleep_ms(STEP_BACK_MS) < 0)
			break;
	}
	gw_kv_client_free(client);
	return 0;
}
