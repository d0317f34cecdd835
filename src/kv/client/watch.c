/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.c - a watch is a stream of the member that was asked, opened again behind what was told
 * whenever it ends: at its deadline, when the member is gone, when we were too slow.
 */
#include "kv/client/client.h"

#include <assert.h>
#include <stdlib.h>

struct gw_kv_watch {
	struct gw_kv_client *client;
	struct gw_rpc_call *call; /* NULL: to be opened */
	uint8_t *range;		  /* begin and end, one behind the other */
	size_t begin_bytes, end_bytes;
	bool keys_only;
	bool has_begun;	     /* from_index is known */
	uint64_t from_index; /* the first entry that was not told */
};

void gw_kv_events_done(struct gw_kv_events *events)
{
	if (!events)
		return;
	gw_rpc_reply_free(events->memory);
	free(events->list);
	*events = (struct gw_kv_events){0};
}

static int open_stream(struct gw_kv_watch *watch, struct gw_error *error)
{
	/* The task's deadline ends it earlier; it is opened again then. */
	const struct gw_rpc_call_options options = {.deadline_ns = gw_after_ms(GW_KV_WATCH_MS)};
	Kv__WatchRequest request = KV__WATCH_REQUEST__INIT;
	int code;

	request.from_index = watch->from_index;
	request.begin = (ProtobufCBinaryData){watch->begin_bytes, watch->range};
	request.end = (ProtobufCBinaryData){watch->end_bytes, watch->range + watch->begin_bytes};
	request.keys_only = watch->keys_only;
	code = kv_watch_open(watch->client->rpc, &request, &options, &watch->call, error);
	if (code < 0)
		watch->call = NULL;
	return code;
}

/* Whether the stream's end says nothing of the watch. */
static bool may_go_on(int code)
{
	return code != GW_E_COMPACTED && code != GW_E_DENIED && code != GW_E_INVALID &&
	       code != GW_E_UNSUPPORTED && code != GW_E_NO_MEMORY && code != GW_E_TOO_LARGE &&
	       code != GW_E_VERSION;
}

/* The stream has ended: why, as its handler says. */
static int end_stream(struct gw_kv_watch *watch, struct gw_error *error)
{
	int code = kv_watch_finish(watch->call, error);

	watch->call = NULL;
	return code < 0 ? code : gw_fail(error, GW_E_CLOSED, "the watch was ended");
}

/* 1 and the next item of a stream, which is opened if it has to be. */
static int next_of_stream(struct gw_kv_watch *watch, Kv__WatchItem **item, struct gw_error *error)
{
	int code = watch->call ? 0 : open_stream(watch, error);

	if (code < 0)
		return code;
	code = kv_watch_reply_receive(watch->call, item, error);
	if (code == 1)
		return 1;
	/* The task's own end leaves the stream as it is. */
	if (code < 0 && (gw_cancelled() || gw_deadline() <= gw_now_ns()))
		return code;
	return end_stream(watch, error);
}

/* 1 and the next item that is of interest: one with events, or the first of all. */
static int next_item(struct gw_kv_watch *watch, Kv__WatchItem **out, struct gw_error *error)
{
	for (;;) {
		bool was_begun = watch->has_begun;
		struct gw_error why = {0};
		Kv__WatchItem *item;
		int code = next_of_stream(watch, &item, &why);

		if (code == 1) {
			if (!was_begun || item->index >= watch->from_index)
				watch->from_index = item->index + 1;
			watch->has_begun = true;
			if (item->n_events > 0 || !was_begun) {
				*out = item;
				return 1;
			}
			gw_rpc_reply_free(item);
			continue;
		}
		if (gw_cancelled() || gw_deadline() <= gw_now_ns() || !may_go_on(code))
			return gw_fail(error, code, "%s", why.text);
		if (code != GW_E_OVERLOADED && code != GW_E_TIMEOUT)
			(void)gw_sleep_ms(GW_KV_PAUSE_MS);
	}
}

static int take_events(Kv__WatchItem *item, struct gw_kv_events *events, struct gw_error *error)
{
	static const uint32_t kinds[] = {
		[KV__EVENT__KIND__PUT] = GW_KV_PUT,
		[KV__EVENT__KIND__DELETE] = GW_KV_DELETE,
		[KV__EVENT__KIND__EXPIRED] = GW_KV_EXPIRED,
	};

	events->memory = item;
	events->index = item->index;
	events->list = calloc(item->n_events, sizeof(*events->items));
	if (!events->list)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu changes", item->n_events);
	events->items = events->list;
	for (size_t i = 0; i < item->n_events; i++) {
		const Kv__Event *event = item->events[i];

		if ((unsigned)event->kind >= sizeof(kinds) / sizeof(kinds[0]))
			return gw_fail(error, GW_E_VERSION, "%d is no kind of change",
				       (int)event->kind);
		events->items[i] = (struct gw_kv_event){.kind = kinds[event->kind],
							.key = kv_client_from(&event->key),
							.value = kv_client_from(&event->value),
							.expires_ms = event->expires_ms};
	}
	events->count = item->n_events;
	return 1;
}

int gw_kv_watch_next(struct gw_kv_watch *watch, struct gw_kv_events *events, struct gw_error *error)
{
	Kv__WatchItem *item;
	int code;

	*events = (struct gw_kv_events){0};
	code = next_item(watch, &item, error);
	if (code == 1)
		code = take_events(item, events, error);
	if (code < 0) {
		gw_kv_events_done(events);
		return code;
	}
	return 0;
}

static int copy_range(struct gw_kv_watch *watch, const struct gw_kv_range *range,
		      struct gw_error *error)
{
	watch->begin_bytes = range->begin.size;
	watch->end_bytes = range->end.size;
	watch->keys_only = range->keys_only;
	if (range->begin.size > GW_KV_KEY_BYTES_MAX || range->end.size > GW_KV_KEY_BYTES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "a key has at most %d bytes",
			       GW_KV_KEY_BYTES_MAX);
	watch->range = malloc(range->begin.size + range->end.size + 1);
	if (!watch->range)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a watch");
	if (range->begin.size > 0)
		memcpy(watch->range, range->begin.data, range->begin.size);
	if (range->end.size > 0)
		memcpy(watch->range + range->begin.size, range->end.data, range->end.size);
	return 0;
}

int gw_kv_watch_new(struct gw_kv_watch **out, struct gw_kv_client *client,
		    const struct gw_kv_range *range, uint64_t from_index, uint64_t *from,
		    struct gw_error *error)
{
	struct gw_kv_watch *watch = calloc(1, sizeof(*watch));
	uint64_t until_ns = gw_after_ms(client->timeout_ms), deadline_ns = gw_deadline();
	Kv__WatchItem *item;
	int code;

	*out = NULL;
	if (!watch)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a watch");
	watch->client = client;
	watch->from_index = from_index;
	code = copy_range(watch, range, error);
	(void)gw_deadline_set(until_ns < deadline_ns ? until_ns : deadline_ns);
	if (code == 0)
		code = next_item(watch, &item, error); /* the first: it says where it begins */
	(void)gw_deadline_set(deadline_ns);
	if (code < 0) {
		gw_kv_watch_free(watch);
		return code;
	}
	assert(watch->has_begun);
	if (from)
		*from = watch->from_index;
	gw_rpc_reply_free(item);
	*out = watch;
	return 0;
}

void gw_kv_watch_free(struct gw_kv_watch *watch)
{
	if (!watch)
		return;
	gw_rpc_abandon(watch->call);
	free(watch->range);
	free(watch);
}
