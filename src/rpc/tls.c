/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.c - a connection with TLS: its handshake, its reading, its end.
 */
#include "rpc/tls.h"

#include "rpc/openssl.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { NS_PER_S = 1000000000 };

/* ---- Failures ----------------------------------------------------------------------------- */

/* What OpenSSL's reason means to a caller. */
static int code_of(unsigned long reason)
{
	if (ERR_GET_LIB(reason) != ERR_LIB_SSL)
		return GW_E_FAILED;
	switch (ERR_GET_REASON(reason)) {
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
	case SSL_R_CERTIFICATE_VERIFY_FAILED:
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
	case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
		return GW_E_DENIED;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_WRONG_SSL_VERSION:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return GW_E_VERSION;
	case ERR_R_MALLOC_FAILURE:
		return GW_E_NO_MEMORY;
	default:
		return GW_E_CORRUPT;
	}
}

void rpc_tls_fail(struct rpc_tls *tls, int code, const char *reason)
{
	assert(code < 0);
	if (tls->failed || tls->closing)
		return;
	tls->failed = code;
	if (tls->error)
		(void)gw_fail(tls->error, code, "%s: TLS: %s", tls->name,
			      reason ? reason : gw_code_text(code));
	tls->error = NULL;
	rpc_tls_wake(tls);
}

void rpc_tls_fail_ssl(struct rpc_tls *tls, int result)
{
	int kind = SSL_get_error(tls->ssl, result);
	unsigned long reason = ERR_peek_error();
	long verdict = SSL_get_verify_result(tls->ssl);
	const char *text = reason ? ERR_reason_error_string(reason) : NULL;
	int code = reason ? code_of(reason) : GW_E_FAILED;

	if (kind == SSL_ERROR_ZERO_RETURN || kind == SSL_ERROR_SYSCALL) {
		code = GW_E_CLOSED;
		text = NULL;
	} else if (verdict != X509_V_OK && reason &&
		   ERR_GET_REASON(reason) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
		text = X509_verify_cert_error_string(verdict);
	}
	ERR_clear_error();
	rpc_tls_fail(tls, code, text);
}

/* ---- Reading ------------------------------------------------------------------------------ */

static struct rpc_tls *tls_of_raw(struct io_reader *raw)
{
	return (struct rpc_tls *)((char *)raw - offsetof(struct rpc_tls, raw));
}

static struct io_buffer raw_buffer(struct io_reader *raw)
{
	return (struct io_buffer){tls_of_raw(raw)->shared->input, RPC_TLS_INPUT_BYTES};
}

static void raw_read(struct io_reader *raw, int result)
{
	struct rpc_tls *tls = tls_of_raw(raw);
	size_t put = 0;

	assert(tls->raw_reads && !tls->closing);
	if (result <= 0) {
		tls->raw_reads = false;
		tls->raw_ended = true;
	}
	if (result < 0)
		rpc_tls_fail(tls, result, NULL);
	else if (result > 0 && BIO_write_ex(tls->in, tls->shared->input, (size_t)result, &put) != 1)
		rpc_tls_fail(tls, GW_E_NO_MEMORY, NULL);
	rpc_tls_drive(tls);
}

/* Whether OpenSSL has plain text; otherwise it has said why not. */
static bool has_plain_text(struct rpc_tls *tls)
{
	uint8_t byte;
	size_t size = 0;
	int result = SSL_peek_ex(tls->ssl, &byte, 1, &size);

	if (result == 1)
		return true;
	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		if (tls->raw_ended)
			rpc_tls_fail(tls, GW_E_TRUNCATED, NULL);
		break;
	case SSL_ERROR_ZERO_RETURN:
		tls->peer_closed = true;
		break;
	default:
		rpc_tls_fail_ssl(tls, result);
	}
	return false;
}

/* One stretch of plain text goes to the reader. */
static void give(struct rpc_tls *tls)
{
	struct io_reader *reader = tls->reader;
	struct io_buffer buffer = reader->buffer(reader);
	size_t size = 0;
	int result;

	if (tls->closing || tls->reader != reader)
		return;
	if (buffer.size == 0) {
		tls->reader = NULL;
		return;
	}
	if (buffer.size > RPC_TLS_RECORD_BYTES)
		buffer.size = RPC_TLS_RECORD_BYTES;
	result = SSL_read_ex(tls->ssl, buffer.data, buffer.size, &size);
	if (result != 1)
		rpc_tls_fail_ssl(tls, result);
	else
		reader->read(reader, (int)size);
}

/* A peer can make us answer (key updates) without ever reading the answers. */
static void send_answers(struct rpc_tls *tls)
{
	if (BIO_ctrl_pending(tls->out) == 0)
		return;
	if (tls->bytes_under_way > RPC_TLS_AHEAD_BYTES + RPC_TLS_ECHO_BYTES_MAX)
		rpc_tls_fail(tls, GW_E_OVERLOADED, "the peer does not take what it is answered");
	else
		rpc_tls_flush(tls, NULL);
}

static void read_all(struct rpc_tls *tls)
{
	while (tls->reader && !tls->closing && !tls->failed && !tls->peer_closed) {
		bool has = has_plain_text(tls);

		send_answers(tls);
		if (!has)
			break;
		give(tls);
	}
	if (tls->reader && !tls->closing && (tls->failed || tls->peer_closed)) {
		struct io_reader *reader = tls->reader;

		tls->reader = NULL;
		reader->read(reader, tls->failed);
	}
}

/* Reads from the stream exactly while somebody wants what comes. */
static void read_raw(struct rpc_tls *tls)
{
	bool wanted = !tls->closing && !tls->failed && !tls->raw_ended && !tls->peer_closed &&
		      (!tls->handshake_done || tls->reader);

	if (wanted && !tls->raw_reads)
		io_read_start(tls->io, tls->stream, &tls->raw);
	else if (!wanted && tls->raw_reads && tls->stream)
		io_read_stop(tls->io, tls->stream);
	tls->raw_reads = wanted;
}

/* ---- The handshake ------------------------------------------------------------------------ */

static void tell_handshake(struct rpc_tls *tls, int result)
{
	struct task_wait *wait = tls->handshake;

	tls->handshake = NULL;
	tls->error = NULL;
	if (wait && task_claim(wait))
		task_wake(wait, result);
}

static void shake_hands(struct rpc_tls *tls)
{
	int result;

	if (tls->handshake_done || tls->closing || tls->failed)
		return;
	result = SSL_do_handshake(tls->ssl);
	if (result == 1) {
		struct gw_error error = {0};

		tls->handshake_done = true;
		if (rpc_tls_identify(tls, &error) < 0)
			rpc_tls_fail(tls, error.code, error.text);
	} else if (SSL_get_error(tls->ssl, result) != SSL_ERROR_WANT_READ) {
		rpc_tls_fail_ssl(tls, result);
	} else if (tls->raw_ended) {
		rpc_tls_fail(tls, GW_E_CLOSED, NULL);
	}
	rpc_tls_flush(tls, NULL);
}

/* ---- The end ------------------------------------------------------------------------------ */

static void close_stream(struct rpc_tls *tls, bool reset)
{
	if (tls->stream && reset)
		io_stream_reset(tls->io, tls->stream);
	else if (tls->stream)
		io_stream_close(tls->io, tls->stream);
	tls->stream = NULL;
	tls->raw_reads = false;
}

/* Frees it when the one above has closed it and nothing is under way. */
static void end(struct rpc_tls *tls)
{
	if (!tls->closing || tls->busy > 0)
		return;
	if (tls->chunks == 0)
		close_stream(tls, false);
	if (tls->chunks > 0 || tls->first)
		return;
	(void)io_timer_stop(tls->io, &tls->linger);
	if (io_under_way(&tls->wake))
		return;
	SSL_free(tls->ssl);
	rpc_tls_unref(tls->shared);
	free(tls);
}

void rpc_tls_drive(struct rpc_tls *tls)
{
	tls->busy++;
	ERR_clear_error();
	shake_hands(tls);
	if (tls->handshake && (tls->handshake_done || tls->failed))
		tell_handshake(tls, tls->failed);
	if (tls->handshake_done)
		read_all(tls);
	if (tls->handshake_done && !tls->closing)
		rpc_tls_encrypt(tls);
	if (tls->failed || tls->closing)
		rpc_tls_end_writes(tls);
	read_raw(tls);
	tls->busy--;
	end(tls);
}

static void wake_done(struct io_request *request, int result)
{
	(void)result;
	rpc_tls_drive(request->data);
}

void rpc_tls_wake(struct rpc_tls *tls)
{
	if (!io_under_way(&tls->wake))
		io_post(tls->io, &tls->wake, wake_done);
}

static void linger_done(struct io_request *request, int result)
{
	struct rpc_tls *tls = request->data;

	(void)result;
	close_stream(tls, true);
	rpc_tls_drive(tls);
}

/* The last words (close_notify, or the alert that says why) are sent unless other bytes are still
 * on their way: those are cut off, as on any stream. */
static void say_goodbye(struct rpc_tls *tls)
{
	if (tls->first)
		return;
	if (tls->handshake_done && !tls->failed) {
		(void)SSL_shutdown(tls->ssl);
		ERR_clear_error();
		rpc_tls_flush(tls, NULL);
	}
	if (tls->chunks > 0)
		io_timer(tls->io, &tls->linger,
			 io_now_ns(tls->io) + RPC_TLS_LINGER_MS * UINT64_C(1000000), linger_done);
}

static void tls_close(struct rpc_transport *transport, bool reset)
{
	struct rpc_tls *tls = (struct rpc_tls *)transport;

	assert(!tls->closing);
	tls->reader = NULL;
	if (!reset && tls->stream)
		say_goodbye(tls);
	tls->closing = true;
	if (tls->raw_reads && tls->stream)
		io_read_stop(tls->io, tls->stream);
	tls->raw_reads = false;
	if (!io_under_way(&tls->linger))
		close_stream(tls, reset);
	if (tls->first)
		rpc_tls_wake(tls);
	end(tls);
}

static void tls_read_start(struct rpc_transport *transport, struct io_reader *reader)
{
	struct rpc_tls *tls = (struct rpc_tls *)transport;

	assert(!tls->closing && tls->handshake_done);
	tls->reader = reader;
	/* What has arrived already is given later, not inside this call. */
	rpc_tls_wake(tls);
}

static void tls_read_stop(struct rpc_transport *transport)
{
	struct rpc_tls *tls = (struct rpc_tls *)transport;

	tls->reader = NULL;
	if (tls->busy == 0)
		read_raw(tls);
}

static const struct rpc_transport_operations tls_operations = {
	.read_start = tls_read_start,
	.read_stop = tls_read_stop,
	.writev = rpc_tls_writev,
	.close = tls_close,
};

/* ---- The beginning ------------------------------------------------------------------------ */

static int set_up(struct rpc_tls *tls, bool is_server, const char *host, struct gw_error *error)
{
	X509_VERIFY_PARAM *check = SSL_get0_param(tls->ssl);

	X509_VERIFY_PARAM_set_time(check, (time_t)(io_wall_ns(tls->io) / NS_PER_S));
	if (is_server) {
		SSL_set_accept_state(tls->ssl);
		return 0;
	}
	SSL_set_connect_state(tls->ssl);
	if (tls->shared->server_role)
		return 0;
	if (!host)
		return gw_fail(error, GW_E_INVALID,
			       "%s: TLS: neither a role nor a host that the server must have",
			       tls->name);
	X509_VERIFY_PARAM_set_hostflags(check, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
						       X509_CHECK_FLAG_NO_WILDCARDS);
	if (X509_VERIFY_PARAM_set1_ip_asc(check, host) == 1)
		return 0;
	ERR_clear_error();
	if (X509_VERIFY_PARAM_set1_host(check, host, 0) != 1)
		return rpc_openssl_fail(error, GW_E_NO_MEMORY, "%s: TLS", tls->name);
	return 0;
}

static struct rpc_tls *tls_new(struct io *io, struct io_stream *stream, struct gw_rpc_tls *shared)
{
	struct rpc_tls *tls = calloc(1, sizeof(*tls));

	if (!tls)
		return NULL;
	tls->ssl = SSL_new(shared->context);
	tls->in = BIO_new(BIO_s_mem());
	tls->out = BIO_new(BIO_s_mem());
	if (!tls->ssl || !tls->in || !tls->out) {
		SSL_free(tls->ssl);
		BIO_free(tls->in);
		BIO_free(tls->out);
		free(tls);
		return NULL;
	}
	SSL_set_bio(tls->ssl, tls->in, tls->out);
	tls->io = io;
	tls->stream = stream;
	tls->shared = shared;
	shared->references++;
	tls->raw.buffer = raw_buffer;
	tls->raw.read = raw_read;
	tls->wake.data = tls;
	tls->linger.data = tls;
	(void)snprintf(tls->name, sizeof(tls->name), "%s", stream->name ? stream->name : "");
	tls->transport.operations = &tls_operations;
	tls->transport.name = tls->name;
	tls->transport.is_checked = true;
	return tls;
}

/* The task waits until callbacks have shaken hands. */
static int wait_for_handshake(struct rpc_tls *tls, uint64_t deadline_ns, struct gw_error *error)
{
	struct task_wait wait;
	int result = task_wait_refused(deadline_ns);

	if (result == 0) {
		task_wait_init(&wait, "for the TLS handshake with", tls, tls->name, false);
		tls->handshake = &wait;
		tls->error = error;
		rpc_tls_wake(tls);
		result = task_wait(&wait, deadline_ns);
		tls->handshake = NULL;
		tls->error = NULL;
	}
	if (result == GW_E_TIMEOUT || result == GW_E_CANCELLED)
		return gw_fail(error, result, "%s: TLS: handshake: %s", tls->name,
			       gw_code_text(result));
	return result;
}

int rpc_transport_tls(struct rpc_transport **transport, struct io *io, struct io_stream *stream,
		      struct gw_rpc_tls *shared, bool is_server, const char *host,
		      uint64_t deadline_ns, struct gw_error *error)
{
	struct rpc_tls *tls = tls_new(io, stream, shared);
	int code;

	*transport = NULL;
	if (!tls) {
		io_stream_close(io, stream);
		ERR_clear_error();
		return gw_fail(error, GW_E_NO_MEMORY, "connection with TLS: out of memory");
	}
	code = set_up(tls, is_server, host, error);
	if (code == 0)
		code = wait_for_handshake(tls, deadline_ns, error);
	if (code < 0) {
		tls_close(&tls->transport, false);
		return code;
	}
	*transport = &tls->transport;
	return 0;
}
