/* SPDX-License-Identifier: Apache-2.0 */
/*
 * urlcount.c - count of URL access frequency (paper section 2.3), from the access logs of web
 * servers in the Common or the Combined Log Format.
 */
#include "apps.h"
#include "log_line.h"

#include <groundwork/mapreduce.h>

static int count_request(struct gw_mr_task *task, struct gw_bytes offset, struct gw_bytes line)
{
	struct mr_log_line parsed;

	(void)offset;
	if (mr_log_line_parse(&parsed, line))
		gw_mr_emit_i64(task, parsed.url, 1);
	else
		gw_mr_count(task, "malformed_lines", 1);
	return 0;
}

int mr_urlcount_main(int argc, char **argv)
{
	const struct gw_mr_job job = {
		.name = "urlcount",
		.summary = "Count the requests for each URL in access logs (Common or Combined Log "
			   "Format)",
		.map = count_request,
		.combine_with = GW_MR_SUM,
	};

	return gw_mr_main(argc, argv, &job);
}
