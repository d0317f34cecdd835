/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_files.h - the files of a streaming job apart from its data: which inputs are meant, and what is
 * shipped with the job (-files, -archives). Shipped things lie in a private directory of the job; each
 * attempt runs its commands in a directory of its own below it, in which every shipped file is a link.
 * A job that ships nothing has no such directory: its commands run where the job was started.
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

/* Adds what an -input means: paths separated by commas (not in braces), each a path, a URI or a pattern
 * with * ? [] {}. A pattern that matches nothing is GW_E_NOT_FOUND. */
int mr_inputs_add(struct mr_strings *inputs, const char *text, struct gw_error *error) GW_MUST_CHECK;

/* The bytes of a small file, allocated; over size_max is GW_E_TOO_LARGE. */
int mr_file_read(const char *path, size_t size_max, char **data, size_t *size, struct gw_error *error)
	GW_MUST_CHECK;

/* ---- What is shipped ------------------------------------------------------------------------------ */

struct mr_shipped {
	char *link;   /* its name in the directory of an attempt */
	char *target; /* absolute path of what it stands for */
};

struct mr_work {
	char *path; /* NULL: nothing is shipped */
	struct mr_shipped *items;
	size_t count, capacity;
};

/* Makes the private directory in the directory `inside`. */
int mr_work_open(struct mr_work *work, const char *inside, struct gw_error *error) GW_MUST_CHECK;
/* Removes it with all that is in it; nothing happens if there is none. */
void mr_work_done(struct mr_work *work);

/* PATH[#LINK], a file or directory; an archive is unpacked and LINK is the directory. */
int mr_work_ship(struct mr_work *work, const char *text, bool archive, struct gw_error *error)
	GW_MUST_CHECK;

/*
 * A command as it is run among the shipped files: if its first word is the path of one, the name of the
 * link stands in its place; a shipped file that a command begins with is made executable (a copy of
 * it, if it is not). The result is allocated.
 */
int mr_work_command(struct mr_work *work, const char *command, char **changed, struct gw_error *error)
	GW_MUST_CHECK;

/* Makes the directory of one attempt and its links; *path is allocated. */
int mr_work_enter(const struct mr_work *work, const char *attempt, char **path, struct gw_error *error)
	GW_MUST_CHECK;

/* Removes a directory with all that is in it, as far as it can. */
void mr_work_leave(const char *path);

/* Writes a small file of an attempt, for scripts that look at failures. */
int mr_file_write(const char *path, struct gw_bytes bytes, struct gw_error *error) GW_MUST_CHECK;

/* `-lazyOutput`: removes the parts of a finished output that are empty. */
int mr_remove_empty_parts(const char *output, struct gw_error *error) GW_MUST_CHECK;

#endif
