/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_lines.h - the line protocol of streaming: how a line is cut into key and value, and what a
 * command says on its standard error ("reporter:counter:GROUP,NAME,1").
 */
#ifndef MR_STREAM_LINES_H
#define MR_STREAM_LINES_H

#include "stream_keys.h"

/* The key ends at the key_fields-th separator; a line with fewer is all key. */
struct mr_cut {
	struct mr_separator separator;
	uint32_t key_fields; /* at least 1 */
	bool whole;          /* every line is all key */
	bool keep_separator; /* the value begins with it, so that key and value are the line */
};

/* line has no newline. */
void mr_cut_line(const struct mr_cut *cut, struct gw_bytes line, struct gw_bytes *key,
		 struct gw_bytes *value);

typedef int mr_line_function(void *context, struct gw_bytes line, struct gw_error *error);

/* Calls function for each line of data, without its newline; what is behind the last newline is
 * a line, too. Stops when it does not return 0. */
int mr_each_line(const char *data, size_t size, mr_line_function *function, void *context,
		 struct gw_error *error) GW_MUST_CHECK;

enum mr_message_kind {
	MR_MESSAGE_PLAIN,   /* not for us */
	MR_MESSAGE_COUNTER, /* group, name, amount */
	MR_MESSAGE_STATUS,  /* text */
	MR_MESSAGE_UNCLEAR, /* begins with the prefix, but cannot be understood */
};

struct mr_message {
	enum mr_message_kind kind;
	struct gw_bytes group, name, text;
	int64_t amount;
};

/* prefix: "reporter:" unless stream.stderr.reporter.prefix says otherwise. */
struct mr_message mr_message_parse(const char *prefix, struct gw_bytes line);

#endif
