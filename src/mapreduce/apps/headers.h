/* SPDX-License-Identifier: Apache-2.0 */
/*
 * headers.h - "Name: value" lines ended by an empty line, as WARC records and HTTP messages begin
 * with. Lines may end in CR LF or LF. A line that begins with a blank goes on with the value above
 * it, of which only the first line is given.
 */
#ifndef MR_HEADERS_H
#define MR_HEADERS_H

#include <groundwork/base.h>

/* The size of the head at the start of text, with its empty line; 0 when its end is not in text. */
size_t mr_head_size(struct gw_bytes text);

/*
 * Cuts one line off the front of *head: true and the line without its line end; false once the
 * empty line was cut off or nothing is left.
 */
bool mr_head_next(struct gw_bytes *head, struct gw_bytes *line);

/* A line as name and value, blanks around the value left out; false when it is not of that form. */
bool mr_head_field(struct gw_bytes line, struct gw_bytes *name, struct gw_bytes *value);

/* Whether text and name are equal but for the case of ASCII letters. */
bool mr_same_name(struct gw_bytes text, const char *name);

/* Whether text begins with the name, compared likewise. */
bool mr_begins_with(struct gw_bytes text, const char *name);

/* A decimal number that is all of text. */
bool mr_head_number(struct gw_bytes text, uint64_t *number);

#endif
