/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query.c - see query.h: the words' lists are sorted, so one pass over all of them side by side is
 * enough.
 */
#include "query.h"

#include <assert.h>

/* The next document of a list; false at its end. */
static bool take_document(struct gw_bytes *list, struct gw_bytes *document)
{
	const char *data = list->data;

	if (list->size == 0)
		return false;
	const char *blank = memchr(data, ' ', list->size);
	size_t size = blank ? (size_t)(blank - data) : list->size;
	size_t step = blank ? size + 1 : size;

	assert(step <= list->size);
	*document = (struct gw_bytes){data, size};
	*list = (struct gw_bytes){data + step, list->size - step};
	return true;
}

/* Whether the list holds the document; what comes before it is dropped. */
static bool holds(struct gw_bytes *list, struct gw_bytes document)
{
	struct gw_bytes other, rest = *list;

	while (take_document(&rest, &other)) {
		int order = gw_bytes_compare(other, document);

		if (order >= 0)
			return order == 0;
		*list = rest;
	}
	return false;
}

static void intersect(struct gw_bytes *lists, size_t count, mr_query_function *function,
		      void *context)
{
	struct gw_bytes document;

	assert(count > 0 && count <= MR_QUERY_WORDS_MAX);
	while (take_document(&lists[0], &document)) {
		size_t i = 1;

		while (i < count && holds(&lists[i], document))
			i++;
		if (i == count)
			function(context, document);
	}
}

int mr_query(struct mr_parts *index, const struct gw_bytes *words, size_t count,
	     mr_query_function *function, void *context, struct gw_error *error)
{
	struct base_buffer found[MR_QUERY_WORDS_MAX] = {0};
	struct gw_bytes lists[MR_QUERY_WORDS_MAX];
	int code = 1;

	if (count == 0 || count > MR_QUERY_WORDS_MAX)
		return gw_fail(error, GW_E_USAGE, "%zu words: 1 to %d can be asked for", count,
			       MR_QUERY_WORDS_MAX);
	for (size_t i = 0; code == 1 && i < count; i++) {
		code = mr_parts_find(index, words[i], &found[i], error);
		lists[i] = base_buffer_bytes(&found[i]);
	}
	if (code == 1)
		intersect(lists, count, function, context);
	for (size_t i = 0; i < count; i++)
		base_buffer_done(&found[i]);
	return code < 0 ? code : 0;
}
