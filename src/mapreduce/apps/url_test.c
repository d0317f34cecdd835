/* SPDX-License-Identifier: Apache-2.0 */
/* url_test.c - the examples of RFC 3986, section 5.4, and the spelling that url.h promises. */
#include "url.h"

#include "support/unit.h"

#include <stdlib.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

struct example {
	const char *reference, *target; /* NULL: not kept */
};

static void check(const char *base_text, const struct example *examples, size_t count)
{
	struct mr_url base, url;

	if (base_text)
		assert_true(mr_url_resolve(&base, NULL, gw_string(base_text)));
	for (size_t i = 0; i < count; i++) {
		const struct example *one = &examples[i];
		bool kept =
			mr_url_resolve(&url, base_text ? &base : NULL, gw_string(one->reference));

		if (kept != (one->target != NULL))
			fail_msg("'%s' is %s", one->reference, kept ? "kept" : "dropped");
		if (kept && (url.size != strlen(one->target) ||
			     memcmp(url.text, one->target, url.size) != 0))
			fail_msg("'%s' becomes '%.*s', not '%s'", one->reference, (int)url.size,
				 url.text, one->target);
	}
}

static void test_examples_of_the_rfc(void **state)
{
	static const struct example examples[] = {
		{"g:h", NULL},
		{"g", "http://a/b/c/g"},
		{"./g", "http://a/b/c/g"},
		{"g/", "http://a/b/c/g/"},
		{"/g", "http://a/g"},
		{"//g", "http://g/"},
		{"?y", "http://a/b/c/d;p?y"},
		{"g?y", "http://a/b/c/g?y"},
		{"#s", "http://a/b/c/d;p?q"},
		{"g#s", "http://a/b/c/g"},
		{"g?y#s", "http://a/b/c/g?y"},
		{";x", "http://a/b/c/;x"},
		{"g;x", "http://a/b/c/g;x"},
		{"", "http://a/b/c/d;p?q"},
		{".", "http://a/b/c/"},
		{"./", "http://a/b/c/"},
		{"..", "http://a/b/"},
		{"../", "http://a/b/"},
		{"../g", "http://a/b/g"},
		{"../..", "http://a/"},
		{"../../", "http://a/"},
		{"../../g", "http://a/g"},
		{"../../../g", "http://a/g"},
		{"../../../../g", "http://a/g"},
		{"/./g", "http://a/g"},
		{"/../g", "http://a/g"},
		{"g.", "http://a/b/c/g."},
		{".g", "http://a/b/c/.g"},
		{"g..", "http://a/b/c/g.."},
		{"..g", "http://a/b/c/..g"},
		{"./../g", "http://a/b/g"},
		{"./g/.", "http://a/b/c/g/"},
		{"g/./h", "http://a/b/c/g/h"},
		{"g/../h", "http://a/b/c/h"},
		{"g;x=1/./y", "http://a/b/c/g;x=1/y"},
		{"g;x=1/../y", "http://a/b/c/y"},
		{"g?y/./x", "http://a/b/c/g?y/./x"},
		{"g#s/../x", "http://a/b/c/g"},
		{"http:g", NULL},
	};

	(void)state;
	check("http://a/b/c/d;p?q", examples, LENGTH(examples));
}

static void test_one_spelling(void **state)
{
	static const struct example examples[] = {
		{"HTTP://EXAMPLE.org/A", "http://example.org/A"},
		{"http://example.org", "http://example.org/"},
		{"http://example.org?x", "http://example.org/?x"},
		{"http://example.org:80/", "http://example.org/"},
		{"https://example.org:443", "https://example.org/"},
		{"http://example.org:443/", "http://example.org:443/"},
		{"http://example.org:/", "http://example.org/"},
		{"http://[2001:DB8::1]:80/x", "http://[2001:db8::1]/x"},
		{"http://[2001:db8::1]/x", "http://[2001:db8::1]/x"},
		{"http://User:Pass@Example.org/", "http://User:Pass@example.org/"},
		{"  http://a/x y\t\n", "http://a/x%20y"},
		{"http://a/x\ny", "http://a/xy"},
		{"http://a/\xc3\xa9", "http://a/%C3%A9"},
		{"http://a/%2e%2E/b", "http://a/%2e%2E/b"},
		{"http://a//b///c", "http://a//b///c"},
		{"http://a/b/..//c", "http://a//c"},
		{"http://a:8o/", NULL},
		{"http://a::/", NULL},
		{"http://[::1/", NULL},
		{"http://", NULL},
		{"http:///x", NULL},
		{"http://:80/", NULL},
		{"http://user@/", NULL},
		{"mailto:someone@example.org", NULL},
		{"javascript:void(0)", NULL},
		{"file:///etc/passwd", NULL},
		{"ftp://a/", NULL},
		{"relative", NULL},
		{"//host/x", NULL},
		{"1http://a/", NULL},
		{"", NULL},
	};

	(void)state;
	check(NULL, examples, LENGTH(examples));
}

static void test_base_of_only_a_host(void **state)
{
	static const struct example examples[] = {
		{"g", "https://a:8080/g"},    {"", "https://a:8080/"},	      {"//b", "https://b/"},
		{"//b:443/..", "https://b/"}, {"HTTPS://c/d", "https://c/d"},
	};

	(void)state;
	check("https://a:8080", examples, LENGTH(examples));
}

static void test_length_is_limited(void **state)
{
	char *text = malloc(2 * MR_URL_MAX);
	struct mr_url base, url;

	(void)state;
	memset(text, 'x', 2 * MR_URL_MAX);
	memcpy(text, "http://h/", 9);
	assert_true(mr_url_resolve(&base, NULL, (struct gw_bytes){text, MR_URL_MAX}));
	assert_int_equal(base.size, MR_URL_MAX);
	assert_false(mr_url_resolve(&url, NULL, (struct gw_bytes){text, MR_URL_MAX + 1}));
	/* What is too long only once it is put together, or once it is escaped. */
	assert_false(mr_url_resolve(&url, &base, gw_string("?y")));
	assert_true(mr_url_resolve(&url, &base, gw_string("y")));
	memset(text + 9, ' ', MR_URL_MAX - 9);
	text[MR_URL_MAX - 1] = 'x';
	assert_false(mr_url_resolve(&url, NULL, (struct gw_bytes){text, MR_URL_MAX}));
	free(text);
}

static void test_zero_bytes_are_escaped(void **state)
{
	struct mr_url url;

	(void)state;
	assert_true(mr_url_resolve(&url, NULL, (struct gw_bytes){"http://a/x\0y", 12}));
	assert_int_equal(url.size, strlen("http://a/x%00y"));
	assert_memory_equal(url.text, "http://a/x%00y", url.size);
}

static void test_host(void **state)
{
	static const struct example examples[] = {
		{"http://a.example/x", "a.example"},
		{"http://u:p@A.example:81/x@y:z", "a.example"},
		{"https://[::1]:8443/", "[::1]"},
		{"https://[::1]/", "[::1]"},
	};
	struct mr_url url;

	(void)state;
	for (size_t i = 0; i < LENGTH(examples); i++) {
		assert_true(mr_url_resolve(&url, NULL, gw_string(examples[i].reference)));
		struct gw_bytes host = mr_url_host_name(&url);

		assert_int_equal(host.size, strlen(examples[i].target));
		assert_memory_equal(host.data, examples[i].target, host.size);
	}
}

static void check_file(const char *base, const char *path, const char *target)
{
	struct mr_url url;

	assert_true(mr_url_of_file(&url, gw_string(base), gw_string(path)));
	assert_int_equal(url.size, strlen(target));
	assert_memory_equal(url.text, target, url.size);
}

static void test_url_of_a_file(void **state)
{
	struct mr_url url;

	(void)state;
	check_file("http://a/docs", "x/y.html", "http://a/docs/x/y.html");
	check_file("http://a/docs/", "x y?1#2%.html", "http://a/docs/x%20y%3F1%232%25.html");
	check_file("http://", "www.example.org/i.html", "http://www.example.org/i.html");
	assert_false(mr_url_of_file(&url, gw_string(""), gw_string("x")));
	assert_false(mr_url_of_file(&url, gw_string("ftp://a"), gw_string("x")));
}

static void test_file_names_become_words(void **state)
{
	char out[16];

	(void)state;
	assert_int_equal(mr_escape_name(out, sizeof(out), gw_string("a b%\n\xc3\xa9")), 13);
	assert_memory_equal(out, "a%20b%25%0A\xc3\xa9", 13);
	assert_int_equal(mr_escape_name(out, 2, gw_string("abc")), 0);
	assert_int_equal(mr_escape_name(out, 2, gw_string(" ")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples_of_the_rfc),
		cmocka_unit_test(test_one_spelling),
		cmocka_unit_test(test_base_of_only_a_host),
		cmocka_unit_test(test_length_is_limited),
		cmocka_unit_test(test_zero_bytes_are_escaped),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_url_of_a_file),
		cmocka_unit_test(test_file_names_become_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
