/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child_fixture.h - a test program runs itself anew with a word that says what to do wrong, and
 * looks at how that ended and what it wrote to stderr.
 */
#ifndef TASK_CHILD_FIXTURE_H
#define TASK_CHILD_FIXTURE_H

#include "support/unit.h"

#include <sys/wait.h>
#include <unistd.h>

struct child {
	int status;              /* as waitpid has it */
	char errors[256 << 10];  /* what it wrote to stderr, cut */
};

/* Runs `tool PROGRAM word`, without a tool when that is {NULL}; tool ends with NULL. */
static inline void run_child(struct child *child, const char *const *tool, const char *word)
{
	const char *arguments[16];
	size_t count = 0, used = 0;
	ssize_t got;
	int ends[2];
	pid_t process;

	for (; tool[count]; count++)
		arguments[count] = tool[count];
	arguments[count++] = "/proc/self/exe";
	arguments[count++] = word;
	arguments[count] = NULL;
	assert_int_equal(pipe(ends), 0);
	process = fork();
	assert_true(process >= 0);
	if (process == 0) {
		char self[4096];
		ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

		if (size > 0) {
			self[size] = '\0';
			arguments[count - 2] = self;
		}
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		execvp(arguments[0], (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	close(ends[1]);
	while ((got = read(ends[0], child->errors + used, sizeof(child->errors) - 1 - used)) > 0)
		used += (size_t)got;
	child->errors[used] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(process, &child->status, 0), process);
}

/* Fails with all that was written when the text is not in it. */
static inline void assert_said(const struct child *child, const char *text)
{
	if (!strstr(child->errors, text))
		fail_msg("not said: %s\n%s", text, child->errors);
}

#endif
