/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_image.c - `gw vm image make`: makes an image.
 */
#include "cli/vm.h"
#include "vm/image/image.h"

#include <stdlib.h>

const struct gw_option cli_vm_image_options[] = {
	{"minimal", 0, GW_OPTION_FLAG, offsetof(struct cli_vm_image, minimal), NULL,
	 "A kernel and a busybox; there is no other image yet", NULL},
	{"cache", 0, GW_OPTION_STRING, offsetof(struct cli_vm_image, cache), "DIR",
	 "Keep what was made there (~/.cache/groundwork/vm)", NULL},
	{"help", 0, GW_OPTION_FLAG, offsetof(struct cli_vm_image, help), NULL, "Print this help",
	 NULL},
	{0},
};

static int default_cache(char *path, size_t size, struct gw_error *error)
{
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	int length;

	if (cache && cache[0] == '/')
		length = snprintf(path, size, "%s/groundwork/vm", cache);
	else if (home && home[0] == '/')
		length = snprintf(path, size, "%s/.cache/groundwork/vm", home);
	else
		return gw_fail(error, GW_E_USAGE, "there is no HOME: --cache is wanted");
	if ((size_t)length >= size)
		return gw_fail(error, GW_E_TOO_LARGE, "the path of the cache is too long");
	return 0;
}

int cli_vm_image(void *values, char **operands, size_t count, struct gw_error *error)
{
	const struct cli_vm_image *image = values;
	char cache[4096];
	struct vm_image_options options = {.directory = operands[1], .cache = image->cache};

	(void)count;
	if (strcmp(operands[0], "make") != 0)
		return gw_fail(error, GW_E_USAGE, "%s: make is all that can be done", operands[0]);
	if (!image->minimal)
		return gw_fail(error, GW_E_USAGE, "--minimal is wanted: there is no other yet");
	if (!options.cache) {
		int code = default_cache(cache, sizeof(cache), error);

		if (code < 0)
			return code;
		options.cache = cache;
	}
	return vm_image_make_minimal(&options, error);
}
