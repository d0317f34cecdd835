/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.h - what grep looks for, and the lines that have it.
 *
 *     struct mr_pattern pattern;
 *     struct mr_matcher matcher;
 *     mr_pattern_init(&pattern, texts, count, &options, error);
 *     mr_matcher_init(&matcher, &pattern, error);
 *     mr_matcher_begin(&matcher, data, size);
 *     while ((found = mr_matcher_next(&matcher, &line, error)) == 1)
 *             ...
 *
 * A pattern is a list of texts of which one has to match, regular expressions of PCRE2 or fixed
 * strings; bytes are bytes, there is no encoding. It becomes at most MR_LITERALS_MAX literals to
 * search for (literal.h) and, unless these say all, a compiled regular expression to try on the
 * lines that have one.
 *
 * The pattern is read-only once made, also by processes forked then. A matcher is what one
 * search needs beside it; several may use one pattern, which outlives them.
 */
#ifndef MR_PATTERN_H
#define MR_PATTERN_H

#include "literal.h"
#include "search.h"

struct mr_pattern_options {
	bool fixed;       /* texts are strings, not regular expressions */
	bool ignore_case; /* of ASCII letters */
	bool whole_word;  /* neither side of a match is a letter, digit or '_' */
	bool whole_line;  /* the match is the line; whole_word then says nothing more */
};

struct mr_pattern {
	struct mr_pattern_options options;
	struct mr_search literals[MR_LITERALS_MAX];
	size_t literal_count; /* 0: the regular expression is tried on every line */
	void *code;           /* of PCRE2; NULL if the literals say all */
	char *room;           /* what the literals point into */
};

/* A newline in a text separates two, as in grep. Wrong syntax is GW_E_USAGE with PCRE2's reason
 * and the place. The texts need not outlive the call. */
int mr_pattern_init(struct mr_pattern *pattern, const char *const *texts, size_t count,
		    const struct mr_pattern_options *options, struct gw_error *error) GW_MUST_CHECK;
void mr_pattern_done(struct mr_pattern *pattern);

/* Called with a line before the regular expression is tried on it: that may take long. */
typedef void mr_line_function(void *context, const char *line);

struct mr_matcher {
	const struct mr_pattern *pattern;
	mr_line_function *before_line; /* may be NULL; set by the caller, with context */
	void *context;
	void *match_data, *match_context, *jit_stack; /* of PCRE2 */
	const char *at;    /* searched up to here */
	const char *floor; /* the line that `at` is in begins here, or later */
	const char *end;
	const char *next[MR_LITERALS_MAX]; /* of each literal, the first from `at` on, once known */
};

int mr_matcher_init(struct mr_matcher *matcher, const struct mr_pattern *pattern,
		    struct gw_error *error) GW_MUST_CHECK;
void mr_matcher_done(struct mr_matcher *matcher);

/* Goes on with data[0..size): whole lines, the last of which may lack its newline. */
void mr_matcher_begin(struct mr_matcher *matcher, const char *data, size_t size);

/* 1 and the next line that matches, without its newline; 0 at the end; negative when PCRE2 gave
 * up on a line (GW_E_TOO_LARGE: a limit was reached). */
int mr_matcher_next(struct mr_matcher *matcher, struct gw_bytes *line, struct gw_error *error)
	GW_MUST_CHECK;

#endif
