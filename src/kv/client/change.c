/* SPDX-License-Identifier: Apache-2.0 */
/* change.c - the calls that change keys. */
#include "kv/client/client.h"

#include <assert.h>
#include <stdlib.h>

/* The answer of most changes. */
static int take_change(int code, Kv__ChangeReply *reply, struct gw_kv_change *change)
{
	if (code < 0)
		return code;
	if (change)
		*change = (struct gw_kv_change){reply->index, reply->existed, reply->size};
	gw_rpc_reply_free(reply);
	return 0;
}

int gw_kv_put(struct gw_kv_client *client, struct gw_bytes key, struct gw_bytes value,
	      uint64_t ttl_ms, struct gw_kv_change *change, struct gw_error *error)
{
	Kv__PutRequest request = KV__PUT_REQUEST__INIT;
	Kv__ChangeReply *reply;
	int code;

	request.key = kv_client_bytes(key);
	request.value = kv_client_bytes(value);
	request.ttl_ms = ttl_ms;
	code = kv_put(client->rpc, &request, &reply, error);
	return take_change(code, reply, change);
}

int gw_kv_append(struct gw_kv_client *client, struct gw_bytes key, struct gw_bytes value,
		 struct gw_kv_change *change, struct gw_error *error)
{
	Kv__AppendRequest request = KV__APPEND_REQUEST__INIT;
	Kv__ChangeReply *reply;
	int code;

	request.key = kv_client_bytes(key);
	request.value = kv_client_bytes(value);
	code = kv_append(client->rpc, &request, &reply, error);
	return take_change(code, reply, change);
}

int gw_kv_delete(struct gw_kv_client *client, struct gw_bytes key, struct gw_kv_change *change,
		 struct gw_error *error)
{
	Kv__DeleteRequest request = KV__DELETE_REQUEST__INIT;
	Kv__ChangeReply *reply;
	int code;

	request.key = kv_client_bytes(key);
	code = kv_delete(client->rpc, &request, &reply, error);
	return take_change(code, reply, change);
}

int gw_kv_expire(struct gw_kv_client *client, struct gw_bytes key, uint64_t ttl_ms,
		 struct gw_kv_change *change, struct gw_error *error)
{
	Kv__ExpireRequest request = KV__EXPIRE_REQUEST__INIT;
	Kv__ChangeReply *reply;
	int code;

	request.key = kv_client_bytes(key);
	request.ttl_ms = ttl_ms;
	code = kv_expire(client->rpc, &request, &reply, error);
	return take_change(code, reply, change);
}

int gw_kv_increment(struct gw_kv_client *client, struct gw_bytes key, int64_t amount,
		    int64_t *value, struct gw_error *error)
{
	Kv__IncrementRequest request = KV__INCREMENT_REQUEST__INIT;
	Kv__IncrementReply *reply;
	int code;

	request.key = kv_client_bytes(key);
	request.amount = amount;
	code = kv_increment(client->rpc, &request, &reply, error);
	if (code < 0)
		return code;
	if (value)
		*value = reply->value;
	gw_rpc_reply_free(reply);
	return 0;
}

/* ---- Conditions ------------------------------------------------------------------------------ */

static int fill_swap(const struct gw_kv_swap *swap, Kv__CompareAndSwapRequest *request,
		     struct gw_error *error)
{
	request->key = kv_client_bytes(swap->key);
	request->value = kv_client_bytes(swap->value);
	request->ttl_ms = swap->ttl_ms;
	request->remove = swap->remove;
	switch (swap->condition) {
	case GW_KV_IF_ABSENT:
		return 0;
	case GW_KV_IF_VERSION:
		request->expected_case = KV__COMPARE_AND_SWAP_REQUEST__EXPECTED_VERSION_EXPECTED;
		request->version_expected = swap->version;
		return 0;
	case GW_KV_IF_VALUE:
		request->expected_case = KV__COMPARE_AND_SWAP_REQUEST__EXPECTED_VALUE_EXPECTED;
		request->value_expected = kv_client_bytes(swap->expected);
		return 0;
	default:
		return gw_fail(error, GW_E_INVALID, "%u is no condition", swap->condition);
	}
}

int gw_kv_compare_and_swap(struct gw_kv_client *client, const struct gw_kv_swap *swap,
			   struct gw_kv_value *value, struct gw_error *error)
{
	Kv__CompareAndSwapRequest request = KV__COMPARE_AND_SWAP_REQUEST__INIT;
	Kv__CompareAndSwapReply *reply;
	int code = fill_swap(swap, &request, error);

	*value = (struct gw_kv_value){0};
	if (code == 0)
		code = kv_compare_and_swap(client->rpc, &request, &reply, error);
	if (code < 0)
		return code;
	value->memory = reply;
	value->index = reply->index;
	if (reply->swapped)
		return 1;
	if (reply->found)
		value->item = (struct gw_kv_item){.value = kv_client_from(&reply->value),
						  .found = true,
						  .version = reply->version};
	return 0;
}

/* ---- Several --------------------------------------------------------------------------------- */

struct several {
	Kv__Change *changes;
	Kv__Change **pointers;
};

static int fill_writes(struct several *several, const struct gw_kv_write *writes, size_t count,
		       struct gw_error *error)
{
	several->changes = calloc(count, sizeof(*several->changes));
	several->pointers = calloc(count, sizeof(*several->pointers));
	if (!several->changes || !several->pointers)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu changes", count);
	for (size_t i = 0; i < count; i++) {
		Kv__Change *change = &several->changes[i];

		kv__change__init(change);
		change->key = kv_client_bytes(writes[i].key);
		change->value = kv_client_bytes(writes[i].value);
		change->ttl_ms = writes[i].ttl_ms;
		change->remove = writes[i].remove;
		several->pointers[i] = change;
	}
	return 0;
}

int gw_kv_write(struct gw_kv_client *client, const struct gw_kv_write *writes, size_t count,
		uint64_t *index, uint32_t *existed, struct gw_error *error)
{
	Kv__WriteRequest request = KV__WRITE_REQUEST__INIT;
	struct several several = {0};
	Kv__WriteReply *reply = NULL;
	int code;

	if (count == 0 || count > GW_KV_KEYS_MAX)
		return gw_fail(error, GW_E_INVALID, "%zu changes at once: 1 to %d are possible",
			       count, GW_KV_KEYS_MAX);
	code = fill_writes(&several, writes, count, error);
	request.changes = several.pointers;
	request.n_changes = count;
	if (code == 0)
		code = kv_write(client->rpc, &request, &reply, error);
	if (code == 0) {
		assert(reply);
		if (index)
			*index = reply->index;
		if (existed)
			*existed = reply->existed;
		gw_rpc_reply_free(reply);
	}
	free(several.pointers);
	free(several.changes);
	return code;
}
