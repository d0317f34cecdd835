/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html.c - see html.h: libxml2's HTML parser with handlers of our own in place of its tree builder.
 *
 * The library is loaded when the first page is read: with what it needs itself (ICU, the C++
 * library) it would add 2.6 ms to the 4 ms that every gw takes to start. It stays loaded, so that
 * asking for it again is a look at a list, a few microseconds a page.
 */
#include "html.h"

#include <assert.h>
#include <dlfcn.h>
#include <libxml/HTMLparser.h>

#define LIBRARY "libxml2.so.2"

struct library {
	__typeof__(htmlNewParserCtxt) *new_parser;
	__typeof__(htmlCtxtReadMemory) *read;
	__typeof__(xmlFreeDoc) *free_tree;
	__typeof__(htmlFreeParserCtxt) *free_parser;
};

/* ISO C has no way from the pointer that dlsym gives to one to a function; POSIX promises that
 * their bytes are the same. */
static bool find(void *handle, const char *name, void *function)
{
	void *symbol = dlsym(handle, name);

	memcpy(function, &symbol, sizeof symbol);
	return symbol != NULL;
}

static int load(struct library *library, struct gw_error *error)
{
	void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!handle || !find(handle, "htmlNewParserCtxt", &library->new_parser) ||
	    !find(handle, "htmlCtxtReadMemory", &library->read) ||
	    !find(handle, "xmlFreeDoc", &library->free_tree) ||
	    !find(handle, "htmlFreeParserCtxt", &library->free_parser))
		return gw_fail(error, GW_E_UNSUPPORTED, "HTML parser: %s", dlerror());
	return 0;
}

static struct gw_bytes find_href(const xmlChar **attributes)
{
	/* Names come in lower case; a value may be missing. The first of several counts. */
	for (const xmlChar **at = attributes; at && at[0]; at += 2)
		if (at[1] && strcmp((const char *)at[0], "href") == 0)
			return gw_string((const char *)at[1]);
	return (struct gw_bytes){0};
}

static void on_start(void *context, const xmlChar *name, const xmlChar **attributes)
{
	const struct mr_html_visitor *visitor = context;
	const char *tag = (const char *)name;

	if (visitor->tag)
		visitor->tag(visitor->context);
	bool base = visitor->base && strcmp(tag, "base") == 0;
	bool link = visitor->link && (strcmp(tag, "a") == 0 || strcmp(tag, "area") == 0);

	if (!base && !link)
		return;
	struct gw_bytes href = find_href(attributes);

	if (href.data)
		(base ? visitor->base : visitor->link)(visitor->context, href);
}

static void on_end(void *context, const xmlChar *name)
{
	const struct mr_html_visitor *visitor = context;

	(void)name;
	if (visitor->tag)
		visitor->tag(visitor->context);
}

static void on_text(void *context, const xmlChar *text, int size)
{
	const struct mr_html_visitor *visitor = context;

	if (visitor->text && size > 0)
		visitor->text(visitor->context, (struct gw_bytes){text, (size_t)size});
}

/* The contents of <script> and <style>. */
static void on_code(void *context, const xmlChar *text, int size)
{
	(void)context;
	(void)text;
	(void)size;
}

int mr_html_visit(struct gw_bytes page, const struct mr_html_visitor *visitor,
		  struct gw_error *error)
{
	const int options =
		HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET;
	struct mr_html_visitor copy = *visitor;
	struct library library = {0};
	int failed;

	assert(page.data || page.size == 0);
	if (page.size > MR_HTML_PAGE_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "page of %zu bytes: more than %d", page.size,
			       MR_HTML_PAGE_MAX);
	if (page.size == 0)
		return 0;
	failed = load(&library, error);
	if (failed)
		return failed;
	htmlParserCtxtPtr parser = library.new_parser();

	if (!parser)
		return gw_fail(error, GW_E_NO_MEMORY, "HTML parser: out of memory");
	memset(parser->sax, 0, sizeof(*parser->sax));
	parser->sax->startElement = on_start;
	parser->sax->endElement = on_end;
	parser->sax->characters = on_text;
	parser->sax->ignorableWhitespace = on_text;
	parser->sax->cdataBlock = on_code;
	parser->userData = &copy;
	htmlDocPtr tree = library.read(parser, page.data, (int)page.size, NULL,
				       mr_is_utf8(page) ? "UTF-8" : NULL, options);
	bool memory = parser->errNo == XML_ERR_NO_MEMORY;

	library.free_tree(tree);
	library.free_parser(parser);
	return memory ? gw_fail(error, GW_E_NO_MEMORY, "HTML parser: out of memory") : 0;
}

/* Bytes that must follow a lead byte, and the range of the first of them; 0: no lead byte. */
static size_t utf8_rest(uint8_t lead, uint8_t *low, uint8_t *high)
{
	*low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	*high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 1;
	if (lead >= 0xe0 && lead <= 0xef)
		return 2;
	return lead >= 0xf0 && lead <= 0xf4 ? 3 : 0;
}

bool mr_is_utf8(struct gw_bytes text)
{
	const uint8_t *data = text.data;

	for (size_t i = 0; i < text.size;) {
		uint8_t low, high;

		if (data[i] < 0x80) {
			i++;
			continue;
		}
		size_t rest = utf8_rest(data[i++], &low, &high);

		assert(i <= text.size && rest <= 3);
		if (rest == 0 || rest > text.size - i)
			return false;
		for (; rest > 0; rest--, i++, low = 0x80, high = 0xbf)
			if (data[i] < low || data[i] > high)
				return false;
	}
	return true;
}
