/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.h - the one line that says how a running job stands (paper section 4.8).
 */
#ifndef MR_API_PROGRESS_H
#define MR_API_PROGRESS_H

#include "mapreduce/engine/result.h"

enum { MR_PROGRESS_MAX = 512 };

/*
 * Writes the line into text, at most columns characters of it: phase, share, tasks, rates, time
 * left, status. begun is the view when the phase began: rates are averages since then.
 */
void mr_progress_line(const char *name, const struct mr_view *view, const struct mr_view *begun,
		      unsigned columns, char text[MR_PROGRESS_MAX]);

#endif
