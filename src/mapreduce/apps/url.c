/* SPDX-License-Identifier: Apache-2.0 */
/*
 * url.c - resolves references. A reference is first cleaned into a buffer (blanks, line breaks and
 * the fragment go, odd bytes become %XX), then cut at its delimiters, then composed with the base.
 * Every step writes into a buffer of MR_URL_MAX bytes and fails when it does not fit.
 */
#include "url.h"

#include <assert.h>

/* The five components of RFC 3986, section 3, without the fragment. */
struct parts {
	struct gw_bytes scheme, authority, path, query;
	bool has_authority, has_query;
};

/* Appends to a buffer that may fill up. */
struct writer {
	char *out;
	size_t size, max;
	bool full;
};

static void put(struct writer *writer, const char *data, size_t size)
{
	assert(writer->size <= writer->max);
	if (size > writer->max - writer->size) {
		writer->full = true;
		return;
	}
	if (size > 0)
		memcpy(writer->out + writer->size, data, size);
	writer->size += size;
}

static void put_bytes(struct writer *writer, struct gw_bytes bytes)
{
	put(writer, bytes.data, bytes.size);
}

static void put_escaped(struct writer *writer, uint8_t byte)
{
	static const char digits[] = "0123456789ABCDEF";
	const char text[3] = {'%', digits[byte >> 4], digits[byte & 15]};

	put(writer, text, sizeof(text));
}

static bool is_letter(uint8_t byte)
{
	return (uint8_t)((byte | 0x20) - 'a') < 26;
}

static char lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

/* The reference without blanks around it, line breaks, tabs and fragment, in printable ASCII. */
static struct gw_bytes clean(struct gw_bytes reference, char *out, size_t max)
{
	const uint8_t *data = reference.data;
	struct writer writer = {.out = out, .max = max};
	size_t begin = 0, end = reference.size;

	while (begin < end && data[begin] <= ' ')
		begin++;
	while (begin < end && data[end - 1] <= ' ')
		end--;
	for (size_t i = begin; i < end && data[i] != '#' && !writer.full; i++) {
		if (data[i] == '\t' || data[i] == '\n' || data[i] == '\r')
			continue;
		if (data[i] <= ' ' || data[i] >= 0x7f)
			put_escaped(&writer, data[i]);
		else
			put(&writer, (const char *)data + i, 1);
	}
	/* NULL, and not an empty reference, which would stand for the base itself. */
	return (struct gw_bytes){writer.full ? NULL : out, writer.size};
}

/* The bytes of text from begin up to the first that is in set; *begin moves to it. */
static struct gw_bytes take_until(struct gw_bytes text, size_t *begin, const char *set)
{
	const char *data = text.data;
	size_t at = *begin;

	while (at < text.size && !strchr(set, data[at]))
		at++;
	assert(*begin <= at && at <= text.size);
	struct gw_bytes taken = {data + *begin, at - *begin};

	*begin = at;
	return taken;
}

/* scheme ":" of RFC 3986, section 3.1: its size without the colon, or 0 when there is none. */
static size_t scheme_size(struct gw_bytes text)
{
	const char *data = text.data;

	for (size_t i = 0; i < text.size; i++) {
		if (data[i] == ':')
			return i;
		if (!is_letter((uint8_t)data[i]) && (i == 0 || !strchr("0123456789+-.", data[i])))
			return 0;
	}
	return 0;
}

/* Cuts a cleaned text, which holds no NUL and no '#'. */
static struct parts cut(struct gw_bytes text)
{
	const char *data = text.data;
	struct parts parts = {.scheme = {data, scheme_size(text)}};
	size_t at = parts.scheme.size > 0 ? parts.scheme.size + 1 : 0;

	if (text.size - at >= 2 && data[at] == '/' && data[at + 1] == '/') {
		at += 2;
		parts.has_authority = true;
		parts.authority = take_until(text, &at, "/?");
	}
	parts.path = take_until(text, &at, "?");
	if (at < text.size) {
		parts.has_query = true;
		parts.query = (struct gw_bytes){data + at + 1, text.size - at - 1};
	}
	return parts;
}

/* Writes path, which begins with '/', without its "." and ".." segments (section 5.2.4). */
static void put_path(struct writer *writer, struct gw_bytes path)
{
	const char *data = path.data;
	size_t root = writer->size;

	for (size_t at = 0; at < path.size;) {
		assert(data[at] == '/');
		size_t begin = ++at;
		struct gw_bytes segment = take_until(path, &at, "/");
		bool last = at == path.size;
		bool up = segment.size == 2 && memcmp(data + begin, "..", 2) == 0;
		bool same = segment.size == 1 && data[begin] == '.';

		while (up && writer->size > root && writer->out[--writer->size] != '/')
			;
		if (!up && !same) {
			put(writer, "/", 1);
			put_bytes(writer, segment);
		} else if (last) {
			put(writer, "/", 1);
		}
	}
	if (writer->size == root)
		put(writer, "/", 1);
}

/* The path of the target before its dots are removed, in `merged` if it had to be put together. */
static struct gw_bytes target_path(const struct parts *reference, const struct parts *base,
				   struct writer *merged)
{
	const char *path = reference->path.data;

	if (reference->has_authority || (reference->path.size > 0 && path[0] == '/'))
		return reference->path;
	if (reference->path.size == 0)
		return base->path;
	size_t directory = base->path.size;

	while (directory > 0 && ((const char *)base->path.data)[directory - 1] != '/')
		directory--;
	put(merged, base->path.data, directory);
	put_bytes(merged, reference->path);
	return (struct gw_bytes){merged->out, merged->size};
}

/* A name or IPv4 address holds no colon; anything else stands in brackets. */
static bool is_host(const char *host, size_t size)
{
	if (size > 0 && host[0] == '[')
		return host[size - 1] == ']';
	return size > 0 && !memchr(host, ':', size);
}

/* User name as it is, host in lower case, port unless it is the scheme's own. False: no host. */
static bool put_authority(struct writer *writer, struct gw_bytes authority, bool secure)
{
	const char *data = authority.data, *standard = secure ? ":443" : ":80";
	size_t host = authority.size, end;

	while (host > 0 && data[host - 1] != '@')
		host--;
	for (end = authority.size; end > host && data[end - 1] >= '0' && data[end - 1] <= '9';
	     end--)
		;
	size_t port = authority.size; /* where ":port" begins */

	if (end > host && data[end - 1] == ':')
		port = end - 1;
	if (!is_host(data + host, port - host))
		return false;
	put(writer, data, host);
	for (size_t i = host; i < port; i++) {
		char byte = lower(data[i]);

		put(writer, &byte, 1);
	}
	assert(host <= port && port <= authority.size);
	size_t size = authority.size - port;

	if (size > 1 && (size != strlen(standard) || memcmp(data + port, standard, size) != 0))
		put(writer, data + port, size);
	return true;
}

static bool scheme_is(struct gw_bytes scheme, const char *name)
{
	if (scheme.size != strlen(name))
		return false;
	for (size_t i = 0; i < scheme.size; i++)
		if (lower(((const char *)scheme.data)[i]) != name[i])
			return false;
	return true;
}

bool mr_url_resolve(struct mr_url *url, const struct mr_url *base, struct gw_bytes reference)
{
	char cleaned[MR_URL_MAX], merged_text[MR_URL_MAX];
	struct gw_bytes text = clean(reference, cleaned, sizeof(cleaned));

	assert(url != base);
	if (!text.data)
		return false;
	struct parts given = cut(text), over = {0};

	if (base)
		over = cut(mr_url_bytes(base));
	if (given.scheme.size == 0 && !base)
		return false;
	bool absolute = given.scheme.size > 0;
	struct gw_bytes scheme = absolute ? given.scheme : over.scheme;
	bool secure = scheme_is(scheme, "https");

	if ((!secure && !scheme_is(scheme, "http")) || (absolute && !given.has_authority))
		return false;
	struct writer merged = {.out = merged_text, .max = sizeof(merged_text)};
	struct writer writer = {.out = url->text, .max = sizeof(url->text)};
	struct gw_bytes path = target_path(&given, &over, &merged);

	put_bytes(&writer, gw_string(secure ? "https://" : "http://"));
	if (!put_authority(&writer, given.has_authority ? given.authority : over.authority, secure))
		return false;
	if (merged.full)
		return false;
	put_path(&writer, path);
	bool same_page = !absolute && !given.has_authority && given.path.size == 0;
	const struct parts *asks = same_page && !given.has_query ? &over : &given;

	if (asks->has_query) {
		put(&writer, "?", 1);
		put_bytes(&writer, asks->query);
	}
	url->size = writer.size;
	assert(url->size <= sizeof(url->text));
	return !writer.full;
}

bool mr_url_of_file(struct mr_url *url, struct gw_bytes base, struct gw_bytes path)
{
	char text[MR_URL_MAX];
	struct writer writer = {.out = text, .max = sizeof(text)};
	const uint8_t *data = path.data;

	put_bytes(&writer, base);
	if (base.size == 0 || ((const char *)base.data)[base.size - 1] != '/')
		put(&writer, "/", 1);
	for (size_t i = 0; i < path.size && !writer.full; i++) {
		if (data[i] <= ' ' || data[i] >= 0x7f || strchr("%?#", data[i]))
			put_escaped(&writer, data[i]);
		else
			put(&writer, (const char *)data + i, 1);
	}
	return !writer.full &&
	       mr_url_resolve(url, NULL, (struct gw_bytes){writer.out, writer.size});
}

struct gw_bytes mr_url_host_name(const struct mr_url *url)
{
	struct gw_bytes host = cut(mr_url_bytes(url)).authority;
	const char *at;

	assert(host.data);
	at = memrchr(host.data, '@', host.size);
	if (at) {
		host.size -= (size_t)(at + 1 - (const char *)host.data);
		host.data = at + 1;
	}
	const char *port = memrchr(host.data, ':', host.size);
	const char *bracket = memrchr(host.data, ']', host.size);

	if (port && (!bracket || port > bracket))
		host.size = (size_t)(port - (const char *)host.data);
	return host;
}

size_t mr_escape_name(char *out, size_t max, struct gw_bytes name)
{
	struct writer writer = {.out = out, .max = max};
	const uint8_t *data = name.data;

	for (size_t i = 0; i < name.size && !writer.full; i++) {
		if (data[i] <= ' ' || data[i] == 0x7f || data[i] == '%')
			put_escaped(&writer, data[i]);
		else
			put(&writer, (const char *)data + i, 1);
	}
	return writer.full ? 0 : writer.size;
}
