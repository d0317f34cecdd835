/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_aggregate.h - `-reducer aggregate`: Hadoop's library of aggregators. A mapper writes lines
 * "TYPE:ID<TAB>VALUE"; the result is a line "ID<TAB>RESULT" for each TYPE:ID. Types, in any case:
 *
 *   LongValueSum, LongValueMax, LongValueMin  of whole numbers of 64 bits (a sum wraps around)
 *   DoubleValueSum                            of decimal numbers, written as Java does
 *   StringValueMax, StringValueMin            by bytes
 *   UniqValueCount                            how many distinct values
 *   ValueHistogram                            VALUE is "WORD" or "WORD<TAB>COUNT"; the result is
 *                                             how many distinct words, then least, median,
 *                                             greatest, average and standard deviation of their
 *                                             counts
 *
 * The functions are those of a struct gw_mr_job whose values are sorted by
 * mr_aggregate_compare_values.
 */
#ifndef MR_STREAM_AGGREGATE_H
#define MR_STREAM_AGGREGATE_H

#include <groundwork/mapreduce.h>

/* For one key: the sentence in error names what is wrong with it. text is the result's. */
enum { MR_AGGREGATE_TEXT_MAX = 256 };

struct mr_aggregate;

/* Starts the aggregation of a key "TYPE:ID"; *id is the part behind the colon. uniques_max: see
 * mapreduce.aggregate.max.num.unique.values. */
int mr_aggregate_start(struct mr_aggregate **aggregate, struct gw_bytes key, uint64_t uniques_max,
		       struct gw_bytes *id, struct gw_error *error) GW_MUST_CHECK;
void mr_aggregate_free(struct mr_aggregate *aggregate);

/* Adds a value; they come sorted by mr_aggregate_compare_values. */
int mr_aggregate_add(struct mr_aggregate *aggregate, struct gw_bytes value, struct gw_error *error)
	GW_MUST_CHECK;

/* Whether several values can be replaced by the result so far: the type can be combined. */
bool mr_aggregate_combines(const struct mr_aggregate *aggregate);

/* The result; valid until the aggregate is freed. */
int mr_aggregate_result(struct mr_aggregate *aggregate, struct gw_bytes *result,
			struct gw_error *error) GW_MUST_CHECK;

/* Equal words stand together, whatever their counts: up to the last TAB by bytes, then the rest. */
int mr_aggregate_compare_values(const struct gw_mr_task *task, struct gw_bytes a,
				struct gw_bytes b);

/* A number as Java's Double.toString writes it; text has MR_AGGREGATE_TEXT_MAX bytes. */
void mr_aggregate_write_double(double number, char *text);

/* combine and reduce of the job; put writes the line. */
int mr_aggregate_combine(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values);
int mr_aggregate_reduce(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values,
			uint64_t uniques_max,
			void (*put)(struct gw_mr_task *task, struct gw_bytes key,
				    struct gw_bytes value));

#endif
