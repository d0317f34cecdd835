/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cert_read.c - what a certificate says. Its text comes from outside, so nothing is taken that
 * is not made of the characters of roles, names and hosts.
 */
#include "rpc/cert.h"

#include "rpc/openssl.h"

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <assert.h>
#include <limits.h>
#include <stdio.h>

/* Copies printable ASCII without spaces and ends it; false when it is anything else or too long. */
static bool take_text(const ASN1_STRING *from, char *text, size_t text_size)
{
	const unsigned char *bytes = ASN1_STRING_get0_data(from);
	int size = ASN1_STRING_length(from);

	assert(text_size > 0);
	if (size < 0 || (size_t)size > text_size - 1)
		return false;
	for (int i = 0; i < size; i++)
		if (bytes[i] <= ' ' || bytes[i] > '~')
			return false;
	memcpy(text, bytes, (size_t)size);
	text[size] = '\0';
	return true;
}

/* The only common name, or "" when there is none. */
static int take_name(const X509_NAME *from, char text[RPC_NAME_BYTES_MAX + 1],
		     struct gw_error *error)
{
	int at = X509_NAME_get_index_by_NID(from, NID_commonName, -1);
	const X509_NAME_ENTRY *entry = at >= 0 ? X509_NAME_get_entry(from, at) : NULL;

	text[0] = '\0';
	if (!entry)
		return 0;
	if (X509_NAME_get_index_by_NID(from, NID_commonName, at) >= 0)
		return gw_fail(error, GW_E_DENIED, "certificate with two common names");
	if (!take_text(X509_NAME_ENTRY_get_data(entry), text, RPC_NAME_BYTES_MAX + 1))
		return gw_fail(error, GW_E_DENIED,
			       "certificate whose common name is none of ours");
	return 0;
}

static int take_role(const ASN1_STRING *uri, struct rpc_cert *cert, struct gw_error *error)
{
	char text[sizeof(RPC_ROLE_URI) + RPC_ROLE_BYTES_MAX];
	const size_t prefix = sizeof(RPC_ROLE_URI) - 1;

	if ((size_t)ASN1_STRING_length(uri) < prefix ||
	    memcmp(ASN1_STRING_get0_data(uri), RPC_ROLE_URI, prefix) != 0)
		return 0;
	if (cert->role[0])
		return gw_fail(error, GW_E_DENIED, "certificate with two roles");
	if (!take_text(uri, text, sizeof(text)) || rpc_role_check(text + prefix, NULL) < 0)
		return gw_fail(error, GW_E_DENIED, "certificate whose role is none of ours");
	memcpy(cert->role, text + prefix, strlen(text + prefix) + 1);
	return 0;
}

static void take_address(const ASN1_OCTET_STRING *address, struct rpc_cert *cert)
{
	const unsigned char *ip = ASN1_STRING_get0_data(address);
	char *text = cert->hosts[cert->host_count];
	int size = 0;

	if (ASN1_STRING_length(address) == 4) {
		(void)snprintf(text, RPC_CERT_HOST_BYTES_MAX + 1, "%u.%u.%u.%u", ip[0], ip[1],
			       ip[2], ip[3]);
		cert->host_count++;
	} else if (ASN1_STRING_length(address) == 16) {
		for (int i = 0; i < 16; i += 2)
			size += snprintf(text + size, 6, "%s%x", i ? ":" : "",
					 (unsigned)ip[i] << 8 | ip[i + 1]);
		cert->host_count++;
	}
}

static int take_alternative(const GENERAL_NAME *name, struct rpc_cert *cert,
			    struct gw_error *error)
{
	int kind;
	const void *value = GENERAL_NAME_get0_value(name, &kind);

	if (kind == GEN_URI)
		return take_role(value, cert, error);
	if (cert->host_count == RPC_CERT_HOSTS_MAX)
		return 0;
	if (kind == GEN_DNS &&
	    take_text(value, cert->hosts[cert->host_count], RPC_CERT_HOST_BYTES_MAX + 1))
		cert->host_count++;
	else if (kind == GEN_IPADD)
		take_address(value, cert);
	return 0;
}

static int take_alternatives(const X509 *x509, struct rpc_cert *cert, struct gw_error *error)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	int code = 0;

	for (int i = 0; code == 0 && i < sk_GENERAL_NAME_num(names); i++)
		code = take_alternative(sk_GENERAL_NAME_value(names, i), cert, error);
	GENERAL_NAMES_free(names);
	return code;
}

/* Seconds since 1970, by the difference to 1970 so that no time zone plays a part. */
static bool take_time(const ASN1_TIME *time, int64_t *time_s)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days = 0, seconds = 0;
	bool fine = epoch && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1;

	ASN1_TIME_free(epoch);
	*time_s = (int64_t)days * 24 * 3600 + seconds;
	return fine;
}

static bool take_serial(const X509 *x509, struct rpc_cert *cert)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
	int size = ASN1_STRING_length(serial);

	if (size < 0 || size > RPC_SERIAL_BYTES)
		return false;
	memcpy(cert->serial, ASN1_STRING_get0_data(serial), (size_t)size);
	cert->serial_bytes = (size_t)size;
	return true;
}

int rpc_cert_read(X509 *x509, struct rpc_cert *cert, struct gw_error *error)
{
	unsigned size = 0;
	int code;

	*cert = (struct rpc_cert){0};
	if (X509_digest(x509, EVP_sha256(), cert->fingerprint, &size) != 1 ||
	    size != RPC_FINGERPRINT_BYTES || !take_time(X509_get0_notBefore(x509),
							&cert->not_before_s) ||
	    !take_time(X509_get0_notAfter(x509), &cert->not_after_s) || !take_serial(x509, cert))
		return rpc_openssl_fail(error, GW_E_DENIED, "certificate that cannot be read");
	cert->is_authority = X509_check_ca(x509) == 1;
	cert->may_serve = !cert->is_authority &&
			  X509_check_purpose(x509, X509_PURPOSE_SSL_SERVER, 0) == 1;
	code = take_name(X509_get_subject_name(x509), cert->name, error);
	if (code == 0)
		code = take_name(X509_get_issuer_name(x509), cert->issuer, error);
	if (code == 0 && cert->name[0] && rpc_name_check(cert->name, NULL) < 0)
		code = gw_fail(error, GW_E_DENIED, "certificate whose name is none of ours");
	if (code == 0)
		code = take_alternatives(x509, cert, error);
	return code;
}

int rpc_cert_describe(struct gw_bytes pem, struct rpc_cert *cert, struct gw_error *error)
{
	BIO *bio = pem.size <= INT_MAX ? BIO_new_mem_buf(pem.data, (int)pem.size) : NULL;
	X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	int code;

	BIO_free(bio);
	if (!x509)
		return rpc_openssl_fail(error, GW_E_CORRUPT, "no certificate in it");
	code = rpc_cert_read(x509, cert, error);
	X509_free(x509);
	return code;
}

void rpc_fingerprint_text(const uint8_t fingerprint[RPC_FINGERPRINT_BYTES],
			  char text[2 * RPC_FINGERPRINT_BYTES + 1])
{
	for (size_t i = 0; i < RPC_FINGERPRINT_BYTES; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", fingerprint[i]);
}
