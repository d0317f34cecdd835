/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h - a streaming job: what its command line said, checked and resolved. It is the context
 * of the struct gw_mr_job and is not changed while the job runs, but for `running`, which each
 * process has for itself.
 *
 * The parts: stream_options.c reads the command line, stream_settle.c makes this struct of it,
 * stream_task.c has the functions of the job, stream_command.c runs one command for an attempt,
 * stream.c is the main function.
 *
 * What is written where. A mapper's line is cut into key and value at the first TAB
 * (stream_lines.h). While nobody asked for other separators the value keeps the TAB in front of it,
 * so that key and value are the line again: the reducer reads the mapper's lines as they are,
 * sorted by key, and neither adds nor loses a TAB. With -io text, or a separator of one's own,
 * every line is KEY SEPARATOR VALUE as in Hadoop. What a reducer (or the mapper of a job without
 * one) writes is the output, byte for byte, unless a separator of the output was asked for.
 */
#ifndef MR_STREAM_H
#define MR_STREAM_H

#include "stream_files.h"
#include "stream_lines.h"
#include "stream_options.h"
#include "stream_properties.h"
#include "stream_work.h"

#include <groundwork/mapreduce.h>

enum mr_stream_input {
	MR_STREAM_TEXT,      /* a command for each file, or part of one */
	MR_STREAM_COMBINED,  /* a command may get several small files */
	MR_STREAM_KEY_VALUE, /* lines cut at key_value_in, and put together with map_in */
	MR_STREAM_N_LINES,   /* a command for every so many lines */
	MR_STREAM_XML,       /* records from one mark to another */
};

/* What the mapper reads of a record. */
enum mr_stream_feed {
	MR_FEED_LINE,      /* the line, as it is in the file */
	MR_FEED_OFFSET,    /* offset, separator, line */
	MR_FEED_KEY_VALUE, /* key, separator, value */
	MR_FEED_VALUE,     /* what is behind the key */
};

struct mr_stream_reader; /* stream_reader.h */
struct mr_stream_attempt;

struct mr_stream {
	struct mr_stream_options options; /* first: gw_mr_main stores them here by their offsets */
	char *mapper;   /* NULL: each line as it is */
	char *combiner; /* NULL: none */
	char *reducer;  /* NULL: none, then each pair as it is; or the aggregates */
	const char *map_debug, *reduce_debug; /* commands that look at failures, or NULL */
	bool map_only, aggregate;
	enum mr_stream_input input;
	enum mr_stream_feed feed;
	struct mr_cut map_out, combine_out, reduce_out;
	struct mr_separator map_in, reduce_in, key_value_in, text_out;
	bool plain_lines;  /* a reducer reads key and value with nothing between */
	bool newline_kept; /* the value ends with it: the engine writes key and value, no more */
	bool format_output; /* output is cut by *_out and written with text_out */
	bool tab_always;    /* a separator even before an empty value */
	bool key_only_in;   /* a reducer reads keys only */
	struct mr_keys order, spread; /* -k options of comparator and partitioner */
	bool spread_by_keys, total_order; /* which partitioner it is; neither: by hash */
	char begin_mark[256], end_mark[256]; /* of MR_STREAM_XML */
	uint64_t uniques_max;
	uint64_t idle_ms_max;
	bool exit_is_failure;
	bool one_by_one; /* --skip-bad-records: no command is fed more than one block or record */
	size_t line_size_max;
	size_t combine_bytes; /* of lines that are combined at once */
	const char *message_prefix;
	int64_t truncate_limit; /* of values in the environment; -1: none */
	char name[64]; /* of the job, in reports: one word */
	char job_id[64];
	struct mr_properties properties;
	struct mr_strings variables; /* of -cmdenv, "NAME=value" */
	struct mr_work work;
	struct mr_strings inputs;
	struct mr_strings operands; /* as gw_mr_main wants them: inputs and output */
	bool lazy_output;
	char *output;
	struct mr_stream_reader *reader; /* of MR_STREAM_N_LINES and _XML */
	struct mr_stream_attempt *running;
};

/*
 * Fills in the rest of a stream whose options are parsed. *library_words gets options of the
 * library that Hadoop's properties stand for ("--parts", "2"). Reads configuration files and looks
 * up inputs. Whatever it returns, mr_stream_done frees all.
 */
int mr_stream_settle(struct mr_stream *stream, const struct mr_library_options *library,
		     struct mr_strings *library_words, struct gw_error *error) GW_MUST_CHECK;

/* Looks up what the options name to be shipped. */
int mr_stream_ship(struct mr_stream *stream, struct gw_error *error) GW_MUST_CHECK;

/* The job that gw_mr_main is to run. */
void mr_stream_job(struct mr_stream *stream, struct gw_mr_job *job);

void mr_stream_done(struct mr_stream *stream);

#endif
