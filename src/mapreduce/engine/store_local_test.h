/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_local_test.h - what the tests of the local store share: a directory of the test's own.
 */
#ifndef MR_STORE_LOCAL_TEST_H
#define MR_STORE_LOCAL_TEST_H

#include "store_local.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* A directory of the test's own, and a store. Paths made by `in` are valid for some calls. */
struct place {
	struct mr_store store;
	const struct mr_store_operations *call;
	char directory[64];
	char paths[8][256];
	unsigned next;
	struct gw_error error;
};

static inline const char *in(struct place *place, const char *name)
{
	char *path = place->paths[place->next++ % 8];

	snprintf(path, sizeof place->paths[0], "%s/%s", place->directory, name);
	return path;
}

static inline int set_up(void **state)
{
	struct place *place = calloc(1, sizeof *place);

	if (!place)
		return -1;
	mr_store_local_init(&place->store);
	place->call = place->store.operations;
	snprintf(place->directory, sizeof place->directory, "/tmp/gw-store-XXXXXX");
	*state = place;
	return mkdtemp(place->directory) ? 0 : -1;
}

static inline int tear_down(void **state)
{
	struct place *place = *state;
	int result = place->call->remove(&place->store, place->directory, NULL);

	free(place);
	return result;
}

static inline const char *put_file(struct place *place, const char *name, const char *text)
{
	const char *path = in(place, name);
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static inline void expect_text(struct place *place, const char *path, const char *wanted)
{
	struct mr_file *file;
	char text[256] = {0};
	uint64_t size;

	assert_int_equal(place->call->open(&place->store, path, &file, &place->error), 0);
	assert_int_equal(place->call->size(file, &size, &place->error), 0);
	assert_int_equal(size, strlen(wanted));
	assert_int_equal(place->call->read_at(file, 0, text, size, &place->error), 0);
	assert_string_equal(text, wanted);
	mr_file_close(file);
}

static inline bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
