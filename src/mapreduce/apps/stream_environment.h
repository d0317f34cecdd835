/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_environment.h - the environment of a command: that of this process, the job's properties
 * and the facts of the task with every byte that is no letter or digit turned into '_'
 * (mapreduce_task_id), then what -cmdenv says. A later one replaces an earlier one. Values over 128
 * KiB are cut, which is the most that Linux passes on.
 */
#ifndef MR_STREAM_ENVIRONMENT_H
#define MR_STREAM_ENVIRONMENT_H

#include "stream.h"

#include "base/arena.h"

/* Where a command runs, and on what. */
struct mr_facts {
	bool map;
	uint32_t task, attempt;
	const char *file;      /* map: the input; NULL: none */
	uint64_t offset, size; /* in it */
	const char *directory; /* of its own, or NULL */
};

/* "attempt_local17_0001_m_000003_0" in text of size bytes. */
void mr_attempt_name(const struct mr_stream *stream, const struct mr_facts *facts, char *text,
		     size_t size);

/* The list, ended by NULL, and everything in it are the arena's. */
int mr_environment_make(const char *const **list, const struct mr_stream *stream,
			const struct mr_facts *facts, struct base_arena *arena,
			struct gw_error *error) GW_MUST_CHECK;

/* The properties and facts as a Hadoop configuration file, for scripts that look at failures. */
int mr_environment_describe(struct gw_bytes *xml, const struct mr_stream *stream,
			    const struct mr_facts *facts, struct base_arena *arena,
			    struct gw_error *error) GW_MUST_CHECK;

#endif
