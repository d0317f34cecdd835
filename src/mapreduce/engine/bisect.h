/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bisect.h - finds the record that kills a block map (paper section 4.6). All that is known is
 * that some record of a stretch of a file does it. Each step is a probe: an attempt on the records
 * that begin in a part of the stretch, whose output is thrown away. A probe that dies narrows the
 * stretch, one that lives excludes its part. Cuts are made at bytes; the worker moves them to
 * record borders.
 *
 *     mr_bisect_start(&bisect, failure);
 *     do probe [bisect.from, bisect.middle) while (mr_bisect_died(...) or mr_bisect_lived(...)
 *             == MR_BISECT_ON);
 *
 * A stretch of 64 MiB takes at most 27 cuts and one probe more to be sure.
 */
#ifndef MR_BISECT_H
#define MR_BISECT_H

#include "failure.h"

struct mr_bisect {
	uint32_t file;
	uint64_t from, to; /* the record begins in here */
	uint64_t middle;   /* the next probe is [from, middle) */
};

enum mr_bisect_state {
	MR_BISECT_ON,    /* probe on */
	MR_BISECT_FOUND, /* the record begins at `from` */
	MR_BISECT_LOST,  /* no single record does it */
};

/* failure names a block (MR_IN_BLOCK). */
void mr_bisect_start(struct mr_bisect *bisect, const struct mr_failure *failure);
/* The probe died as failure says, in user code. */
enum mr_bisect_state mr_bisect_died(struct mr_bisect *bisect, const struct mr_failure *failure);
/* The probe lived. */
enum mr_bisect_state mr_bisect_lived(struct mr_bisect *bisect);

#endif
