/* SPDX-License-Identifier: Apache-2.0 */
/*
 * home.c - the directory of a server.
 */
#include "task/home.h"

#include <stdio.h>
#include <stdlib.h>

#include "task/disk.h"
#include "task/loop.h"

char *task_home_path(const char *directory, const char *name)
{
	size_t size = strlen(directory) + strlen(name) + 2;
	char *path = malloc(size);

	if (path)
		snprintf(path, size, "%s/%s", directory, name);
	return path;
}

static int format_check(const char *path, const char *format, struct gw_error *error)
{
	struct base_buffer bytes = {0};
	int code = task_disk_load(path, 4096, &bytes, error);

	if (code == 0 && (bytes.size != strlen(format) ||
			  memcmp(bytes.data, format, bytes.size) != 0))
		code = gw_fail(error, GW_E_VERSION,
			       "%s: this directory is not of a version that this program knows",
			       path);
	base_buffer_done(&bytes);
	return code;
}

/* A directory with anything in it that is not ours is left alone. */
static int format_make(const char *directory, const char *path, const struct task_home_kind *kind,
		       struct gw_error *error)
{
	struct io_list list;
	int code = task_disk_list(directory, &list, error);

	if (code < 0)
		return code;
	for (size_t i = 0; i < list.count && code == 0; i++)
		if (strcmp(list.entries[i].name, "lock") != 0 &&
		    strcmp(list.entries[i].name, "format.new") != 0)
			code = gw_fail(error, GW_E_CORRUPT,
				       "%s: not a directory of %s: it has %s and no file "
				       "\"format\"",
				       directory, kind->of, list.entries[i].name);
	io_list_free(task_io(), &list);
	if (code == 0) {
		char *fresh = task_home_path(directory, "format.new");

		code = fresh ? task_disk_save(fresh, gw_string(kind->format), error)
			     : gw_fail(error, GW_E_NO_MEMORY, "%s: no memory", directory);
		if (code == 0)
			code = task_disk_rename(fresh, path, error);
		free(fresh);
	}
	return code == 0 ? task_disk_sync_directory(directory, error) : code;
}

static int format_open(const char *directory, const struct task_home_kind *kind,
		       struct gw_error *error)
{
	struct gw_error why = {0};
	char *path = task_home_path(directory, "format");
	int code = path ? format_check(path, kind->format, &why)
			: gw_fail(&why, GW_E_NO_MEMORY, "%s: no memory", directory);

	if (code == GW_E_NOT_FOUND)
		code = format_make(directory, path, kind, error);
	else if (code < 0)
		(void)gw_fail(error, code, "%s", why.text);
	free(path);
	return code;
}

/* The name in the directory above, which has to last as long as what is acknowledged. */
static int sync_above(const char *path, struct gw_error *error)
{
	char *above = strdup(path);
	char *slash = above ? strrchr(above, '/') : NULL;
	int code;

	if (!above)
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory", path);
	if (slash)
		slash[slash == above] = '\0';
	code = task_disk_sync_directory(slash ? above : ".", error);
	free(above);
	return code;
}

static int make_one(const char *path, struct gw_error *error)
{
	int code = task_disk_mkdir(path, error);

	return code == 0 ? sync_above(path, error) : code;
}

/* Also those above it that are not there. */
static int make_directory(const char *path, struct gw_error *error)
{
	struct gw_error why = {0};
	int code = make_one(path, &why);
	char *above, *slash;

	if (code == 0 || code == GW_E_EXISTS)
		return 0;
	above = strdup(path);
	slash = above ? strrchr(above, '/') : NULL;
	if (code != GW_E_NOT_FOUND || !slash || slash == above) {
		free(above);
		return gw_fail(error, code, "%s", why.text);
	}
	*slash = '\0';
	code = make_directory(above, error);
	free(above);
	if (code < 0)
		return code;
	code = make_one(path, error);
	return code == GW_E_EXISTS ? 0 : code;
}

static int take_lock(const char *directory, uint32_t flags, struct io_file **lock,
		     struct gw_error *error)
{
	char *path = task_home_path(directory, "lock");
	int code = path ? task_disk_open(path, flags | IO_LOCKED, lock, error)
			: gw_fail(error, GW_E_NO_MEMORY, "%s: no memory", directory);

	free(path);
	if (code != GW_E_BUSY)
		return code;
	return gw_fail(error, GW_E_BUSY, "%s: another process has this directory open", directory);
}

int task_home_look(const char *directory, const struct task_home_kind *kind, struct io_file **lock,
		   struct gw_error *error)
{
	char *format = task_home_path(directory, "format");
	int code = format ? format_check(format, kind->format, error)
			  : gw_fail(error, GW_E_NO_MEMORY, "%s: no memory", directory);

	free(format);
	*lock = NULL;
	return code == 0 ? take_lock(directory, IO_READ, lock, error) : code;
}

int task_home_open(const char *directory, const struct task_home_kind *kind, struct io_file **lock,
		   struct gw_error *error)
{
	int code = make_directory(directory, error);

	*lock = NULL;
	if (code == 0)
		code = take_lock(directory, IO_READ | IO_WRITE | IO_CREATE, lock, error);
	if (code == 0)
		code = format_open(directory, kind, error);
	if (code < 0) {
		(void)task_disk_close(*lock, NULL);
		*lock = NULL;
	}
	return code;
}
