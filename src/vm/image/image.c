/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.c - runs image.sh.
 */
#include "image.h"

#include "base/crc32c.h"
#include "scripts.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEY_BYTES = 32 };

/* What is kept is good for these scripts only. */
static void name_key(char key[KEY_BYTES])
{
	uint32_t crc = base_crc32c(0, vm_image_script, strlen(vm_image_script));

	crc = base_crc32c(crc, vm_image_init, strlen(vm_image_init));
	snprintf(key, KEY_BYTES, "%08" PRIx32, crc);
}

static int wait_for(pid_t child, const char *directory, struct gw_error *error)
{
	int status;

	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return gw_fail_errno(error, errno, "%s: the script", directory);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		return gw_fail(error, GW_E_FAILED, "%s: no image: the script ended by signal %d",
			       directory, WTERMSIG(status));
	return gw_fail(error, GW_E_FAILED, "%s: no image: the script ended with status %d",
		       directory, WEXITSTATUS(status));
}

static int run(char *const *arguments, const char *directory, struct gw_error *error)
{
	pid_t child;
	int code = posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ);

	if (code != 0)
		return gw_fail_errno(error, code, "/bin/sh");
	return wait_for(child, directory, error);
}

int vm_image_make_minimal(const struct vm_image_options *options, struct gw_error *error)
{
	char key[KEY_BYTES];

	assert(options->directory && options->cache);
	name_key(key);

	const char *arguments[] = {"sh", "-c",           vm_image_script,    "gw-vm-image",
				   vm_image_init, key, options->cache, options->directory, NULL};
	/* posix_spawn writes to none of them. */
	union {
		const char *const *from;
		char *const *to;
	} cast = {.from = arguments};

	return run(cast.to, options->directory, error);
}
