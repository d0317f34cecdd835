/* SPDX-License-Identifier: Apache-2.0 */
/* cert_fuzz.c - certificates of any bytes: what is taken is made of characters that are ours. */
#include "rpc/cert.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned char *at = data;
	X509 *x509 = d2i_X509(NULL, &at, (long)size);
	struct gw_error error = {0};
	struct rpc_cert cert;
	int code;

	if (x509 && rpc_cert_read(x509, &cert, &error) == 0) {
		assert(!cert.role[0] || rpc_role_check(cert.role, NULL) == 0);
		assert(!cert.name[0] || rpc_name_check(cert.name, NULL) == 0);
		assert(cert.host_count <= RPC_CERT_HOSTS_MAX);
		for (size_t i = 0; i < cert.host_count; i++)
			assert(strnlen(cert.hosts[i], sizeof(cert.hosts[i])) <=
			       RPC_CERT_HOST_BYTES_MAX);
	} else if (x509) {
		assert(error.code == GW_E_DENIED);
	}
	code = rpc_cert_describe((struct gw_bytes){data, size}, &cert, NULL);
	assert(code == 0 || code == GW_E_CORRUPT || code == GW_E_DENIED);
	X509_free(x509);
	ERR_clear_error();
	return 0;
}
