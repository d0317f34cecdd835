/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groundwork/base.h - what every part of Groundwork shares: byte strings, errors as values, and the
 * table of options from which parsing, --help and shell completion are made.
 *
 * Errors. A function that can fail returns int: 0 or positive is fine, negative is one of the codes
 * of GW_ERROR_TABLE. The last argument is a `struct gw_error *`, which may be NULL; when it is not,
 * a failure leaves in it the code and one sentence that names the thing ("input.txt: truncated
 * after byte 17"). The caller owns the object and starts it as {0}; nothing in it needs to be
 * freed. The same code, made positive, is the exit status of a command. No function here logs,
 * exits or keeps a pointer to what it was passed, unless it says so.
 */
#ifndef GROUNDWORK_BASE_H
#define GROUNDWORK_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GW_MUST_CHECK __attribute__((warn_unused_result))
#define GW_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))

/* Bytes that somebody else owns; not NUL-terminated. data may be NULL when size is 0. */
struct gw_bytes {
	const void *data;
	size_t size;
};

/* The bytes of a NUL-terminated string, without the NUL; as long-lived as the string. */
static inline struct gw_bytes gw_string(const char *text)
{
	return (struct gw_bytes){text, strlen(text)};
}

/* Order of unsigned bytes, a prefix before what it is a prefix of: < 0, 0 or > 0. */
int gw_bytes_compare(struct gw_bytes a, struct gw_bytes b);

/*
 * Every error code: X(code, NAME, "text"). Codes are for ever: they travel on the wire and become
 * exit statuses. New ones are added at the end.
 */
#define GW_ERROR_TABLE(X)                                                   \
	X(1, FAILED, "failed")                                              \
	X(2, USAGE, "wrong usage")                                          \
	X(3, NO_MEMORY, "out of memory")                                    \
	X(4, NOT_FOUND, "not found")                                        \
	X(5, EXISTS, "exists already")                                      \
	X(6, DENIED, "permission denied")                                   \
	X(7, NO_SPACE, "no space left")                                     \
	X(8, IO, "input/output error")                                      \
	X(9, CORRUPT, "corrupt data")                                       \
	X(10, TRUNCATED, "truncated data")                                  \
	X(11, VERSION, "unknown version")                                   \
	X(12, TOO_LARGE, "over the limit")                                  \
	X(13, INVALID, "invalid value")                                     \
	X(14, UNSUPPORTED, "not supported here")                            \
	X(15, CANCELLED, "cancelled")                                       \
	X(16, TIMEOUT, "deadline passed")                                   \
	X(17, BUSY, "busy")                                                 \
	X(18, CLOSED, "closed by the other side")                           \
	X(19, USER_CODE, "user code failed")                                \
	X(20, CRASHED, "process ended by a signal")                         \
	X(21, DEADLOCK, "all tasks wait for each other")                    \
	X(22, OVERLOADED, "too much to do at once")                         \
	X(23, UNREACHABLE, "cannot be reached")                             \
	X(24, OUTCOME_UNKNOWN, "may or may not have happened")              \
	X(25, STALE, "from a client that was forgotten")                    \
	X(26, NOT_LEADER, "another server leads")                           \
	X(27, COMPACTED, "too old to be remembered")

enum gw_code {
#define GW_ERROR_ENUM(code, name, text) GW_E_##name = -(code),
	GW_ERROR_TABLE(GW_ERROR_ENUM)
#undef GW_ERROR_ENUM
};

enum { GW_ERROR_TEXT_MAX = 1024 };

struct gw_error {
	int code;                      /* 0: no error yet */
	char text[GW_ERROR_TEXT_MAX];  /* one sentence, no newline; cut with "..." if longer */
};

/* Sets *error (if not NULL) to code and the formatted sentence; returns code, so that a failing
 * function ends in `return gw_fail(error, GW_E_NOT_FOUND, "%s: no such job", name);`. */
int gw_fail(struct gw_error *error, int code, const char *format, ...) GW_PRINTF(3, 4);

/* The same for a failed system call: the code that fits errno_value, and ": " and its text
 * appended. */
int gw_fail_errno(struct gw_error *error, int errno_value, const char *format, ...) GW_PRINTF(3, 4);

/* Puts "context: " before the sentence that is there already; returns error->code (GW_E_FAILED when
 * error is NULL), so callers on the way up can say what they were doing. */
int gw_fail_in(struct gw_error *error, const char *format, ...) GW_PRINTF(2, 3);

/* The name ("NOT_FOUND") and text ("not found") of a code; "UNKNOWN" and "unknown error" for
 * others. */
const char *gw_code_name(int code);
const char *gw_code_text(int code);

/* Options: one table per command; {0} ends it. Values are stored into the caller's struct at
 * offset. */
enum gw_option_type {
	GW_OPTION_FLAG = 1, /* bool: --name sets true, --no-name false */
	GW_OPTION_INT,      /* int64_t: decimal, may be negative */
	GW_OPTION_SIZE,     /* uint64_t bytes: 4096, 64K, 64M, 2G (powers of 1024) */
	GW_OPTION_MS,       /* uint64_t milliseconds: 250ms, 10s, 5m; a bare number is seconds */
	GW_OPTION_STRING,   /* const char *: points into argv */
	GW_OPTION_LIST,     /* struct gw_option_list: may be repeated; points into argv */
};

struct gw_option_list {
	const char **items; /* malloc'ed by the parser, freed by gw_options_done */
	size_t count;
};

struct gw_option {
	const char *name;         /* long name without dashes */
	char letter;              /* one-letter name, or 0 */
	enum gw_option_type type;
	size_t offset;            /* offsetof(struct my_options, field) */
	const char *argument;     /* name of the value in --help ("N", "DIR"); NULL for a flag */
	const char *help;         /* one line; the default is said here */
	/* For STRING: "a|b|c" is all that is allowed, "a|b|..." some of it; else NULL. */
	const char *choices;
};

/* Several tables parsed as one (the program's own and the library's); each with its own struct. */
struct gw_option_group {
	const char *title;              /* heading in --help, or NULL */
	const struct gw_option *table;
	void *values;
};

enum gw_option_style {
	/* --name VALUE, --name=VALUE, -n VALUE, -nVALUE, -ab, --; operands anywhere */
	GW_STYLE_GNU,
	GW_STYLE_HADOOP, /* GNU, and -name VALUE with one dash too */
};

/*
 * Parses argv[1..]. *operands receives the rest (a malloc'ed array of pointers into argv, ended by
 * NULL; the caller frees it) and *operand_count their number. GW_E_USAGE with a sentence that names
 * the option on anything wrong. groups ends with {0}. Defaults are what the values hold beforehand.
 */
int gw_options_parse(const struct gw_option_group *groups, enum gw_option_style style, int argc,
		     char **argv, char ***operands, size_t *operand_count, struct gw_error *error)
	GW_MUST_CHECK;

/* Frees the lists that parsing allocated. */
void gw_options_done(const struct gw_option_group *groups);

/* Writes the options part of --help, aligned, to a FILE * (void * here spares <stdio.h>). */
void gw_options_help(const struct gw_option_group *groups, void *file);

/* "64M" -> bytes and "10s" -> milliseconds, as the options do. */
int gw_parse_size(const char *text, uint64_t *bytes, struct gw_error *error) GW_MUST_CHECK;
int gw_parse_ms(const char *text, uint64_t *ms, struct gw_error *error) GW_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
