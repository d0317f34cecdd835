/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.h - what a record did, as the message that its caller gets.
 */
#ifndef GFS_MASTER_ANSWER_H
#define GFS_MASTER_ANSWER_H

#include "gfs/master/state.h"

/* Appends the packed message. Term is that of the record's entry. */
int gfs_answer_pack(const struct gfs_state *state, const struct gfs_record *record,
		    const struct gfs_done *done, uint64_t term, struct base_buffer *out,
		    struct gw_error *error) GW_MUST_CHECK;

#endif
