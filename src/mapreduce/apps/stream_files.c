/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_files.c - inputs by pattern, small files read and written whole, and empty parts removed.
 */
#include "stream_files.h"

#include "base/allocate.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_room(struct mr_strings *strings, struct gw_error *error)
{
	char **items = base_grow(strings->items, sizeof(*items), &strings->capacity,
				 strings->count + 1);

	assert(strings->count <= strings->capacity);
	if (!items)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for names");
	strings->items = items;
	return 0;
}

int mr_strings_add(struct mr_strings *strings, struct gw_bytes text, struct gw_error *error)
{
	int result = make_room(strings, error);
	char *copy;

	assert(text.data || text.size == 0);
	if (result)
		return result;
	copy = base_copy_text(text);
	if (!copy)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for names");
	strings->items[strings->count++] = copy;
	return 0;
}

int mr_strings_end(struct mr_strings *strings, struct gw_error *error)
{
	int result = make_room(strings, error);

	if (!result)
		strings->items[strings->count] = NULL;
	return result;
}

void mr_strings_done(struct mr_strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		free(strings->items[i]);
	free(strings->items);
	*strings = (struct mr_strings){0};
}

/* ---- Inputs ------------------------------------------------------------------------------- */

/* The size of "scheme:" at the front of a URI, 0 for a plain path ("a:b" is one, "hdfs://b" is
 * not). */
static size_t scheme_size(const char *text)
{
	size_t size = 0;

	while ((text[size] >= 'a' && text[size] <= 'z') || (size > 0 && text[size] >= '0' &&
							     text[size] <= '9'))
		size++;
	if (size == 0 || text[size] != ':')
		return 0;
	if (strncmp(text + size, "://", 3) == 0 || strncmp(text, "file:/", 6) == 0)
		return size + 1;
	return 0;
}

int mr_path_of(const char *text, char *path, size_t size, struct gw_error *error)
{
	size_t scheme = scheme_size(text);

	assert(size > 0);
	if (scheme > 0) {
		if (strncmp(text, "file:", 5) != 0)
			return gw_fail(error, GW_E_UNSUPPORTED,
				       "%s: only files of this machine (file:) can be used", text);
		text += scheme;
		if (strncmp(text, "//localhost/", 12) == 0)
			text += 11;
		else if (strncmp(text, "///", 3) == 0)
			text += 2;
		else if (text[0] == '/' && text[1] == '/')
			return gw_fail(error, GW_E_UNSUPPORTED,
				       "file:%s: names another machine; write file:///PATH", text);
	}
	if (!*text || strlen(text) >= size)
		return gw_fail(error, GW_E_USAGE, "a path of %s bytes", *text ? "too many" : "no");
	memcpy(path, text, strlen(text) + 1);
	return 0;
}

static int add_matches(struct mr_strings *inputs, const char *pattern, struct gw_error *error)
{
	glob_t found = {0};
	int failed = glob(pattern, GLOB_BRACE, NULL, &found), result = 0;

	assert(strpbrk(pattern, "*?[{"));
	if (failed == GLOB_NOMATCH)
		return gw_fail(error, GW_E_NOT_FOUND, "input pattern %s matches no file", pattern);
	if (failed)
		return gw_fail(error, failed == GLOB_NOSPACE ? GW_E_NO_MEMORY : GW_E_IO,
			       "input pattern %s: could not be looked up", pattern);
	for (size_t i = 0; i < found.gl_pathc && !result; i++)
		result = mr_strings_add(inputs, gw_string(found.gl_pathv[i]), error);
	globfree(&found);
	return result;
}

/* A path that is there is meant as it is written, even with a star in it. */
static int add_input(struct mr_strings *inputs, const char *text, struct gw_error *error)
{
	char path[PATH_MAX];
	struct stat facts;
	int result = mr_path_of(text, path, sizeof(path), error);

	if (result)
		return result;
	if (lstat(path, &facts) == 0 || !strpbrk(path, "*?[{"))
		return mr_strings_add(inputs, gw_string(path), error);
	return add_matches(inputs, path, error);
}

/* How much of text is before the next comma outside of braces. */
static size_t until_comma(const char *text)
{
	size_t depth = 0, size;

	for (size = 0; text[size] && (text[size] != ',' || depth > 0); size++) {
		depth += text[size] == '{';
		depth -= text[size] == '}' && depth > 0;
	}
	return size;
}

int mr_inputs_add(struct mr_strings *inputs, const char *text, struct gw_error *error)
{
	int result = 0;

	while (*text && !result) {
		size_t size = until_comma(text);
		char *one = strndup(text, size);

		if (!one)
			return gw_fail(error, GW_E_NO_MEMORY, "no memory for inputs");
		if (size > 0)
			result = add_input(inputs, one, error);
		free(one);
		text += size;
		text += *text == ',';
	}
	return result;
}

/* ---- Whole files -------------------------------------------------------------------------- */

static int read_all(int descriptor, const char *path, char *data, size_t size,
		    struct gw_error *error)
{
	assert(descriptor >= 0);
	for (size_t done = 0; done < size;) {
		ssize_t got = read(descriptor, data + done, size - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return gw_fail_errno(error, errno, "%s", path);
		if (got == 0)
			return gw_fail(error, GW_E_TRUNCATED, "%s: became shorter", path);
		done += (size_t)got;
	}
	return 0;
}

int mr_file_read(const char *path, size_t size_max, char **data, size_t *size,
		 struct gw_error *error)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC), result = 0;
	struct stat facts;

	*data = NULL;
	if (descriptor < 0)
		return gw_fail_errno(error, errno, "%s", path);
	if (fstat(descriptor, &facts) < 0)
		result = gw_fail_errno(error, errno, "%s", path);
	else if (!S_ISREG(facts.st_mode))
		result = gw_fail(error, GW_E_INVALID, "%s: not a file", path);
	else if ((uint64_t)facts.st_size > size_max)
		result = gw_fail(error, GW_E_TOO_LARGE, "%s: over %zu bytes", path, size_max);
	if (!result) {
		*size = (size_t)facts.st_size;
		*data = malloc(*size + 1);
		result = *data ? read_all(descriptor, path, *data, *size, error)
			       : gw_fail(error, GW_E_NO_MEMORY, "%s: no memory", path);
	}
	close(descriptor);
	if (result) {
		free(*data);
		*data = NULL;
	}
	return result;
}

int mr_file_write(const char *path, struct gw_bytes bytes, struct gw_error *error)
{
	int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), result = 0;

	if (descriptor < 0)
		return gw_fail_errno(error, errno, "%s", path);
	for (size_t done = 0; done < bytes.size && !result;) {
		ssize_t put = write(descriptor, (const char *)bytes.data + done, bytes.size - done);

		if (put < 0 && errno != EINTR)
			result = gw_fail_errno(error, errno, "%s", path);
		done += put > 0 ? (size_t)put : 0;
	}
	close(descriptor);
	return result;
}

int mr_remove_empty_parts(const char *output, struct gw_error *error)
{
	DIR *directory = opendir(output);
	struct dirent *entry;
	struct stat facts;
	int result = 0;

	if (!directory)
		return gw_fail_errno(error, errno, "%s", output);
	while (!result && (entry = readdir(directory))) {
		if (strncmp(entry->d_name, "part-", 5) != 0 ||
		    fstatat(dirfd(directory), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(facts.st_mode) || facts.st_size > 0)
			continue;
		if (unlinkat(dirfd(directory), entry->d_name, 0) < 0)
			result = gw_fail_errno(error, errno, "%s/%s", output, entry->d_name);
	}
	closedir(directory);
	return result;
}
