/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cert.c - makes keys and certificates.
 */
#include "rpc/cert.h"

#include "base/buffer.h"
#include "rpc/openssl.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <assert.h>
#include <stdlib.h>

enum { DAY_S = 24 * 3600 };

/* ---- Words -------------------------------------------------------------------------------- */

static bool is_lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_letter_or_digit(char c)
{
	return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

int rpc_role_check(const char *role, struct gw_error *error)
{
	size_t size = strlen(role);
	bool fine = size > 0 && size <= RPC_ROLE_BYTES_MAX && role[0] != '-';

	for (size_t i = 0; fine && i < size; i++)
		fine = is_lower_or_digit(role[i]) || role[i] == '-';
	if (!fine)
		return gw_fail(error, GW_E_INVALID,
			       "role \"%.80s\": 1 to %d lower-case letters, digits and '-' are "
			       "wanted",
			       role, RPC_ROLE_BYTES_MAX);
	return 0;
}

int rpc_name_check(const char *name, struct gw_error *error)
{
	size_t size = strlen(name);
	bool fine = size > 0 && size <= RPC_NAME_BYTES_MAX && is_letter_or_digit(name[0]);

	for (size_t i = 0; fine && i < size; i++)
		fine = is_letter_or_digit(name[i]) || strchr("._-", name[i]);
	if (!fine)
		return gw_fail(error, GW_E_INVALID,
			       "name \"%.80s\": 1 to %d letters, digits, '.', '_' and '-' are "
			       "wanted, a letter or digit first",
			       name, RPC_NAME_BYTES_MAX);
	return 0;
}

/* Appends ",DNS:host" or ",IP:host". Nothing but these characters reaches OpenSSL's parser, to
 * which a comma would mean another name. */
static int append_host(struct base_buffer *names, const char *host, struct gw_error *error)
{
	size_t size = strlen(host);
	bool fine = size > 0 && size <= RPC_CERT_HOST_BYTES_MAX;

	for (size_t i = 0; fine && i < size; i++)
		fine = is_letter_or_digit(host[i]) || strchr(".-_:", host[i]);
	ASN1_OCTET_STRING *address = fine ? a2i_IPADDRESS(host) : NULL;
	const char *kind = address ? "IP" : "DNS";

	ASN1_OCTET_STRING_free(address);
	if (!fine || (!address && strchr(host, ':')))
		return gw_fail(error, GW_E_INVALID, "\"%.80s\" is no host name and no address",
			       host);
	return base_buffer_append_format(names, error, ",%s:%s", kind, host);
}

/* ---- Parts of a certificate --------------------------------------------------------------- */

static int add_extension(X509 *x509, X509V3_CTX *context, int kind, const char *value,
			 struct gw_error *error)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, kind, value);
	int added = extension ? X509_add_ext(x509, extension, -1) : 0;

	X509_EXTENSION_free(extension);
	if (!added)
		return rpc_openssl_fail(error, GW_E_INVALID, "certificate extension %s",
					OBJ_nid2sn(kind));
	return 0;
}

static bool set_serial(X509 *x509)
{
	uint8_t bytes[RPC_SERIAL_BYTES];
	BIGNUM *number = NULL;
	bool fine = false;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	/* Positive, and always of the same length. */
	bytes[0] = (uint8_t)((bytes[0] & 0x3f) | 0x40);
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	if (number)
		fine = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL;
	BN_free(number);
	return fine;
}

static bool set_common_name(X509 *x509, const char *name)
{
	return X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
					  (const unsigned char *)name, -1, -1, 0) == 1;
}

/* A certificate without issuer, extensions and signature, or NULL. */
static X509 *new_certificate(EVP_PKEY *key, const char *name, int64_t from_s, int64_t to_s)
{
	X509 *x509 = X509_new();

	if (!x509)
		return NULL;
	if (X509_set_version(x509, X509_VERSION_3) && set_serial(x509) &&
	    set_common_name(x509, name) && ASN1_TIME_set(X509_getm_notBefore(x509), from_s) &&
	    ASN1_TIME_set(X509_getm_notAfter(x509), to_s) && X509_set_pubkey(x509, key))
		return x509;
	X509_free(x509);
	return NULL;
}

static EVP_PKEY *new_key(void)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static int bad_days(uint32_t days, struct gw_error *error)
{
	return gw_fail(error, GW_E_INVALID, "%u days: 1 to %d are allowed", days,
		       RPC_CERT_DAYS_MAX);
}

/* ---- PEM ---------------------------------------------------------------------------------- */

void rpc_pem_done(struct rpc_pem *pem)
{
	if (!pem)
		return;
	if (pem->key)
		OPENSSL_cleanse(pem->key, strlen(pem->key));
	free(pem->key);
	free(pem->certificate);
	*pem = (struct rpc_pem){0};
}

/* What was written to a memory BIO, as a string of ours; the BIO's bytes are wiped. */
static char *bio_text(BIO *bio)
{
	char *bytes = NULL;
	long size = BIO_get_mem_data(bio, &bytes);
	char *text = NULL;

	if (size > 0 && bytes)
		text = malloc((size_t)size + 1);
	if (text) {
		memcpy(text, bytes, (size_t)size);
		text[size] = '\0';
		OPENSSL_cleanse(bytes, (size_t)size);
	}
	return text;
}

static int to_pem(X509 *x509, EVP_PKEY *key, struct rpc_pem *pem, struct gw_error *error)
{
	BIO *certificate = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_mem());

	*pem = (struct rpc_pem){0};
	if (certificate && PEM_write_bio_X509(certificate, x509) == 1)
		pem->certificate = bio_text(certificate);
	if (secret && PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1)
		pem->key = bio_text(secret);
	BIO_free(certificate);
	BIO_free(secret);
	if (pem->certificate && pem->key)
		return 0;
	rpc_pem_done(pem);
	return rpc_openssl_fail(error, GW_E_NO_MEMORY, "certificate");
}

/* ---- The authority ------------------------------------------------------------------------ */

static int sign_ca(X509 *x509, EVP_PKEY *key, struct gw_error *error)
{
	X509V3_CTX context;
	int code;

	if (!X509_set_issuer_name(x509, X509_get_subject_name(x509)))
		return rpc_openssl_fail(error, GW_E_NO_MEMORY, "certificate");
	X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
	code = add_extension(x509, &context, NID_basic_constraints, "critical,CA:TRUE,pathlen:0",
			     error);
	if (code == 0)
		code = add_extension(x509, &context, NID_key_usage,
				     "critical,keyCertSign,cRLSign", error);
	if (code == 0)
		code = add_extension(x509, &context, NID_subject_key_identifier, "hash", error);
	if (code == 0 && X509_sign(x509, key, NULL) <= 0)
		code = rpc_openssl_fail(error, GW_E_FAILED, "cannot sign the certificate");
	return code;
}

int rpc_cert_make_ca(const char *name, int64_t now_s, uint32_t days, struct rpc_pem *pem,
		     struct gw_error *error)
{
	int code = rpc_name_check(name, error);

	days = days ? days : RPC_CERT_CA_DAYS;
	if (code < 0)
		return code;
	if (days > RPC_CERT_DAYS_MAX)
		return bad_days(days, error);
	EVP_PKEY *key = new_key();
	X509 *x509 = key ? new_certificate(key, name, now_s - RPC_CERT_EARLY_S,
					   now_s + (int64_t)days * DAY_S)
			 : NULL;

	if (!x509)
		code = rpc_openssl_fail(error, GW_E_NO_MEMORY, "new authority");
	if (code == 0)
		code = sign_ca(x509, key, error);
	if (code == 0)
		code = to_pem(x509, key, pem, error);
	X509_free(x509);
	EVP_PKEY_free(key);
	return code;
}

/* ---- Certificates below it ---------------------------------------------------------------- */

struct authority {
	X509 *x509;
	EVP_PKEY *key;
};

static void authority_done(struct authority *authority)
{
	X509_free(authority->x509);
	EVP_PKEY_free(authority->key);
}

/* Never asks the terminal for the password of a key: there is none. */
static int no_password(char *buffer, int size, int writing, void *context)
{
	(void)buffer, (void)size, (void)writing, (void)context;
	return -1;
}

static int read_authority(const struct rpc_pem *ca, struct authority *authority,
			  struct gw_error *error)
{
	BIO *certificate = BIO_new_mem_buf(ca->certificate, -1);
	BIO *key = BIO_new_mem_buf(ca->key, -1);

	authority->x509 =
		certificate ? PEM_read_bio_X509(certificate, NULL, no_password, NULL) : NULL;
	authority->key = key ? PEM_read_bio_PrivateKey(key, NULL, no_password, NULL) : NULL;
	BIO_free(certificate);
	BIO_free(key);
	if (!authority->x509 || !authority->key)
		return rpc_openssl_fail(error, GW_E_CORRUPT, "%s of the authority",
					authority->x509 ? "key" : "certificate");
	if (X509_check_ca(authority->x509) != 1)
		return gw_fail(error, GW_E_INVALID, "its certificate is none of an authority");
	if (X509_check_private_key(authority->x509, authority->key) != 1)
		return rpc_openssl_fail(error, GW_E_INVALID,
					"key and certificate of the authority");
	return 0;
}

static int add_names(X509 *x509, X509V3_CTX *context, const struct rpc_cert_request *request,
		     struct gw_error *error)
{
	struct base_buffer names = {0};
	int code = base_buffer_append_format(&names, error, "URI:%s%s", RPC_ROLE_URI,
					     request->role);

	for (size_t i = 0; code == 0 && i < request->host_count; i++)
		code = append_host(&names, request->hosts[i], error);
	if (code == 0)
		code = base_buffer_append(&names, "", 1, error);
	if (code == 0)
		code = add_extension(x509, context, NID_subject_alt_name, (char *)names.data,
				     error);
	base_buffer_done(&names);
	return code;
}

static int sign(X509 *x509, const struct authority *authority,
		const struct rpc_cert_request *request, struct gw_error *error)
{
	const char *uses = request->client_only ? "clientAuth" : "serverAuth,clientAuth";
	X509V3_CTX context;
	int code;

	if (!X509_set_issuer_name(x509, X509_get_subject_name(authority->x509)))
		return rpc_openssl_fail(error, GW_E_NO_MEMORY, "certificate");
	X509V3_set_ctx(&context, authority->x509, x509, NULL, NULL, 0);
	code = add_extension(x509, &context, NID_basic_constraints, "critical,CA:FALSE", error);
	if (code == 0)
		code = add_extension(x509, &context, NID_key_usage, "critical,digitalSignature",
				     error);
	if (code == 0)
		code = add_extension(x509, &context, NID_ext_key_usage, uses, error);
	if (code == 0)
		code = add_extension(x509, &context, NID_subject_key_identifier, "hash", error);
	if (code == 0)
		code = add_extension(x509, &context, NID_authority_key_identifier, "keyid", error);
	if (code == 0)
		code = add_names(x509, &context, request, error);
	if (code == 0 && X509_sign(x509, authority->key, NULL) <= 0)
		code = rpc_openssl_fail(error, GW_E_FAILED, "cannot sign the certificate");
	return code;
}

static int check_request(const struct rpc_cert_request *request, uint32_t days,
			 struct gw_error *error)
{
	int code = rpc_role_check(request->role, error);

	if (code == 0)
		code = rpc_name_check(request->name, error);
	if (code == 0 && days > RPC_CERT_DAYS_MAX)
		code = bad_days(days, error);
	if (code == 0 && request->host_count > RPC_CERT_HOSTS_MAX)
		code = gw_fail(error, GW_E_INVALID, "%zu alternative names: at most %d",
			       request->host_count, RPC_CERT_HOSTS_MAX);
	return code;
}

static int make_leaf(const struct authority *authority, const struct rpc_cert_request *request,
		     int64_t to_s, struct rpc_pem *pem, struct gw_error *error)
{
	EVP_PKEY *key = new_key();
	X509 *x509 = NULL;
	int code = 0;

	if (key)
		x509 = new_certificate(key, request->name, request->now_s - RPC_CERT_EARLY_S,
				       to_s);
	if (!x509)
		code = rpc_openssl_fail(error, GW_E_NO_MEMORY, "new certificate");
	if (code == 0)
		code = sign(x509, authority, request, error);
	if (code == 0)
		code = to_pem(x509, key, pem, error);
	X509_free(x509);
	EVP_PKEY_free(key);
	return code;
}

int rpc_cert_issue(const struct rpc_pem *ca, const struct rpc_cert_request *request,
		   struct rpc_pem *pem, struct gw_error *error)
{
	uint32_t days = request->days ? request->days : RPC_CERT_DAYS;
	int64_t to_s = request->now_s + (int64_t)days * DAY_S;
	struct authority authority = {0};
	struct rpc_cert above;
	int code = check_request(request, days, error);

	assert(ca->certificate && ca->key);
	if (code == 0)
		code = read_authority(ca, &authority, error);
	if (code == 0)
		code = rpc_cert_read(authority.x509, &above, error);
	if (code == 0 && to_s > above.not_after_s)
		code = gw_fail(error, GW_E_INVALID,
			       "%u days: the authority itself ends in %lld days", days,
			       (long long)(above.not_after_s - request->now_s) / DAY_S);
	if (code == 0)
		code = make_leaf(&authority, request, to_s, pem, error);
	authority_done(&authority);
	return code;
}
