/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack_test.h - packs bytes for tests of reading them: one gzip member, zstd frame or lz4 frame a
 * call, each with its checksum. Nothing here has to be fast.
 */
#ifndef MR_PACK_TEST_H
#define MR_PACK_TEST_H

#include "plan.h"

#include <isa-l/igzip_lib.h>
#include <lz4frame.h>
#include <zstd.h>

#include <stdlib.h>

struct packed {
	uint8_t *data; /* owned; free(data) */
	size_t size;
};

static inline void pack_room(struct packed *packed, size_t more)
{
	packed->data = realloc(packed->data, packed->size + more);
	if (!packed->data)
		abort();
}

static inline void pack_gzip(struct packed *packed, const void *data, size_t size)
{
	struct isal_zstream stream;

	pack_room(packed, size + size / 8 + 1024);
	isal_deflate_init(&stream);
	stream.gzip_flag = IGZIP_GZIP;
	stream.end_of_stream = 1;
	stream.next_in = (uint8_t *)(uintptr_t)data;
	stream.avail_in = (uint32_t)size;
	stream.next_out = packed->data + packed->size;
	stream.avail_out = (uint32_t)(size + size / 8 + 1024);
	if (isal_deflate(&stream) != COMP_OK || stream.avail_in > 0)
		abort();
	packed->size += stream.total_out;
}

static inline void pack_zstd(struct packed *packed, const void *data, size_t size, int window_log)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();
	ZSTD_outBuffer out;
	ZSTD_inBuffer in = {data, size, 0};

	pack_room(packed, ZSTD_compressBound(size));
	out = (ZSTD_outBuffer){packed->data + packed->size, ZSTD_compressBound(size), 0};
	ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
	if (window_log)
		ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
	if (ZSTD_compressStream2(context, &out, &in, ZSTD_e_end) != 0)
		abort();
	ZSTD_freeCCtx(context);
	packed->size += out.pos;
}

static inline void pack_lz4(struct packed *packed, const void *data, size_t size)
{
	LZ4F_preferences_t preferences = {
		.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled,
	};
	size_t room = LZ4F_compressFrameBound(size, &preferences);
	size_t used;

	pack_room(packed, room);
	used = LZ4F_compressFrame(packed->data + packed->size, room, data, size, &preferences);
	if (LZ4F_isError(used))
		abort();
	packed->size += used;
}

static inline void pack(struct packed *packed, enum mr_compression compression, const void *data,
			size_t size)
{
	if (compression == MR_GZIP) {
		pack_gzip(packed, data, size);
	} else if (compression == MR_ZSTD) {
		pack_zstd(packed, data, size, 0);
	} else if (compression == MR_LZ4) {
		pack_lz4(packed, data, size);
	} else {
		pack_room(packed, size);
		memcpy(packed->data + packed->size, data, size);
		packed->size += size;
	}
}

#endif
