/* SPDX-License-Identifier: Apache-2.0 */
/* tls_test.c - who may talk to whom by TLS, and what garbage and silence come to. */
#include "rpc/tls_fixture.h"
#include "task/await.h"

#include "support/unit.h"

#include <stdlib.h>
#include <time.h>

enum { DAY_S = 24 * 3600 };

struct world {
	struct tls_cluster cluster, other;
	struct gw_rpc_tls *server, *user;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	tls_cluster_make(&world->cluster, time(NULL));
	tls_cluster_make(&world->other, time(NULL));
	world->server = tls_cluster_server(&world->cluster);
	world->user = tls_cluster_user(&world->cluster);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	gw_rpc_tls_free(world->server);
	gw_rpc_tls_free(world->user);
	tls_cluster_done(&world->cluster);
	tls_cluster_done(&world->other);
	free(world);
	return 0;
}

/* ---- Who is who --------------------------------------------------------------------------- */

static void both_sides_learn_role_name_and_fingerprint(void **state)
{
	struct world *world = *state;
	struct tls_pair pair = {.server_tls = world->server, .client_tls = world->user};
	uint8_t zero[32] = {0};

	tls_pair_run(&pair);
	assert_int_equal(pair.server_result, 0);
	assert_int_equal(pair.client_result, 0);
	assert_int_equal(pair.client_peer.kind, GW_RPC_PEER_TLS);
	assert_string_equal(pair.client_peer.role, "user");
	assert_string_equal(pair.client_peer.name, "alice");
	assert_string_equal(pair.server_peer.role, "kv");
	assert_string_equal(pair.server_peer.name, "host1");
	assert_memory_not_equal(pair.client_peer.fingerprint, zero, 32);
	assert_memory_not_equal(pair.client_peer.fingerprint, pair.server_peer.fingerprint, 32);
}

/* For a client whose certificate the server refuses: TLS 1.3 tells it with the first read. */
static void read_denied(struct tls_pair *pair, struct tls_end *end)
{
	uint8_t byte;

	pair->client_result = (int)tls_end_read(end, &byte, 1);
}

/* The server refuses a client with this certificate, with this sentence. */
static void refused_by_server(struct world *world, struct gw_rpc_tls *client, const char *text)
{
	struct tls_pair pair = {.server_tls = world->server, .client_tls = client,
				.client = read_denied};

	tls_pair_run(&pair);
	assert_int_equal(pair.server_result, GW_E_DENIED);
	if (!strstr(pair.server_error.text, text))
		fail_msg("\"%s\" instead of \"%s\"", pair.server_error.text, text);
	assert_int_equal(pair.client_result, GW_E_DENIED);
	gw_rpc_tls_free(client);
}

static void refused_by_client(struct world *world, struct gw_rpc_tls *server, const char *text)
{
	struct tls_pair pair = {.server_tls = server, .client_tls = world->user};

	tls_pair_run(&pair);
	assert_int_equal(pair.client_result, GW_E_DENIED);
	if (!strstr(pair.client_error.text, text))
		fail_msg("\"%s\" instead of \"%s\"", pair.client_error.text, text);
	gw_rpc_tls_free(server);
}

static void a_client_without_certificate_is_denied(void **state)
{
	struct world *world = *state;
	struct gw_rpc_tls *client = tls_cluster_user(&world->cluster);

	SSL_CTX_free(client->context);
	client->context = SSL_CTX_new(TLS_client_method());
	refused_by_server(world, client, "peer did not return a certificate");
}

static void a_client_of_another_authority_is_denied(void **state)
{
	struct world *world = *state;
	struct rpc_cert_request request = {.role = "user", .name = "alice", .client_only = true,
					   .now_s = world->other.now_s};

	refused_by_server(world,
			  tls_cluster_tls(&world->cluster, &world->other, &request, "kv"),
			  "unable to get local issuer certificate");
}

static void a_server_of_another_authority_is_denied(void **state)
{
	struct world *world = *state;
	struct rpc_cert_request request = {.role = "kv", .name = "host1",
					   .now_s = world->other.now_s};

	refused_by_client(world,
			  tls_cluster_tls(&world->cluster, &world->other, &request, NULL),
			  "unable to get local issuer certificate");
}

static void certificates_are_denied_before_and_after_their_time(void **state)
{
	struct world *world = *state;
	struct rpc_cert_request request = {.role = "user", .name = "alice", .client_only = true,
					   .now_s = world->cluster.now_s - 10 * DAY_S, .days = 3};

	refused_by_server(world,
			  tls_cluster_tls(&world->cluster, &world->cluster, &request, "kv"),
			  "certificate has expired");
	request.now_s = world->cluster.now_s + 10 * DAY_S;
	refused_by_server(world,
			  tls_cluster_tls(&world->cluster, &world->cluster, &request, "kv"),
			  "certificate is not yet valid");
	request = (struct rpc_cert_request){.role = "kv", .name = "host1", .days = 3,
					    .now_s = world->cluster.now_s - 10 * DAY_S};
	refused_by_client(world,
			  tls_cluster_tls(&world->cluster, &world->cluster, &request, NULL),
			  "certificate has expired");
}

static void a_user_cannot_pose_as_a_server(void **state)
{
	struct world *world = *state;
	struct rpc_cert_request request = {.role = "kv", .name = "alice", .client_only = true,
					   .now_s = world->cluster.now_s};

	refused_by_client(world,
			  tls_cluster_tls(&world->cluster, &world->cluster, &request, NULL),
			  "unsuitable certificate purpose");
}

static void a_server_of_another_role_is_denied(void **state)
{
	struct world *world = *state;
	struct rpc_cert_request request = {.role = "chunk", .name = "host1",
					   .now_s = world->cluster.now_s};

	refused_by_client(world,
			  tls_cluster_tls(&world->cluster, &world->cluster, &request, NULL),
			  "host1 has the role chunk, not kv");
}

static void a_server_must_be_the_host_that_was_called(void **state)
{
	static const struct {
		const char *host;
		int result;
	} rows[] = {{"localhost", 0}, {"127.0.0.1", 0}, {"other", GW_E_DENIED},
		    {"127.0.0.2", GW_E_DENIED}, {"host1", GW_E_DENIED}, {NULL, GW_E_INVALID}};
	struct world *world = *state;
	struct rpc_cert_request request = {.role = "user", .name = "alice",
					   .now_s = world->cluster.now_s};
	struct gw_rpc_tls *client =
		tls_cluster_tls(&world->cluster, &world->cluster, &request, NULL);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tls_pair pair = {.server_tls = world->server, .client_tls = client,
					.host = rows[i].host};

		tls_pair_run(&pair);
		assert_int_equal(pair.client_result, rows[i].result);
	}
	gw_rpc_tls_free(client);
}

static void nobody_talks_tls_1_2(void **state)
{
	struct world *world = *state;
	struct gw_rpc_tls *old = tls_cluster_user(&world->cluster);
	struct tls_pair pair = {.server_tls = world->server, .client_tls = old};

	assert_int_equal(SSL_CTX_set_min_proto_version(old->context, TLS1_2_VERSION), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(old->context, TLS1_2_VERSION), 1);
	tls_pair_run(&pair);
	assert_int_equal(pair.server_result, GW_E_VERSION);
	assert_int_equal(pair.client_result, GW_E_VERSION);
	pair = (struct tls_pair){.server_tls = old, .client_tls = world->user};
	tls_pair_run(&pair);
	assert_true(pair.server_result < 0);
	assert_int_equal(pair.client_result, GW_E_VERSION);
	gw_rpc_tls_free(old);
}

/* ---- Handshakes that are none ------------------------------------------------------------- */

/* Sends the bytes and waits until the server has hung up. */
struct raw {
	struct io_reader reader;
	struct tls_event event;
	uint8_t buffer[4096];
};

static struct io_buffer raw_buffer(struct io_reader *reader)
{
	struct raw *raw = (struct raw *)reader;

	return (struct io_buffer){raw->buffer, sizeof(raw->buffer)};
}

static void raw_read(struct io_reader *reader, int result)
{
	if (result <= 0)
		tls_event_set(&((struct raw *)reader)->event);
}

static void send_raw(struct tls_pair *pair, struct io_stream *stream, const void *data,
		     size_t size, bool then_end)
{
	struct raw raw = {.reader = {raw_buffer, raw_read, 0}};
	struct task_request write = {0}, shut = {0};
	struct gw_bytes piece = {data, size};

	io_read_start(pair->io, stream, &raw.reader);
	if (size > 0) {
		io_writev(pair->io, &write.request, stream, &piece, 1, task_request_done);
		assert_int_equal(task_await(&write, GW_FOREVER), 0);
	}
	if (then_end) {
		io_shutdown(pair->io, &shut.request, stream, task_request_done);
		assert_int_equal(task_await(&shut, GW_FOREVER), 0);
	}
	assert_int_equal(tls_event_wait(&raw.event), 0);
	io_stream_close(pair->io, stream);
}

static void send_garbage(struct tls_pair *pair, struct io_stream *stream)
{
	uint64_t seed = *(uint64_t *)pair->data;
	uint8_t bytes[3000];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)test_random(&seed);
	if (seed % 2) /* the head of a handshake record, then garbage */
		memcpy(bytes, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
	send_raw(pair, stream, bytes, sizeof(bytes), true);
}

static void garbage_is_an_error_of_that_connection(void **state)
{
	struct world *world = *state;

	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct tls_pair pair = {.server_tls = world->server, .raw_client = send_garbage,
					.data = &seed};

		tls_pair_run(&pair);
		assert_true(pair.server_result < 0);
		assert_non_null(strstr(pair.server_error.text, "TLS: "));
	}
}

static void send_frame(struct tls_pair *pair, struct io_stream *stream)
{
	static const char frame[64] = "GW\1\1";

	send_raw(pair, stream, frame, sizeof(frame), false);
}

static void plain_text_to_a_tls_server_is_refused(void **state)
{
	struct world *world = *state;
	struct tls_pair pair = {.server_tls = world->server, .raw_client = send_frame};

	tls_pair_run(&pair);
	assert_int_equal(pair.server_result, GW_E_CORRUPT);
}

static void send_part(struct tls_pair *pair, struct io_stream *stream)
{
	send_raw(pair, stream, "\x16\x03\x01\x02\x00\x01", *(size_t *)pair->data, true);
}

static void a_handshake_cut_off_is_closed(void **state)
{
	struct world *world = *state;

	for (size_t size = 0; size <= 6; size++) {
		struct tls_pair pair = {.server_tls = world->server, .raw_client = send_part,
					.data = &size};

		tls_pair_run(&pair);
		assert_int_equal(pair.server_result, GW_E_CLOSED);
	}
}

static void reset_at_once(struct tls_pair *pair, struct io_stream *stream)
{
	io_stream_reset(pair->io, stream);
}

static void a_handshake_that_is_reset_is_closed(void **state)
{
	struct world *world = *state;
	struct tls_pair pair = {.server_tls = world->server, .raw_client = reset_at_once};

	tls_pair_run(&pair);
	assert_int_equal(pair.server_result, GW_E_CLOSED);
}

static void send_nothing(struct tls_pair *pair, struct io_stream *stream)
{
	send_raw(pair, stream, NULL, 0, false);
}

static void a_client_that_says_nothing_runs_into_the_deadline(void **state)
{
	struct world *world = *state;
	struct tls_pair pair = {.server_tls = world->server, .raw_client = send_nothing,
				.handshake_ms = 30};

	tls_pair_run(&pair);
	assert_int_equal(pair.server_result, GW_E_TIMEOUT);
	assert_non_null(strstr(pair.server_error.text, "handshake: deadline passed"));
}

/* ---- Settings ----------------------------------------------------------------------------- */

static void nothing_of_older_protocols_is_on(void **state)
{
	struct world *world = *state;
	SSL_CTX *context = world->server->context;
	SSL *ssl = SSL_new(context);

	assert_int_equal(SSL_get_min_proto_version(ssl), TLS1_3_VERSION);
	assert_int_equal(SSL_get_max_proto_version(ssl), TLS1_3_VERSION);
	assert_int_equal(SSL_CTX_get_num_tickets(context), 0);
	assert_int_equal(SSL_CTX_get_max_early_data(context), 0);
	assert_true(SSL_CTX_get_options(context) & SSL_OP_NO_RENEGOTIATION);
	assert_int_equal(SSL_CTX_get_session_cache_mode(context), SSL_SESS_CACHE_OFF);
	assert_null(SSL_CTX_get_keylog_callback(context));
	SSL_free(ssl);
}

static void certificates_that_do_not_fit_are_refused_at_the_start(void **state)
{
	struct world *world = *state;
	struct rpc_cert_request request = {.role = "kv", .name = "a",
					   .now_s = world->cluster.now_s};
	const char *ca = world->cluster.ca.certificate;
	struct rpc_pem one, two;
	struct gw_rpc_tls *tls;
	struct gw_error error = {0};

	assert_int_equal(rpc_cert_issue(&world->cluster.ca, &request, &one, NULL), 0);
	assert_int_equal(rpc_cert_issue(&world->cluster.ca, &request, &two, NULL), 0);
	const struct gw_rpc_tls_options rows[] = {
		{.ca = ca, .certificate = one.certificate},
		{.ca = ca, .certificate = one.certificate, .key = two.key},
		{.ca = ca, .certificate = one.key, .key = one.key},
		{.ca = ca, .certificate = one.certificate, .key = one.certificate},
		{.ca = one.certificate, .certificate = one.certificate, .key = one.key},
		{.ca = ca, .certificate = ca, .key = world->cluster.ca.key}, /* says no role */
		{.ca = ca, .certificate = one.certificate, .key = one.key, .server_role = "K V"},
		{.ca = ca, .certificate = one.certificate, .key = "/nonexistent"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(gw_rpc_tls_new(&tls, &rows[i], &error), GW_E_INVALID);
		assert_null(tls);
		/* No sentence shows what was in a key. */
		assert_null(strstr(error.text, "BEGIN"));
		assert_null(strstr(error.text, one.key + 40));
	}
	rpc_pem_done(&two);
	rpc_pem_done(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_learn_role_name_and_fingerprint),
		cmocka_unit_test(a_client_without_certificate_is_denied),
		cmocka_unit_test(a_client_of_another_authority_is_denied),
		cmocka_unit_test(a_server_of_another_authority_is_denied),
		cmocka_unit_test(certificates_are_denied_before_and_after_their_time),
		cmocka_unit_test(a_user_cannot_pose_as_a_server),
		cmocka_unit_test(a_server_of_another_role_is_denied),
		cmocka_unit_test(a_server_must_be_the_host_that_was_called),
		cmocka_unit_test(nobody_talks_tls_1_2),
		cmocka_unit_test(garbage_is_an_error_of_that_connection),
		cmocka_unit_test(plain_text_to_a_tls_server_is_refused),
		cmocka_unit_test(a_handshake_cut_off_is_closed),
		cmocka_unit_test(a_handshake_that_is_reset_is_closed),
		cmocka_unit_test(a_client_that_says_nothing_runs_into_the_deadline),
		cmocka_unit_test(nothing_of_older_protocols_is_on),
		cmocka_unit_test(certificates_that_do_not_fit_are_refused_at_the_start),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
