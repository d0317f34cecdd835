/* SPDX-License-Identifier: Apache-2.0 */
/* pattern.c - see pattern.h: texts made into literals and a regular expression. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "pattern.h"

#include <assert.h>
#include <pcre2.h>
#include <stdlib.h>

/* ---- The regular expression
 * -------------------------------------------------------------------- */

static bool is_special(char byte)
{
	return strchr("\\^$.[|()?*+{", byte) != NULL;
}

/* The text of the regular expression while it is put together; room is made beforehand. */
struct writer {
	char *text;
	size_t size;
};

static void put(struct writer *writer, const char *text)
{
	size_t size = strlen(text);

	memcpy(writer->text + writer->size, text, size);
	writer->size += size;
}

static void put_text(struct writer *writer, struct gw_bytes text, bool fixed)
{
	const char *bytes = text.data;

	for (size_t i = 0; i < text.size; i++) {
		if (fixed && is_special(bytes[i]))
			writer->text[writer->size++] = '\\';
		writer->text[writer->size++] = bytes[i];
	}
}

static int compile(struct gw_bytes text, const struct mr_pattern_options *options, void **code,
		   struct gw_error *error)
{
	uint32_t flags = PCRE2_NEVER_UTF | (options->ignore_case ? PCRE2_CASELESS : 0);
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	PCRE2_UCHAR reason[256];
	PCRE2_SIZE place = 0;
	int number = PCRE2_ERROR_NOMEMORY;

	*code = NULL;
	if (context) {
		pcre2_set_newline(context, PCRE2_NEWLINE_LF);
		*code = pcre2_compile(text.data, text.size, flags, &number, &place, context);
	}
	pcre2_compile_context_free(context);
	if (*code) {
		/* Without the compiler the interpreter does it. */
		(void)pcre2_jit_compile(*code, PCRE2_JIT_COMPLETE);
		return 0;
	}
	pcre2_get_error_message(number, reason, sizeof reason);
	return gw_fail(error, GW_E_USAGE, "pattern '%.*s': %s, at byte %zu", (int)text.size,
		       (const char *)text.data, (const char *)reason, (size_t)place);
}

/* Regular expressions are tried alone first: for errors that name them, and so that "a)(b" is
 * none. */
static int check(struct gw_bytes text, const struct mr_pattern_options *options,
		 struct gw_error *error)
{
	void *code;
	int failed;

	if (options->fixed)
		return 0;
	failed = compile(text, options, &code, error);
	if (!failed)
		pcre2_code_free(code);
	return failed;
}

/* All texts as one: alternatives, inside of what whole words and lines ask for. */
static int compile_all(struct mr_pattern *pattern, const struct gw_bytes *texts, size_t count,
		       struct gw_error *error)
{
	const struct mr_pattern_options *options = &pattern->options;
	struct writer writer = {0};
	size_t size = 64;
	int failed;

	if (count == 1 && !options->fixed && !options->whole_word && !options->whole_line)
		return compile(texts[0], options, &pattern->code, error);
	for (size_t i = 0; i < count; i++)
		size += 2 * texts[i].size + 8;
	writer.text = malloc(size);
	if (!writer.text)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a pattern of %zu bytes", size);
	if (options->whole_word)
		put(&writer, "(?<!\\w)");
	if (options->whole_line)
		put(&writer, "^");
	put(&writer, "(?|"); /* each alternative counts its groups from 1 */
	for (size_t i = 0; i < count; i++) {
		put(&writer, i > 0 ? "|(?:" : "(?:");
		put_text(&writer, texts[i], options->fixed);
		put(&writer, ")");
	}
	put(&writer, ")");
	if (options->whole_line)
		put(&writer, "$");
	if (options->whole_word)
		put(&writer, "(?!\\w)");
	assert(writer.size <= size);
	failed = compile((struct gw_bytes){writer.text, writer.size}, options, &pattern->code,
			 error);
	free(writer.text);
	return failed;
}

/* ---- The literals
 * -------------------------------------------------------------------------------- */

/* Adds the literals of one text; false if it has none or there are too many. */
static bool add_literals(struct mr_pattern *pattern, struct gw_bytes text, char *room, bool *exact)
{
	struct mr_literals found = {.items = {text}, .count = text.size > 0, .exact = true};

	assert(pattern->literal_count <= MR_LITERALS_MAX && room);
	if (!pattern->options.fixed)
		mr_literals_find(&found, text, room);
	else if (text.size > 0)
		found.items[0].data = memcpy(room, text.data, text.size);
	if (found.count == 0 || found.count > MR_LITERALS_MAX - pattern->literal_count)
		return false;
	for (size_t i = 0; i < found.count; i++)
		mr_search_init(&pattern->literals[pattern->literal_count++], found.items[i],
			       pattern->options.ignore_case);
	*exact &= found.exact;
	return true;
}

/* True if the literals say all. */
static bool find_literals(struct mr_pattern *pattern, const struct gw_bytes *texts, size_t count)
{
	char *room = pattern->room;
	bool exact = true;

	for (size_t i = 0; i < count; i++) {
		if (!add_literals(pattern, texts[i], room, &exact)) {
			pattern->literal_count = 0;
			return false;
		}
		room += texts[i].size;
	}
	return exact;
}

/* ---- All of it
 * ----------------------------------------------------------------------------------- */

/* Cuts the texts at newlines: *list is malloc'ed and points into them. */
static int cut_texts(const char *const *texts, size_t count, struct gw_bytes **list,
		     size_t *list_count, size_t *size, struct gw_error *error)
{
	size_t lines = 0;

	*list_count = 0;
	*size = 0;
	for (size_t i = 0; i < count; i++) {
		lines += 1 + mr_count_lines(MR_SEARCH_PLAIN, texts[i], strlen(texts[i]));
		*size += strlen(texts[i]);
	}
	*list = calloc(lines, sizeof **list);
	if (!*list)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu patterns", lines);
	for (size_t i = 0; i < count; i++) {
		for (const char *text = texts[i]; text; ) {
			const char *newline = strchr(text, '\n');
			size_t length = newline ? (size_t)(newline - text) : strlen(text);

			(*list)[(*list_count)++] = (struct gw_bytes){text, length};
			text = newline ? newline + 1 : NULL;
		}
	}
	assert(*list_count == lines);
	return 0;
}

static int init_from_list(struct mr_pattern *pattern, const struct gw_bytes *list, size_t count,
			  struct gw_error *error)
{
	int failed = 0;

	for (size_t i = 0; !failed && i < count; i++)
		failed = check(list[i], &pattern->options, error);
	if (!failed && !find_literals(pattern, list, count))
		failed = compile_all(pattern, list, count, error);
	return failed;
}

int mr_pattern_init(struct mr_pattern *pattern, const char *const *texts, size_t count,
		    const struct mr_pattern_options *options, struct gw_error *error)
{
	struct gw_bytes *list;
	size_t list_count, size;
	int failed;

	assert(count > 0);
	*pattern = (struct mr_pattern){.options = *options};
	if (options->whole_line)
		pattern->options.whole_word = false;
	failed = cut_texts(texts, count, &list, &list_count, &size, error);
	if (failed)
		return failed;
	pattern->room = malloc(size + 1);
	if (!pattern->room)
		failed = gw_fail(error, GW_E_NO_MEMORY, "no memory for a pattern of %zu bytes",
				 size);
	if (!failed)
		failed = init_from_list(pattern, list, list_count, error);
	free(list);
	assert(failed || pattern->code || pattern->literal_count > 0);
	if (failed)
		mr_pattern_done(pattern);
	return failed;
}

void mr_pattern_done(struct mr_pattern *pattern)
{
	if (!pattern)
		return;
	pcre2_code_free(pattern->code);
	free(pattern->room);
	*pattern = (struct mr_pattern){0};
}
