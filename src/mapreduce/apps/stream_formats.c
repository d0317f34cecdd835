/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_formats.c - the Java classes that a Hadoop job may name: those that have a counterpart
 * here become it, all others are refused by name.
 */
#include "stream_settle.h"

#include "stream_reader.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { XML_SPLIT_SIZE = 64 << 20 };

/* Whether text names the class, with or without one of Hadoop's packages before it. */
bool mr_is_class(const char *text, const char *name)
{
	const char *dot = strrchr(text, '.');

	if (dot && strncmp(text, "org.apache.hadoop.", 18) != 0)
		return false;
	return strcmp(dot ? dot + 1 : text, name) == 0;
}

/* Something like org.apache.hadoop.mapred.lib.LongSumReducer, which no command is called. */
bool mr_looks_like_class(const char *text)
{
	const char *dot = strrchr(text, '.');

	return dot && strchr(text, '.') != dot && dot[1] >= 'A' && dot[1] <= 'Z' &&
	       !text[strspn(text,
			    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$")];
}

int mr_refuse_class(struct settling *settling, const char *option, const char *text,
			const char *known)
{
	return gw_fail(settling->error, GW_E_UNSUPPORTED,
		       "%s %s: there is no Java here; %s", option, text, known);
}

/* ---- Order and output --------------------------------------------------------------------- */

int mr_settle_partitioner(struct settling *settling)
{
	struct mr_stream *stream = settling->stream;
	const char *text = settling->options->partitioner, *options, *fields;
	char first[40];

	if (!text)
		text = mr_settle_property(settling, "mapreduce.job.partitioner.class");
	if (!text || mr_is_class(text, "HashPartitioner"))
		return 0;
	stream->total_order = mr_is_class(text, "TotalOrderPartitioner");
	if (stream->total_order)
		return 0;
	if (!mr_is_class(text, "KeyFieldBasedPartitioner"))
		return mr_refuse_class(settling, "-partitioner", text,
				    "known are HashPartitioner, KeyFieldBasedPartitioner and "
				    "TotalOrderPartitioner");
	stream->spread_by_keys = true;
	options = mr_settle_property(settling, "mapreduce.partition.keypartitioner.options");
	fields = mr_settle_property(settling, "num.key.fields.for.partition");
	if (fields) {
		snprintf(first, sizeof(first), "-k1,%.20s", fields);
		options = first;
	}
	return mr_keys_parse(&stream->spread, options ? options : "", settling->error);
}

int mr_settle_comparator(struct settling *settling)
{
	struct mr_stream *stream = settling->stream;
	const char *text =
		mr_settle_property(settling, "mapreduce.job.output.key.comparator.class");
	const char *options =
		mr_settle_property(settling, "mapreduce.partition.keycomparator.options");
	const char *separator =
		mr_settle_property(settling, "mapreduce.map.output.key.field.separator");
	int result = mr_separator_set(&stream->order.separator, separator ? separator : "\t",
				      settling->error);

	stream->spread.separator = stream->order.separator;
	if (result || !text || mr_is_class(text, "Text$Comparator"))
		return result;
	if (!mr_is_class(text, "KeyFieldBasedComparator"))
		return mr_refuse_class(settling, "mapreduce.job.output.key.comparator.class", text,
				    "known is KeyFieldBasedComparator");
	return mr_keys_parse(&stream->order, options ? options : "", settling->error);
}

int mr_settle_output_format(struct settling *settling)
{
	const char *text = settling->options->output_format;
	bool compress = false;
	int result = mr_properties_get_bool(&settling->stream->properties,
					    "mapreduce.output.fileoutputformat.compress", &compress,
					    settling->error);

	if (result)
		return result;
	if (compress)
		return gw_fail(
			settling->error, GW_E_UNSUPPORTED,
			"mapreduce.output.fileoutputformat.compress: output is not compressed "
			"here; let the reducer do it (... | gzip)");
	if (text && !mr_is_class(text, "TextOutputFormat"))
		return mr_refuse_class(settling, "-outputformat", text,
				       "known is TextOutputFormat");
	if (settling->options->jars)
		return gw_fail(settling->error, GW_E_UNSUPPORTED,
			       "-libjars: there is no Java here");
	return 0;
}

/* ---- Input -------------------------------------------------------------------------------- */

/* "StreamXmlRecord,begin=<page>,end=</page>": the value of a name, into text of size bytes. */
static bool find_word(const char *spec, const char *name, char *text, size_t size)
{
	size_t name_size = strlen(name);

	for (const char *at = strchr(spec, ','); at; at = strchr(at + 1, ',')) {
		if (strncmp(at + 1, name, name_size) != 0 || at[1 + name_size] != '=')
			continue;
		at += name_size + 2;
		return snprintf(text, size, "%.*s", (int)strcspn(at, ","), at) < (int)size && *text;
	}
	return false;
}

static int settle_input_reader(struct settling *settling)
{
	const char *spec = settling->options->input_reader;
	struct mr_stream *stream = settling->stream;
	size_t size = strcspn(spec, ",");
	char name[100], slow[8];

	assert(spec);
	snprintf(name, sizeof(name), "%.*s", (int)size, spec);
	if (!mr_is_class(name, "StreamXmlRecord") && !mr_is_class(name, "StreamXmlRecordReader"))
		return mr_refuse_class(settling, "-inputreader", name, "known is StreamXmlRecord");
	if (find_word(spec, "slowmatch", slow, sizeof(slow)) && strcasecmp(slow, "true") == 0)
		return gw_fail(settling->error, GW_E_UNSUPPORTED,
			       "-inputreader %s: slowmatch is not done here", spec);
	if (!find_word(spec, "begin", stream->begin_mark, sizeof(stream->begin_mark)) ||
	    !find_word(spec, "end", stream->end_mark, sizeof(stream->end_mark)))
		return gw_fail(
			settling->error, GW_E_USAGE,
			"-inputreader %s: needs begin=MARK and end=MARK of at most %zu bytes", spec,
			sizeof(stream->begin_mark) - 1);
	stream->input = MR_STREAM_XML;
	return 0;
}

int mr_settle_input_format(struct settling *settling)
{
	static const struct format {
		const char *name;
		enum mr_stream_input input;
		bool ignore_key;
	} formats[] = {
		{"TextInputFormat", MR_STREAM_TEXT, true},
		{"CombineTextInputFormat", MR_STREAM_COMBINED, true},
		{"KeyValueTextInputFormat", MR_STREAM_KEY_VALUE, false},
		{"NLineInputFormat", MR_STREAM_N_LINES, false},
		{NULL, MR_STREAM_TEXT, true},
	};
	const char *text = settling->options->input_format;
	const struct format *format = formats;
	bool ignore_key;
	int result;

	while (text && format->name && !mr_is_class(text, format->name))
		format++;
	if (!format->name)
		return mr_refuse_class(settling, "-inputformat", text,
				    "known are TextInputFormat, CombineTextInputFormat, "
				    "KeyValueTextInputFormat and NLineInputFormat");
	if (settling->options->input_reader)
		return settle_input_reader(settling);
	settling->stream->input = format->input;
	ignore_key = format->ignore_key;
	result = mr_properties_get_bool(&settling->stream->properties, "stream.map.input.ignoreKey",
					&ignore_key, settling->error);
	if (ignore_key)
		settling->stream->feed = format->input == MR_STREAM_KEY_VALUE ? MR_FEED_VALUE
									      : MR_FEED_LINE;
	else
		settling->stream->feed = format->input == MR_STREAM_KEY_VALUE ? MR_FEED_KEY_VALUE
									      : MR_FEED_OFFSET;
	return result;
}

int mr_settle_reader(struct settling *settling)
{
	struct mr_stream *stream = settling->stream;
	struct mr_reader_setup setup = {
		.inputs = &stream->inputs, .begin = stream->begin_mark, .end = stream->end_mark,
		.split_size = XML_SPLIT_SIZE,
	};
	int64_t lines = 1;
	int result = mr_properties_get_i64(&stream->properties,
					   "mapreduce.input.lineinputformat.linespermap", &lines,
					   settling->error);

	assert(!stream->reader);
	if (result || (stream->input != MR_STREAM_N_LINES && stream->input != MR_STREAM_XML))
		return result;
	if (stream->input == MR_STREAM_N_LINES)
		setup.lines = lines > 0 ? (uint64_t)lines : 1;
	return mr_reader_new(&stream->reader, &setup, settling->error);
}
