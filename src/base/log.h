/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - log lines of a program. Libraries do not log; what they have to say is an error's
 * sentence.
 *
 * A line is one write, so lines of several processes do not mix:
 *
 *     2026-11-22T18:29:08.123Z gw: warning: /data/part-3: slow disk
 *
 * The time is passed in, since only a few files may ask the system for it. Lines about a request
 * say which one, by the id that travels with its calls:
 *
 *     2026-11-22T18:29:08.123Z kv: info: [000000000000a1b2] put took 2 s
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <groundwork/base.h>

enum base_log_level {
	BASE_LOG_ERROR,
	BASE_LOG_WARNING,
	BASE_LOG_INFO,
	BASE_LOG_DEBUG,
};

enum { BASE_LOG_LINE_MAX = 2048 };

struct base_log {
	int fd;                    /* the caller's */
	enum base_log_level level; /* lines above it are dropped */
	const char *name;          /* of the program; outlives the log */
	/* The trace id of the request that is worked on now, 0: of none; rpc_trace of rpc/trace.h.
	 * NULL: lines have no ids. */
	uint64_t (*trace)(void);
};

/* Writes one line; wall_ms is the time since 1970 in milliseconds. Control characters of the
 * text become spaces; a text that is too long is cut and ends in "...". A line that cannot be
 * written is lost. */
void base_log_line(const struct base_log *log, enum base_log_level level, uint64_t wall_ms,
		   const char *format, ...) GW_PRINTF(4, 5);

/* The line as base_log_line writes it, newline included, into out; returns its size. */
size_t base_log_format(const struct base_log *log, enum base_log_level level, uint64_t wall_ms,
		       char out[BASE_LOG_LINE_MAX], const char *format, va_list arguments)
	GW_PRINTF(5, 0);

#endif
