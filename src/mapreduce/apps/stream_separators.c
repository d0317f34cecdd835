/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_separators.c - decides, from all properties that name a separator, how the lines of
 * mapper, combiner and reducer are cut and put together (stream.h says what the rule is).
 */
#include "stream_settle.h"

#include <assert.h>
#include <strings.h>

/* Sets a separator from a property, TAB if there is none; *own says whether there was one. */
static int settle_separator(struct settling *settling, const char *name,
			    struct mr_separator *separator, bool *own)
{
	const char *text = mr_settle_property(settling, name);

	*own |= text != NULL;
	return mr_separator_set(separator, text ? text : "\t", settling->error);
}

static int settle_fields(struct settling *settling, const char *name, struct mr_cut *cut)
{
	int64_t fields = 1;
	int result = mr_properties_get_i64(&settling->stream->properties, name, &fields,
					   settling->error);

	cut->key_fields = fields < 1 ? 1 : fields > INT32_MAX ? INT32_MAX : (uint32_t)fields;
	return result;
}

/* The formats of -io: of one end, where "text" by name means Hadoop's TABs. */
static int settle_io(struct settling *settling, const char *name, bool *text, bool *key_only)
{
	const char *id = settling->options->io;

	if (!id)
		id = mr_settle_property(settling, name);
	if (!id)
		return 0;
	*text = strcasecmp(id, "text") == 0;
	*key_only = strcasecmp(id, "keyonlytext") == 0;
	if (*text || *key_only)
		return 0;
	return gw_fail(settling->error, GW_E_UNSUPPORTED,
		       "-io %s: known are text and keyonlytext", id);
}

/* What was asked for, before it is decided what follows. */
struct wishes {
	bool map_out, reduce_in, reduce_out, text_out, map_in, key_value_in;
	bool text, key_only;
};

static int read_wishes(struct settling *settling, struct wishes *wishes)
{
	struct mr_stream *stream = settling->stream;
	bool text = false, key_only = false;
	int result = settle_separator(settling, "stream.map.output.field.separator",
				      &stream->map_out.separator, &wishes->map_out);

	if (!result)
		result = settle_separator(settling, "stream.reduce.output.field.separator",
					  &stream->reduce_out.separator, &wishes->reduce_out);
	if (!result)
		result = settle_separator(settling, "stream.reduce.input.field.separator",
					  &stream->reduce_in, &wishes->reduce_in);
	if (!result)
		result = settle_separator(settling, "stream.map.input.field.separator",
					  &stream->map_in, &wishes->map_in);
	if (!result)
		result = settle_separator(settling, "mapreduce.output.textoutputformat.separator",
					  &stream->text_out, &wishes->text_out);
	if (!result)
		result = settle_separator(settling,
			"mapreduce.input.keyvaluelinerecordreader.key.value.separator",
			&stream->key_value_in, &wishes->key_value_in);
	if (!result)
		result = settle_fields(settling, "stream.num.map.output.key.fields",
				       &stream->map_out);
	if (!result)
		result = settle_fields(settling, "stream.num.reduce.output.key.fields",
				       &stream->reduce_out);
	if (!result)
		result = settle_io(settling, "stream.map.input", &text, &key_only);
	if (!result)
		result = settle_io(settling, "stream.reduce.output", &wishes->text, &key_only);
	if (!result)
		result = settle_io(settling, "stream.map.output", &text, &stream->map_out.whole);
	if (!result)
		result = settle_io(settling, "stream.reduce.input", &wishes->text,
				   &wishes->key_only);
	return result;
}

/* What a combiner writes is cut like the lines it reads, unless it was said how reducers' lines
 * are cut. */
static void settle_combiner(struct mr_stream *stream, const struct wishes *wishes)
{
	assert(stream->map_out.key_fields > 0);
	stream->combine_out = stream->map_out;
	if (wishes->reduce_out) {
		stream->combine_out = stream->reduce_out;
	} else if (!stream->plain_lines && !stream->map_out.whole) {
		stream->combine_out.separator = stream->reduce_in;
		stream->combine_out.key_fields = 1;
	}
	stream->combine_out.keep_separator = stream->map_out.keep_separator;
}

int mr_settle_lines(struct settling *settling)
{
	struct mr_stream *stream = settling->stream;
	struct wishes wishes = {0};
	int result = read_wishes(settling, &wishes);
	bool identity = !stream->reducer && !stream->aggregate && !stream->map_only;

	assert(!(stream->aggregate && stream->reducer));
	if (result)
		return result;
	stream->key_only_in = wishes.key_only;
	stream->plain_lines = !wishes.map_out && !wishes.reduce_in && !wishes.text;
	stream->format_output = wishes.text_out || wishes.text ||
				(stream->map_only ? wishes.map_out : wishes.reduce_out);
	stream->newline_kept = identity && stream->plain_lines && !wishes.text_out;
	stream->tab_always = stream->format_output || (identity && !stream->newline_kept);
	stream->map_out.keep_separator = identity ? stream->newline_kept
		: stream->plain_lines && !stream->aggregate && !stream->map_only;
	settle_combiner(stream, &wishes);
	if (stream->feed == MR_FEED_KEY_VALUE && !wishes.text &&
	    stream->key_value_in.size == stream->map_in.size &&
	    memcmp(stream->key_value_in.bytes, stream->map_in.bytes, stream->map_in.size) == 0)
		stream->feed = MR_FEED_LINE; /* the line is the key, the separator and the value */
	if (stream->input == MR_STREAM_KEY_VALUE && !stream->mapper && wishes.key_value_in) {
		stream->map_out.separator = stream->key_value_in;
		stream->plain_lines = stream->newline_kept = false;
		stream->map_out.keep_separator = false;
		stream->tab_always |= identity;
	}
	return 0;
}
