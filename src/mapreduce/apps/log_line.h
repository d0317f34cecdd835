/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_line.h - one line of a web server's access log, in the Common or the Combined Log Format:
 *
 *   host ident user [day/month/year:hour:minute:second zone] "METHOD URL PROTOCOL" status bytes...
 *
 * What follows the bytes ("referrer" "agent", say) is not looked at.
 */
#ifndef MR_LOG_LINE_H
#define MR_LOG_LINE_H

#include <groundwork/base.h>

/* The parts are pieces of the line. */
struct mr_log_line {
	struct gw_bytes host;
	struct gw_bytes request; /* between the quotes; a quote in it is written \" */
	struct gw_bytes url;	 /* the second word of the request */
	uint32_t status;
};

/*
 * True when the line has that form: a host, a time in brackets, a quoted request of at least two
 * words, a status of three digits, and a number of bytes or "-". A carriage return at the end is
 * left out.
 */
bool mr_log_line_parse(struct mr_log_line *parsed, struct gw_bytes line);

#endif
