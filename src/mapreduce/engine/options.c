/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - the options of a run as they are when nothing is said; config.c turns zeros into
 * defaults. */
#include <groundwork/mapreduce.h>

void gw_mr_options_init(struct gw_mr_options *options)
{
	*options = (struct gw_mr_options){.only_map = -1, .only_reduce = -1};
}
