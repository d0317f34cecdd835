/* SPDX-License-Identifier: Apache-2.0 */
/*
 * planted.h - ordinary tests with a planted bug on: when $GW_TEST_BUG names one (IO_BUG of
 * io/rare.h), it is on in every io of the test program: the real one, the simulated and the one in
 * memory. A planted bug is only worth something if these tests stay green with it, and a seed
 * finds it all the same; `make long PART=sim` looks at each.
 *
 * Test programs are linked with --wrap for the functions that make an io, so neither the library
 * nor the tests know of it.
 */
#ifndef TEST_SUPPORT_PLANTED_H
#define TEST_SUPPORT_PLANTED_H

#include "io/rare.h"

/* For io->rare; NULL when $GW_TEST_BUG is not set. At its end the program says on stdout how often
 * the wrong line ran. */
struct io_rare *test_planted(void);

#endif
