/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result.c - see result.h.
 */
#include "result.h"

#include "base/allocate.h"

#include <assert.h>
#include <stdlib.h>

void mr_result_done(struct mr_result *result)
{
	free(result->spans);
	free(result->rates);
	free(result->skipped);
	*result = (struct mr_result){0};
}

void mr_result_add_span(struct mr_result *result, const struct mr_span *span)
{
	struct mr_span *spans = result->spans;

	if (result->span_count == result->span_capacity && result->span_count < MR_SPANS_MAX)
		spans = base_grow(spans, sizeof(*spans), &result->span_capacity,
				  result->span_count + 1);
	if (!spans || result->span_count == result->span_capacity ||
	    result->span_count == MR_SPANS_MAX) {
		result->spans_lost++;
		return;
	}
	assert(result->span_count < result->span_capacity && span->to_us >= span->from_us);
	result->spans = spans;
	result->spans[result->span_count++] = *span;
}

/* Gives up every second sample, so that twice the time fits. */
static void thin_out(struct mr_result *result)
{
	size_t kept = 0;

	for (size_t i = 1; i < result->rate_count; i += 2)
		result->rates[kept++] = result->rates[i];
	assert(kept == result->rate_count / 2);
	result->rate_count = kept;
	result->rate_us *= 2;
}

void mr_result_add_rate(struct mr_result *result, const struct mr_rate *rate)
{
	struct mr_rate *rates;

	if (result->rate_us == 0)
		result->rate_us = MR_RATE_US;
	if (result->rate_count == MR_RATES_MAX)
		thin_out(result);
	if (result->rate_count > 0 &&
	    rate->at_us - result->rates[result->rate_count - 1].at_us < result->rate_us)
		return;
	rates = result->rates;
	if (result->rate_count == result->rate_capacity)
		rates = base_grow(rates, sizeof(*rates), &result->rate_capacity,
				  result->rate_count + 1);
	if (!rates)
		return;
	assert(result->rate_count < result->rate_capacity && result->rate_count < MR_RATES_MAX);
	result->rates = rates;
	result->rates[result->rate_count++] = *rate;
}

void mr_result_add_skipped(struct mr_result *result, const struct mr_skipped *skipped)
{
	struct mr_skipped *list = result->skipped;

	result->skipped_total++;
	if (result->skipped_count == MR_SKIPPED_MAX)
		return;
	if (result->skipped_count == result->skipped_capacity)
		list = base_grow(list, sizeof(*list), &result->skipped_capacity,
				 result->skipped_count + 1);
	if (!list)
		return;
	assert(result->skipped_count < result->skipped_capacity);
	result->skipped = list;
	result->skipped[result->skipped_count++] = *skipped;
}
