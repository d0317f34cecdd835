/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_files.h - paths, patterns and small files: which inputs are meant, and what is read or
 * written whole.
 */
#ifndef MR_STREAM_FILES_H
#define MR_STREAM_FILES_H

#include <groundwork/base.h>

/* A list of strings, each owned. Starts as {0}. */
struct mr_strings {
	char **items;
	size_t count, capacity;
};

int mr_strings_add(struct mr_strings *strings, struct gw_bytes text, struct gw_error *error)
	GW_MUST_CHECK;
/* Puts a NULL behind the last, which is not counted; nothing may be added afterwards. */
int mr_strings_end(struct mr_strings *strings, struct gw_error *error) GW_MUST_CHECK;
void mr_strings_done(struct mr_strings *strings);

/* The path that a path or a file: URI means, in `path` of size bytes; other schemes are refused. */
int mr_path_of(const char *text, char *path, size_t size, struct gw_error *error) GW_MUST_CHECK;

/* Adds what an -input means: paths separated by commas (not in braces), each a path, a URI or a
 * pattern with * ? [] {}. A pattern that matches nothing is GW_E_NOT_FOUND. */
int mr_inputs_add(struct mr_strings *inputs, const char *text,
		  struct gw_error *error) GW_MUST_CHECK;

/* The bytes of a small file, allocated; over size_max is GW_E_TOO_LARGE. */
int mr_file_read(const char *path, size_t size_max, char **data, size_t *size,
		 struct gw_error *error) GW_MUST_CHECK;

/* Writes a small file of an attempt, for scripts that look at failures. */
int mr_file_write(const char *path, struct gw_bytes bytes, struct gw_error *error) GW_MUST_CHECK;

/* `-lazyOutput`: removes the parts of a finished output that are empty. */
int mr_remove_empty_parts(const char *output, struct gw_error *error) GW_MUST_CHECK;

#endif
