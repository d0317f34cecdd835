/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cert_files.c - certificates in files. A new file is written under another name, synced, and
 * linked to its own, which fails when that is taken.
 */
#include "rpc/cert_files.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The name of a file in the directory with its end, and while it is written. */
enum { FILE_NAME_BYTES = RPC_CERT_STEM_BYTES_MAX + 32 };

/* A directory that is open, and its name for sentences. */
struct place {
	const char *name;
	int fd;
};

/* ---- Writing ------------------------------------------------------------------------------ */

static bool write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		left -= (size_t)n;
	}
	return true;
}

/* Fills and closes the new file; GW_E_* of what failed. */
static int fill(int fd, const struct place *place, const char *name, const char *text,
		struct gw_error *error)
{
	bool fine = write_all(fd, text) && fsync(fd) == 0;
	int reason = errno;

	if (close(fd) != 0 && fine) {
		fine = false;
		reason = errno;
	}
	if (!fine)
		return gw_fail_errno(error, reason, "%s/%s", place->name, name);
	return 0;
}

static int write_new(const struct place *place, const char *name, const char *text,
		     struct gw_error *error)
{
	char early[FILE_NAME_BYTES];
	uint8_t random[4];
	int code, fd;

	if (RAND_bytes(random, sizeof(random)) != 1)
		return gw_fail(error, GW_E_FAILED, "no random numbers");
	(void)snprintf(early, sizeof(early), ".%s.%02x%02x%02x%02x", name, random[0], random[1],
		       random[2], random[3]);
	fd = openat(place->fd, early, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return gw_fail_errno(error, errno, "%s/%s", place->name, early);
	code = fill(fd, place, name, text, error);
	if (code == 0 && linkat(place->fd, early, place->fd, name, 0) != 0)
		code = gw_fail_errno(error, errno, "%s/%s", place->name, name);
	(void)unlinkat(place->fd, early, 0);
	return code;
}

/* The key first, so that a certificate is never there without it. */
static int write_pair(const struct place *place, const char *stem, const struct rpc_pem *pem,
		      struct gw_error *error)
{
	char key[FILE_NAME_BYTES], certificate[FILE_NAME_BYTES];
	int code;

	(void)snprintf(key, sizeof(key), "%s.key", stem);
	(void)snprintf(certificate, sizeof(certificate), "%s.crt", stem);
	code = write_new(place, key, pem->key, error);
	if (code < 0)
		return code;
	code = write_new(place, certificate, pem->certificate, error);
	if (code < 0) {
		(void)unlinkat(place->fd, key, 0);
		return code;
	}
	if (fsync(place->fd) != 0)
		return gw_fail_errno(error, errno, "%s", place->name);
	return 0;
}

/* ---- The directory ------------------------------------------------------------------------ */

static int place_open(struct place *place, const char *name, struct gw_error *error)
{
	struct stat status;

	place->name = name;
	place->fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place->fd < 0)
		return gw_fail_errno(error, errno, "%s", name);
	if (fstat(place->fd, &status) == 0 && (status.st_mode & 077) == 0)
		return 0;
	(void)close(place->fd);
	return gw_fail(error, GW_E_DENIED,
		       "%s: others may use this directory (mode %04o); it holds keys, so 0700 is "
		       "wanted",
		       name, (unsigned)status.st_mode & 07777);
}

/* GW_E_EXISTS when one of the two files is there. */
static int check_free(const struct place *place, const char *stem, struct gw_error *error)
{
	static const char *const ends[] = {"key", "crt"};
	char name[FILE_NAME_BYTES];
	struct stat status;

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(name, sizeof(name), "%s.%s", stem, ends[i]);
		if (fstatat(place->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
			return gw_fail(error, GW_E_EXISTS, "%s/%s exists already", place->name,
				       name);
		if (errno != ENOENT)
			return gw_fail_errno(error, errno, "%s/%s", place->name, name);
	}
	return 0;
}

/* ---- Reading ------------------------------------------------------------------------------ */

/* The bytes of an open file as a string, or NULL and errno; EFBIG past the limit. */
static char *read_all(int fd)
{
	char *text = malloc(RPC_PEM_BYTES_MAX + 1);
	size_t size = 0;
	ssize_t n = 1;

	if (!text)
		return NULL;
	while (n != 0 && size <= RPC_PEM_BYTES_MAX) {
		n = read(fd, text + size, RPC_PEM_BYTES_MAX + 1 - size);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			break;
		else
			size += (size_t)n;
	}
	if (n == 0 && size <= RPC_PEM_BYTES_MAX) {
		text[size] = '\0';
		return text;
	}
	if (n >= 0)
		errno = EFBIG;
	OPENSSL_cleanse(text, size);
	free(text);
	return NULL;
}

static int read_text(int at, const char *path, bool secret, char **text, struct gw_error *error)
{
	int fd = openat(at, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	int code = 0;

	if (fd < 0)
		return gw_fail_errno(error, errno, "%s", path);
	if (fstat(fd, &status) != 0)
		code = gw_fail_errno(error, errno, "%s", path);
	else if (!S_ISREG(status.st_mode))
		code = gw_fail(error, GW_E_INVALID, "%s: not a regular file", path);
	else if (secret && (status.st_mode & 077) != 0)
		code = gw_fail(error, GW_E_DENIED,
			       "%s: others may use this key (mode %04o); 0600 is wanted", path,
			       (unsigned)status.st_mode & 07777);
	if (code == 0) {
		*text = read_all(fd);
		if (!*text)
			code = gw_fail_errno(error, errno, "%s", path);
	}
	(void)close(fd);
	return code;
}

static int read_pair(int at, const char *certificate, const char *key, struct rpc_pem *pem,
		     struct gw_error *error)
{
	int code;

	*pem = (struct rpc_pem){0};
	code = read_text(at, certificate, false, &pem->certificate, error);
	if (code == 0 && key)
		code = read_text(at, key, true, &pem->key, error);
	if (code < 0)
		rpc_pem_done(pem);
	return code;
}

int rpc_cert_files_read(const char *certificate, const char *key, struct rpc_pem *pem,
			struct gw_error *error)
{
	return read_pair(AT_FDCWD, certificate, key, pem, error);
}

/* ---- The two commands --------------------------------------------------------------------- */

static int make_ca(const struct place *place, const char *name, int64_t now_s, uint32_t days,
		   struct gw_error *error)
{
	struct rpc_pem pem = {0};
	int code = check_free(place, "ca", error);

	if (code == 0)
		code = rpc_cert_make_ca(name, now_s, days, &pem, error);
	if (code == 0)
		code = write_pair(place, "ca", &pem, error);
	rpc_pem_done(&pem);
	return code;
}

int rpc_cert_files_ca(const char *directory, const char *name, int64_t now_s, uint32_t days,
		      struct gw_error *error)
{
	struct place place;
	bool made = mkdir(directory, 0700) == 0;
	int code;

	if (!made && errno != EEXIST)
		return gw_fail_errno(error, errno, "%s", directory);
	code = place_open(&place, directory, error);
	if (code == 0) {
		code = make_ca(&place, name, now_s, days, error);
		(void)close(place.fd);
	}
	if (code < 0 && made)
		(void)rmdir(directory);
	return code;
}

static int issue(const struct place *place, const struct rpc_cert_request *request,
		 const char *stem, struct gw_error *error)
{
	struct rpc_pem ca = {0}, pem = {0};
	int code = check_free(place, stem, error);

	if (code == 0 && read_pair(place->fd, "ca.crt", "ca.key", &ca, error) < 0)
		code = gw_fail_in(error, "%s", place->name);
	if (code == 0)
		code = rpc_cert_issue(&ca, request, &pem, error);
	if (code == 0)
		code = write_pair(place, stem, &pem, error);
	rpc_pem_done(&pem);
	rpc_pem_done(&ca);
	return code;
}

int rpc_cert_files_issue(const char *directory, const struct rpc_cert_request *request,
			 char stem[RPC_CERT_STEM_BYTES_MAX + 1], struct gw_error *error)
{
	struct place place;
	int code = rpc_role_check(request->role, error);

	if (code == 0)
		code = rpc_name_check(request->name, error);
	if (code < 0)
		return code;
	(void)snprintf(stem, RPC_CERT_STEM_BYTES_MAX + 1, "%s.%s", request->role, request->name);
	code = place_open(&place, directory, error);
	if (code < 0)
		return code;
	code = issue(&place, request, stem, error);
	(void)close(place.fd);
	return code;
}
