/* SPDX-License-Identifier: Apache-2.0 */
/* http_test.c - heads line by line, responses, and bodies in chunks and compressed. */
#include "headers.h"
#include "http.h"

#include "support/unit.h"

#include <isa-l/igzip_lib.h>
#include <stdlib.h>

static void assert_bytes(struct gw_bytes bytes, const char *text)
{
	if (gw_bytes_compare(bytes, gw_string(text)) != 0)
		fail_msg("'%.*s' is not '%s'", (int)bytes.size, (const char *)bytes.data, text);
}

static void test_size_of_a_head(void **state)
{
	(void)state;
	assert_int_equal(mr_head_size(gw_string("a: b\r\n\r\nrest")), 8);
	assert_int_equal(mr_head_size(gw_string("a: b\n\nrest")), 6);
	assert_int_equal(mr_head_size(gw_string("\r\nrest")), 2);
	assert_int_equal(mr_head_size(gw_string("a: b\r\n\r")), 0);
	assert_int_equal(mr_head_size(gw_string("a: b\r\n")), 0);
	assert_int_equal(mr_head_size(gw_string("a: b")), 0);
	assert_int_equal(mr_head_size(gw_string("")), 0);
	assert_int_equal(mr_head_size((struct gw_bytes){0}), 0);
}

static void test_fields(void **state)
{
	struct gw_bytes head =
		gw_string("Name: \t two words \r\nx:\r\nno field\r\n: none\r\n y: 1\r\n");
	struct gw_bytes line, name = {0}, value = {0};

	(void)state;
	assert_true(mr_head_next(&head, &line) && mr_head_field(line, &name, &value));
	assert_bytes(name, "Name");
	assert_bytes(value, "two words");
	assert_true(mr_same_name(name, "nAME"));
	assert_false(mr_same_name(name, "nam"));
	assert_false(mr_same_name(name, "namee"));
	assert_true(mr_head_next(&head, &line) && mr_head_field(line, &name, &value));
	assert_bytes(value, "");
	for (int i = 0; i < 3; i++)
		assert_true(mr_head_next(&head, &line) && !mr_head_field(line, &name, &value));
	assert_false(mr_head_next(&head, &line));
}

static void test_numbers(void **state)
{
	uint64_t number;

	(void)state;
	assert_true(mr_head_number(gw_string("18446744073709551615"), &number));
	assert_true(number == UINT64_MAX);
	assert_false(mr_head_number(gw_string("18446744073709551616"), &number));
	assert_false(mr_head_number(gw_string(""), &number));
	assert_false(mr_head_number(gw_string("-1"), &number));
	assert_false(mr_head_number(gw_string("1 "), &number));
}

static void test_response(void **state)
{
	struct mr_http_response response;

	(void)state;
	assert_true(mr_http_parse(&response, gw_string("HTTP/1.1 200 OK\r\nContent-Type: "
						       "Text/HTML; charset=x\r\n\r\n<p>")));
	assert_int_equal(response.status, 200);
	assert_true(mr_http_is_html(&response));
	assert_false(response.chunked);
	assert_int_equal(response.coding, MR_HTTP_IDENTITY);
	assert_bytes(response.body, "<p>");
	assert_true(mr_http_parse(&response, gw_string("HTTP/1.0 404\ncontent-type: text/plain\n"
						       "content-encoding: br\n"
						       "transfer-encoding: Chunked\n\n")));
	assert_int_equal(response.status, 404);
	assert_false(mr_http_is_html(&response));
	assert_true(response.chunked);
	assert_int_equal(response.coding, MR_HTTP_OTHER_CODING);
}

static void test_no_response(void **state)
{
	static const char *const messages[] = {
		"",
		"HTTP/1.1 200 OK\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"HTTP/2 200\r\n\r\n",
		"HTTP/1.1 20\r\n\r\n",
		"HTTP/1.1 2x0 OK\r\n\r\n",
		"HTTP/1.1 2000\r\n\r\n",
		"HTTP/1.1200 OK\r\n\r\n",
		"\r\n\r\n",
	};
	struct mr_http_response response;

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		assert_false(mr_http_parse(&response, gw_string(messages[i])));
}

/* The body of a response with the given head and sent body; *scratch owns it. */
static int get_body(const char *head, struct gw_bytes sent, struct base_buffer *scratch,
		    struct gw_bytes *body, struct gw_error *error)
{
	struct base_buffer message = {0};
	struct mr_http_response response;

	assert_int_equal(base_buffer_append_string(&message, "HTTP/1.1 200 OK\r\n", NULL), 0);
	assert_int_equal(base_buffer_append_string(&message, head, NULL), 0);
	assert_int_equal(base_buffer_append_string(&message, "\r\n", NULL), 0);
	assert_int_equal(base_buffer_append(&message, sent.data, sent.size, NULL), 0);
	assert_true(mr_http_parse(&response, base_buffer_bytes(&message)));
	int code = mr_http_body(&response, scratch, body, error);

	base_buffer_done(&message);
	return code;
}

static void check_chunks(const char *sent, int expected_code, const char *expected)
{
	struct base_buffer scratch = {0};
	struct gw_bytes body;

	assert_int_equal(
		get_body("Transfer-Encoding: chunked\r\n", gw_string(sent), &scratch, &body, NULL),
		expected_code);
	if (expected)
		assert_bytes(base_buffer_bytes(&scratch), expected);
	base_buffer_done(&scratch);
}

static void test_chunks(void **state)
{
	(void)state;
	check_chunks("3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", 0, "abc0123456789");
	check_chunks("3\nabc\n0\n\n", 0, "abc");
	check_chunks("000003\r\na\r\n\r\n0\r\nTrailer: x\r\n\r\n", 0, "a\r\n");
	/* Cut off at every place: what is there is given. */
	check_chunks("", 0, "");
	check_chunks("3", 0, "");
	check_chunks("3\r\n", 0, "");
	check_chunks("3\r\nab", 0, "ab");
	check_chunks("3\r\nabc", 0, "abc");
	check_chunks("3\r\nabc\r\n", 0, "abc");
	check_chunks("ffffffffffffffff\r\nabc", 0, "abc");
	check_chunks("fffffffffffffffff\r\nabc", GW_E_CORRUPT, NULL);
	check_chunks("xyz\r\n", GW_E_CORRUPT, NULL);
	check_chunks("xyz\r\nabc\r\n", GW_E_CORRUPT, NULL);
	check_chunks("\r\nabc\r\n", GW_E_CORRUPT, NULL);
	check_chunks("3x\r\nabc\r\n", GW_E_CORRUPT, NULL);
}

/* Packs text; kind is one of ISA-L's formats. */
static struct gw_bytes pack(struct gw_bytes text, uint16_t kind, uint8_t *out, size_t max)
{
	struct isal_zstream stream;
	uint8_t *level = malloc(ISAL_DEF_LVL1_DEFAULT);

	isal_deflate_init(&stream);
	stream.level = 1;
	stream.level_buf = level;
	stream.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
	stream.gzip_flag = kind;
	stream.end_of_stream = 1;
	memcpy(&stream.next_in, &text.data, sizeof(stream.next_in));
	stream.avail_in = (uint32_t)text.size;
	stream.next_out = out;
	stream.avail_out = (uint32_t)max;
	assert_int_equal(isal_deflate(&stream), COMP_OK);
	free(level);
	return (struct gw_bytes){out, max - stream.avail_out};
}

static void test_unpacks(void **state)
{
	static const struct {
		uint16_t kind;
		const char *head;
	} codings[] = {
		{IGZIP_GZIP, "Content-Encoding: gzip\r\n"},
		{IGZIP_GZIP, "Content-Encoding: X-GZIP\r\n"},
		{IGZIP_ZLIB, "Content-Encoding: deflate\r\n"},
		{IGZIP_DEFLATE, "Content-Encoding: deflate\r\n"},
	};
	enum { SIZE = 300000 };
	char *text = malloc(SIZE);
	uint8_t *packed = malloc(SIZE);
	struct base_buffer scratch = {0};
	struct gw_bytes body;

	(void)state;
	for (int i = 0; i < SIZE; i++)
		text[i] = (char)('a' + (i % 5000 * i & 0xffff) % 23);
	for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
		struct gw_bytes sent =
			pack((struct gw_bytes){text, SIZE}, codings[i].kind, packed, SIZE);

		assert_int_equal(get_body(codings[i].head, sent, &scratch, &body, NULL), 0);
		assert_int_equal(body.size, SIZE);
		assert_memory_equal(body.data, text, SIZE);
		sent.size /= 2; /* an archive that keeps only the beginning */
		assert_int_equal(get_body(codings[i].head, sent, &scratch, &body, NULL), 0);
		assert_true(body.size > 0 && body.size < SIZE);
		assert_memory_equal(body.data, text, body.size);
	}
	base_buffer_done(&scratch);
	free(packed);
	free(text);
}

static void test_unpacks_chunks(void **state)
{
	static const char head[] = "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n";
	struct base_buffer sent = {0}, scratch = {0};
	uint8_t packed[256];
	struct gw_bytes part = pack(gw_string("<p>hello"), IGZIP_GZIP, packed, sizeof(packed)),
			body;

	(void)state;
	for (size_t i = 0; i < part.size; i++) {
		assert_int_equal(base_buffer_append_string(&sent, "1\r\n", NULL), 0);
		assert_int_equal(base_buffer_append(&sent, packed + i, 1, NULL), 0);
		assert_int_equal(base_buffer_append_string(&sent, "\r\n", NULL), 0);
	}
	assert_int_equal(base_buffer_append_string(&sent, "0\r\n\r\n", NULL), 0);
	assert_int_equal(get_body(head, base_buffer_bytes(&sent), &scratch, &body, NULL), 0);
	assert_bytes(body, "<p>hello");
	base_buffer_done(&sent);
	base_buffer_done(&scratch);
}

static void test_bad_bodies(void **state)
{
	struct base_buffer scratch = {0};
	struct gw_bytes body;
	struct gw_error error = {0};

	(void)state;
	assert_int_equal(
		get_body("Content-Encoding: br\r\n", gw_string("x"), &scratch, &body, &error),
		GW_E_UNSUPPORTED);
	assert_int_equal(get_body("Content-Encoding: gzip\r\n", gw_string("plain text"), &scratch,
				  &body, &error),
			 GW_E_CORRUPT);
	assert_int_equal(
		get_body("Content-Encoding: gzip\r\n", gw_string(""), &scratch, &body, &error), 0);
	assert_int_equal(body.size, 0);
	base_buffer_done(&scratch);
}

/* 70 MB of zeros are 70 KB on the wire. */
static void test_a_bomb_is_refused(void **state)
{
	size_t size = MR_HTTP_BODY_MAX + (6 << 20), max = size / 64;
	char *zeros = calloc(1, size);
	uint8_t *packed = malloc(max);
	struct base_buffer scratch = {0};
	struct gw_bytes body, sent = pack((struct gw_bytes){zeros, size}, IGZIP_GZIP, packed, max);

	(void)state;
	assert_int_equal(get_body("Content-Encoding: gzip\r\n", sent, &scratch, &body, NULL),
			 GW_E_TOO_LARGE);
	base_buffer_done(&scratch);
	free(packed);
	free(zeros);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size_of_a_head), cmocka_unit_test(test_fields),
		cmocka_unit_test(test_numbers),	       cmocka_unit_test(test_response),
		cmocka_unit_test(test_no_response),    cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_unpacks),	       cmocka_unit_test(test_unpacks_chunks),
		cmocka_unit_test(test_bad_bodies),     cmocka_unit_test(test_a_bomb_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
