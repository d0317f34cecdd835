/* SPDX-License-Identifier: Apache-2.0 */
/* cert_test.c - authorities, certificates, and what is read from them. */
#include "rpc/cert.h"

#include "support/unit.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>

enum { NOW_S = 1800000000, DAY_S = 24 * 3600 };

static struct rpc_pem make_ca(uint32_t days)
{
	struct gw_error error = {0};
	struct rpc_pem ca;

	assert_int_equal(rpc_cert_make_ca("test", NOW_S, days, &ca, &error), 0);
	return ca;
}

static struct rpc_cert describe(const struct rpc_pem *pem)
{
	struct gw_error error = {0};
	struct rpc_cert cert;

	if (rpc_cert_describe(gw_string(pem->certificate), &cert, &error) < 0)
		fail_msg("%s", error.text);
	return cert;
}

static void an_authority_says_that_it_is_one(void **state)
{
	struct rpc_pem ca = make_ca(0);
	struct rpc_cert cert = describe(&ca);

	(void)state;
	assert_true(cert.is_authority);
	assert_false(cert.may_serve);
	assert_string_equal(cert.name, "test");
	assert_string_equal(cert.issuer, "test");
	assert_string_equal(cert.role, "");
	assert_true(cert.not_before_s == NOW_S - RPC_CERT_EARLY_S);
	assert_true(cert.not_after_s == NOW_S + (int64_t)RPC_CERT_CA_DAYS * DAY_S);
	rpc_pem_done(&ca);
}

static void a_certificate_says_role_name_and_hosts(void **state)
{
	static const char *const hosts[] = {"host1.example", "10.0.0.7", "::1"};
	struct rpc_cert_request request = {.role = "chunk-server", .name = "host1", .hosts = hosts,
					   .host_count = 3, .now_s = NOW_S, .days = 7};
	struct rpc_pem ca = make_ca(0), pem;
	struct gw_error error = {0};
	struct rpc_cert cert;

	(void)state;
	assert_int_equal(rpc_cert_issue(&ca, &request, &pem, &error), 0);
	cert = describe(&pem);
	assert_false(cert.is_authority);
	assert_true(cert.may_serve);
	assert_string_equal(cert.role, "chunk-server");
	assert_string_equal(cert.name, "host1");
	assert_string_equal(cert.issuer, "test");
	assert_true(cert.not_after_s == NOW_S + 7 * DAY_S);
	assert_int_equal(cert.serial_bytes, RPC_SERIAL_BYTES);
	assert_int_equal(cert.host_count, 3);
	assert_string_equal(cert.hosts[0], "host1.example");
	assert_string_equal(cert.hosts[1], "10.0.0.7");
	assert_string_equal(cert.hosts[2], "0:0:0:0:0:0:0:1");
	rpc_pem_done(&pem);
	rpc_pem_done(&ca);
}

static void a_certificate_of_a_user_cannot_serve(void **state)
{
	struct rpc_cert_request request = {.role = RPC_ROLE_USER, .name = "alice",
					   .client_only = true, .now_s = NOW_S};
	struct rpc_pem ca = make_ca(0), pem;
	struct rpc_cert cert;

	(void)state;
	assert_int_equal(rpc_cert_issue(&ca, &request, &pem, NULL), 0);
	cert = describe(&pem);
	assert_false(cert.may_serve);
	rpc_pem_done(&pem);
	rpc_pem_done(&ca);
}

static void no_two_certificates_share_serial_or_fingerprint(void **state)
{
	struct rpc_cert_request request = {.role = "kv", .name = "a", .now_s = NOW_S};
	struct rpc_pem ca = make_ca(0), one, two;
	struct rpc_cert first, second;
	char text[2 * RPC_FINGERPRINT_BYTES + 1];

	(void)state;
	assert_int_equal(rpc_cert_issue(&ca, &request, &one, NULL), 0);
	assert_int_equal(rpc_cert_issue(&ca, &request, &two, NULL), 0);
	first = describe(&one);
	second = describe(&two);
	assert_memory_not_equal(first.serial, second.serial, RPC_SERIAL_BYTES);
	assert_memory_not_equal(first.fingerprint, second.fingerprint, RPC_FINGERPRINT_BYTES);
	rpc_fingerprint_text(first.fingerprint, text);
	assert_int_equal(strlen(text), 2 * RPC_FINGERPRINT_BYTES);
	rpc_pem_done(&two);
	rpc_pem_done(&one);
	rpc_pem_done(&ca);
}

static void wrong_words_are_refused(void **state)
{
	static const char *const roles[] = {"", "Master", "a b", "-x", "a/b", "a,URI:x", "a.b",
					    "r12345678901234567890123456789012"};
	static const char *const names[] = {"", ".hidden", "-x", "a/b", "a b", "a,b", "\xc3\xa9"};
	static const char *const hosts[] = {"", "a b", "a,IP:1.2.3.4", "a/b", "x:y", "a\nb"};
	struct rpc_pem ca = make_ca(0), pem;
	struct gw_error error = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		assert_int_equal(rpc_role_check(roles[i], &error), GW_E_INVALID);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(rpc_name_check(names[i], &error), GW_E_INVALID);
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct rpc_cert_request request = {.role = "kv", .name = "a", .hosts = hosts + i,
						   .host_count = 1, .now_s = NOW_S};

		assert_int_equal(rpc_cert_issue(&ca, &request, &pem, &error), GW_E_INVALID);
	}
	rpc_pem_done(&ca);
}

static void no_certificate_outlives_its_authority(void **state)
{
	struct rpc_cert_request request = {.role = "kv", .name = "a", .now_s = NOW_S, .days = 31};
	struct rpc_pem ca = make_ca(30), pem;
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(rpc_cert_issue(&ca, &request, &pem, &error), GW_E_INVALID);
	assert_non_null(strstr(error.text, "ends in 30 days"));
	request.days = RPC_CERT_DAYS_MAX + 1;
	assert_int_equal(rpc_cert_issue(&ca, &request, &pem, &error), GW_E_INVALID);
	assert_int_equal(rpc_cert_make_ca("x", NOW_S, RPC_CERT_DAYS_MAX + 1, &pem, &error),
			 GW_E_INVALID);
	request.days = 30;
	assert_int_equal(rpc_cert_issue(&ca, &request, &pem, &error), 0);
	rpc_pem_done(&pem);
	rpc_pem_done(&ca);
}

static void only_an_authority_can_issue(void **state)
{
	struct rpc_cert_request request = {.role = "kv", .name = "a", .now_s = NOW_S};
	struct rpc_pem ca = make_ca(0), other = make_ca(0), pem, below;
	struct rpc_pem mixed = {.certificate = ca.certificate, .key = other.key};
	struct rpc_pem garbage = {.certificate = other.key, .key = ca.certificate};
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(rpc_cert_issue(&ca, &request, &pem, &error), 0);
	assert_int_equal(rpc_cert_issue(&pem, &request, &below, &error), GW_E_INVALID);
	assert_int_equal(rpc_cert_issue(&mixed, &request, &below, &error), GW_E_INVALID);
	assert_int_equal(rpc_cert_issue(&garbage, &request, &below, &error), GW_E_CORRUPT);
	rpc_pem_done(&pem);
	rpc_pem_done(&other);
	rpc_pem_done(&ca);
}

/* A certificate, signed by itself, with these alternative names and this common name. */
static char *strange(const char *alternatives, const char *name, int name_size)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	X509_EXTENSION *extension =
		X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternatives);
	X509 *x509 = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes = NULL, *text;
	long size;

	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x509, extension, -1), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN",
						    MBSTRING_ASC, (const unsigned char *)name,
						    name_size, -1, 0),
			 1);
	ASN1_TIME_set(X509_getm_notBefore(x509), NOW_S);
	ASN1_TIME_set(X509_getm_notAfter(x509), NOW_S + DAY_S);
	assert_int_equal(X509_set_pubkey(x509, key), 1);
	assert_true(X509_sign(x509, key, NULL) > 0);
	assert_int_equal(PEM_write_bio_X509(bio, x509), 1);
	size = BIO_get_mem_data(bio, &bytes);
	text = calloc(1, (size_t)size + 1);
	assert_non_null(text);
	memcpy(text, bytes, (size_t)size);
	BIO_free(bio);
	X509_free(x509);
	X509_EXTENSION_free(extension);
	EVP_PKEY_free(key);
	return text;
}

static void strange_certificates_are_denied(void **state)
{
	static const struct {
		const char *alternatives, *name;
		int name_size, code;
	} rows[] = {
		{"URI:groundwork:role/kv", "a", -1, 0},
		{"URI:https://example/", "a", -1, 0}, /* no role at all */
		{"URI:groundwork:role/kv,URI:groundwork:role/master", "a", -1, GW_E_DENIED},
		{"URI:groundwork:role/", "a", -1, GW_E_DENIED},
		{"URI:groundwork:role/KV", "a", -1, GW_E_DENIED},
		{"URI:groundwork:role/r12345678901234567890123456789012", "a", -1, GW_E_DENIED},
		{"URI:groundwork:role/kv", "a\0b", 3, GW_E_DENIED},
		{"URI:groundwork:role/kv", "a b", -1, GW_E_DENIED},
		{"URI:groundwork:role/kv", "../a", -1, GW_E_DENIED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = strange(rows[i].alternatives, rows[i].name, rows[i].name_size);
		struct gw_error error = {0};
		struct rpc_cert cert;

		assert_int_equal(rpc_cert_describe(gw_string(text), &cert, &error), rows[i].code);
		if (rows[i].code == 0)
			assert_string_equal(cert.role, i == 0 ? "kv" : "");
		free(text);
	}
}

static void what_is_no_certificate_is_corrupt(void **state)
{
	static const char *const texts[] = {
		"", "garbage", "-----BEGIN CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
	struct gw_error error = {0};
	struct rpc_pem ca = make_ca(0);
	struct rpc_cert cert;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(rpc_cert_describe(gw_string(texts[i]), &cert, &error),
				 GW_E_CORRUPT);
	for (size_t size = 0; size < strlen(ca.certificate) - 26; size++)
		assert_int_equal(rpc_cert_describe((struct gw_bytes){ca.certificate, size}, &cert,
						   &error),
				 GW_E_CORRUPT);
	assert_int_equal(rpc_cert_describe(gw_string(ca.key), &cert, &error), GW_E_CORRUPT);
	rpc_pem_done(&ca);
}

static int issue_once(void *context)
{
	static const char *const hosts[] = {"host1.example"};
	struct rpc_cert_request request = {.role = "kv", .name = "a", .hosts = hosts,
					   .host_count = 1, .now_s = NOW_S};
	struct rpc_pem pem = {0};
	int code = rpc_cert_issue(context, &request, &pem, NULL);

	rpc_pem_done(&pem);
	return code;
}

static void memory_may_end_at_any_point(void **state)
{
	struct rpc_pem ca = make_ca(0);

	(void)state;
	assert_true(test_each_allocation_fails(issue_once, &ca) >= 3);
	rpc_pem_done(&ca);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_authority_says_that_it_is_one),
		cmocka_unit_test(a_certificate_says_role_name_and_hosts),
		cmocka_unit_test(a_certificate_of_a_user_cannot_serve),
		cmocka_unit_test(no_two_certificates_share_serial_or_fingerprint),
		cmocka_unit_test(wrong_words_are_refused),
		cmocka_unit_test(no_certificate_outlives_its_authority),
		cmocka_unit_test(only_an_authority_can_issue),
		cmocka_unit_test(strange_certificates_are_denied),
		cmocka_unit_test(what_is_no_certificate_is_corrupt),
		cmocka_unit_test(memory_may_end_at_any_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
