/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.c - see progress.h.
 */
#include "progress.h"

#include "report.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* The share of the phase that is done, in thousandths: of its bytes, or of its tasks if they have
 * none. */
static uint64_t permille(const struct mr_view *view)
{
	double done = (double)view->bytes_done, all = (double)view->bytes;

	if (all <= 0) {
		done = view->tasks_done;
		all = view->tasks;
	}
	assert(done <= all || all <= 0);
	return all <= 0 ? 0 : (uint64_t)(done * 1000 / all);
}

static void add_left(const struct mr_view *view, char *text, size_t size)
{
	uint64_t share = permille(view), us = view->now_us - view->phase_from_us, left;

	assert(share <= 1000 && view->now_us >= view->phase_from_us);
	text[0] = 0;
	if (share < 10 || us < 500000)
		return; /* too early to tell */
	left = us / share * (1000 - share) / 1000000;
	if (left >= 100)
		snprintf(text, size, ", %" PRIu64 " m %02" PRIu64 " s left", left / 60, left % 60);
	else if (left > 0)
		snprintf(text, size, ", %" PRIu64 " s left", left);
}

static void add_rates(const struct mr_view *view, const struct mr_view *begun, char *text,
		      size_t size)
{
	uint64_t us = view->now_us - begun->now_us;
	uint64_t records = mr_rate_of(view->records_in - begun->records_in, us);
	uint64_t bytes = view->sums.input_bytes - begun->sums.input_bytes;
	char a[MR_NUMBER_MAX], b[MR_NUMBER_MAX];

	assert(view->now_us >= begun->now_us);
	if (view->phase == MR_PHASE_REDUCE)
		bytes = view->sums.shuffle_bytes - begun->sums.shuffle_bytes;
	text[0] = 0;
	if (us > 0 && records > 0 && view->phase != MR_PHASE_REDUCE)
		snprintf(text, size, ", %s records/s, %s/s", mr_format_count(records, a),
			 mr_format_bytes(mr_rate_of(bytes, us), b));
	else if (us > 0)
		snprintf(text, size, ", %s/s", mr_format_bytes(mr_rate_of(bytes, us), b));
}

void mr_progress_line(const char *name, const struct mr_view *view, const struct mr_view *begun,
		      unsigned columns, char text[MR_PROGRESS_MAX])
{
	char rates[4 * MR_NUMBER_MAX], left[2 * MR_NUMBER_MAX];

	add_rates(view, begun, rates, sizeof(rates));
	add_left(view, left, sizeof(left));
	snprintf(text, MR_PROGRESS_MAX, "%s: %s %" PRIu64 "%%, %u of %u tasks%s%s%s%s", name,
		 mr_phase_name(view->phase), permille(view) / 10, view->tasks_done, view->tasks,
		 rates, left, view->status[0] ? " - " : "", view->status);
	if (columns < MR_PROGRESS_MAX)
		text[columns] = 0;
}
