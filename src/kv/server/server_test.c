/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_test.c - one member on the real io, with LMDB: every method over a connection, and what
 * its directory is after stops that were clean and others.
 */
#include "kv/kv.rpc.h"
#include "kv/server/server.h"
#include "kv/server/snapshot.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct home {
	char path[64];
};

static char *in(const struct home *home, const char *name, char path[128])
{
	snprintf(path, 128, "%s/%s", home->path, name);
	return path;
}

static bool is_there(const struct home *home, const char *name)
{
	char path[128];

	return access(in(home, name, path), F_OK) == 0;
}

static void home_make(struct home *home)
{
	snprintf(home->path, sizeof(home->path), "/tmp/kv-server-XXXXXX");
	assert_non_null(mkdtemp(home->path));
}

static void home_remove(struct home *home)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", home->path);
	assert_int_equal(system(command), 0);
}

static int open_server(struct kv_server **server, const struct home *home, struct gw_error *error)
{
	const struct kv_server_options options = {.directory = home->path,
						  .listen = "127.0.0.1:0",
						  .map_bytes = 1 << 28,
						  .segment_bytes = 1 << 20};

	return kv_server_new(server, &options, error);
}

static struct kv_server *server_new(const struct home *home)
{
	struct kv_server *server;
	struct gw_error error = {0};

	if (open_server(&server, home, &error) < 0)
		fail_msg("%s", error.text);
	return server;
}

static void put_inside(struct kv_server *server, const char *key, const char *value)
{
	const struct kv_operation put = {.kind = KV_PUT, .key = gw_string(key),
					 .value = gw_string(value)};
	struct base_buffer reply;

	assert_int_equal(kv_server_change(server, &put, 1, GW_FOREVER, &reply, NULL), 0);
	base_buffer_done(&reply);
}

static void expect_inside(struct kv_server *server, const char *key, const char *value)
{
	const struct kv_read read = {.deadline_ns = GW_FOREVER};
	struct kv_item item;
	int found;

	assert_int_equal(kv_server_read_begin(server, &read, NULL, NULL), 0);
	found = kv_server_get(server, gw_string(key), &item, NULL);
	assert_int_equal(found, value != NULL);
	if (value) {
		assert_int_equal(item.value.size, strlen(value));
		assert_memory_equal(item.value.data, value, strlen(value));
	}
	kv_server_read_end(server);
}

/* Each test is a task. */
static void in_task(int (*test)(void *argument))
{
	struct gw_error error = {0};
	struct home home;

	home_make(&home);
	assert_int_equal(gw_run(test, &home, NULL, &error), 0);
	home_remove(&home);
}

/* ---- The directory -------------------------------------------------------------------------- */

static int stops_cleanly(void *argument)
{
	const struct home *home = argument;
	struct kv_server *server = server_new(home);

	put_inside(server, "a", "1");
	put_inside(server, "b", "2");
	assert_false(is_there(home, "kept"));
	kv_server_stop(server, gw_after_ms(1000));
	kv_server_free(server);
	assert_true(is_there(home, "kept"));
	server = server_new(home);
	assert_false(is_there(home, "kept"));
	expect_inside(server, "a", "1");
	put_inside(server, "a", "3");
	expect_inside(server, "a", "3");
	kv_server_free(server);
	assert_true(is_there(home, "kept"));
	return 0;
}

static void a_clean_stop_keeps_the_table(void **state)
{
	(void)state;
	in_task(stops_cleanly);
}

static int stops_uncleanly(void *argument)
{
	const struct home *home = argument;
	char path[128];

	/* As if it had been killed; what is in the table then must not matter. */
	for (int i = 0; i < 3; i++) {
		struct kv_server *server = server_new(home);
		char key[8];

		for (int j = 0; j < i; j++) {
			snprintf(key, sizeof(key), "k%d", j);
			expect_inside(server, key, "value");
		}
		snprintf(key, sizeof(key), "k%d", i);
		put_inside(server, key, "value");
		kv_server_free(server);
		assert_int_equal(unlink(in(home, "kept", path)), 0);
		if (i == 1)
			assert_int_equal(truncate(in(home, "table", path), 5000), 0);
	}
	return 0;
}

static void after_an_unclean_stop_the_table_is_made_again(void **state)
{
	(void)state;
	in_task(stops_uncleanly);
}

static int keeps_rubbish(void *argument)
{
	const struct home *home = argument;
	struct kv_server *server = server_new(home);
	char path[128];
	FILE *file;

	put_inside(server, "a", "1");
	kv_server_free(server);
	file = fopen(in(home, "kept", path), "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 30, SEEK_SET), 0);
	fputs("rubbish", file);
	fclose(file);
	server = server_new(home);
	expect_inside(server, "a", "1");
	kv_server_free(server);
	return 0;
}

static void what_was_kept_and_rots_is_not_believed(void **state)
{
	(void)state;
	in_task(keeps_rubbish);
}

static int loses_its_log(void *argument)
{
	const struct home *home = argument;
	struct kv_server *server = server_new(home);
	struct gw_error error = {0};
	char command[160];

	for (int i = 0; i < 20; i++)
		put_inside(server, "a", "1");
	kv_server_free(server);
	snprintf(command, sizeof(command), "rm -rf %s/log", home->path);
	assert_int_equal(system(command), 0);
	assert_int_equal(open_server(&server, home, &error), GW_E_CORRUPT);
	assert_non_null(strstr(error.text, "table"));
	return 0;
}

static void a_table_without_its_log_is_told(void **state)
{
	(void)state;
	in_task(loses_its_log);
}

static int opens_twice(void *argument)
{
	const struct home *home = argument;
	struct kv_server *server = server_new(home), *second;
	struct gw_error error = {0};

	put_inside(server, "a", "1");
	assert_int_equal(open_server(&second, home, &error), GW_E_BUSY);
	assert_null(second);
	assert_non_null(strstr(error.text, home->path));
	expect_inside(server, "a", "1");
	kv_server_free(server);
	return 0;
}

static void a_directory_is_one_members(void **state)
{
	(void)state;
	in_task(opens_twice);
}

static int opens_others(void *argument)
{
	const struct home *home = argument;
	struct gw_error error = {0};
	struct kv_server *server;
	char path[128];
	FILE *file = fopen(in(home, "letter.txt", path), "w");

	assert_non_null(file);
	fputs("Dear Sir,", file);
	fclose(file);
	assert_int_equal(open_server(&server, home, &error), GW_E_CORRUPT);
	assert_non_null(strstr(error.text, "letter.txt"));
	assert_int_equal(unlink(path), 0);
	file = fopen(in(home, "format", path), "w");
	assert_non_null(file);
	fputs("groundwork kv 2\n", file);
	fclose(file);
	assert_int_equal(open_server(&server, home, &error), GW_E_VERSION);
	assert_false(is_there(home, "log"));
	return 0;
}

static void a_directory_of_others_is_left_alone(void **state)
{
	(void)state;
	in_task(opens_others);
}

/* ---- Methods -------------------------------------------------------------------------------- */

static ProtobufCBinaryData data_of(const char *text)
{
	return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

static struct gw_rpc_client *client_of(struct kv_server *server)
{
	struct gw_rpc_client *client;

	assert_int_equal(gw_rpc_client_new(&client, kv_server_address(server), NULL, NULL), 0);
	return client;
}

static void write_some(struct gw_rpc_client *client, int count)
{
	Kv__WriteRequest request = KV__WRITE_REQUEST__INIT;
	Kv__Change *changes[100], made[100];
	char keys[100][8];
	Kv__WriteReply *reply;

	for (int i = 0; i < count; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%03d", i);
		kv__change__init(&made[i]);
		made[i].key = data_of(keys[i]);
		made[i].value = data_of("value");
		changes[i] = &made[i];
	}
	request.n_changes = (size_t)count;
	request.changes = changes;
	assert_int_equal(kv_write(client, &request, &reply, NULL), 0);
	assert_true(reply->index > 0);
	gw_rpc_reply_free(reply);
	request.n_changes = 0;
	assert_int_equal(kv_write(client, &request, &reply, NULL), GW_E_INVALID);
}

static void scan_all(struct gw_rpc_client *client)
{
	Kv__ScanRequest request = KV__SCAN_REQUEST__INIT;
	Kv__ScanReply *reply;
	size_t pairs = 0, calls = 0;
	char next[16] = "k010";
	bool more = true;

	request.end = data_of("k090");
	request.limit = 7;
	while (more) {
		request.begin = data_of(next);
		assert_int_equal(kv_scan(client, &request, &reply, NULL), 0);
		pairs += reply->n_pairs;
		calls++;
		more = reply->more;
		snprintf(next, sizeof(next), "%.*s", (int)reply->next.len,
			 reply->next.data ? (char *)reply->next.data : "");
		gw_rpc_reply_free(reply);
	}
	assert_int_equal(pairs, 80);
	assert_int_equal(calls, 12);
}

static void get_several(struct gw_rpc_client *client)
{
	Kv__MultiGetRequest request = KV__MULTI_GET_REQUEST__INIT;
	ProtobufCBinaryData keys[] = {data_of("k001"), data_of("none"), data_of("k099")};
	Kv__MultiGetReply *reply;

	request.n_keys = 3;
	request.keys = keys;
	assert_int_equal(kv_multi_get(client, &request, &reply, NULL), 0);
	assert_int_equal(reply->n_found, 3);
	assert_true(reply->found[0]->found && !reply->found[1]->found && reply->found[2]->found);
	assert_int_equal(reply->found[2]->value.len, 5);
	gw_rpc_reply_free(reply);
}

static void expect_refusals(struct gw_rpc_client *client)
{
	Kv__PutRequest put = KV__PUT_REQUEST__INIT;
	Kv__IncrementRequest increment = KV__INCREMENT_REQUEST__INIT;
	Kv__IncrementReply *sum;
	Kv__ChangeReply *reply;
	char *large = calloc(1, KV_VALUE_BYTES_MAX + 1);
	struct gw_error error = {0};

	assert_int_equal(kv_put(client, &put, &reply, NULL), GW_E_INVALID);
	put.key = (ProtobufCBinaryData){KV_KEY_BYTES_MAX + 1, (uint8_t *)large};
	assert_int_equal(kv_put(client, &put, &reply, NULL), GW_E_TOO_LARGE);
	put.key.len = KV_KEY_BYTES_MAX;
	put.value = (ProtobufCBinaryData){KV_VALUE_BYTES_MAX + 1, (uint8_t *)large};
	assert_int_equal(kv_put(client, &put, &reply, NULL), GW_E_TOO_LARGE);
	put.value.len = KV_VALUE_BYTES_MAX;
	assert_int_equal(kv_put(client, &put, &reply, NULL), 0);
	gw_rpc_reply_free(reply);
	increment.key = data_of("k001");
	assert_int_equal(kv_increment(client, &increment, &sum, &error), GW_E_INVALID);
	assert_non_null(strstr(error.text, "number"));
	increment.key = data_of("count");
	increment.amount = 5;
	assert_int_equal(kv_increment(client, &increment, &sum, &error), 0);
	assert_int_equal(sum->value, 5);
	gw_rpc_reply_free(sum);
	free(large);
}

static void look_at_care(struct gw_rpc_client *client)
{
	Kv__StatusRequest ask_status = KV__STATUS_REQUEST__INIT;
	Kv__MembersRequest ask_members = KV__MEMBERS_REQUEST__INIT;
	Kv__StatusReply *status;
	Kv__MembersReply *members;

	assert_int_equal(kv_status(client, &ask_status, &status, NULL), 0);
	assert_string_equal(status->role, "leader");
	assert_string_equal(status->table, "lmdb");
	assert_int_equal(status->keys, 102);
	assert_int_equal(status->clients, 1);
	gw_rpc_reply_free(status);
	assert_int_equal(kv_members(client, &ask_members, &members, NULL), 0);
	assert_int_equal(members->n_members, 1);
	assert_true(members->members[0]->leads && members->members[0]->votes);
	gw_rpc_reply_free(members);
}

/* ---- Backups ---- */

static int count_head(void *context, const struct kv_snapshot_head *head, struct gw_error *error)
{
	(void)context;
	(void)error;
	assert_int_equal(head->keys, 102);
	return 0;
}

static int count_pair(void *context, struct gw_bytes key, const struct kv_item *item,
		      struct gw_error *error)
{
	(void)key;
	(void)error;
	assert_true(item->version > 0);
	++*(int *)context;
	return 0;
}

static int count_calls(void *context, struct gw_bytes records, struct gw_error *error)
{
	(void)context;
	(void)error;
	assert_true(records.size > 0);
	return 0;
}

static void back_up(struct gw_rpc_client *client)
{
	Kv__BackupRequest request = KV__BACKUP_REQUEST__INIT;
	Kv__BackupPiece *piece;
	struct gw_rpc_call *call;
	int pairs = 0, code;
	struct kv_snapshot_reader reader = {
		.visitor = {&pairs, count_head, count_pair, count_calls}};
	bool last = false;

	assert_int_equal(kv_backup_open(client, &request, NULL, &call, NULL), 0);
	while ((code = kv_backup_reply_receive(call, &piece, NULL)) == 1) {
		const struct gw_bytes bytes = {piece->data.data, piece->data.len};

		assert_int_equal(kv_snapshot_take(&reader, bytes, NULL), 0);
		last = piece->last;
		gw_rpc_reply_free(piece);
	}
	assert_int_equal(code, 0);
	assert_true(last);
	assert_int_equal(kv_snapshot_end(&reader, NULL), 0);
	kv_snapshot_reader_done(&reader);
	assert_int_equal(kv_backup_finish(call, NULL), 0);
	assert_int_equal(pairs, 102);
}

static int calls_all(void *argument)
{
	const struct home *home = argument;
	struct kv_server *server = server_new(home);
	struct gw_rpc_client *client = client_of(server);

	write_some(client, 100);
	scan_all(client);
	get_several(client);
	expect_refusals(client);
	look_at_care(client);
	back_up(client);
	gw_rpc_client_free(client);
	kv_server_free(server);
	return 0;
}

static void every_method_answers_over_a_connection(void **state)
{
	(void)state;
	in_task(calls_all);
}

/* ---- Speed is no test; many at once is ------------------------------------------------------ */

static int put_often(void *argument)
{
	struct gw_rpc_client *client = argument;
	Kv__AppendRequest request = KV__APPEND_REQUEST__INIT;
	Kv__ChangeReply *reply;

	request.key = data_of("shared");
	request.value = data_of("x");
	for (int i = 0; i < 50; i++) {
		int code = kv_append(client, &request, &reply, NULL);

		if (code < 0)
			return code;
		gw_rpc_reply_free(reply);
	}
	return 0;
}

static int appends_from_many(void *argument)
{
	const struct home *home = argument;
	struct kv_server *server = server_new(home);
	struct gw_rpc_client *clients[8];
	struct gw_group group = {.name = "appends"};
	char expected[8 * 50 + 1] = "";

	for (int i = 0; i < 8; i++) {
		clients[i] = client_of(server);
		assert_int_equal(gw_spawn(&group, put_often, clients[i], NULL), 0);
	}
	assert_int_equal(gw_group_wait(&group, GW_FOREVER), 0);
	for (int i = 0; i < 8; i++)
		gw_rpc_client_free(clients[i]);
	memset(expected, 'x', sizeof(expected) - 1);
	expect_inside(server, "shared", expected);
	kv_server_free(server);
	server = server_new(home);
	expect_inside(server, "shared", expected);
	kv_server_free(server);
	return 0;
}

static void appends_of_many_clients_are_all_there(void **state)
{
	(void)state;
	in_task(appends_from_many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clean_stop_keeps_the_table),
		cmocka_unit_test(after_an_unclean_stop_the_table_is_made_again),
		cmocka_unit_test(what_was_kept_and_rots_is_not_believed),
		cmocka_unit_test(a_table_without_its_log_is_told),
		cmocka_unit_test(a_directory_is_one_members),
		cmocka_unit_test(a_directory_of_others_is_left_alone),
		cmocka_unit_test(every_method_answers_over_a_connection),
		cmocka_unit_test(appends_of_many_clients_are_all_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
