/* SPDX-License-Identifier: Apache-2.0 */
/*
 * home.h - the directory of a server: locked while a process has it, and with a file "format" that
 * says of what it is and in which version, so that no program takes the directory of another for
 * its own. All functions wait.
 */
#ifndef TASK_HOME_H
#define TASK_HOME_H

#include "io/io.h"

struct task_home_kind {
	const char *format; /* all of the file: "groundwork kv 1\n" */
	const char *of;     /* for sentences: "the key/value service" */
};

/* Makes or opens it, with those above it that are not there, and locks it. A directory that is not
 * empty and has no "format" is left alone: GW_E_CORRUPT. GW_E_VERSION: of another kind or version;
 * GW_E_BUSY: another process has it. task_disk_close(*lock) gives it back. */
int task_home_open(const char *directory, const struct task_home_kind *kind, struct io_file **lock,
		   struct gw_error *error) GW_MUST_CHECK;
/* Only locks one that is there, and changes nothing; the disk may be read-only. */
int task_home_look(const char *directory, const struct task_home_kind *kind, struct io_file **lock,
		   struct gw_error *error) GW_MUST_CHECK;

/* directory/name, for free; NULL: no memory. */
char *task_home_path(const char *directory, const char *name);

#endif
