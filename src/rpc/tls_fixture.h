/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_fixture.h - two tasks that talk TLS, on any io: certificates of a small cluster, made anew,
 * and the two ends of a connection with reads and writes that wait.
 */
#ifndef RPC_TLS_FIXTURE_H
#define RPC_TLS_FIXTURE_H

#include "rpc/cert.h"
#include "rpc/tls.h"
#include "task/loop.h"

enum { TLS_TEST_MS = 10000 }; /* no test takes so long */

/* The authority of a cluster, and what is issued by it. */
struct tls_cluster {
	int64_t now_s;
	struct rpc_pem ca;
};

void tls_cluster_make(struct tls_cluster *cluster, int64_t now_s);
void tls_cluster_done(struct tls_cluster *cluster);

/* Trust in the cluster with a certificate of `from`, which may be another one. */
struct gw_rpc_tls *tls_cluster_tls(const struct tls_cluster *cluster,
				   const struct tls_cluster *from,
				   const struct rpc_cert_request *request,
				   const char *server_role);
/* A server of role "kv" and name "host1" for the hosts localhost and 127.0.0.1; a user alice. */
struct gw_rpc_tls *tls_cluster_server(const struct tls_cluster *cluster);
struct gw_rpc_tls *tls_cluster_user(const struct tls_cluster *cluster);

/* Something that callbacks tell a task. */
struct tls_event {
	struct task_wait *wait;
	bool happened;
};

void tls_event_set(struct tls_event *event);
int tls_event_wait(struct tls_event *event);

/* One end of a connection, after its handshake. */
struct tls_end {
	struct rpc_transport *transport;
	struct io_reader reader;
	uint8_t *into;
	size_t wanted, got;
	int result; /* of the last read call that was not bytes; 1: none yet */
	struct tls_event event;
};

/* Waits for size bytes. Returns how many came before the end (0: none), or the failure. */
int64_t tls_end_read(struct tls_end *end, void *into, size_t size);
/* 0, or why not. */
int tls_end_write(struct tls_end *end, const void *data, size_t size);
void tls_end_close(struct tls_end *end, bool reset);

/* Two tasks and what they know. Both get the pair; each sets its result and error. */
struct tls_pair {
	struct io *io;
	struct gw_rpc_tls *server_tls, *client_tls;
	const char *host;         /* that the client wants; NULL: none */
	uint64_t handshake_ms;    /* 0: TLS_TEST_MS */
	/* What follows a good handshake; NULL: close. */
	void (*server)(struct tls_pair *pair, struct tls_end *end);
	void (*client)(struct tls_pair *pair, struct tls_end *end);
	/* Instead of a client with TLS. */
	void (*raw_client)(struct tls_pair *pair, struct io_stream *stream);
	void *data;

	int server_result, client_result;
	struct gw_error server_error, client_error;
	struct gw_rpc_peer server_peer, client_peer; /* who the server is, and the client */
	struct io_listener *listener;
};

/* Runs both to their end on a loop of its own, over a TCP connection of this machine. */
void tls_pair_run(struct tls_pair *pair);

#endif
