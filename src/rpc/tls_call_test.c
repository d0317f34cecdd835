/* SPDX-License-Identifier: Apache-2.0 */
/* tls_call_test.c - who may call what: certificates, roles and plain text, by whole calls. */
#include "rpc/service_fixture.h"
#include "rpc/tls_fixture.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { TIMEOUT_MS = 400, BIG_BYTES = 5 << 20 };

struct world {
	struct tls_cluster cluster, other;
	struct served served;
	struct gw_rpc_server *server;
	struct gw_rpc_tls *tls; /* the server's */
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	tls_cluster_make(&world->cluster, time(NULL));
	tls_cluster_make(&world->other, time(NULL));
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	tls_cluster_done(&world->cluster);
	tls_cluster_done(&world->other);
	free(world);
	return 0;
}

static void begin(struct world *world, const char *address)
{
	struct gw_rpc_server_options options = {0};
	struct gw_error error = {0};

	world->tls = tls_cluster_server(&world->cluster);
	options.tls = world->tls;
	world->served = (struct served){0};
	assert_int_equal(gw_rpc_server_new(&world->server, &options, &error), 0);
	assert_int_equal(fixture_serve(world->server, &served_handlers, &world->served, NULL,
				       &error),
			 0);
	assert_int_equal(gw_rpc_server_listen(world->server, address, &error), 0);
}

static void end(struct world *world)
{
	gw_rpc_server_free(world->server);
	gw_rpc_tls_free(world->tls);
}

static struct gw_rpc_tls *tls_of(const struct world *world, const char *role, const char *name)
{
	struct rpc_cert_request request = {.role = role, .name = name, .client_only = true,
					   .now_s = world->cluster.now_s};

	return tls_cluster_tls(&world->cluster, &world->cluster, &request, "kv");
}

static struct gw_rpc_client *client_of(const struct world *world, struct gw_rpc_tls *tls)
{
	struct gw_rpc_client_options options = {.tls = tls, .timeout_ms = TIMEOUT_MS};
	struct gw_rpc_client *client;

	assert_int_equal(gw_rpc_client_new(&client, gw_rpc_server_address(world->server),
					   &options, NULL),
			 0);
	return client;
}

/* A task for each test. */
static void run(void **state, gw_task_function *function)
{
	struct gw_error error = {0};

	if (gw_run(function, *state, NULL, &error) != 0)
		fail_msg("%s", error.text);
}

/* ---- Roles -------------------------------------------------------------------------------- */

/* Of the fixture: Echo is for all, Add for "client" and "admin", Mirror has no handler. */
static void calls_of(struct world *world, const char *role, int echo_result, int64_t add_result)
{
	struct gw_rpc_tls *tls = tls_of(world, role, "somebody");
	struct gw_rpc_client *client = client_of(world, tls);
	struct gw_error error = {0};

	assert_int_equal(served_echo(client, "hello", NULL, &error), echo_result);
	assert_int_equal(served_add(client, 5, NULL, &error), add_result);
	if (add_result == GW_E_DENIED) {
		assert_non_null(strstr(error.text, role));
		assert_non_null(strstr(error.text, "fixture.Fixture.Add"));
	}
	gw_rpc_client_free(client);
	gw_rpc_tls_free(tls);
}

static int roles(void *argument)
{
	struct world *world = argument;

	begin(world, "127.0.0.1:0");
	calls_of(world, "client", 0, 5);
	calls_of(world, "admin", 0, 10);
	calls_of(world, "user", 0, GW_E_DENIED);
	/* Neither a part of a role's name nor more than it. */
	calls_of(world, "clien", 0, GW_E_DENIED);
	calls_of(world, "client2", 0, GW_E_DENIED);
	calls_of(world, "client-admin", 0, GW_E_DENIED);
	assert_int_equal(world->served.adds, 2);
	end(world);
	return 0;
}

static void a_table_of_roles_and_methods_decides(void **state)
{
	run(state, roles);
}

static int no_roles(void *argument)
{
	struct gw_rpc_method method = fixture_service.methods[0];
	struct gw_rpc_service service = {.full_name = "fixture.Fixture", .methods = &method,
					 .method_count = 1};
	struct world *world = argument;
	struct gw_rpc_server_options options = {0};
	struct gw_rpc_client *client;
	struct gw_rpc_tls *tls = tls_of(world, "admin", "root");
	struct gw_error error = {0};

	method.roles = NULL;
	options.tls = world->tls = tls_cluster_server(&world->cluster);
	assert_int_equal(gw_rpc_server_new(&world->server, &options, &error), 0);
	assert_int_equal(gw_rpc_server_add(world->server, &service, &served_handlers,
					   &world->served, NULL, &error),
			 0);
	assert_int_equal(gw_rpc_server_listen(world->server, "127.0.0.1:0", &error), 0);
	client = client_of(world, tls);
	assert_int_equal(served_echo(client, "x", NULL, &error), GW_E_DENIED);
	gw_rpc_client_free(client);
	gw_rpc_tls_free(tls);
	end(world);
	return 0;
}

static void a_method_without_roles_is_for_nobody(void **state)
{
	run(state, no_roles);
}

static int count_record(void *context, struct gw_bytes record, struct gw_error *error)
{
	(void)record;
	(void)error;
	++*(int *)context;
	return 0;
}

/* Ids of clients are kept in the table of duplicates, here and in a log. */
static int no_sessions(void *argument)
{
	int records = 0;
	struct gw_rpc_dup_options remember = {.log = count_record, .context = &records};
	struct gw_rpc_server_options options = {0};
	struct world *world = argument;
	struct gw_rpc_dup *dup;
	struct gw_error error = {0};

	options.tls = world->tls = tls_cluster_server(&world->cluster);
	world->served = (struct served){0};
	assert_int_equal(gw_rpc_dup_new(&dup, &remember, &error), 0);
	assert_int_equal(gw_rpc_server_new(&world->server, &options, &error), 0);
	assert_int_equal(fixture_serve(world->server, &served_handlers, &world->served, dup,
				       &error),
			 0);
	assert_int_equal(gw_rpc_server_listen(world->server, "127.0.0.1:0", &error), 0);
	calls_of(world, "user", 0, GW_E_DENIED);
	assert_int_equal(records, 0);
	calls_of(world, "client", 0, 5);
	assert_int_equal(records, 1);
	end(world);
	gw_rpc_dup_free(dup);
	return 0;
}

static void who_may_not_call_a_service_is_not_remembered_by_it(void **state)
{
	run(state, no_sessions);
}

static int peer_seen(void *argument)
{
	struct world *world = argument;
	struct gw_rpc_tls *tls = tls_of(world, "client", "alice");
	struct gw_rpc_client *client;
	uint8_t zero[32] = {0};

	begin(world, "127.0.0.1:0");
	client = client_of(world, tls);
	assert_int_equal(served_echo(client, "x", NULL, NULL), 0);
	assert_int_equal(world->served.peer.kind, GW_RPC_PEER_TLS);
	assert_string_equal(world->served.peer.role, "client");
	assert_string_equal(world->served.peer.name, "alice");
	assert_memory_not_equal(world->served.peer.fingerprint, zero, 32);
	gw_rpc_client_free(client);
	gw_rpc_tls_free(tls);
	end(world);
	return 0;
}

static void a_handler_sees_role_name_and_fingerprint(void **state)
{
	run(state, peer_seen);
}

static int peer_by_path(void *argument)
{
	char path[] = "/tmp/gw-tls-call-XXXXXX", address[64];
	struct world *world = argument;
	struct gw_rpc_client *client;

	assert_non_null(mkdtemp(path));
	(void)snprintf(address, sizeof(address), "%s/socket", path);
	begin(world, address);
	client = client_of(world, NULL);
	assert_int_equal(served_echo(client, "x", NULL, NULL), 0);
	assert_int_equal(world->served.peer.kind, GW_RPC_PEER_UNIX);
	assert_int_equal(world->served.peer.user_id, getuid());
	gw_rpc_client_free(client);
	end(world);
	assert_int_equal(rmdir(path), 0);
	return 0;
}

static void by_a_unix_socket_it_sees_the_user(void **state)
{
	run(state, peer_by_path);
}

/* ---- Who is let in ------------------------------------------------------------------------ */

/* A call with this trust does not run, and code and sentence say why. */
static void does_not_run(struct world *world, struct gw_rpc_tls *tls, int code, const char *text)
{
	struct gw_rpc_client *client = client_of(world, tls);
	struct gw_error error = {0};
	int result = served_echo(client, "x", NULL, &error);

	assert_int_equal(result, code);
	if (!strstr(error.text, text))
		fail_msg("\"%s\" does not say \"%s\"", error.text, text);
	assert_int_equal(world->served.echoes, 0);
	gw_rpc_client_free(client);
	gw_rpc_tls_free(tls);
}

static int strangers(void *argument)
{
	struct world *world = argument;
	struct rpc_cert_request request = {.role = "client", .name = "eve", .client_only = true,
					   .now_s = world->cluster.now_s};
	struct gw_rpc_tls *bare = tls_of(world, "client", "eve");

	begin(world, "127.0.0.1:0");
	SSL_CTX_free(bare->context);
	bare->context = SSL_CTX_new(TLS_client_method());
	does_not_run(world, bare, GW_E_DENIED, "permission denied");
	does_not_run(world, tls_cluster_tls(&world->cluster, &world->other, &request, "kv"),
		     GW_E_DENIED, "permission denied");
	request.now_s -= 100 * 24 * 3600;
	request.days = 1;
	does_not_run(world, tls_cluster_tls(&world->cluster, &world->cluster, &request, "kv"),
		     GW_E_DENIED, "permission denied");
	/* Wants a server of another role than this one has. */
	request.days = 200;
	does_not_run(world, tls_cluster_tls(&world->cluster, &world->cluster, &request, "gfs"),
		     GW_E_DENIED, "host1 has the role kv, not gfs");
	/* Plain text. */
	does_not_run(world, NULL, GW_E_UNREACHABLE, "127.0.0.1");
	end(world);
	return 0;
}

static void who_has_no_good_certificate_runs_nothing(void **state)
{
	run(state, strangers);
}

static int plain_server(void *argument)
{
	struct world *world = argument;
	struct gw_error error = {0};

	world->served = (struct served){0};
	assert_int_equal(gw_rpc_server_new(&world->server, NULL, &error), 0);
	assert_int_equal(fixture_serve(world->server, &served_handlers, &world->served, NULL,
				       &error),
			 0);
	assert_int_equal(gw_rpc_server_listen(world->server, "127.0.0.1:0", &error), 0);
	does_not_run(world, tls_of(world, "client", "alice"), GW_E_UNREACHABLE, "TLS");
	gw_rpc_server_free(world->server);
	return 0;
}

static void a_client_with_tls_does_not_fall_back_to_plain_text(void **state)
{
	run(state, plain_server);
}

static int insecure(void *argument)
{
	struct gw_rpc_client_options options = {.timeout_ms = 100, .connect_timeout_ms = 50};
	struct gw_rpc_server_options allowed = {.insecure = true};
	struct gw_rpc_server *server;
	struct gw_rpc_client *client;
	struct gw_error error = {0};

	(void)argument;
	assert_int_equal(gw_rpc_server_new(&server, NULL, &error), 0);
	assert_int_equal(gw_rpc_server_listen(server, "0.0.0.0:0", &error), GW_E_DENIED);
	assert_int_equal(gw_rpc_server_listen(server, "[::]:0", &error), GW_E_DENIED);
	assert_int_equal(gw_rpc_server_listen(server, "127.0.0.1:0", &error), 0);
	gw_rpc_server_free(server);
	assert_int_equal(gw_rpc_server_new(&server, &allowed, &error), 0);
	assert_int_equal(gw_rpc_server_listen(server, "0.0.0.0:0", &error), 0);
	gw_rpc_server_free(server);
	/* TEST-NET: nobody is there, and nothing is sent there. */
	assert_int_equal(gw_rpc_client_new(&client, "192.0.2.1:7000", &options, &error), 0);
	assert_int_equal(served_echo(client, "x", NULL, &error), GW_E_DENIED);
	assert_non_null(strstr(error.text, "plain text to another machine is not allowed"));
	gw_rpc_client_free(client);
	return 0;
}

static void plain_text_leaves_the_machine_only_when_told_so(void **state)
{
	run(state, insecure);
}

/* ---- Bytes -------------------------------------------------------------------------------- */

static int attachments(void *argument)
{
	struct world *world = argument;
	struct gw_rpc_tls *tls = tls_of(world, "client", "alice");
	struct gw_rpc_call_options options = {.deadline_ns = gw_after_ms(20000)};
	uint8_t *sent = malloc(BIG_BYTES), *back = malloc(BIG_BYTES);
	size_t back_bytes = 0;
	struct gw_rpc_client *client;
	struct gw_error error = {0};

	begin(world, "127.0.0.1:0");
	client = client_of(world, tls);
	for (size_t i = 0; i < BIG_BYTES; i++)
		sent[i] = served_byte(i);
	options.attachment = (struct gw_bytes){sent, BIG_BYTES};
	options.reply_attachment = back;
	options.reply_attachment_max = BIG_BYTES;
	options.reply_attachment_bytes = &back_bytes;
	world->served.read_bytes = 100000;
	world->served.give_back = true;
	if (served_echo(client, "big", &options, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(back_bytes, BIG_BYTES);
	assert_memory_equal(sent, back, BIG_BYTES);
	free(sent);
	free(back);
	gw_rpc_client_free(client);
	gw_rpc_tls_free(tls);
	end(world);
	return 0;
}

static void attachments_pass_by_tls(void **state)
{
	run(state, attachments);
}

/* ---- Memory ------------------------------------------------------------------------------- */

static int short_of_memory(void *argument)
{
	struct world *world = argument;
	struct gw_rpc_tls *tls = tls_of(world, "client", "alice");
	struct gw_error error = {0};
	bool met = true;

	begin(world, "127.0.0.1:0");
	for (uint64_t n = 1; met; n++) {
		struct gw_rpc_client *client = client_of(world, tls);
		int result;

		test_fail_allocation(n);
		result = served_echo(client, "x", NULL, &error);
		met = test_allocation_failed();
		test_fail_allocation(0);
		/* It got through all the same, or it is said why not. */
		if (result != 0 && result != GW_E_NO_MEMORY && result != GW_E_UNREACHABLE &&
		    result != GW_E_OVERLOADED)
			fail_msg("allocation %d: %d, %s", (int)n, result, error.text);
		if (served_echo(client, "after", NULL, &error) != 0)
			fail_msg("after allocation %d (%d): %s", (int)n, result, error.text);
		gw_rpc_client_free(client);
		assert_true(n < 1000);
	}
	gw_rpc_tls_free(tls);
	end(world);
	return 0;
}

static void memory_may_end_at_any_point_of_a_call(void **state)
{
	run(state, short_of_memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_of_roles_and_methods_decides),
		cmocka_unit_test(a_method_without_roles_is_for_nobody),
		cmocka_unit_test(who_may_not_call_a_service_is_not_remembered_by_it),
		cmocka_unit_test(a_handler_sees_role_name_and_fingerprint),
		cmocka_unit_test(by_a_unix_socket_it_sees_the_user),
		cmocka_unit_test(who_has_no_good_certificate_runs_nothing),
		cmocka_unit_test(a_client_with_tls_does_not_fall_back_to_plain_text),
		cmocka_unit_test(plain_text_leaves_the_machine_only_when_told_so),
		cmocka_unit_test(attachments_pass_by_tls),
		cmocka_unit_test(memory_may_end_at_any_point_of_a_call),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
