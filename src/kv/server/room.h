/* SPDX-License-Identifier: Apache-2.0 */
/*
 * room.h - places on the disk for a file that is changed where it is mapped. A page without one
 * ends the process when it is touched, so room is made ahead; where a file system cannot do that,
 * the file is not to be changed so.
 */
#ifndef KV_SERVER_ROOM_H
#define KV_SERVER_ROOM_H

#include <groundwork/base.h>

#include <stdbool.h>

/* Makes the file if it is not there, and room in it for `bytes`; its size stays. *lasts is false
 * where room that was made may be gone when it is needed: nothing is promised of the file then.
 * GW_E_NO_SPACE, or what the system says. */
int kv_room_begin(const char *path, uint64_t bytes, bool *lasts,
		  struct gw_error *error) GW_MUST_CHECK;

/* Room from `from` to `to`, within the file's size; 0, or errno. */
int kv_room_make(int file, uint64_t from, uint64_t to) GW_MUST_CHECK;

#endif
