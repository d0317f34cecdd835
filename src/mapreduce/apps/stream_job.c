/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_job.c - the job of a settled stream: what it ships, and which functions of stream_task.c
 * the engine is to call.
 */
#include "stream.h"

#include "stream_aggregate.h"
#include "stream_reader.h"
#include "stream_task.h"

#include <assert.h>
#include <stdlib.h>

/* ---- Shipping ----------------------------------------------------------------------------- */

/* Each item may name several things, separated by commas. */
static int ship_list(struct mr_stream *stream, const struct gw_option_list *list, bool archive,
		     struct gw_error *error)
{
	int result = 0;

	for (size_t i = 0; i < list->count && !result; i++) {
		const char *rest = list->items[i];

		while (*rest && !result) {
			size_t size = strcspn(rest, ",");
			char *one = strndup(rest, size);

			if (!one)
				return gw_fail(error, GW_E_NO_MEMORY, "no memory for a name");
			if (size > 0)
				result = mr_work_ship(&stream->work, one, archive, error);
			free(one);
			rest += size;
			rest += *rest == ',';
		}
	}
	return result;
}

static int ship_all(struct mr_stream *stream, struct gw_error *error)
{
	const struct mr_stream_options *options = &stream->options;
	const struct gw_option_list *const files[] = {&options->files, &options->single_files,
						      &options->cache_files};
	const struct gw_option_list *const archives[] = {&options->archives,
							 &options->cache_archives};
	char **const commands[] = {&stream->mapper, &stream->combiner, &stream->reducer};
	int result = 0;

	for (size_t i = 0; i < 3 && !result; i++)
		result = ship_list(stream, files[i], false, error);
	for (size_t i = 0; i < 2 && !result; i++)
		result = ship_list(stream, archives[i], true, error);
	for (size_t i = 0; i < 3 && !result; i++) {
		char *changed;

		if (!*commands[i])
			continue;
		result = mr_work_command(&stream->work, *commands[i], &changed, error);
		if (!result) {
			free(*commands[i]);
			*commands[i] = changed;
		}
	}
	return result;
}

int mr_stream_ship(struct mr_stream *stream, struct gw_error *error)
{
	stream->work.wanted = stream->map_debug || stream->reduce_debug;
	return ship_all(stream, error);
}

/* ---- The job ------------------------------------------------------------------------------ */

static void set_map(struct mr_stream *stream, struct gw_mr_job *job)
{
	assert(!stream->reader == (stream->input != MR_STREAM_N_LINES &&
				   stream->input != MR_STREAM_XML));
	job->input = GW_MR_LINES;
	if (stream->reader) {
		job->map = mr_stream_map;
		job->reader = &mr_stream_reader_calls;
	} else {
		job->map_block = mr_stream_map_block;
	}
	job->start = mr_stream_start;
	job->finish = mr_stream_finish;
}

static void set_reduce(struct mr_stream *stream, struct gw_mr_job *job)
{
	assert(!stream->map_only && !(stream->aggregate && stream->reducer));
	if (stream->aggregate) {
		job->reduce = mr_stream_reduce_aggregate;
		job->combine = mr_aggregate_combine;
		job->sort_values = true;
		job->compare_values = mr_aggregate_compare_values;
	} else if (stream->reducer) {
		job->reduce = mr_stream_reduce;
		job->whole_parts = true;
	} else if (stream->newline_kept) {
		job->output = GW_MR_OUT_FIXED;
	} else {
		job->format = mr_stream_format;
	}
	if (stream->order.count > 0)
		job->compare = mr_stream_compare;
	if (stream->spread_by_keys)
		job->partition = mr_stream_partition;
	job->partition_by = stream->total_order ? GW_MR_BY_RANGE : GW_MR_BY_HASH;
}

/* gw_mr_main parsed the options; the paths are in them, so there must be no operands besides. */
static int prepare(struct gw_mr_job *job, char ***operands, size_t *count, struct gw_error *error)
{
	struct mr_stream *stream = job->context;

	assert(stream->operands.count > 0);
	if (*count > 0)
		return gw_fail(error, GW_E_USAGE,
			       "Found %zu unexpected arguments on the command line "
			       "[%s%s]",
			       *count, (*operands)[0], *count > 1 ? ", ..." : "");
	*operands = stream->operands.items;
	*count = stream->operands.count;
	return 0;
}

void mr_stream_job(struct mr_stream *stream, struct gw_mr_job *job)
{
	*job = (struct gw_mr_job){
		.name = stream->name[0] ? stream->name : "stream",
		.summary =
			"Runs commands as map and reduce, with Hadoop Streaming's options:\n\n"
			"  gw mr stream -input PATH -output DIR -mapper COMMAND -reducer COMMAND",
		.context = stream,
		.options = mr_stream_option_table,
		.prepare = prepare,
		.map_only = stream->map_only,
	};
	assert((void *)&stream->options == (void *)stream);
	set_map(stream, job);
	if (!stream->map_only)
		set_reduce(stream, job);
}

void mr_stream_done(struct mr_stream *stream)
{
	mr_stream_abandon(stream);
	mr_work_done(&stream->work);
	mr_reader_free(stream->reader);
	mr_properties_done(&stream->properties);
	mr_strings_done(&stream->variables);
	mr_strings_done(&stream->inputs);
	mr_strings_done(&stream->operands);
	mr_stream_options_done(&stream->options);
	free(stream->mapper);
	free(stream->combiner);
	free(stream->reducer);
	free(stream->output);
	*stream = (struct mr_stream){0};
}
