/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_settle.c - from what the command line says to what the job does: properties, commands,
 * paths and limits. What Hadoop has and this does not is refused, by name, before anything runs.
 */
#include "stream_settle.h"

#include "stream_conf.h"
#include "stream_process.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
	TASK_TIMEOUT_MS = 600 * 1000, /* Hadoop's */
	COMBINE_BYTES_MAX = 32 << 20,
	COMBINE_BYTES_MIN = 1 << 20,
};

#define LINE_SIZE_MAX ((uint64_t)1 << 30)

const char *mr_settle_property(const struct settling *settling, const char *name)
{
	return mr_properties_get(&settling->stream->properties, name);
}

int mr_settle_set(struct settling *settling, const char *name, const char *value)
{
	return mr_properties_set(&settling->stream->properties, name, value, settling->error);
}

/* ---- Properties --------------------------------------------------------------------------- */

static int read_configurations(struct settling *settling, const struct gw_option_list *files)
{
	int result = 0;

	for (size_t i = 0; i < files->count && !result; i++) {
		char path[PATH_MAX], *data = NULL;
		size_t size = 0;

		result = mr_path_of(files->items[i], path, sizeof(path), settling->error);
		if (!result)
			result =
				mr_file_read(path, MR_CONF_SIZE_MAX, &data, &size, settling->error);
		if (!result)
			result = mr_conf_read(&settling->stream->properties, path,
					      (struct gw_bytes){data, size}, settling->error);
		free(data);
	}
	return result;
}

static int set_pairs(struct settling *settling, const struct gw_option_list *pairs)
{
	int result = 0;

	for (size_t i = 0; i < pairs->count && !result; i++)
		result = mr_properties_set_pair(&settling->stream->properties, pairs->items[i],
						settling->error);
	return result;
}

static int settle_properties(struct settling *settling)
{
	const struct mr_stream_options *options = settling->options;
	int result = read_configurations(settling, &options->configurations);

	if (!result)
		result = read_configurations(settling, &options->more_configurations);
	if (!result)
		result = set_pairs(settling, &options->properties);
	if (!result)
		result = set_pairs(settling, &options->job_properties);
	for (size_t i = 0; i < options->variables.count && !result; i++) {
		const char *pair = options->variables.items[i];

		if (!strchr(pair, '=') || pair[0] == '=')
			result = gw_fail(settling->error, GW_E_USAGE,
					 "-cmdenv %s: a variable is written NAME=VALUE", pair);
		else
			result = mr_strings_add(&settling->stream->variables, gw_string(pair),
						settling->error);
	}
	return result;
}

/* A property, not negative, that stands for an option of the library. */
static int pass_on(struct settling *settling, const char *name, const char *option)
{
	char text[32];
	int64_t number = -1;
	int result = mr_properties_get_i64(&settling->stream->properties, name, &number,
					   settling->error);

	assert(strncmp(option, "--", 2) == 0);
	if (result || number <= 0)
		return result;
	snprintf(text, sizeof(text), "%" PRId64, number);
	result = mr_strings_add(settling->words, gw_string(option), settling->error);
	return result ? result : mr_strings_add(settling->words, gw_string(text), settling->error);
}

/* ---- Commands ----------------------------------------------------------------------------- */

/* A command, or NULL for the class of that name, which does nothing. */
static int settle_command(struct settling *settling, const char *option, const char *text,
			  const char *identity, char **command)
{
	assert(!*command);
	if (!text || mr_is_class(text, identity))
		return 0;
	if (!*text)
		return gw_fail(settling->error, GW_E_USAGE, "%s: an empty command", option);
	if (mr_looks_like_class(text))
		return mr_refuse_class(settling, option, text, "name a command");
	*command = strdup(text);
	return *command ? 0 : gw_fail(settling->error, GW_E_NO_MEMORY, "no memory for a command");
}

static int settle_commands(struct settling *settling)
{
	const struct mr_stream_options *options = settling->options;
	struct mr_stream *stream = settling->stream;
	const char *reducer = options->reducer;
	bool none = reducer && strcmp(reducer, "NONE") == 0;
	int result = settle_command(settling, "-mapper", options->mapper, "IdentityMapper",
				    &stream->mapper);

	stream->aggregate = reducer && strcasecmp(reducer, "aggregate") == 0;
	if (!result && !none && !stream->aggregate)
		result = settle_command(settling, "-reducer", reducer, "IdentityReducer",
					&stream->reducer);
	if (!result && !none && !stream->aggregate)
		result = settle_command(settling, "-combiner", options->combiner, "IdentityReducer",
					&stream->combiner);
	stream->lazy_output = options->lazy_output;
	stream->map_debug = options->map_debug;
	stream->reduce_debug = options->reduce_debug;
	return result;
}

static int settle_reduces(struct settling *settling)
{
	struct mr_stream *stream = settling->stream;
	const char *name = "mapreduce.job.reduces", *reducer = settling->options->reducer;
	int64_t reduces = 1;
	int result = 0;

	if (settling->options->reduces)
		result = mr_settle_set(settling, name, settling->options->reduces);
	if (!result && reducer && strcmp(reducer, "NONE") == 0)
		result = mr_settle_set(settling, name, "0");
	if (!result && !mr_settle_property(settling, name))
		result = mr_settle_set(settling, name,
				      settling->library->parts ? settling->library->parts : "1");
	if (!result)
		result =
			mr_properties_get_i64(&stream->properties, name, &reduces, settling->error);
	if (!result && reduces < 0)
		return gw_fail(settling->error, GW_E_INVALID, "%s=%" PRId64 ": below 0", name,
			       reduces);
	stream->map_only = reduces == 0;
	if (!result && stream->map_only) {
		free(stream->combiner);
		stream->combiner = NULL;
	}
	return result ? result : pass_on(settling, name, "--parts");
}

/* ---- Paths -------------------------------------------------------------------------------- */

/* Names joined by commas, as Hadoop shows them. */
static int set_joined(struct settling *settling, const char *name, const struct mr_strings *strings)
{
	size_t size = 1;
	char *text, *at;
	int result;

	assert(strings->count > 0);
	for (size_t i = 0; i < strings->count; i++)
		size += strlen(strings->items[i]) + 1;
	at = text = malloc(size);
	if (!text)
		return gw_fail(settling->error, GW_E_NO_MEMORY, "no memory for inputs");
	*text = 0;
	for (size_t i = 0; i < strings->count; i++)
		at += snprintf(at, size - (size_t)(at - text), "%s%s", i ? "," : "",
			       strings->items[i]);
	result = mr_settle_set(settling, name, text);
	free(text);
	return result;
}

static int settle_paths(struct settling *settling)
{
	const struct mr_stream_options *options = settling->options;
	struct mr_stream *stream = settling->stream;
	char path[PATH_MAX];
	int result = 0;

	if (options->inputs.count == 0)
		return gw_fail(settling->error, GW_E_USAGE, "Required argument: -input <name>");
	if (!options->output)
		return gw_fail(settling->error, GW_E_USAGE, "Required argument: -output");
	for (size_t i = 0; i < options->inputs.count && !result; i++)
		result = mr_inputs_add(&stream->inputs, options->inputs.items[i], settling->error);
	if (!result && stream->inputs.count == 0)
		result = gw_fail(settling->error, GW_E_USAGE, "-input: names nothing");
	if (!result)
		result = mr_path_of(options->output, path, sizeof(path), settling->error);
	if (result)
		return result;
	stream->output = strdup(path);
	if (!stream->output)
		return gw_fail(settling->error, GW_E_NO_MEMORY, "no memory for a path");
	result = set_joined(settling, "mapreduce.input.fileinputformat.inputdir", &stream->inputs);
	return result ? result
		      : mr_settle_set(settling, "mapreduce.output.fileoutputformat.outputdir",
				      path);
}

/* "local", "file:///" or nothing: there are no others. */
static int settle_cluster(struct settling *settling)
{
	const struct mr_stream_options *options = settling->options;
	const char *const named[] = {options->file_system, options->old_file_system,
				     options->job_tracker};

	for (size_t i = 0; i < 3; i++) {
		if (named[i] && strcmp(named[i], "local") != 0 &&
		    strncmp(named[i], "file:/", 6) != 0)
			return gw_fail(settling->error, GW_E_UNSUPPORTED,
				       "%s %s: jobs run on this machine only",
				       i < 2 ? "-fs" : "-jt", named[i]);
	}
	return 0;
}

/* ---- Limits ------------------------------------------------------------------------------- */

static int settle_limits(struct settling *settling)
{
	struct mr_stream *stream = settling->stream;
	const struct mr_properties *properties = &stream->properties;
	struct gw_error *error = settling->error;
	int64_t timeout = TASK_TIMEOUT_MS, uniques = INT64_MAX, skip = 0;
	uint64_t memory = LINE_SIZE_MAX;
	int result = mr_properties_get_i64(properties, "mapreduce.task.timeout", &timeout, error);

	assert(stream->properties.count > 0);
	stream->truncate_limit = -1;
	stream->exit_is_failure = true;
	if (!result)
		result = mr_properties_get_bool(properties, "stream.non.zero.exit.is.failure",
						&stream->exit_is_failure, error);
	if (!result)
		result = mr_properties_get_i64(properties, "stream.jobconf.truncate.limit",
					       &stream->truncate_limit, error);
	if (!result)
		result = mr_properties_get_i64(
			properties, "mapreduce.aggregate.max.num.unique.values", &uniques, error);
	if (!result)
		result = mr_properties_get_i64(properties, "mapreduce.map.skip.maxrecords", &skip,
					       error);
	stream->idle_ms_max = timeout > 0 ? (uint64_t)timeout : 0;
	if (!result && settling->library->record_timeout)
		result =
			gw_parse_ms(settling->library->record_timeout, &stream->idle_ms_max, error);
	if (!result && settling->library->memory)
		result = gw_parse_size(settling->library->memory, &memory, error);
	if (result)
		return result;
	stream->uniques_max = uniques > 0 ? (uint64_t)uniques : UINT64_MAX;
	stream->line_size_max = memory < LINE_SIZE_MAX ? (size_t)memory : LINE_SIZE_MAX;
	stream->combine_bytes = memory / 16 < COMBINE_BYTES_MIN ? COMBINE_BYTES_MIN
		: memory / 16 > COMBINE_BYTES_MAX ? COMBINE_BYTES_MAX : (size_t)(memory / 16);
	stream->one_by_one = settling->library->skip_bad_records || skip > 0;
	if (skip > 0)
		return mr_strings_add(settling->words, gw_string("--skip-bad-records"), error);
	return 0;
}

/* Properties that stand for options of the library. */
static int settle_library(struct settling *settling)
{
	const char *directory = mr_settle_property(settling, "stream.tmpdir");
	int64_t least = 0;
	int result = mr_properties_get_i64(&settling->stream->properties,
					   "mapreduce.input.fileinputformat.split.minsize", &least,
					   settling->error);

	if (!result)
		result = pass_on(settling, "mapreduce.map.maxattempts", "--attempts");
	if (!result)
		result = pass_on(settling, least > 1
				 ? "mapreduce.input.fileinputformat.split.minsize"
				 : "mapreduce.input.fileinputformat.split.maxsize", "--split-size");
	if (!result && directory)
		result = mr_strings_add(settling->words, gw_string("--temporary"), settling->error);
	if (!result && directory)
		result = mr_strings_add(settling->words, gw_string(directory), settling->error);
	return result;
}

static int settle_name(struct settling *settling)
{
	struct mr_stream *stream = settling->stream;
	const char *prefix = mr_settle_property(settling, "stream.stderr.reporter.prefix");
	const char *name = mr_settle_property(settling, "mapreduce.job.name");

	stream->message_prefix = prefix ? prefix : "reporter:";
	snprintf(stream->job_id, sizeof(stream->job_id), "local%" PRId64 "_0001",
		 mr_process_number());
	snprintf(stream->name, sizeof(stream->name), "%s", name && *name ? name : "stream");
	for (char *at = stream->name; *at; at++)
		*at = (unsigned char)*at <= ' ' ? '_' : *at;
	return name ? 0 : mr_settle_set(settling, "mapreduce.job.name", "stream");
}

int mr_stream_settle(struct mr_stream *stream, const struct mr_library_options *library,
		     struct mr_strings *library_words, struct gw_error *error)
{
	static int (*const steps[])(struct settling *settling) = {
		settle_properties,
		settle_cluster,
		settle_paths,
		settle_name,
		settle_commands,
		settle_reduces,
		mr_settle_comparator,
		mr_settle_partitioner,
		mr_settle_output_format,
		mr_settle_input_format,
		mr_settle_lines,
		settle_limits,
		settle_library,
		mr_settle_reader,
	};
	struct settling settling = {stream, &stream->options, library, library_words, error};
	int result = 0;

	assert(!stream->mapper && !stream->output);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !result; i++)
		result = steps[i](&settling);
	return result;
}
