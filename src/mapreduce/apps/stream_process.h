/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_process.h - a command of the user (`sh -c COMMAND`) with a pipe at its input, output and
 * errors.
 *
 *     mr_process_start(&process, &setup, error);
 *     mr_process_write(process, data, size, error);     any number of times
 *     mr_process_finish(process, &end, error);          end of its input, the rest of its output
 *     mr_process_free(process);                         always; kills it if it still runs
 *
 * Whatever is written, the command's output and errors are read at the same time, so that neither
 * side ever waits for the other for ever: it may read nothing, stop early, or write before it
 * reads. What it did not want to read is dropped without an error; its exit status says whether
 * that was meant.
 *
 * The command runs in a process group of its own, which is killed as a whole. Nothing else of this
 * process reaches it but its environment: descriptors are closed, ignored signals are as by
 * default.
 */
#ifndef MR_STREAM_PROCESS_H
#define MR_STREAM_PROCESS_H

#include <groundwork/base.h>

enum {
	MR_PROCESS_PIPE_SIZE = 1 << 20,   /* of input and output, if the system allows it */
	MR_PROCESS_ERROR_LINE_MAX = 4096, /* a longer line of errors comes in pieces */
};

/* Takes bytes of the command's; 0 or a negative code, which ends the call that read them. */
typedef int mr_process_take(void *context, const char *data, size_t size, struct gw_error *error);

struct mr_process_setup {
	const char *command;
	const char *const *environment; /* "NAME=value", ended by NULL; NULL: this process's */
	const char *directory;          /* to run in; NULL: this process's */
	const char *const *arguments;   /* $1, $2, ... of the command, ended by NULL; or NULL */
	mr_process_take *take_output;   /* NULL: it has this process's output */
	bool output_lines; /* take_output gets whole lines only, but for the last bytes */
	size_t line_size_max;           /* a longer one: GW_E_TOO_LARGE; 0: no limit */
	/* Lines with their newlines; NULL: it has this process's errors. */
	mr_process_take *take_errors;
	void *context;                  /* of both */
	uint64_t idle_ms_max; /* neither reads nor writes for so long: GW_E_TIMEOUT; 0: ever */
};

/* How a command ended: by a signal (0: none), or with an exit status. */
struct mr_process_end {
	int signal;
	int status;
};

struct mr_process;

/* The strings of setup are not needed afterwards; what take_* use is, until the process is
 * freed. */
int mr_process_start(struct mr_process **process, const struct mr_process_setup *setup,
		     struct gw_error *error) GW_MUST_CHECK;

int mr_process_write(struct mr_process *process, const char *data, size_t size,
		     struct gw_error *error) GW_MUST_CHECK;

/* Whether the command still reads its input, as far as is known. */
bool mr_process_reads(const struct mr_process *process);

/* Closes the input, reads until the command has closed output and errors, and waits for its end.
 * To be called once. */
int mr_process_finish(struct mr_process *process, struct mr_process_end *end,
		      struct gw_error *error) GW_MUST_CHECK;

/* Kills what still runs. NULL is fine. */
void mr_process_free(struct mr_process *process);

/* "exit status 3" or "signal 9 (Killed)", in text of size bytes. */
void mr_process_describe(const struct mr_process_end *end, char *text, size_t size);

/* The number of this process, which names the job. */
int64_t mr_process_number(void);

/* `stream -background`: the calling process goes on in the background, without terminal and with
 * its output in the file log; its parent gets *child, the other 0. */
int mr_process_detach(const char *log, int64_t *child, struct gw_error *error) GW_MUST_CHECK;

#endif
