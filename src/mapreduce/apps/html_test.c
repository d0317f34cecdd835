/* SPDX-License-Identifier: Apache-2.0 */
/* html_test.c - links and text of pages as people write them. */
#include "html.h"

#include "support/unit.h"

#include <stdlib.h>

/* What a visit saw: "L:href " and "B:href " for links and bases, "|" for a tag, and the text. */
struct seen {
	char text[4096];
	size_t size;
	bool no_tags;
};

static void add(struct seen *seen, const void *data, size_t size)
{
	assert_true(size < sizeof(seen->text) - seen->size);
	memcpy(seen->text + seen->size, data, size);
	seen->size += size;
	seen->text[seen->size] = '\0';
}

static void see_base(void *context, struct gw_bytes href)
{
	add(context, "B:", 2);
	add(context, href.data, href.size);
	add(context, " ", 1);
}

static void see_link(void *context, struct gw_bytes href)
{
	add(context, "L:", 2);
	add(context, href.data, href.size);
	add(context, " ", 1);
}

static void see_text(void *context, struct gw_bytes text)
{
	add(context, text.data, text.size);
}

static void see_tag(void *context)
{
	add(context, "|", 1);
}

static void check_links(const char *page, const char *expected)
{
	struct seen seen = {0};
	const struct mr_html_visitor visitor = {
		.base = see_base, .link = see_link, .context = &seen};

	assert_int_equal(mr_html_visit(gw_string(page), &visitor, NULL), 0);
	assert_string_equal(seen.text, expected);
}

/* The text, tags as "|", several of them in a row as one. */
static void check_text(const char *page, const char *expected)
{
	struct seen seen = {0};
	const struct mr_html_visitor visitor = {.text = see_text, .tag = see_tag, .context = &seen};
	size_t kept = 0;

	assert_int_equal(mr_html_visit(gw_string(page), &visitor, NULL), 0);
	for (size_t i = 0; i < seen.size; i++)
		if (seen.text[i] != '|' || kept == 0 || seen.text[kept - 1] != '|')
			seen.text[kept++] = seen.text[i];
	seen.text[kept] = '\0';
	assert_string_equal(seen.text, expected);
}

static void test_links(void **state)
{
	(void)state;
	check_links("<a href=\"x\">t</a> <A HREF='y'>t</A> <a href=z>", "L:x L:y L:z ");
	check_links("<map><area href=m></map><a name=n><link href=l><img src=i>", "L:m ");
	check_links("<base href=http://b/><a href=x>", "B:http://b/ L:x ");
	check_links("<a href='?a=1&amp;b=2&#x41;'>", "L:?a=1&b=2A ");
	check_links("<a href><a href=''>", "L: ");
	check_links("<!-- <a href=no> --><script>'<a href=no>'</script><a href=yes", "L:yes ");
	check_links("no page at all", "");
	check_links("", "");
}

static void test_text(void **state)
{
	(void)state;
	check_text("<p>one <b>two</b>three<br>four", "|one |two|three|four|");
	check_text("<title>T</title><style>s{}</style><script>var x = '<b>no</b>';</script>y",
		   "|T|y|");
	check_text("<p>caf&eacute; a&amp;b &#955;<!-- no -->", "|caf\xc3\xa9 a&b \xce\xbb|");
	check_text("<a title='no'>x</a>", "|x|");
}

static void test_encodings(void **state)
{
	(void)state;
	check_text("<p>\xc3\xa9", "|\xc3\xa9|");		  /* UTF-8 */
	check_text("<p>\xe9", "|\xc3\xa9|");			  /* Latin-1 */
	check_text("<meta charset=koi8-r><p>\xc1", "|\xd0\xb0|"); /* as declared */
}

static void test_page_size_is_limited(void **state)
{
	const struct mr_html_visitor visitor = {0};
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(mr_html_visit((struct gw_bytes){"", (size_t)MR_HTML_PAGE_MAX + 1},
				       &visitor, &error),
			 GW_E_TOO_LARGE);
	assert_non_null(strstr(error.text, "67108865"));
}

static void test_visitor_may_be_empty(void **state)
{
	const struct mr_html_visitor visitor = {0};

	(void)state;
	assert_int_equal(mr_html_visit(gw_string("<base href=x><a href=y>z</a>"), &visitor, NULL),
			 0);
}

static void test_deep_nesting_is_fine(void **state)
{
	enum { DEEP = 100000 };
	char *page = malloc(DEEP * 3 + 1);
	struct seen seen = {0};
	const struct mr_html_visitor visitor = {.link = see_link, .context = &seen};

	(void)state;
	for (size_t i = 0; i < DEEP; i++)
		memcpy(page + 3 * i, "<b>", 3);
	memcpy(page + 3 * DEEP - 9, "<a href=x", 9);
	assert_int_equal(mr_html_visit((struct gw_bytes){page, DEEP * 3}, &visitor, NULL), 0);
	assert_string_equal(seen.text, "L:x ");
	free(page);
}

static void test_utf8(void **state)
{
	static const char *const right[] = {"",
					    "a",
					    "\xc2\x80",
					    "\xdf\xbf",
					    "\xe0\xa0\x80",
					    "\xed\x9f\xbf",
					    "\xef\xbf\xbf",
					    "\xf0\x90\x80\x80",
					    "\xf4\x8f\xbf\xbfx"};
	static const char *const wrong[] = {"\x80",
					    "\xc0\x80",
					    "\xc1\xbf",
					    "\xc2",
					    "\xc2x",
					    "\xe0\x9f\xbf",
					    "\xed\xa0\x80",
					    "\xe1\x80",
					    "\xf0\x8f\xbf\xbf",
					    "\xf4\x90\x80\x80",
					    "\xf5\x80\x80\x80",
					    "\xff",
					    "\xf1\x80\x80\xc0"};

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		assert_true(mr_is_utf8(gw_string(right[i])));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(mr_is_utf8(gw_string(wrong[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_page_size_is_limited),
		cmocka_unit_test(test_visitor_may_be_empty),
		cmocka_unit_test(test_deep_nesting_is_fine),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
