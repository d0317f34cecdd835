/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve_watch.c - the stream of changes: each who watches reads the one history at a place of its
 * own, entry by entry. An item is copied before it is sent, because the history goes on meanwhile.
 */
#include "kv/server/inside.h"

#include <assert.h>

#include "base/arena.h"
#include "task/loop.h"

struct watch {
	struct kv_server *server;
	struct gw_rpc_call *call;
	const Kv__WatchRequest *request;
	struct kv_history_place place;
	uint64_t told;      /* up to which entry the caller knows all */
	uint64_t restarts;  /* of the history, when the watch began */
	struct base_arena arena; /* of one item */
};

static bool is_wanted(const struct watch *watch, struct gw_bytes key)
{
	const ProtobufCBinaryData *begin = &watch->request->begin, *end = &watch->request->end;

	if (gw_bytes_compare(key, (struct gw_bytes){begin->data, begin->len}) < 0)
		return false;
	return end->len == 0 || gw_bytes_compare(key, (struct gw_bytes){end->data, end->len}) < 0;
}

static bool copy(struct watch *watch, struct gw_bytes from, ProtobufCBinaryData *to)
{
	to->data = (uint8_t *)base_arena_copy(&watch->arena, from);
	to->len = from.size;
	return to->data != NULL;
}

static Kv__Event *copy_event(struct watch *watch, const struct kv_event *event)
{
	static const Kv__Event__Kind kinds[] = {
		[KV_CHANGE_PUT] = KV__EVENT__KIND__PUT,
		[KV_CHANGE_DELETE] = KV__EVENT__KIND__DELETE,
		[KV_CHANGE_EXPIRED] = KV__EVENT__KIND__EXPIRED,
	};
	Kv__Event *made = base_arena_array(&watch->arena, 1, sizeof(*made));
	struct gw_bytes value = event->value;

	if (!made)
		return NULL;
	kv__event__init(made);
	assert(event->change < sizeof(kinds) / sizeof(kinds[0]));
	made->kind = kinds[event->change];
	made->expires_ms = event->expires_ms;
	if (watch->request->keys_only)
		value.size = 0;
	if (!copy(watch, event->key, &made->key) || !copy(watch, value, &made->value))
		return NULL;
	return made;
}

/* Room for one more event; the list doubles. */
static bool grow(struct watch *watch, Kv__WatchItem *item)
{
	size_t count = item->n_events;
	Kv__Event **events;

	if (count > 0 && (count & (count - 1)) != 0)
		return true;
	events = base_arena_array(&watch->arena, count ? 2 * count : 1, sizeof(Kv__Event *));
	if (!events)
		return false;
	if (count > 0)
		memcpy(events, item->events, count * sizeof(Kv__Event *));
	item->events = events;
	return true;
}

/* The events of the next entry that has some in the range: 1. 0: none yet. */
static int next_item(struct watch *watch, Kv__WatchItem *item, struct gw_error *error)
{
	const struct kv_history *history = watch->server->state.history;
	struct kv_history_place ahead = watch->place;
	struct kv_event event;
	Kv__Event *made;
	int code;

	while ((code = kv_history_next(history, &ahead, &event)) == 1) {
		if (item->n_events > 0 && event.index != item->index)
			break;
		watch->place = ahead;
		if (!is_wanted(watch, event.key))
			continue;
		item->index = event.index;
		made = grow(watch, item) ? copy_event(watch, &event) : NULL;
		if (!made)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory for who watches");
		item->events[item->n_events++] = made;
	}
	if (item->n_events > 0) {
		watch->place.from = item->index + 1;
		return 1;
	}
	/* Who comes from another member may know more than this one has applied. */
	if (code == 0 && watch->place.from <= watch->server->state.applied)
		watch->place.from = watch->server->state.applied + 1;
	return code;
}

/* Why a place is not in the history any more. */
static int lost(struct watch *watch, struct gw_error *error)
{
	const struct kv_server *server = watch->server;
	unsigned long long first = kv_history_first(server->state.history);

	if (server->state.restarts != watch->restarts || watch->told == 0)
		return gw_fail(error, GW_E_COMPACTED,
			       "%s: changes are remembered from entry %llu on, not from %llu",
			       server->name, first, (unsigned long long)watch->place.from);
	return gw_fail(error, GW_E_OVERLOADED,
		       "%s: who watches is too slow; come again from entry %llu", server->name,
		       (unsigned long long)watch->told + 1);
}

static int send(struct watch *watch, Kv__WatchItem *item, struct gw_error *error)
{
	int code = kv_watch_reply_send(watch->call, item, error);

	if (code == 0)
		watch->told = item->index;
	return code;
}

/* Waits for entries; when none came for a while the caller hears that all is told. */
static int wait(struct watch *watch, struct gw_error *error)
{
	struct kv_server *server = watch->server;
	int code = rpc_wait(&server->watchers, "for changes of", server->name,
			    gw_after_ms(KV_PROGRESS_MS));
	Kv__WatchItem item = KV__WATCH_ITEM__INIT;

	if (server->state.is_broken && !server->state.is_restoring)
		return gw_fail(error, GW_E_CLOSED, "%s has stepped aside", server->name);
	if (code == 0)
		return 0;
	if (code != GW_E_TIMEOUT || gw_deadline() <= gw_now_ns())
		return gw_fail(error, code, "watching ended: %s", gw_code_text(code));
	item.index = watch->place.from - 1;
	return item.index > watch->told ? send(watch, &item, error) : 0;
}

static int run(struct watch *watch, struct gw_error *error)
{
	Kv__WatchItem first = KV__WATCH_ITEM__INIT;
	int code = 0;

	if (watch->place.from < kv_history_first(watch->server->state.history))
		return lost(watch, error);
	first.index = watch->place.from - 1;
	code = send(watch, &first, error);
	while (code >= 0) {
		Kv__WatchItem item = KV__WATCH_ITEM__INIT;

		base_arena_reset(&watch->arena);
		if (watch->server->state.is_restoring)
			code = 0;
		else
			code = next_item(watch, &item, error);
		if (code == GW_E_COMPACTED)
			return lost(watch, error);
		if (code == 1)
			code = send(watch, &item, error);
		else if (code == 0)
			code = wait(watch, error);
	}
	return code;
}

int kv_serve_watch(struct gw_rpc_call *call, void *context, const Kv__WatchRequest *request,
		   struct gw_error *error)
{
	struct kv_server *server = context;
	struct watch watch = {.server = server,
			      .call = call,
			      .request = request,
			      .restarts = server->state.restarts,
			      .place = {.from = request->from_index ? request->from_index
								    : server->state.applied + 1}};
	int code;

	if (server->watcher_count >= server->options.watchers_max)
		return gw_fail(error, GW_E_OVERLOADED, "%s: %u watch already", server->name,
			       server->watcher_count);
	server->watcher_count++;
	code = run(&watch, error);
	server->watcher_count--;
	base_arena_done(&watch.arena);
	return code;
}
