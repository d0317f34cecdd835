/* SPDX-License-Identifier: Apache-2.0 */
/*
 * urlcount.c - how often each URL was asked for (paper section 2.3), from the access logs of a web
 * server:
 *
 *     host - - [time] "GET /index.html HTTP/1.1" 200 2326
 *
 * The URL is the second word between the first two quotes. Lines without one are counted, not
 * dropped in silence: the report says how many `malformed_lines` there were. (`gw mr urlcount`
 * checks more.)
 */
#include <groundwork/mapreduce.h>

static int count_request(struct gw_mr_task *task, struct gw_bytes offset, struct gw_bytes line)
{
	struct gw_bytes request = gw_mr_column(task, line, '"', 2);
	struct gw_bytes url = gw_mr_column(task, request, ' ', 2);

	(void)offset;
	if (url.size > 0)
		gw_mr_emit_i64(task, url, 1);
	else
		gw_mr_count(task, "malformed_lines", 1);
	return 0;
}

int main(int argc, char **argv)
{
	struct gw_mr_job job = {
		.name = "urlcount",
		.summary = "Count the requests for each URL in access logs",
		.map = count_request,
		.combine_with = GW_MR_SUM,
	};

	return gw_mr_main(argc, argv, &job);
}
