/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_properties.c - a list searched from front to back: a job has a few dozen properties. Old
 * names are turned into new ones on the way in and on the way out, so that only one of them is ever
 * stored.
 */
#include "stream_properties.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

struct rename {
	const char *old_name, *name;
};

/* Those that mean something to a streaming job here, or that commands look for in their
 * environment. */
static const struct rename renames[] = {
	{"aggregate.max.num.unique.values", "mapreduce.aggregate.max.num.unique.values"},
	{"key.value.separator.in.input.line",
	 "mapreduce.input.keyvaluelinerecordreader.key.value.separator"},
	{"map.input.file", "mapreduce.map.input.file"},
	{"map.input.length", "mapreduce.map.input.length"},
	{"map.input.start", "mapreduce.map.input.start"},
	{"map.output.key.field.separator", "mapreduce.map.output.key.field.separator"},
	{"mapred.input.dir", "mapreduce.input.fileinputformat.inputdir"},
	{"mapred.job.id", "mapreduce.job.id"},
	{"mapred.job.name", "mapreduce.job.name"},
	{"mapred.line.input.format.linespermap", "mapreduce.input.lineinputformat.linespermap"},
	{"mapred.map.max.attempts", "mapreduce.map.maxattempts"},
	{"mapred.map.tasks", "mapreduce.job.maps"},
	{"mapred.max.split.size", "mapreduce.input.fileinputformat.split.maxsize"},
	{"mapred.min.split.size", "mapreduce.input.fileinputformat.split.minsize"},
	{"mapred.output.compress", "mapreduce.output.fileoutputformat.compress"},
	{"mapred.output.dir", "mapreduce.output.fileoutputformat.outputdir"},
	{"mapred.output.key.comparator.class", "mapreduce.job.output.key.comparator.class"},
	{"mapred.partitioner.class", "mapreduce.job.partitioner.class"},
	{"mapred.reduce.max.attempts", "mapreduce.reduce.maxattempts"},
	{"mapred.reduce.tasks", "mapreduce.job.reduces"},
	{"mapred.skip.map.max.skip.records", "mapreduce.map.skip.maxrecords"},
	{"mapred.task.id", "mapreduce.task.attempt.id"},
	{"mapred.task.is.map", "mapreduce.task.ismap"},
	{"mapred.task.partition", "mapreduce.task.partition"},
	{"mapred.task.timeout", "mapreduce.task.timeout"},
	{"mapred.text.key.comparator.options", "mapreduce.partition.keycomparator.options"},
	{"mapred.text.key.partitioner.options", "mapreduce.partition.keypartitioner.options"},
	{"mapred.textoutputformat.separator", "mapreduce.output.textoutputformat.separator"},
	{"mapred.tip.id", "mapreduce.task.id"},
	{"mapreduce.textoutputformat.separator", "mapreduce.output.textoutputformat.separator"},
	{"stream.num.reduce.output.fields", "stream.num.reduce.output.key.fields"},
	{"user.name", "mapreduce.job.user.name"},
};

enum { RENAMES = sizeof(renames) / sizeof(renames[0]) };

static const char *new_name(const char *name)
{
	assert(name);
	for (size_t i = 0; i < RENAMES; i++) {
		if (strcmp(renames[i].old_name, name) == 0)
			return renames[i].name;
	}
	return name;
}

const char *mr_properties_old_name(const char *name, size_t *position)
{
	assert(*position <= RENAMES);
	while (*position < RENAMES) {
		const struct rename *rename = &renames[(*position)++];

		if (strcmp(rename->name, name) == 0)
			return rename->old_name;
	}
	return NULL;
}

void mr_properties_done(struct mr_properties *properties)
{
	for (size_t i = 0; i < properties->count; i++) {
		free(properties->items[i].name);
		free(properties->items[i].value);
	}
	free(properties->items);
	*properties = (struct mr_properties){0};
}

/* The property of that (new) name, or NULL. */
static struct mr_property *find(const struct mr_properties *properties, const char *name)
{
	for (size_t i = 0; i < properties->count; i++) {
		if (strcmp(properties->items[i].name, name) == 0)
			return &properties->items[i];
	}
	return NULL;
}

static int add(struct mr_properties *properties, const char *name, const char *value,
	       struct gw_error *error)
{
	if (properties->count == MR_PROPERTIES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "more than %d properties", MR_PROPERTIES_MAX);
	if (properties->count == properties->capacity) {
		size_t capacity = properties->capacity ? 2 * properties->capacity : 32;
		void *items = realloc(properties->items, capacity * sizeof(*properties->items));

		if (!items)
			return gw_fail(error, GW_E_NO_MEMORY, "out of memory for properties");
		properties->items = items;
		properties->capacity = capacity;
	}
	assert(properties->count < properties->capacity);
	struct mr_property *property = &properties->items[properties->count];

	property->name = strdup(name);
	property->value = strdup(value);
	if (!property->name || !property->value) {
		free(property->name);
		free(property->value);
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory for properties");
	}
	properties->count++;
	return 0;
}

int mr_properties_set(struct mr_properties *properties, const char *name, const char *value,
		      struct gw_error *error)
{
	struct mr_property *property;
	char *copy;

	assert(name && value);
	if (strlen(name) > MR_PROPERTY_NAME_MAX)
		return gw_fail(error, GW_E_TOO_LARGE,
			       "property %.40s...: a name has at most %d bytes", name,
			       MR_PROPERTY_NAME_MAX);
	name = new_name(name);
	property = find(properties, name);
	if (!property)
		return add(properties, name, value, error);
	copy = strdup(value);
	if (!copy)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory for properties");
	free(property->value);
	property->value = copy;
	return 0;
}

int mr_properties_set_pair(struct mr_properties *properties, const char *pair,
			   struct gw_error *error)
{
	const char *equals = strchr(pair, '=');
	char name[MR_PROPERTY_NAME_MAX + 1];
	size_t size;

	if (!equals || equals == pair)
		return gw_fail(error, GW_E_USAGE, "%s: a property is written NAME=VALUE", pair);
	size = (size_t)(equals - pair);
	if (size >= sizeof(name))
		return gw_fail(error, GW_E_TOO_LARGE,
			       "property %.40s...: a name has at most %d bytes", pair,
			       MR_PROPERTY_NAME_MAX);
	memcpy(name, pair, size);
	name[size] = 0;
	return mr_properties_set(properties, name, equals + 1, error);
}

const char *mr_properties_get(const struct mr_properties *properties, const char *name)
{
	const struct mr_property *property = find(properties, new_name(name));

	return property ? property->value : NULL;
}

int mr_properties_get_i64(const struct mr_properties *properties, const char *name, int64_t *value,
			  struct gw_error *error)
{
	const char *text = mr_properties_get(properties, name);
	long long number;
	char *end;

	if (!text)
		return 0;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (end == text || *end || errno)
		return gw_fail(error, GW_E_INVALID, "%s=%s: not a whole number", name, text);
	*value = number;
	return 0;
}

int mr_properties_get_bool(const struct mr_properties *properties, const char *name, bool *value,
			   struct gw_error *error)
{
	const char *text = mr_properties_get(properties, name);

	if (!text)
		return 0;
	if (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0)
		return gw_fail(error, GW_E_INVALID, "%s=%s: neither true nor false", name, text);
	*value = strcasecmp(text, "true") == 0;
	return 0;
}
