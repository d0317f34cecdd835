/* SPDX-License-Identifier: Apache-2.0 */
/* client_test.c - each call of kv.h against a server that says what the test wants. */
#include <groundwork/kv.h>

#include "kv/kv.rpc.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>

/* A server of one key, which keeps what it was asked. */
struct fake {
	struct gw_rpc_server *server;
	struct gw_kv_client *client;
	char value[64];
	bool has_value;
	uint64_t version, ttl_ms;
	unsigned changes, watches;
	uint64_t watch_from[4];
	bool compacted;
	const char *elsewhere; /* where the leader is */
	unsigned elections;    /* answers that say that nobody leads */
};

static ProtobufCBinaryData bytes(const char *text)
{
	return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

static int serve_get(struct gw_rpc_call *call, void *context, const Kv__GetRequest *request,
		     Kv__GetReply *reply, struct gw_error *error)
{
	struct fake *fake = context;

	(void)call;
	if (fake->elections > 0) {
		fake->elections--;
		return gw_fail(error, GW_E_NOT_LEADER, "nobody leads");
	}
	if (request->key.len == 0)
		return gw_fail(error, GW_E_INVALID, "a key has at least one byte");
	reply->found = fake->has_value;
	if (fake->has_value)
		reply->value = bytes(fake->value);
	reply->version = fake->version;
	reply->ttl_ms = fake->ttl_ms;
	reply->index = request->weak ? request->min_index : 77;
	return 0;
}

static int serve_multi_get(struct gw_rpc_call *call, void *context,
			   const Kv__MultiGetRequest *request, Kv__MultiGetReply *reply,
			   struct gw_error *error)
{
	(void)context;
	(void)error;
	/* All but the last. */
	reply->found = gw_rpc_allocate(call, request->n_keys * sizeof(*reply->found));
	for (size_t i = 0; i + 1 < request->n_keys; i++) {
		Kv__Found *found = gw_rpc_allocate(call, sizeof(*found));

		kv__found__init(found);
		found->found = i % 2 == 0;
		if (found->found)
			found->value = request->keys[i];
		reply->found[reply->n_found++] = found;
	}
	return 0;
}

static int serve_scan(struct gw_rpc_call *call, void *context, const Kv__ScanRequest *request,
		      Kv__ScanReply *reply, struct gw_error *error)
{
	Kv__Pair *pair = gw_rpc_allocate(call, sizeof(*pair));

	(void)context;
	(void)error;
	kv__pair__init(pair);
	pair->key = request->begin;
	pair->value = request->end;
	pair->version = request->limit;
	reply->pairs = gw_rpc_allocate(call, sizeof(*reply->pairs));
	reply->pairs[0] = pair;
	reply->n_pairs = 1;
	reply->more = request->keys_only;
	reply->next = bytes("next");
	return 0;
}

static int serve_put(struct gw_rpc_call *call, void *context, const Kv__PutRequest *request,
		     Kv__ChangeReply *reply, struct gw_error *error)
{
	struct fake *fake = context;

	if (fake->elsewhere) {
		assert_int_equal(gw_rpc_redirect(call, fake->elsewhere, error), 0);
		return gw_fail(error, GW_E_NOT_LEADER, "another one leads");
	}
	reply->existed = fake->has_value;
	(void)snprintf(fake->value, sizeof(fake->value), "%.*s", (int)request->value.len,
		       (const char *)request->value.data);
	fake->has_value = true;
	fake->ttl_ms = request->ttl_ms;
	fake->version = reply->index = ++fake->changes;
	reply->size = request->value.len;
	return 0;
}

static int serve_increment(struct gw_rpc_call *call, void *context,
			   const Kv__IncrementRequest *request, Kv__IncrementReply *reply,
			   struct gw_error *error)
{
	(void)call;
	(void)context;
	(void)error;
	reply->value = -request->amount;
	return 0;
}

static int serve_swap(struct gw_rpc_call *call, void *context,
		      const Kv__CompareAndSwapRequest *request, Kv__CompareAndSwapReply *reply,
		      struct gw_error *error)
{
	struct fake *fake = context;

	(void)call;
	(void)error;
	switch (request->expected_case) {
	case KV__COMPARE_AND_SWAP_REQUEST__EXPECTED_VERSION_EXPECTED:
		reply->swapped = request->version_expected == fake->version;
		break;
	case KV__COMPARE_AND_SWAP_REQUEST__EXPECTED_VALUE_EXPECTED:
		reply->swapped = request->value_expected.len == strlen(fake->value);
		break;
	default:
		reply->swapped = !fake->has_value;
	}
	reply->found = !reply->swapped && fake->has_value;
	if (reply->found)
		reply->value = bytes(fake->value);
	reply->version = fake->version;
	reply->index = 5;
	return 0;
}

static int serve_write(struct gw_rpc_call *call, void *context, const Kv__WriteRequest *request,
		       Kv__WriteReply *reply, struct gw_error *error)
{
	(void)call;
	(void)context;
	(void)error;
	reply->index = 9;
	for (size_t i = 0; i < request->n_changes; i++)
		reply->existed += request->changes[i]->remove;
	return 0;
}

/* One change each time, then it is gone. */
static int serve_watch(struct gw_rpc_call *call, void *context, const Kv__WatchRequest *request,
		       struct gw_error *error)
{
	struct fake *fake = context;
	Kv__WatchItem item = KV__WATCH_ITEM__INIT;
	Kv__Event event = KV__EVENT__INIT, *events = &event;
	int code;

	if (fake->compacted)
		return gw_fail(error, GW_E_COMPACTED, "too old");
	if (fake->watches < 4)
		fake->watch_from[fake->watches] = request->from_index;
	fake->watches++;
	item.index = request->from_index ? request->from_index - 1 : 10;
	code = kv_watch_reply_send(call, &item, error);
	item.index += 3;
	event.kind = KV__EVENT__KIND__EXPIRED;
	event.key = bytes("k");
	item.events = &events;
	item.n_events = 1;
	if (code == 0)
		code = kv_watch_reply_send(call, &item, error);
	return code < 0 ? code : gw_fail(error, GW_E_OVERLOADED, "too slow");
}

static int serve_members(struct gw_rpc_call *call, void *context, const Kv__MembersRequest *request,
			 Kv__MembersReply *reply, struct gw_error *error)
{
	size_t count = request->weak ? GW_KV_MEMBERS_MAX + 1 : 2;

	(void)context;
	(void)error;
	reply->members = gw_rpc_allocate(call, count * sizeof(*reply->members));
	for (size_t i = 0; i < count; i++) {
		Kv__Member *member = gw_rpc_allocate(call, sizeof(*member));

		kv__member__init(member);
		member->id = i + 1;
		member->votes = true;
		member->leads = i == 1;
		reply->members[reply->n_members++] = member;
	}
	return 0;
}

static int serve_backup(struct gw_rpc_call *call, void *context, const Kv__BackupRequest *request,
			struct gw_error *error)
{
	struct fake *fake = context;
	Kv__BackupPiece piece = KV__BACKUP_PIECE__INIT;
	int code;

	(void)request;
	piece.index = 4;
	piece.data = bytes("state");
	code = kv_backup_reply_send(call, &piece, error);
	piece.data.len = 0;
	piece.last = true;
	if (code == 0 && !fake->compacted)
		code = kv_backup_reply_send(call, &piece, error);
	return code;
}

static const struct kv_handlers handlers = {
	.get = serve_get,
	.multi_get = serve_multi_get,
	.scan = serve_scan,
	.put = serve_put,
	.increment = serve_increment,
	.compare_and_swap = serve_swap,
	.write = serve_write,
	.watch = serve_watch,
	.members = serve_members,
	.backup = serve_backup,
};

static void serve(struct fake *fake)
{
	struct gw_error error = {0};

	assert_int_equal(gw_rpc_server_new(&fake->server, NULL, &error), 0);
	assert_int_equal(kv_serve(fake->server, &handlers, fake, NULL, &error), 0);
	assert_int_equal(gw_rpc_server_listen(fake->server, "127.0.0.1:0", &error), 0);
}

static void begin(struct fake *fake)
{
	struct gw_error error = {0};

	serve(fake);
	assert_int_equal(
		gw_kv_client_new(&fake->client, gw_rpc_server_address(fake->server), NULL, &error),
		0);
}

static void end(struct fake *fake)
{
	gw_kv_client_free(fake->client);
	gw_rpc_server_free(fake->server);
}

static void assert_bytes(struct gw_bytes bytes, const char *text)
{
	assert_int_equal(bytes.size, strlen(text));
	assert_memory_equal(bytes.data, text, bytes.size);
}

/* ---- Reads ---------------------------------------------------------------------------------- */

static int a_key_is_read_or_is_not_there(void *argument)
{
	struct fake fake = {0};
	struct gw_error error = {0};
	struct gw_kv_value value = {0};
	const struct gw_kv_read weak = {.weak = true, .min_index = 12};

	(void)argument;
	begin(&fake);
	assert_int_equal(gw_kv_get(fake.client, gw_string("k"), NULL, &value, &error), 0);
	assert_false(value.item.found);
	assert_int_equal(value.index, 77);
	gw_kv_value_done(&value);
	fake.value[0] = 'v';
	fake.has_value = true;
	fake.version = 3;
	fake.ttl_ms = 50;
	assert_int_equal(gw_kv_get(fake.client, gw_string("k"), &weak, &value, &error), 1);
	assert_bytes(value.item.value, "v");
	assert_int_equal(value.item.version, 3);
	assert_int_equal(value.item.ttl_ms, 50);
	assert_int_equal(value.index, 12);
	gw_kv_value_done(&value);
	assert_int_equal(gw_kv_get(fake.client, gw_string(""), NULL, &value, &error), GW_E_INVALID);
	assert_string_equal(error.text, "a key has at least one byte");
	gw_kv_value_done(&value);
	end(&fake);
	return 0;
}

static int many_keys_may_come_in_several_answers(void *argument)
{
	const struct gw_bytes keys[] = {gw_string("a"), gw_string("b"), gw_string("c"),
					gw_string("d")};
	struct fake fake = {0};
	struct gw_error error = {0};
	struct gw_kv_page page = {0};

	(void)argument;
	begin(&fake);
	assert_int_equal(gw_kv_get_many(fake.client, keys, 4, NULL, &page, &error), 0);
	assert_int_equal(page.count, 3);
	assert_true(page.more);
	assert_bytes(page.items[0].value, "a");
	assert_bytes(page.items[1].key, "b");
	assert_false(page.items[1].found);
	gw_kv_page_done(&page);
	/* None at all is not how a server answers. */
	assert_int_equal(gw_kv_get_many(fake.client, keys, 1, NULL, &page, &error), GW_E_CORRUPT);
	assert_int_equal(gw_kv_get_many(fake.client, keys, 0, NULL, &page, &error), GW_E_INVALID);
	end(&fake);
	return 0;
}

static int a_range_comes_page_by_page(void *argument)
{
	const struct gw_kv_range range = {gw_string("a"), gw_string("z"), 7, true};
	struct fake fake = {0};
	struct gw_error error = {0};
	struct gw_kv_page page = {0};

	(void)argument;
	begin(&fake);
	assert_int_equal(gw_kv_scan(fake.client, &range, NULL, &page, &error), 0);
	assert_int_equal(page.count, 1);
	assert_bytes(page.items[0].key, "a");
	assert_bytes(page.items[0].value, "z");
	assert_int_equal(page.items[0].version, 7);
	assert_true(page.more);
	assert_bytes(page.next, "next");
	gw_kv_page_done(&page);
	end(&fake);
	return 0;
}

/* ---- Changes -------------------------------------------------------------------------------- */

static int a_change_tells_what_it_did(void *argument)
{
	struct fake fake = {0};
	struct gw_error error = {0};
	struct gw_kv_change change;
	int64_t sum;

	(void)argument;
	begin(&fake);
	assert_int_equal(
		gw_kv_put(fake.client, gw_string("k"), gw_string("abc"), 9, &change, &error), 0);
	assert_int_equal(change.index, 1);
	assert_int_equal(change.size, 3);
	assert_false(change.existed);
	assert_int_equal(fake.ttl_ms, 9);
	assert_string_equal(fake.value, "abc");
	assert_int_equal(gw_kv_increment(fake.client, gw_string("k"), 5, &sum, &error), 0);
	assert_int_equal(sum, -5);
	assert_int_equal(gw_kv_append(fake.client, gw_string("k"), gw_string("d"), NULL, &error),
			 GW_E_UNSUPPORTED);
	end(&fake);
	return 0;
}

static int a_swap_happens_or_tells_what_is_there(void *argument)
{
	struct fake fake = {.value = "four", .has_value = true, .version = 4};
	struct gw_error error = {0};
	struct gw_kv_value value = {0};
	struct gw_kv_swap swap = {.key = gw_string("k"), .condition = GW_KV_IF_ABSENT};

	(void)argument;
	begin(&fake);
	assert_int_equal(gw_kv_compare_and_swap(fake.client, &swap, &value, &error), 0);
	assert_bytes(value.item.value, "four");
	assert_int_equal(value.item.version, 4);
	assert_int_equal(value.index, 5);
	gw_kv_value_done(&value);
	swap.condition = GW_KV_IF_VERSION;
	swap.version = 4;
	assert_int_equal(gw_kv_compare_and_swap(fake.client, &swap, &value, &error), 1);
	gw_kv_value_done(&value);
	swap.condition = GW_KV_IF_VALUE;
	swap.expected = gw_string("five.");
	assert_int_equal(gw_kv_compare_and_swap(fake.client, &swap, &value, &error), 0);
	gw_kv_value_done(&value);
	swap.condition = 0;
	assert_int_equal(gw_kv_compare_and_swap(fake.client, &swap, &value, &error), GW_E_INVALID);
	end(&fake);
	return 0;
}

static int several_changes_are_one(void *argument)
{
	const struct gw_kv_write writes[] = {{.key = gw_string("a"), .value = gw_string("1")},
					     {.key = gw_string("b"), .remove = true}};
	struct fake fake = {0};
	struct gw_error error = {0};
	uint64_t index;
	uint32_t existed;

	(void)argument;
	begin(&fake);
	assert_int_equal(gw_kv_write(fake.client, writes, 2, &index, &existed, &error), 0);
	assert_int_equal(index, 9);
	assert_int_equal(existed, 1);
	assert_int_equal(gw_kv_write(fake.client, writes, 0, NULL, NULL, &error), GW_E_INVALID);
	end(&fake);
	return 0;
}

static int a_change_goes_where_the_leader_is(void *argument)
{
	struct fake leader = {0}, follower = {0};
	struct gw_error error = {0};

	(void)argument;
	begin(&leader);
	follower.elsewhere = gw_rpc_server_address(leader.server);
	begin(&follower);
	assert_int_equal(
		gw_kv_put(follower.client, gw_string("k"), gw_string("v"), 0, NULL, &error), 0);
	assert_int_equal(leader.changes, 1);
	assert_int_equal(follower.changes, 0);
	end(&follower);
	end(&leader);
	return 0;
}

static int an_election_is_waited_for(void *argument)
{
	struct fake fake = {.elections = 3 * GW_RPC_REDIRECTS_MAX};
	struct gw_error error = {0};
	struct gw_kv_value value = {0};

	(void)argument;
	begin(&fake);
	assert_int_equal(gw_kv_get(fake.client, gw_string("k"), NULL, &value, &error), 0);
	assert_int_equal(fake.elections, 0);
	gw_kv_value_done(&value);
	end(&fake);
	return 0;
}

static int nobody_there_is_told_at_the_deadline(void *argument)
{
	struct gw_kv_client_options options = {.timeout_ms = 30, .cluster = "0123"};
	struct gw_error error = {0};
	struct gw_kv_client *client;

	(void)argument;
	assert_int_equal(gw_kv_client_new(&client, "no address", NULL, &error), GW_E_INVALID);
	assert_int_equal(gw_kv_client_new(&client, "127.0.0.1:1", &options, &error), GW_E_INVALID);
	options.cluster = "0123456789abcdefABCDEF0000000000";
	assert_int_equal(gw_kv_client_new(&client, "127.0.0.1:1", &options, &error), 0);
	assert_int_equal(gw_kv_put(client, gw_string("k"), gw_string("v"), 0, NULL, &error),
			 GW_E_UNREACHABLE);
	gw_kv_client_free(client);
	return 0;
}

/* ---- Watching, care ------------------------------------------------------------------------ */

static int a_watch_goes_on_behind_what_was_told(void *argument)
{
	const struct gw_kv_range range = {.begin = gw_string("a")};
	struct fake fake = {0};
	struct gw_error error = {0};
	struct gw_kv_watch *watch;
	struct gw_kv_events events = {0};
	uint64_t from;

	(void)argument;
	begin(&fake);
	assert_int_equal(gw_kv_watch_new(&watch, fake.client, &range, 0, &from, &error), 0);
	assert_int_equal(from, 11);
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(gw_kv_watch_next(watch, &events, &error), 0);
		assert_int_equal(events.index, 13 + 3 * i);
		assert_int_equal(events.count, 1);
		assert_int_equal(events.items[0].kind, GW_KV_EXPIRED);
		assert_bytes(events.items[0].key, "k");
		gw_kv_events_done(&events);
	}
	assert_int_equal(fake.watches, 3);
	assert_int_equal(fake.watch_from[1], 14);
	assert_int_equal(fake.watch_from[2], 17);
	fake.compacted = true;
	assert_int_equal(gw_kv_watch_next(watch, &events, &error), GW_E_COMPACTED);
	gw_kv_watch_free(watch);
	assert_int_equal(gw_kv_watch_new(&watch, fake.client, &range, 1, NULL, &error),
			 GW_E_COMPACTED);
	assert_null(watch);
	end(&fake);
	return 0;
}

static int members_are_listed(void *argument)
{
	struct gw_kv_member members[GW_KV_MEMBERS_MAX];
	struct fake fake = {0};
	struct gw_error error = {0};

	(void)argument;
	begin(&fake);
	assert_int_equal(gw_kv_members(fake.client, false, members, &error), 2);
	assert_true(members[1].leads);
	assert_int_equal(gw_kv_members(fake.client, true, members, &error), GW_E_TOO_LARGE);
	end(&fake);
	return 0;
}

static int take(void *context, struct gw_bytes bytes, struct gw_error *error)
{
	char *text = context;

	(void)error;
	(void)snprintf(text, 16, "%.*s", (int)bytes.size, (const char *)bytes.data);
	return 0;
}

static int a_backup_is_whole_or_no_backup(void *argument)
{
	struct fake fake = {0};
	struct gw_error error = {0};
	char text[16] = "";
	uint64_t index;

	(void)argument;
	begin(&fake);
	assert_int_equal(gw_kv_backup(fake.client, take, text, &index, &error), 0);
	assert_string_equal(text, "state");
	assert_int_equal(index, 4);
	fake.compacted = true; /* its last piece does not come */
	assert_int_equal(gw_kv_backup(fake.client, take, text, &index, &error), GW_E_TRUNCATED);
	end(&fake);
	return 0;
}

static void run_in_a_task(void **state)
{
	assert_int_equal(gw_run((gw_task_function *)*state, NULL, NULL, NULL), 0);
}

#define in_a_task(function)                                                                        \
	{                                                                                          \
#function, run_in_a_task, NULL, NULL, (void *)(function)                           \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_task(a_key_is_read_or_is_not_there),
		in_a_task(many_keys_may_come_in_several_answers),
		in_a_task(a_range_comes_page_by_page),
		in_a_task(a_change_tells_what_it_did),
		in_a_task(a_swap_happens_or_tells_what_is_there),
		in_a_task(several_changes_are_one),
		in_a_task(a_change_goes_where_the_leader_is),
		in_a_task(an_election_is_waited_for),
		in_a_task(nobody_there_is_told_at_the_deadline),
		in_a_task(a_watch_goes_on_behind_what_was_told),
		in_a_task(members_are_listed),
		in_a_task(a_backup_is_whole_or_no_backup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
