/* SPDX-License-Identifier: Apache-2.0 */
/*
 * warc_reader.h - the response records of WARC archives as the input of a job, one split a file.
 * The key is the target URI, the value the HTTP response. The job's context begins with a struct
 * mr_pages (page.h), whose files are the archives.
 */
#ifndef MR_WARC_READER_H
#define MR_WARC_READER_H

#include <groundwork/mapreduce.h>

extern const struct gw_mr_reader mr_warc_reader;

/* Whether the record's block was over MR_WARC_BLOCK_MAX: its value is NULL then. */
static inline bool mr_warc_reader_passed_over(struct gw_bytes value)
{
	return value.data == NULL;
}

#endif
