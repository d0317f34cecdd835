/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_command.c - runs a command for an attempt.
 */
#include "stream_command.h"

#include "base/buffer.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	INPUT_BUFFER = 1 << 20,     /* input gathered before it is written */
	KEPT_ERRORS = 64 << 10,     /* of what the command said, for a debugging script */
	SAMPLE_IDLE_MS_MAX = 3000,
	SHOWN_COMMAND = 200,        /* bytes of a command in a message */
};

struct mr_command {
	const struct mr_stream *stream;
	struct gw_mr_task *task;
	const char *role, *text;
	struct mr_facts facts;
	struct mr_process *process;
	mr_process_take *take;
	void *context;
	bool taking;  /* the error came from take, and says enough */
	bool failed;
	char *input;
	size_t used;
	struct base_buffer errors; /* the last of what it said */
	const char *said_end;      /* of the lines being looked at */
};

/* ---- What the command says ---------------------------------------------------------------- */

static void count(struct mr_command *command, const struct mr_message *message)
{
	char name[64];

	snprintf(name, sizeof(name), "%.*s:%.*s",
		 (int)(message->group.size < 60 ? message->group.size : 60),
		 (const char *)message->group.data,
		 (int)(message->name.size < 60 ? message->name.size : 60),
		 (const char *)message->name.data);
	name[47] = 0; /* the most that a counter's name may have */
	gw_mr_count(command->task, name, message->amount);
}

static void keep(struct mr_command *command, struct gw_bytes line)
{
	struct base_buffer *kept = &command->errors;

	if (line.size > KEPT_ERRORS / 2)
		line.size = KEPT_ERRORS / 2;
	if (kept->size + line.size > KEPT_ERRORS) {
		kept->size -= KEPT_ERRORS / 2;
		memmove(kept->data, kept->data + KEPT_ERRORS / 2, kept->size);
	}
	/* Without memory for it the script sees less. */
	if (base_buffer_append(kept, line.data, line.size, NULL) ||
	    base_buffer_append(kept, "\n", 1, NULL))
		kept->size = 0;
}

static int hear_line(void *context, struct gw_bytes line, struct gw_error *error)
{
	struct mr_command *command = context;
	struct mr_message message = mr_message_parse(command->stream->message_prefix, line);
	char status[128];

	assert(command->stream->message_prefix);
	(void)error;
	switch (message.kind) {
	case MR_MESSAGE_COUNTER:
		count(command, &message);
		return 0;
	case MR_MESSAGE_STATUS:
		snprintf(status, sizeof(status), "%.*s",
			 (int)(message.text.size < 127 ? message.text.size : 127),
			 (const char *)message.text.data);
		gw_mr_status(command->task, status);
		return 0;
	case MR_MESSAGE_UNCLEAR:
		fputs("not understood: ", stderr);
		break;
	case MR_MESSAGE_PLAIN:
		break;
	}
	keep(command, line);
	/* One write a line, if its newline is there. */
	if ((const char *)line.data + line.size < command->said_end)
		line.size++;
	fwrite(line.data, 1, line.size, stderr);
	if (line.size == 0 || ((const char *)line.data)[line.size - 1] != '\n')
		fputc('\n', stderr);
	return 0;
}

static int hear(void *context, const char *data, size_t size, struct gw_error *error)
{
	struct mr_command *command = context;

	assert(size > 0);
	if (gw_mr_sampling(command->task))
		return 0;
	command->said_end = data + size;
	return mr_each_line(data, size, hear_line, command, error);
}

static int take(void *context, const char *data, size_t size, struct gw_error *error)
{
	struct mr_command *command = context;
	int result = command->take(command->context, data, size, error);

	assert(command->take && !command->taking);
	command->taking = result != 0;
	return result;
}

/* ---- Failures ----------------------------------------------------------------------------- */

/* Writes a file of the attempt's directory and says where it is. */
static int write_fact(struct mr_command *command, const char *name, struct gw_bytes bytes,
		      char *path)
{
	assert(command->facts.directory);
	if (snprintf(path, PATH_MAX, "%s/%s", command->facts.directory, name) >= PATH_MAX)
		return GW_E_TOO_LARGE;
	return mr_file_write(path, bytes, NULL);
}

/* Runs the script with the names of four files as its arguments: output, errors, log and
 * configuration. */
static void run_script(struct mr_command *command, const char *script, const char *sentence)
{
	char paths[4][PATH_MAX], *text = NULL;
	const char *arguments[] = {paths[0], paths[1], paths[2], paths[3], NULL};
	struct base_arena arena = {0};
	struct mr_process *process = NULL;
	struct mr_process_setup setup = {.arguments = arguments,
					 .take_errors = hear,
					 .take_output = hear,
					 .output_lines = true,
					 .context = command,
					 .directory = command->facts.directory,
					 .idle_ms_max = command->stream->idle_ms_max};
	struct mr_process_end end;
	struct gw_bytes xml;
	int result = mr_environment_describe(&xml, command->stream, &command->facts, &arena, NULL);

	assert(command->facts.directory && !command->process);
	if (!result)
		result = mr_environment_make(&setup.environment, command->stream, &command->facts,
					     &arena, NULL);
	if (!result)
		result = write_fact(command, "stdout", gw_string(""), paths[0]);
	if (!result)
		result = write_fact(command, "stderr", base_buffer_bytes(&command->errors),
				    paths[1]);
	if (!result)
		result = write_fact(command, "syslog", gw_string(sentence), paths[2]);
	if (!result)
		result = write_fact(command, "job.xml", xml, paths[3]);
	if (!result && asprintf(&text, "%s \"$@\"", script) < 0)
		result = GW_E_NO_MEMORY;
	setup.command = text;
	if (!result)
		result = mr_process_start(&process, &setup, NULL);
	if (!result)
		result = mr_process_finish(process, &end, NULL);
	if (result) /* the failure that it should look at is reported in any case */
		fprintf(stderr, "%s: could not be run\n", script);
	mr_process_free(process);
	free(text);
	base_arena_done(&arena);
}

/* "mapper `CMD` ...what; its input was FILE from byte N on". what may be in error. */
static int fail(struct mr_command *command, const char *what, struct gw_error *error)
{
	const char *script = command->facts.map ? command->stream->map_debug
						: command->stream->reduce_debug;
	char where[300] = "", sentence[GW_ERROR_TEXT_MAX];
	int size = (int)strnlen(command->text, SHOWN_COMMAND);

	command->failed = true;
	if (command->facts.file)
		snprintf(where, sizeof(where), "; its input was %.200s from byte %llu on",
			 command->facts.file, (unsigned long long)command->facts.offset);
	snprintf(sentence, sizeof(sentence), "%s `%.*s%s` %s%s", command->role, size, command->text,
		 command->text[size] ? "..." : "", what, where);
	mr_process_free(command->process);
	command->process = NULL;
	if (script && command->facts.directory && !gw_mr_sampling(command->task))
		run_script(command, script, sentence);
	return gw_fail(error, GW_E_USER_CODE, "%s", sentence);
}

/* error says what; if it comes from whoever takes the output, that is enough. */
static int fail_with(struct mr_command *command, struct gw_error *error)
{
	assert(error->code < 0);
	command->failed = true;
	return command->taking ? error->code : fail(command, error->text, error);
}

/* What an exit status may mean that does not explain itself. */
static const char *hint(const struct mr_command *command, int status)
{
	bool shipped = command->facts.directory != NULL;

	if (status == 127)
		return shipped ? " (not found; a program of one's own has to be named by -files)"
			       : " (not found)";
	if (status == 126)
		return " (not executable)";
	return "";
}

static int check_end(struct mr_command *command, const struct mr_process_end *end,
		     struct gw_error *error)
{
	char text[80], what[200];

	if (end->signal == 0 && (end->status == 0 || !command->stream->exit_is_failure))
		return 0;
	if (end->signal && !command->stream->exit_is_failure)
		return 0;
	mr_process_describe(end, text, sizeof(text));
	snprintf(what, sizeof(what), "ended with %s%s", text,
		 end->signal ? "" : hint(command, end->status));
	return fail(command, what, error);
}

/* ---- The command -------------------------------------------------------------------------- */

/* A sample is worth a few seconds: without it the job is slower, no more. */
static uint64_t idle_limit(const struct mr_command *command)
{
	uint64_t limit = command->stream->idle_ms_max;

	if (gw_mr_sampling(command->task) && (limit == 0 || limit > SAMPLE_IDLE_MS_MAX))
		return SAMPLE_IDLE_MS_MAX;
	return limit;
}

static int start(struct mr_command *command, const struct mr_command_setup *setup,
		 struct gw_error *error)
{
	struct base_arena arena = {0};
	struct mr_process_setup process = {
		.command = setup->text, .directory = setup->facts->directory,
		.take_output = take, .output_lines = setup->lines,
		.line_size_max = setup->stream->line_size_max, .take_errors = hear,
		.context = command, .idle_ms_max = idle_limit(command),
	};
	int result = mr_environment_make(&process.environment, setup->stream, setup->facts, &arena,
					 error);

	if (!result)
		result = mr_process_start(&command->process, &process, error);
	base_arena_done(&arena);
	return result;
}

int mr_command_start(struct mr_command **made, const struct mr_command_setup *setup,
		     struct gw_error *error)
{
	struct mr_command *command = calloc(1, sizeof(*command));
	int result;

	assert(setup->text && setup->role && setup->take);
	*made = NULL;
	if (!command)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a command");
	command->stream = setup->stream;
	command->task = setup->task;
	command->role = setup->role;
	command->text = setup->text;
	command->facts = *setup->facts;
	command->take = setup->take;
	command->context = setup->context;
	result = start(command, setup, error);
	if (result) {
		gw_fail_in(error, "could not be started");
		result = fail_with(command, error);
		mr_command_free(command);
		return result;
	}
	*made = command;
	return 0;
}

/* Writes, if the command still wants to read. */
static int write_through(struct mr_command *command, const char *data, size_t size,
			 struct gw_error *error)
{
	assert(!command->failed);
	if (mr_process_write(command->process, data, size, error))
		return fail_with(command, error);
	return 0;
}

static int flush(struct mr_command *command, struct gw_error *error)
{
	size_t used = command->used;

	command->used = 0;
	return used > 0 ? write_through(command, command->input, used, error) : 0;
}

int mr_command_write(struct mr_command *command, const char *data, size_t size,
		     struct gw_error *error)
{
	int result = flush(command, error);

	return result ? result : write_through(command, data, size, error);
}

int mr_command_put(struct mr_command *command, const char *data, size_t size,
		   struct gw_error *error)
{
	int result = 0;

	if (!command->input) {
		command->input = malloc(INPUT_BUFFER);
		if (!command->input)
			return gw_fail(error, GW_E_NO_MEMORY,
				       "no memory for the input of a command");
	}
	assert(command->used <= INPUT_BUFFER);
	if (size > INPUT_BUFFER - command->used) {
		result = flush(command, error);
		if (!result && size > INPUT_BUFFER / 4)
			return write_through(command, data, size, error);
	}
	if (result)
		return result;
	if (size > 0)
		memcpy(command->input + command->used, data, size);
	command->used += size;
	return 0;
}

bool mr_command_reads(const struct mr_command *command)
{
	assert(!command->failed);
	return mr_process_reads(command->process);
}

int mr_command_finish(struct mr_command *command, struct gw_error *error)
{
	struct mr_process_end end;
	int result;

	assert(!command->failed);
	result = flush(command, error);
	if (!result) {
		if (mr_process_finish(command->process, &end, error))
			result = fail_with(command, error);
		else
			result = check_end(command, &end, error);
	}
	mr_command_free(command);
	return result;
}

void mr_command_free(struct mr_command *command)
{
	if (!command)
		return;
	mr_process_free(command->process);
	base_buffer_done(&command->errors);
	free(command->input);
	free(command);
}
