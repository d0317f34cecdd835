/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_line.c - reads a log line from left to right. The user name may hold blanks, so the time is
 * found by its bracket and the request by the quote behind the time, not by counting words.
 */
#include "log_line.h"

#include <assert.h>

/* What is left to read. */
struct rest {
	const char *at, *end;
};

static bool skip(struct rest *rest, char byte)
{
	assert(rest->at <= rest->end);
	if (rest->at == rest->end || *rest->at != byte)
		return false;
	rest->at++;
	return true;
}

/* The bytes up to the next `byte`, which is passed over; false when there is none. */
static bool take_to(struct rest *rest, char byte, struct gw_bytes *taken)
{
	size_t left = (size_t)(rest->end - rest->at);
	const char *found = left > 0 ? memchr(rest->at, byte, left) : NULL;

	if (!found)
		return false;
	*taken = (struct gw_bytes){rest->at, (size_t)(found - rest->at)};
	rest->at = found + 1;
	return true;
}

/* The same for a quoted text whose first quote was read: \" does not end it. */
static bool take_quoted(struct rest *rest, struct gw_bytes *taken)
{
	const char *begin = rest->at;

	for (; rest->at < rest->end && *rest->at != '"'; rest->at++)
		if (*rest->at == '\\' && rest->at + 1 < rest->end)
			rest->at++;
	*taken = (struct gw_bytes){begin, (size_t)(rest->at - begin)};
	return skip(rest, '"');
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool take_status(struct rest *rest, uint32_t *status)
{
	*status = 0;
	for (int i = 0; i < 3; i++) {
		if (rest->at == rest->end || !is_digit(*rest->at))
			return false;
		*status = *status * 10 + (uint32_t)(*rest->at++ - '0');
	}
	assert(*status < 1000);
	return skip(rest, ' ');
}

/* A number of bytes or "-", then a blank or the end. */
static bool take_bytes(struct rest *rest)
{
	const char *begin = rest->at;

	while (rest->at < rest->end && is_digit(*rest->at))
		rest->at++;
	if (rest->at == begin && !skip(rest, '-'))
		return false;
	return rest->at == rest->end || *rest->at == ' ' || *rest->at == '\r';
}

/* The second word of the request; words are separated by blanks. */
static bool find_url(struct gw_bytes request, struct gw_bytes *url)
{
	struct rest rest = {request.data, (const char *)request.data + request.size};
	struct gw_bytes method;

	if (!take_to(&rest, ' ', &method) || method.size == 0)
		return false;
	while (skip(&rest, ' '))
		;
	const char *begin = rest.at;

	while (rest.at < rest.end && *rest.at != ' ')
		rest.at++;
	*url = (struct gw_bytes){begin, (size_t)(rest.at - begin)};
	return url->size > 0;
}

bool mr_log_line_parse(struct mr_log_line *parsed, struct gw_bytes line)
{
	struct rest rest = {line.data, (const char *)line.data + line.size};
	struct gw_bytes user, time;

	if (line.size == 0 || !take_to(&rest, ' ', &parsed->host) || parsed->host.size == 0)
		return false;
	if (!take_to(&rest, '[', &user) || !take_to(&rest, ']', &time) || time.size == 0)
		return false;
	if (!skip(&rest, ' ') || !skip(&rest, '"') || !take_quoted(&rest, &parsed->request))
		return false;
	if (!skip(&rest, ' ') || !take_status(&rest, &parsed->status) || !take_bytes(&rest))
		return false;
	return find_url(parsed->request, &parsed->url);
}
