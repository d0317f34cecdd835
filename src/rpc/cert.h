/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cert.h - the certificates of a cluster: one authority, and below it one certificate for each
 * server and each user. A certificate says who its holder is by two words: the role, in the
 * alternative name URI:groundwork:role/ROLE, and the name, which is the subject's common name.
 * Everything else of X.509 is fixed: version 3, Ed25519 keys, a random serial number.
 *
 * Nothing here touches a disk or a clock: certificates and keys are PEM text in memory, and the
 * caller says what time it is. cert_files.h keeps them in files.
 */
#ifndef RPC_CERT_H
#define RPC_CERT_H

#include <groundwork/base.h>

enum {
	RPC_ROLE_BYTES_MAX = 32,   /* without the NUL */
	RPC_NAME_BYTES_MAX = 64,   /* OpenSSL's limit of a common name */
	RPC_CERT_HOST_BYTES_MAX = 253, /* of DNS */
	RPC_CERT_HOSTS_MAX = 32,       /* alternative names of one certificate */
	RPC_FINGERPRINT_BYTES = 32, /* SHA-256 of the certificate's DER */
	RPC_SERIAL_BYTES = 16,
	RPC_CERT_DAYS = 365,       /* by default */
	RPC_CERT_CA_DAYS = 3650,
	RPC_CERT_DAYS_MAX = 36500,
	RPC_CERT_EARLY_S = 3600,   /* valid from so long before now: clocks differ */
	RPC_PEM_BYTES_MAX = 64 << 10, /* of a key or certificate that is read */
};

#define RPC_ROLE_URI "groundwork:role/"
#define RPC_ROLE_USER "user" /* of people: their certificates cannot serve */

/* PEM text, NUL-terminated and owned; the key is a secret. */
struct rpc_pem {
	char *certificate;
	char *key; /* NULL: not known */
};

/* Frees both; the key's memory is wiped. */
void rpc_pem_done(struct rpc_pem *pem);

struct rpc_cert_request {
	const char *role;         /* lower-case letters, digits and '-' */
	const char *name;         /* letters, digits, '.', '_' and '-' */
	const char *const *hosts; /* DNS names and addresses by which it is reached */
	size_t host_count;
	bool client_only;         /* cannot be used by a server */
	int64_t now_s;            /* since 1970 */
	uint32_t days;            /* 0: RPC_CERT_DAYS */
};

/* What a certificate says. */
struct rpc_cert {
	char role[RPC_ROLE_BYTES_MAX + 1]; /* "": none */
	char name[RPC_NAME_BYTES_MAX + 1];
	char issuer[RPC_NAME_BYTES_MAX + 1];
	int64_t not_before_s, not_after_s;
	bool is_authority, may_serve;
	uint8_t fingerprint[RPC_FINGERPRINT_BYTES];
	uint8_t serial[RPC_SERIAL_BYTES];
	size_t serial_bytes;
	size_t host_count;
	char hosts[RPC_CERT_HOSTS_MAX][RPC_CERT_HOST_BYTES_MAX + 1];
};

/* Whether the text may be a role or a name. GW_E_INVALID says what is wrong with it. */
int rpc_role_check(const char *role, struct gw_error *error) GW_MUST_CHECK;
int rpc_name_check(const char *name, struct gw_error *error) GW_MUST_CHECK;

/* A new authority with a key of its own. days 0: RPC_CERT_CA_DAYS. *pem is the caller's. */
int rpc_cert_make_ca(const char *name, int64_t now_s, uint32_t days, struct rpc_pem *pem,
		     struct gw_error *error) GW_MUST_CHECK;

/* A new key and its certificate, signed by the authority. GW_E_INVALID when the request is wrong,
 * or would outlive the authority. */
int rpc_cert_issue(const struct rpc_pem *ca, const struct rpc_cert_request *request,
		   struct rpc_pem *pem, struct gw_error *error) GW_MUST_CHECK;

/* Reads the first certificate of a PEM text. GW_E_CORRUPT when there is none. */
int rpc_cert_describe(struct gw_bytes pem, struct rpc_cert *cert,
		      struct gw_error *error) GW_MUST_CHECK;

/* The same of a certificate that OpenSSL holds, an X509. GW_E_DENIED when it names two roles, or
 * words that rpc_role_check and rpc_name_check would not take. */
struct x509_st;
int rpc_cert_read(struct x509_st *x509, struct rpc_cert *cert,
		  struct gw_error *error) GW_MUST_CHECK;

/* The fingerprint as text: pairs of hexadecimal digits, 64 and a NUL. */
void rpc_fingerprint_text(const uint8_t fingerprint[RPC_FINGERPRINT_BYTES],
			  char text[2 * RPC_FINGERPRINT_BYTES + 1]);

#endif
