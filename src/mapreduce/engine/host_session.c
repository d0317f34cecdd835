/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_session.c - ends what a slot leaves behind. Each slot leads a session, so all that it
 * started is in it, in whatever process groups and under whatever parents, but for what left it by
 * setsid; that ends with the job.
 *
 * /proc says which processes are in a session. It may be that of an outer PID namespace: then its
 * names of processes mean nothing to the keeper, but a directory of it stands for one process, is
 * never another's, and can be sent a signal; the kernel refuses where that process is not in the
 * keeper's namespace or below.
 */
#include "host_process.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum {
	STATUS_SIZE = 16 << 10, /* of /proc/PID/status what is read; a line lists a user's groups */
	/* A pass misses children whose parent was killed later in it, so one follows until all are
	 * dead or dying; never more than this many. */
	PASSES_MAX = 100,
};

/* The text of /proc/NAME/status, an empty one when there is none. */
static void read_status(int process, char text[STATUS_SIZE])
{
	int file = openat(process, "status", O_RDONLY | O_CLOEXEC);
	ssize_t size = file < 0 ? 0 : read(file, text, STATUS_SIZE - 1);

	text[size > 0 ? size : 0] = 0;
	if (file >= 0)
		close(file);
}

/* What stands behind "NAME:\t" at the beginning of a line. */
static const char *find_line(const char *text, const char *name)
{
	char wanted[32];
	const char *found;

	snprintf(wanted, sizeof(wanted), "\n%s:\t", name);
	found = strstr(text, wanted);
	return found ? found + strlen(wanted) : "";
}

/* Numbers of the line are those of a process in its namespaces, from that of /proc inwards: how
 * many there are, and the one at `level`. */
static int number_at(const char *line, int level, long *number)
{
	int count = 0;

	*number = 0;
	while (isdigit((unsigned char)*line)) {
		char *end;
		long here = strtol(line, &end, 10);

		if (count++ == level)
			*number = here;
		line = end + (*end == '\t');
	}
	return count;
}

/* A process that ends already, or has been told to. */
static bool is_ending(const char *text)
{
	const char *state = find_line(text, "State");
	unsigned long long pending = strtoull(find_line(text, "SigPnd"), NULL, 16) |
				     strtoull(find_line(text, "ShdPnd"), NULL, 16);

	return *state == 'Z' || *state == 'X' || (pending >> (SIGKILL - 1) & 1);
}

/* Kills the process if it is in the session, and says whether it had to be told. */
static bool kill_member(const char *name, pid_t session, int level)
{
	char path[sizeof("/proc/") + 20], text[STATUS_SIZE];
	bool told = false;
	int process;
	long number;

	snprintf(path, sizeof(path), "/proc/%.19s", name);
	process = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (process < 0)
		return false;
	read_status(process, text);
	(void)number_at(find_line(text, "NSsid"), level, &number);
	if (number == session && !is_ending(text))
		told = pidfd_send_signal(process, SIGKILL, NULL, 0) == 0;
	close(process);
	return told;
}

static unsigned kill_members(pid_t session, int level)
{
	DIR *directory = opendir("/proc");
	const struct dirent *entry;
	unsigned told = 0;

	if (!directory)
		return 0;
	while ((entry = readdir(directory))) {
		if (isdigit((unsigned char)entry->d_name[0]))
			told += kill_member(entry->d_name, session, level);
	}
	closedir(directory);
	return told;
}

void mr_session_kill(pid_t session)
{
	char text[STATUS_SIZE];
	int self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC), level;
	long number;

	assert(session > 1); /* 1 is the keeper's own */
	if (self < 0)
		return;
	read_status(self, text);
	close(self);
	level = number_at(find_line(text, "NSpid"), -1, &number) - 1;
	for (int i = 0; level >= 0 && i < PASSES_MAX; i++) {
		if (kill_members(session, level) == 0)
			return;
	}
}
