/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_files.c - what is in an image's directory: kernel, initrd, disk, append.
 */
#include "host_inside.h"

#include "vm/host/system.h"

#include <stdio.h>
#include <unistd.h>

/* The path of a file of the image; empty if it is not there. */
static int find(const char *directory, const char *name, char path[VM_HOST_PATH_BYTES],
		struct gw_error *error)
{
	int length = snprintf(path, VM_HOST_PATH_BYTES, "%s/%s", directory, name);

	if (length < 0 || length >= VM_HOST_PATH_BYTES)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: the path is too long", directory);
	if (access(path, F_OK) < 0)
		path[0] = 0;
	return 0;
}

static int read_append(const char *path, char append[VM_APPEND_BYTES_MAX + 1],
		       struct gw_error *error)
{
	struct gw_bytes bytes;
	size_t size;
	int code = vm_system_map(path, &bytes, error);

	if (code < 0)
		return code;
	size = bytes.size;
	while (size > 0 && ((const char *)bytes.data)[size - 1] == '\n')
		size--;
	if (size > VM_APPEND_BYTES_MAX || (size > 0 && memchr(bytes.data, 0, size)))
		code = gw_fail(error, GW_E_INVALID, "%s: not a command line for the kernel", path);
	else if (size > 0)
		memcpy(append, bytes.data, size);
	vm_system_unmap(bytes.data, bytes.size);
	return code;
}

static void use(const char **option, const char *from)
{
	if (!*option && from[0])
		*option = from;
}

int vm_host_use_image(struct vm_host *host, struct gw_error *error)
{
	const char *directory = host->options.image;
	struct vm_host_image *image = &host->image;
	char path[VM_HOST_PATH_BYTES];
	int code;

	if (!directory)
		return 0;
	code = find(directory, "kernel", image->kernel, error);
	if (code == 0 && !image->kernel[0] && !host->options.kernel)
		code = gw_fail(error, GW_E_NOT_FOUND, "%s: no image: it has no kernel", directory);
	if (code == 0)
		code = find(directory, "initrd", image->initrd, error);
	if (code == 0)
		code = find(directory, "disk", image->disk, error);
	if (code == 0)
		code = find(directory, "append", path, error);
	if (code == 0 && path[0])
		code = read_append(path, image->append, error);
	use(&host->options.kernel, image->kernel);
	use(&host->options.initrd, image->initrd);
	use(&host->options.disk, image->disk);
	use(&host->options.append, image->append);
	return code;
}
