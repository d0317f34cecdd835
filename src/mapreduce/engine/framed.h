/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framed.h - the format of GW_MR_OUT_FRAMED and GW_MR_FRAMED: pairs in checksummed frames. A file
 * is frames, one behind the other; files may be concatenated. Version 1, all numbers little-endian:
 *
 *     0   u32  magic F7 'G' 'W' 'F'
 *     4   u8   version, 1
 *     5   u8   codec of the payload, 0: none
 *     6   u16  mask, 0: none
 *     8   u32  bytes of payload
 *     12  u32  pairs in it, at least 1
 *     16  u32  CRC-32C of bytes 4 to 15 and of the payload as it is stored
 *     20       payload: pairs, each varint key size | varint value size | key | value
 *
 * A frame has about 64 KiB, or a single pair that is longer.
 *
 * The magic never occurs in a stored payload, so whoever starts to read in the middle of a file can
 * tell a frame from data that looks like one (say, a framed file kept as a value). A payload that
 * does have the magic in it is stored masked: byte i is combined by exclusive or with byte i % 2 of
 * the mask, which is chosen so that no magic is left. (Only a payload made for the purpose has it
 * under every mask; it reads well from the start of its file.)
 */
#ifndef MR_FRAMED_H
#define MR_FRAMED_H

#include <groundwork/base.h>

enum {
	MR_FRAME_VERSION = 1,
	MR_FRAME_HEADER_SIZE = 20,
	MR_FRAME_MAGIC_SIZE = 4,
	MR_FRAME_TARGET = 64 << 10, /* payload bytes after which a writer ends a frame */
};

/* What a header says. */
struct mr_frame {
	uint32_t payload_size, pairs, checksum;
	uint16_t mask;
};

/* Reads a header. GW_E_TRUNCATED: size is less than a header; GW_E_CORRUPT: there is none;
 * GW_E_VERSION: one of a later version or with an unknown codec. */
int mr_frame_read_header(const void *data, size_t size, struct mr_frame *frame,
			 struct gw_error *error) GW_MUST_CHECK;

/* The checksum of the header's fields, then of payload bytes as stored, piece by piece. */
uint32_t mr_frame_checksum_begin(const void *header);

/* Reads the header of the frame at the front of data and checks all of the frame. GW_E_TRUNCATED
 * when data ends before it does. */
int mr_frame_check(const void *data, size_t size, struct mr_frame *frame, struct gw_error *error)
	GW_MUST_CHECK;

/* Where the magic is in data at or behind `from`; size if nowhere. */
size_t mr_frame_find_magic(const void *data, size_t size, size_t from);

/* Makes the header of a frame whose payload is the parts, one behind the other; returns the mask
 * that mr_frame_mask has to be called with before the payload is written. The parts are not
 * changed. The sum of their sizes fits 32 bits. */
uint16_t mr_frame_make_header(uint8_t header[MR_FRAME_HEADER_SIZE], const struct gw_bytes *parts,
			      size_t count, uint32_t pairs);

/* Masks or unmasks payload bytes, the first of which is at `position` of the payload. */
void mr_frame_mask(void *data, size_t size, uint16_t mask, size_t position);

/* Turns a checked frame in memory into one without a mask, in place. */
void mr_frame_unmask(void *data, struct mr_frame *frame);

#endif
