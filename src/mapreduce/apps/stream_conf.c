/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_conf.c - a small reader of the XML that Hadoop's configuration files are written in. It
 * walks the text once, from tag to tag; the text between <name> and </name>, and <value> and
 * </value>, goes into two buffers, which are set as a property at </property>.
 */
#include "stream_conf.h"

#include <assert.h>
#include <stdlib.h>

/* A growing NUL-terminated text. */
struct text {
	char *data;
	size_t size, capacity;
	bool seen;
};

struct conf {
	const char *file;
	const char *begin, *at, *end;
	struct gw_error *error;
	struct mr_properties *properties;
	struct gw_bytes open[MR_CONF_DEPTH_MAX]; /* the names of the open elements */
	size_t depth;
	struct text name, value;
	struct text *into; /* what text between tags goes to, or NULL */
};

static int refuse(struct conf *conf, const char *what)
{
	size_t line = 1;

	assert(conf->begin <= conf->at && conf->at <= conf->end);
	for (const char *at = conf->begin; at < conf->at; at++)
		line += *at == '\n';
	return gw_fail(conf->error, GW_E_INVALID, "%s:%zu: %s", conf->file, line, what);
}

static int append(struct conf *conf, const char *data, size_t size)
{
	struct text *text = conf->into;

	if (!text || size == 0)
		return 0;
	if (size >= text->capacity - text->size) {
		size_t capacity = 2 * (text->size + size) + 64;
		char *grown = realloc(text->data, capacity);

		if (!grown)
			return gw_fail(conf->error, GW_E_NO_MEMORY, "%s: out of memory",
				       conf->file);
		text->data = grown;
		text->capacity = capacity;
	}
	assert(size < text->capacity - text->size);
	memcpy(text->data + text->size, data, size);
	text->size += size;
	text->data[text->size] = 0;
	return 0;
}

static bool at_text(const struct conf *conf, const char *text)
{
	size_t size = strlen(text);

	return (size_t)(conf->end - conf->at) >= size && memcmp(conf->at, text, size) == 0;
}

/* Moves behind the next `mark`; *size is how many bytes were before it. */
static int skip_past(struct conf *conf, const char *mark, size_t *size, const char *complaint)
{
	const char *found = memmem(conf->at, (size_t)(conf->end - conf->at), mark, strlen(mark));

	*size = 0;
	if (!found)
		return refuse(conf, complaint);
	*size = (size_t)(found - conf->at);
	conf->at = found + strlen(mark);
	return 0;
}

/* Appends a character as UTF-8. */
static int append_character(struct conf *conf, unsigned long code)
{
	char bytes[4];
	size_t size = 0;

	if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return refuse(conf, "no such character");
	if (code < 0x80) {
		bytes[size++] = (char)code;
	} else if (code < 0x800) {
		bytes[size++] = (char)(0xc0 | code >> 6);
	} else if (code < 0x10000) {
		bytes[size++] = (char)(0xe0 | code >> 12);
		bytes[size++] = (char)(0x80 | (code >> 6 & 63));
	} else {
		bytes[size++] = (char)(0xf0 | code >> 18);
		bytes[size++] = (char)(0x80 | (code >> 12 & 63));
		bytes[size++] = (char)(0x80 | (code >> 6 & 63));
	}
	if (code >= 0x80)
		bytes[size++] = (char)(0x80 | (code & 63));
	return append(conf, bytes, size);
}

/* "&#65;" or "&#x41;", the part after "&#" and before ';'. */
static int read_number(struct conf *conf, const char *digits, size_t size)
{
	bool hexadecimal = size > 0 && digits[0] == 'x';
	char text[12];
	char *end;
	unsigned long code;

	if (hexadecimal) {
		digits++;
		size--;
	}
	if (size == 0 || size >= sizeof(text))
		return refuse(conf, "a character number that cannot be read");
	memcpy(text, digits, size);
	text[size] = 0;
	code = strtoul(text, &end, hexadecimal ? 16 : 10);
	if (*end || text[0] == '-' || text[0] == '+' || text[0] == ' ')
		return refuse(conf, "a character number that cannot be read");
	return append_character(conf, code);
}

static int read_entity(struct conf *conf)
{
	static const struct entity {
		const char *name;
		char byte;
	} entities[] = {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
	const char *name = conf->at + 1;
	size_t size;
	int result = skip_past(conf, ";", &size, "'&' without ';'");

	assert(name[-1] == '&');
	if (result)
		return result;
	size--; /* the '&' */
	if (size > 0 && name[0] == '#')
		return read_number(conf, name + 1, size - 1);
	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
		if (size == strlen(entities[i].name) && memcmp(name, entities[i].name, size) == 0)
			return append(conf, &entities[i].byte, 1);
	}
	return refuse(conf, "an entity that is not known");
}

static bool is(struct gw_bytes name, const char *text)
{
	return name.size == strlen(text) && memcmp(name.data, text, name.size) == 0;
}

/* The element `name` begins directly inside <property>: text goes to its buffer from here. */
static void begin_element(struct conf *conf, struct gw_bytes name)
{
	bool inside = conf->depth > 0 && is(conf->open[conf->depth - 1], "property");

	if (is(name, "property")) {
		conf->name.size = conf->value.size = 0;
		conf->name.seen = conf->value.seen = false;
	}
	conf->into = NULL;
	if (inside && is(name, "name"))
		conf->into = &conf->name;
	if (inside && is(name, "value"))
		conf->into = &conf->value;
	if (conf->into) {
		conf->into->size = 0;
		conf->into->seen = true;
	}
}

/* Blanks around a name come from the layout of the file; those of a value may be meant (a
 * separator). */
static char *trimmed(struct text *text)
{
	size_t begin = 0;

	assert(text->data && text->size > 0);
	while (text->size > 0 && strchr(" \t\r\n", text->data[text->size - 1]))
		text->data[--text->size] = 0;
	while (begin < text->size && strchr(" \t\r\n", text->data[begin]))
		begin++;
	return text->data + begin;
}

static int end_element(struct conf *conf, struct gw_bytes name)
{
	conf->into = NULL;
	if (!is(name, "property") || !conf->value.seen)
		return 0;
	if (!conf->name.seen || conf->name.size == 0 || !*trimmed(&conf->name))
		return refuse(conf, "a property without a name");
	return mr_properties_set(conf->properties, trimmed(&conf->name),
				 conf->value.size > 0 ? conf->value.data : "", conf->error);
}

static int push(struct conf *conf, struct gw_bytes name)
{
	assert(conf->depth <= MR_CONF_DEPTH_MAX && name.size > 0);
	if (conf->depth == MR_CONF_DEPTH_MAX)
		return refuse(conf, "elements are nested too deeply");
	begin_element(conf, name);
	conf->open[conf->depth++] = name;
	return 0;
}

static int pop(struct conf *conf, struct gw_bytes name)
{
	if (conf->depth == 0 || conf->open[conf->depth - 1].size != name.size ||
	    memcmp(conf->open[conf->depth - 1].data, name.data, name.size) != 0)
		return refuse(conf, "an end tag that fits no begin tag");
	conf->depth--;
	return end_element(conf, name);
}

/* <name attributes...>, <name/> or </name>; conf->at is behind the '<'. */
static int read_tag(struct conf *conf)
{
	struct gw_bytes name;
	const char *tag = conf->at;
	size_t size;
	bool ends, empty;
	int result = skip_past(conf, ">", &size, "'<' without '>'");

	assert(tag > conf->begin && tag[-1] == '<');
	if (result)
		return result;
	ends = size > 0 && tag[0] == '/';
	empty = !ends && size > 0 && tag[size - 1] == '/';
	if (ends) {
		tag++;
		size--;
	}
	size -= empty;
	name = (struct gw_bytes){tag, 0};
	while (name.size < size && !strchr(" \t\r\n", tag[name.size]))
		name.size++;
	if (name.size == 0)
		return refuse(conf, "a tag without a name");
	if (ends)
		return pop(conf, name);
	result = push(conf, name);
	return result || !empty ? result : pop(conf, name);
}

static int read_markup(struct conf *conf)
{
	size_t size;

	if (at_text(conf, "<!--"))
		return skip_past(conf, "-->", &size, "a comment without end");
	if (at_text(conf, "<?"))
		return skip_past(conf, "?>", &size, "'<?' without '?>'");
	if (at_text(conf, "<![CDATA[")) {
		conf->at += strlen("<![CDATA[");
		const char *begin = conf->at;
		int result = skip_past(conf, "]]>", &size, "CDATA without end");

		return result ? result : append(conf, begin, size);
	}
	if (at_text(conf, "<!"))
		return refuse(conf, "declarations are not read here");
	conf->at++;
	return read_tag(conf);
}

static int read_piece(struct conf *conf)
{
	const char *begin = conf->at;

	assert(conf->at < conf->end);
	if (*begin == '<')
		return read_markup(conf);
	if (*begin == '&')
		return read_entity(conf);
	while (conf->at < conf->end && *conf->at != '<' && *conf->at != '&') {
		if (*conf->at == 0)
			return refuse(conf, "a NUL byte");
		conf->at++;
	}
	return append(conf, begin, (size_t)(conf->at - begin));
}

int mr_conf_read(struct mr_properties *properties, const char *file, struct gw_bytes text,
		 struct gw_error *error)
{
	struct conf conf = {
		.file = file, .begin = text.data, .at = text.data, .error = error,
		.properties = properties,
	};
	int result = 0;

	if (text.size > MR_CONF_SIZE_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: over %d bytes", file, MR_CONF_SIZE_MAX);
	conf.end = conf.begin + text.size;
	while (!result && conf.at < conf.end)
		result = read_piece(&conf);
	if (!result && conf.depth > 0)
		result = refuse(&conf, "ends inside an element");
	free(conf.name.data);
	free(conf.value.data);
	return result;
}
