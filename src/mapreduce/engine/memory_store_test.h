/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_store_test.h - an mr_store for tests whose files are memory: readable, with or without
 * maps, and with a read that fails when the test says so. A map is a copy of its own, so that the
 * address sanitizer sees a byte read outside it.
 */
#ifndef MR_MEMORY_STORE_TEST_H
#define MR_MEMORY_STORE_TEST_H

#include "store.h"

#include <stdlib.h>

enum { MEMORY_FILES_MAX = 64 };

struct memory_store {
	struct mr_store store; /* first: the store is this */
	struct mr_entry files[MEMORY_FILES_MAX];
	const void *data[MEMORY_FILES_MAX];
	size_t count;
	uint64_t reads, read_fails_at; /* the n-th read from the start fails; 0: none */
	int open_files, maps;          /* that were not given back */
};

struct memory_file {
	struct mr_file file;
	size_t number;
};

static inline int memory_open(struct mr_store *base, const char *path, struct mr_file **file,
			      struct gw_error *error)
{
	struct memory_store *store = (struct memory_store *)base;
	struct memory_file *made;

	for (size_t i = 0; i < store->count; i++) {
		if (strcmp(store->files[i].path, path) != 0)
			continue;
		made = malloc(sizeof *made);
		if (!made)
			return gw_fail(error, GW_E_NO_MEMORY, "%s: out of memory", path);
		*made = (struct memory_file){{base}, i};
		*file = &made->file;
		store->open_files++;
		return 0;
	}
	return gw_fail(error, GW_E_NOT_FOUND, "%s: is not there", path);
}

static inline void memory_close(struct mr_file *file)
{
	((struct memory_store *)file->store)->open_files--;
	free(file);
}

static inline int memory_size(struct mr_file *file, uint64_t *size, struct gw_error *error)
{
	struct memory_store *store = (struct memory_store *)file->store;

	(void)error;
	*size = store->files[((struct memory_file *)file)->number].size;
	return 0;
}

static inline int memory_check(struct mr_file *file, uint64_t offset, size_t size,
			       const char **data, struct gw_error *error)
{
	struct memory_store *store = (struct memory_store *)file->store;
	size_t number = ((struct memory_file *)file)->number;

	if (++store->reads == store->read_fails_at)
		return gw_fail(error, GW_E_IO, "%s: bad sector", store->files[number].path);
	if (offset > store->files[number].size || size > store->files[number].size - offset)
		return gw_fail(error, GW_E_TRUNCATED, "%s: too short", store->files[number].path);
	*data = (const char *)store->data[number] + offset;
	return 0;
}

static inline int memory_read_at(struct mr_file *file, uint64_t offset, void *data, size_t size,
				 struct gw_error *error)
{
	const char *from = NULL;
	int result = memory_check(file, offset, size, &from, error);

	if (result == 0 && size)
		memcpy(data, from, size);
	return result;
}

static inline int memory_map(struct mr_file *file, uint64_t offset, size_t size,
			     struct gw_bytes *bytes, struct gw_error *error)
{
	struct memory_store *store = (struct memory_store *)file->store;
	const char *from = NULL;
	int result = memory_check(file, offset, size, &from, error);
	char *copy;

	if (result < 0)
		return result;
	copy = malloc(size);
	if (!copy)
		return gw_fail(error, GW_E_NO_MEMORY, "map: out of memory");
	memcpy(copy, from, size);
	*bytes = (struct gw_bytes){copy, size};
	store->maps++;
	return 0;
}

static inline void memory_unmap(struct mr_store *base, struct gw_bytes bytes)
{
	((struct memory_store *)base)->maps--;
	free((void *)(uintptr_t)bytes.data);
}

/* The file of that path, or all files whose path begins with the path and '/', as one directory. */
static inline int memory_list(struct mr_store *base, const char *path, mr_entry_function *function,
			      void *context, struct gw_error *error)
{
	struct memory_store *store = (struct memory_store *)base;
	size_t size = strlen(path), found = 0;
	int result = 0;

	for (size_t i = 0; i < store->count && result == 0; i++) {
		const char *name = store->files[i].path;

		if (strncmp(name, path, size) != 0 || (name[size] != '/' && name[size] != 0))
			continue;
		found++;
		result = function(context, &store->files[i], error);
	}
	return found ? result : gw_fail(error, GW_E_NOT_FOUND, "%s: is not there", path);
}

static const struct mr_store_operations memory_operations = {
	.open = memory_open,
	.size = memory_size,
	.read_at = memory_read_at,
	.map = memory_map,
	.unmap = memory_unmap,
	.close = memory_close,
	.list = memory_list,
};

/* The same without maps. */
static const struct mr_store_operations memory_operations_plain = {
	.open = memory_open,
	.size = memory_size,
	.read_at = memory_read_at,
	.close = memory_close,
	.list = memory_list,
};

static inline void memory_store_init(struct memory_store *store, bool maps)
{
	*store = (struct memory_store){
		.store = {maps ? &memory_operations : &memory_operations_plain},
	};
}

/* Path and data are the caller's. */
static inline void memory_store_add(struct memory_store *store, const char *path, const void *data,
				    size_t size)
{
	store->files[store->count] = (struct mr_entry){path, size, false, true};
	store->data[store->count++] = data;
}

#endif
