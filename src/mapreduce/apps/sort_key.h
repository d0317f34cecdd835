/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sort_key.h - the order of lines as GNU sort and POSIX have it, in the "C" locale: key positions
 * (-k FIRST[,LAST] with the letters b d f i n r), a field separator, and the last resort, the bytes
 * of the whole line.
 *
 * A field is what lies between separators; without a separator, a run of blanks and the bytes that
 * are not blank behind it. A key is a stretch of a line, which may be empty.
 */
#ifndef MR_SORT_KEY_H
#define MR_SORT_KEY_H

#include "base/buffer.h"

enum { MR_SORT_KEYS_MAX = 64 };

/* How two keys are compared; all false: as bytes. */
struct mr_sort_order {
	bool numeric;	 /* n: blanks, "-", digits, "." and digits; anything else is 0 */
	bool reverse;	 /* r */
	bool fold;	 /* f: lower case as upper case */
	bool dictionary; /* d: only blanks, letters and digits count */
	bool printing;	 /* i: only printable bytes count */
};

/* Fields and bytes are counted from 0 here, and MR_SORT_NONE stands for what was not given. */
#define MR_SORT_NONE SIZE_MAX

struct mr_sort_key {
	size_t first_field; /* MR_SORT_NONE: the key begins with the line */
	size_t first_byte;
	size_t last_field;	/* MR_SORT_NONE: the key ends with the line */
	size_t last_byte;	/* number of bytes of that field; 0: all of them */
	bool skip_first_blanks; /* b at FIRST */
	bool skip_last_blanks;	/* b at LAST */
	struct mr_sort_order order;
};

struct mr_sort_rules {
	size_t key_count;
	struct mr_sort_key keys[MR_SORT_KEYS_MAX];
	int separator;	  /* a byte, or -1 */
	bool last_resort; /* lines whose keys are equal are compared as bytes */
	bool reverse;	  /* the last resort is */
};

/* Reads "FIRST[LETTERS][,LAST[LETTERS]]"; a position is FIELD or FIELD.BYTE, both from 1. */
int mr_sort_key_parse(struct mr_sort_key *key, const char *text,
		      struct gw_error *error) GW_MUST_CHECK;

/* What is said for all keys at once: -b -d -f -i -n -r and -s or -u. */
struct mr_sort_global {
	struct mr_sort_order order;
	bool skip_blanks;
	bool stable;
};

/*
 * Completes the rules whose separator and keys are set: keys without letters of their own take the
 * global order, and without any key the line is one. Fails on orders that exclude each other.
 */
int mr_sort_rules_finish(struct mr_sort_rules *rules, const struct mr_sort_global *global,
			 struct gw_error *error) GW_MUST_CHECK;

/* Whether the order is simply that of the bytes of the lines. */
bool mr_sort_rules_plain(const struct mr_sort_rules *rules);

/*
 * Appends to *code bytes that stand for the keys of the line: the codes of two lines, compared as
 * bytes, are in the order of their keys, and equal if their keys are. No code is the beginning of
 * another one, so more may follow it, the line as last resort, say.
 */
int mr_sort_encode(const struct mr_sort_rules *rules, struct gw_bytes line,
		   struct base_buffer *code, struct gw_error *error) GW_MUST_CHECK;

/*
 * The same for the line as a whole with the greatest first; and the line back from its code, of
 * which GW_E_CORRUPT says that it is none. Both append.
 */
int mr_sort_encode_backwards(struct gw_bytes line, struct base_buffer *code,
			     struct gw_error *error) GW_MUST_CHECK;
int mr_sort_decode_backwards(struct gw_bytes code, struct base_buffer *line,
			     struct gw_error *error) GW_MUST_CHECK;

#endif
