/* SPDX-License-Identifier: Apache-2.0 */
/* matcher.c - see pattern.h: the lines that match, found by literals first. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "pattern.h"

#include <assert.h>
#include <pcre2.h>
#include <stdlib.h>

enum { JIT_STACK_FIRST = 32 << 10, JIT_STACK_MAX = 1 << 20 };

int mr_matcher_init(struct mr_matcher *matcher, const struct mr_pattern *pattern,
		    struct gw_error *error)
{
	assert(pattern->code || pattern->literal_count > 0);
	*matcher = (struct mr_matcher){.pattern = pattern};
	if (!pattern->code)
		return 0;
	matcher->match_data = pcre2_match_data_create(1, NULL);
	matcher->match_context = pcre2_match_context_create(NULL);
	matcher->jit_stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MAX, NULL);
	if (!matcher->match_data || !matcher->match_context) {
		mr_matcher_done(matcher);
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a regular expression");
	}
	/* Without that stack (no compiler for this machine) there is still the default one. */
	if (matcher->jit_stack)
		pcre2_jit_stack_assign(matcher->match_context, NULL, matcher->jit_stack);
	return 0;
}

void mr_matcher_done(struct mr_matcher *matcher)
{
	if (!matcher)
		return;
	pcre2_match_data_free(matcher->match_data);
	pcre2_match_context_free(matcher->match_context);
	pcre2_jit_stack_free(matcher->jit_stack);
	*matcher = (struct mr_matcher){0};
}

void mr_matcher_begin(struct mr_matcher *matcher, const char *data, size_t size)
{
	assert(matcher->pattern && (data || size == 0));
	matcher->at = matcher->floor = data;
	matcher->end = data + size;
	memset(matcher->next, 0, sizeof matcher->next);
}

/* The first place at or after `at` with one of the literals; the end if there is none. */
static const char *next_literal(struct mr_matcher *matcher)
{
	const struct mr_pattern *pattern = matcher->pattern;
	const char *first = matcher->end;

	for (size_t i = 0; i < pattern->literal_count; i++) {
		const char **next = &matcher->next[i];

		if (!*next || *next < matcher->at) {
			*next = mr_search_find(&pattern->literals[i], matcher->at, matcher->end);
			*next = *next ? *next : matcher->end;
		}
		first = *next < first ? *next : first;
	}
	return first;
}

static bool is_word(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '_';
}

/* Whether a literal that stands at hit is as alone as the options ask for. */
static bool stands_alone(const struct mr_matcher *matcher, struct gw_bytes line, const char *hit)
{
	const struct mr_pattern *pattern = matcher->pattern;
	const char *begin = line.data, *end = begin + line.size;

	for (size_t i = 0; i < pattern->literal_count; i++) {
		const char *behind = hit + pattern->literals[i].size;

		if (matcher->next[i] != hit)
			continue;
		if (pattern->options.whole_line && (hit != begin || behind != end))
			continue;
		if (pattern->options.whole_word && hit > begin && is_word(hit[-1]))
			continue;
		if (pattern->options.whole_word && behind < end && is_word(*behind))
			continue;
		return true;
	}
	return false;
}

/* 1 if the regular expression matches the line, else 0. */
static int try_line(struct mr_matcher *matcher, struct gw_bytes line, struct gw_error *error)
{
	PCRE2_UCHAR reason[256];
	int result;

	if (matcher->before_line)
		matcher->before_line(matcher->context, line.data);
	result = pcre2_match(matcher->pattern->code, line.data, line.size, 0, 0,
			     matcher->match_data, matcher->match_context);
	if (result >= 0)
		return 1;
	if (result == PCRE2_ERROR_NOMATCH)
		return 0;
	pcre2_get_error_message(result, reason, sizeof reason);
	return gw_fail(error, result == PCRE2_ERROR_NOMEMORY ? GW_E_NO_MEMORY : GW_E_TOO_LARGE,
		       "the regular expression gave up on a line of %zu bytes: %s", line.size,
		       (const char *)reason);
}

/* The line that hit is in. */
static struct gw_bytes line_around(const struct mr_matcher *matcher, const char *hit)
{
	const char *begin = memrchr(matcher->floor, '\n', (size_t)(hit - matcher->floor));
	const char *end = memchr(hit, '\n', (size_t)(matcher->end - hit));

	assert(matcher->floor <= hit && hit < matcher->end);
	begin = begin ? begin + 1 : matcher->floor;
	end = end ? end : matcher->end;
	return (struct gw_bytes){begin, (size_t)(end - begin)};
}

int mr_matcher_next(struct mr_matcher *matcher, struct gw_bytes *line, struct gw_error *error)
{
	const struct mr_pattern *pattern = matcher->pattern;

	while (matcher->at < matcher->end) {
		const char *hit = pattern->literal_count > 0 ? next_literal(matcher) : matcher->at;
		const char *behind;
		int found;

		if (hit == matcher->end)
			break;
		*line = line_around(matcher, hit);
		behind = (const char *)line->data + line->size;
		found = pattern->code ? try_line(matcher, *line, error)
				      : stands_alone(matcher, *line, hit);
		if (found < 0)
			return found;
		if (found == 0 && !pattern->code) { /* perhaps once more in this line */
			matcher->floor = line->data;
			matcher->at = hit + 1;
			continue;
		}
		matcher->at = matcher->floor = behind < matcher->end ? behind + 1 : behind;
		if (found)
			return 1;
	}
	assert(matcher->at <= matcher->end);
	matcher->at = matcher->floor = matcher->end;
	return 0;
}
