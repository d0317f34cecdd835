/* SPDX-License-Identifier: Apache-2.0 */
/* read.c - get, get of many, scan. */
#include "kv/client/client.h"

#include <assert.h>
#include <stdlib.h>

void gw_kv_value_done(struct gw_kv_value *value)
{
	if (!value)
		return;
	gw_rpc_reply_free(value->memory);
	*value = (struct gw_kv_value){0};
}

void gw_kv_page_done(struct gw_kv_page *page)
{
	if (!page)
		return;
	gw_rpc_reply_free(page->memory);
	free(page->list);
	*page = (struct gw_kv_page){0};
}

int gw_kv_get(struct gw_kv_client *client, struct gw_bytes key, const struct gw_kv_read *read,
	      struct gw_kv_value *value, struct gw_error *error)
{
	Kv__GetRequest request = KV__GET_REQUEST__INIT;
	Kv__GetReply *reply;
	int code;

	*value = (struct gw_kv_value){0};
	request.key = kv_client_bytes(key);
	request.weak = read && read->weak;
	request.min_index = read ? read->min_index : 0;
	code = kv_get(client->rpc, &request, &reply, error);
	if (code < 0)
		return code;
	value->memory = reply;
	value->index = reply->index;
	if (!reply->found)
		return 0;
	value->item = (struct gw_kv_item){.value = kv_client_from(&reply->value),
					  .found = true,
					  .version = reply->version,
					  .ttl_ms = reply->ttl_ms};
	return 1;
}

/* Room for the items of a page; a reply without any needs none. */
static int make_list(struct gw_kv_page *page, size_t count, struct gw_error *error)
{
	page->list = count > 0 ? calloc(count, sizeof(struct gw_kv_item)) : NULL;
	if (count > 0 && !page->list)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu keys", count);
	page->items = page->list;
	page->count = count;
	return 0;
}

static int take_found(struct gw_kv_page *page, const Kv__MultiGetReply *reply,
		      const struct gw_bytes *keys, size_t count, struct gw_error *error)
{
	int code;

	if (reply->n_found == 0 || reply->n_found > count)
		return gw_fail(error, GW_E_CORRUPT, "%zu keys were asked for, %zu came", count,
			       reply->n_found);
	code = make_list(page, reply->n_found, error);
	for (size_t i = 0; code == 0 && i < reply->n_found; i++) {
		const Kv__Found *found = reply->found[i];
		struct gw_kv_item *item = &page->items[i];

		item->key = keys[i];
		if (!found->found)
			continue;
		*item = (struct gw_kv_item){.key = keys[i],
					    .value = kv_client_from(&found->value),
					    .found = true,
					    .version = found->version,
					    .ttl_ms = found->ttl_ms};
	}
	page->more = reply->n_found < count;
	page->index = reply->index;
	return code;
}

int gw_kv_get_many(struct gw_kv_client *client, const struct gw_bytes *keys, size_t count,
		   const struct gw_kv_read *read, struct gw_kv_page *page, struct gw_error *error)
{
	Kv__MultiGetRequest request = KV__MULTI_GET_REQUEST__INIT;
	Kv__MultiGetReply *reply;
	int code;

	*page = (struct gw_kv_page){0};
	if (count == 0 || count > GW_KV_KEYS_MAX)
		return gw_fail(error, GW_E_INVALID, "%zu keys at once: 1 to %d are possible", count,
			       GW_KV_KEYS_MAX);
	request.keys = calloc(count, sizeof(*request.keys));
	if (!request.keys)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu keys", count);
	for (size_t i = 0; i < count; i++)
		request.keys[i] = kv_client_bytes(keys[i]);
	request.n_keys = count;
	request.weak = read && read->weak;
	request.min_index = read ? read->min_index : 0;
	code = kv_multi_get(client->rpc, &request, &reply, error);
	free(request.keys);
	if (code < 0)
		return code;
	page->memory = reply;
	code = take_found(page, reply, keys, count, error);
	if (code < 0)
		gw_kv_page_done(page);
	return code;
}

static int take_pairs(struct gw_kv_page *page, const Kv__ScanReply *reply, struct gw_error *error)
{
	int code = make_list(page, reply->n_pairs, error);

	for (size_t i = 0; code == 0 && i < reply->n_pairs; i++) {
		const Kv__Pair *pair = reply->pairs[i];

		page->items[i] = (struct gw_kv_item){.key = kv_client_from(&pair->key),
						     .value = kv_client_from(&pair->value),
						     .found = true,
						     .version = pair->version,
						     .ttl_ms = pair->ttl_ms};
	}
	page->more = reply->more;
	page->next = kv_client_from(&reply->next);
	page->index = reply->index;
	return code;
}

int gw_kv_scan(struct gw_kv_client *client, const struct gw_kv_range *range,
	       const struct gw_kv_read *read, struct gw_kv_page *page, struct gw_error *error)
{
	Kv__ScanRequest request = KV__SCAN_REQUEST__INIT;
	Kv__ScanReply *reply;
	int code;

	*page = (struct gw_kv_page){0};
	request.begin = kv_client_bytes(range->begin);
	request.end = kv_client_bytes(range->end);
	request.limit = range->limit;
	request.keys_only = range->keys_only;
	request.weak = read && read->weak;
	request.min_index = read ? read->min_index : 0;
	code = kv_scan(client->rpc, &request, &reply, error);
	if (code < 0)
		return code;
	page->memory = reply;
	code = take_pairs(page, reply, error);
	if (code < 0)
		gw_kv_page_done(page);
	return code;
}
