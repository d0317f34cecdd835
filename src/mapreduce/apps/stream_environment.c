/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_environment.c - makes the list of "NAME=value" for a command. Everything goes through
 * `set`, which replaces what has the name already; a few hundred variables make a search from the
 * front good enough.
 */
#include "stream_environment.h"

#include "base/allocate.h"
#include "base/buffer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

extern char **environ;

enum { VALUE_MAX = (128 << 10) - 2048, FACTS_MAX = 16, FACT_SIZE = 160 };

struct list {
	struct base_arena *arena;
	const char **items;
	size_t count, capacity;
	struct gw_error *error;
};

/* "NAME=value", already of the arena or as long-lived. */
static int set_pair(struct list *list, const char *pair)
{
	size_t name = strcspn(pair, "=") + 1;

	for (size_t i = 0; i < list->count; i++) {
		if (strncmp(list->items[i], pair, name) == 0) {
			list->items[i] = pair;
			return 0;
		}
	}
	if (list->count + 1 >= list->capacity) {
		const char **items = base_grow(list->items, sizeof(*items), &list->capacity,
					       list->count + 2);

		if (!items)
			return gw_fail(list->error, GW_E_NO_MEMORY, "no memory for an environment");
		list->items = items;
	}
	list->items[list->count++] = pair;
	list->items[list->count] = NULL;
	return 0;
}

static bool is_plain(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9');
}

/* plain: the name is a property's, its dots become underscores. */
static int set(struct list *list, const char *name, const char *value, size_t value_max, bool plain)
{
	size_t name_size = strlen(name), size = strnlen(value, value_max);
	char *pair = base_arena_alloc(list->arena, name_size + size + 2, 1);

	assert(name[0]);
	if (!pair)
		return gw_fail(list->error, GW_E_NO_MEMORY, "no memory for an environment");
	memcpy(pair, name, name_size);
	for (size_t i = 0; i < name_size && plain; i++) {
		if (!is_plain(pair[i]))
			pair[i] = '_';
	}
	pair[name_size] = '=';
	memcpy(pair + name_size + 1, value, size);
	pair[name_size + 1 + size] = 0;
	return set_pair(list, pair);
}

/* A property by its name and by the older ones that scripts may still use. */
static int set_property(struct list *list, const struct mr_stream *stream, const char *name,
			const char *value)
{
	size_t limit = stream->truncate_limit >= 0 && stream->truncate_limit < VALUE_MAX
		? (size_t)stream->truncate_limit : VALUE_MAX;
	int result = set(list, name, value, limit, true);
	const char *old;

	for (size_t at = 0; !result && (old = mr_properties_old_name(name, &at));)
		result = set(list, old, value, limit, true);
	return result;
}

/* ---- Facts of the task -------------------------------------------------------------------- */

static char kind_of(const struct mr_facts *facts)
{
	return facts->map ? 'm' : 'r';
}

void mr_attempt_name(const struct mr_stream *stream, const struct mr_facts *facts, char *text,
		     size_t size)
{
	snprintf(text, size, "attempt_%s_%c_%06" PRIu32 "_%" PRIu32, stream->job_id, kind_of(facts),
		 facts->task, facts->attempt);
}

struct fact {
	const char *name;
	char value[FACT_SIZE];
};

/* What is known of a task, but for the names of files, which are longer. */
static size_t list_facts(struct fact *list, const struct mr_stream *stream,
			 const struct mr_facts *facts)
{
	size_t count = 0;

	assert(stream->job_id[0]);
	list[count].name = "mapreduce.job.id";
	snprintf(list[count++].value, FACT_SIZE, "job_%s", stream->job_id);
	list[count].name = "mapreduce.task.id";
	snprintf(list[count++].value, FACT_SIZE, "task_%s_%c_%06" PRIu32, stream->job_id,
		 kind_of(facts), facts->task);
	list[count].name = "mapreduce.task.attempt.id";
	mr_attempt_name(stream, facts, list[count++].value, FACT_SIZE);
	list[count].name = "mapreduce.task.partition";
	snprintf(list[count++].value, FACT_SIZE, "%" PRIu32, facts->task);
	list[count].name = "mapreduce.task.ismap";
	snprintf(list[count++].value, FACT_SIZE, "%s", facts->map ? "true" : "false");
	if (facts->file) {
		list[count].name = "mapreduce.map.input.start";
		snprintf(list[count++].value, FACT_SIZE, "%" PRIu64, facts->offset);
		list[count].name = "mapreduce.map.input.length";
		snprintf(list[count++].value, FACT_SIZE, "%" PRIu64, facts->size);
	}
	assert(count <= FACTS_MAX);
	return count;
}

/* Calls function for each property and fact. */
static int each_value(struct list *list, const struct mr_stream *stream,
		      const struct mr_facts *facts,
		      int (*function)(struct list *list, const struct mr_stream *stream,
				      const char *name, const char *value))
{
	struct fact known[FACTS_MAX];
	size_t count = list_facts(known, stream, facts);
	int result = 0;

	for (size_t i = 0; i < stream->properties.count && !result; i++)
		result = function(list, stream, stream->properties.items[i].name,
				  stream->properties.items[i].value);
	for (size_t i = 0; i < count && !result; i++)
		result = function(list, stream, known[i].name, known[i].value);
	if (!result && facts->file)
		result = function(list, stream, "mapreduce.map.input.file", facts->file);
	return result;
}

/* ---- The list ----------------------------------------------------------------------------- */

/* Programs and temporary files are looked for in the directory of the attempt first. */
static int set_directory(struct list *list, const char *directory)
{
	const char *path = "/usr/local/bin:/usr/bin:/bin";
	char *longer;
	int result;

	assert(directory[0] == '/');
	for (size_t i = 0; i < list->count; i++) {
		if (strncmp(list->items[i], "PATH=", 5) == 0)
			path = list->items[i] + 5;
	}
	if (asprintf(&longer, "%s:%s", directory, path) < 0)
		return gw_fail(list->error, GW_E_NO_MEMORY, "no memory for an environment");
	result = set(list, "PATH", longer, SIZE_MAX, false);
	free(longer);
	return result ? result : set(list, "TMPDIR", directory, SIZE_MAX, false);
}

static int fill(struct list *list, const struct mr_stream *stream, const struct mr_facts *facts)
{
	int result = 0;

	for (char **variable = environ; *variable && !result; variable++)
		result = set_pair(list, *variable);
	if (!result)
		result = each_value(list, stream, facts, set_property);
	if (!result && facts->directory)
		result = set_directory(list, facts->directory);
	for (size_t i = 0; i < stream->variables.count && !result; i++)
		result = set_pair(list, stream->variables.items[i]);
	return result;
}

int mr_environment_make(const char *const **made, const struct mr_stream *stream,
			const struct mr_facts *facts, struct base_arena *arena,
			struct gw_error *error)
{
	struct list list = {.arena = arena, .error = error};
	int result = fill(&list, stream, facts);
	const char **copy;

	assert(stream->truncate_limit >= -1);
	*made = NULL;
	if (!result) {
		copy = base_arena_array(arena, list.count + 1, sizeof(*copy));
		if (!copy)
			result = gw_fail(error, GW_E_NO_MEMORY, "no memory for an environment");
		else if (list.count > 0)
			memcpy(copy, list.items, list.count * sizeof(*copy));
		*made = copy;
	}
	free(list.items);
	return result;
}

/* ---- As a file ---------------------------------------------------------------------------- */

static int append_escaped(struct base_buffer *xml, const char *text, struct gw_error *error)
{
	int result = 0;

	for (; *text && !result; text++) {
		if (*text == '<')
			result = base_buffer_append_string(xml, "&lt;", error);
		else if (*text == '&')
			result = base_buffer_append_string(xml, "&amp;", error);
		else if ((unsigned char)*text < ' ')
			result = base_buffer_append_format(xml, error, "&#%d;", *text);
		else
			result = base_buffer_append(xml, text, 1, error);
	}
	return result;
}

/* list->items is not used here: the text is made in the buffer that stands before the list. */
struct description {
	struct list list;
	struct base_buffer xml;
};

static int describe(struct list *list, const struct mr_stream *stream, const char *name,
		    const char *value)
{
	struct base_buffer *xml = &((struct description *)list)->xml;
	int result = base_buffer_append_string(xml, "<property><name>", list->error);

	(void)stream;
	if (!result)
		result = append_escaped(xml, name, list->error);
	if (!result)
		result = base_buffer_append_string(xml, "</name><value>", list->error);
	if (!result)
		result = append_escaped(xml, value, list->error);
	if (!result)
		result = base_buffer_append_string(xml, "</value></property>\n", list->error);
	return result;
}

int mr_environment_describe(struct gw_bytes *xml, const struct mr_stream *stream,
			    const struct mr_facts *facts, struct base_arena *arena,
			    struct gw_error *error)
{
	struct description description = {.list = {.arena = arena, .error = error}};
	struct base_buffer *text = &description.xml;
	const char *copy = NULL;
	int result = base_buffer_append_string(text, "<?xml version=\"1.0\"?>\n<configuration>\n",
					       error);

	if (!result)
		result = each_value(&description.list, stream, facts, describe);
	if (!result)
		result = base_buffer_append_string(text, "</configuration>\n", error);
	if (!result) {
		copy = base_arena_copy(arena, base_buffer_bytes(text));
		if (!copy)
			result = gw_fail(error, GW_E_NO_MEMORY, "no memory for a description");
	}
	*xml = (struct gw_bytes){copy, text->size};
	base_buffer_done(text);
	return result;
}
