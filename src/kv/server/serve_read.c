/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve_read.c - the handlers of reads: wait until the table may be read, then read it without a
 * wait, and copy what is wanted.
 */
#include "kv/server/inside.h"

#include <assert.h>

static int read_begin(struct gw_rpc_call *call, struct kv_server *server, bool weak,
		      uint64_t min_index, uint64_t *index, struct gw_error *error)
{
	const struct kv_read read = {weak, min_index, gw_rpc_call_deadline(call)};
	int code = kv_server_read_begin(server, &read, index, error);

	return code < 0 ? kv_server_elsewhere(server, call, code, error) : 0;
}

static int copy_bytes(struct gw_rpc_call *call, struct gw_bytes from, ProtobufCBinaryData *to,
		      struct gw_error *error)
{
	to->len = 0;
	if (from.size == 0)
		return 0;
	to->data = gw_rpc_allocate(call, from.size);
	if (!to->data)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu bytes of an answer",
			       from.size);
	memcpy(to->data, from.data, from.size);
	to->len = from.size;
	return 0;
}

int kv_serve_get(struct gw_rpc_call *call, void *context, const Kv__GetRequest *request,
		 Kv__GetReply *reply, struct gw_error *error)
{
	struct kv_server *server = context;
	struct kv_item item;
	int code = read_begin(call, server, request->weak, request->min_index, &reply->index,
			      error);

	if (code < 0)
		return code;
	code = kv_server_get(server, kv_server_bytes(&request->key), &item, error);
	if (code == 1) {
		reply->found = true;
		reply->version = item.version;
		reply->ttl_ms = kv_server_ttl_ms(server, &item);
		code = copy_bytes(call, item.value, &reply->value, error);
	}
	kv_server_read_end(server);
	return code;
}

static int found_one(struct gw_rpc_call *call, struct kv_server *server, struct gw_bytes key,
		     Kv__Found **out, struct gw_error *error)
{
	Kv__Found *found = gw_rpc_allocate(call, sizeof(*found));
	struct kv_item item;
	int code;

	if (!found)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for an answer");
	kv__found__init(found);
	*out = found;
	code = kv_server_get(server, key, &item, error);
	if (code <= 0)
		return code;
	found->found = true;
	found->version = item.version;
	found->ttl_ms = kv_server_ttl_ms(server, &item);
	return copy_bytes(call, item.value, &found->value, error);
}

int kv_serve_multi_get(struct gw_rpc_call *call, void *context, const Kv__MultiGetRequest *request,
		       Kv__MultiGetReply *reply, struct gw_error *error)
{
	struct kv_server *server = context;
	size_t bytes = 0;
	int code;

	if (request->n_keys == 0 || request->n_keys > KV_KEYS_MAX)
		return gw_fail(error, GW_E_INVALID, "a read of %zu keys; 1 to %d are possible",
			       request->n_keys, KV_KEYS_MAX);
	reply->found = gw_rpc_allocate(call, request->n_keys * sizeof(*reply->found));
	if (!reply->found)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for an answer");
	code = read_begin(call, server, request->weak, request->min_index, &reply->index, error);
	if (code < 0)
		return code;
	for (size_t i = 0; i < request->n_keys && code == 0 && bytes < KV_MULTI_GET_BYTES_MAX;
	     i++) {
		code = found_one(call, server, kv_server_bytes(&request->keys[i]), &reply->found[i],
				 error);
		if (code == 0)
			bytes += reply->found[reply->n_found++]->value.len;
	}
	kv_server_read_end(server);
	return code;
}

/* ---- Ranges --------------------------------------------------------------------------------- */

struct scan {
	struct gw_rpc_call *call;
	const struct kv_server *server;
	const Kv__ScanRequest *request;
	Kv__ScanReply *reply;
	size_t limit, bytes;
	struct gw_error *error;
};

enum { SCAN_ENDS = 1 };

static int add_pair(struct scan *scan, struct gw_bytes key, const struct kv_item *item)
{
	Kv__Pair *pair = gw_rpc_allocate(scan->call, sizeof(*pair));
	int code;

	if (!pair)
		return gw_fail(scan->error, GW_E_NO_MEMORY, "no memory for an answer");
	kv__pair__init(pair);
	pair->version = item->version;
	pair->ttl_ms = kv_server_ttl_ms(scan->server, item);
	code = copy_bytes(scan->call, key, &pair->key, scan->error);
	if (code == 0 && !scan->request->keys_only)
		code = copy_bytes(scan->call, item->value, &pair->value, scan->error);
	if (code < 0)
		return code;
	scan->bytes += pair->key.len + pair->value.len;
	scan->reply->pairs[scan->reply->n_pairs++] = pair;
	return 0;
}

static int visit(void *context, struct gw_bytes key, const struct kv_item *item)
{
	struct scan *scan = context;
	Kv__ScanReply *reply = scan->reply;

	if (scan->request->end.len > 0 &&
	    gw_bytes_compare(key, kv_server_bytes(&scan->request->end)) >= 0)
		return SCAN_ENDS;
	/* Keys before a begin that is longer than keys are. */
	if (gw_bytes_compare(key, kv_server_bytes(&scan->request->begin)) < 0)
		return 0;
	if (reply->n_pairs < scan->limit && scan->bytes < KV_SCAN_BYTES_MAX)
		return add_pair(scan, key, item);
	reply->more = true;
	if (copy_bytes(scan->call, key, &reply->next, scan->error) < 0)
		return GW_E_NO_MEMORY;
	return SCAN_ENDS;
}

int kv_serve_scan(struct gw_rpc_call *call, void *context, const Kv__ScanRequest *request,
		  Kv__ScanReply *reply, struct gw_error *error)
{
	struct kv_server *server = context;
	struct scan scan = {call, server, request, reply, request->limit, 0, error};
	int code;

	if (scan.limit == 0 || scan.limit > KV_KEYS_MAX)
		scan.limit = KV_KEYS_MAX;
	reply->pairs = gw_rpc_allocate(call, scan.limit * sizeof(*reply->pairs));
	if (!reply->pairs)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for an answer");
	code = read_begin(call, server, request->weak, request->min_index, &reply->index, error);
	if (code < 0)
		return code;
	code = kv_server_walk(server, kv_server_bytes(&request->begin), visit, &scan, error);
	kv_server_read_end(server);
	assert(reply->n_pairs <= scan.limit);
	return code < 0 ? code : 0;
}
