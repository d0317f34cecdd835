/* SPDX-License-Identifier: Apache-2.0 */
/* command_read.c - commands that read; each runs between read_begin and read_end. */
#include "kv/front/inside.h"

#include <assert.h>
#include <stdio.h>

static int put_value(struct front_request *request, struct gw_bytes key, struct gw_error *error)
{
	struct kv_item item;
	int code = kv_server_get(request->front->server, key, &item, error);

	if (code < 0)
		return code;
	return code == 1 ? resp_put_bytes(request->reply, item.value, error)
			 : resp_put_nothing(request->reply, error);
}

int front_get(struct front_request *request, struct gw_error *error)
{
	return put_value(request, request->words[1], error);
}

int front_mget(struct front_request *request, struct gw_error *error)
{
	int code = resp_put_array(request->reply, request->count - 1, error);

	for (size_t i = 1; code == 0 && i < request->count; i++)
		code = put_value(request, request->words[i], error);
	return code;
}

int front_strlen(struct front_request *request, struct gw_error *error)
{
	struct kv_item item = {0};
	int code = kv_server_get(request->front->server, request->words[1], &item, error);

	return code < 0 ? code
			: resp_put_number(request->reply, code ? (int64_t)item.value.size : 0,
					  error);
}

/* One that is named twice counts twice, as there. */
int front_exists(struct front_request *request, struct gw_error *error)
{
	int64_t found = 0;
	int code = 0;

	for (size_t i = 1; code >= 0 && i < request->count; i++) {
		struct kv_item item;

		code = kv_server_get(request->front->server, request->words[i], &item, error);
		found += code == 1;
	}
	return code < 0 ? code : resp_put_number(request->reply, found, error);
}

int front_type(struct front_request *request, struct gw_error *error)
{
	struct kv_item item;
	int code = kv_server_get(request->front->server, request->words[1], &item, error);

	return code < 0 ? code : resp_put_text(request->reply, code ? "string" : "none", error);
}

static int put_ttl(struct front_request *request, uint64_t unit_ms, struct gw_error *error)
{
	struct kv_server *server = request->front->server;
	struct kv_item item;
	int code = kv_server_get(server, request->words[1], &item, error);
	uint64_t ttl_ms;

	if (code <= 0)
		return code < 0 ? code : resp_put_number(request->reply, -2, error);
	ttl_ms = kv_server_ttl_ms(server, &item);
	return resp_put_number(request->reply,
			       ttl_ms ? (int64_t)((ttl_ms + unit_ms / 2) / unit_ms) : -1, error);
}

int front_ttl(struct front_request *request, struct gw_error *error)
{
	return put_ttl(request, 1000, error);
}

int front_pttl(struct front_request *request, struct gw_error *error)
{
	return put_ttl(request, 1, error);
}

int front_dbsize(struct front_request *request, struct gw_error *error)
{
	return resp_put_number(request->reply, (int64_t)kv_server_keys(request->front->server),
			       error);
}

/* ---- SCAN ------------------------------------------------------------------------------------ */

struct scan {
	struct gw_bytes begin;
	struct gw_bytes pattern;
	bool has_pattern, is_other_type;
	int64_t look_at, looked_at;
	size_t found;
	struct base_buffer keys;	 /* as they are replied */
	const struct front_cursor *next; /* NULL: that was all */
	struct kv_front *front;
	struct gw_error *error;
};

static int scan_key(void *context, struct gw_bytes key, const struct kv_item *item)
{
	struct scan *scan = context;
	struct front_cursor *cursor;
	int code = 0;

	(void)item;
	if (scan->looked_at == scan->look_at) {
		uint64_t id = ++scan->front->cursor_last;

		cursor = &scan->front->cursors[id % FRONT_CURSORS_MAX];
		assert(key.size <= sizeof(cursor->key));
		cursor->id = id;
		cursor->key_bytes = (uint16_t)key.size;
		memcpy(cursor->key, key.data, key.size);
		scan->next = cursor;
		return 1;
	}
	scan->looked_at++;
	if (scan->is_other_type || (scan->has_pattern && !resp_match(scan->pattern, key)))
		return 0;
	code = resp_put_bytes(&scan->keys, key, scan->error);
	scan->found += code == 0;
	return code;
}

static int scan_options(struct front_request *request, struct scan *scan, struct gw_error *error)
{
	for (size_t i = 2; i < request->count; i += 2) {
		const struct gw_bytes *word = &request->words[i], *value = word + 1;

		if (i + 1 == request->count)
			return gw_fail(error, GW_E_USAGE, "syntax error");
		if (resp_is(*word, "MATCH")) {
			scan->pattern = *value;
			scan->has_pattern = true;
		} else if (resp_is(*word, "TYPE")) {
			scan->is_other_type = !resp_is(*value, "STRING");
		} else if (!resp_is(*word, "COUNT")) {
			return gw_fail(error, GW_E_USAGE, "syntax error");
		} else if (!resp_number(*value, &scan->look_at)) {
			return gw_fail(error, GW_E_INVALID,
				       "value is not an integer or out of range");
		} else if (scan->look_at < 1) {
			return gw_fail(error, GW_E_USAGE, "syntax error");
		}
	}
	if (scan->look_at > FRONT_SCAN_MAX)
		scan->look_at = FRONT_SCAN_MAX;
	return 0;
}

/* Where the cursor stands; it may be used again. */
static int scan_cursor(struct front_request *request, struct scan *scan, char key[KV_KEY_BYTES_MAX],
		       struct gw_error *error)
{
	const struct front_cursor *cursor;
	int64_t id;

	if (!resp_number(request->words[1], &id) || id < 0)
		return gw_fail(error, GW_E_INVALID, "invalid cursor");
	if (id == 0)
		return 0;
	cursor = &request->front->cursors[(uint64_t)id % FRONT_CURSORS_MAX];
	if (cursor->id != (uint64_t)id)
		return gw_fail(error, GW_E_STALE,
			       "invalid cursor: it was forgotten, begin again with 0");
	/* A copy: the place is given to the next one before this scan has ended. */
	memcpy(key, cursor->key, cursor->key_bytes);
	scan->begin = (struct gw_bytes){key, cursor->key_bytes};
	return 0;
}

int front_scan(struct front_request *request, struct gw_error *error)
{
	struct base_buffer *reply = request->reply;
	struct scan scan = {.look_at = 10, .front = request->front, .error = error};
	char key[KV_KEY_BYTES_MAX], text[24];
	int code = scan_cursor(request, &scan, key, error);

	if (code == 0)
		code = scan_options(request, &scan, error);
	if (code == 0)
		code = kv_server_walk(request->front->server, scan.begin, scan_key, &scan, error);
	if (code >= 0)
		code = resp_put_array(reply, 2, error);
	(void)snprintf(text, sizeof(text), "%llu",
		       (unsigned long long)(scan.next ? scan.next->id : 0));
	if (code == 0)
		code = resp_put_bytes(reply, gw_string(text), error);
	if (code == 0)
		code = resp_put_array(reply, scan.found, error);
	if (code == 0)
		code = base_buffer_append(reply, scan.keys.data, scan.keys.size, error);
	base_buffer_done(&scan.keys);
	return code;
}
