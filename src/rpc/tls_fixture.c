/* SPDX-License-Identifier: Apache-2.0 */
/* tls_fixture.c - see tls_fixture.h. */
#include "rpc/tls_fixture.h"

#include "io/uv.h"
#include "task/await.h"

#include "support/unit.h"

#include <stdlib.h>

/* ---- Certificates ---------------------------------------------------------------------------- */

void tls_cluster_make(struct tls_cluster *cluster, int64_t now_s)
{
	cluster->now_s = now_s;
	assert_int_equal(rpc_cert_make_ca("test", now_s, 0, &cluster->ca, NULL), 0);
}

void tls_cluster_done(struct tls_cluster *cluster)
{
	rpc_pem_done(&cluster->ca);
}

struct gw_rpc_tls *tls_cluster_tls(const struct tls_cluster *cluster,
				   const struct tls_cluster *from,
				   const struct rpc_cert_request *request, const char *server_role)
{
	struct gw_error error = {0};
	struct gw_rpc_tls *tls = NULL;
	struct rpc_pem pem;

	assert_int_equal(rpc_cert_issue(&from->ca, request, &pem, &error), 0);
	struct gw_rpc_tls_options options = {.ca = cluster->ca.certificate,
					     .certificate = pem.certificate,
					     .key = pem.key,
					     .server_role = server_role};

	if (gw_rpc_tls_new(&tls, &options, &error) < 0)
		fail_msg("%s", error.text);
	rpc_pem_done(&pem);
	return tls;
}

struct gw_rpc_tls *tls_cluster_server(const struct tls_cluster *cluster)
{
	static const char *const hosts[] = {"localhost", "127.0.0.1"};
	struct rpc_cert_request request = {.role = "kv", .name = "host1", .hosts = hosts,
					   .host_count = 2, .now_s = cluster->now_s};

	return tls_cluster_tls(cluster, cluster, &request, "kv");
}

struct gw_rpc_tls *tls_cluster_user(const struct tls_cluster *cluster)
{
	struct rpc_cert_request request = {.role = RPC_ROLE_USER, .name = "alice",
					   .client_only = true, .now_s = cluster->now_s};

	return tls_cluster_tls(cluster, cluster, &request, "kv");
}

/* ---- Events ---------------------------------------------------------------------------------- */

void tls_event_set(struct tls_event *event)
{
	struct task_wait *wait = event->wait;

	event->happened = true;
	event->wait = NULL;
	if (wait && task_claim(wait))
		task_wake(wait, 0);
}

int tls_event_wait(struct tls_event *event)
{
	struct task_wait wait;
	int result = 0;

	if (!event->happened) {
		task_wait_init(&wait, "for a test's event", event, NULL, false);
		event->wait = &wait;
		result = task_wait(&wait, gw_after_ms(TLS_TEST_MS));
		event->wait = NULL;
	}
	event->happened = false;
	return result;
}

/* ---- Ends ------------------------------------------------------------------------------------ */

static struct tls_end *end_of(struct io_reader *reader)
{
	return (struct tls_end *)((char *)reader - offsetof(struct tls_end, reader));
}

static struct io_buffer end_buffer(struct io_reader *reader)
{
	struct tls_end *end = end_of(reader);

	return (struct io_buffer){end->into + end->got, end->wanted - end->got};
}

static void end_read(struct io_reader *reader, int result)
{
	struct tls_end *end = end_of(reader);

	if (result > 0) {
		assert_true((size_t)result <= end->wanted - end->got);
		end->got += (size_t)result;
	} else {
		end->result = result;
	}
	if (result <= 0 || end->got == end->wanted)
		tls_event_set(&end->event);
}

int64_t tls_end_read(struct tls_end *end, void *into, size_t size)
{
	int result;

	end->into = into;
	end->wanted = size;
	end->got = 0;
	end->result = 1;
	end->event = (struct tls_event){0};
	end->transport->operations->read_start(end->transport, &end->reader);
	result = tls_event_wait(&end->event);
	end->transport->operations->read_stop(end->transport);
	if (result < 0)
		return result;
	return end->result < 0 && end->got == 0 ? end->result : (int64_t)end->got;
}

struct write {
	struct io_request request;
	struct tls_event event;
	int result;
};

static void write_done(struct io_request *request, int result)
{
	struct write *write = request->data;

	write->result = result;
	tls_event_set(&write->event);
}

int tls_end_write(struct tls_end *end, const void *data, size_t size)
{
	struct write write = {.result = 1};
	struct gw_bytes piece = {data, size};
	int result;

	write.request.data = &write;
	end->transport->operations->writev(end->transport, &write.request, &piece, 1, write_done);
	assert_int_equal(write.result, 1); /* done is not called inside the call */
	result = tls_event_wait(&write.event);
	assert_int_equal(result, 0);
	return write.result;
}

void tls_end_close(struct tls_end *end, bool reset)
{
	rpc_transport_close(end->transport, reset);
	end->transport = NULL;
}

/* ---- Pairs ----------------------------------------------------------------------------------- */

static uint64_t handshake_deadline(const struct tls_pair *pair)
{
	return gw_after_ms(pair->handshake_ms ? pair->handshake_ms : TLS_TEST_MS);
}

static void end_begin(struct tls_end *end)
{
	end->reader.buffer = end_buffer;
	end->reader.read = end_read;
}

static int run_server(void *argument)
{
	struct tls_pair *pair = argument;
	struct task_request accept = {.error = &pair->server_error};
	struct io_stream *stream;
	struct tls_end end = {0};

	io_accept(pair->io, &accept.request, pair->listener, &stream, task_request_done);
	assert_int_equal(task_await(&accept, gw_after_ms(TLS_TEST_MS)), 0);
	pair->server_result = rpc_transport_tls(&end.transport, pair->io, stream, pair->server_tls,
						true, NULL, handshake_deadline(pair),
						&pair->server_error);
	end_begin(&end);
	if (pair->server_result == 0) {
		pair->client_peer = end.transport->peer;
		if (pair->server)
			pair->server(pair, &end);
		if (end.transport)
			tls_end_close(&end, false);
	}
	io_listener_close(pair->io, pair->listener);
	return 0;
}

static int run_client(void *argument)
{
	struct tls_pair *pair = argument;
	struct task_request connect = {.error = &pair->client_error};
	struct io_address address;
	struct io_stream *stream;
	struct tls_end end = {0};

	io_listener_address(pair->io, pair->listener, &address);
	io_connect(pair->io, &connect.request, &address, "the server", &stream, task_request_done);
	assert_int_equal(task_await(&connect, gw_after_ms(TLS_TEST_MS)), 0);
	if (pair->raw_client) {
		pair->raw_client(pair, stream);
		return 0;
	}
	pair->client_result = rpc_transport_tls(&end.transport, pair->io, stream, pair->client_tls,
						false, pair->host, handshake_deadline(pair),
						&pair->client_error);
	end_begin(&end);
	if (pair->client_result == 0) {
		pair->server_peer = end.transport->peer;
		if (pair->client)
			pair->client(pair, &end);
		if (end.transport)
			tls_end_close(&end, false);
	}
	return 0;
}

void tls_pair_run(struct tls_pair *pair)
{
	struct io_address address = {.family = IO_FAMILY_IP4, .ip = {127, 0, 0, 1}};
	struct gw_error error = {0};
	struct gw_loop *loop;

	assert_int_equal(io_uv_new(&pair->io, NULL, &error), 0);
	assert_int_equal(task_loop_new(pair->io, NULL, &loop, &error), 0);
	if (io_listen(pair->io, &address, &pair->listener, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(task_loop_spawn(loop, run_server, pair, NULL), 0);
	assert_int_equal(task_loop_spawn(loop, run_client, pair, NULL), 0);
	io_uv_run(pair->io);
	assert_int_equal(task_loop_tasks(loop), 0);
	assert_int_equal(io_pending(pair->io), 0);
	task_loop_free(loop);
	io_uv_free(pair->io);
}
