/* SPDX-License-Identifier: Apache-2.0 */
/*
 * literal.h - what a regular expression cannot do without: literals of which every line that
 * matches contains at least one. They are searched for first, at the speed of memory; the
 * regular expression is tried only on lines that have one.
 *
 * The analyser reads Perl's syntax as PCRE2 takes it, and is conservative: from anything it does
 * not know for certain it draws no conclusion. Groups and classes are stepped over, not looked
 * into.
 */
#ifndef MR_LITERAL_H
#define MR_LITERAL_H

#include <groundwork/base.h>

/* More alternatives than this are left to the regular expression alone. */
enum { MR_LITERALS_MAX = 8 };

struct mr_literals {
	struct gw_bytes items[MR_LITERALS_MAX];
	size_t count; /* 0: nothing is known, any line may match */
	bool exact;   /* a line matches when, and only when, it contains one of them */
};

/*
 * The literals of a pattern, one for each of its alternatives. room has pattern.size bytes and
 * outlives *literals: it takes the literals without their backslashes.
 */
void mr_literals_find(struct mr_literals *literals, struct gw_bytes pattern, char *room);

#endif
