/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_tls_test.c - members that talk TLS over real sockets: certificates of the members' role
 * are let in, others are not, though the same authority has signed them.
 */
#include "driver.h"
#include "machine_fixture.h"

#include "rpc/tls_fixture.h"
#include "support/unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct member {
	char directory[80];
	char address[32];
	struct machine_state machine;
	struct gw_rpc_tls *tls;
	struct gw_rpc_server *server;
	struct replog *log;
};

struct place {
	char top[64];
	struct tls_cluster cluster;
	struct member members[2];
};

/* An address that nobody has now. */
static void find_address(struct member *member)
{
	struct gw_rpc_server *server;

	assert_int_equal(gw_rpc_server_new(&server, NULL, NULL), 0);
	assert_int_equal(gw_rpc_server_listen(server, "127.0.0.1:0", NULL), 0);
	snprintf(member->address, sizeof member->address, "%s", gw_rpc_server_address(server));
	gw_rpc_server_free(server);
}

static struct gw_rpc_tls *tls_of(const struct place *place, const char *role)
{
	struct rpc_cert_request request = {.role = role, .name = "host1",
					   .now_s = place->cluster.now_s};

	return tls_cluster_tls(&place->cluster, &place->cluster, &request, "kv");
}

static int open_member(struct place *place, struct member *member, const char *role,
		       const char *join, struct gw_error *error)
{
	struct gw_rpc_server_options options = {0};
	struct replog_options log_options = {
		.directory = member->directory, .address = member->address, .join = join,
		.peer_role = "kv", .segment_bytes = 64 << 10, .join_timeout_ms = 20000};
	int result;

	options.tls = log_options.tls = member->tls = tls_of(place, role);
	result = replog_open(&member->log, &log_options, &machine_fixture, &member->machine,
			     error);
	if (result < 0)
		return result;
	assert_int_equal(gw_rpc_server_new(&member->server, &options, error), 0);
	assert_int_equal(replog_serve(member->log, member->server, error), 0);
	assert_int_equal(gw_rpc_server_listen(member->server, member->address, error), 0);
	return replog_start(member->log, error);
}

static void close_member(struct member *member)
{
	gw_rpc_server_free(member->server);
	replog_free(member->log);
	gw_rpc_tls_free(member->tls);
	machine_state_done(&member->machine);
	member->server = NULL;
	member->log = NULL;
	member->tls = NULL;
}

/* One that takes no attachment as long as a manifest is refused, and harms nobody. */
static void ask_for_too_much(const struct place *place, const struct member *member)
{
	struct gw_rpc_client_options options = {.attachment_bytes_max = 16};
	Replog__ManifestRequest request = REPLOG__MANIFEST_REQUEST__INIT;
	uint8_t bytes[16];
	struct gw_rpc_call_options call = {.reply_attachment = bytes,
					   .reply_attachment_max = sizeof bytes};
	struct gw_rpc_client *client;
	struct replog_state state;
	Replog__Nothing *reply;

	assert_int_equal(replog_snapshot(member->log, NULL), 0);
	replog_state(member->log, &state);
	assert_true(state.snapshot > 0);
	request.cluster = (ProtobufCBinaryData){sizeof state.cluster, state.cluster};
	request.index = state.snapshot;
	request.term = state.term;
	options.tls = tls_of(place, "kv");
	assert_int_equal(gw_rpc_client_new(&client, member->address, &options, NULL), 0);
	assert_int_equal(members_manifest_with(client, &request, &call, &reply, NULL),
			 GW_E_TOO_LARGE);
	gw_rpc_client_free(client);
	gw_rpc_tls_free(options.tls);
}

static int talk(void *argument)
{
	struct place *place = argument;
	struct member *first = &place->members[0], *second = &place->members[1];
	struct replog_result result;
	struct gw_error error = {0};

	find_address(first);
	find_address(second);
	if (open_member(place, first, "kv", NULL, &error) < 0)
		fail_msg("%s", error.text);
	/* A certificate of this authority, and no member's. */
	assert_int_equal(open_member(place, second, "web", first->address, &error), GW_E_DENIED);
	assert_non_null(strstr(error.text, "web"));
	gw_rpc_tls_free(second->tls);
	second->log = NULL;
	if (open_member(place, second, "kv", first->address, &error) < 0)
		fail_msg("%s", error.text);
	if (replog_propose(first->log, gw_string("over TLS"), GW_FOREVER, &result, &error) < 0)
		fail_msg("%s", error.text);
	base_buffer_done(&result.reply);
	assert_int_equal(replog_wait_applied(second->log, result.index, GW_FOREVER, &error), 0);
	assert_int_equal(second->machine.count, 1);
	ask_for_too_much(place, first);
	close_member(second);
	close_member(first);
	return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static void members_are_known_by_their_role(void **state)
{
	struct place place = {.top = "/tmp/replog-tls-XXXXXX"};
	struct gw_error error = {0};

	(void)state;
	assert_non_null(mkdtemp(place.top));
	tls_cluster_make(&place.cluster, time(NULL));
	for (int i = 0; i < 2; i++)
		snprintf(place.members[i].directory, sizeof place.members[i].directory, "%s/%d",
			 place.top, i);
	if (gw_run(talk, &place, NULL, &error) < 0)
		fail_msg("%s", error.text);
	tls_cluster_done(&place.cluster);
	assert_int_equal(nftw(place.top, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_known_by_their_role),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
