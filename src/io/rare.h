/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rare.h - switches that only the simulator turns. Code that sees the outside through a `struct
 * io` says with them what is rare in it, and where a mistake is planted:
 *
 *     if (IO_RARE(io, "rpc.short-window"))      // now and then, as the seed decides
 *             window = 1;
 *     if (!IO_BUG(io, "rpc.cancel-forgets"))    // true in a run that was asked for this bug
 *             forget(call);
 *     IO_PROBE(io, "rpc.duplicate-waited");     // this rare line was reached: counted, reported
 *
 * A rare path must be right whenever it is taken; it is a path that ordinary runs take too seldom
 * to find what is wrong with it. A planted bug is a mistake on purpose, one line each: a run with
 * it switched on must be found wrong (src/sim, workload.h), so that we know that the checkers see.
 * It strikes seldom enough that unit tests and scenarios stay green (test/support/planted.h).
 * A workload lists the bugs that it finds.
 *
 * Names are "room.what", string literals, the same in each run. In a real program the switches
 * are off and cost one branch that is always predicted: io->rare is NULL there. They may be used
 * on the io's own thread only.
 */
#ifndef IO_RARE_H
#define IO_RARE_H

#include "io/io.h"

/* Who turns the switches; the simulator makes one for each run. */
struct io_rare {
	bool (*rare)(struct io_rare *rare, const char *name);
	bool (*bug)(struct io_rare *rare, const char *name);
	void (*probe)(struct io_rare *rare, const char *name);
};

static inline bool io_rare_taken(struct io *io, const char *name)
{
	return __builtin_expect(io->rare != NULL, 0) && io->rare->rare(io->rare, name);
}

static inline bool io_bug_planted(struct io *io, const char *name)
{
	return __builtin_expect(io->rare != NULL, 0) && io->rare->bug(io->rare, name);
}

static inline void io_probe_reached(struct io *io, const char *name)
{
	if (__builtin_expect(io->rare != NULL, 0))
		io->rare->probe(io->rare, name);
}

/* Only string literals are taken: the names can be found by searching the tree. */
#define IO_RARE(io, name) io_rare_taken(io, "" name)
#define IO_BUG(io, name) io_bug_planted(io, "" name)
#define IO_PROBE(io, name) io_probe_reached(io, "" name)

#endif
