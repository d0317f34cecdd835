/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish.c - standard input becomes a file of the file system, in one step: who reads it meanwhile
 * finds what was there before or all of the new, never a part. It is written under another name,
 * synced, and renamed.
 *
 *     gw gfs up --dir data &
 *     make-index | publish 127.0.0.1:7100 /index
 */
#include <groundwork/gfs.h>
#include <groundwork/task.h>

#include <errno.h>
#include <stdio.h>

enum { BUFFER_BYTES = 64 << 10 };

static int write_all(struct gw_gfs_file *file, struct gw_error *error)
{
	char buffer[BUFFER_BYTES];
	uint64_t offset = 0;
	size_t size;
	int code = 0;

	while (code == 0 && (size = fread(buffer, 1, sizeof(buffer), stdin)) > 0) {
		code = gw_gfs_write(file, offset, (struct gw_bytes){buffer, size}, error);
		offset += size;
	}
	return code == 0 && ferror(stdin) ? gw_fail_errno(error, errno, "standard input") : code;
}

/* All of it is on the disks of all replicas before it has its name. */
static int write_aside(struct gw_gfs_client *client, const char *aside, struct gw_error *error)
{
	const struct gw_gfs_open new_file = {.create = true, .exclusive = true};
	struct gw_gfs_file *file = NULL;
	int code = gw_gfs_open(&file, client, gw_string(aside), &new_file, error), closed;

	if (code == 0)
		code = write_all(file, error);
	if (code == 0)
		code = gw_gfs_sync(file, error);
	closed = gw_gfs_close(file, code == 0 ? error : NULL);
	return code == 0 ? closed : code;
}

static int publish(void *argument)
{
	char **arguments = argument;
	const char *path = arguments[2];
	char aside[GW_GFS_PATH_BYTES_MAX + 1];
	struct gw_gfs_client *client = NULL;
	struct gw_error error = {0};
	int code = gw_gfs_client_new(&client, arguments[1], NULL, &error);

	(void)snprintf(aside, sizeof(aside), "%s.new", path);
	if (code == 0)
		code = write_aside(client, aside, &error);
	if (code == 0)
		code = gw_gfs_rename(client, gw_string(aside), gw_string(path), true, NULL, &error);
	if (code < 0)
		fprintf(stderr, "publish: %s\n", error.text);
	gw_gfs_client_free(client);
	return code;
}

int main(int argc, char **argv)
{
	const struct gw_run_options options = {.stack_bytes = 4 * BUFFER_BYTES};

	if (argc != 3) {
		fprintf(stderr, "usage: publish ADDRESS,... PATH\n");
		return -GW_E_USAGE;
	}
	return -gw_run(publish, argv, &options, NULL);
}
