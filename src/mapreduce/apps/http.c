/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.c - see http.h. Chunks are those of RFC 9112, section 7.1; unpacking is ISA-L's.
 */
#include "http.h"
#include "headers.h"

#include <assert.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* "HTTP/1.1 200 OK" */
static bool parse_status(struct gw_bytes line, uint32_t *status)
{
	const char *data = line.data;

	if (line.size < 12 || memcmp(data, "HTTP/1.", 7) != 0 || data[8] != ' ')
		return false;
	*status = 0;
	for (size_t i = 9; i < 12; i++) {
		if (!is_digit(data[i]))
			return false;
		*status = *status * 10 + (uint32_t)(data[i] - '0');
	}
	return line.size == 12 || data[12] == ' ';
}

static enum mr_http_coding parse_coding(struct gw_bytes value)
{
	if (value.size == 0 || mr_same_name(value, "identity"))
		return MR_HTTP_IDENTITY;
	if (mr_same_name(value, "gzip") || mr_same_name(value, "x-gzip"))
		return MR_HTTP_GZIP;
	return mr_same_name(value, "deflate") ? MR_HTTP_DEFLATE : MR_HTTP_OTHER_CODING;
}

bool mr_http_parse(struct mr_http_response *response, struct gw_bytes message)
{
	size_t size = mr_head_size(message);
	struct gw_bytes head = {message.data, size}, line, name, value;

	assert(size <= message.size);
	*response = (struct mr_http_response){0};
	if (size == 0 || !mr_head_next(&head, &line) || !parse_status(line, &response->status))
		return false;
	while (mr_head_next(&head, &line)) {
		if (!mr_head_field(line, &name, &value))
			continue;
		if (mr_same_name(name, "content-type"))
			response->content_type = value;
		else if (mr_same_name(name, "content-encoding"))
			response->coding = parse_coding(value);
		else if (mr_same_name(name, "transfer-encoding"))
			response->chunked = mr_same_name(value, "chunked");
	}
	response->body = (struct gw_bytes){(const char *)message.data + size, message.size - size};
	return true;
}

bool mr_http_is_html(const struct mr_http_response *response)
{
	return mr_begins_with(response->content_type, "text/html") ||
	       mr_begins_with(response->content_type, "application/xhtml+xml");
}

static int hex_digit(char byte)
{
	char folded = (char)(byte | 0x20);

	if (is_digit(byte))
		return byte - '0';
	return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

/* The line with a chunk's size: hexadecimal digits, perhaps ";" and extensions. */
static bool chunk_size(struct gw_bytes line, size_t *size)
{
	const char *data = line.data;
	size_t i = 0;

	*size = 0;
	for (; i < line.size && hex_digit(data[i]) >= 0; i++) {
		if (*size > (SIZE_MAX >> 4))
			return false;
		*size = *size << 4 | (size_t)hex_digit(data[i]);
	}
	return i > 0 && (i == line.size || data[i] == ';' || data[i] == ' ' || data[i] == '\t');
}

static int join_chunks(struct gw_bytes body, struct base_buffer *out, struct gw_error *error)
{
	struct gw_bytes line;
	size_t size;

	while (body.size > 0) {
		if (!mr_head_next(&body, &line) || !chunk_size(line, &size))
			return gw_fail(error, GW_E_CORRUPT, "HTTP body: bad chunk size");
		if (size == 0 || body.size == 0)
			break; /* the last chunk, or cut off */
		size_t here = size < body.size ? size : body.size;

		assert(here > 0 && here <= body.size);
		int code = base_buffer_append(out, body.data, here, error);

		if (code < 0)
			return code;
		body = (struct gw_bytes){(const char *)body.data + here, body.size - here};
		if (body.size > 0)
			(void)mr_head_next(&body, &line); /* the line end behind the chunk */
	}
	return 0;
}

/* "deflate" is meant to have a zlib head; some servers send it bare. */
static uint32_t format_of(struct gw_bytes packed, enum mr_http_coding coding)
{
	const uint8_t *data = packed.data;

	if (coding == MR_HTTP_GZIP)
		return ISAL_GZIP;
	return packed.size >= 2 && (data[0] & 15) == 8 && (data[0] << 8 | data[1]) % 31 == 0
		       ? ISAL_ZLIB
		       : ISAL_DEFLATE;
}

static int unpack(struct gw_bytes packed, enum mr_http_coding coding, struct base_buffer *out,
		  struct gw_error *error)
{
	enum { STEP = 64 << 10 };
	struct inflate_state *state = calloc(1, sizeof(*state));
	int code;

	if (!state)
		return gw_fail(error, GW_E_NO_MEMORY, "HTTP body: out of memory");
	isal_inflate_init(state);
	state->crc_flag = format_of(packed, coding);
	memcpy(&state->next_in, &packed.data,
	       sizeof(state->next_in)); /* only read: ISA-L lacks a const */
	state->avail_in = (uint32_t)packed.size;
	do {
		code = base_buffer_reserve(out, STEP, error);
		if (code < 0)
			break;
		state->next_out = out->data + out->size;
		state->avail_out = STEP;
		int result = isal_inflate(state);

		assert(state->avail_out <= STEP);
		out->size += STEP - state->avail_out;
		assert(out->size <= out->capacity);
		if (result < 0 && result != ISAL_END_INPUT)
			code = gw_fail(error, GW_E_CORRUPT, "HTTP body: bad compressed data");
	} while (code == 0 && state->avail_out == 0 && state->block_state != ISAL_BLOCK_FINISH);
	free(state);
	return code;
}

int mr_http_body(const struct mr_http_response *response, struct base_buffer *scratch,
		 struct gw_bytes *body, struct gw_error *error)
{
	struct base_buffer joined = {.size_max = MR_HTTP_BODY_MAX};
	int code = 0;

	assert(response->status < 1000);
	*body = response->body;
	scratch->size = 0;
	scratch->size_max = MR_HTTP_BODY_MAX;
	if (response->coding == MR_HTTP_OTHER_CODING)
		return gw_fail(error, GW_E_UNSUPPORTED, "HTTP body: unknown content encoding");
	if (body->size > MR_HTTP_BODY_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "HTTP body of %zu bytes: more than %d",
			       body->size, MR_HTTP_BODY_MAX);
	if (response->chunked) {
		bool last = response->coding == MR_HTTP_IDENTITY;
		struct base_buffer *out = last ? scratch : &joined;

		code = join_chunks(*body, out, error);
		*body = base_buffer_bytes(out);
	}
	if (code == 0 && response->coding != MR_HTTP_IDENTITY) {
		code = unpack(*body, response->coding, scratch, error);
		*body = base_buffer_bytes(scratch);
	}
	base_buffer_done(&joined);
	return code;
}
