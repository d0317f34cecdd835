/* SPDX-License-Identifier: Apache-2.0 */
/*
 * url.h - web addresses: a reference as a page has it, resolved to one spelling of an http or https
 * URL (RFC 3986, section 5.2), so that equal targets are equal bytes.
 *
 * What the spelling is: no blanks around it and no tab or line break in it; no fragment; scheme and
 * host in lower case; no default port; no "." and ".." segments; a path of at least "/"; every byte
 * that is not printable ASCII as %XX. User name, port, path and query are otherwise left alone.
 */
#ifndef MR_URL_H
#define MR_URL_H

#include <groundwork/base.h>

enum { MR_URL_MAX = 8192 }; /* a longer address is none */

struct mr_url {
	size_t size;
	char text[MR_URL_MAX];
};

static inline struct gw_bytes mr_url_bytes(const struct mr_url *url)
{
	return (struct gw_bytes){url->text, url->size};
}

/*
 * Resolves reference against base, which mr_url_resolve made (NULL: the reference must be
 * absolute). False when the result is not an http or https URL with a host, or longer than
 * MR_URL_MAX. *url may be left half written then; it must not be *base.
 */
bool mr_url_resolve(struct mr_url *url, const struct mr_url *base, struct gw_bytes reference);

/*
 * The URL of a file whose path below some directory is given, when that directory is at the address
 * `base`: the two with one '/' between, the path escaped. False as above.
 */
bool mr_url_of_file(struct mr_url *url, struct gw_bytes base, struct gw_bytes path);

/* The host of a URL that mr_url_resolve made: no user name, no port. */
struct gw_bytes mr_url_host_name(const struct mr_url *url);

/*
 * A file name as one word of text: blanks, control bytes and '%' as %XX, so that it can stand in a
 * list and be read back. Writes at most max bytes; returns the size, or 0 when the name does not
 * fit.
 */
size_t mr_escape_name(char *out, size_t max, struct gw_bytes name);

#endif
