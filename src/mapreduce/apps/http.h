/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - an HTTP/1 response as a WARC record keeps it: status line, headers, and a body that may
 * be sent in chunks and compressed.
 */
#ifndef MR_HTTP_H
#define MR_HTTP_H

#include "base/buffer.h"

enum { MR_HTTP_BODY_MAX = 64 << 20 }; /* bytes of an unpacked body */

enum mr_http_coding {
	MR_HTTP_IDENTITY,
	MR_HTTP_GZIP,
	MR_HTTP_DEFLATE,
	MR_HTTP_OTHER_CODING, /* br, or several on top of each other */
};

/* The parts are pieces of the message. */
struct mr_http_response {
	uint32_t status;
	struct gw_bytes content_type; /* empty when not given */
	bool chunked;
	enum mr_http_coding coding;
	struct gw_bytes body; /* as it was sent */
};

/* False when the bytes are no HTTP/1 response with a complete head. */
bool mr_http_parse(struct mr_http_response *response, struct gw_bytes message);

/* Whether the content is HTML or XHTML. */
bool mr_http_is_html(const struct mr_http_response *response);

/*
 * The body with chunks joined and unpacked: a piece of the message when nothing had to be done,
 * else in *scratch, which is emptied first. A body that breaks off is given as far as it goes, for
 * archives cut pages off on purpose. Garbage is GW_E_CORRUPT, an unknown coding GW_E_UNSUPPORTED.
 */
int mr_http_body(const struct mr_http_response *response, struct base_buffer *scratch,
		 struct gw_bytes *body, struct gw_error *error) GW_MUST_CHECK;

#endif
