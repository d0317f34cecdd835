/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern_fuzz.c - the lines that a pattern finds by its literals are the lines that PCRE2 finds
 * alone. Input: a byte of options, the pattern up to the first NUL, the text.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "pattern.h"

#include <assert.h>
#include <pcre2.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 20000 }; /* of PCRE2, so that no input takes long */

/* Whether PCRE2 alone, without its compiler, finds the pattern in the line. */
static int line_matches(const pcre2_code *code, const char *line, size_t size)
{
	pcre2_match_data *match = pcre2_match_data_create(1, NULL);
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	int result;

	assert(match && context);
	pcre2_set_match_limit(context, STEPS_MAX);
	result = pcre2_match(code, (PCRE2_SPTR)line, size, 0, PCRE2_NO_JIT, match, context);
	pcre2_match_context_free(context);
	pcre2_match_data_free(match);
	return result;
}

/* Each line that the matcher gives must match, each that it leaves out must not. */
static void compare(struct mr_matcher *matcher, const pcre2_code *code, const char *text,
		    size_t size)
{
	const char *at = text, *end = text + size;
	struct gw_error error = {0};
	struct gw_bytes found;
	int more;

	mr_matcher_begin(matcher, text, size);
	more = mr_matcher_next(matcher, &found, &error);
	while (at < end && more >= 0) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = newline ? (size_t)(newline - at) : (size_t)(end - at);
		int result = line_matches(code, at, length);

		if (result < 0 && result != PCRE2_ERROR_NOMATCH)
			return;
		assert((result >= 0) == (more == 1 && found.data == at));
		if (result >= 0) {
			assert(found.size == length);
			more = mr_matcher_next(matcher, &found, &error);
		}
		at += length + 1;
	}
	assert(more <= 0);
}

static void run(const struct mr_pattern *pattern, const char *expression, uint32_t flags,
		const char *text, size_t size)
{
	struct mr_matcher matcher;
	PCRE2_SIZE place;
	int number;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED, flags,
					 &number, &place, NULL);

	assert(code);
	if (mr_matcher_init(&matcher, pattern, NULL) == 0) {
		if (matcher.match_context)
			pcre2_set_match_limit(matcher.match_context, STEPS_MAX);
		compare(&matcher, code, text, size);
		mr_matcher_done(&matcher);
	}
	pcre2_code_free(code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mr_pattern_options options = {0};
	struct mr_pattern pattern;
	const char *texts[1], *nul;
	char *copy;
	size_t length;

	if (size < 2 || size > 4096 || (nul = memchr(data + 1, 0, size - 1)) == NULL)
		return 0;
	options.ignore_case = data[0] & 1;
	texts[0] = (const char *)data + 1;
	length = (size_t)(nul - texts[0]);
	if (memchr(texts[0], '\n', length) ||
	    mr_pattern_init(&pattern, texts, 1, &options, NULL) < 0)
		return 0;
	size -= length + 2;
	copy = malloc(size); /* exactly as long, so that the sanitizer sees a read behind it */
	assert(copy || size == 0);
	if (size > 0)
		memcpy(copy, nul + 1, size);
	run(&pattern, texts[0], PCRE2_NEVER_UTF | (options.ignore_case ? PCRE2_CASELESS : 0), copy,
	    size);
	free(copy);
	mr_pattern_done(&pattern);
	return 0;
}
