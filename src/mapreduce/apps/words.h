/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h - what a word is for the jobs that know several kinds, and words in lower case.
 */
#ifndef MR_WORDS_H
#define MR_WORDS_H

#include "base/buffer.h"

#include <groundwork/mapreduce.h>

enum { MR_TOKENS_AT_ONCE = 1024 };

/* Prepares a splitter whose words are runs of ASCII letters and of the bytes in more. */
void mr_splitter_of_letters(struct gw_splitter *splitter, struct gw_bytes more);

/* The word with A-Z as a-z: itself when it has none of these, else a copy in *scratch. */
int mr_fold_word(struct gw_bytes word, struct base_buffer *scratch, struct gw_bytes *folded,
		 struct gw_error *error) GW_MUST_CHECK;

/* Fails the task when data has more bytes than gw_split takes; `name` is the file's. */
int mr_check_split_size(struct gw_mr_task *task, size_t size, const char *name) GW_MUST_CHECK;

#endif
