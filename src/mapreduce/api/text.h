/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - writing much text into a buffer without looking after each line: the first failure is
 * kept and what follows it is dropped.
 */
#ifndef MR_API_TEXT_H
#define MR_API_TEXT_H

#include "base/buffer.h"

enum { MR_TEXT_LINE_MAX = 1024 }; /* bytes that one mr_text_add makes at most; more is cut */

struct mr_text {
	struct base_buffer *out;
	struct gw_error *error;
	int code; /* of the first failure */
};

void mr_text_add(struct mr_text *text, const char *format, ...) GW_PRINTF(2, 3);
/* A string of any length, as it is. */
void mr_text_put(struct mr_text *text, const char *string);
/* A string of any length as HTML shows it; bytes that are no UTF-8 become '?'. */
void mr_text_escape(struct mr_text *text, const char *string);

#endif
