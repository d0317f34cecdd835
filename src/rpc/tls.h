/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.h - TLS 1.3 over an io_stream: what tls_context.c (certificates), tls.c (handshake, reading,
 * end) and tls_write.c share. OpenSSL sees memory only: what arrives is put into one BIO, what is
 * to be sent is taken from another.
 *
 *     task                         callbacks of the io
 *     rpc_transport_tls: waits --> rpc_tls_drive: handshake, then reads as long as there is a
 *     read_start, writev, close    reader; chunks of cipher text go out by io_writev
 *
 * All of OpenSSL but its randomness is a function of what it is fed: certificates are checked at
 * the time of the io's clock. Its random numbers are its own, so runs with TLS do not repeat byte
 * for byte in a simulator.
 */
#ifndef RPC_TLS_H
#define RPC_TLS_H

#include "rpc/transport.h"
#include "task/wait.h"

#include <openssl/ssl.h>

enum {
	RPC_TLS_INPUT_BYTES = 64 << 10,  /* of cipher text read at once */
	RPC_TLS_RECORD_BYTES = 16 << 10, /* of plain text in one record: TLS's limit */
	RPC_TLS_AHEAD_BYTES = 256 << 10, /* of cipher text that the kernel has not taken */
	RPC_TLS_ECHO_BYTES_MAX = 64 << 10, /* of answers to a peer that does not take them */
	RPC_TLS_LINGER_MS = 1000,        /* for the last words of a connection that is closed */
	RPC_TLS_NAME_BYTES = 160,
};

/* What the connections of one loop share. */
struct gw_rpc_tls {
	SSL_CTX *context;
	char *server_role; /* NULL: servers are known by host name */
	char *ca, *certificate, *key; /* where they came from */
	unsigned references;
	struct task_wait *last_words; /* of the task that frees it and waits for connections */
	uint8_t input[RPC_TLS_INPUT_BYTES];  /* between read and BIO_write */
	uint8_t record[RPC_TLS_RECORD_BYTES]; /* plain text of several pieces, for one record */
};

void rpc_tls_unref(struct gw_rpc_tls *tls);

struct rpc_tls {
	struct rpc_transport transport; /* first */
	struct gw_rpc_tls *shared;
	struct io *io;
	struct io_stream *stream; /* NULL: closed */
	SSL *ssl;
	BIO *in, *out; /* the SSL's */

	struct io_reader raw;     /* of the stream */
	struct io_reader *reader; /* of the one above; NULL: it does not read */
	bool raw_reads, raw_ended;
	bool handshake_done;
	bool peer_closed; /* it said so, by close_notify */
	bool closing;     /* the one above has closed */
	int failed;       /* negative: it is over */
	unsigned busy;    /* inside callbacks that may close it */

	/* What is to be written, linked by next; those before `plain` are encrypted and wait for
	 * the kernel. */
	struct io_request *first, *last, *plain;
	uint32_t piece; /* of `plain`, and how much of it is encrypted */
	size_t piece_used;
	size_t bytes_under_way; /* of cipher text */
	unsigned chunks;

	struct io_request wake, linger;
	struct task_wait *handshake; /* of the task that waits for it */
	struct gw_error *error;      /* its */
	char name[RPC_TLS_NAME_BYTES];
};

/* Goes on with whatever can go on; only from callbacks of the io. May free it. */
void rpc_tls_drive(struct rpc_tls *tls);
/* Calls rpc_tls_drive, later. */
void rpc_tls_wake(struct rpc_tls *tls);
/* It is over, for the reason that OpenSSL gives (result: what the failed call returned). */
void rpc_tls_fail_ssl(struct rpc_tls *tls, int result);
/* The same, with a code and a sentence of ours. */
void rpc_tls_fail(struct rpc_tls *tls, int code, const char *reason);

/* Who is at the other side, by its certificate; GW_E_DENIED when nobody we know. */
int rpc_tls_identify(struct rpc_tls *tls, struct gw_error *error) GW_MUST_CHECK;

/* ---- tls_write.c ---- */

void rpc_tls_writev(struct rpc_transport *transport, struct io_request *request,
		    const struct gw_bytes *pieces, uint32_t count, io_done *done);
/* Encrypts and sends what may be sent now. */
void rpc_tls_encrypt(struct rpc_tls *tls);
/* Sends what OpenSSL has to say; `last` was encrypted whole with it (or NULL). */
void rpc_tls_flush(struct rpc_tls *tls, struct io_request *last);
/* Ends all that is to be written: cancelled, or failed for the connection's reason. */
void rpc_tls_end_writes(struct rpc_tls *tls);

#endif
