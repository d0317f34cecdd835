/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uv_test.c - the real io passes the conformance suite.
 */
#include "io/conformance_fixture.h"
#include "io/uv.h"
#include "support/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct own {
	char directory[64];
	unsigned addresses;
};

static struct io *make(const struct io_maker *maker, void **world)
{
	struct own *own = calloc(1, sizeof(*own));
	struct io_uv_options options = {0};
	struct io *io;
	struct gw_error error = {0};

	(void)maker;
	assert_non_null(own);
	strcpy(own->directory, "/tmp/io-test-XXXXXX");
	assert_non_null(mkdtemp(own->directory));
	options.directory = own->directory;
	if (io_uv_new(&io, &options, &error) < 0)
		fail_msg("%s", error.text);
	*world = own;
	return io;
}

static void empty(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	char name[512];

	assert_non_null(directory);
	while ((entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (entry->d_type == DT_DIR)
			empty(name);
		assert_int_equal(remove(name), 0);
	}
	closedir(directory);
}

static void release(void *world, struct io *io)
{
	struct own *own = (struct own *)world;

	io_uv_free(io);
	empty(own->directory);
	assert_int_equal(rmdir(own->directory), 0);
	free(own);
}

static void run(void *world, struct io *io)
{
	(void)world;
	io_uv_run(io);
}

static void stop(void *world, struct io *io)
{
	(void)world;
	io_uv_stop(io);
}

static void address(void *world, uint16_t family, struct io_address *address_out)
{
	struct own *own = (struct own *)world;

	memset(address_out, 0, sizeof(*address_out));
	address_out->family = family;
	if (family == IO_FAMILY_UNIX)
		snprintf(address_out->path, sizeof(address_out->path), "%s/socket-%u",
			 own->directory, ++own->addresses);
	else
		memcpy(address_out->ip, (uint8_t[4]){127, 0, 0, 1}, 4);
}

int main(void)
{
	const struct io_maker maker = {
		.name = "uv",
		.make = make,
		.release = release,
		.run = run,
		.stop = stop,
		.address = address,
	};
	const struct io_maker *maker_of_all = &maker;

	return io_conformance(&maker_of_all, 1);
}
