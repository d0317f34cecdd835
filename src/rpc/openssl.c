/* SPDX-License-Identifier: Apache-2.0 */
/* openssl.c - see openssl.h. */
#include "rpc/openssl.h"

#include <openssl/err.h>

#include <stdio.h>

int rpc_openssl_fail(struct gw_error *error, int code, const char *format, ...)
{
	unsigned long first = ERR_get_error();
	const char *reason = first ? ERR_reason_error_string(first) : NULL;
	char text[GW_ERROR_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (first && ERR_GET_REASON(first) == ERR_R_MALLOC_FAILURE)
		code = GW_E_NO_MEMORY;
	ERR_clear_error();
	return gw_fail(error, code, "%s: %s", text, reason ? reason : gw_code_text(code));
}
