/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.h - a line of output that is a key and a list of words, as the reverse web-link graph and
 * the inverted index have them: key TAB word word ...
 */
#ifndef MR_LIST_H
#define MR_LIST_H

#include <groundwork/mapreduce.h>

enum { MR_NAME_MAX = 3 * 4096 }; /* bytes of an escaped file name: as long as paths can be */

/* From reduce: writes the key with its values, which hold no blank and no line end. */
int mr_write_list(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values);

#endif
