/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.c - see list.h. The list is written as it comes: the sources of a popular page need not fit
 * memory.
 */
#include "list.h"

int mr_write_list(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	struct gw_bytes value;
	const char *between = "\t";

	gw_mr_write(task, key.data, key.size);
	while (gw_mr_next(values, &value)) {
		gw_mr_write(task, between, 1);
		gw_mr_write(task, value.data, value.size);
		between = " ";
	}
	gw_mr_write(task, "\n", 1);
	return 0;
}
