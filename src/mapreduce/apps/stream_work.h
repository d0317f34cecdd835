/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_work.h - what is shipped with a job (-files, -archives) and where its commands find it:
 * each attempt has a directory of its own, in which every shipped file is a link and every archive
 * a link to where it was unpacked. A job that ships nothing has no such directories: its commands
 * run where it was started.
 *
 * All of it lies in the private directory of the run (gw_mr_directory), and goes with it. Archives
 * are unpacked, and programs that may not be executed copied, by the first attempt that needs them.
 */
#ifndef MR_STREAM_WORK_H
#define MR_STREAM_WORK_H

#include <groundwork/base.h>

struct mr_shipped {
	char *link;    /* its name in the directory of an attempt */
	char *path;    /* absolute */
	bool archive;  /* unpacked; the link is to the directory */
	bool program;  /* a command begins with it, but it may not be executed: a copy is */
};

struct mr_work {
	struct mr_shipped *items;
	size_t count, capacity;
	bool wanted; /* attempts have directories, even with nothing in them */
};

/* Starts as {0}. */
void mr_work_done(struct mr_work *work);

/* PATH[#LINK], a file or directory that is there; LINK is its last name by default. */
int mr_work_ship(struct mr_work *work, const char *text, bool archive, struct gw_error *error)
	GW_MUST_CHECK;

/*
 * A command as it is run among the shipped files: if its first word is the path of one, the name of
 * the link stands in its place. The result is allocated.
 */
int mr_work_command(struct mr_work *work, const char *command, char **changed,
		    struct gw_error *error) GW_MUST_CHECK;

/* Makes the directory of one attempt inside `home`, and its links; *path is allocated and
 * absolute. An old one of that name is removed. */
int mr_work_enter(const struct mr_work *work, const char *home, const char *attempt, char **path,
		  struct gw_error *error) GW_MUST_CHECK;

/* Removes a directory with all that is in it, as far as it can. NULL is fine. */
void mr_work_leave(const char *path);

#endif
