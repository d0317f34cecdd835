/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_settle.h - the steps from what a command line says to what a streaming job does, among the
 * files that share them. Each step returns 0 or has said in error what it refuses.
 */
#ifndef MR_STREAM_SETTLE_H
#define MR_STREAM_SETTLE_H

#include "stream.h"

struct settling {
	struct mr_stream *stream;
	const struct mr_stream_options *options;
	const struct mr_library_options *library;
	struct mr_strings *words; /* options of the library that follow from properties */
	struct gw_error *error;
};

/* The value of a property, or NULL. */
const char *mr_settle_property(const struct settling *settling, const char *name);
int mr_settle_set(struct settling *settling, const char *name, const char *value) GW_MUST_CHECK;

/* stream_formats.c: classes, by name. */
bool mr_is_class(const char *text, const char *name);
bool mr_looks_like_class(const char *text);
int mr_refuse_class(struct settling *settling, const char *option, const char *text,
		    const char *known);
int mr_settle_comparator(struct settling *settling) GW_MUST_CHECK;
int mr_settle_partitioner(struct settling *settling) GW_MUST_CHECK;
int mr_settle_output_format(struct settling *settling) GW_MUST_CHECK;
int mr_settle_input_format(struct settling *settling) GW_MUST_CHECK;
int mr_settle_reader(struct settling *settling) GW_MUST_CHECK;

/* stream_separators.c: how lines are cut and put together. */
int mr_settle_lines(struct settling *settling) GW_MUST_CHECK;

#endif
