/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html.h - what the jobs want of a web page: its links and its text. The parser is libxml2's, fed
 * to us tag by tag: no tree is built, and any bytes are some page. It was chosen over gumbo, which
 * finds the same links in the pages of /usr/share/doc at a quarter of the speed (12 against 58
 * MB/s).
 *
 * A page that is valid UTF-8 is read as that; otherwise by what its <meta> says, else as Latin-1.
 * What the visitor gets is UTF-8, character references resolved.
 */
#ifndef MR_HTML_H
#define MR_HTML_H

#include <groundwork/base.h>

enum { MR_HTML_PAGE_MAX = 64 << 20 }; /* bytes; a longer page is refused */

/* Called in the order of the page; a NULL function is not called. Bytes last until it returns. */
struct mr_html_visitor {
	void (*base)(void *context, struct gw_bytes href); /* <base href>, each of them */
	void (*link)(void *context, struct gw_bytes href); /* <a href>, <area href> */
	/* Text outside of scripts and styles; one text may come in several pieces. */
	void (*text)(void *context, struct gw_bytes text);
	void (*tag)(void *context); /* any tag: the text so far ends here */
	void *context;
};

/* GW_E_TOO_LARGE for that page; GW_E_NO_MEMORY and GW_E_UNSUPPORTED (there is no libxml2 here) for
 * all. */
int mr_html_visit(struct gw_bytes page, const struct mr_html_visitor *visitor,
		  struct gw_error *error) GW_MUST_CHECK;

/* Whether the bytes are valid UTF-8 (RFC 3629). */
bool mr_is_utf8(struct gw_bytes text);

#endif
