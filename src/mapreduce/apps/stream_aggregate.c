/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_aggregate.c - one small state machine a key. Values come sorted, so that distinct ones can
 * be counted without remembering them, and a sum of decimals is always made in the same order: its
 * last digits must not depend on how the input was cut.
 */
#include "stream_aggregate.h"

#include "base/allocate.h"
#include "base/buffer.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum aggregate_type {
	LONG_SUM,
	LONG_MAX_OF,
	LONG_MIN_OF,
	DOUBLE_SUM,
	STRING_MAX,
	STRING_MIN,
	UNIQUE_COUNT,
	HISTOGRAM,
	AGGREGATE_TYPES,
};

static const char *const type_names[AGGREGATE_TYPES] = {
	"LongValueSum", "LongValueMax", "LongValueMin", "DoubleValueSum",
	"StringValueMax", "StringValueMin", "UniqValueCount", "ValueHistogram",
};

struct mr_aggregate {
	enum aggregate_type type;
	bool any; /* a value was added */
	int64_t number;
	double sum;
	uint64_t uniques, uniques_max;
	struct base_buffer text; /* the greatest string; the last value or word; the result */
	int64_t *counts;         /* of the words of a histogram */
	size_t count, capacity;
};

/* How much of a value goes into messages. */
static int shown(struct gw_bytes bytes)
{
	return bytes.size < 60 ? (int)bytes.size : 60;
}

int mr_aggregate_start(struct mr_aggregate **made, struct gw_bytes key, uint64_t uniques_max,
		       struct gw_bytes *id, struct gw_error *error)
{
	const char *data = key.data, *colon = key.size > 0 ? memchr(data, ':', key.size) : NULL;
	size_t size = colon ? (size_t)(colon - data) : 0;

	*made = NULL;
	for (unsigned type = 0; colon && type < AGGREGATE_TYPES; type++) {
		if (strlen(type_names[type]) != size ||
		    strncasecmp(type_names[type], data, size) != 0)
			continue;
		*made = calloc(1, sizeof(**made));
		if (!*made) {
			gw_fail(error, GW_E_NO_MEMORY, "no memory to aggregate");
			return GW_E_NO_MEMORY;
		}
		(*made)->type = (enum aggregate_type)type;
		(*made)->uniques_max = uniques_max;
		*id = (struct gw_bytes){colon + 1, key.size - size - 1};
		return 0;
	}
	gw_fail(error, GW_E_INVALID,
		"key \"%.*s\": aggregate needs TYPE:ID, with TYPE one of LongValueSum, "
		"LongValueMax, LongValueMin, DoubleValueSum, StringValueMax, StringValueMin, "
		"UniqValueCount, ValueHistogram",
		shown(key), data);
	return GW_E_INVALID;
}

void mr_aggregate_free(struct mr_aggregate *aggregate)
{
	if (!aggregate)
		return;
	base_buffer_done(&aggregate->text);
	free(aggregate->counts);
	free(aggregate);
}

/* ---- Adding ------------------------------------------------------------------------------- */

static int read_long(struct gw_bytes text, int64_t *number, struct gw_error *error)
{
	char copy[32], *end;
	bool fits = text.size > 0 && text.size < sizeof(copy);

	if (fits) {
		memcpy(copy, text.data, text.size);
		copy[text.size] = 0;
		errno = 0;
		*number = strtoll(copy, &end, 10);
		fits = end == copy + text.size && errno == 0 && (unsigned char)copy[0] > ' ';
	}
	if (fits)
		return 0;
	gw_fail(error, GW_E_INVALID, "value \"%.*s\" is not a whole number of 64 bits",
		shown(text), (const char *)text.data);
	return GW_E_INVALID;
}

static int add_long(struct mr_aggregate *aggregate, struct gw_bytes value, struct gw_error *error)
{
	int64_t number;
	int result = read_long(value, &number, error);

	if (result)
		return result;
	if (aggregate->type == LONG_SUM)
		aggregate->number = (int64_t)((uint64_t)aggregate->number + (uint64_t)number);
	else if (!aggregate->any ||
		 (aggregate->type == LONG_MAX_OF ? number > aggregate->number
						 : number < aggregate->number))
		aggregate->number = number;
	return 0;
}

static int add_double(struct mr_aggregate *aggregate, struct gw_bytes value, struct gw_error *error)
{
	char copy[64], *end;
	bool fits = value.size > 0 && value.size < sizeof(copy);

	assert(aggregate->type == DOUBLE_SUM);
	if (fits) {
		memcpy(copy, value.data, value.size);
		copy[value.size] = 0;
		aggregate->sum += strtod(copy, &end);
		while (*end == ' ')
			end++;
		fits = end == copy + value.size;
	}
	if (!fits)
		return gw_fail(error, GW_E_INVALID, "value \"%.*s\" is not a number", shown(value),
			       (const char *)value.data);
	return 0;
}

static int keep_text(struct mr_aggregate *aggregate, struct gw_bytes value, struct gw_error *error)
{
	assert(value.data != aggregate->text.data || value.size == 0);
	aggregate->text.size = 0;
	return base_buffer_append(&aggregate->text, value.data, value.size, error);
}

static int add_string(struct mr_aggregate *aggregate, struct gw_bytes value, struct gw_error *error)
{
	int order = gw_bytes_compare(value, base_buffer_bytes(&aggregate->text));

	assert(aggregate->type == STRING_MAX || aggregate->type == STRING_MIN);
	if (aggregate->any && (aggregate->type == STRING_MAX ? order <= 0 : order >= 0))
		return 0;
	return keep_text(aggregate, value, error);
}

static bool is_last(const struct mr_aggregate *aggregate, struct gw_bytes value)
{
	return aggregate->any &&
	       gw_bytes_compare(value, base_buffer_bytes(&aggregate->text)) == 0;
}

static int add_unique(struct mr_aggregate *aggregate, struct gw_bytes value, struct gw_error *error)
{
	assert(aggregate->uniques <= aggregate->uniques_max);
	if (is_last(aggregate, value))
		return 0;
	if (aggregate->uniques < aggregate->uniques_max)
		aggregate->uniques++;
	return keep_text(aggregate, value, error);
}

/* The last TAB of a value, or its size: before it is the word, behind it the count. */
static size_t word_size(struct gw_bytes value)
{
	const char *tab = value.size > 0 ? memrchr(value.data, '\t', value.size) : NULL;

	return tab ? (size_t)(tab - (const char *)value.data) : value.size;
}

static int add_word(struct mr_aggregate *aggregate, struct gw_bytes value, struct gw_error *error)
{
	struct gw_bytes word = {value.data, word_size(value)};
	int64_t count = 1;
	int result = 0;

	if (word.size < value.size)
		result = read_long((struct gw_bytes){(const char *)value.data + word.size + 1,
						     value.size - word.size - 1}, &count, error);
	if (result)
		return result;
	if (is_last(aggregate, word)) {
		assert(aggregate->count > 0);
		int64_t *last = &aggregate->counts[aggregate->count - 1];

		*last = (int64_t)((uint64_t)*last + (uint64_t)count);
		return 0;
	}
	if (aggregate->count == aggregate->capacity) {
		int64_t *counts = base_grow(aggregate->counts, sizeof(*counts),
					    &aggregate->capacity, aggregate->count + 1);

		if (!counts)
			return gw_fail(error, GW_E_NO_MEMORY,
				       "no memory for a histogram of %zu words", aggregate->count);
		aggregate->counts = counts;
	}
	aggregate->counts[aggregate->count++] = count;
	return keep_text(aggregate, word, error);
}

int mr_aggregate_add(struct mr_aggregate *aggregate, struct gw_bytes value, struct gw_error *error)
{
	int result = 0;

	assert(aggregate->type < AGGREGATE_TYPES);
	switch (aggregate->type) {
	case LONG_SUM:
	case LONG_MAX_OF:
	case LONG_MIN_OF:
		result = add_long(aggregate, value, error);
		break;
	case DOUBLE_SUM:
		result = add_double(aggregate, value, error);
		break;
	case STRING_MAX:
	case STRING_MIN:
		result = add_string(aggregate, value, error);
		break;
	case UNIQUE_COUNT:
		result = add_unique(aggregate, value, error);
		break;
	case HISTOGRAM:
		result = add_word(aggregate, value, error);
		break;
	case AGGREGATE_TYPES:
		assert(!"not a type");
	}
	aggregate->any = true;
	return result;
}

/* ---- The result --------------------------------------------------------------------------- */

void mr_aggregate_write_double(double number, char *text)
{
	char digits[40], *exponent;
	double size = fabs(number);
	int precision = 0, power;

	if (isnan(number) || isinf(number)) {
		snprintf(text, MR_AGGREGATE_TEXT_MAX, "%s",
			 isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
		return;
	}
	do /* the fewest digits that say which number it is */
		snprintf(digits, sizeof(digits), "%.*e", precision, number);
	while (strtod(digits, NULL) != number && ++precision < 17);
	exponent = strchr(digits, 'e');
	power = (int)strtol(exponent + 1, NULL, 10);
	if (number == 0 || (size >= 1e-3 && size < 1e7)) {
		int behind = precision - power;

		snprintf(text, MR_AGGREGATE_TEXT_MAX, "%.*f", behind > 1 ? behind : 1, number);
		return;
	}
	*exponent = 0;
	snprintf(text, MR_AGGREGATE_TEXT_MAX, "%s%sE%d", digits, precision ? "" : ".0", power);
}

static int compare_counts(const void *left, const void *right)
{
	const int64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static void write_histogram(struct mr_aggregate *aggregate, char *text)
{
	char average_text[MR_AGGREGATE_TEXT_MAX], deviation_text[MR_AGGREGATE_TEXT_MAX];
	size_t count = aggregate->count;
	const int64_t *counts = aggregate->counts;
	double average, deviation = 0;
	uint64_t sum = 0;

	assert(count > 0);
	qsort(aggregate->counts, count, sizeof(*counts), compare_counts);
	for (size_t i = 0; i < count; i++)
		sum += (uint64_t)counts[i];
	average = (double)(int64_t)sum / (double)count;
	for (size_t i = 0; i < count; i++)
		deviation += ((double)counts[i] - average) * ((double)counts[i] - average);
	mr_aggregate_write_double(average, average_text);
	mr_aggregate_write_double(sqrt(deviation / (double)count), deviation_text);
	snprintf(text, MR_AGGREGATE_TEXT_MAX, "%zu\t%lld\t%lld\t%lld\t%.60s\t%.60s", count,
		 (long long)counts[0], (long long)counts[count / 2], (long long)counts[count - 1],
		 average_text, deviation_text);
}

bool mr_aggregate_combines(const struct mr_aggregate *aggregate)
{
	return aggregate->type != DOUBLE_SUM && aggregate->type != UNIQUE_COUNT &&
	       aggregate->type != HISTOGRAM;
}

int mr_aggregate_result(struct mr_aggregate *aggregate, struct gw_bytes *result,
			struct gw_error *error)
{
	char text[MR_AGGREGATE_TEXT_MAX];
	int failed = 0;

	assert(aggregate->any);
	switch (aggregate->type) {
	case STRING_MAX:
	case STRING_MIN:
		*result = base_buffer_bytes(&aggregate->text);
		return 0;
	case DOUBLE_SUM:
		mr_aggregate_write_double(aggregate->sum, text);
		break;
	case HISTOGRAM:
		write_histogram(aggregate, text);
		break;
	case UNIQUE_COUNT:
		snprintf(text, sizeof(text), "%llu", (unsigned long long)aggregate->uniques);
		break;
	default:
		snprintf(text, sizeof(text), "%lld", (long long)aggregate->number);
		break;
	}
	failed = keep_text(aggregate, gw_string(text), error);
	*result = base_buffer_bytes(&aggregate->text);
	return failed;
}

int mr_aggregate_compare_values(const struct gw_mr_task *task, struct gw_bytes a, struct gw_bytes b)
{
	size_t a_word = word_size(a), b_word = word_size(b);
	int order = gw_bytes_compare((struct gw_bytes){a.data, a_word},
				     (struct gw_bytes){b.data, b_word});

	(void)task;
	if (order)
		return order;
	return gw_bytes_compare((struct gw_bytes){(const char *)a.data + a_word, a.size - a_word},
				(struct gw_bytes){(const char *)b.data + b_word, b.size - b_word});
}

/* ---- In the job --------------------------------------------------------------------------- */

/* Emits the values that cannot be combined as they are, but for equal ones that stand together. */
static int pass_on(struct gw_mr_task *task, struct mr_aggregate *aggregate, struct gw_bytes key,
		   struct gw_mr_values *values, struct gw_error *error)
{
	struct gw_bytes value;
	bool unique = aggregate->type == UNIQUE_COUNT;

	assert(!mr_aggregate_combines(aggregate) && !aggregate->any);
	while (gw_mr_next(values, &value)) {
		if (unique && is_last(aggregate, value))
			continue;
		gw_mr_emit(task, key, value);
		aggregate->any = true;
		if (unique && keep_text(aggregate, value, error))
			return error->code;
	}
	return 0;
}

static int add_all(struct mr_aggregate *aggregate, struct gw_mr_values *values,
		   struct gw_error *error)
{
	struct gw_bytes value;
	int result = 0;

	while (!result && gw_mr_next(values, &value))
		result = mr_aggregate_add(aggregate, value, error);
	return result;
}

/* Says which key it was. */
static int failed_on(struct gw_mr_task *task, struct gw_bytes key, const struct gw_error *error)
{
	return gw_mr_fail(task, "aggregate: key \"%.*s\": %s", shown(key), (const char *)key.data,
			  error->text);
}

int mr_aggregate_combine(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values)
{
	struct gw_error error = {0};
	struct mr_aggregate *aggregate;
	struct gw_bytes id, combined;
	int result = mr_aggregate_start(&aggregate, key, UINT64_MAX, &id, &error);

	if (result)
		return gw_mr_fail(task, "%s", error.text);
	if (!mr_aggregate_combines(aggregate)) {
		result = pass_on(task, aggregate, key, values, &error);
	} else {
		result = add_all(aggregate, values, &error);
		if (!result)
			result = mr_aggregate_result(aggregate, &combined, &error);
		if (!result)
			gw_mr_emit(task, key, combined);
	}
	mr_aggregate_free(aggregate);
	return result ? failed_on(task, key, &error) : 0;
}

int mr_aggregate_reduce(struct gw_mr_task *task, struct gw_bytes key, struct gw_mr_values *values,
			uint64_t uniques_max,
			void (*put)(struct gw_mr_task *task, struct gw_bytes key,
				    struct gw_bytes value))
{
	struct gw_error error = {0};
	struct mr_aggregate *aggregate;
	struct gw_bytes id, reduced;
	int result = mr_aggregate_start(&aggregate, key, uniques_max, &id, &error);

	if (result)
		return gw_mr_fail(task, "%s", error.text);
	result = add_all(aggregate, values, &error);
	if (!result)
		result = mr_aggregate_result(aggregate, &reduced, &error);
	if (!result)
		put(task, id, reduced);
	mr_aggregate_free(aggregate);
	return result ? failed_on(task, key, &error) : 0;
}
