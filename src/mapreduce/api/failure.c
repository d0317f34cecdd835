/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failure.c - see failure.h.
 */
#include "failure.h"

#include "report.h"

#include <assert.h>
#include <stdio.h>

static const char safe[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";

int mr_shell_quote(const char *word, struct base_buffer *out, struct gw_error *error)
{
	int code;

	if (word[0] && word[strspn(word, safe)] == 0)
		return base_buffer_append_string(out, word, error);
	code = base_buffer_append_string(out, "'", error);
	while (code == 0 && *word) {
		size_t size = strcspn(word, "'");

		code = base_buffer_append(out, word, size, error);
		word += size;
		if (code == 0 && *word) {
			code = base_buffer_append_string(out, "'\\''", error);
			word++;
		}
	}
	return code == 0 ? base_buffer_append_string(out, "'", error) : code;
}

static int add_words(char *const *words, struct base_buffer *out, struct gw_error *error)
{
	int code = 0;

	for (; code == 0 && *words; words++) {
		code = base_buffer_append_string(out, " ", error);
		if (code == 0)
			code = mr_shell_quote(*words, out, error);
	}
	return code;
}

/* The command line that runs the task alone, in the process that a debugger sees. */
static int add_command(const struct mr_failure_report *failure, const struct mr_command *command,
		       struct base_buffer *out, struct gw_error *error)
{
	bool map = failure->id.kind == MR_MAP;
	int code = base_buffer_append_string(out, "  this task alone, in one process:\n   ", error);

	assert(map || failure->id.kind == MR_REDUCE);
	assert(command->before && command->behind);
	if (code == 0)
		code = add_words(command->before, out, error);
	if (code == 0)
		code = base_buffer_append_format(out, error, " --in-process --only-%s %u",
						 map ? "map" : "reduce",
						 map ? failure->id.task : failure->part);
	if (code == 0)
		code = add_words(command->behind, out, error);
	return code == 0 ? base_buffer_append_string(out, "\n", error) : code;
}

/* Where the last lines begin. */
static size_t last_lines(const char *printed, size_t size)
{
	size_t at = size;
	int lines = 0;

	if (at > 0 && printed[at - 1] == '\n')
		at--;
	while (at > 0) {
		if (printed[at - 1] == '\n' && ++lines == MR_FAILURE_LINES)
			break;
		at--;
	}
	assert(at <= size);
	return at;
}

static int add_printed(const struct mr_failure_report *failure, struct base_buffer *out,
		       struct gw_error *error)
{
	const char *printed = failure->printed;
	size_t size = failure->printed_size, at = last_lines(printed, size);
	int code = 0;

	assert(size <= MR_STDERR_MAX);
	if (size > 0)
		code = base_buffer_append_string(out, "  it printed last:\n", error);
	while (code == 0 && at < size) {
		const char *end = memchr(printed + at, '\n', size - at);
		size_t length = end ? (size_t)(end - printed) - at : size - at;

		code = base_buffer_append_string(out, "    | ", error);
		if (code == 0)
			code = base_buffer_append(out, printed + at, length, error);
		if (code == 0)
			code = base_buffer_append_string(out, "\n", error);
		at += length + 1;
	}
	return code;
}

static int add_head(const struct mr_failure_report *failure, const char *name,
		    struct base_buffer *out, struct gw_error *error)
{
	char part[32] = "";

	if (failure->id.kind == MR_REDUCE)
		snprintf(part, sizeof(part), " (part %u)", failure->part);
	return base_buffer_append_format(out, error, "%s: %s task %u%s, attempt %u: %s%s%s\n", name,
					 mr_kind_name(failure->id.kind), failure->id.task, part,
					 failure->id.number, failure->how,
					 failure->error[0] ? ": " : "", failure->error);
}

int mr_failure_text(const struct mr_failure_report *failure, const struct mr_talk *talk,
		    struct base_buffer *out, struct gw_error *error)
{
	bool task = failure->id.kind == MR_MAP || failure->id.kind == MR_REDUCE;
	int code = add_head(failure, talk->name, out, error);

	if (code == 0 && failure->where[0])
		code = base_buffer_append_format(out, error, "  at %s\n", failure->where);
	if (code == 0)
		code = add_printed(failure, out, error);
	if (code == 0 && talk->command && task)
		code = add_command(failure, talk->command, out, error);
	return code;
}
