/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - the frame around a record in a file (2.7.2), and finding frames among whatever else
 * the file has: padding, parts of records, copies.
 *
 *     u32 GFS_FRAME_MAGIC    u32 bytes of data    u32 CRC32C    u8 kind, 3 of 0
 *     u64 writer             u64 sequence         data
 *
 * All little-endian. The checksum is of everything else in the frame, from its first byte to the
 * last of its data.
 */
#ifndef GFS_CLIENT_FRAME_H
#define GFS_CLIENT_FRAME_H

#include <groundwork/gfs.h>

#define GFS_FRAME_MAGIC UINT32_C(0x31725747) /* "GWr1" */

enum gfs_frame_kind {
	GFS_FRAME_RECORD,
	GFS_FRAME_CHECKPOINT, /* all that its writer had appended before is on disks */
};

struct gfs_frame {
	uint32_t kind; /* enum gfs_frame_kind */
	uint64_t writer, sequence;
	struct gw_bytes data;
};

enum { GFS_FRAME_DATA_MAX = GW_GFS_PIECE_BYTES - GW_GFS_RECORD_FRAME_BYTES };

/* Writes the frame; out has room for GW_GFS_RECORD_FRAME_BYTES and the data, which is at most
 * GFS_FRAME_DATA_MAX. Returns its size. */
size_t gfs_frame_put(uint8_t *out, const struct gfs_frame *frame);

/*
 * Looks for the first frame at or behind *at. 1: it is at *at. 0: there is none; *at is where one
 * may begin that these bytes have only a part of, or behind them. What is behind such a place is
 * not looked at: it may be the data of that one. With is_end nothing comes behind these bytes, and
 * parts are no frames.
 */
int gfs_frame_find(struct gw_bytes bytes, bool is_end, size_t *at, struct gfs_frame *frame);

#endif
