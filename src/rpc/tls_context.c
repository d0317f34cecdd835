/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_context.c - whom we trust and who we are: the certificates behind all connections with TLS,
 * and what a peer's certificate says.
 */
#include "rpc/tls.h"

#include "rpc/cert_files.h"
#include "rpc/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* The authority above a certificate, and nothing between. */
enum { CHAIN_DEPTH = 1, AUTHORITIES_MAX = 8 };

/* ---- Settings ----------------------------------------------------------------------------- */

/* TLS 1.3 and nothing else, without tickets and early data, so that every connection is checked
 * anew and nothing that was sent once can be sent again. */
static bool set_protocol(SSL_CTX *context)
{
	int groups[] = {NID_X25519, NID_X9_62_prime256v1};

	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					     SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_verify_depth(context, CHAIN_DEPTH);
	return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_num_tickets(context, 0) == 1 &&
	       SSL_CTX_set_max_early_data(context, 0) == 1 &&
	       SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
						 "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
	       SSL_CTX_set1_groups(context, groups, 2) == 1;
}

static X509 *read_x509(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return x509;
}

/* There is nothing but blanks and words between certificates behind it any more. */
static bool is_end(BIO *bio)
{
	bool is_pem_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;

	return BIO_eof(bio) && is_pem_end;
}

/* No key of ours has a password. */
static int no_password(char *buffer, int size, int writing, void *context)
{
	(void)buffer, (void)size, (void)writing, (void)context;
	return -1;
}

static EVP_PKEY *read_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

	BIO_free(bio);
	return key;
}

/* All that are there: while a cluster moves from one authority to the next, both count. */
static int use_authorities(SSL_CTX *context, const char *pem, struct gw_error *error)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	bool fine = bio != NULL;
	int count = 0;

	while (fine) {
		X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);

		if (!x509 && count > 0 && is_end(bio))
			break;
		fine = x509 && count++ < AUTHORITIES_MAX && X509_check_ca(x509) == 1 &&
		       X509_STORE_add_cert(SSL_CTX_get_cert_store(context), x509) == 1 &&
		       SSL_CTX_add_client_CA(context, x509) == 1;
		X509_free(x509);
	}
	BIO_free(bio);
	if (!fine)
		return rpc_openssl_fail(error, GW_E_INVALID, "certificate of the authority");
	ERR_clear_error();
	return 0;
}

static int use_pair(SSL_CTX *context, const struct rpc_pem *pem, struct gw_error *error)
{
	X509 *x509 = read_x509(pem->certificate);
	EVP_PKEY *key = read_key(pem->key);
	struct rpc_cert cert;
	int code = 0;

	if (!x509 || SSL_CTX_use_certificate(context, x509) != 1)
		code = rpc_openssl_fail(error, GW_E_INVALID, "our certificate");
	else if (!key || SSL_CTX_use_PrivateKey(context, key) != 1)
		code = rpc_openssl_fail(error, GW_E_INVALID, "our key");
	else if (SSL_CTX_check_private_key(context) != 1)
		code = rpc_openssl_fail(error, GW_E_INVALID, "our certificate and key");
	else
		code = rpc_cert_read(x509, &cert, error);
	if (code == 0 && !cert.role[0])
		code = gw_fail(error, GW_E_INVALID, "our certificate says no role");
	X509_free(x509);
	EVP_PKEY_free(key);
	return code;
}

/* ---- gw_rpc_tls --------------------------------------------------------------------------- */

static bool is_pem(const char *text)
{
	return strncmp(text, "-----BEGIN ", 11) == 0;
}

/* The text itself or that of the file, as a copy of ours. */
static int take_pem(const char *from, const char *key_from, struct rpc_pem *pem,
		    struct gw_error *error)
{
	bool is_text = is_pem(from);

	*pem = (struct rpc_pem){0};
	if (key_from && is_pem(key_from) != is_text)
		return gw_fail(error, GW_E_INVALID,
			       "certificate and key: both as files or both as text");
	if (!is_text)
		return rpc_cert_files_read(from, key_from, pem, error);
	pem->certificate = strdup(from);
	pem->key = key_from ? strdup(key_from) : NULL;
	if (pem->certificate && (pem->key || !key_from))
		return 0;
	rpc_pem_done(pem);
	return gw_fail(error, GW_E_NO_MEMORY, "certificate: out of memory");
}

/* What is wrong with a file names it. */
static int of_file(const char *from, int code, struct gw_error *error)
{
	if (code < 0 && !is_pem(from))
		(void)gw_fail_in(error, "%s", from);
	return code;
}

/* A context of what the files say now. */
static int make_context(const struct gw_rpc_tls *tls, SSL_CTX **out, struct gw_error *error)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	struct rpc_pem ca = {0}, own = {0};
	int code;

	if (!context || !set_protocol(context)) {
		SSL_CTX_free(context);
		return rpc_openssl_fail(error, GW_E_NO_MEMORY, "TLS");
	}
	code = take_pem(tls->ca, NULL, &ca, error);
	if (code == 0)
		code = of_file(tls->ca, use_authorities(context, ca.certificate, error), error);
	if (code == 0)
		code = take_pem(tls->certificate, tls->key, &own, error);
	if (code == 0)
		code = of_file(tls->certificate, use_pair(context, &own, error), error);
	rpc_pem_done(&own);
	rpc_pem_done(&ca);
	if (code == 0)
		*out = context;
	else
		SSL_CTX_free(context);
	return code;
}

static int configure(struct gw_rpc_tls *tls, const struct gw_rpc_tls_options *options,
		     struct gw_error *error)
{
	int code = options->server_role ? rpc_role_check(options->server_role, error) : 0;

	if (code < 0)
		return code;
	tls->server_role = options->server_role ? strdup(options->server_role) : NULL;
	tls->ca = strdup(options->ca);
	tls->certificate = strdup(options->certificate);
	tls->key = strdup(options->key);
	if (!tls->ca || !tls->certificate || !tls->key ||
	    (options->server_role && !tls->server_role))
		return gw_fail(error, GW_E_NO_MEMORY, "TLS: out of memory");
	return make_context(tls, &tls->context, error);
}

int gw_rpc_tls_new(struct gw_rpc_tls **tls, const struct gw_rpc_tls_options *options,
		   struct gw_error *error)
{
	struct gw_rpc_tls *made;
	int code;

	*tls = NULL;
	if (!options->ca || !options->certificate || !options->key)
		return gw_fail(error, GW_E_INVALID,
			       "TLS: authority, certificate and key are wanted");
	made = calloc(1, sizeof(*made));
	if (!made)
		return gw_fail(error, GW_E_NO_MEMORY, "TLS: out of memory");
	made->references = 1;
	code = configure(made, options, error);
	ERR_clear_error();
	if (code < 0) {
		rpc_tls_unref(made);
		return gw_fail_in(error, "TLS");
	}
	*tls = made;
	return 0;
}

int gw_rpc_tls_reload(struct gw_rpc_tls *tls, struct gw_error *error)
{
	SSL_CTX *context = NULL;
	int code = make_context(tls, &context, error);

	ERR_clear_error();
	if (code < 0)
		return gw_fail_in(error, "TLS");
	/* Connections that are there hold the old one. */
	SSL_CTX_free(tls->context);
	tls->context = context;
	return 0;
}

void rpc_tls_unref(struct gw_rpc_tls *tls)
{
	assert(tls->references > 0);
	tls->references--;
	if (tls->references == 1 && tls->last_words && task_claim(tls->last_words))
		task_wake(tls->last_words, 0);
	if (tls->references > 0)
		return;
	SSL_CTX_free(tls->context);
	free(tls->server_role);
	free(tls->ca);
	free(tls->certificate);
	if (tls->key)
		OPENSSL_cleanse(tls->key, strlen(tls->key));
	free(tls->key);
	free(tls);
}

/* Connections that were closed may still have something to say, for RPC_TLS_LINGER_MS at most. */
static void wait_for_last_words(struct gw_rpc_tls *tls)
{
	struct task_wait wait;

	gw_shield_begin();
	task_wait_init(&wait, "for the last words of", tls, "TLS connections", false);
	tls->last_words = &wait;
	(void)task_wait(&wait, GW_FOREVER);
	tls->last_words = NULL;
	gw_shield_end();
}

void gw_rpc_tls_free(struct gw_rpc_tls *tls)
{
	if (!tls)
		return;
	if (tls->references > 1 && task_current())
		wait_for_last_words(tls);
	rpc_tls_unref(tls);
}

/* ---- Peers -------------------------------------------------------------------------------- */

int rpc_tls_identify(struct rpc_tls *tls, struct gw_error *error)
{
	struct gw_rpc_peer *peer = &tls->transport.peer;
	const char *role = SSL_is_server(tls->ssl) ? NULL : tls->shared->server_role;
	X509 *x509 = SSL_get1_peer_certificate(tls->ssl);
	struct rpc_cert cert;
	int code;

	if (!x509)
		return gw_fail(error, GW_E_DENIED, "no certificate");
	code = rpc_cert_read(x509, &cert, error);
	X509_free(x509);
	if (code < 0)
		return code;
	if (!cert.role[0] || !cert.name[0])
		return gw_fail(error, GW_E_DENIED, "certificate without role or name");
	if (role && strcmp(role, cert.role) != 0)
		return gw_fail(error, GW_E_DENIED, "%s has the role %s, not %s", cert.name,
			       cert.role, role);
	_Static_assert(sizeof(peer->role) >= sizeof(cert.role), "roles fit");
	_Static_assert(sizeof(peer->name) >= sizeof(cert.name), "names fit");
	*peer = (struct gw_rpc_peer){.kind = GW_RPC_PEER_TLS};
	memcpy(peer->role, cert.role, sizeof(cert.role));
	memcpy(peer->name, cert.name, sizeof(cert.name));
	memcpy(peer->fingerprint, cert.fingerprint, sizeof(peer->fingerprint));
	(void)snprintf(peer->address, sizeof(peer->address), "%.127s", tls->name);
	return 0;
}
