/* SPDX-License-Identifier: Apache-2.0 */
#include "digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 20 };

int vm_digest_bytes(struct gw_bytes bytes, uint8_t digest[VM_LOG_DIGEST_BYTES],
		    struct gw_error *error)
{
	if (EVP_Digest(bytes.data, bytes.size, digest, NULL, EVP_sha256(), NULL) != 1)
		return gw_fail(error, GW_E_NO_MEMORY, "SHA-256: out of memory");
	return 0;
}

static int digest_all(int file, const char *path, uint64_t size, uint8_t *piece, EVP_MD_CTX *state,
		      struct gw_error *error)
{
	for (uint64_t at = 0; at < size;) {
		uint64_t left = size - at;
		ssize_t got = pread(file, piece, left < PIECE_BYTES ? left : PIECE_BYTES,
				    (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return gw_fail_errno(error, errno, "%s", path);
		if (got == 0)
			return gw_fail(error, GW_E_TRUNCATED, "%s: shorter than %llu bytes", path,
				       (unsigned long long)size);
		if (EVP_DigestUpdate(state, piece, (size_t)got) != 1)
			return gw_fail(error, GW_E_FAILED, "%s: SHA-256 failed", path);
		at += (uint64_t)got;
	}
	return 0;
}

int vm_digest_file(const char *path, uint64_t size, uint8_t digest[VM_LOG_DIGEST_BYTES],
		   struct gw_error *error)
{
	int file = open(path, O_RDONLY | O_CLOEXEC), code;
	EVP_MD_CTX *state = EVP_MD_CTX_new();
	uint8_t *piece = malloc(PIECE_BYTES);

	if (file < 0)
		code = gw_fail_errno(error, errno, "%s", path);
	else if (!state || !piece || EVP_DigestInit_ex(state, EVP_sha256(), NULL) != 1)
		code = gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", path);
	else
		code = digest_all(file, path, size, piece, state, error);
	if (code == 0 && EVP_DigestFinal_ex(state, digest, NULL) != 1)
		code = gw_fail(error, GW_E_FAILED, "%s: SHA-256 failed", path);
	free(piece);
	EVP_MD_CTX_free(state);
	if (file >= 0)
		close(file);
	return code;
}
