/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input_borders.h - which bytes of a plain file make up the records that begin in a piece of it. It
 * looks only at a little of the file around the piece's two ends.
 */
#ifndef MR_INPUT_BORDERS_H
#define MR_INPUT_BORDERS_H

#include "plan.h"

enum { MR_BORDERS_WINDOW = 64 << 10 };

/* What is looked at. */
struct mr_borders {
	const struct mr_config *config;
	const struct mr_plan_file *plan_file;
	struct mr_file *file;
	uint8_t window[MR_BORDERS_WINDOW];
};

/* Sets [*begin, *end) for the piece [from, to) of the file; empty when no record begins in it. The
 * piece is not empty. GW_E_TRUNCATED when the last fixed-size record of the file is cut off. */
int mr_borders_find(struct mr_borders *borders, uint64_t from, uint64_t to, uint64_t *begin,
		    uint64_t *end, struct gw_error *error) GW_MUST_CHECK;

#endif
