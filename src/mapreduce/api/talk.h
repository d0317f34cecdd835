/* SPDX-License-Identifier: Apache-2.0 */
/*
 * talk.h - what a job says while it runs, on stderr: a live line on a terminal, plain lines now
 * and then elsewhere, the first failure, what tasks print, the report. The only file of the API
 * that prints.
 */
#ifndef MR_API_TALK_H
#define MR_API_TALK_H

#include "failure.h"

#include "mapreduce/engine/driver.h"

enum {
	MR_REDRAW_US = 100 * 1000,      /* of the live line */
	MR_PLAIN_US = 10 * 1000 * 1000, /* between two plain lines */
};

struct mr_talker {
	const struct mr_talk *talk;
	unsigned columns;     /* of the terminal; 0: it is none */
	bool drawn;           /* a live line stands there */
	bool failed;          /* a failure was told */
	uint64_t plain_us;    /* when the next plain line is due */
	struct mr_view begun; /* as it was when the phase began */
	struct mr_observer observer;
};

/* Sets talker->observer up, for the engine. */
void mr_talker_init(struct mr_talker *talker, const struct mr_talk *talk,
		    const struct gw_mr_options *options);
/* Takes the live line away. */
void mr_talker_clear(struct mr_talker *talker);

/* Bytes to stderr or stdout; what cannot be written is lost. */
void mr_say(struct gw_bytes text);
int mr_put(struct gw_bytes text, struct gw_error *error) GW_MUST_CHECK;

#endif
