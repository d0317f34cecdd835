/* SPDX-License-Identifier: Apache-2.0 */
/*
 * records.h - where records end, for whoever cuts a stream into blocks. Reading them is in input.h.
 */
#ifndef MR_RECORDS_H
#define MR_RECORDS_H

#include "input.h"

/* How much of data, which begins with a record and goes on behind size, is whole records. */
size_t mr_whole_records(const struct mr_config *config, const char *data, size_t size);

#endif
