/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_html.c - the report as a page.
 */
#include "report.h"

int mr_report_html(const struct gw_mr_report *report, struct base_buffer *out,
		   struct gw_error *error)
{
	(void)out;
	return gw_fail(error, GW_E_UNSUPPORTED, "%s: no page is drawn yet", report->name);
}
