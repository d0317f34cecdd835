/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.c - errors as values: a code of the one table and a sentence that names the thing.
 *
 * Every writer here keeps the same promise about length: a sentence that does not fit ends in
 * "...".
 */
#include <groundwork/base.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>

struct code_row {
	int code;
	const char *name;
	const char *text;
};

static const struct code_row code_rows[] = {
#define CODE_ROW(code, name, text) {-(code), #name, text},
	GW_ERROR_TABLE(CODE_ROW)
#undef CODE_ROW
};

static const struct code_row *find_code(int code)
{
	for (size_t i = 0; i < sizeof(code_rows) / sizeof(code_rows[0]); i++) {
		if (code_rows[i].code == code)
			return &code_rows[i];
	}
	return NULL;
}

const char *gw_code_name(int code)
{
	const struct code_row *row = find_code(code);

	return row ? row->name : "UNKNOWN";
}

const char *gw_code_text(int code)
{
	const struct code_row *row = find_code(code);

	return row ? row->text : "unknown error";
}

/* What vsnprintf returned for text says whether it was cut; if so its end shows it. */
static void mark_cut(char *text, int length)
{
	if (length < 0)
		snprintf(text, GW_ERROR_TEXT_MAX, "(a message that could not be formatted)");
	else if (length >= GW_ERROR_TEXT_MAX)
		memcpy(text + GW_ERROR_TEXT_MAX - 4, "...", 4);
}

int gw_fail(struct gw_error *error, int code, const char *format, ...)
{
	va_list arguments;

	assert(code < 0);
	if (!error)
		return code;
	error->code = code;
	va_start(arguments, format);
	mark_cut(error->text, vsnprintf(error->text, sizeof(error->text), format, arguments));
	va_end(arguments);
	return code;
}

static int code_of_errno(int errno_value)
{
	switch (errno_value) {
	case ENOMEM:
	case ENOBUFS:
		return GW_E_NO_MEMORY;
	case ENOENT:
	case ENOTDIR:
		return GW_E_NOT_FOUND;
	case EEXIST:
	case ENOTEMPTY:
		return GW_E_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
		return GW_E_DENIED;
	case ENOSPC:
	case EDQUOT:
		return GW_E_NO_SPACE;
	case EIO:
		return GW_E_IO;
	case EFBIG:
	case ENAMETOOLONG:
	case EMFILE:
	case ENFILE:
	case EMSGSIZE:
	case E2BIG:
		return GW_E_TOO_LARGE;
	case EINVAL:
	case EISDIR:
		return GW_E_INVALID;
	case ENOSYS:
	case EOPNOTSUPP:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
		return GW_E_UNSUPPORTED;
	case ECANCELED:
		return GW_E_CANCELLED;
	case ETIMEDOUT:
		return GW_E_TIMEOUT;
	case EBUSY:
	case ETXTBSY:
	case EAGAIN:
	case EADDRINUSE:
		return GW_E_BUSY;
	case EPIPE:
	case ECONNRESET:
	case ECONNABORTED:
	case ENOTCONN:
	case ESHUTDOWN:
		return GW_E_CLOSED;
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
		return GW_E_UNREACHABLE;
	default:
		return GW_E_FAILED;
	}
}

int gw_fail_errno(struct gw_error *error, int errno_value, const char *format, ...)
{
	char reason_memory[128];
	/* The GNU form of strerror_r: no locale, no shared buffer. */
	const char *reason = strerror_r(errno_value, reason_memory, sizeof(reason_memory));
	char text[GW_ERROR_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	mark_cut(text, vsnprintf(text, sizeof(text), format, arguments));
	va_end(arguments);
	return gw_fail(error, code_of_errno(errno_value), "%s: %s", text, reason);
}

int gw_fail_in(struct gw_error *error, const char *format, ...)
{
	char text[GW_ERROR_TEXT_MAX];
	va_list arguments;
	size_t used;

	if (!error)
		return GW_E_FAILED;
	assert(error->code < 0);
	va_start(arguments, format);
	mark_cut(text, vsnprintf(text, sizeof(text), format, arguments));
	va_end(arguments);
	used = strlen(text);
	assert(used < sizeof(text));
	mark_cut(text, (int)used + snprintf(text + used, sizeof(text) - used, ": %s", error->text));
	memcpy(error->text, text, sizeof(text));
	return error->code;
}
