/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query.h - asks an inverted index (invindex.c): which documents hold all of some words?
 */
#ifndef MR_QUERY_H
#define MR_QUERY_H

#include "parts.h"

enum { MR_QUERY_WORDS_MAX = 64 };

/* Called for each document, in the order of bytes. */
typedef void mr_query_function(void *context, struct gw_bytes document);

int mr_query(struct mr_parts *index, const struct gw_bytes *words, size_t count,
	     mr_query_function *function, void *context, struct gw_error *error) GW_MUST_CHECK;

#endif
