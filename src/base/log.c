/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - log lines of a program.
 */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {
	[BASE_LOG_ERROR] = "error",
	[BASE_LOG_WARNING] = "warning",
	[BASE_LOG_INFO] = "info",
	[BASE_LOG_DEBUG] = "debug",
};

/* "2026-11-22T18:29:08.123Z name: level: "; returns its size, below room. */
static size_t put_head(const struct base_log *log, enum base_log_level level, uint64_t wall_ms,
		       char *out, size_t room)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm parts = {0};
	size_t used;

	assert(level <= BASE_LOG_DEBUG && log->name);
	gmtime_r(&seconds, &parts);
	used = strftime(out, room, "%Y-%m-%dT%H:%M:%S", &parts);
	used += (size_t)snprintf(out + used, room - used, ".%03uZ %.100s: %s: ",
				 (unsigned int)(wall_ms % 1000), log->name, level_names[level]);
	if (log->trace && log->trace() != 0)
		used += (size_t)snprintf(out + used, room - used, "[%016" PRIx64 "] ",
					 log->trace());
	assert(used < room);
	return used;
}

size_t base_log_format(const struct base_log *log, enum base_log_level level, uint64_t wall_ms,
		       char out[BASE_LOG_LINE_MAX], const char *format, va_list arguments)
{
	size_t head = put_head(log, level, wall_ms, out, BASE_LOG_LINE_MAX);
	size_t room = BASE_LOG_LINE_MAX - 1 - head; /* a byte is kept for the newline */
	int length = vsnprintf(out + head, room, format, arguments);
	size_t size;

	if (length < 0)
		length = snprintf(out + head, room, "(a message that could not be formatted)");
	size = (size_t)length;
	if (size >= room) {
		size = room - 1;
		memcpy(out + head + size - 3, "...", 3);
	}
	for (size_t i = head; i < head + size; i++) {
		if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
			out[i] = ' ';
	}
	assert(head + size < BASE_LOG_LINE_MAX);
	out[head + size] = '\n';
	return head + size + 1;
}

void base_log_line(const struct base_log *log, enum base_log_level level, uint64_t wall_ms,
		   const char *format, ...)
{
	char line[BASE_LOG_LINE_MAX];
	va_list arguments;
	size_t size;

	if (level > log->level)
		return;
	va_start(arguments, format);
	size = base_log_format(log, level, wall_ms, line, format, arguments);
	va_end(arguments);
	for (size_t at = 0; at < size;) {
		ssize_t written = write(log->fd, line + at, size - at);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return; /* There is no one left to tell. */
		at += (size_t)written;
	}
}
