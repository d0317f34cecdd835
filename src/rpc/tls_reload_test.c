/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_reload_test.c - new certificates without a restart: a cluster moves from one authority to the
 * next while its server goes on.
 */
#include "rpc/service_fixture.h"
#include "rpc/tls_fixture.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TIMEOUT_MS = 400, PEM_BYTES_MAX = 16384 };

struct world {
	struct tls_cluster old, new;
	char directory[64], ca[96], certificate[96], key[96];
	struct served served;
	struct gw_rpc_server *server;
	struct gw_rpc_tls *tls; /* the server's */
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	tls_cluster_make(&world->old, time(NULL));
	tls_cluster_make(&world->new, time(NULL));
	strncpy(world->directory, "/tmp/gw-tls-test-XXXXXX", sizeof(world->directory) - 1);
	if (!mkdtemp(world->directory))
		return -1;
	(void)snprintf(world->ca, sizeof(world->ca), "%s/ca.crt", world->directory);
	(void)snprintf(world->certificate, sizeof(world->certificate), "%s/kv.crt",
		       world->directory);
	(void)snprintf(world->key, sizeof(world->key), "%s/kv.key", world->directory);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	(void)unlink(world->ca);
	(void)unlink(world->certificate);
	(void)unlink(world->key);
	assert_int_equal(rmdir(world->directory), 0);
	tls_cluster_done(&world->old);
	tls_cluster_done(&world->new);
	free(world);
	return 0;
}

static void write_file(const char *path, const char *text, const char *more)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_true(fputs(text, file) >= 0 && fputs(more, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* The server's certificate and key, issued by the authority. */
static void write_pair(const struct world *world, const struct tls_cluster *from)
{
	static const char *const hosts[] = {"127.0.0.1"};
	struct rpc_cert_request request = {.role = "kv", .name = "host1", .hosts = hosts,
					   .host_count = 1, .now_s = from->now_s};
	struct rpc_pem pem;

	assert_int_equal(rpc_cert_issue(&from->ca, &request, &pem, NULL), 0);
	write_file(world->certificate, pem.certificate, "");
	write_file(world->key, pem.key, "");
	rpc_pem_done(&pem);
}

/* A client of a user whose certificate is `from` one authority; it trusts both. */
static struct gw_rpc_client *client_of(const struct world *world, const struct tls_cluster *from,
				       struct gw_rpc_tls **tls)
{
	struct rpc_cert_request request = {.role = "client", .name = "alice", .client_only = true,
					   .now_s = from->now_s};
	char both[PEM_BYTES_MAX];
	struct rpc_pem pem;
	struct gw_rpc_tls_options options = {.ca = both, .server_role = "kv"};
	struct gw_rpc_client_options client_options = {.timeout_ms = TIMEOUT_MS};
	struct gw_rpc_client *client;

	assert_int_equal(rpc_cert_issue(&from->ca, &request, &pem, NULL), 0);
	(void)snprintf(both, sizeof(both), "%s%s", world->old.ca.certificate,
		       world->new.ca.certificate);
	options.certificate = pem.certificate;
	options.key = pem.key;
	assert_int_equal(gw_rpc_tls_new(tls, &options, NULL), 0);
	client_options.tls = *tls;
	assert_int_equal(gw_rpc_client_new(&client, gw_rpc_server_address(world->server),
					   &client_options, NULL),
			 0);
	rpc_pem_done(&pem);
	return client;
}

/* What a new client of the authority gets for a call. */
static int call_of(const struct world *world, const struct tls_cluster *from)
{
	struct gw_rpc_tls *tls;
	struct gw_rpc_client *client = client_of(world, from, &tls);
	int result = served_echo(client, "hello", NULL, NULL);

	gw_rpc_client_free(client);
	gw_rpc_tls_free(tls);
	return result;
}

static void begin(struct world *world)
{
	struct gw_rpc_tls_options files = {.ca = world->ca, .certificate = world->certificate,
					   .key = world->key, .server_role = "kv"};
	struct gw_rpc_server_options options = {0};
	struct gw_error error = {0};

	write_file(world->ca, world->old.ca.certificate, "");
	write_pair(world, &world->old);
	assert_int_equal(gw_rpc_tls_new(&world->tls, &files, &error), 0);
	options.tls = world->tls;
	assert_int_equal(gw_rpc_server_new(&world->server, &options, &error), 0);
	assert_int_equal(fixture_serve(world->server, &served_handlers, &world->served, NULL,
				       &error),
			 0);
	assert_int_equal(gw_rpc_server_listen(world->server, "127.0.0.1:0", &error), 0);
}

static int move(void *argument)
{
	struct world *world = argument;
	struct gw_rpc_tls *tls;
	struct gw_rpc_client *client;
	struct gw_error error = {0};

	begin(world);
	client = client_of(world, &world->old, &tls);
	assert_int_equal(served_echo(client, "old", NULL, &error), 0);
	assert_int_equal(call_of(world, &world->new), GW_E_DENIED);
	/* Both count; the server still shows what the old one issued. */
	write_file(world->ca, world->old.ca.certificate, world->new.ca.certificate);
	assert_int_equal(call_of(world, &world->new), GW_E_DENIED);
	assert_int_equal(gw_rpc_tls_reload(world->tls, &error), 0);
	assert_int_equal(call_of(world, &world->new), 0);
	assert_int_equal(call_of(world, &world->old), 0);
	/* Now the new one alone. A connection that is there goes on. */
	write_file(world->ca, world->new.ca.certificate, "");
	write_pair(world, &world->new);
	assert_int_equal(gw_rpc_tls_reload(world->tls, &error), 0);
	assert_int_equal(call_of(world, &world->new), 0);
	assert_int_equal(call_of(world, &world->old), GW_E_DENIED);
	assert_int_equal(served_echo(client, "still there", NULL, &error), 0);
	gw_rpc_client_free(client);
	gw_rpc_tls_free(tls);
	gw_rpc_server_free(world->server);
	gw_rpc_tls_free(world->tls);
	return 0;
}

static void a_server_moves_to_another_authority_without_a_restart(void **state)
{
	assert_int_equal(gw_run(move, *state, NULL, NULL), 0);
}

static int damage(void *argument)
{
	struct world *world = argument;
	struct gw_error error = {0};

	begin(world);
	/* A key of somebody else, one that others may read, a second authority that is none. */
	write_pair(world, &world->new);
	write_file(world->certificate, world->old.ca.certificate, "");
	assert_int_equal(gw_rpc_tls_reload(world->tls, &error), GW_E_INVALID);
	assert_int_equal(call_of(world, &world->old), 0);
	write_pair(world, &world->new);
	assert_int_equal(chmod(world->key, 0644), 0);
	assert_int_equal(gw_rpc_tls_reload(world->tls, &error), GW_E_DENIED);
	assert_non_null(strstr(error.text, world->key));
	write_pair(world, &world->new);
	write_file(world->ca, world->old.ca.certificate,
		   "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	assert_int_equal(gw_rpc_tls_reload(world->tls, &error), GW_E_INVALID);
	assert_int_equal(unlink(world->ca), 0);
	assert_int_equal(gw_rpc_tls_reload(world->tls, &error), GW_E_NOT_FOUND);
	assert_int_equal(call_of(world, &world->old), 0);
	assert_int_equal(call_of(world, &world->new), GW_E_DENIED);
	gw_rpc_server_free(world->server);
	gw_rpc_tls_free(world->tls);
	return 0;
}

static void what_cannot_be_read_again_changes_nothing(void **state)
{
	assert_int_equal(gw_run(damage, *state, NULL, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_server_moves_to_another_authority_without_a_restart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_cannot_be_read_again_changes_nothing, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
